//! Watches a site: from what changed, and from the time that passes, to observations on the desk (pure).
//!
//! One cause is one alarm. While a device does not answer, the alarms of its meters are neither raised nor ended: they
//! collapse under that of the device. Where a connection that several devices share is down, these collapse under it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};

use super::{AlarmKey, AlarmKind, Desk, Measured, Observation, Subject, limits};
use crate::domain::{
    ids::{DeviceId, MeterId},
    live::{ConnectionLive, DeviceLive, DeviceState, MeterLive, MeterState, Snapshot},
    reading::{STALE_AFTER_INTERVALS, State},
    record::Book,
    site::{Device, Meter, MeterStatus, Site},
    standing,
};

mod clock;
mod still;

pub use clock::ClockWatch;
use still::Stillness;

/// Quantities that the particulars of a stale meter name.
const MAX_NAMED: usize = 3;

/// How the store is doing, in words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoreCondition {
    /// Why nothing can be saved, where that is so.
    pub failing: Option<String>,
    /// What became of a damaged file, where one was found.
    pub damaged: Option<String>,
}

/// The watch over a site.
#[derive(Debug)]
pub struct Watch {
    /// Where the observations go.
    pub desk: Desk,
    site: Arc<Site>,
    zone: TimeZone,
    snapshot: Snapshot,
    meters_of: BTreeMap<DeviceId, Vec<MeterId>>,
    /// Connections that several devices share.
    shared: BTreeMap<String, Vec<DeviceId>>,
    down: BTreeSet<String>,
    /// When the next value of a device turns stale.
    stale_at: BTreeMap<DeviceId, Timestamp>,
    books: BTreeMap<MeterId, Book>,
    still: Stillness,
    /// How the wall clock jumped since the last tick.
    clock_jump: Option<String>,
    /// The day for which calibrations were looked at.
    looked_on: Option<Date>,
}

impl Watch {
    /// A watch over a site of which nothing is known yet, with a desk that may know something.
    pub fn new(site: Arc<Site>, zone: TimeZone, desk: Desk) -> Self {
        let mut meters_of: BTreeMap<DeviceId, Vec<MeterId>> = BTreeMap::new();
        for meter in site.meters.values() {
            if let Some(device) = &meter.device {
                meters_of.entry(device.clone()).or_default().push(meter.id.clone());
            }
        }
        let mut shared: BTreeMap<String, Vec<DeviceId>> = BTreeMap::new();
        for device in site.devices.values() {
            shared.entry(device.link.name()).or_default().push(device.id.clone());
        }
        shared.retain(|_, devices| devices.len() > 1);
        let (down, stale_at, snapshot) = (BTreeSet::new(), BTreeMap::new(), Snapshot::default());
        let (books, still, clock_jump) = (BTreeMap::new(), Stillness::default(), None);
        Self {
            desk,
            site,
            zone,
            snapshot,
            meters_of,
            shared,
            down,
            stale_at,
            books,
            still,
            clock_jump,
            looked_on: None,
        }
    }

    /// Takes over what technicians recorded; meters without records are as the site file says.
    pub fn set_books(&mut self, books: BTreeMap<MeterId, Book>) {
        if books != self.books {
            self.books = books;
            self.looked_on = None;
        }
    }

    /// Takes note that the wall clock jumped; the next tick tells.
    pub fn clock_jumped(&mut self, by: SignedDuration) {
        let direction = if by.is_negative() { "back" } else { "on" };
        self.clock_jump = Some(format!("CLOCK JUMPED {direction} by {:#}", by.abs()));
    }

