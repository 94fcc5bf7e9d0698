//! How much fits: size classes, and the areas that update and views agree on.

use std::ops::Range;

use ratatui::layout::{Constraint, Layout, Rect, Size};

use super::model::{MeterPane, Model, Screen};

/// Least width of a panel of the Live screen, columns, frame included.
pub const PANEL_WIDTH: u16 = 40;
/// Height of a panel of the Live screen, rows, frame included.
pub const PANEL_HEIGHT: u16 = 9;

/// How much of a screen fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SizeClass {
    /// Below 40×12: one line.
    Line,
    /// From 40×12: a list and its state.
    List,
    /// From 60×20: one pane.
    Pane,
    /// From 80×24: everything.
    Full,
}

impl SizeClass {
    /// The class of a terminal of this size.
    pub fn of(size: Size) -> Self {
        match (size.width, size.height) {
            (80.., 24..) => Self::Full,
            (60.., 20..) => Self::Pane,
            (40.., 12..) => Self::List,
            _ => Self::Line,
        }
    }
}

/// What the header and the footer leave to a screen.
pub fn body(size: Size) -> Rect {
    Rect::new(0, 1.min(size.height), size.width, size.height.saturating_sub(2))
}

/// Columns and rows of panels of the Live screen that fit into its area; at least one of each.
pub fn panels(area: Rect) -> (u16, u16) {
    ((area.width / PANEL_WIDTH).max(1), (area.height / PANEL_HEIGHT).max(1))
}

/// Rows of a framed table with a heading that fit into `area`.
pub fn table_rows(area: Rect) -> usize {
    usize::from(area.height.saturating_sub(3)).max(1)
}

/// Columns and rows of the Live screen at this size: panels, or a list where only that fits.
pub fn live(size: Size) -> (usize, usize) {
    let area = body(size);
    match SizeClass::of(size) {
        SizeClass::Full | SizeClass::Pane => {
            let (columns, rows) = panels(area);
            (columns.into(), rows.into())
        }
        SizeClass::List | SizeClass::Line => (1, table_rows(area)),
    }
}

/// Narrowest readings that have something beside them, and the widest that eyes can follow.
const MIN_READINGS: u16 = 46;
/// See [`MIN_READINGS`].
const MAX_READINGS: u16 = 72;
/// Columns of a chart's axis, its line included.
pub const CHART_AXIS: u16 = 11;
/// Rows of the time axis: its line, and the times.
pub const CHART_TIMES: u16 = 2;

/// The parts of the Meter screen; empty where they are not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MeterAreas {
    /// The table of readings.
    pub readings: Rect,
    /// What is known about the meter.
    pub about: Rect,
    /// The chart.
    pub chart: Rect,
}

/// Where the parts of the Meter screen are, in `area`.
pub fn meter(size: Size, pane: MeterPane, area: Rect) -> MeterAreas {
    let none = MeterAreas::default();
    match (pane, SizeClass::of(size)) {
        (MeterPane::Chart, _) => MeterAreas { chart: area, ..none },
        (MeterPane::About, _) => MeterAreas { about: area, ..none },
        (MeterPane::Readings, SizeClass::List | SizeClass::Line) => MeterAreas { readings: area, ..none },
        (MeterPane::Readings, class) => {
            let chart_height = if class == SizeClass::Full { area.height / 2 } else { area.height * 5 / 9 };
            let [top, chart] = Layout::vertical([Constraint::Fill(1), Constraint::Length(chart_height)]).areas(area);
            if class == SizeClass::Pane {
                return MeterAreas { readings: top, chart, ..none };
            }
            let width = (area.width / 2).clamp(MIN_READINGS, MAX_READINGS);
            let [readings, about] = Layout::horizontal([Constraint::Length(width), Constraint::Fill(1)]).areas(top);
            MeterAreas { readings, about, chart }
        }
    }
}

/// The inside of the Meter screen's chart: the columns and rows of values, without frame and axes.
pub fn plot(chart: Rect) -> Rect {
    Rect {
        x: chart.x.saturating_add(1 + CHART_AXIS),
        y: chart.y.saturating_add(1),
        width: chart.width.saturating_sub(2 + CHART_AXIS),
        height: chart.height.saturating_sub(2 + CHART_TIMES),
    }
}

