//! Where a JSON value ends.

/// Finds the end of a value by its brackets and quotes; whether it is JSON is for the parser.
#[derive(Debug, Default)]
pub(super) struct Scan {
    depth: u32,
    /// The deepest nesting so far.
    pub(super) deepest: u32,
    in_string: bool,
    escaped: bool,
    in_scalar: bool,
}

impl Scan {
    /// Whether it is a number or a word, which has no end of its own.
    pub(super) fn is_scalar(&self) -> bool {
        self.in_scalar && self.depth == 0
    }

    /// Where the value ends (behind its last byte), if that is within these bytes, which follow those of the last call.
    pub(super) fn find_end(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            if self.in_string {
                at += self.string(bytes.get(at..).unwrap_or_default());
                if !self.in_string && self.depth == 0 {
                    return Some(at);
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => {
                    self.depth += 1;
                    self.deepest = self.deepest.max(self.depth);
                }
                b'}' | b']' | b',' if self.depth == 0 => return Some(at),
                b'}' | b']' => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return Some(at + 1);
                    }
                }
                b' ' | b'\n' | b'\r' | b'\t' if self.in_scalar && self.depth == 0 => return Some(at),
                _ if self.depth == 0 => self.in_scalar = true,
                _ => {}
            }
            at += 1;
        }
        None
    }

    /// Goes through a string; how many bytes of it there are.
    fn string(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        if std::mem::take(&mut self.escaped) {
            at = 1;
        }
        while let Some(found) = memchr::memchr2(b'"', b'\\', bytes.get(at..).unwrap_or_default()) {
            at += found;
            if bytes.get(at) == Some(&b'"') {
                self.in_string = false;
                return at + 1;
            }
            if at + 1 >= bytes.len() {
                self.escaped = true;
                return bytes.len();
            }
            at += 2;
        }
        bytes.len()
    }
}
