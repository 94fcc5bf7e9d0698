//! The fault matrix: devices, gateways and lines in trouble, over real sockets.
//!
//! `transport` holds the rules of one connection; the rows `f01` to `f26` hold what a user sees of a device in
//! trouble, and what must hold beside it.

#[path = "faults/mixups.rs"]
mod mixups;
#[path = "faults/server.rs"]
mod server;
#[path = "faults/transport.rs"]
mod transport;
#[path = "faults/trouble.rs"]
mod trouble;
