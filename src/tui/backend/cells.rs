//! Cells as bytes: as few as they can be, since a line over SSH pays for each.
//!
//! The 16 colours are written as such (`31`, not `38;5;1`): shorter, known to every terminal, and what a person's own
//! palette is about. Nothing here looks at NO_COLOR: a theme without colours has none, and keeps bold and reverse.

use std::io::{self, Write};

use ratatui::{
    buffer::Cell,
    style::{Color, Modifier},
};
use unicode_width::UnicodeWidthStr;

/// How a cell looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Look {
    fg: Color,
    bg: Color,
    modifier: Modifier,
}

/// How a terminal writes after a reset.
const PLAIN: Look = Look { fg: Color::Reset, bg: Color::Reset, modifier: Modifier::empty() };

/// The codes of what can be added to plain text.
const MODIFIERS: [(Modifier, &str); 9] = [
    (Modifier::BOLD, "1"),
    (Modifier::DIM, "2"),
    (Modifier::ITALIC, "3"),
    (Modifier::UNDERLINED, "4"),
    (Modifier::SLOW_BLINK, "5"),
    (Modifier::RAPID_BLINK, "6"),
    (Modifier::REVERSED, "7"),
    (Modifier::HIDDEN, "8"),
    (Modifier::CROSSED_OUT, "9"),
];

/// Writes cells, and leaves the terminal writing plain text. False where there were none.
pub(super) fn write<'cell>(
    out: &mut Vec<u8>,
    content: impl Iterator<Item = (u16, u16, &'cell Cell)>,
) -> io::Result<bool> {
    let mut look = PLAIN;
    let mut next: Option<(u16, u16)> = None;
    let mut row = None;
    for (x, y, cell) in content {
        if next != Some((x, y)) {
            // Always to an absolute column: a character that the terminal takes for wider must not move all after it.
            match row {
                Some(row) if row == y => write!(out, "\x1b[{}G", x + 1)?,
                _ => write!(out, "\x1b[{};{}H", y + 1, x + 1)?,
            }
        }
        row = Some(y);
        next = (cell.symbol().width() == 1).then_some((x + 1, y));
        let wanted = Look { fg: cell.fg, bg: cell.bg, modifier: cell.modifier };
        change(out, look, wanted)?;
        look = wanted;
        out.write_all(cell.symbol().as_bytes())?;
    }
    change(out, look, PLAIN)?;
    Ok(row.is_some())
}

/// The shortest way from one look to another: what was added cannot be taken away one by one everywhere, so that it
/// goes by a reset.
fn change(out: &mut Vec<u8>, from: Look, to: Look) -> io::Result<()> {
    if from == to {
        return Ok(());
    }
    if to == PLAIN {
        return out.write_all(b"\x1b[m");
    }
    let mut codes: Vec<String> = Vec::new();
    let keeps = to.modifier.contains(from.modifier);
    let from = if keeps { from } else { PLAIN };
    if !keeps {
        codes.push(String::new());
    }
    let added = to.modifier - from.modifier;
    codes
        .extend(MODIFIERS.iter().filter(|(modifier, _)| added.contains(*modifier)).map(|(_, code)| (*code).to_owned()));
    if to.fg != from.fg {
        codes.push(colour(to.fg, 30));
    }
    if to.bg != from.bg {
        codes.push(colour(to.bg, 40));
    }
    write!(out, "\x1b[{}m", codes.join(";"))
}

