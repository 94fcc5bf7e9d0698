//! How a device is doing after a poll, in a form that people read.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{
    hub::DeviceEntry,
    reader::{MeterResult, Reader, Report},
    schedule::{Health, Outcome, Schedule},
};
use crate::domain::{
    fault::{Fault, FaultKind},
    live::{DeviceState, MeterState},
};

/// A device that missed polls counts as slow until it missed none for so many intervals.
const SLOW_FOR_INTERVALS: u32 = 10;

/// What the schedule knows about a device.
#[derive(Debug)]
pub struct View {
    round_trip: Option<Duration>,
    skipped: u64,
    tries: u32,
    /// Time until the next probe or attempt to connect.
    next_probe: Option<Duration>,
}

impl View {
    /// Of one device, at `now` since the epoch.
    pub fn new(schedule: &Schedule, device: usize, now: Duration) -> Self {
        let probe = match schedule.health(device) {
            Health::Silent { next_probe } => Some(next_probe),
            Health::New | Health::Up => None,
        };
        let next_probe = probe.max(schedule.blocked_until()).map(|time| time.saturating_sub(now));
        Self {
            round_trip: schedule.round_trip(device),
            skipped: schedule.skipped(device),
            tries: schedule.tries(device),
            next_probe,
        }
    }

    fn next_probe(&self, now: Timestamp) -> Option<Timestamp> {
        self.next_probe.map(|wait| later(now, wait))
    }
}

/// A change of a device's state, for the log.
#[derive(Debug)]
pub struct Change {
    from: DeviceState,
    to: DeviceState,
    cause: Option<Fault>,
    was_offline: Option<Duration>,
    new_notes: Vec<String>,
}

/// Takes a poll's report into what everybody sees; a change of state is given back to be logged.
pub fn apply(
    entry: &mut DeviceEntry,
    reader: &Reader,
    report: &Report,
    results: Vec<MeterResult>,
    view: &View,
) -> Option<Change> {
    let now = Timestamp::now();
    let live = &mut entry.live;
    let (from, since, notes) = (live.state, live.offline_since, std::mem::take(&mut live.notes));
    live.requests += u64::from(report.requests);
    live.requests_per_poll = reader.requests_per_poll();
    live.round_trip = view.round_trip;
    for fault in &report.faults {
        *live.faults.entry(fault.kind).or_default() += 1;
    }
    let missed_polls = view.skipped > live.skipped;
    live.skipped = view.skipped;
    live.notes = reader.notes();
    let new_notes = if report.learned {
        live.notes.iter().filter(|note| !notes.contains(note)).cloned().collect()
    } else {
        Vec::new()
    };
    let cause = match report.outcome {
        Outcome::Answered(_) => {
            answered(entry, reader, report, results, view, now, missed_polls);
            entry.live.last_fault.clone().map(|(_, fault)| fault).filter(|_| entry.live.state != DeviceState::Ok)
        }
        Outcome::Silent | Outcome::Unreachable => {
            let fault = silent_fault(entry, reader, report, view);
            offline(entry, &fault, view, now);
            keep_what_was_read(entry, results, report);
            Some(fault)
        }
    };
    let was_offline = since.map(|since| duration_between(since, now));
    let change = Change { from, to: entry.live.state, cause, was_offline, new_notes };
    (change.from != change.to || !change.new_notes.is_empty()).then_some(change)
}

/// A device whose connection has failed; a change of state is given back to be logged.
pub fn apply_unreachable(entry: &mut DeviceEntry, reader: &Reader, fault: &Fault, view: &View) -> Option<Change> {
    let from = entry.live.state;
    entry.live.requests_per_poll = reader.requests_per_poll();
    offline(entry, fault, view, Timestamp::now());
    let cause = Some(fault.clone());
    let change = Change { from, to: DeviceState::Offline, cause, was_offline: None, new_notes: Vec::new() };
    (change.from != change.to).then_some(change)
}

fn answered(
    entry: &mut DeviceEntry,
    reader: &Reader,
    report: &Report,
    results: Vec<MeterResult>,
    view: &View,
    now: Timestamp,
    missed_polls: bool,
) {
    let trouble = reader.trouble(report);
    let busy = report.ended.as_ref();
    let mut implausible = None;
    let tap = entry.tap();
    for (meter, result) in entry.meters.iter_mut().zip(results) {
        let MeterResult { readings, fault } = result;
        let new = || readings.iter().filter(|(_, reading)| is_new(reading.at, meter.live.at));
        meter.trends.add(new());
        if let Some(tap) = &tap {
            tap.put(meter.id(), new());
        }
        meter.live.readings = readings;
        meter.live.at = Some(now);
        meter.live.fault = fault.or_else(|| busy.cloned());
        meter.live.state = if meter.live.fault.is_some() { MeterState::Error } else { MeterState::Ok };
        implausible = implausible.or_else(|| meter.live.fault.clone());
    }
    let live = &mut entry.live;
    live.last_answer = Some(now);
    live.offline_since = None;
    live.next_probe = None;
    let error = trouble.or(implausible).or_else(|| busy.cloned());
    let slow = slow_note(reader, view);
    let was_slow = live.state == DeviceState::Slow;
    let device = reader.device();
    let missed = missed_polls || was_slow && missed_lately(live.last_fault.as_ref(), now, device.every);
    live.state = match (&error, &slow, missed) {
        (Some(_), ..) => DeviceState::Error,
        (None, None, false) => DeviceState::Ok,
        _ => DeviceState::Slow,
    };
    if let Some(fault) = error.or_else(|| report.faults.last().cloned()) {
        live.last_fault = Some((now, fault));
    } else if missed_polls {
        let detail = format!("missed polls: longer than its {} for one round of its connection", words(device.every));
        live.last_fault = Some((now, Fault::new(FaultKind::Other, detail)));
    }
    live.notes.extend(slow);
    if missed {
        live.notes.push(format!("misses polls: read it less often than every {}", words(device.every)));
    }
}

