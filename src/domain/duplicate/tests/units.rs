//! Numbers and units: exact, or refused.

use super::*;

#[test]
fn numbers_are_read_exactly_or_refused() {
    for (text, expected) in [
        ("45", "45"),
        (" 45.000 ", "45"),
        ("-1.50", "-1.5"),
        ("+2", "2"),
        (".5", "0.5"),
        ("5.", "5"),
        ("1e3", "1000"),
        ("1.25E-2", "0.0125"),
        ("-0", "0"),
        ("0e999", "0"),
        ("0.30000000000000004", "0.30000000000000004"),
        ("1000000000000000000000000000000e-30", "1"),
        ("79228162514264337593543950335", "79228162514264337593543950335"),
    ] {
        assert_eq!(parse_decimal(text).unwrap().to_string(), expected, "{text}");
    }
    for text in ["", "-", ".", "NaN", "Infinity", "1,5", "0x10", "1e", "e5", "1e1.5", "--1", "4 5", "٤٥", "1_000"] {
        assert!(matches!(parse_decimal(text), Err(BadUsage::NotANumber(_))), "{text}");
    }
    for text in ["9".repeat(30), "9".repeat(400), "1e29".into(), "1e-29".into(), format!("0.{}1", "0".repeat(28))] {
        assert!(matches!(parse_decimal(&text), Err(BadUsage::TooLong(_))), "{text}");
    }
}

#[test]
fn conversion_is_exact() {
    for (one, other) in [
        ("1 GWh", "1000 MWh"),
        ("1 MWh", "1000 kWh"),
        ("1 kWh", "1000 Wh"),
        ("1 MMBtu", "10 therms"),
        ("1 therm", "100000 Btu"),
        ("1 Dth", "1 MMBtu"),
        ("1 CCF", "100 ft3"),
        ("1 MCF", "10 HCF"),
        ("1 m³", "1000 liters"),
        ("1 kgal", "1000 gal"),
        // 1728 cubic inches and 231.
        ("231 cf", "1728 gallons"),
        ("1 ft³", "0.028316846592 m3"),
    ] {
        let base = |text: &str| {
            let (value, unit) = text.split_once(' ').unwrap();
            let usage = Usage::parse(value, UsageUnit::parse(unit)).unwrap();
            (usage.unit().dimension(), usage.base())
        };
        assert_eq!(base(one), base(other), "{one} = {other}");
    }
    let too_long = Usage::parse("1234567890123456789012345.678", UsageUnit::parse("ft3"));
    assert!(matches!(too_long, Err(BadUsage::TooLong(_))), "{too_long:?}");
}

#[test]
fn units_go_there_and_back() {
    for unit in KnownUnit::ALL.iter().map(|unit| UsageUnit::Known(*unit)) {
        assert_eq!(UsageUnit::parse(unit.symbol()), unit);
        assert_eq!(UsageUnit::parse(&unit.symbol().to_uppercase()), unit);
        let value = decimal("1234.567");
        assert_eq!(unit.from_base(unit.to_base(value).unwrap()), Some(value), "{unit}");
        let usage = Usage::new(value, unit).unwrap();
        let json = serde_json::to_string(&usage).unwrap();
        assert_eq!(serde_json::from_str::<Usage>(&json).unwrap(), usage);
    }
}

#[test]
fn sums_are_the_same_in_any_order() {
    let parts =
        ["79228162514264337593543950335", "0.0000000000000000000000000001", "-79228162514264337593543950335", "1.5"];
    for turn in 0..parts.len() {
        let mut sum = ExactSum::default();
        parts.iter().cycle().skip(turn).take(parts.len()).for_each(|part| sum.add(decimal(part)));
        assert_eq!(sum.total(), Some(decimal("1.5000000000000000000000000001")));
    }
    let mut sum = ExactSum::default();
    sum.add(decimal("79228162514264337593543950335"));
    sum.add(decimal("1.5"));
    assert_eq!(sum.total(), None, "no decimal has that many digits");
}
