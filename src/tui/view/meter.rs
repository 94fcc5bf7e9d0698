//! Everything about one meter: its readings at the left, what is known about it at the right, the chart of the selected
//! quantity below; or the chart alone, or what is known alone. What does not fit at the right moves with the selection.
//!
//! ```text
//! ┌ MSB-1 North Hall main ───────────── OK 1 s ┐┌ About ────────────────────────────┐
//! │real power               612.4 kW           ││ Thresholds                        │
//! │apparent power           643.3 kVA          ││  load       warn 80 %, crit. 95 % │
//! │load                     76.6 %  computed   ││ Device …                          │
//! └────────────────────────────────────────────┘└───────────────────────────────────┘
//! ┌ real power, kW · 1 d ───────────────────────────────────────────────────────────┐
//! └─────────────────────────────────────────────────────────────────────────────────┘
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
        format, layout,
        model::{MeterPane, Model},
        theme::Theme,
        widget::{Cells, Look},
    },
};

mod about;
mod chart;
pub(super) mod counted;

/// Draws the screen into `area`.
pub fn draw(model: &Model, meter: &MeterId, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let look = Look::of(model, theme);
    let Some((meter, live)) = look.meter(meter) else {
        look.nothing(frame, area, "This meter is no longer in the site file.");
        return;
    };
    let areas = layout::meter(model.size, model.meter_pane, area);
    if !areas.readings.is_empty() {
        readings(&look, meter, live, frame, areas.readings);
    }
    if !areas.about.is_empty() {
        about(&look, meter, live, frame, areas.about);
    }
    if !areas.chart.is_empty() {
        chart::draw(&look, meter, frame, &areas);
    }
}

/// Narrowest column of what is known; wider areas have several.
const ABOUT_COLUMN: u16 = 58;

/// What moves with the selection: its first line with the first reading, its last with the last.
fn about(look: &Look<'_>, meter: &Meter, live: Option<&MeterLive>, frame: &mut Frame<'_>, area: Rect) {
    let block = look.section("About");
    let inner = block.inner(area);
    let count = (inner.width / ABOUT_COLUMN).clamp(1, 3);
    let columns = Layout::horizontal(vec![Constraint::Fill(1); usize::from(count)]).spacing(2).split(inner);
    let width = columns.first().map_or(0, |column| usize::from(column.width));
    let lines = about::lines(look, meter, live, width);
    let visible = usize::from(inner.height) * columns.len();
    let hidden = lines.len().saturating_sub(visible);
    let quantities = &look.model.quantities;
    let last = quantities.rows.len().saturating_sub(1).max(1);
    let top = (hidden * quantities.selected.min(last)).div_ceil(last).min(hidden);
    let more = if top < hidden { format!(" {} more lines ", hidden - top) } else { String::new() };
    let block = block.title_bottom(Line::styled(more, look.theme.dim).alignment(Alignment::Right));
    frame.render_widget(block, area);
    let places = columns.iter().flat_map(|column| column.rows());
    for (line_area, line) in places.zip(lines.into_iter().skip(top)) {
        frame.render_widget(line, line_area);
    }
    if look.model.meter_pane == MeterPane::About {
        look.point_at(frame, inner.x, inner.y);
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
    let fault_rows = u16::from(live.is_some_and(|live| live.fault.is_some()));
    let [fault_area, table_area] = Layout::vertical([Constraint::Length(fault_rows), Constraint::Fill(1)]).areas(inner);
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
