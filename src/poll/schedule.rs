//! Which device is due when (pure): intervals, back-off and probes of one connection.
//!
//! Times are spans since an epoch that all connections have in common. Due times are whole multiples of the interval
//! from it, so that the polls of a site fall on common slots and one wake-up serves many of them.

use std::time::Duration;

use backoff::{Backoff, Budget};

pub mod backoff;

/// The longest wait between two probes of a device that does not answer.
pub const LONGEST_DEVICE_WAIT: Duration = Duration::from_mins(1);
/// The longest wait between two attempts to connect: a site is back soon after its switch is.
pub const LONGEST_CONNECTION_WAIT: Duration = Duration::from_secs(30);
/// The most of a connection's time that its probes may take together.
pub const PROBE_SHARE: f64 = 0.02;
/// A probe waits this many usual round trips for an answer …
pub const PROBE_ROUND_TRIPS: u32 = 4;
/// … but no less than this …
pub const SHORTEST_PROBE: Duration = Duration::from_millis(50);
/// … and every tenth waits the device's whole deadline, for one that has become slow.
pub const FULL_PROBE_EVERY: u32 = 10;
/// After how many good polls a device that was silent is trusted again; until then its back-off goes on where it was.
pub const TRUST_AFTER_POLLS: u32 = 10;
/// How long a connection may be busy with due polls until a device that does not answer gets a turn nonetheless.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// How much of a new measurement goes into the usual round trip.
const ROUND_TRIP_WEIGHT: f64 = 0.125;
/// Nothing is waited for a shorter time.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

/// How a device is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Once per this; zero is taken as a millisecond.
    pub every: Duration,
    /// Deadline of one request.
    pub timeout: Duration,
}

/// What to do now. Devices are numbered as they were given to [`Schedule::new`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Read all of this device.
    Poll(usize),
    /// Ask this device one thing, to see whether it is back.
    Probe {
        /// Which.
        device: usize,
        /// How long to wait for its answer.
        deadline: Duration,
    },
    /// Nothing before this time.
    Wait(Duration),
}

/// How a poll or probe ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The device is there, whatever it said. Mean time from request to answer.
    Answered(Duration),
    /// The device did not answer in time, or not as it should.
    Silent,
    /// The connection itself failed; nothing is known about the device.
    Unreachable,
}

/// Whether a device answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// Not asked yet.
    New,
    /// It answered the last time.
    Up,
    /// It did not; when it is probed next, at the earliest.
    Silent {
        /// Since the epoch.
        next_probe: Duration,
    },
}

/// The schedule of one connection.
#[derive(Debug)]
pub struct Schedule {
    devices: Vec<Device>,
    /// Failures of the connection itself.
    connection: Backoff,
    blocked_until: Option<Duration>,
    budget: Budget,
    running: Option<Running>,
    /// Counts polls and probes, to serve the device next that waited longest.
    turn: u64,
    /// Whether the last thing was an answer: the idle gap until the next slot begins here.
    gap_begins: bool,
    /// A new device cost its deadline; the others come first before another new one is tried.
    hold_new: bool,
    idle_at: Duration,
    random: fastrand::Rng,
}

#[derive(Debug)]
struct Device {
    timing: Timing,
    due: Duration,
    health: Health,
    backoff: Backoff,
    good_polls: u32,
    round_trip: Option<Duration>,
    turn: u64,
    skipped: u64,
}

#[derive(Debug, Clone, Copy)]
struct Running {
    device: usize,
    is_probe: bool,
    started: Duration,
}

impl Schedule {
    /// A schedule in which every device is due at once. `seed` decides the jitter.
    pub fn new(devices: &[Timing], seed: u64) -> Self {
        let longest_timeout = devices.iter().map(|timing| timing.timeout).max().unwrap_or_default();
        Self {
            devices: devices.iter().copied().map(Device::new).collect(),
            connection: Backoff::new(LONGEST_CONNECTION_WAIT),
            blocked_until: None,
            budget: Budget::new(PROBE_SHARE, longest_timeout),
            running: None,
            turn: 0,
            gap_begins: false,
            hold_new: false,
            idle_at: Duration::ZERO,
            random: fastrand::Rng::with_seed(seed),
        }
    }

