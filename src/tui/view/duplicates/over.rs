//! What lies over the review desk.

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::Style,
    text::{Line, Span},
};

use super::{Counts, timeline};
use crate::{
    domain::duplicate::Choice,
    service::interface::duplicates::Proposal,
    tui::{
        format,
        model::{
            DeskOverlay, Model,
            duplicates::{AlikeView, DocumentView, Draft, DraftChoice, over::DocumentLine},
        },
        theme::Theme,
        view::{centred, footer, framed},
        widget::Look,
    },
};

/// Columns of a dialog.
const WIDTH: u16 = 76;
/// Columns of a label.
const LABEL: usize = 22;
/// Columns of the label of something that is typed.
const FIELD: u16 = 8;

/// Keys and words for the footer.
pub fn hints(desk: &DeskOverlay) -> &'static [(&'static str, &'static str)] {
    match desk {
        DeskOverlay::Decide(draft) => match draft.choice {
            DraftChoice::Value { .. } if !draft.is_at_reason() => {
                &[("enter", "next field"), ("esc", "cancel"), ("tab", "next field")]
            }
            _ => &[("enter", "decide"), ("esc", "cancel"), ("up down", "usual reason"), ("type", "another one")],
        },
        DeskOverlay::Conflict { .. } => &[("enter", "keep theirs"), ("d", "decide over it"), ("esc", "close")],
        DeskOverlay::Alike(_) => {
            &[("enter", "decide them all"), ("esc", "cancel"), ("up down", "scroll"), ("type", "why")]
        }
        DeskOverlay::Timeline(_) => &[("esc", "close"), ("+ -", "zoom"), ("left right", "move"), ("=", "all")],
        DeskOverlay::Document(_) | DeskOverlay::Statistics { .. } => &[("esc", "close"), ("up down", "scroll")],
    }
}

/// Draws it over the screen.
pub fn draw(model: &Model, desk: &DeskOverlay, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let look = Look::of(model, theme);
    match desk {
        DeskOverlay::Decide(draft) => decide(&look, draft, frame, area),
        DeskOverlay::Conflict { draft, other, version } => conflict(&look, (draft, other, *version), frame, area),
        DeskOverlay::Alike(view) => alike(&look, view, frame, area),
        DeskOverlay::Timeline(view) => timeline::draw(&look, view, frame, area),
        DeskOverlay::Document(view) => document(&look, view, frame, area),
        DeskOverlay::Statistics { scroll } => statistics(&look, *scroll, frame, area),
    }
}

fn decide(look: &Look<'_>, draft: &Draft, frame: &mut Frame<'_>, area: Rect) {
    let theme = look.theme;
    let usual = draft.usual_reasons();
    let is_value = matches!(draft.choice, DraftChoice::Value { .. });
    let rows = usual.len() + if is_value { 6 } else { 4 };
    let height = u16::try_from(rows).unwrap_or(u16::MAX);
    let width = WIDTH.min(area.width);
    let title = look.fit(&draft.title, usize::from(width.saturating_sub(4)));
    let inside = framed(&title, look.model, theme, frame, centred(area, width, height));
    let mut rows = inside.rows();
    if let DraftChoice::Value { value, unit, field } = &draft.choice {
        for (place, (label, input)) in [("value", value), ("unit", unit)].into_iter().enumerate() {
            if let Some(row) = rows.next() {
                typed(label, input, *field == place, theme, frame, row);
            }
        }
    }
    if let Some(row) = rows.next() {
        typed("why", &draft.reason, draft.is_at_reason(), theme, frame, row);
    }
    let is_typed = !draft.reason.value().trim().is_empty();
    for (place, (reason, row)) in usual.iter().zip(rows.by_ref()).enumerate() {
        let is_taken = !is_typed && place == draft.usual;
        let mark = if is_taken { look.glyphs.cursor } else { " " };
        let style = if is_taken { theme.selected } else { theme.dim };
        frame.render_widget(Line::styled(format!("{mark} {reason}"), style), row);
    }
    if let (Some(refused), Some(row)) = (&draft.refused, rows.next()) {
        frame.render_widget(Line::styled(look.fit(refused, usize::from(row.width)), theme.critical), row);
    }
}

/// A label and what is typed; the cursor is in what has the keys.
fn typed(
    label: &'static str,
    input: &tui_input::Input,
    has_keys: bool,
    theme: &Theme,
    frame: &mut Frame<'_>,
    row: Rect,
) {
    let [name, field] = Layout::horizontal([Constraint::Length(FIELD), Constraint::Fill(1)]).areas(row);
    frame.render_widget(Line::styled(label, theme.dim), name);
    if has_keys {
        footer::draw_input(">", input, theme, frame, field);
    } else {
        frame.render_widget(Line::styled(format!(" {}", input.value()), theme.text), field);
    }
}

fn conflict(look: &Look<'_>, (draft, other, version): (&Draft, &str, Option<u64>), frame: &mut Frame<'_>, area: Rect) {
    let theme = look.theme;
    let width = WIDTH.min(area.width);
    let room = usize::from(width.saturating_sub(2));
    let mut lines: Vec<Line<'_>> = Vec::new();
    lines.extend(look.labelled("theirs", 8, other, room, theme.warning));
    lines.extend(look.labelled("yours", 8, &format!("{}: {}", draft.title, draft.reason()), room, theme.text));
    let ask = if version.is_some() { "Keep theirs, or decide over it?" } else { "Asking how it stands now ..." };
    lines.push(Line::styled(ask, theme.title));
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2);
    let inside = framed("Somebody decided meanwhile", look.model, theme, frame, centred(area, width, height));
    for (row, line) in inside.rows().zip(lines) {
        frame.render_widget(line, row);
    }
}

