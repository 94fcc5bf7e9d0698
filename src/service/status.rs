//! How it all goes, in short: for `status`, for monitoring and for whoever asks for help. Asked over the one interface, so
//! that it is the same from inside and outside.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::{
    client::Requests,
    interface::{
        ErrorKind, INTERFACE_VERSION, Request, Response, ServiceError,
        dispatch::{DispatchRequest, DispatchResponse, Summary},
        duplicates::{DuplicatesRequest, DuplicatesResponse},
        storage::Storage,
    },
};
use crate::domain::{
    alarm::{AlarmLine, AlarmState},
    fault::Fault,
    ids::DeviceId,
    live::{DeviceLive, DeviceState, Snapshot},
};

/// How it all goes.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// What the site is called.
    pub site: String,
    /// Who answers.
    pub service: ServiceStatus,
    /// By device.
    pub devices: BTreeMap<DeviceId, DeviceStatus>,
    /// What waits to be kept; `None` where nothing is kept.
    pub queue: Option<Storage>,
    /// The alarms that are not normal.
    pub alarms: Vec<AlarmStatus>,
    /// Readings billed twice that wait for a person; `None` where nothing is kept.
    pub open_reviews: Option<Reviews>,
    /// What dispatch is doing; `None` where this service does not dispatch.
    pub dispatch: Option<DispatchStatus>,
    /// What wants a person, in words; empty where all is well.
    pub wants: Vec<String>,
}

/// Who answers.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceStatus {
    /// The program's version.
    pub program: String,
    /// Its process.
    pub process: u32,
    /// Whether it reads the devices by itself.
    pub polls: bool,
}

/// One device.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceStatus {
    /// How it is doing.
    pub state: DeviceState,
    /// Since when it is offline.
    pub offline_since: Option<Timestamp>,
    /// When it last answered.
    pub last_answer: Option<Timestamp>,
    /// What last went wrong.
    pub last_error: Option<LastError>,
}

/// What last went wrong with a device.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LastError {
    /// When.
    pub at: Timestamp,
    /// In words.
    pub error: String,
    /// What to do about it.
    pub advice: &'static str,
}

/// One alarm.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AlarmStatus {
    /// Which, as a person types it.
    pub id: String,
    /// How urgent it is.
    pub severity: &'static str,
    /// In which state.
    pub state: AlarmState,
    /// When it came.
    pub since: Option<Timestamp>,
}

/// Readings billed twice that wait for a person.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reviews {
    /// Groups of duplicates.
    pub groups: u64,
    /// Overlaps.
    pub overlaps: u64,
    /// Of both, those that somebody put off.
    pub deferred: u64,
}

/// What dispatch is doing.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DispatchStatus {
    /// Whether this service operates equipment, or only puts back what was left behind.
    pub operates: bool,
    /// Active events.
    pub active: Vec<String>,
    /// Events that begin later.
    pub scheduled: u32,
    /// Events that wait for a person.
    pub proposed: u32,
    /// Devices that could not be put back yet, and since when.
    pub unrestored: BTreeMap<DeviceId, Timestamp>,
    /// Devices that somebody else has set.
    pub conflicts: Vec<DeviceId>,
    /// Devices whose last action failed, in events that are not over.
    pub failed: Vec<DeviceId>,
    /// The system's clock jumped, in ms, while the service ran.
    pub clock_jumped_ms: Option<i64>,
    /// The journal cannot be written.
    pub cannot_save: bool,
}

/// The service answered something else than was asked.
fn unexpected() -> ServiceError {
    let message = "The service answers something else than was asked.".to_owned();
    ServiceError { kind: ErrorKind::Internal, message, hint: None }
}

/// Asks for all of it.
///
/// # Errors
/// What the service says.
pub async fn status(requests: &Requests) -> Result<Status, ServiceError> {
    let Response::Hello { program, process, polls, .. } =
        requests.ask(Request::Hello { version: INTERFACE_VERSION }).await?
    else {
        return Err(unexpected());
    };
    let Response::Site { site } = requests.ask(Request::Site).await? else { return Err(unexpected()) };
    let Response::Snapshot { snapshot } = requests.ask(Request::Snapshot).await? else { return Err(unexpected()) };
    let Response::Alarms { alarms, .. } = requests.ask(Request::Alarms).await? else { return Err(unexpected()) };
    let Response::Storage { storage } = requests.ask(Request::Storage).await? else { return Err(unexpected()) };
    let mut status = Status {
        site: site.name.clone(),
        service: ServiceStatus { program, process, polls },
        devices: devices(&snapshot),
        open_reviews: if storage.is_some() { Some(reviews(requests).await?) } else { None },
        queue: storage,
        alarms: alarms.iter().filter(|line| line.under.is_none()).map(AlarmStatus::from).collect(),
        dispatch: dispatch(requests).await?,
        wants: Vec::new(),
    };
    status.wants = wants(&status);
    Ok(status)
}

