//! Words, bit patterns and the numbers that they stand for.

use crate::domain::register::{Order, RawType, Register};

/// A word with its high byte first.
pub(super) fn ordered(bytes: Order, word: u16) -> u16 {
    match bytes {
        Order::Big => word,
        Order::Little => word.swap_bytes(),
    }
}

/// The bits of a number, most significant first; `None`: too few words, or text.
pub(super) fn pattern(register: &Register, words: &[u16]) -> Option<u64> {
    if let RawType::Text(_) = register.raw_type {
        return None;
    }
    let words = words.get(..usize::from(register.raw_type.length()))?;
    let join = |joined: u64, word: &u16| joined << 16 | u64::from(ordered(register.bytes, *word));
    Some(match register.words {
        Order::Big => words.iter().fold(0, join),
        Order::Little => words.iter().rev().fold(0, join),
    })
}

/// Whether the bits mean "not available" by themselves; floating-point numbers say so by being none.
pub(super) fn is_sentinel(register: &Register, pattern: u64) -> bool {
    match &register.invalid {
        Some(patterns) => patterns.contains(&pattern),
        None => usual_sentinel(register.raw_type) == Some(pattern),
    }
}

/// The pattern that a type's devices usually mean "not available" by.
fn usual_sentinel(raw_type: RawType) -> Option<u64> {
    match raw_type {
        RawType::U16 => Some(0xFFFF),
        RawType::I16 => Some(0x8000),
        RawType::U32 | RawType::Bcd32 => Some(0xFFFF_FFFF),
        RawType::I32 => Some(0x8000_0000),
        RawType::U64 => Some(u64::MAX),
        RawType::I64 => Some(1 << 63),
        RawType::Bit | RawType::F32 | RawType::F64 | RawType::Text(_) => None,
    }
}

/// The number that the bits stand for; `None` for NaN, infinities, digits that are no decimals, and text.
pub(super) fn number(raw_type: RawType, pattern: u64) -> Option<f64> {
    let bytes = pattern.to_be_bytes();
    let [_, _, _, _, c, d, e, f] = bytes;
    let number = match raw_type {
        RawType::Bit => f64::from(u8::from(pattern != 0)),
        RawType::U16 => f64::from(u16::from_be_bytes([e, f])),
        RawType::I16 => f64::from(i16::from_be_bytes([e, f])),
        RawType::U32 => f64::from(u32::from_be_bytes([c, d, e, f])),
        RawType::I32 => f64::from(i32::from_be_bytes([c, d, e, f])),
        RawType::U64 => pattern as f64,
        RawType::I64 => pattern.cast_signed() as f64,
        RawType::F32 => f64::from(f32::from_be_bytes([c, d, e, f])),
        RawType::F64 => f64::from_be_bytes(bytes),
        RawType::Bcd32 => f64::from(of_bcd(u32::from_be_bytes([c, d, e, f]))?),
        RawType::Text(_) => return None,
    };
    number.is_finite().then_some(number)
}

/// The words for a finite raw number, as near as the type can.
pub(super) fn words_of_number(register: &Register, number: f64) -> Vec<u16> {
    let pattern = match (register.raw_type, limits(register.raw_type)) {
        (RawType::F32, _) => u64::from(narrowed(number).to_bits()),
        (RawType::F64, _) => number.clamp(f64::MIN, f64::MAX).to_bits(),
        (_, Some((min, max))) => whole_pattern(register, whole(number).clamp(min, max), min, max),
        (_, None) => 0,
    };
    in_wire_order(register, pattern)
}

/// The words for "not available": the first pattern of the register's own, else the type's.
pub(super) fn words_of_none(register: &Register) -> Vec<u16> {
    let own = register.invalid.as_ref().and_then(|patterns| patterns.first().copied());
    let pattern = own.or(usual_sentinel(register.raw_type)).unwrap_or(match register.raw_type {
        RawType::F32 => u64::from(f32::NAN.to_bits()),
        RawType::F64 => f64::NAN.to_bits(),
        _ => 0,
    });
    in_wire_order(register, pattern)
}

/// The smallest and the largest whole number of a type; `None` for types that hold others.
fn limits(raw_type: RawType) -> Option<(i128, i128)> {
    Some(match raw_type {
        RawType::Bit => (0, 1),
        RawType::U16 => (0, u16::MAX.into()),
        RawType::I16 => (i16::MIN.into(), i16::MAX.into()),
        RawType::U32 => (0, u32::MAX.into()),
        RawType::I32 => (i32::MIN.into(), i32::MAX.into()),
        RawType::U64 => (0, u64::MAX.into()),
        RawType::I64 => (i64::MIN.into(), i64::MAX.into()),
        RawType::Bcd32 => (0, 99_999_999),
        RawType::F32 | RawType::F64 | RawType::Text(_) => return None,
    })
}

/// The pattern of the whole number nearest to `number` that is not one of the register's sentinels.
fn whole_pattern(register: &Register, number: i128, min: i128, max: i128) -> u64 {
    let steps = 1 + register.invalid.as_ref().map_or(1, Vec::len);
    let mut nearest = std::iter::once(0).chain((1_i128..).take(steps).flat_map(|step| [-step, step]));
    let found = nearest.find_map(|step| {
        let candidate = number.saturating_add(step);
        let pattern = bits(register.raw_type, candidate);
        ((min..=max).contains(&candidate) && !is_sentinel(register, pattern)).then_some(pattern)
    });
    found.unwrap_or_else(|| bits(register.raw_type, number))
}

/// The bits of a whole number within the type's limits; two's complement below zero.
fn bits(raw_type: RawType, number: i128) -> u64 {
    let size = 1_i128 << (16 * raw_type.length());
    let pattern = u64::try_from(number.rem_euclid(size)).unwrap_or(0);
    if raw_type == RawType::Bcd32 { to_bcd(pattern) } else { pattern }
}

/// The last words of a pattern, as they go over the wire.
fn in_wire_order(register: &Register, pattern: u64) -> Vec<u16> {
    let word = |place: u16| {
        let shifted = pattern.checked_shr(16 * u32::from(place)).unwrap_or(0);
        ordered(register.bytes, u16::try_from(shifted & 0xFFFF).unwrap_or(0))
    };
    let places = 0..register.raw_type.length();
    match register.words {
        Order::Big => places.rev().map(word).collect(),
        Order::Little => places.map(word).collect(),
    }
}

/// Eight decimal digits; `None` where one is none.
fn of_bcd(pattern: u32) -> Option<u32> {
    (0..8).rev().try_fold(0, |number, place| {
        let digit = (pattern >> (4 * place)) & 0xF;
        (digit <= 9).then_some(number * 10 + digit)
    })
}

/// The last eight decimal digits of `number`.
fn to_bcd(number: u64) -> u64 {
    (0..8).fold(0, |pattern, place| pattern | (number / 10_u64.pow(place) % 10) << (4 * place))
}

#[expect(clippy::cast_possible_truncation, reason = "a cast from a floating-point number saturates")]
fn whole(number: f64) -> i128 {
    number.round() as i128
}

#[expect(clippy::cast_possible_truncation, reason = "in the range of f32, where only digits are lost")]
fn narrowed(number: f64) -> f32 {
    number.clamp(f32::MIN.into(), f32::MAX.into()) as f32
}
