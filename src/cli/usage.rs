//! `meterdeck usage`: the accounting of utility readings.

use std::{
    collections::BTreeMap,
    io::{self, BufWriter, Write},
    process::ExitCode,
};

use jiff::civil::Date;
use serde_json::json;

use super::{
    Global,
    exit::{self, CommandError, Exit},
    history::with_service,
    statements::{ask, other_answer},
};
use crate::{
    domain::duplicate::{LineStatus, MeterUsage, Reading, StatementId, UsageLine, Window},
    service::{
        client::Client,
        interface::duplicates::{DuplicatesRequest, DuplicatesResponse},
    },
};

/// What of the accounting is asked for.
#[derive(Debug, Clone, clap::Args)]
pub struct What {
    /// Only this meter: meterId, meterNumber, meterNumber/account, or the site's id
    #[arg(long, value_name = "M")]
    meter: Option<String>,
    /// First day, such as 2023-01-01
    #[arg(long, value_name = "DATE")]
    from: Option<Date>,
    /// The day after the last
    #[arg(long, value_name = "DATE")]
    to: Option<Date>,
    /// The readings that never count, with the reason
    #[arg(long, conflicts_with_all = ["from", "to"])]
    excluded: bool,
    /// Print CSV
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

/// Prints it.
pub fn run(global: &Global, what: &What) -> Result<ExitCode, CommandError> {
    if let (Some(from), Some(to)) = (what.from, what.to)
        && from >= to
    {
        return Err(
            CommandError::new(Exit::Usage, "The time ends before it begins.").hinted("--from must be before --to")
        );
    }
    let form = if global.json {
        Form::Json
    } else if what.csv {
        Form::Csv
    } else {
        Form::Table
    };
    with_service(global, async |_, client| {
        if what.excluded { excluded(client, what, form).await } else { usage(client, what, form).await }
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Csv,
    Table,
}

async fn usage(client: &Client, what: &What, form: Form) -> Result<ExitCode, CommandError> {
    let window = Window { from: what.from, to: what.to };
    let mut out = BufWriter::with_capacity(1 << 20, io::stdout());
    let mut expected: BTreeMap<StatementId, bool> = BTreeMap::new();
    let request = |after| DuplicatesRequest::Usage { meter: what.meter.clone(), window, after };
    let mut written = begin(&mut out, form);
    let mut is_first = true;
    let mut asked = Some(ask(client, request(None)).await?);
    while let Some(answer) = asked.take() {
        let DuplicatesResponse::Usage { meters, expected: more, next } = answer else { return Err(other_answer()) };
        for (statement, is_held) in more {
            *expected.entry(statement).or_default() |= is_held;
        }
        // The next answer is made while this one is written.
        let following = next.map(|next| {
            let (requests, request) = (client.requests.clone(), request(Some(next)));
            tokio::spawn(async move { requests.ask(crate::service::interface::Request::Duplicates(request)).await })
        });
        for meter in &meters {
            written = written.and_then(|()| one(&mut out, form, meter, is_first));
            is_first = false;
        }
        if written.is_err() {
            break;
        }
        if let Some(following) = following {
            let answer = following.await.map_err(|_| other_answer())??;
            let crate::service::interface::Response::Duplicates(answer) = answer else { return Err(other_answer()) };
            asked = Some(answer);
        }
    }
    let expected: Vec<StatementId> =
        expected.into_iter().filter(|(_, is_held)| !is_held).map(|(statement, _)| statement).collect();
    let written = written.and_then(|()| end(&mut out, form, is_first, &expected));
    exit::output(written.and_then(|()| out.flush()))
}

fn begin(out: &mut impl Write, form: Form) -> io::Result<()> {
    match form {
        Form::Json => out.write_all(b"{\"meters\":["),
        Form::Csv => writeln!(out, "meter,period_start,period_end,usage,unit,rule,status,chosen,set_aside,group,why"),
        Form::Table => Ok(()),
    }
}

fn one(out: &mut impl Write, form: Form, meter: &MeterUsage, is_first: bool) -> io::Result<()> {
    match form {
        Form::Json => {
            if !is_first {
                out.write_all(b",\n")?;
            }
            serde_json::to_writer(&mut *out, meter).map_err(io::Error::other)
        }
        Form::Csv => meter.periods.iter().try_for_each(|line| csv_line(out, meter, line)),
        Form::Table => table(out, meter),
    }
}

fn end(out: &mut impl Write, form: Form, is_empty: bool, expected: &[StatementId]) -> io::Result<()> {
    match form {
        Form::Json => writeln!(out, "],\"expectedDuplicates\":{}}}", json!(expected)),
        Form::Csv => Ok(()),
        Form::Table if is_empty => writeln!(out, "No readings."),
        Form::Table => expected.iter().try_for_each(|statement| {
            let statement = crate::text::clean(statement.as_str());
            writeln!(out, "Statement {statement} names an additional provider, but holds no duplicate.")
        }),
    }
}

fn csv_line(out: &mut impl Write, meter: &MeterUsage, line: &UsageLine) -> io::Result<()> {
    let aside: Vec<String> = line.set_aside.iter().map(ToString::to_string).collect();
    let fields = [
        safe(&meter.meter),
        line.period.start.to_string(),
        line.period.end.to_string(),
        line.usage.map(|usage| usage.normalize().to_string()).unwrap_or_default(),
        safe(meter.unit.symbol()),
        line.rule.map(|rule| rule.word().to_owned()).unwrap_or_default(),
        status(line.status).to_owned(),
        line.chosen.map(|id| id.to_string()).unwrap_or_default(),
        aside.join(" "),
        line.group.map(|id| id.to_string()).unwrap_or_default(),
        safe(&line.why),
    ];
    let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
    writer.write_record(&fields).map_err(io::Error::other)?;
    out.write_all(&writer.into_inner().map_err(|error| io::Error::other(error.to_string()))?)
}

/// A text that no spreadsheet takes for a formula: with an apostrophe in front where it begins like one. Numbers are not
/// given here, and stay numbers.
fn safe(text: &str) -> String {
    let text = crate::text::clean(text);
    let begins_formula =
        text.trim_start().starts_with(['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}']);
    if begins_formula { format!("'{text}") } else { text }
}

fn status(status: LineStatus) -> &'static str {
    match status {
        LineStatus::Counted => "counted",
        LineStatus::Review => "review",
    }
}

fn table(out: &mut impl Write, meter: &MeterUsage) -> io::Result<()> {
    let unit = crate::text::clean(meter.unit.symbol());
    writeln!(out, "meter {}", crate::text::clean(&meter.meter))?;
    for line in &meter.periods {
        let usage = match (line.usage, line.status) {
            (Some(usage), _) => usage.normalize().to_string(),
            (None, LineStatus::Review) => "open".to_owned(),
            (None, LineStatus::Counted) => "none".to_owned(),
        };
        let why = crate::text::clean(&line.why);
        let (start, end) = (line.period.start, line.period.end);
        writeln!(out, "  {start} → {end}  {usage:>16} {unit:<5} {why}")?;
    }
    for gap in &meter.gaps {
        writeln!(out, "  {} → {}  {:>16} no reading", gap.from, gap.to, "gap")?;
    }
    for overlap in &meter.overlaps {
        writeln!(out, "  {} → {}  {:>16} counted twice, {}", overlap.from, overlap.to, "overlap", overlap.id)?;
    }
    let total = meter.total.map_or_else(|| "too many digits".to_owned(), |total| total.normalize().to_string());
    let open = match meter.open_reviews {
        0 => String::new(),
        1 => ", 1 open review".to_owned(),
        count => format!(", {count} open reviews"),
    };
    let state = if meter.complete { "complete" } else { "INCOMPLETE" };
    writeln!(out, "  total {total} {unit} over {} days: {state}{open}", meter.coverage_days)
}

async fn excluded(client: &Client, what: &What, form: Form) -> Result<ExitCode, CommandError> {
    let mut out = BufWriter::new(io::stdout());
    let (mut after, mut is_first) = (None, true);
    let mut written = match form {
        Form::Json => out.write_all(b"["),
        Form::Csv => writeln!(out, "meter,period_start,period_end,usage,unit,reason,file,pointer"),
        Form::Table => Ok(()),
    };
    loop {
        let request = DuplicatesRequest::Excluded { meter: what.meter.clone(), after };
        let DuplicatesResponse::Excluded { readings, next } = ask(client, request).await? else {
            return Err(other_answer());
        };
        for (meter, reading) in &readings {
            written = written.and_then(|()| excluded_one(&mut out, form, meter, reading, is_first));
            is_first = false;
        }
        if next.is_none() || written.is_err() {
            break;
        }
        after = next;
    }
    let written = written.and_then(|()| match form {
        Form::Json => writeln!(out, "]"),
        Form::Table if is_first => writeln!(out, "No reading is excluded."),
        Form::Csv | Form::Table => Ok(()),
    });
    exit::output(written.and_then(|()| out.flush()))
}

fn excluded_one(out: &mut impl Write, form: Form, meter: &str, reading: &Reading, is_first: bool) -> io::Result<()> {
    let reason = reading.excluded.as_ref().map(crate::domain::duplicate::Exclusion::describe).unwrap_or_default();
    let usage = reading.usage.as_ref().map(|usage| usage.value().normalize().to_string());
    let (period, source) = (reading.period, &reading.source);
    match form {
        Form::Json => {
            let value = json!({ "id": reading.id, "meter": meter, "periodStart": period.start, "periodEnd": period.end,
                "usage": usage, "unit": reading.unit, "reason": reason,
                "source": { "file": source.file, "pointer": source.pointer } });
            write!(out, "{}{value}", if is_first { "" } else { ",\n" })
        }
        Form::Csv => {
            let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
            writer
                .write_record([
                    safe(meter),
                    period.start.to_string(),
                    period.end.to_string(),
                    usage.unwrap_or_default(),
                    safe(reading.unit.symbol()),
                    safe(&reason),
                    safe(&source.file),
                    safe(&source.pointer),
                ])
                .map_err(io::Error::other)?;
            out.write_all(&writer.into_inner().map_err(|error| io::Error::other(error.to_string()))?)
        }
        Form::Table => {
            let usage = usage.unwrap_or_else(|| "none".to_owned());
            let line = format!(
                "{meter}  {} → {}  {usage:>16} {:<5} {reason}  ({} {})",
                period.start, period.end, reading.unit, source.file, source.pointer
            );
            writeln!(out, "{}", crate::text::clean(&line))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_begins_a_formula() {
        for (text, expected) in [
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            (" =1", "' =1"),
            ("\t=1", "' =1"),
            ("\u{ff1d}1", "'\u{ff1d}1"),
            ("plain", "plain"),
        ] {
            assert_eq!(safe(text), expected);
        }
    }
}
