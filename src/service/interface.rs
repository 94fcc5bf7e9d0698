//! What travels between the service and its clients: plain data, versioned.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

pub mod dispatch;
pub mod duplicates;
pub mod storage;

use duplicates::{DuplicatesRequest, DuplicatesResponse};

use super::roles::Role;
use crate::domain::{
    alarm::AlarmLine,
    audit::{Change, Verified},
    calendar::Span,
    chart::Chart,
    ids::{DeviceId, MeterId, PlaceId},
    live::{ConnectionLive, DeviceLive, MeterLive, Snapshot, Statuses, Trend},
    powermeter::PowerMeter,
    pue,
    quantity::Quantity,
    reading::State,
    record::{Entry, Record},
    site::Site,
    unit::Unit,
};

/// The version of this interface; a client of another one is refused with a clear message.
pub const INTERFACE_VERSION: u32 = 1;

/// What a client asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case")]
pub enum Request {
    /// First of all: who is there, and in which version.
    Hello {
        /// The client's [`INTERFACE_VERSION`].
        version: u32,
    },
    /// The site as configured.
    Site,
    /// The latest of everything.
    Snapshot,
    /// From now on, changes as events; the first events hold everything there is.
    Subscribe,
    /// Read every device once, now, and answer when all are done.
    PollOnce,
    /// Ask a device now, whatever its back-off.
    Probe {
        /// Which.
        device: DeviceId,
    },
    /// The last minutes of a quantity.
    Trend {
        /// Of which meter.
        meter: MeterId,
        /// Of which quantity.
        quantity: Quantity,
        /// Number of steps wanted, at most [`MAX_TREND_STEPS`].
        steps: u16,
    },
    /// The last lines of the log after a sequence number.
    Log {
        /// 0 for all that is kept.
        after: u64,
    },
    /// Meters as POWERMETER entities: readings, consumption and records included.
    Meters {
        /// One of them; without it all.
        id: Option<MeterId>,
        /// As they stood at this moment; without it as they are now.
        at: Option<Timestamp>,
    },
    /// Adds a technician's record to a meter's book. Who writes it, the service knows.
    Record {
        /// Of which meter.
        meter: MeterId,
        /// What it says.
        entry: Entry,
        /// Keep a reading that is not plausible; the record says so.
        force: bool,
    },
    /// A meter's book.
    Records {
        /// Of which meter.
        meter: MeterId,
    },
    /// The PUE of the site or of a building.
    Pue {
        /// Which building; without it the whole site.
        building: Option<PlaceId>,
        /// Over which time; without it as it is now, by power.
        span: Option<Span>,
    },
    /// The alarms that are not normal.
    Alarms,
    /// How keeping goes: what waits for the disk, what was turned away.
    Storage,
    /// Somebody knows of an alarm. Who, the service knows.
    Acknowledge {
        /// Which, as text: `kind:subject`.
        id: String,
        /// What they say about it; may be empty.
        note: String,
    },
    /// Puts an alarm away.
    Shelve {
        /// Which, as text.
        id: String,
        /// Until when; 31 days at most.
        until: Timestamp,
        /// Why.
        note: String,
    },
    /// Brings back an alarm that was put away.
    Unshelve {
        /// Which, as text.
        id: String,
    },
    /// The stored samples of a quantity, in order of time, at most so many in one answer.
    History {
        /// Of which meter.
        meter: MeterId,
        /// Which quantity.
        quantity: Quantity,
        /// From when to before when.
        span: Span,
        /// Means over steps of this many ms instead.
        step_ms: Option<i64>,
    },
    /// What is stored of a quantity, in the columns of a chart.
    Chart {
        /// Of which meter.
        meter: MeterId,
        /// Which quantity.
        quantity: Quantity,
        /// From when to before when.
        span: Span,
        /// In how many columns, at most 4096; all are equally long, of whole ms.
        columns: u16,
    },
    /// A meter's interval data, those that start in the span.
    Intervals {
        /// Of which meter.
        meter: MeterId,
        /// From when to before when.
        span: Span,
    },
    /// Adds rows to history. After the last of them, `CountAnew`.
    Import {
        /// The rows, in any order.
        rows: Vec<ImportRow>,
        /// Let a different value for the same time take the place of what is there.
        replace: bool,
    },
    /// Counts the energy anew that imports have changed.
    CountAnew,
    /// Copies the store to a file and checks the copy.
    Backup {
        /// Where to, absolute, as the service sees it.
        file: PathBuf,
    },
    /// About dispatch.
    Dispatch(dispatch::DispatchRequest),
    /// About utility statements and readings that were billed twice.
    Duplicates(DuplicatesRequest),
    /// A page of the change log.
    Audit {
        /// The changes after this one; without it the last ones.
        after: Option<u64>,
    },
    /// Looks through the whole change log, whether each entry follows from the one before it.
    AuditVerify,
    /// The site's real service has started: a service that lives in a front gives devices, store and socket to it, and its
    /// own clients find the new one.
    HandOver,
}

