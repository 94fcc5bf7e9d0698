//! The simulated site's power chain: which loads flow through which meter.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use jiff::tz::TimeZone;

use super::{
    behaviour::SimulatedDevice,
    calendar::Calendar,
    electrical::{Electrical, Flow, frequency_hz, volts},
    load::{Load, Shape, random_for},
};
use crate::domain::{
    ids::{DeviceId, MeterId},
    quantity::Quantity,
    register::Register,
    site::{Commodity, Meter, MeterPoint, Site},
};

/// Nominal voltage of a phase where nothing else is said, V.
const NOMINAL_VOLTS: f64 = 230.0;
/// The largest load of a meter without phase values that is taken to have one phase, kW.
const SINGLE_PHASE_KW: f64 = 15.0;

/// Everything that consumes, and every point where it is measured.
#[derive(Debug)]
pub struct Plant {
    calendar: Calendar,
    loads: Vec<Consumer>,
    points: Vec<Point>,
    meters: BTreeMap<MeterId, usize>,
    devices: BTreeMap<DeviceId, usize>,
    demand_seconds: f64,
}

/// A load with its phases.
#[derive(Debug)]
struct Consumer {
    load: Load,
    /// Shares of the phases, together 1.
    phases: [f64; 3],
    /// Reactive power at mean load, as a share of the real power.
    reactive: f64,
    cached: Mutex<Option<(i64, Flow)>>,
}

/// A place where a meter sits.
#[derive(Debug)]
struct Point {
    /// The loads behind it: index, and what flows through here of it, losses included.
    shares: Vec<(usize, f64)>,
    rated_kw: f64,
    nominal_volts: f64,
    single_phase: bool,
    kwh_at_epoch: f64,
    cached: Mutex<Option<(i64, Electrical)>>,
}

/// Losses of what a meter at this point feeds, as a share of it.
pub fn losses(point: MeterPoint) -> f64 {
    match point {
        MeterPoint::UpsInput => 0.05,
        MeterPoint::TransferSwitch => 0.001,
        MeterPoint::UtilityEntrance | MeterPoint::MainSwitchgear => 0.008,
        _ => 0.004,
    }
}

impl Plant {
    /// The plant of a site. The same for the same seed and site.
    pub fn new(site: &Site, devices: &BTreeMap<DeviceId, SimulatedDevice>, seed: u64) -> Self {
        let mut plant = Self {
            calendar: Calendar::new(&TimeZone::get(&site.time_zone).unwrap_or(TimeZone::UTC)),
            loads: Vec::new(),
            points: Vec::new(),
            meters: BTreeMap::new(),
            devices: BTreeMap::new(),
            demand_seconds: site.demand_interval.as_secs_f64().max(1.0),
        };
        let healthy = SimulatedDevice::default();
        for meter in chain_from_the_ends(site) {
            let simulated = meter.device.as_ref().and_then(|device| devices.get(device)).unwrap_or(&healthy);
            plant.add_meter(site, meter, simulated, seed);
        }
        for device in site.devices.values() {
            let first = site.meters.values().find(|meter| meter.device.as_ref() == Some(&device.id));
            let point = first.and_then(|meter| plant.meters.get(&meter.id)).copied().unwrap_or_else(|| {
                let simulated = devices.get(&device.id).unwrap_or(&healthy);
                let consumer = Consumption { rated_kw: 10.0, shape: Shape::OFFICE, registers: &device.registers };
                plant.add_consumer(&consumer, simulated, &mut random_for(seed, device.id.as_str()))
            });
            plant.devices.insert(device.id.clone(), point);
        }
        plant
    }

    /// Where a meter sits; virtual meters sit nowhere.
    pub fn point_of_meter(&self, meter: &MeterId) -> Option<usize> {
        self.meters.get(meter).copied()
    }

    /// Where a device sits: with its first meter.
    pub fn point_of_device(&self, device: &DeviceId) -> Option<usize> {
        self.devices.get(device).copied()
    }

