//! Planning, limits, interlocks, confirmation, and two events on one device.

use std::time::Duration;

use jiff::SignedDuration;
use proptest::prelude::*;

use super::{
    super::{
        ActionState, Draft, EventState, TestKind, Wanted,
        desk::{Refusal, SELECT_VALID},
        grip::Phase,
        interlock,
    },
    world::{BASE, World, device, meter},
};
use crate::domain::programme::EventId;

fn held(world: &mut World) -> [u16; 3] {
    ["a", "b", "c"].map(|id| world.device(id).held)
}

#[test]
fn a_sites_event_moves_all_of_its_devices_and_a_devices_event_only_the_one() {
    let mut world = World::new(1);
    world.start(&["site-n"], Wanted::Max, 0, 60).unwrap();
    world.run(30);
    assert_eq!(held(&mut world), [0, 0, BASE]);
    world.run(60);
    assert_eq!(held(&mut world), [BASE; 3]);
    world.start(&["dev-b"], Wanted::LimitKw(5.0), 0, 60).unwrap();
    world.run(30);
    assert_eq!(held(&mut world), [BASE, 50, BASE]);
    world.run(60);
    assert_eq!(held(&mut world), [BASE; 3]);
}

#[test]
fn the_stricter_command_stands_at_every_moment_and_the_first_value_comes_back() {
    let mut world = World::new(2);
    let loose = world.start(&["site-n"], Wanted::LimitKw(8.0), 0, 300).unwrap();
    world.run(20);
    assert_eq!(held(&mut world), [80, 80, BASE]);
    world.start(&["dev-a"], Wanted::LimitKw(3.0), 0, 60).unwrap();
    world.run(20);
    assert_eq!(held(&mut world), [30, 80, BASE]);
    world.run(60);
    assert_eq!(held(&mut world), [80, 80, BASE], "the looser one goes on");
    let message = world.message("e", &["dev-a"], Some(20.0), -10, 600);
    world.with(|desk, now| desk.message(&message, None, now));
    world.run(20);
    assert_eq!(held(&mut world), [0, 80, BASE]);
    world.with(|desk, now| desk.cancel(&loose, "ada", now)).unwrap().unwrap();
    world.run(20);
    assert_eq!(held(&mut world), [0, BASE, BASE]);
    let mut update = message;
    update.is_cancelled = true;
    world.with(|desk, now| desk.message(&update, None, now));
    world.run(20);
    assert_eq!(held(&mut world), [BASE; 3]);
    let events = world.desk.as_ref().unwrap().events();
    for action in events.iter().flat_map(|event| &event.actions) {
        assert_eq!(action.state, ActionState::Restored, "{action:?}");
        assert_eq!(action.before.as_ref().unwrap().words, [BASE]);
    }
}

#[test]
fn an_update_changes_times_and_kw_of_an_event_under_way() {
    let mut world = World::new(3);
    let message = world.message("e", &["site-n"], Some(20.0), 0, 300);
    world.with(|desk, now| desk.message(&message, None, now));
    world.run(20);
    assert_eq!(held(&mut world), [100, 100, BASE], "20 of 40 kW, half of each");
    let mut update = message.clone();
    update.wanted = Wanted::Max;
    update.end = Some(world.moment().wall + SignedDuration::from_secs(40));
    world.with(|desk, now| desk.message(&update, None, now));
    world.run(20);
    assert_eq!(held(&mut world), [0, 0, BASE]);
    world.run(30);
    assert_eq!(held(&mut world), [BASE; 3]);
    // Late, and again: it is over.
    let answer = world.with(|desk, now| desk.message(&message, None, now)).unwrap();
    assert_eq!((answer.state, answer.changed), (Some(EventState::Completed), false));
    world.run(30);
    assert_eq!(held(&mut world), [BASE; 3]);
}

