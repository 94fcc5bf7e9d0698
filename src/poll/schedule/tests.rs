use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// A unit in virtual time: it answers after `round_trip`, except while it is silent.
#[derive(Debug, Clone)]
struct Unit {
    timing: Timing,
    round_trip: Duration,
    silent: std::ops::Range<Duration>,
}

impl Unit {
    fn good(round_trip: Duration) -> Self {
        let timing = Timing { every: SECOND, timeout: SECOND };
        Self { timing, round_trip, silent: Duration::ZERO..Duration::ZERO }
    }

    fn silent(self, silent: std::ops::Range<Duration>) -> Self {
        Self { silent, ..self }
    }
}

#[derive(Debug, Clone, Copy)]
struct Done {
    device: usize,
    is_probe: bool,
    started: Duration,
    ended: Duration,
    answered: bool,
}

const RECONNECT: Duration = Duration::from_millis(5);

/// Runs the schedule in virtual time and tells what happened.
fn run(units: &[Unit], seed: u64, length: Duration) -> (Vec<Done>, Schedule) {
    let timings: Vec<Timing> = units.iter().map(|unit| unit.timing).collect();
    let mut schedule = Schedule::new(&timings, seed);
    let (mut now, mut done) = (Duration::ZERO, Vec::new());
    while now < length {
        let (device, deadline, is_probe) = match schedule.next(now) {
            Action::Wait(until) => {
                assert!(until > now, "a wait that ends at once would spin");
                now = until;
                continue;
            }
            Action::Poll(device) => (device, units[device].timing.timeout, false),
            Action::Probe { device, deadline } => (device, deadline, true),
        };
        let unit = &units[device];
        let answered = !unit.silent.contains(&now) && unit.round_trip <= deadline;
        let ended = now + if answered { unit.round_trip } else { deadline + RECONNECT };
        let outcome = if answered { Outcome::Answered(unit.round_trip) } else { Outcome::Silent };
        schedule.finish(outcome, ended);
        done.push(Done { device, is_probe, started: now, ended, answered });
        now = ended;
    }
    (done, schedule)
}

/// Times between the starts of a device's polls from `warm` on, in seconds, shortest first.
fn intervals(done: &[Done], devices: std::ops::Range<usize>, warm: Duration) -> Vec<f64> {
    let mut intervals = Vec::new();
    for device in devices {
        let polls = || done.iter().filter(|done| done.device == device && !done.is_probe && done.started >= warm);
        let pairs = polls().zip(polls().skip(1));
        intervals.extend(pairs.map(|(before, after)| after.started.saturating_sub(before.started).as_secs_f64()));
    }
    intervals.sort_by(f64::total_cmp);
    intervals
}

fn percentile(sorted: &[f64], percent: usize) -> f64 {
    sorted[(sorted.len() - 1) * percent / 100]
}

fn probe_share(done: &[Done], from: Duration, to: Duration) -> f64 {
    let probes = done.iter().filter(|done| done.is_probe && !done.answered && (from..to).contains(&done.started));
    probes.map(|probe| probe.ended.saturating_sub(probe.started).as_secs_f64()).sum::<f64>()
        / to.saturating_sub(from).as_secs_f64()
}

#[test]
fn silent_units_hardly_delay_the_others() {
    for (silent, seed) in [(1, 1), (10, 2), (10, 3), (10, 4)] {
        let mut units = vec![Unit::good(ms(3)); 50];
        units[50 - silent..].iter_mut().for_each(|unit| unit.silent = Duration::ZERO..SECOND * 100_000);
        let (done, schedule) = run(&units, seed, SECOND * 1_260);
        let others = intervals(&done, 0..50 - silent, SECOND * 60);
        let (p95, p99, worst) = (percentile(&others, 95), percentile(&others, 99), percentile(&others, 100));
        assert!(p95 <= 1.05 && p99 <= 1.5 && worst <= 2.01, "{silent} silent: {p95} {p99} {worst}");
        let share = probe_share(&done, SECOND * 60, SECOND * 1_260);
        assert!(share <= 0.021, "{silent} silent: {share}");
        assert!((0..50 - silent).all(|device| schedule.skipped(device) <= 10 + silent as u64));
    }
}

#[test]
fn silent_from_the_start_costs_one_deadline_a_slot() {
    let mut units = vec![Unit::good(ms(3)).silent(Duration::ZERO..SECOND * 100_000); 50];
    units[49] = Unit::good(ms(3));
    let (done, _) = run(&units, 5, SECOND * 300);
    let first = done.iter().find(|done| done.device == 49).expect("it is polled");
    assert!(first.started < SECOND * 51, "{first:?}");
    let interval = intervals(&done, 49..50, SECOND * 60);
    assert!(percentile(&interval, 100) <= 2.01, "{interval:?}");
}

#[test]
fn a_unit_is_back_within_one_probe() {
    let mut units = vec![Unit::good(ms(3)); 20];
    units[7] = units[7].clone().silent(SECOND * 30..SECOND * 400);
    let (done, schedule) = run(&units, 6, SECOND * 600);
    let after: Vec<&Done> = done.iter().filter(|done| done.device == 7 && done.started >= SECOND * 400).collect();
    assert!(after[0].is_probe && after[0].answered, "the first probe finds it: {:?}", after[0]);
    assert!(after[0].started <= SECOND * 462, "{:?}", after[0]);
    assert!(
        !after[1].is_probe && after[1].started.saturating_sub(after[0].ended) < ms(100),
        "then it is read: {:?}",
        after[1]
    );
    assert_eq!(schedule.health(7), Health::Up);
}

