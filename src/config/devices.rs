//! Devices: how they are reached, how they want to be treated, and what is read from them.

use std::{collections::BTreeMap, time::Duration};

use super::{
    choice::DeviceProtocol,
    fields::{At, Fields},
    link,
    problems::{Problem, Sink, Spot},
    profile::DEFAULT_MAX_GAP,
    profiles::Profiles,
    references::Names,
    registers,
};
use crate::domain::{
    ids::{DeviceId, ProfileId},
    register::{MAX_REGISTERS, Order, Profile, Register},
    site::{Behaviour, Device, Link},
};

/// How often a device is read, where nothing else is said.
pub(super) const DEFAULT_EVERY: Duration = Duration::from_secs(1);
/// Deadline of one request, where nothing else is said.
pub(super) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(1);
/// How often a request is repeated while a device is busy, where nothing else is said.
const DEFAULT_BUSY_RETRIES: u8 = 3;

/// What `[poll]` says for all devices.
#[derive(Debug, Clone, Copy)]
pub(super) struct PollDefaults {
    pub(super) every: Duration,
    pub(super) timeout: Duration,
}

/// A device whose meters are not known yet.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    pub(super) device: Device,
    pub(super) fields: Fields<'a>,
    /// Registers of its own, over the profile's.
    own: Vec<At<Register>>,
    /// The profile's registers with its own over them.
    pub(super) base: Vec<Register>,
    /// What its meters read, those of their own with a place.
    of_meters: Vec<(Register, Option<Spot>)>,
    has_meters: bool,
}

/// Reads the devices; those whose link or unit is wrong are recorded and left out.
pub(super) fn read<'a>(
    file: &Fields<'a>,
    names: &Names<'_>,
    profiles: &Profiles,
    poll: PollDefaults,
) -> BTreeMap<DeviceId, Draft<'a>> {
    let mut drafts = BTreeMap::new();
    for (id, fields) in file.tables("device") {
        if let Some(draft) = DeviceId::new(id).ok().and_then(|id| read_one(id, fields, names, profiles, poll)) {
            drafts.insert(draft.device.id.clone(), draft);
        }
    }
    check_addresses(&drafts, file.sink);
    drafts
}

fn read_one<'a>(
    id: DeviceId,
    fields: Fields<'a>,
    names: &Names<'_>,
    profiles: &Profiles,
    poll: PollDefaults,
) -> Option<Draft<'a>> {
    let profile_id: Option<ProfileId> = names.one(&fields, "profile");
    let profile = profile_id.as_ref().and_then(|id| profiles.get(id.as_str()));
    let own = registers::read_all(&fields, "registers", Order::default());
    let behaviour = behaviour(&fields, profile.map(AsRef::as_ref));
    let (every, timeout) = (fields.duration("every"), fields.duration("timeout"));
    let tags = super::meters::tags(&fields);
    let link = link::read(&fields);
    let unit = unit(&fields);
    let base = overlay(profile.map_or(&[], |profile| &profile.registers), &own);
    let device = Device {
        id,
        link: link?,
        unit: unit?,
        profile: profile_id,
        every: every.unwrap_or(poll.every),
        timeout: timeout.unwrap_or(poll.timeout),
        registers: [].into(),
        behaviour,
        tags,
        control: None,
    };
    Some(Draft { device, fields, own, base, of_meters: Vec::new(), has_meters: false })
}

/// `base` without the quantities that `own` has, and `own`, in order of quantity.
pub(super) fn overlay(base: &[Register], own: &[At<Register>]) -> Vec<Register> {
    let replaced = |register: &&Register| !own.iter().any(|own| own.value.quantity == register.quantity);
    let mut all: Vec<Register> = base.iter().filter(replaced).cloned().collect();
    all.extend(own.iter().map(|own| own.value.clone()));
    all.sort_by(|a, b| a.quantity.cmp(&b.quantity));
    all
}

/// The unit number; 0 is the broadcast and 248 to 255 are reserved on a line, while Modbus TCP uses both ends.
fn unit(fields: &Fields<'_>) -> Option<u8> {
    let unit: u8 = fields.integer("unit")?;
    let on_a_line = matches!(fields.text_of("protocol"), Some("modbus-rtu" | "modbus-rtu-over-tcp"));
    if on_a_line && !(1..=247).contains(&unit) {
        fields.error("unit", format!("no device on a line can be unit {unit}"), "write the device's number, 1 to 247");
        return None;
    }
    Some(unit)
}