#[test]
fn only_armed_programmes_start_by_themselves() {
    let mut world = World::new(4);
    let base = world.message("e", &["dev-a"], None, 0, 300);
    let cases = [
        ("voluntary", EventState::Proposed),
        ("not armed", EventState::Proposed),
        ("no programme", EventState::Proposed),
        ("communication", EventState::Proposed),
        ("integration", EventState::Rejected),
        ("nobody", EventState::Rejected),
        ("too late", EventState::Expired),
    ];
    for (name, expected) in cases {
        let mut message = base.clone();
        message.id = EventId::new(&name.replace(' ', "-")).unwrap();
        match name {
            "voluntary" => message.is_voluntary = true,
            "not armed" => message.programmes = vec!["CCA".into(), "ELRP".into()],
            "no programme" => message.programmes.clear(),
            "communication" => message.test = TestKind::Communication,
            "integration" => message.test = TestKind::Integration,
            "nobody" => message.meters = vec![meter("nobody")],
            _ => (message.start, message.end) = (base.start - SignedDuration::from_hours(2), Some(base.start)),
        }
        let answer = world.with(|desk, now| desk.message(&message, None, now)).unwrap();
        assert_eq!(answer.state, Some(expected), "{name}");
        assert!(answer.reason.is_some(), "{name}");
    }
    world.run(30);
    assert_eq!(held(&mut world), [BASE; 3]);
    // A person confirms one of them.
    let id = EventId::new("voluntary").unwrap();
    let select = world.with(|desk, now| desk.review(&id, now)).unwrap().unwrap().select;
    world.with(|desk, now| desk.confirm(&id, &select, "ada", now)).unwrap().unwrap();
    world.run(30);
    assert_eq!(held(&mut world), [0, BASE, BASE]);
    world.run(600);
    assert_eq!(held(&mut world), [BASE; 3]);
    for event in world.desk.as_ref().unwrap().events() {
        assert!(event.state.is_final(), "{event:?}");
    }
}

#[test]
fn what_cannot_be_meant_is_refused_and_moves_nothing() {
    let mut world = World::new(5);
    let good = world.message("e", &["dev-a"], None, 10, 300);
    let mut wrong = vec![good.clone(); 6];
    wrong[0].end = Some(good.start);
    wrong[1].meters.clear();
    wrong[2].wanted = Wanted::ReductionKw(0.0);
    wrong[3].wanted = Wanted::ReductionKw(f64::NAN);
    wrong[4].start = good.start + SignedDuration::from_hours(24 * 400);
    wrong[4].end = None;
    wrong[5].end = Some(good.start + SignedDuration::from_hours(25));
    for message in wrong {
        let answer = world.with(|desk, now| desk.message(&message, None, now)).unwrap();
        assert_eq!((answer.state, answer.changed), (None, false), "{message:?}");
    }
    let draft = |wanted, start: i64, seconds| Draft {
        meters: vec![meter("dev-a")],
        wanted,
        start: Some(good.start + SignedDuration::from_secs(start)),
        duration: Duration::from_secs(seconds),
    };
    for (draft, is_planned) in [
        (draft(Wanted::Max, -600, 60), false),
        (draft(Wanted::Max, 0, 0), false),
        (draft(Wanted::Max, 0, 90_000), false),
        (draft(Wanted::LimitKw(f64::NAN), 0, 60), false),
        (draft(Wanted::LimitKw(31.0), 0, 60), true),
        (draft(Wanted::LimitKw(-1.0), 0, 60), true),
        (draft(Wanted::LimitKw(3.05), 0, 60), true),
    ] {
        let planned = world.with(|desk, now| desk.plan(&draft, now)).unwrap();
        assert_eq!(planned.is_ok(), is_planned, "{draft:?}");
        let Ok(planned) = planned else { continue };
        assert_eq!((planned.plan.actions.len(), planned.plan.left_out.len()), (0, 1), "{draft:?}");
        let started = world.with(|desk, now| desk.start(&draft, &planned.select, "ada", now)).unwrap();
        assert!(matches!(started, Err(Refusal::Invalid(_))), "{draft:?}: {started:?}");
    }
    world.run(700);
    assert_eq!(held(&mut world), [BASE; 3]);
    assert!(world.devices.values().all(|device| device.writes.is_empty()));
}

#[test]
fn a_plan_is_confirmed_once_soon_and_as_it_was_shown() {
    let mut world = World::new(6);
    let draft =
        Draft { meters: vec![meter("dev-a")], wanted: Wanted::Max, start: None, duration: Duration::from_mins(1) };
    let plan = |world: &mut World| world.with(|desk, now| desk.plan(&draft, now)).unwrap().unwrap().select;
    let start = |world: &mut World, draft: &Draft, select: &str| {
        world.with(|desk, now| desk.start(draft, select, "ada", now)).unwrap()
    };
    let select = plan(&mut world);
    let other = Draft { wanted: Wanted::LimitKw(1.0), ..draft.clone() };
    assert!(start(&mut world, &other, &select).is_err(), "another draft");
    assert!(start(&mut world, &draft, &select).is_err(), "a select that was used");
    let select = plan(&mut world);
    world.run(SELECT_VALID.as_secs() + 1);
    assert!(start(&mut world, &draft, &select).is_err(), "too old");
    assert!(start(&mut world, &draft, "select-99").is_err(), "never given");
    let select = plan(&mut world);
    assert!(start(&mut world, &draft, &select).is_ok());
    assert!(start(&mut world, &draft, &select).is_err(), "a second time");
    world.run(200);
    assert_eq!(world.device("a").writes, [0, BASE]);
}