#[test]
fn a_unit_that_became_slow_is_found_by_a_full_probe() {
    let mut schedule = Schedule::new(&[Timing { every: SECOND, timeout: SECOND }], 7);
    schedule.next(Duration::ZERO);
    schedule.finish(Outcome::Answered(ms(5)), ms(5));
    let (mut now, mut deadlines) = (ms(5), Vec::new());
    while deadlines.len() < 20 {
        match schedule.next(now) {
            Action::Wait(until) => now = until,
            Action::Poll(_) => schedule.finish(Outcome::Silent, now + SECOND),
            Action::Probe { deadline, .. } => {
                now += deadline;
                schedule.finish(Outcome::Silent, now);
                deadlines.push(deadline);
            }
        }
    }
    assert_eq!(deadlines.iter().filter(|deadline| **deadline == SECOND).count(), 2);
    assert!(deadlines.iter().all(|deadline| [SHORTEST_PROBE, SECOND].contains(deadline)));
}

#[test]
fn late_polls_are_skipped_and_counted() {
    let timing = Timing { every: SECOND, timeout: SECOND * 10 };
    let mut schedule = Schedule::new(&[timing, timing], 8);
    assert_eq!(schedule.next(Duration::ZERO), Action::Poll(0));
    schedule.finish(Outcome::Answered(ms(10)), ms(10));
    assert_eq!(schedule.next(ms(10)), Action::Poll(1));
    schedule.finish(Outcome::Answered(ms(4_500)), ms(4_510));
    assert_eq!(schedule.next(ms(4_510)), Action::Poll(0));
    assert_eq!(schedule.skipped(0), 3, "those of 1, 2 and 3 s; that of 4 s is done now");
    schedule.finish(Outcome::Answered(ms(10)), ms(4_520));
    assert_eq!(schedule.next(ms(4_520)), Action::Poll(1));
    schedule.finish(Outcome::Answered(ms(10)), ms(4_530));
    assert_eq!(schedule.next(ms(4_530)), Action::Wait(SECOND * 5), "back on the common slots");
}

#[test]
fn a_failing_connection_is_left_alone_and_costs_no_skips() {
    let timing = Timing { every: SECOND * 60, timeout: SECOND };
    let mut schedule = Schedule::new(&[timing, timing], 9);
    let (mut now, mut tries) = (Duration::ZERO, Vec::new());
    while now < SECOND * 200 {
        if let Action::Wait(until) = schedule.next(now) {
            now = until;
        } else {
            tries.push(now);
            schedule.finish(Outcome::Unreachable, now);
        }
    }
    let waits: Vec<f64> = tries.windows(2).map(|pair| pair[1].saturating_sub(pair[0]).as_secs_f64()).collect();
    assert!(waits.iter().all(|wait| (1.0..=30.0).contains(wait)), "{waits:?}");
    assert!((9..=13).contains(&tries.len()), "{waits:?}");
    assert_eq!(schedule.skipped(0) + schedule.skipped(1), 0);
    // Back: it is polled at once, not at its next slot.
    let Action::Wait(until) = schedule.next(now) else { return };
    assert!(matches!(schedule.next(until), Action::Poll(_)));
}

#[test]
fn a_flapping_unit_does_not_start_again_at_one_second() {
    let mut schedule = Schedule::new(&[Timing { every: SECOND, timeout: ms(100) }], 10);
    let (mut now, mut polls) = (Duration::ZERO, 0);
    while now < SECOND * 1_000 {
        match schedule.next(now) {
            Action::Wait(until) => now = until,
            Action::Poll(_) => {
                polls += 1;
                now += ms(100);
                schedule.finish(Outcome::Silent, now);
            }
            Action::Probe { .. } => {
                now += ms(10);
                schedule.finish(Outcome::Answered(ms(10)), now);
            }
        }
    }
    assert!(polls < 30, "{polls} deadlines in 1000 s");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the units do: one thing at a time, nobody starves, probes keep to their budget.
    #[test]
    fn fair_and_bounded(
        seed in any::<u64>(),
        units in prop::collection::vec((1u64..400, 0u64..300, 0u64..300, 1u64..6), 1..20),
    ) {
        let units: Vec<Unit> = units
            .into_iter()
            .map(|(round_trip, from, length, every)| Unit {
                timing: Timing { every: SECOND * u32::try_from(every).unwrap(), timeout: SECOND },
                round_trip: ms(round_trip),
                silent: SECOND * u32::try_from(from).unwrap()..SECOND * u32::try_from(from + length).unwrap(),
            })
            .collect();
        let length = SECOND * 900;
        let (done, _) = run(&units, seed, length);
        for pair in done.windows(2) {
            prop_assert!(pair[0].ended <= pair[1].started, "two at once");
        }
        let cycle: f64 = units.iter().map(|unit| unit.round_trip.as_secs_f64()).sum();
        for (device, unit) in units.iter().enumerate() {
            // Silences are over at 600 s; after the longest back-off each unit is read as often as there is room.
            let polls = done.iter().filter(|done| {
                done.device == device && !done.is_probe && done.started >= SECOND * 700 && done.answered
            });
            let fair = 200.0 / cycle.max(unit.timing.every.as_secs_f64());
            let polls = polls.count() as f64;
            prop_assert!(polls >= fair * 0.8 - 2.0, "{} polls of device {}, {} are fair", polls, device, fair);
            prop_assert!(polls <= 200.0 / unit.timing.every.as_secs_f64() + 1.0);
        }
        let probes = done.iter().filter(|done| done.is_probe && done.started >= SECOND * 100);
        let used: f64 = probes.map(|probe| probe.ended.saturating_sub(probe.started).as_secs_f64()).sum();
        // 2 % of 800 s, one deadline saved up, one overdrawn, and the first probes of each silence.
        let growing = units.len() as f64 * 7.0;
        prop_assert!(used <= 16.0 + 2.0 + growing, "{} s", used);
    }
}
