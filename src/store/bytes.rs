//! Bytes of stored blocks: variable-length integers, and a frame that says whether a block is whole.

/// First byte of every block; a block of another version is not read.
const FRAME_VERSION: u8 = 1;

/// Bytes before a block's body: version and CRC-32 of the body.
const FRAME_LENGTH: usize = 5;

/// Why a stored block cannot be read. It is left as it is; only this block's samples are out of reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("damaged block: {0}")]
pub struct Damage(pub &'static str);

/// A block's body with its frame in front.
pub(super) fn frame(body: &[u8]) -> Vec<u8> {
    let mut block = Vec::with_capacity(FRAME_LENGTH + body.len());
    block.push(FRAME_VERSION);
    block.extend(crc32fast::hash(body).to_le_bytes());
    block.extend(body);
    block
}

/// The body of a block that is whole.
pub(super) fn unframe(block: &[u8]) -> Result<&[u8], Damage> {
    let (version, rest) = block.split_first().ok_or(Damage("empty"))?;
    let (checksum, body) = rest.split_first_chunk::<4>().ok_or(Damage("too short"))?;
    if *version != FRAME_VERSION {
        return Err(Damage("unknown version"));
    }
    if crc32fast::hash(body) != u32::from_le_bytes(*checksum) {
        return Err(Damage("checksum"));
    }
    Ok(body)
}

/// Appends an integer: 7 bits a byte, least significant first.
pub(super) fn put(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    #[expect(clippy::cast_possible_truncation, reason = "less than 0x80")]
    bytes.push(value as u8);
}

/// Appends a signed integer, small magnitudes short.
pub(super) fn put_signed(bytes: &mut Vec<u8>, value: i64) {
    put(bytes, zigzag(value));
}

/// 0, -1, 1, -2, … as 0, 1, 2, 3, …
pub(super) fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

/// The inverse of [`zigzag`].
pub(super) fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

/// Appends runs of equal bytes as pairs of byte and length.
pub(super) fn put_runs(bytes: &mut Vec<u8>, values: &[u8]) {
    for run in values.chunk_by(|one, other| one == other) {
        bytes.extend(run.first());
        put(bytes, run.len() as u64);
    }
}

/// The `count` bytes that [`put_runs`] wrote.
pub(super) fn take_runs(reader: &mut Reader<'_>, count: usize) -> Result<Vec<u8>, Damage> {
    let mut values = Vec::with_capacity(count);
    while values.len() < count {
        let value = reader.byte()?;
        let length = reader.count(count - values.len())?;
        values.resize(values.len() + length, value);
    }
    Ok(values)
}

/// Reads what [`put`] and its like wrote; never past the end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// What was not read yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub(super) fn byte(&mut self) -> Result<u8, Damage> {
        let (first, rest) = self.0.split_first().ok_or(Damage("ends early"))?;
        self.0 = rest;
        Ok(*first)
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], Damage> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Damage("ends early"))?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn number(&mut self) -> Result<u64, Damage> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Damage("a number has no end"))
    }

    pub(super) fn signed(&mut self) -> Result<i64, Damage> {
        Ok(unzigzag(self.number()?))
    }

    /// A number that counts or measures something in memory, at most `limit`.
    pub(super) fn count(&mut self, limit: usize) -> Result<usize, Damage> {
        match usize::try_from(self.number()?) {
            Ok(count) if count <= limit => Ok(count),
            _ => Err(Damage("a count is too large")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_read_back(values: Vec<i64>) {
            let mut bytes = Vec::new();
            for value in &values { put_signed(&mut bytes, *value); }
            let mut reader = Reader::new(&bytes);
            for value in values {
                prop_assert_eq!(reader.signed(), Ok(value));
            }
            prop_assert!(reader.byte().is_err());
        }

        #[test]
        fn any_flipped_bit_is_seen(body: Vec<u8>, place: usize, bit in 0..8_u8) {
            let mut block = frame(&body);
            prop_assert_eq!(unframe(&block), Ok(body.as_slice()));
            let place = place % block.len();
            block[place] ^= 1 << bit;
            prop_assert!(unframe(&block).is_err());
        }
    }

    #[test]
    fn runs_read_back() {
        let mut bytes = Vec::new();
        put_runs(&mut bytes, &[3, 3, 3, 0, 0, 7]);
        assert_eq!(bytes, [3, 3, 0, 2, 7, 1]);
        assert_eq!(take_runs(&mut Reader::new(&bytes), 6), Ok(vec![3, 3, 3, 0, 0, 7]));
        assert_eq!(take_runs(&mut Reader::new(&bytes), 7), Err(Damage("ends early")));
    }
}
