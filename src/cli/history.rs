//! `meterdeck history` and `meterdeck intervals`: what is stored, for people, programs and spreadsheets.

use std::{
    io::{self, BufWriter, Write},
    path::Path,
    process::ExitCode,
    time::Duration,
};

use jiff::{Timestamp, tz::TimeZone};
use serde_json::json;

use super::{
    Global,
    attach::{Attached, attach},
    exit::{self, CommandError, Exit},
    start::{self, LogTo},
    time,
};
use crate::{
    domain::{calendar::Span, ids::MeterId, quantity::Quantity, reading::State, site::Site},
    service::{
        Mode,
        client::Client,
        interface::{HistoryPoint, IntervalPoint, Request, Response},
    },
};

pub mod import;

/// What of a meter is asked for.
#[derive(Debug, Clone, clap::Args)]
pub struct What {
    /// From when: 2026-01-31, 2026-01-31T08:30 (the site's time) or RFC 3339; without it from the beginning
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Before when; without it until now
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Print CSV
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

/// `meterdeck history METER QUANTITY`.
pub fn history(
    global: &Global,
    meter: &str,
    quantity: &str,
    step: Option<Duration>,
    what: &What,
) -> Result<ExitCode, CommandError> {
    let quantity = Quantity::parse(quantity).ok_or_else(|| {
        CommandError::new(Exit::Usage, format!("`{}` is no quantity.", crate::text::clean(quantity)))
            .hinted("quantities are those of the site file: current_kw, kwh_lifetime, voltage_phase_a, …")
    })?;
    let meter = meter_id(meter)?;
    with_service(global, async |site, client| {
        let span = span(what, &site)?;
        let step_ms = step.map(|step| i64::try_from(step.as_millis()).unwrap_or(i64::MAX));
        let mut out = Lines::new(what, global.json);
        out.begin("time,meter,quantity,value,state", &format!("{:<26} {:>16} state", "time", "value"));
        let mut from = Some(span.from);
        let mut unit = None;
        let mut points = Vec::new();
        while let Some(start) = from {
            let request = Request::History {
                meter: meter.clone(),
                quantity: quantity.clone(),
                span: Span { from: start, to: span.to },
                step_ms,
            };
            let Response::History { unit: known, points: page, next } = client.requests.ask(request).await? else {
                break;
            };
            unit = unit.or(known);
            if global.json {
                points.extend(
                    page.iter().map(|point| json!({ "at": point.at, "value": point.value, "state": point.state })),
                );
            } else {
                for point in &page {
                    out.point(point, &meter, &quantity);
                }
            }
            from = next;
        }
        if global.json {
            let unit = unit.map(crate::domain::unit::Unit::symbol);
            out.line(&json!({ "meter": meter, "quantity": quantity, "unit": unit, "points": points }).to_string());
        }
        out.end()
    })
}

/// `meterdeck intervals METER`.
pub fn intervals(global: &Global, meter: &str, what: &What) -> Result<ExitCode, CommandError> {
    let meter = meter_id(meter)?;
    with_service(global, async |site, client| {
        let request = Request::Intervals { meter: meter.clone(), span: span(what, &site)? };
        let Response::Intervals { intervals } = client.requests.ask(request).await? else {
            return Err(CommandError::new(Exit::Internal, "The service answers something else than was asked."));
        };
        let mut out = Lines::new(what, global.json);
        if global.json {
            let intervals: Vec<serde_json::Value> = intervals.iter().map(interval_json).collect();
            out.line(&json!({ "meter": meter, "unit": "kWh", "intervals": intervals }).to_string());
        } else {
            let columns = ["consumed kWh", "generated kWh", "net kWh"].map(|name| format!("{name:>14}")).join(" ");
            let table = format!("{:<16} {columns} coverage state", "start (local)");
            out.begin("start,end,meter,consumed,generated,net,coverage,state", &table);
            for interval in &intervals {
                out.interval(interval, &meter, &time::zone(&site));
            }
        }
        out.end()
    })
}

fn interval_json(interval: &IntervalPoint) -> serde_json::Value {
    let net = (interval.consumed - interval.generated).normalize();
    json!({ "start": interval.start, "end": end(interval), "consumed": interval.consumed,
        "generated": interval.generated, "net": net, "coverage": interval.coverage, "state": word(interval) })
}

fn end(interval: &IntervalPoint) -> Timestamp {
    interval.start.checked_add(interval.length).unwrap_or(interval.start)
}

fn word(interval: &IntervalPoint) -> &'static str {
    if interval.estimated { State::Estimated.word() } else { State::Good.word() }
}

