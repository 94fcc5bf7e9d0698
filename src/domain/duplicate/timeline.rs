//! A meter's readings as bars over time: what lies over each other, what counts, where nothing is.

use std::collections::{HashMap, HashSet};

use jiff::civil::Date;

use super::{
    finding::{Finding, Standing, Status},
    id::{FindingKind, ReadingId},
    period::{Period, date_of, day_number},
    reading::Reading,
};

/// What a bar says about its reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BarState {
    /// It counts.
    Counts,
    /// It counts, and overlaps with another that does: a person has to look.
    CountsTwice,
    /// A person has to decide whether it counts.
    Open,
    /// It says no usage.
    NoUsage,
    /// Another counts in its place.
    SetAside,
    /// It never counts.
    Excluded,
}

impl BarState {
    /// Bars of one layer share rows: what counts; what does not, or not yet; what never does.
    fn layer(self) -> u8 {
        match self {
            Self::Counts | Self::CountsTwice => 0,
            Self::Open | Self::NoUsage | Self::SetAside => 1,
            Self::Excluded => 2,
        }
    }
}

/// One reading on the timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bar {
    /// Which reading.
    pub reading: ReadingId,
    /// First column.
    pub from: u16,
    /// The column after the last; at least one more than the first.
    pub to: u16,
    /// Which row: 0 is the uppermost, and has what counts.
    pub row: u16,
    /// What it says.
    pub state: BarState,
}

/// Days laid out over columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Axis {
    start: i32,
    end: i32,
    columns: u16,
}

impl Axis {
    /// The days of `period` over `columns`.
    pub fn new(period: Period, columns: u16) -> Self {
        let start = day_number(period.start);
        Self { start, end: day_number(period.end).max(start + 1), columns }
    }

    /// All days that readings are about; `None` without any.
    pub fn of(readings: &[Reading], columns: u16) -> Option<Self> {
        let start = readings.iter().map(|reading| reading.period.start).min()?;
        let end = readings.iter().map(|reading| reading.period.end).max()?;
        Some(Self::new(Period { start, end }, columns))
    }

    /// The column that a day is in, or the nearest; the day after the last gives the column after the last.
    pub fn column(&self, date: Date) -> u16 {
        self.column_of(day_number(date))
    }

    /// The first day in a column.
    pub fn date(&self, column: u16) -> Date {
        let (days, columns) = (i64::from(self.end - self.start), i64::from(self.columns.max(1)));
        let day = (i64::from(column.min(self.columns)) * days + columns - 1) / columns;
        date_of(self.start.saturating_add(i32::try_from(day).unwrap_or(i32::MAX)))
    }

    fn column_of(&self, day: i32) -> u16 {
        let inside = i64::from(day.clamp(self.start, self.end) - self.start);
        let column = inside * i64::from(self.columns) / i64::from(self.end - self.start);
        u16::try_from(column).unwrap_or(self.columns)
    }

    /// Columns of a period: at least one where any of it is on the axis.
    fn span(&self, period: Period) -> Option<(u16, u16)> {
        let (start, end) = (day_number(period.start), day_number(period.end));
        if end <= self.start || self.end <= start || self.columns == 0 {
            return None;
        }
        let from = self.column_of(start).min(self.columns - 1);
        Some((from, self.column_of(end).max(from + 1)))
    }
}

/// The bars of a meter's readings, in the order of the readings. Readings of one row never share a day; what counts comes
/// first, so that the uppermost row is the meter's accounting and shows its gaps as gaps.
pub fn bars(readings: &[Reading], findings: &[Finding], axis: &Axis) -> Vec<Bar> {
    let states = states(readings, findings);
    let mut order: Vec<(usize, &Reading, BarState)> =
        readings.iter().zip(states).enumerate().map(|(place, (reading, state))| (place, reading, state)).collect();
    order.sort_unstable_by_key(|(_, reading, state)| (state.layer(), reading.period, reading.id));
    let mut rows = Rows::default();
    let mut bars: Vec<(usize, Bar)> = Vec::with_capacity(readings.len());
    for (place, reading, state) in order {
        if let Some((from, to)) = axis.span(reading.period) {
            let row = rows.place(state.layer(), reading.period);
            bars.push((place, Bar { reading: reading.id, from, to, row, state }));
        }
    }
    bars.sort_unstable_by_key(|(place, _)| *place);
    bars.into_iter().map(|(_, bar)| bar).collect()
}

fn states(readings: &[Reading], findings: &[Finding]) -> Vec<BarState> {
    let mut states: HashMap<ReadingId, BarState> = HashMap::new();
    let (groups, overlaps): (Vec<&Finding>, Vec<&Finding>) =
        findings.iter().partition(|finding| finding.kind == FindingKind::Duplicate);
    for finding in groups.into_iter().chain(overlaps) {
        let counted: HashSet<ReadingId> = match &finding.standing {
            Standing::Ruled { chosen, .. } => HashSet::from([*chosen]),
            Standing::Decided { counted, .. } => counted.iter().copied().collect(),
            Standing::Open { .. } => HashSet::new(),
        };
        for member in &finding.members {
            let before = states.get(member).copied().unwrap_or(BarState::Counts);
            let state = match (finding.standing.status(), finding.kind) {
                (Status::Resolved, _) if counted.contains(member) => before,
                (Status::Resolved, _) => BarState::SetAside,
                (Status::Review, FindingKind::Duplicate) => BarState::Open,
                (Status::Review, FindingKind::Overlap) if before == BarState::Counts => BarState::CountsTwice,
                (Status::Review, FindingKind::Overlap) => before,
            };
            states.insert(*member, state);
        }
    }
    let state = |reading: &Reading| match states.get(&reading.id).copied() {
        _ if reading.excluded.is_some() => BarState::Excluded,
        Some(BarState::Counts) | None if reading.usage.is_none() => BarState::NoUsage,
        state => state.unwrap_or(BarState::Counts),
    };
    readings.iter().map(state).collect()
}

/// Most rows: more than a terminal has. What is beyond them is drawn in the last.
const MAX_ROWS: usize = 64;

/// Where the last reading of each row ends, for readings that come by layer and start.
#[derive(Default)]
struct Rows {
    ends: Vec<Date>,
    layer: Option<u8>,
    /// First row of this layer: above it are rows that earlier ones have filled.
    first: usize,
}

impl Rows {
    /// The first row of the layer that is free from the period's start on.
    fn place(&mut self, layer: u8, period: Period) -> u16 {
        if self.layer.replace(layer).is_some_and(|last| last != layer) {
            self.first = self.ends.len().min(MAX_ROWS - 1);
        }
        let free = self.ends.iter().skip(self.first).position(|end| *end <= period.start);
        let row = free.map_or(self.ends.len(), |free| self.first + free).min(MAX_ROWS - 1);
        match self.ends.get_mut(row) {
            Some(end) => *end = period.end.max(*end),
            None => self.ends.push(period.end),
        }
        u16::try_from(row).unwrap_or(u16::MAX)
    }
}
