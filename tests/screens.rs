//! Every screen at every size class, as text; and that no size, and no set of values, makes one fall over.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test whose site or screen is not there has nothing to say"
)]

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use meterdeck::{
    domain::{
        chart::Column,
        duplicate::Choice,
        live::{MeterLive, MeterState},
        quantity::Quantity,
        reading::{Reading, State},
        site::{PlaceKey, Site},
    },
    tui::{
        keymap::Keymap,
        layout,
        model::{
            AlarmDraft, ChartKey, DeskOverlay, DeviceRow, Frozen, MeterPane, Model, Options, Overlay, Screen,
            ServiceLink, TreeNode, Zoom,
            duplicates::{AlikeView, DocumentView, Draft, DraftChoice, TimelineView},
        },
        theme::{ColourDepth, Theme},
        update::rows,
        view,
    },
};
use proptest::prelude::*;
use ratatui::{Terminal, backend::TestBackend, buffer::Buffer, layout::Size, style::Color};

#[path = "screens/counted.rs"]
mod counted;
#[path = "screens/desk.rs"]
mod desk;
#[path = "screens/site.rs"]
mod site;

/// The size classes, each at its least.
const SIZES: [(u16, u16); 4] = [(160, 48), (80, 24), (60, 20), (40, 12)];

fn screens() -> Vec<(&'static str, Screen)> {
    let meter = |id: &str| Screen::Meter(id.parse().unwrap());
    vec![
        ("overview", Screen::Overview),
        ("live", Screen::Live),
        ("site", Screen::Site),
        ("meter", meter("rpp-b")),
        ("meter-offline", meter("pdu-r01b")),
        ("duplicates", Screen::Duplicates),
        ("alarms", Screen::Alarms),
        ("devices", Screen::Devices),
    ]
}

/// A model on a screen, with something selected that has much to show.
fn model(size: (u16, u16), screen: Screen, options: Options) -> Model {
    static SITE: LazyLock<Arc<Site>> = LazyLock::new(|| Arc::new(site::site()));
    static KEYMAP: LazyLock<Arc<Keymap>> = LazyLock::new(|| Arc::new(Keymap::load(None).unwrap()));
    let shared = SITE.clone();
    let mut model = Model::new(shared.clone(), KEYMAP.clone(), options, Size::new(size.0, size.1), site::now());
    model.live = site::snapshot(&shared);
    model.alarms = site::alarms();
    model.service.link = ServiceLink::Connected;
    for (id, live) in &model.live.meters {
        if let Some(kw) = live.value(&Quantity::CurrentKw) {
            model.trends.insert((id.clone(), Quantity::CurrentKw), site::trend(kw));
        }
    }
    model.expanded = shared.places.keys().cloned().collect();
    model.screen = screen;
    rows::rebuild(&mut model);
    model.facts = counted::facts(&shared);
    model.facts.reviews = Some(desk::statistics());
    model.desk = desk::desk();
    chart(&mut model);
    model.meters.select(&"pdu-r01a".parse().unwrap());
    model.tree.select(&TreeNode::Place(PlaceKey::try_from("room.n-101".to_owned()).unwrap()));
    model.devices.select(&DeviceRow::Device("gw-2".parse().unwrap()));
    model
}

/// What came of the chart of the meter that is open, where history is kept of it.
fn chart(model: &mut Model) {
    let is_kept = model.screen == Screen::Meter("rpp-b".parse().unwrap());
    let (Some(columns), Some(quantity)) = (layout::chart_columns(model), model.quantities.selected().cloned()) else {
        return;
    };
    model.chart.zoom = Zoom::Day;
    let span = model.chart.span(model.now, columns).unwrap();
    let key = ChartKey { meter: "rpp-b".parse().unwrap(), quantity, span, columns };
    model.chart.shown = is_kept.then(|| (key, counted::chart(span, columns)));
}

fn draw(model: &Model, theme: &Theme) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(model.size.width, model.size.height)).unwrap();
    terminal.draw(|frame| view::draw(model, theme, frame)).unwrap();
    terminal.backend().buffer().clone()
}

/// The characters of a buffer, without the spaces at the ends of lines.
fn text(buffer: &Buffer) -> String {
    let mut lines = Vec::new();
    for y in 0..buffer.area.height {
        let mut line = String::new();
        let mut x = 0;
        while x < buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            x += u16::try_from(unicode_width::UnicodeWidthStr::width(symbol).max(1)).unwrap();
        }
        lines.push(line.trim_end().to_owned());
    }
    lines.join("\n")
}

