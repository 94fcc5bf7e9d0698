//! A grip: what this program does with one device, for however many events (pure).
//!
//! ```text
//! free ─want─► arming ─read─► armed ─► operating ─verified─► holding ─let go─► restoring ─verified─► free
//!                │ interlock           │ not done: failed ──────────────────────▲   │ no answer: pending, for ever
//!                ▼                     └ someone else's value: conflict ◄───────────┘
//!              free
//! ```
//! [`next`] is the whole rule: a grip and an input give the next grip and what is to be asked of the device. What the device
//! holds decides, never what was sent to it.

use std::time::Duration;

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use super::{Reason, SetPoint, interlock};
use crate::domain::{programme::EventId, site::Control, unit::Unit};

mod hold;
mod operate;
mod restore;
mod work;

pub use work::{Report, Work, Wrote};

/// A device that does not answer when it is armed is asked so often.
const ARM_TRIES: u32 = 3;
/// The pause between.
const ARM_AGAIN: Duration = Duration::from_secs(2);
/// Within this time after a write the device has to hold it; the write is tried again then.
pub const VERIFY_WITHIN: Duration = Duration::from_secs(3);
/// Writes of one command before it has failed, and of a set-point before its device is asked less often.
pub const MAX_TRIES: u32 = 3;
/// The first pause before a device is read again after a write; doubled each time, up to [`LOOK_AGAIN_MOST`].
const LOOK_AGAIN: Duration = Duration::from_millis(200);
const LOOK_AGAIN_MOST: Duration = Duration::from_secs(1);
/// A device that does not answer after a write is asked for so long before its command has failed.
pub const UNKNOWN_WITHIN: Duration = Duration::from_mins(1);
/// A command that was never seen at its device may still come so long after it was sent: slow gateways take 20 s.
pub const LATE_WITHIN: Duration = Duration::from_secs(25);
/// How often a held device is read.
pub const CHECK_EVERY: Duration = Duration::from_secs(5);
/// How often a device is read that somebody else has set.
const CONFLICT_EVERY: Duration = Duration::from_secs(10);
/// At most so far apart is a device tried that has to be put back, for the first [`SOON_FOR`].
const AGAIN_SOON: Duration = Duration::from_secs(10);
/// How long a device is tried often.
const SOON_FOR: Duration = Duration::from_mins(10);
/// And how often after that, for ever.
const AGAIN_LATER: Duration = Duration::from_mins(1);
/// The distance of the steps of a ramp.
const RAMP_EVERY: Duration = Duration::from_secs(10);

/// A moment on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The wall clock; it may jump.
    pub wall: Timestamp,
    /// Since the program began; it never jumps.
    pub mono: Duration,
    /// The day at the site.
    pub day: Date,
}

/// Where a grip is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The device is not ours.
    #[default]
    Free,
    /// It is read, to see what it holds and whether it may be called.
    Arming,
    /// What it held is known; nothing was written.
    Armed,
    /// A command is on its way.
    Operating,
    /// It holds the command, as it was last read.
    Holding,
    /// It goes back.
    Restoring,
    /// It does not go back: no answer, or it does not take it. Tried for ever.
    Pending,
    /// Somebody else has set it.
    Conflict,
}

/// How a grip ended.
#[derive(Debug, Clone, PartialEq)]
pub enum End {
    /// Before anything was written, for a reason.
    Refused(Reason),
    /// Before anything was written, because nobody wants it any more.
    CalledOff,
    /// The device holds what it held before.
    Restored,
    /// A person decided that it stays as it is.
    Left(String),
}

/// How much a device was used: what the interlocks count.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Use {
    /// The day that is counted.
    pub day: Option<Date>,
    /// Calls on that day.
    pub calls: u32,
    /// Writes of its limit on that day.
    pub writes: u32,
    /// When it was let go last.
    pub let_go: Option<Timestamp>,
}

