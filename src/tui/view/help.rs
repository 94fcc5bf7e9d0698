//! The keys of the screen, filtered while one types.

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    text::{Line, Span},
};
use tui_input::Input;

use super::{centred, footer, framed};
use crate::tui::{
    actions::Action,
    format,
    model::{Model, overlay::help_rows},
    theme::Theme,
};

/// Widest column of keys.
const KEYS_WIDTH: usize = 18;

/// Draws help over the screen.
pub fn draw(model: &Model, input: &Input, scroll: usize, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let rows = help_rows(model, input.value());
    let height = u16::try_from(Action::ALL.len()).unwrap_or(u16::MAX).saturating_add(3);
    let title = format!("Keys: {}", model.screen.title());
    let inside = framed(&title, model, theme, frame, centred(area, 100, height));
    let [search, list] = Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(inside);
    let last_scroll = rows.len().saturating_sub(usize::from(list.height));
    for (line, action) in list.rows().zip(rows.iter().skip(scroll.min(last_scroll))) {
        let keys = format::left(&format::fit(&model.keymap.keys_text(*action), KEYS_WIDTH, ""), KEYS_WIDTH);
        let spans = [Span::styled(keys, theme.key), Span::styled(format!(" {}", action.line()), theme.text)];
        frame.render_widget(Line::from_iter(spans), line);
    }
    if rows.is_empty() {
        frame.render_widget(Line::styled("No key and no action matches.", theme.dim), list);
    }
    footer::draw_input("/", input, theme, frame, search);
}
