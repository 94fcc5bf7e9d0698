//! What keys do: macros against the model, and every key at every size without a panic.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test whose site is not there has nothing to say"
)]

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use meterdeck::{
    domain::{
        fault::{Fault, FaultKind},
        live::{DeviceLive, DeviceState},
        record::{Entry, Record},
        site::Site,
    },
    service::interface::{
        ErrorKind, Event, LogLevel, LogLine, Request, Response, ServiceError, duplicates::DuplicatesRequest,
    },
    tui::{
        keymap::Keymap,
        message::{Effect, Message},
        model::{DeviceRow, Model, Options, Overlay, Screen, ServiceLink, Sort, TreeNode},
        session::Session,
        theme::{ColourDepth, Theme},
        update::{facts, update},
        view,
    },
};
use proptest::prelude::*;
use ratatui::{Terminal, backend::TestBackend, layout::Size};

#[path = "screens/desk.rs"]
mod desk;
#[path = "screens/site.rs"]
mod site;

#[path = "keys/desk.rs"]
mod at_desk;

/// A terminal program on the site of the screens' tests, as it is after its start.
fn start(width: u16, height: u16) -> Model {
    static SITE: LazyLock<Arc<Site>> = LazyLock::new(|| Arc::new(site::site()));
    let shared = Arc::clone(&SITE);
    let size = Size::new(width, height);
    let mut model =
        Model::new(Arc::clone(&shared), Arc::new(Keymap::load(None).unwrap()), Options::default(), size, site::now());
    model.live = site::snapshot(&shared);
    model.alarms = site::alarms();
    let effects = update(&mut model, site::now(), Message::Start { in_process: true, program: "0.1.0".to_owned() });
    assert!(effects.contains(&Effect::Ask(Request::Subscribe)));
    model
}

fn key_event(name: &str) -> KeyEvent {
    let named = [
        ("enter", KeyCode::Enter),
        ("esc", KeyCode::Esc),
        ("tab", KeyCode::Tab),
        ("shift-tab", KeyCode::BackTab),
        ("space", KeyCode::Char(' ')),
        ("up", KeyCode::Up),
        ("down", KeyCode::Down),
        ("left", KeyCode::Left),
        ("right", KeyCode::Right),
        ("pgup", KeyCode::PageUp),
        ("pgdn", KeyCode::PageDown),
        ("backspace", KeyCode::Backspace),
    ];
    let code = named.iter().find(|(known, _)| *known == name).map(|(_, code)| *code);
    let (modifiers, name) =
        name.strip_prefix("ctrl-").map_or((KeyModifiers::NONE, name), |rest| (KeyModifiers::CONTROL, rest));
    KeyEvent::new(code.unwrap_or_else(|| KeyCode::Char(name.chars().next().unwrap())), modifiers)
}

/// Presses keys, written with spaces between them, and gives what they came to.
fn press(model: &mut Model, keys: &str) -> Vec<Effect> {
    keys.split_whitespace()
        .flat_map(|name| update(model, site::now(), Message::Key(key_event(name))))
        .filter(|effect| match effect {
            Effect::Ask(
                Request::Chart { .. }
                | Request::Duplicates(DuplicatesRequest::Queue { .. } | DuplicatesRequest::Show { .. }),
            ) => false,
            Effect::Ask(request) => !facts::is_asked_by_itself(request),
            _ => true,
        })
        .collect()
}

fn screen_text(model: &Model, theme: &Theme) -> String {
    let mut terminal = Terminal::new(TestBackend::new(model.size.width, model.size.height)).unwrap();
    terminal.draw(|frame| view::draw(model, theme, frame)).unwrap();
    terminal.backend().to_string()
}

#[test]
fn numbers_and_tab_go_to_screens_and_esc_backs_out() {
    let mut model = start(80, 24);
    for (keys, screen) in [
        ("1", Screen::Overview),
        ("tab", Screen::Live),
        ("tab", Screen::Site),
        ("tab", Screen::Duplicates),
        ("tab", Screen::Alarms),
        ("tab", Screen::Devices),
        ("tab", Screen::Overview),
        ("6", Screen::Alarms),
        ("1", Screen::Overview),
        ("shift-tab", Screen::Devices),
        ("2", Screen::Live),
        ("esc", Screen::Live),
    ] {
        assert_eq!(press(&mut model, keys), [], "{keys}");
        assert_eq!(model.screen, screen, "{keys}");
    }
    for unused in ["4", "8"] {
        press(&mut model, unused);
        assert_eq!(model.screen, Screen::Live, "screens of later are not there");
    }
    let meter = model.meters.selected().unwrap().clone();
    press(&mut model, "enter");
    assert_eq!(model.screen, Screen::Meter(meter.clone()));
    press(&mut model, "enter");
    assert_eq!(model.screen, Screen::Devices, "the meter's device");
    press(&mut model, "esc esc");
    assert_eq!(model.screen, Screen::Live);
    assert_eq!(model.meters.selected(), Some(&meter));
}