/// What a grip is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// Its device is wanted at a value.
    Want {
        /// The value.
        value: f64,
        /// By which event.
        owner: EventId,
    },
    /// Nobody wants its device any more.
    LetGo,
    /// It is time for what comes next.
    Due,
    /// Some work was done, or could not be.
    Report {
        /// The work's ticket.
        ticket: u64,
        /// What came of it.
        report: Report,
    },
    /// The program began anew.
    Recover,
    /// A person decides about a device that somebody else has set.
    Decide {
        /// Put it back; else it stays.
        restore: bool,
        /// Who.
        who: String,
    },
}

/// A grip. What is not in the journal is only about the time in this process.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Grip {
    /// Where it is.
    pub phase: Phase,
    /// What the device held before the first event; read once, before the first write.
    pub before: Option<SetPoint>,
    /// The same of its revert timer.
    pub before_timer: Option<Vec<u16>>,
    /// The value that is wanted; `None`: none, it goes back.
    pub want: Option<f64>,
    /// The event that decides about it.
    pub owner: Option<EventId>,
    /// The value that was written last, or is about to be.
    pub written: Option<f64>,
    /// The value written before that.
    pub earlier: Option<f64>,
    /// The last value was read back.
    pub is_verified: bool,
    /// What it held before was written since the last command.
    pub is_returning: bool,
    /// What the device made of the last write, where that is something else.
    pub made_of_it: Option<f64>,
    /// What was read last.
    pub held: Option<SetPoint>,
    /// Why it is where it is.
    pub reason: Option<Reason>,
    /// The command has failed; the device goes back.
    pub has_failed: bool,
    /// How often the device lost the command and got it again.
    pub reasserted: u32,
    /// Since when it should be back and is not.
    pub pending_since: Option<Timestamp>,
    /// How much the device was used.
    pub usage: Use,
    /// How it ended, until that is taken note of.
    #[serde(skip)]
    pub end: Option<End>,
    /// The time in this process.
    #[serde(skip)]
    pub timing: Timing,
}

/// What of a grip is only about the time in this process.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Timing {
    /// The ticket of the latest work; a report with another one is about something that is over.
    pub ticket: u64,
    /// When the next thing is due; `None`: work is under way, or nothing is to come.
    pub due: Option<Duration>,
    /// When the limit was written last.
    pub wrote: Option<Duration>,
    /// When the first command was sent that was never seen at the device.
    pub doubt: Option<Duration>,
    /// When the revert timer was written last.
    pub timer: Option<Duration>,
    /// Tries of what is under way.
    pub tries: u32,
    /// Looks since the last write.
    pub looks: u32,
    /// Since when the device has not answered, or not gone back.
    pub pending: Option<Duration>,
}

impl Grip {
    /// The part that the journal keeps, without what was only read: a change in it is a transition.
    #[must_use]
    pub fn mark(&self) -> Self {
        Self { held: None, end: None, timing: Timing::default(), ..self.clone() }
    }

    /// Whether something was, or may have been, written that is to be undone.
    pub fn is_held(&self) -> bool {
        !matches!(self.phase, Phase::Free | Phase::Arming | Phase::Armed)
    }

    #[expect(clippy::unnecessary_wraps, reason = "what it is called in returns work or none")]
    fn work(&mut self, work: Work) -> Option<Work> {
        self.timing.ticket += 1;
        self.timing.due = None;
        Some(work)
    }

    fn due_in(&mut self, now: &Moment, wait: Duration) {
        self.timing.due = Some(now.mono + wait);
    }

    /// When to look again after a write: soon at first.
    fn look_again(&mut self, now: &Moment) {
        let wait = LOOK_AGAIN * 2_u32.saturating_pow(self.timing.looks.min(8));
        self.timing.looks += 1;
        self.due_in(now, wait.min(LOOK_AGAIN_MOST));
    }

    fn to(&mut self, phase: Phase, now: &Moment) {
        self.phase = phase;
        self.timing.due = Some(now.mono);
    }

    /// Counts a write of the limit that is about to be.
    fn count_write(&mut self, value: Option<f64>, now: &Moment) {
        self.usage.roll(now.day);
        self.usage.writes += 1;
        self.earlier = self.written;
        self.written = value;
        self.made_of_it = None;
        self.timing.wrote = Some(now.mono);
        self.timing.looks = 0;
    }

