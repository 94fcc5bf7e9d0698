//! One panel: what a technician wants to know of a meter at a glance.

use ratatui::{
    Frame,
    layout::Rect,
    style::Style,
    text::{Line, Span},
    widgets::Padding,
};

use crate::{
    domain::{
        ids::MeterId,
        live::MeterLive,
        powermeter::Consumption,
        quantity::Quantity,
        reading::State,
        site::Meter,
        standing::{self, Breach, Standing},
        unit::Unit,
    },
    tui::{
        format,
        view::{
            alarms::short_line,
            meter::counted::{energy, number},
        },
        widget::{Cells, Look, bar, reading::Shown, spark},
    },
};

/// Widest bar of a phase: beyond, eyes lose the line.
const MAX_PHASE_BAR: usize = 24;
/// Widest bar of the load.
const MAX_LOAD_BAR: usize = 40;

/// The three phases, as `label, voltage, current`.
const PHASES: [(&str, Quantity, Quantity); 3] = [
    ("L1", Quantity::VoltagePhaseA, Quantity::AmpsPhaseA),
    ("L2", Quantity::VoltagePhaseB, Quantity::AmpsPhaseB),
    ("L3", Quantity::VoltagePhaseC, Quantity::AmpsPhaseC),
];

/// Draws the panel of `id`.
pub(super) fn draw(look: &Look<'_>, frame: &mut Frame<'_>, area: Rect, id: &MeterId, is_selected: bool) {
    let Some((meter, live)) = look.meter(id) else { return };
    let breaches = live.map_or_else(Vec::new, |live| standing::breaches(meter, live, look.now, look.every(meter)));
    let width = usize::from(area.width.saturating_sub(4));
    let panel = Panel { look, meter, live, standing: look.standing(meter), breaches, width };
    let state = panel.state();
    let title = panel.title(is_selected, usize::from(area.width).saturating_sub(state.width() + 6));
    let mut block = look.frame(title, Some(state), is_selected).padding(Padding::horizontal(1));
    if let Some(energy) = panel.energy() {
        block = block.title_bottom(Line::styled(format!(" {energy} "), look.theme.dim));
    }
    if let Some(rating) = panel.rating() {
        block = block.title_bottom(Line::styled(format!(" of {rating} "), look.theme.dim).right_aligned());
    }
    let inner = block.inner(area);
    frame.render_widget(block, area);
    for (line_area, line) in inner.rows().zip(panel.lines(usize::from(inner.height))) {
        frame.render_widget(line, line_area);
    }
}

