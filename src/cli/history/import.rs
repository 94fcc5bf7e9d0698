//! `meterdeck history import FILE…`: back-fill from CSV `time,meter,quantity,value`.

use std::fmt::Write as _;
use std::{
    collections::HashMap,
    fs::File,
    io::{self, IsTerminal as _, Read, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
    thread,
};

use csv::ByteRecord;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::json;
use tokio::sync::mpsc;

use super::{shown, with_service};
use crate::{
    cli::{
        Global,
        exit::{self, CommandError, Exit},
    },
    domain::{ids::MeterId, quantity::Quantity},
    service::{
        client::Client,
        interface::{ImportRow, Request, Response},
    },
};

/// Rows that go to the service at once: large enough to be merged at speed, small enough to be in memory.
const ROWS_AT_ONCE: usize = 500_000;
/// Parts of that many rows that are read ahead.
const PARTS_AHEAD: usize = 1;
/// Read from the file at once.
const READ_BYTES: usize = 1 << 18;
/// Most rejected rows that are listed; the others are counted.
const MAX_LISTED: usize = 10_000;
/// The columns, in any order.
const COLUMNS: [&str; 4] = ["time", "meter", "quantity", "value"];

/// What became of all files.
#[derive(Debug, Default)]
struct Total {
    rows: u64,
    new: u64,
    unchanged: u64,
    replaced: u64,
    rejected: Vec<(String, u32, String)>,
    rejected_count: u64,
}

impl Total {
    fn reject(&mut self, file: &str, line: u32, reason: String) {
        self.rejected_count += 1;
        if self.rejected.len() < MAX_LISTED {
            self.rejected.push((file.to_owned(), line, reason));
        }
    }
}

/// Imports files; `-` is standard input.
pub fn run(global: &Global, files: &[PathBuf], replace: bool) -> Result<ExitCode, CommandError> {
    with_service(global, async |_, client| {
        let mut total = Total::default();
        let mut failed = None;
        for file in files {
            if let Err(error) = import(file, replace, client, &mut total).await {
                failed = Some(error);
                break;
            }
        }
        // Whatever came in is counted.
        client.requests.ask(Request::CountAnew).await?;
        print(&total, global.json)?;
        match failed {
            Some(error) => Err(error),
            None if total.rejected_count > 0 => Ok(Exit::BadData.into()),
            None => Ok(Exit::Done.into()),
        }
    })
}

/// Imports one file: it is read on a thread of its own, a part ahead of what the service takes in.
async fn import(path: &Path, replace: bool, client: &Client, total: &mut Total) -> Result<(), CommandError> {
    let name = if path == Path::new("-") { "standard input".to_owned() } else { shown(path) };
    let (parts, mut parsed) = mpsc::channel(PARTS_AHEAD);
    let (path, file) = (path.to_owned(), name.clone());
    // A thread that nobody waits for: standard input may stay silent after the service has failed.
    let run = move || {
        if let Err(error) = parse(&path, &file, &parts) {
            let _ = parts.blocking_send(Err(error));
        }
    };
    thread::Builder::new()
        .name("import".to_owned())
        .spawn(run)
        .map_err(|error| CommandError::new(Exit::Internal, format!("No thread can be started: {error}.")))?;
    while let Some(part) = parsed.recv().await {
        let part = part?;
        total.rows += part.count;
        for (line, reason) in part.rejected {
            total.reject(&name, line, reason);
        }
        send(part.rows, replace, client, &name, total).await?;
    }
    Ok(())
}

/// Some rows of a file.
#[derive(Debug, Default)]
struct Part {
    /// Rows that were read, good or not.
    count: u64,
    rows: Vec<ImportRow>,
    rejected: Vec<(u32, String)>,
}

/// Reads a file in parts; ends early where nobody takes them.
fn parse(path: &Path, name: &str, parts: &mpsc::Sender<Result<Part, CommandError>>) -> Result<(), CommandError> {
    let input: Box<dyn Read + Send> = if path == Path::new("-") {
        Box::new(io::stdin())
    } else {
        Box::new(
            File::open(path)
                .map_err(|error| CommandError::new(Exit::BadData, format!("Cannot read {name}: {error}.")))?,
        )
    };
    let mut reader =
        csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).buffer_capacity(READ_BYTES).from_reader(input);
    let mut parser = Parser::new(columns(&mut reader, name)?);
    let mut record = ByteRecord::new();
    let mut part = Part::default();
    loop {
        let more = match reader.read_byte_record(&mut record) {
            Ok(more) => more,
            Err(error) => {
                // What was read before it is kept.
                let _ = parts.blocking_send(Ok(part));
                let reason = crate::text::clean(&error.to_string());
                return Err(CommandError::new(Exit::BadData, format!("Cannot read {name}: {reason}.")));
            }
        };
        if more {
            part.count += 1;
            let line = record.position().map_or(0, csv::Position::line);
            let line = u32::try_from(line).unwrap_or(u32::MAX);
            match parser.row(&record, line) {
                Ok(row) => part.rows.push(row),
                Err(reason) => part.rejected.push((line, reason)),
            }
        }
        let is_full = part.rows.len() >= ROWS_AT_ONCE || part.rejected.len() >= ROWS_AT_ONCE;
        let is_unwanted = (is_full || !more) && parts.blocking_send(Ok(std::mem::take(&mut part))).is_err();
        if is_unwanted || !more {
            return Ok(());
        }
    }
}

