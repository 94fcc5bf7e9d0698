//! Utility statements: what is imported, what counts, and what people decide.

use super::{
    dispatcher::Shared,
    interface::{
        ErrorKind, ServiceError,
        duplicates::{DuplicatesRequest, DuplicatesResponse},
    },
};

/// What goes on with statements in this service.
#[derive(Debug, Default)]
pub struct Statements {}

/// Answers a request.
///
/// # Errors
/// What cannot be done, and what the disk says.
pub(super) fn respond(_: &Shared, _: DuplicatesRequest) -> Result<DuplicatesResponse, ServiceError> {
    let message = "This service cannot do that yet.".to_owned();
    Err(ServiceError { kind: ErrorKind::Unavailable, message, hint: None })
}
