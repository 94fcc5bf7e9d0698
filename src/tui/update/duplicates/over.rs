//! Keys of what lies over the review desk, and answers for it.

use crossterm::event::{KeyCode, KeyEvent};
use tui_input::Input;

use super::{ask, decide};
use crate::{
    service::interface::duplicates::{DuplicatesRequest, DuplicatesResponse, GroupDetail},
    tui::{
        actions::Action,
        key::Key,
        message::Effect,
        model::{
            DeskOverlay, Model, Overlay,
            duplicates::{Draft, DraftChoice},
        },
        update::overlay,
    },
};

/// Rows that a page moves.
const PAGE: isize = 10;
/// Most lines that can be scrolled: whole statements are shorter.
const MAX_SCROLL: usize = 1_000_000;

/// A key while something of the desk lies on top; `None` where the key means what it means on the screen.
pub fn key(model: &mut Model, event: KeyEvent) -> Option<Vec<Effect>> {
    if event.code == KeyCode::Esc {
        model.overlays.pop();
        return Some(Vec::new());
    }
    let Some(Overlay::Desk(desk)) = model.overlays.last_mut() else { return None };
    match &mut **desk {
        DeskOverlay::Decide(draft) => {
            if draft_key(draft, event) {
                return Some(Vec::new());
            }
            if event.code == KeyCode::Enter {
                return Some(take_draft(model).map_or_else(Vec::new, |draft| decide::send_draft(model, draft)));
            }
            overlay::text_key(model, event);
            Some(Vec::new())
        }
        DeskOverlay::Conflict { .. } => Some(conflict_key(model, event)),
        DeskOverlay::Alike(view) => {
            if event.code != KeyCode::Enter {
                overlay::text_key(model, event);
                return Some(Vec::new());
            }
            let proposals = view.proposals.clone().filter(|proposals| !proposals.is_empty() && !view.is_sent);
            let reason = view.reason.value().trim().to_owned();
            let Some(proposals) = proposals.filter(|_| !reason.is_empty()) else { return Some(Vec::new()) };
            view.is_sent = true;
            Some(vec![ask(DuplicatesRequest::DecideAlike { proposals, reason })])
        }
        DeskOverlay::Timeline(_) | DeskOverlay::Document(_) | DeskOverlay::Statistics { .. } => look_key(model, event),
    }
}

/// A key that means something in a draft only; false for the others.
fn draft_key(draft: &mut Draft, event: KeyEvent) -> bool {
    let is_value = matches!(draft.choice, DraftChoice::Value { .. });
    match event.code {
        KeyCode::Tab => draft.next_field(true),
        KeyCode::BackTab => draft.next_field(false),
        KeyCode::Down if is_value && !draft.is_at_reason() => draft.next_field(true),
        KeyCode::Enter if !draft.is_at_reason() => draft.next_field(true),
        _ => return false,
    }
    true
}

fn take_draft(model: &mut Model) -> Option<Draft> {
    match model.overlays.pop() {
        Some(Overlay::Desk(desk)) => match *desk {
            DeskOverlay::Decide(draft) | DeskOverlay::Conflict { draft, .. } => Some(draft),
            _ => None,
        },
        _ => None,
    }
}

/// Theirs stays with Enter; with `d` the own decision is taken over it, as of now.
fn conflict_key(model: &mut Model, event: KeyEvent) -> Vec<Effect> {
    let Some(Overlay::Desk(desk)) = model.overlays.last() else { return Vec::new() };
    let DeskOverlay::Conflict { version, .. } = &**desk else { return Vec::new() };
    match (event.code, *version) {
        (KeyCode::Enter, _) => _ = model.overlays.pop(),
        (KeyCode::Char('d'), Some(version)) => {
            if let Some(draft) = take_draft(model) {
                return decide::send_draft(model, Draft { version, ..draft });
            }
        }
        _ => {}
    }
    Vec::new()
}

