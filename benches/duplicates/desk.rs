//! The review desk over a store with many open groups: from a key to the painted next group.

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::{Timestamp, ToSpan as _, civil::date};
use meterdeck::{
    config,
    service::{self, Mode, client::Requests, log::LogRing},
    store::Store,
    tui::{
        keymap::Keymap,
        message::{Effect, Message},
        model::{Model, Options, Screen, ServiceLink},
        theme::Theme,
        update::update,
        view,
    },
};
use ratatui::{Terminal, backend::TestBackend, layout::Size};
use serde_json::{Value, json};

/// Months of each meter.
const MONTHS: u32 = 20;
/// Keys that are measured.
const KEYS: usize = 200;
/// Ways to the one end and to the other.
const FAR: usize = 20;

/// The program without its terminal: the same model, updates and frames, and a real service.
struct Desk {
    model: Model,
    requests: Requests,
    terminal: Terminal<TestBackend>,
    theme: Theme,
}

impl Desk {
    fn draw(&mut self) {
        let (model, theme) = (&self.model, &self.theme);
        self.terminal.draw(|frame| view::draw(model, theme, frame)).unwrap();
    }

    /// Presses a key; what is to be asked for.
    fn press(&mut self, code: KeyCode) -> Vec<Effect> {
        update(&mut self.model, Timestamp::now(), Message::Key(KeyEvent::new(code, KeyModifiers::NONE)))
    }

    /// Asks for it, and for what follows from the answers.
    async fn settle(&mut self, mut effects: Vec<Effect>) {
        while let Some(effect) = effects.pop() {
            let Effect::Ask(request) = effect else { continue };
            let result = self.requests.ask(request.clone()).await;
            effects.extend(update(&mut self.model, Timestamp::now(), Message::Answered { request, result }));
        }
    }
}

/// Measures it.
pub(crate) fn run(groups: u32) {
    tokio::runtime::Runtime::new().unwrap().block_on(measure(groups));
}

async fn measure(groups: u32) {
    let folder = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    import(folder.path(), groups);
    println!(
        "{groups} open groups of {} meters, imported in {:.1} s",
        groups.div_ceil(MONTHS),
        begun.elapsed().as_secs_f64()
    );
    let (store, _) = Store::open(&folder.path().join("data")).unwrap();
    let loaded = config::parse("demo-site.toml", include_str!("../../config/demo-site.toml")).unwrap();
    let site = loaded.site;
    let service = service::start_with(site.clone(), LogRing::new(), Mode::OnRequest, Some(store));
    let requests = service.client().requests;
    let keymap = Arc::new(Keymap::load(None).unwrap());
    let mut model = Model::new(Arc::new(site), keymap, Options::default(), Size::new(80, 24), Timestamp::now());
    model.service.link = ServiceLink::Connected;
    model.screen = Screen::Duplicates;
    let terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
    let mut desk = Desk { model, requests, terminal, theme: Theme::default() };
    let begun = Instant::now();
    for _ in 0..3 {
        let effects = update(&mut desk.model, Timestamp::now(), Message::Tick);
        desk.settle(effects).await;
    }
    desk.draw();
    println!("  first screen, with what is derived from the import: {:?}", begun.elapsed());

    let (mut decided, mut taken, mut far) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..KEYS {
        let effects = desk.press(KeyCode::Char('1'));
        desk.settle(effects).await;
        let begun = Instant::now();
        let effects = desk.press(KeyCode::Enter);
        desk.draw();
        decided.push(begun.elapsed());
        assert!(desk.model.desk.shown().is_some(), "the next group is there");
        desk.settle(effects).await;
        desk.draw();
        taken.push(begun.elapsed());
    }
    for key in ['G', 'g'].repeat(FAR) {
        let begun = Instant::now();
        let effects = desk.press(KeyCode::Char(key));
        desk.settle(effects).await;
        desk.draw();
        far.push(begun.elapsed());
        assert!(desk.model.desk.shown().is_some());
    }
    print("decide, to the painted next group", decided);
    print("decide, until kept on the disk and the next ones are there", taken);
    print("to the other end of the queue, all asked for", far);
    service.stop().await;
}

fn print(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
    println!("  {what}: p50 {:?}, p99 {:?}, worst {:?} (to reach: 16 ms)", at(50), at(99), times[times.len() - 1]);
}

/// A statement with one meter and month in two accounts, without evidence which counts.
fn statement(number: u32) -> Value {
    let (meter, month) = (number / MONTHS, number % MONTHS);
    let start = date(2020, 1, 1).checked_add(i64::from(month).months()).unwrap();
    let end = start.checked_add(1.month()).unwrap();
    let account = |name: &str, class: &str, usage: u32| {
        json!({
            "accountNumber": format!("{name}-{meter}"), "statementDate": end.to_string(),
            "providers": [{ "name": name, "classification": class }],
            "meterData": [{ "meterId": format!("utility-{meter}"), "periodStart": start.to_string(),
                "periodEnd": end.to_string(), "totalUsage": usage, "usageUnit": "kWh" }],
        })
    };
    let accounts =
        [account("Grid Co", "MAIN", 100 + number % 50), account("Retail Co", "ADDITIONAL", 200 + number % 50)];
    json!({ "statementId": format!("s{number}"), "accountData": accounts })
}

/// Imports them with the command.
fn import(folder: &Path, groups: u32) {
    let mut file = BufWriter::new(File::create(folder.join("bills.ndjson")).unwrap());
    (0..groups).for_each(|number| writeln!(file, "{}", statement(number)).unwrap());
    file.flush().unwrap();
    let site = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/demo-site.toml");
    let mut command = Command::new(env!("CARGO_BIN_EXE_meterdeck"));
    command.current_dir(folder).env_remove("METERDECK_CONFIG").arg("--config").arg(site);
    let status =
        command.args(["--data", "data", "--json", "statements", "import", "bills.ndjson"]).stdout(Stdio::null());
    assert!(status.status().unwrap().success());
}
