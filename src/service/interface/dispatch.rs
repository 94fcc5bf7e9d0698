//! What clients ask about dispatch, and what they are told.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::{
    dispatch::{Draft, Event, Message, Plan, baseline::Effect},
    ids::DeviceId,
    programme::{DeviceMeters, EventId, ProgrammeMeter, ProgrammeMeterId},
};

/// Events in one `Import`, and in one answer to `List`; a client sends more in several.
pub const MAX_EVENTS: usize = 1_000;
/// Programme meters in one `ImportMeters`; a client sends more in several.
pub const MAX_METERS: usize = 1_000;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "dispatch", rename_all = "snake_case")]
pub enum DispatchRequest {
    /// What a draft would do; moves nothing, and selects it for a while.
    Plan {
        /// The draft.
        draft: Draft,
    },
    /// Starts an event as planned.
    Start {
        /// The draft as it was planned.
        draft: Draft,
        /// What `Plan` answered with it.
        select: String,
    },
    /// What a proposed event would do now; selects it for a while.
    Review {
        /// Which.
        event: EventId,
    },
    /// Confirms a proposed event.
    Confirm {
        /// Which.
        event: EventId,
        /// What `Review` answered with it.
        select: String,
    },
    /// The events, the latest first: all that are not over, and so many that are.
    List,
    /// One event.
    Show {
        /// Which.
        event: EventId,
    },
    /// Calls an event off; what it holds goes back.
    Cancel {
        /// Which.
        event: EventId,
    },
    /// Calls every active event off; everything that is held goes back.
    Abort,
    /// Decides about a device that somebody else has set.
    Resolve {
        /// Which.
        device: DeviceId,
        /// Write back what it held before; else it stays as it is.
        restore: bool,
    },
    /// Takes in what automatic sources told, in this order.
    Import {
        /// At most [`MAX_EVENTS`].
        messages: Vec<Message>,
    },
    /// The effect of an event: baseline, actual power and reduction, by programme meter.
    Effect {
        /// Of which event.
        event: EventId,
    },
    /// The programme meters, with what each is at this site.
    Meters,
    /// Takes in programme meters.
    ImportMeters {
        /// At most [`MAX_METERS`].
        meters: Vec<ProgrammeMeter>,
    },
    /// What dispatch is doing, in short.
    Summary,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "dispatch", rename_all = "snake_case")]
pub enum DispatchResponse {
    /// To `Plan` and `Review`.
    Planned {
        /// What would happen.
        plan: Plan,
        /// When it would begin.
        start: Timestamp,
        /// When it would be over.
        end: Timestamp,
        /// To be given with `Start` or `Confirm`, once, before long.
        select: String,
    },
    /// To `Start`, `Confirm`, `Show` and `Cancel`.
    Event {
        /// As it is now.
        event: Box<Event>,
    },
    /// To `List` and `Abort`: those that were called off.
    Events {
        /// The latest first.
        events: Vec<Event>,
    },
    /// To `Resolve`.
    Resolved,
    /// To `Import`: what became of each message, in order.
    Imported {
        /// One for each.
        answers: Vec<MessageAnswer>,
    },
    /// To `Effect`: by programme meter.
    Effect {
        /// In order of the event's meters.
        effects: Vec<MeterEffect>,
    },
    /// To `Meters`.
    Meters {
        /// In order of id.
        meters: Vec<ListedMeter>,
        /// Devices that belong to any, with all of their ids.
        devices: BTreeMap<DeviceId, DeviceMeters>,
    },
    /// To `ImportMeters`.
    MetersImported {
        /// How many are new.
        new: usize,
        /// How many were there with something else in them.
        changed: usize,
        /// How many are equipment of this site.
        linked: usize,
        /// Those that are nothing here, and why.
        unlinked: Vec<(ProgrammeMeterId, String)>,
        /// Those that were not taken, and why.
        refused: Vec<(ProgrammeMeterId, String)>,
    },
    /// To `Summary`.
    Summary {
        /// In short.
        summary: Summary,
    },
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageAnswer {
    /// The event.
    pub event: EventId,
    /// Its state after it; `None`: the message was not taken.
    pub state: Option<crate::domain::dispatch::EventState>,
    /// Whether the message changed anything.
    pub changed: bool,
    /// Why it is so, where that is not plain.
    pub reason: Option<String>,
}

/// A programme meter, and what it is at this site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedMeter {
    /// The meter.
    pub meter: ProgrammeMeter,
    /// Its devices that take commands.
    pub devices: Vec<DeviceId>,
    /// Why it is nothing here.
    pub unlinked: Option<String>,
}

/// The effect of an event at one programme meter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MeterEffect {
    /// The programme meter.
    pub meter: ProgrammeMeterId,
    /// What it comes to; the reason where it cannot be told.
    pub effect: Result<Effect, String>,
}

/// What dispatch is doing, in short: for every screen and `status`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Whether this service operates equipment, or only puts back what was left behind.
    pub operates: bool,
    /// Active events.
    pub active: Vec<EventId>,
    /// Events that begin later.
    pub scheduled: u32,
    /// Events that wait for a person.
    pub proposed: u32,
    /// Devices that could not be put back yet, and since when.
    pub restore_pending: BTreeMap<DeviceId, Timestamp>,
    /// Devices that somebody else has set.
    pub conflicts: Vec<DeviceId>,
    /// Devices whose last action failed, in events that are not over.
    pub failed: Vec<DeviceId>,
    /// The system's clock jumped, in ms, while this service ran.
    pub clock_jumped_ms: Option<i64>,
    /// The journal cannot be written: nothing new is begun.
    pub cannot_save: bool,
}
