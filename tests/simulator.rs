//! The simulator over real sockets and serial lines.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that fails says so"
)]

mod simulator {
    pub(crate) mod behaviours;
    pub(crate) mod command;
    pub(crate) mod help;
    pub(crate) mod links;
    pub(crate) mod values;
}
use simulator::help;
