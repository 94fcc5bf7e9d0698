//! The chart of the selected quantity: mean and band in columns of time, axes, cursor.
//!
//! ```text
//! ┌ real power, kW · 1 d ────────────────────────────── mean of 30 min ┐
//! │      660 ┤        ░░                                               │
//! │          │  ▔▔──▁▁░▔▔▔▔                                            │
//! │      620 ┤▁▁          ××××─────                                    │
//! │          └─────┬───────────┬────────                               │
//! │                18:00       03-05                                   │
//! └ 03-05 02:30 612.4 kW, 598.2 to 640.1 ── 03-04 15:00 to 03-05 15:00 ┘
//! ```

use std::time::Duration;

use jiff::Timestamp;
use ratatui::{
    Frame,
    layout::{Alignment, Rect},
    style::Style,
    text::{Line, Span},
};

use crate::{
    domain::{
        chart::{Chart, Column},
        quantity::Quantity,
        site::Meter,
        unit::Unit,
    },
    tui::{
        format,
        layout::{self, CHART_AXIS, MeterAreas},
        model::MeterPane,
        widget::{
            Look,
            plot::{self, Part, Scale},
            spark,
        },
    },
};

/// Draws the chart into its area.
pub(super) fn draw(look: &Look<'_>, meter: &Meter, frame: &mut Frame<'_>, areas: &MeterAreas) {
    let area = areas.chart;
    let plot = layout::plot(area);
    if area.height < 3 {
        return;
    }
    let view = &look.model.chart;
    let Some(quantity) = look.model.quantities.selected() else {
        frame.render_widget(look.section("Chart"), area);
        return;
    };
    let shown = view.shown.as_ref().filter(|(key, _)| key.meter == meter.id && key.quantity == *quantity);
    let chart = shown.map(|(_, chart)| chart);
    let picture = Picture { look, quantity, unit: chart.and_then(|chart| chart.unit).or(quantity.unit()) };
    picture.frame(chart, frame, area);
    match chart {
        Some(chart) => picture.chart(chart, frame, plot),
        None => picture.recent(meter, frame, area),
    }
    if look.model.meter_pane == MeterPane::Chart {
        let column = view.cursor.and_then(|cursor| chart?.column_at(cursor)).unwrap_or_default();
        let x = plot.x.saturating_add(u16::try_from(column).unwrap_or_default());
        look.point_at(frame, x.min(area.right().saturating_sub(1)), plot.y);
    }
}

struct Picture<'look, 'model> {
    look: &'look Look<'model>,
    quantity: &'look Quantity,
    unit: Option<Unit>,
}

impl Picture<'_, '_> {
    /// The frame: what it is of above, the cursor and the time below.
    fn frame(&self, chart: Option<&Chart>, frame: &mut Frame<'_>, area: Rect) {
        let (look, view) = (self.look, &self.look.model.chart);
        let room = usize::from(area.width.saturating_sub(2));
        let dot = look.glyphs.dot;
        let unit = self.unit_text();
        let comma = if unit.is_empty() { "" } else { ", " };
        let zoom = chart.map_or(String::new(), |_| format!(" {dot} {}", view.zoom.word()));
        let title = format!(" {}{comma}{unit}{zoom} ", self.quantity.label());
        let means = chart.map(|chart| format!(" {} a column ", step_text(chart.step_ms)));
        let means = means.filter(|text| format::width(text) + format::width(&title) < room).unwrap_or_default();
        let has_focus = look.model.meter_pane == MeterPane::Chart;
        let mut block = look
            .frame(Line::styled(look.fit(&title, room), look.theme.title), None, has_focus)
            .title(Line::styled(means, look.theme.dim).alignment(Alignment::Right));
        if let Some(chart) = chart {
            let cursor = view.cursor.and_then(|cursor| self.under_cursor(chart, cursor));
            let span = self.span(chart);
            let cursor = cursor.map(|text| look.fit(&format!(" {text} "), room));
            let used = cursor.as_deref().map_or(0, format::width);
            if let Some(text) = cursor {
                block = block.title_bottom(Line::styled(text, look.theme.title));
            }
            if used + format::width(&span) < room {
                block = block.title_bottom(Line::styled(span, look.theme.dim).alignment(Alignment::Right));
            }
        }
        frame.render_widget(block, area);
    }