    /// What a meter at a point sees, `second` whole seconds after the epoch.
    pub fn electrical(&self, point: usize, second: i64) -> Option<Electrical> {
        let point = self.points.get(point)?;
        if let Some((at, state)) = *point.cached.lock().unwrap_or_else(PoisonError::into_inner)
            && at == second
        {
            return Some(state);
        }
        let state = self.electrical_afresh(point, second);
        *point.cached.lock().unwrap_or_else(PoisonError::into_inner) = Some((second, state));
        Some(state)
    }

    /// The most that ever flows through a point, kW.
    pub fn peak_kw(&self, point: usize) -> f64 {
        let shares = self.points.get(point).map_or(&[][..], |point| point.shares.as_slice());
        shares.iter().filter_map(|(load, share)| Some(self.loads.get(*load)?.load.peak_kw() * share)).sum()
    }

    fn electrical_afresh(&self, point: &Point, second: i64) -> Electrical {
        let seconds = second as f64;
        let mut flow = Flow::default();
        let mut kw_seconds_before = 0.0;
        for (load, share) in &point.shares {
            let Some(consumer) = self.loads.get(*load) else { continue };
            flow.add(&consumer.flow(&self.calendar, second), *share);
            kw_seconds_before += consumer.load.kw_seconds(&self.calendar, seconds - self.demand_seconds) * share;
        }
        let load_share = flow.total_kw() / point.rated_kw;
        Electrical {
            volts: volts(point.nominal_volts, load_share, seconds),
            frequency_hz: frequency_hz(seconds),
            single_phase: point.single_phase,
            kwh_at_epoch: point.kwh_at_epoch,
            demand_kw: (flow.kw_seconds - kw_seconds_before) / self.demand_seconds,
            temperature_c: 20.0 + 6.0 * load_share.clamp(0.0, 1.5) + 0.8 * self.calendar.course(seconds),
            flow,
        }
    }

    fn add_meter(&mut self, site: &Site, meter: &Meter, simulated: &SimulatedDevice, seed: u64) {
        let mut random = random_for(seed, meter.id.as_str());
        let fed = fed_by_it(site, meter, &self.meters);
        let volts = simulated.voltage.unwrap_or(NOMINAL_VOLTS);
        let rated_kw = rated_kw(meter, volts);
        let index = if fed.is_empty() {
            let shape = shape(meter);
            self.add_consumer(&Consumption { rated_kw, shape, registers: &meter.registers }, simulated, &mut random)
        } else {
            self.add_point(self.feeder(&fed, meter, rated_kw, volts))
        };
        if meter.meter_point == MeterPoint::GeneratorOutput && simulated.load_percent.is_none() {
            // It stands by: nothing flows.
            if let Some(point) = self.points.get_mut(index) {
                point.shares.clear();
            }
        }
        self.meters.insert(meter.id.clone(), index);
    }

    fn add_consumer(&mut self, of: &Consumption<'_>, simulated: &SimulatedDevice, random: &mut fastrand::Rng) -> usize {
        let volts = simulated.voltage.unwrap_or(NOMINAL_VOLTS);
        let single_phase = is_single(of.registers, of.rated_kw);
        let least = 0.20 / (1.0 - of.shape.reach());
        let most = 0.85 / (1.0 + of.shape.reach());
        let drawn = least + (most - least).max(0.0) * random.f64();
        let level = simulated.load_percent.map_or(drawn, |percent| percent / 100.0);
        let load = Load::new(of.rated_kw * level, of.shape, random);
        let phases = phases(single_phase, simulated.imbalance_percent, random);
        let drawn_factor = if of.shape == Shape::COOLING { 0.86 } else { 0.93 } + 0.06 * random.f64();
        let factor = simulated.power_factor.unwrap_or(drawn_factor).clamp(0.05, 1.0);
        let reactive = (1.0 - factor * factor).sqrt() / factor;
        self.loads.push(Consumer { load, phases, reactive, cached: Mutex::default() });
        self.add_point(Point {
            shares: vec![(self.loads.len() - 1, 1.0)],
            rated_kw: of.rated_kw,
            nominal_volts: volts,
            single_phase,
            kwh_at_epoch: (of.rated_kw * 2_000.0 * random.f64()).floor(),
            cached: Mutex::default(),
        })
    }

