//! How a poll or a probe went.

use std::{collections::BTreeMap, time::Duration};

use crate::{domain::fault::Fault, poll::schedule::Outcome};

/// How a poll or a probe went.
#[derive(Debug)]
pub struct Report {
    /// For the schedule.
    pub outcome: Outcome,
    /// Requests sent.
    pub requests: u32,
    /// What went wrong, in order.
    pub faults: Vec<Fault>,
    /// The one that ended the poll before everything was asked.
    pub ended: Option<Fault>,
    /// Whether anything new was learned.
    pub learned: bool,
    /// Registers that could not be read although the device answered.
    pub(super) troubles: BTreeMap<usize, Fault>,
    /// Answers of any kind, and the time they took together.
    pub(super) answers: u32,
    pub(super) waited: Duration,
    /// By register: whether it was read.
    pub(super) done: Vec<bool>,
}

impl Report {
    pub(super) fn new(registers: usize) -> Self {
        Self {
            outcome: Outcome::Silent,
            requests: 0,
            faults: Vec::new(),
            ended: None,
            learned: false,
            troubles: BTreeMap::new(),
            answers: 0,
            waited: Duration::ZERO,
            done: vec![false; registers],
        }
    }

    /// The report of a poll for which there was no connection.
    pub fn unreachable(fault: Fault) -> Self {
        Self { outcome: Outcome::Unreachable, faults: vec![fault.clone()], ended: Some(fault), ..Self::new(0) }
    }

    /// Whether the device answered anything at all.
    pub fn is_answered(&self) -> bool {
        self.answers > 0
    }

    /// Whether all went well and there is nothing to say but values.
    pub fn is_plain(&self) -> bool {
        self.is_answered() && self.faults.is_empty() && self.troubles.is_empty() && !self.learned
    }
}
