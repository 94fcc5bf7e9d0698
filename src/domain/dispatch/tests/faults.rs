//! Every fault at every step of a dispatch: it is put back, and what it shows on the way is true.

use std::time::Duration;

use jiff::SignedDuration;

use super::{
    super::{ActionState, EventState, Wanted, grip::Phase},
    world::{BASE, Manner, World},
};

const STEPS: [&str; 14] = [
    "planned",
    "arming",
    "armed",
    "writing",
    "written",
    "verified",
    "holding",
    "held for long",
    "at the end",
    "looked",
    "writing back",
    "written back",
    "restored",
    "long after",
];

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    None,
    Crash,
    CrashLosingJobs,
    LongCrash,
    Away,
    AwayForLong,
    Ignores,
    Clamps,
    Late,
    Refuses,
    LosesAnswers,
    Reboots,
    ClockForward,
    ClockBack,
    Cancel,
    Abort,
}

const FAULTS: [Fault; 16] = [
    Fault::None,
    Fault::Crash,
    Fault::CrashLosingJobs,
    Fault::LongCrash,
    Fault::Away,
    Fault::AwayForLong,
    Fault::Ignores,
    Fault::Clamps,
    Fault::Late,
    Fault::Refuses,
    Fault::LosesAnswers,
    Fault::Reboots,
    Fault::ClockForward,
    Fault::ClockBack,
    Fault::Cancel,
    Fault::Abort,
];

/// Runs to a step of a dispatch of two minutes.
fn to_step(world: &mut World, step: usize) {
    let event = world.start(&["dev-a"], Wanted::Max, 1, 120);
    assert!(event.is_some());
    let milliseconds = match step {
        0 => 500,
        1 => 1_001,
        2 => 1_010,
        3 => 1_030,
        4 => 1_050,
        5 => 1_080,
        6 => 3_000,
        7 => 60_000,
        8 => 121_001,
        9 => 121_010,
        10 => 121_030,
        11 => 121_050,
        12 => 121_200,
        _ => 180_000,
    };
    world.run_until(world.now + Duration::from_millis(milliseconds));
}

fn strike(world: &mut World, fault: Fault) {
    let manner = |world: &mut World, manner| {
        world.device("a").manner = manner;
        world.run(40);
        world.device("a").manner = Manner::Good;
    };
    match fault {
        Fault::None => {}
        Fault::Crash | Fault::CrashLosingJobs | Fault::LongCrash => {
            world.crash(fault == Fault::CrashLosingJobs);
            world.run(if fault == Fault::LongCrash { 300 } else { 2 });
            world.restart();
        }
        Fault::Away | Fault::AwayForLong => {
            world.device("a").is_away = true;
            world.run(if fault == Fault::AwayForLong { 900 } else { 15 });
            world.device("a").is_away = false;
        }
        Fault::Ignores => manner(world, Manner::Ignores),
        Fault::Clamps => manner(world, Manner::Clamps(60)),
        Fault::Late => manner(world, Manner::Late(Duration::from_secs(20))),
        Fault::Refuses => manner(world, Manner::Refuses),
        Fault::LosesAnswers => manner(world, Manner::LosesAnswers),
        Fault::Reboots => world.device("a").reboot(),
        Fault::ClockForward => world.wall_off += SignedDuration::from_hours(1),
        Fault::ClockBack => world.wall_off += SignedDuration::from_hours(-1),
        Fault::Cancel => {
            for event in world.open() {
                world.with(|desk, now| desk.cancel(&event, "ada", now));
            }
        }
        Fault::Abort => drop(world.with(|desk, now| desk.abort("ada", now))),
    }
}

fn assert_settled(world: &mut World, what: &str) {
    // A clock that was put back keeps an event waiting by so much at most.
    world.run(3_600 + 300);
    let journal: Vec<String> =
        world.rows.iter().map(|row| format!("{} {:?} {}", row.at, row.subject, row.what)).collect();
    assert_eq!(world.broken, [] as [&str; 0], "{what}\n{}", journal.join("\n"));
    assert_eq!((world.phase("a"), world.device("a").held), (Phase::Free, BASE), "{what}\n{}", journal.join("\n"));
    assert!(world.open().is_empty(), "{what}\n{}", journal.join("\n"));
}

#[test]
fn every_fault_at_every_step_is_survived() {
    for (step, name) in STEPS.iter().enumerate() {
        for fault in FAULTS {
            let mut world = World::new(step as u64);
            to_step(&mut world, step);
            strike(&mut world, fault);
            assert_settled(&mut world, &format!("{fault:?} while {name}"));
        }
    }
}