/// Whether a reading is of this poll: not older than the poll before.
fn is_new(at: Timestamp, before: Option<Timestamp>) -> bool {
    before.is_none_or(|before| at > before)
}

fn missed_lately(last: Option<&(Timestamp, Fault)>, now: Timestamp, every: Duration) -> bool {
    last.is_some_and(|(at, fault)| {
        fault.kind == FaultKind::Other && duration_between(*at, now) < every.saturating_mul(SLOW_FOR_INTERVALS)
    })
}

fn slow_note(reader: &Reader, view: &View) -> Option<String> {
    let (round_trip, timeout) = (view.round_trip?, reader.device().timeout);
    (round_trip > timeout / 2).then(|| {
        format!("slow: answers after {} of the {} it has; set a longer timeout", words(round_trip), words(timeout))
    })
}

/// What ended the poll, with the number of tries.
fn silent_fault(entry: &DeviceEntry, reader: &Reader, report: &Report, view: &View) -> Fault {
    let fault = report.ended.clone().unwrap_or_else(|| Fault::new(FaultKind::NoAnswer, ""));
    let was_slow = entry.live.round_trip.is_some_and(|usual| usual > reader.device().timeout / 2);
    let hint =
        if was_slow && fault.kind == FaultKind::NoAnswer { "; it was slow before: set a longer timeout" } else { "" };
    with_tries(&Fault::new(fault.kind, format!("{}{hint}", fault.detail)), view.tries)
}

/// The fault with the number of tries where it is not the first.
pub fn with_tries(fault: &Fault, tries: u32) -> Fault {
    match tries {
        0 | 1 => fault.clone(),
        _ => Fault::new(fault.kind, format!("{} (try {tries})", fault.detail).trim_start()),
    }
}

fn offline(entry: &mut DeviceEntry, fault: &Fault, view: &View, now: Timestamp) {
    let live = &mut entry.live;
    live.state = DeviceState::Offline;
    live.offline_since.get_or_insert(now);
    live.last_fault = Some((now, fault.clone()));
    live.next_probe = view.next_probe(now);
    for meter in &mut entry.meters {
        meter.live.state = MeterState::Offline;
        meter.live.fault = Some(fault.clone());
    }
}

/// What was read before the device fell silent half way is read nonetheless.
fn keep_what_was_read(entry: &mut DeviceEntry, results: Vec<MeterResult>, report: &Report) {
    if !report.is_answered() {
        return;
    }
    entry.live.last_answer = Some(Timestamp::now());
    let tap = entry.tap();
    for (meter, result) in entry.meters.iter_mut().zip(results) {
        let new = || result.readings.iter().filter(|(_, reading)| is_new(reading.at, meter.live.at));
        meter.trends.add(new());
        if let Some(tap) = &tap {
            tap.put(meter.id(), new());
        }
        meter.live.readings = result.readings;
    }
}

impl Change {
    /// One line of the log, with the cause.
    pub fn log(&self, reader: &Reader) {
        let id = &reader.device().id;
        let cause = self.cause.as_ref().map(|fault| format!(": {fault}")).unwrap_or_default();
        if self.from != self.to {
            match self.to {
                DeviceState::Offline => tracing::warn!("{id} is offline{cause}"),
                DeviceState::Error => tracing::warn!("{id} answers, with errors{cause}"),
                DeviceState::Slow => tracing::warn!("{id} is slow{cause}"),
                DeviceState::Waiting => {}
                DeviceState::Ok => match self.was_offline {
                    Some(time) => tracing::info!("{id} answers again after {}", words(time)),
                    // Those that just started are the normal case, and there may be a thousand.
                    None if self.from == DeviceState::Waiting => tracing::debug!("{id} answers"),
                    None => tracing::info!("{id} is well again"),
                },
            }
        }
        for note in &self.new_notes {
            tracing::info!("{id} {note}");
        }
    }
}

fn later(now: Timestamp, wait: Duration) -> Timestamp {
    SignedDuration::try_from(wait).ok().and_then(|wait| now.checked_add(wait).ok()).unwrap_or(Timestamp::MAX)
}

fn duration_between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

/// A span as people say it: 900 ms, 1.5 s, 12 min.
fn words(span: Duration) -> String {
    match span.as_secs() {
        0 => format!("{} ms", span.as_millis()),
        1..120 => format!("{:.1} s", span.as_secs_f64()),
        120..7200 => format!("{} min", span.as_secs() / 60),
        _ => format!("{} h", span.as_secs() / 3600),
    }
}
