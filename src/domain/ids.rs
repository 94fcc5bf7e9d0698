//! Identifiers: short text, the same form for everything that a site file names.

use std::{borrow::Borrow, fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Serialize};

/// The longest id, in characters.
pub const MAX_ID_LENGTH: usize = 64;

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an id is 1 to 64 characters of a-z, 0-9, '.', '_' and '-', and starts with a letter or digit")]
pub struct IdError;

/// Whether `text` matches `[a-z0-9][a-z0-9._-]{0,63}`.
pub fn is_id(text: &str) -> bool {
    let letter_or_digit = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    bytes.len() <= MAX_ID_LENGTH
        && bytes.first().is_some_and(|first| letter_or_digit(*first))
        && bytes.iter().all(|byte| letter_or_digit(*byte) || b"._-".contains(byte))
}

macro_rules! id_types {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes a text that is an id.
            ///
            /// # Errors
            /// [`IdError`] where it is not.
            pub fn new(text: &str) -> Result<Self, IdError> {
                if is_id(text) { Ok(Self(text.into())) } else { Err(IdError) }
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::new(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.as_ref().to_owned()
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, "{:?}", &self.0)
            }
        }
    )+};
}

id_types! {
    /// A metering point.
    MeterId,
    /// Something with an address and registers.
    DeviceId,
    /// A building, floor, room or rack, unique within its level.
    PlaceId,
    /// A register map.
    ProfileId,
    /// Who customer sites belong to.
    AccountId,
    /// What a utility meter serves.
    CustomerSiteId,
    /// A submeter that programmes know.
    SubmeterId,
    /// A demand-response programme: its identifier in lower case.
    ProgrammeId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_what_the_site_file_allows() {
        for good in ["a", "0", "pdu-a.1_x", &"a".repeat(64)] {
            assert!(is_id(good), "{good}");
        }
        for bad in ["", "-a", ".a", "A", "ä", "a b", "a/b", &"a".repeat(65)] {
            assert!(!is_id(bad), "{bad}");
        }
    }
}
