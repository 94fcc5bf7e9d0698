//! Fields → what the documents say, with the reason where they say nothing that can be used.

use std::sync::Arc;

use jiff::{Timestamp, civil::Date, civil::DateTime, tz::TimeZone};

use super::{
    json::{self, Leaf, Many},
    shapes::{Account, Charge, Component, Embedded, EmbeddedMeter, MeterData, Provider, UsageRecord},
};
use crate::{
    domain::duplicate::{
        self as duplicate, ChargeStage, Classification, DeregulationStatus, Exclusion, MeterKey, Period, Provenance,
        Record, Statement, StatementId, UsageUnit,
    },
    text,
};

/// The longest name that is kept, in characters.
const MAX_NAME_LENGTH: usize = 128;
/// The longest detail of a reading that is kept as it came, in bytes.
const MAX_DETAIL_BYTES: usize = 64 << 10;

/// What was left out or changed, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// JSON pointer in the file; in newline-delimited JSON after the number of the line.
    pub pointer: String,
    /// Why.
    pub reason: String,
}

/// What stands beside a reading and is kept as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail {
    /// The reading's JSON pointer in the file.
    pub pointer: String,
    /// Its usages, as JSON.
    pub usages: String,
}

/// Builds documents, and takes down what is wrong with them.
#[derive(Debug)]
pub(super) struct Builder {
    pub file: Arc<str>,
    pub rejected: Vec<Remark>,
    pub cleaned: Vec<Remark>,
    pub details: Vec<Detail>,
}

/// What a statement says about itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head<'a> {
    pub id: Leaf<'a>,
    pub date: Leaf<'a>,
    pub last_modified_at: Leaf<'a>,
    pub created_at: Leaf<'a>,
}

impl Head<'_> {
    fn modified_at(&self) -> Option<Timestamp> {
        moment(self.last_modified_at).or_else(|| moment(self.created_at))
    }
}

/// What all usages of a meter in a document share.
#[derive(Debug, Clone, Default)]
pub(super) struct OfMeter {
    pub id: Option<String>,
    pub number: Option<String>,
    pub account: Option<String>,
    pub deregulation: Option<DeregulationStatus>,
}

impl OfMeter {
    pub(super) fn key(&self) -> Option<MeterKey> {
        MeterKey::new(self.id.as_deref(), self.number.as_deref(), self.account.as_deref())
    }
}

impl Builder {
    pub(super) fn new(file: Arc<str>) -> Self {
        Self { file, rejected: Vec::new(), cleaned: Vec::new(), details: Vec::new() }
    }

    pub(super) fn reject(&mut self, pointer: &str, reason: impl Into<String>) {
        self.rejected.push(Remark { pointer: pointer.to_owned(), reason: reason.into() });
    }

    /// A name, made safe; where that changed it, it is said.
    pub(super) fn name(&mut self, leaf: Leaf<'_>, at: &str, field: &str) -> Option<String> {
        let written = json::text(leaf)?;
        let clean = text::clean_within(&written, MAX_NAME_LENGTH);
        if clean.len() != written.len() {
            let is_long = written.chars().count() > MAX_NAME_LENGTH;
            let reason = if is_long { "cut to 128 characters" } else { "hidden characters taken out" };
            self.cleaned.push(Remark { pointer: format!("{at}/{field}"), reason: reason.to_owned() });
        }
        let clean = clean.trim();
        (!clean.is_empty()).then(|| clean.to_owned())
    }

    fn source(&self, pointer: String) -> Provenance {
        Provenance { file: Arc::clone(&self.file), sha256: Arc::default(), pointer }
    }

    /// A statement from its accounts.
    pub(super) fn statement(&mut self, head: Head<'_>, accounts: &Many<Account<'_>>, at: &str) -> Statement {
        let mut built = Vec::with_capacity(accounts.items.len());
        for (pointer, account) in accounts.pointed(at) {
            match account {
                Some(account) => built.push(self.account(account, &pointer)),
                None => self.reject(&pointer, "an account is an object"),
            }
        }
        let id = self.name(head.id, at, "id").map(|id| StatementId::new(&id));
        Statement {
            id,
            date: self.day(head.date, at, "statementDate"),
            modified_at: head.modified_at(),
            accounts: built,
        }
    }

