//! Keys of registers and profiles.

use super::{
    super::choice::words,
    Key,
    Kind::{Choice, Integer, Number, RawValues, Registers, Switch, Text},
    Table, optional, required,
};
use crate::domain::{
    register::{Encoding, Function, MAX_REGISTERS, Order, Reports},
    unit::Unit,
};

/// Any finite number.
pub(in super::super) const ANY: (f64, f64) = (f64::MIN, f64::MAX);

const fn any() -> super::Kind {
    Number { min: ANY.0, max: ANY.1 }
}

const ADDRESS: Key = required("address", Integer { min: 0, max: 65_535 }, "Zero-based protocol address.");
const FUNCTION_DOC: &str = "Which table: holding, input, coil or discrete.";
const TYPE_DOC: &str =
    "u16 i16 u32 i32 u64 i64 f32 f64 bcd32 string:N (N registers of two characters); bit for coil and discrete.";
const WORDS: Key = optional(
    "words",
    Choice(words::<Order>),
    "Order of words in values over 16 bits. Default: the profile's, else big.",
);
const BYTES: Key = optional("bytes", Choice(words::<Order>), "Order of bytes in a word. Default: big.");
const SCALE: Key = optional("scale", any(), "Multiplies the raw number. Default: 1.");
const OFFSET: Key = optional("offset", any(), "Added after scaling, in `unit`. Default: 0.");
const SCALE_REGISTER: Key = optional(
    "scale_register",
    Integer { min: 0, max: 65_535 },
    "Address of a signed power of ten that multiplies the raw number, read in the same request.",
);
const INVALID: Key = optional(
    "invalid",
    RawValues,
    "Raw values that mean \"not implemented\". Default: the usual ones of the type; [] switches them off.",
);
const UNIT: Key = optional("unit", Choice(words::<Unit>), "Unit of the scaled value. Default: the quantity's own.");
const MIN: Key = optional("min", any(), "Smallest possible value, in the quantity's own unit.");
const MAX: Key = optional("max", any(), "Largest possible value, in the quantity's own unit.");

/// A register of a profile or a meter.
pub(in super::super) const REGISTER: Table = Table {
    what: "register",
    doc: "Where a device keeps one value, and in what form.",
    keys: &[
        ADDRESS,
        required("function", Choice(words::<Function>), FUNCTION_DOC),
        optional("type", Text, TYPE_DOC),
        WORDS,
        BYTES,
        SCALE,
        OFFSET,
        SCALE_REGISTER,
        INVALID,
        UNIT,
        MIN,
        MAX,
        optional(
            "modulus",
            Number { min: 0.0, max: f64::MAX },
            "Of a counter: the value at which it starts again from zero, in the quantity's own unit.",
        ),
        optional(
            "encoding",
            Choice(words::<Encoding>),
            "How the number stands for its value; four-quadrant: a power factor over 1 means leading. Default: plain.",
        ),
    ],
};

/// The register that takes a control point's limit.
pub(in super::super) const LIMIT: Table = Table {
    what: "limit",
    doc: "The register that takes the limit, with its bounds.",
    keys: &[
        ADDRESS,
        optional("function", Choice(words::<Function>), "Which table: holding or coil. Default: holding."),
        optional("type", Text, TYPE_DOC),
        WORDS,
        BYTES,
        SCALE,
        OFFSET,
        UNIT,
        MIN,
        MAX,
        optional("step", Number { min: 0.0, max: f64::MAX }, "Smallest step, in the own unit."),
    ],
};

/// A register that must read as given before a command.
pub(in super::super) const PERMIT: Table = Table {
    what: "permit",
    doc: "A local/remote switch: a register that must read as given before a command.",
    keys: &[
        ADDRESS,
        optional("function", Choice(words::<Function>), "Which table. Default: holding."),
        optional("type", Text, "As of a register. Default: u16, or bit."),
        WORDS,
        BYTES,
        required("equals", any(), "What it must read."),
    ],
};

/// A register that frees the device after some time.
pub(in super::super) const REVERT_TIMER: Table = Table {
    what: "revert timer",
    doc: "A register that frees the device by itself after some time.",
    keys: &[
        ADDRESS,
        optional("function", Choice(words::<Function>), "Which table: holding. Default: holding."),
        optional("type", Text, "As of a register. Default: u16."),
        WORDS,
        BYTES,
        SCALE,
        OFFSET,
        optional("unit", Choice(words::<Unit>), "Unit of `value`: s. Default: s."),
        required("value", Number { min: 0.0, max: 86_400.0 }, "What is written, in `unit`."),
    ],
};

/// A profile file.
pub(in super::super) const PROFILE: Table = Table {
    what: "profile",
    doc: "The register map of a type of device.",
    keys: &[
        required("title", Text, "What the device is called."),
        required("manufacturer", Text, "Who makes it."),
        required("source", Text, "Where the register list is published."),
        optional(
            "published_base",
            Integer { min: 0, max: 1 },
            "Whether the published addresses count from 0 or from 1; the map itself always counts from 0.",
        ),
        optional("verified", Switch, "Whether it was tried on the real device. Default: false."),
        optional(
            "max_registers",
            Integer { min: 1, max: MAX_REGISTERS as i64 },
            "Largest request, in registers. Default: 125.",
        ),
        optional(
            "max_gap",
            Integer { min: 0, max: MAX_REGISTERS as i64 - 1 },
            "Most unused registers read to join two values in one request. Default: 8.",
        ),
        optional("words", Choice(words::<Order>), "Order of words in values over 16 bits. Default: big."),
        optional(
            "reports",
            Choice(words::<Reports>),
            "secondary: CT and PT ratios must still be applied. Default: primary.",
        ),
        optional(
            "sunspec_model",
            Integer { min: 1, max: 65_534 },
            "SunSpec: the model to look for; addresses count from its id register.",
        ),
        optional("registers", Registers, "The values, by quantity."),
    ],
};
