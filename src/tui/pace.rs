//! When to draw: only after a change, the first one at once, and what follows no faster than a line over SSH likes.

use std::time::{Duration, Instant};

/// Least time between frames while somebody types: ten a second.
pub const TYPING: Duration = Duration::from_millis(100);
/// Least time between frames for data: two a second.
pub const DATA: Duration = Duration::from_millis(500);
/// How late a frame may become while messages keep coming.
pub const MOST_LATE: Duration = Duration::from_millis(250);

/// Why a frame is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// Values changed, or got older.
    Data,
    /// Somebody waits for it.
    Input,
}

/// Holds frames back.
#[derive(Debug, Default)]
pub struct Pace {
    last_frame: Option<Instant>,
    wanted: Option<(Instant, Cause)>,
}

impl Pace {
    /// Something changed.
    pub fn want(&mut self, now: Instant, cause: Cause) {
        self.wanted = match self.wanted {
            Some((since, before)) => Some((since, before.max(cause))),
            None => Some((now, cause)),
        };
    }

    /// When the next frame is due; `None` where nothing changed.
    pub fn due(&self) -> Option<Instant> {
        let (since, cause) = self.wanted?;
        let interval = if cause == Cause::Input { TYPING } else { DATA };
        Some(self.last_frame.map_or(since, |last| since.max(last + interval)))
    }

    /// Whether a frame is so late that it goes before messages that wait.
    pub fn is_late(&self, now: Instant) -> bool {
        self.due().is_some_and(|due| now.saturating_duration_since(due) > MOST_LATE)
    }

    /// A frame was drawn.
    pub fn drawn(&mut self, now: Instant) {
        self.last_frame = Some(now);
        self.wanted = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_change_is_painted_at_once_and_what_follows_is_held() {
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let mut pace = Pace::default();
        assert_eq!(pace.due(), None);
        pace.want(at(0), Cause::Data);
        assert_eq!(pace.due(), Some(at(0)));
        pace.drawn(at(0));
        assert_eq!(pace.due(), None, "nothing changed");
        pace.want(at(10), Cause::Data);
        assert_eq!(pace.due(), Some(at(500)));
        pace.want(at(20), Cause::Input);
        assert_eq!(pace.due(), Some(at(100)), "a key does not wait for data's turn");
        pace.drawn(at(100));
        pace.want(at(5000), Cause::Input);
        assert_eq!(pace.due(), Some(at(5000)), "after quiet at once");
        assert!(!pace.is_late(at(5200)) && pace.is_late(at(5300)));
    }
}
