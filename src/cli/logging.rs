//! Where log lines go besides memory: standard error, with priorities where the journal reads it, or a file of limited size.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use jiff::Timestamp;
use tracing::Subscriber;
use tracing_subscriber::layer::{Context, Layer};

use crate::service::{interface::LogLevel, log::line_of};

/// A log file that has grown to this size makes room: it gets the ending `.1`, in the place of the one before. Two of them are
/// some weeks of a site in trouble.
pub const MAX_FILE_BYTES: u64 = 8 << 20;
/// Only the owner and, where the file's group is that, its group.
const FILE_MODE: u32 = 0o640;

/// Whether standard error is the journal's, as `$JOURNAL_STREAM` says.
pub fn is_journal() -> bool {
    let Some(named) = std::env::var("JOURNAL_STREAM").ok() else { return false };
    let Ok(found) = rustix::fs::fstat(rustix::stdio::stderr()) else { return false };
    named == format!("{}:{}", found.st_dev, found.st_ino)
}

/// Log lines with the priorities that the journal understands.
#[derive(Debug, Clone, Copy)]
pub struct Journal;

impl<S: Subscriber> Layer<S> for Journal {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let (level, text) = line_of(event);
        let priority = match level {
            LogLevel::Error => 3,
            LogLevel::Warn => 4,
            LogLevel::Info => 6,
            LogLevel::Debug => 7,
        };
        // A closed stderr leaves nobody to tell.
        let _ = writeln!(io::stderr().lock(), "<{priority}>{text}");
    }
}

/// Log lines in a file of limited size.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    open: Mutex<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    bytes: u64,
}

impl LogFile {
    /// Goes on with a file, or makes it.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), open: Mutex::new(Open::at(path)?) })
    }

    fn write(&self, line: &str) -> io::Result<()> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.bytes + line.len() as u64 > MAX_FILE_BYTES {
            fs::rename(&self.path, self.path.with_added_extension("1"))?;
            *open = Open::at(&self.path)?;
        }
        open.bytes += line.len() as u64;
        open.file.write_all(line.as_bytes())
    }
}

impl Open {
    fn at(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).mode(FILE_MODE).open(path)?;
        let bytes = file.metadata()?.size();
        Ok(Self { file, bytes })
    }
}

impl<S: Subscriber> Layer<S> for LogFile {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let (level, text) = line_of(event);
        let level = match level {
            LogLevel::Error => "ERROR",
            LogLevel::Warn => "WARN",
            LogLevel::Info => "INFO",
            LogLevel::Debug => "DEBUG",
        };
        // What cannot be written stays in the ring in memory; to log that would go on for ever.
        let _ = self.write(&format!("{:.3} {level} {text}\n", Timestamp::now()));
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_log_file_does_not_grow_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("meterdeck.log");
        let log = LogFile::open(&path).unwrap();
        let line = "x".repeat(999_999) + "\n";
        (0..20).for_each(|_| log.write(&line).unwrap());
        let sizes: Vec<u64> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).collect();
        assert_eq!(sizes.len(), 2);
        assert!(sizes.iter().all(|size| (1_000_000..=MAX_FILE_BYTES).contains(size)), "{sizes:?}");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o137, 0);
    }
}