#[test]
fn a_filter_narrows_while_typed_and_esc_takes_it_back() {
    let mut model = start(80, 24);
    let all = model.meters.rows.len();
    press(&mut model, "/ r p p");
    assert!(matches!(model.overlays.last(), Some(Overlay::Filter { .. })));
    assert!(model.meters.rows.len() < all && !model.meters.rows.is_empty());
    assert!(model.meters.rows.iter().any(|id| id.as_str() == "rpp-a"));
    press(&mut model, "q q q");
    assert!(!model.quitting, "q is a letter while one types");
    press(&mut model, "backspace backspace backspace enter");
    assert!(model.overlays.is_empty());
    assert_eq!(model.meters.filter, "rpp");
    press(&mut model, "esc");
    assert_eq!((model.meters.filter.as_str(), model.meters.rows.len()), ("", all));
    press(&mut model, "/ z z z z");
    assert!(model.meters.rows.is_empty());
    press(&mut model, "enter enter y down G");
    assert_eq!(model.screen, Screen::Live, "nothing to open");
    press(&mut model, "/ esc esc");
    assert_eq!(model.meters.rows.len(), all);
}

#[test]
fn a_state_can_be_filtered_for() {
    let mut model = start(80, 24);
    press(&mut model, "/ o f f l i n e");
    assert!(!model.meters.rows.is_empty());
    for id in &model.meters.rows {
        assert_eq!(model.standing(&model.site.meters[id]).word(), "OFFLINE", "{id}");
    }
}

#[test]
fn the_tree_folds_unfolds_and_finds() {
    let mut model = start(80, 24);
    press(&mut model, "3 g");
    assert_eq!(model.tree.selected(), Some(&TreeNode::Site));
    press(&mut model, "j");
    let rows = model.tree.rows.len();
    press(&mut model, "left");
    assert!(model.tree.rows.len() < rows, "folded");
    press(&mut model, "enter");
    assert_eq!(model.tree.rows.len(), rows, "unfolded again");
    press(&mut model, "/ r 0 2 enter");
    let Some(TreeNode::Place(key)) = model.tree.selected() else { panic!("{:?}", model.tree.selected()) };
    assert_eq!(key.id.as_str(), "r02", "the match, not what is above it");
    assert!(model.tree.rows.iter().any(|node| matches!(node, TreeNode::Place(key) if key.id.as_str() == "n-101")));
    press(&mut model, "n");
    assert!(matches!(model.tree.selected(), Some(TreeNode::Meter(id)) if id.as_str().contains("r02")));
    press(&mut model, "N");
    assert!(matches!(model.tree.selected(), Some(TreeNode::Place(_))));
}

#[test]
fn sorting_goes_round_and_puts_the_highest_first() {
    let mut model = start(160, 48);
    assert_eq!(model.meters.sort, Sort::Name);
    press(&mut model, "s");
    assert_eq!(model.meters.sort, Sort::Load);
    let loads: Vec<f64> = model
        .meters
        .rows
        .iter()
        .filter(|id| model.standing(&model.site.meters[*id]).is_current())
        .filter_map(|id| model.live.meters[id].value(&meterdeck::domain::quantity::Quantity::LoadPercent))
        .collect();
    assert!(loads.len() > 1 && loads.is_sorted_by(|left, right| left >= right), "{loads:?}");
    press(&mut model, "s");
    let states: Vec<_> = model.meters.rows.iter().map(|id| model.standing(&model.site.meters[id])).collect();
    assert!(states.is_sorted_by(|left, right| left >= right), "{states:?}");
    press(&mut model, "s s");
    assert_eq!(model.meters.sort, Sort::Name);
}

