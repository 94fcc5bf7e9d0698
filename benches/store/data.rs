//! Made-up meters: 60 % flats, 30 % shops, 10 % industry, 20 quantities each, once a second.
//!
//! Loads have a daily shape, noise (AR(1)) and parts that switch on and off for 20 s to 30 min; a quarter of the meters renews
//! its registers every 2 to 5 s only. Quantities follow from each other as in a real meter, each rounded by itself: kW is the
//! sum of the phases, kVA that of kW and kvar, PF and currents follow, kWh counts kW up. One poll in 1,000 is missed, and one
//! value in 10,000 is bad.

use meterdeck::{
    domain::{ids::MeterId, quantity::Quantity, reading::State, sample::Decimals, unit::Unit},
    store::{Sample, SeriesKey, SeriesSpec},
};

/// The quantities, with their decimals.
pub fn quantities() -> [(Quantity, u8); 20] {
    use Quantity as Q;
    [
        (Q::VoltagePhaseA, 1),
        (Q::VoltagePhaseB, 1),
        (Q::VoltagePhaseC, 1),
        (Q::AmpsPhaseA, 2),
        (Q::AmpsPhaseB, 2),
        (Q::AmpsPhaseC, 2),
        (Q::KwPhaseA, 2),
        (Q::KwPhaseB, 2),
        (Q::KwPhaseC, 2),
        (Q::CurrentKw, 2),
        (Q::CurrentKvar, 2),
        (Q::CurrentKva, 2),
        (Q::PowerFactor, 3),
        (Q::Frequency, 2),
        (Q::KwhLifetime, 2),
        (Q::KvarhLifetime, 2),
        (Q::DemandKw, 2),
        (Q::TemperatureC, 1),
        (Q::Extra("x_thd_voltage".into()), 1),
        (Q::Extra("x_thd_current".into()), 1),
    ]
}

/// One of [`quantities`] for each meter.
pub fn specs(meters: usize) -> Vec<SeriesSpec> {
    let of_meter = |meter: usize| {
        quantities().into_iter().map(move |(quantity, decimals)| SeriesSpec {
            meter: MeterId::new(&format!("m{meter:04}")).unwrap(),
            unit: quantity.unit().unwrap_or(Unit::Percent),
            quantity,
            decimals: Decimals::new(decimals).unwrap(),
        })
    };
    (0..meters).flat_map(of_meter).collect()
}

struct Meter {
    random: fastrand::Rng,
    base_kw: f64,
    refresh_s: i64,
    volts: [f64; 3],
    shares: [f64; 3],
    noise: [f64; 3],
    reactive: f64,
    switched: Vec<(f64, i64)>,
    energy_kwh: f64,
    energy_kvarh: f64,
    demand: f64,
    temperature: f64,
    thd: [f64; 2],
    latency_ms: i64,
    numbers: [i64; 20],
}

/// A site that is read once a second.
pub struct Site {
    meters: Vec<Meter>,
    random: fastrand::Rng,
    hertz: f64,
    /// Spread of the moment at which a device answers, in ms.
    pub jitter_ms: i64,
    factors: [f64; 20],
}

fn normal(random: &mut fastrand::Rng) -> f64 {
    // Sum of uniforms: near enough, and quick.
    (0..6).map(|_| random.f64() - 0.5).sum::<f64>() * 1.414
}

