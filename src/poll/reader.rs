//! One device: its requests, what its answers say, and what it refuses.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::time::Instant;

use discover::{MAX_LEARNING_REQUESTS, Model};
pub use report::Report;

use super::{
    learn::Learned,
    plan::{Plan, name},
    schedule::Outcome,
};
use crate::{
    derive,
    device::{
        bus::{Answer, Bus, Read},
        registers::{self, Decoded},
    },
    domain::{
        fault::{Fault, FaultKind},
        ids::DeviceId,
        reading::Reading,
        readings::Readings,
        register::{RawType, Register},
        site::{Device, Meter, Site},
    },
};

mod ask;
mod discover;
mod report;

/// Reads one device.
#[derive(Debug)]
pub struct Reader {
    device: Device,
    /// What is read, as configured; one list for all devices that are read alike, where they share it.
    configured: Arc<[Register]>,
    /// The same, where it is on the device: in a SunSpec profile where the model was found.
    registers: Arc<[Register]>,
    model: Option<Model>,
    /// Each register with each meter, by number, that has it; in order.
    targets: Vec<(usize, usize)>,
    meters: Vec<ReadMeter>,
    learned: Learned,
    plan: Arc<Plan>,
    asked_again: (Instant, usize),
    random: fastrand::Rng,
}
/// A meter of the device, and the last that was read of each of its registers.
#[derive(Debug)]
struct ReadMeter {
    meter: Meter,
    raw: Readings,
}
/// A meter after a poll.
#[derive(Debug)]
pub struct MeterResult {
    /// Its readings: new ones, and those that were read before.
    pub readings: Readings,
    /// What is wrong with it although its device answered.
    pub fault: Option<Fault>,
}

impl Reader {
    /// A reader of a site's device; `None` where there is nothing to read.
    pub fn new(site: &Site, id: &DeviceId) -> Option<Self> {
        let device = site.devices.get(id)?.clone();
        let meters: Vec<ReadMeter> = site
            .meters
            .values()
            .filter(|meter| meter.device.as_ref() == Some(id))
            .map(|meter| ReadMeter { meter: meter.clone(), raw: Readings::with_capacity(meter.registers.len()) })
            .collect();
        let registers = registers_of(&device, &meters);
        let has = |register: &Register, place: usize| {
            meters.get(place).is_some_and(|meter| meter.meter.registers.contains(register))
        };
        let targets = registers.iter().enumerate().flat_map(|(index, register)| {
            (0..meters.len()).filter(move |place| has(register, *place)).map(move |place| (index, place))
        });
        let targets = targets.collect();
        let learned = Learned::default();
        let plan = Arc::new(learned.plan(&registers, &device.behaviour));
        let asked_again = (Instant::now(), 0);
        let random = fastrand::Rng::new();
        let profile = device.profile.as_ref().and_then(|profile| site.profiles.get(profile));
        let model = profile.and_then(|profile| profile.sunspec_model).map(|id| Model { id, found: None });
        let configured = Arc::clone(&registers);
        let reader = Self { device, configured, registers, model, targets, meters, learned, plan, asked_again, random };
        (!reader.registers.is_empty()).then_some(reader)
    }

    /// The device as configured.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Requests of one poll, as planned now.
    pub fn requests_per_poll(&self) -> u32 {
        u32::try_from(self.plan.blocks.len()).unwrap_or(u32::MAX)
    }

    /// What was learned about the device, in words.
    pub fn notes(&self) -> Vec<String> {
        self.learned.notes()
    }

    /// Reads everything once over a connection that stands. A request that fails ends the poll, unless the device
    /// itself refused it: then the rest is read, and what is refused is found out. `connects` tells one set-up of the
    /// connection from the next.
    pub async fn poll(&mut self, bus: &mut impl Bus, connects: u64) -> Report {
        let mut report = Report::new(self.registers.len());
        let ended = match self.find_model(bus, connects, &mut report).await {
            Ok(()) => self.read_all(bus, &mut report).await,
            Err(fault) if fault.kind == FaultKind::ModelMissing => {
                report.troubles.insert(0, self.of_profile(&fault));
                report.faults.push(fault);
                return self.conclude(report, None);
            }
            Err(fault) => Some(fault),
        };
        self.conclude(report, ended)
    }

    /// Asks one thing, to see whether the device is back.
    pub async fn probe(&mut self, bus: &mut impl Bus, deadline: Duration) -> Report {
        let mut report = Report::new(self.registers.len());
        let read = self.plan.blocks.first().map(|block| block.read);
        let read = read.or_else(|| self.registers.first().and_then(|register| ask::alone(register).ok()));
        let ended = match read {
            Some(read) => self.ask_once(bus, read, deadline, &mut report).await.err(),
            None => None,
        };
        self.conclude(report, ended.filter(|fault| !fault.kind.is_answer()))
    }

    /// Each meter of the device, in order of id, as it is after this poll.
    pub fn results(&self, report: &Report) -> Vec<MeterResult> {
        self.meters.iter().enumerate().map(|(place, meter)| self.result(place, meter, report)).collect()
    }

    /// The first of the registers that could not be read, and how many there are.
    pub fn trouble(&self, report: &Report) -> Option<Fault> {
        in_words(report.troubles.values())
    }

