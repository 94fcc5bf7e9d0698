//! A stream of JSON, cut into documents without holding more than one: an array's elements, the lines of newline-delimited
//! JSON, the elements of a HAL page, or whole values one after another.

use std::io::{self, Read};

use super::{page, scan::Scan};

/// Longest document that is read, in bytes. A statement has kilobytes; ten years of a meter's details a few megabytes.
pub const MAX_DOCUMENT_BYTES: usize = 16 << 20;

/// Deepest nesting of a document that is read. Statements have about ten levels.
pub const MAX_DEPTH: u32 = 64;

/// Read from the file at once.
const READ_BYTES: usize = 256 << 10;

/// What a splitter finds next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// A value, by its place in the buffer; see [`Splitter::bytes`].
    Document(Place),
    /// A value that is left out, and why.
    Rejected(Place, &'static str),
}

/// Where a document stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// JSON pointer of the document in its file; in newline-delimited JSON and behind the first of several values, in its
    /// line or value, after the number of that.
    pub pointer: String,
    /// Where it begins, in bytes of the (unpacked) file.
    pub offset: u64,
    range: (usize, usize),
}

/// Why a stream cannot be read on.
#[derive(Debug, thiserror::Error)]
pub(super) enum SplitError {
    #[error("{0}")]
    Read(#[from] io::Error),
    #[error("not JSON at byte {offset}: {what}")]
    Syntax { offset: u64, what: &'static str },
}

/// Where in the stream the next document is looked for.
#[derive(Debug)]
enum State {
    /// Between values.
    Top,
    /// In an array, before an element or its end.
    Array { at: String, index: u64, first: bool },
    /// In a page's object that is too long to be held: behind an array of documents.
    Page(page::Walk),
    /// Lines, each a value of its own.
    Lines { line: u64 },
}

/// Cuts a stream.
#[derive(Debug)]
pub(super) struct Splitter<R> {
    input: R,
    buffer: Vec<u8>,
    /// What was cut from the buffer's start ends here.
    next: usize,
    /// Bytes of the stream before the buffer.
    before: u64,
    is_at_end: bool,
    state: Vec<State>,
    /// Documents of a page that were found when it turned out to be too long.
    found: std::collections::VecDeque<Place>,
    /// Number of the value in the stream, from 1.
    value: u64,
    part: String,
}

impl<R: Read> Splitter<R> {
    /// Cuts what `input` holds; `is_lines` where it is known to be newline-delimited.
    pub(super) fn new(input: R, is_lines: bool) -> Result<Self, SplitError> {
        let mut splitter = Self {
            input,
            buffer: Vec::new(),
            next: 0,
            before: 0,
            is_at_end: false,
            state: Vec::new(),
            found: std::collections::VecDeque::new(),
            value: 0,
            part: String::new(),
        };
        splitter.skip_mark()?;
        let is_lines = is_lines || splitter.looks_like_lines()?;
        splitter.state.push(if is_lines { State::Lines { line: 0 } } else { State::Top });
        Ok(splitter)
    }

    /// Whether each line is a document of its own.
    pub(super) fn is_lines(&self) -> bool {
        matches!(self.state.first(), Some(State::Lines { .. }))
    }

    /// The bytes of a document that [`Splitter::next`] gave; until it is called again.
    pub(super) fn bytes(&self, place: &Place) -> &[u8] {
        self.buffer.get(place.range.0..place.range.1).unwrap_or_default()
    }

    /// The next document; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Piece>, SplitError> {
        loop {
            if let Some(place) = self.found.pop_front() {
                return Ok(Some(Piece::Document(place)));
            }
            let piece = match self.state.pop() {
                None => return Ok(None),
                Some(State::Top) => self.top()?,
                Some(State::Array { at, index, first }) => self.element(at, index, first)?,
                Some(State::Page(walk)) => self.page(walk)?,
                Some(State::Lines { line }) => self.line(line + 1)?,
            };
            if piece.is_some() {
                return Ok(piece);
            }
        }
    }

    fn top(&mut self) -> Result<Option<Piece>, SplitError> {
        let Some(byte) = self.peek()? else { return Ok(None) };
        self.state.push(State::Top);
        self.value += 1;
        self.part = if self.value == 1 { String::new() } else { self.value.to_string() };
        match byte {
            b'[' => {
                self.next += 1;
                self.state.push(State::Array { at: self.part.clone(), index: 0, first: true });
                Ok(None)
            }
            b'{' => self.value(self.part.clone(), true).map(Some),
            _ => Err(self.wrong("a document begins with { or [")),
        }
    }

    fn element(&mut self, at: String, index: u64, first: bool) -> Result<Option<Piece>, SplitError> {
        match (self.peek()?, first) {
            (None, _) => return Err(self.wrong("it ends within an array")),
            (Some(b']'), _) => {
                self.next += 1;
                return Ok(None);
            }
            (Some(b','), false) => {
                self.next += 1;
                if self.peek()? == Some(b']') {
                    return Err(self.wrong("a comma with nothing behind it"));
                }
            }
            (Some(_), false) => return Err(self.wrong("a comma is missing")),
            (Some(_), true) => {}
        }
        let pointer = format!("{at}/{index}");
        self.state.push(State::Array { at, index: index + 1, first: false });
        self.value(pointer, false).map(Some)
    }

    fn line(&mut self, line: u64) -> Result<Option<Piece>, SplitError> {
        self.part = line.to_string();
        self.drain();
        let mut from = 0;
        let end = loop {
            if let Some(found) = memchr::memchr(b'\n', self.buffer.get(from..).unwrap_or_default()) {
                break from + found;
            }
            from = self.buffer.len();
            if from > MAX_DOCUMENT_BYTES {
                self.state.push(State::Lines { line });
                let place = self.place(self.part.clone(), (0, 0));
                self.skip_line()?;
                return Ok(Some(Piece::Rejected(place, TOO_LONG)));
            }
            if !self.fill()? {
                break from;
            }
        };
        if end == 0 && self.is_at_end && self.buffer.is_empty() {
            return Ok(None);
        }
        self.state.push(State::Lines { line });
        self.next = (end + 1).min(self.buffer.len());
        let bytes = self.buffer.get(..end).unwrap_or_default();
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(None);
        }
        let mut scan = Scan::default();
        scan.find_end(bytes);
        let place = self.place(self.part.clone(), (0, end));
        Ok(Some(judged(place, end > MAX_DOCUMENT_BYTES, &scan)))
    }

