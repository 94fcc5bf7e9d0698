//! Roles of what is drawn, and the styles that a theme gives them.

use ratatui::style::{Color, Modifier, Style};

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

/// A style for each role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Theme {
    /// Ordinary text.
    pub text: Style,
    /// Text that may be overlooked: labels, units, hints.
    pub dim: Style,
    /// Titles and headings.
    pub title: Style,
    /// Frames.
    pub border: Style,
    /// The frame of what has the focus.
    pub focus: Style,
    /// The selected row.
    pub selected: Style,
    /// The part of a text that a filter found.
    pub found: Style,
    /// A state that is as it should be.
    pub good: Style,
    /// A state to look at.
    pub warning: Style,
    /// A state to act on.
    pub critical: Style,
    /// A value that was good once.
    pub stale: Style,
    /// A value that is bad or missing.
    pub bad: Style,
    /// A device or service that does not answer.
    pub offline: Style,
    /// Sparklines and bars.
    pub chart: Style,
    /// The header line.
    pub header: Style,
    /// The tab of the screen that is shown.
    pub tab: Style,
    /// A key in the footer and in help.
    pub key: Style,
}

impl Default for Theme {
    fn default() -> Self {
        let plain = Style::new();
        Self {
            text: plain,
            dim: plain.fg(Color::DarkGray),
            title: plain.add_modifier(Modifier::BOLD),
            border: plain.fg(Color::DarkGray),
            focus: plain.fg(Color::Cyan),
            selected: plain.add_modifier(Modifier::REVERSED),
            found: plain.add_modifier(Modifier::UNDERLINED),
            good: plain.fg(Color::Green),
            warning: plain.fg(Color::Yellow),
            critical: plain.fg(Color::Red).add_modifier(Modifier::BOLD),
            stale: plain.fg(Color::DarkGray),
            bad: plain.fg(Color::Magenta),
            offline: plain.fg(Color::Red),
            chart: plain.fg(Color::Cyan),
            header: plain.add_modifier(Modifier::REVERSED),
            tab: plain.add_modifier(Modifier::BOLD),
            key: plain.add_modifier(Modifier::BOLD),
        }
    }
}
