//! Names that point at other tables.

use std::{collections::BTreeMap, str::FromStr};

use super::{
    fields::{At, Fields},
    include::Files,
    problems::{Problem, Spot, closest},
    profiles::Profiles,
    schema::Kind,
    tree::Value,
};

/// What there is to point at.
#[derive(Debug)]
pub(super) struct Names<'a> {
    ids: BTreeMap<&'a str, BTreeMap<&'a str, &'a Spot>>,
    profiles: &'a Profiles,
    complete: bool,
}

impl<'a> Names<'a> {
    /// The ids of all tables. One whose own table is wrong counts, so that a mistake is reported once.
    pub(super) fn new(files: &'a Files, profiles: &'a Profiles) -> Self {
        let ids = files.merged.entries.iter().filter_map(|entry| match &entry.node.value {
            Value::Table(table) => Some((
                entry.key.as_str(),
                table.entries.iter().map(|entry| (entry.key.as_str(), &entry.spot)).collect(),
            )),
            _ => None,
        });
        Self { ids: ids.collect(), profiles, complete: files.complete }
    }

    /// The ids of a table.
    pub(super) fn of(&self, table: &str) -> impl Iterator<Item = &'a str> {
        self.ids.get(table).into_iter().flat_map(|ids| ids.keys().copied())
    }

    /// Whether every file could be read, so that an id that is not here is nowhere.
    pub(super) fn are_complete(&self) -> bool {
        self.complete
    }

    /// Where an id is defined.
    pub(super) fn spot(&self, table: &str, id: &str) -> Option<&'a Spot> {
        self.ids.get(table)?.get(id).copied()
    }

    /// Whether the table has this id.
    pub(super) fn has(&self, table: &str, id: &str) -> bool {
        if table == "profile" { self.profiles.has(id) } else { self.spot(table, id).is_some() }
    }

    fn check<T: FromStr>(&self, fields: &Fields<'_>, table: &str, text: &str, spot: &Spot) -> Option<T> {
        let id = text.parse().ok().filter(|_| self.has(table, text));
        if id.is_none() && self.complete {
            let what = table.replace('_', " ");
            let known: Vec<&str> =
                if table == "profile" { self.profiles.ids().collect() } else { self.of(table).collect() };
            let help = match closest(text, known.iter().copied()) {
                Some(meant) => format!("did you mean \"{meant}\"?"),
                None if known.is_empty() && table != "profile" => format!("add [{table}.some-id] first"),
                None => format!("there is: {}", some_of(&known)),
            };
            fields.sink.add(Problem::error(spot, format!("there is no {what} `{text}`")).label("not known").help(help));
        }
        id
    }

    /// The id that a key holds, if the table has it.
    pub(super) fn one<T: FromStr>(&self, fields: &Fields<'_>, key: &str) -> Option<T> {
        let (_, Kind::Reference(table)) = fields.entry(key)? else { return None };
        self.check(fields, table, &fields.text(key)?, &fields.spot(key))
    }

    /// The ids of a list, those that the table has.
    pub(super) fn many<T: FromStr + PartialEq>(&self, fields: &Fields<'_>, key: &str) -> Vec<At<T>> {
        let Some((_, Kind::References(table))) = fields.entry(key) else { return Vec::new() };
        let mut ids: Vec<At<T>> = Vec::new();
        for At { value: text, spot } in fields.texts(key) {
            let Some(value) = self.check::<T>(fields, table, &text, &spot) else { continue };
            if ids.iter().any(|id| id.value == value) {
                fields
                    .sink
                    .add(Problem::error(&spot, format!("`{text}` stands here twice")).help("remove one of the two"));
            } else {
                ids.push(At { value, spot });
            }
        }
        ids
    }
}

/// The first few of many names.
fn some_of(names: &[&str]) -> String {
    /// As many as fit a line.
    const SHOWN: usize = 12;
    let shown = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN { format!("{shown} and {} more", names.len() - SHOWN) } else { shown }
}