    /// Takes in what changed since the last time, and that it is `now`.
    pub fn tick(&mut self, changes: Snapshot, store: &StoreCondition, now: Timestamp) {
        self.desk.end_shelving(now);
        let today = now.to_zoned(self.zone.clone()).date();
        let is_new_day = self.looked_on.replace(today) != Some(today);
        let mut devices: BTreeSet<DeviceId> = changes.devices.keys().cloned().collect();
        devices.extend(changes.meters.keys().filter_map(|id| self.site.meters.get(id)?.device.clone()));
        let mut computed: BTreeSet<MeterId> =
            changes.meters.keys().filter(|id| self.is_computed(id)).cloned().collect();
        self.snapshot.meters.extend(changes.meters);
        self.snapshot.devices.extend(changes.devices);
        self.snapshot.connections.extend(changes.connections);
        if is_new_day {
            self.forget_the_unknown(now);
            self.calibrations(today, now);
            devices.extend(self.site.devices.keys().cloned());
        }
        devices.extend(self.desk.pending().filter_map(|key| self.device_of(key)));
        computed.extend(self.desk.pending().filter_map(|key| self.computed_of(key)));
        devices.extend(self.stale_at.iter().filter(|(_, at)| **at < now).map(|(id, _)| id.clone()));
        devices.extend(self.connections(now));
        for id in &devices {
            self.device(id, now);
        }
        let site = Arc::clone(&self.site);
        for meter in computed.iter().filter_map(|id| site.meters.get(id)) {
            self.computed_meter(meter, now);
        }
        self.store(store, now);
        // It is over as it is told, and stays until somebody has seen it.
        let jump = self.clock_jump.take();
        let (key, holds) = (AlarmKey::site(AlarmKind::ClockDrift), Some(jump.is_some()));
        let detail = jump.unwrap_or_default();
        self.desk.observe(Observation { key, holds, measured: None, detail, out_of_service: false }, now);
    }

    /// The status of a meter, as last recorded.
    fn status(&self, meter: &Meter) -> MeterStatus {
        self.books.get(&meter.id).map_or(meter.status, |book| book.status)
    }

    fn is_watched(&self, meter: &Meter) -> bool {
        !matches!(self.status(meter), MeterStatus::Planned | MeterStatus::Decommissioned)
    }

    fn is_out_of_service(&self, meter: &Meter) -> bool {
        matches!(self.status(meter), MeterStatus::Offline | MeterStatus::Fault)
    }

    fn meters(&self, device: &DeviceId) -> Vec<&Meter> {
        let ids = self.meters_of.get(device).into_iter().flatten();
        ids.filter_map(|id| self.site.meters.get(id)).collect()
    }

    /// Whether a device is watched, and whether it is out of service: what its meters are. One without meters is in use.
    fn device_use(&self, device: &DeviceId) -> (bool, bool) {
        let meters = self.meters(device);
        let mut watched = meters.iter().filter(|meter| self.is_watched(meter)).peekable();
        let is_watched = meters.is_empty() || watched.peek().is_some();
        (is_watched, watched.peek().is_some() && watched.all(|meter| self.is_out_of_service(meter)))
    }

    fn device_of(&self, key: &AlarmKey) -> Option<DeviceId> {
        match &key.subject {
            Subject::Meter(id) => self.site.meters.get(id)?.device.clone(),
            Subject::Device(id) => Some(id.clone()),
            Subject::Connection(_) | Subject::Site => None,
        }
    }

    fn is_computed(&self, id: &MeterId) -> bool {
        self.site.meters.get(id).is_some_and(|meter| meter.formula.is_some())
    }

    fn computed_of(&self, key: &AlarmKey) -> Option<MeterId> {
        match &key.subject {
            Subject::Meter(id) if self.is_computed(id) => Some(id.clone()),
            _ => None,
        }
    }

    /// Ends alarms of what is no longer in the site file.
    fn forget_the_unknown(&mut self, now: Timestamp) {
        let is_known = |key: &&AlarmKey| match &key.subject {
            Subject::Meter(id) => self.site.meters.contains_key(id),
            Subject::Device(id) => self.site.devices.contains_key(id),
            Subject::Connection(name) => self.shared.contains_key(name),
            Subject::Site => true,
        };
        let unknown: Vec<AlarmKey> = self.desk.keys().filter(|key| !is_known(key)).cloned().collect();
        for key in &unknown {
            self.desk.end(key, now);
        }
    }

    fn calibrations(&mut self, today: Date, now: Timestamp) {
        let site = Arc::clone(&self.site);
        for meter in site.meters.values() {
            let key = AlarmKey::meter(AlarmKind::CalibrationDue, &meter.id);
            if !self.is_watched(meter) {
                self.desk.end(&key, now);
                continue;
            }
            let of_file = || Book::of(meter, &[], now);
            let book = self.books.get(&meter.id).cloned().unwrap_or_else(of_file);
            let due = book.maintenance.next_calibration_date;
            self.desk.observe(
                Observation {
                    key,
                    holds: Some(book.is_calibration_due(today)),
                    measured: None,
                    detail: due.map_or_else(String::new, |due| format!("since {due}")),
                    out_of_service: self.is_out_of_service(meter),
                },
                now,
            );
        }
    }