/// How many columns the chart on screen has; `None` where there is none.
pub fn chart_columns(model: &Model) -> Option<u16> {
    let is_meter = matches!(model.screen, Screen::Meter(_)) && model.size_class() > SizeClass::Line;
    let plot = plot(meter(model.size, model.meter_pane, body(model.size)).chart);
    (is_meter && !plot.is_empty()).then_some(plot.width)
}

/// The parts of the Duplicates screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeskAreas {
    /// The line of counts.
    pub counts: Rect,
    /// The queue.
    pub queue: Rect,
    /// The group that is selected.
    pub group: Rect,
}

/// Columns of the queue beside the group, and where there is much room.
const QUEUE_WIDTH: u16 = 27;
/// See [`QUEUE_WIDTH`].
const WIDE_QUEUE_WIDTH: u16 = 46;
/// Width from which the queue is wide.
const WIDE_DESK: u16 = 120;
/// Rows of the queue above the group, frame included.
const QUEUE_HEIGHT: u16 = 5;
/// See [`QUEUE_HEIGHT`]; in the smallest terminal.
const SHORT_QUEUE_HEIGHT: u16 = 4;

/// Where the parts of the Duplicates screen are, in `area`.
pub fn desk(size: Size, area: Rect) -> DeskAreas {
    let [counts, rest] = Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(area);
    let [queue, group] = match SizeClass::of(size) {
        SizeClass::Full => {
            let width = if area.width >= WIDE_DESK { WIDE_QUEUE_WIDTH } else { QUEUE_WIDTH };
            Layout::horizontal([Constraint::Length(width), Constraint::Fill(1)]).areas(rest)
        }
        class => {
            let height = if class == SizeClass::Pane { QUEUE_HEIGHT } else { SHORT_QUEUE_HEIGHT };
            Layout::vertical([Constraint::Length(height), Constraint::Fill(1)]).areas(rest)
        }
    };
    DeskAreas { counts, queue, group }
}

/// A screen's tab in the header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tab {
    /// The screen.
    pub screen: Screen,
    /// What it says.
    pub text: String,
    /// Its columns.
    pub columns: Range<u16>,
}

/// Width from which every tab has its name; below, where there is room for one, it is that of the screen.
const TAB_NAMES_WIDTH: u16 = 130;

/// The tab that is lit: that of the screen, or for a meter the one that it was opened from.
pub fn current_tab(model: &Model) -> Screen {
    let is_tab = |screen: &&Screen| screen.number().is_some();
    std::iter::once(&model.screen).chain(model.back.iter().rev()).find(is_tab).cloned().unwrap_or(Screen::Live)
}

/// The tabs of the header, after the site's name; only those that fit.
pub fn tabs(model: &Model) -> Vec<Tab> {
    let (is_full, current) = (model.size_class() == SizeClass::Full, current_tab(model));
    let mut start = u16::try_from(super::format::width(&site_name(model))).unwrap_or(u16::MAX).saturating_add(1);
    let mut tabs = Vec::new();
    for screen in Screen::TABS {
        let number = screen.number().unwrap_or_default();
        let has_name = is_full && (model.size.width >= TAB_NAMES_WIDTH || screen == current);
        let text = if has_name { format!(" {number} {} ", screen.title()) } else { format!(" {number} ") };
        let end = start.saturating_add(u16::try_from(text.len()).unwrap_or(u16::MAX));
        if end > model.size.width {
            break;
        }
        tabs.push(Tab { screen, text, columns: start..end });
        start = end;
    }
    tabs
}

/// The site's name as it fits into the header, with a space around it.
pub fn site_name(model: &Model) -> String {
    let share = if model.size.width < 100 { 6 } else { 4 };
    let width = usize::from(model.size.width / share).min(MAX_NAME_WIDTH);
    let ellipsis = if model.options.ascii { "." } else { "…" };
    format!(" {}", super::format::fit(&model.site.name, width, ellipsis).trim_end())
}

/// Most columns of the site's name in the header.
const MAX_NAME_WIDTH: usize = 24;
