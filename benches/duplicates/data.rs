//! Readings made from a seed: monthly periods of every meter, some claimed twice or three times.

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::Path,
};

use fastrand::Rng;
use meterdeck::domain::duplicate::{Marks, NO_STATEMENT_DAY, Slot};
use rust_decimal::Decimal;

const SEED: u64 = 20_230_101;
/// Of 10,000 readings, how many are claimed by others too.
const DUPLICATES_OF_10000: u32 = 200;

/// `count` readings of `meters` meters, shuffled.
pub(crate) fn slots(count: u32, meters: u32) -> Vec<Slot> {
    let mut rng = Rng::with_seed(SEED);
    let mut slots = Vec::with_capacity(count as usize);
    let mut month = 0;
    'all: loop {
        for meter in 0..meters {
            // Each meter is read on a day of its own, and its months are 30 days.
            let start = 17_000 + (meter % 28).cast_signed() + month * 30;
            let mut original = reading(&mut rng, meter, start);
            let claims = if rng.u32(0..10_000) < DUPLICATES_OF_10000 { 1 + rng.u32(0..20) / 19 } else { 0 };
            for place in 0..=claims {
                let slot = if place == 0 { original } else { claim(&mut rng, &original) };
                if place == 1 && rng.u8(0..4) == 0 {
                    original.marks = original.marks.with(Marks::DELIVERY_ONLY);
                }
                if slots.len() == count as usize {
                    break 'all;
                }
                slots.push(slot);
            }
        }
        month += 1;
    }
    rng.shuffle(&mut slots);
    for (place, slot) in (0..).zip(&mut slots) {
        slot.place = place;
    }
    slots
}

fn reading(rng: &mut Rng, meter: u32, start: i32) -> Slot {
    Slot {
        meter,
        start,
        end: start + 30,
        // kWh with up to three decimals, in Wh.
        amount: Decimal::from(rng.u32(1_000..9_000_000)),
        statement_day: start + 40,
        place: 0,
        dimension: 0,
        marks: Marks::USAGE.with_if(rng.u8(0..50) == 0, Marks::DISTRIBUTOR_STAGE),
        class: 0,
    }
}

/// Another reading for the same period: a day off or not, the same amount or not, with this evidence or that.
fn claim(rng: &mut Rng, original: &Slot) -> Slot {
    let mut slot = *original;
    slot.start += rng.i32(-1..=1);
    slot.end += rng.i32(-1..=1);
    slot.class = rng.u8(0..3);
    slot.statement_day = if rng.u8(0..10) == 0 { NO_STATEMENT_DAY } else { slot.statement_day + rng.i32(0..3) };
    slot.marks = Marks::default()
        .with_if(rng.u8(0..50) != 0, Marks::USAGE)
        .with_if(rng.u8(0..5) == 0, Marks::DELIVERY_ONLY)
        .with_if(rng.u8(0..3) == 0, Marks::DISTRIBUTOR_STAGE);
    if rng.u8(0..3) != 0 {
        slot.amount = Decimal::from(rng.u32(1_000..9_000_000));
    }
    if !slot.marks.has(Marks::USAGE) {
        slot.amount = Decimal::ZERO;
    }
    slot
}

/// The same readings for DuckDB; amounts in kWh with three decimals.
pub(crate) fn write(path: &Path, count: u32, meters: u32) {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path).unwrap());
    for slot in slots(count, meters) {
        let has = |mark| u8::from(slot.marks.has(mark));
        write!(file, "{},{},{},", slot.meter, slot.start, slot.end).unwrap();
        if slot.marks.has(Marks::USAGE) {
            let amount = slot.amount.mantissa();
            write!(file, "{}.{:03}", amount / 1000, amount % 1000).unwrap();
        }
        let statement_day = if slot.statement_day == NO_STATEMENT_DAY { 0 } else { slot.statement_day };
        let (delivery_only, stage) = (has(Marks::DELIVERY_ONLY), has(Marks::DISTRIBUTOR_STAGE));
        writeln!(file, ",{statement_day},{delivery_only},{stage},{},{}", slot.class, slot.place).unwrap();
    }
    file.flush().unwrap();
}
