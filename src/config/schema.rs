//! The form of the site file as data: which keys each table has, what they may hold and what they mean.
//! The readers take their limits from here, and the JSON schema for editors is made from it.

use std::time::Duration;

use super::choice::Words;

pub(super) mod device;
pub(super) mod json;
pub(super) mod meter;
pub(super) mod register;
pub(super) mod site;

/// A table of the file.
#[derive(Debug)]
pub(super) struct Table {
    /// What it describes, for messages: "meter".
    pub(super) what: &'static str,
    /// One sentence for editors.
    pub(super) doc: &'static str,
    /// The keys that it may have.
    pub(super) keys: &'static [Key],
}

impl Table {
    /// The key with this name.
    pub(super) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

/// A key of a table.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// One sentence, with unit and default.
    pub(super) doc: &'static str,
    pub(super) required: bool,
}

/// What a key may hold.
#[derive(Debug)]
pub(super) enum Kind {
    /// One line of text.
    Text,
    /// Text of several lines.
    LongText,
    /// The id of an entry of another table.
    Reference(&'static str),
    /// A whole number.
    Integer { min: i64, max: i64 },
    /// A finite number.
    Number { min: f64, max: f64 },
    /// `true` or `false`.
    Switch,
    /// A time span as text.
    Duration { min: Duration, max: Duration },
    /// A day.
    Date,
    /// A decimal number as text.
    Price,
    /// One of a few words, or the source's id.
    Choice(Words),
    /// A list of texts.
    Texts,
    /// A list of ids of another table.
    References(&'static str),
    /// A list of raw register values.
    RawValues,
    /// A table with known keys.
    Table(&'static Table),
    /// Tables by id.
    TableOf(&'static Table),
    /// Registers by quantity.
    Registers,
    /// Values by any name.
    Free,
    /// Tables by id, with keys of any name.
    FreeTables,
}

/// A time span for a table of keys.
pub(super) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A time span for a table of keys.
pub(super) const fn milliseconds(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// A key that may be absent.
pub(super) const fn optional(name: &'static str, kind: Kind, doc: &'static str) -> Key {
    Key { name, kind, doc, required: false }
}

/// A key that must be there.
pub(super) const fn required(name: &'static str, kind: Kind, doc: &'static str) -> Key {
    Key { name, kind, doc, required: true }
}

impl Kind {
    /// What it holds, in words.
    pub(super) fn expected(&self) -> String {
        match self {
            Self::Text | Self::LongText => "text in quotes".into(),
            Self::Reference(table) => format!("the id of a {table}, in quotes"),
            Self::Integer { min, max } => format!("a whole number from {min} to {max}"),
            Self::Number { min, max } => number_range(*min, *max),
            Self::Switch => "true or false".into(),
            Self::Duration { min, max } => {
                format!("a time span from {} to {}, in quotes, such as {}", span(*min), span(*max), self.example())
            }
            Self::Date => "a date without quotes, such as 2021-06-01".into(),
            Self::Price => "a decimal number in quotes, such as \"0.2140\"".into(),
            Self::Choice(words) => one_of(words().into_iter().map(|(word, _)| word)),
            Self::Texts => "a list of texts, such as [\"a\", \"b\"]".into(),
            Self::References(table) => format!("a list of {table} ids, such as [\"a\", \"b\"]"),
            Self::RawValues => "a list of raw values, such as [0x8000]".into(),
            Self::Table(_) | Self::TableOf(_) | Self::Registers | Self::Free | Self::FreeTables => "a table".into(),
        }
    }

    /// A value as it could stand there.
    pub(super) fn example(&self) -> String {
        match self {
            Self::Text | Self::LongText | Self::Reference(_) => "\"…\"".into(),
            Self::Integer { min, .. } => (*min).max(1).to_string(),
            Self::Number { min, .. } => min.max(1.0).to_string(),
            Self::Switch => "true".into(),
            Self::Duration { min, .. } => format!("\"{}\"", span((*min).max(Duration::from_secs(1)))),
            Self::Date => "2021-06-01".into(),
            Self::Price => "\"0.2140\"".into(),
            Self::Choice(words) => words().first().map_or_else(|| "\"…\"".into(), |(word, _)| format!("\"{word}\"")),
            Self::Texts | Self::References(_) | Self::RawValues => "[]".into(),
            Self::Table(_) | Self::TableOf(_) | Self::Registers | Self::Free | Self::FreeTables => "{ … }".into(),
        }
    }
}

/// `a, b or c`, each as code.
pub(super) fn one_of<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let mut words: Vec<String> = words.into_iter().map(|word| format!("\"{word}\"")).collect();
    match (words.pop(), words.is_empty()) {
        (None, _) => String::new(),
        (Some(last), true) => last,
        (Some(last), false) => format!("{} or {last}", words.join(", ")),
    }
}

fn number_range(min: f64, max: f64) -> String {
    match (min > f64::MIN, max < f64::MAX) {
        (true, true) => format!("a number from {min} to {max}"),
        (true, false) => format!("a number from {min}"),
        (false, true) => format!("a number up to {max}"),
        (false, false) => "a number".into(),
    }
}

/// A time span as the file spells it, in the largest unit that is exact.
pub(super) fn span(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    for (size, unit) in [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s")] {
        if milliseconds >= size && milliseconds.is_multiple_of(size) {
            return format!("{}{unit}", milliseconds / size);
        }
    }
    if milliseconds == 0 { "0s".into() } else { format!("{milliseconds}ms") }
}

#[cfg(test)]
mod tests;
