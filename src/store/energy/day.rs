//! The interval data of one meter in one UTC day, as a block: a few bytes an interval.

use std::time::Duration;

use jiff::Timestamp;
use rust_decimal::{Decimal, prelude::ToPrimitive as _};

use super::super::bytes::{Damage, Reader, frame, put, unframe};
use crate::domain::interval::Interval;

/// Decimals of stored energy: millionths of the unit, mWh of kWh.
pub(super) const ENERGY_DECIMALS: u32 = 6;
/// Intervals begin on multiples of this.
const STEP_MS: i64 = 300_000;
/// Milliseconds of a day.
pub(super) const DAY_MS: i64 = 86_400_000;
/// Most intervals in a day.
const MAX_INTERVALS: usize = 288;
/// Most decimal zeros that are left out of all energies of a block.
const MAX_ZEROS: u32 = 9;
/// Flag of an interval that is estimated.
const ESTIMATED: u8 = 1;

/// One interval with its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IntervalRow {
    /// Its start.
    pub start: Timestamp,
    /// Its length.
    pub length: Duration,
    /// What is known of it.
    pub interval: Interval,
}

/// Energy as it is stored; `None` where it is too large to be.
pub(super) fn number(energy: Decimal) -> Option<i64> {
    energy.checked_mul(Decimal::from(10_i64.pow(ENERGY_DECIMALS)))?.round().to_i64()
}

/// Energy from what is stored, without trailing zeros.
pub(super) fn energy(number: i64) -> Decimal {
    Decimal::new(number, ENERGY_DECIMALS).normalize()
}

/// The day of a time, in days since 1970 (UTC).
pub(super) fn day_of(at: Timestamp) -> i64 {
    at.as_millisecond().div_euclid(DAY_MS)
}

/// A block of the intervals of a day, which are in order of time. What is too large to be real is left out.
pub(super) fn encode(day: i64, rows: &[IntervalRow]) -> Vec<u8> {
    let stored: Vec<(i64, &IntervalRow, u64, u64)> = rows
        .iter()
        .filter_map(|row| {
            let offset = (row.start.as_millisecond() - day * DAY_MS).div_euclid(STEP_MS);
            let unsigned = |energy| number(energy).and_then(|number| u64::try_from(number).ok());
            Some((offset, row, unsigned(row.interval.consumed)?, unsigned(row.interval.generated)?))
        })
        .collect();
    let zeros = common_zeros(stored.iter().flat_map(|(_, _, consumed, generated)| [*consumed, *generated]));
    let unit = 10_u64.pow(zeros);
    let mut body = Vec::with_capacity(stored.len() * 6 + 4);
    put(&mut body, u64::from(zeros));
    put(&mut body, stored.len() as u64);
    let mut last = 0;
    for (offset, row, consumed, generated) in stored {
        put(&mut body, offset.saturating_sub(last).unsigned_abs());
        last = offset;
        put(&mut body, milliseconds(row.length) / STEP_MS.unsigned_abs());
        put(&mut body, consumed / unit);
        put(&mut body, generated / unit);
        put(&mut body, milliseconds(row.length.saturating_sub(row.interval.measured)));
        body.push(if row.interval.estimated { ESTIMATED } else { 0 });
    }
    frame(&body)
}

/// The intervals of a block.
pub(super) fn decode(day: i64, block: &[u8]) -> Result<Vec<IntervalRow>, Damage> {
    let mut reader = Reader::new(unframe(block)?);
    let zeros = u32::try_from(reader.count(MAX_ZEROS as usize)?).map_err(|_| Damage("zeros"))?;
    let unit = 10_u64.pow(zeros);
    let count = reader.count(MAX_INTERVALS)?;
    let mut rows = Vec::with_capacity(count);
    let mut offset = 0;
    for _ in 0..count {
        offset += reader.count(MAX_INTERVALS)?;
        let length = Duration::from_millis(reader.count(MAX_INTERVALS)? as u64 * STEP_MS.unsigned_abs());
        let mut stored = || {
            let number = reader.number()?.checked_mul(unit).and_then(|number| i64::try_from(number).ok());
            number.map(energy).ok_or(Damage("an energy is too large"))
        };
        let (consumed, generated) = (stored()?, stored()?);
        let missing = Duration::from_millis(reader.number()?);
        let estimated = reader.byte()? & ESTIMATED != 0;
        let start_ms = i64::try_from(offset).ok().map(|offset| day * DAY_MS + offset * STEP_MS);
        let start = start_ms.and_then(|start| Timestamp::from_millisecond(start).ok()).ok_or(Damage("a time"))?;
        let measured = length.saturating_sub(missing);
        rows.push(IntervalRow { start, length, interval: Interval { consumed, generated, measured, estimated } });
    }
    Ok(rows)
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// How many decimal zeros all numbers end with.
fn common_zeros(numbers: impl Iterator<Item = u64>) -> u32 {
    numbers.filter(|number| *number != 0).fold(MAX_ZEROS, |zeros, number| {
        (0..=zeros).rev().find(|zeros| number.is_multiple_of(10_u64.pow(*zeros))).unwrap_or(0)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn days_read_back(intervals in prop::collection::btree_map(
            0_i64..96, (0_i64..10_000_000_000, 0_i64..1_000, 0_u64..=900_000, any::<bool>()), 0..96,
        )) {
            let day = 20_000;
            let rows: Vec<IntervalRow> = intervals.into_iter().map(|(place, (consumed, generated, measured, estimated))| {
                IntervalRow {
                    start: Timestamp::from_millisecond(day * DAY_MS + place * 900_000).unwrap(),
                    length: Duration::from_mins(15),
                    interval: Interval {
                        consumed: Decimal::new(consumed, 3),
                        generated: Decimal::new(generated, 1),
                        measured: Duration::from_millis(measured),
                        estimated,
                    },
                }
            }).collect();
            let block = encode(day, &rows);
            prop_assert_eq!(decode(day, &block).unwrap(), rows);
        }

        #[test]
        fn nonsense_is_damage_and_no_panic(mut block: Vec<u8>, body: Vec<u8>) {
            let _ = decode(0, &block);
            block = frame(&body);
            let _ = decode(0, &block);
        }
    }

    #[test]
    fn a_day_of_quarter_hours_takes_few_bytes() {
        let rows: Vec<IntervalRow> = (0..96)
            .map(|place| IntervalRow {
                start: Timestamp::from_millisecond(place * 900_000).unwrap(),
                length: Duration::from_mins(15),
                interval: Interval {
                    consumed: Decimal::new(12_345 + place, 3),
                    measured: Duration::from_mins(15),
                    ..Interval::default()
                },
            })
            .collect();
        let bytes = encode(0, &rows).len();
        assert!(bytes < 96 * 9, "{bytes} bytes");
    }
}
