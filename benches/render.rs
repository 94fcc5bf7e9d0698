//! What a frame costs: time to draw, and bytes to the terminal by the writer that the program uses.
//!
//! `cargo bench --bench render`; prints its figures beside what they should reach, and fails nothing.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a measurement ends where what it needs is not there"
)]

use std::{
    io::{self, Write},
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::SignedDuration;
use meterdeck::{
    domain::{ids::MeterId, live::MeterLive, live::MeterState, quantity::Quantity},
    tui::{
        backend::{Tty, TtyBackend},
        keymap::Keymap,
        model::{Model, Options, Screen, ServiceLink},
        theme::Theme,
        update::rows,
        view,
    },
};
use ratatui::{Terminal, backend::TestBackend, layout::Size};

#[allow(dead_code, clippy::allow_attributes, reason = "shared with the tests of the screens, which use more of it")]
#[path = "../tests/screens/site.rs"]
mod site;

const METERS: usize = 200;
const FRAMES: usize = 500;
const SECONDS: usize = 60;

fn main() {
    time_to_draw();
    bytes_a_second();
}

/// A model with many meters that change.
fn model(size: Size) -> Model {
    let mut many = site::site();
    let template = many.meters.values().find(|meter| meter.name == "MSB-1").expect("the sample has it").clone();
    many.meters.clear();
    for number in 0..METERS {
        let id: MeterId = format!("meter-{number:03}").parse().expect("an id");
        let name = format!("RPP-{number:03}");
        many.meters.insert(id.clone(), meterdeck::domain::site::Meter { id, name, ..template.clone() });
    }
    let keymap = Arc::new(Keymap::load(None).expect("the built-in keys are right"));
    let mut model = Model::new(Arc::new(many), keymap, Options::default(), size, site::now());
    model.service.link = ServiceLink::Connected;
    model.screen = Screen::Live;
    change(&mut model, 0);
    rows::rebuild(&mut model);
    let ids: Vec<MeterId> = model.live.meters.keys().cloned().collect();
    for id in ids {
        model.trends.insert((id, Quantity::CurrentKw), site::trend(612.4));
    }
    model
}

/// A second later every value is another one.
fn change(model: &mut Model, second: usize) {
    model.now = site::now() + SignedDuration::from_secs(i64::try_from(second).expect("seconds"));
    let at = model.now - Duration::from_millis(300);
    let ids: Vec<MeterId> = model.site.meters.keys().cloned().collect();
    for (number, id) in ids.into_iter().enumerate() {
        let noise = || fastrand::f64() * 0.02 + 0.99;
        let kw = 500.0 + number as f64;
        let amps = [921.0 * noise(), 917.0 * noise(), 930.0 * noise()];
        let readings = site::three_phase(kw * noise(), 230.0 * noise(), amps, 76.0 * noise(), at);
        model.live.meters.insert(id, MeterLive { state: MeterState::Ok, fault: None, at: Some(at), readings });
    }
}

fn time_to_draw() {
    let theme = Theme::default();
    let mut model = model(Size::new(160, 48));
    let mut terminal = Terminal::new(TestBackend::new(160, 48)).expect("in memory");
    let mut times: Vec<Duration> = (0..FRAMES)
        .map(|frame| {
            change(&mut model, frame);
            let begun = Instant::now();
            terminal.draw(|frame| view::draw(&model, &theme, frame)).expect("in memory");
            begun.elapsed()
        })
        .collect();
    times.sort();
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
    println!(
        "draw of the Live screen, 160x48, {METERS} meters, all values changed: p50 {:?}, p99 {:?} (reach: p99 <= 2 ms)",
        at(50),
        at(99)
    );
}

/// Counts what a terminal would get.
#[derive(Default)]
struct Counter {
    bytes: usize,
    writes: usize,
}

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes += bytes.len();
        self.writes += 1;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Tty for Counter {
    fn size(&self) -> io::Result<Size> {
        Ok(Size::new(80, 24))
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

fn bytes_a_second() {
    let theme = Theme::default();
    for (name, screen) in [
        ("Live", Screen::Live),
        ("Overview", Screen::Overview),
        ("Site", Screen::Site),
        ("Meter", Screen::Meter("meter-000".parse().expect("an id"))),
        ("Devices", Screen::Devices),
    ] {
        let mut model = model(Size::new(80, 24));
        model.screen = screen;
        rows::rebuild(&mut model);
        let mut terminal = Terminal::new(TtyBackend::new(Counter::default())).expect("in memory");
        let mut draw = |model: &Model| {
            let tty = terminal.backend_mut().tty();
            (tty.bytes, tty.writes) = (0, 0);
            terminal.draw(|frame| view::draw(model, &theme, frame)).expect("in memory");
            let tty = terminal.backend_mut().tty();
            (tty.bytes, tty.writes)
        };
        let (first, _) = draw(&model);
        let (unchanged, _) = draw(&model);
        let (mut total, mut worst, mut writes) = (0, 0, 0);
        for second in 1..=SECONDS {
            change(&mut model, second);
            let (bytes, times) = draw(&model);
            total += bytes;
            writes += times;
            worst = worst.max(bytes);
        }
        println!(
            "bytes to the terminal, 80x24, {name}, all values change each second: {} a second, worst {worst}, {} writes a \
             frame (reach: <= 2000); nothing changed: {unchanged} (reach: 0); first frame {first}",
            total / SECONDS,
            writes / SECONDS,
        );
    }
}
