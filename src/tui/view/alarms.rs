//! The alarms that are not normal, and everything about the selected one.
//!
//! ```text
//! ┌ Alarms ── severity ─ since ──── what it is about ─── what is wrong ─ value ──┐
//! │UNACK      CRITICAL   14:02:31   RPP-B                load critical   96.4 %  │
//! │ACK        MEDIUM     13:40:02   RPP-A                load high       84.5 %  │
//! └──────────────────────────────────────────────────────────────────────────────┘
//! ```

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    style::Style,
    text::{Line, Span},
};

use super::{centred, footer, framed};
use crate::{
    domain::{
        alarm::{AlarmKey, AlarmLine, AlarmState, Measured, Severity, Subject},
        standing,
        unit::Unit,
    },
    tui::{
        format,
        layout::SizeClass,
        model::{AlarmDraft, Model, SHELVE_CHOICES},
        theme::Theme,
        widget::{Cells, Look},
    },
};

/// Width from which the details stand beside the table.
const WIDE: u16 = 130;
/// Columns of the details beside the table.
const DETAILS_WIDTH: u16 = 52;
/// Rows of the details below the table, frame included.
const DETAILS_HEIGHT: u16 = 8;
/// Height from which details fit below the table.
const TALL: u16 = 16;
/// Columns of a state, a severity, a time, what is wrong, and a value with its threshold.
const STATE: usize = 10;
/// See [`STATE`].
const SEVERITY: usize = 9;
/// See [`STATE`].
const SINCE: usize = 12;
/// See [`STATE`].
const TITLE: usize = 17;
/// See [`STATE`].
const VALUE: usize = 22;
/// See [`STATE`]; for a value and its threshold alone.
const SHORT_VALUE: usize = 16;
/// Columns of a label of the details.
const LABEL: usize = 10;

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
    let selected = model.alarm_rows.selected().and_then(|id| model.alarm(id));
    if let Some(line) = selected.filter(|_| !details_area.is_empty()) {
        let width = usize::from(details_area.width.saturating_sub(4));
        let block = look.section(&look.fit(&line.id.to_string(), width));
        let inner = block.inner(details_area);
        frame.render_widget(block, details_area);
        for (line_area, line) in inner.rows().zip(details(&look, line, width)) {
            frame.render_widget(line, line_area);
        }
    }
}

/// Draws what somebody is about to do to an alarm, over the screen.
pub fn draw_draft(model: &Model, draft: &AlarmDraft, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let subject = model.subject_name(&draft.id.subject);
    let what = if draft.shelve.is_some() { "Shelve" } else { "Acknowledge" };
    let height = if draft.shelve.is_some() { 5 } else { 4 };
    let inside = framed(what, model, theme, frame, centred(area, 70, height));
    let mut lines = vec![Line::styled(format!("{subject}: {}", draft.id.kind.title()), theme.title)];
    if let Some(chosen) = draft.shelve {
        let choice = |(index, text): (usize, &&str)| {
            let (text, style) =
                if index == chosen { (format!("[{text}]"), theme.selected) } else { (format!(" {text} "), theme.text) };
            [Span::styled(text, style), Span::raw(" ")]
        };
        let choices = SHELVE_CHOICES.iter().enumerate().flat_map(choice);
        lines.push(std::iter::once(Span::styled("for  ", theme.dim)).chain(choices).collect());
    }
    for (line_area, line) in inside.rows().zip(&lines) {
        frame.render_widget(line, line_area);
    }
    let Some(input_area) = inside.rows().nth(lines.len()) else { return };
    let [label, input] = Layout::horizontal([Constraint::Length(5), Constraint::Fill(1)]).areas(input_area);
    frame.render_widget(Line::styled("note", theme.dim), label);
    footer::draw_input(">", &draft.input, theme, frame, input);
}

/// The style of a severity.
pub fn severity_style(theme: &Theme, severity: Severity) -> Style {
    match severity {
        Severity::Critical => theme.critical,
        Severity::High => theme.offline,
        Severity::Medium => theme.warning,
        Severity::Low => theme.text,
    }
}

