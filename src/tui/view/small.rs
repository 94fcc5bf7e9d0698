//! A terminal too small for anything: one line that says so, and how the site is.

use ratatui::{Frame, layout::Rect, text::Line};

use crate::tui::{actions::Action, format, model::Model, theme::Theme};

/// Draws the line.
pub fn draw(model: &Model, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let trouble = model.site.meters.values().filter(|meter| model.standing(meter).is_trouble()).count();
    let style = if trouble > 0 || model.is_service_gone() { theme.warning } else { theme.text };
    let quit = model.keymap.keys(Action::Quit).first().map(|key| format!(" {key} quits.")).unwrap_or_default();
    let state = if model.is_service_gone() { "SERVICE GONE" } else { "still polling" };
    let alarms: usize = model.unacknowledged().iter().map(|(_, count)| count).sum();
    let alarms = if alarms > 0 { format!(", {alarms} alarms") } else { String::new() };
    let text = format!("{trouble} in trouble{alarms}; too small, {state}.{quit}");
    let top = Rect { height: 1, ..area };
    frame.render_widget(Line::styled(format::fit(&text, usize::from(area.width), ""), style), top);
}
