//! The service and its clients as processes: attach, hand over, roles, hostile clients, kills.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that fails says so")]

#[path = "service/accounts.rs"]
mod accounts;
#[path = "service/attach.rs"]
mod attach;
#[path = "service/help.rs"]
mod help;
#[path = "service/hostile.rs"]
mod hostile;
#[path = "service/life.rs"]
mod life;
#[path = "service/requests.rs"]
mod requests;