fn shown(size: (u16, u16), screen: Screen, options: Options) -> String {
    text(&draw(&model(size, screen, options), &Theme::default()))
}

#[test]
fn each_screen_at_each_size() {
    for (width, height) in SIZES {
        for (name, screen) in screens() {
            let text = shown((width, height), screen, Options::default());
            insta::assert_snapshot!(format!("{name}_{width}x{height}"), text);
        }
    }
}

#[test]
fn what_is_done_to_an_alarm_at_each_size() {
    for (width, height) in SIZES {
        let mut model = model((width, height), Screen::Alarms, Options::default());
        let input = "moving two racks".into();
        let id = "load-critical:rpp-b".parse().unwrap();
        model.overlays.push(Overlay::Alarm(AlarmDraft { id, shelve: Some(1), input }));
        insta::assert_snapshot!(format!("shelve_{width}x{height}"), text(&draw(&model, &Theme::default())));
    }
    let mut none = model((80, 24), Screen::Alarms, Options::default());
    none.alarms.clear();
    rows::rebuild(&mut none);
    assert!(text(&draw(&none, &Theme::default())).contains("No alarms: everything that is watched is normal."));
}

#[test]
fn the_chart_and_what_is_known_alone() {
    let screen = Screen::Meter("rpp-b".parse().unwrap());
    for (width, height) in SIZES {
        for (name, pane) in [("meter-chart", MeterPane::Chart), ("meter-about", MeterPane::About)] {
            let mut model = model((width, height), screen.clone(), Options::default());
            model.meter_pane = pane;
            chart(&mut model);
            let columns = layout::chart_columns(&model).unwrap_or(1);
            model.chart.move_cursor(-i64::from(columns) / 3, model.now, columns);
            insta::assert_snapshot!(format!("{name}_{width}x{height}"), text(&draw(&model, &Theme::default())));
        }
    }
    let mut model = model((80, 24), screen, Options { ascii: true, ..Options::default() });
    model.meter_pane = MeterPane::Chart;
    chart(&mut model);
    let text = text(&draw(&model, &Theme::default()));
    assert!(text.is_ascii(), "{text}");
    insta::assert_snapshot!("meter-chart_ascii", text);
}

/// What lies over the review desk, and groups of other kinds.
#[test]
fn the_review_desk_at_each_size() {
    let group = desk::groups().remove(0);
    let id = group.finding.id;
    let use_first = Choice::Use { readings: vec![desk::reading_id(1)] };
    let draft = Draft::new(id, 0, "Count 45 kWh of Grid Co".to_owned(), DraftChoice::Fixed(use_first));
    let value = DraftChoice::Value { value: "47.5".into(), unit: "kWh".into(), field: 2 };
    let value = Draft {
        refused: Some("`x` is not a number.".to_owned()),
        ..Draft::new(id, 0, "Count a value".to_owned(), value)
    };
    let other = "bob chose this reading on 2026-03-05 14:30 UTC: bill of the distributor".to_owned();
    let findings: Vec<_> = desk::groups().into_iter().take(2).map(|group| group.finding).collect();
    let readings: Vec<_> = desk::groups().into_iter().take(2).flat_map(|group| group.readings).collect();
    let timeline = TimelineView {
        meter: "123".to_owned(),
        at: group.finding.period,
        answer: Some((readings, findings)),
        days: None,
        scroll: 0,
    };
    let document = DocumentView {
        meter: "123".to_owned(),
        reading: desk::reading_id(1),
        document: Some(Box::new(desk::document())),
        scroll: 0,
    };
    let alike = AlikeView {
        group: id,
        proposals: Some(desk::proposals()),
        reason: "bill of the distributor".into(),
        scroll: 0,
        is_sent: false,
    };
    let overs = [
        ("decide", DeskOverlay::Decide(draft.clone())),
        ("value", DeskOverlay::Decide(value)),
        ("conflict", DeskOverlay::Conflict { draft, other, version: Some(12) }),
        ("alike", DeskOverlay::Alike(alike)),
        ("timeline", DeskOverlay::Timeline(timeline)),
        ("statement", DeskOverlay::Document(document)),
        ("statistics", DeskOverlay::Statistics { scroll: 0 }),
    ];
    for (width, height) in SIZES {
        for (name, over) in overs.clone() {
            let mut model = model((width, height), Screen::Duplicates, Options::default());
            model.overlays.push(Overlay::Desk(Box::new(over)));
            insta::assert_snapshot!(format!("desk-{name}_{width}x{height}"), text(&draw(&model, &Theme::default())));
            model.options.ascii = true;
            assert!(text(&draw(&model, &Theme::default())).is_ascii(), "{name}");
        }
        let mut model = model((width, height), Screen::Duplicates, Options::default());
        model.desk.queue.selected = 2;
        model.desk.candidate = 2;
        insta::assert_snapshot!(format!("desk-chain_{width}x{height}"), text(&draw(&model, &Theme::default())));
        model.desk.queue.selected = 3;
        insta::assert_snapshot!(format!("desk-overlap_{width}x{height}"), text(&draw(&model, &Theme::default())));
    }
    let mut none = model((80, 24), Screen::Duplicates, Options::default());
    none.desk.take_page(None, false, Vec::new(), false);
    assert!(text(&draw(&none, &Theme::default())).contains("Nothing waits for a"));
}