/// Every pair of faults, one after the other, at every step: with METERDECK_PAIRS, as it takes minutes; else at two steps.
#[test]
fn every_pair_of_faults_is_survived() {
    let all = std::env::var_os("METERDECK_PAIRS").is_some();
    for step in (0..STEPS.len()).filter(|step| all || matches!(step, 4 | 7)) {
        for (first, second) in FAULTS.iter().flat_map(|first| FAULTS.map(|second| (*first, second))) {
            let mut world = World::new(step as u64);
            to_step(&mut world, step);
            strike(&mut world, first);
            strike(&mut world, second);
            assert_settled(&mut world, &format!("{first:?}, then {second:?} at {}", STEPS[step]));
        }
    }
}

#[test]
fn a_device_that_acknowledges_and_ignores_fails_and_is_never_shown_as_holding() {
    let mut world = World::new(1);
    world.device("a").manner = Manner::Ignores;
    let event = world.start(&["dev-a"], Wanted::Max, 0, 600).unwrap();
    world.run(60);
    let action = |world: &World| world.desk.as_ref().unwrap().event(&event).unwrap().actions[0].clone();
    assert_eq!(action(&world).state, ActionState::Failed);
    assert!(action(&world).reason.unwrap().to_string().contains("NOT CONFIRMED: asked 0 kW, device holds 20"));
    assert_eq!(action(&world).way_back.unwrap().word(), "restored");
    assert!(!world.rows.iter().any(|row| row.what.contains("holding")));
    world.run(600);
    assert_eq!(world.desk.as_ref().unwrap().event(&event).unwrap().state, EventState::Completed);
    assert_eq!(action(&world).state, ActionState::Failed, "it stays failed");
}

#[test]
fn a_device_that_is_away_at_the_end_is_tried_until_it_is_back() {
    let mut world = World::new(2);
    let event = world.start(&["site-n"], Wanted::Max, 0, 60).unwrap();
    world.run(30);
    world.device("a").is_away = true;
    world.run(40);
    let state = |world: &World, place: usize| world.desk.as_ref().unwrap().event(&event).unwrap().actions[place].state;
    assert_eq!((state(&world, 0), state(&world, 1)), (ActionState::RestorePending, ActionState::Restored));
    assert_eq!(world.desk.as_ref().unwrap().event(&event).unwrap().state, EventState::Completed);
    world.run(3 * 3_600);
    assert_eq!((state(&world, 0), world.device("a").held), (ActionState::RestorePending, 0));
    world.crash(true);
    world.run(10);
    world.restart();
    world.run(10);
    world.device("a").is_away = false;
    world.run(62);
    assert_eq!((state(&world, 0), world.device("a").held), (ActionState::Restored, BASE));
}

#[test]
fn what_somebody_else_has_set_is_not_overwritten_and_a_person_decides() {
    for restores in [true, false] {
        let mut world = World::new(3);
        let event = world.start(&["dev-a"], Wanted::Max, 0, 120).unwrap();
        world.run(30);
        world.interfere("a", 250);
        world.run(200);
        assert_eq!((world.phase("a"), world.device("a").held), (Phase::Conflict, 250));
        let shown = world.desk.as_ref().unwrap().event(&event).unwrap().clone();
        assert_eq!((shown.state, shown.actions[0].state), (EventState::Completed, ActionState::Conflict));
        assert!(shown.actions[0].reason.as_ref().unwrap().to_string().contains("CHANGED BY OTHERS: 0 -> 25 kW"));
        let id = super::world::device("a");
        world.with(|desk, now| desk.resolve(&id, restores, "eve", now)).unwrap().unwrap();
        world.broken.clear(); // The person's decision is the exception to the rule that the world checks.
        world.run(30);
        assert_eq!((world.phase("a"), world.device("a").held), (Phase::Free, if restores { BASE } else { 250 }));
    }
}

#[test]
fn a_device_that_reboots_gets_its_command_again() {
    let mut world = World::new(4);
    let event = world.start(&["dev-a"], Wanted::Max, 0, 120).unwrap();
    world.run(30);
    world.device("a").reboot();
    world.run(8);
    assert_eq!((world.phase("a"), world.device("a").held), (Phase::Holding, 0));
    let reason = world.desk.as_ref().unwrap().event(&event).unwrap().actions[0].reason.clone();
    assert_eq!(reason.unwrap().to_string(), "LIMIT LOST, re-applied 1 times");
}