    /// The point that feeds others: their loads, and what their counters began with, with the losses.
    fn feeder(&self, fed: &[(usize, f64)], meter: &Meter, rated_kw: f64, nominal_volts: f64) -> Point {
        let with_losses = 1.0 + losses(meter.meter_point);
        let mut shares: BTreeMap<usize, f64> = BTreeMap::new();
        let mut kwh_at_epoch = 0.0;
        for (point, part) in fed.iter().filter_map(|(point, part)| Some((self.points.get(*point)?, part * with_losses)))
        {
            kwh_at_epoch += point.kwh_at_epoch * part;
            for (load, share) in &point.shares {
                *shares.entry(*load).or_default() += share * part;
            }
        }
        let single_phase = is_single(&meter.registers, rated_kw);
        let shares = shares.into_iter().collect();
        Point { shares, rated_kw, nominal_volts, single_phase, kwh_at_epoch, cached: Mutex::default() }
    }

    fn add_point(&mut self, point: Point) -> usize {
        self.points.push(point);
        self.points.len() - 1
    }
}

/// What decides about a load.
struct Consumption<'registers> {
    rated_kw: f64,
    shape: Shape,
    registers: &'registers [Register],
}

impl Consumer {
    fn flow(&self, calendar: &Calendar, second: i64) -> Flow {
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, flow)) = *cached
            && at == second
        {
            return flow;
        }
        let seconds = second as f64;
        let (kw, kw_seconds) = (self.load.kw(calendar, seconds), self.load.kw_seconds(calendar, seconds));
        // Part of the reactive power is there whatever the load: the power factor falls when the load does.
        let (follows, steady) = (0.7, 0.3 * self.load.mean_kw());
        let kvar = self.reactive * (follows * kw + steady);
        let flow = Flow {
            kw: self.phases.map(|share| kw * share),
            kvar: self.phases.map(|share| kvar * share),
            kw_seconds,
            kvar_seconds: self.reactive * (follows * kw_seconds + steady * seconds.max(0.0)),
        };
        *cached = Some((second, flow));
        flow
    }
}

/// The meters, those fed by others before those that feed them. Meters in a cycle come last, as loads of their own.
fn chain_from_the_ends(site: &Site) -> Vec<&Meter> {
    let measured = |meter: &&Meter| meter.meter_point != MeterPoint::Virtual && meter.formula.is_none();
    let meters: Vec<&Meter> = site.meters.values().filter(measured).collect();
    let mut open: BTreeMap<&MeterId, usize> = meters.iter().map(|meter| (&meter.id, 0)).collect();
    for feeder in meters.iter().flat_map(|meter| &meter.fed_by) {
        if let Some(count) = open.get_mut(feeder) {
            *count += 1;
        }
    }
    let mut ready: Vec<&Meter> = meters.iter().copied().filter(|meter| open.get(&meter.id) == Some(&0)).collect();
    let mut ordered = Vec::with_capacity(meters.len());
    while let Some(meter) = ready.pop() {
        open.remove(&meter.id);
        ordered.push(meter);
        for feeder in &meter.fed_by {
            if let Some(count) = open.get_mut(feeder) {
                *count -= 1;
                if *count == 0 {
                    ready.extend(site.meters.get(feeder));
                }
            }
        }
    }
    ordered.extend(meters.iter().filter(|meter| open.contains_key(&meter.id)));
    ordered
}

