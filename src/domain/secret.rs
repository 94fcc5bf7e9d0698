//! Secrets: the site file says where one is, and what one is never shows.

use std::{fmt, path::PathBuf};

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// A credential of the service manager, by name.
    Credential(String),
    /// A file.
    File(PathBuf),
    /// A variable of the environment.
    Env(String),
}

/// A secret. It has no form for files, sockets or logs, on purpose.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// A secret.
    pub fn new(value: String) -> Self {
        Self(value)
    }

    /// Itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

impl fmt::Display for SecretSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credential(name) => write!(formatter, "the credential `{name}`"),
            Self::File(path) => write!(formatter, "the file {}", path.display()),
            Self::Env(name) => write!(formatter, "the variable `{name}`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_does_not_show() {
        let secret = Secret::new("planted".to_owned());
        assert_eq!(format!("{secret:?} {:#?}", Some(&secret)), "Secret(…) Some(\n    Secret(…),\n)");
        assert_eq!(secret.expose(), "planted");
    }
}
