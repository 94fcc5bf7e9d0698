//! Energy of all meters: counted as samples come, booked once a minute, found again after a restart.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::{Timestamp, tz::TimeZone};
use rust_decimal::{Decimal, prelude::FromPrimitive as _};

use super::rebuild;
use crate::{
    domain::{
        counter::{Count, Incident, Limits, SerialWatch},
        energy::{Booking, Ledger, Rules},
        ids::MeterId,
        interval::{Direction, Grid, Interval},
        quantity::Quantity,
        reading::{STALE_AFTER_INTERVALS, State},
        record,
        sample::{Decimals, Point},
        site::{Meter, MeterType, Site},
    },
    store::{Sample, SeriesKey, Store, StoreError, energy::MeterBooking},
};

/// Of a meter without a device, counts come by hand or by import: so far apart they still leave no gap.
const GAP_WITHOUT_DEVICE: Duration = Duration::from_hours(1);

/// Energy of all meters.
pub(super) struct Energy {
    grid: Grid,
    zone: TimeZone,
    meters: HashMap<MeterId, Account>,
    /// Meters that were swapped, to be recorded.
    swaps: Vec<(MeterId, (Timestamp, i64))>,
    /// Held by who changes history, from the mark to the change.
    counting: Arc<Mutex<()>>,
}

/// One meter.
pub(super) struct Account {
    meter: MeterId,
    pub(super) rules: Rules,
    pub(super) sources: Vec<Quantity>,
    pub(super) ledger: Ledger,
    /// From when on the meter is another physical one, in order.
    pub(super) swaps: Vec<Timestamp>,
    /// What the device says that it is.
    serial: SerialWatch,
    intervals: BTreeMap<Timestamp, Interval>,
    incidents: Vec<(Quantity, Incident)>,
    changed: bool,
}

/// The quantities that a meter's energy is counted from: its energy registers, else its power.
pub fn sources(meter: &Meter) -> Vec<Quantity> {
    if meter.meter_type == Some(MeterType::Virtual) || meter.formula.is_some() {
        return Vec::new();
    }
    let has = |quantity: &Quantity| meter.registers.iter().any(|register| register.quantity == *quantity);
    let registers: Vec<Quantity> =
        [Quantity::KwhLifetime, Quantity::KwhExportLifetime].into_iter().filter(|quantity| has(quantity)).collect();
    let has_power = !meter.registers.is_empty();
    match (registers.is_empty(), has_power) {
        (false, _) => registers,
        (true, true) => vec![Quantity::CurrentKw],
        // Read by hand or by import.
        (true, false) => vec![Quantity::KwhLifetime, Quantity::KwhExportLifetime],
    }
}

impl Energy {
    /// Goes on where the store says, with the samples that came after that.
    pub(super) fn new(site: &Site, store: &Store, counting: Arc<Mutex<()>>) -> Result<Self, StoreError> {
        let zone = TimeZone::get(&site.time_zone).unwrap_or(TimeZone::UTC);
        let grid = Grid::new(site.demand_interval, &zone);
        let mut ledgers = store.ledgers()?;
        let meters = site.meters.values().map(|meter| {
            let ledger = ledgers.remove(&meter.id).unwrap_or_default();
            (meter.id.clone(), Account::new(site, meter, &grid, ledger))
        });
        let mut energy = Self { meters: meters.collect(), grid, zone, swaps: Vec::new(), counting };
        let records = store.all_records()?;
        let serials: HashMap<SeriesKey, Point> = store.newest().into_iter().collect();
        for (meter, account) in &mut energy.meters {
            account.swaps = records.get(meter).map(|records| record::swaps(records)).unwrap_or_default();
            let serial = store.catalogue().find(meter, &Quantity::SerialNumber).and_then(|info| serials.get(&info.key));
            account.serial = SerialWatch::new(serial.and_then(|point| point.number));
            rebuild::catch_up(store, meter, account)?;
        }
        // An import that was cut off left its marks.
        energy.book(store)?;
        energy.count_marked_anew(store)?;
        Ok(energy)
    }

