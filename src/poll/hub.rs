//! The latest of everything: workers write, clients read, and neither waits for the other.
//!
//! Each device with its meters has a lock of its own, held only to copy. Every write gets the next number of one
//! counter, so that a client asks for what changed since the number it saw last: a slow one gets the latest, nothing
//! piles up, and where nobody subscribed a write wakes nobody.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use jiff::Timestamp;
use tokio::sync::watch;

use super::{
    tap::Tap,
    trend::{Trends, steps_of_each},
};
use crate::domain::{
    computed::Input,
    ids::{DeviceId, MeterId},
    live::{ConnectionLive, DeviceLive, MeterLive, Snapshot, Statuses, Trend},
    quantity::Quantity,
    site::Site,
};

mod computed;

use computed::ComputedMeters;

/// What the poller knows now.
#[derive(Debug)]
pub struct Hub {
    devices: Vec<Mutex<DeviceEntry>>,
    device_places: HashMap<DeviceId, usize>,
    /// Device and place within it of each meter that has a device.
    meter_places: HashMap<MeterId, (usize, usize)>,
    /// Meters without a device and without a formula: nothing ever changes here.
    unread: Vec<MeterId>,
    /// Meters that follow from others, computed when they are asked for.
    computed: ComputedMeters,
    connections: Vec<Mutex<ConnectionEntry>>,
    /// What technicians recorded, and the version of that.
    statuses: Mutex<(u64, Statuses)>,
    version: AtomicU64,
    changed: watch::Sender<()>,
    tap: Arc<OnceLock<Arc<Tap>>>,
}

/// A device and its meters.
#[derive(Debug)]
pub struct DeviceEntry {
    id: DeviceId,
    version: u64,
    /// The device.
    pub live: DeviceLive,
    /// Its meters, in order of id.
    pub meters: Vec<MeterEntry>,
    /// Where what is read goes to be kept, where anything is.
    tap: Arc<OnceLock<Arc<Tap>>>,
}

/// A meter of a device.
#[derive(Debug)]
pub struct MeterEntry {
    id: MeterId,
    /// The meter.
    pub live: MeterLive,
    /// Its last minutes.
    pub trends: Trends,
}

#[derive(Debug)]
struct ConnectionEntry {
    name: String,
    version: u64,
    live: ConnectionLive,
}

/// What changed.
#[derive(Debug, Default)]
pub struct Changes {
    /// Up to here: what to ask with the next time.
    pub version: u64,
    /// The new state of what changed; its statuses are all there are.
    pub snapshot: Snapshot,
    /// The statuses changed.
    pub has_new_statuses: bool,
}

impl Changes {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        let Snapshot { meters, devices, connections, .. } = &self.snapshot;
        meters.is_empty() && devices.is_empty() && connections.is_empty() && !self.has_new_statuses
    }
}

impl Hub {
    /// A hub for a site of which nothing is known yet. `connections` are the links' names with the devices on them.
    pub fn new(site: &Site, connections: &[(String, Vec<DeviceId>)]) -> Self {
        let series = site.meters.values().map(|meter| meter.registers.len()).sum();
        let steps = steps_of_each(series);
        let mut meters_of: BTreeMap<&DeviceId, Vec<MeterEntry>> = BTreeMap::new();
        let mut unread = Vec::new();
        for meter in site.meters.values() {
            let entry = MeterEntry { id: meter.id.clone(), live: MeterLive::default(), trends: Trends::new(steps) };
            match meter.device.as_ref().filter(|id| site.devices.contains_key(*id)) {
                Some(device) => meters_of.entry(device).or_default().push(entry),
                None if meter.formula.is_some() => {}
                None => unread.push(entry.id),
            }
        }
        let mut hub = Self {
            devices: Vec::with_capacity(site.devices.len()),
            device_places: HashMap::new(),
            meter_places: HashMap::new(),
            unread,
            computed: ComputedMeters::new(site),
            connections: connections.iter().map(|(name, devices)| ConnectionEntry::new(name, devices)).collect(),
            statuses: Mutex::default(),
            version: AtomicU64::new(1),
            changed: watch::Sender::new(()),
            tap: Arc::default(),
        };
        for (place, id) in site.devices.keys().enumerate() {
            let meters = meters_of.remove(id).unwrap_or_default();
            for (within, meter) in meters.iter().enumerate() {
                hub.meter_places.insert(meter.id.clone(), (place, within));
            }
            hub.device_places.insert(id.clone(), place);
            hub.devices.push(Mutex::new(DeviceEntry {
                id: id.clone(),
                version: 1,
                live: DeviceLive::default(),
                meters,
                tap: Arc::clone(&hub.tap),
            }));
        }
        hub
    }

    /// From now on, everything that is read goes to `tap` too. The first one stays.
    pub fn keep(&self, tap: Arc<Tap>) {
        let _ = self.tap.set(tap);
    }

    /// Where everything that is read goes to, if anywhere.
    pub fn tap(&self) -> Option<Arc<Tap>> {
        self.tap.get().cloned()
    }