fn alike(look: &Look<'_>, view: &AlikeView, frame: &mut Frame<'_>, area: Rect) {
    let theme = look.theme;
    let inside =
        framed("The same for those that are alike", look.model, theme, frame, centred(area, WIDTH, area.height));
    let [head, why, list] =
        Layout::vertical([Constraint::Length(1), Constraint::Length(1), Constraint::Fill(1)]).areas(inside);
    typed("why", &view.reason, true, theme, frame, why);
    let Some(proposals) = &view.proposals else {
        return frame.render_widget(Line::styled("Looking for those that are alike ...", theme.dim), head);
    };
    let text = match proposals.len() {
        0 => "No other open group of this meter has the same providers.".to_owned(),
        _ if view.is_sent => "Deciding ...".to_owned(),
        more => format!("{}: decide them all the same way?", format::count(more, "open group", "open groups")),
    };
    frame.render_widget(Line::styled(look.fit(&text, usize::from(head.width)), theme.title), head);
    let most = proposals.len().saturating_sub(usize::from(list.height));
    for (row, proposal) in list.rows().zip(proposals.iter().skip(view.scroll.min(most))) {
        let line = look.fit(&proposal_words(look, proposal), usize::from(row.width));
        frame.render_widget(Line::styled(line, theme.text), row);
    }
}

fn proposal_words(look: &Look<'_>, proposal: &Proposal) -> String {
    let what = match (&proposal.choice, &proposal.usage) {
        (_, Some(usage)) => format!("{usage} counts"),
        (Choice::KeepAll, None) => "all readings count".to_owned(),
        (choice, None) => choice.word().to_owned(),
    };
    format!("{} {} {}  {what}", proposal.period.start, look.glyphs.arrow, proposal.period.end)
}

fn document(look: &Look<'_>, view: &DocumentView, frame: &mut Frame<'_>, area: Rect) {
    let theme = look.theme;
    let inside = framed("Statement", look.model, theme, frame, area);
    let Some(document) = &view.document else {
        return look.nothing(frame, inside, "Asking for the statement ...");
    };
    let [head, body] = Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(inside);
    let superseded = if document.superseded { ", a later one takes its place" } else { "" };
    let at = look.clock(document.imported_at);
    let text = format!("{} imported {at} by {}{superseded}", document.file, document.imported_by);
    frame.render_widget(Line::styled(look.fit(&text, usize::from(head.width)), theme.dim), head);
    let lines = view.lines();
    let place = lines.iter().position(|(kind, _)| *kind == DocumentLine::This).unwrap_or(0);
    let height = usize::from(body.height);
    let above = height / 2;
    let last = lines.len().saturating_sub(height);
    let top = place.saturating_sub(above).min(last).saturating_add_signed(view.scroll).min(last);
    for (row, (kind, text)) in body.rows().zip(lines.iter().skip(top)) {
        let (indent, style) = match kind {
            DocumentLine::Account => ("", theme.title),
            DocumentLine::Fact => ("  ", theme.text),
            DocumentLine::Reading => ("    ", theme.text),
            DocumentLine::This => (if look.glyphs.is_ascii() { "  > " } else { "  ▸ " }, theme.selected),
        };
        let line = look.fit(&format!("{indent}{text}"), usize::from(row.width));
        frame.render_widget(Line::styled(line, style), row);
    }
}

fn statistics(look: &Look<'_>, scroll: usize, frame: &mut Frame<'_>, area: Rect) {
    let theme = look.theme;
    let lines = statistics_lines(look);
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2);
    let inside = framed("Statistics", look.model, theme, frame, centred(area, 60, height));
    let last = lines.len().saturating_sub(usize::from(inside.height));
    for (row, line) in inside.rows().zip(lines.into_iter().skip(scroll.min(last))) {
        frame.render_widget(line, row);
    }
}

fn statistics_lines(look: &Look<'_>) -> Vec<Line<'static>> {
    let theme = look.theme;
    let Some(known) = &look.model.facts.reviews else { return vec![Line::styled("Not known yet.", theme.dim)] };
    let counts = Counts::of(known);
    let line = |label: String, value: String, style: Style| {
        let label = format::left(&look.fit(&label, LABEL - 1), LABEL);
        Line::from(vec![Span::styled(label, theme.dim), Span::styled(format::right(&value, 10), style)])
    };
    let open_style = if counts.open > 0 { theme.warning } else { theme.good };
    let mut lines = vec![
        line("meters".to_owned(), known.meters.to_string(), theme.text),
        line("open groups".to_owned(), known.open_groups.to_string(), open_style),
        line("open overlaps".to_owned(), known.open_overlaps.to_string(), open_style),
        line("  of them put off".to_owned(), known.deferred.to_string(), theme.text),
        Line::styled("groups resolved by rule", theme.title),
    ];
    for (rule, count) in &known.by_rule {
        lines.push(line(format!("  {}", rule.word()), count.to_string(), theme.text));
    }
    lines.push(Line::styled("groups and overlaps resolved by people", theme.title));
    for (who, count) in &known.by_person {
        lines.push(line(format!("  {who}"), count.to_string(), theme.text));
    }
    if known.by_person.is_empty() {
        lines.push(Line::styled("  none", theme.dim));
    }
    let share = match counts.all() {
        0 => look.glyphs.missing.to_owned(),
        all => format::percent(counts.ruled as f64 / all as f64 * 100.0),
    };
    lines.push(line("resolved by rule".to_owned(), share, theme.title));
    lines
}
