//! What the rules need of a reading, small enough for ten million of them in memory.

use rust_decimal::Decimal;

/// Statement day of a reading without a statement date: the earliest.
pub const NO_STATEMENT_DAY: i32 = i32::MIN;

/// One reading as the rules see it: 40 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// Which meter: counted from 0, without holes.
    pub meter: u32,
    /// First day, as days since 1970.
    pub start: i32,
    /// The day after the last; later than the start.
    pub end: i32,
    /// Usage in the dimension's base unit, without trailing zeros; zero where there is none.
    pub amount: Decimal,
    /// The statement's date, as days since 1970, or [`NO_STATEMENT_DAY`].
    pub statement_day: i32,
    /// Its place in the order of reading ids.
    pub place: u32,
    /// What it measures; only equal numbers are compared.
    pub dimension: u16,
    /// Evidence and whether there is a usage.
    pub marks: Marks,
    /// 0 for a main provider, 1 for an additional one, 2 for what is not known.
    pub class: u8,
}

/// What is known of a reading by yes or no.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Marks(u8);

impl Marks {
    /// It says a usage.
    pub const USAGE: Self = Self(1);
    /// Its deregulation status is `DELIVERY_ONLY`.
    pub const DELIVERY_ONLY: Self = Self(2);
    /// Its account has a charge of the distributor's.
    pub const DISTRIBUTOR_STAGE: Self = Self(4);

    /// These and those.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// These, and `other` where `condition` holds.
    #[must_use]
    pub const fn with_if(self, condition: bool, other: Self) -> Self {
        if condition { self.with(other) } else { self }
    }

    /// Whether `other` is among these.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl Slot {
    /// Whether two readings of one meter and dimension have the same period: both ends at most a day apart, and some
    /// time in common.
    pub fn is_same_period(&self, other: &Self) -> bool {
        (self.start - other.start).abs() <= 1
            && (self.end - other.end).abs() <= 1
            && self.end.min(other.end) > self.start.max(other.start)
    }

    /// Whether both say the same usage. Base amounts have no trailing zeros, so their bytes are equal where they are.
    pub(super) fn is_same_amount(&self, other: &Self) -> bool {
        self.amount.serialize() == other.amount.serialize()
    }

    pub(super) fn has_usage(&self) -> bool {
        self.marks.has(Marks::USAGE)
    }

    pub(super) fn order(&self) -> (u16, i32, i32, u32) {
        (self.dimension, self.start, self.end, self.place)
    }
}
