//! Which alarm: what is wrong, and with what. As text, `kind:subject`, so that a person can type it.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{
    super::ids::{DeviceId, MeterId},
    AlarmKind,
};

/// What kind of thing an alarm is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// A meter.
    Meter,
    /// A device.
    Device,
    /// A connection that several devices share.
    Connection,
    /// The site as a whole.
    Site,
}

/// What an alarm is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A meter.
    Meter(MeterId),
    /// A device.
    Device(DeviceId),
    /// A connection that several devices share, by its link's name.
    Connection(String),
    /// The site as a whole.
    Site,
}

impl fmt::Display for Subject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Meter(id) => id.fmt(formatter),
            Self::Device(id) => id.fmt(formatter),
            Self::Connection(name) => formatter.pad(name),
            Self::Site => formatter.pad("site"),
        }
    }
}

/// Which alarm: `load-critical:main`, `device-offline:chiller-2`, `store-failed:site`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AlarmKey {
    /// What is wrong.
    pub kind: AlarmKind,
    /// With what.
    pub subject: Subject,
}

/// Why a text is not an alarm's id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no alarm; an alarm is kind:subject, such as load-critical:main")]
pub struct BadAlarmKey(String);

impl AlarmKey {
    /// An alarm of a meter.
    pub fn meter(kind: AlarmKind, id: &MeterId) -> Self {
        Self { kind, subject: Subject::Meter(id.clone()) }
    }

    /// The alarm that a device is offline.
    pub fn device(id: &DeviceId) -> Self {
        Self { kind: AlarmKind::DeviceOffline, subject: Subject::Device(id.clone()) }
    }

    /// The alarm that a connection is down.
    pub fn connection(name: &str) -> Self {
        Self { kind: AlarmKind::ConnectionDown, subject: Subject::Connection(name.to_owned()) }
    }

    /// An alarm of the site.
    pub fn site(kind: AlarmKind) -> Self {
        Self { kind, subject: Subject::Site }
    }

    /// The alarm with this kind and subject, both as text.
    pub fn of(kind: &str, subject: &str) -> Option<Self> {
        let kind = AlarmKind::parse(kind)?;
        let subject = match kind.about() {
            About::Meter => Subject::Meter(MeterId::new(subject).ok()?),
            About::Device => Subject::Device(DeviceId::new(subject).ok()?),
            About::Connection => Subject::Connection(Some(subject).filter(|name| !name.is_empty())?.to_owned()),
            About::Site => Some(Subject::Site).filter(|_| subject == "site")?,
        };
        Some(Self { kind, subject })
    }
}

impl fmt::Display for AlarmKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&format!("{}:{}", self.kind.word(), self.subject))
    }
}

impl FromStr for AlarmKey {
    type Err = BadAlarmKey;

    fn from_str(text: &str) -> Result<Self, BadAlarmKey> {
        let parts = text.split_once(':');
        parts.and_then(|(kind, subject)| Self::of(kind, subject)).ok_or_else(|| BadAlarmKey(crate::text::clean(text)))
    }
}

impl TryFrom<String> for AlarmKey {
    type Error = BadAlarmKey;

    fn try_from(text: String) -> Result<Self, BadAlarmKey> {
        text.parse()
    }
}

impl From<AlarmKey> for String {
    fn from(key: AlarmKey) -> Self {
        key.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back_as_it_is_written() {
        for text in ["load-critical:main", "device-offline:chiller-2", "connection-down:[::1]:502", "store-failed:site"]
        {
            assert_eq!(text.parse::<AlarmKey>().unwrap().to_string(), text);
        }
        for wrong in ["", "main", "load:main", "load-critical:", "load-critical:A B", "store-failed:main"] {
            assert!(wrong.parse::<AlarmKey>().is_err(), "{wrong}");
        }
    }
}