#[test]
fn the_palette_finds_actions_places_meters_and_devices() {
    let mut model = start(80, 24);
    press(&mut model, ": r o o m 1 0 1 enter");
    assert_eq!(model.screen, Screen::Site);
    assert!(matches!(model.tree.selected(), Some(TreeNode::Place(key)) if key.id.as_str() == "n-101"));
    press(&mut model, ": m s b - 1 enter");
    assert!(matches!(&model.screen, Screen::Meter(id) if id.as_str() == "msb-1"), "{:?}", model.screen);
    press(&mut model, ": d e v i c e space c h i l l e r enter");
    assert_eq!(model.devices.selected(), Some(&DeviceRow::Device("chiller".parse().unwrap())));
    press(&mut model, ": q u i t enter");
    assert!(model.quitting);
}

#[test]
fn help_filters_by_key_and_by_text() {
    let mut model = start(80, 24);
    press(&mut model, "? s o r t");
    let Some(Overlay::Help { input, .. }) = model.overlays.last() else { panic!("no help") };
    let rows = meterdeck::tui::model::overlay::help_rows(&model, input.value());
    assert!(rows.iter().any(|action| action.name() == "sort"));
    assert_eq!(meterdeck::tui::model::overlay::help_rows(&model, "ctrl-z").len(), 1);
    assert!(screen_text(&model, &Theme::default()).contains("Sort by the next of"));
    press(&mut model, "esc");
    assert!(model.overlays.is_empty());
}

#[test]
fn freezing_keeps_the_picture_while_polling_goes_on() {
    let mut model = start(80, 24);
    press(&mut model, "space");
    let before = model.shown().clone();
    let mut meters = model.live.meters.clone();
    for meter in meters.values_mut() {
        meter.readings = meterdeck::domain::readings::Readings::new();
    }
    let event = Event::Changed { meters, devices: BTreeMap::default(), connections: BTreeMap::default() };
    update(&mut model, site::now(), Message::Event(event));
    assert_eq!(model.shown(), &before);
    assert_ne!(model.live, before);
    assert!(screen_text(&model, &Theme::default()).contains("FROZEN"));
    press(&mut model, "space");
    assert_eq!(model.shown(), &model.live);
}

#[test]
fn probing_is_asked_once_and_told_with_advice() {
    let mut model = start(80, 24);
    press(&mut model, "7");
    model.devices.select(&DeviceRow::Device("chiller".parse().unwrap()));
    let probe = Request::Probe { device: "chiller".parse().unwrap() };
    assert_eq!(press(&mut model, "p p p"), [Effect::Ask(probe.clone())]);
    let fault = Fault::new(FaultKind::Refused, "");
    let live =
        DeviceLive { state: DeviceState::Offline, last_fault: Some((site::now(), fault)), ..DeviceLive::default() };
    let answer = Ok(Response::Probed { device: Box::new(live) });
    update(&mut model, site::now(), Message::Answered { request: probe.clone(), result: answer });
    let notice = model.notice.clone().unwrap();
    assert!(notice.is_error && notice.text.contains("REFUSED") && notice.text.contains("firewall"), "{notice:?}");
    assert_eq!(press(&mut model, "p"), [Effect::Ask(probe)]);

    model.options.read_only = true;
    model.probing.clear();
    assert_eq!(press(&mut model, "p"), [], "a read-only terminal has no such key");
    assert!(!screen_text(&model, &Theme::default()).contains("probe"));
}

/// Types text, spaces included.
fn type_text(model: &mut Model, text: &str) {
    for character in text.chars() {
        let key = KeyEvent::new(KeyCode::Char(character), KeyModifiers::NONE);
        update(model, site::now(), Message::Key(key));
    }
}

