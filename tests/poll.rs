//! The poll path over real sockets: what a service says of devices that misbehave, row by row of the fault matrix.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where what it needs is not there")]
#![expect(clippy::indexing_slicing, reason = "a row names what its site has")]

#[path = "poll/alarms.rs"]
mod alarms;
#[path = "poll/faults.rs"]
mod faults;
#[path = "poll/help.rs"]
mod help;
#[path = "poll/interface.rs"]
mod interface;
