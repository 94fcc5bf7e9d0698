//! From raw words to values and back (pure).

use crate::domain::register::Register;

/// What a register's words say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Decoded {
    /// A number in the reading's unit, finite and within the register's range.
    Value(f64),
    /// The device says that it has no value: a sentinel, NaN or an infinity.
    NotAvailable,
    /// A number that cannot be: outside `min` to `max`.
    OutOfRange(f64),
}

/// Decodes the words of `register` (as many as its type takes, in wire order), and the word of its scale register
/// where it has one.
pub fn decode(register: &Register, words: &[u16], scale_word: Option<u16>) -> Decoded {
    let _ = (register, words, scale_word);
    Decoded::NotAvailable
}

/// The words that a device holds for `value` (in the reading's unit); `None`: the type's "not available".
/// The scale register, where there is one, is taken to hold `scale_exponent`.
pub fn encode(register: &Register, value: Option<f64>, scale_exponent: i16) -> Vec<u16> {
    let _ = (register, value, scale_exponent);
    Vec::new()
}
