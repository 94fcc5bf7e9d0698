//! Tables and properties over small sites.

use std::{sync::Arc, time::Duration};

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::domain::{
    live::{MeterLive, MeterState},
    reading::Reading,
};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// `id point feed room parents kW`; a kW of "-" has no reading, "off" is an offline device, "none" has no device.
type Row = (&'static str, &'static str, Option<&'static str>, &'static str, &'static [&'static str], &'static str);

fn register() -> serde_json::Value {
    json!({ "quantity": "current_kw", "address": 0, "function": "holding", "raw_type": "F32", "words": "big", "bytes": "big",
        "scale": 1.0, "offset": 0.0, "unit": "kW", "encoding": "plain" })
}

fn meter(id: &str, point: &str, feed: Option<&str>, room: &str, fed_by: &[String], has_device: bool) -> Meter {
    let device = has_device.then_some("d");
    let registers = if has_device { json!([register()]) } else { json!([]) };
    serde_json::from_value(json!({ "id": id, "name": id, "meter_point": point, "status": "active", "feed_path": feed,
        "place": format!("room.{room}"), "device": device, "registers": registers, "reports": "primary", "fed_by": fed_by,
        "commodity": "electricity", "tags": [], "maintenance": {}, "utility_meter": [],
        "rated_capacity_kw": 100.0, "warning_threshold_percent": 80.0 }))
    .unwrap()
}

fn empty_site() -> Site {
    let place = |name: &str, parent: Option<&str>| json!({ "name": name, "parent": parent });
    let mut site: Site = serde_json::from_value(json!({ "name": "s", "time_zone": "UTC", "currency": "EUR", "data_dir": "/",
        "keep_samples": { "secs": 0, "nanos": 0 }, "demand_interval": { "secs": 900, "nanos": 0 },
        "places": { "building.b": place("b", None), "room.a": place("a", Some("building.b")), "room.b": place("b", Some("building.b")) },
        "devices": {}, "meters": {}, "profiles": {}, "accounts": {}, "customer_sites": {}, "submeters": {} }))
    .unwrap();
    let device = json!({ "id": "d", "link": { "protocol": "modbus-tcp", "address": "127.0.0.1:1" }, "unit": 1,
        "every": { "secs": 1, "nanos": 0 }, "timeout": { "secs": 1, "nanos": 0 }, "registers": [], "tags": [],
        "behaviour": { "max_registers": 125, "max_gap": 8, "pause_after_connect": { "secs": 0, "nanos": 0 },
            "pause_between": { "secs": 0, "nanos": 0 }, "single_connection": true, "close_after_poll": false, "busy_retries": 3 } });
    site.devices.insert("d".parse().unwrap(), serde_json::from_value(device).unwrap());
    site
}

fn live(kw: &str) -> MeterLive {
    let mut live = MeterLive { state: MeterState::Ok, at: Some(NOW), ..MeterLive::default() };
    if let Ok(kw) = kw.parse() {
        live.readings.insert(Quantity::CurrentKw, Reading::good(kw, Unit::Kilowatt, NOW));
    }
    if kw == "off" {
        live.state = MeterState::Offline;
        live.readings.insert(Quantity::CurrentKw, Reading::good(77.0, Unit::Kilowatt, NOW));
    }
    live
}

fn build(rows: &[Row]) -> (Site, Snapshot) {
    let (mut site, mut snapshot) = (empty_site(), Snapshot::default());
    for (id, point, feed, room, parents, kw) in rows {
        let parents: Vec<String> = parents.iter().map(|parent| (*parent).to_owned()).collect();
        let meter = meter(id, point, *feed, room, &parents, *kw != "none");
        snapshot.meters.insert(meter.id.clone(), live(kw));
        site.meters.insert(meter.id.clone(), meter);
    }
    (site, snapshot)
}

fn rolled_up(site: &Site, snapshot: &Snapshot, now: Timestamp) -> Rollups {
    Rollups::of(site, &Computed::of(site), snapshot, now)
}

fn key(text: &str) -> PlaceKey {
    PlaceKey::try_from(text.to_owned()).unwrap()
}

const CHAIN: &[Row] = &[
    ("main", "utility-entrance", Some("combined"), "a", &[], "100"),
    ("ups-a", "ups-output", Some("a"), "a", &["main"], "40"),
    ("ups-b", "ups-output", Some("b"), "a", &["main"], "30"),
    ("pdu-a", "rack-pdu", Some("a"), "b", &["ups-a"], "15"),
    ("pdu-b", "rack-pdu", Some("b"), "b", &["ups-b"], "10"),
    ("rack", "branch-circuit", None, "b", &["pdu-a", "pdu-b"], "24"),
];