    /// A date that is not needed: one that cannot be is said, and left out.
    fn day(&mut self, leaf: Leaf<'_>, at: &str, field: &str) -> Option<Date> {
        json::date(leaf).unwrap_or_else(|reason| {
            self.cleaned.push(Remark { pointer: format!("{at}/{field}"), reason: format!("left out: {reason}") });
            None
        })
    }

    pub(super) fn account(&mut self, account: &Account<'_>, at: &str) -> duplicate::Account {
        let mut records = Vec::new();
        let nothing = Many::default();
        let within = format!("{at}/meterData");
        for (pointer, meter) in account.meter_data.as_ref().unwrap_or(&nothing).pointed(&within) {
            match meter {
                Some(meter) => self.meter_data(meter, pointer, &mut records),
                None => self.reject(&pointer, "meter data is an object"),
            }
        }
        duplicate::Account {
            number: self.name(account.number, at, "accountNumber"),
            providers: self.providers(account.providers.as_ref(), at),
            stages: stages(account.charges.as_ref()),
            statement_date: self.day(account.statement_date, at, "statementDate"),
            records,
        }
    }

    fn providers(&mut self, providers: Option<&Many<Provider<'_>>>, at: &str) -> Vec<duplicate::Provider> {
        let at = format!("{at}/providers");
        let nothing = Many::default();
        let mut built = Vec::new();
        for (pointer, provider) in providers.unwrap_or(&nothing).pointed(&at) {
            let Some(provider) = provider else { continue };
            let name = self.name(provider.name, &pointer, "name");
            let name = name.or_else(|| self.name(provider.other_name, &pointer, "providerName"));
            let classification = json::text(provider.classification).map(|text| Classification::parse(&text));
            built.push(duplicate::Provider { name, classification });
        }
        built
    }

    /// A `totalUsage` is the reading; without one the usages that pass the filter are; with neither it is a reading without
    /// usage.
    fn meter_data(&mut self, meter: &MeterData<'_>, at: String, records: &mut Vec<Record>) {
        let of = OfMeter {
            id: self.name(meter.meter_id, &at, "meterId"),
            number: self.name(meter.meter_number, &at, "meterNumber"),
            account: None,
            deregulation: json::text(meter.deregulation_status).map(|text| DeregulationStatus::parse(&text)),
        };
        if of.key().is_none() {
            return self.reject(&at, NO_METER);
        }
        let period = period(meter.period_start, meter.period_end);
        let usages: Many<UsageRecord<'_>> =
            match meter.usages.filter(|_| meter.total_usage.is_none() || meter.usage_unit.is_none()) {
                // What was skipped over once is JSON; only a number that no machine holds can stop it here.
                Some(usages) => serde_json::from_str(usages.get()).unwrap_or_default(),
                None => Many::default(),
            };
        if meter.total_usage.is_none() {
            let before = records.len();
            let within = format!("{at}/usages");
            for (pointer, usage) in usages.pointed(&within) {
                match usage {
                    Some(usage) => self.usage(usage, &of, period.as_ref().ok().copied(), pointer, records),
                    None => self.reject(&pointer, "a usage is an object"),
                }
            }
            if records.iter().skip(before).any(|record| record.excluded.is_none()) {
                return;
            }
        }
        let unit = meter.usage_unit.or_else(|| common_unit(&usages));
        let unit = UsageUnit::parse(&json::text(unit).unwrap_or_default());
        let read = period.and_then(|period| Ok((period, json::usage(meter.total_usage, &unit)?)));
        match read {
            Err(reason) => self.reject(&at, reason),
            Ok((period, usage)) => {
                self.detail(meter, &at);
                records.push(Record {
                    meter_id: of.id,
                    meter_number: of.number,
                    deregulation: of.deregulation,
                    period,
                    usage,
                    unit,
                    excluded: None,
                    source: self.source(at),
                });
            }
        }
    }

    /// Keeps the usages beside a total.
    fn detail(&mut self, meter: &MeterData<'_>, at: &str) {
        let Some(usages) = meter.total_usage.and(meter.usages).filter(|usages| usages.get().len() > "[]".len()) else {
            return;
        };
        if usages.get().len() <= MAX_DETAIL_BYTES {
            self.details.push(Detail { pointer: at.to_owned(), usages: usages.get().to_owned() });
        } else {
            let pointer = format!("{at}/usages");
            self.cleaned.push(Remark { pointer, reason: "longer than 64 KiB, and not kept".to_owned() });
        }
    }

