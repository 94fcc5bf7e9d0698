//! Everything about one meter: its readings at the left, what it is and where it sits at the right, the course of the
//! selected quantity below. What does not fit at the right moves with the selection.
//!
//! ```text
//! ┌ MSB-1 North Hall main ───────────── OK 1 s ┐┌ About ────────────────────────────┐
//! │real power               612.4 kW           ││ Thresholds                        │
//! │apparent power           643.3 kVA          ││  load       warn 80 %, crit. 95 % │
//! │load                     76.6 %  computed   ││ Device …                          │
//! ├ real power, 15 min ────────────────────────┤│                                   │
//! │ 640 ▃▅▆▇█                                  ││                                   │
//! └────────────────────────────────────────────┘└───────────────────────────────────┘
//! ```

use ratatui::{
    Frame,
    layout::{Alignment, Constraint, Layout, Rect},
    style::Style,
    text::{Line, Span},
};

use crate::{
    domain::{
        ids::MeterId,
        live::MeterLive,
        quantity::Quantity,
        reading::State,
        site::Meter,
        standing::{self, Standing},
    },
    tui::{
        format,
        layout::SizeClass,
        model::Model,
        theme::Theme,
        widget::{Cells, Look, spark},
    },
};

mod about;

/// Narrowest readings that have something beside them, and the widest that eyes can follow.
const MIN_READINGS: u16 = 46;
/// See [`MIN_READINGS`].
const MAX_READINGS: u16 = 72;
/// Rows of the course: its heading and itself.
const COURSE: [u16; 2] = [2, 9];

/// Draws the screen into `area`.
pub fn draw(model: &Model, meter: &MeterId, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let look = Look::of(model, theme);
    let Some((meter, live)) = look.meter(meter) else {
        look.nothing(frame, area, "This meter is no longer in the site file.");
        return;
    };
    let about_lines = |width: u16| about::lines(&look, meter, live, usize::from(width.saturating_sub(4)));
    match model.size_class() {
        SizeClass::Full => {
            let width = (area.width / 2).clamp(MIN_READINGS, MAX_READINGS);
            let [left, right] = Layout::horizontal([Constraint::Length(width), Constraint::Fill(1)]).areas(area);
            readings(&look, meter, live, frame, left);
            about(&look, about_lines(right.width), frame, right);
        }
        SizeClass::Pane => {
            let [top, bottom] = Layout::vertical([Constraint::Fill(3), Constraint::Fill(2)]).areas(area);
            readings(&look, meter, live, frame, top);
            about(&look, about_lines(bottom.width), frame, bottom);
        }
        SizeClass::List | SizeClass::Line => readings(&look, meter, live, frame, area),
    }
}

/// What moves with the selection: its first line with the first reading, its last with the last.
fn about(look: &Look<'_>, lines: Vec<Line<'static>>, frame: &mut Frame<'_>, area: Rect) {
    let block = look.section("About");
    let inner = block.inner(area);
    let hidden = lines.len().saturating_sub(usize::from(inner.height));
    let quantities = &look.model.quantities;
    let last = quantities.rows.len().saturating_sub(1).max(1);
    let top = (hidden * quantities.selected.min(last)).div_ceil(last).min(hidden);
    let more = if top < hidden { format!(" {} more lines ", hidden - top) } else { String::new() };
    let block = block.title_bottom(Line::styled(more, look.theme.dim).alignment(Alignment::Right));
    frame.render_widget(block, area);
    for (line_area, line) in inner.rows().zip(lines.into_iter().skip(top)) {
        frame.render_widget(line, line_area);
    }
}

fn readings(look: &Look<'_>, meter: &Meter, live: Option<&MeterLive>, frame: &mut Frame<'_>, area: Rect) {
    let standing = look.standing(meter);
    let word = standing.word();
    let age = live.and_then(|live| live.at).filter(|_| standing != Standing::NotRead);
    let since = age.map_or(word.to_owned(), |at| format!("{word} {}", format::age(look.age(at))));
    let room = usize::from(area.width).saturating_sub(format::width(&since) + 6);
    let name = match &meter.meter_name {
        Some(meter_name) => format!(" {} {meter_name} ", meter.name),
        None => format!(" {} ", meter.name),
    };
    let title = Line::styled(look.fit(&name, room), look.theme.title);
    let block = look.frame(title, Some(Span::styled(since, look.theme.standing(standing))), true);
    let inner = block.inner(area);
    frame.render_widget(block, area);

    let quantities = &look.model.quantities;
    if quantities.rows.is_empty() {
        return look.nothing(frame, inner, "Nothing is read for this meter.");
    }
    let [fault_area, table_area, course_area] = parts(look, live, inner);
    if let Some(fault) = live.and_then(|live| live.fault.as_ref()) {
        let text = look.fit(&fault.to_string(), usize::from(fault_area.width));
        frame.render_widget(Line::styled(text, look.theme.standing(standing)), fault_area);
    }
    for (line_area, index) in table_area.rows().zip(quantities.window(usize::from(table_area.height))) {
        let Some(quantity) = quantities.rows.get(index) else { break };
        let is_selected = index == quantities.selected;
        let reading = reading_line(look, meter, live, quantity, usize::from(line_area.width));
        frame.render_widget(reading.patch_style(look.row_style(is_selected)), line_area);
        if is_selected {
            look.point_at(frame, line_area.x, line_area.y);
        }
    }
    if let Some(quantity) = quantities.selected() {
        course(look, meter, quantity, frame, course_area);
    }
}

