//! The leaves of the documents: texts, exact numbers and dates, whatever JSON type they come in.

use std::{borrow::Cow, fmt, marker::PhantomData};

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::value::RawValue;

/// A value's own text, so that no number goes through a float; `None` where it is absent or null.
pub(super) type Leaf<'a> = Option<&'a RawValue>;

/// Most digits that a number may have before it is no number any more: nothing that is billed has more.
const MAX_NUMBER_LENGTH: usize = 64;

/// The text of a leaf: of a string what it says, of a number or truth value how it is written. Blank is absent, and so is
/// what cannot be a text.
pub(super) fn text<'a>(leaf: Leaf<'a>) -> Option<Cow<'a, str>> {
    let raw = leaf?.get();
    let text = match raw.as_bytes().first()? {
        b'"' => match raw.get(1..raw.len().checked_sub(1)?)? {
            plain if !plain.contains('\\') => Cow::Borrowed(plain),
            _ => Cow::Owned(serde_json::from_str(raw).ok()?),
        },
        b'{' | b'[' => return None,
        _ => Cow::Borrowed(raw),
    };
    match text {
        Cow::Borrowed(text) => Some(text.trim()).filter(|text| !text.is_empty()).map(Cow::Borrowed),
        Cow::Owned(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()).map(Cow::Owned),
    }
}

/// A number that is present: exact, or why it is none.
///
/// # Errors
/// What is wrong with it.
pub(super) fn number(leaf: Leaf<'_>) -> Result<Option<Decimal>, String> {
    let Some(raw) = leaf else { return Ok(None) };
    let shown = || crate::text::clean_within(raw.get(), 40);
    let Some(text) = text(leaf) else {
        return if raw.get().starts_with('"') { Ok(None) } else { Err(format!("`{}` is no number", shown())) };
    };
    if text.len() > MAX_NUMBER_LENGTH {
        return Err(format!("a number of {} characters cannot be kept exactly", text.len()));
    }
    match exact(&text) {
        Some(number) => Ok(Some(number)),
        None if is_number(&text) => Err(format!("`{}` cannot be kept exactly: it has more than 28 digits", shown())),
        None => Err(format!("`{}` is no number", shown())),
    }
}

/// A decimal as written, also with an exponent, to the last digit.
fn exact(text: &str) -> Option<Decimal> {
    let (digits, exponent) = match text.find(['e', 'E']) {
        Some(at) => (text.get(..at)?, text.get(at + 1..)?.parse::<i32>().ok()?),
        None => (text, 0),
    };
    if !is_plain(digits) {
        return None;
    }
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    // Zeros at the end of a fraction say nothing, and need no room.
    let fraction = fraction.trim_end_matches('0');
    let number = Decimal::from_str_exact(&format!("{whole}.{fraction}").trim_end_matches('.').replace('+', "")).ok()?;
    scaled(number, exponent)
}

/// `number` times ten to the `exponent`, if that is exact.
fn scaled(number: Decimal, exponent: i32) -> Option<Decimal> {
    let scale = i64::from(number.scale()) - i64::from(exponent);
    if number.is_zero() {
        return Some(Decimal::ZERO);
    }
    match u32::try_from(scale) {
        Ok(scale) => Decimal::try_from_i128_with_scale(number.mantissa(), scale).ok(),
        Err(_) => {
            let up = 10_i128.checked_pow(u32::try_from(-scale).ok()?)?;
            Decimal::try_from_i128_with_scale(number.mantissa().checked_mul(up)?, 0).ok()
        }
    }
}

fn is_plain(digits: &str) -> bool {
    let unsigned = digits.strip_prefix(['-', '+']).unwrap_or(digits);
    let mut points = 0;
    let rest = unsigned.bytes().all(|byte| match byte {
        b'.' => {
            points += 1;
            true
        }
        byte => byte.is_ascii_digit(),
    });
    rest && points <= 1 && unsigned.bytes().any(|byte| byte.is_ascii_digit())
}

fn is_number(text: &str) -> bool {
    let (digits, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
    is_plain(digits) && !exponent.is_empty() && exponent.bytes().all(|byte| byte.is_ascii_digit())
}

/// A date that is present: `YYYY-MM-DD`, or the date part of an RFC 3339 timestamp as it is written.
///
/// # Errors
/// What is wrong with it.
pub(super) fn date(leaf: Leaf<'_>) -> Result<Option<Date>, String> {
    let Some(text) = text(leaf) else { return Ok(None) };
    let wrong = || format!("`{}` is no date that there is", crate::text::clean_within(&text, 40));
    let (date, rest) = text.split_at_checked(10).ok_or_else(wrong)?;
    let is_time = rest.is_empty() || rest.starts_with(['T', 't', ' ']) && rest.len() > 1;
    let fields =
        |range: std::ops::Range<usize>| date.get(range).filter(|field| field.bytes().all(|byte| byte.is_ascii_digit()));
    let parsed = match (fields(0..4), date.get(4..5), fields(5..7), date.get(7..8), fields(8..10)) {
        (Some(year), Some("-"), Some(month), Some("-"), Some(day)) if is_time => {
            let (year, month, day) = (year.parse(), month.parse(), day.parse());
            match (year, month, day) {
                (Ok(year), Ok(month), Ok(day)) => Date::new(year, month, day).ok(),
                _ => None,
            }
        }
        _ => None,
    };
    parsed.map(Some).ok_or_else(wrong)
}

/// Objects in an array, one object instead of it, or none; what is no object is `None`.
#[derive(Debug)]
pub(super) struct Many<T> {
    pub items: Vec<Option<T>>,
    /// Written as an array, so that pointers have a number.
    pub is_array: bool,
}

impl<T> Default for Many<T> {
    fn default() -> Self {
        Self { items: Vec::new(), is_array: true }
    }
}

impl<T> Many<T> {
    /// Every item with its pointer.
    pub(super) fn pointed<'s>(&'s self, at: &'s str) -> impl Iterator<Item = (String, Option<&'s T>)> {
        self.items.iter().enumerate().map(move |(index, item)| {
            (if self.is_array { format!("{at}/{index}") } else { at.to_owned() }, item.as_ref())
        })
    }

    /// Those that are objects.
    pub(super) fn objects(&self) -> impl Iterator<Item = &T> {
        self.items.iter().flatten()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Many<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Items { is_outer: true, what: PhantomData })
    }
}