    fn skip_line(&mut self) -> Result<(), SplitError> {
        loop {
            self.next = self.buffer.len();
            self.drain();
            if !self.fill()? {
                return Ok(());
            }
            if let Some(end) = memchr::memchr(b'\n', &self.buffer) {
                self.next = end + 1;
                return Ok(());
            }
        }
    }

    /// Reads one value that begins here. An object on top that is too long may be a page.
    fn value(&mut self, pointer: String, may_be_page: bool) -> Result<Piece, SplitError> {
        self.drain();
        let (mut scan, mut from) = (Scan::default(), 0);
        loop {
            if let Some(end) = scan.find_end(self.buffer.get(from..).unwrap_or_default()) {
                let range = (0, from + end);
                let place = self.place(pointer, range);
                self.next = range.1;
                // A page is held whole where it came whole.
                let is_long = range.1 > MAX_DOCUMENT_BYTES && !may_be_page;
                return Ok(judged(place, is_long, &scan));
            }
            from = self.buffer.len();
            if from > MAX_DOCUMENT_BYTES {
                return self.long_value(pointer, scan, may_be_page);
            }
            if !self.fill()? {
                if scan.is_scalar() {
                    let place = self.place(pointer, (0, from));
                    self.next = from;
                    return Ok(Piece::Document(place));
                }
                self.next = from;
                return Err(self.wrong("it ends within a document"));
            }
        }
    }

    /// A page is taken document by document; another value of that length is left out.
    fn long_value(&mut self, pointer: String, mut scan: Scan, may_be_page: bool) -> Result<Piece, SplitError> {
        let page = if may_be_page { page::within(&self.buffer) } else { None };
        let Some(page) = page else {
            let place = self.place(pointer, (0, 0));
            loop {
                self.next = self.buffer.len();
                self.drain();
                if !self.fill()? {
                    return Err(self.wrong("it ends within a document"));
                }
                if let Some(end) = scan.find_end(&self.buffer) {
                    self.next = end;
                    return Ok(Piece::Rejected(place, TOO_LONG));
                }
            }
        };
        let at = format!("{pointer}/_embedded");
        let found = page.elements.into_iter().map(|element| {
            let pointer = format!("{at}/{}/{}", page::escaped(&element.array), element.index);
            self.place(pointer, element.range)
        });
        self.found = found.collect();
        self.next = page.next;
        self.state.push(State::Page(page::Walk::behind_array(at.clone())));
        let array = format!("{at}/{}", page::escaped(&page.array));
        self.state.push(State::Array { at: array, index: page.index, first: page.is_first });
        match self.found.pop_front() {
            Some(place) => Ok(Piece::Document(place)),
            // Its first element alone is too long: the array's turn comes next.
            None => self.next().map(|piece| piece.unwrap_or_else(|| self.nothing(pointer))),
        }
    }

    fn nothing(&self, pointer: String) -> Piece {
        Piece::Rejected(self.place(pointer, (0, 0)), "it holds nothing")
    }

