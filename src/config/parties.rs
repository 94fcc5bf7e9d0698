//! Accounts, customer sites and submeters: who and what the meters belong to.

use std::{collections::BTreeMap, time::Duration};

use super::{
    fields::Fields,
    problems::Problem,
    references::Names,
    tree::{Entry, Value},
};
use crate::domain::{
    ids::{AccountId, CustomerSiteId, MeterId, ProgrammeId, SubmeterId},
    site::{Account, CustomerSite, MeasuredEvidence, Programme, Submeter},
};

/// Largest deviation and least coverage of evidence, percent, where nothing else is said.
const DEFAULT_EVIDENCE: MeasuredEvidence = MeasuredEvidence { tolerance_percent: 1.0, coverage_percent: 99.0 };

pub(super) fn accounts(file: &Fields<'_>) -> BTreeMap<AccountId, Account> {
    let accounts = file.tables("account").into_iter().filter_map(|(id, fields)| {
        let account = Account {
            label_partner: fields.text("label_partner"),
            external_account_id: fields.text("external_account_id"),
            email_address: email(&fields),
        };
        Some((AccountId::new(id).ok()?, account))
    });
    accounts.collect()
}

fn email(fields: &Fields<'_>) -> Option<String> {
    let text = fields.text("email_address")?;
    let sides = text.split_once('@').filter(|(name, host)| !name.is_empty() && !host.is_empty() && !host.contains('@'));
    if sides.is_none() || text.contains(char::is_whitespace) {
        fields.error("email_address", format!("`{text}` is not an address for mail"), "write name@host");
    }
    Some(text)
}

pub(super) fn customer_sites(file: &Fields<'_>, names: &Names<'_>) -> BTreeMap<CustomerSiteId, CustomerSite> {
    let sites = file.tables("customer_site").into_iter().filter_map(|(id, fields)| {
        let profile = fields.entries("profile").iter().filter_map(|entry| free_value(&fields, entry)).collect();
        let site = CustomerSite {
            name: fields.text("name").unwrap_or_else(|| id.to_owned()),
            meters: meters(&fields, names),
            account: names.one(&fields, "account"),
            external_installation_id: fields.text("external_installation_id"),
            postal_code: fields.text("postal_code"),
            profile,
        };
        Some((CustomerSiteId::new(id).ok()?, site))
    });
    sites.collect()
}

fn meters(fields: &Fields<'_>, names: &Names<'_>) -> Vec<MeterId> {
    names.many(fields, "meters").into_iter().map(|meter| meter.value).collect()
}

/// A value of a table whose keys are free: text, a number or a switch.
fn free_value(fields: &Fields<'_>, entry: &Entry) -> Option<(String, serde_json::Value)> {
    let value = match &entry.node.value {
        Value::Text(text) => Some(crate::text::clean(text).into()),
        Value::Integer(number) => i64::try_from(*number).ok().map(Into::into),
        Value::Float(number) => serde_json::Number::from_f64(*number).map(Into::into),
        Value::Switch(switch) => Some((*switch).into()),
        Value::Date(_) | Value::List(_) | Value::Table(_) => None,
    };
    if value.is_none() {
        let message =
            format!("`{}` is {}, and should be text, a number or true or false", entry.key, entry.node.value.kind());
        fields.sink.add(Problem::error(&entry.node.spot, message).help("write text in quotes"));
    }
    Some((crate::text::clean(&entry.key), value?))
}

pub(super) fn submeters(file: &Fields<'_>, names: &Names<'_>) -> BTreeMap<SubmeterId, Submeter> {
    let submeters = file.tables("submeter").into_iter().filter_map(|(id, fields)| {
        let meters = meters(&fields, names);
        let customer_site = names.one(&fields, "customer_site")?;
        Some((SubmeterId::new(id).ok()?, Submeter { customer_site, meters }))
    });
    submeters.collect()
}

/// How long an event without an end may take where nothing else is said.
const DEFAULT_LONGEST: Duration = Duration::from_hours(4);

pub(super) fn programmes(file: &Fields<'_>) -> BTreeMap<ProgrammeId, Programme> {
    let programmes = file.tables("programme").into_iter().filter_map(|(id, fields)| {
        let programme = Programme {
            armed: fields.switch("armed").unwrap_or(false),
            longest_without_end: fields.duration("longest_without_end").unwrap_or(DEFAULT_LONGEST),
        };
        Some((ProgrammeId::new(id).ok()?, programme))
    });
    programmes.collect()
}

/// When our own measurement decides between duplicates; absent: never.
pub(super) fn measured_evidence(file: &Fields<'_>) -> Option<MeasuredEvidence> {
    let fields = file.table("duplicates")?.table("measured")?;
    Some(MeasuredEvidence {
        tolerance_percent: fields.number("tolerance_percent").unwrap_or(DEFAULT_EVIDENCE.tolerance_percent),
        coverage_percent: fields.number("coverage_percent").unwrap_or(DEFAULT_EVIDENCE.coverage_percent),
    })
}
