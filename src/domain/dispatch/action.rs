//! Actions: what one device is to do for one event, and how that goes.

use serde::{Deserialize, Serialize};

use super::{Command, Reason, SetPoint};
use crate::domain::{ids::DeviceId, programme::ProgrammeMeterId};

/// How far an action is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionState {
    /// To be done.
    Planned,
    /// The device was read, and what it held is stored.
    Armed,
    /// The command is on its way, and not seen at the device yet.
    Operating,
    /// The device holds the command, as it was last read.
    Holding,
    /// On the way back.
    Restoring,
    /// The device holds again what it held before, as it was read.
    Restored,
    /// Not begun, for a reason.
    Skipped,
    /// The device did not do it.
    Failed,
    /// The device cannot be reached, and is not back yet; tried for ever.
    RestorePending,
    /// Somebody else has set the device; a person is asked, nothing is overwritten.
    Conflict,
}

impl ActionState {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Armed => "armed",
            Self::Operating => "operating",
            Self::Holding => "holding",
            Self::Restoring => "restoring",
            Self::Restored => "restored",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
            Self::RestorePending => "restore_pending",
            Self::Conflict => "conflict",
        }
    }
}

/// How the way back of an action went that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WayBack {
    /// Under way.
    Restoring,
    /// The device cannot be reached; tried for ever.
    Pending,
    /// The device holds what it held before.
    Restored,
    /// Somebody else has set the device.
    Conflict,
    /// Left as it was found, by a person's decision.
    Left,
}

impl WayBack {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Restoring => "restoring",
            Self::Pending => "pending",
            Self::Restored => "restored",
            Self::Conflict => "conflict",
            Self::Left => "left",
        }
    }
}

/// What one device is to do for one event, and how that goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Action {
    /// The device.
    pub device: DeviceId,
    /// The programme meter through which it was found.
    pub meter: ProgrammeMeterId,
    /// What is to be written.
    pub command: Command,
    /// What that saves at most, kW; `None` where the site file does not say.
    pub expected_kw: Option<f64>,
    /// How far it is.
    pub state: ActionState,
    /// What the device held before the first event.
    pub before: Option<SetPoint>,
    /// What was read from the device last.
    pub read_back: Option<SetPoint>,
    /// Why it is so, where that is not plain.
    pub reason: Option<Reason>,
    /// The way back of an action that failed or was left in conflict.
    pub way_back: Option<WayBack>,
    /// The device was asked for it.
    pub is_begun: bool,
    /// Its event wants nothing more of the device.
    pub is_released: bool,
    /// Nothing more comes.
    pub is_done: bool,
}

impl Action {
    /// Whether the event need not wait for it: it is over, or waits for a device, a person or another event.
    pub fn is_settled(&self, is_held_by_others: bool) -> bool {
        let waits = matches!(self.state, ActionState::RestorePending | ActionState::Conflict)
            || matches!(self.way_back, Some(WayBack::Pending | WayBack::Conflict));
        self.is_done || waits || (self.is_released && is_held_by_others)
    }
}