#[test]
fn a_meter_and_what_it_feeds_never_count_twice() {
    let (site, snapshot) = build(CHAIN);
    let rollups = rolled_up(&site, &snapshot, NOW);
    let of = |place: &str| rollups.place(&key(place)).unwrap();
    assert_eq!(rollups.site().power.kw, Some(100.0));
    assert_eq!(of("building.b").power.kw, Some(100.0));
    assert_eq!(of("room.b").power.kw, Some(25.0));
    assert_eq!(of("room.b").power.counted, 2);
    assert_eq!(of("building.b").feeds[&FeedPath::A].kw, Some(40.0), "the feed's own topmost, below the common main");
    assert_eq!(of("room.b").feeds[&FeedPath::B].kw, Some(10.0));
    assert_eq!(rollups.it_power().1.kw, Some(25.0), "PDUs, as nothing is an IT load");
    assert_eq!(of("building.b").meters, 6);
}

#[test]
fn an_incomplete_total_says_which_is_missing() {
    for (kw, expected) in [("off", Some(15.0)), ("-", Some(15.0)), ("5", Some(20.0))] {
        let rows: Vec<Row> = CHAIN
            .iter()
            .map(|row| if row.0 == "pdu-b" { (row.0, row.1, row.2, row.3, row.4, kw) } else { *row })
            .collect();
        let (site, snapshot) = build(&rows);
        let rollups = rolled_up(&site, &snapshot, NOW);
        let power = &rollups.place(&key("room.b")).unwrap().power;
        assert_eq!(power.kw, expected, "{kw}");
        assert_eq!(power.is_complete(), kw == "5", "{kw}");
        assert_eq!(rollups.site().worst, if kw == "off" { Standing::Offline } else { Standing::Ok });
        assert!(rollups.site().power.is_complete(), "the main meter measures what the PDU takes");
    }
    let (site, snapshot) = build(&[("main", "utility-entrance", None, "a", &[], "off")]);
    let power = rolled_up(&site, &snapshot, NOW).site().power.clone();
    assert_eq!((power.kw, power.missing.len()), (None, 1), "nothing known is not zero");
}

#[test]
fn the_rule_looks_through_what_has_no_power_to_add() {
    let (site, snapshot) = build(&[
        ("hand", "utility-entrance", None, "a", &[], "none"),
        ("x", "main-switchgear", None, "a", &["hand"], "7"),
        ("y", "main-switchgear", None, "b", &["hand"], "8"),
    ]);
    let rollups = rolled_up(&site, &snapshot, NOW);
    assert_eq!(rollups.site().power.kw, Some(15.0));
    assert!(rollups.site().power.is_complete());
    assert_eq!(rollups.site().not_read, 1);
}

#[test]
fn a_generator_is_no_load_of_the_room_it_stands_in() {
    let (site, snapshot) = build(&[
        ("utility", "utility-entrance", None, "a", &[], "90"),
        ("generator", "generator-output", None, "b", &[], "10"),
        ("switch", "transfer-switch", None, "a", &["utility", "generator"], "100"),
        ("chiller", "mechanical-load", None, "b", &["switch"], "30"),
    ]);
    let rollups = rolled_up(&site, &snapshot, NOW);
    assert_eq!(rollups.place(&key("room.b")).unwrap().power.kw, Some(30.0), "what the room takes");
    assert_eq!(rollups.place(&key("building.b")).unwrap().power.kw, Some(100.0), "both sources");
    assert_eq!(rollups.site().power.kw, Some(100.0));
}

#[test]
fn stale_power_is_missing() {
    let (site, snapshot) = build(CHAIN);
    let later = NOW + Duration::from_secs(4);
    let rollups = rolled_up(&site, &snapshot, later);
    assert_eq!(rollups.site().power.kw, None);
    assert_eq!(rollups.site().worst, Standing::Stale);
}

#[test]
fn a_parent_against_its_children() {
    let (site, snapshot) = build(CHAIN);
    let of = |id: &str| balance(&site, &snapshot, &id.parse().unwrap(), NOW);
    let main = of("main").unwrap();
    assert_eq!((main.parent_kw, main.sum.kw, main.difference_kw), (Some(100.0), Some(70.0), Some(30.0)));
    assert_eq!(main.difference_percent(), Some(30.0));
    let shared = of("pdu-a").unwrap();
    assert_eq!((shared.shared.len(), shared.difference_kw), (1, None), "how much of it is A's is not known");
    assert_eq!(of("rack"), None);
    assert_eq!(of("nobody"), None);
}

