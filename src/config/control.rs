//! Control points of devices that take commands.

use std::collections::BTreeMap;

use super::{fields::Fields, problems::Problem, references::Names, registers};
use crate::domain::{
    ids::{CustomerSiteId, SubmeterId},
    quantity::Quantity,
    register::{Function, Order, RawType, Register},
    site::{Control, ControlKind, Permit, RevertTimer, Submeter},
    unit::{Dimension, Unit},
};

/// Reads a device's control point, if it has one and it is right.
pub(super) fn read(
    device: &Fields<'_>,
    names: &Names<'_>,
    submeters: &BTreeMap<SubmeterId, Submeter>,
) -> Option<Control> {
    let fields = device.table("control")?;
    let limit_fields = fields.table("limit");
    let limit = limit_fields.as_ref().and_then(limit);
    let step = limit_fields.as_ref().and_then(|limit| limit.positive("step"));
    let control = Control {
        customer_site: names.one(&fields, "customer_site"),
        submeter: names.one(&fields, "submeter"),
        kind: fields.choice("kind").unwrap_or(ControlKind::Other),
        name: fields.text("name"),
        meter: names.one(&fields, "meter"),
        expected_kw: fields.number("expected_kw"),
        step,
        curtail: fields.number("curtail"),
        permit: fields.table("permit").as_ref().and_then(permit),
        revert_timer: fields.table("revert_timer").as_ref().and_then(revert_timer),
        min_on: fields.duration("min_on"),
        min_off: fields.duration("min_off"),
        max_calls_per_day: fields.integer("max_calls_per_day"),
        volatile: fields.switch("volatile").unwrap_or(false),
        ramp_kw_per_minute: fields.positive("ramp_kw_per_minute"),
        jitter: fields.duration("jitter"),
        limit: limit?,
    };
    check_curtail(&fields, &control);
    check_site(&fields, control.customer_site.as_ref(), control.submeter.as_ref(), submeters);
    Some(control)
}

/// The register that takes the limit: a holding register or a coil.
fn limit(fields: &Fields<'_>) -> Option<Register> {
    let (min, max) = registers::range(fields);
    let unit = fields.choice("unit");
    if !fields.has("unit") {
        fields.missing("unit");
    }
    let scale = fields.number("scale");
    if scale == Some(0.0) {
        fields.error("scale", "`scale` cannot be 0", "write what the raw number is multiplied by, such as 0.1");
    }
    let offset = fields.number("offset");
    let register = plain(fields, "x_limit", true)?;
    let (scale, offset) = (scale.unwrap_or(1.0), offset.unwrap_or(0.0));
    Some(Register { min, max, scale, offset, unit: unit?, ..register })
}

fn permit(fields: &Fields<'_>) -> Option<Permit> {
    let equals = fields.number("equals");
    let register = plain(fields, "x_permit", false)?;
    Some(Permit { register, equals: equals? })
}

fn revert_timer(fields: &Fields<'_>) -> Option<RevertTimer> {
    let value = fields.positive("value");
    let unit = fields.choice("unit").unwrap_or(Unit::Second);
    if unit.dimension() != Dimension::Time {
        fields.error("unit", format!("a time cannot be in {}", unit.symbol()), "write \"s\"");
    }
    let (scale, offset) = (fields.number("scale").unwrap_or(1.0), fields.number("offset").unwrap_or(0.0));
    let register = plain(fields, "x_revert_timer", true)?;
    Some(RevertTimer { register: Register { scale, offset, unit, ..register }, value: value? })
}

/// Address, function, type and orders; holding and u16 where nothing else is said.
fn plain(fields: &Fields<'_>, name: &str, is_written: bool) -> Option<Register> {
    let address: Option<u16> = fields.integer("address");
    let function = fields.choice("function").unwrap_or(Function::Holding);
    if is_written && !matches!(function, Function::Holding | Function::Coil) {
        fields.error("function", "this table cannot be written", "write \"holding\" or \"coil\"");
    }
    let raw_type =
        if fields.has("type") || function.is_bits() { registers::raw_type(fields, function)? } else { RawType::U16 };
    if matches!(raw_type, RawType::Text(_)) {
        fields.error("type", "a number is needed here, not text", "write the register's type, such as u16");
    }
    let register = Register {
        quantity: Quantity::Extra(name.into()),
        address: address?,
        function,
        raw_type,
        words: fields.choice::<Order>("words").unwrap_or_default(),
        bytes: fields.choice::<Order>("bytes").unwrap_or_default(),
        scale: 1.0,
        offset: 0.0,
        scale_register: None,
        // Of what is written every number is one: the largest often means "no limit".
        invalid: Some(Vec::new()),
        unit: Unit::Count,
        min: None,
        max: None,
        modulus: None,
        encoding: crate::domain::register::Encoding::Plain,
    };
    registers::check_end(fields, &register);
    Some(register)
}

fn check_curtail(fields: &Fields<'_>, control: &Control) {
    let Some(curtail) = control.curtail else { return };
    let (min, max) = (control.limit.min.unwrap_or(f64::MIN), control.limit.max.unwrap_or(f64::MAX));
    if min <= max && !(min..=max).contains(&curtail) {
        let unit = control.limit.unit.symbol();
        fields.error(
            "curtail",
            format!("`curtail` {curtail} is outside the limit's {min} to {max} {unit}"),
            "write a value within",
        );
    }
}

/// A submeter is part of one customer site, which the control point may repeat but not contradict.
fn check_site(
    fields: &Fields<'_>,
    customer_site: Option<&CustomerSiteId>,
    submeter: Option<&SubmeterId>,
    submeters: &BTreeMap<SubmeterId, Submeter>,
) {
    let of_submeter = submeter.and_then(|id| submeters.get(id)).map(|submeter| &submeter.customer_site);
    if let (Some(own), Some(other)) = (customer_site, of_submeter)
        && own != other
    {
        let message = format!("the submeter is part of customer site `{other}`, not of `{own}`");
        let problem = Problem::error(&fields.spot("customer_site"), message);
        let help = format!("write \"{other}\", or leave it out");
        fields.sink.add(problem.also(&fields.spot("submeter"), "the submeter").help(help));
    }
}
