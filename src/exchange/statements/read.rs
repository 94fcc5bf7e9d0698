//! A file, document by document.

use std::{
    collections::{BTreeMap, VecDeque},
    io::Read,
    sync::Arc,
};

use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::{
    build::{self, Builder, Detail, Head, OfMeter, Remark},
    json::{self, Leaf, Many},
    page::escaped,
    shapes::{Account, Document, Embedded, LegacyAccount, UsageRecord},
    split::{Piece, SplitError, Splitter},
};
use crate::domain::duplicate::{DeregulationStatus, MeterKey, Part, Record, Snapshot, Statement};

/// Most usages that stand by themselves in one file, until its end says which meters they make up.
const MAX_LOOSE_USAGES: usize = 500_000;
/// Pages within pages are looked into so deep.
const MAX_PAGES: u32 = 3;

/// What a file holds.
#[derive(Debug, Default)]
pub struct Found {
    /// Documents that were read.
    pub documents: u64,
    /// Their parts.
    pub parts: Vec<Part>,
    /// What stands beside readings.
    pub details: Vec<Detail>,
    /// What is left out.
    pub rejected: Vec<Remark>,
    /// What was changed to be safe.
    pub cleaned: Vec<Remark>,
}

/// Why nothing of a file can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct BadFile {
    /// JSON pointer of the document at which it ended, where it came so far.
    pub pointer: String,
    /// Why.
    pub reason: String,
}

/// Reads a file's documents one at a time.
#[derive(Debug)]
pub struct Reader<R> {
    splitter: Splitter<R>,
    builder: Builder,
    is_lines: bool,
    /// Usages that stand by themselves, by meter.
    loose: BTreeMap<MeterKey, Vec<Record>>,
    loose_count: usize,
    statements: VecDeque<Statement>,
    snapshots: VecDeque<Snapshot>,
    is_at_end: bool,
}

impl<R: Read> Reader<R> {
    /// Reads `input`, which is called `file`; `is_lines` where its name says that each line is a document.
    ///
    /// # Errors
    /// [`BadFile`] where it cannot be read.
    pub fn new(input: R, file: &str, is_lines: bool) -> Result<Self, BadFile> {
        let splitter = Splitter::new(input, is_lines).map_err(|error| bad(&error))?;
        Ok(Self {
            is_lines: splitter.is_lines(),
            splitter,
            builder: Builder::new(Arc::from(file)),
            loose: BTreeMap::new(),
            loose_count: 0,
            statements: VecDeque::new(),
            snapshots: VecDeque::new(),
            is_at_end: false,
        })
    }

    /// What the next document holds; `None` at the end.
    ///
    /// # Errors
    /// [`BadFile`]: nothing of this file may be used. Newline-delimited JSON has no such error but that of the disk.
    pub fn next_document(&mut self) -> Result<Option<Found>, BadFile> {
        if self.is_at_end {
            return Ok(None);
        }
        let mut documents = 1;
        match self.splitter.next().map_err(|error| bad(&error))? {
            Some(Piece::Document(place)) => {
                let splitter = &self.splitter;
                let mut sorter = Sorter {
                    builder: &mut self.builder,
                    loose: &mut self.loose,
                    loose_count: &mut self.loose_count,
                    statements: &mut self.statements,
                    snapshots: &mut self.snapshots,
                };
                if let Err(reason) = sorter.document(splitter.bytes(&place), &place.pointer, MAX_PAGES) {
                    if !self.is_lines {
                        let reason = format!("not JSON in what begins at byte {}: {reason}", place.offset);
                        return Err(BadFile { pointer: place.pointer, reason });
                    }
                    self.builder.reject(&place.pointer, format!("not JSON: {reason}"));
                }
            }
            Some(Piece::Rejected(place, reason)) => self.builder.reject(&place.pointer, reason),
            None => {
                self.is_at_end = true;
                documents = 0;
                let loose = std::mem::take(&mut self.loose);
                self.snapshots.extend(loose.into_iter().map(|(meter, records)| Snapshot { meter, records }));
            }
        }
        documents = documents.max((self.statements.len() + self.snapshots.len()) as u64);
        let parts = self.statements.drain(..).flat_map(Statement::into_parts);
        let parts = parts.chain(self.snapshots.drain(..).map(|snapshot| snapshot.into_part(0))).collect();
        Ok(Some(Found {
            documents,
            parts,
            details: std::mem::take(&mut self.builder.details),
            rejected: std::mem::take(&mut self.builder.rejected),
            cleaned: std::mem::take(&mut self.builder.cleaned),
        }))
    }
}

