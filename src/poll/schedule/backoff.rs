//! How long to leave alone what does not answer, and how much of a connection's time may go into asking it.

use std::time::Duration;

/// The first wait.
pub const FIRST_WAIT: Duration = Duration::from_secs(1);

/// A wait that doubles from [`FIRST_WAIT`] with each failure, up to a limit, shortened by chance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backoff {
    failures: u32,
    longest: Duration,
}

impl Backoff {
    /// Without failures, and never over `longest`.
    pub fn new(longest: Duration) -> Self {
        Self { failures: 0, longest }
    }

    /// Failures in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Whether the wait has not grown to its limit yet.
    pub fn is_growing(&self) -> bool {
        self.wait_after(self.failures) < self.longest
    }

    /// Counts a failure; the time until the next try, between [`FIRST_WAIT`] and the limit: up to a quarter of it
    /// is chance, so that many that failed together do not come back together.
    pub fn fail(&mut self, random: &mut fastrand::Rng) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let wait = self.wait_after(self.failures);
        wait.mul_f64(1.0 - 0.25 * random.f64()).max(FIRST_WAIT)
    }

    /// Forgets the failures.
    pub fn succeed(&mut self) {
        self.failures = 0;
    }

    fn wait_after(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(16);
        FIRST_WAIT.saturating_mul(1 << doublings).min(self.longest)
    }
}

/// A share of time: it fills as time passes, and is charged with what was really used, if need be into debt.
#[derive(Debug, Clone, PartialEq)]
pub struct Budget {
    share: f64,
    /// The most that is saved up, and the deepest debt, in seconds.
    limit: f64,
    level: f64,
    filled_at: Duration,
}

impl Budget {
    /// A full budget of `share` (0 to 1) of the time that keeps at most `limit`.
    pub fn new(share: f64, limit: Duration) -> Self {
        let limit = limit.as_secs_f64();
        Self { share, limit, level: limit, filled_at: Duration::ZERO }
    }

    /// When something may be spent: `now`, or later.
    pub fn free_at(&mut self, now: Duration) -> Duration {
        self.fill(now);
        if self.level >= 0.0 { now } else { now + Duration::from_secs_f64(-self.level / self.share) }
    }

    /// Charges what was used.
    pub fn charge(&mut self, now: Duration, used: Duration) {
        self.fill(now);
        self.level -= used.as_secs_f64();
    }

    fn fill(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.filled_at).as_secs_f64();
        self.level = (self.level + passed * self.share).min(self.limit);
        self.filled_at = now.max(self.filled_at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_to_the_limit_and_stay_within_it() {
        for seed in 0..50 {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut backoff = Backoff::new(Duration::from_mins(1));
            for full in [1.0_f64, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0] {
                let wait = backoff.fail(&mut random).as_secs_f64();
                assert!((full * 0.75).max(1.0) <= wait && wait <= full, "{wait} of {full}");
            }
            assert!(!backoff.is_growing());
            backoff.succeed();
            assert_eq!(backoff.fail(&mut random), Duration::from_secs(1));
        }
    }

    #[test]
    fn a_budget_is_kept_in_the_long_run() {
        let mut budget = Budget::new(0.02, Duration::from_secs(1));
        let (mut now, mut used) = (Duration::ZERO, Duration::ZERO);
        while now < Duration::from_secs(10_000) {
            now = budget.free_at(now) + Duration::from_millis(300);
            budget.charge(now, Duration::from_millis(300));
            used += Duration::from_millis(300);
        }
        let share = used.as_secs_f64() / now.as_secs_f64();
        assert!((0.0195..0.0202).contains(&share), "{share}");
    }
}