#[test]
fn an_alarm_is_acknowledged_with_a_note_and_shelved_with_a_reason() {
    let mut model = start(100, 30);
    press(&mut model, "6");
    assert_eq!(model.alarm_rows.rows.len(), 6, "what follows from another alarm is not listed beside it");
    assert!(screen_text(&model, &Theme::default()).contains("! 1 critical"), "the header counts them");
    press(&mut model, "a");
    type_text(&mut model, "on my way");
    assert!(screen_text(&model, &Theme::default()).contains("on my way"));
    let note = "on my way".to_owned();
    let id = "load-critical:rpp-b".to_owned();
    assert_eq!(press(&mut model, "enter"), [Effect::Ask(Request::Acknowledge { id: id.clone(), note })]);
    assert_eq!(model.alarm_rows.selected().unwrap().to_string(), "device-offline:gw-2", "on to the next");

    press(&mut model, "z");
    assert_eq!(press(&mut model, "enter"), [], "a shelved alarm needs a reason");
    assert!(model.notice.as_ref().unwrap().text.contains("why"));
    type_text(&mut model, "rewiring");
    let effects = press(&mut model, "down down down enter");
    let [Effect::Ask(Request::Shelve { until, .. })] = effects.as_slice() else { panic!("{effects:?}") };
    // 08:00 in Amsterdam on the day after 2026-03-05.
    assert_eq!(until.to_string(), "2026-03-06T07:00:00Z");

    let mut alarms = site::alarms();
    alarms.remove(0);
    let request = Request::Acknowledge { id, note: String::new() };
    let result = Ok(Response::Alarms { alarms, events_last_day: 1 });
    update(&mut model, site::now(), Message::Answered { request, result });
    assert_eq!(model.alarm_rows.rows.len(), 5);
    assert!(model.notice.as_ref().unwrap().text.contains("acknowledged"));
    press(&mut model, "a esc");
    assert!(model.overlays.is_empty(), "Esc does nothing to the alarm");
    press(&mut model, "/ i m b enter");
    assert_eq!(model.alarm_rows.rows.len(), 1);
    press(&mut model, "enter");
    assert_eq!(model.screen, Screen::Meter("rpp-a".parse().unwrap()));
}

#[test]
fn read_only_cannot_touch_alarms() {
    let mut model = start(100, 30);
    model.options.read_only = true;
    for keys in ["6 a", "z", "Z"] {
        assert_eq!(press(&mut model, keys), [], "{keys}");
        assert!(model.overlays.is_empty(), "{keys}");
    }
    let screen = screen_text(&model, &Theme::default());
    assert!(!screen.contains("ack ") && !screen.contains("shelve "), "{screen}");
}

#[test]
fn errors_stay_until_the_log_is_looked_at() {
    let mut model = start(80, 24);
    for sequence in 1..=3 {
        let line = LogLine { sequence, at: site::now(), level: LogLevel::Error, text: format!("error {sequence}") };
        update(&mut model, site::now(), Message::Event(Event::Log { line }));
    }
    assert!(screen_text(&model, &Theme::default()).contains("! 3 in log"));
    press(&mut model, "2 j");
    assert_eq!(model.log.unseen_errors, 3);
    press(&mut model, "L");
    let text = screen_text(&model, &Theme::default());
    assert!(text.contains("ERROR error 3") && !text.contains("in log"), "{text}");
    press(&mut model, "esc");
    assert!(model.overlays.is_empty());
    assert_eq!(model.screen, Screen::Live);
}

#[test]
fn a_service_that_goes_is_said_and_asked_nothing_more() {
    let mut model = start(100, 30);
    update(&mut model, site::now(), Message::Event(Event::Stopping));
    assert!(matches!(model.service.link, ServiceLink::Gone { .. }));
    assert_eq!(model.log.unseen_errors, 1);
    let later = site::now() + jiff::SignedDuration::from_secs(60);
    assert_eq!(update(&mut model, later, Message::Tick), []);
    assert!(screen_text(&model, &Theme::default()).contains("SERVICE GONE 1 min"));
}

#[test]
fn copy_and_export_carry_what_is_shown() {
    let mut model = start(80, 24);
    press(&mut model, "/ m s b - 1 enter");
    let effects = press(&mut model, "y");
    let [Effect::Copy(text)] = effects.as_slice() else { panic!("{effects:?}") };
    assert!(text.starts_with("meter: msb-1, name: MSB-1, state: "), "{text}");
    let effects = press(&mut model, "e");
    let [Effect::Export { files }] = effects.as_slice() else { panic!("{effects:?}") };
    let [(name, csv)] = files.as_slice() else { panic!("{files:?}") };
    assert_eq!(*name, "live");
    assert_eq!(csv.lines().count(), 1 + model.meters.rows.len());
    assert!(csv.starts_with("meter,name,state,last answer,real power [kW],"), "{csv}");
}

#[test]
fn a_paste_is_typed_where_one_types_and_ignored_elsewhere() {
    let mut model = start(80, 24);
    update(&mut model, site::now(), Message::Paste("q".to_owned()));
    assert!(!model.quitting);
    press(&mut model, "/");
    update(&mut model, site::now(), Message::Paste("msb\u{1b}[2J\n1".to_owned()));
    assert_eq!(model.meters.filter, "msb[2J 1");
    update(&mut model, site::now(), Message::Paste("x".repeat(10_000)));
    assert_eq!(model.meters.filter.len(), meterdeck::tui::search::MAX_QUERY_LENGTH);
}