/// Most steps of one trend.
pub const MAX_TREND_STEPS: u16 = 512;

/// What the service answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "response", rename_all = "snake_case")]
pub enum Response {
    /// To `Hello`.
    Hello {
        /// The service's [`INTERFACE_VERSION`].
        version: u32,
        /// The program's version.
        program: String,
        /// Whether the service lives in the client's own process.
        in_process: bool,
        /// The service's process.
        process: u32,
        /// Whether it reads the devices by itself; one in a command's process reads when it is asked.
        polls: bool,
        /// What this client may do.
        role: Role,
    },
    /// To `Site`.
    Site {
        /// The site.
        site: Arc<Site>,
    },
    /// To `Snapshot`.
    Snapshot {
        /// All of it.
        snapshot: Box<Snapshot>,
    },
    /// To `Subscribe`.
    Subscribed,
    /// To `PollOnce`: every meter as it is after that poll.
    Polled {
        /// By meter.
        meters: BTreeMap<MeterId, MeterLive>,
    },
    /// To `Probe`: the device as it is after it.
    Probed {
        /// How it is doing.
        device: Box<DeviceLive>,
    },
    /// To `Trend`.
    Trend {
        /// The series.
        trend: Trend,
    },
    /// To `History`.
    History {
        /// Unit of the values, where it is known.
        unit: Option<Unit>,
        /// In order of time.
        points: Vec<HistoryPoint>,
        /// Where the answer was cut: ask again from here.
        next: Option<Timestamp>,
    },
    /// To `Chart`.
    Chart {
        /// As it is drawn.
        chart: Chart,
    },
    /// To `Intervals`.
    Intervals {
        /// In order of time; those without any data are not there.
        intervals: Vec<IntervalPoint>,
    },
    /// To `Import`.
    Imported {
        /// What became of the rows.
        imported: Imported,
    },
    /// To `CountAnew`.
    Counted,
    /// To `Log`.
    Log {
        /// Oldest first.
        lines: Vec<LogLine>,
    },
    /// To `Meters`.
    Meters {
        /// In order of id.
        meters: Vec<PowerMeter>,
    },
    /// To `Record`: as it was written.
    Recorded {
        /// The record.
        record: Box<Record>,
    },
    /// To `Records`.
    Records {
        /// Oldest first.
        records: Vec<Record>,
    },
    /// To `Pue`.
    Pue {
        /// The figure and what it is made of.
        pue: pue::Report,
    },
    /// To `Alarms`, and to what changes one: all that are not normal after it.
    Alarms {
        /// Unacknowledged first, then by severity, the latest first.
        alarms: Vec<AlarmLine>,
        /// Lines of the alarm log of the last 24 hours: alarms that came and went, and what people did.
        events_last_day: u64,
    },
    /// To `Storage`.
    Storage {
        /// `None` where nothing is kept.
        storage: Option<storage::Storage>,
    },
    /// To `Backup`: the copy is there and whole.
    BackedUp {
        /// Its size.
        bytes: u64,
    },
    /// To `Duplicates`.
    Duplicates(DuplicatesResponse),
    /// To `Dispatch`.
    Dispatch(dispatch::DispatchResponse),
    /// To `Audit`.
    Audit {
        /// In the order in which they were asked for.
        changes: Vec<Change>,
        /// There are later ones.
        more: bool,
    },
    /// To `AuditVerify`.
    AuditVerified {
        /// What was found.
        verified: Verified,
    },
    /// To `HandOver`: it begins, and the lock of the data folder is free soon.
    HandingOver,
}

