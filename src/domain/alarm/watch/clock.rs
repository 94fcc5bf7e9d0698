//! The wall clock beside time that only goes forward.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// Clocks are slewed by less; a step is more.
const STEP: SignedDuration = SignedDuration::from_secs(2);

/// Finds steps of the wall clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct ClockWatch(Option<(Duration, Timestamp)>);

impl ClockWatch {
    /// Takes a reading of both: `elapsed` since any fixed moment, and the wall clock. How far that jumped since the last
    /// reading, forward or back; `None` where it did not.
    pub fn jump(&mut self, elapsed: Duration, now: Timestamp) -> Option<SignedDuration> {
        let (before, then) = self.0.replace((elapsed, now))?;
        let passed = SignedDuration::try_from(elapsed.saturating_sub(before)).ok()?;
        let jump = now.duration_since(then).checked_sub(passed)?;
        (jump.abs() >= STEP).then_some(jump)
    }
}
