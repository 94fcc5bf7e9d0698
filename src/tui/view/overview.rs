//! The site in a few lines, each of which opens its screen.
//!
//! ```text
//! ┌ Demo campus ─────────────────────────────────────────────────────────────────┐
//! │site power    1 015 kW  2 points, highest load 76.6 %                         │
//! │IT power      7.114 kW  INCOMPLETE at Rack PDU, missing: PDU R01-B            │
//! │buildings     612.4 kW  North Hall                                  ◆ CRITICAL│
//! │meters        4 fine, 1 WARN, 1 OFFLINE, 1 not read                           │
//! │trouble       RPP-B     load 96.4 %, over 95 %                      ◆ CRITICAL│
//! └──────────────────────────────────────────────────────────────────────────────┘
//! ```

use std::collections::BTreeMap;

use ratatui::{Frame, layout::Rect, style::Style, text::Line};

use crate::{
    domain::{
        ids::MeterId,
        live::{ConnectionLive, DeviceState},
        quantity::Quantity,
        reading::State,
        rollup::{Power, Rollup, Rollups},
        site::PlaceKey,
        standing::{self, Breach, Standing},
    },
    tui::{
        format,
        model::{Intake, Model, OverviewRow, Sum},
        theme::Theme,
        view::{
            alarms::severity_style,
            devices::details::{standing_of, word},
            duplicates,
            meter::counted,
            site::power_text,
        },
        widget::{Cells, Look, bar},
    },
};

/// Columns of a row's label.
const LABEL: usize = 12;
/// Columns of a row's figure.
const FIGURE: usize = 11;
/// Columns of a state's mark and word.
const STATE: usize = 10;

/// Draws the screen into `area`.
pub fn draw(model: &Model, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let look = Look::of(model, theme);
    let title = format!(" {} ", look.fit(&model.site.name, usize::from(area.width.saturating_sub(4))));
    let block = look.frame(Line::styled(title, theme.title), None, true);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let rows = &model.overview.rows;
    let overview = Overview {
        look: &look,
        rollups: model.rollups(look.now),
        intake: model.intake(),
        width: usize::from(inner.width),
    };
    let window = model.overview.window(usize::from(inner.height));
    for (place, (line_area, index)) in inner.rows().zip(window).enumerate() {
        let Some(row) = rows.get(index) else { break };
        // The label stands once over rows of a kind, and on the first row on screen.
        let above = index.checked_sub(1).and_then(|above| rows.get(above)).filter(|_| place > 0);
        let label = if above.map(label) == Some(label(row)) { "" } else { label(row) };
        let is_selected = index == model.overview.selected;
        frame.render_widget(overview.line(row, label).patch_style(look.row_style(is_selected)), line_area);
        if is_selected {
            look.point_at(frame, line_area.x, line_area.y);
        }
    }
}

/// What kind of row it is.
fn label(row: &OverviewRow) -> &'static str {
    match row {
        OverviewRow::Power => "site power",
        OverviewRow::ItPower => "IT power",
        OverviewRow::Pue => "PUE",
        OverviewRow::Today => "today",
        OverviewRow::Month => "this month",
        OverviewRow::Building(_) => "buildings",
        OverviewRow::Meters => "meters",
        OverviewRow::Reviews => "reviews",
        OverviewRow::Alarms => "alarms",
        OverviewRow::Devices => "devices",
        OverviewRow::Connections => "connections",
        OverviewRow::Errors => "log",
        OverviewRow::Trouble(_) => "trouble",
        OverviewRow::Load(_) => "top loads",
    }
}

struct Overview<'look, 'model> {
    look: &'look Look<'model>,
    rollups: Rollups,
    intake: Intake,
    width: usize,
}

