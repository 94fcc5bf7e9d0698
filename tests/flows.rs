//! The whole terminal program: its real loop on a terminal in memory, a real service, simulated devices on loopback.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test that fails says so")]

use std::{
    collections::VecDeque,
    io::{self, Write},
    path::PathBuf,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use meterdeck::{
    config,
    device::simulator::{self, Simulator, script},
    domain::ids::DeviceId,
    service::{self, Mode, Service, log::LogRing},
    store::Store,
    tui::{self, Settings, TuiError, backend::Tty, signals::Notice},
};
use ratatui::layout::Size;
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_stream::wrappers::UnboundedReceiverStream;
use tokio_util::sync::CancellationToken;

#[path = "flows/desk.rs"]
mod desk;
#[path = "flows/history.rs"]
mod history;

/// How long a screen may take to show what it should, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A terminal in memory: a grid, and how many bytes and writes made it.
struct Grid {
    parser: vt100::Parser,
    writes: VecDeque<Vec<u8>>,
    size: Size,
}

#[derive(Clone)]
struct GridTty(Arc<Mutex<Grid>>);

impl Write for GridTty {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut grid = self.0.lock().unwrap();
        grid.parser.process(bytes);
        grid.writes.push_back(bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Tty for GridTty {
    fn size(&self) -> io::Result<Size> {
        Ok(self.0.lock().unwrap().size)
    }

    fn suspend(&mut self) -> io::Result<bool> {
        Ok(false)
    }

    fn resume(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn set_mouse(&mut self, _on: bool) -> io::Result<()> {
        Ok(())
    }
}

/// The program, running.
struct Runner {
    grid: Arc<Mutex<Grid>>,
    keys: mpsc::UnboundedSender<io::Result<Event>>,
    notices: mpsc::Sender<Notice>,
    program: JoinHandle<Result<(), TuiError>>,
    service: Option<Service>,
    simulator: Simulator,
    log: LogRing,
    folder: tempfile::TempDir,
}

impl Runner {
    async fn start(width: u16, height: u16) -> Self {
        Self::start_with(width, height, None).await
    }

    /// The program over a service that keeps what is measured, where there is a store.
    async fn start_with(width: u16, height: u16, store: Option<Store>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let session = folder.path().join("session.json");
        Self::start_over(width, height, store, folder, session).await
    }

    /// The same with a session that may be there already.
    async fn start_over(
        width: u16,
        height: u16,
        store: Option<Store>,
        folder: tempfile::TempDir,
        session: PathBuf,
    ) -> Self {
        let loaded = config::parse("demo-site.toml", include_str!("../config/demo-site.toml")).unwrap();
        let behaviours = script::parse(&loaded.simulate, &loaded.site).unwrap();
        let simulator = Simulator::start(&loaded.site, &behaviours, simulator::Options::default()).await.unwrap();
        let log = LogRing::new();
        let service = service::start_with(simulator.site_on(&loaded.site), log.clone(), Mode::Continuous, store);
        let settings =
            Settings { session_file: Some(session), export_folder: folder.path().to_owned(), ..Settings::default() };
        let size = Size::new(width, height);
        let parser = vt100::Parser::new(height, width, 0);
        let grid = Arc::new(Mutex::new(Grid { parser, writes: VecDeque::new(), size }));
        let (keys, input) = mpsc::unbounded_channel();
        let (notice_sender, notices) = mpsc::channel(4);
        let tty = GridTty(Arc::clone(&grid));
        let prepared = tui::prepare(service.client(), settings).await.unwrap();
        let program =
            tokio::spawn(prepared.run(tty, UnboundedReceiverStream::new(input), notices, CancellationToken::new()));
        Self { grid, keys, notices: notice_sender, program, service: Some(service), simulator, log, folder }
    }

    /// Presses keys, written with spaces between them.
    fn press(&self, keys: &str) -> &Self {
        for name in keys.split_whitespace() {
            let code = match name {
                "enter" => KeyCode::Enter,
                "esc" => KeyCode::Esc,
                "tab" => KeyCode::Tab,
                "left" => KeyCode::Left,
                "right" => KeyCode::Right,
                "down" => KeyCode::Down,
                "space" => KeyCode::Char(' '),
                _ => KeyCode::Char(name.chars().next().unwrap()),
            };
            self.keys.send(Ok(Event::Key(KeyEvent::new(code, KeyModifiers::NONE)))).unwrap();
        }
        self
    }

    fn screen(&self) -> String {
        self.grid.lock().unwrap().parser.screen().contents()
    }

    /// Waits until the screen is as wanted.
    async fn until(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let start = Instant::now();
        loop {
            let screen = self.screen();
            if wanted(&screen) {
                return screen;
            }
            assert!(start.elapsed() < PATIENCE, "waited in vain for {what}:\n{screen}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn until_shown(&self, text: &str) -> String {
        self.until(text, |screen| screen.contains(text)).await
    }

    /// Quits, and gives the bytes of everything that was drawn.
    async fn quit(mut self) -> PathBuf {
        self.press("q");
        let end = tokio::time::timeout(PATIENCE, &mut self.program).await.expect("it ends");
        assert!(matches!(end, Ok(Ok(()))), "{end:?}");
        if let Some(service) = self.service.take() {
            service.stop().await;
        }
        self.simulator.stop().await;
        self.folder.keep()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn values_are_on_screen_within_a_second_or_so_and_every_screen_opens() {
    let runner = Runner::start(160, 48).await;
    runner.until_shown("Northgate Campus").await;
    runner.until("values in kW", |screen| screen.contains("OK 1 s")).await;
    runner.press("1").until_shown("Overview").await;
    runner.press("3").until_shown("North Hall").await;
    runner
        .press("7 / c h i l l e r - 2 enter")
        .until("a device that does not answer", |screen| screen.contains("NO ANSWER"))
        .await;
    runner.press("2 / c h").until_shown("/ch").await;
    runner.press("enter enter").until("a meter", |screen| screen.contains("power factor")).await;
    runner.press("esc esc ?").until_shown("Keys: Live").await;
    runner.press("esc : s 1 0 1").until_shown("S101 Network room").await;
    runner.press("esc");
    let folder = runner.quit().await;
    assert!(std::fs::read_to_string(folder.join("session.json")).unwrap().contains("Northgate"));
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_goes_is_told_with_its_time_and_a_probe_finds_it_back() {
    let runner = Runner::start(120, 40).await;
    let device: DeviceId = "chiller-1".parse().unwrap();
    runner.press("7 /");
    for letter in device.as_str().chars() {
        runner.press(&letter.to_string());
    }
    runner.press("enter j").until_shown(device.as_str()).await;
    assert!(runner.simulator.set(&device, [simulator::behaviour::Behaviour::Silent.into()]));
    runner.press("p").until("its silence", |screen| screen.contains("NO ANSWER")).await;
    assert!(runner.simulator.set(&device, []));
    runner.press("p").until_shown("answered").await;
    runner.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_is_acknowledged_and_one_shelved() {
    let runner = Runner::start(120, 40).await;
    // The demo has silent devices and a rack in warning.
    runner.press("6").until("two alarms", |screen| screen.matches("UNACK").count() >= 2).await;
    runner.until("the badge", |screen| screen.lines().next().is_some_and(|header| header.contains("! "))).await;
    runner.press("a o n space m y space w a y enter").until_shown("is acknowledged.").await;
    runner
        .until("it moves down", |screen| screen.lines().any(|line| line.trim_start_matches('│').starts_with("ACK ")))
        .await;
    runner.press("g z t e s t enter").until_shown("is shelved.").await;
    runner.press("G").until_shown("SHELVED").await;
    runner.press("Z").until("it is back", |screen| screen.contains("is back.")).await;
    runner.press("1").until("the overview tells", |screen| screen.contains("to acknowledge")).await;
    runner.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_written_and_its_path_shown() {
    let runner = Runner::start(200, 40).await;
    runner.until("values", |screen| screen.contains("OK 1 s")).await;
    let screen = runner.press("e").until_shown("Written to ").await;
    assert!(screen.contains("meterdeck-live-"), "{screen}");
    let folder = runner.quit().await;
    let file =
        std::fs::read_dir(&folder).unwrap().flatten().find(|file| file.file_name().to_string_lossy().ends_with(".csv"));
    let csv = std::fs::read_to_string(file.unwrap().path()).unwrap();
    assert!(csv.lines().count() > 50, "{csv}");
    assert!(csv.contains(",OK,"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_stops_is_said_and_the_screen_stays() {
    let mut runner = Runner::start(100, 30).await;
    runner.until("values", |screen| screen.contains("OK 1 s")).await;
    runner.service.take().unwrap().stop().await;
    runner.until_shown("SERVICE GONE").await;
    assert!(runner.screen().contains(" kW"), "the last values stay, with their age");
    runner.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_in_the_log_is_told_until_it_was_seen() {
    let runner = Runner::start(100, 30).await;
    runner.until("values", |screen| screen.contains("OK 1 s")).await;
    runner.log.push(service::interface::LogLevel::Error, "the disk is full\u{1b}[2J");
    runner.until_shown("! 1 in log").await;
    let screen = runner.press("L").until_shown("the disk is full").await;
    assert!(!screen.contains("in log"), "{screen}");
    runner.press("esc").until("the log gone", |screen| !screen.contains("the disk is full")).await;
    runner.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frozen_and_quiet_nothing_is_written() {
    let runner = Runner::start(80, 24).await;
    runner.until("values", |screen| screen.contains("OK 1 s")).await;
    // Ages of what is frozen still advance; on the help page nothing does.
    runner.press("space 7 ?").until_shown("Keys: Devices").await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    let bytes = |runner: &Runner| runner.grid.lock().unwrap().writes.iter().map(Vec::len).sum::<usize>();
    let (before, clock) = (bytes(&runner), jiff::Timestamp::now().as_second() / 60);
    tokio::time::sleep(Duration::from_secs(4)).await;
    let written = bytes(&runner) - before;
    let minute_passed = jiff::Timestamp::now().as_second() / 60 != clock;
    assert!(written == 0 || minute_passed, "{written} bytes");
    runner.press("esc");
    runner.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_change_each_second_cost_less_than_two_kilobytes_a_second() {
    let runner = Runner::start(80, 24).await;
    runner.until("values", |screen| screen.contains("OK 1 s")).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let bytes = |runner: &Runner| runner.grid.lock().unwrap().writes.iter().map(Vec::len).sum::<usize>();
    let (before, start) = (bytes(&runner), Instant::now());
    tokio::time::sleep(Duration::from_secs(8)).await;
    let a_second = (bytes(&runner) - before) as f64 / start.elapsed().as_secs_f64();
    println!("{a_second:.0} bytes a second");
    assert!(a_second > 10.0 && a_second < 2000.0, "{a_second:.0} bytes a second");
    runner.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_is_one_write_and_a_signal_or_hang_up_ends_it() {
    for (notice, ends_well) in [(Notice::End("TERM"), true), (Notice::Vanished, false)] {
        let runner = Runner::start(80, 24).await;
        runner.until("values", |screen| screen.contains("OK 1 s")).await;
        runner.notices.send(notice).await.unwrap();
        let end =
            tokio::time::timeout(Duration::from_secs(2), runner.program).await.expect("within two seconds").unwrap();
        assert_eq!(end.is_ok(), ends_well, "{end:?}");
        let grid = runner.grid.lock().unwrap();
        for write in &grid.writes {
            assert!(write.starts_with(b"\x1b[?2026h") && write.ends_with(b"\x1b[?2026l"), "a frame is one write");
        }
    }
}
