//! What is pressed, read by a thread of its own.
//!
//! crossterm's own stream reads in whoever polls it, and waits there for the rest of half an escape sequence: on a line
//! that splits one, the whole screen would stand still, and with a terminal that has gone for ever. Here only this
//! thread waits; it ends with the process.

use std::{io, thread};

use crossterm::event::{Event, read};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

/// Events that wait for the loop, which takes them faster than anybody types; a paste is one.
const MAX_PENDING: usize = 64;

/// Reads this process's terminal from now on.
///
/// # Errors
/// Where the process has no thread left.
pub fn listen() -> io::Result<ReceiverStream<io::Result<Event>>> {
    let (sender, receiver) = mpsc::channel(MAX_PENDING);
    let forward = move || {
        loop {
            let event = read();
            let is_end = event.is_err();
            if sender.blocking_send(event).is_err() || is_end {
                return;
            }
        }
    };
    thread::Builder::new().name("input".to_owned()).spawn(forward)?;
    Ok(ReceiverStream::new(receiver))
}