    /// One usage of meter details, or of meter data without a total.
    pub(super) fn usage(
        &mut self,
        usage: &UsageRecord<'_>,
        of: &OfMeter,
        within: Option<Period>,
        at: String,
        records: &mut Vec<Record>,
    ) {
        let unit = UsageUnit::parse(&json::text(usage.usage_unit).unwrap_or_default());
        let is_undated = usage.period_start.is_none() && usage.period_end.is_none();
        let period = match within.filter(|_| is_undated) {
            Some(period) => Ok(period),
            None => period(usage.period_start, usage.period_end),
        };
        let amount = usage.measured_usage.or(usage.total_usage);
        let read = period.and_then(|period| Ok((period, json::usage(amount, &unit)?)));
        let (period, amount) = match read {
            Ok(read) => read,
            Err(reason) => return self.reject(&at, reason),
        };
        let own = embedded_meter(usage).and_then(|meter| json::text(meter.deregulation_status));
        let own = own.or_else(|| json::text(usage.deregulation_status));
        records.push(Record {
            meter_id: of.id.clone(),
            meter_number: of.number.clone(),
            deregulation: own.map(|text| DeregulationStatus::parse(&text)).or_else(|| of.deregulation.clone()),
            period,
            usage: amount,
            unit,
            excluded: excluded(usage),
            source: self.source(at),
        });
    }

    /// One record of the legacy export.
    pub(super) fn record(&mut self, record: Record, at: String, records: &mut Vec<Record>) {
        records.push(Record { source: self.source(at), ..record });
    }
}

const NO_METER: &str = "it names no meter: neither meterId nor meterNumber";

/// The period between two dates that both must be there.
pub(super) fn period(start: Leaf<'_>, end: Leaf<'_>) -> Result<Period, String> {
    match (json::date(start)?, json::date(end)?) {
        (Some(start), Some(end)) => Period::new(start, end).map_err(|bad| bad.to_string()),
        (None, _) => Err("the period's start is missing".to_owned()),
        (_, None) => Err("the period's end is missing".to_owned()),
    }
}

/// A moment, written as a timestamp, a time without zone (UTC then) or a date.
fn moment(leaf: Leaf<'_>) -> Option<Timestamp> {
    let text = json::text(leaf)?;
    let plain = || text.parse::<DateTime>().or_else(|_| text.parse::<Date>().map(|date| date.at(0, 0, 0, 0))).ok();
    let utc = |at: DateTime| at.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    text.parse().ok().or_else(|| plain().and_then(utc))
}

fn stages(charges: Option<&Many<Charge<'_>>>) -> Vec<ChargeStage> {
    let charges = charges.into_iter().flat_map(Many::objects);
    charges.filter_map(|charge| json::text(charge.life_cycle_stage)).map(|text| ChargeStage::parse(&text)).collect()
}

/// The unit that all usages have, where they have one.
fn common_unit<'a>(usages: &Many<UsageRecord<'a>>) -> Leaf<'a> {
    let mut units = usages.objects().filter_map(|usage| usage.usage_unit);
    let first = units.next()?;
    units.all(|unit| unit.get() == first.get()).then_some(first)
}

/// Why a usage never counts, where that is so.
fn excluded(usage: &UsageRecord<'_>) -> Option<Exclusion> {
    let components = usage.tariff_rate_components.iter().flat_map(Many::objects);
    let kind = |component: &Component<'_>| {
        json::text(component.tariff_rate_component_type.or(component.tarff_rate_component_type))
            .map(std::borrow::Cow::into_owned)
    };
    let kinds: Vec<String> = components.filter_map(kind).collect();
    let kinds: Vec<&str> = kinds.iter().map(String::as_str).collect();
    Exclusion::check(&kinds, json::text(usage.contribution_status).as_deref()).err()
}

/// The first meter that stands in a usage.
pub(super) fn embedded_meter<'s, 'a>(usage: &'s UsageRecord<'a>) -> Option<&'s EmbeddedMeter<'a>> {
    first_meter(usage.embedded.as_ref())
}

/// The first meter of `_embedded`.
pub(super) fn first_meter<'s, 'a>(embedded: Option<&'s Many<Embedded<'a>>>) -> Option<&'s EmbeddedMeter<'a>> {
    embedded?.objects().next()?.meters.as_ref()?.objects().next()
}
