//! Time spans as the file spells them: `250ms`, `1s`, `15m`, `400d`.

use std::time::Duration;

/// A whole number and a unit: ms, s, m, h or d.
pub fn parse(text: &str) -> Option<Duration> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let number: u64 = number.parse().ok()?;
    let milliseconds = match unit.trim_start() {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    Some(Duration::from_millis(number.checked_mul(milliseconds)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_a_unit() {
        for (text, expected) in [
            ("250ms", Some(250)),
            ("0s", Some(0)),
            ("1 s", Some(1000)),
            ("15m", Some(900_000)),
            ("400d", Some(400 * 86_400_000)),
            ("", None),
            ("s", None),
            ("1", None),
            ("-1s", None),
            ("1.5s", None),
            ("1w", None),
            ("99999999999999999999d", None),
            ("18446744073709551615d", None),
            ("1é", None),
        ] {
            assert_eq!(parse(text), expected.map(Duration::from_millis), "{text}");
        }
    }
}