    /// Looks at the connections that several devices share; gives the devices of those that went down or came back.
    fn connections(&mut self, now: Timestamp) -> Vec<DeviceId> {
        let mut concerned = Vec::new();
        let seen: Vec<_> = self.shared.iter().map(|(name, devices)| self.connection(name, devices)).collect();
        for seen in seen {
            let Subject::Connection(name) = &seen.key.subject else { continue };
            let is_down = seen.holds == Some(true);
            if is_down != self.down.contains(name) {
                concerned.extend(self.shared.get(name).into_iter().flatten().cloned());
                if is_down {
                    self.down.insert(name.clone())
                } else {
                    self.down.remove(name)
                };
            }
            self.desk.observe(seen, now);
        }
        concerned
    }

    fn connection(&self, name: &str, devices: &[DeviceId]) -> Observation {
        let unknown = ConnectionLive::default();
        let live = self.snapshot.connections.get(name).unwrap_or(&unknown);
        let uses = devices.iter().map(|id| (id, self.device_use(id)));
        let watched: Vec<_> = uses.filter(|(_, (is_watched, _))| *is_watched).collect();
        let is_offline =
            |id: &DeviceId| self.snapshot.devices.get(id).is_some_and(|device| device.state == DeviceState::Offline);
        let is_down = !live.connected
            && live.fault.is_some()
            && !watched.is_empty()
            && watched.iter().all(|(id, _)| is_offline(id));
        Observation {
            key: AlarmKey::connection(name),
            holds: Some(is_down),
            measured: None,
            detail: live.fault.as_ref().map(ToString::to_string).unwrap_or_default(),
            out_of_service: !watched.is_empty() && watched.iter().all(|(_, (_, is_out))| *is_out),
        }
    }

    fn device(&mut self, id: &DeviceId, now: Timestamp) {
        let site = Arc::clone(&self.site);
        let Some(device) = site.devices.get(id) else { return };
        let unknown = DeviceLive::default();
        let live = self.snapshot.devices.get(id).unwrap_or(&unknown);
        let is_offline = live.state == DeviceState::Offline;
        let (is_watched, out_of_service) = self.device_use(id);
        let key = AlarmKey::device(id);
        let seen = Observation {
            key: key.clone(),
            holds: (live.state != DeviceState::Waiting).then_some(is_offline),
            measured: None,
            detail: live.last_fault.as_ref().map(|(_, fault)| fault.to_string()).unwrap_or_default(),
            out_of_service,
        };
        let link = Some(device.link.name()).filter(|name| is_offline && self.down.contains(name));
        let over = link.map(|name| AlarmKey::connection(&name));
        match &over {
            _ if !is_watched => self.desk.end(&key, now),
            Some(connection) => self.desk.collapse(&key, connection, now),
            None => self.desk.observe(seen, now),
        }
        let cause = is_offline.then(|| over.unwrap_or(key));
        self.stale_at.remove(id);
        for meter in self.meters_of.get(id).cloned().into_iter().flatten() {
            if let Some(meter) = site.meters.get(&meter) {
                self.meter(meter, device, cause.as_ref(), now);
            }
        }
    }

    fn meter(&mut self, meter: &Meter, device: &Device, cause: Option<&AlarmKey>, now: Timestamp) {
        let kinds = AlarmKind::ALL.iter().copied().filter(|kind| super::follows_from_offline(*kind));
        let keys = kinds.map(|kind| AlarmKey::meter(kind, &meter.id));
        if !self.is_watched(meter) {
            self.still.forget(&meter.id);
            return keys.for_each(|key| self.desk.end(&key, now));
        }
        if let Some(cause) = cause {
            self.still.forget(&meter.id);
            return keys.for_each(|key| self.desk.collapse(&key, cause, now));
        }
        let Some(live) = self.snapshot.meters.get(&meter.id).filter(|live| live.state != MeterState::Waiting) else {
            return;
        };
        if let Some(at) = next_stale(live, now, device.every) {
            let first = self.stale_at.get(&device.id).map_or(at, |known| at.min(*known));
            self.stale_at.insert(device.id.clone(), first);
        }
        let out_of_service = self.is_out_of_service(meter);
        let mut seen = thresholds(&self.desk, meter, live, now, device.every);
        seen.push(stale(AlarmKey::meter(AlarmKind::ValueStale, &meter.id), live, now, device.every));
        seen.push(self.still.observe(meter, live, now));
        // A threshold that was taken out of the site file has no alarm any more.
        let unset: Vec<AlarmKey> = keys.filter(|key| seen.iter().all(|seen| seen.key != *key)).collect();
        for key in &unset {
            self.desk.end(key, now);
        }
        for seen in seen {
            self.desk.observe(Observation { out_of_service, ..seen }, now);
        }
    }

