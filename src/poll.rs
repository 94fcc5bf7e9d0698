//! Polling: which requests (plan), when (schedule), by whom (one worker for each connection).

pub mod hub;
pub mod learn;
pub mod plan;
pub mod schedule;
pub mod trend;
