//! The load of one consumer over time, and its exact time integral (pure): the same for the same seed, id and time,
//! whenever a simulator was started.

use std::f64::consts::TAU;

use super::calendar::Calendar;

/// How a load moves around its mean, as shares of it; together under 1, so that power stays positive.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shape {
    /// Of the day's course.
    pub daily: f64,
    /// Of the slow wander, over hours.
    pub wander: f64,
    /// Of the small fast noise, over seconds.
    pub noise: f64,
}

impl Shape {
    /// Servers: nearly flat.
    pub const STEADY: Self = Self { daily: 0.07, wander: 0.05, noise: 0.015 };
    /// Offices and sockets.
    pub const OFFICE: Self = Self { daily: 0.30, wander: 0.06, noise: 0.02 };
    /// Cooling: follows the day, with compressors that come and go.
    pub const COOLING: Self = Self { daily: 0.22, wander: 0.10, noise: 0.04 };
    /// Lighting.
    pub const LIGHTING: Self = Self { daily: 0.45, wander: 0.03, noise: 0.005 };

    /// Farthest from the mean, as a share of it.
    pub fn reach(self) -> f64 {
        self.daily + self.wander + self.noise
    }
}

/// The load of one consumer.
#[derive(Debug, Clone, PartialEq)]
pub struct Load {
    mean_kw: f64,
    shape: Shape,
    wander: [Wave; 3],
    noise: [Wave; 3],
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Wave {
    /// Share of the mean.
    amplitude: f64,
    /// Radians a second.
    speed: f64,
    /// Radians.
    phase: f64,
}

/// Periods of the wander and of the noise in seconds (least and most), and each one's part of it.
const WANDER: [(f64, f64, f64); 3] =
    [(4_000.0, 9_000.0, 0.4), (17_000.0, 33_000.0, 0.35), (110_000.0, 260_000.0, 0.25)];
const NOISE: [(f64, f64, f64); 3] = [(7.0, 13.0, 0.3), (17.0, 31.0, 0.3), (50.0, 110.0, 0.4)];

impl Load {
    /// A load with this mean; `random` decides where its waves are.
    pub fn new(mean_kw: f64, shape: Shape, random: &mut fastrand::Rng) -> Self {
        let mut wave = |(least, most, part): (f64, f64, f64), share: f64| Wave {
            amplitude: part * share,
            speed: TAU / (least + (most - least) * random.f64()),
            phase: TAU * random.f64(),
        };
        let wander = WANDER.map(|spread| wave(spread, shape.wander));
        let noise = NOISE.map(|spread| wave(spread, shape.noise));
        Self { mean_kw, shape, wander, noise }
    }

    /// Its mean over weekdays, kW.
    pub fn mean_kw(&self) -> f64 {
        self.mean_kw
    }

    /// What it never exceeds, kW.
    pub fn peak_kw(&self) -> f64 {
        self.mean_kw * (1.0 + self.shape.reach())
    }

    /// Power at `seconds` after the epoch, kW; never negative.
    pub fn kw(&self, calendar: &Calendar, seconds: f64) -> f64 {
        let waves: f64 = self.wander.iter().chain(&self.noise).map(|wave| wave.at(seconds)).sum();
        self.mean_kw * (1.0 + self.shape.daily * calendar.course(seconds) + waves)
    }

    /// The time integral of [`kw`](Self::kw) from the epoch, kWs; zero before it.
    pub fn kw_seconds(&self, calendar: &Calendar, seconds: f64) -> f64 {
        let until = seconds.max(0.0);
        let waves: f64 = self.wander.iter().chain(&self.noise).map(|wave| wave.integral(until)).sum();
        let daily = calendar.course_integral(until) - calendar.course_integral(0.0);
        self.mean_kw * (until + self.shape.daily * daily + waves)
    }
}

impl Wave {
    fn at(self, seconds: f64) -> f64 {
        self.amplitude * self.speed.mul_add(seconds, self.phase).sin()
    }

    fn integral(self, seconds: f64) -> f64 {
        self.amplitude / self.speed * (self.phase.cos() - self.speed.mul_add(seconds, self.phase).cos())
    }
}

/// A generator of random numbers that is the same for the same seed and id (FNV-1a of the id).
pub fn random_for(seed: u64, id: &str) -> fastrand::Rng {
    let hash = id
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    fastrand::Rng::with_seed(hash ^ seed.rotate_left(32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn calendar() -> Calendar {
        Calendar::new(&jiff::tz::TimeZone::get("Europe/Amsterdam").unwrap())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// Power is positive and below its peak; energy is its integral to 1 in 100,000.
        #[test]
        fn energy_is_the_integral_of_power(seed: u64, start in 0_u32..300_000_000, mean in 0.1_f64..2_000.0) {
            let calendar = calendar();
            let load = Load::new(mean, Shape::COOLING, &mut random_for(seed, "x"));
            let start = f64::from(start);
            let mut summed = 0.0;
            for second in 0..7_200 {
                let kw = load.kw(&calendar, start + f64::from(second) + 0.5);
                prop_assert!(kw > 0.0 && kw <= load.peak_kw() * 1.000_001);
                summed += kw;
            }
            let exact = load.kw_seconds(&calendar, start + 7_200.0) - load.kw_seconds(&calendar, start);
            prop_assert!((summed - exact).abs() <= exact * 1e-5, "{} {}", summed, exact);
        }
    }

    #[test]
    fn the_same_seed_and_id_give_the_same_load() {
        let load = |seed, id| Load::new(10.0, Shape::OFFICE, &mut random_for(seed, id));
        assert_eq!(load(1, "a"), load(1, "a"));
        assert_ne!(load(1, "a"), load(1, "b"));
        assert_ne!(load(1, "a"), load(2, "a"));
        assert!(load(1, "a").kw_seconds(&calendar(), -5.0).abs() < f64::EPSILON, "nothing before the epoch");
    }
}
