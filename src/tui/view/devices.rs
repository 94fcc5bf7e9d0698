//! Connections and the devices on them, and everything about the selected one.
//!
//! ```text
//! ┌ Devices ─────── state ──── trip ─── busy req errors skipped last fault ─────┐
//! │10.20.0.40:502   UP                24.9 %                                    │
//! │ ▼ gw-2          OFFLINE   21 ms            2     33       0 NO ANSWER 12 s  │
//! └─────────────────────────────────────────────────────────────────────────────┘
//! ```

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    text::Line,
};

use crate::{
    domain::{
        ids::DeviceId,
        live::{ConnectionLive, DeviceLive, DeviceState},
    },
    tui::{
        format,
        model::{DeviceRow, Model},
        theme::Theme,
        widget::{Cells, Look},
    },
};

pub mod details;

use details::{Details, connection_word, standing_of, word};

/// Width from which the details stand beside the table.
const WIDE: u16 = 130;
/// Columns of the details beside the table.
const DETAILS_WIDTH: u16 = 56;
/// Rows of the details below the table, frame included.
const DETAILS_HEIGHT: u16 = 10;
/// Height from which details fit below the table.
const TALL: u16 = 17;

/// Draws the screen into `area`.
pub fn draw(model: &Model, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let look = Look::of(model, theme);
    let [table_area, details_area] = if area.width >= WIDE {
        Layout::horizontal([Constraint::Fill(1), Constraint::Length(DETAILS_WIDTH)]).areas(area)
    } else {
        let below = if area.height >= TALL { DETAILS_HEIGHT } else { 0 };
        Layout::vertical([Constraint::Fill(1), Constraint::Length(below)]).areas(area)
    };
    table(&look, frame, table_area);
    if let Some(selected) = model.devices.selected().filter(|_| !details_area.is_empty()) {
        selected_details(&look, frame, details_area, selected);
    }
}

fn table(look: &Look<'_>, frame: &mut Frame<'_>, area: Rect) {
    let title = match look.model.devices.filter.as_str() {
        "" => " Devices ".to_owned(),
        filter => format!(" Devices /{} ", look.fit(filter, 24)),
    };
    let block = look.frame(Line::styled(title, look.theme.title), None, true);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    if inner.is_empty() {
        return;
    }
    let columns = Columns::of(usize::from(inner.width));
    frame.render_widget(columns.heading(look), Rect { height: 1, ..inner });
    let rows = Rect { y: inner.y + 1, height: inner.height - 1, ..inner };
    let devices = &look.model.devices;
    if devices.rows.is_empty() {
        let reason = if look.site.devices.is_empty() {
            "The site file has no devices."
        } else {
            "Nothing matches. Esc shows all devices."
        };
        look.nothing(frame, rows, reason);
    }
    for (line_area, index) in rows.rows().zip(devices.window(usize::from(rows.height))) {
        let Some(row) = devices.rows.get(index) else { break };
        let is_selected = index == devices.selected;
        let line = match row {
            DeviceRow::Connection(name) => columns.connection(look, name),
            DeviceRow::Device(id) => columns.device(look, id),
        };
        frame.render_widget(line.patch_style(look.row_style(is_selected)), line_area);
        if is_selected {
            look.point_at(frame, line_area.x, line_area.y);
        }
    }
}

fn selected_details(look: &Look<'_>, frame: &mut Frame<'_>, area: Rect, row: &DeviceRow) {
    let title = match row {
        DeviceRow::Connection(name) => name.clone(),
        DeviceRow::Device(id) => id.to_string(),
    };
    let width = usize::from(area.width.saturating_sub(4));
    let block = look.section(&look.fit(&title, width));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let details = Details { look, width };
    let lines = match row {
        DeviceRow::Device(id) => details.device(id),
        DeviceRow::Connection(name) => {
            let unknown = ConnectionLive::default();
            details.connection(name, look.model.shown().connections.get(name).unwrap_or(&unknown))
        }
    };
    for (line_area, line) in inner.rows().zip(lines) {
        frame.render_widget(line, line_area);
    }
}

