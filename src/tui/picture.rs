//! A screen as a picture: SVG text on a grid, for documentation that is made from the program itself.

use std::fmt::Write as _;

use ratatui::{
    buffer::{Buffer, Cell},
    style::{Color, Modifier},
};
use unicode_width::UnicodeWidthStr;

/// Width of a column, in the picture's units.
const COLUMN: f64 = 8.4;
/// Height of a row.
const ROW: f64 = 18.0;
/// Size of the letters; a monospace letter is about 0.6 of it wide.
const FONT: f64 = 14.0;
/// From the top of a row to the letters' base line.
const BASE: f64 = 14.0;
/// Space around the screen.
const MARGIN: f64 = 12.0;
/// The terminal's own colours.
const BACKGROUND: &str = "#14171a";
/// See [`BACKGROUND`].
const FOREGROUND: &str = "#d5d8da";

/// A screen as an SVG picture.
pub fn svg(screen: &Buffer) -> String {
    let area = screen.area;
    let (width, height) = (f64::from(area.width) * COLUMN, f64::from(area.height) * ROW);
    let (full_width, full_height) = (width + 2.0 * MARGIN, height + 2.0 * MARGIN);
    let mut picture = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {full_width} {full_height}\" width=\"{full_width}\" \
         height=\"{full_height}\" font-family=\"DejaVu Sans Mono, Menlo, Consolas, monospace\" font-size=\"{FONT}\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{BACKGROUND}\"/>\n"
    );
    for (row, y) in (area.top()..area.bottom()).enumerate() {
        let runs = runs(screen, y);
        let top = MARGIN + row as f64 * ROW;
        for run in &runs {
            run.draw(&mut picture, top);
        }
    }
    picture.push_str("</svg>\n");
    picture
}

