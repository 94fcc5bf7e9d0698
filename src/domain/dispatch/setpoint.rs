//! Set-points: raw words as a device holds them, and the values that they stand for.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::unit::Unit;

/// A command: what is to stand in which register.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Command {
    /// Address of the limit register.
    pub register: u16,
    /// The value.
    pub value: f64,
    /// Its unit.
    pub unit: Unit,
}

/// What a device holds, as it was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SetPoint {
    /// The words on the wire; of a coil one that is 0 or 1.
    pub words: Vec<u16>,
    /// The value that they stand for; `None` where they stand for none.
    pub value: Option<f64>,
    /// When it was read.
    pub at: Timestamp,
}
