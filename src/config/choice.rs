//! Words that a key may have: the enums of the site file.

use crate::domain::{
    register::{Encoding, Function, Order, Reports},
    site::{
        AccuracyClass, Commodity, ControlKind, FeedPath, MeterPoint, MeterProtocol, MeterStatus, MeterType, Parity,
        VerificationResult,
    },
    unit::Unit,
};

/// One of a few words.
pub(super) trait Choice: Copy + 'static {
    /// All of them, with their ids where the source gives them some.
    fn choices() -> Vec<(&'static str, Option<u8>, Self)>;
}

/// The words and ids of a choice, for messages and the schema.
pub(super) type Words = fn() -> Vec<(&'static str, Option<u8>)>;

/// The words and ids of `T`.
pub(super) fn words<T: Choice>() -> Vec<(&'static str, Option<u8>)> {
    T::choices().into_iter().map(|(word, id, _)| (word, id)).collect()
}

/// How a device is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DeviceProtocol {
    Tcp,
    RtuOverTcp,
    Rtu,
}

macro_rules! choices_with_ids {
    ($($name:ty),+) => {$(
        impl Choice for $name {
            fn choices() -> Vec<(&'static str, Option<u8>, Self)> {
                Self::ALL.iter().map(|choice| (choice.word(), Some(choice.id()), *choice)).collect()
            }
        }
    )+};
}

macro_rules! choices {
    ($($name:ty { $($word:literal $variant:ident),+ })+) => {$(
        impl Choice for $name {
            fn choices() -> Vec<(&'static str, Option<u8>, Self)> {
                vec![$(($word, None, Self::$variant)),+]
            }
        }
    )+};
}

choices_with_ids!(
    MeterPoint,
    MeterStatus,
    FeedPath,
    MeterType,
    AccuracyClass,
    MeterProtocol,
    VerificationResult,
    Commodity,
    ControlKind
);

choices! {
    DeviceProtocol { "modbus-tcp" Tcp, "modbus-rtu" Rtu, "modbus-rtu-over-tcp" RtuOverTcp }
    Parity { "none" None, "even" Even, "odd" Odd }
    Function { "holding" Holding, "input" Input, "coil" Coil, "discrete" Discrete }
    Order { "big" Big, "little" Little }
    Reports { "primary" Primary, "secondary" Secondary }
    Encoding { "plain" Plain, "four-quadrant" FourQuadrant }
}

impl Choice for Unit {
    fn choices() -> Vec<(&'static str, Option<u8>, Self)> {
        Self::ALL.iter().map(|unit| (unit.symbol(), None, *unit)).collect()
    }
}
