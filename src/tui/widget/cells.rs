//! A line of cells of fixed widths: what columns of a table, and values that must not jump, are made of.

use ratatui::{
    style::Style,
    text::{Line, Span},
};

use crate::tui::{format, glyph::Glyphs};

/// Builds a line cell by cell.
#[derive(Debug, Clone)]
pub struct Cells {
    spans: Vec<Span<'static>>,
    used: usize,
    glyphs: &'static Glyphs,
}

impl Cells {
    /// An empty line.
    pub fn new(glyphs: &'static Glyphs) -> Self {
        Self { spans: Vec::new(), used: 0, glyphs }
    }

    /// A text as it is.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>, style: Style) -> Self {
        let text = text.into();
        self.used += format::width(&text);
        self.spans.push(Span::styled(text, style));
        self
    }

    /// A text in exactly `columns`, at the left of them.
    #[must_use]
    pub fn left(self, text: &str, columns: usize, style: Style) -> Self {
        let text = format::left(&format::fit(text, columns, self.glyphs.ellipsis), columns);
        self.text(text, style)
    }

    /// A text in exactly `columns`, at the right of them. A number that does not fit is not cut, as it would be another.
    #[must_use]
    pub fn right(self, text: &str, columns: usize, style: Style) -> Self {
        self.text(format::right(text, columns), style)
    }

    /// Spaces.
    #[must_use]
    pub fn gap(self, columns: usize) -> Self {
        self.text(" ".repeat(columns), Style::new())
    }

    /// Spaces up to `column`.
    #[must_use]
    pub fn to(self, column: usize) -> Self {
        let columns = column.saturating_sub(self.used);
        self.gap(columns)
    }

    /// Columns used so far.
    pub fn used(&self) -> usize {
        self.used
    }

    /// The line in at most `columns`; what is cut ends in the sign for it.
    pub fn line_within(self, columns: usize) -> Line<'static> {
        if self.used <= columns {
            return self.line();
        }
        let mut room = columns;
        let mut spans = Vec::new();
        for span in self.spans {
            let wide = span.width();
            // Of a text that ends right at the edge more may follow: it is cut as well.
            if wide < room {
                room -= wide;
                spans.push(span);
            } else {
                let marked = format!("{}{}", span.content, self.glyphs.ellipsis);
                spans.push(Span::styled(format::fit(&marked, room, self.glyphs.ellipsis), span.style));
                break;
            }
        }
        Line::from(spans)
    }

    /// The line.
    pub fn line(self) -> Line<'static> {
        Line::from(self.spans)
    }
}
