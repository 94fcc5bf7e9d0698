//! The tree of places, and beside it the selected node.

use ratatui::{Frame, layout::Rect, text::Line};

use crate::tui::{model::Model, theme::Theme};

/// Draws the screen into `area`.
pub fn draw(model: &Model, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    for (line_area, row) in area.rows().zip(model.tree.window(usize::from(area.height))) {
        let style = if row == model.tree.selected { theme.selected } else { theme.text };
        let text = model.tree.rows.get(row).map_or_else(String::new, |row| format!("{row:?}"));
        frame.render_widget(Line::styled(text, style), line_area);
    }
}