#[test]
fn an_event_never_loosens_what_a_device_holds() {
    let mut world = World::new(7);
    world.interfere("a", 20);
    let event = world.start(&["dev-a"], Wanted::LimitKw(5.0), 0, 60).unwrap();
    world.run(30);
    let action = world.desk.as_ref().unwrap().event(&event).unwrap().actions[0].clone();
    assert_eq!((action.state, world.device("a").writes.len()), (ActionState::Skipped, 0));
    assert_eq!(action.reason.unwrap().to_string(), "it holds 2 kW already");
}

#[test]
fn flash_is_written_so_often_a_day_and_put_back_all_the_same() {
    let mut world = World::new(8);
    world.start(&["site-s"], Wanted::Max, 0, 7_200).unwrap();
    for _ in 0..300 {
        world.run(12);
        world.device("c").reboot();
    }
    world.run(4_000);
    let writes = world.device("c").writes.len();
    assert!((200..=201).contains(&writes), "{writes}");
    assert_eq!((world.phase("c"), world.device("c").held), (Phase::Free, BASE));
}

#[test]
fn clocks_that_jump_make_no_event_longer_and_begin_none_early() {
    let mut world = World::new(9);
    world.start(&["dev-a"], Wanted::Max, 0, 120).unwrap();
    world.run(10);
    world.wall_off += SignedDuration::from_hours(-1);
    world.run(115);
    assert_eq!(held(&mut world), [BASE; 3], "it ended by the clock that does not jump");
    world.start(&["dev-a"], Wanted::Max, 300, 600).unwrap();
    world.wall_off += SignedDuration::from_hours(1);
    world.run(200);
    assert_eq!(held(&mut world), [BASE; 3], "it does not begin early");
    assert!(world.desk.as_ref().unwrap().jumped_ms() < 10_000, "back and forth");
}

#[test]
fn starts_are_spread_evenly_and_the_same_every_time() {
    let most = Duration::from_mins(1);
    let event = EventId::new("e").unwrap();
    let starts = |name: &dyn Fn(u32) -> String| -> Vec<f64> {
        let mut all: Vec<f64> = (0..10_000)
            .map(|number| {
                let device = device(&name(number));
                let jitter = super::super::desk::start_after(&device, &event, Some(most));
                assert_eq!(jitter, super::super::desk::start_after(&device, &event, Some(most)));
                jitter.as_secs_f64() / most.as_secs_f64()
            })
            .collect();
        all.sort_by(f64::total_cmp);
        all
    };
    let all = starts(&|number| format!("charger-{number}"));
    // Kolmogorov and Smirnov's distance from the even distribution; 1.63 / √n is passed by chance in 1 of 100.
    let count = all.len() as f64;
    let distance =
        all.iter().enumerate().map(|(place, value)| (value - place as f64 / count).abs()).fold(0.0, f64::max);
    assert!(distance < 1.63 / count.sqrt(), "{distance}");
}

proptest! {
    #[test]
    fn nothing_outside_limits_is_ever_planned(limit in -1e6_f64..1e6, reduction in 0.01_f64..100.0) {
        let mut world = World::new(1);
        for wanted in [Wanted::LimitKw(limit), Wanted::ReductionKw(reduction), Wanted::Max] {
            let draft = Draft { meters: vec![meter("site-n")], wanted, start: None, duration: Duration::from_mins(1) };
            let planned = world.with(|desk, now| desk.plan(&draft, now)).unwrap().unwrap();
            for action in &planned.plan.actions {
                let control = world.site.devices[&action.device].control.as_ref().unwrap();
                let value = action.command.value;
                prop_assert_eq!(interlock::limits(control, value), None);
                prop_assert_eq!(interlock::step(control, value), None);
                prop_assert_eq!(interlock::representable(&control.limit, value), None);
            }
        }
    }
}
