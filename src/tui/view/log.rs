//! The log, the newest line at the bottom.

use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
};

use super::framed;
use crate::{
    service::interface::{LogLevel, LogLine},
    tui::{format, glyph::Glyphs, model::Model, theme::Theme},
};

/// Columns of a line's continuation.
const INDENT: usize = 15;

/// Draws the log over the screen.
pub fn draw(model: &Model, scroll: usize, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let lines = &model.log.lines;
    let title = if scroll > 0 { format!("Log ({scroll} newer below)") } else { "Log".to_owned() };
    let inside = framed(&title, model, theme, frame, area);
    if lines.is_empty() {
        frame.render_widget(Line::styled("Nothing was logged yet.", theme.dim), inside);
        return;
    }
    let height = usize::from(inside.height);
    let shown = lines.len().saturating_sub(scroll).max(1);
    let newest_first = lines.iter().take(shown).rev();
    let mut rows: Vec<Line<'static>> = Vec::new();
    for line in newest_first {
        let mut wrapped = log_lines(model, line, theme, usize::from(inside.width));
        wrapped.reverse();
        rows.extend(wrapped);
        if rows.len() >= height {
            break;
        }
    }
    rows.truncate(height);
    for (area, row) in inside.rows().zip(rows.into_iter().rev()) {
        frame.render_widget(row, area);
    }
}

/// One line of the log, broken into as many as it needs.
fn log_lines(model: &Model, line: &LogLine, theme: &Theme, width: usize) -> Vec<Line<'static>> {
    let (word, style) = match line.level {
        LogLevel::Error => ("ERROR", theme.critical),
        LogLevel::Warn => ("WARN ", theme.warning),
        LogLevel::Info => ("INFO ", theme.dim),
        LogLevel::Debug => ("DEBUG", theme.dim),
    };
    let time = line.at.to_zoned(model.time_zone.clone()).strftime("%H:%M:%S").to_string();
    let room = width.saturating_sub(INDENT).max(1);
    let ellipsis = Glyphs::of(model.options.ascii).ellipsis;
    let texts = format::wrap(&line.text, room).into_iter().map(|text| format::fit(&text, room, ellipsis));
    let mut lines = Vec::new();
    for (index, text) in texts.enumerate() {
        let start = if index == 0 {
            [Span::styled(format!("{time} "), theme.dim), Span::styled(format!("{word} "), style)]
        } else {
            [Span::raw(" ".repeat(INDENT)), Span::raw("")]
        };
        lines.push(start.into_iter().chain([Span::styled(text, theme.text)]).collect());
    }
    lines
}