    /// What to do at `now`; what is not a wait has begun with it, and ends with [`Schedule::finish`].
    pub fn next(&mut self, now: Duration) -> Action {
        if let Some(until) = self.blocked_until {
            if now < until {
                return Action::Wait(until);
            }
            self.blocked_until = None;
            self.devices.iter_mut().for_each(|device| device.realign(now));
        }
        self.devices.iter_mut().for_each(|device| device.skip(now));
        let has_patience = now.saturating_sub(self.idle_at) < PATIENCE;
        if has_patience && let Some(device) = self.longest_due(now) {
            return self.begin(device, None, now);
        }
        self.idle_at = now;
        let next_slot = self.devices.iter().filter(|device| device.health == Health::Up).map(|device| device.due).min();
        let gap = match next_slot {
            Some(slot) if !self.gap_begins && has_patience => slot.saturating_sub(now),
            _ => Duration::MAX,
        };
        match self.idle_work(now, gap) {
            Ok(action) => action,
            Err(later) => {
                if let Some(device) = self.longest_due(now).filter(|_| !has_patience) {
                    self.begin(device, None, now)
                } else {
                    self.gap_begins = false;
                    let until = [next_slot, later].into_iter().flatten().min();
                    Action::Wait(until.unwrap_or(now + LONGEST_DEVICE_WAIT).max(now + SHORTEST_WAIT))
                }
            }
        }
    }

    /// Begins a poll of a device whatever its state, because somebody asks for it.
    pub fn force(&mut self, device: usize, now: Duration) -> Action {
        self.begin(device, None, now)
    }

    /// Ends what [`Schedule::next`] or [`Schedule::force`] began.
    pub fn finish(&mut self, outcome: Outcome, now: Duration) {
        let Some(running) = self.running.take() else { return };
        let used = now.saturating_sub(running.started);
        self.gap_begins = matches!(outcome, Outcome::Answered(_));
        let Some(device) = self.devices.get_mut(running.device) else { return };
        if outcome == Outcome::Unreachable {
            device.due = device.slot(running.started);
            self.blocked_until = Some(now + self.connection.fail(&mut self.random));
            return;
        }
        self.blocked_until = None;
        if device.health == Health::New {
            self.hold_new = outcome == Outcome::Silent;
        }
        if running.is_probe && !device.backoff.is_growing() {
            self.budget.charge(now, used);
        }
        match outcome {
            Outcome::Answered(round_trip) => {
                self.connection.succeed();
                device.answered(round_trip, running.is_probe, now);
            }
            _ => device.silent(now, &mut self.random),
        }
    }

    /// How the device is doing.
    pub fn health(&self, device: usize) -> Health {
        self.devices.get(device).map_or(Health::New, |device| device.health)
    }

    /// Its usual time from request to answer.
    pub fn round_trip(&self, device: usize) -> Option<Duration> {
        self.devices.get(device)?.round_trip
    }

    /// Polls that came due while an earlier one of the connection was still going on.
    pub fn skipped(&self, device: usize) -> u64 {
        self.devices.get(device).map_or(0, |device| device.skipped)
    }

    /// How often in a row the device or its connection failed; a device that came back is not trusted at once.
    pub fn tries(&self, device: usize) -> u32 {
        let failures = self.devices.get(device).map_or(0, |device| device.backoff.failures());
        if self.blocked_until.is_some() { self.connection.failures() } else { failures }
    }

    /// Until when the connection is left alone after it failed.
    pub fn blocked_until(&self) -> Option<Duration> {
        self.blocked_until
    }

    /// Of those that are due, the device that waited longest for its turn.
    fn longest_due(&self, now: Duration) -> Option<usize> {
        let due = |device: &Device| match device.health {
            Health::Up => device.due <= now,
            Health::New => !self.hold_new,
            Health::Silent { .. } => false,
        };
        let devices = self.devices.iter().enumerate();
        devices.filter(|(_, device)| due(device)).min_by_key(|(_, device)| device.turn).map(|(index, _)| index)
    }

