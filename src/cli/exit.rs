//! How a command ends: exit codes (sysexits where there is one), and errors that say what to do instead.

use std::{io, process::ExitCode};

use crate::service::interface::{ErrorKind, ServiceError};

/// Exit codes, as the manual lists them. Usage errors (2) are clap's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Failed.
    Failed = 1,
    /// Usage.
    Usage = 2,
    /// Bad input data.
    BadData = 65,
    /// A device or the service is not reachable.
    Unavailable = 69,
    /// A bug.
    Internal = 70,
    /// A file cannot be created.
    CannotCreate = 73,
    /// Try again later.
    TryAgain = 75,
    /// Not permitted.
    NotPermitted = 77,
    /// The configuration is wrong.
    Configuration = 78,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command failed, for a person.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct CommandError {
    /// The exit code.
    pub exit: Exit,
    /// What went wrong, as a sentence.
    pub message: String,
    /// What to do instead.
    pub hint: Option<String>,
}

impl CommandError {
    /// An error without a hint.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hint: None }
    }

    /// The same with what to do instead.
    #[must_use]
    pub fn hinted(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says it on standard error and gives the exit code.
    pub fn report(&self) -> ExitCode {
        use io::Write as _;
        let mut stderr = io::stderr().lock();
        let hint = self.hint.as_ref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
        // A closed stderr leaves nobody to tell.
        let _ = writeln!(stderr, "error: {}{hint}", self.message);
        self.exit.into()
    }
}

impl From<ServiceError> for CommandError {
    fn from(error: ServiceError) -> Self {
        let exit = match error.kind {
            ErrorKind::NotFound | ErrorKind::Invalid | ErrorKind::Failed => Exit::Failed,
            ErrorKind::BadData => Exit::BadData,
            ErrorKind::Conflict => Exit::TryAgain,
            ErrorKind::CannotCreate => Exit::CannotCreate,
            ErrorKind::NotPermitted => Exit::NotPermitted,
            ErrorKind::Unavailable => Exit::Unavailable,
            ErrorKind::Internal => Exit::Internal,
        };
        Self { exit, message: error.message, hint: error.hint }
    }
}

/// The end of a command whose output nobody reads any more: it did what it could, quietly.
pub fn output(result: io::Result<()>) -> Result<ExitCode, CommandError> {
    match result {
        Ok(()) => Ok(Exit::Done.into()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Done.into()),
        Err(error) => Err(CommandError::new(Exit::Failed, format!("Cannot write the output: {error}."))),
    }
}
