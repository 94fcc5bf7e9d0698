//! Utility statements with the real binary and a data folder on disk: import, rules, decisions, totals.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where something is not as it must be")]
#![expect(clippy::indexing_slicing, reason = "of a JSON value, what is not there is null")]

#[path = "statements/help.rs"]
mod help;

#[path = "statements/commands.rs"]
mod commands;
#[path = "statements/examples.rs"]
mod examples;
#[path = "statements/folder.rs"]
mod folder;
#[path = "statements/hostile.rs"]
mod hostile;
#[path = "statements/import.rs"]
mod import;
#[path = "statements/measured.rs"]
mod measured;
#[path = "statements/mutations.rs"]
mod mutations;
#[path = "statements/review.rs"]
mod review;