#[test]
fn a_session_comes_back_on_the_same_site_only() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state/session.json");
    assert_eq!(Session::load(&file).unwrap(), Session::default(), "the first time");
    let mut model = start(80, 24);
    press(&mut model, "s 3 / r 0 2 enter 2 j");
    let selected = model.meters.selected().cloned();
    press(&mut model, "enter");
    Session::of(&model).save(&file).unwrap();

    let mut again = start(80, 24);
    Session::load(&file).unwrap().restore(&mut again);
    assert_eq!(again.meters.sort, Sort::Load);
    assert_eq!(again.tree.filter, "r02");
    assert_eq!(again.screen, Screen::Meter(selected.clone().unwrap()));
    press(&mut again, "esc");
    assert_eq!((&again.screen, again.meters.selected().cloned()), (&Screen::Live, selected));

    let mut other = start(80, 24);
    Arc::make_mut(&mut other.site).name = "Elsewhere".to_owned();
    Session::load(&file).unwrap().restore(&mut other);
    assert_eq!(other.meters.sort, Sort::Name);
    std::fs::write(&file, "{\"screen\": 3").unwrap();
    assert!(Session::load(&file).is_err());
}

#[test]
fn the_footer_shows_as_many_keys_as_fit_and_says_that_there_are_more() {
    let theme = Theme::default();
    let last_line = |model: &Model| screen_text(model, &theme).lines().last().unwrap().to_owned();
    assert!(last_line(&start(160, 48)).contains("q quit"));
    let narrow = last_line(&start(60, 20));
    assert!(narrow.contains("? …") && !narrow.contains("q quit"), "{narrow}");
}

#[test]
fn without_colours_nothing_has_one() {
    let theme = Theme::load("default", ColourDepth::None).unwrap();
    let mut model = start(100, 30);
    for keys in ["1", "2", "3", "6", "6 a", "esc 6 z", "esc 7", "2 enter", "?", "esc :", "esc L"] {
        press(&mut model, keys);
        let mut terminal = Terminal::new(TestBackend::new(100, 30)).unwrap();
        terminal.draw(|frame| view::draw(&model, &theme, frame)).unwrap();
        for cell in terminal.backend().buffer().content() {
            assert_eq!((cell.fg, cell.bg), (ratatui::style::Color::Reset, ratatui::style::Color::Reset), "{keys}");
        }
    }
}

/// The chart that a key makes the program ask for.
fn asked_chart(model: &mut Model, key: &str) -> Option<Request> {
    let effects = update(model, site::now(), Message::Key(key_event(key)));
    let chart = effects.into_iter().find(|effect| matches!(effect, Effect::Ask(Request::Chart { .. })));
    chart.map(|effect| match effect {
        Effect::Ask(request) => request,
        other => panic!("{other:?}"),
    })
}

#[test]
fn a_chart_is_asked_for_when_it_is_another_one_and_not_else() {
    let mut model = start(80, 24);
    press(&mut model, "/ r p p - a enter");
    let Some(Request::Chart { meter, quantity, span, columns }) = asked_chart(&mut model, "enter") else {
        panic!("no chart is asked for")
    };
    assert_eq!((meter.as_str(), columns), ("rpp-a", 67));
    let (first, length) = (quantity, span.to.duration_since(span.from).as_secs());
    assert!((3600..3700).contains(&length), "{length}");
    assert!(span.to >= site::now() && span.to.duration_since(site::now()).as_secs() <= 54);
    assert_eq!(asked_chart(&mut model, "left"), None, "a cursor needs no other chart");
    let Some(Request::Chart { quantity, .. }) = asked_chart(&mut model, "]") else { panic!("another quantity") };
    assert_ne!(quantity, first);
    press(&mut model, "[");
    for hours in [6, 24, 7 * 24, 30 * 24, 365 * 24] {
        let Some(Request::Chart { span, .. }) = asked_chart(&mut model, "-") else { panic!("another time") };
        let length = span.to.duration_since(span.from).as_hours();
        assert!((hours..=hours * 3 / 2).contains(&length), "{length} for {hours}");
    }
    assert_eq!(asked_chart(&mut model, "-"), None, "a year is the most");
    assert_eq!(asked_chart(&mut model, "v"), None, "higher, but as wide as before");
}

