//! From raw words to values and back (pure).
//!
//! In this order: words by type and orders → "not available"? → × scale or power of ten + offset → power factor's
//! encoding → from the register's unit into the quantity's own → within `min` to `max`?

use crate::{
    domain::register::{Encoding, Register},
    text,
};

mod fraction;
mod raw;
#[cfg(test)]
mod tests;

use fraction::Fraction;

/// Powers of ten that a scale register may hold, either way; `SunSpec` defines no others.
pub const MAX_SCALE_EXPONENT: i16 = 10;

/// What a scale register holds when the device has no scale: `SunSpec`'s "not implemented".
const NO_SCALE: i16 = i16::MIN;

/// What a register's words say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Decoded {
    /// A number in the reading's unit, finite and within the register's range.
    Value(f64),
    /// The device says that it has no value: a sentinel, NaN or an infinity.
    NotAvailable,
    /// A number that cannot be: outside `min` to `max`.
    OutOfRange(f64),
}

/// Decodes the words of `register` (as many as its type takes, in wire order), and the word of its scale register
/// where it has one (in the register's own byte order).
///
/// Whole numbers over 2^53 (64-bit types) are rounded to the nearest `f64`: one part in 10^16. Everything else is
/// rounded once, so 12345 × 0.1 is what `1234.5` is. Too few words, digits that are no decimals, an unknown power of
/// ten and text have no value.
pub fn decode(register: &Register, words: &[u16], scale_word: Option<u16>) -> Decoded {
    let Some(pattern) = raw::pattern(register, words) else { return Decoded::NotAvailable };
    if raw::is_sentinel(register, pattern) {
        return Decoded::NotAvailable;
    }
    match (raw::number(register.raw_type, pattern), exponent(register, scale_word)) {
        (Some(number), Some(exponent)) => value(register, number, exponent),
        _ => Decoded::NotAvailable,
    }
}

/// Decodes a coil or a discrete input: 0 or 1, with scale, offset and range as of any number.
pub fn decode_bit(register: &Register, bit: bool) -> Decoded {
    value(register, f64::from(u8::from(bit)), 0)
}

/// Decodes text of two characters a register: up to the first NUL, trimmed and cleaned; `None` where nothing is left.
pub fn decode_text(register: &Register, words: &[u16]) -> Option<String> {
    let length = usize::from(register.raw_type.length());
    let bytes = words.iter().take(length).flat_map(|word| raw::ordered(register.bytes, *word).to_be_bytes());
    let bytes: Vec<u8> = bytes.take_while(|byte| *byte != 0).collect();
    let text = text::clean(&String::from_utf8_lossy(&bytes));
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The words that a device holds for `value` (in the reading's unit); `None`: the type's "not available".
/// The scale register, where there is one, is taken to hold `scale_exponent`.
///
/// A value beyond the type is held at its limit, and one that happens to be a sentinel moves by a single step.
/// A bit has no "not available" and is 0; text is blank.
pub fn encode(register: &Register, value: Option<f64>, scale_exponent: i16) -> Vec<u16> {
    let number = value.filter(|value| value.is_finite()).and_then(|value| {
        let exponent = if register.scale_register.is_some() { scale_exponent } else { 0 };
        let in_unit = register.reading_unit().convert(value, register.unit)?;
        Some(Fraction::of_scale(register.scale, exponent).undo(in_unit - register.offset))
    });
    match number {
        Some(number) => raw::words_of_number(register, number),
        None => raw::words_of_none(register),
    }
}

/// The power of ten to apply; `None`: the device has none, or one that cannot be.
fn exponent(register: &Register, scale_word: Option<u16>) -> Option<i16> {
    if register.scale_register.is_none() {
        return Some(0);
    }
    let exponent = raw::ordered(register.bytes, scale_word?).cast_signed();
    let known = exponent != NO_SCALE && (-MAX_SCALE_EXPONENT..=MAX_SCALE_EXPONENT).contains(&exponent);
    known.then_some(exponent)
}

/// The raw `number` as a value in the reading's unit.
fn value(register: &Register, number: f64, exponent: i16) -> Decoded {
    let to = register.reading_unit();
    let is_plain = register.offset == 0.0 && register.encoding == Encoding::Plain;
    let scale = Fraction::of_scale(register.scale, exponent);
    // Without an offset, scale and unit are one fraction and one rounding.
    let converted = if is_plain && register.unit == to {
        Some(scale.apply(number))
    } else if is_plain {
        Fraction::of_units(register.unit, to).map(|units| scale.times(units).apply(number))
    } else {
        let scaled = scale.apply(number) + register.offset;
        match register.encoding {
            Encoding::FourQuadrant if scaled.abs() > 2.0 => return out_of_range(scaled),
            Encoding::FourQuadrant => register.unit.convert(four_quadrant(scaled), to),
            Encoding::Plain => register.unit.convert(scaled, to),
        }
    };
    let Some(value) = converted.filter(|value| value.is_finite()) else { return Decoded::NotAvailable };
    let value = value + 0.0; // no minus before a zero
    if register.min.is_some_and(|min| value < min) || register.max.is_some_and(|max| value > max) {
        return out_of_range(value);
    }
    Decoded::Value(value)
}

/// A number that cannot be; what is not even a number is not available.
fn out_of_range(value: f64) -> Decoded {
    if value.is_finite() { Decoded::OutOfRange(value) } else { Decoded::NotAvailable }
}

/// The power factor behind Schneider's encoding, −2 to 2: over 1 means leading, and the factor is what is missing to 2.
fn four_quadrant(encoded: f64) -> f64 {
    if encoded.abs() > 1.0 { encoded.signum() * (2.0 - encoded.abs()) } else { encoded }
}
