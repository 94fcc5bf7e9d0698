//! Random histories with faults: after each, with the faults gone, everything is where it was.

use std::time::Duration;

use jiff::SignedDuration;

use super::{
    super::{Wanted, grip::Phase},
    world::{MAX, Manner, World},
};

/// A day.
const DAY: Duration = Duration::from_hours(24);
/// The devices.
const DEVICES: [&str; 3] = ["a", "b", "c"];

/// One day of a site, of a seed. What is broken, with its history.
#[expect(clippy::too_many_lines, reason = "one arm for each thing that happens")]
fn history(seed: u64) -> (Vec<String>, String) {
    let mut world = World::new(seed);
    let mut told = String::new();
    let mut number = 0;
    let mut down_until: Option<Duration> = None;
    while world.now < DAY {
        let wait = Duration::from_secs_f64(-(1.0 - world.random.f64()).ln() * 240.0);
        let next = (world.now + wait).min(DAY);
        if let Some(until) = down_until.filter(|until| *until <= next) {
            world.run_until(until);
            world.restart();
            down_until = None;
            told += &format!("{:?} restart\n", world.now);
        }
        world.run_until(next);
        let choice = world.random.u32(0..100);
        let id = DEVICES[world.random.usize(..3)];
        told += &format!("{:?} {choice} {id}\n", world.now);
        match choice {
            0..20 => {
                let meters: &[&str] = [&["site-n"][..], &["dev-a"], &["site-s", "dev-b"]][world.random.usize(..3)];
                let limit = f64::from(world.random.u16(0..340)) / 10.0;
                let wanted = if world.random.bool() { Wanted::Max } else { Wanted::LimitKw(limit) };
                let (start, length) = (world.random.u64(0..120), world.random.u64(20..1_500));
                world.start(meters, wanted, start, length);
            }
            20..40 => {
                // New, or again: an update, or the same once more.
                number += u32::from(world.random.bool());
                let meters: &[&str] = [&["site-n"][..], &["dev-a"], &["site-s"], &["nobody"]][world.random.usize(..4)];
                let kw = world.random.bool().then(|| f64::from(world.random.u16(1..500)) / 10.0);
                let (start, length) = (world.random.i64(-300..300), world.random.i64(-5..1_500));
                let mut message = world.message(&format!("e-{number}"), meters, kw, start, length);
                message.is_cancelled = world.random.u32(0..4) == 0;
                message.priority = world.random.u8(1..=10);
                message.end = message.end.filter(|_| world.random.u32(0..8) != 0);
                world.with(|desk, now| desk.message(&message, None, now));
                world.with(|desk, now| desk.message(&message, None, now));
            }
            40..48 => {
                let open = world.open();
                if let Some(event) = open.iter().nth(world.random.usize(..=open.len())) {
                    let done = world.with(|desk, now| desk.cancel(event, "ada", now));
                    assert_ne!(done.map(|done| done.is_err()), Some(true), "I9: a cancel was refused");
                }
            }
            48..51 => drop(world.with(|desk, now| desk.abort("ada", now))),
            51..61 => {
                let away = world.random.bool();
                world.device(id).is_away = away;
            }
            61..71 => {
                let late = Duration::from_millis(world.random.u64(100..20_000));
                let manners = [Manner::Good, Manner::Ignores, Manner::Clamps(80), Manner::Late(late)];
                let more = [Manner::Refuses, Manner::LosesAnswers, Manner::Silent, Manner::Good];
                let all: Vec<Manner> = manners.into_iter().chain(more).collect();
                let manner = all[world.random.usize(..all.len())];
                world.device(id).manner = manner;
            }
            71..77 => world.device(id).reboot(),
            77..82 => {
                let word = world.random.u16(240..MAX);
                world.interfere(id, word);
            }
            82..86 => world.leave(id),
            86..94 if down_until.is_none() => {
                let loses_jobs = world.random.bool();
                world.crash(loses_jobs);
                down_until = Some(world.now + Duration::from_secs(world.random.u64(0..900)));
            }
            94..97 => world.wall_off += SignedDuration::from_secs(world.random.i64(-3_700..3_700)),
            _ => {}
        }
    }
    calm_down(&mut world, down_until.is_some());
    let journal = world.rows.iter().map(|row| format!("{} {:?}: {}\n", row.at, row.subject, row.what));
    told.extend(journal);
    (std::mem::take(&mut world.broken), told)
}

/// The faults stop, people decide; then everything settles.
fn calm_down(world: &mut World, is_down: bool) {
    if is_down {
        world.restart();
    }
    for id in DEVICES {
        (world.device(id).manner, world.device(id).is_away) = (Manner::Good, false);
    }
    let ids = world.open();
    for event in ids {
        world.with(|desk, now| desk.cancel(&event, "ada", now));
    }
    // A device that did not answer for long is tried once a minute.
    world.run(130);
    for id in DEVICES {
        world.leave(id);
    }
    world.run(60);
    for id in DEVICES {
        let phase = world.phase(id);
        if phase != Phase::Free {
            world.broken.push(format!("I14: {id} is {phase:?} long after the faults"));
        }
    }
    let unrestored = world.unrestored();
    if !unrestored.is_empty() {
        world.broken.push(format!("I5: {unrestored:?}"));
    }
    let open = world.open();
    if !open.is_empty() {
        world.broken.push(format!("I4: {open:?} never end"));
    }
}

#[test]
fn nothing_is_broken_by_any_history() {
    let seeds: u64 = std::env::var("METERDECK_SEEDS").map_or(30, |seeds| seeds.parse().unwrap());
    let first: u64 = std::env::var("METERDECK_SEED").map_or(1, |seed| seed.parse().unwrap());
    for seed in first..first + seeds {
        let (broken, told) = history(seed);
        assert!(
            broken.is_empty(),
            "seed {seed}:\n{}\n{told}",
            broken.iter().take(5).cloned().collect::<Vec<_>>().join("\n")
        );
    }
}

#[test]
fn a_history_replays_exactly() {
    for seed in [3, 17] {
        assert_eq!(history(seed), history(seed), "seed {seed}");
    }
}
