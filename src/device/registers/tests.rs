//! What decoding and encoding promise.

use proptest::prelude::*;

use super::*;
use crate::domain::{
    quantity::Quantity,
    register::{Function, Order, RawType},
    unit::Unit,
};

/// A register of a site's own quantity: its value stays in the register's unit.
fn register(raw_type: RawType) -> Register {
    Register {
        quantity: Quantity::Extra("x_test".into()),
        address: 0,
        function: Function::Holding,
        raw_type,
        words: Order::Big,
        bytes: Order::Big,
        scale: 1.0,
        offset: 0.0,
        scale_register: None,
        invalid: None,
        unit: Unit::Count,
        min: None,
        max: None,
        modulus: None,
        encoding: Encoding::Plain,
    }
}

fn words_of(bits: u64, raw_type: RawType) -> Vec<u16> {
    raw::words_of_none(&Register { invalid: Some(vec![bits]), ..register(raw_type) })
}

#[test]
fn every_type_in_every_order() {
    use RawType::{Bcd32, Bit, F32, F64, I16, I32, I64, U16, U32, U64};
    for (raw_type, words, expected) in [
        (Bit, vec![1], 1.0),
        (U16, vec![65534], 65534.0),
        (I16, vec![0xFFFE], -2.0),
        (U32, vec![0x0001, 0x0002], 65538.0),
        (I32, vec![0xFFFF, 0xFFFE], -2.0),
        (U64, vec![0, 1, 0, 3], 4_294_967_299.0),
        (I64, vec![0xFFFF, 0xFFFF, 0xFFFF, 0xFFFD], -3.0),
        (F32, vec![0x4366, 0x8000], 230.5),
        (F64, vec![0x4093, 0x4A00, 0, 0], 1234.5),
        (Bcd32, vec![0x1234, 0x5678], 12_345_678.0),
    ] {
        let big = register(raw_type);
        assert_eq!(decode(&big, &words, None), Decoded::Value(expected), "{raw_type:?}");
        let reversed: Vec<u16> = words.iter().rev().copied().collect();
        let little = Register { words: Order::Little, ..big.clone() };
        assert_eq!(decode(&little, &reversed, None), Decoded::Value(expected), "{raw_type:?} little words");
        let swapped: Vec<u16> = words.iter().map(|word| word.swap_bytes()).collect();
        let swapping = Register { bytes: Order::Little, ..big };
        assert_eq!(decode(&swapping, &swapped, None), Decoded::Value(expected), "{raw_type:?} little bytes");
    }
}

#[test]
fn decimal_scales_are_exact() {
    for (raw, scale, text) in [
        (12345_u16, 0.1, "1234.5"),
        (12347, 0.01, "123.47"),
        (23001, 0.01, "230.01"),
        (999, 0.001, "0.999"),
        (7, 0.25, "1.75"),
        (3, 10.0, "30"),
    ] {
        let register = Register { scale, ..register(RawType::U16) };
        let expected: f64 = text.parse().unwrap();
        assert_eq!(decode(&register, &[raw], None), Decoded::Value(expected), "{raw} × {scale}");
    }
    // Scale and unit together are one rounding too: 0.01 W into kW.
    let power = Register { quantity: Quantity::CurrentKw, scale: 0.01, unit: Unit::Watt, ..register(RawType::I32) };
    assert_eq!(decode(&power, &[0x0012, 0xD687], None), Decoded::Value(12.345_67));
}

#[test]
fn units_become_the_quantitys_own() {
    for (quantity, unit, raw, expected) in [
        (Quantity::CurrentKw, Unit::Watt, 1234, 1.234),
        (Quantity::AmpsPhaseA, Unit::Milliampere, 1234, 1.234),
        (Quantity::PowerFactor, Unit::Percent, 95, 0.95),
        (Quantity::KwhLifetime, Unit::MegawattHour, 12, 12000.0),
        (Quantity::Voltage, Unit::Kilovolt, 11, 11000.0),
    ] {
        let register = Register { quantity, unit, ..register(RawType::U16) };
        assert_eq!(decode(&register, &[raw], None), Decoded::Value(expected), "{unit:?}");
        assert_eq!(encode(&register, Some(expected), 0), vec![raw], "{unit:?}");
    }
}

#[test]
fn scale_registers_are_powers_of_ten() {
    let register = Register { scale_register: Some(9), ..register(RawType::U16) };
    for (exponent, expected) in [
        (-1, Decoded::Value(1234.5)),
        (0, Decoded::Value(12345.0)),
        (2, Decoded::Value(1_234_500.0)),
        (-10, Decoded::Value(0.000_001_234_5)),
        (11, Decoded::NotAvailable),
        (-11, Decoded::NotAvailable),
        (i16::MIN, Decoded::NotAvailable),
    ] {
        assert_eq!(decode(&register, &[12345], Some(exponent.cast_unsigned())), expected, "10^{exponent}");
    }
    assert_eq!(decode(&register, &[12345], None), Decoded::NotAvailable);
}

