//! The keys of a table: each taken once, by whoever knows it; what nobody took is unknown.

use std::{collections::BTreeSet, time::Duration};

use super::did_you_mean;

/// A table whose keys are being taken.
pub(super) struct Parameters<'table> {
    table: &'table toml::Table,
    taken: BTreeSet<&'static str>,
    wrong: &'table mut dyn FnMut(&str, String),
}

impl<'table> Parameters<'table> {
    pub(super) fn new(table: &'table toml::Table, wrong: &'table mut dyn FnMut(&str, String)) -> Self {
        Self { table, taken: BTreeSet::new(), wrong }
    }

    /// A table within, whose problems go the same way.
    pub(super) fn within<'inner>(&'inner mut self, table: &'inner toml::Table) -> Parameters<'inner> {
        Parameters { table, taken: BTreeSet::new(), wrong: &mut *self.wrong }
    }

    /// Says that something is wrong.
    pub(super) fn wrong(&mut self, key: &str, message: String) {
        (self.wrong)(key, message);
    }

    /// The value of a key, whatever it is.
    pub(super) fn take(&mut self, key: &'static str) -> Option<&'table toml::Value> {
        self.taken.insert(key);
        self.table.get(key)
    }

    pub(super) fn text(&mut self, key: &'static str) -> Option<String> {
        let value = self.take(key)?;
        let text = value.as_str().map(str::to_owned);
        if text.is_none() {
            self.wrong(key, "is text in quotes".to_owned());
        }
        text
    }

    pub(super) fn number(&mut self, key: &'static str, least: f64, most: f64) -> Option<f64> {
        let value = self.take(key)?;
        #[expect(clippy::cast_precision_loss, reason = "checked against small limits right after")]
        let number = value.as_float().or_else(|| value.as_integer().map(|whole| whole as f64));
        let number = number.filter(|number| (least..=most).contains(number));
        if number.is_none() {
            self.wrong(key, format!("is a number from {least} to {most}"));
        }
        number
    }

    /// A whole number from `least` to the type's largest.
    pub(super) fn whole<T: TryFrom<i64> + PartialOrd + Copy>(
        &mut self,
        key: &'static str,
        least: T,
        words: &str,
    ) -> Option<T> {
        let value = self.take(key)?;
        let number = value.as_integer().and_then(|whole| T::try_from(whole).ok()).filter(|number| *number >= least);
        if number.is_none() {
            self.wrong(key, format!("is {words}"));
        }
        number
    }

    /// A time span such as `900ms`, of at most a day.
    pub(super) fn span(&mut self, key: &'static str) -> Option<Duration> {
        let text = self.text(key)?;
        let span = span(&text);
        if span.is_none() {
            self.wrong(key, format!("`{text}` is no time span of at most a day; write `900ms`, `2s` or `1m`"));
        }
        span
    }

    /// Complains about keys that nobody took; `known` are offered beside those that were looked for.
    pub(super) fn finish(mut self, known: &[&'static str]) {
        self.taken.extend(known);
        let table = self.table;
        for key in table.keys().filter(|key| !self.taken.contains(key.as_str())) {
            let hint = did_you_mean(key, self.taken.iter().copied());
            (self.wrong)(key, format!("is not known here{hint}"));
        }
    }
}

/// Milliseconds, seconds, minutes or hours, up to a day.
fn span(text: &str) -> Option<Duration> {
    const DAY_MS: f64 = 86_400_000.0;
    let (number, milliseconds) = [("ms", 1.0), ("s", 1_000.0), ("m", 60_000.0), ("h", 3_600_000.0)]
        .into_iter()
        .find_map(|(unit, milliseconds)| Some((text.strip_suffix(unit)?.trim().parse::<f64>().ok()?, milliseconds)))?;
    let milliseconds = number * milliseconds;
    (0.0..=DAY_MS).contains(&milliseconds).then(|| Duration::from_secs_f64(milliseconds / 1_000.0))
}
