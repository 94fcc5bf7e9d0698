//! Energy read back from the store: intervals and local days of meters that are counted and of virtual ones, and how
//! much of a time is known.

use std::{collections::BTreeMap, time::Duration};

use jiff::{Timestamp, ToSpan as _, civil::Date, tz::TimeZone};
use rust_decimal::Decimal;

use super::recorder;
use crate::{
    domain::{
        calendar::{Span, midnight},
        computed::{self, Computed},
        energy::Ledger,
        ids::MeterId,
        interval::{Grid, Interval},
        quantity::Quantity,
        reading::{STALE_AFTER_INTERVALS, State},
        site::{Meter, Site},
        standing,
    },
    store::{
        Store, StoreError,
        energy::{DaySum, IntervalRow, day_of_rows},
    },
};

/// Energy is cut at a moment in steps no coarser than this many decimals, as it is spread over intervals.
const CUT_DECIMALS: u32 = 3;
/// Less than this missing in a span that is over is the rounding of times, no gap.
const TOLERANCE: Duration = Duration::from_secs(1);
/// Of a meter that nothing polls, values may be this late.
const TOLERANCE_WITHOUT_DEVICE: Duration = Duration::from_hours(1);
/// Days of a virtual meter that are computed at once: bounds the memory.
const DAYS_AT_ONCE: i32 = 31;

/// Energy of a site's meters.
#[derive(Debug)]
pub struct Energies<'a> {
    pub(super) site: &'a Site,
    pub(super) zone: TimeZone,
    pub(super) computed: Computed,
    store: &'a Store,
    grid: Grid,
    ledgers: BTreeMap<MeterId, Ledger>,
}

/// Energy of a meter over some time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Total {
    /// Energy into the load.
    pub consumed: Decimal,
    /// Energy to the grid.
    pub generated: Decimal,
    /// Of how much of the time the energy is known.
    pub known: Duration,
    /// Some of it is estimated.
    pub estimated: bool,
    /// The highest demand of a block, kW, and when the block began.
    pub peak: Option<(Decimal, Timestamp)>,
    /// Nothing of it is known where this is false.
    pub has_data: bool,
}

impl Total {
    /// Adds what is known of another time.
    pub fn add(&mut self, other: &Self) {
        self.consumed += other.consumed;
        self.generated += other.generated;
        self.known += other.known;
        self.estimated |= other.estimated;
        self.has_data |= other.has_data;
        if let Some((demand, at)) = other.peak
            && self.peak.is_none_or(|(highest, _)| demand > highest)
        {
            self.peak = Some((demand, at));
        }
    }

    fn of_day(sum: &DaySum, known: Duration) -> Self {
        let DaySum { consumed, generated, estimated, peak, .. } = *sum;
        Self { consumed, generated, known, estimated, peak, has_data: true }
    }

    /// How far the sum over a time of this length may be believed: missing where a part of it was never measured.
    pub fn state(&self, length: Duration, tolerance: Duration) -> State {
        if !self.has_data || self.known.saturating_add(tolerance) < length {
            State::Missing
        } else if self.estimated {
            State::Estimated
        } else {
            State::Good
        }
    }
}

impl<'a> Energies<'a> {
    /// The energy in a store.
    ///
    /// # Errors
    /// What the disk says.
    pub fn new(store: &'a Store, site: &'a Site) -> Result<Self, StoreError> {
        let zone = TimeZone::get(&site.time_zone).unwrap_or(TimeZone::UTC);
        let grid = Grid::new(site.demand_interval, &zone);
        Ok(Self { site, grid, computed: Computed::of(site), ledgers: store.ledgers()?, store, zone })
    }

    /// A meter's intervals that start in `span`, whole, in order of time; those without any data are not there.
    ///
    /// # Errors
    /// What the disk says.
    pub fn intervals(&self, meter: &MeterId, span: Span) -> Result<Vec<IntervalRow>, StoreError> {
        self.rows(meter, span, false)
    }

