//! The service: owner of devices and data, and the one interface that the TUI and every command use.
//!
//! `interface` is the plain data that travels; `client` the handle that sends it. In process it goes
//! through a channel; a socket can carry the same data, and nobody in front can tell which.

pub mod client;
pub mod interface;