/// Where nothing was measured, nothing is drawn but the sign for it; where no reading was due, nothing at all.
#[test]
fn a_gap_has_no_line_across() {
    let mut model = model((160, 48), Screen::Meter("rpp-b".parse().unwrap()), Options::default());
    model.meter_pane = MeterPane::Chart;
    chart(&mut model);
    let buffer = draw(&model, &Theme::default());
    let plot = layout::plot(layout::meter(model.size, model.meter_pane, layout::body(model.size)).chart);
    let (_, shown) = model.chart.shown.as_ref().unwrap();
    let mut kinds = [0; 3];
    for (x, column) in (plot.left()..plot.right()).zip(&shown.columns) {
        let drawn: String = (plot.top()..plot.bottom()).map(|y| buffer[(x, y)].symbol()).collect();
        let kind = match column {
            Column::Gap => (0, drawn.trim() == "×" && drawn.ends_with('×')),
            Column::Between => (1, drawn.trim().is_empty()),
            Column::Value { .. } => (2, !drawn.trim().is_empty() && !drawn.contains('×')),
        };
        kinds[kind.0] += 1;
        assert!(kind.1, "{column:?} is drawn as {drawn:?}");
    }
    assert!(kinds.iter().all(|count| *count > 0), "{kinds:?}");
}

#[test]
fn in_ascii() {
    for (name, screen) in screens() {
        let text = shown((80, 24), screen, Options { ascii: true, ..Options::default() });
        assert!(text.is_ascii(), "{name}: {text}");
        insta::assert_snapshot!(format!("{name}_ascii"), text);
    }
}

#[test]
fn without_colours_states_still_stand_out() {
    let theme = Theme::load("mono", ColourDepth::None).unwrap();
    for (name, screen) in screens() {
        let buffer = draw(&model((80, 24), screen, Options::default()), &theme);
        for cell in buffer.content() {
            assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset), "{name}");
        }
        let styled = buffer.content().iter().filter(|cell| !cell.modifier.is_empty()).count();
        assert!(styled > 0, "{name} is all plain");
    }
}

#[test]
fn a_filter_that_finds_nothing_says_so() {
    for screen in [Screen::Live, Screen::Site, Screen::Devices] {
        let mut model = model((80, 24), screen.clone(), Options::default());
        for list in [&mut model.meters.filter, &mut model.tree.filter, &mut model.devices.filter] {
            *list = "zzz".to_owned();
        }
        rows::rebuild(&mut model);
        if screen == Screen::Site {
            model.tree.rows.clear();
        }
        let text = text(&draw(&model, &Theme::default()));
        assert!(text.contains("matches"), "{text}");
        assert!(text.contains("zzz"), "{text}");
    }
}

#[test]
fn what_is_frozen_stays_as_it_was() {
    let mut model = model((80, 24), Screen::Live, Options::default());
    let before = text(&draw(&model, &Theme::default()));
    model.frozen = Some(Box::new(Frozen { live: model.live.clone(), at: model.now }));
    model.now += jiff::SignedDuration::from_secs(90);
    let after = text(&draw(&model, &Theme::default()));
    let panel = |text: &str| text.lines().skip(3).take(18).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(panel(&before), panel(&after));
    assert!(after.contains("FROZEN"), "{after}");
}

