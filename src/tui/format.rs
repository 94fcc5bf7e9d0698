//! Numbers, units and ages as text: of a fixed number of digits, so that only digits change from poll to poll.

use std::time::Duration;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::{
    domain::{quantity::Quantity, unit::Dimension, unit::Unit},
    text::is_hidden,
};

/// Digits of a power, a current or an energy, before it is grouped.
pub const SIGNIFICANT_DIGITS: usize = 4;
/// Digits of a current beside a bar: an estimate by eye.
pub const SHORT_DIGITS: usize = 3;
/// Most digits after the point; beyond is noise of the meter.
const MAX_DECIMALS: usize = 3;

/// A number to `significant` digits, at most three of them after the point, thousands grouped: `9 812`, `71.80`,
/// `0.352`. Larger numbers keep all their whole digits. Never `-0`; a number that is not finite is `n/a`.
pub fn number(value: f64, significant: usize) -> String {
    let significant = significant.max(1);
    // The exponent after rounding: 99.996 has three digits before the point.
    let scientific = format!("{value:.*e}", significant - 1);
    let Some(exponent) = scientific.split_once('e').and_then(|(_, exponent)| exponent.parse::<i32>().ok()) else {
        return BAD.to_owned();
    };
    let whole_digits = usize::try_from(exponent + 1).unwrap_or_default().max(1);
    fixed(value, significant.saturating_sub(whole_digits).min(MAX_DECIMALS))
}

/// A number with exactly so many digits after the point, thousands grouped. Never `-0`; `n/a` where it is not finite.
pub fn fixed(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return BAD.to_owned();
    }
    let text = format!("{value:.decimals$}");
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |digits| ("-", digits));
    let sign = if digits.bytes().all(|byte| byte == b'0' || byte == b'.') { "" } else { sign };
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(whole, fraction)| (whole, Some(fraction)));
    let mut grouped = String::with_capacity(text.len() + 4);
    grouped.push_str(sign);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    if let Some(fraction) = fraction {
        grouped.push('.');
        grouped.push_str(fraction);
    }
    grouped
}

/// What stands for a value that the device disowned.
pub const BAD: &str = "n/a";

/// The value of a quantity, without its unit, as its kind wants it.
pub fn value(quantity: &Quantity, unit: Unit, value: f64) -> String {
    match unit.dimension() {
        Dimension::Ratio if *quantity == Quantity::PowerFactor => fixed(value, 3),
        Dimension::Voltage if unit == Unit::Volt => fixed(value, 1),
        Dimension::Ratio if unit == Unit::Percent => fixed(value, 1),
        Dimension::Temperature => fixed(value, 1),
        Dimension::Frequency | Dimension::Volume => fixed(value, 2),
        Dimension::Count => fixed(value, usize::from(value.fract() != 0.0)),
        _ => number(value, SIGNIFICANT_DIGITS),
    }
}

/// A unit as people write it.
pub fn unit(unit: Unit, ascii: bool) -> &'static str {
    match unit {
        Unit::Ratio | Unit::Count => "",
        Unit::DegreeCelsius if !ascii => "°C",
        Unit::CubicMetre if !ascii => "m³",
        _ => unit.symbol(),
    }
}

/// A power with its unit: kW, and MW from 10 000 kW, so that it stays short.
pub fn power(kw: f64) -> String {
    if kw.abs() >= 10_000.0 {
        format!("{} MW", number(kw / 1000.0, SIGNIFICANT_DIGITS))
    } else {
        format!("{} kW", number(kw, SIGNIFICANT_DIGITS))
    }
}

/// A share of 100, with its sign: `76.6 %`.
pub fn percent(value: f64) -> String {
    format!("{} %", fixed(value, 1))
}