#[test]
fn a_cycle_ends() {
    let (site, snapshot) =
        build(&[("x", "rack-pdu", None, "a", &["y"], "1"), ("y", "rack-pdu", None, "a", &["x"], "1")]);
    assert_eq!(rolled_up(&site, &snapshot, NOW).site().power.kw, None);
}

/// Meters whose parents come before them: (room, feed, parents as distances back, whole kW or nothing).
fn any_meters() -> impl Strategy<Value = Vec<(bool, u8, Vec<usize>, Option<u16>)>> {
    let parents = prop::collection::vec(1usize..5, 0..3);
    prop::collection::vec((any::<bool>(), 0u8..4, parents, prop::option::weighted(0.9, 0u16..500)), 0..14)
}

fn site_of(meters: &[(bool, u8, Vec<usize>, Option<u16>)], name: impl Fn(usize) -> String) -> (Site, Snapshot) {
    let (mut site, mut snapshot) = (empty_site(), Snapshot::default());
    for (index, (room, feed, parents, kw)) in meters.iter().enumerate() {
        let fed_by: BTreeSet<String> = parents.iter().filter_map(|back| index.checked_sub(*back)).map(&name).collect();
        let fed_by: Vec<String> = fed_by.into_iter().collect();
        let feed = [None, Some("a"), Some("b"), Some("combined")][usize::from(*feed)];
        let meter = meter(&name(index), "rack-pdu", feed, if *room { "a" } else { "b" }, &fed_by, true);
        snapshot.meters.insert(meter.id.clone(), live(&kw.map_or("-".to_owned(), |kw| kw.to_string())));
        site.meters.insert(meter.id.clone(), meter);
    }
    (site, snapshot)
}

/// What does not depend on names.
type Figures = (Option<f64>, usize, usize, Vec<(FeedPath, Option<f64>, usize)>, Standing);

fn figures(rollup: &Rollup) -> Figures {
    let feeds = rollup.feeds.iter().map(|(feed, power)| (*feed, power.kw, power.missing.len())).collect();
    (rollup.power.kw, rollup.power.counted, rollup.power.missing.len(), feeds, rollup.worst)
}

proptest! {
    #[test]
    fn names_and_their_order_change_nothing(meters in any_meters(), step in 0usize..7) {
        let (site, snapshot) = site_of(&meters, |index| format!("m{index:02}"));
        let (renamed, renamed_snapshot) = site_of(&meters, |index| format!("m{:02}", (index * (2 * step + 1)) % 16));
        let (one, other) = (rolled_up(&site, &snapshot, NOW), rolled_up(&renamed, &renamed_snapshot, NOW));
        // Whole kW add up exactly in any order.
        prop_assert_eq!(figures(one.site()), figures(other.site()));
        for place in site.places.keys() {
            prop_assert_eq!(figures(one.place(place).unwrap()), figures(other.place(place).unwrap()));
        }
    }

    #[test]
    fn an_unrelated_meter_changes_no_other_place(meters in any_meters()) {
        let (mut site, mut snapshot) = site_of(&meters, |index| format!("m{index:02}"));
        let before = rolled_up(&site, &snapshot, NOW);
        let mut new = meter("zz", "rack-pdu", Some("a"), "a", &[], true);
        new.place = None;
        site.meters.insert(new.id.clone(), new);
        snapshot.meters.insert("zz".parse().unwrap(), live("1000"));
        let after = rolled_up(&site, &snapshot, NOW);
        for place in site.places.keys() {
            prop_assert_eq!(before.place(place), after.place(place));
        }
        let more = after.site().power.kw.unwrap() - before.site().power.kw.unwrap_or_default();
        prop_assert!((more - 1000.0).abs() < 1e-6, "{more}");
    }

    #[test]
    fn no_metering_point_is_lost_or_counted_twice(meters in any_meters()) {
        let (site, snapshot) = site_of(&meters, |index| format!("m{index:02}"));
        let rollups = rolled_up(&site, &snapshot, NOW);
        let roots = meters.iter().enumerate().filter(|(index, (_, _, parents, _))| parents.iter().all(|back| back > index)).count();
        let power = &rollups.site().power;
        prop_assert_eq!(power.counted + power.missing.len(), roots);
        prop_assert_eq!(rollups.site().meters, meters.len());
    }
}

#[test]
fn what_counts() {
    let mut meter = meter("m", "rack-pdu", None, "a", &[], true);
    assert!(counts(&Statuses::default(), &meter));
    meter.status = crate::domain::site::MeterStatus::Planned;
    assert!(!counts(&Statuses::default(), &meter));
    meter.status = crate::domain::site::MeterStatus::Active;
    meter.registers = Arc::new([]);
    assert!(!counts(&Statuses::default(), &meter), "nothing reads power");
}
