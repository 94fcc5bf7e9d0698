//! The terminal: what a technician sees and presses.
//!
//! Input and the service's events become messages, `update` turns the model and a message into a new model and
//! effects, `view` draws the model. Only effects and the terminal guard touch anything outside.

pub mod actions;
pub mod backend;
pub mod format;
pub mod glyph;
pub mod key;
pub mod keymap;
pub mod layout;
pub mod message;
pub mod model;
pub mod search;
pub mod signals;
pub mod terminal;
pub mod theme;
pub mod update;
pub mod view;
pub mod widget;
