//! `meterdeck statements import FILE…`: utility statements and meter details → readings.

use std::{
    fmt::Write as _,
    io::{self, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use clap::Subcommand;
use serde_json::json;
use tokio::sync::mpsc;

use super::{
    Global,
    exit::{self, CommandError, Exit},
    history::{shown, with_service},
};
use crate::{
    domain::duplicate::Part,
    exchange::statements::{BadFile, Found, Reader, Remark, input},
    service::{
        client::Client,
        interface::{
            Request, Response,
            duplicates::{DuplicatesRequest, DuplicatesResponse, ImportCounts, MAX_IMPORT_READINGS},
        },
    },
};

/// Messages that are read ahead of what the service takes in.
const AHEAD: usize = 8;
/// Parts that travel together, where they have few readings.
const PARTS_AT_ONCE: usize = 4_000;
/// Bytes of details that travel together.
const DETAIL_BYTES_AT_ONCE: usize = 1 << 20;
/// Most rejected records that are listed; the others are counted.
const MAX_LISTED: usize = 100_000;
/// Most notes on standard error about names that were made safe.
const MAX_NOTES: usize = 20;
/// Progress is shown so often.
const PROGRESS: Duration = Duration::from_millis(250);

/// What to do with statements.
#[derive(Debug, Clone, Subcommand)]
pub enum Action {
    /// Take in JSON files (packed or not), folders of them, or - for standard input
    Import {
        /// The files
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
}

/// Does it.
pub fn run(global: &Global, action: &Action) -> Result<ExitCode, CommandError> {
    let Action::Import { files } = action;
    let files = input::files(files).map_err(|(path, error)| {
        CommandError::new(Exit::BadData, format!("Cannot look into {}: {error}.", shown(&path)))
    })?;
    with_service(global, async |_, client| {
        let mut total = Total::default();
        for file in &files {
            import(file, client, &mut total).await?;
        }
        total.end_progress();
        total.print(global.json)?;
        Ok(if total.rejected_count > 0 { Exit::BadData.into() } else { Exit::Done.into() })
    })
}

/// What became of all files.
#[derive(Debug, Default)]
struct Total {
    files: u64,
    statements: u64,
    counts: ImportCounts,
    rejected: Vec<(String, Remark)>,
    rejected_count: u64,
    notes: usize,
    shown_at: Option<Instant>,
}

impl Total {
    fn reject(&mut self, file: &str, remark: Remark) {
        self.rejected_count += 1;
        if self.rejected.len() < MAX_LISTED {
            self.rejected.push((file.to_owned(), remark));
        }
    }

    fn note(&mut self, file: &str, remark: &Remark) {
        self.notes += 1;
        let _ = match self.notes {
            ..=MAX_NOTES => {
                let pointer = crate::text::clean(&remark.pointer);
                writeln!(io::stderr(), "note: {file} {pointer}: {}", remark.reason)
            }
            _ if self.notes == MAX_NOTES + 1 => writeln!(io::stderr(), "note: … and more"),
            _ => Ok(()),
        };
    }

    fn add(&mut self, counts: &ImportCounts) {
        self.counts.readings += counts.readings;
        self.counts.new += counts.new;
        self.counts.unchanged += counts.unchanged;
        self.counts.superseded += counts.superseded;
        self.counts.excluded += counts.excluded;
    }

    fn progress(&mut self, file: &str, bytes: u64, readings: u64) {
        let is_due = self.shown_at.is_none_or(|at| at.elapsed() >= PROGRESS);
        if is_due && io::stderr().is_terminal() {
            self.shown_at = Some(Instant::now());
            #[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
            let megabytes = bytes as f64 / 1e6;
            // Progress is for who looks; a closed stderr has nobody.
            let _ = write!(io::stderr(), "\r\x1b[K{file}: {megabytes:.1} MB, {readings} readings");
        }
    }

    fn end_progress(&self) {
        if self.shown_at.is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }

    fn print(&self, json: bool) -> Result<ExitCode, CommandError> {
        let Self { files, statements, counts, rejected, rejected_count, .. } = self;
        let ImportCounts { readings, new, unchanged, superseded, excluded } = counts;
        let mut out = io::stdout().lock();
        if json {
            let rejected: Vec<serde_json::Value> = rejected
                .iter()
                .map(|(file, remark)| json!({ "file": file, "pointer": remark.pointer, "reason": remark.reason }))
                .collect();
            let total = json!({ "files": files, "statements": statements, "readings": readings, "new": new,
                "unchanged": unchanged, "superseded": superseded, "excluded": excluded, "rejected": rejected });
            return exit::output(writeln!(out, "{total}"));
        }
        let mut text = format!(
            "{files} files, {statements} statements, {readings} readings: {new} new ({excluded} never count), \
             {unchanged} unchanged, {superseded} superseded, {rejected_count} rejected\n"
        );
        for (file, Remark { pointer, reason }) in rejected {
            let at = if pointer.is_empty() { String::new() } else { format!(" {}", crate::text::clean(pointer)) };
            let _ = writeln!(text, "{file}{at}: {reason}");
        }
        if *rejected_count > rejected.len() as u64 {
            let _ = writeln!(text, "… and {} more", rejected_count - rejected.len() as u64);
        }
        exit::output(out.write_all(text.as_bytes()))
    }
}

/// What the reading thread hands over.
#[derive(Debug)]
enum Message {
    /// Some of what the file holds.
    Batch(Batch),
    /// It was good to its end; its SHA-256.
    End(String),
    /// It is not.
    Bad(BadFile),
}

#[derive(Debug, Default)]
struct Batch {
    documents: u64,
    parts: Vec<Part>,
    readings: usize,
    details: Vec<(String, String)>,
    detail_bytes: usize,
    rejected: Vec<Remark>,
    cleaned: Vec<Remark>,
    /// Bytes of the file that were read.
    bytes: u64,
}

impl Batch {
    fn is_full(&self) -> bool {
        self.readings >= MAX_IMPORT_READINGS
            || self.parts.len() + self.rejected.len() >= PARTS_AT_ONCE
            || self.detail_bytes >= DETAIL_BYTES_AT_ONCE
    }

    fn add(&mut self, found: Found) {
        self.documents += found.documents;
        self.readings += found.parts.iter().map(|part| part.readings.len()).sum::<usize>();
        self.parts.extend(found.parts);
        for detail in found.details {
            self.detail_bytes += detail.pointer.len() + detail.usages.len();
            self.details.push((detail.pointer, detail.usages));
        }
        self.rejected.extend(found.rejected);
        self.cleaned.extend(found.cleaned);
    }
}

/// Imports one file: it is read on a thread of its own, ahead of what the service takes in.
async fn import(path: &Path, client: &Client, total: &mut Total) -> Result<(), CommandError> {
    total.files += 1;
    let name = if path == Path::new("-") { "-".to_owned() } else { shown(path) };
    let (sender, mut messages) = mpsc::channel(AHEAD);
    let (path, file) = (path.to_owned(), name.clone());
    // A thread that nobody waits for: standard input may stay silent after the service has failed.
    let run = move || {
        if let Err(bad) = read(&path, &file, &sender) {
            let _ = sender.blocking_send(Message::Bad(bad));
        }
    };
    thread::Builder::new()
        .name("import".to_owned())
        .spawn(run)
        .map_err(|error| CommandError::new(Exit::Internal, format!("No thread can be started: {error}.")))?;
    let begin = DuplicatesRequest::ImportBegin { file: name.clone() };
    let DuplicatesResponse::Begun { import } = ask(client, begin).await? else { return Err(other_answer()) };
    let (mut statements, mut readings) = (0, 0);
    while let Some(message) = messages.recv().await {
        match message {
            Message::Batch(batch) => {
                statements += batch.documents;
                readings += batch.readings as u64;
                total.progress(&name, batch.bytes, readings);
                batch.rejected.into_iter().for_each(|remark| total.reject(&name, remark));
                batch.cleaned.iter().for_each(|remark| total.note(&name, remark));
                send(client, import, batch.parts, batch.details).await?;
            }
            Message::End(sha256) => {
                let end = DuplicatesRequest::ImportEnd { import, sha256 };
                let DuplicatesResponse::Ended { counts } = ask(client, end).await? else { return Err(other_answer()) };
                total.add(&counts);
                total.statements += statements;
                return Ok(());
            }
            Message::Bad(BadFile { pointer, reason }) => {
                ask(client, DuplicatesRequest::ImportAbort { import }).await?;
                let reason = format!("{reason}; nothing of the file is imported");
                total.reject(&name, Remark { pointer, reason });
                return Ok(());
            }
        }
    }
    Err(CommandError::new(Exit::Internal, format!("The reading of {name} ended without an end.")))
}

/// Reads a file in batches; ends early where nobody takes them.
fn read(path: &Path, name: &str, batches: &mpsc::Sender<Message>) -> Result<(), BadFile> {
    let unreadable = |error: io::Error| BadFile { pointer: String::new(), reason: format!("cannot be read: {error}") };
    let (source, fingerprint) = input::open(path).map_err(unreadable)?;
    let counter = source.counter();
    let mut reader = Reader::new(source, name, input::is_lines(path))?;
    let mut batch = Batch::default();
    loop {
        let found = reader.next_document()?;
        let is_end = found.is_none();
        if let Some(found) = found {
            batch.add(found);
        }
        if batch.is_full() || is_end {
            batch.bytes = counter.bytes();
            if batches.blocking_send(Message::Batch(std::mem::take(&mut batch))).is_err() {
                return Ok(());
            }
        }
        if is_end {
            let sha256 = fingerprint.hex().unwrap_or_default();
            let _ = batches.blocking_send(Message::End(sha256));
            return Ok(());
        }
    }
}

/// Sends parts; those with very many readings in several messages.
async fn send(
    client: &Client,
    import: u64,
    parts: Vec<Part>,
    details: Vec<(String, String)>,
) -> Result<(), CommandError> {
    let mut details = Some(details);
    let mut next: Vec<Part> = Vec::new();
    let mut readings = 0;
    for mut part in parts {
        while part.readings.len() > MAX_IMPORT_READINGS {
            let rest = part.readings.split_off(MAX_IMPORT_READINGS);
            let piece = Part { key: part.key.clone(), order: part.order.clone(), readings: part.readings };
            next.push(piece);
            let parts = std::mem::take(&mut next);
            let request = DuplicatesRequest::ImportParts { import, parts, details: details.take().unwrap_or_default() };
            ask(client, request).await?;
            part.readings = rest;
            readings = 0;
        }
        readings += part.readings.len();
        next.push(part);
        if readings >= MAX_IMPORT_READINGS {
            let parts = std::mem::take(&mut next);
            readings = 0;
            let request = DuplicatesRequest::ImportParts { import, parts, details: details.take().unwrap_or_default() };
            ask(client, request).await?;
        }
    }
    let details = details.unwrap_or_default();
    if next.is_empty() && details.is_empty() {
        return Ok(());
    }
    ask(client, DuplicatesRequest::ImportParts { import, parts: next, details }).await.map(drop)
}

/// Asks about statements.
pub(super) async fn ask(client: &Client, request: DuplicatesRequest) -> Result<DuplicatesResponse, CommandError> {
    match client.requests.ask(Request::Duplicates(request)).await? {
        Response::Duplicates(response) => Ok(response),
        _ => Err(other_answer()),
    }
}

pub(super) fn other_answer() -> CommandError {
    CommandError::new(Exit::Internal, "The service answers something else than was asked.")
}
