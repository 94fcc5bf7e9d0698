//! What the service counts and keeps beside the readings: energy and costs, records, PUE. Asked for now and then.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::{
    domain::{
        computed::Computed,
        cost,
        ids::MeterId,
        live::Statuses,
        powermeter::{Consumption, PowerMeter},
        pue,
        reading::State,
        record::Record,
        site::{MeterPoint, Site},
    },
    service::interface::duplicates::Statistics,
};

/// What was answered last, and what was asked when.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Meters with their consumption.
    pub meters: BTreeMap<MeterId, PowerMeter>,
    /// The book of the meter that was opened last, oldest first.
    pub records: Option<(MeterId, Vec<Record>)>,
    /// The PUE as it is now.
    pub pue: Option<pue::Report>,
    /// How many groups of utility readings wait for a person, and what decided the others.
    pub reviews: Option<Statistics>,
    /// When what was asked for.
    pub asked: BTreeMap<Fact, Timestamp>,
}

/// Something that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fact {
    /// All meters.
    Meters,
    /// One of them.
    Meter(MeterId),
    /// Its book.
    Records(MeterId),
    /// The PUE.
    Pue,
    /// Figures about utility readings.
    Reviews,
}

impl Facts {
    /// A meter's consumption, where it was answered.
    pub fn consumption(&self, id: &MeterId) -> Option<&Consumption> {
        self.meters.get(id).map(|meter| &meter.consumption)
    }

    /// A meter's book, where it was answered.
    pub fn book(&self, id: &MeterId) -> Option<&[Record]> {
        self.records.as_ref().filter(|(of, _)| of == id).map(|(_, records)| records.as_slice())
    }

    /// Asks for everything about a meter again.
    pub fn forget(&mut self, id: &MeterId) {
        self.asked.remove(&Fact::Meter(id.clone()));
        self.asked.remove(&Fact::Records(id.clone()));
    }
}

/// A sum over meters, and what of it is not known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sum {
    /// Of those that are known; `None` where none is.
    pub value: Option<Decimal>,
    /// Some of it is a guess.
    pub estimated: bool,
    /// Meters of which nothing is known, or not all of the time.
    pub missing: Vec<MeterId>,
}

/// What came in through the utility entrances.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Intake {
    /// Since midnight, kWh.
    pub today: Sum,
    /// What that costs, in the site's currency.
    pub cost_today: Sum,
    /// Since the first of the month, kWh.
    pub month: Sum,
    /// What that costs, in the site's currency.
    pub cost_month: Sum,
}

impl Intake {
    /// From what is known of the meters.
    pub fn of(site: &Site, statuses: &Statuses, computed: &Computed, facts: &Facts) -> Self {
        let mut facility = pue::topmost(site, statuses, None, computed, &pue::FACILITY_POINTS);
        facility.retain(|id| site.meters.get(id).is_some_and(|meter| meter.meter_point == MeterPoint::UtilityEntrance));
        let mut intake = Self::default();
        for id in facility {
            let known = facts.consumption(&id);
            let in_currency = known.filter(|known| known.currency.as_deref() == Some(&*site.currency));
            let cost_today = in_currency
                .and_then(|known| cost::flat(known.kwh_today?, known.cost_per_kwh?, &site.currency))
                .map(|money| money.amount);
            let state = |name: &str| known.and_then(|known| known.states.get(name).copied()).unwrap_or(State::Missing);
            let (today, month) = (state("kwhToday"), state("kwhThisMonth"));
            intake.today.add(&id, known.and_then(|known| known.kwh_today), today);
            intake.cost_today.add(&id, cost_today, today);
            intake.month.add(&id, known.and_then(|known| known.kwh_this_month), month);
            intake.cost_month.add(&id, in_currency.and_then(|known| known.cost_this_month), state("costThisMonth"));
        }
        intake
    }
}

impl Sum {
    fn add(&mut self, id: &MeterId, value: Option<Decimal>, state: State) {
        if value.is_none() || state >= State::Bad {
            self.missing.push(id.clone());
        }
        self.estimated |= state == State::Estimated;
        if let Some(value) = value {
            self.value = Some(self.value.unwrap_or_default().saturating_add(value));
        }
    }
}