const STATE: usize = 10;
const TRIP: usize = 8;
const BUSY: usize = 6;
const REQUESTS: usize = 5;
const ERRORS: usize = 7;
const SKIPPED: usize = 8;

/// Which columns fit: state always; then round trip and errors; then all.
struct Columns {
    name: usize,
    has_trip: bool,
    has_all: bool,
    fault: usize,
}

impl Columns {
    fn of(width: usize) -> Self {
        let some = STATE + TRIP + ERRORS;
        let all = some + BUSY + REQUESTS + SKIPPED;
        let (has_trip, has_all) = (width >= some + 20, width >= all + 26);
        let used = if has_all {
            all
        } else if has_trip {
            some
        } else {
            STATE
        };
        let fault = if has_all { (width - used) * 2 / 5 } else { 0 };
        let fault = if fault >= 12 { fault } else { 0 };
        Self { name: width.saturating_sub(used + fault), has_trip, has_all, fault }
    }

    fn heading(&self, look: &Look<'_>) -> Line<'static> {
        let dim = look.theme.dim;
        self.cells(
            Cells::new(look.glyphs).left(" ", self.name, dim).left("state", STATE, dim),
            look,
            ["trip", "busy", "req", "errors", "skipped", "last fault"],
        )
    }

    fn connection(&self, look: &Look<'_>, name: &str) -> Line<'static> {
        let unknown = ConnectionLive::default();
        let live = look.model.shown().connections.get(name).unwrap_or(&unknown);
        let (word, style) = connection_word(look, live);
        let cells = Cells::new(look.glyphs).left(name, self.name - 1, look.theme.title).gap(1);
        let busy = format!("{} %", format::fixed(live.busy * 100.0, 0));
        let fault = live.fault.as_ref().map(ToString::to_string).unwrap_or_default();
        self.cells(cells.left(word, STATE - 1, style).gap(1), look, ["", &busy, "", "", "", &fault])
    }

    fn device(&self, look: &Look<'_>, id: &DeviceId) -> Line<'static> {
        let unknown = DeviceLive::default();
        let live = look.model.shown().devices.get(id).unwrap_or(&unknown);
        let style = look.theme.standing(standing_of(live.state));
        let mark = look.glyphs.mark(standing_of(live.state));
        let unit = look.site.devices.get(id).map_or(String::new(), |device| format!(" unit {}", device.unit));
        let room = self.name.saturating_sub(4 + format::width(id.as_str()));
        let unit = if format::width(&unit) <= room { unit } else { String::new() };
        let cells = Cells::new(look.glyphs)
            .text(" ", look.theme.text)
            .text(mark, style)
            .left(&format!(" {id}{unit}"), self.name.saturating_sub(3), look.theme.text)
            .gap(1)
            .left(word(live.state), STATE, style);
        let trip = live.round_trip.map_or(look.glyphs.missing.to_owned(), format::short_time);
        let errors: u64 = live.faults.values().sum();
        let fault = match &live.last_fault {
            Some((at, fault)) if live.state != DeviceState::Ok => {
                format!("{} {}", fault.kind.title(), format::age(look.age(*at)))
            }
            _ => String::new(),
        };
        let number = |count: u64| if count == 0 { look.glyphs.dot.to_owned() } else { count.to_string() };
        let requests = live.requests_per_poll.to_string();
        self.cells(cells, look, [&trip, "", &requests, &number(errors), &number(live.skipped), &fault])
    }

    fn cells(
        &self,
        cells: Cells,
        look: &Look<'_>,
        [trip, busy, requests, errors, skipped, fault]: [&str; 6],
    ) -> Line<'static> {
        let text = look.theme.text;
        let cells = if self.has_trip { cells.right(trip, TRIP, text) } else { cells };
        let cells = if self.has_all { cells.right(busy, BUSY, text).right(requests, REQUESTS, text) } else { cells };
        let cells = if self.has_trip { cells.right(errors, ERRORS, text) } else { cells };
        let cells = if self.has_all { cells.right(skipped, SKIPPED, text) } else { cells };
        let cells = if self.fault > 0 { cells.gap(1).left(fault, self.fault - 1, text) } else { cells };
        cells.line()
    }
}
