//! Names that come from what is named: the same content has the same id on every machine.

use std::{fmt, str::FromStr, sync::Arc};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::text;

/// Bytes of an id: 96 bits of SHA-256, which no two of a billion readings share by chance.
const ID_BYTES: usize = 12;
/// The longest id of a statement, number of an account or meter, in characters.
pub(super) const MAX_NUMBER_LENGTH: usize = 128;

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an id here is 24 digits of 0-9 and a-f")]
pub struct BadHashId;

macro_rules! hash_ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name([u8; ID_BYTES]);

        impl $name {
            /// How many bytes it has.
            pub const BYTES: usize = ID_BYTES;

            /// Its bytes, as the store keeps them.
            pub fn as_bytes(&self) -> &[u8] {
                &self.0
            }

            /// The id with these bytes.
            ///
            /// # Errors
            /// [`BadHashId`] where there are not twelve.
            pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadHashId> {
                bytes.try_into().map(Self).map_err(|_| BadHashId)
            }
        }

        impl FromStr for $name {
            type Err = BadHashId;
            fn from_str(text: &str) -> Result<Self, BadHashId> {
                let mut bytes = [0; ID_BYTES];
                let (pairs, rest) = text.as_bytes().as_chunks::<2>();
                if pairs.len() != ID_BYTES || !rest.is_empty() {
                    return Err(BadHashId);
                }
                for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
                    *byte = digit(*high)? << 4 | digit(*low)?;
                }
                Ok(Self(bytes))
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadHashId;
            fn try_from(text: String) -> Result<Self, BadHashId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "{self}")
            }
        }

        impl From<Naming> for $name {
            fn from(naming: Naming) -> Self {
                Self(naming.finish())
            }
        }
    )+};
}

hash_ids! {
    /// A reading: of its statement (or its snapshot's meter), account, meter, period, usage and unit.
    ReadingId,
    /// A group or an overlap: of its members.
    GroupId,
    /// One imported document: of what it says, not of its file.
    DocumentId,
    /// What a later document replaces: of a part's key.
    PartId,
}

fn digit(letter: u8) -> Result<u8, BadHashId> {
    match letter {
        b'0'..=b'9' => Ok(letter - b'0'),
        b'a'..=b'f' => Ok(letter - b'a' + 10),
        _ => Err(BadHashId),
    }
}

/// What kind of finding a group's id is about: an overlap never has the id of a group with the same members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FindingKind {
    /// Readings of one meter that claim the same period.
    Duplicate,
    /// Readings of one meter whose periods overlap without being the same.
    Overlap,
}

impl FindingKind {
    /// Its name in commands and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Duplicate => "duplicate",
            Self::Overlap => "overlap",
        }
    }
}

impl GroupId {
    /// The id of the finding with these members, in whatever order they are.
    pub fn of(kind: FindingKind, members: impl IntoIterator<Item = ReadingId>) -> Self {
        let mut members: Vec<ReadingId> = members.into_iter().collect();
        members.sort_unstable();
        members.iter().fold(Naming::of(kind.word()), |naming, member| naming.bytes(&member.0)).into()
    }
}

/// A statement's own id, or a hash of its content where it has none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StatementId(Arc<str>);

impl StatementId {
    /// The id that a statement came with, made safe.
    pub fn new(text: &str) -> Self {
        Self(text::clean_within(text, MAX_NUMBER_LENGTH).into())
    }

    /// The id of a statement that came without one.
    pub fn of_content(document: DocumentId) -> Self {
        Self(document.to_string().into())
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StatementId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

/// Builds an id from fields, each with its length before it, so that no two lists of fields look alike.
#[derive(Debug, Clone)]
pub struct Naming(Sha256);

impl Naming {
    /// For ids of this kind.
    pub fn of(kind: &str) -> Self {
        Self(Sha256::new()).text(kind)
    }

    /// Adds bytes.
    #[must_use]
    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes());
        self.0.update(bytes);
        self
    }

    /// Adds a text.
    #[must_use]
    pub fn text(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    /// Adds a text that may be absent; absent is not empty.
    #[must_use]
    pub fn maybe(self, text: Option<&str>) -> Self {
        match text {
            Some(text) => self.bytes(&[1]).text(text),
            None => self.bytes(&[0]),
        }
    }

    /// Adds a number that may be absent, by its value: `45` and `45.000` are the same.
    #[must_use]
    pub fn decimal(self, value: Option<Decimal>) -> Self {
        self.maybe(value.map(|value| value.normalize().to_string()).as_deref())
    }

    /// Adds a whole number.
    #[must_use]
    pub fn number(self, number: u64) -> Self {
        self.bytes(&number.to_le_bytes())
    }

    /// Adds what another naming has gathered.
    #[must_use]
    pub fn nested(self, other: Self) -> Self {
        self.bytes(&other.finish())
    }

    fn finish(self) -> [u8; ID_BYTES] {
        let mut id = [0; ID_BYTES];
        for (to, from) in id.iter_mut().zip(self.0.finalize()) {
            *to = from;
        }
        id
    }
}