#[test]
fn a_record_is_filled_in_sent_once_and_its_refusal_read() {
    let mut model = start(80, 24);
    press(&mut model, "/ r p p - a enter enter m");
    assert!(screen_text(&model, &Theme::default()).contains("Record for RPP-A"));
    press(&mut model, "esc");
    assert!(model.overlays.is_empty(), "esc cancels");
    press(&mut model, "m right right down s e a l space q");
    let effects = press(&mut model, "enter");
    let meter: meterdeck::domain::ids::MeterId = "rpp-a".parse().unwrap();
    let entry = Entry::Note { text: "seal q".to_owned() };
    let request = Request::Record { meter: meter.clone(), entry: entry.clone(), force: false };
    assert_eq!(effects, [Effect::Ask(request.clone())]);
    assert_eq!(press(&mut model, "enter"), [], "it is on its way");
    let error = ServiceError { kind: ErrorKind::BadData, message: "The note is bad.".to_owned(), hint: None };
    update(&mut model, site::now(), Message::Answered { request: request.clone(), result: Err(error) });
    assert!(screen_text(&model, &Theme::default()).contains("The note is bad."));
    assert_eq!(press(&mut model, "enter"), [Effect::Ask(request.clone())]);
    let record =
        Record { sequence: 1, meter, at: site::now(), who: "anna".to_owned(), entry, before: None, configured: None };
    let result = Ok(Response::Recorded { record: Box::new(record) });
    let effects = update(&mut model, site::now(), Message::Answered { request, result });
    assert!(model.overlays.is_empty());
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Ask(Request::Records { .. }))), "{effects:?}");

    press(&mut model, "m down x enter");
    assert!(screen_text(&model, &Theme::default()).contains("is no date such as"));
    press(&mut model, "esc");
    model.options.read_only = true;
    press(&mut model, "m");
    assert!(model.overlays.is_empty(), "a read-only terminal has no such key");
}

/// `docs/keys.md` is made from the table of actions: with `METERDECK_UPDATE_DOCS` set it is written, else compared.
#[test]
fn the_documentation_is_fresh() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/keys.md");
    let fresh = Keymap::load(None).unwrap().document();
    if std::env::var_os("METERDECK_UPDATE_DOCS").is_some() {
        std::fs::write(&path, &fresh).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == fresh, "run METERDECK_UPDATE_DOCS=1 cargo test --test keys");
}

const KEYS: &[&str] = &[
    "1",
    "2",
    "3",
    "6",
    "7",
    "tab",
    "shift-tab",
    "enter",
    "esc",
    "up",
    "down",
    "left",
    "right",
    "pgup",
    "pgdn",
    "g",
    "G",
    "/",
    "n",
    "N",
    "s",
    "space",
    "L",
    "?",
    ":",
    "y",
    "e",
    "p",
    "M",
    "a",
    "z",
    "Z",
    "0",
    "ctrl-c",
    "backspace",
    "ctrl-l",
    "ctrl-z",
    "+",
    "-",
    "=",
    "[",
    "]",
    "v",
    "m",
    "5",
    "b",
    "u",
    "o",
    "t",
    "S",
    "f",
    "x",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn no_keys_at_no_size_panic(
        (width, height) in (1u16..=200, 1u16..=60),
        keys in prop::collection::vec(prop::sample::select(KEYS), 0..40),
        ascii: bool,
        (later_width, later_height) in (1u16..=200, 1u16..=60),
    ) {
        let theme = Theme::default();
        let mut model = start(width, height);
        model.options.ascii = ascii;
        for key in keys {
            press(&mut model, key);
        }
        prop_assert_eq!(screen_text(&model, &theme).is_empty(), false);
        update(&mut model, site::now(), Message::Resize(Size::new(later_width, later_height)));
        screen_text(&model, &theme);
    }
}

#[test]
fn every_screen_and_overlay_is_drawn_at_every_size_class() {
    let theme = Theme::default();
    let sizes = (1..=12)
        .chain([20, 24, 40, 48, 60])
        .flat_map(|height| [1, 2, 3, 5, 8, 13, 21, 39, 40, 59, 60, 79, 80, 120, 160, 200].map(|width| (width, height)));
    for (width, height) in sizes {
        let mut model = start(width, height);
        for keys in [
            "1",
            "2",
            "2 enter",
            "3 G",
            "6 G",
            "a",
            "esc z",
            "esc 7 G",
            "5 G",
            "S",
            "esc",
            "1",
            "esc tab ?",
            "esc : r",
            "esc L",
            "esc 2 /",
        ] {
            press(&mut model, keys);
            screen_text(&model, &theme);
        }
    }
}