/// One element of an array.
struct One<T>(Option<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for One<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut many = deserializer.deserialize_any(Items { is_outer: false, what: PhantomData })?;
        Ok(Self(many.items.pop().flatten()))
    }
}

struct Items<T> {
    is_outer: bool,
    what: PhantomData<T>,
}

impl<T> Items<T> {
    fn wrong() -> Many<T> {
        Many { items: vec![None], is_array: false }
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<T> {
    type Value = Many<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object or an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Many<T>, A::Error> {
        let mut items = Vec::new();
        if !self.is_outer {
            while array.next_element::<serde::de::IgnoredAny>()?.is_some() {}
            return Ok(Self::wrong());
        }
        while let Some(One(item)) = array.next_element()? {
            items.push(item);
        }
        Ok(Many { items, is_array: true })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Many<T>, A::Error> {
        let item = T::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Many { items: vec![Some(item)], is_array: false })
    }

    fn visit_unit<E>(self) -> Result<Many<T>, E> {
        Ok(if self.is_outer { Many::default() } else { Self::wrong() })
    }

    fn visit_bool<E>(self, _: bool) -> Result<Many<T>, E> {
        Ok(Self::wrong())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Many<T>, E> {
        Ok(Self::wrong())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Many<T>, E> {
        Ok(Self::wrong())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Many<T>, E> {
        Ok(Self::wrong())
    }

    fn visit_str<E>(self, _: &str) -> Result<Many<T>, E> {
        Ok(Self::wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    #[test]
    fn numbers_are_exact_or_no_numbers() {
        for (json, expected) in [
            ("45", "45"),
            ("45.000", "45"),
            ("\"45.10\"", "45.1"),
            ("\" 45 \"", "45"),
            ("4.5e1", "45"),
            ("45E-3", "0.045"),
            ("-0.1", "-0.1"),
            ("0.1", "0.1"),
            ("1234567890123456789012345678", "1234567890123456789012345678"),
            ("0.0000000000000000000000000001", "0.0000000000000000000000000001"),
            ("0e999", "0"),
            ("12.50000000000000000000000000000000000000000", "12.5"),
        ] {
            let number = number(Some(&raw(json))).unwrap().unwrap();
            assert_eq!(number.normalize().to_string(), expected, "{json}");
        }
        for json in ["\"\"", "\" \"", "null"] {
            assert_eq!(
                number(Some(&raw(json)).filter(|raw| raw.get() != "null").map(|raw| &**raw)),
                Ok(None),
                "{json}"
            );
        }
        let long = "9".repeat(400);
        for json in
            ["\"n/a\"", "true", "[1]", "{}", "\"NaN\"", "\"1,5\"", "\"1.2.3\"", "1e400", "\"--1\"", "\".\"", &long]
        {
            assert!(number(Some(&raw(json))).is_err(), "{json}");
        }
        // More digits than can be kept are no reason to round.
        assert!(number(Some(&raw("0.12345678901234567890123456789"))).is_err());
    }

    #[test]
    fn dates_are_days_that_there_are() {
        for (json, expected) in [
            ("\"2023-01-31\"", "2023-01-31"),
            ("\"2023-01-31T23:59:59.999+05:30\"", "2023-01-31"),
            ("\"2024-02-29t00:00:00z\"", "2024-02-29"),
        ] {
            assert_eq!(date(Some(&raw(json))).unwrap().unwrap().to_string(), expected, "{json}");
        }
        for json in [
            "\"2023-02-29\"",
            "\"2023-13-01\"",
            "\"01/31/2023\"",
            "\"2023-01-31x\"",
            "\"20230131\"",
            "5",
            "\"2023-1-1\"",
            "\"２０２３-01-01\"",
        ] {
            assert!(date(Some(&raw(json))).is_err(), "{json}");
        }
        assert_eq!(date(None), Ok(None));
    }

    #[test]
    fn an_object_stands_for_an_array_of_one() {
        #[derive(Debug, Deserialize)]
        struct Item<'a> {
            #[serde(borrow)]
            a: Leaf<'a>,
        }
        for (json, expected) in [
            (r#"[{"a":1},{"a":2}]"#, vec![("/x/0", true), ("/x/1", true)]),
            (r#"{"a":1}"#, vec![("/x", true)]),
            ("null", vec![]),
            (
                r#"[{"a":1},"no",[],3,null]"#,
                vec![("/x/0", true), ("/x/1", false), ("/x/2", false), ("/x/3", false), ("/x/4", false)],
            ),
            ("\"no\"", vec![("/x", false)]),
            ("7.5", vec![("/x", false)]),
        ] {
            let many: Many<Item<'_>> = serde_json::from_str(json).unwrap();
            let found: Vec<_> = many.pointed("/x").map(|(at, item)| (at, item.is_some())).collect();
            let expected: Vec<_> = expected.into_iter().map(|(at, good)| (at.to_owned(), good)).collect();
            assert_eq!(found, expected, "{json}");
            assert!(many.objects().all(|item| item.a.is_some()));
        }
    }
}
