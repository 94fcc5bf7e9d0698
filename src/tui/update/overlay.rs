//! What lies over a screen: opening, typing, scrolling, closing.

use crossterm::event::{Event, KeyCode, KeyEvent};
use tui_input::{Input, InputRequest, backend::crossterm::EventHandler};

use crate::{
    domain::{alarm::MAX_NOTE_LENGTH, duplicate::MAX_REASON_LENGTH, record::MAX_TEXT_LENGTH, site::Level},
    text::clean,
    tui::{
        actions::Action,
        key::Key,
        message::Effect,
        model::{
            Model, Overlay, PaletteItem,
            overlay::{MAX_PALETTE_MATCHES, help_rows},
        },
        search::{MAX_QUERY_LENGTH, Search},
        update::{act, alarms, duplicates::over, navigate, record},
    },
};

/// Rows that a page of an overlay moves; it may be higher, and what was on screen stays partly in view.
const PAGE: usize = 10;

/// Puts an overlay over the screen.
pub fn open(model: &mut Model, overlay: Overlay) {
    if matches!(overlay, Overlay::Log { .. }) {
        model.log.unseen_errors = 0;
    }
    model.overlays.push(overlay);
}

/// Opens the filter of the list that is shown.
pub fn open_filter(model: &mut Model) {
    if let Some(before) = model.filter().map(str::to_owned) {
        open(model, Overlay::Filter { input: Input::new(before.clone()), before });
    }
}

/// Opens the palette.
pub fn open_palette(model: &mut Model) {
    let matches = palette_matches(model, "");
    open(model, Overlay::Palette { input: Input::default(), matches, selected: 0 });
}

/// A key while something lies over the screen; `None` where the key means what it means on the screen.
pub fn key(model: &mut Model, event: KeyEvent) -> Option<Vec<Effect>> {
    let is_back =
        event.code == KeyCode::Esc || model.keymap.action(Key::of(&event), &model.screen) == Some(Action::Back);
    if let Some(Overlay::Record(form)) = model.overlays.last_mut()
        && record::key(form, event)
    {
        return Some(Vec::new());
    }
    if matches!(model.overlays.last(), Some(Overlay::Desk(_))) {
        return over::key(model, event);
    }
    match model.overlays.last()? {
        Overlay::Log { .. } | Overlay::Changes { .. } => log_key(model, event, is_back),
        Overlay::Record(_) if event.code == KeyCode::Enter => Some(record::send(model)),
        _ if event.code == KeyCode::Esc => {
            cancel(model);
            Some(Vec::new())
        }
        _ if event.code == KeyCode::Enter => Some(accept(model)),
        _ => {
            text_key(model, event);
            Some(Vec::new())
        }
    }
}

/// Text that was pasted: into the input on top, and nowhere else.
pub fn paste(model: &mut Model, text: &str) -> Vec<Effect> {
    if let Some(input) = top_input(model) {
        let (input, most) = input;
        for character in clean(text).chars() {
            insert(input, character, most);
        }
        typed(model);
    }
    Vec::new()
}

/// Scrolls what is on top; false where nothing is.
pub fn scroll(model: &mut Model, rows: isize) -> bool {
    let help = match model.overlays.last() {
        Some(Overlay::Help { input, .. }) => help_rows(model, input.value()).len(),
        _ => 0,
    };
    let lines = model.log.lines.len();
    let moved = |at: usize, rows: isize, length: usize| at.saturating_add_signed(rows).min(length.saturating_sub(1));
    match model.overlays.last_mut() {
        None => return false,
        Some(Overlay::Help { scroll, .. }) => *scroll = moved(*scroll, rows, help),
        Some(Overlay::Palette { matches, selected, .. }) => *selected = moved(*selected, rows, matches.len()),
        Some(Overlay::Log { scroll }) => *scroll = moved(*scroll, rows.saturating_neg(), lines),
        Some(Overlay::Changes { changes, scroll }) => {
            *scroll = moved(*scroll, rows.saturating_neg(), changes.as_ref().map_or(0, Vec::len));
        }
        Some(Overlay::Alarm(draft)) => alarms::choose(draft, rows),
        Some(Overlay::Record(form)) => form.move_by(rows),
        Some(Overlay::Desk(desk)) => over::scroll(desk, rows),
        Some(Overlay::Filter { .. }) => {}
    }
    true
}

fn log_key(model: &mut Model, event: KeyEvent, is_back: bool) -> Option<Vec<Effect>> {
    let action = model.keymap.action(Key::of(&event), &model.screen);
    let page = PAGE.cast_signed();
    match action {
        _ if is_back => cancel(model),
        Some(Action::ShowLog | Action::ChangeLog) => cancel(model),
        Some(Action::Up) => _ = scroll(model, -1),
        Some(Action::Down) => _ = scroll(model, 1),
        Some(Action::PageUp) => _ = scroll(model, -page),
        Some(Action::PageDown) => _ = scroll(model, page),
        Some(Action::First) => _ = scroll(model, isize::MIN + 1),
        Some(Action::Last) => _ = scroll(model, isize::MAX),
        Some(Action::Quit | Action::Suspend | Action::Redraw | Action::Help) => return None,
        _ => {}
    }
    Some(Vec::new())
}

