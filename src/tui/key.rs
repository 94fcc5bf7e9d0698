//! A key as people write it: `q`, `G`, `ctrl-c`, `space`, `pgdn`.

use std::{fmt, str::FromStr};

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// The keys that have a name instead of a character.
const NAMED: &[(KeyCode, &str)] = &[
    (KeyCode::Enter, "enter"),
    (KeyCode::Esc, "esc"),
    (KeyCode::Tab, "tab"),
    (KeyCode::BackTab, "shift-tab"),
    (KeyCode::Backspace, "backspace"),
    (KeyCode::Delete, "delete"),
    (KeyCode::Insert, "insert"),
    (KeyCode::Up, "up"),
    (KeyCode::Down, "down"),
    (KeyCode::Left, "left"),
    (KeyCode::Right, "right"),
    (KeyCode::PageUp, "pgup"),
    (KeyCode::PageDown, "pgdn"),
    (KeyCode::Home, "home"),
    (KeyCode::End, "end"),
    (KeyCode::Char(' '), "space"),
];

/// A key, with ctrl or alt held or not. Shift is part of the character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd)]
pub struct Key {
    code: KeyCode,
    ctrl: bool,
    alt: bool,
}

/// Why a text is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no key")]
pub struct KeyError(pub String);

impl Key {
    /// A key without ctrl or alt.
    pub fn plain(code: KeyCode) -> Self {
        Self { code, ctrl: false, alt: false }
    }

    /// The key of an event; terminals differ in how they report shift, so it only counts where it is no part of the key itself.
    pub fn of(event: &KeyEvent) -> Self {
        let shift = event.modifiers.contains(KeyModifiers::SHIFT);
        let code = match event.code {
            KeyCode::Char(character) if shift => KeyCode::Char(character.to_ascii_uppercase()),
            KeyCode::Tab if shift => KeyCode::BackTab,
            code => code,
        };
        Self {
            code,
            ctrl: event.modifiers.contains(KeyModifiers::CONTROL),
            alt: event.modifiers.contains(KeyModifiers::ALT),
        }
    }

    /// As short as it can be, for the footer: arrows as arrows where Unicode is allowed.
    pub fn short(&self, ascii: bool) -> String {
        let arrow = match self.code {
            _ if ascii || self.ctrl || self.alt => None,
            KeyCode::Up => Some("↑"),
            KeyCode::Down => Some("↓"),
            KeyCode::Left => Some("←"),
            KeyCode::Right => Some("→"),
            _ => None,
        };
        arrow.map_or_else(|| self.to_string(), str::to_owned)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ctrl {
            formatter.write_str("ctrl-")?;
        }
        if self.alt {
            formatter.write_str("alt-")?;
        }
        match (NAMED.iter().find(|(code, _)| *code == self.code), self.code) {
            (Some((_, name)), _) => formatter.write_str(name),
            (None, KeyCode::Char(character)) => write!(formatter, "{character}"),
            (None, KeyCode::F(number)) => write!(formatter, "f{number}"),
            (None, _) => formatter.write_str("?"),
        }
    }
}

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let wrong = || KeyError(text.to_owned());
        let (ctrl, rest) = text.strip_prefix("ctrl-").map_or((false, text), |rest| (true, rest));
        let (alt, name) = rest.strip_prefix("alt-").map_or((false, rest), |rest| (true, rest));
        let named = NAMED.iter().find(|(_, known)| *known == name).map(|(code, _)| *code);
        let function = || {
            let number = name.strip_prefix('f')?.parse().ok()?;
            (1..=12).contains(&number).then_some(KeyCode::F(number))
        };
        let character = || {
            let mut characters = name.chars();
            match (characters.next(), characters.next()) {
                (Some(single), None) if !single.is_control() && single != ' ' => Some(KeyCode::Char(single)),
                _ => None,
            }
        };
        let code = named.or_else(function).or_else(character).ok_or_else(wrong)?;
        Ok(Self { code, ctrl, alt })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_named_key_parses_back() {
        for (code, name) in NAMED {
            assert_eq!(name.parse(), Ok(Key::plain(*code)), "{name}");
        }
        for wrong in ["", "  ", "qq", "ctrl-", "f0", "f13", "\u{1b}", "hyper-x", "Ctrl-c"] {
            assert_eq!(wrong.parse::<Key>(), Err(KeyError(wrong.to_owned())));
        }
    }

    #[test]
    fn shift_is_part_of_the_character() {
        let upper = "G".parse::<Key>().unwrap();
        for event in [
            KeyEvent::new(KeyCode::Char('G'), KeyModifiers::SHIFT),
            KeyEvent::new(KeyCode::Char('G'), KeyModifiers::NONE),
            KeyEvent::new(KeyCode::Char('g'), KeyModifiers::SHIFT),
        ] {
            assert_eq!(Key::of(&event), upper, "{event:?}");
        }
        let back = KeyEvent::new(KeyCode::BackTab, KeyModifiers::SHIFT);
        assert_eq!(Key::of(&back), "shift-tab".parse().unwrap());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(character in any::<char>(), ctrl: bool, alt: bool) {
            let key = Key { code: KeyCode::Char(character), ctrl, alt };
            if !character.is_control() {
                prop_assert_eq!(key.to_string().parse::<Key>(), Ok(key));
            }
        }

        #[test]
        fn no_text_panics(text in ".{0,12}") {
            let _ = text.parse::<Key>();
        }
    }
}
