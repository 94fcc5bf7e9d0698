//! Files that come in, one at a time.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::{Desk, error};
use crate::{
    domain::duplicate::Part,
    service::interface::{
        ErrorKind, ServiceError,
        duplicates::{DuplicatesResponse, ImportCounts},
    },
    store::statements::OpenImport,
};

/// Readings that are sorted and written together: more make better use of each page, and need memory.
const READINGS_AT_ONCE: usize = 60_000;
/// Parts that are written together, for parts without readings.
const PARTS_AT_ONCE: usize = 60_000;
/// Bytes of details that are written together.
const DETAIL_BYTES_AT_ONCE: usize = 8 << 20;
/// An import that says nothing for so long was given up, and another may begin.
const PATIENCE: Duration = Duration::from_mins(5);
/// The longest name of a file, in characters.
const MAX_FILE_NAME: usize = 512;

/// A file that comes in.
#[derive(Debug)]
pub(super) struct Session {
    import: OpenImport,
    file: String,
    parts: Vec<Part>,
    readings: usize,
    details: Vec<(String, String)>,
    detail_bytes: usize,
    heard: Instant,
}

impl Desk<'_> {
    pub(super) fn begin(&self, file: &str) -> Result<DuplicatesResponse, ServiceError> {
        // What is known is brought up to date first: until the file's end, that is what is answered.
        self.settle()?;
        let mut session = self.shared.statements.session();
        if let Some(other) = session.as_ref().filter(|other| other.heard.elapsed() < PATIENCE) {
            let message = format!("Somebody is importing {} just now.", other.file);
            return Err(error(ErrorKind::Conflict, message, Some("Try again when that is done.")));
        }
        let file = crate::text::clean_within(file, MAX_FILE_NAME);
        let import = self.store.begin_statements(&file, self.who, Timestamp::now())?;
        let number = import.number();
        *session = Some(Session {
            import,
            file,
            parts: Vec::new(),
            readings: 0,
            details: Vec::new(),
            detail_bytes: 0,
            heard: Instant::now(),
        });
        Ok(DuplicatesResponse::Begun { import: number })
    }

    pub(super) fn take(
        &self,
        import: u64,
        parts: Vec<Part>,
        details: Vec<(String, String)>,
    ) -> Result<DuplicatesResponse, ServiceError> {
        let mut session = self.shared.statements.session();
        let session = under_way(&mut session, import)?;
        session.heard = Instant::now();
        for part in parts {
            session.readings += part.readings.len();
            match session.parts.last_mut() {
                Some(last) if last.key == part.key && last.order == part.order => last.readings.extend(part.readings),
                _ => {
                    // Between two parts, as a part is written whole.
                    if session.readings > READINGS_AT_ONCE || session.parts.len() > PARTS_AT_ONCE {
                        self.flush(session)?;
                        session.readings = part.readings.len();
                    }
                    session.parts.push(part);
                }
            }
        }
        session.detail_bytes += details.iter().map(|(pointer, usages)| pointer.len() + usages.len()).sum::<usize>();
        session.details.extend(details);
        if session.detail_bytes > DETAIL_BYTES_AT_ONCE {
            self.flush_details(session)?;
        }
        Ok(DuplicatesResponse::Taken)
    }

    fn flush(&self, session: &mut Session) -> Result<(), ServiceError> {
        let parts = std::mem::take(&mut session.parts);
        session.readings = 0;
        Ok(self.store.put_statements(&mut session.import, parts)?)
    }

    fn flush_details(&self, session: &mut Session) -> Result<(), ServiceError> {
        let details = std::mem::take(&mut session.details);
        session.detail_bytes = 0;
        Ok(self.store.put_statement_details(&session.import, details)?)
    }

    pub(super) fn end(&self, import: u64, sha256: &str) -> Result<DuplicatesResponse, ServiceError> {
        if sha256.len() != 64 || !sha256.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(error(ErrorKind::Invalid, "A SHA-256 has 64 hexadecimal digits.".to_owned(), None));
        }
        let mut held = self.shared.statements.session();
        let session = under_way(&mut held, import)?;
        self.flush_details(session)?;
        self.flush(session)?;
        let counts = self.store.end_statements(&session.import, sha256)?;
        *held = None;
        drop(held);
        // Meters of which statements were not known before may be mapped.
        Desk::open(self.shared, self.who)?.settle()?;
        let counts = ImportCounts {
            readings: counts.readings,
            new: counts.new,
            unchanged: counts.unchanged,
            superseded: counts.superseded,
            excluded: counts.excluded,
        };
        Ok(DuplicatesResponse::Ended { counts })
    }

    pub(super) fn abort(&self, import: u64) -> Result<DuplicatesResponse, ServiceError> {
        let mut held = self.shared.statements.session();
        let session = under_way(&mut held, import)?;
        self.store.abort_statements(&session.import)?;
        *held = None;
        Ok(DuplicatesResponse::Aborted)
    }
}

fn under_way(session: &mut Option<Session>, import: u64) -> Result<&mut Session, ServiceError> {
    session.as_mut().filter(|session| session.import.number() == import).ok_or_else(|| {
        let message = format!("Import {import} is not under way.");
        error(ErrorKind::Conflict, message, Some("It said nothing for too long, or has ended."))
    })
}
