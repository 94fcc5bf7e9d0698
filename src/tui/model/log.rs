//! The log as this terminal has it.

use std::collections::VecDeque;

use crate::service::interface::{LogLevel, LogLine};

/// Most lines that are kept here; the service and its file keep more.
pub const MAX_LOG_LINES: usize = 1000;

/// The log pane.
#[derive(Debug, Clone, Default)]
pub struct LogPane {
    /// Oldest first, at most [`MAX_LOG_LINES`].
    pub lines: VecDeque<LogLine>,
    /// Errors since the log was last looked at.
    pub unseen_errors: usize,
    /// Lines scrolled up from the newest.
    pub scroll: usize,
}

impl LogPane {
    /// Adds a line; the oldest makes room.
    pub fn push(&mut self, line: LogLine) {
        if line.level == LogLevel::Error {
            self.unseen_errors += 1;
        }
        if self.lines.len() >= MAX_LOG_LINES {
            self.lines.pop_front();
        }
        if self.scroll > 0 {
            self.scroll = (self.scroll + 1).min(self.lines.len());
        }
        self.lines.push_back(line);
    }
}