    /// Takes over what an earlier hub knows of devices that are the same, and of their meters.
    pub fn carry_over(&self, earlier: &Self, is_same: impl Fn(&DeviceId) -> bool) {
        if let Some(tap) = earlier.tap() {
            self.keep(tap);
        }
        for entry in &self.devices {
            let mut entry = lock(entry);
            let found = earlier.device_place(&entry.id).filter(|_| is_same(&entry.id));
            let Some(known) = found.and_then(|place| earlier.devices.get(place)) else { continue };
            let known = lock(known);
            entry.live = known.live.clone();
            for meter in &mut entry.meters {
                if let Some(known) = known.meters.iter().find(|known| known.id == meter.id) {
                    (meter.live, meter.trends) = (known.live.clone(), known.trends.clone());
                }
            }
        }
    }

    /// Where a device is; for the calls below.
    pub fn device_place(&self, id: &DeviceId) -> Option<usize> {
        self.device_places.get(id).copied()
    }

    /// Changes a device and its meters in one step that no reader sees half of.
    pub fn update_device(&self, place: usize, change: impl FnOnce(&mut DeviceEntry)) {
        if let Some(entry) = self.devices.get(place) {
            let mut entry = lock(entry);
            change(&mut entry);
            entry.version = self.next_version();
        }
        self.wake();
    }

    /// Changes a connection; numbered as they were given to [`Hub::new`].
    pub fn update_connection(&self, place: usize, change: impl FnOnce(&mut ConnectionLive)) {
        if let Some(entry) = self.connections.get(place) {
            let mut entry = lock(entry);
            change(&mut entry.live);
            entry.version = self.next_version();
        }
        self.wake();
    }

    /// Takes over the statuses that technicians recorded.
    pub fn set_statuses(&self, statuses: Statuses) {
        {
            let mut known = lock(&self.statuses);
            if known.1 == statuses {
                return;
            }
            *known = (self.next_version(), statuses);
        }
        self.wake();
    }

    /// A device as it is now.
    pub fn device(&self, id: &DeviceId) -> Option<DeviceLive> {
        Some(lock(self.devices.get(self.device_place(id)?)?).live.clone())
    }

    /// The last minutes of a quantity; `None` where there is no such meter.
    pub fn trend(&self, meter: &MeterId, quantity: &Quantity, steps: u16, now: Timestamp) -> Option<Trend> {
        if let Some((device, within)) = self.meter_places.get(meter) {
            let entry = lock(self.devices.get(*device)?);
            return Some(entry.meters.get(*within)?.trends.trend(quantity, steps, now));
        }
        if self.computed.contains(meter) {
            return Some(self.computed.trend(self, meter, quantity, steps, now));
        }
        self.unread.contains(meter).then(|| Trends::default().trend(quantity, steps, now))
    }

    /// All there is.
    pub fn snapshot(&self) -> Snapshot {
        self.changes_since(0).snapshot
    }

    /// What was written after `version`; after 0 everything.
    pub fn changes_since(&self, version: u64) -> Changes {
        // A write takes its number while it holds its lock: what has a number up to this one is seen below.
        let mut changes = Changes { version: self.version.load(Ordering::Acquire), ..Changes::default() };
        {
            let known = lock(&self.statuses);
            changes.has_new_statuses = known.0 > version;
            changes.snapshot.statuses = known.1.clone();
        }
        let Snapshot { meters, devices, connections, .. } = &mut changes.snapshot;
        for entry in &self.devices {
            let entry = lock(entry);
            if entry.version > version {
                devices.insert(entry.id.clone(), entry.live.clone());
                meters.extend(entry.meters.iter().map(|meter| (meter.id.clone(), meter.live.clone())));
            }
        }
        for entry in &self.connections {
            let entry = lock(entry);
            if entry.version > version {
                connections.insert(entry.name.clone(), entry.live.clone());
            }
        }
        meters.extend(self.computed.changes_since(self, version));
        if version == 0 {
            meters.extend(self.unread.iter().map(|id| (id.clone(), MeterLive::default())));
        }
        changes
    }

    /// Wakes when something was written; many writes wake once.
    pub fn subscribe(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// What a meter with a device brings into a formula, and the version of that.
    fn input(&self, meter: &MeterId) -> Option<(u64, Input)> {
        let (device, within) = self.meter_places.get(meter)?;
        let entry = lock(self.devices.get(*device)?);
        Some((entry.version, Input::of(&entry.meters.get(*within)?.live)))
    }

    fn next_version(&self) -> u64 {
        self.version.fetch_add(1, Ordering::AcqRel) + 1
    }

    fn wake(&self) {
        if self.changed.receiver_count() > 0 {
            self.changed.send_replace(());
        }
    }
}

impl DeviceEntry {
    /// Where what is read goes to be kept.
    pub fn tap(&self) -> Option<Arc<Tap>> {
        self.tap.get().cloned()
    }
}

impl MeterEntry {
    /// Which meter.
    pub fn id(&self) -> &MeterId {
        &self.id
    }
}

impl ConnectionEntry {
    fn new(name: &str, devices: &[DeviceId]) -> Mutex<Self> {
        let live = ConnectionLive { devices: devices.to_vec(), ..ConnectionLive::default() };
        Mutex::new(Self { name: name.to_owned(), version: 1, live })
    }
}

/// A lock that a panic elsewhere does not spoil: what it guards is whole after every step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
