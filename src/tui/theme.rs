//! Roles of what is drawn, and the styles that a theme gives them: TOML files by role, embedded.

use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;

use crate::domain::standing::Standing;

/// How many colours the terminal is trusted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum ColourDepth {
    /// None at all; bold and reverse stay.
    None,
    /// The 16 that every terminal has.
    #[default]
    Ansi16,
    /// The 256 of xterm.
    Ansi256,
    /// 24 bits.
    True,
}

/// Why there is no such theme.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ThemeError {
    /// Nobody knows this name.
    #[error("there is no theme `{0}`; there are default, light, mono, high-contrast and colour-safe")]
    Unknown(String),
    /// The theme's file is wrong.
    #[error("theme {name}: {reason}")]
    Invalid {
        /// Of which theme.
        name: String,
        /// What is wrong, in the parser's words.
        reason: String,
    },
}

macro_rules! roles {
    ($($(#[$doc:meta])* $role:ident),+ $(,)?) => {
        /// A style for each role.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct Theme {
            $($(#[$doc])* pub $role: Style,)+
        }

        /// A theme file; every role must be there.
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct ThemeFile {
            $($role: RoleStyle,)+
        }

        impl ThemeFile {
            fn styles(&self, depth: ColourDepth) -> Result<Theme, String> {
                Ok(Theme { $($role: self.$role.style(depth).map_err(|wrong| format!("{}: {wrong}", stringify!($role)))?,)+ })
            }
        }

        impl Theme {
            /// The names of the roles, as in a theme file.
            pub const ROLES: &[&'static str] = &[$(stringify!($role)),+];

            /// Every role's style.
            pub fn styles(&self) -> Vec<(&'static str, Style)> {
                vec![$((stringify!($role), self.$role)),+]
            }

            /// Nothing but the selection stands out.
            fn plain() -> Self {
                Self { selected: Style::new().add_modifier(Modifier::REVERSED), ..Self { $($role: Style::new()),+ } }
            }
        }
    };
}

roles! {
    /// Ordinary text.
    text,
    /// Text that may be overlooked: labels, units, hints.
    dim,
    /// Titles and headings.
    title,
    /// Frames.
    border,
    /// The frame of what has the focus.
    focus,
    /// The selected row.
    selected,
    /// The part of a text that a filter found.
    found,
    /// A state that is as it should be.
    good,
    /// A state to look at.
    warning,
    /// A state to act on.
    critical,
    /// A value that was good once.
    stale,
    /// A value that is bad or missing.
    bad,
    /// A device or service that does not answer.
    offline,
    /// Sparklines and bars.
    chart,
    /// The header line.
    header,
    /// The tab of the screen that is shown.
    tab,
    /// A key in the footer and in help.
    key,
}

/// The style of one role in a file. The colours of a greater depth are used where the terminal has it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RoleStyle {
    /// One of the 16: `red`, `light-red`, `reset`.
    fg: Option<String>,
    /// One of the 16.
    bg: Option<String>,
    /// Number of one of the 256.
    fg_256: Option<u8>,
    /// Number of one of the 256.
    bg_256: Option<u8>,
    /// `#rrggbb`.
    fg_true: Option<String>,
    /// `#rrggbb`.
    bg_true: Option<String>,
    bold: bool,
    dim: bool,
    reverse: bool,
    underline: bool,
}

impl RoleStyle {
    fn style(&self, depth: ColourDepth) -> Result<Style, String> {
        let mut style = Style::new();
        style.fg = colour(depth, self.fg.as_deref(), self.fg_256, self.fg_true.as_deref())?;
        style.bg = colour(depth, self.bg.as_deref(), self.bg_256, self.bg_true.as_deref())?;
        for (is_set, modifier) in [
            (self.bold, Modifier::BOLD),
            (self.dim, Modifier::DIM),
            (self.reverse, Modifier::REVERSED),
            (self.underline, Modifier::UNDERLINED),
        ] {
            if is_set {
                style = style.add_modifier(modifier);
            }
        }
        Ok(style)
    }
}

/// The colour for a depth; what is written for a greater one is still checked.
fn colour(
    depth: ColourDepth,
    named: Option<&str>,
    indexed: Option<u8>,
    exact: Option<&str>,
) -> Result<Option<Color>, String> {
    let parse = |text: &str| text.parse::<Color>().map_err(|_| format!("`{text}` is no colour"));
    let named = named.map(parse).transpose()?;
    let exact = exact.map(parse).transpose()?;
    if let Some(colour @ (Color::Indexed(_) | Color::Rgb(..))) = named {
        return Err(format!("{colour} is none of the 16 colours"));
    }
    let indexed = indexed.map(Color::Indexed);
    Ok(match depth {
        ColourDepth::None => None,
        ColourDepth::Ansi16 => named,
        ColourDepth::Ansi256 => indexed.or(named),
        ColourDepth::True => exact.or(indexed).or(named),
    })
}

/// The themes by name.
const FILES: [(&str, &str); 5] = [
    ("default", include_str!("../../config/themes/default.toml")),
    ("light", include_str!("../../config/themes/light.toml")),
    (MONO, include_str!("../../config/themes/mono.toml")),
    ("high-contrast", include_str!("../../config/themes/high-contrast.toml")),
    ("colour-safe", include_str!("../../config/themes/colour-safe.toml")),
];

/// The theme without colours.
const MONO: &str = "mono";

impl Theme {
    /// The names of the themes.
    pub fn names() -> impl Iterator<Item = &'static str> {
        FILES.iter().map(|(name, _)| *name)
    }

    /// The theme of this name (`""` is the default one) for a terminal with so many colours. Without any it is always
    /// `mono`, which tells by bold, reverse, dim and underline what the others tell by colour.
    ///
    /// # Errors
    /// A name that nobody knows.
    pub fn load(name: &str, depth: ColourDepth) -> Result<Self, ThemeError> {
        let known = |wanted: &str| FILES.iter().copied().find(|(name, _)| *name == wanted);
        let chosen = known(if name.is_empty() { "default" } else { name })
            .ok_or_else(|| ThemeError::Unknown(crate::text::clean(name)))?;
        let (name, text) = if depth == ColourDepth::None { known(MONO).unwrap_or(chosen) } else { chosen };
        parse(name, text, depth)
    }

    /// The style of a state.
    pub fn standing(&self, standing: Standing) -> Style {
        match standing {
            Standing::NotRead | Standing::Waiting => self.dim,
            Standing::Ok => self.good,
            Standing::Warning => self.warning,
            Standing::Stale => self.stale,
            Standing::Error => self.bad,
            Standing::Offline => self.offline,
            Standing::Critical => self.critical,
        }
    }
}

impl Default for Theme {
    /// The default theme in 16 colours. (A test makes sure that its file is right; without it nothing would be styled.)
    fn default() -> Self {
        Self::load("default", ColourDepth::Ansi16).unwrap_or_else(|_| Self::plain())
    }
}

fn parse(name: &str, text: &str, depth: ColourDepth) -> Result<Theme, ThemeError> {
    let invalid = |reason: String| ThemeError::Invalid { name: name.to_owned(), reason };
    let file: ThemeFile = toml::from_str(text).map_err(|error| invalid(error.to_string()))?;
    file.styles(depth).map_err(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_theme_is_whole_in_every_depth() {
        for name in Theme::names() {
            for depth in [ColourDepth::None, ColourDepth::Ansi16, ColourDepth::Ansi256, ColourDepth::True] {
                let theme = Theme::load(name, depth).unwrap_or_else(|error| panic!("{error}"));
                let mut loud = [theme.warning, theme.critical, theme.selected, theme.focus].into_iter();
                assert!(loud.all(|style| style != theme.text), "{name} {depth:?}: what matters stands out");
            }
        }
    }

    #[test]
    fn sixteen_colours_are_all_that_a_theme_needs() {
        for name in Theme::names() {
            for (role, style) in Theme::load(name, ColourDepth::Ansi16).unwrap().styles() {
                for colour in [style.fg, style.bg].into_iter().flatten() {
                    assert!(!matches!(colour, Color::Rgb(..) | Color::Indexed(_)), "{name} {role} {colour}");
                }
            }
        }
    }

    #[test]
    fn without_colours_there_are_none() {
        for name in Theme::names() {
            let theme = Theme::load(name, ColourDepth::None).unwrap();
            assert_eq!(theme, Theme::load(MONO, ColourDepth::True).unwrap(), "{name}");
            assert!(theme.styles().iter().all(|(_, style)| style.fg.is_none() && style.bg.is_none()));
        }
    }

    #[test]
    fn the_default_is_the_file_not_the_way_out() {
        assert_ne!(Theme::default(), Theme::plain());
        assert_eq!(Theme::load("", ColourDepth::Ansi16), Ok(Theme::default()));
    }

    #[test]
    fn a_wrong_name_or_file_says_so() {
        assert!(matches!(Theme::load("neon", ColourDepth::True), Err(ThemeError::Unknown(name)) if name == "neon"));
        for wrong in ["text = {}", "text = { fg = \"#112233\" }", "[glow]\nfg = \"red\""] {
            assert!(parse("x", wrong, ColourDepth::Ansi16).is_err(), "{wrong}");
        }
    }
}
