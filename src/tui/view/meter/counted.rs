//! What the service counts and keeps about a meter: consumption, demand, costs; maintenance; its book of records.

use jiff::civil::Date;
use ratatui::{style::Style, text::Line};
use rust_decimal::{Decimal, prelude::ToPrimitive as _};

use crate::{
    domain::{
        ids::MeterId,
        powermeter::{Consumption, PowerMeter},
        reading::State,
    },
    tui::{format, widget::Look},
};

/// Columns of a label.
const LABEL: usize = 11;
/// Records that are shown, the newest first; `meterdeck records` has them all.
const MAX_RECORDS: usize = 30;

/// A figure as people read it.
pub(in crate::tui::view) fn energy(look: &Look<'_>, value: Option<Decimal>, state: State) -> (String, Style) {
    figure(look, value.map(|value| format!("{} kWh", number(value))), state)
}

/// Money, with two decimals.
pub(in crate::tui::view) fn money(
    look: &Look<'_>,
    value: Option<Decimal>,
    currency: Option<&str>,
    state: State,
) -> (String, Style) {
    let text = value.map(|value| format!("{} {}", cents(value), currency.unwrap_or_default()).trim_end().to_owned());
    figure(look, text, state)
}

/// A number as every other on screen has it.
pub(in crate::tui::view) fn number(value: Decimal) -> String {
    format::number(value.to_f64().unwrap_or(f64::NAN), format::SIGNIFICANT_DIGITS)
}

fn cents(value: Decimal) -> String {
    format::fixed(value.to_f64().unwrap_or(f64::NAN), 2)
}

/// `—` unknown, `~` estimated; a sum of a time that was not wholly measured says so.
fn figure(look: &Look<'_>, text: Option<String>, state: State) -> (String, Style) {
    match (text, state) {
        (None, _) => (look.glyphs.missing.to_owned(), look.theme.dim),
        (Some(text), State::Good) => (text, look.theme.text),
        (Some(text), State::Estimated) => (format!("{}{text}", look.glyphs.estimated), look.theme.text),
        (Some(text), _) => (format!("{text} in part"), look.theme.stale),
    }
}

/// Energy, demand and costs.
pub(super) fn consumption(look: &Look<'_>, known: &Consumption, width: usize) -> Vec<Line<'static>> {
    let state = |name: &str| known.states.get(name).copied().unwrap_or(State::Missing);
    let pair = |now: (String, Style), before: (String, Style), word: &str| {
        let text = format!("{}, {word} {}", now.0, before.0);
        (text, now.1)
    };
    let kwh = |value: Option<Decimal>, name: &str| energy(look, value, state(name));
    let cost = |value: Option<Decimal>, name: &str| money(look, value, known.currency.as_deref(), state(name));
    let kw = |value: Option<Decimal>, name: &str| {
        figure(look, value.map(|value| format!("{} kW", number(value))), state(name))
    };
    let mut peak = kw(known.peak_demand_kw, "peakDemandKw");
    if let Some(at) = known.peak_demand_date.filter(|_| known.peak_demand_kw.is_some()) {
        let at = at.to_zoned(look.model.time_zone.clone()).strftime("%Y-%m-%d %H:%M").to_string();
        peak.0 = format!("{}, {at}", peak.0);
    }
    let price = known
        .cost_per_kwh
        .map(|price| format!("{} {} a kWh", price.normalize(), known.currency.as_deref().unwrap_or_default()));
    let rows = [
        ("today", pair(kwh(known.kwh_today, "kwhToday"), kwh(known.kwh_yesterday, "kwhYesterday"), "yesterday")),
        ("month", pair(kwh(known.kwh_this_month, "kwhThisMonth"), kwh(known.kwh_last_month, "kwhLastMonth"), "last")),
        ("year", pair(kwh(known.kwh_this_year, "kwhThisYear"), kwh(known.kwh_last_year, "kwhLastYear"), "last")),
        ("lifetime", kwh(known.kwh_lifetime, "kwhLifetime")),
        ("peak", peak),
        ("peak month", kw(known.peak_demand_kw_month, "peakDemandKwMonth")),
        ("average", kw(known.average_demand_kw, "averageDemandKw")),
        (
            "cost month",
            pair(cost(known.cost_this_month, "costThisMonth"), cost(known.cost_last_month, "costLastMonth"), "last"),
        ),
        ("cost year", cost(known.cost_this_year, "costThisYear")),
        ("price", figure(look, price, State::Good)),
    ];
    rows.into_iter().flat_map(|(label, (text, style))| look.labelled(label, LABEL, &text, width, style)).collect()
}

/// Installation, calibration, verification, notes.
pub(super) fn maintenance(look: &Look<'_>, meter: &PowerMeter, width: usize) -> Vec<Line<'static>> {
    let theme = look.theme;
    let today = look.now.to_zoned(look.model.time_zone.clone()).date();
    let date = |date: Option<Date>| date.map(|date| date.to_string());
    let mut next = (date(meter.next_calibration_date), theme.text);
    if let (Some(text), Some(due)) = (&mut next.0, meter.next_calibration_date)
        && due < today
    {
        text.push_str(" OVERDUE");
        next.1 = theme.warning;
    }
    let verified = meter.last_verification_date.map(|date| {
        let result = meter.verification_result.as_ref().map_or(String::new(), |result| format!(" {}", result.name));
        format!("{date}{result}")
    });
    let rows = [
        ("installed", (date(meter.install_date), theme.text)),
        ("calibrated", (date(meter.last_calibration_date), theme.text)),
        ("next due", next),
        ("interval", (meter.calibration_interval_months.map(|months| format!("{months} months")), theme.text)),
        ("certificate", (meter.calibration_certificate.clone(), theme.text)),
        ("verified", (verified, theme.text)),
        ("notes", (meter.notes.clone(), theme.text)),
    ];
    rows.into_iter()
        .flat_map(|(label, (text, style))| match text {
            Some(text) => look.labelled(label, LABEL + 1, &text, width, style),
            None => look.labelled(label, LABEL + 1, look.glyphs.missing, width, theme.dim),
        })
        .collect()
}

/// What technicians wrote, the newest first.
pub(super) fn records(look: &Look<'_>, id: &MeterId, width: usize) -> Vec<Line<'static>> {
    let records = look.model.facts.book(id).unwrap_or_default();
    let record = |record: &crate::domain::record::Record| {
        let at = record.at.to_zoned(look.model.time_zone.clone()).strftime("%Y-%m-%d").to_string();
        let text = format!("{} {} ({})", record.entry.word(), record.entry.describe(), record.who);
        look.labelled(&at, LABEL, &text, width, look.theme.text)
    };
    records.iter().rev().take(MAX_RECORDS).flat_map(record).collect()
}