/// A screen as text, without the spaces at the ends of lines.
pub fn text(screen: &Buffer) -> String {
    let area = screen.area;
    let mut text = String::new();
    for y in area.top()..area.bottom() {
        let line: String = runs(screen, y).into_iter().map(|run| run.text).collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Cells beside each other that look alike.
struct Run {
    text: String,
    column: usize,
    columns: usize,
    look: CellLook,
}

/// How a cell looks, as the picture has it.
#[derive(Debug, Clone, PartialEq)]
struct CellLook {
    fill: String,
    background: Option<String>,
    modifier: Modifier,
}

impl CellLook {
    fn of(cell: &Cell) -> Self {
        let (mut front, mut back) = (colour(cell.fg), colour(cell.bg));
        if cell.modifier.contains(Modifier::REVERSED) {
            front = Some(front.unwrap_or_else(|| FOREGROUND.to_owned()));
            back = Some(back.unwrap_or_else(|| BACKGROUND.to_owned()));
            std::mem::swap(&mut front, &mut back);
        }
        Self { fill: front.unwrap_or_else(|| FOREGROUND.to_owned()), background: back, modifier: cell.modifier }
    }
}

impl Run {
    fn draw(&self, picture: &mut String, top: f64) {
        let (left, width) = (MARGIN + self.column as f64 * COLUMN, self.columns as f64 * COLUMN);
        if let Some(background) = &self.look.background {
            let rectangle = format!(
                "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{ROW}\" fill=\"{background}\"/>\n"
            );
            picture.push_str(&rectangle);
        }
        if self.text.trim().is_empty() {
            return;
        }
        let mut style = String::new();
        for (modifier, attribute) in [
            (Modifier::BOLD, " font-weight=\"bold\""),
            (Modifier::DIM, " opacity=\"0.6\""),
            (Modifier::UNDERLINED, " text-decoration=\"underline\""),
        ] {
            if self.look.modifier.contains(modifier) {
                style.push_str(attribute);
            }
        }
        let base = top + BASE;
        // The length keeps columns under each other whatever font the reader has.
        let _ = writeln!(
            picture,
            "<text x=\"{left:.1}\" y=\"{base:.1}\" textLength=\"{width:.1}\" lengthAdjust=\"spacingAndGlyphs\" \
             xml:space=\"preserve\" fill=\"{}\"{style}>{}</text>",
            self.look.fill,
            escaped(&self.text),
        );
    }
}

/// A row as runs.
fn runs(screen: &Buffer, y: u16) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut skip = 0;
    for (column, x) in (screen.area.left()..screen.area.right()).enumerate() {
        let Some(cell) = screen.cell((x, y)).filter(|_| skip == 0) else {
            skip = usize::saturating_sub(skip, 1);
            continue;
        };
        let columns = cell.symbol().width().max(1);
        skip = columns - 1;
        let look = CellLook::of(cell);
        match runs.last_mut() {
            Some(run) if run.look == look => {
                run.text.push_str(cell.symbol());
                run.columns += columns;
            }
            _ => runs.push(Run { text: cell.symbol().to_owned(), column, columns, look }),
        }
    }
    runs
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A colour of the screen; `None` for the terminal's own. The 16 are those of common terminals, softened.
fn colour(colour: Color) -> Option<String> {
    let named = match colour {
        Color::Reset => return None,
        Color::Black => "#14171a",
        Color::Red => "#c9463d",
        Color::Green => "#5fa85a",
        Color::Yellow => "#c79a2e",
        Color::Blue => "#4a7fc1",
        Color::Magenta => "#a765b0",
        Color::Cyan => "#3f9ea8",
        Color::Gray => "#b6babd",
        Color::DarkGray => "#757c82",
        Color::LightRed => "#f2695f",
        Color::LightGreen => "#86d17f",
        Color::LightYellow => "#f0cd5b",
        Color::LightBlue => "#79aef0",
        Color::LightMagenta => "#d392dc",
        Color::LightCyan => "#6fd3de",
        Color::White => "#ffffff",
        Color::Rgb(red, green, blue) => return Some(format!("#{red:02x}{green:02x}{blue:02x}")),
        Color::Indexed(index) => return Some(indexed(index)),
    };
    Some(named.to_owned())
}

/// A colour of xterm's 256 beyond the 16: a cube of six steps, then greys.
fn indexed(index: u8) -> String {
    const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let step = |number: u8| STEPS.get(usize::from(number % 6)).copied().unwrap_or_default();
    match index {
        0..16 => FOREGROUND.to_owned(),
        16..232 => {
            let cube = index - 16;
            format!("#{:02x}{:02x}{:02x}", step(cube / 36), step(cube / 6), step(cube))
        }
        232.. => {
            let grey = 8 + 10 * (index - 232);
            format!("#{grey:02x}{grey:02x}{grey:02x}")
        }
    }
}

#[cfg(test)]
mod tests {
    use ratatui::{layout::Rect, style::Style};

    use super::*;

    #[test]
    fn runs_of_one_look_become_one_text_in_their_place() {
        let mut screen = Buffer::empty(Rect::new(0, 0, 8, 2));
        screen.set_string(0, 0, "a<b", Style::new().fg(Color::Green));
        screen.set_string(3, 0, "電x", Style::new().add_modifier(Modifier::REVERSED | Modifier::BOLD));
        let picture = svg(&screen);
        assert!(picture.contains("fill=\"#5fa85a\">a&lt;b</text>"), "{picture}");
        assert!(
            picture.contains("x=\"37.2\" y=\"26.0\" textLength=\"25.2\""),
            "three columns from the fourth: {picture}"
        );
        assert!(picture.contains(&format!("fill=\"{BACKGROUND}\" font-weight=\"bold\">電x")), "{picture}");
        assert_eq!(picture.matches("<text").count(), 2);
        assert_eq!(text(&screen), "a<b電x\n\n");
    }

    #[test]
    fn colours_of_every_depth_have_a_value() {
        for (given, expected) in [
            (Color::Reset, None),
            (Color::Indexed(16), Some("#000000")),
            (Color::Indexed(231), Some("#ffffff")),
            (Color::Indexed(244), Some("#808080")),
            (Color::Rgb(1, 2, 255), Some("#0102ff")),
        ] {
            assert_eq!(colour(given).as_deref(), expected, "{given}");
        }
    }
}
