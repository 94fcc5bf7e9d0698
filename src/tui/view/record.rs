//! The form in which a technician records something about a meter.

use ratatui::{
    Frame,
    layout::{Position, Rect},
    text::{Line, Span},
};

use super::{centred, framed};
use crate::tui::{
    format,
    glyph::Glyphs,
    model::{FieldValue, Model, RecordForm},
    theme::Theme,
};

/// Columns of a label.
const LABEL: usize = 16;
/// Columns of the form.
const WIDTH: u16 = 70;
/// Rows beside the fields: the frame, an empty one, and what was wrong.
const MORE_ROWS: u16 = 5;

/// Draws the form over the screen.
pub fn draw(model: &Model, form: &RecordForm, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let glyphs = Glyphs::of(model.options.ascii);
    let name = model.site.meters.get(&form.meter).map_or(form.meter.as_str(), |meter| meter.name.as_str());
    let rows = u16::try_from(form.fields.len()).unwrap_or(u16::MAX).saturating_add(MORE_ROWS);
    let title = format::fit(&format!("Record for {name}"), usize::from(area.width.saturating_sub(6)), glyphs.ellipsis);
    let inside = framed(&title, model, theme, frame, centred(area, WIDTH, rows));
    let room = usize::from(inside.width).saturating_sub(LABEL + 1);
    // Where not all fields fit, those around the selected one are shown.
    let first = (form.selected + 1).saturating_sub(usize::from(inside.height).max(1));
    let mut lines = inside.rows();
    for (index, field) in form.fields.iter().enumerate().skip(first) {
        let Some(line) = lines.next() else { return };
        let is_selected = index == form.selected;
        let style = if is_selected { theme.selected } else { theme.text };
        let text = match &field.value {
            FieldValue::Choice { words, chosen } => {
                let word = words.get(*chosen).map_or("", String::as_str);
                let arrows = if is_selected && words.len() > 1 { ["< ", " >"] } else { ["", ""] };
                format!("{}{word}{}", arrows[0], arrows[1])
            }
            FieldValue::Text(input) => {
                let scroll = input.visual_scroll(room.saturating_sub(1).max(1));
                if is_selected {
                    let column = LABEL + 1 + input.visual_cursor().saturating_sub(scroll);
                    let x = inside.x.saturating_add(u16::try_from(column).unwrap_or(u16::MAX));
                    frame.set_cursor_position(Position { x: x.min(inside.right().saturating_sub(1)), y: line.y });
                }
                input.value().chars().skip(scroll).collect()
            }
        };
        let text = format::left(&format::fit(&text, room, glyphs.ellipsis), room);
        let label = format::left(field.label, LABEL);
        frame.render_widget(
            Line::from(vec![Span::styled(label, theme.dim), Span::raw(" "), Span::styled(text, style)]),
            line,
        );
    }
    lines.next();
    let (words, style) = match (&form.refused, form.is_sent) {
        (Some(why), _) => (why.as_str(), theme.critical),
        (None, true) => ("Being written.", theme.dim),
        (None, false) => ("enter records, esc cancels, tab next field, left and right choose", theme.dim),
    };
    for (line, text) in lines.zip(format::wrap(words, usize::from(inside.width).max(1))) {
        frame.render_widget(Line::styled(text, style), line);
    }
}