/// A row of imported history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImportRow {
    /// Where it came from, for messages: a line number.
    pub line: u32,
    /// Of which meter.
    pub meter: MeterId,
    /// Which quantity.
    pub quantity: Quantity,
    /// When.
    pub at: Timestamp,
    /// The value, in the quantity's own unit.
    pub value: Decimal,
}

/// What became of imported rows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// Taken over.
    pub new: u64,
    /// There already, with the same value.
    pub unchanged: u64,
    /// Took the place of another value.
    pub replaced: u64,
    /// Left out: line and reason.
    pub rejected: Vec<(u32, String)>,
}

/// One stored sample, or the mean of a step that begins then.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HistoryPoint {
    /// When.
    pub at: Timestamp,
    /// The value; `None` where it was bad.
    pub value: Option<Decimal>,
    /// How far it may be believed.
    pub state: State,
}

/// One interval.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IntervalPoint {
    /// Its start.
    pub start: Timestamp,
    /// Its length.
    pub length: Duration,
    /// Energy into the load, kWh.
    pub consumed: Decimal,
    /// Energy to the grid, kWh.
    pub generated: Decimal,
    /// The share of its time that was measured, 0 to 1.
    pub coverage: f64,
    /// Some of it is a guess.
    pub estimated: bool,
}

/// What the service says without being asked, after `Subscribe`. Only what changed is sent; a client that is slow gets the latest, not everything in between.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Meters, devices and connections that changed.
    Changed {
        /// By meter.
        meters: BTreeMap<MeterId, MeterLive>,
        /// By device.
        devices: BTreeMap<DeviceId, DeviceLive>,
        /// By the link's name.
        connections: BTreeMap<String, ConnectionLive>,
    },
    /// Technicians recorded other statuses than the site file's: all of them.
    Statuses {
        /// By meter.
        statuses: Statuses,
    },
    /// The alarms that are not normal: all of them, whenever one of them changed.
    Alarms {
        /// Unacknowledged first, then by severity, the latest first.
        alarms: Vec<AlarmLine>,
    },
    /// A new line in the log.
    Log {
        /// The line.
        line: LogLine,
    },
    /// The configuration was reloaded; ask for `Site` again.
    SiteChanged,
    /// The service stops.
    Stopping,
    /// Said at the client's own end: the service does not answer any more, and is looked for.
    Gone {
        /// Why, in words.
        reason: String,
    },
    /// Said at the client's own end: a service answers again. It knows nothing of what was subscribed before.
    Back,
}

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// Counts up from 1.
    pub sequence: u64,
    /// When.
    pub at: Timestamp,
    /// How grave.
    pub level: LogLevel,
    /// Cleaned text, one line.
    pub text: String,
}

/// How grave a line of the log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Something failed that a person should see.
    Error,
    /// Something is not as it should be.
    Warn,
    /// Something happened.
    Info,
    /// For those who look for a fault in the program.
    Debug,
}

/// Why the service could not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct ServiceError {
    /// What kind; picks the exit code.
    pub kind: ErrorKind,
    /// What went wrong.
    pub message: String,
    /// What to do instead.
    pub hint: Option<String>,
}

/// Kinds of errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// There is no such thing.
    NotFound,
    /// The request makes no sense.
    Invalid,
    /// What was given is not plausible, or not of the right form.
    BadData,
    /// Somebody else was quicker, or works on it: look again, or try again later.
    Conflict,
    /// A file cannot be made.
    CannotCreate,
    /// Somebody else may do that, or nobody.
    NotPermitted,
    /// It was tried and could not be done.
    Failed,
    /// The service has gone, or does not answer.
    Unavailable,
    /// A bug.
    Internal,
}

impl Snapshot {
    /// Takes over what an event says has changed.
    pub fn apply(&mut self, event: &Event) {
        if let Event::Changed { meters, devices, connections } = event {
            self.meters.extend(meters.iter().map(|(id, live)| (id.clone(), live.clone())));
            self.devices.extend(devices.iter().map(|(id, live)| (id.clone(), live.clone())));
            self.connections.extend(connections.iter().map(|(name, live)| (name.clone(), live.clone())));
        }
        if let Event::Statuses { statuses } = event {
            self.statuses.clone_from(statuses);
        }
    }
}