fn bad(error: &SplitError) -> BadFile {
    BadFile { pointer: String::new(), reason: crate::text::clean(&error.to_string()) }
}

/// Tells documents apart.
struct Sorter<'r> {
    builder: &'r mut Builder,
    loose: &'r mut BTreeMap<MeterKey, Vec<Record>>,
    loose_count: &'r mut usize,
    statements: &'r mut VecDeque<Statement>,
    snapshots: &'r mut VecDeque<Snapshot>,
}

impl Sorter<'_> {
    /// Takes a document apart; `Err` where it is not JSON.
    fn document(&mut self, bytes: &[u8], at: &str, pages: u32) -> Result<(), String> {
        if bytes.trim_ascii_start().first() != Some(&b'{') {
            return self.other(bytes, at, pages);
        }
        let document: Document<'_> = match serde_json::from_slice(bytes) {
            Ok(document) => document,
            Err(error) => {
                // JSON, but not of a form that can be read: left out, and no reason to stop.
                serde_json::from_slice::<IgnoredAny>(bytes).map_err(|error| said(&error))?;
                self.builder.reject(at, said(&error));
                return Ok(());
            }
        };
        let head = Head {
            id: document.id.or(document.statement_id),
            date: document.statement_date,
            last_modified_at: document.last_modified_at,
            created_at: document.created_at,
        };
        if let Some(accounts) = &document.account_data {
            let statement = self.builder.statement(head, accounts, &format!("{at}/accountData"));
            self.statements.push_back(statement);
        } else if document.meter_data.is_some() {
            let statement = self.builder.lone_account(head, document, at);
            self.statements.push_back(statement);
        } else if document.usages.is_some() {
            self.details(&document, at);
        } else if document.legacy_account_number.or(document.utility_provider).and(document.meters).is_some() {
            self.legacy_account(bytes, at)?;
        } else if let Some(accounts) = document.accounts {
            self.legacy_accounts(accounts, at);
        } else if document.period_start.is_some() && document.contribution_status.or(document.measured_usage).is_some()
        {
            self.loose_usage(bytes, at)?;
        } else if let Some(embedded) = document.embedded.filter(|_| pages > 0) {
            self.page(embedded, at, pages - 1)?;
        } else {
            self.builder.reject(at, UNKNOWN);
        }
        Ok(())
    }

    /// What is no object: an array of documents (on a line of its own), or nothing that can be used.
    fn other(&mut self, bytes: &[u8], at: &str, pages: u32) -> Result<(), String> {
        if pages == 0 || bytes.trim_ascii_start().first() != Some(&b'[') {
            serde_json::from_slice::<IgnoredAny>(bytes).map_err(|error| said(&error))?;
            self.builder.reject(at, UNKNOWN);
            return Ok(());
        }
        let elements: Vec<&RawValue> = serde_json::from_slice(bytes).map_err(|error| said(&error))?;
        for (index, element) in elements.into_iter().enumerate() {
            self.document(element.get().as_bytes(), &format!("{at}/{index}"), pages - 1)?;
        }
        Ok(())
    }

    /// The documents of a HAL page.
    fn page(&mut self, embedded: &RawValue, at: &str, pages: u32) -> Result<(), String> {
        let Ok(arrays) = serde_json::from_str::<BTreeMap<String, &RawValue>>(embedded.get()) else {
            self.builder.reject(&format!("{at}/_embedded"), UNKNOWN);
            return Ok(());
        };
        for (name, documents) in arrays {
            let at = format!("{at}/_embedded/{}", escaped(&name));
            match serde_json::from_str::<Vec<&RawValue>>(documents.get()) {
                Ok(documents) => {
                    for (index, document) in documents.into_iter().enumerate() {
                        self.document(document.get().as_bytes(), &format!("{at}/{index}"), pages)?;
                    }
                }
                Err(_) => self.document(documents.get().as_bytes(), &at, pages)?,
            }
        }
        Ok(())
    }

    /// Meter details: a snapshot of one meter.
    fn details(&mut self, document: &Document<'_>, at: &str) {
        let Some(usages) = &document.usages else { return };
        let embedded: Option<Many<Embedded<'_>>> =
            document.embedded.and_then(|embedded| serde_json::from_str(embedded.get()).ok());
        let mut of = self.of_meter(document.meter_id, document.meter_number, document.account_number, at);
        let own = build::first_meter(embedded.as_ref());
        let inner = usages.objects().find_map(build::embedded_meter);
        let deregulation = document.deregulation_status.or_else(|| own.and_then(|meter| meter.deregulation_status));
        of.deregulation = json::text(deregulation).map(|text| DeregulationStatus::parse(&text));
        for meter in [own, inner].into_iter().flatten() {
            if of.key().is_none() {
                of.id = self.builder.name(meter.meter_id, at, "_embedded/meters/0/meterId");
                of.number = self.builder.name(meter.meter_number, at, "_embedded/meters/0/meterNumber");
            }
        }
        let Some(meter) = of.key() else {
            return self.builder.reject(at, "it names no meter: neither meterId nor meterNumber");
        };
        let mut records = Vec::new();
        let within = format!("{at}/usages");
        for (pointer, usage) in usages.pointed(&within) {
            match usage {
                Some(usage) => self.builder.usage(usage, &of, None, pointer, &mut records),
                None => self.builder.reject(&pointer, "a usage is an object"),
            }
        }
        self.snapshots.push_back(Snapshot { meter, records });
    }

    /// A usage that stands by itself: with the others of its meter in this file, it makes a snapshot.
    fn loose_usage(&mut self, bytes: &[u8], at: &str) -> Result<(), String> {
        let usage: UsageRecord<'_> = serde_json::from_slice(bytes).map_err(|error| said(&error))?;
        let mut of = self.of_meter(usage.meter_id, usage.meter_number, usage.account_number, at);
        if let (None, Some(meter)) = (of.key(), build::embedded_meter(&usage)) {
            of.id = self.builder.name(meter.meter_id, at, "_embedded/meters/0/meterId");
            of.number = self.builder.name(meter.meter_number, at, "_embedded/meters/0/meterNumber");
        }
        let Some(meter) = of.key() else {
            self.builder.reject(at, "it names no meter: neither meterId nor meterNumber");
            return Ok(());
        };
        if *self.loose_count >= MAX_LOOSE_USAGES {
            self.builder.reject(at, "more than 500,000 usages stand by themselves in this file");
            return Ok(());
        }
        *self.loose_count += 1;
        self.builder.usage(&usage, &of, None, at.to_owned(), self.loose.entry(meter).or_default());
        Ok(())
    }

    fn of_meter(&mut self, id: Leaf<'_>, number: Leaf<'_>, account: Leaf<'_>, at: &str) -> OfMeter {
        OfMeter {
            id: self.builder.name(id, at, "meterId"),
            number: self.builder.name(number, at, "meterNumber"),
            account: self.builder.name(account, at, "accountNumber"),
            deregulation: None,
        }
    }

    fn legacy_accounts(&mut self, accounts: &RawValue, at: &str) {
        let accounts: Many<LegacyAccount<'_>> = match serde_json::from_str(accounts.get()) {
            Ok(accounts) => accounts,
            Err(error) => return self.builder.reject(&format!("{at}/accounts"), said(&error)),
        };
        let within = format!("{at}/accounts");
        for (pointer, account) in accounts.pointed(&within) {
            match account {
                Some(account) => {
                    let statement = self.builder.legacy(account, &pointer);
                    self.statements.push_back(statement);
                }
                None => self.builder.reject(&pointer, "an account is an object"),
            }
        }
    }

    fn legacy_account(&mut self, bytes: &[u8], at: &str) -> Result<(), String> {
        let account: LegacyAccount<'_> = serde_json::from_slice(bytes).map_err(|error| said(&error))?;
        let statement = self.builder.legacy(&account, at);
        self.statements.push_back(statement);
        Ok(())
    }
}

impl Builder {
    /// A statement that is written as its only account.
    fn lone_account<'a>(&mut self, head: Head<'a>, document: Document<'a>, at: &str) -> Statement {
        let account = Account {
            number: document.account_number,
            statement_date: None,
            providers: document.providers,
            charges: document.charges,
            meter_data: document.meter_data,
        };
        let accounts = Many { items: vec![Some(account)], is_array: false };
        self.statement(head, &accounts, at)
    }
}

const UNKNOWN: &str = "neither a statement nor meter details";

/// What the parser says, without its place in what it was given.
fn said(error: &serde_json::Error) -> String {
    let text = crate::text::clean(&error.to_string());
    match text.rsplit_once(" at line ") {
        Some((what, _)) if !error.is_data() => format!("{what} (line {}, column {})", error.line(), error.column()),
        Some((what, _)) => what.to_owned(),
        None => text,
    }
}
