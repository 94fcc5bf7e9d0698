//! The characters that the screens are drawn with: Unicode, or ASCII only. Each is one column wide.

use ratatui::symbols::border;

use crate::domain::standing::Standing;

/// A set of characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glyphs {
    /// Frames.
    pub border: border::Set<'static>,
    /// A bar's last column, from empty to seven eighths; where it cannot show parts, empty or full.
    pub bar_parts: [&'static str; 8],
    /// A full column of a bar.
    pub bar_full: &'static str,
    /// Ends of a bar.
    pub bar_ends: [&'static str; 2],
    /// A filled and an empty column of the short bar of a phase.
    pub steps: [&'static str; 2],
    /// Columns of a sparkline, from the lowest to the highest.
    pub spark: [&'static str; 8],
    /// A column of a sparkline where nothing was measured.
    pub gap: &'static str,
    /// The mean in a cell of a chart: low, in the middle, high.
    pub line: [&'static str; 3],
    /// Between the smallest and the largest value of a column of a chart.
    pub band: &'static str,
    /// A column of a chart in which nothing was measured.
    pub no_value: &'static str,
    /// Axes of a chart: the line of values, a mark at it, the corner, the line of times, a mark at it.
    pub axis: [&'static str; 5],
    /// Lines of a tree: a child, the last child, past a child, past the last one.
    pub tree: [&'static str; 4],
    /// Before a row that is open.
    pub open: &'static str,
    /// Before a row that can be opened.
    pub closed: &'static str,
    /// Before the selected row.
    pub cursor: &'static str,
    /// Where a text was cut.
    pub ellipsis: &'static str,
    /// In place of a value that was never there.
    pub missing: &'static str,
    /// Before a value that is estimated.
    pub estimated: &'static str,
    /// After a value that is computed.
    pub derived: &'static str,
    /// Between parts of a line.
    pub dot: &'static str,
    /// From one to the other.
    pub arrow: &'static str,
    /// Before a difference.
    pub delta: &'static str,
    marks: [&'static str; 8],
}

impl Glyphs {
    /// The set for a terminal: ASCII where it has to be.
    pub fn of(ascii: bool) -> &'static Self {
        if ascii { &ASCII } else { &UNICODE }
    }

    /// The mark of a state.
    pub fn mark(&self, standing: Standing) -> &'static str {
        let [not_read, ok, waiting, warning, stale, error, offline, critical] = self.marks;
        match standing {
            Standing::NotRead => not_read,
            Standing::Ok => ok,
            Standing::Waiting => waiting,
            Standing::Warning => warning,
            Standing::Stale => stale,
            Standing::Error => error,
            Standing::Offline => offline,
            Standing::Critical => critical,
        }
    }

    /// Whether this is the ASCII set.
    pub fn is_ascii(&self) -> bool {
        self.ellipsis.is_ascii()
    }
}

const UNICODE: Glyphs = Glyphs {
    border: border::PLAIN,
    bar_parts: [" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉"],
    bar_full: "█",
    bar_ends: ["▕", "▏"],
    steps: ["▇", "▁"],
    spark: ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
    gap: "·",
    line: ["▁", "─", "▔"],
    band: "░",
    no_value: "×",
    axis: ["│", "┤", "└", "─", "┬"],
    tree: ["├ ", "└ ", "│ ", "  "],
    open: "▾",
    closed: "▸",
    cursor: "▸",
    ellipsis: "…",
    missing: "—",
    estimated: "~",
    derived: "ƒ",
    dot: "·",
    arrow: "→",
    delta: "Δ",
    marks: ["·", "●", "…", "▲", "○", "×", "▼", "◆"],
};

const ASCII: Glyphs = Glyphs {
    border: border::Set {
        top_left: "+",
        top_right: "+",
        bottom_left: "+",
        bottom_right: "+",
        vertical_left: "|",
        vertical_right: "|",
        horizontal_top: "-",
        horizontal_bottom: "-",
    },
    bar_parts: [" ", " ", " ", " ", "#", "#", "#", "#"],
    bar_full: "#",
    bar_ends: ["[", "]"],
    steps: ["#", "."],
    spark: ["_", ".", ",", "-", "=", "+", "*", "#"],
    gap: " ",
    line: [".", "-", "'"],
    band: ":",
    no_value: "x",
    axis: ["|", "+", "+", "-", "+"],
    tree: ["|-", "`-", "| ", "  "],
    open: "v",
    closed: ">",
    cursor: ">",
    ellipsis: "~",
    missing: "-",
    estimated: "~",
    derived: "f",
    dot: "-",
    arrow: ">",
    delta: "diff",
    marks: [".", "+", "?", "!", "o", "x", "#", "X"],
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use unicode_width::UnicodeWidthStr;

    use super::*;

    #[test]
    fn every_state_has_its_own_mark_of_one_column() {
        for glyphs in [&UNICODE, &ASCII] {
            let marks: BTreeSet<&str> = Standing::ALL.iter().map(|standing| glyphs.mark(*standing)).collect();
            assert_eq!(marks.len(), Standing::ALL.len());
            assert!(marks.iter().all(|mark| mark.width() == 1));
        }
    }

    #[test]
    fn the_ascii_set_is_ascii() {
        let text = format!("{ASCII:?}");
        assert!(text.is_ascii(), "{text}");
        assert!(ASCII.is_ascii() && !UNICODE.is_ascii());
    }

    #[test]
    fn columns_of_charts_are_one_wide() {
        for glyphs in [&UNICODE, &ASCII] {
            let charts = glyphs.bar_parts.iter().chain(&glyphs.spark).chain(&glyphs.steps).chain(&glyphs.bar_ends);
            let charts = charts.chain(&glyphs.line).chain(&glyphs.axis).chain([&glyphs.band, &glyphs.no_value]);
            assert!(charts.chain([&glyphs.gap, &glyphs.bar_full, &glyphs.ellipsis]).all(|glyph| glyph.width() == 1));
        }
    }
}
