//! Short lists of small numbers as Rice codes: the quotient by 2^k in unary, the remainder in k bits, k chosen for each list.
//!
//! For some tens of numbers there is no room for a table of frequencies, and this comes within a few percent of what one
//! would give. R. F. Rice, "Some Practical Universal Noiseless Coding Techniques", JPL 79-22, 1979.

use super::super::bytes::Damage;

/// In place of k: every number is 0.
const ZEROS: u64 = 63;

/// Bits of k.
const PARAMETER_BITS: u32 = 6;

/// The largest k: larger numbers are escaped.
const MAX_PARAMETER: u32 = 40;

/// So many ones say that the number itself follows, in 64 bits.
const ESCAPE: u32 = 24;

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

    fn wide(&mut self, value: u64, count: u32) {
        if count > 32 {
            self.bits(value >> 32, count - 32);
        }
        self.bits(value, count.min(32));
    }

    /// Writes a list; its length is not kept.
    pub(super) fn list(&mut self, numbers: &[u64]) {
        if numbers.iter().all(|number| *number == 0) {
            return self.bits(ZEROS, PARAMETER_BITS);
        }
        let k = best_parameter(numbers);
        self.bits(u64::from(k), PARAMETER_BITS);
        for number in numbers {
            let quotient = number >> k;
            if quotient >= u64::from(ESCAPE) {
                self.bits(u64::MAX, ESCAPE);
                self.wide(*number, 64);
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

/// The k that makes a list shortest.
fn best_parameter(numbers: &[u64]) -> u32 {
    let length = |k: &u32| -> u128 {
        let code = |number: &u64| match u128::from(number >> k) {
            quotient if quotient >= u128::from(ESCAPE) => u128::from(ESCAPE) + 64,
            quotient => quotient + 1 + u128::from(*k),
        };
        numbers.iter().map(code).sum()
    };
    let widest = numbers.iter().map(|number| 64 - number.leading_zeros()).max().unwrap_or(0);
    (0..=widest.min(MAX_PARAMETER)).min_by_key(length).unwrap_or(0)
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

    fn wide(&mut self, count: u32) -> Result<u64, Damage> {
        let high = if count > 32 { self.bits(count - 32)? << 32 } else { 0 };
        Ok(high | self.bits(count.min(32))?)
    }

    /// Reads a list of `count` numbers; the caller has bounded `count`.
    pub(super) fn list(&mut self, count: usize) -> Result<Vec<u64>, Damage> {
        let parameter = self.bits(PARAMETER_BITS)?;
        if parameter == ZEROS {
            return Ok(vec![0; count]);
        }
        let k = u32::try_from(parameter).ok().filter(|k| *k <= MAX_PARAMETER).ok_or(Damage("unknown parameter"))?;
        (0..count).map(|_| self.number(k)).collect()
    }

    fn number(&mut self, k: u32) -> Result<u64, Damage> {
        let mut quotient = 0;
        while self.bits(1)? == 1 {
            quotient += 1;
            if quotient == ESCAPE {
                return self.wide(64);
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