pub(super) fn text_key(model: &mut Model, event: KeyEvent) {
    let page = PAGE.cast_signed();
    match event.code {
        KeyCode::Up => _ = scroll(model, -1),
        KeyCode::Down => _ = scroll(model, 1),
        KeyCode::PageUp => _ = scroll(model, -page),
        KeyCode::PageDown => _ = scroll(model, page),
        _ => {
            if let Some((input, most)) = top_input(model) {
                match event.code {
                    KeyCode::Char(character)
                        if event.modifiers.is_empty() || Key::of(&event) == Key::plain(event.code) =>
                    {
                        insert(input, character, most);
                    }
                    _ => _ = input.handle_event(&Event::Key(event)),
                }
                typed(model);
            }
        }
    }
}

fn insert(input: &mut Input, character: char, most: usize) {
    if input.value().chars().count() < most && !crate::text::is_hidden(character) {
        input.handle(InputRequest::InsertChar(character));
    }
}

/// What is typed into on top, and the most characters that it takes.
fn top_input(model: &mut Model) -> Option<(&mut Input, usize)> {
    match model.overlays.last_mut()? {
        Overlay::Help { input, .. } | Overlay::Palette { input, .. } | Overlay::Filter { input, .. } => {
            Some((input, MAX_QUERY_LENGTH))
        }
        Overlay::Alarm(draft) => Some((&mut draft.input, MAX_NOTE_LENGTH)),
        Overlay::Record(form) => form.input().map(|input| (input, MAX_TEXT_LENGTH)),
        Overlay::Desk(desk) => over::input(desk).map(|input| (input, MAX_REASON_LENGTH)),
        Overlay::Log { .. } | Overlay::Changes { .. } => None,
    }
}

/// Takes over what was typed.
fn typed(model: &mut Model) {
    let Some(value) = top_input(model).map(|(input, _)| input.value().to_owned()) else { return };
    match model.overlays.last_mut() {
        Some(Overlay::Filter { .. }) => navigate::set_filter(model, value),
        Some(Overlay::Help { scroll, .. }) => *scroll = 0,
        Some(Overlay::Palette { .. }) => {
            let found = palette_matches(model, &value);
            if let Some(Overlay::Palette { matches, selected, .. }) = model.overlays.last_mut() {
                *matches = found;
                *selected = 0;
            }
        }
        Some(Overlay::Desk(desk)) => over::typed(desk),
        Some(Overlay::Log { .. } | Overlay::Changes { .. } | Overlay::Alarm(_) | Overlay::Record(_)) | None => {}
    }
}

/// Esc: takes the top away, and a filter's text with it.
fn cancel(model: &mut Model) {
    if let Some(Overlay::Filter { before, .. }) = model.overlays.pop() {
        navigate::set_filter(model, before);
    }
}

/// Enter: takes the top away, and does what it says.
fn accept(model: &mut Model) -> Vec<Effect> {
    let (matches, selected) = match model.overlays.pop() {
        Some(Overlay::Palette { matches, selected, .. }) => (matches, selected),
        Some(Overlay::Alarm(draft)) => return alarms::send(model, draft),
        _ => return Vec::new(),
    };
    match matches.into_iter().nth(selected) {
        Some(PaletteItem::Action(action)) => return act(model, action),
        Some(PaletteItem::Place(key)) => navigate::go_to_place(model, &key),
        Some(PaletteItem::Meter(id)) => navigate::go_to_meter(model, id),
        Some(PaletteItem::Device(id)) => navigate::go_to_device(model, id),
        None => {}
    }
    Vec::new()
}

/// Actions, places, meters and devices that the query finds, the best first; without a query the actions.
fn palette_matches(model: &Model, query: &str) -> Vec<PaletteItem> {
    let offered = |action: &&Action| action.is_offered(&model.screen, model.is_read_only());
    let actions = Action::ALL.iter().filter(offered).map(|action| PaletteItem::Action(*action));
    if query.trim().is_empty() {
        return actions.collect();
    }
    let places = Level::ALL.iter().flat_map(|level| model.site.places.keys().filter(move |key| key.level == *level));
    let items = actions
        .chain(places.cloned().map(PaletteItem::Place))
        .chain(model.site.meters.keys().cloned().map(PaletteItem::Meter))
        .chain(model.site.devices.keys().cloned().map(PaletteItem::Device));
    let mut search = Search::new(query);
    let mut found: Vec<(u32, PaletteItem)> = items
        .filter_map(|item| {
            let (name, more) = item.text(model);
            Some((search.score(&format!("{name} {more}"))?, item))
        })
        .collect();
    found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    found.into_iter().take(MAX_PALETTE_MATCHES).map(|(_, item)| item).collect()
}
