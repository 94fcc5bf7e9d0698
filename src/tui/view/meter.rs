//! Everything about one meter.

use ratatui::{Frame, layout::Rect, text::Line};

use crate::{
    domain::ids::MeterId,
    tui::{model::Model, theme::Theme},
};

/// Draws the screen into `area`.
pub fn draw(_model: &Model, meter: &MeterId, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    frame.render_widget(Line::styled(meter.to_string(), theme.title), area);
}
