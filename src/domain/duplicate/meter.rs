//! Which meter a reading is of: ids, numbers that are not unique, and what the configuration says.

use std::{collections::HashMap, fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use super::id::MAX_NUMBER_LENGTH;
use crate::{domain::ids::MeterId, text};

/// How the documents tell a meter from others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MeterKey {
    /// By its `meterId`.
    Id(Arc<str>),
    /// By its `meterNumber` and an account's number, as numbers alone are not unique.
    Number {
        /// The meter's number.
        number: Arc<str>,
        /// The account's, where there is any.
        account: Option<Arc<str>>,
    },
}

impl MeterKey {
    /// The key of a meter with these names; `None` where it has neither id nor number. Names are made safe; empty ones
    /// are none.
    pub fn new(id: Option<&str>, number: Option<&str>, account: Option<&str>) -> Option<Self> {
        match (named(id), named(number)) {
            (Some(id), _) => Some(Self::Id(id)),
            (None, Some(number)) => Some(Self::Number { number, account: named(account) }),
            (None, None) => None,
        }
    }

    /// The id, or the number alone.
    pub fn short(&self) -> &str {
        match self {
            Self::Id(id) => id,
            Self::Number { number, .. } => number,
        }
    }
}

impl fmt::Display for MeterKey {
    /// The id, else `number/account`, else the number.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(name) | Self::Number { number: name, account: None } => formatter.pad(name),
            Self::Number { number, account: Some(account) } => formatter.pad(&format!("{number}/{account}")),
        }
    }
}

/// A text made safe, `None` where nothing is left of it.
pub(super) fn named(text: Option<&str>) -> Option<Arc<str>> {
    let text = text::clean_within(text?.trim(), MAX_NUMBER_LENGTH);
    (!text.is_empty()).then(|| text.into())
}

/// A meter in the accounting: one key, or all that the configuration maps to one of the site's meters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UtilityMeter {
    /// One of the site's, which may have several keys.
    Mapped(MeterId),
    /// One that only statements know.
    Key(MeterKey),
}

/// Which keys the configuration maps to which of the site's meters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MeterMap {
    meters: HashMap<String, MeterId>,
    names: HashMap<MeterId, String>,
}

impl MeterMap {
    /// From the site's meters and what each is called on statements (meterId, meterNumber or meterNumber/account); the
    /// first of these is its name. Where two meters claim one name, the first has it.
    pub fn new<'a>(meters: impl IntoIterator<Item = (&'a MeterId, &'a [String])>) -> Self {
        let mut map = Self::default();
        for (meter, names) in meters {
            for name in names {
                map.meters.entry(name.clone()).or_insert_with(|| meter.clone());
                map.names.entry(meter.clone()).or_insert_with(|| name.clone());
            }
        }
        map
    }

    /// Which meter a key is of. `number/account` says more than the number alone.
    pub fn meter(&self, key: &MeterKey) -> UtilityMeter {
        let found = if self.meters.is_empty() {
            None
        } else {
            self.meters.get(&key.to_string()).or_else(|| self.meters.get(key.short()))
        };
        found.map_or_else(|| UtilityMeter::Key(key.clone()), |meter| UtilityMeter::Mapped(meter.clone()))
    }

    /// The first name that the configuration has for a meter of the site.
    pub fn name(&self, meter: &MeterId) -> Option<&str> {
        self.names.get(meter).map(String::as_str)
    }
}
