//! The change log, the latest change at the bottom.

use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
};

use super::framed;
use crate::{
    domain::audit::Change,
    tui::{format, glyph::Glyphs, model::Model, theme::Theme},
};

/// Columns by which what belongs to a change is set in.
const INDENT: usize = 2;

/// Draws the change log over the screen; `None` until it is known.
pub fn draw(
    model: &Model,
    changes: Option<&[Change]>,
    scroll: usize,
    theme: &Theme,
    frame: &mut Frame<'_>,
    area: Rect,
) {
    let title = if scroll > 0 { format!("Change log ({scroll} newer below)") } else { "Change log".to_owned() };
    let inside = framed(&title, model, theme, frame, area);
    let changes = match changes {
        Some([]) => return frame.render_widget(Line::styled("Nothing was changed yet.", theme.dim), inside),
        None => return frame.render_widget(Line::styled("Asking for it.", theme.dim), inside),
        Some(changes) => changes,
    };
    let height = usize::from(inside.height);
    let shown = changes.len().saturating_sub(scroll).max(1);
    let mut rows: Vec<Line<'static>> = Vec::new();
    for change in changes.iter().take(shown).rev() {
        let mut lines = lines(model, change, theme, usize::from(inside.width));
        lines.reverse();
        rows.extend(lines);
        if rows.len() >= height {
            break;
        }
    }
    rows.truncate(height);
    for (area, row) in inside.rows().zip(rows.into_iter().rev()) {
        frame.render_widget(row, area);
    }
}

/// When, who and what came of it; then what was asked, before and after.
fn lines(model: &Model, change: &Change, theme: &Theme, width: usize) -> Vec<Line<'static>> {
    let time = change.at.to_zoned(model.time_zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string();
    let (word, style) = match &change.outcome {
        Some(outcome) if outcome.done => ("done", theme.text),
        Some(_) => ("NOT DONE", theme.warning),
        None => ("NOT KNOWN WHETHER DONE", theme.critical),
    };
    let from = change.address.as_ref().map(|address| format!(" from {address}")).unwrap_or_default();
    let who = crate::text::clean(&format!("{}{from}", change.name));
    let head = [
        Span::styled(format!("{time} "), theme.dim),
        Span::styled(format!("{who} "), theme.title),
        Span::styled(word, style),
    ];
    let outcome = change.outcome.as_ref();
    let more = [
        ("", Some(&change.request)),
        ("before: ", outcome.and_then(|outcome| outcome.before.as_ref())),
        ("after: ", outcome.and_then(|outcome| outcome.after.as_ref())),
    ];
    let room = width.saturating_sub(INDENT).max(1);
    let ellipsis = Glyphs::of(model.options.ascii).ellipsis;
    let texts = more.into_iter().filter_map(|(name, text)| Some(crate::text::clean(&format!("{name}{}", text?))));
    let wrapped = texts.flat_map(|text| format::wrap(&text, room));
    let indented =
        wrapped.map(|text| Line::styled(format!("{:INDENT$}{}", "", format::fit(&text, room, ellipsis)), theme.text));
    std::iter::once(head.into_iter().collect()).chain(indented).collect()
}