    /// Ends; what was counted stays.
    fn end(&mut self, end: End, now: &Moment) {
        let mut usage = std::mem::take(&mut self.usage);
        if matches!(end, End::Restored | End::Left(_)) {
            usage.let_go = Some(now.wall);
        }
        let (ticket, held) = (self.timing.ticket + 1, self.held.take());
        *self = Self { usage, held, end: Some(end), ..Self::default() };
        self.timing.ticket = ticket;
    }

    fn is_before(&self, held: &SetPoint) -> bool {
        self.before.as_ref().is_some_and(|before| before.words == held.words)
    }

    /// Whether the device may hold this because of what was written here.
    fn is_ours(&self, held: &SetPoint, control: &Control) -> bool {
        let Some(value) = held.value else { return false };
        let is_near = |other: Option<f64>| other.is_some_and(|other| is_near(control, value, other));
        let before = self.before.as_ref().and_then(|before| before.value);
        let is_on_the_way = || match (before, self.written) {
            (Some(before), Some(written)) => {
                (before.min(written)..=before.max(written)).contains(&value) && (!self.is_verified || self.is_returning)
            }
            _ => false,
        };
        is_near(self.written)
            || is_near(self.made_of_it)
            || (!self.is_verified && is_near(self.earlier))
            || is_on_the_way()
    }
}

impl Use {
    /// Begins a new day's counts.
    pub fn roll(&mut self, day: Date) {
        if self.day != Some(day) {
            (self.day, self.calls, self.writes) = (Some(day), 0, 0);
        }
    }

    /// Writes on this day.
    pub fn writes_on(&self, day: Date) -> u32 {
        if self.day == Some(day) { self.writes } else { 0 }
    }

    /// Calls on this day.
    pub fn calls_on(&self, day: Date) -> u32 {
        if self.day == Some(day) { self.calls } else { 0 }
    }
}

/// Whether a device that was told `wanted` may say `value`: within half a step.
pub fn is_near(control: &Control, value: f64, wanted: f64) -> bool {
    let tolerance = control.step.unwrap_or(0.0) * 0.499;
    (value - wanted).abs() <= tolerance.max(1e-6 * wanted.abs().max(1.0))
}

/// The value of the next step towards `to`, and when the one after it may follow; `to` itself without a ramp.
fn ramped(control: &Control, from: f64, to: f64) -> (f64, Duration) {
    let unit = control.limit.reading_unit();
    let per_minute = control.ramp_kw_per_minute.and_then(|ramp| Unit::Kilowatt.convert(ramp, unit));
    let Some(per_minute) = per_minute.filter(|ramp| *ramp > 0.0) else { return (to, Duration::ZERO) };
    let steps = (per_minute * RAMP_EVERY.as_secs_f64() / 60.0) / control.step.unwrap_or(0.0);
    let most = match control.step {
        Some(step) => step * steps.floor().max(1.0),
        None => per_minute * RAMP_EVERY.as_secs_f64() / 60.0,
    };
    if (to - from).abs() <= most {
        return (to, Duration::from_secs_f64((to - from).abs() / per_minute * 60.0));
    }
    let value = from + most.copysign(to - from);
    ((value * 1e9).round() / 1e9, Duration::from_secs_f64(most / per_minute * 60.0))
}

/// The next grip, and what is to be asked of the device.
pub fn next(grip: &Grip, input: &Input, control: &Control, now: &Moment) -> (Grip, Option<Work>) {
    let mut grip = grip.clone();
    let work = match input {
        Input::Want { value, owner } => want(&mut grip, *value, owner, control, now),
        Input::LetGo => let_go(&mut grip, now),
        Input::Due => due(&mut grip, control, now),
        Input::Report { ticket, report } if *ticket == grip.timing.ticket => told(&mut grip, report, control, now),
        // About something that is over.
        Input::Report { .. } => None,
        Input::Recover => recover(&mut grip, now),
        Input::Decide { restore, who } => decide(&mut grip, *restore, who, now),
    };
    (grip, work)
}

