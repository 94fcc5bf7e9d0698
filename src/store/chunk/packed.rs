//! A list of whole numbers, near its entropy.

use pco::{
    ChunkConfig, DeltaSpec, ModeSpec,
    standalone::{simple_compress, simple_decompress_into},
};

use super::super::bytes::{Damage, Reader, put_signed};

/// Every number is the same.
const SAME: u8 = 0;
/// First differences as variable-length integers.
const SHORT: u8 = 1;
/// pco of the differences to the first number, which fit 32 bits.
const NARROW: u8 = 2;
/// pco of the numbers themselves.
const WIDE: u8 = 3;

/// Lists up to this long are tried as [`SHORT`] too: pco's header alone is longer than many of them.
const SHORT_LENGTH: usize = 256;

/// Lists up to this long are not tried as pco: it costs more time than all else, for nothing.
const TINY_LENGTH: usize = 16;

/// pco's compression level; higher ones gain nothing on these data (measured).
const LEVEL: usize = 8;

/// Packs `numbers`, with the best of the given orders of differences; the first is taken where they are equal.
pub(super) fn pack(numbers: &[i64], orders: &[usize]) -> Vec<u8> {
    let first = numbers.first().copied().unwrap_or(0);
    let mut best = vec![SAME];
    put_signed(&mut best, first);
    if numbers.iter().all(|number| *number == first) {
        return best;
    }
    best = if numbers.len() <= SHORT_LENGTH { pack_short(numbers) } else { Vec::new() };
    let orders = if numbers.len() <= TINY_LENGTH { &[] } else { orders };
    for order in orders {
        let packed = pack_dense(numbers, first, *order);
        if best.is_empty() || packed.as_ref().is_some_and(|packed| packed.len() < best.len()) {
            best = packed.unwrap_or_else(|| pack_short(numbers));
        }
    }
    best
}

fn pack_short(numbers: &[i64]) -> Vec<u8> {
    let mut bytes = vec![SHORT];
    let mut before = 0_i64;
    for number in numbers {
        put_signed(&mut bytes, number.wrapping_sub(before));
        before = *number;
    }
    bytes
}

fn pack_dense(numbers: &[i64], first: i64, order: usize) -> Option<Vec<u8>> {
    let delta = if order == 0 { DeltaSpec::NoOp } else { DeltaSpec::TryConsecutive(order) };
    let config =
        ChunkConfig::default().with_compression_level(LEVEL).with_mode_spec(ModeSpec::Classic).with_delta_spec(delta);
    let narrow: Option<Vec<i32>> =
        numbers.iter().map(|number| i32::try_from(number.checked_sub(first)?).ok()).collect();
    let (mut bytes, packed) = match narrow {
        Some(narrow) => {
            let mut bytes = vec![NARROW];
            put_signed(&mut bytes, first);
            (bytes, simple_compress(&narrow, &config).ok()?)
        }
        None => (vec![WIDE], simple_compress(numbers, &config).ok()?),
    };
    bytes.extend(packed);
    Some(bytes)
}

/// The `count` numbers of a packed list; the caller has bounded `count`, no count of the bytes is believed.
pub(super) fn unpack(bytes: &[u8], count: usize) -> Result<Vec<i64>, Damage> {
    let (coding, rest) = bytes.split_first().ok_or(Damage("ends early"))?;
    let mut reader = Reader::new(rest);
    match *coding {
        SAME => Ok(vec![reader.signed()?; count]),
        SHORT => {
            let mut number = 0_i64;
            let mut next = || {
                number = number.wrapping_add(reader.signed()?);
                Ok(number)
            };
            (0..count).map(|_| next()).collect()
        }
        NARROW => {
            let first = reader.signed()?;
            let narrow = unpack_dense::<i32>(reader.rest(), count)?;
            Ok(narrow.into_iter().map(|number| first.wrapping_add(i64::from(number))).collect())
        }
        WIDE => unpack_dense::<i64>(rest, count),
        _ => Err(Damage("unknown coding")),
    }
}

fn unpack_dense<T: pco::data_types::Number + Default>(bytes: &[u8], count: usize) -> Result<Vec<T>, Damage> {
    let mut numbers = vec![T::default(); count];
    match simple_decompress_into(bytes, &mut numbers) {
        Ok(progress) if progress.n_processed == count => Ok(numbers),
        _ => Err(Damage("numbers do not unpack")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_list_reads_back(numbers: Vec<i64>, small in prop::collection::vec(-9..9_i64, 0..700)) {
            for numbers in [numbers, small] {
                let bytes = pack(&numbers, &[1, 0]);
                prop_assert_eq!(unpack(&bytes, numbers.len()), Ok(numbers));
            }
        }

        #[test]
        fn garbage_is_an_error_or_a_list(bytes: Vec<u8>, count in 0..2000_usize) {
            if let Ok(numbers) = unpack(&bytes, count) {
                prop_assert_eq!(numbers.len(), count);
            }
        }
    }
}