/// Lines on standard output; after the first failure nothing more.
struct Lines {
    out: BufWriter<io::Stdout>,
    csv: bool,
    json: bool,
    result: io::Result<()>,
}

impl Lines {
    fn new(what: &What, json: bool) -> Self {
        Self { out: BufWriter::new(io::stdout()), csv: what.csv, json, result: Ok(()) }
    }

    fn line(&mut self, line: &str) {
        if self.result.is_ok() {
            self.result = writeln!(self.out, "{line}");
        }
    }

    /// The first line: the names of the columns.
    fn begin(&mut self, csv: &str, table: &str) {
        match (self.csv, self.json) {
            (true, _) => self.line(csv),
            (false, false) => self.line(table),
            (false, true) => {}
        }
    }

    fn point(&mut self, point: &HistoryPoint, meter: &MeterId, quantity: &Quantity) {
        let value = point.value.map(|value| value.to_string());
        let HistoryPoint { at, state, .. } = point;
        let state = state.word();
        if self.csv {
            let value = value.unwrap_or_default();
            self.line(&format!("{at},{meter},{quantity},{value},{state}"));
        } else {
            self.line(&format!("{at:<26} {:>16} {state}", value.as_deref().unwrap_or("n/a")));
        }
    }

    fn interval(&mut self, interval: &IntervalPoint, meter: &MeterId, zone: &TimeZone) {
        let IntervalPoint { start, consumed, generated, coverage, .. } = interval;
        let net = (consumed - generated).normalize();
        let state = word(interval);
        if self.csv {
            let end = end(interval);
            self.line(&format!("{start},{end},{meter},{consumed},{generated},{net},{coverage:.4},{state}"));
        } else {
            let local = start.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string();
            let percent = coverage * 100.0;
            self.line(&format!("{local} {consumed:>14} {generated:>14} {net:>14} {percent:>6.1} % {state}"));
        }
    }

    fn end(mut self) -> Result<ExitCode, CommandError> {
        let flushed = self.out.flush();
        exit::output(self.result.and(flushed))
    }
}

/// A meter's id, as it is given.
pub(super) fn meter_id(text: &str) -> Result<MeterId, CommandError> {
    MeterId::new(text).map_err(|error| {
        CommandError::new(Exit::Usage, format!("`{}` is no meter: {error}.", crate::text::clean(text)))
    })
}

fn span(what: &What, site: &Site) -> Result<Span, CommandError> {
    let zone = time::zone(site);
    let moment = |text: &Option<String>, default| text.as_ref().map_or(Ok(default), |text| time::moment(text, &zone));
    let span = Span { from: moment(&what.from, Timestamp::UNIX_EPOCH)?, to: moment(&what.to, Timestamp::MAX)? };
    if span.from >= span.to {
        return Err(
            CommandError::new(Exit::Usage, "The time ends before it begins.").hinted("--from must be before --to")
        );
    }
    Ok(span)
}

/// Does something with the running service, or one of its own that reads no devices by itself.
pub fn with_service<F>(global: &Global, work: F) -> Result<ExitCode, CommandError>
where
    F: AsyncFnOnce(std::sync::Arc<Site>, &Client) -> Result<ExitCode, CommandError>,
{
    let log = start::log("warn", LogTo::Stderr, global.color)?;
    start::runtime()?.block_on(async {
        let Attached { client, own } = attach(global, log, Mode::OnRequest).await?;
        let done = match client.requests.ask(Request::Site).await {
            Ok(Response::Site { site }) => work(site, &client).await,
            Ok(_) => Err(CommandError::new(Exit::Internal, "The service answers something else than was asked.")),
            Err(error) => Err(error.into()),
        };
        own.end().await;
        done
    })
}

/// A path as a person sees it in messages.
pub(super) fn shown(path: &Path) -> String {
    crate::text::clean(&path.display().to_string())
}