fn want(grip: &mut Grip, value: f64, owner: &EventId, control: &Control, now: &Moment) -> Option<Work> {
    let changes = grip.want != Some(value);
    grip.want = Some(value);
    grip.owner = Some(owner.clone());
    match grip.phase {
        Phase::Free => {
            let usage = &grip.usage;
            let refused = interlock::on_long_enough(control, usage.let_go, now.wall)
                .or_else(|| interlock::calls(control, usage.calls_on(now.day)))
                .or_else(|| interlock::write_budget(control, usage.writes_on(now.day)));
            if let Some(reason) = refused {
                grip.end(End::Refused(reason), now);
                return None;
            }
            grip.phase = Phase::Arming;
            grip.timing.tries = 0;
            grip.work(Work::Arm)
        }
        // It is still ours, and what it held before the first event is known.
        Phase::Restoring | Phase::Pending => {
            (grip.has_failed, grip.pending_since, grip.timing.pending) = (false, None, None);
            grip.phase = Phase::Operating;
            grip.timing.wrote = None;
            grip.timing.tries = 0;
            grip.work(Work::Look)
        }
        Phase::Operating | Phase::Holding if changes => {
            grip.phase = Phase::Operating;
            grip.timing.tries = 0;
            operate::write(grip, control, now)
        }
        _ => None,
    }
}

fn let_go(grip: &mut Grip, now: &Moment) -> Option<Work> {
    grip.want = None;
    match grip.phase {
        Phase::Arming | Phase::Armed => {
            grip.end(End::CalledOff, now);
            None
        }
        Phase::Operating | Phase::Holding => {
            grip.phase = Phase::Restoring;
            grip.timing.tries = 0;
            grip.work(Work::Look)
        }
        Phase::Conflict => grip.work(Work::Look),
        Phase::Free | Phase::Restoring | Phase::Pending => None,
    }
}

fn due(grip: &mut Grip, control: &Control, now: &Moment) -> Option<Work> {
    match grip.phase {
        Phase::Free => {
            grip.timing.due = None;
            None
        }
        Phase::Armed => operate::begin(grip, control, now),
        Phase::Operating => operate::due(grip, control, now),
        Phase::Holding => hold::due(grip, control, now),
        Phase::Arming => grip.work(Work::Arm),
        Phase::Restoring | Phase::Pending | Phase::Conflict => grip.work(Work::Look),
    }
}

fn told(grip: &mut Grip, report: &Report, control: &Control, now: &Moment) -> Option<Work> {
    if let Ok(held) = &report.held {
        grip.held = Some(held.clone());
    }
    match grip.phase {
        Phase::Free | Phase::Armed => None,
        Phase::Arming => operate::arm(grip, report, control, now),
        Phase::Operating => operate::told(grip, report, control, now),
        Phase::Holding => hold::told(grip, report, control, now),
        Phase::Conflict => hold::in_conflict(grip, report, control, now),
        Phase::Restoring | Phase::Pending => restore::told(grip, report, control, now),
    }
}

/// What a crash left behind: nothing that was not read back is believed, and nothing is written before a look.
fn recover(grip: &mut Grip, now: &Moment) -> Option<Work> {
    // What was sent last may still be on its way.
    let doubt = (!grip.is_verified).then_some(now.mono);
    grip.timing = Timing { doubt, ..Timing::default() };
    match grip.phase {
        Phase::Free => None,
        Phase::Arming | Phase::Armed => {
            grip.end(End::CalledOff, now);
            None
        }
        Phase::Holding => {
            // It was so when it was last read.
            grip.phase = Phase::Operating;
            grip.work(Work::Look)
        }
        Phase::Pending => {
            grip.timing.pending = Some(now.mono);
            grip.work(Work::Look)
        }
        Phase::Operating | Phase::Restoring | Phase::Conflict => grip.work(Work::Look),
    }
}

fn decide(grip: &mut Grip, restore: bool, who: &str, now: &Moment) -> Option<Work> {
    if grip.phase != Phase::Conflict {
        return None;
    }
    if !restore {
        grip.end(End::Left(who.to_owned()), now);
        return None;
    }
    // The person has seen what it holds now, and wants that undone.
    grip.made_of_it = grip.held.as_ref().and_then(|held| held.value);
    grip.want = None;
    grip.phase = Phase::Restoring;
    grip.timing.tries = 0;
    grip.work(Work::Look)
}