    /// Held between the mark of a change of history and the change.
    pub(super) fn counting(&self) -> Arc<Mutex<()>> {
        Arc::clone(&self.counting)
    }

    /// Counts the energy anew that was marked so. What was counted before must be booked.
    pub(super) fn count_marked_anew(&mut self, store: &Store) -> Result<(), StoreError> {
        let counting = Arc::clone(&self.counting);
        let _held = counting.lock().unwrap_or_else(PoisonError::into_inner);
        let marked = store.marked_anew()?;
        marked.iter().try_for_each(|(meter, from)| self.count_anew(store, meter, *from))
    }

    /// Takes a sample of a meter.
    pub(super) fn take(&mut self, meter: &MeterId, quantity: &Quantity, sample: &Sample) {
        let Some(account) = self.meters.get_mut(meter) else { return };
        let point = Point { at_ms: sample.at_ms, number: sample.number, state: sample.state };
        if account.sources.contains(quantity) {
            account.take(quantity, &point, sample.decimals);
        } else if *quantity == Quantity::SerialNumber {
            self.swaps.extend(account.serial(&point).map(|swap| (meter.clone(), swap)));
        }
    }

    /// The meters of which another one was found in their place: from when on, and its serial number.
    pub(super) fn take_swaps(&mut self) -> Vec<(MeterId, (Timestamp, i64))> {
        std::mem::take(&mut self.swaps)
    }

    /// Books what was counted since the last time.
    pub(super) fn book(&mut self, store: &Store) -> Result<(), StoreError> {
        let bookings: Vec<MeterBooking> = self
            .meters
            .iter_mut()
            .filter(|(_, account)| account.changed)
            .map(|(meter, account)| account.booking(meter, None))
            .collect();
        if bookings.is_empty() {
            return Ok(());
        }
        let result = store.book(bookings.clone(), self.grid.clone(), self.zone.clone());
        if result.is_err() {
            // Nothing was booked: it goes with the next.
            for booking in bookings {
                if let Some(account) = self.meters.get_mut(&booking.meter) {
                    account.put_back(booking);
                }
            }
        }
        result
    }

    fn count_anew(&mut self, store: &Store, meter: &MeterId, from: Timestamp) -> Result<(), StoreError> {
        let Some(account) = self.meters.get_mut(meter) else { return Ok(()) };
        account.swaps = record::swaps(&store.records(meter)?);
        let before = account.ledger.clone();
        let result = rebuild::count_anew(store, meter, account, from).and_then(|anew_from| {
            if anew_from.is_none() {
                return store.unmark_anew(meter);
            }
            let booking = account.booking(meter, anew_from);
            store.book(vec![booking], self.grid.clone(), self.zone.clone())
        });
        if result.is_err() {
            account.ledger = before;
            account.forget();
        }
        result
    }
}

impl Account {
    fn new(site: &Site, meter: &Meter, grid: &Grid, ledger: Ledger) -> Self {
        let sources = sources(meter);
        let every = meter.device.as_ref().and_then(|device| site.devices.get(device)).map(|device| device.every);
        let modulus = |quantity: &Quantity| {
            let register = meter.registers.iter().find(|register| register.quantity == *quantity)?;
            Decimal::from_f64(register.modulus?)
        };
        let per_hour = meter.rated_capacity_kw.and_then(Decimal::from_f64);
        let rules = Rules {
            consumed: Limits { modulus: modulus(&Quantity::KwhLifetime), per_hour },
            generated: Limits { modulus: modulus(&Quantity::KwhExportLifetime), per_hour },
            grid: grid.clone(),
            gap: every.map_or(GAP_WITHOUT_DEVICE, |every| every.saturating_mul(STALE_AFTER_INTERVALS)),
            integrates_power: sources.contains(&Quantity::CurrentKw),
        };
        let (intervals, incidents) = (BTreeMap::new(), Vec::new());
        let meter = meter.id.clone();
        let (swaps, serial) = (Vec::new(), SerialWatch::default());
        Self { meter, rules, sources, ledger, swaps, serial, intervals, incidents, changed: false }
    }

