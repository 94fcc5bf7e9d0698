//! Draws the model; pure, without input or output.

use ratatui::{
    Frame,
    layout::{Constraint, Layout},
};

use super::{
    model::{Model, Screen},
    theme::Theme,
};

pub mod devices;
pub mod live;
pub mod meter;
pub mod overview;
pub mod site;

/// Draws the whole terminal.
pub fn draw(model: &Model, theme: &Theme, frame: &mut Frame<'_>) {
    let [_header, area, _footer] =
        Layout::vertical([Constraint::Length(1), Constraint::Fill(1), Constraint::Length(1)]).areas(frame.area());
    match &model.screen {
        Screen::Overview => overview::draw(model, theme, frame, area),
        Screen::Live => live::draw(model, theme, frame, area),
        Screen::Site => site::draw(model, theme, frame, area),
        Screen::Meter(id) => meter::draw(model, id, theme, frame, area),
        Screen::Devices => devices::draw(model, theme, frame, area),
    }
}