/// The points that a meter feeds, and which part of each: one that several meters feed is shared equally by them, and
/// generators stand by while anything else feeds.
fn fed_by_it(site: &Site, meter: &Meter, known: &BTreeMap<MeterId, usize>) -> Vec<(usize, f64)> {
    let stands_by = |id: &MeterId| {
        let point = site.meters.get(id).map(|feeder| feeder.meter_point);
        matches!(point, None | Some(MeterPoint::GeneratorOutput | MeterPoint::Virtual))
    };
    let fed =
        site.meters.values().filter(|other| other.commodity == meter.commodity && other.fed_by.contains(&meter.id));
    fed.filter_map(|other| {
        let point = *known.get(&other.id)?;
        let active = other.fed_by.iter().filter(|feeder| !stands_by(feeder)).count();
        let part = if stands_by(&meter.id) && active > 0 { 0.0 } else { 1.0 / active.max(1) as f64 };
        Some((point, part))
    })
    .collect()
}

/// The rating, else something usual for where the meter sits.
fn rated_kw(meter: &Meter, volts: f64) -> f64 {
    let from_amps = meter.rated_capacity_amps.map(|amps| amps * volts * 3.0 * 0.95 / 1000.0);
    let usual = match meter.meter_point {
        MeterPoint::UtilityEntrance => 500.0,
        MeterPoint::MainSwitchgear | MeterPoint::TransferSwitch | MeterPoint::GeneratorOutput => 400.0,
        MeterPoint::UpsInput | MeterPoint::UpsOutput => 200.0,
        MeterPoint::FloorDistributionBoard => 120.0,
        MeterPoint::RoomPanelBoard | MeterPoint::MechanicalLoad => 60.0,
        MeterPoint::RackPdu => 7.0,
        MeterPoint::BranchCircuit => 3.0,
        MeterPoint::ItLoad | MeterPoint::LightingLoad | MeterPoint::Virtual => 12.0,
    };
    meter.rated_capacity_kw.or(from_amps).filter(|kw| kw.is_finite() && *kw > 0.0).unwrap_or(usual)
}

fn shape(meter: &Meter) -> Shape {
    match meter.meter_point {
        MeterPoint::RackPdu | MeterPoint::ItLoad | MeterPoint::BranchCircuit | MeterPoint::UpsOutput => Shape::STEADY,
        MeterPoint::MechanicalLoad => Shape::COOLING,
        MeterPoint::LightingLoad => Shape::LIGHTING,
        _ if meter.commodity != Commodity::Electricity => Shape::COOLING,
        _ => Shape::OFFICE,
    }
}

/// Whether the device of these registers has one phase: it reports no other.
fn is_single(registers: &[Register], rated_kw: f64) -> bool {
    let of_phases = |register: &Register| {
        matches!(
            register.quantity,
            Quantity::AmpsPhaseB
                | Quantity::VoltagePhaseB
                | Quantity::KwPhaseB
                | Quantity::VoltageAb
                | Quantity::NeutralCurrent
        )
    };
    rated_kw <= SINGLE_PHASE_KW && !registers.iter().any(of_phases)
}

/// Shares of the phases: all on one, or three that differ a little.
fn phases(single_phase: bool, imbalance_percent: Option<f64>, random: &mut fastrand::Rng) -> [f64; 3] {
    if single_phase {
        let mut phases = [0.0; 3];
        if let Some(share) = phases.get_mut(random.usize(..3)) {
            *share = 1.0;
        }
        return phases;
    }
    let a = imbalance_percent.map_or_else(|| 0.04 * (random.f64() - 0.5), |percent| (percent / 100.0).clamp(-1.0, 2.0));
    let b = if imbalance_percent.is_some() { 0.0 } else { 0.04 * (random.f64() - 0.5) };
    [(1.0 + a) / 3.0, (1.0 - a / 2.0 + b) / 3.0, (1.0 - a / 2.0 - b) / 3.0]
}