    /// With `cut` the interval that `span` ends in is cut there.
    fn rows(&self, meter: &MeterId, span: Span, cut: bool) -> Result<Vec<IntervalRow>, StoreError> {
        let Some(formula) = self.computed.formula(meter) else {
            let mut rows = self.store.intervals(meter, span)?;
            if cut && let Some(last) = rows.last_mut() {
                self.cut(meter, last, span.to);
            }
            return Ok(rows);
        };
        let mut by_start: BTreeMap<Timestamp, (Duration, BTreeMap<&MeterId, Interval>)> = BTreeMap::new();
        for input in formula.inputs() {
            for row in self.rows(input, span, cut)? {
                let (length, inputs) = by_start.entry(row.start).or_default();
                *length = row.length;
                inputs.insert(input, row.interval);
            }
        }
        let row = |(start, (length, inputs)): (Timestamp, (Duration, BTreeMap<&MeterId, Interval>))| {
            let interval = computed::energy(formula, |input| inputs.get(input).copied())?;
            Some(IntervalRow { start, length, interval })
        };
        Ok(by_start.into_iter().filter_map(row).collect())
    }

    /// Leaves of an interval what lies before `at`, as if it had flowed evenly. Where counting has not come further
    /// than that, all of it does.
    fn cut(&self, meter: &MeterId, row: &mut IntervalRow, at: Timestamp) {
        let end = self.grid.end(row.start).min(self.counted_until(meter).unwrap_or(Timestamp::MAX));
        if at >= end {
            return;
        }
        let (part, whole) = (between(row.start, at), between(row.start, end));
        let share = |amount: Decimal| {
            let milliseconds = |time: Duration| Decimal::from(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
            let product = amount.checked_mul(milliseconds(part))?;
            Some(product.checked_div(milliseconds(whole))?.trunc_with_scale(amount.scale().max(CUT_DECIMALS)))
        };
        let interval = &mut row.interval;
        interval.consumed = share(interval.consumed).unwrap_or(interval.consumed).normalize();
        interval.generated = share(interval.generated).unwrap_or(interval.generated).normalize();
        let lacking = whole.saturating_sub(interval.measured);
        interval.measured = part.saturating_sub(lacking.mul_f64(part.as_secs_f64() / whole.as_secs_f64()));
    }

    fn counted_until(&self, meter: &MeterId) -> Option<Timestamp> {
        let ledger = self.ledgers.get(meter)?;
        let of = |register: &crate::domain::energy::Register| {
            register.counter.held().or(register.counter.base()).map(|count| count.at)
        };
        let power = ledger.power.map(|(at, _)| at);
        [of(&ledger.consumed), of(&ledger.generated), power].into_iter().flatten().max()
    }

    /// A meter's local days from `from` to before `to` that have any data, in order.
    ///
    /// # Errors
    /// What the disk says.
    pub fn days(&self, meter: &MeterId, from: Date, to: Date) -> Result<BTreeMap<Date, Total>, StoreError> {
        let mut days = BTreeMap::new();
        if self.computed.formula(meter).is_none() {
            for sum in self.store.days(meter, from, to)? {
                let known = self.known_of_day(meter, &sum)?;
                days.insert(sum.date, Total::of_day(&sum, known));
            }
            return Ok(days);
        }
        let mut first = self.first_day(meter)?.map_or(to, |first| first.max(from));
        while first < to {
            let next = first.checked_add(DAYS_AT_ONCE.days()).unwrap_or(to).min(to);
            if let Some(span) = self.span(first, next) {
                let mut by_date: BTreeMap<Date, Vec<IntervalRow>> = BTreeMap::new();
                for row in self.rows(meter, span, false)? {
                    by_date.entry(row.start.to_zoned(self.zone.clone()).date()).or_default().push(row);
                }
                days.extend(by_date.into_iter().map(|(date, rows)| (date, self.total_of(meter, date, &rows))));
            }
            first = next;
        }
        Ok(days)
    }

    /// The first local day of which there is energy; of a virtual meter, that of any of its sources.
    fn first_day(&self, meter: &MeterId) -> Result<Option<Date>, StoreError> {
        let mut first = None;
        for source in self.computed.sources(meter) {
            let date = self.store.first_day(&source)?;
            first = first.into_iter().chain(date).min();
        }
        Ok(first)
    }

    fn span(&self, from: Date, to: Date) -> Option<Span> {
        Some(Span { from: midnight(from, &self.zone)?, to: midnight(to, &self.zone)? })
    }

    /// What is known of `meter` in a span; the interval that it ends in is cut there.
    ///
    /// # Errors
    /// What the disk says.
    pub fn total(&self, meter: &MeterId, span: Span) -> Result<Total, StoreError> {
        let date = |at: Timestamp| at.to_zoned(self.zone.clone()).date();
        let (first, last) = (date(span.from), date(span.to));
        let begins_a_day = midnight(first, &self.zone) == Some(span.from);
        let whole_from = if begins_a_day { first } else { first.checked_add(1.day()).unwrap_or(first) };
        if whole_from >= last {
            let rows = self.rows(meter, span, true)?;
            return Ok(self.total_of(meter, first, &rows));
        }
        let mut total = Total::default();
        let (Some(begin), Some(end)) = (midnight(whole_from, &self.zone), midnight(last, &self.zone)) else {
            return Ok(total);
        };
        for edge in [Span { from: span.from, to: begin }, Span { from: end, to: span.to }] {
            if edge.from < edge.to {
                total.add(&self.total_of(meter, first, &self.rows(meter, edge, true)?));
            }
        }
        self.days(meter, whole_from, last)?.values().for_each(|day| total.add(day));
        Ok(total)
    }

    fn total_of(&self, meter: &MeterId, date: Date, rows: &[IntervalRow]) -> Total {
        let known = rows.iter().map(|row| self.known(meter, row)).sum();
        Total { has_data: !rows.is_empty(), ..Total::of_day(&day_of_rows(date, rows), known) }
    }

    /// Of how much of an interval the energy is known. A gap that the register counted over is known, only not when it
    /// flowed; power that nobody read is not.
    fn known(&self, meter: &MeterId, row: &IntervalRow) -> Duration {
        if row.interval.estimated && !self.integrates_power(meter) { row.length } else { row.interval.measured }
    }

    fn known_of_day(&self, meter: &MeterId, sum: &DaySum) -> Result<Duration, StoreError> {
        let next = sum.date.checked_add(1.day()).unwrap_or(sum.date);
        let Some(span) = self.span(sum.date, next) else { return Ok(sum.measured) };
        if !sum.estimated || sum.measured >= between(span.from, span.to) || self.integrates_power(meter) {
            return Ok(sum.measured);
        }
        Ok(self.rows(meter, span, false)?.iter().map(|row| self.known(meter, row)).sum())
    }

    fn integrates_power(&self, meter: &MeterId) -> bool {
        self.computed.sources(meter).iter().any(|source| {
            let meter = self.site.meters.get(source);
            meter.is_some_and(|meter| recorder::sources(meter).contains(&Quantity::CurrentKw))
        })
    }

    /// How much may lack in a span that ends at `to`, for it to count as known whole.
    pub fn tolerance_at(&self, meter: &Meter, to: Timestamp, now: Timestamp) -> Duration {
        if to < now { TOLERANCE } else { self.tolerance(meter) }
    }

    /// How much may lack at the end of a span of which the end is now.
    pub fn tolerance(&self, meter: &Meter) -> Duration {
        let every = standing::interval(self.site, meter);
        TOLERANCE.max(every.map_or(TOLERANCE_WITHOUT_DEVICE, |every| every.saturating_mul(STALE_AFTER_INTERVALS)))
    }

    /// What was on the register of what is consumed when records began; of a sum of meters, on all of theirs.
    pub(super) fn first_count(&self, meter: &MeterId, at: Timestamp) -> Option<Decimal> {
        match self.computed.formula(meter) {
            Some(formula) if formula.is_plain_sum() => formula.evaluate_exact(|input| self.first_count(input, at)),
            Some(_) => None,
            None => {
                let first = self.ledgers.get(meter)?.consumed.first?;
                (first.at <= at).then_some(first.value)
            }
        }
    }

    /// When counting began.
    pub(super) fn began(&self, meter: &MeterId) -> Option<Timestamp> {
        let sources = self.computed.sources(meter);
        let first = |source| Some(self.ledgers.get(source)?.consumed.first?.at);
        sources.iter().filter_map(first).max()
    }
}

/// The time from one moment to a later one.
pub(super) fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
