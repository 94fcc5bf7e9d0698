//! Interlocks: what keeps a device from being called. Each is a function with its reason, and none of them ever keeps a
//! device from being put back.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Reason, SetPoint};
use crate::domain::{
    register::{RawType, Register},
    site::{Control, Device, Permit},
};

/// The tag of a device that somebody works on.
pub const MAINTENANCE_TAG: &str = "maintenance";
/// Writes of one register in flash in one day: of 100,000 that flash endures, more than a year of such days.
pub const WRITES_PER_DAY: u32 = 200;
/// How far a number may be from a whole one and still be meant as it: the rounding of decimal fractions.
const ROUNDING: f64 = 1e-6;

/// A device that takes commands.
pub fn controllable(device: &Device) -> Option<Reason> {
    device.control.is_none().then_some(Reason::NotControllable)
}

/// A device that nobody works on.
pub fn maintenance(device: &Device) -> Option<Reason> {
    device.tags.iter().any(|tag| tag.eq_ignore_ascii_case(MAINTENANCE_TAG)).then_some(Reason::Maintenance)
}

/// A command within the control point's limits.
pub fn limits(control: &Control, value: f64) -> Option<Reason> {
    let (min, max) = (control.limit.min, control.limit.max);
    let is_within = value.is_finite() && min.is_none_or(|min| value >= min) && max.is_none_or(|max| value <= max);
    (!is_within).then(|| Reason::OutsideLimits { value, min, max, unit: control.limit.reading_unit() })
}

/// A command on one of the control point's steps, counted from its smallest value or from zero.
pub fn step(control: &Control, value: f64) -> Option<Reason> {
    let step = control.step?;
    let steps = (value - control.limit.min.unwrap_or(0.0)) / step;
    let is_off = (steps - steps.round()).abs() > ROUNDING * steps.abs().max(1.0);
    is_off.then(|| Reason::OffStep { value, step, unit: control.limit.reading_unit() })
}

/// A command that the register can hold as it is.
pub fn representable(register: &Register, value: f64) -> Option<Reason> {
    let not = Reason::NotRepresentable { value, unit: register.reading_unit() };
    let Some(in_unit) = register.reading_unit().convert(value, register.unit) else { return Some(not) };
    let raw = (in_unit - register.offset) / register.scale;
    let (min, max) = match register.raw_type {
        RawType::Bit => (0.0, 1.0),
        RawType::U16 => (0.0, f64::from(u16::MAX)),
        RawType::I16 => (f64::from(i16::MIN), f64::from(i16::MAX)),
        RawType::U32 => (0.0, f64::from(u32::MAX)),
        RawType::I32 => (f64::from(i32::MIN), f64::from(i32::MAX)),
        RawType::Bcd32 => (0.0, 99_999_999.0),
        // Whole numbers beyond this are not exact as the values they come from.
        RawType::U64 => (0.0, 9_007_199_254_740_992.0),
        RawType::I64 => (-9_007_199_254_740_992.0, 9_007_199_254_740_992.0),
        RawType::F32 => return (!in_unit.is_finite() || in_unit.abs() > f64::from(f32::MAX)).then_some(not),
        RawType::F64 => return (!in_unit.is_finite()).then_some(not),
        RawType::Text(_) => return Some(not),
    };
    let is_whole = (raw - raw.round()).abs() <= ROUNDING * raw.abs().max(1.0);
    (!(is_whole && raw.round() >= min && raw.round() <= max)).then_some(not)
}

/// An event that keeps the device off for as long as it has to be.
pub fn long_enough(control: &Control, length: SignedDuration) -> Option<Reason> {
    let least = control.min_off?;
    let is_short = length < SignedDuration::try_from(least).unwrap_or(SignedDuration::MAX);
    is_short.then(|| Reason::TooShort { seconds: length.as_secs(), least: least.as_secs() })
}

/// A device that was on for as long as it has to be since it was let go.
pub fn on_long_enough(control: &Control, let_go: Option<Timestamp>, now: Timestamp) -> Option<Reason> {
    let until = let_go?.saturating_add(signed(control.min_on?)).ok()?;
    (now < until).then_some(Reason::OnTooShortly { until })
}

/// A device that was not called too often today.
pub fn calls(control: &Control, calls: u32) -> Option<Reason> {
    control.max_calls_per_day.is_some_and(|most| calls >= most).then_some(Reason::CalledOften { calls })
}

/// A register that was not written too often today.
pub fn write_budget(control: &Control, writes: u32) -> Option<Reason> {
    (!control.volatile && writes >= WRITES_PER_DAY).then_some(Reason::WriteBudget { writes })
}

/// A local/remote switch that reads as it has to.
pub fn permit(permit: Option<&Permit>, reads: Option<f64>) -> Option<Reason> {
    let wanted = permit?.equals;
    let is_open = reads.is_some_and(|reads| (reads - wanted).abs() < 0.5);
    (!is_open).then_some(Reason::NotPermitted { reads, wanted })
}

/// A set-point that can be told from others.
pub fn readable(held: &SetPoint) -> Option<Reason> {
    held.value.is_none().then_some(Reason::Unreadable)
}

/// A device that does not hold as strict a value already: an event never loosens anything.
pub fn not_lower(control: &Control, held: f64, value: f64) -> Option<Reason> {
    let is_lower = strictness(control, held) <= strictness(control, value);
    is_lower.then(|| Reason::AlreadyLower { value: held, unit: control.limit.reading_unit() })
}

/// How little a value leaves the device: the less, the stricter. It is the distance to the value that means "as little as
/// possible", or the value itself where there is none.
pub fn strictness(control: &Control, value: f64) -> f64 {
    control.curtail.map_or(value, |curtail| (value - curtail).abs())
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}
