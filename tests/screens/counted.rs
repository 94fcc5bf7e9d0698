//! What the service counts and keeps of the site of the screens' tests: energy, costs, records, PUE, and a chart.

use std::{collections::BTreeMap, time::Duration};

use meterdeck::{
    domain::{
        calendar::Span,
        chart::{Chart, Column},
        live::MeterLive,
        powermeter::{Consumption, PowerMeter, Sources},
        pue::Report,
        reading::State,
        record::{Book, Entry, Record},
        site::{Site, VerificationResult},
        unit::Unit,
    },
    tui::model::Facts,
};
use rust_decimal::Decimal;

use super::site::now;

fn decimal(text: &str) -> Option<Decimal> {
    text.parse().ok()
}

/// Some energy of a meter, in all its states.
fn consumption(kwh: i64) -> Consumption {
    let state = |name: &str, state| (name.to_owned(), state);
    Consumption {
        kwh_today: Some(Decimal::from(kwh)),
        kwh_yesterday: Some(Decimal::from(kwh * 2)),
        kwh_this_month: Some(Decimal::from(kwh * 9)),
        kwh_last_month: None,
        kwh_lifetime: decimal("1234567.8"),
        peak_demand_kw: decimal("87.25"),
        peak_demand_date: Some(now() - Duration::from_hours(3)),
        peak_demand_kw_month: decimal("87.25"),
        average_demand_kw: decimal("61.733"),
        cost_per_kwh: decimal("0.13"),
        cost_this_month: Some(Decimal::new(kwh * 9 * 13, 2)),
        currency: Some("EUR".to_owned()),
        states: BTreeMap::from([
            state("kwhToday", State::Good),
            state("kwhYesterday", State::Estimated),
            state("kwhThisMonth", State::Missing),
            state("kwhLifetime", State::Good),
            state("peakDemandKw", State::Good),
            state("peakDemandKwMonth", State::Estimated),
            state("averageDemandKw", State::Good),
            state("costThisMonth", State::Missing),
        ]),
        ..Consumption::default()
    }
}

/// Two meters that are counted, one of them with a book; a PUE that lacks one.
pub(crate) fn facts(site: &Site) -> Facts {
    let record = |sequence, entry| Record {
        sequence,
        meter: "rpp-b".parse().unwrap(),
        at: now() - Duration::from_secs(86_400 * (9 - sequence)),
        who: "anna".to_owned(),
        configured: None,
        before: None,
        entry,
    };
    let mut records = vec![
        record(1, Entry::Verification { date: "2026-02-24".parse().unwrap(), result: VerificationResult::ALL[0] }),
        record(2, Entry::Note { text: "CT of L2 tightened; seal 4711 is new".to_owned() }),
    ];
    let mut facts = Facts::default();
    for (id, kwh) in [("rpp-b", 1203), ("msb-1", 9812)] {
        let meter = &site.meters[id];
        for record in &mut records {
            record.configured = record.entry.configured(meter);
        }
        let own = if id == "rpp-b" { records.as_slice() } else { &[] };
        let (live, book) = (MeterLive::default(), Book::of(meter, own, now()));
        let every = Duration::from_secs(1);
        let sources = Sources { live: &live, book: &book, consumption: &consumption(kwh), every, at: now() };
        facts.meters.insert(meter.id.clone(), PowerMeter::of(site, meter, &sources));
    }
    facts.records = Some(("rpp-b".parse().unwrap(), records));
    facts.pue = Some(Report {
        scope: "site".to_owned(),
        category: Some(2),
        from: now(),
        to: now(),
        facility_kwh: None,
        it_kwh: None,
        facility_kw: decimal("612.4"),
        it_kw: decimal("433.7"),
        pue: decimal("1.4120"),
        complete: false,
        missing: ["pdu-r01b".parse().unwrap()].into(),
    });
    facts
}

/// A day with its course, a band where columns are means, a gap, and columns in which no reading was due.
pub(crate) fn chart(span: Span, columns: u16) -> Chart {
    let step_ms = span.to.duration_since(span.from).as_millis() / i128::from(columns);
    let column = |number: u16| {
        let share = f64::from(number) / f64::from(columns);
        match share {
            0.3..0.42 => Column::Gap,
            0.6..0.66 if number.is_multiple_of(2) => Column::Between,
            _ => {
                let mean = 60.0 + 25.0 * (share * 9.0).sin();
                let spread = 6.0 * share;
                Column::Value {
                    mean,
                    min: mean - spread,
                    max: mean + spread / 2.0,
                    good: !(0.8..0.85).contains(&share),
                }
            }
        }
    };
    Chart {
        unit: Some(Unit::Kilowatt),
        from: span.from,
        step_ms: i64::try_from(step_ms).unwrap(),
        columns: (0..columns).map(column).collect(),
    }
}
