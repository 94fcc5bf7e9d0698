use proptest::prelude::*;

use super::*;
use crate::{
    domain::reading::State,
    store::column::{GOOD, mark},
};

/// Any column: times with any gaps, numbers of any size or hardly moving, any states.
fn any_column(series: u32) -> impl Strategy<Value = Column> {
    let time = prop_oneof![3 => Just(1000_i64), 1 => 1..5000_i64, 1 => 1..100_000_000_i64];
    let number = prop_oneof![4 => -3..3_i64, 1 => -9_000_000_000_000_000_000..9_000_000_000_000_000_000_i64];
    let state = prop_oneof![
        9 => Just(GOOD),
        1 => Just(mark(State::Bad, false)),
        1 => Just(mark(State::Estimated, true)),
        1 => Just(mark(State::Missing, false)),
    ];
    let still = prop_oneof![Just(false), Just(true)];
    (prop::collection::vec((time, number, state, still), 0..400), 0..=6_u8).prop_map(move |(samples, decimals)| {
        let mut column = Column::new(series, Decimals::new(decimals).unwrap());
        let mut at = 1_700_000_000_000;
        let mut value = 2301;
        for (gap, number, mark, still) in samples {
            at += gap;
            value = if still { value } else { number };
            column.push(at, value, mark);
        }
        column
    })
}

/// A meter whose quantities follow from each other but for rounding, read together.
fn meter(rows: usize, hold: usize) -> Vec<(Column, Quantity)> {
    let quantities = [
        (Quantity::CurrentKw, 2),
        (Quantity::CurrentKvar, 2),
        (Quantity::CurrentKva, 2),
        (Quantity::PowerFactor, 3),
        (Quantity::VoltagePhaseA, 1),
        (Quantity::KwPhaseA, 2),
        (Quantity::KwPhaseB, 2),
        (Quantity::KwPhaseC, 2),
        (Quantity::AmpsPhaseA, 2),
        (Quantity::Frequency, 2),
    ];
    let mut columns: Vec<_> = (0..)
        .zip(quantities)
        .map(|(series, (quantity, decimals))| (Column::new(series, Decimals::new(decimals).unwrap()), quantity))
        .collect();
    let mut random = fastrand::Rng::with_seed(7);
    let mut values = [0.0; 10];
    for row in 0..rows {
        if row % hold == 0 {
            let phases = [random.f64() * 4.0, random.f64() * 3.0, 1.0 + random.f64()];
            let kw: f64 = phases.iter().sum();
            let kvar = random.f64() * 2.0;
            let kva = kw.hypot(kvar);
            let volt = 228.0 + random.f64() * 4.0;
            let amps = phases[0] * 1000.0 * kva / kw / volt;
            values = [kw, kvar, kva, kw / kva, volt, phases[0], phases[1], phases[2], amps, 50.0];
        }
        let second = i64::try_from(row).unwrap();
        for ((column, _), value) in columns.iter_mut().zip(values) {
            let number = column.decimals.number(value).unwrap();
            column.push(1_700_000_000_000 + second * 1000 + second % 7, number, GOOD);
        }
    }
    columns
}

fn named(columns: &[(Column, Quantity)]) -> Vec<(&Column, Option<&Quantity>)> {
    columns.iter().map(|(column, quantity)| (column, Some(quantity))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_was_packed_unpacks(one in any_column(7), other in any_column(3), quick: bool) {
        let columns = [(&one, Some(&Quantity::CurrentKw)), (&other, None)];
        let block = pack_chunk(&columns, if quick { Effort::Quick } else { Effort::Best });
        let chunk = Chunk::open(&block).unwrap();
        for column in [&one, &other] {
            let expected = (column.len() > 0).then(|| column.clone());
            prop_assert_eq!(chunk.column(column.series).unwrap().map(normal), expected.map(normal));
        }
        prop_assert_eq!(chunk.column(99).unwrap(), None);
    }

    #[test]
    fn damage_is_an_error_never_a_panic(place: usize, bit in 0..8_u8, refit: bool) {
        let columns = meter(40, 2);
        let mut block = pack_chunk(&named(&columns), Effort::Best);
        let place = place % block.len();
        block[place] ^= 1 << bit;
        if refit {
            // As if the checksum were forged: nothing promised but that it ends well.
            let body = block.split_off(5);
            block = frame(&body);
            if let Ok(chunk) = Chunk::open(&block) {
                let _ = chunk.columns();
            }
        } else {
            prop_assert!(Chunk::open(&block).is_err());
        }
    }
}

/// Marks as a list in any case, to compare.
fn normal(mut column: Column) -> Column {
    column.marks.resize(column.len(), GOOD);
    column
}

#[test]
fn predictions_shorten_what_follows_and_lose_nothing() {
    for (rows, hold) in [(3600, 1), (3600, 3), (300, 1), (1, 1), (2, 1)] {
        let columns = meter(rows, hold);
        let quick = pack_chunk(&named(&columns), Effort::Quick);
        let best = pack_chunk(&named(&columns), Effort::Best);
        for block in [&quick, &best] {
            let chunk = Chunk::open(block).unwrap();
            let mut unpacked = chunk.columns().unwrap();
            unpacked.sort_by_key(|column| column.series);
            assert!(unpacked.iter().eq(columns.iter().map(|(column, _)| column)));
            assert_eq!(chunk.series().count(), columns.len());
        }
        if rows == 3600 {
            assert!(best.len() * 4 < quick.len() * 3, "{} of {} bytes", best.len(), quick.len());
        }
    }
}
