//! Meters of which nothing changes any more although something flows: a gateway that answers from its memory.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use jiff::{SignedDuration, Timestamp};

use super::{AlarmKey, AlarmKind, Observation};
use crate::domain::{ids::MeterId, live::MeterLive, quantity::Quantity, reading::State, site::Meter};

/// Voltage and power of a real meter move within seconds.
const FROZEN_AFTER: SignedDuration = SignedDuration::from_hours(2);

/// Since when each meter says the same.
#[derive(Debug, Default)]
pub(super) struct Stillness(BTreeMap<MeterId, (u64, Timestamp)>);

impl Stillness {
    /// Takes in what a meter says now.
    pub(super) fn observe(&mut self, meter: &Meter, live: &MeterLive, now: Timestamp) -> Observation {
        let mut hasher = DefaultHasher::new();
        let mut moves = false;
        for (quantity, reading) in &live.readings {
            let value = reading.value.filter(|_| reading.state < State::Bad);
            (quantity, value.map(f64::to_bits)).hash(&mut hasher);
            // Counters may rest, and so does what is zero.
            let is_still = quantity.is_counter() || matches!(quantity, Quantity::State | Quantity::SerialNumber);
            moves |= !is_still && value.is_some_and(|value| value != 0.0);
        }
        let said = hasher.finish();
        let known = self.0.entry(meter.id.clone()).or_insert((said, now));
        // A clock that was set back begins anew.
        if known.0 != said || known.1 > now {
            *known = (said, now);
        }
        let since = known.1;
        let is_frozen = moves && now.duration_since(since) >= FROZEN_AFTER;
        Observation {
            key: AlarmKey::meter(AlarmKind::ValueFrozen, &meter.id),
            holds: Some(is_frozen),
            measured: None,
            detail: if is_frozen { format!("FROZEN since {since}") } else { String::new() },
            out_of_service: false,
        }
    }

    /// What is not watched now is not still.
    pub(super) fn forget(&mut self, meter: &MeterId) {
        self.0.remove(meter);
    }
}
