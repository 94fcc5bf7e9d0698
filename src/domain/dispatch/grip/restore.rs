//! The way back: what the device holds decides.

use super::{
    AGAIN_LATER, AGAIN_SOON, CONFLICT_EVERY, End, Grip, LATE_WITHIN, LOOK_AGAIN_MOST, MAX_TRIES, Moment, Phase, Report,
    SOON_FOR, VERIFY_WITHIN, Work, operate::changed, ramped,
};
use crate::domain::{
    dispatch::{Reason, SetPoint},
    site::Control,
};

/// A device was read, or could not be, that is to go back.
pub(super) fn told(grip: &mut Grip, report: &Report, control: &Control, now: &Moment) -> Option<Work> {
    let held = match &report.held {
        Ok(held) => held,
        Err(fault) => {
            pend(grip, Reason::NoAnswer { fault: fault.clone() }, now);
            return None;
        }
    };
    if grip.is_before(held) {
        return at_last(grip, now);
    }
    if !grip.is_ours(held, control) {
        grip.reason = Some(changed(grip, held.value, control));
        grip.phase = Phase::Conflict;
        (grip.pending_since, grip.timing.pending) = (None, None);
        grip.due_in(now, CONFLICT_EVERY);
        return None;
    }
    let wrote = grip.timing.wrote.filter(|_| grip.is_returning);
    match wrote {
        None => write(grip, held, control, now),
        Some(wrote) if now.mono.saturating_sub(wrote) < VERIFY_WITHIN => {
            grip.made_of_it = held.value;
            grip.look_again(now);
            None
        }
        Some(_) => {
            grip.made_of_it = held.value;
            grip.timing.tries += 1;
            if grip.timing.tries >= MAX_TRIES {
                let asked = grip.before.as_ref().and_then(|before| before.value).unwrap_or_default();
                let unit = control.limit.reading_unit();
                // From now on a write for each try, and those are far apart.
                grip.is_returning = false;
                pend(grip, Reason::NotConfirmed { asked, holds: held.value, unit }, now);
                return None;
            }
            write(grip, held, control, now)
        }
    }
}

/// Writes back what was held before, or the next step towards it.
fn write(grip: &mut Grip, held: &SetPoint, control: &Control, now: &Moment) -> Option<Work> {
    let before = grip.before.clone()?;
    let step = before.value.zip(held.value).map(|(to, from)| (to, ramped(control, from, to)));
    if let Some((_, (value, wait))) = step.filter(|(to, (value, _))| (value - to).abs() > f64::EPSILON) {
        if let Some(due) = grip.timing.wrote.map(|wrote| wrote + wait).filter(|due| *due > now.mono) {
            grip.timing.due = Some(due);
            return None;
        }
        grip.count_write(Some(value), now);
        grip.is_verified = false;
        return grip.work(Work::Step { value });
    }
    let made_of_it = held.value;
    let written = grip.written;
    grip.count_write(written, now);
    grip.made_of_it = made_of_it;
    grip.is_returning = true;
    grip.work(Work::Restore { words: before.words, timer: grip.before_timer.clone() })
}

/// The device holds what it held before. Where a command was sent that was never seen at the device, it may still come.
fn at_last(grip: &mut Grip, now: &Moment) -> Option<Work> {
    let late = grip.timing.doubt.filter(|_| !grip.is_returning).map(|since| since + LATE_WITHIN);
    if late.is_some_and(|until| now.mono < until) {
        (grip.pending_since, grip.timing.pending) = (None, None);
        grip.phase = Phase::Restoring;
        grip.due_in(now, LOOK_AGAIN_MOST);
        return None;
    }
    grip.end(End::Restored, now);
    None
}

/// The device does not go back: it is tried again, for ever.
fn pend(grip: &mut Grip, reason: Reason, now: &Moment) {
    if !grip.has_failed {
        grip.reason = Some(reason);
    }
    grip.phase = Phase::Pending;
    grip.pending_since.get_or_insert(now.wall);
    let since = *grip.timing.pending.get_or_insert(now.mono);
    let pending = now.mono.saturating_sub(since);
    // As long again as it has been tried, at least a second.
    let soon = pending.clamp(LOOK_AGAIN_MOST, AGAIN_SOON);
    grip.due_in(now, if pending < SOON_FOR { soon } else { AGAIN_LATER });
}
