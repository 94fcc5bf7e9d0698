//! Standard output from a thread of its own: a reader that is slow, or has stopped reading, holds up nobody else.

use std::{
    io::{self, Write as _},
    sync::Arc,
    thread,
    time::Duration,
};

use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

/// Pieces of text on their way out; while these wait, what follows is merged by the service.
const MAX_WAITING: usize = 16;
/// How long the end waits for a reader that does not read.
const LAST_WAIT: Duration = Duration::from_secs(2);

/// Where text goes out.
#[derive(Debug)]
pub(super) struct Output {
    texts: mpsc::Sender<String>,
    ended: oneshot::Receiver<io::Result<()>>,
    gone: Arc<tokio::sync::Notify>,
}

impl Output {
    /// Standard output.
    ///
    /// # Errors
    /// No thread can be had.
    pub(super) fn start() -> io::Result<Self> {
        let (texts, mut waiting) = mpsc::channel::<String>(MAX_WAITING);
        let (end, ended) = oneshot::channel();
        let gone = Arc::new(tokio::sync::Notify::new());
        let told = Arc::clone(&gone);
        thread::Builder::new().name("output".to_owned()).spawn(move || {
            let mut write = || -> io::Result<()> {
                while let Some(text) = waiting.blocking_recv() {
                    let mut stdout = io::stdout().lock();
                    stdout.write_all(text.as_bytes())?;
                    stdout.flush()?;
                }
                Ok(())
            };
            let result = write();
            drop(waiting);
            // Whoever started this may have gone.
            let _ = end.send(result);
            told.notify_one();
        })?;
        Ok(Self { texts, ended, gone })
    }

    /// Writes; `false` where nobody reads any more.
    pub(super) async fn write(&self, text: String) -> bool {
        text.is_empty() || self.texts.send(text).await.is_ok()
    }

    /// Ready when nobody reads any more.
    pub(super) async fn closed(&self) {
        self.gone.notified().await;
    }

    /// Ends after what was written has gone out, or after a moment where it does not.
    ///
    /// # Errors
    /// What the last write said.
    pub(super) async fn end(self) -> io::Result<()> {
        drop(self.texts);
        match timeout(LAST_WAIT, self.ended).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) | Err(_) => Ok(()),
        }
    }
}
