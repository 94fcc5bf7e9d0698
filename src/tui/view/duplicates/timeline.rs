//! A meter's readings over time: a bar for each, duplicates over each other, gaps empty.

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::Style,
    text::{Line, Span},
};

use crate::{
    domain::duplicate::{Axis, Bar, BarState, bars},
    tui::{format, model::duplicates::TimelineView, theme::Theme, view::framed, widget::Look},
};

/// Columns between two dates of the axis, at least.
const DATE_COLUMNS: u16 = 11;
/// The states, in the order of the legend.
const STATES: [BarState; 6] = [
    BarState::Counts,
    BarState::CountsTwice,
    BarState::Open,
    BarState::SetAside,
    BarState::NoUsage,
    BarState::Excluded,
];

/// Draws it over the screen.
pub fn draw(look: &Look<'_>, view: &TimelineView, frame: &mut Frame<'_>, area: Rect) {
    let title = format!("Timeline of {}", view.meter);
    let title = look.fit(&title, usize::from(area.width.saturating_sub(6)));
    let inside = framed(&title, look.model, look.theme, frame, area);
    let (Some((readings, findings)), Some(days)) = (&view.answer, view.shown()) else {
        let reason = if view.answer.is_some() { "This meter has no readings." } else { "Asking for its readings ..." };
        return look.nothing(frame, inside, reason);
    };
    let legend = legend(look, usize::from(inside.width));
    let height = u16::try_from(legend.len()).unwrap_or(u16::MAX);
    let [dates, body, foot] =
        Layout::vertical([Constraint::Length(1), Constraint::Fill(1), Constraint::Length(height)]).areas(inside);
    let axis = Axis::new(days, inside.width);
    frame.render_widget(dates_line(look, &axis, inside.width), dates);
    let bars = bars(readings, findings, &axis);
    let rows = bars.iter().map(|bar| usize::from(bar.row) + 1).max().unwrap_or(0);
    let first = view.scroll.min(rows.saturating_sub(usize::from(body.height)));
    for bar in &bars {
        let Some(row) = usize::from(bar.row).checked_sub(first).and_then(|row| u16::try_from(row).ok()) else {
            continue;
        };
        if row < body.height {
            let bar_area =
                Rect { x: body.x + bar.from, y: body.y + row, width: bar.to.saturating_sub(bar.from), height: 1 };
            let drawn = Line::from(vec![Span::styled(bar_text(look, bar), style(look.theme, bar.state))]);
            frame.render_widget(drawn, bar_area.intersection(body));
        }
    }
    mark(look, view, &axis, frame, body, rows);
    for (line, row) in legend.into_iter().zip(foot.rows()) {
        frame.render_widget(line, row);
    }
}

/// Under the bars, where the group is that this was opened from.
fn mark(look: &Look<'_>, view: &TimelineView, axis: &Axis, frame: &mut Frame<'_>, body: Rect, rows: usize) {
    let (from, to) = (axis.column(view.at.start), axis.column(view.at.end));
    let Some(row) = u16::try_from(rows).ok().filter(|row| *row < body.height) else { return };
    if to > from || from < body.width {
        let pointer = if look.glyphs.is_ascii() { "^" } else { "▲" };
        let middle = from.midpoint(to).min(body.width.saturating_sub(1));
        let area = Rect { x: body.x + middle, y: body.y + row, width: 1, height: 1 };
        frame.render_widget(Line::styled(pointer, look.theme.title), area.intersection(body));
    }
}

/// A bar; its last column is half empty, so that two in a row stay two.
fn bar_text(look: &Look<'_>, bar: &Bar) -> String {
    let width = usize::from(bar.to.saturating_sub(bar.from)).max(1);
    let glyph = glyph(look, bar.state);
    if width == 1 {
        return glyph.to_owned();
    }
    let end = match (bar.state, look.glyphs.is_ascii()) {
        (BarState::Counts | BarState::CountsTwice, false) => "▌",
        (_, true) => "|",
        (_, false) => " ",
    };
    format!("{}{end}", glyph.repeat(width - 1))
}

fn glyph(look: &Look<'_>, state: BarState) -> &'static str {
    match (state, look.glyphs.is_ascii()) {
        (BarState::Counts, false) => "█",
        (BarState::CountsTwice, false) => "▓",
        (BarState::SetAside, false) => "░",
        (BarState::Excluded, false) => "×",
        (BarState::NoUsage, false) => "·",
        (BarState::Counts, true) => "#",
        (BarState::CountsTwice, true) => "%",
        (BarState::SetAside, true) => "-",
        (BarState::Excluded, true) => "x",
        (BarState::NoUsage, true) => ".",
        (BarState::Open, _) => "?",
    }
}

fn style(theme: &Theme, state: BarState) -> Style {
    match state {
        BarState::Counts => theme.good,
        BarState::CountsTwice => theme.critical,
        BarState::Open => theme.warning,
        BarState::SetAside | BarState::Excluded => theme.dim,
        BarState::NoUsage => theme.bad,
    }
}

fn word(state: BarState) -> &'static str {
    match state {
        BarState::Counts => "counts",
        BarState::CountsTwice => "counted twice in part",
        BarState::Open => "open",
        BarState::SetAside => "set aside",
        BarState::NoUsage => "no usage",
        BarState::Excluded => "never counts",
    }
}

/// What the bars mean, in as many lines as it takes.
fn legend(look: &Look<'_>, width: usize) -> Vec<Line<'static>> {
    let mut lines: Vec<Vec<Span<'static>>> = vec![Vec::new()];
    let mut used = 0;
    for state in STATES {
        let word = format!(" {}  ", word(state));
        let columns = 2 + format::width(&word);
        if used + columns > width && used > 0 {
            lines.push(Vec::new());
            used = 0;
        }
        used += columns;
        if let Some(line) = lines.last_mut() {
            line.push(Span::styled(glyph(look, state).repeat(2), style(look.theme, state)));
            line.push(Span::styled(word, look.theme.dim));
        }
    }
    lines.into_iter().map(Line::from).collect()
}

/// Dates over their columns.
fn dates_line(look: &Look<'_>, axis: &Axis, width: u16) -> Line<'static> {
    let mut text = String::new();
    let mut column = 0;
    while column + DATE_COLUMNS <= width.max(DATE_COLUMNS) {
        text.push_str(&format::left(&axis.date(column).to_string(), usize::from(DATE_COLUMNS)));
        column += DATE_COLUMNS;
    }
    Line::styled(text, look.theme.dim)
}
