//! The log: the last lines in memory, for the log pane and every client.

use std::{
    collections::VecDeque,
    fmt::{self, Write as _},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use tokio::sync::watch;
use tracing::{
    Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::layer::{Context, Layer};

use super::interface::{LogLevel, LogLine};
use crate::text;

/// Lines that are kept; with at most [`text::MAX_CLEAN_LENGTH`] characters each, a megabyte or less.
pub const MAX_LINES: usize = 1000;

/// The last lines of the log. Cheap to clone: all clones are the same log. As a tracing layer it takes what is logged.
#[derive(Debug, Clone, Default)]
pub struct LogRing(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    lines: Mutex<Lines>,
    written: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Lines {
    kept: VecDeque<LogLine>,
    last: u64,
}

impl LogRing {
    /// An empty log.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a line; its text is cleaned, and the oldest line makes room.
    pub fn push(&self, level: LogLevel, text: &str) {
        let text = text::clean(text);
        let sequence = {
            let mut lines = self.lines();
            lines.last += 1;
            if lines.kept.len() >= MAX_LINES {
                lines.kept.pop_front();
            }
            let sequence = lines.last;
            lines.kept.push_back(LogLine { sequence, at: Timestamp::now(), level, text });
            sequence
        };
        self.0.written.send_replace(sequence);
    }

    /// The lines after a sequence number, at most `most` of them; oldest first.
    pub fn after(&self, sequence: u64, most: usize) -> Vec<LogLine> {
        let lines = self.lines();
        let start = lines.kept.partition_point(|line| line.sequence <= sequence);
        lines.kept.iter().skip(start).take(most).cloned().collect()
    }

    /// The last sequence number; 0 where nothing was logged.
    pub fn last(&self) -> u64 {
        self.lines().last
    }

    /// Wakes when there are new lines.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.0.written.subscribe()
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        // A line is in or not; a panic elsewhere leaves nothing half done.
        self.0.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Subscriber> Layer<S> for LogRing {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let (level, text) = line_of(event);
        self.push(level, &text);
    }
}

/// An event as one clean line.
pub fn line_of(event: &tracing::Event<'_>) -> (LogLevel, String) {
    let level = match *event.metadata().level() {
        Level::ERROR => LogLevel::Error,
        Level::WARN => LogLevel::Warn,
        Level::INFO => LogLevel::Info,
        Level::DEBUG | Level::TRACE => LogLevel::Debug,
    };
    let mut line = Line::default();
    event.record(&mut line);
    (level, text::clean(&format!("{}{}", line.message, line.fields)))
}

/// An event as one line: its message, then its fields.
#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a string does not fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[test]
    fn keeps_the_last_lines_cleaned() {
        let log = LogRing::new();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(log.clone()), || {
            tracing::warn!(device = "a", "name \u{1b}[31mred\u{202e}");
        });
        let lines = log.after(0, 10);
        assert_eq!(lines.len(), 1);
        assert_eq!((lines[0].level, lines[0].text.as_str()), (LogLevel::Warn, "name [31mred device=\"a\""));
        (0..MAX_LINES + 5).for_each(|number| log.push(LogLevel::Info, &number.to_string()));
        let last = log.last();
        assert_eq!(last, MAX_LINES as u64 + 6);
        assert_eq!(log.after(0, usize::MAX).len(), MAX_LINES);
        assert_eq!(log.after(last - 2, 10).iter().map(|line| line.sequence).collect::<Vec<_>>(), [last - 1, last]);
        assert_eq!(log.after(last - 2, 1).len(), 1);
        assert!(log.after(last, 10).is_empty());
    }
}