/// A colour's code; `base` is 30 for the text and 40 for what is behind it.
fn colour(colour: Color, base: u8) -> String {
    let normal = |number: u8| (base + number).to_string();
    let bright = |number: u8| (base + 60 + number).to_string();
    match colour {
        Color::Reset => normal(9),
        Color::Black => normal(0),
        Color::Red => normal(1),
        Color::Green => normal(2),
        Color::Yellow => normal(3),
        Color::Blue => normal(4),
        Color::Magenta => normal(5),
        Color::Cyan => normal(6),
        Color::Gray => normal(7),
        Color::DarkGray => bright(0),
        Color::LightRed => bright(1),
        Color::LightGreen => bright(2),
        Color::LightYellow => bright(3),
        Color::LightBlue => bright(4),
        Color::LightMagenta => bright(5),
        Color::LightCyan => bright(6),
        Color::White => bright(7),
        Color::Indexed(index) => format!("{};5;{index}", base + 8),
        Color::Rgb(red, green, blue) => format!("{};2;{red};{green};{blue}", base + 8),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ratatui::{
        backend::{Backend, CrosstermBackend},
        buffer::Buffer,
        layout::Rect,
        style::Style,
    };

    use super::*;

    fn written(before: &Buffer, after: &Buffer) -> Vec<u8> {
        let mut out = Vec::new();
        write(&mut out, before.diff(after).into_iter()).unwrap();
        out
    }

    #[test]
    fn bytes_are_few() {
        let area = Rect::new(0, 0, 20, 2);
        let (empty, mut full) = (Buffer::empty(area), Buffer::empty(area));
        assert_eq!(written(&empty, &full), b"");
        full.set_string(1, 0, "ab", Style::new().fg(Color::Red).add_modifier(Modifier::BOLD));
        full.set_string(9, 0, "c", Style::new().fg(Color::Red));
        full.set_string(0, 1, "d", Style::new());
        let expected = "\u{1b}[1;2H\u{1b}[1;31mab\u{1b}[10G\u{1b}[;31mc\u{1b}[2;1H\u{1b}[md";
        assert_eq!(String::from_utf8(written(&empty, &full)).unwrap(), expected);
    }

    fn style() -> impl Strategy<Value = Style> {
        let colour = prop_oneof![
            Just(Color::Reset),
            Just(Color::Red),
            Just(Color::LightCyan),
            Just(Color::DarkGray),
            (16u8..).prop_map(Color::Indexed),
            any::<[u8; 3]>().prop_map(|[red, green, blue]| Color::Rgb(red, green, blue)),
        ];
        let modifiers = [Modifier::empty(), Modifier::BOLD, Modifier::REVERSED, Modifier::UNDERLINED | Modifier::BOLD];
        (colour.clone(), colour, prop::sample::select(modifiers.to_vec()))
            .prop_map(|(fg, bg, modifier)| Style::new().fg(fg).bg(bg).add_modifier(modifier))
    }

    fn parts() -> impl Strategy<Value = Vec<(u16, u16, String, Style)>> {
        prop::collection::vec((0u16..30, 0u16..6, "[a-c█電é ]{1,6}", style()), 0..12)
    }

    proptest! {
        #[test]
        fn a_terminal_shows_the_same_as_by_the_bytes_of_ratatui(first in parts(), second in parts()) {
            let area = Rect::new(0, 0, 30, 6);
            let (mut ours, mut theirs) = (vt100::Parser::new(6, 30, 0), vt100::Parser::new(6, 30, 0));
            let mut before = Buffer::empty(area);
            for parts in [first, second] {
                let mut after = Buffer::empty(area);
                for (x, y, text, style) in parts {
                    after.set_string(x, y, text, style);
                }
                let mut reference = Vec::new();
                CrosstermBackend::new(&mut reference).draw(before.diff(&after).into_iter()).unwrap();
                let bytes = written(&before, &after);
                // After a wide character we go to an absolute column, which may cost what a look saves elsewhere.
                let wide = after.content().iter().filter(|cell| cell.symbol().width() > 1).count();
                let most = reference.len() + wide * "\x1b[30G".len();
                prop_assert!(bytes.len() <= most, "{} > {most}", bytes.len());
                ours.process(&bytes);
                theirs.process(&reference);
                prop_assert_eq!(ours.screen().contents(), theirs.screen().contents());
                let looks = |terminal: &vt100::Parser| terminal.screen().rows_formatted(0, 30).collect::<Vec<_>>();
                prop_assert_eq!(looks(&ours), looks(&theirs));
                before = after;
            }
        }
    }
}
