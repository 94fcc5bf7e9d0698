//! `meterdeck alarms`: what is not normal, as the site's service saved it; acknowledge, shelve, bring back.

use std::process::ExitCode;

use clap::Subcommand;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr as _;

use super::{
    Global,
    exit::CommandError,
    history::with_service,
    meters::{print, unexpected},
};
use crate::{
    config,
    domain::{
        alarm::{AlarmLine, Measured, Subject},
        site::Site,
        unit::Unit,
    },
    service::interface::{Request, Response},
};

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Action {
    /// List what is not normal [the default]
    List,
    /// Acknowledge an alarm: somebody knows
    Ack {
        /// Which, such as load-critical:main
        id: String,
        /// What to say about it
        #[arg(long, value_name = "TEXT")]
        note: String,
    },
    /// Put an alarm away until a time
    Shelve {
        /// Which, such as load-critical:main
        id: String,
        /// A time (RFC 3339) or a duration such as 2h; 31 days at most
        #[arg(long, value_name = "TIME", value_parser = until)]
        until: Timestamp,
        /// Why
        #[arg(long, value_name = "TEXT")]
        note: String,
    },
    /// Bring back an alarm that was put away
    Unshelve {
        /// Which, such as load-critical:main
        id: String,
    },
}

/// Does it with the running service. Where none runs, what is listed is how the alarms stood when they were last saved.
///
/// # Errors
/// An alarm that is not there, what the service refuses, output that cannot be written.
pub fn run(global: &Global, action: &Action) -> Result<ExitCode, CommandError> {
    with_service(global, async |site, client| {
        let Response::Alarms { alarms, events_last_day } = client.requests.ask(request(action)).await? else {
            return Err(unexpected());
        };
        print(&text(&site, action, &alarms, events_last_day, global.json))
    })
}

fn text(shown: &Site, action: &Action, alarms: &[AlarmLine], events_last_day: u64, json: bool) -> String {
    match (action, json) {
        (_, true) => format!("{}\n", document(alarms, events_last_day)),
        (Action::List, false) => table(shown, alarms, events_last_day),
        (Action::Ack { id, .. }, false) => format!("{id} is acknowledged.\n"),
        (Action::Shelve { id, until, .. }, false) => format!("{id} is shelved until {}.\n", clock(shown, *until)),
        (Action::Unshelve { id }, false) => format!("{id} is back.\n"),
    }
}

fn request(action: &Action) -> Request {
    match action.clone() {
        Action::List => Request::Alarms,
        Action::Ack { id, note } => Request::Acknowledge { id, note },
        Action::Shelve { id, until, note } => Request::Shelve { id, until, note },
        Action::Unshelve { id } => Request::Unshelve { id },
    }
}

/// A time, or a duration from now.
fn until(text: &str) -> Result<Timestamp, String> {
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    let wrong = || "write a time such as 2026-01-31T08:00:00Z, or a duration such as 30m, 2h or 3d".to_owned();
    let duration = config::duration::parse(text).ok_or_else(wrong)?;
    let duration = SignedDuration::try_from(duration).map_err(|_| wrong())?;
    Timestamp::now().checked_add(duration).map_err(|_| wrong())
}

/// The whole answer for programs; alarms that follow from another one too, each with `under`.
fn document(alarms: &[AlarmLine], events_last_day: u64) -> Value {
    let alarm = |line: &AlarmLine| {
        json!({
            "id": line.id,
            "kind": line.id.kind,
            "subject": line.id.subject.to_string(),
            "title": line.id.kind.title(),
            "severity": line.severity,
            "state": line.state,
            "active": line.active,
            "since": line.since,
            "quantity": line.measured.as_ref().map(|measured| measured.quantity.json_name().to_owned()),
            "value": line.measured.as_ref().map(|measured| measured.value),
            "threshold": line.measured.as_ref().map(|measured| measured.threshold),
            "unit": line.measured.as_ref().and_then(|measured| measured.quantity.unit()).map(Unit::symbol),
            "detail": line.detail,
            "shelvedUntil": line.shelved_until,
            "who": line.who,
            "note": line.note,
            "under": line.under,
        })
    };
    json!({ "alarms": alarms.iter().map(alarm).collect::<Vec<_>>(), "eventsLastDay": events_last_day })
}

/// The whole answer for people.
fn table(site: &Site, alarms: &[AlarmLine], events_last_day: u64) -> String {
    let events = match events_last_day {
        1 => "1 event in the last 24 hours.\n".to_owned(),
        count => format!("{count} events in the last 24 hours.\n"),
    };
    let own: Vec<&AlarmLine> = alarms.iter().filter(|line| line.under.is_none()).collect();
    if own.is_empty() {
        return format!("No alarms. {events}");
    }
    let head = ["alarm", "of", "severity", "state", "since", "because"].map(str::to_owned);
    let mut rows = vec![head];
    rows.extend(own.into_iter().map(|line| row(site, line)));
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..rows.first().map_or(0, |row| row.len())).map(width).collect();
    let line = |row: &[String; 6]| {
        let padded = row.iter().zip(&widths).map(|(cell, width)| format!("{cell}{}", " ".repeat(width - cell.width())));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).chain([events]).collect()
}

fn row(site: &Site, line: &AlarmLine) -> [String; 6] {
    let name = match &line.id.subject {
        Subject::Meter(id) => site.meters.get(id).map_or_else(|| id.to_string(), |meter| meter.name.clone()),
        Subject::Site => site.name.clone(),
        other => other.to_string(),
    };
    let state = match line.shelved_until {
        Some(until) => format!("{} until {}", line.state.word(), clock(site, until)),
        None => line.state.word().to_owned(),
    };
    let because = line.measured.as_ref().map_or_else(|| line.detail.clone(), against);
    let note = line.note.as_ref().map(|note| format!("{}: {note}", line.who.as_deref().unwrap_or_default()));
    let because = [Some(because).filter(|text| !text.is_empty()), note].into_iter().flatten().collect::<Vec<_>>();
    [
        line.id.to_string(),
        name,
        line.severity.word().to_owned(),
        state,
        line.since.map_or_else(|| "-".to_owned(), |since| clock(site, since)),
        because.join("; "),
    ]
    .map(|cell| crate::text::clean(&cell))
}

/// `load 96.4 %, limit 95 %`
fn against(measured: &Measured) -> String {
    let unit = measured.quantity.unit().map_or("", Unit::symbol);
    let value = (measured.value * 1000.0).round() / 1000.0;
    let with_unit = |value: f64| format!("{value} {unit}").trim_end().to_owned();
    format!("{} {}, limit {}", measured.quantity.label(), with_unit(value), with_unit(measured.threshold))
}

/// A time on the site's clock.
fn clock(site: &Site, at: Timestamp) -> String {
    let zone = TimeZone::get(&site.time_zone).unwrap_or(TimeZone::UTC);
    at.to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S").to_string()
}
