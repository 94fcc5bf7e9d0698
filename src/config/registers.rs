//! Registers: of profiles, of meters, and of control points.

use super::{
    fields::{At, Fields},
    problems::{Problem, Sink, closest},
    schema,
    tree::{Entry, Value},
};
use crate::domain::{
    quantity::Quantity,
    register::{Encoding, Function, MAX_REGISTERS, Order, RawType, Register},
    unit::Unit,
};

pub(super) mod overlap;

/// The word for a type with its length: `string:8`.
const TEXT_PREFIX: &str = "string:";
/// The types with a fixed length.
const RAW_TYPES: [(&str, RawType); 11] = [
    ("u16", RawType::U16),
    ("i16", RawType::I16),
    ("u32", RawType::U32),
    ("i32", RawType::I32),
    ("u64", RawType::U64),
    ("i64", RawType::I64),
    ("f32", RawType::F32),
    ("f64", RawType::F64),
    ("bcd32", RawType::Bcd32),
    ("bit", RawType::Bit),
    ("string:8", RawType::Text(8)),
];

/// The registers of a table by quantity, those that are right; `words` is the default order.
pub(super) fn read_all(fields: &Fields<'_>, name: &str, words: Order) -> Vec<At<Register>> {
    fields.entries(name).iter().filter_map(|entry| read_entry(fields.sink, entry, words)).collect()
}

fn read_entry(sink: &Sink, entry: &Entry, words: Order) -> Option<At<Register>> {
    let quantity = quantity(sink, entry);
    let fields = Fields::of_entry(sink, entry, format!("register `{}`", entry.key), &schema::register::REGISTER)?;
    let register = read(&fields, quantity?, words)?;
    Some(At { value: register, spot: entry.spot.clone() })
}

/// The quantity that a key names.
fn quantity(sink: &Sink, entry: &Entry) -> Option<Quantity> {
    let readable = || Quantity::ALL.iter().filter(|quantity| quantity.is_readable()).map(Quantity::toml_name);
    let problem = match Quantity::parse(&entry.key) {
        Some(quantity) if quantity.is_readable() => return Some(quantity),
        Some(_) => Problem::error(&entry.spot, format!("`{}` is computed, never read from a register", entry.key))
            .help("leave it out: it follows from other quantities and the meter's rating"),
        None => {
            let help = match closest(&entry.key, readable()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "a quantity of your own starts with x_, such as `x_door`, and has a unit".to_owned(),
            };
            Problem::error(&entry.spot, format!("`{}` is not a quantity", entry.key)).help(help)
        }
    };
    sink.add(problem);
    None
}

/// One register; every key of its table is looked at even where an earlier one is wrong.
pub(super) fn read(fields: &Fields<'_>, quantity: Quantity, words: Order) -> Option<Register> {
    let function: Option<Function> = fields.choice("function");
    let raw_type = function.and_then(|function| raw_type(fields, function));
    let unit = unit(fields, &quantity);
    let scale_register = fields.integer("scale_register");
    let (min, max) = range(fields);
    let encoding = encoding(fields, &quantity);
    let register = Register {
        address: fields.integer("address").unwrap_or_default(),
        function: function.unwrap_or(Function::Holding),
        raw_type: raw_type.unwrap_or(RawType::U16),
        words: fields.choice("words").unwrap_or(words),
        bytes: fields.choice("bytes").unwrap_or_default(),
        scale: scale(fields),
        offset: fields.number("offset").unwrap_or(0.0),
        scale_register,
        invalid: raw_type.and_then(|raw_type| invalid(fields, raw_type)),
        unit: unit.unwrap_or(Unit::Count),
        min,
        max,
        modulus: modulus(fields, &quantity),
        encoding,
        quantity,
    };
    check(fields, &register);
    raw_type.and(unit).map(|_| register)
}

/// The type; `None` where it is missing or wrong.
pub(super) fn raw_type(fields: &Fields<'_>, function: Function) -> Option<RawType> {
    if !fields.has("type") {
        if function.is_bits() {
            return Some(RawType::Bit);
        }
        fields.missing("type");
        return None;
    }
    let text = fields.text("type")?;
    let known = RAW_TYPES.iter().find(|(word, _)| *word == text).map(|(_, raw_type)| *raw_type);
    let length = text.strip_prefix(TEXT_PREFIX).and_then(|length| length.parse().ok());
    let of_text = length.filter(|length| (1..=MAX_REGISTERS).contains(length)).map(RawType::Text);
    let Some(raw_type) = known.or(of_text) else {
        let help = match closest(&short(&text), RAW_TYPES.iter().map(|(word, _)| *word)) {
            Some(meant) => format!("did you mean \"{meant}\"?"),
            None => "write u16, i16, u32, i32, u64, i64, f32, f64, bcd32 or string:N with 1 to 125 registers".into(),
        };
        fields.error("type", format!("`{text}` is not a type"), help);
        return None;
    };
    if function.is_bits() == (raw_type == RawType::Bit) {
        return Some(raw_type);
    }
    let help = if function.is_bits() { "leave `type` out: it is one bit" } else { "write u16 for a state" };
    fields.error("type", format!("`{text}` is not a type of this function"), help);
    None
}

