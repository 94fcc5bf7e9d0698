//! Actions, places, meters and devices by name.

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
    glyph::Glyphs,
    model::{Model, PaletteItem},
    theme::Theme,
};

/// The palette's state.
#[derive(Debug)]
pub struct Palette<'model> {
    /// What is looked for.
    pub input: &'model Input,
    /// What was found.
    pub matches: &'model [PaletteItem],
    /// Index of the selected match.
    pub selected: usize,
}

/// Most columns of a name; what it is follows.
const NAME_WIDTH: usize = 28;

/// Draws the palette over the screen.
pub fn draw(model: &Model, palette: &Palette<'_>, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let inside = framed("Go to", model, theme, frame, centred(area, 90, 20));
    let [search, list] = Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(inside);
    let ellipsis = Glyphs::of(model.options.ascii).ellipsis;
    let first = (palette.selected + 1).saturating_sub(usize::from(list.height));
    for (line, (index, item)) in list.rows().zip(palette.matches.iter().enumerate().skip(first)) {
        let (name, more) = item.text(model);
        let keys = match item {
            PaletteItem::Action(action) => key_of(model, *action),
            _ => String::new(),
        };
        let room = usize::from(line.width).saturating_sub(NAME_WIDTH + 1 + format::width(&keys));
        let name = format::left(&format::fit(&name, NAME_WIDTH, ellipsis), NAME_WIDTH);
        let more = format::left(&format::fit(&more, room, ellipsis), room);
        let spans = [
            Span::styled(format!("{name} "), theme.title),
            Span::styled(more, theme.dim),
            Span::styled(keys, theme.key),
        ];
        frame.render_widget(Line::from_iter(spans), line);
        if index == palette.selected {
            frame.buffer_mut().set_style(line, theme.selected);
        }
    }
    if palette.matches.is_empty() {
        frame.render_widget(Line::styled("Nothing is called that.", theme.dim), list);
    }
    footer::draw_input(":", palette.input, theme, frame, search);
}

fn key_of(model: &Model, action: Action) -> String {
    model.keymap.keys(action).first().map(|key| format!(" {}", key.short(model.options.ascii))).unwrap_or_default()
}
