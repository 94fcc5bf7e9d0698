//! The rows that columns of one chunk share: when they were read, and which of them only repeat the row before.
//!
//! All quantities of one answer have the same time, so a chunk keeps it once. A meter that renews its registers every few
//! seconds is read more often than that; rows in which nothing changed are kept as one bit of a run.

use super::{
    super::bytes::{Damage, Reader, put, put_signed},
    packed::{pack, unpack},
};

/// More rows than this of one chunk are not read: one for each millisecond of its hour.
pub(super) const MAX_ROWS: usize = 3_600_000;

/// Times that columns share, and which rows are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rows {
    pub(super) times: Vec<i64>,
    /// How many rows each kept row stands for; empty where every row is kept.
    pub(super) runs: Vec<u32>,
}

impl Rows {
    /// How many numbers a column of these rows keeps.
    pub(super) fn kept(&self) -> usize {
        if self.runs.is_empty() { self.times.len() } else { self.runs.len() }
    }

    /// The values of the kept rows, of the values of all rows.
    pub(super) fn keep<T: Copy>(&self, values: &[T]) -> Vec<T> {
        if self.runs.is_empty() {
            return values.to_vec();
        }
        let starts = self.runs.iter().scan(0_usize, |next, run| {
            let start = *next;
            *next += *run as usize;
            Some(start)
        });
        starts.filter_map(|start| values.get(start).copied()).collect()
    }

    /// The values of all rows, of those of the kept ones.
    pub(super) fn expand<T: Copy>(&self, kept: Vec<T>) -> Vec<T> {
        if self.runs.is_empty() {
            return kept;
        }
        let mut values = Vec::with_capacity(self.times.len());
        for (value, run) in kept.into_iter().zip(&self.runs) {
            values.extend(std::iter::repeat_n(value, *run as usize));
        }
        values
    }

    pub(super) fn put(&self, bytes: &mut Vec<u8>) {
        put(bytes, self.times.len() as u64);
        put(bytes, self.runs.len() as u64);
        let first = self.times.first().copied().unwrap_or(0);
        let step = usual_step(&self.times);
        put_signed(bytes, first);
        put_signed(bytes, step);
        let deviations: Vec<i64> =
            (0_i64..).zip(&self.times).map(|(row, time)| time - first - row.wrapping_mul(step)).collect();
        put_block(bytes, &pack(&deviations, &[0, 1]));
        if !self.runs.is_empty() {
            let runs: Vec<i64> = self.runs.iter().map(|run| i64::from(*run)).collect();
            put_block(bytes, &pack(&runs, &[0]));
        }
    }

    pub(super) fn take(reader: &mut Reader<'_>) -> Result<Self, Damage> {
        let count = reader.count(MAX_ROWS)?;
        let kept = reader.count(count)?;
        let (first, step) = (reader.signed()?, reader.signed()?);
        let mut times = unpack(take_block(reader)?, count)?;
        for (row, time) in (0_i64..).zip(&mut times) {
            *time = time.wrapping_add(first).wrapping_add(row.wrapping_mul(step));
        }
        if times.windows(2).any(|pair| pair.first() >= pair.last()) {
            return Err(Damage("times are out of order"));
        }
        let mut runs = Vec::new();
        if kept > 0 {
            let lengths = unpack(take_block(reader)?, kept)?;
            runs = lengths.into_iter().map_while(|run| u32::try_from(run).ok()).collect();
            let total: u64 = runs.iter().map(|run| u64::from(*run)).sum();
            if runs.len() != kept || total != count as u64 {
                return Err(Damage("runs do not add up"));
            }
        }
        Ok(Self { times, runs })
    }
}

/// The median distance of times.
fn usual_step(times: &[i64]) -> i64 {
    let mut steps: Vec<i64> = times.iter().zip(times.iter().skip(1)).map(|(one, next)| next - one).collect();
    if steps.is_empty() {
        return 0;
    }
    let middle = steps.len() / 2;
    *steps.select_nth_unstable(middle).1
}

/// Appends bytes with their length before them.
pub(super) fn put_block(bytes: &mut Vec<u8>, block: &[u8]) {
    put(bytes, block.len() as u64);
    bytes.extend(block);
}

/// What [`put_block`] wrote.
pub(super) fn take_block<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Damage> {
    let length = reader.count(usize::MAX)?;
    reader.take(length)
}
