//! The relational export of the older Urjanet service: accounts with meters with usages, fields in PascalCase, blank for
//! what is not known, quantities as decimal texts.

use jiff::civil::Date;

use super::{
    build::{self, Builder},
    json::{self, Many},
    shapes::{LegacyAccount, LegacyMeter, LegacyUsage},
};
use crate::domain::duplicate::{
    Account, Exclusion, MeterKey, Period, Provenance, Provider, Record, Statement, StatementId, UsageUnit,
};

/// How consumption is called; demand and reactive power have other names.
const CONSUMPTION: &str = "general_consumption";

impl Builder {
    /// Each account of the export is a statement of its own: the export does not say which belong together.
    pub(super) fn legacy(&mut self, account: &LegacyAccount<'_>, at: &str) -> Statement {
        let number = self.name(account.account_number, at, "AccountNumber");
        let number = number.or_else(|| self.name(account.raw_account_number, at, "RawAccountNumber"));
        let provider = self.name(account.utility_provider, at, "UtilityProvider");
        let date: Option<Date> = json::date(account.statement_date).unwrap_or_default();
        let mut records = Vec::new();
        let nothing = Many::default();
        let within = format!("{at}/meters");
        for (pointer, meter) in account.meters.as_ref().unwrap_or(&nothing).pointed(&within) {
            match meter {
                Some(meter) => self.legacy_meter(meter, &pointer, &mut records),
                None => self.reject(&pointer, "a meter is an object"),
            }
        }
        let providers = provider.into_iter().map(|name| Provider { name: Some(name), classification: None }).collect();
        let account_data = Account { number, providers, records, ..Account::default() };
        let id = json::text(account.key).map(|key| StatementId::new(&key));
        Statement { id, date, modified_at: None, accounts: vec![account_data] }
    }

    fn legacy_meter(&mut self, meter: &LegacyMeter<'_>, at: &str, records: &mut Vec<Record>) {
        let number = self.name(meter.meter_number, at, "MeterNumber");
        // The point of delivery is the meter's only other name.
        let point = if number.is_none() { self.name(meter.delivery_point, at, "PODid") } else { None };
        if MeterKey::new(point.as_deref(), number.as_deref(), None).is_none() {
            return self.reject(at, "it names no meter: neither MeterNumber nor PODid");
        }
        let nothing = Many::default();
        let within = format!("{at}/usages");
        for (pointer, usage) in meter.usages.as_ref().unwrap_or(&nothing).pointed(&within) {
            let Some(usage) = usage else {
                self.reject(&pointer, "a usage is an object");
                continue;
            };
            match legacy_usage(usage, meter) {
                Err(reason) => self.reject(&pointer, reason),
                Ok(record) => {
                    let record = Record { meter_id: point.clone(), meter_number: number.clone(), ..record };
                    self.record(record, pointer, records);
                }
            }
        }
    }
}

fn legacy_usage(usage: &LegacyUsage<'_>, meter: &LegacyMeter<'_>) -> Result<Record, String> {
    let has_own = json::text(usage.interval_start).is_some() || json::text(usage.interval_end).is_some();
    let period: Period = if has_own {
        build::period(usage.interval_start, usage.interval_end)?
    } else {
        build::period(meter.interval_start, meter.interval_end)?
    };
    let unit = UsageUnit::parse(&json::text(usage.energy_unit).unwrap_or_default());
    let amount = usage.usage_amount.filter(|amount| json::text(Some(amount)).is_some());
    Ok(Record {
        meter_id: None,
        meter_number: None,
        deregulation: None,
        period,
        usage: json::usage(amount, &unit)?,
        unit,
        excluded: excluded(usage),
        source: Provenance { file: "".into(), sha256: "".into(), pointer: String::new() },
    })
}

/// Only the total of what was consumed counts: `[total]`, not `[on_peak, summer]`, and no demand.
fn excluded(usage: &LegacyUsage<'_>) -> Option<Exclusion> {
    let measures = json::text(usage.measurement_type).filter(|kind| !kind.eq_ignore_ascii_case(CONSUMPTION));
    if let Some(kind) = measures {
        return Some(Exclusion::not_consumption(&kind));
    }
    let components = json::text(usage.rate_component).unwrap_or_default();
    let kinds: Vec<&str> =
        components.trim_matches(['[', ']']).split(',').map(str::trim).filter(|kind| !kind.is_empty()).collect();
    Exclusion::check(&kinds, Some("CONTRIBUTING")).err()
}