/// Keys of what is only looked at.
fn look_key(model: &mut Model, event: KeyEvent) -> Option<Vec<Effect>> {
    let action = model.keymap.action(Key::of(&event), &model.screen);
    let Some(Overlay::Desk(desk)) = model.overlays.last_mut() else { return None };
    match action {
        Some(Action::Up) => scroll(desk, -1),
        Some(Action::Down) => scroll(desk, 1),
        Some(Action::PageUp) => scroll(desk, -PAGE),
        Some(Action::PageDown) => scroll(desk, PAGE),
        Some(Action::Left) => timeline_move(desk, -1),
        Some(Action::Right) => timeline_move(desk, 1),
        Some(Action::Quit | Action::Suspend | Action::Redraw | Action::Help) => return None,
        Some(Action::Back | Action::Timeline | Action::Statement | Action::Statistics) => _ = model.overlays.pop(),
        _ => {
            if let (DeskOverlay::Timeline(view), KeyCode::Char(letter)) = (&mut **desk, event.code) {
                match letter {
                    '+' => view.zoom(true),
                    '-' => view.zoom(false),
                    '=' => view.days = None,
                    _ => {}
                }
            }
        }
    }
    Some(Vec::new())
}

fn timeline_move(desk: &mut DeskOverlay, steps: i32) {
    if let DeskOverlay::Timeline(view) = desk {
        view.move_by(steps);
    }
}

/// Scrolls, or chooses another usual reason.
pub fn scroll(desk: &mut DeskOverlay, rows: isize) {
    let moved = |at: usize, last: usize| at.saturating_add_signed(rows).min(last);
    match desk {
        DeskOverlay::Decide(draft) => draft.choose(rows),
        DeskOverlay::Alike(view) => {
            let last = view.proposals.as_ref().map_or(0, |proposals| proposals.len().saturating_sub(1));
            view.scroll = moved(view.scroll, last);
        }
        DeskOverlay::Timeline(view) => {
            let last = view.answer.as_ref().map_or(0, |(readings, _)| readings.len().saturating_sub(1));
            view.scroll = moved(view.scroll, last);
        }
        DeskOverlay::Document(view) => {
            let most = view.lines().len().min(MAX_SCROLL).cast_signed();
            view.scroll = view.scroll.saturating_add(rows).clamp(-most, most);
        }
        DeskOverlay::Statistics { scroll } => *scroll = moved(*scroll, MAX_SCROLL),
        DeskOverlay::Conflict { .. } => {}
    }
}

/// What is typed into.
pub fn input(desk: &mut DeskOverlay) -> Option<&mut Input> {
    match desk {
        DeskOverlay::Decide(draft) => Some(draft.input()),
        DeskOverlay::Alike(view) => Some(&mut view.reason),
        _ => None,
    }
}

/// Something was typed: what was refused is looked at again when it is sent.
pub fn typed(desk: &mut DeskOverlay) {
    if let DeskOverlay::Decide(draft) = desk {
        draft.refused = None;
    }
}

/// Closes what waits for an answer on top; false where nothing does.
pub fn close(model: &mut Model) -> bool {
    let waits = |overlay: &Overlay| match overlay {
        Overlay::Desk(desk) => match &**desk {
            DeskOverlay::Alike(view) => view.proposals.is_none() || view.is_sent,
            DeskOverlay::Timeline(view) => view.answer.is_none(),
            DeskOverlay::Document(view) => view.document.is_none(),
            _ => false,
        },
        _ => false,
    };
    let place = model.overlays.iter().rposition(waits);
    if let Some(place) = place {
        model.overlays.remove(place);
    }
    place.is_some()
}

/// A group that somebody else decided is known as it is now: what they decided, and what a decision over it is about.
pub fn conflict_known(model: &mut Model, detail: &GroupDetail) {
    for overlay in &mut model.overlays {
        let Overlay::Desk(desk) = overlay else { continue };
        let DeskOverlay::Conflict { draft, other, version } = &mut **desk else { continue };
        if draft.group == detail.group.finding.id {
            *version = Some(detail.group.finding.version);
            if let Some(decision) = detail.decisions.last() {
                *other = crate::text::clean(&decision.describe());
            }
        }
    }
}

/// Takes over what somebody looks at.
pub fn answered(model: &mut Model, answer: DuplicatesResponse) {
    for overlay in &mut model.overlays {
        let Overlay::Desk(desk) = overlay else { continue };
        match (&mut **desk, answer) {
            (DeskOverlay::Timeline(view), DuplicatesResponse::Timeline { readings, findings, .. }) => {
                view.answer = Some((readings, findings));
            }
            (DeskOverlay::Document(view), DuplicatesResponse::Document { document }) => view.document = Some(document),
            _ => {}
        }
        return;
    }
}
