//! The spans of time that blocks are for, and the keys of their rows.

/// A warm block: 5 min.
pub(super) const SLOT_MS: i64 = 300_000;

/// A cold block: 1 h.
pub(super) const HOUR_MS: i64 = 3_600_000;

/// The hour of a time, since 1970.
pub(super) fn hour(at_ms: i64) -> i64 {
    at_ms.div_euclid(HOUR_MS)
}

/// The row of 5 min of a meter: in order of time.
pub(super) fn warm_id(slot: i64, meter: u32) -> i64 {
    slot << 24 | i64::from(meter)
}

/// The slot and meter of a warm row.
pub(super) fn of_warm_id(id: i64) -> (i64, u32) {
    (id >> 24, u32::try_from(id & 0xff_ffff).unwrap_or(0))
}

/// The row of a span of a meter: in order of meters, then of time. `span` is that of [`hour`] or a longer one.
pub(super) fn meter_id(meter: u32, span: i64) -> i64 {
    i64::from(meter) << 32 | (span & 0xffff_ffff)
}

/// Meter and span of a row.
pub(super) fn of_meter_id(id: i64) -> (u32, i64) {
    (u32::try_from(id >> 32).unwrap_or(0), id & 0xffff_ffff)
}