impl Overview<'_, '_> {
    fn line(&self, row: &OverviewRow, label: &str) -> Line<'static> {
        let cells = Cells::new(self.look.glyphs).left(label, LABEL, self.look.theme.dim);
        let cells = match row {
            OverviewRow::Power => self.site_power(cells),
            OverviewRow::ItPower => self.it_power(cells),
            OverviewRow::Pue => self.pue(cells),
            OverviewRow::Today => self.intake(cells, &self.intake.today, &self.intake.cost_today),
            OverviewRow::Month => self.intake(cells, &self.intake.month, &self.intake.cost_month),
            OverviewRow::Building(key) => self.building(cells, key),
            OverviewRow::Meters => self.meters(cells),
            OverviewRow::Reviews => duplicates::open_reviews(self.look, cells),
            OverviewRow::Alarms => self.alarms(cells),
            OverviewRow::Devices => self.devices(cells),
            OverviewRow::Connections => self.connections(cells),
            OverviewRow::Errors => self.errors(cells),
            OverviewRow::Trouble(id) => self.trouble(cells, id),
            OverviewRow::Load(id) => self.load(cells, id),
        };
        cells.line_within(self.width)
    }

    fn site_power(&self, cells: Cells) -> Cells {
        let rollup = self.rollups.site();
        let load =
            rollup.load_percent.map_or(String::new(), |load| format!(", highest load {}", format::percent(load)));
        let points = format::count(rollup.points.len(), "point", "points");
        self.power(cells, &rollup.power, &format!("{points}{load}"))
    }

    fn it_power(&self, cells: Cells) -> Cells {
        let (point, power) = self.rollups.it_power();
        let text = point.map_or("nothing measures it".to_owned(), |point| format!("at {}", point.title()));
        self.power(cells, power, &text)
    }

    /// `1.412  category 3` or why there is none.
    fn pue(&self, cells: Cells) -> Cells {
        let theme = self.look.theme;
        let missing = self.look.glyphs.missing;
        let Some(report) = &self.look.model.facts.pue else { return cells.right(missing, FIGURE, theme.dim) };
        let pue = report.pue.map(|pue| format!("{pue:.3}"));
        let style = if pue.is_some() { theme.title } else { theme.dim };
        let cells = cells.right(pue.as_deref().unwrap_or(missing), FIGURE, style).gap(2);
        let category = report.category.map_or("no IT meters".to_owned(), |category| format!("category {category}"));
        if report.complete {
            return cells.text(category, theme.text);
        }
        let names = report.missing.iter().map(|id| self.name(id)).collect::<Vec<_>>().join(", ");
        let names = if names.is_empty() { String::new() } else { format!(", missing: {names}") };
        cells.text("INCOMPLETE ", theme.warning).text(format!("{category}{names}"), theme.text)
    }

    /// `9 812 kWh  1 275.56 EUR`, of the utility entrances.
    fn intake(&self, cells: Cells, energy: &Sum, cost: &Sum) -> Cells {
        let theme = self.look.theme;
        let state = if energy.estimated { State::Estimated } else { State::Good };
        let (text, style) = counted::energy(self.look, energy.value, state);
        let cells = cells.right(&text, FIGURE, if energy.value.is_some() { theme.title } else { style }).gap(2);
        if energy.value.is_none() {
            return cells.text("nothing is counted at the utility entrances", theme.dim);
        }
        let currency = Some(&*self.look.site.currency);
        let cost = cost.value.map(|_| counted::money(self.look, cost.value, currency, state).0);
        let cost = cost.unwrap_or_else(|| "no price".to_owned());
        if energy.missing.is_empty() {
            return cells.text(cost, theme.text);
        }
        let names = energy.missing.iter().map(|id| self.name(id)).collect::<Vec<_>>().join(", ");
        cells.text("INCOMPLETE ", theme.warning).text(format!("{cost}, not wholly measured: {names}"), theme.text)
    }

    fn building(&self, cells: Cells, key: &PlaceKey) -> Cells {
        let name = self.look.site.places.get(key).map_or(key.id.as_str(), |place| place.name.as_str());
        let empty = Rollup::default();
        let rollup = self.rollups.place(key).unwrap_or(&empty);
        let load =
            rollup.load_percent.map_or(String::new(), |load| format!(", highest load {}", format::percent(load)));
        let cells = self.power(cells, &rollup.power, &format!("{name}{load}"));
        self.state(cells, rollup.worst)
    }

    /// A sum of power, what it is of, and what is missing in it.
    fn power(&self, cells: Cells, power: &Power, of: &str) -> Cells {
        let theme = self.look.theme;
        let cells = cells.right(&power_text(self.look, power), FIGURE, theme.title).gap(2);
        if power.is_complete() {
            return cells.text(self.look.fit(of, self.width), theme.text);
        }
        let names = power.missing.iter().map(|id| self.name(id)).collect::<Vec<_>>().join(", ");
        cells.text("INCOMPLETE ", theme.warning).text(format!("{of}, missing: {names}"), theme.text)
    }

    fn meters(&self, mut cells: Cells) -> Cells {
        let mut counts: BTreeMap<Standing, usize> = BTreeMap::new();
        for meter in self.look.site.meters.values() {
            *counts.entry(self.look.standing(meter)).or_default() += 1;
        }
        for (index, (standing, count)) in counts.iter().rev().enumerate() {
            cells = self.counted(cells, index, *count, standing.word(), *standing);
        }
        cells
    }

    /// `1 critical, 2 high to acknowledge, 3 more`
    fn alarms(&self, mut cells: Cells) -> Cells {
        let (model, theme) = (self.look.model, self.look.theme);
        let unacknowledged = model.unacknowledged();
        for (index, (severity, count)) in unacknowledged.iter().enumerate() {
            let cells_before = if index > 0 { cells.text(", ", theme.dim) } else { cells };
            cells = cells_before.text(format!("{count} {}", severity.word()), severity_style(theme, *severity));
        }
        let open: usize = unacknowledged.iter().map(|(_, count)| count).sum();
        match (open, model.own_alarms().count() - open) {
            (0, 0) => cells.text("none", theme.text),
            (0, others) => cells.text(format!("{others} acknowledged or shelved"), theme.text),
            (_, 0) => cells.text(" to acknowledge", theme.text),
            (_, others) => cells.text(format!(" to acknowledge, {others} more"), theme.text),
        }
    }

    fn devices(&self, mut cells: Cells) -> Cells {
        let mut counts: BTreeMap<DeviceState, usize> = BTreeMap::new();
        for id in self.look.site.devices.keys() {
            let state = self.look.model.shown().devices.get(id).map(|live| live.state).unwrap_or_default();
            *counts.entry(state).or_default() += 1;
        }
        for (index, (state, count)) in counts.iter().rev().enumerate() {
            cells = self.counted(cells, index, *count, word(*state), standing_of(*state));
        }
        cells
    }

    /// `2 OFFLINE`, after a comma where something stands before.
    fn counted(&self, cells: Cells, index: usize, count: usize, word: &str, standing: Standing) -> Cells {
        let cells = if index > 0 { cells.text(", ", self.look.theme.dim) } else { cells };
        cells.text(format!("{count} {word}"), self.look.theme.standing(standing))
    }

    fn connections(&self, cells: Cells) -> Cells {
        let theme = self.look.theme;
        let connections = &self.look.model.shown().connections;
        let up = connections.values().filter(|live| live.connected).count();
        let style = if up < connections.len() { theme.offline } else { theme.text };
        let cells = cells.text(format!("{up} of {} up", connections.len()), style);
        let busy = |(_, live): &(&String, &ConnectionLive)| live.busy;
        match connections.iter().max_by(|left, right| busy(left).total_cmp(&busy(right))) {
            Some((name, live)) => {
                cells.text(format!(", busiest {} {name}", format::percent(live.busy * 100.0)), theme.text)
            }
            None => cells,
        }
    }

    fn errors(&self, cells: Cells) -> Cells {
        match self.look.model.log.unseen_errors {
            0 => cells.text("no new errors", self.look.theme.text),
            unseen => cells
                .text(format!("{} not seen yet", format::count(unseen, "error", "errors")), self.look.theme.warning),
        }
    }

    /// `RPP-B  load 96.4 %, over 95 %`
    fn trouble(&self, cells: Cells, id: &MeterId) -> Cells {
        let Some((meter, live)) = self.look.meter(id) else { return cells.text(id.to_string(), self.look.theme.text) };
        let standing = self.look.standing(meter);
        let why = live.map_or_else(String::new, |live| {
            let age = live.at.map_or(String::new(), |at| format!(", {} ago", format::age(self.look.age(at))));
            let breaches = standing::breaches(meter, live, self.look.now, self.look.every(meter));
            match (standing, &live.fault, breaches.first()) {
                (Standing::Offline | Standing::Error, Some(fault), _) => fault.to_string(),
                (Standing::Warning | Standing::Critical, _, Some(breach)) => breach_words(breach),
                (Standing::Stale | Standing::Offline, ..) => format!("last answer{age}"),
                _ => String::new(),
            }
        });
        let room = self.width.saturating_sub(cells.used() + STATE + 1);
        let name = (room / 3).clamp(FIGURE, 24).min(room);
        let cells = cells.left(&meter.name, name, self.look.theme.text).gap(1);
        let cells = cells.text(self.look.fit(&why, room.saturating_sub(name + 1)), self.look.theme.text);
        self.state(cells, standing)
    }

    /// `96.4 % ▕██████▌▏  RPP-B`
    fn load(&self, cells: Cells, id: &MeterId) -> Cells {
        const BAR: usize = 12;
        let Some((meter, live)) = self.look.meter(id) else { return cells.text(id.to_string(), self.look.theme.text) };
        let load = self.look.shown(meter, live, &Quantity::LoadPercent);
        let kw = self.look.shown(meter, live, &Quantity::CurrentKw);
        let share = live.and_then(|live| live.value(&Quantity::LoadPercent)).unwrap_or_default() / 100.0;
        let [start, end] = self.look.glyphs.bar_ends;
        let cells = cells.right(&load.with_unit(), FIGURE, load.style).gap(1);
        let cells = if self.width > 70 {
            let filled = bar::bar(share, BAR, self.look.glyphs);
            let dim = self.look.theme.dim;
            cells.text(start, dim).text(filled, self.look.theme.chart).text(end, dim).gap(1)
        } else {
            cells.gap(1)
        };
        let name = self.width.saturating_sub(cells.used() + FIGURE + STATE + 2).min(24);
        let cells = cells.left(&meter.name, name, self.look.theme.text).right(&kw.with_unit(), FIGURE, kw.style);
        self.state(cells, self.look.standing(meter))
    }

    /// The state at the right edge, where it fits.
    fn state(&self, cells: Cells, standing: Standing) -> Cells {
        let style: Style = self.look.theme.standing(standing);
        let text = format!("{} {}", self.look.glyphs.mark(standing), standing.word());
        let column = self.width.saturating_sub(STATE);
        if cells.used() < column { cells.to(column).left(&text, STATE, style) } else { cells }
    }

    fn name(&self, id: &MeterId) -> &str {
        self.look.site.meters.get(id).map_or("", |meter| meter.name.as_str())
    }
}

/// `load 96.4 %, over 95 %`
fn breach_words(breach: &Breach) -> String {
    let unit = breach.quantity.unit().map_or("", |unit| format::unit(unit, true));
    let side = if breach.value.abs() < breach.threshold { "under" } else { "over" };
    let value =
        breach.quantity.unit().map_or_else(String::new, |unit| format::value(&breach.quantity, unit, breach.value));
    let words = [breach.quantity.label(), " ", &value, " ", unit];
    format!("{}, {side} {} {unit}", words.concat().trim_end(), breach.threshold).trim_end().to_owned()
}
