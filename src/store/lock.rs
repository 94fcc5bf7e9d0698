//! One owner: who holds the data folder's lock reads the devices and writes the database; nobody else does.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

/// The lock's file in the data folder.
pub const FILE_NAME: &str = "meterdeck.lock";
/// A process number has no more digits.
const MAX_PID_LENGTH: u64 = 20;

/// The lock of a data folder, held until it is dropped or the process ends, however that happens.
#[derive(Debug)]
pub struct Lock {
    /// The system gives the lock back when this is closed.
    _file: File,
}

/// Why a lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error("{}", match pid { Some(pid) => format!("process {pid} uses this data folder"), None => "another process uses this data folder".to_owned() })]
    Held {
        /// Which, as far as it said.
        pid: Option<u32>,
    },
    /// The file cannot be had.
    #[error(transparent)]
    File(#[from] io::Error),
}

impl Lock {
    /// Takes the lock of a folder that exists.
    ///
    /// # Errors
    /// [`LockError::Held`] where another process has it; what the system says where its file cannot be opened.
    pub fn take(dir: &Path) -> Result<Self, LockError> {
        let path = dir.join(FILE_NAME);
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LockError::Held { pid: holder(&mut file) }),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        file.set_len(0)?;
        file.rewind()?;
        writeln!(file, "{}", std::process::id())?;
        Ok(Self { _file: file })
    }
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(MAX_PID_LENGTH).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_and_the_second_is_told_who() {
        let folder = tempfile::tempdir().unwrap();
        let first = Lock::take(folder.path()).unwrap();
        match Lock::take(folder.path()) {
            Err(LockError::Held { pid }) => assert_eq!(pid, Some(std::process::id())),
            other => panic!("{other:?}"),
        }
        drop(first);
        Lock::take(folder.path()).unwrap();
    }
}