/// An alarm's state in one word, as lists have room for.
pub fn state_word(state: AlarmState) -> &'static str {
    match state {
        AlarmState::Normal => "NORMAL",
        AlarmState::Unacknowledged => "UNACK",
        AlarmState::Acknowledged => "ACK",
        AlarmState::ReturnedUnacknowledged => "RETURNED",
        AlarmState::Shelved => "SHELVED",
        AlarmState::OutOfService => "OUT OF S.",
    }
}

/// An alarm of a meter in one line, for the screens that show the meter: `load critical 96.4 % / 95 %, UNACK 2 min`.
pub fn short_line(look: &Look<'_>, line: &AlarmLine) -> (String, Style) {
    let value = line.measured.as_ref().map_or(String::new(), |measured| format!(" {}", against(measured)));
    let age = line.since.map_or(String::new(), |since| format!(" {}", format::age(look.age(since))));
    let text = format!("{}{value}, {}{age}", line.id.kind.title(), state_word(line.state));
    let style = if line.state == AlarmState::Unacknowledged {
        severity_style(look.theme, line.severity)
    } else {
        look.theme.text
    };
    (text, style)
}

fn table(look: &Look<'_>, frame: &mut Frame<'_>, area: Rect) {
    let title = match look.model.alarm_rows.filter.as_str() {
        "" => " Alarms ".to_owned(),
        filter => format!(" Alarms /{} ", look.fit(filter, 24)),
    };
    let block = look.frame(Line::styled(title, look.theme.title), None, true);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    if inner.is_empty() {
        return;
    }
    let columns = Columns::of(usize::from(inner.width), look.model.size_class());
    let dim = |text| (text, look.theme.dim);
    let heading =
        columns.line(look, [dim("state"), dim("severity"), dim("since"), dim("of"), dim("what"), dim("value / limit")]);
    frame.render_widget(heading, Rect { height: 1, ..inner });
    let rows = Rect { y: inner.y + 1, height: inner.height - 1, ..inner };
    let alarms = &look.model.alarm_rows;
    if alarms.rows.is_empty() {
        let reason = match alarms.filter.as_str() {
            "" => "No alarms: everything that is watched is normal.",
            _ => "Nothing matches. Esc shows all alarms.",
        };
        look.nothing(frame, rows, reason);
    }
    for (line_area, index) in rows.rows().zip(alarms.window(usize::from(rows.height))) {
        let Some(id) = alarms.rows.get(index) else { break };
        let is_selected = index == alarms.selected;
        frame.render_widget(columns.alarm(look, id).patch_style(look.row_style(is_selected)), line_area);
        if is_selected {
            look.point_at(frame, line_area.x, line_area.y);
        }
    }
}

/// How wide the columns are; 0 where there is no room.
struct Columns {
    severity: usize,
    since: usize,
    name: usize,
    title: usize,
    value: usize,
}

impl Columns {
    fn of(width: usize, class: SizeClass) -> Self {
        let (severity, since) = if class >= SizeClass::Pane { (SEVERITY, SINCE) } else { (0, 0) };
        let value = match width {
            _ if class < SizeClass::Full => 0,
            96.. => VALUE,
            _ => SHORT_VALUE,
        };
        let room = width.saturating_sub(STATE + severity + since + value);
        let title = if room >= TITLE + 12 { TITLE } else { room / 2 };
        Self { severity, since, name: room.saturating_sub(title), title, value }
    }