    /// Takes the serial number that the device reports; from when on it is another meter's.
    fn serial(&mut self, point: &Point) -> Option<(Timestamp, i64)> {
        let number = point.number.filter(|_| point.state < State::Bad)?;
        let at = self.serial.take(number, Timestamp::from_millisecond(point.at_ms).ok()?)?;
        Some((at, number))
    }

    /// Takes a sample of one of the sources.
    pub(super) fn take(&mut self, quantity: &Quantity, point: &Point, decimals: Decimals) {
        self.take_from(quantity, point, decimals, None);
    }

    /// The same, of which only what lies from a time on is booked.
    pub(super) fn take_after(&mut self, quantity: &Quantity, point: &Point, decimals: Decimals, from: Timestamp) {
        self.take_from(quantity, point, decimals, Some(from));
    }

    fn take_from(&mut self, quantity: &Quantity, point: &Point, decimals: Decimals, from: Option<Timestamp>) {
        let Ok(at) = Timestamp::from_millisecond(point.at_ms) else { return };
        let value = point.number.filter(|_| point.state < State::Bad);
        let value = value.map(|number| Decimal::new(number, u32::from(decimals.count())));
        let booking = match (quantity, value) {
            (Quantity::CurrentKw, value) => self.ledger.power(at, value, &self.rules),
            (_, None) => return,
            (_, Some(value)) => {
                let swaps = self.swaps.partition_point(|swap| *swap <= at);
                let count = Count { at, value, epoch: u32::try_from(swaps).unwrap_or(u32::MAX) };
                let is_generated = *quantity == Quantity::KwhExportLifetime;
                let direction = if is_generated { Direction::Generated } else { Direction::Consumed };
                self.ledger.count(direction, count, &self.rules)
            }
        };
        self.add(booking, from);
    }

    /// Adds what was counted; with `from` only what lies after it.
    fn add(&mut self, booking: Booking, from: Option<Timestamp>) {
        let meter = &self.meter;
        self.changed = true;
        let only_generates = !self.sources.contains(&Quantity::KwhLifetime) && !self.rules.integrates_power;
        for (direction, share) in booking.shares {
            if from.is_some_and(|from| share.start < from) {
                continue;
            }
            let counts_time = self.rules.integrates_power || (direction == Direction::Generated) == only_generates;
            self.intervals.entry(share.start).or_default().add(&share, direction, counts_time);
        }
        for (quantity, incident) in booking.incidents {
            if from.is_none_or(|from| incident.at >= from) {
                tracing::warn!(
                    "{meter}: {} {}: {} -> {}",
                    quantity.label(),
                    incident.kind.word(),
                    incident.before,
                    incident.after
                );
                self.incidents.push((quantity, incident));
            }
        }
    }

    /// Forgets what was counted and not booked.
    pub(super) fn forget(&mut self) {
        self.intervals.clear();
        self.incidents.clear();
        self.changed = false;
    }

    fn booking(&mut self, meter: &MeterId, anew_from: Option<Timestamp>) -> MeterBooking {
        self.changed = false;
        MeterBooking {
            meter: meter.clone(),
            intervals: std::mem::take(&mut self.intervals),
            incidents: std::mem::take(&mut self.incidents),
            ledger: self.ledger.clone(),
            anew_from,
        }
    }

    fn put_back(&mut self, booking: MeterBooking) {
        self.changed = true;
        for (start, interval) in booking.intervals {
            self.intervals.entry(start).or_default().merge(&interval);
        }
        self.incidents.extend(booking.incidents);
    }
}
