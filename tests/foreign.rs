//! Other people's Modbus: pymodbus serves and `poll` reads; `simulate` serves and mbpoll reads what `poll` reports.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where its peer does not work"
)]

#[path = "foreign/mbpoll.rs"]
mod mbpoll;
#[path = "foreign/peer.rs"]
mod peer;
#[path = "foreign/pymodbus.rs"]
mod pymodbus;