    fn alarm(&self, look: &Look<'_>, id: &AlarmKey) -> Line<'static> {
        let Some(line) = look.model.alarm(id) else { return Line::raw(id.to_string()) };
        let theme = look.theme;
        let style = severity_style(theme, line.severity);
        let state = if line.state == AlarmState::Unacknowledged { style } else { theme.text };
        let since = line.since.map_or_else(String::new, |since| short_clock(look, since));
        let name = look.model.subject_name(&line.id.subject);
        let value = match &line.measured {
            Some(measured) => against(measured),
            None => line.detail.clone(),
        };
        let severity = line.severity.word().to_uppercase();
        let text = theme.text;
        let parts = [
            (state_word(line.state), state),
            (severity.as_str(), style),
            (since.as_str(), text),
            (name.as_str(), text),
            (line.id.kind.title(), text),
            (value.as_str(), text),
        ];
        self.line(look, parts)
    }

    fn line(&self, look: &Look<'_>, parts: [(&str, Style); 6]) -> Line<'static> {
        let widths = [STATE, self.severity, self.since, self.name, self.title, self.value];
        let mut cells = Cells::new(look.glyphs);
        for ((text, style), width) in parts.into_iter().zip(widths) {
            if width > 1 {
                cells = cells.left(text, width - 1, style).gap(1);
            }
        }
        cells.line()
    }
}

/// A time of the last hours, or with its day: as narrow as can be.
fn short_clock(look: &Look<'_>, at: jiff::Timestamp) -> String {
    const SAME_DAY: std::time::Duration = std::time::Duration::from_hours(18);
    let form = if look.age(at) < SAME_DAY { "%H:%M:%S" } else { "%m-%d %H:%M" };
    at.to_zoned(look.model.time_zone.clone()).strftime(form).to_string()
}

/// `96.4 % / 95 %`
fn against(measured: &Measured) -> String {
    let unit = measured.quantity.unit().unwrap_or(Unit::Ratio);
    let symbol = format::unit(unit, true);
    let text = format!("{} {symbol}", format::value(&measured.quantity, unit, measured.value));
    format!("{} / {} {symbol}", text.trim_end(), measured.threshold).trim_end().to_owned()
}

/// Everything about an alarm.
fn details(look: &Look<'_>, line: &AlarmLine, width: usize) -> Vec<Line<'static>> {
    let theme = look.theme;
    let wrapped = |label: &str, text: &str, style| look.labelled(label, LABEL, text, width, style);
    let since = line
        .since
        .map_or_else(String::new, |since| format!(" since {} ({})", look.clock(since), format::age(look.age(since))));
    let held = if line.active || line.state == AlarmState::ReturnedUnacknowledged { "" } else { ", condition gone" };
    let until = line.shelved_until.map_or_else(String::new, |until| format!(" until {}", until_clock(look, until)));
    let state = format!("{}, {}{until}{since}{held}", line.severity.word(), line.state.word());
    let mut lines = wrapped("state", &state, severity_style(theme, line.severity));
    if let Some(measured) = &line.measured {
        let quantity = measured.quantity.label();
        let now = value_now(look, line, measured).map_or(String::new(), |now| format!(", now {now}"));
        lines.extend(wrapped("value", &format!("{quantity} {} when it came{now}", against(measured)), theme.text));
    }
    if !line.detail.is_empty() {
        lines.extend(wrapped("because", &line.detail, theme.text));
    }
    if line.note.is_some() || line.who.is_some() {
        let who = line.who.as_deref().unwrap_or_default();
        let note = line.note.as_deref().map_or(String::new(), |note| format!(": {note}"));
        lines.extend(wrapped("said", &format!("{who}{note}"), theme.text));
    }
    let below = look.model.alarms.iter().filter(|other| other.under.as_ref() == Some(&line.id));
    let below: Vec<String> = below
        .map(|other| format!("{} {}", look.model.subject_name(&other.id.subject), other.id.kind.title()))
        .collect();
    if !below.is_empty() {
        lines.extend(wrapped("under it", &below.join(", "), theme.text));
    }
    lines
}

/// The end of a shelf on the site's clock, with its day where it is not today.
fn until_clock(look: &Look<'_>, until: jiff::Timestamp) -> String {
    let [until, now] = [until, look.now].map(|at| at.to_zoned(look.model.time_zone.clone()));
    let form = if until.date() == now.date() { "%H:%M" } else { "%Y-%m-%d %H:%M" };
    until.strftime(form).to_string()
}

/// What is measured now of the quantity that an alarm is about.
fn value_now(look: &Look<'_>, line: &AlarmLine, measured: &Measured) -> Option<String> {
    let Subject::Meter(id) = &line.id.subject else { return None };
    let (meter, known) = look.meter(id)?;
    let value = standing::trusted(known?, &measured.quantity, look.now, look.every(meter))?;
    let unit = measured.quantity.unit()?;
    Some(format!("{} {}", format::value(&measured.quantity, unit, value), format::unit(unit, true)))
}
