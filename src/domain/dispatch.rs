//! Dispatch: from an event to the equipment and back (pure).
//!
//! ```text
//! message or draft ─► plan (which devices, which command, who is left out)
//! events ─► desk ─► one grip for each device: look → store what it held → operate → hold → restore
//! ```
//! The [`Desk`](desk::Desk) is everything that is known; an input (the time, a person, what a device answered) makes rows for
//! the journal and jobs for devices. Rows are on disk before their jobs begin, so that after a crash the journal says what was
//! about to happen, and a look at the device says whether it did.

pub mod action;
pub mod baseline;

pub mod desk;
pub mod event;
pub mod grip;

pub mod interlock;
pub mod plan;
pub mod reason;
pub mod setpoint;
#[cfg(test)]
mod tests;

pub use action::{Action, ActionState, WayBack};
pub use event::{Draft, Event, EventState, Message, Source, TestKind, Wanted};
pub use plan::{LeftOut, Plan, PlannedAction};
pub use reason::Reason;
pub use setpoint::{Command, SetPoint};
