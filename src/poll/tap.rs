//! Everything that is read, once, for whoever keeps it: unlike the hub, nothing is left out here while it is taken away
//! in time.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::{ids::MeterId, quantity::Quantity, reading::Reading};

/// Readings that wait to be kept: about twenty seconds of 1,000 meters with 20 quantities. What keeps them comes every
/// second; where it is stuck for longer, memory must not fill up.
pub const MAX_WAITING: usize = 400_000;

/// One reading of one quantity of one meter.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Which meter.
    pub meter: MeterId,
    /// Which quantity.
    pub quantity: Quantity,
    /// What was read, good or bad.
    pub reading: Reading,
}

/// Where workers put what they read.
#[derive(Debug, Default)]
pub struct Tap(Mutex<Waiting>);

/// What was put since the last time.
#[derive(Debug, Default)]
pub struct Waiting {
    /// In the order in which it was read.
    pub readings: Vec<Measured>,
    /// Readings that found no room.
    pub lost: u64,
}

impl Tap {
    /// Puts readings of a meter.
    pub fn put<'a>(&self, meter: &MeterId, readings: impl Iterator<Item = (&'a Quantity, &'a Reading)>) {
        let mut waiting = self.lock();
        for (quantity, reading) in readings {
            if waiting.readings.len() < MAX_WAITING {
                waiting.readings.push(Measured { meter: meter.clone(), quantity: quantity.clone(), reading: *reading });
            } else {
                waiting.lost += 1;
            }
        }
    }

    /// Takes all that waits.
    pub fn take(&self) -> Waiting {
        let mut waiting = self.lock();
        let room = waiting.readings.len();
        let empty = Waiting { readings: Vec::with_capacity(room), lost: 0 };
        std::mem::replace(&mut *waiting, empty)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // A reading is in or not; a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
