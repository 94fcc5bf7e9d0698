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
    /// Adds a line of the service, if it is newer than the last one; the oldest makes room.
    pub fn push(&mut self, line: LogLine) {
        if self.lines.back().is_none_or(|last| last.sequence < line.sequence) {
            self.push_own(line);
        }
    }

    /// Adds older lines that were asked for; events may have been faster.
    pub fn merge(&mut self, lines: Vec<LogLine>) {
        let newer = std::mem::take(&mut self.lines);
        self.unseen_errors = 0;
        let known: std::collections::BTreeSet<u64> = newer.iter().map(|line| line.sequence).collect();
        let mut all: Vec<LogLine> = lines.into_iter().filter(|line| !known.contains(&line.sequence)).collect();
        all.extend(newer);
        all.sort_by_key(|line| line.sequence);
        for line in all {
            self.push_own(line);
        }
    }

    /// Adds a line of this terminal's own, with the sequence number of the line before it.
    pub fn push_own(&mut self, line: LogLine) {
        if line.level == LogLevel::Error {
            self.unseen_errors += 1;
        }
        if self.lines.len() >= MAX_LOG_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }
}