    /// Goes on in a page behind an array.
    fn page(&mut self, mut walk: page::Walk) -> Result<Option<Piece>, SplitError> {
        let Some(byte) = self.peek()? else { return Err(self.wrong("it ends within a page")) };
        match walk.step(byte) {
            page::Step::End => {
                self.next += 1;
                Ok(None)
            }
            page::Step::Mark => {
                self.next += 1;
                self.state.push(State::Page(walk));
                Ok(None)
            }
            page::Step::Key => {
                let key = self.key()?;
                if self.peek()? != Some(b':') {
                    return Err(self.wrong("a colon is missing"));
                }
                self.next += 1;
                let opens = self.peek()?;
                if walk.is_embedded(&key) && opens == Some(b'{') {
                    self.next += 1;
                    walk.enter();
                    self.state.push(State::Page(walk));
                } else if let Some(at) = walk.array(&key).filter(|_| opens == Some(b'[')) {
                    self.next += 1;
                    self.state.push(State::Page(walk));
                    self.state.push(State::Array { at, index: 0, first: true });
                } else {
                    // Links and page numbers.
                    self.state.push(State::Page(walk));
                    self.value(String::new(), false)?;
                }
                Ok(None)
            }
            page::Step::Wrong => Err(self.wrong("a page's object is broken")),
        }
    }

    fn key(&mut self) -> Result<String, SplitError> {
        match self.value(String::new(), false)? {
            Piece::Document(place) => {
                let key = serde_json::from_slice(self.bytes(&place));
                key.map_err(|_| self.wrong("a key is no text"))
            }
            Piece::Rejected(..) => Err(self.wrong("a key is too long")),
        }
    }

    fn place(&self, pointer: String, range: (usize, usize)) -> Place {
        Place { pointer, offset: self.before + range.0 as u64, range }
    }

    fn wrong(&self, what: &'static str) -> SplitError {
        SplitError::Syntax { offset: self.before + self.next as u64, what }
    }

    /// The next byte that is no space, which stays.
    fn peek(&mut self) -> Result<Option<u8>, SplitError> {
        loop {
            let rest = self.buffer.get(self.next..).unwrap_or_default();
            if let Some(at) = rest.iter().position(|byte| !matches!(byte, b' ' | b'\n' | b'\r' | b'\t')) {
                self.next += at;
                return Ok(self.buffer.get(self.next).copied());
            }
            self.next = self.buffer.len();
            self.drain();
            if !self.fill()? {
                return Ok(None);
            }
        }
    }

    /// Drops what was cut off.
    fn drain(&mut self) {
        self.before += self.next as u64;
        self.buffer.drain(..self.next.min(self.buffer.len()));
        self.next = 0;
    }

    /// Reads more; whether there was any.
    fn fill(&mut self) -> Result<bool, SplitError> {
        if self.is_at_end {
            return Ok(false);
        }
        let held = self.buffer.len();
        self.buffer.resize(held + READ_BYTES, 0);
        let room = self.buffer.get_mut(held..).unwrap_or_default();
        let read = loop {
            match self.input.read(room) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.buffer.truncate(held + *read.as_ref().unwrap_or(&0));
        self.is_at_end = read? == 0;
        Ok(!self.is_at_end)
    }

    /// The byte order mark that some programs write first.
    fn skip_mark(&mut self) -> Result<(), SplitError> {
        while self.buffer.len() < MARK.len() && self.fill()? {}
        if self.buffer.starts_with(MARK) {
            self.next = MARK.len();
        }
        Ok(())
    }

    /// Whether the first line is a whole object with more lines behind it; or the second one is, and the first one broken.
    fn looks_like_lines(&mut self) -> Result<bool, SplitError> {
        if matches!(self.peek()?, None | Some(b'[')) {
            return Ok(false);
        }
        let mut first = None;
        let mut from = self.next;
        loop {
            let bytes = self.buffer.get(from..).unwrap_or_default();
            let Some(end) = memchr::memchr(b'\n', bytes) else {
                if self.buffer.len() - from > MAX_DOCUMENT_BYTES || !self.fill()? {
                    let is_object = first.is_some() && is_object(self.buffer.get(from..).unwrap_or_default());
                    return Ok(is_object && first == Some(Line::Broken));
                }
                continue;
            };
            let line = bytes.get(..end).unwrap_or_default();
            from += end + 1;
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            match first {
                None if is_object(line) => first = Some(Line::Whole),
                None if opens_more(line) => return Ok(false),
                None => first = Some(Line::Broken),
                Some(Line::Whole) => return Ok(true),
                Some(Line::Broken) => return Ok(is_object(line)),
            }
        }
    }
}

const MARK: &[u8] = b"\xef\xbb\xbf";
const TOO_LONG: &str = "it is longer than 16 MiB";
const TOO_DEEP: &str = "it is nested deeper than 64 levels";

/// What a value that was found to its end is worth.
fn judged(place: Place, is_long: bool, scan: &Scan) -> Piece {
    if is_long {
        Piece::Rejected(place, TOO_LONG)
    } else if scan.deepest > MAX_DEPTH {
        Piece::Rejected(place, TOO_DEEP)
    } else {
        Piece::Document(place)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Whole,
    Broken,
}

fn is_object(line: &[u8]) -> bool {
    line.first() == Some(&b'{') && serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok()
}

/// Whether a line is the first of a document that is written on several.
fn opens_more(line: &[u8]) -> bool {
    line.trim_ascii_end().last().is_some_and(|last| matches!(last, b'{' | b'[' | b',' | b':'))
}

#[cfg(test)]
mod tests;
