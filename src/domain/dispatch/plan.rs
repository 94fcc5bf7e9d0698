//! Planning: which devices, which command, what it saves, and who is left out and why.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Action, ActionState, Command, Reason, Wanted, interlock};
use crate::domain::{
    ids::DeviceId,
    programme::{ProgrammeMeter, ProgrammeMeterId, devices_at},
    register::RawType,
    site::{Control, Device, Site},
    unit::{Dimension, Unit},
};

/// A device, or a programme meter without one, that an event leaves out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LeftOut {
    /// The device; `None`: the programme meter has none.
    pub device: Option<DeviceId>,
    /// The programme meter.
    pub meter: ProgrammeMeterId,
    /// Why.
    pub reason: Reason,
}

/// What one device would do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlannedAction {
    /// The device.
    pub device: DeviceId,
    /// The programme meter through which it was found.
    pub meter: ProgrammeMeterId,
    /// What would be written.
    pub command: Command,
    /// What that saves at most, kW; `None`: not known.
    pub expected_kw: Option<f64>,
}

/// What an event would do.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// In order of the programme meters, then of the devices.
    pub actions: Vec<PlannedAction>,
    /// Who is left out.
    pub left_out: Vec<LeftOut>,
}

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Of which programme meters.
    pub meters: &'a [ProgrammeMeterId],
    /// How much.
    pub wanted: Wanted,
    /// From when.
    pub start: Timestamp,
    /// Until when.
    pub end: Timestamp,
}

impl Plan {
    /// What all devices save at most, kW.
    pub fn expected_kw(&self) -> f64 {
        self.actions.iter().filter_map(|action| action.expected_kw).sum()
    }

    /// The actions, before any of them is begun.
    pub fn to_actions(&self) -> Vec<Action> {
        let action = |planned: &PlannedAction| Action {
            device: planned.device.clone(),
            meter: planned.meter.clone(),
            command: planned.command.clone(),
            expected_kw: planned.expected_kw,
            state: ActionState::Planned,
            before: None,
            read_back: None,
            reason: None,
            way_back: None,
            is_begun: false,
            is_released: false,
            is_done: false,
        };
        self.actions.iter().map(action).collect()
    }

    /// Whether it is for a programme meter that is something here.
    pub fn is_ours(&self) -> bool {
        !self.actions.is_empty() || self.left_out.iter().any(|left| left.device.is_some())
    }
}

/// Plans.
pub fn plan(site: &Site, meters: &BTreeMap<ProgrammeMeterId, ProgrammeMeter>, asked: Asked<'_>) -> Plan {
    let mut plan = Plan::default();
    let mut candidates: Vec<(&Device, &Control, ProgrammeMeterId)> = Vec::new();
    let mut seen = BTreeSet::new();
    for meter in asked.meters {
        let none = |reason| LeftOut { device: None, meter: meter.clone(), reason };
        let known = meters.get(meter);
        if known.is_some_and(|known| known.is_archived) {
            plan.left_out.push(none(Reason::Archived));
            continue;
        }
        let devices = known.and_then(|known| known.place(site).ok()).map(|place| devices_at(site, &place));
        let devices = devices.unwrap_or_default();
        if devices.is_empty() {
            plan.left_out.push(none(Reason::NotOurs));
        }
        for id in devices.into_iter().filter(|id| seen.insert(id.clone())) {
            let Some(device) = site.devices.get(&id) else { continue };
            let reason = interlock::controllable(device).or_else(|| interlock::maintenance(device));
            match (reason, &device.control) {
                (None, Some(control)) => candidates.push((device, control, meter.clone())),
                (reason, _) => {
                    let reason = reason.unwrap_or(Reason::NotControllable);
                    plan.left_out.push(LeftOut { device: Some(id), meter: meter.clone(), reason });
                }
            }
        }
    }
    let share = share(&candidates, asked.wanted);
    let length = asked.end.duration_since(asked.start);
    for (device, control, meter) in candidates {
        let command = command(control, asked.wanted, share).and_then(|value| {
            let reason = interlock::limits(control, value)
                .or_else(|| interlock::step(control, value))
                .or_else(|| interlock::representable(&control.limit, value))
                .or_else(|| interlock::long_enough(control, length));
            reason.map_or(Ok(value), Err)
        });
        match command {
            Ok(value) => plan.actions.push(PlannedAction {
                device: device.id.clone(),
                meter,
                expected_kw: expected_kw(control, value),
                command: Command { register: control.limit.address, value, unit: control.limit.reading_unit() },
            }),
            Err(reason) => plan.left_out.push(LeftOut { device: Some(device.id.clone()), meter, reason }),
        }
    }
    plan
}

/// The part, 0 to 1, of what its devices can save that is asked of each.
fn share(candidates: &[(&Device, &Control, ProgrammeMeterId)], wanted: Wanted) -> f64 {
    let Wanted::ReductionKw(reduction) = wanted else { return 1.0 };
    let all: f64 = candidates.iter().filter_map(|(_, control, _)| control.expected_kw).sum();
    if all > 0.0 { (reduction / all).clamp(0.0, 1.0) } else { 1.0 }
}

/// The value for a device.
fn command(control: &Control, wanted: Wanted, share: f64) -> Result<f64, Reason> {
    let unit = control.limit.reading_unit();
    let limit = match wanted {
        Wanted::LimitKw(limit) => {
            return Unit::Kilowatt.convert(limit, unit).ok_or(Reason::NotRepresentable { value: limit, unit });
        }
        Wanted::Max => None,
        Wanted::ReductionKw(_) => control.expected_kw.filter(|_| share < 1.0),
    };
    let curtail = control.curtail.ok_or(Reason::NoCurtailment)?;
    let saves = limit.and_then(|kw| Unit::Kilowatt.convert(kw, unit));
    Ok(saves.map_or(curtail, |saves| partly(control, curtail, saves * (1.0 - share))))
}

/// The value that leaves the device `left` over its least, on a step, rounded to the stricter side; within the limits, as
/// both ends are.
fn partly(control: &Control, curtail: f64, left: f64) -> f64 {
    let whole = !matches!(control.limit.raw_type, RawType::F32 | RawType::F64);
    let smallest = control.limit.unit.convert(control.limit.scale.abs(), control.limit.reading_unit());
    let step = control.step.or_else(|| smallest.filter(|_| whole));
    let left = step.map_or(left, |step| (left / step).floor() * step);
    let value = (curtail + left).min(control.limit.max.unwrap_or(f64::MAX));
    // Off a decimal fraction's rounding: 0.1 × 3 is 0.3.
    (value * 1e9).round() / 1e9
}

/// What a command saves at most, kW: the device takes no more than its least and what curtailing it saves.
fn expected_kw(control: &Control, value: f64) -> Option<f64> {
    let most = control.expected_kw?;
    let unit = control.limit.reading_unit();
    let curtail = control.curtail.filter(|_| unit.dimension() == Dimension::Power);
    let over = curtail.and_then(|curtail| unit.convert(value - curtail, Unit::Kilowatt));
    Some(over.map_or(most, |over| ((most - over.abs()).clamp(0.0, most.max(0.0)) * 1e6).round() / 1e6))
}
