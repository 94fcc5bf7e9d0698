//! A copy of the file while it is in use, page by page between batches.

use std::{path::Path, rc::Rc, sync::mpsc::Receiver, time::Instant};

use rusqlite::{
    Connection,
    backup::{Backup, StepResult},
};

use super::{
    super::{file, types::StoreError},
    Message, SLICE, Writer,
};

/// Pages that are copied at once: 1 MiB.
const PAGES: i32 = 256;

impl Writer {
    /// Copies the file; what is written meanwhile is in the copy too, as the same connection writes it.
    pub(super) fn backup(&mut self, path: &Path, queue: &Receiver<Message>) -> Result<(), StoreError> {
        file::secure(path, true)?;
        let source = Rc::clone(&self.connection);
        let mut copy = Connection::open(path)?;
        {
            let backup = Backup::new(&source, &mut copy)?;
            loop {
                match backup.step(PAGES)? {
                    StepResult::Done => break,
                    StepResult::More if Rc::ptr_eq(&source, &self.connection) => {}
                    // Locked by a reader of the copy, or the file was opened anew meanwhile.
                    _ => return Err(StoreError::Closed),
                }
                while let Ok(message) = queue.try_recv() {
                    let mut next = Some(message);
                    while let Some(message) = next.take() {
                        next = self.handle(message, queue);
                    }
                }
                if self.retry_at.is_none_or(|at| at <= Instant::now()) {
                    self.retry_at = None;
                    self.flush();
                }
                if self.cut_row.is_some() && self.retry_at.is_none() {
                    self.seal(Instant::now() + SLICE)?;
                }
            }
        }
        // The copy is one file, to be moved as one.
        copy.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))?;
        copy.close().map_err(|(_, error)| error)?;
        Ok(())
    }
}
