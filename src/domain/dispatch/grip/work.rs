//! What is asked of a device, and what came of it.

use crate::domain::dispatch::SetPoint;

/// What is asked of a device.
#[derive(Debug, Clone, PartialEq)]
pub enum Work {
    /// Read the limit, and the permit and the revert timer where it has them.
    Arm,
    /// Read the limit.
    Look,
    /// Write the revert timer where it has one, then the limit, then read it.
    Operate {
        /// The value.
        value: f64,
    },
    /// Write the revert timer, then read the limit.
    Refresh,
    /// Write the limit on its way back, which the revert timer does not matter for, then read it.
    Step {
        /// The value.
        value: f64,
    },
    /// Write the limit, then the revert timer, as they were before, then read the limit.
    Restore {
        /// The limit's words.
        words: Vec<u16>,
        /// The revert timer's words.
        timer: Option<Vec<u16>>,
    },
}

impl Work {
    /// Whether it sends a command, so that it must not begin before the journal says so.
    pub fn is_command(&self) -> bool {
        matches!(self, Self::Operate { .. } | Self::Refresh)
    }
}

/// What came of a write of the limit.
#[derive(Debug, Clone, PartialEq)]
pub enum Wrote {
    /// The device acknowledged it.
    Acknowledged,
    /// The device refused it, or what has to go before it.
    Refused(String),
    /// Nobody knows.
    Unknown(String),
}

/// What came of some work.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Of the write, where there was one.
    pub wrote: Option<Wrote>,
    /// What the device holds, or why that is not known.
    pub held: Result<SetPoint, String>,
    /// What its permit reads.
    pub permit: Option<f64>,
    /// What its revert timer holds.
    pub timer: Option<Vec<u16>>,
}
