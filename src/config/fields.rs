//! Readers of a table's keys: each gives the value, or records what is wrong and lets the walk go on.

use std::{str::FromStr, time::Duration};

use jiff::civil::Date;
use rust_decimal::Decimal;

use super::{
    choice::Choice,
    duration,
    problems::{Problem, Sink, Spot, closest},
    schema::{self, Kind},
    tree::{Entry, Node, Table, Value},
};
use crate::{
    domain::{
        ids::{MAX_ID_LENGTH, is_id},
        secret::SecretSource,
    },
    text::{MAX_CLEAN_LENGTH, is_hidden},
};

/// Longest text of several lines, in characters.
const MAX_LONG_TEXT: usize = 8 * MAX_CLEAN_LENGTH;
/// Longest list.
const MAX_LIST: usize = 1000;

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) spot: Spot,
}

/// A table with known keys.
#[derive(Debug, Clone)]
pub(super) struct Fields<'a> {
    pub(super) sink: &'a Sink,
    /// What the table is, for messages: "meter `main`".
    pub(super) name: String,
    /// Where its name stands.
    pub(super) spot: Spot,
    table: &'a Table,
    schema: &'static schema::Table,
}

impl<'a> Fields<'a> {
    /// Takes a table; keys that it may not have and those that it lacks are recorded.
    pub(super) fn new(
        sink: &'a Sink,
        table: &'a Table,
        spot: &Spot,
        name: impl Into<String>,
        schema: &'static schema::Table,
    ) -> Self {
        let fields = Self { sink, name: name.into(), spot: spot.clone(), table, schema };
        let mut meant = Vec::new();
        for entry in table.entries.iter().filter(|entry| schema.key(&entry.key).is_none()) {
            meant.extend(fields.unknown_key(entry));
        }
        let is_missing = |key: &&schema::Key| key.required && table.get(key.name).is_none();
        for key in schema.keys.iter().filter(is_missing).filter(|key| !meant.contains(&key.name)) {
            fields.missing(key.name);
        }
        fields
    }

    /// The table of an entry, by the same rules; `None` (and a problem) where it is no table.
    pub(super) fn of_entry(
        sink: &'a Sink,
        entry: &'a Entry,
        name: impl Into<String>,
        schema: &'static schema::Table,
    ) -> Option<Self> {
        let Value::Table(table) = &entry.node.value else {
            let found = entry.node.value.kind();
            sink.add(
                Problem::error(&entry.node.spot, format!("`{}` is {found}, and should be a table", entry.key))
                    .help(format!("write [{}] and its keys below", entry.key)),
            );
            return None;
        };
        Some(Self::new(sink, table, &entry.spot, name, schema))
    }

