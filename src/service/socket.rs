//! The interface over a Unix socket: JSON, one frame a line, each of a limited length.
//!
//! First the client greets with its version; the service greets back, or says why not and closes. Then the client asks, and
//! the service answers in any order and tells what changed. The greeting keeps its form for good, so that any two versions
//! understand that they do not understand each other.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::interface::{Event, ImportRow, Request, Response, ServiceError};
use serde::{Deserialize, Serialize};

pub mod client;
mod frames;
pub mod keep;
pub mod server;

/// The socket's name in the data folder; a link to it where the system gave a folder for sockets.
pub const FILE_NAME: &str = "meterdeck.sock";
/// Longest frame of a client. A request is a few hundred bytes; many rows travel in parts.
pub const MAX_REQUEST_BYTES: usize = 1 << 20;
/// Longest request in pieces: two thousand readings of statements with all that is known of each.
pub const MAX_PIECES_BYTES: usize = 8 << 20;
/// Longest frame of the service: the largest page of history is a fifth of it, a site of 10,000 meters half.
pub const MAX_ANSWER_BYTES: usize = 64 << 20;
/// Most time from the first to the last byte of a frame, and to the first frame: a program writes it at once.
pub const FRAME_DEADLINE: Duration = Duration::from_secs(5);

/// The client's first frame.
#[derive(Debug, Serialize, Deserialize)]
struct Greeting {
    /// [`super::interface::INTERFACE_VERSION`].
    meterdeck: u32,
    /// Where its person came from over SSH.
    address: Option<String>,
}

/// The service's first frame.
#[derive(Debug, Serialize, Deserialize)]
struct Welcome {
    /// Its version of the interface.
    meterdeck: u32,
    /// Its version of the program.
    program: String,
    /// Why it does not go on, if it does not.
    refused: Option<ServiceError>,
}

/// What a client sends after the greetings: a request with a number. A long one comes in pieces of its JSON, the last of
/// which has the number, and an import may have sent rows before.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Asked {
    /// Any number that is not under way; the answer has the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<u64>,
    /// What is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ask: Option<Request>,
    /// A piece of what is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    piece: Option<String>,
    /// They come before those of the import itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    rows: Vec<ImportRow>,
}

/// What the service sends after the greetings: an answer, or something that changed.
#[derive(Debug, Serialize, Deserialize)]
struct Said {
    /// To which request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<u64>,
    /// What it came to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answer: Option<Result<Response, ServiceError>>,
    /// What changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    event: Option<Event>,
}

/// Where the socket of a data folder is found.
pub fn path_in(dir: &Path) -> PathBuf {
    dir.join(FILE_NAME)
}