    fn conclude(&self, mut report: Report, ended: Option<Fault>) -> Report {
        report.outcome = match &ended {
            None => Outcome::Answered(report.waited / report.answers.max(1)),
            Some(fault) if fault.kind == FaultKind::Busy => Outcome::Answered(report.waited / report.answers.max(1)),
            Some(fault) if fault.kind.is_of_connection() => Outcome::Unreachable,
            Some(_) => Outcome::Silent,
        };
        report.faults.extend(ended.clone());
        report.ended = ended;
        if report.ended.is_none() || report.is_answered() {
            let known =
                self.learned.missing().iter().chain(self.plan.unreadable.iter().map(|(index, fault)| (index, fault)));
            for (index, fault) in known {
                report.troubles.entry(*index).or_insert_with(|| self.of_profile(fault));
            }
        }
        report
    }

    /// Reads block by block; the fault that ended it early, if any.
    async fn read_all(&mut self, bus: &mut impl Bus, report: &mut Report) -> Option<Fault> {
        let started = Instant::now();
        let mut learning = MAX_LEARNING_REQUESTS;
        loop {
            let plan = Arc::clone(&self.plan);
            let mut learned = false;
            for block in &plan.blocks {
                let is_done = |index: &usize| report.done.get(*index).is_none_or(|done| *done);
                if block.registers.iter().all(is_done) {
                    continue;
                }
                let fault = match self.ask(bus, block.read, started, report).await {
                    Ok((answer, at)) => {
                        self.store(block.read, &block.registers, &answer, at, report);
                        continue;
                    }
                    Err(fault) => fault,
                };
                let is_refusal = matches!(fault.kind, FaultKind::IllegalAddress | FaultKind::IllegalValue);
                if is_refusal && learning > 0 {
                    match self.find_out(bus, &block.registers, &fault, &mut learning, report).await {
                        Ok(found) => learned |= found,
                        Err(fault) => return Some(fault),
                    }
                    if learned {
                        break;
                    }
                }
                if !fault.kind.is_answer() || fault.kind == FaultKind::Busy {
                    return Some(fault);
                }
                for index in &block.registers {
                    let what = self.registers.get(*index).map(name).unwrap_or_default();
                    report.troubles.insert(*index, self.of_profile(&Fault::new(fault.kind, what)));
                }
                report.faults.push(fault);
            }
            if !learned {
                return self.ask_again(bus, report).await;
            }
        }
    }

    fn store(&mut self, read: Read, indices: &[usize], answer: &Answer, at: Timestamp, report: &mut Report) {
        for index in indices {
            let Some(register) = self.registers.get(*index) else { continue };
            if let Some(done) = report.done.get_mut(*index) {
                *done = true;
            }
            let reading = reading(register, read, answer, at);
            let first = self.targets.partition_point(|(register, _)| register < index);
            let targets = self.targets.get(first..).unwrap_or_default();
            for (_, target) in targets.iter().take_while(|(register, _)| register == index) {
                let Some(meter) = self.meters.get_mut(*target) else { continue };
                match meter.raw.get_mut(&register.quantity) {
                    Some(known) => *known = reading,
                    None => drop(meter.raw.insert(register.quantity.clone(), reading)),
                }
            }
        }
    }

    fn result(&self, place: usize, meter: &ReadMeter, report: &Report) -> MeterResult {
        let said = derive::meter_readings(&meter.meter, &meter.raw);
        let is_own = |index: usize| self.targets.binary_search(&(index, place)).is_ok();
        let of_all = |fault: &Fault| fault.kind == FaultKind::ModelMissing;
        let own = report.troubles.iter().filter(|(index, fault)| is_own(**index) || of_all(fault));
        let troubles = own.map(|(_, fault)| fault);
        MeterResult { fault: in_words(troubles).or(said.implausible), readings: said.readings }
    }

    fn of_profile(&self, fault: &Fault) -> Fault {
        match &self.device.profile {
            Some(profile) => Fault::new(fault.kind, format!("{} (profile {profile})", fault.detail)),
            None => fault.clone(),
        }
    }
}

/// What is read of a device: its own registers and those of its meters, text left out. Where that is what it or its only
/// meter has anyway, that list is shared: a thousand devices of one profile need it once.
fn registers_of(device: &Device, meters: &[ReadMeter]) -> Arc<[Register]> {
    let mut registers: Vec<Register> = Vec::new();
    let lists = || meters.iter().map(|meter| &meter.meter.registers).chain([&device.registers]);
    for register in lists().flat_map(|list| list.iter()) {
        if !matches!(register.raw_type, RawType::Text(_)) && !registers.contains(register) {
            registers.push(register.clone());
        }
    }
    match lists().find(|list| ***list == *registers) {
        Some(list) => Arc::clone(list),
        None => registers.into(),
    }
}

fn reading(register: &Register, read: Read, answer: &Answer, at: Timestamp) -> Reading {
    let unit = register.reading_unit();
    let start = usize::from(register.address.saturating_sub(read.address));
    let decoded = match answer {
        Answer::Bits(bits) => bits.get(start).map(|bit| registers::decode_bit(register, *bit)),
        Answer::Registers(words) => {
            let scale = register.scale_register.map(|scale| usize::from(scale.saturating_sub(read.address)));
            let scale = scale.and_then(|scale| words.get(scale)).copied();
            words
                .get(start..start + usize::from(register.raw_type.length()))
                .map(|words| registers::decode(register, words, scale))
        }
    };
    match decoded {
        Some(Decoded::Value(value)) => Reading::good(value, unit, at),
        _ => Reading::bad(unit, at),
    }
}

/// The first fault, and how many more there are.
fn in_words<'faults>(faults: impl Iterator<Item = &'faults Fault>) -> Option<Fault> {
    let mut faults = faults.peekable();
    let first = faults.next()?.clone();
    match faults.count() {
        0 => Some(first),
        more => Some(Fault::new(first.kind, format!("{} and {more} more", first.detail))),
    }
}