fn devices(snapshot: &Snapshot) -> BTreeMap<DeviceId, DeviceStatus> {
    snapshot.devices.iter().map(|(id, live)| (id.clone(), DeviceStatus::from(live))).collect()
}

async fn reviews(requests: &Requests) -> Result<Reviews, ServiceError> {
    let answer = requests.ask(Request::Duplicates(DuplicatesRequest::Statistics)).await?;
    let Response::Duplicates(DuplicatesResponse::Statistics { statistics }) = answer else { return Err(unexpected()) };
    let (groups, overlaps) = (statistics.open_groups, statistics.open_overlaps);
    Ok(Reviews { groups, overlaps, deferred: statistics.deferred })
}

async fn dispatch(requests: &Requests) -> Result<Option<DispatchStatus>, ServiceError> {
    match requests.ask(Request::Dispatch(DispatchRequest::Summary)).await {
        Ok(Response::Dispatch(DispatchResponse::Summary { summary })) => Ok(Some(summary.into())),
        Ok(_) => Err(unexpected()),
        Err(error) if error.kind == ErrorKind::Unavailable => Ok(None),
        Err(error) => Err(error),
    }
}

/// What wants a person. What somebody has acknowledged, shelved or put off does not.
fn wants(status: &Status) -> Vec<String> {
    let mut wants = Vec::new();
    let mut want = |count: u64, one: &str, many: &str| match count {
        0 => {}
        1 => wants.push(format!("1 {one}")),
        count => wants.push(format!("{count} {many}")),
    };
    let devices = |state| status.devices.values().filter(|device| device.state == state).count() as u64;
    want(devices(DeviceState::Offline), "device does not answer", "devices do not answer");
    want(devices(DeviceState::Error), "device refuses what is asked", "devices refuse what is asked");
    let is_open =
        |alarm: &&AlarmStatus| matches!(alarm.state, AlarmState::Unacknowledged | AlarmState::ReturnedUnacknowledged);
    let alarms = status.alarms.iter().filter(is_open).count() as u64;
    want(alarms, "alarm is not acknowledged", "alarms are not acknowledged");
    if let Some(queue) = &status.queue {
        want(u64::from(queue.cannot_save.is_some()), "disk that takes nothing", "");
        want(queue.refused_batches, "batch of readings was lost", "batches of readings were lost");
        want(queue.damaged_blocks, "damaged block in the database", "damaged blocks in the database");
        want(u64::from(queue.put_aside.is_some()), "damaged database was put aside", "");
    }
    if let Some(reviews) = &status.open_reviews {
        let open = (reviews.groups + reviews.overlaps).saturating_sub(reviews.deferred);
        want(open, "reading billed twice waits for a decision", "readings billed twice wait for a decision");
    }
    if let Some(dispatch) = &status.dispatch {
        want(dispatch.unrestored.len() as u64, "device is not put back", "devices are not put back");
        want(dispatch.conflicts.len() as u64, "device was set by somebody else", "devices were set by somebody else");
        want(dispatch.failed.len() as u64, "device's last action failed", "devices' last actions failed");
        want(u64::from(dispatch.proposed), "event waits for a person", "events wait for a person");
        want(u64::from(dispatch.cannot_save), "dispatch journal that cannot be written", "");
        want(u64::from(dispatch.clock_jumped_ms.is_some()), "jump of the system's clock", "");
    }
    wants
}

impl From<&DeviceLive> for DeviceStatus {
    fn from(live: &DeviceLive) -> Self {
        let last_error = |(at, fault): &(Timestamp, Fault)| LastError {
            at: *at,
            error: fault.to_string(),
            advice: fault.kind.advice(),
        };
        Self {
            state: live.state,
            offline_since: live.offline_since,
            last_answer: live.last_answer,
            last_error: live.last_fault.as_ref().map(last_error),
        }
    }
}

impl From<&AlarmLine> for AlarmStatus {
    fn from(line: &AlarmLine) -> Self {
        Self { id: line.id.to_string(), severity: line.severity.word(), state: line.state, since: line.since }
    }
}

impl From<Summary> for DispatchStatus {
    fn from(summary: Summary) -> Self {
        Self {
            operates: summary.operates,
            active: summary.active.iter().map(ToString::to_string).collect(),
            scheduled: summary.scheduled,
            proposed: summary.proposed,
            unrestored: summary.restore_pending,
            conflicts: summary.conflicts,
            failed: summary.failed,
            clock_jumped_ms: summary.clock_jumped_ms,
            cannot_save: summary.cannot_save,
        }
    }
}