    /// What may be done in an idle `gap`: first tries and probes that fit in it. Else when to look again.
    fn idle_work(&mut self, now: Duration, gap: Duration) -> Result<Action, Option<Duration>> {
        let new = self.devices.iter().position(|device| device.health == Health::New && device.timing.timeout <= gap);
        if let Some(device) = new {
            return Ok(self.begin(device, None, now));
        }
        let free_at = self.budget.free_at(now);
        let usual = self.devices.iter().filter_map(|device| device.round_trip).max();
        let mut later: Option<Duration> = None;
        let mut best: Option<(Duration, usize, Duration)> = None;
        for (index, device) in self.devices.iter().enumerate() {
            let Health::Silent { next_probe } = device.health else { continue };
            let may_start = if device.backoff.is_growing() { next_probe } else { next_probe.max(free_at) };
            let deadline = device.probe_deadline(usual);
            if may_start > now {
                later = Some(later.map_or(may_start, |earlier| earlier.min(may_start)));
            } else if deadline <= gap && best.is_none_or(|(earliest, ..)| next_probe < earliest) {
                best = Some((next_probe, index, deadline));
            }
        }
        match best {
            Some((_, device, deadline)) => Ok(self.begin(device, Some(deadline), now)),
            None => Err(later),
        }
    }

    fn begin(&mut self, index: usize, probe: Option<Duration>, now: Duration) -> Action {
        self.turn += 1;
        self.running = Some(Running { device: index, is_probe: probe.is_some(), started: now });
        if let Some(device) = self.devices.get_mut(index) {
            device.turn = self.turn;
            device.due = device.slot(now) + device.timing.every;
        }
        match probe {
            Some(deadline) => Action::Probe { device: index, deadline },
            None => Action::Poll(index),
        }
    }
}

impl Device {
    fn new(timing: Timing) -> Self {
        let timing = Timing { every: timing.every.max(SHORTEST_WAIT), ..timing };
        Self {
            timing,
            due: Duration::ZERO,
            health: Health::New,
            backoff: Backoff::new(LONGEST_DEVICE_WAIT),
            good_polls: 0,
            round_trip: None,
            turn: 0,
            skipped: 0,
        }
    }

    /// The last multiple of the interval at or before `now`.
    fn slot(&self, now: Duration) -> Duration {
        let every = self.timing.every.as_nanos();
        let nanoseconds = now.as_nanos() / every * every;
        // Over 584 years of uptime do not fit.
        Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
    }

    /// Polls whose whole interval has passed are skipped and counted.
    fn skip(&mut self, now: Duration) {
        if self.health == Health::Up && now >= self.due + self.timing.every {
            let slot = self.slot(now);
            let missed = slot.saturating_sub(self.due).as_nanos() / self.timing.every.as_nanos();
            self.skipped = self.skipped.saturating_add(u64::try_from(missed).unwrap_or(u64::MAX));
            self.due = slot;
        }
    }

    /// Due in the present slot: what was missed while the connection was down is its own story.
    fn realign(&mut self, now: Duration) {
        if self.due < now {
            self.due = self.slot(now);
        }
    }

    fn answered(&mut self, round_trip: Duration, to_probe: bool, now: Duration) {
        self.round_trip = Some(match self.round_trip {
            Some(usual) => usual.mul_f64(1.0 - ROUND_TRIP_WEIGHT) + round_trip.mul_f64(ROUND_TRIP_WEIGHT),
            None => round_trip,
        });
        if to_probe {
            self.due = self.slot(now);
        } else {
            self.good_polls = self.good_polls.saturating_add(1);
            if self.good_polls >= TRUST_AFTER_POLLS {
                self.backoff.succeed();
            }
        }
        self.health = Health::Up;
    }

    fn silent(&mut self, now: Duration, random: &mut fastrand::Rng) {
        self.good_polls = 0;
        self.health = Health::Silent { next_probe: now + self.backoff.fail(random) };
    }

    /// How long the next probe waits: a little over the usual round trip, of `others` where its own is not known.
    fn probe_deadline(&self, others: Option<Duration>) -> Duration {
        let is_full = self.backoff.failures().is_multiple_of(FULL_PROBE_EVERY);
        match self.round_trip.or(others) {
            Some(usual) if !is_full => {
                usual.saturating_mul(PROBE_ROUND_TRIPS).max(SHORTEST_PROBE).min(self.timing.timeout)
            }
            _ => self.timing.timeout,
        }
    }
}

#[cfg(test)]
mod tests;