    /// A virtual meter: of its inputs that are stale or silent, their own alarms tell.
    fn computed_meter(&mut self, meter: &Meter, now: Timestamp) {
        let Some(live) = self.snapshot.meters.get(&meter.id) else { return };
        let every = standing::interval(&self.site, meter).unwrap_or_default();
        let seen = thresholds(&self.desk, meter, live, now, every);
        let (is_watched, out_of_service) = (self.is_watched(meter), self.is_out_of_service(meter));
        for seen in seen {
            if is_watched {
                self.desk.observe(Observation { out_of_service, ..seen }, now);
            } else {
                self.desk.end(&seen.key, now);
            }
        }
    }

    fn store(&mut self, store: &StoreCondition, now: Timestamp) {
        for (kind, what) in [(AlarmKind::StoreFailed, &store.failing), (AlarmKind::StoreDamaged, &store.damaged)] {
            let (holds, detail) = (Some(what.is_some()), what.clone().unwrap_or_default());
            let key = AlarmKey::site(kind);
            self.desk.observe(Observation { key, holds, measured: None, detail, out_of_service: false }, now);
        }
    }
}

/// What a meter's values say to its thresholds: one observation for each kind that it has a threshold of, about the
/// value that is furthest beyond.
fn thresholds(desk: &Desk, meter: &Meter, live: &MeterLive, now: Timestamp, every: Duration) -> Vec<Observation> {
    let mut found: Vec<Observation> = Vec::new();
    let comparisons = limits::comparisons(meter, live, now, every);
    for of_kind in comparisons.chunk_by(|one, other| one.kind == other.kind) {
        let Some(first) = of_kind.first() else { continue };
        let key = AlarmKey::meter(first.kind, &meter.id);
        let active = desk.is_active(&key);
        let holds: Vec<Option<bool>> = of_kind.iter().map(|comparison| comparison.holds(active)).collect();
        let holds = if holds.contains(&Some(true)) {
            Some(true)
        } else if holds.contains(&None) {
            None
        } else {
            Some(false)
        };
        let excess = |comparison: &&limits::Comparison| comparison.excess().unwrap_or(f64::NEG_INFINITY);
        let worst = of_kind.iter().max_by(|one, other| excess(one).total_cmp(&excess(other)));
        let measured = worst.and_then(|worst| {
            let (quantity, threshold) = (worst.quantity.clone(), worst.threshold);
            Some(Measured { quantity, value: worst.value?, threshold })
        });
        found.push(Observation { key, holds, measured, detail: String::new(), out_of_service: false });
    }
    found
}

fn stale(key: AlarmKey, live: &MeterLive, now: Timestamp, every: Duration) -> Observation {
    let is_stale = standing::is_stale(live, now, every);
    let detail = if is_stale { names_of_stale(live, now, every) } else { String::new() };
    Observation { key, holds: Some(is_stale), measured: None, detail, out_of_service: false }
}

fn names_of_stale(live: &MeterLive, now: Timestamp, every: Duration) -> String {
    let is_stale = |reading: &crate::domain::reading::Reading| reading.state_at(now, every) == State::Stale;
    let stale = live.readings.iter().filter(|(_, reading)| is_stale(reading)).map(|(quantity, _)| quantity.label());
    let names: Vec<&str> = stale.collect();
    let more = names.len().saturating_sub(MAX_NAMED);
    let first = names.iter().take(MAX_NAMED).copied().collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{first} and {more} more") } else { first }
}

/// When the next value of a meter turns stale that is not yet.
fn next_stale(live: &MeterLive, now: Timestamp, every: Duration) -> Option<Timestamp> {
    let after = SignedDuration::try_from(every.saturating_mul(STALE_AFTER_INTERVALS)).ok()?;
    let oldest = now.checked_sub(after).ok()?;
    let oldest = live.readings.values().map(|reading| reading.at).filter(|at| *at >= oldest).min()?;
    oldest.checked_add(after).ok()
}
