//! What the fields of one meter must be together.

use super::super::{fields::Fields, problems::Problem};
use super::MAX_FEEDS;
use crate::domain::site::{Meter, MeterType};

/// Records what contradicts itself within a meter.
pub(super) fn fields(fields: &Fields<'_>, meter: &Meter) {
    check_virtual(fields, meter);
    check_feeds(fields, meter);
    check_thresholds(fields, meter);
    check_dates(fields, meter);
}

fn check_virtual(fields: &Fields<'_>, meter: &Meter) {
    let is_virtual = meter.meter_type == Some(MeterType::Virtual);
    if is_virtual && !fields.has("formula") {
        fields.missing("formula");
    }
    if fields.has("formula") && !is_virtual {
        fields.error(
            "meter_type",
            "a meter with a formula is virtual",
            "write meter_type = \"virtual\", or remove `formula`",
        );
    }
    for key in ["device", "registers", "ct_ratio", "pt_ratio"] {
        if fields.has("formula") && fields.has(key) {
            let problem = Problem::error(&fields.key_spot(key), format!("a virtual meter has no `{key}`"));
            fields.sink.add(problem.help("remove it, or remove `formula`: a meter is read or computed, not both"));
        }
    }
}

fn check_feeds(fields: &Fields<'_>, meter: &Meter) {
    if meter.fed_by.len() > MAX_FEEDS {
        fields.error("fed_by", "a meter has one feed, or two (A and B)", "name the meters right above it only");
    }
}

fn check_thresholds(fields: &Fields<'_>, meter: &Meter) {
    if let (Some(warning), Some(critical)) = (meter.warning_threshold_percent, meter.critical_threshold_percent)
        && warning > critical
    {
        let message = format!("the warning at {warning} % comes after the critical load of {critical} %");
        fields.error("warning_threshold_percent", message, format!("write at most {critical}"));
    }
    if let (Some(low), Some(high)) = (meter.voltage_low_threshold, meter.voltage_high_threshold)
        && low >= high
    {
        let message = format!("`voltage_low_threshold` {low} is not below `voltage_high_threshold` {high}");
        fields.error("voltage_low_threshold", message, "exchange the two");
    }
    let rated = meter.rated_capacity_kw.or(meter.rated_capacity_amps).is_some();
    for key in ["warning_threshold_percent", "critical_threshold_percent"] {
        if fields.has(key) && !rated && !fields.has("rated_capacity_kw") && !fields.has("rated_capacity_amps") {
            let problem =
                Problem::warning(&fields.key_spot(key), format!("`{key}` never warns: {} has no rating", fields.name));
            fields.sink.add(problem.help("add `rated_capacity_kw` or `rated_capacity_amps`"));
        }
    }
}

fn check_dates(fields: &Fields<'_>, meter: &Meter) {
    let dates = &meter.maintenance;
    if let (Some(last), Some(next)) = (dates.last_calibration_date, dates.next_calibration_date)
        && next < last
    {
        let message = format!("the next calibration, {next}, is before the last one, {last}");
        fields.error(
            "next_calibration_date",
            message,
            "exchange the two, or leave it out: it follows from the interval",
        );
    }
}
