//! Draws the model; pure, without input or output.
//!
//! ```text
//! ┌ header: site · tabs ──────────── what is wrong · frozen · clock ┐
//! │ the screen, and over it what lies over it                       │
//! └ footer: what was done, or what is typed, or which keys there are┘
//! ```

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    widgets::{Block, Clear},
};

use super::{
    glyph::Glyphs,
    layout::SizeClass,
    model::{Model, Overlay, Screen},
    theme::Theme,
};

pub mod alarms;
pub mod changes;
pub mod devices;
pub mod duplicates;
pub mod footer;
pub mod header;
pub mod help;
pub mod live;
pub mod log;
pub mod meter;
pub mod overview;
pub mod palette;
pub mod record;
pub mod site;
pub mod small;

/// Draws the whole terminal.
pub fn draw(model: &Model, theme: &Theme, frame: &mut Frame<'_>) {
    let all = frame.area();
    if all.is_empty() {
        return;
    }
    frame.buffer_mut().set_style(all, theme.text);
    if model.size_class() == SizeClass::Line {
        return small::draw(model, theme, frame, all);
    }
    let [top, area, bottom] =
        Layout::vertical([Constraint::Length(1), Constraint::Fill(1), Constraint::Length(1)]).areas(all);
    header::draw(model, theme, frame, top);
    match &model.screen {
        Screen::Overview => overview::draw(model, theme, frame, area),
        Screen::Live => live::draw(model, theme, frame, area),
        Screen::Site => site::draw(model, theme, frame, area),
        Screen::Meter(id) => meter::draw(model, id, theme, frame, area),
        Screen::Duplicates => duplicates::draw(model, theme, frame, area),
        Screen::Alarms => alarms::draw(model, theme, frame, area),
        Screen::Devices => devices::draw(model, theme, frame, area),
    }
    for overlay in &model.overlays {
        match overlay {
            Overlay::Help { input, scroll } => help::draw(model, input, *scroll, theme, frame, area),
            Overlay::Palette { input, matches, selected } => {
                palette::draw(model, &palette::Palette { input, matches, selected: *selected }, theme, frame, area);
            }
            Overlay::Log { scroll } => log::draw(model, *scroll, theme, frame, area),
            Overlay::Changes { changes, scroll } => {
                changes::draw(model, changes.as_deref(), *scroll, theme, frame, area);
            }
            Overlay::Record(form) => record::draw(model, form, theme, frame, area),
            Overlay::Alarm(draft) => alarms::draw_draft(model, draft, theme, frame, area),
            Overlay::Desk(desk) => duplicates::over::draw(model, desk, theme, frame, area),
            Overlay::Filter { .. } => {}
        }
    }
    footer::draw(model, theme, frame, bottom);
}

/// Clears a part of the screen, frames it, and returns what is inside.
fn framed(title: &str, model: &Model, theme: &Theme, frame: &mut Frame<'_>, area: Rect) -> Rect {
    let block = Block::bordered()
        .border_set(Glyphs::of(model.options.ascii).border)
        .border_style(theme.focus)
        .title(format!(" {title} "))
        .title_style(theme.title);
    let inside = block.inner(area);
    frame.render_widget(Clear, area);
    frame.buffer_mut().set_style(area, theme.text);
    frame.render_widget(block, area);
    inside
}

/// A part in the middle of `area`, at most so wide and high.
fn centred(area: Rect, width: u16, height: u16) -> Rect {
    area.centered(Constraint::Length(width.min(area.width)), Constraint::Length(height.min(area.height)))
}