/// An age to one unit, rounded up below a minute so that a value read each second stays "1 s": `12 s`, `3 min`, `2 h`,
/// `4 d`.
pub fn age(age: Duration) -> String {
    let seconds = age.as_secs();
    let started = seconds + u64::from(age.subsec_nanos() > 0);
    match started {
        0..60 => format!("{started} s"),
        60..3600 => format!("{} min", seconds.max(60) / 60),
        3600..172_800 => format!("{} h", seconds.max(3600) / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// A short time: `0.4 ms`, `12 ms`, `1.2 s`.
pub fn short_time(time: Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1000.0;
    if milliseconds < 9.95 {
        format!("{milliseconds:.1} ms")
    } else if milliseconds < 999.5 {
        format!("{milliseconds:.0} ms")
    } else {
        format!("{:.1} s", milliseconds / 1000.0)
    }
}

/// A length that somebody chose: `1 s`, `500 ms`, `15 min`.
pub fn interval(time: Duration) -> String {
    if time.subsec_nanos() == 0 { age(time) } else { short_time(time) }
}

/// How many columns a text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// `text` in at most `columns` columns, made safe to draw; what is cut ends in `ellipsis`.
pub fn fit(text: &str, columns: usize, ellipsis: &str) -> String {
    let safe: String = text.chars().filter(|character| !is_hidden(*character)).collect();
    if safe.width() <= columns {
        return safe;
    }
    let room = columns.saturating_sub(ellipsis.width());
    let mut cut = String::with_capacity(columns);
    let mut used = 0;
    for character in safe.chars() {
        let wide = character.width().unwrap_or_default();
        if used + wide > room {
            break;
        }
        used += wide;
        cut.push(character);
    }
    let cut = cut.trim_end();
    if columns < ellipsis.width() { String::new() } else { format!("{cut}{ellipsis}") }
}

/// `text` with spaces before it, up to `columns` columns.
pub fn right(text: &str, columns: usize) -> String {
    format!("{}{text}", " ".repeat(columns.saturating_sub(text.width())))
}

/// `text` with spaces after it, up to `columns` columns.
pub fn left(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(text.width())))
}

/// `one` and `many` by count: `1 meter`, `2 meters`.
pub fn count(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// `text` broken at spaces into lines of at most `columns`; a longer word is broken anywhere.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => {
                let mut piece = String::new();
                for character in word.chars() {
                    if piece.width() + character.width().unwrap_or_default() > columns && !piece.is_empty() {
                        lines.push(std::mem::take(&mut piece));
                    }
                    piece.push(character);
                }
                lines.push(piece);
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_keep_their_number_of_digits() {
        for (given, significant, expected) in [
            (612.44, 4, "612.4"),
            (71.8, 4, "71.80"),
            (9812.4, 4, "9 812"),
            (1_234_567.8, 4, "1 234 568"),
            (99.996, 4, "100.0"),
            (999.96, 4, "1 000"),
            (9.9999, 3, "10.0"),
            (0.3524, 4, "0.352"),
            (0.0, 4, "0.000"),
            (-0.000_01, 4, "0.000"),
            (-12.5, 3, "-12.5"),
            (-1234.5, 4, "-1 234"),
            (f64::NAN, 4, "n/a"),
            (f64::INFINITY, 4, "n/a"),
        ] {
            assert_eq!(number(given, significant), expected, "{given}");
        }
    }

    #[test]
    fn ages_are_short() {
        for (milliseconds, expected) in [
            (0, "0 s"),
            (1, "1 s"),
            (999, "1 s"),
            (12_000, "12 s"),
            (59_500, "1 min"),
            (60_000, "1 min"),
            (179_000, "2 min"),
            (3_599_500, "1 h"),
            (7_200_000, "2 h"),
            (172_800_000, "2 d"),
        ] {
            assert_eq!(age(Duration::from_millis(milliseconds)), expected, "{milliseconds} ms");
        }
    }

    #[test]
    fn texts_fit_by_columns_not_letters() {
        for (text, columns, expected) in [
            ("MSB-1 main", 10, "MSB-1 main"),
            ("MSB-1 main", 8, "MSB-1 m…"),
            ("MSB-1 main", 7, "MSB-1…"),
            ("電力計", 5, "電力…"),
            ("電力計", 4, "電…"),
            ("a\u{1b}[31m\u{202e}b", 9, "a[31mb"),
            ("abc", 0, ""),
        ] {
            assert_eq!(fit(text, columns, "…"), expected);
        }
        assert_eq!(right("電", 4), "  電");
        assert_eq!(wrap("Check power and cable", 12), ["Check power", "and cable"]);
        assert_eq!(wrap("at south-main.example:502 now", 10), ["at", "south-main", ".example:5", "02 now"]);
    }

    proptest! {
        #[test]
        fn fit_never_takes_more(text in ".{0,40}", columns in 0usize..30) {
            prop_assert!(width(&fit(&text, columns, "…")) <= columns);
        }

        #[test]
        fn a_number_reads_back(value in -1e9..1e9f64) {
            let text = number(value, 4).replace(' ', "");
            let back: f64 = text.parse().unwrap();
            prop_assert!((back - value).abs() <= value.abs() * 0.000_51 + 0.000_51, "{text}");
            prop_assert!(!(text.starts_with('-') && back == 0.0));
        }
    }
}