fn behaviour(fields: &Fields<'_>, profile: Option<&Profile>) -> Behaviour {
    let or_profile = |own: Option<u16>, of_profile: fn(&Profile) -> u16, default: u16| {
        own.or(profile.map(of_profile)).unwrap_or(default)
    };
    Behaviour {
        max_registers: or_profile(fields.integer("max_registers"), |profile| profile.max_registers, MAX_REGISTERS),
        max_gap: or_profile(fields.integer("max_gap"), |profile| profile.max_gap, DEFAULT_MAX_GAP),
        pause_after_connect: fields.duration("pause_after_connect").unwrap_or_default(),
        pause_between: fields.duration("pause_between").unwrap_or_default(),
        single_connection: fields.switch("single_connection").unwrap_or(true),
        close_after_poll: fields.switch("close_after_poll").unwrap_or(false),
        busy_retries: fields.integer("busy_retries").unwrap_or(DEFAULT_BUSY_RETRIES),
    }
}

/// Records devices that would answer each other's requests, and links that cannot be one.
fn check_addresses(drafts: &BTreeMap<DeviceId, Draft<'_>>, sink: &Sink) {
    let mut in_file_order: Vec<&Draft<'_>> = drafts.values().collect();
    in_file_order.sort_by_key(|draft| draft.fields.spot.span.start);
    let mut units: BTreeMap<(&Link, u8), &Draft<'_>> = BTreeMap::new();
    let mut links: BTreeMap<String, &Draft<'_>> = BTreeMap::new();
    for draft in in_file_order {
        let device = &draft.device;
        let name = device.link.name();
        if let Some(first) = units.get(&(&device.link, device.unit)) {
            let message =
                format!("{} and {} are both unit {} of {name}", first.fields.name, draft.fields.name, device.unit);
            let problem = Problem::error(&draft.fields.spot("unit"), message).label("the same address");
            let help = "write another unit or address; several meters may share one device";
            sink.add(problem.also(&first.fields.spot("unit"), "the first one").help(help));
        }
        match links.get(&name) {
            Some(first) if first.device.link != device.link => {
                let message = format!("{} and {} use {name} in different ways", first.fields.name, draft.fields.name);
                let key = if matches!(device.link, Link::ModbusRtu { .. }) { "serial" } else { "address" };
                let problem = Problem::error(&draft.fields.spot(key), message);
                let help = "write the same protocol, baud, parity and stop_bits for all devices of a connection";
                sink.add(problem.also(&first.fields.spot(key), "the first one").help(help));
            }
            _ => {}
        }
        units.entry((&device.link, device.unit)).or_insert(draft);
        links.entry(name).or_insert(draft);
    }
}

impl Draft<'_> {
    /// The protocol by the source's names, for the meters that it reads.
    pub(super) fn protocol(&self) -> DeviceProtocol {
        match self.device.link {
            Link::ModbusTcp { .. } => DeviceProtocol::Tcp,
            Link::ModbusRtuOverTcp { .. } => DeviceProtocol::RtuOverTcp,
            Link::ModbusRtu { .. } => DeviceProtocol::Rtu,
        }
    }

    /// Takes the registers that a meter reads from it.
    pub(super) fn add_meter(&mut self, registers: &[Register], own: &[At<Register>]) {
        self.has_meters = true;
        for register in registers {
            let spot = own.iter().find(|own| own.value == *register).map(|own| own.spot.clone());
            match self.of_meters.iter_mut().find(|(known, _)| known == register) {
                Some((_, known_spot)) => *known_spot = known_spot.take().or(spot),
                None => self.of_meters.push((register.clone(), spot)),
            }
        }
    }

    /// The device with all that is read from it.
    pub(super) fn finish(mut self, sink: &Sink) -> Device {
        let own_spot = |register: &Register| self.own.iter().find(|own| own.value == *register).map(|own| &own.spot);
        if self.has_meters {
            let of_meters = self.of_meters.iter();
            registers::overlap::check(
                sink,
                of_meters.map(|(register, spot)| (register, spot.as_ref().or(own_spot(register)))),
            );
        } else {
            registers::overlap::check(sink, self.base.iter().map(|register| (register, own_spot(register))));
        }
        let mut all = self.base;
        for (register, _) in self.of_meters {
            if !all.contains(&register) {
                all.push(register);
            }
        }
        let limit = self.device.behaviour.max_registers;
        if let Some(register) =
            all.iter().find(|register| !register.function.is_bits() && register.raw_type.length() > limit)
        {
            let length = register.raw_type.length();
            let message =
                format!("`{}` takes {length} registers, more than `max_registers` {limit}", register.quantity);
            let spot = self.fields.spot("max_registers");
            sink.add(Problem::error(&spot, message).help(format!("write at least {length}")));
        }
        if all.is_empty() && self.device.control.is_none() {
            let message = format!("nothing is read from {}", self.fields.name);
            sink.add(Problem::warning(&self.fields.spot, message).help("add a `profile`, or a meter with registers"));
        }
        all.sort_by(|a, b| a.quantity.cmp(&b.quantity));
        self.device.registers = all.into();
        self.device
    }
}
