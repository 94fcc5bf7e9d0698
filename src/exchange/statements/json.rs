//! The leaves of the documents: texts, exact numbers and dates, whatever JSON type they come in.

use std::{borrow::Cow, fmt, marker::PhantomData};

use jiff::civil::Date;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use serde_json::value::RawValue;

use crate::domain::duplicate::{Usage, UsageUnit};

/// A value's own text, so that no number goes through a float; `None` where it is absent or null.
pub(super) type Leaf<'a> = Option<&'a RawValue>;

/// The text of a leaf: of a string what it says, of a number or truth value how it is written. Blank is absent, and so is
/// what cannot be a text.
pub(super) fn text(leaf: Leaf<'_>) -> Option<Cow<'_, str>> {
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

/// A usage that is present: exact, or why it is none.
///
/// # Errors
/// What is wrong with it.
pub(super) fn usage(leaf: Leaf<'_>, unit: &UsageUnit) -> Result<Option<Usage>, String> {
    let Some(raw) = leaf else { return Ok(None) };
    let is_other = raw.get().starts_with(['{', '[', 't', 'f']);
    let text = text(leaf).filter(|_| !is_other).unwrap_or(Cow::Borrowed(raw.get()));
    Usage::parse(&text, unit.clone()).map(Some).map_err(|bad| format!("the usage {bad}"))
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
    fn a_usage_is_exact_absent_or_wrong() {
        for (json, expected) in [("45", "45"), ("45.000", "45"), ("\"45.10\"", "45.1"), ("4.5e1", "45"), ("0.1", "0.1")]
        {
            let found = usage(Some(&raw(json)), &UsageUnit::KWH).unwrap().unwrap();
            assert_eq!(found.value().to_string(), expected, "{json}");
        }
        assert_eq!(usage(None, &UsageUnit::KWH), Ok(None));
        let long = "9".repeat(400);
        for json in [
            "\"\"",
            "\"n/a\"",
            "true",
            "[1]",
            "{}",
            "\"NaN\"",
            "\"1,5\"",
            "1e400",
            "0.12345678901234567890123456789",
            &long,
        ] {
            assert!(usage(Some(&raw(json)), &UsageUnit::KWH).is_err(), "{json}");
        }
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
