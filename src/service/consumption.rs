//! The consumption of a meter at a moment: the POWERMETER entity's Consumption panel.

use std::collections::BTreeMap;

use jiff::{Timestamp, civil::Date};
use rust_decimal::{Decimal, RoundingStrategy};

use super::energy::{Energies, Total, between};
use crate::{
    domain::{
        calendar::{Period, Span},
        cost,
        powermeter::Consumption,
        reading::State,
        site::Meter,
    },
    store::StoreError,
};

/// Decimals of an average, which is a division: mW of kW.
const AVERAGE_DECIMALS: u32 = 6;

/// One figure and how far it may be believed.
#[derive(Debug, Clone, Copy)]
struct Figure {
    value: Option<Decimal>,
    state: State,
}

impl Figure {
    const NONE: Self = Self { value: None, state: State::Missing };

    /// The consumed energy of a total, with its state.
    fn of(total: &Total, state: State) -> Self {
        Self { value: total.has_data.then(|| total.consumed.normalize()), state }
    }
}

impl Energies<'_> {
    /// What `meter` consumed, as it stood at `at`, from all that is known now.
    ///
    /// # Errors
    /// What the disk says.
    pub fn consumption(&self, meter: &Meter, at: Timestamp) -> Result<Consumption, StoreError> {
        let today = at.to_zoned(self.zone.clone()).date();
        let days = self.days(&meter.id, Date::constant(1970, 1, 1), today)?;
        let of_today = match Period::Today.span(at, &self.zone) {
            Some(span) => self.total(&meter.id, Span { to: at, ..span })?,
            None => Total::default(),
        };
        let panel = Panel { energies: self, meter, at, days, of_today };
        Ok(panel.fill())
    }

    /// The price of a kWh and its currency: the meter's, else the site's; a site's price is none in another currency.
    pub(super) fn price(&self, meter: &Meter) -> (Option<Decimal>, String) {
        let currency = meter.currency.clone().unwrap_or_else(|| self.site.currency.clone());
        let of_site = self.site.cost_per_kwh.filter(|_| currency == self.site.currency);
        (meter.cost_per_kwh.or(of_site), currency)
    }
}

/// What the panel is filled from.
struct Panel<'a> {
    energies: &'a Energies<'a>,
    meter: &'a Meter,
    at: Timestamp,
    /// The days before today.
    days: BTreeMap<Date, Total>,
    of_today: Total,
}

