//! The last line: what is typed, or what was done, or which keys there are.

use ratatui::{
    Frame,
    layout::{Position, Rect},
    text::{Line, Span},
};
use tui_input::Input;

use super::duplicates;
use crate::tui::{
    actions::Action,
    format,
    glyph::Glyphs,
    model::{Model, Overlay},
    theme::Theme,
};

/// Draws the footer.
pub fn draw(model: &Model, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    if let Some(Overlay::Filter { input, .. }) = model.overlays.last() {
        return draw_input("/", input, theme, frame, area);
    }
    let width = usize::from(area.width);
    let line = if let Some(notice) = &model.notice {
        let style = if notice.is_error { theme.critical } else { theme.title };
        Line::styled(format::fit(&format!(" {}", notice.text), width, Glyphs::of(model.options.ascii).ellipsis), style)
    } else {
        hints(model, theme, width)
    };
    frame.render_widget(line, area);
}

/// A line that is typed, with the cursor where it is.
pub(super) fn draw_input(prompt: &'static str, input: &Input, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let room = usize::from(area.width).saturating_sub(2).max(1);
    let scroll = input.visual_scroll(room);
    let mut column = 0;
    let is_shown = |character: &char| {
        let before = column;
        column += format::width(character.encode_utf8(&mut [0; 4]));
        before >= scroll
    };
    let text: String = input.value().chars().filter(is_shown).collect();
    frame.render_widget(Line::from(vec![Span::styled(prompt, theme.key), Span::styled(text, theme.text)]), area);
    let cursor = u16::try_from(input.visual_cursor().saturating_sub(scroll)).unwrap_or(u16::MAX);
    let x = area.x.saturating_add(1).saturating_add(cursor).min(area.right().saturating_sub(1));
    frame.set_cursor_position(Position { x, y: area.y });
}

/// As many keys as fit; help comes last, and with `…` where it stands for more.
fn hints(model: &Model, theme: &Theme, width: usize) -> Line<'static> {
    let all = hint_texts(model);
    let help = model.keymap.keys(Action::Help).first().map(|key| key.short(model.options.ascii));
    let more = help.map(|key| (key, Glyphs::of(model.options.ascii).ellipsis.to_owned()));
    let hint_width = |(key, text): &(String, String)| format::width(key) + format::width(text) + 3;
    let complete = all.iter().map(hint_width).sum::<usize>() <= width;
    let mut room = if complete { width } else { width.saturating_sub(more.as_ref().map_or(0, hint_width)) };
    let mut shown = Vec::new();
    // Where not all fit, help comes last, as what leads to the others.
    for hint in all.into_iter().filter(|hint| complete || more.as_ref().is_none_or(|(key, _)| *key != hint.0)) {
        let needed = hint_width(&hint);
        if needed > room {
            break;
        }
        room -= needed;
        shown.push(hint);
    }
    if !complete {
        shown.extend(more);
    }
    let spans = shown.into_iter().flat_map(|(key, text)| {
        [Span::raw(" "), Span::styled(key, theme.key), Span::styled(format!(" {text} "), theme.dim)]
    });
    spans.collect()
}

/// Keys and words, as the keymap has them now.
fn hint_texts(model: &Model) -> Vec<(String, String)> {
    let fixed =
        |hints: &[(&str, &str)]| hints.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect();
    match model.overlays.last() {
        Some(Overlay::Help { .. }) => return fixed(&[("esc", "close"), ("type", "to filter")]),
        Some(Overlay::Palette { .. }) => return fixed(&[("enter", "go"), ("esc", "close"), ("type", "to search")]),
        Some(Overlay::Log { .. } | Overlay::Changes { .. }) => {
            return fixed(&[("esc", "close"), ("g", "oldest"), ("G", "newest")]);
        }
        Some(Overlay::Alarm(draft)) if draft.shelve.is_some() => {
            return fixed(&[("enter", "shelve"), ("up down", "how long"), ("esc", "cancel"), ("type", "why")]);
        }
        Some(Overlay::Record(_)) => {
            return fixed(&[("enter", "record"), ("esc", "cancel"), ("tab", "next field"), ("left right", "choose")]);
        }
        Some(Overlay::Desk(desk)) => return fixed(duplicates::over::hints(desk)),
        Some(Overlay::Alarm(_)) => return fixed(&[("enter", "acknowledge"), ("esc", "cancel"), ("type", "a note")]),
        Some(Overlay::Filter { .. }) | None => {}
    }
    let can_back = !model.back.is_empty() || model.filter().is_some_and(|filter| !filter.is_empty());
    let offered = |action: &&Action| {
        let is_idle = **action == Action::Back && !can_back;
        !is_idle && !action.hint().is_empty() && action.is_offered(&model.screen, model.is_read_only())
    };
    let hint = |action: &Action| {
        let key = model.keymap.keys(*action).first()?.short(model.options.ascii);
        Some((key, action_word(model, *action)))
    };
    Action::ALL.iter().filter(offered).filter_map(hint).collect()
}

/// What an action does now.
fn action_word(model: &Model, action: Action) -> String {
    match action {
        Action::Sort => format!("sort: {}", model.meters.sort.word()),
        Action::Freeze if model.frozen.is_some() => "follow".to_owned(),
        _ => action.hint().to_owned(),
    }
}
