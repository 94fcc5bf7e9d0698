//! Turns the model and a message into the next model and what is to be done outside. Pure: time comes in as a value.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use jiff::Timestamp;

use super::{
    actions::Action,
    key::Key,
    message::{Effect, Message},
    model::{Frozen, Model, Notice, Overlay, Screen},
};
use crate::service::interface::Request;

pub mod alarms;
pub mod charts;
pub mod duplicates;
pub mod facts;
pub mod navigate;
pub mod overlay;
pub mod record;
pub mod rows;
pub mod service;
pub mod table;
pub mod trends;

/// Takes a message over into the model, as of `now`.
pub fn update(model: &mut Model, now: Timestamp, message: Message) -> Vec<Effect> {
    model.now = now;
    let mut effects = match message {
        Message::Start { in_process, program } => service::start(model, in_process, program),
        Message::Key(event) => key(model, event),
        Message::Paste(text) => overlay::paste(model, &text),
        Message::Wheel(rows) => wheel(model, rows),
        Message::HeaderClick(column) => header_click(model, column),
        Message::Resize(size) => {
            model.size = size;
            Vec::new()
        }
        Message::Tick => {
            rows::values_changed(model);
            Vec::new()
        }
        Message::Event(event) => service::event(model, event),
        Message::ServiceGone(reason) => service::gone(model, reason),
        Message::Answered { request, result } => service::answered(model, request, result),
        Message::Done(notice) => {
            model.notice = Some(notice);
            Vec::new()
        }
    };
    navigate::keep_in_view(model);
    effects.extend(trends::wanted(model));
    effects.extend(charts::wanted(model));
    effects.extend(facts::wanted(model));
    effects.extend(duplicates::wanted(model));
    effects
}

/// Does an action; one that is not offered here does nothing.
pub fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    if !action.is_offered(&model.screen, model.is_read_only()) {
        return Vec::new();
    }
    match action {
        Action::Open => return navigate::open(model),
        Action::Back => navigate::back(model),
        Action::Filter => overlay::open_filter(model),
        Action::Sort => {
            model.meters.sort = model.meters.sort.next();
            rows::rebuild(model);
        }
        Action::Freeze => freeze(model),
        Action::Probe => return service::probe(model),
        Action::Acknowledge => alarms::acknowledge(model),
        Action::Shelve => alarms::shelve(model),
        Action::Unshelve => return alarms::unshelve(model),
        // Which reading, its key says; by its name it is the one under the cursor.
        Action::Count => duplicates::decide::count(model, model.desk.candidate),
        Action::TypeValue => duplicates::decide::type_value(model),
        Action::CountAll => duplicates::decide::count_all(model),
        Action::Skip => return duplicates::decide::skip(model),
        Action::Undo => return duplicates::decide::undo(model),
        Action::Mark => duplicates::mark(model),
        Action::Alike => return duplicates::alike(model),
        Action::Statement => return duplicates::statement(model),
        Action::Timeline => return duplicates::timeline(model),
        Action::Statistics => duplicates::statistics(model),
        Action::ShowResolved => duplicates::show_next(model),
        Action::Help => overlay::open(model, Overlay::Help { input: tui_input::Input::default(), scroll: 0 }),
        Action::Palette => overlay::open_palette(model),
        Action::ShowLog => overlay::open(model, Overlay::Log { scroll: 0 }),
        Action::ChangeLog => {
            overlay::open(model, Overlay::Changes { changes: None, scroll: 0 });
            return vec![Effect::Ask(Request::Audit { after: None })];
        }
        Action::Copy => return table::copy(model),
        Action::Export => return vec![table::export(model)],
        Action::Quit => model.quitting = true,
        Action::Overview => navigate::switch(model, Screen::Overview),
        Action::Live => navigate::switch(model, Screen::Live),
        Action::Site => navigate::switch(model, Screen::Site),
        Action::Duplicates => navigate::switch(model, Screen::Duplicates),
        Action::Alarms => navigate::switch(model, Screen::Alarms),
        Action::Devices => navigate::switch(model, Screen::Devices),
        Action::NextScreen => navigate::switch_by(model, 1),
        Action::PreviousScreen => navigate::switch_by(model, -1),
        Action::Up | Action::Down | Action::Left | Action::Right => navigate::arrow(model, action),
        Action::First | Action::Last if model.screen == Screen::Duplicates => {
            return duplicates::to_end(model, action);
        }
        Action::PageUp | Action::PageDown | Action::First | Action::Last => navigate::page(model, action),
        Action::NextMatch => navigate::next_match(model, true),
        Action::PreviousMatch => navigate::next_match(model, false),
        Action::ZoomIn => charts::zoom(model, true),
        Action::ZoomOut => charts::zoom(model, false),
        Action::Now => model.chart.reset(),
        Action::NextQuantity => model.quantities.move_by(1),
        Action::PreviousQuantity => model.quantities.move_by(-1),
        Action::Record => record::open(model),
        Action::Pane => model.meter_pane = model.meter_pane.next(),
        Action::Mouse => {
            model.options.mouse = !model.options.mouse;
            let text = if model.options.mouse { "Mouse: wheel and tabs here." } else { "Mouse: left to the terminal." };
            model.notice = Some(Notice { text: text.to_owned(), is_error: false });
            return vec![Effect::SetMouse(model.options.mouse)];
        }
        Action::Redraw => return vec![Effect::Redraw],
        Action::Suspend => return vec![Effect::Suspend],
    }
    Vec::new()
}

fn key(model: &mut Model, event: KeyEvent) -> Vec<Effect> {
    if event.kind == KeyEventKind::Release {
        return Vec::new();
    }
    model.notice = None;
    if event.code == KeyCode::Char('c') && event.modifiers.contains(KeyModifiers::CONTROL) && !model.overlays.is_empty()
    {
        model.overlays.clear();
        return Vec::new();
    }
    if let Some(effects) = overlay::key(model, event) {
        return effects;
    }
    let action = model.keymap.action(Key::of(&event), &model.screen);
    if action == Some(Action::Count)
        && let Some(place) = model.keymap.place(Action::Count, Key::of(&event))
    {
        model.desk.candidate = place;
    }
    action.map_or_else(Vec::new, |action| act(model, action))
}

fn wheel(model: &mut Model, rows: isize) -> Vec<Effect> {
    if !overlay::scroll(model, rows) {
        let action = if rows < 0 { Action::Up } else { Action::Down };
        for _ in 0..rows.unsigned_abs() {
            navigate::arrow(model, action);
        }
    }
    Vec::new()
}

fn header_click(model: &mut Model, column: u16) -> Vec<Effect> {
    let tab = super::layout::tabs(model).into_iter().find(|tab| tab.columns.contains(&column));
    if let Some(tab) = tab {
        navigate::switch(model, tab.screen);
    }
    Vec::new()
}

fn freeze(model: &mut Model) {
    model.frozen = match model.frozen.take() {
        Some(_) => None,
        None => Some(Box::new(Frozen { live: model.live.clone(), at: model.now })),
    };
    rows::rebuild(model);
}
