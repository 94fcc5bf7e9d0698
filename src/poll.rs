//! Polling: which requests (plan), when (schedule), by whom (one worker for each connection).

pub mod plan;
pub mod schedule;
