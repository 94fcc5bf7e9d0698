//! Short lists of small numbers as Rice codes: the quotient by 2^k in unary, the remainder in k bits, k chosen for each list.
//!
//! Numbers that lie around another one than 0 are kept as their distances to the median, where that is shorter. For some
//! tens of numbers there is no room for a table of frequencies, and this comes within a few percent of what one
//! would give. R. F. Rice, "Some Practical Universal Noiseless Coding Techniques", JPL 79-22, 1979.

use super::super::bytes::{Damage, unzigzag, zigzag};

/// Bits of k.
const PARAMETER_BITS: u32 = 5;

/// The largest k: larger numbers are escaped.
const MAX_PARAMETER: u32 = (1 << PARAMETER_BITS) - 1;

/// So many ones say that the number itself follows, after its length in bits.
const ESCAPE: u32 = 20;

/// Bits of the length of a number, less one.
const LENGTH_BITS: u32 = 6;

/// Writes single bits, most significant first.
#[derive(Debug, Default)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    pending: u64,
    used: u32,
}

impl BitWriter {
    /// Writes the lowest `count` bits, at most 32.
    fn bits(&mut self, value: u64, count: u32) {
        self.pending = self.pending << count | (value & ((1 << count) - 1));
        self.used += count;
        while self.used >= 8 {
            self.used -= 8;
            #[expect(clippy::cast_possible_truncation, reason = "the lowest eight bits are meant")]
            self.bytes.push((self.pending >> self.used) as u8);
        }
    }

    /// Writes one bit.
    pub(super) fn bit(&mut self, is_set: bool) {
        self.bits(u64::from(is_set), 1);
    }

    /// Writes the lowest `count` bits, at most 64.
    pub(super) fn wide(&mut self, value: u64, count: u32) {
        if count > 32 {
            self.bits(value >> 32, count - 32);
        }
        self.bits(value, count.min(32));
    }

    /// Writes a number after its own length.
    fn long(&mut self, number: u64) {
        let length = (64 - number.leading_zeros()).max(1);
        self.bits(u64::from(length - 1), LENGTH_BITS);
        self.wide(number, length);
    }

    /// Writes a list; its length is not kept.
    pub(super) fn list(&mut self, numbers: &[u64]) {
        if numbers.iter().all(|number| *number == 0) {
            return self.bits(0, 1);
        }
        self.bits(1, 1);
        let center = median(numbers);
        let distances: Vec<u64> =
            numbers.iter().map(|number| zigzag(number.wrapping_sub(center).cast_signed())).collect();
        let (plain, centered) = (best_parameter(numbers), best_parameter(&distances));
        let center_bits = u64::from(LENGTH_BITS + 64 - center.leading_zeros());
        if centered.1 + center_bits < plain.1 {
            self.bits(1, 1);
            self.long(center);
            self.codes(&distances, centered.0);
        } else {
            self.bits(0, 1);
            self.codes(numbers, plain.0);
        }
    }

    fn codes(&mut self, numbers: &[u64], k: u32) {
        self.bits(u64::from(k), PARAMETER_BITS);
        for number in numbers {
            let quotient = number >> k;
            if quotient >= u64::from(ESCAPE) {
                self.bits(u64::MAX, ESCAPE);
                self.long(*number);
            } else {
                #[expect(clippy::cast_possible_truncation, reason = "less than the escape")]
                let ones = quotient as u32;
                self.bits(u64::MAX << 1, ones + 1);
                self.wide(*number, k);
            }
        }
    }

    /// The bytes, filled up with zeros.
    pub(super) fn finish(mut self) -> Vec<u8> {
        if self.used > 0 {
            self.bits(0, 8 - self.used);
        }
        self.bytes
    }
}

fn median(numbers: &[u64]) -> u64 {
    let mut sorted = numbers.to_vec();
    let middle = sorted.len() / 2;
    *sorted.select_nth_unstable(middle).1
}

/// The k that makes a list shortest, and how many bits it needs then.
fn best_parameter(numbers: &[u64]) -> (u32, u64) {
    let length = |k: u32| -> u64 {
        let code = |number: &u64| match number >> k {
            quotient if quotient >= u64::from(ESCAPE) => u64::from(ESCAPE + LENGTH_BITS + 64 - number.leading_zeros()),
            quotient => quotient + u64::from(1 + k),
        };
        numbers.iter().map(code).sum()
    };
    let widest = numbers.iter().map(|number| 64 - number.leading_zeros()).max().unwrap_or(0);
    let lengths = (0..=widest.min(MAX_PARAMETER)).map(|k| (k, length(k)));
    lengths.min_by_key(|(_, length)| *length).unwrap_or((0, 0))
}

/// Reads what a [`BitWriter`] wrote.
#[derive(Debug)]
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    pending: u64,
    left: u32,
}

impl<'a> BitReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, pending: 0, left: 0 }
    }

    /// The next `count` bits, at most 32.
    fn bits(&mut self, count: u32) -> Result<u64, Damage> {
        while self.left < count {
            let (byte, rest) = self.bytes.split_first().ok_or(Damage("ends early"))?;
            self.bytes = rest;
            self.pending = self.pending << 8 | u64::from(*byte);
            self.left += 8;
        }
        self.left -= count;
        Ok(self.pending >> self.left & ((1 << count) - 1))
    }

    /// The next bit.
    pub(super) fn bit(&mut self) -> Result<bool, Damage> {
        Ok(self.bits(1)? == 1)
    }

    /// The next `count` bits, at most 64.
    pub(super) fn wide(&mut self, count: u32) -> Result<u64, Damage> {
        let high = if count > 32 { self.bits(count - 32)? << 32 } else { 0 };
        Ok(high | self.bits(count.min(32))?)
    }

    fn long(&mut self) -> Result<u64, Damage> {
        let length = self.bits(LENGTH_BITS)? + 1;
        self.wide(u32::try_from(length).unwrap_or(64))
    }

    /// Reads a list of `count` numbers; the caller has bounded `count`.
    pub(super) fn list(&mut self, count: usize) -> Result<Vec<u64>, Damage> {
        if self.bits(1)? == 0 {
            return Ok(vec![0; count]);
        }
        let center = if self.bits(1)? == 1 { Some(self.long()?) } else { None };
        let k = u32::try_from(self.bits(PARAMETER_BITS)?).unwrap_or(0);
        let number = |code: u64| center.map_or(code, |center| center.wrapping_add(unzigzag(code).cast_unsigned()));
        (0..count).map(|_| self.number(k).map(number)).collect()
    }

    fn number(&mut self, k: u32) -> Result<u64, Damage> {
        let mut quotient = 0;
        while self.bits(1)? == 1 {
            quotient += 1;
            if quotient == ESCAPE {
                return self.long();
            }
        }
        Ok(u64::from(quotient) << k | self.wide(k)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_lists_read_back(lists in prop::collection::vec(prop::collection::vec(
            prop_oneof![0..4_u64, 0..2000_u64, any::<u64>()], 0..70), 0..6))
        {
            let mut writer = BitWriter::default();
            for list in &lists { writer.list(list); }
            let bytes = writer.finish();
            let mut reader = BitReader::new(&bytes);
            for list in lists {
                prop_assert_eq!(reader.list(list.len()), Ok(list));
            }
        }

        #[test]
        fn garbage_is_an_error_or_a_list(bytes: Vec<u8>, count in 0..100_usize) {
            if let Ok(list) = BitReader::new(&bytes).list(count) {
                prop_assert_eq!(list.len(), count);
            }
        }
    }
}
