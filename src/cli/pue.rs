//! `meterdeck pue`: facility over IT, live or over a time.

use std::process::ExitCode;

use clap::ValueEnum;
use jiff::Timestamp;
use rust_decimal::Decimal;

use super::{
    Global,
    exit::{CommandError, Exit},
    history::with_service,
    meters::{print, unexpected},
    time,
};
use crate::{
    domain::{
        calendar::{self, Span},
        ids::PlaceId,
        pue::Report,
        site::Site,
    },
    service::interface::{Request, Response},
};

/// Which PUE is asked for.
#[derive(Debug, Clone, clap::Args)]
pub struct What {
    /// Of one building
    #[arg(long, value_name = "ID")]
    building: Option<PlaceId>,
    /// As it is now, or since the beginning of the day, month or year
    #[arg(long, value_name = "PERIOD", default_value = "live")]
    period: Period,
    /// From when: 2026-01-31, 2026-01-31T08:30 (the site's time) or RFC 3339
    #[arg(long, value_name = "TIME", conflicts_with = "period", requires = "to")]
    from: Option<String>,
    /// Before when
    #[arg(long, value_name = "TIME", conflicts_with = "period", requires = "from")]
    to: Option<String>,
}

/// A time that a PUE is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Period {
    /// By power, now.
    Live,
    /// Since midnight.
    Today,
    /// Since the first of the month.
    Month,
    /// Since the first of January.
    Year,
}

/// Prints the PUE.
///
/// # Errors
/// A building that there is not, a time that is none, or what the service says.
pub fn run(global: &Global, what: &What) -> Result<ExitCode, CommandError> {
    with_service(global, async |site, client| {
        let span = span(what, &site)?;
        let request = Request::Pue { building: what.building.clone(), span };
        let Response::Pue { pue } = client.requests.ask(request).await? else { return Err(unexpected()) };
        print(&if global.json { json(&pue)? } else { text(&pue) })
    })
}

fn span(what: &What, site: &Site) -> Result<Option<Span>, CommandError> {
    let zone = time::zone(site);
    if let (Some(from), Some(to)) = (&what.from, &what.to) {
        let span = Span { from: time::moment(from, &zone)?, to: time::moment(to, &zone)? };
        if span.from >= span.to {
            let error = CommandError::new(Exit::Usage, "The time ends before it begins.");
            return Err(error.hinted("--from must be before --to"));
        }
        return Ok(Some(span));
    }
    let now = Timestamp::now();
    let period = match what.period {
        Period::Live => return Ok(None),
        Period::Today => calendar::Period::Today,
        Period::Month => calendar::Period::ThisMonth,
        Period::Year => calendar::Period::ThisYear,
    };
    Ok(period.span(now, &zone).map(|span| Span { to: now, ..span }))
}

/// The document, with the PUE as a number that keeps its decimals.
fn json(report: &Report) -> Result<String, CommandError> {
    let failed = |error| CommandError::new(Exit::Internal, format!("Cannot write JSON: {error}."));
    let text = serde_json::to_string_pretty(report).map_err(failed)? + "\n";
    // A JSON number of this crate is a float, which would print 1.4200 as 1.42: the exact text goes in instead.
    Ok(match report.pue {
        Some(pue) => text.replacen(&format!("\"pue\": \"{pue}\""), &format!("\"pue\": {pue}"), 1),
        None => text,
    })
}

fn text(report: &Report) -> String {
    let pue = report.pue.map_or_else(|| "cannot be said".to_owned(), |pue| pue.to_string());
    let is_live = report.from == report.to;
    let unit = if is_live { "kW" } else { "kWh" };
    let amount = |value: Option<Decimal>| match value {
        Some(value) => format!("{} {unit}", value.normalize()),
        None => "not known".to_owned(),
    };
    let facility = amount(report.facility_kw.or(report.facility_kwh));
    let it = amount(report.it_kw.or(report.it_kwh));
    let category = match report.category {
        Some(category @ 1) => format!("PUE{category}, IT metered at the UPS outputs"),
        Some(category @ 2) => format!("PUE{category}, IT metered at the PDU outputs"),
        Some(category) => format!("PUE{category}, IT metered at the IT equipment"),
        None => "nothing of IT is metered".to_owned(),
    };
    let when = if is_live { format!("at {:.0}", report.to) } else { format!("{:.0} to {:.0}", report.from, report.to) };
    let missing: Vec<&str> = report.missing.iter().map(crate::domain::ids::MeterId::as_str).collect();
    let complete = match (report.complete, missing.is_empty()) {
        (true, _) => "complete".to_owned(),
        (false, true) => "incomplete".to_owned(),
        (false, false) => format!("incomplete: {}", missing.join(", ")),
    };
    format!(
        "PUE       {pue} ({complete})\nof        {}\ncategory  {category}\nfacility  {facility}\nIT        {it}\ntime      {when}\n",
        report.scope
    )
}
