//! The review desk: the queue, and the selected group with its readings side by side.
//!
//! ```text
//!  review 12 of 87 · resolved by rule 75 · by people 0
//! ┌ queue: open ────────────┐┌ 123 · 2023-01-01 → 2023-02-01 ───────────── OPEN ┐
//! │▸123   Jan 2023  45 ≠ 50 ││                 1               2                │
//! │ 98-A  Q1  2023  chained ││ usage           45 kWh          50 kWh Δ +11.1 % │
//! └─────────────────────────┘└──────────────────────────────────────────────────┘
//! ```

use jiff::civil::Date;
use ratatui::{
    Frame,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use crate::{
    domain::duplicate::{FindingKind, Period, ReviewReason, Rule, Status, Usage},
    service::interface::duplicates::{QueueLine, Statistics},
    tui::{
        actions::Action,
        format, layout,
        model::{Model, duplicates::MAX_DECIDED},
        theme::Theme,
        widget::{Cells, Look},
    },
};

pub mod group;
pub mod over;
pub mod timeline;

/// Columns of a period in the queue.
const PERIOD: usize = 8;

/// Columns of the usages in the queue.
const USAGES_WIDTH: usize = 16;

/// Draws the screen into `area`.
pub fn draw(model: &Model, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let look = Look::of(model, theme);
    let areas = layout::desk(model.size, area);
    frame.render_widget(counts(&look, usize::from(areas.counts.width)), areas.counts);
    queue(&look, frame, areas.queue);
    group::draw(&look, frame, areas.group);
}

/// How many groups wait, of how many, for the Overview.
pub fn open_reviews(look: &Look<'_>, cells: Cells) -> Cells {
    let theme = look.theme;
    let Some(known) = &look.model.facts.reviews else { return cells.text(look.glyphs.missing, theme.dim) };
    let count = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    if known.open_groups + known.open_overlaps == 0 {
        let meters = format::count(count(known.meters), "utility meter", "utility meters");
        return cells.text(
            if known.meters == 0 { "no statements".to_owned() } else { format!("none open, {meters}") },
            theme.text,
        );
    }
    let groups = format::count(count(known.open_groups), "group", "groups");
    let cells = cells.text(format!("{groups} open"), theme.warning);
    if known.open_overlaps == 0 {
        return cells;
    }
    cells.text(format!(", {}", format::count(count(known.open_overlaps), "overlap", "overlaps")), theme.warning)
}

/// Groups and overlaps that wait for a person, those that rules resolved, and those that people did.
pub(super) struct Counts {
    pub(super) open: u64,
    pub(super) ruled: u64,
    pub(super) by_people: u64,
}

impl Counts {
    pub(super) fn of(known: &Statistics) -> Self {
        let is_rule = |(rule, _): &&(Rule, u64)| !matches!(rule, Rule::Manual | Rule::Single);
        Self {
            open: known.open_groups + known.open_overlaps,
            ruled: known.by_rule.iter().filter(is_rule).map(|(_, count)| count).sum(),
            by_people: known.by_person.iter().map(|(_, count)| count).sum(),
        }
    }

    pub(super) fn all(&self) -> u64 {
        self.open + self.ruled + self.by_people
    }
}

/// `review 12 of 87 · resolved by rule 75 · by people 3 · undo u`
fn counts(look: &Look<'_>, width: usize) -> Line<'static> {
    let theme = look.theme;
    let dot = format!(" {} ", look.glyphs.dot);
    let desk = &look.model.desk;
    let mut cells = Cells::new(look.glyphs).gap(1);
    match &look.model.facts.reviews {
        Some(known) => {
            let counts = Counts::of(known);
            let style = if counts.open > 0 { theme.warning } else { theme.good };
            cells = cells
                .text("review ", theme.dim)
                .text(counts.open.to_string(), style)
                .text(format!(" of {}", counts.all()), theme.text)
                .text(format!("{dot}resolved by rule {}", counts.ruled), theme.text)
                .text(format!("{dot}by people {}", counts.by_people), theme.text);
        }
        None => cells = cells.text(format!("review {}", look.glyphs.missing), theme.dim),
    }
    let key = |action: Action| look.model.keymap.keys(action).first().map(|key| key.short(look.glyphs.is_ascii()));
    let can_change = !look.model.is_read_only();
    if let Some(key) = key(Action::Undo).filter(|_| can_change && !desk.decided.is_empty()) {
        let count = desk.decided.len().min(MAX_DECIDED);
        cells = cells.text(format!("{dot}undo {count} "), theme.dim).text(key, theme.key);
    }
    if let Some(key) = key(Action::Alike).filter(|_| can_change && desk.alike > 0) {
        cells = cells.text(format!("{dot}{} alike ", desk.alike), theme.title).text(key, theme.key);
    }
    if !desk.sent.is_empty() {
        cells = cells.text(format!("{dot}{} on the way", desk.sent.len()), theme.dim);
    }
    cells.line_within(width)
}

fn queue(look: &Look<'_>, frame: &mut Frame<'_>, area: Rect) {
    let desk = &look.model.desk;
    let title = Line::styled(format!(" queue: {} ", desk.show.word()), look.theme.title);
    let more = match (desk.has_before, desk.has_after) {
        (false, false) => None,
        _ => Some(Span::styled("more", look.theme.dim)),
    };
    let block = look.frame(title, more, true);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let rows = &desk.queue.rows;
    if rows.is_empty() {
        let reason = match (&desk.failed, desk.is_loaded, desk.show.word()) {
            (Some(failed), ..) => failed.as_str(),
            (None, false, _) => "Asking for the queue ...",
            (None, true, "open") => "Nothing waits for a person.",
            (None, true, _) => "There is nothing.",
        };
        look.nothing(frame, inner, reason);
        look.point_at(frame, inner.x, inner.y);
    }
    for (line_area, index) in inner.rows().zip(desk.queue.window(usize::from(inner.height))) {
        let Some(line) = rows.get(index) else { break };
        let is_selected = index == desk.queue.selected;
        let drawn = queue_line(look, line, usize::from(inner.width), is_selected);
        frame.render_widget(drawn.patch_style(look.row_style(is_selected)), line_area);
        if is_selected {
            look.point_at(frame, line_area.x, line_area.y);
        }
    }
}

/// `▸123   Jan 2023  45 ≠ 50`
fn queue_line(look: &Look<'_>, line: &QueueLine, width: usize, is_selected: bool) -> Line<'static> {
    let theme = look.theme;
    let style = if look.model.desk.sent.contains_key(&line.place.group) { theme.dim } else { theme.text };
    let room = width.saturating_sub(PERIOD + 3);
    // The usages are what differs from line to line; a long name of a meter gives way.
    let what = what(look, line);
    let name = room.saturating_sub(USAGES_WIDTH).clamp(room / 3, room);
    let cursor = if is_selected { look.glyphs.cursor } else { " " };
    let cells = Cells::new(look.glyphs)
        .text(cursor, style)
        .left(&line.meter, name, style)
        .gap(1)
        .left(&period(line.period), PERIOD, theme.dim)
        .gap(1);
    let left = width.saturating_sub(cells.used());
    cells.left(&what, left, state_style(theme, line)).line_within(width)
}

fn state_style(theme: &Theme, line: &QueueLine) -> Style {
    match (line.status, line.deferred) {
        (Status::Resolved, _) => theme.dim,
        (Status::Review, true) => theme.stale,
        (Status::Review, false) => theme.text,
    }
}

/// What a line is about: the usages, or why it is open.
fn what(look: &Look<'_>, line: &QueueLine) -> String {
    let differs = match (line.kind, look.glyphs.is_ascii()) {
        (FindingKind::Overlap, _) => " + ",
        (FindingKind::Duplicate, true) => " | ",
        (FindingKind::Duplicate, false) => " ≠ ",
    };
    let usage = |usage: &Option<Usage>| usage.as_ref().map_or("?".to_owned(), |usage| usage.value().to_string());
    let usages: Vec<String> = line.usages.iter().map(usage).collect();
    let usages = usages.join(differs);
    match (line.status, line.reason) {
        (Status::Resolved, _) => format!("done {usages}"),
        (Status::Review, _) if line.reopened => format!("again {usages}"),
        (Status::Review, _) if line.deferred => format!("later {usages}"),
        (Status::Review, Some(ReviewReason::Chained)) => "chained".to_owned(),
        (Status::Review, _) => usages,
    }
}

/// A period as short as can be: `Jan 2023`, `Q1  2023`, `2023`; else its first day.
fn period(period: Period) -> String {
    let (start, days) = (period.start, period.days());
    let middle = start.checked_add(jiff::ToSpan::days(days / 2)).unwrap_or(start);
    match days {
        27..=33 => middle.strftime("%b %Y").to_string(),
        88..=94 => format!("Q{} {}", (i32::from(middle.month()) - 1) / 3 + 1, middle.year()),
        363..=368 => format!("{}", middle.year()),
        _ => short_date(start),
    }
}

fn short_date(date: Date) -> String {
    date.strftime("%y-%m-%d").to_string()
}