    fn unit_text(&self) -> &'static str {
        self.unit.map_or("", |unit| format::unit(unit, self.look.glyphs.is_ascii()))
    }

    fn clock(&self, at: Timestamp, form: &str) -> String {
        at.to_zoned(self.look.model.time_zone.clone()).strftime(form).to_string()
    }

    fn span(&self, chart: &Chart) -> String {
        let end = chart.start(chart.columns.len()).unwrap_or(chart.from);
        let is_now = self.look.model.chart.end.is_none();
        let until = if is_now { "now".to_owned() } else { self.clock(end, "%Y-%m-%d %H:%M") };
        format!(" {} to {until} ", self.clock(chart.from, "%Y-%m-%d %H:%M"))
    }

    /// `03-05 02:30  612.4 kW, 598.2 to 640.1`
    fn under_cursor(&self, chart: &Chart, cursor: Timestamp) -> Option<String> {
        const DAY_MS: i64 = 86_400_000;
        let place = chart.column_at(cursor)?;
        let form = match chart.step_ms {
            ..60_000 => "%m-%d %H:%M:%S",
            60_000..DAY_MS => "%m-%d %H:%M",
            _ => "%Y-%m-%d",
        };
        let at = self.clock(chart.start(place)?, form);
        let value = |value: f64| match self.unit {
            Some(unit) => format::value(self.quantity, unit, value),
            None => format::number(value, format::SIGNIFICANT_DIGITS),
        };
        Some(match chart.columns.get(place)? {
            Column::Value { mean, min, max, good } => {
                let unit = self.unit_text();
                let range = if min < max { format!(", {} to {}", value(*min), value(*max)) } else { String::new() };
                let doubt = if *good { "" } else { ", in part not good" };
                format!("{at}  {} {unit}{range}{doubt}", value(*mean)).trim_end().to_owned()
            }
            Column::Gap => format!("{at}  nothing was measured"),
            Column::Between => format!("{at}  no reading was due"),
        })
    }

    fn chart(&self, chart: &Chart, frame: &mut Frame<'_>, area: Rect) {
        let look = self.look;
        let Some((low, high)) = chart.extent().filter(|(low, high)| (high - low).is_finite()) else {
            let inside = Rect { x: area.x.saturating_sub(CHART_AXIS), width: area.width + CHART_AXIS, ..area };
            look.nothing(frame, inside, "Nothing is stored of this quantity in this time.");
            return;
        };
        let rows = usize::from(area.height);
        let scale = Scale::of(low, high, rows);
        self.value_axis(&scale, frame, area);
        self.time_axis(chart, frame, area);
        let cursor = look.model.chart.cursor.and_then(|cursor| chart.column_at(cursor));
        // While another width is asked for, the newest columns are shown.
        let skipped = chart.columns.len().saturating_sub(usize::from(area.width));
        for (place, (x, column)) in (area.left()..area.right()).zip(chart.columns.iter().skip(skipped)).enumerate() {
            let selected = if cursor == Some(place + skipped) { look.theme.selected } else { Style::new() };
            for (y, cell) in (area.top()..area.bottom()).zip(plot::column(column, &scale, rows, look.glyphs)) {
                let style = match cell.part {
                    Part::Blank => Style::new(),
                    Part::Mean => look.theme.chart,
                    Part::Band => look.theme.dim,
                    Part::Doubtful => look.theme.stale,
                    Part::Gap => look.theme.bad,
                };
                frame.buffer_mut().set_string(x, y, cell.glyph, style.patch(selected));
            }
        }
    }

    /// Marks with their values at the left.
    fn value_axis(&self, scale: &Scale, frame: &mut Frame<'_>, area: Rect) {
        let (look, rows) = (self.look, usize::from(area.height));
        let [line, mark, corner, ..] = look.glyphs.axis;
        let columns = usize::from(CHART_AXIS) - 1;
        let steps = look.glyphs.line.len();
        let mut labels = vec![String::new(); rows];
        for value in scale.marks() {
            let row = rows.saturating_sub(1 + scale.level(value, rows * steps) / steps);
            if let Some(label) = labels.get_mut(row).filter(|label| label.is_empty()) {
                *label = label_of(value, scale.decimals(), columns);
            }
        }
        let left = area.x.saturating_sub(CHART_AXIS);
        for (y, label) in (area.top()..area.bottom()).zip(labels) {
            let sign = if label.is_empty() { line } else { mark };
            let text = format!("{}{sign}", format::right(&label, columns));
            frame.buffer_mut().set_string(left, y, text, look.theme.dim);
        }
        frame.buffer_mut().set_string(area.x.saturating_sub(1), area.bottom(), corner, look.theme.dim);
    }

    /// The line of times, with as many of them as have room.
    fn time_axis(&self, chart: &Chart, frame: &mut Frame<'_>, area: Rect) {
        let look = self.look;
        let [.., line, mark] = look.glyphs.axis;
        let width = usize::from(area.width);
        frame.buffer_mut().set_string(area.x, area.bottom(), line.repeat(width), look.theme.dim);
        let mut free = 0;
        for time in plot::times(chart.from, chart.step_ms, width.min(chart.columns.len()), &look.model.time_zone) {
            let end = time.column + format::width(&time.text);
            let Ok(column) = u16::try_from(time.column) else { break };
            if time.column < free || end > width {
                continue;
            }
            frame.buffer_mut().set_string(area.x + column, area.bottom(), mark, look.theme.dim);
            frame.buffer_mut().set_string(area.x + column, area.bottom() + 1, &time.text, look.theme.dim);
            free = end + 1;
        }
    }

    /// The last minutes as the service has them in memory: where nothing is stored, or not asked for yet.
    fn recent(&self, meter: &Meter, frame: &mut Frame<'_>, area: Rect) {
        let look = self.look;
        let inside = area.inner(ratatui::layout::Margin::new(2, 1));
        let trend = look.model.trends.get(&(meter.id.clone(), self.quantity.clone()));
        let trend = trend.map(|trend| spark::grouped(trend, usize::from(inside.width)));
        let rows = usize::from(inside.height).saturating_sub(1);
        let extent = trend.as_ref().and_then(|trend| spark::extent(&trend.values)).filter(|_| rows > 0);
        let (Some(trend), Some((low, high))) = (trend, extent) else {
            let text = if look.model.chart.failed { "Nothing is kept of this quantity." } else { "" };
            return look.nothing(frame, inside, text);
        };
        let value = |value: f64| match self.unit {
            Some(unit) => format::value(self.quantity, unit, value),
            None => format::number(value, format::SIGNIFICANT_DIGITS),
        };
        let heading = format!("last {}: {} to {} {}", spark::length(&trend), value(low), value(high), self.unit_text());
        let heading = look.fit(heading.trim_end(), usize::from(inside.width));
        let lines = spark::tall(&trend.values, trend.values.len(), rows, look.glyphs);
        let drawn = std::iter::once(Line::styled(heading, look.theme.dim))
            .chain(lines.into_iter().map(|line| Line::from(Span::styled(line, look.theme.chart))));
        for (line_area, line) in inside.rows().zip(drawn) {
            frame.render_widget(line, line_area);
        }
    }
}

/// A value at the axis: grouped where that fits; one that fits in no way is not there rather than cut.
fn label_of(value: f64, decimals: usize, columns: usize) -> String {
    let grouped = format::fixed(value, decimals);
    if format::width(&grouped) <= columns {
        return grouped;
    }
    let plain: String = grouped.chars().filter(|character| *character != ' ').collect();
    if format::width(&plain) <= columns { plain } else { String::new() }
}

/// `54 s`, `30 min`, `3 h`, `6 d`
fn step_text(step_ms: i64) -> String {
    let seconds = u64::try_from(step_ms / 1000).unwrap_or_default();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 if seconds % 60 == 0 => format!("{} min", seconds / 60),
        3600..86_400 if seconds % 3600 == 0 => format!("{} h", seconds / 3600),
        3600..86_400 if seconds % 60 == 0 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        86_400.. => format!("{} d", seconds / 86_400),
        _ => format::short_time(Duration::from_secs(seconds)),
    }
}
