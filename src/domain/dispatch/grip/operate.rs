//! Arming and operating: read, store, write, read back.

use super::{
    ARM_AGAIN, ARM_TRIES, CHECK_EVERY, End, Grip, MAX_TRIES, Moment, Phase, Report, UNKNOWN_WITHIN, VERIFY_WITHIN,
    Work, Wrote, is_near, ramped,
};
use crate::domain::{
    dispatch::{Reason, interlock},
    site::Control,
};

/// A device was read that is to be called: stores what it holds, or refuses.
pub(super) fn arm(grip: &mut Grip, report: &Report, control: &Control, now: &Moment) -> Option<Work> {
    let held = match &report.held {
        Ok(held) => held,
        Err(fault) => {
            grip.timing.tries += 1;
            if grip.timing.tries < ARM_TRIES {
                grip.due_in(now, ARM_AGAIN);
            } else {
                grip.end(End::Refused(Reason::NoAnswer { fault: fault.clone() }), now);
            }
            return None;
        }
    };
    let want = grip.want.unwrap_or_default();
    let value = held.value.unwrap_or_default();
    let refused = interlock::permit(control.permit.as_ref(), report.permit)
        .or_else(|| interlock::readable(held))
        .or_else(|| interlock::not_lower(control, value, want));
    if let Some(reason) = refused {
        grip.end(End::Refused(reason), now);
        return None;
    }
    grip.before = Some(held.clone());
    grip.before_timer.clone_from(&report.timer);
    grip.usage.roll(now.day);
    grip.usage.calls += 1;
    grip.to(Phase::Armed, now);
    None
}

/// The first write of an armed device.
pub(super) fn begin(grip: &mut Grip, control: &Control, now: &Moment) -> Option<Work> {
    grip.phase = Phase::Operating;
    grip.timing.tries = 0;
    write(grip, control, now)
}

/// Writes the command, or the next step towards it.
pub(super) fn write(grip: &mut Grip, control: &Control, now: &Moment) -> Option<Work> {
    if let Some(reason) = interlock::write_budget(control, grip.usage.writes_on(now.day)) {
        fail(grip, reason, now);
        return None;
    }
    let want = grip.want?;
    let from = grip.held.as_ref().and_then(|held| held.value).unwrap_or(want);
    let (value, _) = ramped(control, from, want);
    grip.count_write(Some(value), now);
    (grip.is_verified, grip.is_returning) = (false, false);
    grip.timing.doubt = grip.timing.doubt.or(Some(now.mono));
    grip.timing.timer = Some(now.mono);
    grip.work(Work::Operate { value })
}

/// The command has failed: the device goes back.
fn fail(grip: &mut Grip, reason: Reason, now: &Moment) {
    grip.reason = Some(reason);
    grip.has_failed = true;
    grip.want = None;
    (grip.timing.tries, grip.timing.pending) = (0, None);
    grip.to(Phase::Restoring, now);
}

/// It is time to read the device again, or for the next step of a ramp.
pub(super) fn due(grip: &mut Grip, control: &Control, now: &Moment) -> Option<Work> {
    let is_step = grip.is_verified && grip.written != grip.want;
    if is_step { write(grip, control, now) } else { grip.work(Work::Look) }
}

/// A device was read that is to hold a command.
pub(super) fn told(grip: &mut Grip, report: &Report, control: &Control, now: &Moment) -> Option<Work> {
    let held = match &report.held {
        Ok(held) => held,
        Err(fault) => {
            grip.reason = Some(Reason::Unknown { fault: fault.clone() });
            let since = *grip.timing.pending.get_or_insert(now.mono);
            // A device that held the command when it was last read has not failed because it is away.
            if !grip.is_verified && now.mono.saturating_sub(since) >= UNKNOWN_WITHIN {
                fail(grip, Reason::Unknown { fault: fault.clone() }, now);
            } else {
                grip.look_again(now);
            }
            return None;
        }
    };
    grip.timing.pending = None;
    let value = held.value;
    if let (Some(value), Some(written)) = (value, grip.written)
        && is_near(control, value, written)
    {
        return verified(grip, control, now);
    }
    let Some(wrote) = grip.timing.wrote else {
        // The first look of this process: nothing of what it holds is the answer to a write of it.
        if grip.is_before(held) || grip.is_ours(held, control) {
            if grip.is_verified && !grip.is_returning {
                note_lost(grip);
            }
            return write(grip, control, now);
        }
        grip.reason = Some(changed(grip, held.value, control));
        grip.phase = Phase::Conflict;
        grip.due_in(now, super::CONFLICT_EVERY);
        return None;
    };
    if let Some(Wrote::Refused(fault)) = &report.wrote {
        grip.timing.doubt = None;
        return again(grip, Reason::Refused { fault: fault.clone() }, control, now);
    }
    if !grip.is_before(held) {
        grip.made_of_it = value;
    }
    if now.mono.saturating_sub(wrote) < VERIFY_WITHIN {
        grip.look_again(now);
        return None;
    }
    let (asked, unit) = (grip.written.unwrap_or_default(), control.limit.reading_unit());
    again(grip, Reason::NotConfirmed { asked, holds: value, unit }, control, now)
}

/// Writes once more, or fails for this reason.
fn again(grip: &mut Grip, reason: Reason, control: &Control, now: &Moment) -> Option<Work> {
    grip.timing.tries += 1;
    if grip.timing.tries >= MAX_TRIES {
        fail(grip, reason, now);
        return None;
    }
    grip.reason = Some(reason);
    let made_of_it = grip.made_of_it;
    let work = write(grip, control, now);
    // What the device made of the earlier write may stand until the new one is done.
    grip.made_of_it = made_of_it;
    work
}

/// The device holds what was written.
fn verified(grip: &mut Grip, control: &Control, now: &Moment) -> Option<Work> {
    grip.is_verified = true;
    grip.made_of_it = None;
    grip.timing.tries = 0;
    grip.timing.doubt = None;
    grip.reason = (grip.reasserted > 0).then_some(Reason::Reasserted { times: grip.reasserted });
    if grip.written == grip.want {
        grip.phase = Phase::Holding;
        grip.due_in(now, CHECK_EVERY.min(super::hold::refresh_every(control).unwrap_or(CHECK_EVERY)));
        return None;
    }
    let from = grip.written.unwrap_or_default();
    let (_, wait) = ramped(control, from, grip.want.unwrap_or(from));
    let wrote = grip.timing.wrote.unwrap_or(now.mono);
    grip.timing.due = Some((wrote + wait).max(now.mono));
    None
}

/// Counts a command that its device has lost.
pub(super) fn note_lost(grip: &mut Grip) {
    grip.reasserted += 1;
    grip.reason = Some(Reason::Reasserted { times: grip.reasserted });
}

/// In words: somebody else has set the device.
pub(super) fn changed(grip: &Grip, to: Option<f64>, control: &Control) -> Reason {
    Reason::ChangedByOthers { from: grip.written, to, unit: control.limit.reading_unit() }
}
