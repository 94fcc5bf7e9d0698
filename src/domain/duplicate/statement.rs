//! Statements and snapshots of meter details: which readings are on them, and which part of an earlier one they replace.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use super::{
    id::{DocumentId, Naming, PartId, ReadingId, StatementId},
    meter::{MeterKey, named},
    period::Period,
    reading::{ChargeStage, Classification, DeregulationStatus, Exclusion, Provenance, Provider, Reading},
    unit::{Usage, UsageUnit},
};

/// One usage record as a document holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The meter's id.
    pub meter_id: Option<String>,
    /// The meter's number.
    pub meter_number: Option<String>,
    /// Its deregulation status.
    pub deregulation: Option<DeregulationStatus>,
    /// From when to when.
    pub period: Period,
    /// How much.
    pub usage: Option<Usage>,
    /// The unit, also where there is no usage.
    pub unit: UsageUnit,
    /// Why it never counts, where that is so.
    pub excluded: Option<Exclusion>,
    /// Where it stands.
    pub source: Provenance,
}

/// One account on a statement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    /// Its number.
    pub number: Option<String>,
    /// The providers on it.
    pub providers: Vec<Provider>,
    /// The stages of its charges.
    pub stages: Vec<ChargeStage>,
    /// The statement date, where it stands in the account; else the statement's.
    pub statement_date: Option<Date>,
    /// Its usage records.
    pub records: Vec<Record>,
}

/// One utility document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Statement {
    /// Its own id, where it has one.
    pub id: Option<StatementId>,
    /// The statement's date.
    pub date: Option<Date>,
    /// `lastModifiedAt`, else `createdAt`.
    pub modified_at: Option<Timestamp>,
    /// The accounts on it.
    pub accounts: Vec<Account>,
}

/// Meter details: all usages of one meter, as known at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The meter.
    pub meter: MeterKey,
    /// Its usage records, those that never count too.
    pub records: Vec<Record>,
}

/// What a later document replaces: one account's part of a statement, or a meter's snapshot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartKey {
    /// The part of one account.
    Account {
        /// Its number.
        number: Arc<str>,
        /// Name of its main provider, else of its first.
        provider: Arc<str>,
        /// The statement's date.
        date: Date,
    },
    /// A part without one of these three: that of its statement.
    Statement(StatementId),
    /// A meter's snapshot.
    Snapshot(MeterKey),
}

/// Which of two parts with the same key is the later; the greater one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PartOrder {
    /// A snapshot's place in the order of import; 0 for statements.
    pub import: u64,
    /// When the statement was last modified, else made; none is the earliest.
    pub modified_at: Option<Timestamp>,
    /// The statement's id.
    pub statement: Option<StatementId>,
    /// The document itself, so that no two are equal.
    pub document: DocumentId,
}

/// The readings of one part of one document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// What it replaces, and is replaced by.
    pub key: PartKey,
    /// Its place among parts of that key.
    pub order: PartOrder,
    /// Its readings, excluded ones too.
    pub readings: Vec<Reading>,
}

impl Account {
    /// The main provider, else the first.
    pub fn provider(&self) -> Option<&Provider> {
        let is_main = |provider: &&Provider| provider.classification == Some(Classification::Main);
        self.providers.iter().find(is_main).or_else(|| self.providers.first())
    }

    fn classification(&self) -> Option<Classification> {
        let classifications = self.providers.iter().filter_map(|provider| provider.classification.clone());
        // Main before additional before any other, as they are ordered.
        classifications.min()
    }

    fn names_additional(&self) -> bool {
        self.providers.iter().any(|provider| provider.classification == Some(Classification::Additional))
    }

    fn key(&self, date: Option<Date>, statement: &StatementId) -> PartKey {
        let provider = self.provider().and_then(|provider| named(provider.name.as_deref()));
        match (named(self.number.as_deref()), provider, self.statement_date.or(date)) {
            (Some(number), Some(provider), Some(date)) => PartKey::Account { number, provider, date },
            _ => PartKey::Statement(statement.clone()),
        }
    }
}

impl Statement {
    /// A hash of all that it says that matters here.
    pub fn document(&self) -> DocumentId {
        let mut naming = Naming::of("statement")
            .maybe(self.id.as_ref().map(StatementId::as_str))
            .maybe(self.date.map(|date| date.to_string()).as_deref())
            .maybe(self.modified_at.map(|at| at.to_string()).as_deref());
        for account in &self.accounts {
            naming = naming.text("account").maybe(account.number.as_deref());
            naming = naming.maybe(account.statement_date.map(|date| date.to_string()).as_deref());
            for provider in &account.providers {
                let classification = provider.classification.as_ref().map(Classification::word);
                naming = naming.text("provider").maybe(provider.name.as_deref()).maybe(classification);
            }
            naming = account.stages.iter().fold(naming, |naming, stage| naming.text("stage").text(stage.word()));
            naming = account.records.iter().fold(naming, named_record);
        }
        naming.into()
    }

