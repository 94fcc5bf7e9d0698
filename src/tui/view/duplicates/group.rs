//! The selected group: its readings side by side, and what speaks for one or the other.

use ratatui::{
    Frame,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use crate::{
    domain::duplicate::{ChargeStage, FindingKind, Reading, Standing},
    service::interface::duplicates::{GroupDetail, Measured},
    tui::{
        format,
        widget::{Cells, Look},
    },
};

/// Columns of a label.
const LABEL: usize = 14;
/// Least columns of a reading: two stand side by side in a terminal of 80.
const COLUMN: usize = 16;
/// Columns from which a reading has its classification and its distance beside what they are about.
const WIDE_COLUMN: usize = 25;
/// Most columns of a reading: beyond, eyes lose the row.
const MAX_COLUMN: usize = 34;
/// Most decisions that are listed; commands list them all.
const MAX_DECISIONS: usize = 5;

/// Draws the selected group into `area`.
pub fn draw(look: &Look<'_>, frame: &mut Frame<'_>, area: Rect) {
    let desk = &look.model.desk;
    let Some(line) = desk.queue.selected() else {
        let block = look.section("group");
        frame.render_widget(block, area);
        return;
    };
    let (start, end) = (line.period.start, line.period.end);
    let (dot, arrow) = (look.glyphs.dot, look.glyphs.arrow);
    let title = format!("{} {dot} {start} {arrow} {end}", line.meter);
    let block = look.section(&look.fit(&title, usize::from(area.width.saturating_sub(4))));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let Some(detail) = desk.shown() else {
        look.nothing(frame, inner, desk.failed.as_deref().unwrap_or("Asking for its readings ..."));
        return;
    };
    let lines = Sheet::new(look, detail, usize::from(inner.width)).lines(usize::from(inner.height));
    for (line_area, line) in inner.rows().zip(lines) {
        frame.render_widget(line, line_area);
    }
}

/// A group as a table: a row for each kind of evidence, a column for each reading.
struct Sheet<'look, 'model> {
    look: &'look Look<'model>,
    detail: &'look GroupDetail,
    width: usize,
    column: usize,
    /// Index of the first reading that is shown.
    first: usize,
    shown: usize,
}

impl<'look, 'model> Sheet<'look, 'model> {
    fn new(look: &'look Look<'model>, detail: &'look GroupDetail, width: usize) -> Self {
        let count = detail.group.readings.len();
        let room = width.saturating_sub(LABEL);
        let shown = (room / COLUMN).clamp(1, count.max(1));
        let column = (room / shown).min(MAX_COLUMN);
        let cursor = look.model.desk.candidate.min(count.saturating_sub(1));
        let first = (cursor + 1).saturating_sub(shown);
        Self { look, detail, width, column, first, shown }
    }

    /// The lines, the most useful first, where not all fit into `height`.
    fn lines(&self, height: usize) -> Vec<Line<'static>> {
        let theme = self.look.theme;
        let mut lines = vec![self.heading()];
        lines.push(self.row("usage", |place, reading| self.usage(place, reading)));
        if self.is_narrow() {
            lines.push(self.row("  difference", |place, reading| self.known(self.apart(place, reading))));
            lines.push(self.row("provider", |_, reading| self.known(reading.provider.clone())));
            lines.push(
                self.row("  it is", |_, reading| self.known(reading.classification.as_ref().map(ToString::to_string))),
            );
        } else {
            lines.push(self.row("provider", |_, reading| (provider(reading, self.look), theme.text)));
        }
        lines.push(self.row("deregulation", |_, reading| {
            let status = reading.deregulation.as_ref().map(ToString::to_string);
            self.known(status)
        }));
        lines.push(self.row("charge stages", |_, reading| {
            let stages: Vec<&str> = reading.stages.iter().map(ChargeStage::word).collect();
            self.known(Some(stages.join(", ")).filter(|stages| !stages.is_empty()))
        }));
        lines.push(self.row("period", |_, reading| (self.period(reading), theme.text)));
        lines.push(self.row("statement", |_, reading| self.known(reading.statement_date.map(|date| date.to_string()))));
        let why = self.wrapped("why a person", &self.why(), theme.warning);
        let is_open = matches!(self.detail.group.finding.standing, Standing::Open { .. });
        let (why, more) = if is_open { (why, Vec::new()) } else { (Vec::new(), why) };
        let measured = self.detail.measured.as_ref().map_or_else(Vec::new, |measured| self.measured(measured));
        // Where the last rows do not fit, why it is here must.
        if lines.len() + why.len() + measured.len() > height && height > why.len() {
            lines.truncate((height - why.len()).max(2));
            lines.extend(why);
            lines.extend(measured);
        } else {
            lines.extend(measured);
            lines.extend(why);
        }
        lines.extend(more);
        lines.extend(self.evidence());
        lines.extend(self.decisions());
        lines
    }

    fn heading(&self) -> Line<'static> {
        let (desk, theme) = (&self.look.model.desk, self.look.theme);
        let counted = self.counted();
        let count = self.detail.group.readings.len();
        let hidden = count.saturating_sub(self.shown);
        let label = if hidden == 0 { String::new() } else { format!("{count} readings") };
        let mut cells = Cells::new(self.look.glyphs).left(&label, LABEL, theme.dim);
        for (place, reading) in self.readings() {
            let is_marked = desk.marked.contains(&reading.id);
            let mut words = vec![(place + 1).to_string()];
            words.extend(is_marked.then(|| "marked".to_owned()));
            words.extend(counted.contains(&place).then(|| "COUNTS".to_owned()));
            let is_suggested = self.detail.suggested == Some(reading.id) && counted.is_empty();
            words.extend(is_suggested.then(|| "likely".to_owned()));
            let is_current = place == desk.candidate;
            let style = match (is_current, counted.contains(&place)) {
                (true, _) => theme.selected,
                (false, true) => theme.good,
                (false, false) => theme.title,
            };
            cells = cells.left(&format!(" {} ", words.join(" ")), self.column.saturating_sub(1), style).gap(1);
        }
        cells.line_within(self.width)
    }

    /// Places of the readings that count.
    fn counted(&self) -> Vec<usize> {
        let group = &self.detail.group;
        let counted = match &group.finding.standing {
            Standing::Ruled { chosen, .. } => vec![*chosen],
            Standing::Decided { counted, .. } => counted.clone(),
            Standing::Open { .. } => Vec::new(),
        };
        let places = group.readings.iter().enumerate();
        places.filter(|(_, reading)| counted.contains(&reading.id)).map(|(place, _)| place).collect()
    }

    fn readings(&self) -> impl Iterator<Item = (usize, &'look Reading)> {
        self.detail.group.readings.iter().enumerate().skip(self.first).take(self.shown)
    }

    fn row(&self, label: &str, cell: impl Fn(usize, &Reading) -> (String, Style)) -> Line<'static> {
        let mut cells = Cells::new(self.look.glyphs).left(label, LABEL, self.look.theme.dim);
        for (place, reading) in self.readings() {
            let (text, style) = cell(place, reading);
            cells = cells.gap(1).left(&text, self.column.saturating_sub(1), style);
        }
        cells.line_within(self.width)
    }

    fn known(&self, text: Option<String>) -> (String, Style) {
        text.map_or_else(
            || (self.look.glyphs.missing.to_owned(), self.look.theme.dim),
            |text| (text, self.look.theme.text),
        )
    }

    /// `50 kWh Δ +11.1 %`, against the first reading.
    fn usage(&self, place: usize, reading: &Reading) -> (String, Style) {
        let Some(usage) = &reading.usage else { return ("no usage".to_owned(), self.look.theme.bad) };
        let apart = self.apart(place, reading).filter(|_| !self.is_narrow());
        let apart = apart.map_or_else(String::new, |apart| format!(" {apart}"));
        (format!("{usage}{apart}"), self.look.theme.title)
    }

    /// How far a reading is from the first one, where that says something.
    fn apart(&self, place: usize, reading: &Reading) -> Option<String> {
        let group = &self.detail.group;
        let first = group.readings.first().filter(|_| place > 0 && group.finding.kind == FindingKind::Duplicate)?;
        let apart = percent_apart(first.usage.as_ref()?.base(), reading.usage.as_ref()?.base())?;
        Some(format!("{} {apart}", self.look.glyphs.delta))
    }

    fn is_narrow(&self) -> bool {
        self.column < WIDE_COLUMN
    }

    fn period(&self, reading: &Reading) -> String {
        let (start, end) = (reading.period.start, reading.period.end);
        let form = if self.is_narrow() { "%m-%d" } else { "%Y-%m-%d" };
        format!("{} {} {}", start.strftime(form), self.look.glyphs.arrow, end.strftime(form))
    }

    /// What the site's own meter measured, and how far each reading is from it.
    fn measured(&self, measured: &Measured) -> Vec<Line<'static>> {
        let theme = self.look.theme;
        let kind = measured.meter_type.map(|kind| format!(", {}", kind.word())).unwrap_or_default();
        let class = measured.accuracy_class.map(|class| format!(", class {}", class.word())).unwrap_or_default();
        let estimated = if measured.estimated { ", partly estimated" } else { "" };
        let name = self.look.site.meters.get(&measured.meter).map_or(measured.meter.as_str(), |meter| &meter.name);
        let covered = format::fixed(measured.coverage_percent, 0);
        let text = format!(
            "{} kWh ({covered} % covered{estimated}) by {name}{kind}{class}",
            measured.kwh.round_dp(3).normalize()
        );
        let mut lines = self.wrapped("measured here", &text, theme.text);
        lines.push(self.row("  against it", |_, reading| {
            let off = measured.deviations.iter().find(|(id, _)| *id == reading.id).and_then(|(_, off)| *off);
            self.known(off.map(|off| format!("{} {}", self.look.glyphs.delta, signed_percent(off))))
        }));
        lines
    }

    /// Why a person is needed, or how it was resolved.
    fn why(&self) -> String {
        let finding = &self.detail.group.finding;
        match &finding.standing {
            Standing::Open { reason, reopened, deferred } => {
                let mut words = match (reason, finding.kind) {
                    (Some(reason), _) => reason.describe().to_owned(),
                    (None, FindingKind::Overlap) => {
                        "the periods overlap: some days are counted twice until a person says which readings count"
                            .to_owned()
                    }
                    (None, FindingKind::Duplicate) => "its readings changed".to_owned(),
                };
                if reopened.is_some() {
                    words.push_str("; decided before, and its readings changed since");
                }
                if deferred.is_some() {
                    words.push_str("; put off");
                }
                words
            }
            Standing::Ruled { rule, .. } => format!("nobody: resolved by the rule {}", rule.word()),
            Standing::Decided { value: Some(value), .. } => format!("decided: {value}, typed"),
            Standing::Decided { counted, .. } if counted.len() == self.detail.group.readings.len() => {
                "decided: all readings count".to_owned()
            }
            Standing::Decided { .. } => "decided".to_owned(),
        }
    }

    /// What other groups and other years say.
    fn evidence(&self) -> Vec<Line<'static>> {
        let mut lines = Vec::new();
        if !self.detail.providers.is_empty() {
            lines.push(self.row("counted before", |_, reading| {
                let mut records = self.detail.providers.iter();
                let own =
                    records.find(|it| it.provider == reading.provider && it.classification == reading.classification);
                self.known(own.map(|own| format!("{} of {} groups", own.counted, own.of)))
            }));
        }
        let years: Vec<String> = self
            .detail
            .other_years
            .iter()
            .map(|year| format!("{}: {}", year.period.start.strftime("%Y-%m"), year.usage))
            .collect();
        if !years.is_empty() {
            let dot = format!(" {} ", self.look.glyphs.dot);
            lines.extend(self.wrapped("other years", &years.join(&dot), self.look.theme.text));
        }
        lines
    }

    fn decisions(&self) -> Vec<Line<'static>> {
        let decisions = self.detail.decisions.iter().rev().take(MAX_DECISIONS);
        let lines = decisions.enumerate().flat_map(|(place, decision)| {
            let label = if place == 0 { "decisions" } else { "" };
            self.wrapped(label, &decision.describe(), self.look.theme.text)
        });
        lines.collect()
    }

    fn wrapped(&self, label: &str, text: &str, style: Style) -> Vec<Line<'static>> {
        let lines = self.look.labelled(label, LABEL, text, self.width.saturating_sub(1), style);
        // In line with the columns, which stand one further in.
        let indented = |line: Line<'static>| {
            let mut spans = line.spans;
            spans.insert(1.min(spans.len()), Span::raw(" "));
            Line::from(spans)
        };
        lines.into_iter().map(indented).collect()
    }
}

/// `Grid Co (MAIN)`
fn provider(reading: &Reading, look: &Look<'_>) -> String {
    let name = reading.provider.as_deref().unwrap_or(look.glyphs.missing);
    let class =
        reading.classification.as_ref().map_or_else(String::new, |class| format!(" {} {class}", look.glyphs.dot));
    format!("{name}{class}")
}

/// By how much an amount is above another, percent of that; nothing where that is zero or they are equal.
fn percent_apart(from: rust_decimal::Decimal, to: rust_decimal::Decimal) -> Option<String> {
    use rust_decimal::prelude::ToPrimitive as _;
    let apart = to.checked_sub(from)?.checked_mul(rust_decimal::Decimal::ONE_HUNDRED)?.checked_div(from.abs())?;
    if apart.is_zero() { None } else { Some(signed_percent(apart.to_f64()?)) }
}

/// `+11.1 %`
fn signed_percent(percent: f64) -> String {
    let sign = if percent > 0.0 { "+" } else { "" };
    format!("{sign}{}", format::percent(percent))
}