    /// Records a key that the table does not have; returns what was probably meant.
    fn unknown_key(&self, entry: &Entry) -> Option<&'static str> {
        let known = || self.schema.keys.iter().map(|key| key.name);
        let meant = closest(&entry.key, known());
        let help = match meant {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("it may have: {}", known().collect::<Vec<_>>().join(", ")),
        };
        self.sink.add(
            Problem::error(&entry.spot, format!("unknown key `{}` in {}", entry.key, self.name))
                .label("not a key of this table")
                .help(help),
        );
        meant
    }

    /// Records that a key is missing.
    pub(super) fn missing(&self, name: &str) {
        let mut problem = Problem::error(&self.spot, format!("{} has no `{name}`", self.name));
        if let Some(key) = self.schema.key(name) {
            problem = problem.help(format!("add `{name} = {}`: {}", key.kind.example(), key.doc));
        }
        self.sink.add(problem);
    }

    /// Whether the key is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.table.get(name).is_some()
    }

    /// Where the key's value stands; the table's own place where it is absent.
    pub(super) fn spot(&self, name: &str) -> Spot {
        self.table.get(name).map_or_else(|| self.spot.clone(), |entry| entry.node.spot.clone())
    }

    /// Where the key itself stands; the table's own place where it is absent.
    pub(super) fn key_spot(&self, name: &str) -> Spot {
        self.table.get(name).map_or_else(|| self.spot.clone(), |entry| entry.spot.clone())
    }

    /// Records a problem of the key's value.
    pub(super) fn error(&self, name: &str, message: impl AsRef<str>, help: impl AsRef<str>) {
        self.sink.add(Problem::error(&self.spot(name), message).help(help));
    }

    /// The entry and its kind.
    pub(super) fn entry(&self, name: &str) -> Option<(&'a Entry, &'static Kind)> {
        #[cfg(test)]
        asked::note(self.schema, name);
        Some((self.table.get(name)?, &self.schema.key(name)?.kind))
    }

    /// Records that a value is of another kind than it should be.
    fn wrong_kind(&self, name: &str, node: &Node, expected: &str) {
        let message = format!("`{name}` is {}, and should be {expected}", node.value.kind());
        self.sink.add(Problem::error(&node.spot, message).help(format!("write {expected}")));
    }

    /// What `read` makes of the value; where it makes nothing, the kind is wrong.
    fn read<T>(&self, name: &str, read: impl FnOnce(&'a Value) -> Option<T>) -> Option<T> {
        let (entry, kind) = self.entry(name)?;
        let value = read(&entry.node.value);
        if value.is_none() {
            self.wrong_kind(name, &entry.node, &kind.expected());
        }
        value
    }

    /// Records that a value is outside its limits.
    fn out_of_range(&self, name: &str, shown: impl std::fmt::Display) {
        if let Some((_, kind)) = self.entry(name) {
            let expected = kind.expected();
            self.error(name, format!("`{name}` cannot be {shown}"), format!("write {expected}"));
        }
    }

    /// Text, without hidden characters.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let (entry, kind) = self.entry(name)?;
        let text = self.read(name, |value| if let Value::Text(text) = value { Some(text) } else { None })?;
        self.plain_text(name, text, &entry.node.spot, matches!(kind, Kind::LongText)).then(|| text.clone())
    }

    /// Text as it stands there, whatever is wrong with it; nothing is recorded.
    pub(super) fn text_of(&self, name: &str) -> Option<&'a str> {
        match &self.table.get(name)?.node.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether a text may stand: no hidden characters, not too long, not empty; records why not.
    fn plain_text(&self, name: &str, text: &str, spot: &Spot, long: bool) -> bool {
        let limit = if long { MAX_LONG_TEXT } else { MAX_CLEAN_LENGTH };
        let hidden = text.chars().find(|character| is_hidden(*character) && !(long && "\n\r\t".contains(*character)));
        let problem = if let Some(hidden) = hidden {
            Problem::error(spot, format!("`{name}` holds the hidden character U+{:04X}", u32::from(hidden)))
                .help("leave it out: it would not show, or change how other text shows")
        } else if text.chars().count() > limit {
            Problem::error(spot, format!("`{name}` is too long")).help(format!("write at most {limit} characters"))
        } else if text.trim().is_empty() {
            Problem::error(spot, format!("`{name}` is empty")).help("write a text, or leave the key out")
        } else {
            return true;
        };
        self.sink.add(problem);
        false
    }

    /// A list of texts.
    pub(super) fn texts(&self, name: &str) -> Vec<At<String>> {
        let Some(items) = self.list(name) else { return Vec::new() };
        let mut texts = Vec::new();
        for item in items {
            match &item.value {
                Value::Text(text) if self.plain_text(name, text, &item.spot, false) => {
                    texts.push(At { value: text.clone(), spot: item.spot.clone() });
                }
                Value::Text(_) => {}
                _ => self.wrong_kind(name, item, "text in quotes"),
            }
        }
        texts
    }

    /// The items of a list; `None` where it is absent or wrong.
    pub(super) fn list(&self, name: &str) -> Option<&'a [Node]> {
        let items = self.read(name, |value| if let Value::List(items) = value { Some(items) } else { None })?;
        if items.len() > MAX_LIST {
            self.error(name, format!("`{name}` has too many items"), format!("write at most {MAX_LIST}"));
            return None;
        }
        Some(items)
    }

    /// A whole number within its limits.
    pub(super) fn integer<T: TryFrom<i128>>(&self, name: &str) -> Option<T> {
        let number = self.read(name, |value| if let Value::Integer(number) = value { Some(*number) } else { None })?;
        let (min, max) = match self.entry(name)?.1 {
            Kind::Integer { min, max } => (i128::from(*min), i128::from(*max)),
            _ => (i128::MIN, i128::MAX),
        };
        let fits = T::try_from(number).ok().filter(|_| (min..=max).contains(&number));
        if fits.is_none() {
            self.out_of_range(name, number);
        }
        fits
    }

    /// A finite number within its limits.
    pub(super) fn number(&self, name: &str) -> Option<f64> {
        let number = self.read(name, |value| match value {
            Value::Float(number) => Some(*number),
            Value::Integer(number) => Some(*number as f64),
            _ => None,
        })?;
        let (min, max) = match self.entry(name)?.1 {
            Kind::Number { min, max } => (*min, *max),
            _ => (f64::MIN, f64::MAX),
        };
        if number.is_finite() && (min..=max).contains(&number) {
            return Some(number);
        }
        self.out_of_range(name, number);
        None
    }

    /// A number above zero within its limits.
    pub(super) fn positive(&self, name: &str) -> Option<f64> {
        let number = self.number(name)?;
        if number > 0.0 {
            return Some(number);
        }
        self.error(name, format!("`{name}` cannot be {number}"), "write a number above 0");
        None
    }

    /// `true` or `false`.
    pub(super) fn switch(&self, name: &str) -> Option<bool> {
        self.read(name, |value| if let Value::Switch(switch) = value { Some(*switch) } else { None })
    }

    /// A time span within its limits.
    pub(super) fn duration(&self, name: &str) -> Option<Duration> {
        let text = self.read(name, |value| if let Value::Text(text) = value { Some(text) } else { None })?;
        let kind = self.entry(name)?.1;
        let (min, max) = match kind {
            Kind::Duration { min, max } => (*min, *max),
            _ => (Duration::ZERO, Duration::MAX),
        };
        match duration::parse(text) {
            Some(duration) if (min..=max).contains(&duration) => Some(duration),
            Some(_) => {
                self.out_of_range(name, text);
                None
            }
            None => {
                let help = format!("write {}; units are ms, s, m, h and d", kind.expected());
                self.error(name, format!("`{text}` is not a time span"), help);
                None
            }
        }
    }

    /// A day.
    pub(super) fn date(&self, name: &str) -> Option<Date> {
        self.read(name, |value| match value {
            Value::Date(toml::value::Datetime { date: Some(date), time: None, offset: None }) => {
                let (year, month) = (i16::try_from(date.year).ok()?, i8::try_from(date.month).ok()?);
                Date::new(year, month, i8::try_from(date.day).ok()?).ok()
            }
            Value::Text(text) => text.parse().ok(),
            _ => None,
        })
    }

    /// A decimal number of at least zero.
    pub(super) fn price(&self, name: &str) -> Option<Decimal> {
        let price = self.read(name, |value| match value {
            Value::Text(text) => Decimal::from_str(text.trim()).ok(),
            Value::Integer(number) => i64::try_from(*number).ok().map(Decimal::from),
            _ => None,
        })?;
        if price.is_sign_negative() && !price.is_zero() {
            self.error(name, format!("`{name}` cannot be negative"), "write a price of at least 0");
            return None;
        }
        Some(price)
    }

    /// One of a few words, or its id.
    pub(super) fn choice<T: Choice>(&self, name: &str) -> Option<T> {
        let (entry, kind) = self.entry(name)?;
        let choices = T::choices();
        let found = match &entry.node.value {
            Value::Text(text) => choices.iter().find(|(word, ..)| word == text),
            Value::Integer(number) => choices.iter().find(|(_, id, _)| id.is_some_and(|id| i128::from(id) == *number)),
            _ => {
                self.wrong_kind(name, &entry.node, &kind.expected());
                return None;
            }
        };
        if let Some((.., choice)) = found {
            return Some(*choice);
        }
        let shown = match &entry.node.value {
            Value::Text(text) => format!("`{text}`"),
            Value::Integer(number) => number.to_string(),
            _ => String::new(),
        };
        let help = match &entry.node.value {
            Value::Text(text) => closest(text, choices.iter().map(|(word, ..)| *word))
                .map_or_else(|| kind.expected(), |meant| format!("did you mean \"{meant}\"?")),
            _ => format!("write {}", kind.expected()),
        };
        let problem = Problem::error(&entry.node.spot, format!("{shown} is not a {}", name.replace('_', " ")));
        self.sink.add(problem.label("unknown").help(help));
        None
    }

    /// A table with known keys.
    pub(super) fn table(&self, name: &str) -> Option<Fields<'a>> {
        let (entry, kind) = self.entry(name)?;
        let Kind::Table(schema) = kind else { return None };
        Fields::of_entry(self.sink, entry, format!("{} of {}", schema.what, self.name), schema)
    }

    /// Where a secret is. One that stands in the file itself is an error, and is not shown.
    pub(super) fn secret(&self, name: &str) -> Option<SecretSource> {
        let (entry, _) = self.entry(name)?;
        if !matches!(entry.node.value, Value::Table(_)) {
            let help = format!(
                "write where it is: `{name} = {{ credential = \"…\" }}`, `{{ file = \"…\" }}` or `{{ env = \"…\" }}`"
            );
            let problem = Problem::error(&entry.node.spot.veiled(), format!("`{name}` is a secret"));
            self.sink.add(problem.label("not here").help(help));
            return None;
        }
        let fields = self.table(name)?;
        let folder = &fields.spot.source.folder;
        let found = [
            fields.text("credential").map(SecretSource::Credential),
            fields.text("file").map(|file| SecretSource::File(folder.join(file))),
            fields.text("env").map(SecretSource::Env),
        ];
        let mut found = found.into_iter().flatten();
        if let (Some(source), None) = (found.next(), found.next()) {
            return Some(source);
        }
        self.error(name, format!("`{name}` does not say where it is"), "write credential, file or env, and only one");
        None
    }

    /// The entries of a table, whatever their keys.
    pub(super) fn entries(&self, name: &str) -> &'a [Entry] {
        let table = self.read(name, |value| if let Value::Table(table) = value { Some(table) } else { None });
        table.map_or(&[], |table| &table.entries)
    }

    /// Tables by id.
    pub(super) fn tables(&self, name: &str) -> Vec<(&'a str, Fields<'a>)> {
        let Some((_, Kind::TableOf(schema))) = self.entry(name) else { return Vec::new() };
        let entries = self.entries(name).iter().filter(|entry| self.is_id(entry));
        entries
            .filter_map(|entry| {
                let fields = Fields::of_entry(self.sink, entry, format!("{} `{}`", schema.what, entry.key), schema)?;
                Some((entry.key.as_str(), fields))
            })
            .collect()
    }

    /// Whether a key is an id; records where it is not.
    fn is_id(&self, entry: &Entry) -> bool {
        let good = is_id(&entry.key);
        if !good {
            let lower: String = entry.key.to_lowercase().replace(' ', "-").chars().take(MAX_ID_LENGTH).collect();
            let help = "an id has 1 to 64 characters of a-z, 0-9, '.', '_' and '-', and starts with a letter or digit";
            let help = if is_id(&lower) { format!("write `{lower}`: {help}") } else { help.to_owned() };
            self.sink.add(Problem::error(&entry.spot, format!("`{}` is not an id", entry.key)).help(help));
        }
        good
    }
}

#[cfg(test)]
pub(super) mod asked {
    //! Which keys were looked at, to hold the readers against the schema.

    use std::{cell::RefCell, collections::BTreeSet};

    use super::schema;

    thread_local! {
        static ASKED: RefCell<BTreeSet<(&'static str, String)>> = const { RefCell::new(BTreeSet::new()) };
    }

    pub(super) fn note(table: &schema::Table, key: &str) {
        ASKED.with_borrow_mut(|asked| asked.insert((table.what, key.to_owned())));
    }

    /// Table and key of all that this thread looked at.
    pub(in super::super) fn all() -> BTreeSet<(&'static str, String)> {
        ASKED.with_borrow(Clone::clone)
    }
}