/// `uint16`, `INT32` and `float` as they are called here.
fn short(text: &str) -> String {
    let text =
        text.to_lowercase().replace("float", "f").replace("double", "f64").replace("uint", "u").replace("int", "i");
    if text == "f" { "f32".to_owned() } else { text }
}

/// The unit, which must be one of the quantity's dimension.
fn unit(fields: &Fields<'_>, quantity: &Quantity) -> Option<Unit> {
    let is_text = matches!(fields.text_of("type"), Some(text) if text.starts_with(TEXT_PREFIX));
    let own = quantity.unit();
    if !fields.has("unit") {
        let unit = own.or(is_text.then_some(Unit::Count));
        if unit.is_none() {
            fields.missing("unit");
        }
        return unit;
    }
    let unit: Unit = fields.choice("unit")?;
    match own {
        Some(own) if own.dimension() != unit.dimension() => {
            let fitting = Unit::ALL.iter().filter(|other| other.dimension() == own.dimension());
            let help = format!("write {}", schema::one_of(fitting.map(|unit| unit.symbol())));
            fields.error("unit", format!("`{quantity}` cannot be in {}", unit.symbol()), help);
            None
        }
        _ => Some(unit),
    }
}

fn scale(fields: &Fields<'_>) -> f64 {
    let scale = fields.number("scale");
    if scale == Some(0.0) {
        fields.error("scale", "`scale` cannot be 0", "write what the raw number is multiplied by, such as 0.1");
    }
    scale.unwrap_or(1.0)
}

/// The physical range.
pub(super) fn range(fields: &Fields<'_>) -> (Option<f64>, Option<f64>) {
    let (min, max) = (fields.number("min"), fields.number("max"));
    if let (Some(min), Some(max)) = (min, max)
        && min > max
    {
        fields.error("min", format!("`min` {min} is above `max` {max}"), "exchange the two");
    }
    (min, max)
}

fn modulus(fields: &Fields<'_>, quantity: &Quantity) -> Option<f64> {
    let modulus = fields.positive("modulus")?;
    if !quantity.is_counter() && !matches!(quantity, Quantity::Extra(_)) {
        let help = "leave it out: only counters start again from zero";
        fields.error("modulus", format!("`{quantity}` has no `modulus`"), help);
    }
    Some(modulus)
}

fn encoding(fields: &Fields<'_>, quantity: &Quantity) -> Encoding {
    let encoding = fields.choice("encoding").unwrap_or_default();
    let is_ratio = matches!(quantity, Quantity::PowerFactor | Quantity::Extra(_));
    if encoding == Encoding::FourQuadrant && !is_ratio {
        let help = "leave it out: only a power factor is encoded so";
        fields.error("encoding", format!("`{quantity}` cannot be four-quadrant"), help);
    }
    encoding
}

/// The bit patterns that mean "not implemented".
fn invalid(fields: &Fields<'_>, raw_type: RawType) -> Option<Vec<u64>> {
    let bits = u32::from(raw_type.length()).saturating_mul(16).min(64);
    let mask = u128::MAX >> (128 - bits);
    let items = fields.list("invalid")?;
    let mut values = Vec::with_capacity(items.len());
    for item in items {
        let value = match item.value {
            Value::Integer(number) if number >= 0 => u128::try_from(number).ok().filter(|number| *number <= mask),
            // A negative number stands for its two's complement.
            Value::Integer(number) if number >= -(1_i128 << (bits - 1)) => Some(number.cast_unsigned() & mask),
            _ => None,
        };
        if let Some(value) = value.and_then(|value| u64::try_from(value).ok()) {
            values.push(value);
        } else {
            let message = format!("this is no raw value of {bits} bits");
            fields.sink.add(Problem::error(&item.spot, message).help("write the register's raw value, such as 0x8000"));
        }
    }
    Some(values)
}

/// What a register's keys must be together.
fn check(fields: &Fields<'_>, register: &Register) {
    check_end(fields, register);
    let is_text = matches!(register.raw_type, RawType::Text(_));
    if is_text && !matches!(register.quantity, Quantity::Extra(_)) {
        let message = format!("`{}` is a number and cannot be text", register.quantity);
        fields.error("type", message, "name a quantity of your own for text, such as `x_serial`");
    }
    if fields.has("scale_register") && (register.function.is_bits() || is_text) {
        fields.error("scale_register", "only numbers have a `scale_register`", "leave it out");
    }
}

/// Records a register that ends past the last address.
pub(super) fn check_end(fields: &Fields<'_>, register: &Register) {
    if register.end() > 0x1_0000 {
        let message = format!("{} registers from {} go past 65535", register.raw_type.length(), register.address);
        fields.error("address", message, "write the zero-based protocol address of the first register");
    }
}
