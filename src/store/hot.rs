//! Hot rows: one batch of samples of all meters, as the difference to the batch before.
//!
//! They are the store's log: a batch is acknowledged once its row is on disk, and what is in memory is always what was read
//! back from rows. A row can be read from the key row before it on; a key row needs none.

use super::{
    bytes::{Damage, Reader, frame, put, put_runs, put_signed, take_runs, unframe, zigzag},
    column::{Mark, has_number},
};

/// Largest batch, in samples.
pub const MAX_BATCH: usize = 131_072;

/// Largest unpacked row: every part of a sample at its longest.
const MAX_BODY: usize = MAX_BATCH * 40 + 64;

/// zstd's level: the fastest; higher ones gain 2 % here.
const LEVEL: i32 = 1;

/// A key row at least this often: how many batches a damaged row may take with it.
const ROWS_PER_KEY: u32 = 60;

/// One sample, its state as a mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HotSample {
    pub(super) series: u32,
    pub(super) at_ms: i64,
    /// Without a number: the one before of the series.
    pub(super) number: i64,
    pub(super) mark: Mark,
}

/// What rows are written or read against.
#[derive(Debug, Clone, Default)]
pub(super) struct HotCoder {
    /// By series: the last number since the key row.
    last: Vec<i64>,
    /// The series of the last row, in its order.
    set: Vec<u32>,
    /// Rows since the key row; `None` before the first one.
    rows: Option<u32>,
}

impl HotCoder {
    /// Makes the next row a key row.
    pub(super) fn start_over(&mut self) {
        self.rows = None;
    }

    fn reset(&mut self) {
        self.last.clear();
        self.set.clear();
        self.rows = Some(0);
    }

    /// Packs a batch, at most [`MAX_BATCH`] samples, in an order in which series and times of neighbours are alike.
    pub(super) fn write(&mut self, samples: &[HotSample]) -> Result<Vec<u8>, Damage> {
        let is_key = self.rows.is_none_or(|rows| rows >= ROWS_PER_KEY);
        if is_key {
            self.reset();
        }
        self.rows = self.rows.map(|rows| rows + 1);
        let base_ms = samples.first().map_or(0, |sample| sample.at_ms);
        let mut body = Vec::with_capacity(samples.len() * 2 + 64);
        body.push(u8::from(is_key));
        put(&mut body, samples.len() as u64);
        put_signed(&mut body, base_ms);

        let same_set = self.set.iter().copied().eq(samples.iter().map(|sample| sample.series));
        body.push(u8::from(same_set));
        if !same_set {
            self.set.clear();
            let mut before = 0;
            for sample in samples {
                put_signed(&mut body, i64::from(sample.series) - before);
                before = i64::from(sample.series);
                self.set.push(sample.series);
            }
        }
        for run in samples.chunk_by(|one, other| one.at_ms == other.at_ms) {
            put(&mut body, run.len() as u64);
            put_signed(&mut body, run.first().map_or(0, |sample| sample.at_ms - base_ms));
        }
        let marks: Vec<Mark> = samples.iter().map(|sample| sample.mark).collect();
        put_runs(&mut body, &marks);
        for sample in samples {
            let last = self.last(sample.series);
            let number = if has_number(sample.mark) { sample.number } else { *last };
            put(&mut body, zigzag(number.wrapping_sub(*last)));
            *last = number;
        }
        if let Ok(packed) = zstd::bulk::compress(&body, LEVEL) {
            Ok(frame(&packed))
        } else {
            self.start_over();
            Err(Damage("a row does not pack"))
        }
    }

    fn last(&mut self, series: u32) -> &mut i64 {
        let place = series as usize;
        if place >= self.last.len() {
            self.last.resize(place + 1, 0);
        }
        #[expect(clippy::indexing_slicing, reason = "just made long enough")]
        &mut self.last[place]
    }

    /// Reads the row that follows the one read before.
    pub(super) fn read(&mut self, block: &[u8], max_series: u32) -> Result<Vec<HotSample>, Damage> {
        let read = self.read_row(block, max_series);
        if read.is_err() {
            self.rows = None; // until the next key row nothing can be told
        }
        read
    }

    fn read_row(&mut self, block: &[u8], max_series: u32) -> Result<Vec<HotSample>, Damage> {
        let body = zstd::bulk::decompress(unframe(block)?, MAX_BODY).map_err(|_| Damage("a row does not unpack"))?;
        let mut reader = Reader::new(&body);
        if reader.byte()? != 0 {
            self.reset();
        } else if self.rows.is_none() {
            return Err(Damage("the key row is missing"));
        }
        self.rows = self.rows.map(|rows| rows.saturating_add(1));
        let count = reader.count(MAX_BATCH)?;
        let base_ms = reader.signed()?;
        if reader.byte()? == 0 {
            self.set.clear();
            let mut series = 0_i64;
            for _ in 0..count {
                series = series.wrapping_add(reader.signed()?);
                let known = u32::try_from(series).ok().filter(|series| *series <= max_series);
                self.set.push(known.ok_or(Damage("an unknown series"))?);
            }
        }
        if self.set.len() != count {
            return Err(Damage("series are missing"));
        }
        let mut samples = Vec::with_capacity(count);
        while samples.len() < count {
            let length = reader.count(count - samples.len())?;
            let at_ms = base_ms.wrapping_add(reader.signed()?);
            samples.extend(std::iter::repeat_n(HotSample { series: 0, at_ms, number: 0, mark: 0 }, length));
            if length == 0 {
                return Err(Damage("an empty run"));
            }
        }
        let marks = take_runs(&mut reader, count)?;
        let set = std::mem::take(&mut self.set);
        for ((sample, series), mark) in samples.iter_mut().zip(&set).zip(marks) {
            let last = self.last(*series);
            *last = last.wrapping_add(reader.signed()?);
            *sample = HotSample { series: *series, at_ms: sample.at_ms, number: *last, mark };
        }
        self.set = set;
        Ok(samples)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_batch() -> impl Strategy<Value = Vec<HotSample>> {
        let at = prop_oneof![Just(1_700_000_000_000_i64), 0..7_000_000_000_000_i64];
        let sample = (1..40_u32, at, any::<i64>(), 0..5_u8);
        let sample = sample.prop_map(|(series, at_ms, number, mark)| HotSample { series, at_ms, number, mark });
        prop::collection::vec(sample, 0..50)
    }

    proptest! {
        #[test]
        fn rows_read_back_in_order(batches in prop::collection::vec(any_batch(), 1..80), again: bool) {
            let (mut writer, mut reader) = (HotCoder::default(), HotCoder::default());
            for batch in batches {
                for _ in 0..=u8::from(again) {
                    let row = writer.write(&batch).unwrap();
                    prop_assert_eq!(reader.read(&row, 40), Ok(batch.clone()));
                }
            }
        }
    }

    #[test]
    fn a_damaged_row_takes_those_up_to_the_next_key_row() {
        let (mut writer, mut reader) = (HotCoder::default(), HotCoder::default());
        let mut read = Vec::new();
        for second in 0..130 {
            let batch = [HotSample { series: 3, at_ms: second * 1000, number: second * 7, mark: 0 }];
            let mut row = writer.write(&batch).unwrap();
            if second == 10 {
                row[12] ^= 1;
            }
            if let Ok(samples) = reader.read(&row, 3) {
                assert_eq!(samples, batch);
                read.push(second);
            }
        }
        assert!(read.iter().copied().eq((0..10).chain(60..130)));
    }
}