impl Meter {
    fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let base_kw = match random.f64() {
            class if class < 0.6 => 1.0 + random.f64() * 6.0,
            class if class < 0.9 => 8.0 + random.f64() * 40.0,
            _ => 50.0 + random.f64() * 350.0,
        };
        let refresh_s = if random.f64() < 0.25 { random.i64(2..=5) } else { 1 };
        Self {
            base_kw,
            refresh_s,
            volts: [0.0; 3],
            shares: [0.3 + random.f64() * 0.1, 0.3 + random.f64() * 0.1, 0.25 + random.f64() * 0.1],
            noise: [0.0; 3],
            reactive: 0.15 + random.f64() * 0.35,
            switched: (0..4).map(|_| (random.f64() * 0.3, random.i64(0..1800))).collect(),
            energy_kwh: random.f64() * 90_000.0,
            energy_kvarh: random.f64() * 40_000.0,
            demand: base_kw,
            temperature: 20.0 + random.f64() * 15.0,
            thd: [1.5 + random.f64(), 5.0 + random.f64() * 10.0],
            latency_ms: random.i64(2..40),
            numbers: [0; 20],
            random,
        }
    }

    /// Lets a second pass; what the registers would hold then.
    fn step(&mut self, second: i64, hertz: f64) -> [f64; 20] {
        let random = &mut self.random;
        let day = (second % 86_400) as f64 / 86_400.0 * std::f64::consts::TAU;
        let shape = 0.7 - 0.3 * day.cos() - 0.1 * (2.0 * day).cos();
        let mut switched = 0.0;
        for (size, until) in &mut self.switched {
            if *until <= second {
                *size = -*size;
                *until = second + random.i64(20..1800);
            }
            switched += size.max(0.0);
        }
        let mut kw = [0.0; 3];
        for (phase, kw) in kw.iter_mut().enumerate() {
            self.volts[phase] = self.volts[phase] * 0.995 + normal(random) * 0.06;
            self.noise[phase] = self.noise[phase] * 0.9 + normal(random) * 0.05;
            *kw = self.base_kw * self.shares[phase] * (shape + switched + self.noise[phase] * shape);
            *kw = kw.max(0.0);
        }
        let volts = self.volts.map(|volt| 231.0 + volt + normal(random) * 0.08);
        let total: f64 = kw.iter().sum();
        self.reactive = (self.reactive + normal(random) * 0.006).clamp(0.05, 0.6);
        let kvar = total * self.reactive;
        let kva = (total * total + kvar * kvar).sqrt();
        let pf = if kva > 0.0 { total / kva } else { 1.0 };
        self.energy_kwh += total / 3600.0;
        self.energy_kvarh += kvar / 3600.0;
        self.demand += (total - self.demand) / 900.0;
        self.temperature += normal(random) * 0.01;
        self.thd[0] = (self.thd[0] + normal(random) * 0.01).max(0.2);
        self.thd[1] = (self.thd[1] + normal(random) * 0.03).max(0.5);
        let amps = |phase: usize| kw[phase] * 1000.0 / (volts[phase] * pf);
        [
            volts[0],
            volts[1],
            volts[2],
            amps(0),
            amps(1),
            amps(2),
            kw[0],
            kw[1],
            kw[2],
            total,
            kvar,
            kva,
            pf,
            hertz,
            self.energy_kwh,
            self.energy_kvarh,
            self.demand,
            self.temperature,
            self.thd[0],
            self.thd[1],
        ]
    }
}

impl Site {
    pub fn new(meters: usize, jitter_ms: i64) -> Self {
        let factors = quantities().map(|(_, decimals)| 10_f64.powi(i32::from(decimals)));
        Self {
            meters: (0..meters as u64).map(|seed| Meter::new(seed + 1)).collect(),
            random: fastrand::Rng::with_seed(99),
            hertz: 50.0,
            jitter_ms,
            factors,
        }
    }

    /// All samples of one second; `keys` are those of [`specs`].
    pub fn second(&mut self, second: i64, keys: &[SeriesKey]) -> Vec<Sample> {
        self.hertz = 50.0 + (self.hertz - 50.0) * 0.98 + normal(&mut self.random) * 0.0015;
        let quantities = quantities().map(|(_, decimals)| Decimals::new(decimals).unwrap());
        let mut samples = Vec::with_capacity(keys.len());
        for (meter, keys) in self.meters.iter_mut().zip(keys.chunks(20)) {
            let values = meter.step(second, self.hertz);
            if second % meter.refresh_s == 0 || meter.numbers[0] == 0 {
                for ((number, value), factor) in meter.numbers.iter_mut().zip(values).zip(self.factors) {
                    *number = (value * factor).round() as i64;
                }
            }
            let random = &mut meter.random;
            if random.u32(0..1000) == 0 {
                continue;
            }
            let jitter = if self.jitter_ms > 0 { meter.latency_ms + random.i64(0..=self.jitter_ms) } else { 0 };
            let bad = (random.u32(0..500) == 0).then(|| random.usize(0..20));
            for (place, ((key, number), decimals)) in keys.iter().zip(meter.numbers).zip(quantities).enumerate() {
                let is_bad = bad == Some(place);
                let state = if is_bad { State::Bad } else { State::Good };
                let at_ms = second * 1000 + jitter;
                samples.push(Sample { series: *key, at_ms, number: (!is_bad).then_some(number), decimals, state });
            }
        }
        samples
    }
}
