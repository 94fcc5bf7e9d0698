//! HAL pages that are too long to be held: `{"_embedded": {"statements": [ …documents… ]}, "_links": …}`.

use super::scan::Scan;

/// What is known of a page from its beginning.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// Documents that are whole.
    pub elements: Vec<Element>,
    /// The array in which the beginning ends, and the next element's number.
    pub array: String,
    pub index: u64,
    /// No element has been read.
    pub is_first: bool,
    /// From where to read on: behind the last whole element.
    pub next: usize,
}

/// A document within a page's beginning.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Element {
    pub array: String,
    pub index: u64,
    pub range: (usize, usize),
}

/// The page that begins so, if it is one: if the beginning ends within an array in `_embedded`.
pub(super) fn within(bytes: &[u8]) -> Option<Page> {
    let mut at = Cursor { bytes, next: 0 };
    let mut elements = Vec::new();
    at.take(b'{')?;
    loop {
        let key = at.key()?;
        if key == "_embedded" && at.peek()? == b'{' {
            at.take(b'{')?;
            loop {
                let array = at.key()?;
                if at.peek()? == b'[' {
                    if let Array::Goes(page) = in_array(&mut at, &array, &mut elements)? {
                        return Some(Page { elements, ..page });
                    }
                } else {
                    at.value()?;
                }
                if at.peek()? == b'}' {
                    at.take(b'}')?;
                    break;
                }
                at.take(b',')?;
            }
        } else {
            at.value()?;
        }
        at.take(b',')?;
    }
}

/// Whether an array of documents is whole.
enum Array {
    Ends,
    /// The bytes end within it.
    Goes(Page),
}

/// Goes through an array; `None` where it is broken.
fn in_array(at: &mut Cursor<'_>, array: &str, elements: &mut Vec<Element>) -> Option<Array> {
    at.take(b'[')?;
    let mut index = 0;
    loop {
        let next = at.next;
        let page = || Page { elements: Vec::new(), array: array.to_owned(), index, is_first: index == 0, next };
        match at.peek() {
            None => return Some(Array::Goes(page())),
            Some(b']') => {
                at.take(b']')?;
                return Some(Array::Ends);
            }
            Some(_) if index > 0 => at.take(b',')?,
            Some(_) => {}
        }
        at.peek();
        let from = at.next;
        if at.value().is_none() {
            return Some(Array::Goes(page()));
        }
        elements.push(Element { array: array.to_owned(), index, range: (from, at.next) });
        index += 1;
    }
}

struct Cursor<'a> {
    bytes: &'a [u8],
    next: usize,
}

impl Cursor<'_> {
    fn peek(&mut self) -> Option<u8> {
        let rest = self.bytes.get(self.next..)?;
        self.next += rest.iter().position(|byte| !byte.is_ascii_whitespace())?;
        self.bytes.get(self.next).copied()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.next += 1)
    }

    /// Goes behind a value that is whole.
    fn value(&mut self) -> Option<()> {
        self.peek()?;
        let length = Scan::default().find_end(self.bytes.get(self.next..)?)?;
        self.next += length;
        (length > 0).then_some(())
    }

    fn key(&mut self) -> Option<String> {
        self.peek()?;
        let from = self.next;
        self.value()?;
        let key = serde_json::from_slice(self.bytes.get(from..self.next)?).ok()?;
        self.take(b':')?;
        Some(key)
    }
}

/// The way through the rest of a page, behind an array of documents.
#[derive(Debug)]
pub(super) struct Walk {
    /// Pointer of `_embedded`.
    at: String,
    /// In `_embedded`, else in the page itself.
    is_inside: bool,
    /// A value was read: a comma or the end comes next.
    is_behind_value: bool,
    is_begun: bool,
}

/// What comes next in a page.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The page's end.
    End,
    /// A comma, or the end of `_embedded`.
    Mark,
    /// A key.
    Key,
    /// Something that cannot be.
    Wrong,
}

impl Walk {
    /// Within `_embedded`, which stands at `at`, behind one of its arrays.
    pub(super) fn behind_array(at: String) -> Self {
        Self { at, is_inside: true, is_behind_value: true, is_begun: true }
    }

    pub(super) fn step(&mut self, byte: u8) -> Step {
        match byte {
            b'}' if self.is_inside && (self.is_behind_value || !self.is_begun) => {
                self.is_inside = false;
                self.is_behind_value = true;
                Step::Mark
            }
            b'}' if !self.is_inside && self.is_behind_value => Step::End,
            b',' if self.is_behind_value => {
                self.is_behind_value = false;
                Step::Mark
            }
            b'"' if !self.is_behind_value => {
                self.is_behind_value = true;
                self.is_begun = true;
                Step::Key
            }
            _ => Step::Wrong,
        }
    }

    /// Whether this key's object holds documents.
    pub(super) fn is_embedded(&self, key: &str) -> bool {
        !self.is_inside && key == "_embedded"
    }

    /// The pointer of this key's array, if it holds documents.
    pub(super) fn array(&self, key: &str) -> Option<String> {
        self.is_inside.then(|| format!("{}/{}", self.at, escaped(key)))
    }

    /// Goes into `_embedded`.
    pub(super) fn enter(&mut self) {
        (self.is_inside, self.is_behind_value, self.is_begun) = (true, false, false);
    }
}

/// A key as a JSON pointer writes it.
pub(super) fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
