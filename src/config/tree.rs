//! A TOML file as a tree in which everything knows its place.

use std::{ops::Range, sync::Arc};

use toml::de::{DeTable, DeValue};

use super::problems::{Problem, Sink, Source, Spot};

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) spot: Spot,
}

/// What TOML knows.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Text(String),
    Integer(i128),
    Float(f64),
    Switch(bool),
    Date(toml::value::Datetime),
    List(Vec<Node>),
    Table(Table),
}

/// A table, its entries in file order.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    pub(super) entries: Vec<Entry>,
}

/// A key with its value.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    /// Where the key stands: for a table its name in the header.
    pub(super) spot: Spot,
    pub(super) node: Node,
}

impl Table {
    /// The entry with this key.
    pub(super) fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }
}

impl Value {
    /// What it is called in a message.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Integer(_) => "a whole number",
            Self::Float(_) => "a number",
            Self::Switch(_) => "true or false",
            Self::Date(_) => "a date or time",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

/// Parses a file. Errors of the form are recorded; `None` where they leave nothing to go on with.
pub(super) fn parse(source: &Arc<Source>, sink: &Sink) -> Option<Table> {
    let (table, errors) = DeTable::parse_recoverable(&source.text);
    let mut usable = true;
    for error in &errors {
        // A key that stands twice leaves the rest of the tree sound.
        usable &= error.message() == "duplicate key";
        let spot = Spot { source: Arc::clone(source), span: error.span().unwrap_or(0..0) };
        sink.add(Problem::error(&spot, error.message().lines().collect::<Vec<_>>().join(", ")));
    }
    let tree = build_table(table.get_ref(), source, sink);
    usable.then_some(tree)
}

fn build_table(table: &DeTable<'_>, source: &Arc<Source>, sink: &Sink) -> Table {
    let spot = |span: Range<usize>| Spot { source: Arc::clone(source), span };
    let mut entries: Vec<Entry> = table
        .iter()
        .filter_map(|(key, value)| {
            let spot_of_value = spot(value.span());
            let value = build_value(value.get_ref(), &spot_of_value, sink)?;
            let node = Node { value, spot: spot_of_value };
            Some(Entry { key: key.get_ref().to_string(), spot: spot(key.span()), node })
        })
        .collect();
    entries.sort_by_key(|entry| entry.spot.span.start);
    Table { entries }
}

fn build_value(value: &DeValue<'_>, spot: &Spot, sink: &Sink) -> Option<Value> {
    Some(match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => {
            let Ok(number) = i128::from_str_radix(number.as_str(), number.radix()) else {
                sink.add(Problem::error(spot, "this number is too large"));
                return None;
            };
            Value::Integer(number)
        }
        DeValue::Float(number) => Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(switch) => Value::Switch(*switch),
        DeValue::Datetime(datetime) => Value::Date(*datetime),
        DeValue::Array(items) => Value::List(
            items
                .iter()
                .filter_map(|item| {
                    let spot = Spot { source: Arc::clone(&spot.source), span: item.span() };
                    Some(Node { value: build_value(item.get_ref(), &spot, sink)?, spot })
                })
                .collect(),
        ),
        DeValue::Table(table) => Value::Table(build_table(table, &spot.source, sink)),
    })
}
