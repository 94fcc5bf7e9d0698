//! Events: requests for programme meters over a time.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Action, LeftOut};
use crate::domain::programme::{EventId, ProgrammeMeterId};

/// The priority of an event whose source does not give one: the middle of 1 (highest) to 10.
pub const DEFAULT_PRIORITY: u8 = 5;
/// The lowest priority.
pub const LOWEST_PRIORITY: u8 = 10;
/// Programme meters in one event: a page of the Dispatch API.
pub const MAX_METERS: usize = 500;
/// The longest event. What is longer is a change of the site, not a dispatch.
pub const MAX_LENGTH: SignedDuration = SignedDuration::from_hours(24);
/// How far ahead an event may be: what the Dispatch API looks ahead at most.
pub const MAX_AHEAD: SignedDuration = SignedDuration::from_hours(24 * 31);

/// Where an event comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A person at this site.
    Operator,
    /// Leap's Dispatch API: a webhook's body or a search's answer.
    Leap,
    /// An OpenADR server.
    OpenAdr,
    /// A file that says no more.
    File,
}

impl Source {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Leap => "leap",
            Self::OpenAdr => "open_adr",
            Self::File => "file",
        }
    }
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// As much as possible.
    Max,
    /// Every device limited to this, in its own unit (kW).
    LimitKw(f64),
    /// So much less than without the event, kW, over all devices together.
    ReductionKw(f64),
}

/// Whether an event is a test.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TestKind {
    /// It is meant.
    #[default]
    None,
    /// A test that moves equipment; marked TEST, and a person confirms it.
    Communication,
    /// A test of the connection; moves nothing.
    Integration,
}

/// What becomes of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventState {
    /// Known; a person has to confirm it.
    Proposed,
    /// Will begin at its start.
    Scheduled,
    /// Under way; also while its devices go back after its end.
    Active,
    /// Over.
    Completed,
    /// Called off.
    Cancelled,
    /// Not done, for a reason.
    Rejected,
    /// Seen, or still not confirmed, after its end.
    Expired,
}

impl EventState {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Scheduled => "scheduled",
            Self::Active => "active",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
        }
    }

    /// The state after something happened; `None` where that changes nothing.
    pub fn next(self, happened: Happened) -> Option<Self> {
        match (self, happened) {
            (Self::Scheduled, Happened::Began) => Some(Self::Active),
            (Self::Proposed, Happened::Confirmed) | (Self::Active, Happened::Postponed) => Some(Self::Scheduled),
            (Self::Active, Happened::Settled) => Some(Self::Completed),
            (Self::Proposed | Self::Scheduled, Happened::Ended) => Some(Self::Expired),
            (Self::Proposed | Self::Scheduled | Self::Active, Happened::CalledOff) => Some(Self::Cancelled),
            _ => None,
        }
    }

    /// Whether nothing will begin it any more.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Proposed | Self::Scheduled | Self::Active)
    }
}

/// What happens to an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happened {
    /// A person confirmed it.
    Confirmed,
    /// Its start has come.
    Began,
    /// Its start was moved to later while it was under way.
    Postponed,
    /// Its end has come.
    Ended,
    /// Its end has come, and nothing of it is under way any more.
    Settled,
    /// It was called off.
    CalledOff,
}

/// An event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Its id; a message with the same one replaces times and kW.
    pub id: EventId,
    /// Where it comes from.
    pub source: Source,
    /// The programme meters that it asks.
    pub meters: Vec<ProgrammeMeterId>,
    /// When it begins.
    pub start: Timestamp,
    /// When it is over.
    pub end: Timestamp,
    /// The end is our own limit: its source gave none.
    pub is_capped: bool,
    /// What is asked for.
    pub wanted: Wanted,
    /// 1 (highest) to 10.
    pub priority: u8,
    /// The programmes that it belongs to, as their source writes them.
    pub programmes: Vec<String>,
    /// Taking part is free.
    pub is_voluntary: bool,
    /// Whether it is a test.
    pub test: TestKind,
    /// What became of it.
    pub state: EventState,
    /// Why it is so, where that is not plain.
    pub reason: Option<String>,
    /// Who confirmed it; `None`: nobody, its programmes are armed.
    pub confirmed_by: Option<String>,
    /// What each device does for it.
    pub actions: Vec<Action>,
    /// Devices that it leaves out, and why.
    pub left_out: Vec<LeftOut>,
    /// How often its source changed it.
    pub revision: u32,
}

impl Event {
    /// What its devices save together at most, kW.
    pub fn expected_kw(&self) -> f64 {
        self.actions.iter().filter_map(|action| action.expected_kw).sum()
    }
}

/// What an operator asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    /// The programme meters.
    pub meters: Vec<ProgrammeMeterId>,
    /// What is asked for.
    pub wanted: Wanted,
    /// When it begins; `None`: at once.
    pub start: Option<Timestamp>,
    /// How long it lasts.
    pub duration: Duration,
}

/// An event as an automatic source tells it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// The event's id.
    pub id: EventId,
    /// Where it comes from.
    pub source: Source,
    /// The programme meters that it asks.
    pub meters: Vec<ProgrammeMeterId>,
    /// When it begins.
    pub start: Timestamp,
    /// When it is over, where that is said.
    pub end: Option<Timestamp>,
    /// What is asked for.
    pub wanted: Wanted,
    /// 1 (highest) to 10.
    pub priority: u8,
    /// The programmes that it belongs to.
    pub programmes: Vec<String>,
    /// Taking part is free.
    pub is_voluntary: bool,
    /// Whether it is a test.
    pub test: TestKind,
    /// It is called off.
    pub is_cancelled: bool,
}
