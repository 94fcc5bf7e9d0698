//! The fault matrix: devices, gateways and lines in trouble, over real sockets.
//!
//! `transport` holds the rules of one connection, `mixups` that no value is another's; the rows hold what a user sees of
//! a device in trouble, and what must hold beside it.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test ends where what it needs is not there"
)]
#![expect(clippy::indexing_slicing, reason = "a row names what its site has")]
#![expect(clippy::cast_possible_truncation, reason = "frames are short")]

#[path = "faults/counters.rs"]
mod counters;
#[expect(dead_code, reason = "other tests use the rest of it")]
#[path = "poll/help.rs"]
mod help;
#[path = "faults/link_down.rs"]
mod link_down;
#[path = "faults/mixups.rs"]
mod mixups;
#[path = "faults/rows.rs"]
mod rows;
#[expect(dead_code, reason = "a line's tests use the rest of it")]
#[path = "faults/server.rs"]
mod server;
#[path = "faults/transport.rs"]
mod transport;
#[path = "faults/trouble.rs"]
mod trouble;