impl Panel<'_> {
    fn fill(&self) -> Consumption {
        let mut panel = Consumption::default();
        let (this_month, last_month) = (self.total(Period::ThisMonth), self.total(Period::LastMonth));
        let this_year = self.total(Period::ThisYear);
        let ever = self.ever();
        let (price, currency) = self.energies.price(self.meter);
        let cost = |figure: Figure| match (figure.value, price) {
            (Some(energy), Some(price)) => {
                Figure { value: cost::flat(energy, price, &currency).map(|money| money.amount), state: figure.state }
            }
            _ => Figure::NONE,
        };
        let energy = |(total, state): (Total, State)| Figure::of(&total, state);
        let peak = |total: &Total, state| Figure {
            value: total.peak.map(|(demand, _)| demand.normalize()),
            state: if total.peak.is_some() { state } else { State::Missing },
        };
        let mut states = BTreeMap::new();
        let mut put = |name: &str, slot: &mut Option<Decimal>, figure: Figure| {
            *slot = figure.value;
            let state = if figure.value.is_some() { figure.state } else { State::Missing };
            states.insert(name.to_owned(), state);
        };
        put("kwhToday", &mut panel.kwh_today, energy(self.total(Period::Today)));
        put("kwhYesterday", &mut panel.kwh_yesterday, energy(self.total(Period::Yesterday)));
        put("kwhThisMonth", &mut panel.kwh_this_month, energy(this_month));
        put("kwhLastMonth", &mut panel.kwh_last_month, energy(last_month));
        put("kwhThisYear", &mut panel.kwh_this_year, energy(this_year));
        put("kwhLastYear", &mut panel.kwh_last_year, energy(self.total(Period::LastYear)));
        put("kwhLifetime", &mut panel.kwh_lifetime, self.lifetime(&ever));
        put("peakDemandKw", &mut panel.peak_demand_kw, peak(&ever.0, ever.1));
        put("peakDemandKwMonth", &mut panel.peak_demand_kw_month, peak(&this_month.0, this_month.1));
        put("averageDemandKw", &mut panel.average_demand_kw, self.average(this_month));
        put("costThisMonth", &mut panel.cost_this_month, cost(energy(this_month)));
        put("costLastMonth", &mut panel.cost_last_month, cost(energy(last_month)));
        put("costThisYear", &mut panel.cost_this_year, cost(energy(this_year)));
        panel.peak_demand_date = ever.0.peak.map(|(_, at)| at);
        panel.cost_per_kwh = price;
        panel.currency = Some(currency);
        panel.states = states;
        panel
    }

    /// What is known of a period up to the moment, and how far it may be believed.
    fn total(&self, period: Period) -> (Total, State) {
        let Some(span) = period.span(self.at, &self.energies.zone) else { return (Total::default(), State::Missing) };
        let to = span.to.min(self.at);
        let date = |at: Timestamp| at.to_zoned(self.energies.zone.clone()).date();
        let mut total = Total::default();
        self.days.range(date(span.from)..date(span.to)).for_each(|(_, day)| total.add(day));
        if self.at < span.to {
            total.add(&self.of_today);
        }
        // At the very start of a day nothing has flowed yet, which is known where the time before is.
        let just_begun = between(span.from, to) <= self.tolerance(span);
        if just_begun && !total.has_data && self.energies.began(&self.meter.id).is_some_and(|began| began <= span.from)
        {
            total.has_data = !self.days.is_empty();
        }
        let state = total.state(between(span.from, to), self.tolerance(span));
        (total, state)
    }

    fn tolerance(&self, span: Span) -> std::time::Duration {
        let is_open = self.at < span.to;
        if is_open { self.energies.tolerance(self.meter) } else { std::time::Duration::from_secs(1) }
    }

    /// Everything up to the moment.
    fn ever(&self) -> (Total, State) {
        let mut total = Total::default();
        self.days.values().chain([&self.of_today]).for_each(|day| total.add(day));
        let first =
            self.days.keys().next().and_then(|date| crate::domain::calendar::midnight(*date, &self.energies.zone));
        let began = self.energies.began(&self.meter.id).or(first).unwrap_or(self.at);
        let state = total.state(between(began, self.at), self.energies.tolerance(self.meter));
        (total, state)
    }

    /// The register when records began, and everything since.
    fn lifetime(&self, (total, state): &(Total, State)) -> Figure {
        let first = self.energies.first_count(&self.meter.id, self.at);
        let value = first.and_then(|first| first.checked_add(total.consumed)).map(|value| value.normalize());
        // Whenever it flowed, the register counted it.
        let state = if *state == State::Missing { State::Missing } else { State::Good };
        Figure { value, state: if self.of_today.estimated { state.worst(State::Estimated) } else { state } }
    }

    /// Energy over time of the month so far; of a month that is known in part, over the time that is known.
    fn average(&self, (total, state): (Total, State)) -> Figure {
        let Some(span) = Period::ThisMonth.span(self.at, &self.energies.zone) else { return Figure::NONE };
        let elapsed = if state == State::Missing { total.known } else { between(span.from, self.at) };
        let milliseconds = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        let average = total
            .consumed
            .checked_mul(Decimal::from(3_600_000))
            .and_then(|energy| energy.checked_div(Decimal::from(milliseconds)))
            .filter(|_| total.has_data);
        let rounded = average.map(|average| {
            average.round_dp_with_strategy(AVERAGE_DECIMALS, RoundingStrategy::MidpointAwayFromZero).normalize()
        });
        Figure { value: rounded, state }
    }
}
