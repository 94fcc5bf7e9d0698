//! Dispatch with the real program over real sockets: simulated equipment, the service as a process, commands as its clients.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where what it needs is not there"
)]

#[path = "dispatch/rig.rs"]
mod rig;

use std::{thread::sleep, time::Duration};

use meterdeck::device::simulator::Behaviour;
use rig::{Rig, seconds};

/// What every limit register holds at first: 22.0 kW.
const BEFORE: u16 = 220;

fn state(event: &serde_json::Value, device: &str) -> String {
    let actions = event["actions"].as_array().unwrap();
    let action = actions.iter().find(|action| action["device"] == device);
    action.unwrap_or_else(|| panic!("{device} is not in {event}"))["state"].as_str().unwrap().to_owned()
}

#[test]
fn a_sites_event_moves_its_devices_and_no_other_and_everything_comes_back() {
    let rig = Rig::start();
    let planned = rig.json(&["dispatch", "plan", "--meter", "m-north", "--max", "--duration", "4s"]);
    assert_eq!((planned["expectedKw"].as_f64(), planned["actions"].as_array().unwrap().len()), (Some(22.0), 2));
    assert_eq!(rig.limits(), [BEFORE; 3], "a plan moves nothing");
    let event = rig.start_event("m-north", &["--max"], "4s");
    rig.until("both are held", || (rig.limits() == [0, 0, BEFORE]).then_some(()));
    let shown = rig.until("held", || {
        let shown = rig.json(&["dispatch", "show", &event]);
        (state(&shown, "charger-1") == "holding" && state(&shown, "charger-2") == "holding").then_some(shown)
    });
    assert_eq!((shown["state"].as_str(), shown["source"].as_str()), (Some("active"), Some("operator")));
    let action = &shown["actions"][0];
    assert_eq!((action["before"].as_f64(), action["readBack"].as_f64()), (Some(22.0), Some(0.0)));
    assert_eq!(action["command"], serde_json::json!({"register": 2000, "value": 0, "unit": "kW"}));
    rig.until("completed", || (rig.json(&["dispatch", "show", &event])["state"] == "completed").then_some(()));
    assert_eq!(rig.limits(), [BEFORE; 3]);
    let event = rig.start_event("m-device", &["--limit-kw", "6"], "3s");
    rig.until("one is held", || (rig.limits() == [BEFORE, 60, BEFORE]).then_some(()));
    let cancelled = rig.json(&["dispatch", "cancel", &event]);
    assert_eq!(cancelled["state"], "cancelled");
    rig.until("it is back", || (rig.limits() == [BEFORE; 3]).then_some(()));
    // The revert timer too is as it was.
    assert_eq!(rig.word("charger-2", 2020), 0);
    let (code, _) =
        rig.run(&["dispatch", "start", "--meter", "m-device", "--limit-kw", "23", "--duration", "5s", "--yes"]);
    assert_eq!(code, 1, "outside its limits");
    let (code, _) = rig.run(&["dispatch", "start", "--meter", "nobody", "--max", "--duration", "5s", "--yes"]);
    assert_eq!(code, 1, "not ours");
    rig.assert_only_lawful_writes();
}

#[test]
fn a_service_that_is_killed_takes_up_what_it_held() {
    let mut rig = Rig::start();
    let event = rig.start_event("m-north", &["--max"], "6s");
    rig.until("both are held", || (rig.limits() == [0, 0, BEFORE]).then_some(()));
    rig.kill();
    rig.serve();
    let shown = rig.until("held again", || {
        let shown = rig.json(&["dispatch", "show", &event]);
        (state(&shown, "charger-1") == "holding").then_some(shown)
    });
    assert_eq!(shown["state"], "active", "it goes on until its own end");
    assert_eq!(rig.limits(), [0, 0, BEFORE]);
    rig.until("back at its end", || (rig.limits() == [BEFORE; 3]).then_some(()));
    // Dead past the end.
    let event = rig.start_event("m-north", &["--max"], "2s");
    rig.until("both are held", || (rig.limits() == [0, 0, BEFORE]).then_some(()));
    rig.kill();
    sleep(seconds(2.5));
    assert_eq!(rig.limits(), [0, 0, BEFORE]);
    rig.serve();
    rig.until("back after the start", || (rig.limits() == [BEFORE; 3]).then_some(()));
    rig.until("completed", || (rig.json(&["dispatch", "show", &event])["state"] == "completed").then_some(()));
    rig.assert_only_lawful_writes();
}

