//! Secrets by reference: read where and when one is needed, and never before.

use std::{
    env,
    fs::File,
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use crate::domain::secret::{Secret, SecretSource};

/// A token or password is shorter; a file that is longer is another one.
const MAX_SECRET_BYTES: u64 = 64 << 10;
/// Where the service manager puts credentials.
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";

/// Why a secret cannot be had. Never holds it.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Not started with credentials.
    #[error("the service was not started with credentials ($CREDENTIALS_DIRECTORY is not set)")]
    NoCredentials,
    /// The name is a path.
    #[error("`{0}` is not the name of a credential")]
    Name(String),
    /// The variable is not there.
    #[error("the variable `{0}` is not set")]
    NotSet(String),
    /// Others can read or change the file.
    #[error("{path} has the mode {mode:o}: others can read it, or its group change it")]
    Open {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The file cannot be read.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There is nothing in it.
    #[error("{0} is empty, too long, or not text")]
    Unusable(SecretSource),
}

/// Reads a secret; white space around it does not belong to it. Waits for the disk.
///
/// # Errors
/// See [`SecretError`].
pub fn resolve(source: &SecretSource) -> Result<Secret, SecretError> {
    let text = match source {
        SecretSource::Credential(name) => {
            let folder = env::var_os(CREDENTIALS).filter(|folder| !folder.is_empty());
            let folder = folder.ok_or(SecretError::NoCredentials)?;
            if name.contains('/') || name.starts_with('.') {
                return Err(SecretError::Name(name.clone()));
            }
            // The service manager sees to its mode.
            read(&Path::new(&folder).join(name), false)?
        }
        SecretSource::File(path) => read(path, true)?,
        SecretSource::Env(name) => Some(env::var_os(name).ok_or_else(|| SecretError::NotSet(name.clone()))?)
            .and_then(|value| value.into_string().ok()),
    };
    let text = text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    text.map(Secret::new).ok_or_else(|| SecretError::Unusable(source.clone()))
}

/// The file as text; `None` where it is too long or none.
fn read(path: &Path, must_be_closed: bool) -> Result<Option<String>, SecretError> {
    let failed = |source| SecretError::File { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.mode() & 0o777;
    if must_be_closed && mode & 0o027 != 0 {
        return Err(SecretError::Open { path: path.to_owned(), mode });
    }
    let mut bytes = Vec::new();
    file.take(MAX_SECRET_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    let fits = u64::try_from(bytes.len()).is_ok_and(|length| length <= MAX_SECRET_BYTES);
    Ok(String::from_utf8(bytes).ok().filter(|_| fits))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    #[test]
    fn a_file_is_read_only_where_others_cannot() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, "  abc\n").unwrap();
        let read = |mode| {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            resolve(&SecretSource::File(path.clone()))
        };
        for mode in [0o400, 0o600, 0o640] {
            assert_eq!(read(mode).unwrap().expose(), "abc", "{mode:o}");
        }
        for mode in [0o644, 0o660, 0o602, 0o604] {
            assert!(matches!(read(mode), Err(SecretError::Open { .. })), "{mode:o}");
        }
        fs::write(&path, "\n").unwrap();
        assert!(matches!(read(0o600), Err(SecretError::Unusable(_))));
        let missing = SecretSource::Env("METERDECK_TEST_NOT_SET".to_owned());
        assert!(matches!(resolve(&missing), Err(SecretError::NotSet(_))));
    }
}