#[test]
fn offset_comes_after_scale() {
    let register = Register { scale: 0.1, offset: -40.0, unit: Unit::DegreeCelsius, ..register(RawType::U16) };
    assert_eq!(decode(&register, &[615], None), Decoded::Value(21.5));
    assert_eq!(encode(&register, Some(21.5), 0), vec![615]);
}

#[test]
fn sentinels_of_the_types_and_of_registers() {
    use RawType::{Bcd32, F32, F64, I16, I32, I64, U16, U32, U64};
    for (raw_type, bits) in [
        (U16, 0xFFFF),
        (I16, 0x8000),
        (U32, 0xFFFF_FFFF),
        (I32, 0x8000_0000),
        (U64, u64::MAX),
        (I64, 1 << 63),
        (F32, 0x7FC0_0000),
        (F32, 0x7F80_0000),
        (F32, 0xFF80_0000),
        (F64, f64::NAN.to_bits()),
        (F64, f64::NEG_INFINITY.to_bits()),
        (Bcd32, 0xFFFF_FFFF),
        (Bcd32, 0x0000_00A0),
    ] {
        let usual = register(raw_type);
        let words = words_of(bits, raw_type);
        assert_eq!(decode(&usual, &words, None), Decoded::NotAvailable, "{raw_type:?} {bits:#x}");
        // Switched off, a whole number is a number again; NaN, infinities and wrong digits stay none.
        let off = Register { invalid: Some(Vec::new()), ..usual.clone() };
        let is_whole = matches!(raw_type, U16 | I16 | U32 | I32 | U64 | I64);
        assert_eq!(matches!(decode(&off, &words, None), Decoded::Value(_)), is_whole, "{raw_type:?} {bits:#x}");
        assert_eq!(decode(&usual, &encode(&usual, None, 0), None), Decoded::NotAvailable, "{raw_type:?}");
        assert_eq!(decode(&usual, &words_of(0, raw_type), None), Decoded::Value(0.0), "zero is a value");
    }
    // A register's own patterns replace those of the type.
    let own = Register { invalid: Some(vec![0x7FFF, 0x7FFE]), ..register(I16) };
    for (word, expected) in
        [(0x7FFF, Decoded::NotAvailable), (0x7FFE, Decoded::NotAvailable), (0x8000, Decoded::Value(-32768.0))]
    {
        assert_eq!(decode(&own, &[word], None), expected, "{word:#x}");
    }
    assert_eq!(encode(&own, None, 0), vec![0x7FFF]);
    assert_eq!(encode(&own, Some(32767.0), 0), vec![0x7FFD], "a value never looks like a sentinel");
}

#[test]
fn four_quadrant_power_factors() {
    let register = Register {
        quantity: Quantity::PowerFactor,
        encoding: Encoding::FourQuadrant,
        unit: Unit::Ratio,
        ..register(RawType::F32)
    };
    for (encoded, expected) in [
        (0.75, Decoded::Value(0.75)),
        (-0.75, Decoded::Value(-0.75)),
        (1.0, Decoded::Value(1.0)),
        (1.25, Decoded::Value(0.75)),
        (-1.25, Decoded::Value(-0.75)),
        (2.0, Decoded::Value(0.0)),
        (2.5, Decoded::OutOfRange(2.5)),
        (-3.0, Decoded::OutOfRange(-3.0)),
    ] {
        let words = words_of(f32::to_bits(encoded).into(), RawType::F32);
        assert_eq!(decode(&register, &words, None), expected, "{encoded}");
    }
}

#[test]
fn range_is_in_the_quantitys_own_unit() {
    let register = Register {
        quantity: Quantity::CurrentKw,
        unit: Unit::Watt,
        min: Some(-1.0),
        max: Some(10.0),
        ..register(RawType::I16)
    };
    for (raw, expected) in [
        (10_000_i16, Decoded::Value(10.0)),
        (10_001, Decoded::OutOfRange(10.001)),
        (-1000, Decoded::Value(-1.0)),
        (-1001, Decoded::OutOfRange(-1.001)),
    ] {
        assert_eq!(decode(&register, &[raw.cast_unsigned()], None), expected, "{raw}");
    }
}