/// A line, and how soon it makes room for others: the highest first.
type Ranked = (u8, Line<'static>);

struct Panel<'look, 'model> {
    look: &'look Look<'model>,
    meter: &'model Meter,
    live: Option<&'model MeterLive>,
    standing: Standing,
    breaches: Vec<Breach>,
    width: usize,
}

impl Panel<'_, '_> {
    fn title(&self, is_selected: bool, columns: usize) -> Line<'static> {
        let cursor = if is_selected { self.look.glyphs.cursor } else { "" };
        let name = self.look.fit(&self.meter.name, columns);
        let rest = columns.saturating_sub(format::width(&name) + 1 + format::width(cursor));
        let meter_name = self.look.fit(self.meter.meter_name.as_deref().unwrap_or_default(), rest);
        let name_style = if is_selected { self.look.theme.focus } else { self.look.theme.title };
        let mut spans =
            vec![Span::styled(format!("{cursor}{}{name} ", if is_selected { "" } else { " " }), name_style)];
        if !meter_name.is_empty() {
            spans.push(Span::styled(format!("{meter_name} "), self.look.theme.text));
        }
        Line::from(spans)
    }

    /// The state's word, and how long ago the device answered.
    fn state(&self) -> Span<'static> {
        let age = match self.standing {
            Standing::NotRead | Standing::Waiting => None,
            _ => self.live.and_then(|live| live.at).map(|at| format::age(self.look.age(at))),
        };
        let word = self.standing.word();
        let text = age.map_or(word.to_owned(), |age| format!("{word} {age}"));
        Span::styled(text, self.look.theme.standing(self.standing))
    }

    fn energy(&self) -> Option<String> {
        let known = self.look.model.facts.consumption(&self.meter.id);
        if let Some(text) = known.and_then(|known| self.day(known)) {
            return Some(text);
        }
        let shown = self.shown(&Quantity::KwhLifetime);
        matches!(shown.state, State::Good | State::Estimated | State::Stale).then(|| shown.with_unit())
    }

    /// `today 9 812 kWh · peak 655 kW 14:15`: the highest demand since records began, with its time today, else its day.
    fn day(&self, known: &Consumption) -> Option<String> {
        let state = |name: &str| known.states.get(name).copied().unwrap_or(State::Missing);
        let (today, _) = energy(self.look, Some(known.kwh_today?), state("kwhToday"));
        let today = format!("today {today}");
        let (Some(peak), Some(at)) = (known.peak_demand_kw, known.peak_demand_date) else { return Some(today) };
        let [at, now] = [at, self.look.now].map(|at| at.to_zoned(self.look.model.time_zone.clone()));
        let at = at.strftime(if at.date() == now.date() { "%H:%M" } else { "%m-%d" });
        let both = format!("{today} {} peak {} kW {at}", self.look.glyphs.dot, number(peak));
        let rating = self.rating().map_or(0, |rating| format::width(&rating) + 6);
        Some(if format::width(&both) + rating <= self.width { both } else { today })
    }

    fn lines(&self, height: usize) -> Vec<Line<'static>> {
        let mut ranked = match self.standing {
            Standing::NotRead => vec![(0, self.note(&self.why_not_read()))],
            Standing::Waiting => vec![(0, self.note("waiting for its first answer"))],
            Standing::Offline => self.trouble(true),
            Standing::Error => self.trouble(false),
            _ => Vec::new(),
        };
        if self.live.is_some_and(|live| !live.readings.is_empty()) {
            ranked.extend(if self.is_electric() { self.electric() } else { self.other() });
        }
        while ranked.len() > height {
            let Some(least) = (0..ranked.len()).rev().max_by_key(|index| ranked.get(*index).map(|(rank, _)| *rank))
            else {
                break;
            };
            ranked.remove(least);
        }
        ranked.into_iter().map(|(_, line)| line).collect()
    }

    fn electric(&self) -> Vec<Ranked> {
        let mut lines = vec![(0, self.power())];
        let phases: Vec<Line<'static>> = PHASES.iter().filter_map(|phase| self.phase(phase)).collect();
        if phases.is_empty() {
            lines.extend(self.single_phase().map(|line| (1, line)));
        }
        lines.extend(phases.into_iter().map(|line| (2, line)));
        lines.extend(self.load().map(|line| (1, line)));
        lines.extend(self.imbalance().map(|line| (4, line)));
        lines.extend(self.trend(&Quantity::CurrentKw).map(|line| (3, line)));
        lines.extend(self.alarms().map(|line| (5, line)));
        lines
    }

    /// `! load critical 96.4 % / 95 %, UNACK 2 min, 1 more`
    fn alarms(&self) -> Option<Line<'static>> {
        let alarms = self.look.model.alarms_of(self.meter);
        let (text, style) = short_line(self.look, alarms.first()?);
        let more = if alarms.len() > 1 { format!(", {} more", alarms.len() - 1) } else { String::new() };
        Some(Line::styled(self.look.fit(&format!("! {text}{more}"), self.width), style))
    }

    /// Of a meter that measures no electricity: what it has, one quantity a line.
    fn other(&self) -> Vec<Ranked> {
        let quantities = self.live.into_iter().flat_map(|live| live.readings.keys());
        let lines = quantities.filter(|quantity| **quantity != Quantity::KwhLifetime).map(|quantity| {
            let shown = self.shown(quantity);
            let label = self.width.saturating_sub(20).min(18);
            let cells = Cells::new(self.look.glyphs)
                .left(quantity.label(), label, self.look.theme.dim)
                .right(&shown.text, 13, shown.style)
                .text(format!(" {}", shown.unit), self.look.theme.dim);
            (2, cells.line())
        });
        lines.collect()
    }

    /// `612.4 kW   643.0 kVA  PF 0.952`
    fn power(&self) -> Line<'static> {
        let mut cells = self.value(Cells::new(self.look.glyphs), &Quantity::CurrentKw, 7, Emphasis::Strong);
        if self.has(&Quantity::CurrentKva) {
            cells = self.value(cells, &Quantity::CurrentKva, 8, Emphasis::Plain);
        }
        if self.has(&Quantity::PowerFactor) {
            let shown = self.shown(&Quantity::PowerFactor);
            let style = self.warned(&Quantity::PowerFactor, shown.style);
            cells = cells.text("  PF ", self.look.theme.dim).right(&shown.text, 5, style);
            cells = self.mark(cells, &Quantity::PowerFactor);
        }
        cells.line()
    }

    /// `L1 402.3 V 921 A ▇▇▇▇▇▇▇▇▇▁`
    fn phase(&self, (label, voltage, current): &(&str, Quantity, Quantity)) -> Option<Line<'static>> {
        if !self.has(voltage) && !self.has(current) {
            return None;
        }
        let mut cells = Cells::new(self.look.glyphs).text(*label, self.look.theme.dim);
        cells = self.value(cells, voltage, 6, Emphasis::Plain);
        let amps = self.look.shown_short(self.meter, self.live, current);
        cells = cells.right(&amps.text, 7, amps.style).left(&format!(" {}", amps.unit), 3, self.look.theme.dim);
        let columns = self.width.saturating_sub(cells.used() + 2).min(MAX_PHASE_BAR);
        if let Some(share) = self.phase_share(current) {
            cells = cells.text(bar::steps(share, columns, self.look.glyphs), self.look.theme.chart);
        }
        Some(self.mark(cells, voltage).line())
    }

    /// A phase's current against the rating; without a rated current, the load times this phase's part of the mean.
    fn phase_share(&self, current: &Quantity) -> Option<f64> {
        let amps = self.trusted(current)?;
        if let Some(rated) = self.meter.rated_capacity_amps.filter(|rated| *rated > 0.0) {
            return Some(amps / rated);
        }
        let all: Vec<f64> = PHASES.iter().filter_map(|(_, _, current)| self.trusted(current)).collect();
        let mean = all.iter().sum::<f64>() / all.len() as f64;
        let load = self.trusted(&Quantity::LoadPercent)? / 100.0;
        (mean > 0.0).then(|| load * amps / mean)
    }

    /// `230.9 V   12.3 A   50.01 Hz`
    fn single_phase(&self) -> Option<Line<'static>> {
        let mut cells = Cells::new(self.look.glyphs);
        for (quantity, columns) in [(Quantity::Voltage, 7), (Quantity::CurrentAmps, 8), (Quantity::Frequency, 8)] {
            if self.has(&quantity) {
                cells = self.value(cells, &quantity, columns, Emphasis::Plain);
            }
        }
        let cells = self.mark(cells, &Quantity::Voltage);
        (cells.used() > 0).then(|| cells.line())
    }

    /// `load 76.6 % ▕██████████▌    ▏ !`
    fn load(&self) -> Option<Line<'static>> {
        let has_rating = self.meter.rated_capacity_kw.or(self.meter.rated_capacity_amps).is_some();
        if !has_rating && !self.has(&Quantity::LoadPercent) {
            return None;
        }
        let theme = self.look.theme;
        let shown = self.shown(&Quantity::LoadPercent);
        let style = self.warned(&Quantity::LoadPercent, shown.style);
        let mut cells = Cells::new(self.look.glyphs).text("load", theme.dim).right(&shown.with_unit(), 8, style).gap(1);
        let columns = self.width.saturating_sub(cells.used() + 2 + 3).min(MAX_LOAD_BAR);
        if let Some(load) = self.trusted(&Quantity::LoadPercent) {
            let [start, end] = self.look.glyphs.bar_ends;
            let bar_style = self.warned(&Quantity::LoadPercent, theme.chart);
            // Reversed colours would turn the bar inside out.
            let bar_style = bar_style.remove_modifier(ratatui::style::Modifier::REVERSED);
            cells = cells
                .text(start, theme.dim)
                .text(bar::bar(load / 100.0, columns, self.look.glyphs), bar_style)
                .text(end, theme.dim);
        }
        let cells = match self.breach(&Quantity::LoadPercent) {
            Some(true) => cells.text(" !!", theme.critical),
            Some(false) => cells.text(" !", theme.warning),
            None => cells,
        };
        Some(cells.line())
    }

    fn rating(&self) -> Option<String> {
        let short = |value: f64| format::fixed(value, usize::from(value.fract() != 0.0));
        match (self.meter.rated_capacity_kw, self.meter.rated_capacity_amps) {
            (Some(kw), _) => Some(format!("{} {}", short(kw), Unit::Kilowatt.symbol())),
            (None, Some(amps)) => Some(format!("{} {}", short(amps), Unit::Ampere.symbol())),
            (None, None) => None,
        }
    }

    fn imbalance(&self) -> Option<Line<'static>> {
        if !self.has(&Quantity::PhaseImbalance) {
            return None;
        }
        let mut cells = Cells::new(self.look.glyphs);
        let shown = self.shown(&Quantity::PhaseImbalance);
        let style = self.warned(&Quantity::PhaseImbalance, shown.style);
        cells = cells.text("imbalance ", self.look.theme.dim).right(&shown.with_unit(), 6, style);
        cells = self.mark(cells, &Quantity::PhaseImbalance);
        if self.has(&Quantity::NeutralCurrent) {
            cells = cells.text("  N", self.look.theme.dim);
            cells = self.value(cells, &Quantity::NeutralCurrent, 6, Emphasis::Plain);
        }
        Some(cells.line())
    }

    fn trend(&self, quantity: &Quantity) -> Option<Line<'static>> {
        const LABEL: usize = 7;
        let trend = self.look.model.trends.get(&(self.meter.id.clone(), quantity.clone()))?;
        if trend.values.iter().all(Option::is_none) {
            return None;
        }
        let trend = spark::grouped(trend, self.width.saturating_sub(LABEL));
        let label = spark::length(&trend);
        let course = spark::spark(&trend.values, trend.values.len(), self.look.glyphs);
        Some(
            Cells::new(self.look.glyphs)
                .left(&label, LABEL, self.look.theme.dim)
                .text(course, self.look.theme.chart)
                .line(),
        )
    }

    /// The fault's words; of an offline device also since when, and that what follows is old.
    fn trouble(&self, is_offline: bool) -> Vec<Ranked> {
        let style = self.look.theme.standing(self.standing);
        let fault = self.live.and_then(|live| live.fault.as_ref());
        let words = fault.map_or_else(|| self.standing.word().to_owned(), ToString::to_string);
        let mut lines = vec![(0, Line::styled(self.look.fit(&words, self.width), style))];
        if is_offline {
            let device = self.meter.device.as_ref().and_then(|id| self.look.model.shown().devices.get(id));
            let since = device.and_then(|device| device.offline_since).or(self.live.and_then(|live| live.at));
            let text = match since {
                Some(since) => format!("since {} {} last values:", self.look.clock(since), self.look.glyphs.dot),
                None => "never answered".to_owned(),
            };
            lines.push((0, self.note(&text)));
        }
        lines
    }

    fn why_not_read(&self) -> String {
        let statuses = &self.look.model.shown().statuses;
        if !statuses.is_in_use(self.meter) {
            return statuses.of(self.meter).title().to_lowercase();
        }
        match self.meter.formula {
            Some(_) => "virtual: computed from other meters".to_owned(),
            None => "no device reads it".to_owned(),
        }
    }

    fn note(&self, text: &str) -> Line<'static> {
        Line::styled(self.look.fit(text, self.width), self.look.theme.dim)
    }

    fn value(&self, cells: Cells, quantity: &Quantity, columns: usize, emphasis: Emphasis) -> Cells {
        let shown = self.shown(quantity);
        let style = match emphasis {
            Emphasis::Strong if shown.state == State::Good => self.look.theme.title,
            _ => self.warned(quantity, shown.style),
        };
        let unit = quantity.unit().map_or("", |unit| format::unit(unit, self.look.glyphs.is_ascii()));
        cells.right(&shown.text, columns, style).left(
            &format!(" {}", shown.unit),
            format::width(unit) + 1,
            self.look.theme.dim,
        )
    }

    fn shown(&self, quantity: &Quantity) -> Shown {
        self.look.shown(self.meter, self.live, quantity)
    }

    fn trusted(&self, quantity: &Quantity) -> Option<f64> {
        standing::trusted(self.live?, quantity, self.look.now, self.look.every(self.meter))
    }

    fn has(&self, quantity: &Quantity) -> bool {
        self.live.is_some_and(|live| live.readings.contains_key(quantity))
    }

    fn is_electric(&self) -> bool {
        const SIGNS: [Quantity; 4] =
            [Quantity::CurrentKw, Quantity::CurrentAmps, Quantity::Voltage, Quantity::AmpsPhaseA];
        SIGNS.iter().any(|quantity| self.has(quantity))
    }

    /// Whether the quantity is beyond a threshold, and whether that is the critical one.
    fn breach(&self, quantity: &Quantity) -> Option<bool> {
        let mut here = self.breaches.iter().filter(|breach| breach.quantity == *quantity).peekable();
        here.peek()?;
        Some(here.any(|breach| breach.critical))
    }

    fn warned(&self, quantity: &Quantity, style: Style) -> Style {
        match self.breach(quantity) {
            Some(true) => self.look.theme.critical,
            Some(false) => self.look.theme.warning,
            None => style,
        }
    }

    /// A mark after a value that is beyond its threshold.
    fn mark(&self, cells: Cells, quantity: &Quantity) -> Cells {
        match self.breach(quantity) {
            Some(_) => cells.text(" !", self.look.theme.warning),
            None => cells,
        }
    }
}

/// How much a value stands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Emphasis {
    Plain,
    Strong,
}
