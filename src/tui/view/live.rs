//! Panels of meters: as many as fit, the selected one marked. A terminal too small for panels gets a list.
//!
//! ```text
//! ┌ MSB-1 North Hall main ───────── OK 1 s ┐┌ RPP-A Room 101 ───────── WARN 1 s ┐
//! │  612.4 kW   643.0 kVA  PF 0.952        ││  71.80 kW   74.10 kVA  PF 0.969   │
//! │ L1   402.3 V     921 A ▇▇▇▇▇▇▇▇▇▁      ││ …                                 │
//! │ load  76.6 % ▕██████▌    ▏  of 800 kW  ││                                   │
//! └ 1 234 567 kWh ─────────────────────────┘└───────────────────────────────────┘
//! ```

use ratatui::{
    Frame,
    layout::Rect,
    text::{Line, Span},
};

use crate::{
    domain::{ids::MeterId, quantity::Quantity},
    tui::{
        format,
        layout::{PANEL_HEIGHT, SizeClass, panels},
        model::Model,
        theme::Theme,
        widget::{Cells, Look},
    },
};

mod panel;

/// Draws the screen into `area`.
pub fn draw(model: &Model, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let look = Look::of(model, theme);
    if area.is_empty() {
        return;
    }
    let is_list = model.size_class() <= SizeClass::List || area.height < PANEL_HEIGHT;
    let needed = if is_list { 1 } else { panels(area).1 * PANEL_HEIGHT };
    let area = if area.height > needed { heading(&look, frame, area) } else { area };
    if model.meters.rows.is_empty() {
        look.nothing(frame, area, &nothing_because(model));
    } else if is_list {
        list(&look, frame, area);
    } else {
        grid(&look, frame, area);
    }
}

/// Why no meter is shown.
fn nothing_because(model: &Model) -> String {
    if model.site.meters.is_empty() {
        "The site file has no meters.".to_owned()
    } else if model.meters.filter.is_empty() {
        "No meters yet.".to_owned()
    } else {
        format!("No meter matches \"{}\". Esc shows all of them.", format::fit(&model.meters.filter, 40, ""))
    }
}

/// One line over the panels: which meters, in which order, and whether time stands still. Returns the rest.
fn heading(look: &Look<'_>, frame: &mut Frame<'_>, area: Rect) -> Rect {
    let meters = &look.model.meters;
    let of_all = look.model.site.meters.len();
    let mut spans = vec![Span::styled(
        if meters.rows.len() == of_all {
            format!(" {}", format::count(of_all, "meter", "meters"))
        } else {
            format!(" {} of {of_all} meters", meters.rows.len())
        },
        look.theme.text,
    )];
    spans.push(Span::styled(format!(" {} by {}", look.glyphs.dot, meters.sort.word()), look.theme.dim));
    if !meters.filter.is_empty() {
        let filter = look.fit(&meters.filter, 24);
        spans.push(Span::styled(format!(" {} /{filter}", look.glyphs.dot), look.theme.found));
    }
    if let Some(frozen) = &look.model.frozen {
        let age =
            format::age(std::time::Duration::try_from(look.model.now.duration_since(frozen.at)).unwrap_or_default());
        spans.push(Span::raw(" "));
        spans.push(Span::styled(format!(" FROZEN {age} ago "), look.theme.critical));
    }
    let line_area = Rect { height: 1, ..area };
    frame.render_widget(Line::from(spans), line_area);
    let place = format!("{}/{} ", (meters.selected + 1).min(meters.rows.len()), meters.rows.len());
    frame.render_widget(Line::styled(place, look.theme.dim).right_aligned(), line_area);
    Rect { y: area.y + 1, height: area.height - 1, ..area }
}

fn grid(look: &Look<'_>, frame: &mut Frame<'_>, area: Rect) {
    let meters = &look.model.meters;
    let (columns, rows) = panels(area);
    let columns_usize = usize::from(columns);
    // Whole rows of panels scroll: the first on screen is that of `top`, moved so far that the selection shows.
    let (selected_row, visible) = (meters.selected / columns_usize, usize::from(rows));
    let top_row = (meters.top / columns_usize).clamp((selected_row + 1).saturating_sub(visible), selected_row);
    let (width, spare) = (area.width / columns, area.width % columns);
    for (place, index) in (top_row * columns_usize..meters.rows.len()).take(visible * columns_usize).enumerate() {
        let Some(id) = meters.rows.get(index) else { break };
        let (column, row) = (u16_of(place % columns_usize), u16_of(place / columns_usize));
        let panel_area = Rect {
            x: area.x + column * width + column.min(spare),
            y: area.y + row * PANEL_HEIGHT,
            width: width + u16::from(column < spare),
            height: PANEL_HEIGHT,
        }
        .intersection(area);
        let is_selected = index == meters.selected;
        panel::draw(look, frame, panel_area, id, is_selected);
        if is_selected {
            look.point_at(frame, panel_area.x + 1, panel_area.y);
        }
    }
}

/// Name, power and state, one line for each meter.
fn list(look: &Look<'_>, frame: &mut Frame<'_>, area: Rect) {
    let meters = &look.model.meters;
    for (line_area, index) in area.rows().zip(meters.window(usize::from(area.height))) {
        let Some(id) = meters.rows.get(index) else { break };
        let is_selected = index == meters.selected;
        frame.render_widget(list_line(look, id, usize::from(area.width), is_selected), line_area);
        if is_selected {
            look.point_at(frame, line_area.x, line_area.y);
        }
    }
}

fn list_line(look: &Look<'_>, id: &MeterId, width: usize, is_selected: bool) -> Line<'static> {
    const POWER: usize = 11;
    const STATE: usize = 9;
    let Some((meter, live)) = look.meter(id) else { return Line::raw(id.to_string()) };
    let standing = look.standing(meter);
    let value = match main_quantity(meter, live) {
        Some(quantity) => look.shown(meter, live, &quantity),
        None => look.shown(meter, live, &Quantity::CurrentKw),
    };
    let name = format!("{}{}", if is_selected { look.glyphs.cursor } else { " " }, meter.name);
    Cells::new(look.glyphs)
        .left(&name, width.saturating_sub(POWER + STATE + 2), look.theme.text)
        .gap(1)
        .right(&value.with_unit(), POWER, value.style)
        .gap(1)
        .left(standing.word(), STATE, look.theme.standing(standing))
        .line()
        .patch_style(look.row_style(is_selected))
}

/// What a meter is mostly there for.
fn main_quantity(
    meter: &crate::domain::site::Meter,
    live: Option<&crate::domain::live::MeterLive>,
) -> Option<Quantity> {
    const BY_WEIGHT: &[Quantity] =
        &[Quantity::CurrentKw, Quantity::GasM3, Quantity::WaterM3, Quantity::PulseCount, Quantity::KwhLifetime];
    let has = |quantity: &Quantity| {
        live.is_some_and(|live| live.readings.contains_key(quantity))
            || meter.registers.iter().any(|register| register.quantity == *quantity)
    };
    let usual = BY_WEIGHT.iter().find(|quantity| has(quantity)).cloned();
    usual.or_else(|| live?.readings.keys().next().cloned())
}

/// A number of panels fits into a screen, whose size is 16 bits.
fn u16_of(number: usize) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}