/// The fault's line, the table, and the course below it: as high as the table leaves it.
fn parts(look: &Look<'_>, live: Option<&MeterLive>, inner: Rect) -> [Rect; 3] {
    let fault = u16::from(live.is_some_and(|live| live.fault.is_some()));
    let rows = u16::try_from(look.model.quantities.rows.len()).unwrap_or(u16::MAX);
    let [least, most] = COURSE;
    let left_over = inner.height.saturating_sub(fault.saturating_add(rows));
    let course = if inner.height < 3 * least { 0 } else { left_over.clamp(least, most) };
    Layout::vertical([Constraint::Length(fault), Constraint::Fill(1), Constraint::Length(course)]).areas(inner)
}

/// `real power   612.4 kW   computed`
fn reading_line(
    look: &Look<'_>,
    meter: &Meter,
    live: Option<&MeterLive>,
    quantity: &Quantity,
    width: usize,
) -> Line<'static> {
    const VALUE: usize = 11;
    const UNIT: usize = 6;
    const NOTE: usize = 9;
    let shown = look.shown(meter, live, quantity);
    let reading = live.and_then(|live| live.readings.get(quantity));
    let age = look.old_age(meter, live, quantity);
    let note = match (shown.state, age) {
        (State::Good, None) if reading.is_some_and(|reading| reading.derived) => "computed".to_owned(),
        (State::Good, None) => String::new(),
        (State::Missing, _) => "no value".to_owned(),
        (State::Bad, _) | (State::Estimated | State::Stale, None) => shown.state.word().to_owned(),
        (State::Stale, Some(age)) => format!("{} {age}", look.glyphs.mark(Standing::Stale)),
        (State::Good | State::Estimated, Some(age)) => age,
    };
    let breach = live
        .map_or_else(Vec::new, |live| standing::breaches(meter, live, look.now, look.every(meter)))
        .into_iter()
        .filter(|breach| breach.quantity == *quantity)
        .max_by_key(|breach| breach.critical);
    let (mark, style) = match breach {
        Some(breach) if breach.critical => (" !!", look.theme.critical),
        Some(_) => (" ! ", look.theme.warning),
        None => ("", shown.style),
    };
    Cells::new(look.glyphs)
        .left(quantity.label(), width.saturating_sub(VALUE + UNIT + NOTE + 3).max(12), look.theme.text)
        .right(&shown.text, VALUE, style)
        .left(&format!(" {}", shown.unit), UNIT, look.theme.dim)
        .left(mark, 3, style)
        .left(&note, NOTE, if shown.state == State::Good { look.theme.dim } else { style_of(look, shown.state) })
        .line()
}

fn style_of(look: &Look<'_>, state: State) -> Style {
    match state {
        State::Good | State::Estimated => look.theme.text,
        State::Stale => look.theme.stale,
        State::Bad | State::Missing => look.theme.bad,
    }
}

/// The course of a quantity with its lowest and highest value.
fn course(look: &Look<'_>, meter: &Meter, quantity: &Quantity, frame: &mut Frame<'_>, area: Rect) {
    let Some(trend) = look.model.trends.get(&(meter.id.clone(), quantity.clone())) else { return };
    let Some(rows) = usize::from(area.height).checked_sub(1).filter(|rows| *rows > 0) else { return };
    let trend = spark::grouped(trend, usize::from(area.width));
    let columns = trend.values.len();
    let Some((low, high)) = spark::extent(&trend.values) else { return };
    let unit = quantity.unit().map_or("", |unit| format::unit(unit, look.glyphs.is_ascii()));
    let value = |value: f64| {
        quantity.unit().map_or_else(
            || format::number(value, format::SIGNIFICANT_DIGITS),
            |unit| format::value(quantity, unit, value),
        )
    };
    let heading =
        format!("{}, last {}: {} to {} {unit}", quantity.label(), spark::length(&trend), value(low), value(high));
    let heading = look.fit(&heading, usize::from(area.width));
    let lines = spark::tall(&trend.values, columns, rows, look.glyphs);
    let drawn = std::iter::once(Line::styled(heading, look.theme.dim))
        .chain(lines.into_iter().map(|line| Line::styled(line, look.theme.chart)));
    for (line_area, line) in area.rows().zip(drawn) {
        frame.render_widget(line, line_area);
    }
}
