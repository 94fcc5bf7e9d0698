//! Frames: lines of JSON, with a limit on length and time.

use std::{io, time::Duration};

use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt as _, AsyncWrite, AsyncWriteExt as _},
    time::{Instant, timeout, timeout_at},
};

/// A reader that takes less than this many bytes a second is too slow; a line of 1 Mbit/s takes more.
const SLOWEST_BYTES_A_SECOND: usize = 100_000;
/// What anybody gets for a frame, however short.
const WRITE_DEADLINE: Duration = Duration::from_secs(5);

/// What a reader may have to wait for at most.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Longest frame.
    pub(super) bytes: usize,
    /// Most time for a frame once it has begun, for each so many bytes of the limit.
    pub(super) deadline: Duration,
}

/// The next frame without its line end; `None` at the end of the stream between two frames.
///
/// # Errors
/// `InvalidData` for a frame that is too long, `TimedOut` for one that takes too long, `UnexpectedEof` for half a one.
pub(super) async fn next<R: AsyncBufRead + Unpin>(reader: &mut R, limits: Limits) -> io::Result<Option<Vec<u8>>> {
    if reader.fill_buf().await?.is_empty() {
        return Ok(None);
    }
    let deadline = Instant::now() + limits.deadline;
    let mut frame = Vec::new();
    loop {
        let part = timeout_at(deadline, reader.fill_buf()).await.map_err(|_| io::ErrorKind::TimedOut)??;
        if part.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let end = part.iter().position(|byte| *byte == b'\n');
        let taken = part.get(..end.unwrap_or(part.len())).unwrap_or_default();
        if frame.len() + taken.len() > limits.bytes {
            return Err(io::ErrorKind::InvalidData.into());
        }
        frame.extend_from_slice(taken);
        let used = end.map_or(part.len(), |end| end + 1);
        reader.consume(used);
        if end.is_some() {
            return Ok(Some(frame));
        }
    }
}

/// Reads what a frame says.
///
/// # Errors
/// `InvalidData` with what is wrong.
pub(super) fn parse<T: DeserializeOwned>(frame: &[u8]) -> io::Result<T> {
    serde_json::from_slice(frame).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// A frame that says something; `None` where it would be longer than `most` bytes.
pub(super) fn of(what: &impl Serialize, most: usize) -> Option<Vec<u8>> {
    let mut frame = Limited { bytes: Vec::new(), most };
    serde_json::to_writer(&mut frame, what).ok()?;
    frame.bytes.push(b'\n');
    Some(frame.bytes)
}

/// What something is as JSON; `None` where that is longer than `most` bytes.
pub(super) fn text_of(what: &impl Serialize, most: usize) -> Option<String> {
    let mut text = Limited { bytes: Vec::new(), most };
    serde_json::to_writer(&mut text, what).ok()?;
    String::from_utf8(text.bytes).ok()
}

/// Bytes up to a limit.
struct Limited {
    bytes: Vec<u8>,
    most: usize,
}

impl io::Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.most {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes a frame to somebody who reads it.
///
/// # Errors
/// `TimedOut` where they read too slowly; what the system says.
pub(super) async fn write<W: AsyncWrite + Unpin>(writer: &mut W, frame: &[u8]) -> io::Result<()> {
    let more = u64::try_from(frame.len() / SLOWEST_BYTES_A_SECOND).unwrap_or(u64::MAX);
    let deadline = WRITE_DEADLINE.saturating_add(Duration::from_secs(more));
    timeout(deadline, writer.write_all(frame)).await.map_err(|_| io::ErrorKind::TimedOut)?
}

#[cfg(test)]
mod tests {
    use tokio::io::BufReader;

    use super::*;

    const LIMITS: Limits = Limits { bytes: 8, deadline: Duration::from_millis(50) };

    #[tokio::test]
    async fn frames_have_an_end_a_length_and_a_time() {
        let mut whole = BufReader::new(&b"12345678\n\nabc\n"[..]);
        assert_eq!(next(&mut whole, LIMITS).await.unwrap().unwrap(), b"12345678");
        assert_eq!(next(&mut whole, LIMITS).await.unwrap().unwrap(), b"");
        assert_eq!(next(&mut whole, LIMITS).await.unwrap().unwrap(), b"abc");
        assert_eq!(next(&mut whole, LIMITS).await.unwrap(), None);
        for (bytes, kind) in
            [(&b"123456789\n"[..], io::ErrorKind::InvalidData), (&b"1234"[..], io::ErrorKind::UnexpectedEof)]
        {
            assert_eq!(next(&mut BufReader::new(bytes), LIMITS).await.unwrap_err().kind(), kind);
        }
        let (mut writer, reader) = tokio::io::duplex(64);
        writer.write_all(b"12").await.unwrap();
        let error = next(&mut BufReader::new(reader), LIMITS).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(of(&"abcdef", 8).unwrap(), b"\"abcdef\"\n");
        assert_eq!(of(&"abcdefg", 8), None);
    }
}
