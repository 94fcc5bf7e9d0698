//! Holding: read now and then, refresh the revert timer, write again what the device has lost.

use std::time::Duration;

use super::{
    CHECK_EVERY, CONFLICT_EVERY, End, Grip, Moment, Phase, Report, Work, is_near,
    operate::{self, changed, note_lost},
};
use crate::domain::{dispatch::Reason, site::Control, unit::Unit};

/// How often the revert timer is written: at half of its time.
pub(super) fn refresh_every(control: &Control) -> Option<Duration> {
    let timer = control.revert_timer.as_ref()?;
    let seconds = timer.register.unit.convert(timer.value, Unit::Second)?;
    Duration::try_from_secs_f64(seconds / 2.0).ok().filter(|half| !half.is_zero())
}

/// It is time for a look, or for the revert timer.
pub(super) fn due(grip: &mut Grip, control: &Control, now: &Moment) -> Option<Work> {
    let written = grip.timing.timer.unwrap_or_default();
    if refresh_every(control).is_some_and(|every| now.mono.saturating_sub(written) >= every) {
        grip.timing.timer = Some(now.mono);
        return grip.work(Work::Refresh);
    }
    grip.work(Work::Look)
}

/// A device was read that holds a command.
pub(super) fn told(grip: &mut Grip, report: &Report, control: &Control, now: &Moment) -> Option<Work> {
    let next = refresh_every(control).map_or(CHECK_EVERY, |every| CHECK_EVERY.min(every));
    match &report.held {
        Err(fault) => {
            grip.reason = Some(Reason::NoAnswer { fault: fault.clone() });
            grip.due_in(now, next);
            None
        }
        Ok(held) if is_written(grip, held.value, control) => {
            if matches!(grip.reason, Some(Reason::NoAnswer { .. } | Reason::ChangedByOthers { .. })) {
                grip.reason = None;
            }
            grip.due_in(now, next);
            None
        }
        Ok(held) if grip.is_before(held) => lost(grip, control, now),
        Ok(held) => {
            grip.reason = Some(changed(grip, held.value, control));
            grip.phase = Phase::Conflict;
            grip.due_in(now, CONFLICT_EVERY);
            None
        }
    }
}

/// A device was read that somebody else has set.
pub(super) fn in_conflict(grip: &mut Grip, report: &Report, control: &Control, now: &Moment) -> Option<Work> {
    let Ok(held) = &report.held else {
        grip.due_in(now, CONFLICT_EVERY);
        return None;
    };
    match grip.want {
        Some(want) if is_written(grip, held.value, control) => {
            grip.reason = None;
            grip.is_verified = true;
            if grip.written == Some(want) {
                grip.to(Phase::Holding, now);
                None
            } else {
                grip.phase = Phase::Operating;
                operate::write(grip, control, now)
            }
        }
        Some(_) if grip.is_before(held) => lost(grip, control, now),
        None if grip.is_before(held) => {
            grip.end(End::Restored, now);
            None
        }
        None if grip.is_ours(held, control) => {
            grip.reason = None;
            grip.phase = Phase::Restoring;
            grip.timing.tries = 0;
            super::restore::told(grip, report, control, now)
        }
        _ => {
            grip.reason = Some(changed(grip, held.value, control));
            grip.due_in(now, CONFLICT_EVERY);
            None
        }
    }
}

/// The device holds again what it held before: it has lost the command, which is written again.
fn lost(grip: &mut Grip, control: &Control, now: &Moment) -> Option<Work> {
    note_lost(grip);
    grip.phase = Phase::Operating;
    grip.timing.tries = 0;
    operate::write(grip, control, now)
}

fn is_written(grip: &Grip, value: Option<f64>, control: &Control) -> bool {
    value.zip(grip.written).is_some_and(|(value, written)| is_near(control, value, written))
}
