//! The latest of everything: what the poller knows now, as its clients see it.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    fault::{Fault, FaultKind},
    ids::{DeviceId, MeterId},
    quantity::Quantity,
    readings::Readings,
    site::{Meter, MeterStatus},
};

/// The latest of all meters, devices and connections.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// By meter; each meter of the site is there.
    pub meters: BTreeMap<MeterId, MeterLive>,
    /// By device; each device of the site is there.
    pub devices: BTreeMap<DeviceId, DeviceLive>,
    /// By the link's name; each connection is there.
    pub connections: BTreeMap<String, ConnectionLive>,
    /// The statuses that technicians recorded, and that hold instead of the site file's.
    #[serde(default)]
    pub statuses: Statuses,
}

/// Statuses of meters that are other than the site file says: technicians recorded them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statuses(pub BTreeMap<MeterId, MeterStatus>);

impl Statuses {
    /// The status of a meter: as recorded, else as configured.
    pub fn of(&self, meter: &Meter) -> MeterStatus {
        self.0.get(&meter.id).copied().unwrap_or(meter.status)
    }

    /// Whether a meter is in use: neither planned nor decommissioned.
    pub fn is_in_use(&self, meter: &Meter) -> bool {
        !matches!(self.of(meter), MeterStatus::Planned | MeterStatus::Decommissioned)
    }
}

/// How a meter is doing as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MeterState {
    /// Its device answered the last poll.
    Ok,
    /// Not polled yet, or never to be: a meter read by hand, a planned one.
    #[default]
    Waiting,
    /// The device is there, and some or all of its registers cannot be read.
    Error,
    /// The device does not answer.
    Offline,
}

/// The latest of one meter.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct MeterLive {
    /// How it is doing.
    pub state: MeterState,
    /// What is wrong, in words.
    pub fault: Option<Fault>,
    /// When its device last answered.
    pub at: Option<Timestamp>,
    /// The last reading of each quantity, kept (with its time) when later polls fail.
    pub readings: Readings,
}

impl MeterLive {
    /// The value of a quantity where there is one.
    pub fn value(&self, quantity: &Quantity) -> Option<f64> {
        self.readings.get(quantity)?.value
    }
}

/// How a device is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceState {
    /// It answers in time.
    Ok,
    /// Not asked yet.
    #[default]
    Waiting,
    /// It answers, but takes most of its deadline, or misses polls.
    Slow,
    /// It answers, and refuses some or all of what is asked.
    Error,
    /// It does not answer; it is probed at growing distances.
    Offline,
}

/// The latest of one device.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct DeviceLive {
    /// How it is doing.
    pub state: DeviceState,
    /// Since when it is offline.
    pub offline_since: Option<Timestamp>,
    /// When it last answered.
    pub last_answer: Option<Timestamp>,
    /// The last fault, and when; kept until something else goes wrong.
    pub last_fault: Option<(Timestamp, Fault)>,
    /// Usual time from request to answer (a moving mean).
    pub round_trip: Option<Duration>,
    /// Requests of one poll, as planned now.
    pub requests_per_poll: u32,
    /// Requests sent.
    pub requests: u64,
    /// Polls that were due while an earlier one was still going on: skipped.
    pub skipped: u64,
    /// Faults by kind.
    pub faults: BTreeMap<FaultKind, u64>,
    /// While it is offline: when it is probed next.
    pub next_probe: Option<Timestamp>,
    /// What was learned about it: "refuses 3100 to 3109, read around it".
    pub notes: Vec<String>,
}

/// The latest of one connection.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ConnectionLive {
    /// Whether it stands.
    pub connected: bool,
    /// The devices on it.
    pub devices: Vec<DeviceId>,
    /// How often it was set up.
    pub connects: u64,
    /// Share of time in which a request was under way, 0 to 1, over about the last minute.
    pub busy: f64,
    /// What is wrong with the connection itself.
    pub fault: Option<Fault>,
}

/// A short series for sparklines: equal steps, oldest first, `None` where nothing was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trend {
    /// Length of one step.
    pub step: Duration,
    /// End of the newest step.
    pub end: Timestamp,
    /// Means of the steps, in the quantity's own unit.
    pub values: Vec<Option<f64>>,
}
