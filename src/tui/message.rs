//! What comes in, and what goes out: the two edges of `update`.

use crossterm::event::KeyEvent;
use ratatui::layout::Size;

use super::model::Notice;
use crate::service::interface::{Event, Request, Response, ServiceError};

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "one at a time, and moved once")]
pub enum Message {
    /// The program begins, with the service's greeting.
    Start {
        /// Whether the service lives in this process.
        in_process: bool,
        /// The program's version that the service runs.
        program: String,
    },
    /// A key was pressed.
    Key(KeyEvent),
    /// Text was pasted.
    Paste(String),
    /// The mouse wheel: rows down, negative for up.
    Wheel(isize),
    /// The left button, at a column of the header.
    HeaderClick(u16),
    /// The terminal has another size.
    Resize(Size),
    /// A second has passed.
    Tick,
    /// The service says something.
    Event(Event),
    /// The service has gone, and why.
    ServiceGone(String),
    /// An answer to a request of ours.
    Answered {
        /// What was asked.
        request: Request,
        /// What came of it.
        result: Result<Response, ServiceError>,
    },
    /// An effect was done, or not.
    Done(Notice),
}

/// Something to do outside; `update` only asks for it.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Ask the service.
    Ask(Request),
    /// Put text on the clipboard of the person's own terminal.
    Copy(String),
    /// Write files beside which nothing is lost: never over another.
    Export {
        /// What is in each, for its name, and its text.
        files: Vec<(&'static str, String)>,
    },
    /// Have the mouse's events, or leave them to the terminal.
    SetMouse(bool),
    /// Draw all of the screen again.
    Redraw,
    /// Stop until the shell continues us.
    Suspend,
}