async fn send(
    rows: Vec<ImportRow>,
    replace: bool,
    client: &Client,
    name: &str,
    total: &mut Total,
) -> Result<(), CommandError> {
    if rows.is_empty() {
        return Ok(());
    }
    if let Response::Imported { imported } = client.requests.ask(Request::Import { rows, replace }).await? {
        total.new += imported.new;
        total.unchanged += imported.unchanged;
        total.replaced += imported.replaced;
        for (line, reason) in imported.rejected {
            total.reject(name, line, reason);
        }
    }
    if io::stderr().is_terminal() {
        // Progress is for who looks; a closed stderr has nobody.
        let _ = write!(io::stderr(), "\r{name}: {} rows", total.rows);
    }
    Ok(())
}

/// Where the columns are; the first line names them.
fn columns(reader: &mut csv::Reader<Box<dyn Read + Send>>, name: &str) -> Result<[usize; 4], CommandError> {
    let headers = reader.byte_headers().map_err(|error| {
        CommandError::new(Exit::BadData, format!("Cannot read {name}: {}.", crate::text::clean(&error.to_string())))
    })?;
    let find = |column: &str| headers.iter().position(|header| header.eq_ignore_ascii_case(column.as_bytes()));
    let found: Vec<usize> = COLUMNS.iter().filter_map(|column| find(column)).collect();
    <[usize; 4]>::try_from(found).map_err(|_| {
        CommandError::new(Exit::BadData, format!("{name} does not begin with the names of its columns."))
            .hinted("the first line must be time,meter,quantity,value")
    })
}

/// Reads rows; names that come again are looked up.
struct Parser {
    columns: [usize; 4],
    meters: HashMap<Vec<u8>, MeterId>,
    quantities: HashMap<Vec<u8>, Quantity>,
}

impl Parser {
    fn new(columns: [usize; 4]) -> Self {
        Self { columns, meters: HashMap::new(), quantities: HashMap::new() }
    }

    fn row(&mut self, record: &ByteRecord, line: u32) -> Result<ImportRow, String> {
        let [time, meter, quantity, value] = self.columns.map(|column| record.get(column).unwrap_or_default());
        let at =
            text(time)?.parse::<Timestamp>().map_err(|_| wrong("time", time, "write it as 2026-01-31T07:30:00Z"))?;
        let meter = if let Some(known) = self.meters.get(meter) {
            known.clone()
        } else {
            let id = MeterId::new(text(meter)?).map_err(|_| wrong("meter", meter, "it is the id in the site file"))?;
            self.meters.insert(meter.to_vec(), id.clone());
            id
        };
        let quantity = if let Some(known) = self.quantities.get(quantity) {
            known.clone()
        } else {
            let known = Quantity::parse(text(quantity)?)
                .ok_or_else(|| wrong("quantity", quantity, "it is written as in the site file: kwh_lifetime"))?;
            self.quantities.insert(quantity.to_vec(), known.clone());
            known
        };
        let value =
            number(text(value)?).ok_or_else(|| wrong("value", value, "it is a decimal number such as 1234.5"))?;
        Ok(ImportRow { line, meter, quantity, at, value })
    }
}

fn number(text: &str) -> Option<Decimal> {
    text.parse().or_else(|_| Decimal::from_scientific(text)).ok()
}

fn text(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())
}

fn wrong(column: &str, bytes: &[u8], hint: &str) -> String {
    let text = crate::text::clean(&String::from_utf8_lossy(bytes));
    if text.is_empty() { format!("{column} is missing: {hint}") } else { format!("`{text}` is no {column}: {hint}") }
}

fn print(total: &Total, json: bool) -> Result<ExitCode, CommandError> {
    let Total { rows, new, unchanged, replaced, rejected, rejected_count } = total;
    let mut out = io::stdout().lock();
    if json {
        let rejected: Vec<serde_json::Value> = rejected
            .iter()
            .map(|(file, line, reason)| json!({ "file": file, "line": line, "reason": reason }))
            .collect();
        let total =
            json!({ "rows": rows, "new": new, "unchanged": unchanged, "replaced": replaced, "rejected": rejected });
        return exit::output(writeln!(out, "{total}"));
    }
    let mut lines =
        format!("{rows} rows: {new} new, {unchanged} unchanged, {replaced} replaced, {rejected_count} rejected\n");
    for (file, line, reason) in rejected {
        let _ = writeln!(lines, "{file}:{line}: {reason}");
    }
    if *rejected_count > rejected.len() as u64 {
        let _ = writeln!(lines, "… and {} more", rejected_count - rejected.len() as u64);
    }
    exit::output(out.write_all(lines.as_bytes()))
}