#[test]
fn a_device_that_acknowledges_and_ignores_fails_and_one_that_is_away_is_put_back_when_it_returns() {
    let rig = Rig::start();
    rig.behave("charger-1", [Behaviour::IgnoresWrites]);
    let event = rig.start_event("m-north", &["--max"], "14s");
    let shown = rig.until("failed", || {
        let shown = rig.json(&["dispatch", "show", &event]);
        assert_ne!(state(&shown, "charger-1"), "holding");
        (state(&shown, "charger-1") == "failed").then_some(shown)
    });
    assert!(shown["actions"][0]["reason"].as_str().unwrap().contains("NOT CONFIRMED"), "{shown}");
    assert_eq!(state(&shown, "charger-2"), "holding");
    rig.behave("charger-2", [Behaviour::Silent]);
    rig.until("pending", || {
        (state(&rig.json(&["dispatch", "show", &event]), "charger-2") == "restore_pending").then_some(())
    });
    assert_eq!(rig.limits(), [BEFORE, 0, BEFORE]);
    rig.behave("charger-2", []);
    rig.until("back", || (state(&rig.json(&["dispatch", "show", &event]), "charger-2") == "restored").then_some(()));
    assert_eq!(rig.limits(), [BEFORE; 3]);
    rig.assert_only_lawful_writes();
}

#[test]
fn messages_of_a_programme_are_taken_once_and_replaced_by_id() {
    let mut rig = Rig::start();
    let now = jiff::Timestamp::now();
    let slot = |kw: &str, ends: i64, cancelled: bool| {
        let end = now + jiff::SignedDuration::from_secs(ends);
        format!(
            r#"{{"results":[{{"meter_id":"m-north","timeslots":[{{"meter_event_id":"e-1","start_time":"{now}","end_time":"{end}",
            "cancelled":{cancelled},"energy_kw":{kw},"priority":1,"is_voluntary":false,"programs":["CCA"],
            "performance_compensation_cap":"up-to-nomination","dispatch_event_types":["standard"]}}]}}]}}"#
        )
    };
    let import = |rig: &mut Rig, text: &str| {
        rig.write("events.json", text);
        let file = rig.path("events.json");
        rig.json(&["dispatch", "import", &file])["answers"][0].clone()
    };
    assert_eq!(import(&mut rig, &slot("11", 60, false))["changed"], true);
    rig.until("half of each", || (rig.limits() == [55, 55, BEFORE]).then_some(()));
    assert_eq!(import(&mut rig, &slot("11", 60, false))["changed"], false);
    assert_eq!(import(&mut rig, &slot("null", 60, false))["changed"], true);
    rig.until("as much as possible", || (rig.limits() == [0, 0, BEFORE]).then_some(()));
    assert_eq!(import(&mut rig, &slot("null", 60, true))["state"], "cancelled");
    rig.until("back", || (rig.limits() == [BEFORE; 3]).then_some(()));
    assert_eq!(import(&mut rig, &slot("null", 60, false))["state"], "cancelled", "late: it is over");
    sleep(seconds(1.0));
    assert_eq!(rig.limits(), [BEFORE; 3]);
    rig.assert_only_lawful_writes();
}

/// METERDECK_KILLS: how many; 30 without it.
#[test]
fn nothing_stays_unrestored_however_often_the_service_is_killed() {
    let kills: u32 = std::env::var("METERDECK_KILLS").map_or(30, |kills| kills.parse().unwrap());
    let mut random = fastrand::Rng::new();
    let seed = random.get_seed();
    let mut rig = Rig::start();
    let mut slowest = Duration::ZERO;
    for kill in 1..=kills {
        rig.start_event("m-north", &["--max"], "1s");
        sleep(Duration::from_millis(random.u64(0..1_300)));
        rig.kill();
        sleep(Duration::from_millis(random.u64(0..500)));
        let began = std::time::Instant::now();
        rig.serve();
        rig.until(&format!("kill {kill} (seed {seed})"), || (rig.limits() == [BEFORE; 3]).then_some(()));
        slowest = slowest.max(began.elapsed());
    }
    rig.assert_only_lawful_writes();
    println!("{kills} kills, 0 unrestored, the slowest back {slowest:?} after the start (seed {seed})");
}
