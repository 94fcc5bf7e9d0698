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
}

impl LogPane {
    /// Adds a line, if it is newer than the last one; the oldest makes room.
    pub fn push(&mut self, line: LogLine) {
        if self.lines.back().is_some_and(|last| last.sequence >= line.sequence) {
            return;
        }
        if line.level == LogLevel::Error {
            self.unseen_errors += 1;
        }
        if self.lines.len() >= MAX_LOG_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }
}