    /// Its parts, with the readings in them.
    pub fn into_parts(self) -> Vec<Part> {
        let document = self.document();
        let statement = self.id.clone().unwrap_or_else(|| StatementId::of_content(document));
        let shared = self.shared_accounts();
        let expects_duplicate = self.accounts.iter().any(Account::names_additional);
        let order =
            PartOrder { import: 0, modified_at: self.modified_at, statement: Some(statement.clone()), document };
        let mut numbers = Numbers::default();
        let mut parts: BTreeMap<PartKey, Vec<Reading>> = BTreeMap::new();
        for account in self.accounts {
            let key = account.key(self.date, &statement);
            let readings = parts.entry(key.clone()).or_default();
            let mut stages = account.stages.clone();
            stages.sort();
            stages.dedup();
            let (provider, classification) =
                (account.provider().and_then(|it| it.name.clone()), account.classification());
            for record in account.records {
                let number = record.meter_number.as_deref().and_then(|number| named(Some(number)));
                let shared = number.as_ref().and_then(|number| shared.get(number)).map(AsRef::as_ref);
                let meter = MeterKey::new(record.meter_id.as_deref(), record.meter_number.as_deref(), shared);
                let Some(meter) = meter else { continue };
                let id = numbers.reading(Some(&statement), &key, &meter, &record);
                readings.push(Reading {
                    statement: Some(statement.clone()),
                    statement_date: account.statement_date.or(self.date),
                    account: account.number.clone(),
                    provider: provider.clone(),
                    classification: classification.clone(),
                    stages: stages.clone(),
                    expects_duplicate,
                    ..bare(id, meter, record)
                });
            }
        }
        parts.into_iter().map(|(key, readings)| Part { key, order: order.clone(), readings }).collect()
    }

    /// For each meter number on the statement, the account number that all its accounts share for it: that of the main
    /// provider's account, else the smallest.
    fn shared_accounts(&self) -> HashMap<Arc<str>, Arc<str>> {
        let mut shared: HashMap<Arc<str>, (bool, Arc<str>)> = HashMap::new();
        for account in &self.accounts {
            let Some(account_number) = named(account.number.as_deref()) else { continue };
            let is_other = account.classification() != Some(Classification::Main);
            for meter in account.records.iter().filter_map(|record| named(record.meter_number.as_deref())) {
                let candidate = (is_other, Arc::clone(&account_number));
                let best = shared.entry(meter).or_insert_with(|| candidate.clone());
                if candidate < *best {
                    *best = candidate;
                }
            }
        }
        shared.into_iter().map(|(meter, (_, account))| (meter, account)).collect()
    }
}

impl Snapshot {
    /// A hash of all that it says that matters here.
    pub fn document(&self) -> DocumentId {
        let naming = Naming::of("snapshot").nested(meter_name(&self.meter));
        self.records.iter().fold(naming, named_record).into()
    }

    /// The one part that it is; `import` counts up with every snapshot that comes in.
    pub fn into_part(self, import: u64) -> Part {
        let document = self.document();
        let key = PartKey::Snapshot(self.meter.clone());
        let mut numbers = Numbers::default();
        let readings = self
            .records
            .into_iter()
            .map(|record| bare(numbers.reading(None, &key, &self.meter, &record), self.meter.clone(), record))
            .collect();
        Part { key, order: PartOrder { import, modified_at: None, statement: None, document }, readings }
    }
}

impl PartKey {
    /// A short name of the key: the same for the same key on every machine.
    pub fn id(&self) -> PartId {
        part_name(self).into()
    }
}

/// Which of several parts with one key counts: the latest, in whatever order they came.
pub fn latest<'a>(orders: impl IntoIterator<Item = &'a PartOrder>) -> Option<&'a PartOrder> {
    orders.into_iter().max()
}

/// Counts identical readings of one document.
#[derive(Default)]
struct Numbers(HashMap<ReadingId, u64>);

impl Numbers {
    fn reading(
        &mut self,
        statement: Option<&StatementId>,
        part: &PartKey,
        meter: &MeterKey,
        record: &Record,
    ) -> ReadingId {
        let naming = Naming::of("reading")
            .maybe(statement.map(StatementId::as_str))
            .nested(part_name(part))
            .nested(meter_name(meter))
            .text(&record.period.start.to_string())
            .text(&record.period.end.to_string())
            .decimal(record.usage.as_ref().map(Usage::value))
            .text(record.unit.symbol());
        let seen = self.0.entry(naming.clone().into()).or_default();
        *seen += 1;
        naming.number(*seen).into()
    }
}

fn meter_name(meter: &MeterKey) -> Naming {
    let (id, number, account) = match meter {
        MeterKey::Id(id) => (Some(id), None, None),
        MeterKey::Number { number, account } => (None, Some(number), account.as_ref()),
    };
    [id, number, account].into_iter().fold(Naming::of("meter"), |naming, text| naming.maybe(text.map(AsRef::as_ref)))
}

fn part_name(part: &PartKey) -> Naming {
    match part {
        PartKey::Account { number, provider, date } => {
            Naming::of("account").text(number).text(provider).text(&date.to_string())
        }
        PartKey::Statement(statement) => Naming::of("statement").text(statement.as_str()),
        PartKey::Snapshot(meter) => Naming::of("snapshot").nested(meter_name(meter)),
    }
}

fn bare(id: ReadingId, meter: MeterKey, record: Record) -> Reading {
    Reading {
        id,
        meter,
        period: record.period,
        usage: record.usage,
        unit: record.unit,
        statement: None,
        statement_date: None,
        account: None,
        provider: None,
        classification: None,
        deregulation: record.deregulation,
        stages: Vec::new(),
        excluded: record.excluded,
        expects_duplicate: false,
        source: record.source,
    }
}

fn named_record(naming: Naming, record: &Record) -> Naming {
    naming
        .text("record")
        .maybe(record.meter_id.as_deref())
        .maybe(record.meter_number.as_deref())
        .maybe(record.deregulation.as_ref().map(DeregulationStatus::word))
        .text(&record.period.start.to_string())
        .text(&record.period.end.to_string())
        .decimal(record.usage.as_ref().map(Usage::value))
        .text(record.unit.symbol())
        .maybe(record.excluded.as_ref().map(Exclusion::describe).as_deref())
}