#[test]
fn a_value_of_an_offline_device_never_looks_good() {
    let theme = Theme::load("high-contrast", ColourDepth::Ansi16).unwrap();
    for screen in [Screen::Live, Screen::Site] {
        let mut model = model((160, 48), screen, Options::default());
        model.tree.selected = 0;
        let buffer = draw(&model, &theme);
        let mut found = 0;
        for y in 0..48 {
            let line: String = (0..160).map(|x| buffer[(x, y)].symbol()).collect();
            // The characters before it are one byte or one column each; columns are counted in characters.
            if let Some(at) = line.split_once("3.910").map(|(before, _)| before.chars().count()) {
                let cell = &buffer[(u16::try_from(at).unwrap(), y)];
                assert_eq!(cell.fg, theme.stale.fg.unwrap(), "{line}");
                found += 1;
            }
        }
        assert!(found > 0);
    }
}

#[test]
fn the_selected_row_has_the_cursor() {
    for (_, screen) in screens() {
        for size in SIZES {
            let model = model(size, screen.clone(), Options::default());
            let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
            terminal.draw(|frame| view::draw(&model, &Theme::default(), frame)).unwrap();
            assert!(terminal.backend().cursor_visible(), "{screen:?} {size:?}");
        }
    }
}

/// Any value a device could bring about, with any state and age.
fn any_reading() -> impl Strategy<Value = Reading> {
    let value = prop_oneof![
        Just(None),
        any::<f64>().prop_map(Some),
        Just(Some(f64::INFINITY)),
        Just(Some(-0.0)),
        (-1e6..1e6f64).prop_map(Some)
    ];
    let state = prop::sample::select(vec![State::Good, State::Estimated, State::Stale, State::Bad, State::Missing]);
    let unit = prop::sample::select(meterdeck::domain::unit::Unit::ALL);
    (value, state, any::<bool>(), -100i64..1_000_000, unit).prop_map(|(value, state, derived, age, unit)| Reading {
        value,
        state,
        derived,
        unit,
        at: site::now() - jiff::SignedDuration::from_secs(age),
    })
}

fn any_live() -> impl Strategy<Value = MeterLive> {
    let state = prop::sample::select(vec![MeterState::Ok, MeterState::Waiting, MeterState::Error, MeterState::Offline]);
    let quantity = prop::sample::select(Quantity::ALL);
    (state, prop::collection::btree_map(quantity, any_reading(), 0..12)).prop_map(|(state, readings)| MeterLive {
        state,
        fault: None,
        at: readings.values().map(|reading: &Reading| reading.at).next(),
        readings: readings.into_iter().collect(),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn no_size_and_no_values_make_it_fall(
        width in 1u16..=200,
        height in 1u16..=60,
        ascii in any::<bool>(),
        lives in prop::collection::vec(any_live(), 11),
        selected in 0usize..30,
        pane in prop::sample::select(vec![MeterPane::Readings, MeterPane::Chart, MeterPane::About]),
        values in prop::collection::vec(any::<(f64, f64, bool)>(), 0..300),
    ) {
        for (_, screen) in screens() {
            let mut model = model((width, height), screen, Options { ascii, ..Options::default() });
            let ids: Vec<_> = model.live.meters.keys().cloned().collect();
            model.live.meters = ids.into_iter().zip(lives.clone()).collect::<BTreeMap<_, _>>();
            rows::rebuild(&mut model);
            model.meters.selected = selected.min(model.meters.rows.len() - 1);
            model.tree.selected = selected.min(model.tree.rows.len() - 1);
            model.devices.selected = selected.min(model.devices.rows.len() - 1);
            model.meter_pane = pane;
            if let Some((_, chart)) = &mut model.chart.shown {
                let value = |(one, other, good): &(f64, f64, bool)| Column::Value {
                    mean: *one, min: one.min(*other), max: one.max(*other), good: *good,
                };
                chart.columns.extend(values.iter().map(value));
            }
            let text = text(&draw(&model, &Theme::default()));
            prop_assert!(!text.contains("NaN") && !text.contains("inf"), "{}", text);
            prop_assert!(!text.contains("-0.0 "), "{}", text);
        }
    }
}
