//! Text from outside, made safe to draw, log and print.

/// The longest text from outside that is kept, in characters.
pub const MAX_CLEAN_LENGTH: usize = 512;

/// `text` without control characters, escape sequences, bidi controls and zero-width characters; line breaks become
/// spaces; cut at [`MAX_CLEAN_LENGTH`] characters.
pub fn clean(text: &str) -> String {
    clean_within(text, MAX_CLEAN_LENGTH)
}

/// The same, cut at `longest` characters.
pub fn clean_within(text: &str, longest: usize) -> String {
    text.chars()
        .filter_map(|character| match character {
            '\n' | '\r' | '\t' => Some(' '),
            _ if is_hidden(character) => None,
            _ => Some(character),
        })
        .take(longest)
        .collect()
}

/// Whether a character moves, hides or re-orders others instead of showing itself.
pub fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{00AD}'
                | '\u{061C}'
                | '\u{115F}'..='\u{1160}'
                | '\u{180E}'
                | '\u{200B}'..='\u{200F}'
                | '\u{2028}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}'
                | '\u{3164}'
                | '\u{FE00}'..='\u{FE0F}'
                | '\u{FEFF}'
                | '\u{FFA0}'
                | '\u{FFF9}'..='\u{FFFB}'
                | '\u{E0000}'..='\u{E0FFF}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_hidden_gets_through() {
        for (dirty, expected) in [
            ("plain ü 電", "plain ü 電"),
            ("\u{1b}[31mred\u{7}", "[31mred"),
            ("a\u{202e}b\u{2066}c\u{200b}d", "abcd"),
            ("two\nlines\tand\r", "two lines and "),
            ("\u{9b}31m", "31m"),
        ] {
            assert_eq!(clean(dirty), expected);
        }
        assert_eq!(clean(&"x".repeat(9999)).len(), MAX_CLEAN_LENGTH);
    }
}