#[test]
fn bits_and_text() {
    let bit = register(RawType::Bit);
    assert_eq!(decode_bit(&bit, true), Decoded::Value(1.0));
    assert_eq!(decode_bit(&bit, false), Decoded::Value(0.0));
    let text = register(RawType::Text(4));
    for (words, expected) in [
        (vec![0x4142, 0x4320, 0x4400, 0x4545], Some("ABC D")),
        (vec![0x2041, 0x1B42, 0x2020, 0x2020], Some("AB")),
        (vec![0x2020, 0x2020, 0x0000, 0x0000], None),
        (vec![0xFFFF], Some("\u{FFFD}\u{FFFD}")),
        (vec![], None),
    ] {
        assert_eq!(decode_text(&text, &words).as_deref(), expected, "{words:x?}");
    }
    let swapped = Register { bytes: Order::Little, ..text.clone() };
    assert_eq!(decode_text(&swapped, &[0x4241]).as_deref(), Some("AB"));
    assert_eq!(decode(&text, &[0x4142; 4], None), Decoded::NotAvailable);
    assert_eq!(encode(&text, Some(1.0), 0), vec![0; 4]);
}

fn any_order() -> impl Strategy<Value = Order> {
    prop_oneof![Just(Order::Big), Just(Order::Little)]
}

fn any_type() -> impl Strategy<Value = RawType> {
    use RawType::{Bcd32, Bit, F32, F64, I16, I32, I64, U16, U32, U64};
    prop::sample::select(vec![Bit, U16, I16, U32, I32, U64, I64, F32, F64, Bcd32, RawType::Text(3)])
}

prop_compose! {
    fn any_register()(
        raw_type in any_type(),
        words in any_order(),
        bytes in any_order(),
        scale in prop::sample::select(vec![1.0, 0.1, 0.01, 0.001, 0.25, 10.0, 100.0, -0.1, 3.7]),
        offset in prop::sample::select(vec![0.0, 0.0, -40.0, 12.5]),
        (quantity, unit) in prop::sample::select(vec![
            (Quantity::CurrentKw, Unit::Watt),
            (Quantity::AmpsPhaseA, Unit::Milliampere),
            (Quantity::KwhLifetime, Unit::MegawattHour),
            (Quantity::Extra("x_test".into()), Unit::Count),
        ]),
        has_scale_register in any::<bool>(),
        invalid in prop_oneof![Just(None), Just(Some(Vec::new())), prop::collection::vec(any::<u64>(), 1..3).prop_map(Some)],
    ) -> Register {
        let scale_register = has_scale_register.then_some(7);
        Register { quantity, words, bytes, scale, offset, scale_register, invalid, unit, ..register(raw_type) }
    }
}

/// The share of a value that the type and the arithmetic of `f64` may lose.
fn relative_loss(raw_type: RawType) -> f64 {
    if raw_type == RawType::F32 { 1e-6 } else { 1e-14 }
}

proptest! {
    #[test]
    fn decoding_never_panics(
        register in any_register(),
        words in prop::collection::vec(any::<u16>(), 0..6),
        scale_word in any::<Option<u16>>(),
        encoding in prop_oneof![Just(Encoding::Plain), Just(Encoding::FourQuadrant)],
    ) {
        let register = Register { encoding, min: Some(-1e9), max: Some(1e9), ..register };
        match decode(&register, &words, scale_word) {
            Decoded::Value(value) => prop_assert!((-1e9..=1e9).contains(&value)),
            Decoded::OutOfRange(value) => prop_assert!(value.is_finite()),
            Decoded::NotAvailable => {}
        }
        let _ = decode_text(&register, &words);
    }

    #[test]
    fn encoded_values_come_back(register in any_register(), fill in 0.0..1.0_f64, exponent in -3_i16..=3) {
        prop_assume!(register.raw_type != RawType::Bit && !matches!(register.raw_type, RawType::Text(_)));
        let exponent = if register.scale_register.is_some() { exponent } else { 0 };
        // A value in the middle of what the type can hold, made from a raw number.
        let raw = (fill * 30_000.0).floor();
        let in_unit = raw * register.scale * 10_f64.powi(exponent.into()) + register.offset;
        let value = register.unit.convert(in_unit, register.reading_unit()).unwrap();
        let step = register.unit.convert(register.scale * 10_f64.powi(exponent.into()), register.reading_unit()).unwrap();
        let words = encode(&register, Some(value), exponent);
        prop_assert_eq!(words.len(), usize::from(register.raw_type.length()));
        let scale_word = raw::ordered(register.bytes, exponent.cast_unsigned());
        let Decoded::Value(back) = decode(&register, &words, Some(scale_word)) else {
            return Err(TestCaseError::fail(format!("{value} became {words:x?}")));
        };
        let allowed = step.abs() * 1.000_001 + value.abs().max(register.offset.abs()) * relative_loss(register.raw_type);
        prop_assert!((back - value).abs() <= allowed, "{value} came back as {back}");
    }

    #[test]
    fn encoding_stays_within_the_type(register in any_register(), value in any::<f64>(), exponent in any::<i16>()) {
        let words = encode(&register, Some(value), exponent);
        prop_assert_eq!(words.len(), usize::from(register.raw_type.length()));
    }
}
