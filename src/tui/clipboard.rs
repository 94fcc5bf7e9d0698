//! The clipboard of the person's own terminal, through any number of SSH hops: OSC 52.

use crossterm::{Command, clipboard::CopyToClipboard};

/// The longest text that is copied, in bytes: 74,992 once encoded, where terminals take 74,994.
pub const MAX_COPY_LENGTH: usize = 56_244;

/// What to write to the terminal so that it copies `text`; `None` where it is too long. tmux takes the plain sequence
/// or the wrapped one, as it is set up, so that it gets both.
pub fn sequence(text: &str, in_tmux: bool) -> Option<String> {
    if text.len() > MAX_COPY_LENGTH {
        return None;
    }
    let mut plain = String::new();
    CopyToClipboard::to_clipboard_from(text).write_ansi(&mut plain).ok()?;
    if !in_tmux {
        return Some(plain);
    }
    let wrapped = format!("\u{1b}Ptmux;{}\u{1b}\\", plain.replace('\u{1b}', "\u{1b}\u{1b}"));
    Some(plain + &wrapped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_osc_52_and_wrapped_for_tmux() {
        let plain = "\u{1b}]52;c;Zm9v\u{1b}\\";
        assert_eq!(sequence("foo", false).as_deref(), Some(plain));
        let in_tmux = sequence("foo", true).unwrap();
        assert_eq!(in_tmux, format!("{plain}\u{1b}Ptmux;\u{1b}\u{1b}]52;c;Zm9v\u{1b}\u{1b}\\\u{1b}\\"));
        assert_eq!(sequence(&"x".repeat(MAX_COPY_LENGTH + 1), false), None);
        assert!(sequence(&"x".repeat(MAX_COPY_LENGTH), false).unwrap().len() <= 74_994 + 9);
    }
}
