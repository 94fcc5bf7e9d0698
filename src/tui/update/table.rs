//! What is on screen as a table: for export and copy.

use jiff::Timestamp;
use rust_decimal::prelude::ToPrimitive as _;

use crate::{
    domain::{
        alarm::AlarmLine,
        chart::Column,
        fault::Fault,
        ids::{DeviceId, MeterId},
        quantity::Quantity,
        reading::{Reading, State},
        rollup::{Power, Rollup},
        site::Meter,
        standing,
        unit::Unit,
    },
    tui::{
        layout,
        message::Effect,
        model::{DeviceRow, Model, Notice, OverviewRow, Screen, Sum, TreeNode},
    },
};

pub mod duplicates;

/// The quantities of a meter's row.
const QUANTITIES: &[Quantity] = &[
    Quantity::CurrentKw,
    Quantity::CurrentKva,
    Quantity::CurrentKvar,
    Quantity::PowerFactor,
    Quantity::LoadPercent,
    Quantity::AmpsPhaseA,
    Quantity::AmpsPhaseB,
    Quantity::AmpsPhaseC,
    Quantity::VoltagePhaseA,
    Quantity::VoltagePhaseB,
    Quantity::VoltagePhaseC,
    Quantity::PhaseImbalance,
    Quantity::KwhLifetime,
];

/// A cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Text; never read as a formula by a spreadsheet.
    Text(String),
    /// A number, in full.
    Number(f64),
    /// Nothing is known: not a zero.
    Empty,
}

/// A table with as many cells in each row as it has headings.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// What is in it, for a file's name.
    pub name: &'static str,
    /// Names of the columns, with units.
    pub headings: Vec<String>,
    /// Rows, in the order of the screen.
    pub rows: Vec<Vec<Cell>>,
}

impl Table {
    /// The table as CSV (RFC 4180), with a line of headings.
    pub fn csv(&self) -> String {
        let mut text = String::new();
        let headings: Vec<Cell> = self.headings.iter().cloned().map(Cell::Text).collect();
        for row in std::iter::once(&headings).chain(&self.rows) {
            let cells: Vec<String> = row.iter().map(Cell::csv).collect();
            text.push_str(&cells.join(","));
            text.push_str("\r\n");
        }
        text
    }

    /// A row as one line of text: what is known of it.
    fn line(&self, row: usize) -> Option<String> {
        let cells = self.rows.get(row)?.iter().zip(&self.headings);
        let known = cells.filter_map(|(cell, heading)| match cell {
            Cell::Text(text) if text.is_empty() => None,
            Cell::Text(text) => Some(format!("{heading}: {text}")),
            Cell::Number(number) => Some(format!("{heading}: {number}")),
            Cell::Empty => None,
        });
        Some(known.collect::<Vec<_>>().join(", "))
    }
}

impl Cell {
    fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    fn number(number: Option<f64>) -> Self {
        number.filter(|number| number.is_finite()).map_or(Self::Empty, Self::Number)
    }

    fn time(time: Option<Timestamp>) -> Self {
        time.map_or(Self::Empty, |time| Self::Text(time.to_string()))
    }

    fn csv(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Number(number) => number.to_string(),
            Self::Text(text) => {
                let text = crate::text::clean(text);
                let is_formula = text.trim_start().starts_with(['=', '+', '-', '@']);
                let safe = if is_formula { format!("'{text}") } else { text };
                if safe.contains([',', '"']) { format!("\"{}\"", safe.replace('"', "\"\"")) } else { safe }
            }
        }
    }
}

/// Writes what is shown into files: the table, and the chart where there is one.
pub fn export(model: &Model) -> Effect {
    let mut tables = vec![table(model)];
    tables.extend(chart_table(model));
    Effect::Export { files: tables.iter().map(|table| (table.name, table.csv())).collect() }
}

/// Copies the selected row.
pub fn copy(model: &mut Model) -> Vec<Effect> {
    let selected = match model.screen {
        Screen::Overview => model.overview.selected,
        Screen::Live => model.meters.selected,
        Screen::Site => model.tree.selected,
        Screen::Meter(_) => model.quantities.selected,
        Screen::Duplicates => model.desk.queue.selected,
        Screen::Alarms => model.alarm_rows.selected,
        Screen::Devices => model.devices.selected,
    };
    if let Some(line) = table(model).line(selected) {
        return vec![Effect::Copy(line)];
    }
    model.notice = Some(Notice { text: "There is nothing to copy.".to_owned(), is_error: false });
    Vec::new()
}

/// The table that is shown.
pub fn table(model: &Model) -> Table {
    match &model.screen {
        Screen::Overview => overview_table(model),
        Screen::Live => live_table(model),
        Screen::Site => site_table(model),
        Screen::Meter(id) => meter_table(model, id),
        Screen::Duplicates => duplicates::table(model),
        Screen::Alarms => alarm_table(model),
        Screen::Devices => device_table(model),
    }
}

fn headings(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn heading_of(quantity: &Quantity) -> String {
    quantity.unit().map_or_else(|| quantity.to_string(), |unit| format!("{} [{}]", quantity.label(), unit.symbol()))
}

fn overview_table(model: &Model) -> Table {
    let rollups = model.rollups(model.now);
    let site = rollups.site();
    let intake = model.intake();
    let row = |row: &OverviewRow| match row {
        OverviewRow::Power => {
            vec![Cell::text("site power [kW]"), Cell::number(site.power.kw), completeness(&site.power)]
        }
        OverviewRow::Meters => vec![Cell::text("meters in trouble"), count(site.in_trouble), Cell::Empty],
        OverviewRow::ItPower => {
            let (_, power) = rollups.it_power();
            vec![Cell::text("IT power [kW]"), Cell::number(power.kw), completeness(power)]
        }
        OverviewRow::Pue => {
            let report = model.facts.pue.as_ref();
            let pue = report.and_then(|report| report.pue).and_then(|pue| pue.to_f64());
            let state = report.map_or(Cell::Empty, |report| missing_cell(report.missing.len()));
            vec![Cell::text("PUE"), Cell::number(pue), state]
        }
        OverviewRow::Today => summed("energy today [kWh]", &intake.today),
        OverviewRow::Month => summed("energy this month [kWh]", &intake.month),
        OverviewRow::Building(key) => {
            let name = model.site.places.get(key).map_or(key.id.as_str(), |place| &place.name);
            let power = rollups.place(key).map(|place| &place.power);
            vec![
                Cell::text(format!("{name} [kW]")),
                Cell::number(power.and_then(|power| power.kw)),
                power.map_or(Cell::Empty, completeness),
            ]
        }
        OverviewRow::Reviews => {
            let open = model.facts.reviews.as_ref().map(|known| (known.open_groups + known.open_overlaps) as f64);
            vec![Cell::text("open reviews"), Cell::number(open), Cell::Empty]
        }
        OverviewRow::Alarms => vec![Cell::text("alarms"), count(model.own_alarms().count()), Cell::Empty],
        OverviewRow::Devices => vec![Cell::text("devices"), count(model.site.devices.len()), Cell::Empty],
        OverviewRow::Connections => {
            vec![Cell::text("connections"), count(model.shown().connections.len()), Cell::Empty]
        }
        OverviewRow::Errors => vec![Cell::text("errors not seen"), count(model.log.unseen_errors), Cell::Empty],
        OverviewRow::Trouble(id) | OverviewRow::Load(id) => match model.site.meters.get(id) {
            Some(meter) => vec![Cell::text(&*meter.name), Cell::Empty, Cell::text(model.standing(meter).word())],
            None => vec![Cell::text(id.as_str()), Cell::Empty, Cell::Empty],
        },
    };
    let rows = model.overview.rows.iter().map(row).collect();
    Table { name: "overview", headings: headings(&["what", "value", "state"]), rows }
}

fn count(number: usize) -> Cell {
    Cell::Number(number as f64)
}

fn completeness(power: &Power) -> Cell {
    missing_cell(power.missing.len())
}

fn summed(what: &str, sum: &Sum) -> Vec<Cell> {
    let value = sum.value.and_then(|value| value.to_f64());
    vec![Cell::text(what), Cell::number(value), missing_cell(sum.missing.len())]
}

fn missing_cell(missing: usize) -> Cell {
    if missing == 0 { Cell::text("complete") } else { Cell::text(format!("incomplete: {missing} missing")) }
}

fn live_table(model: &Model) -> Table {
    let mut columns = headings(&["meter", "name", "state", "last answer"]);
    columns.extend(QUANTITIES.iter().map(heading_of));
    let meters = model.meters.rows.iter().filter_map(|id| model.site.meters.get(id));
    let rows = meters.map(|meter| meter_row(model, meter)).collect();
    Table { name: "live", headings: columns, rows }
}

fn meter_row(model: &Model, meter: &Meter) -> Vec<Cell> {
    let live = model.meter(&meter.id);
    let mut row = vec![
        Cell::text(meter.id.as_str()),
        Cell::text(&*meter.name),
        Cell::text(model.standing(meter).word()),
        Cell::time(live.and_then(|live| live.at)),
    ];
    row.extend(QUANTITIES.iter().map(|quantity| Cell::number(live.and_then(|live| live.value(quantity)))));
    row
}

fn site_table(model: &Model) -> Table {
    let rollups = model.rollups(model.now);
    let rolled_up = |kind: &str, name: &str, rollup: &Rollup| {
        vec![
            Cell::text(kind),
            Cell::text(name),
            Cell::number(rollup.power.kw),
            completeness(&rollup.power),
            Cell::number(rollup.load_percent),
            Cell::text(rollup.worst.word()),
        ]
    };
    let row = |node: &TreeNode| match node {
        TreeNode::Site => rolled_up("site", &model.site.name, rollups.site()),
        TreeNode::Place(key) => {
            let name = model.site.places.get(key).map_or(key.id.as_str(), |place| &place.name);
            rolled_up(key.level.title(), name, rollups.place(key).unwrap_or(&Rollup::default()))
        }
        TreeNode::Meter(id) => {
            let value = |quantity| Cell::number(model.meter(id).and_then(|live| live.value(&quantity)));
            let meter = model.site.meters.get(id);
            vec![
                Cell::text("meter"),
                Cell::text(meter.map_or(id.as_str(), |meter| &meter.name)),
                value(Quantity::CurrentKw),
                Cell::Empty,
                value(Quantity::LoadPercent),
                Cell::text(meter.map_or("", |meter| model.standing(meter).word())),
            ]
        }
    };
    let rows = model.tree.rows.iter().map(row).collect();
    Table { name: "site", headings: headings(&["what", "name", "power [kW]", "power is", "load [%]", "state"]), rows }
}

fn meter_table(model: &Model, id: &MeterId) -> Table {
    let every = model.site.meters.get(id).and_then(|meter| standing::interval(&model.site, meter));
    let row = |quantity: &Quantity| {
        let reading = model.meter(id).and_then(|live| live.readings.get(quantity));
        let state = |reading: &Reading| every.map_or(reading.state, |every| reading.state_at(model.now, every));
        vec![
            Cell::text(id.as_str()),
            Cell::text(quantity.label()),
            Cell::number(reading.and_then(|reading| reading.value)),
            Cell::text(reading.map_or("", |reading| reading.unit.symbol())),
            Cell::text(reading.map_or(State::Missing, state).word()),
            Cell::time(reading.map(|reading| reading.at)),
        ]
    };
    let rows = model.quantities.rows.iter().map(row).collect();
    Table { name: "meter", headings: headings(&["meter", "quantity", "value", "unit", "state", "at"]), rows }
}

fn alarm_table(model: &Model) -> Table {
    let row = |line: &AlarmLine| {
        let measured = line.measured.as_ref();
        vec![
            Cell::text(line.id.to_string()),
            Cell::text(model.subject_name(&line.id.subject)),
            Cell::text(line.id.kind.title()),
            Cell::text(line.severity.word()),
            Cell::text(line.state.word()),
            Cell::time(line.since),
            Cell::number(measured.map(|measured| measured.value)),
            Cell::number(measured.map(|measured| measured.threshold)),
            Cell::text(measured.and_then(|measured| measured.quantity.unit()).map_or("", Unit::symbol)),
            Cell::text(&*line.detail),
            Cell::time(line.shelved_until),
            Cell::text(line.who.as_deref().unwrap_or_default()),
            Cell::text(line.note.as_deref().unwrap_or_default()),
        ]
    };
    let rows = model.alarm_rows.rows.iter().filter_map(|id| model.alarm(id)).map(row).collect();
    let names = [
        "alarm",
        "of",
        "what",
        "severity",
        "state",
        "since",
        "value",
        "limit",
        "unit",
        "because",
        "shelved until",
        "who",
        "note",
    ];
    Table { name: "alarms", headings: headings(&names), rows }
}

/// The chart that is on screen.
fn chart_table(model: &Model) -> Option<Table> {
    let Screen::Meter(id) = &model.screen else { return None };
    layout::chart_columns(model)?;
    let (key, chart) = model.chart.shown.as_ref()?;
    let is_shown = key.meter == *id && model.quantities.selected() == Some(&key.quantity);
    let unit = chart.unit.or(key.quantity.unit()).map_or("", Unit::symbol);
    let row = |(place, column): (usize, &Column)| {
        let (values, state) = match column {
            Column::Value { mean, min, max, good } => {
                ([Some(*mean), Some(*min), Some(*max)], if *good { "good" } else { "in part not good" })
            }
            Column::Between => ([None; 3], "no reading was due"),
            Column::Gap => ([None; 3], "nothing was measured"),
        };
        let mut row = vec![Cell::text(id.as_str()), Cell::text(key.quantity.label()), Cell::time(chart.start(place))];
        row.extend(values.map(Cell::number));
        row.extend([Cell::text(unit), Cell::text(state)]);
        row
    };
    let names = ["meter", "quantity", "from", "mean", "min", "max", "unit", "state"];
    let rows = chart.columns.iter().enumerate().map(row).collect();
    is_shown.then(|| Table { name: "chart", headings: headings(&names), rows })
}

fn device_table(model: &Model) -> Table {
    let rows = model.devices.rows.iter().map(|row| match row {
        DeviceRow::Connection(name) => connection_row(model, name),
        DeviceRow::Device(id) => device_row(model, id),
    });
    let names = [
        "what",
        "name",
        "unit",
        "state",
        "last answer",
        "round trip [ms]",
        "requests",
        "faults",
        "last fault",
        "advice",
    ];
    Table { name: "devices", headings: headings(&names), rows: rows.collect() }
}

fn connection_row(model: &Model, name: &str) -> Vec<Cell> {
    let live = model.shown().connections.get(name);
    let state = live.map_or("", |live| if live.connected { "connected" } else { "not connected" });
    let mut row = vec![Cell::text("connection"), Cell::text(name), Cell::Empty, Cell::text(state)];
    row.extend([Cell::Empty, Cell::Empty, Cell::Empty, Cell::Empty]);
    row.extend(fault_cells(live.and_then(|live| live.fault.as_ref())));
    row
}

fn device_row(model: &Model, id: &DeviceId) -> Vec<Cell> {
    let live = model.shown().devices.get(id);
    let unit = model.site.devices.get(id).map(|device| f64::from(device.unit));
    let faults = live.map(|live| live.faults.values().sum::<u64>() as f64);
    let round_trip = live.and_then(|live| live.round_trip).map(|time| time.as_secs_f64() * 1000.0);
    let mut row = vec![
        Cell::text("device"),
        Cell::text(id.as_str()),
        Cell::number(unit),
        Cell::text(live.map(|live| format!("{:?}", live.state).to_lowercase()).unwrap_or_default()),
        Cell::time(live.and_then(|live| live.last_answer)),
        Cell::number(round_trip),
        Cell::number(live.map(|live| live.requests as f64)),
        Cell::number(faults),
    ];
    row.extend(fault_cells(live.and_then(|live| live.last_fault.as_ref()).map(|(_, fault)| fault)));
    row
}

fn fault_cells(fault: Option<&Fault>) -> [Cell; 2] {
    fault.map_or([Cell::Empty, Cell::Empty], |fault| [Cell::text(fault.to_string()), Cell::text(fault.kind.advice())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_cells_are_no_formulas_and_numbers_stay_numbers() {
        for (cell, expected) in [
            (Cell::text("=1+1"), "'=1+1"),
            (Cell::text(" @cmd"), "' @cmd"),
            (Cell::text("-5 a"), "'-5 a"),
            (Cell::Number(-5.25), "-5.25"),
            (Cell::number(Some(f64::NAN)), ""),
            (Cell::Empty, ""),
            (Cell::text("a, \"b\""), "\"a, \"\"b\"\"\""),
            (Cell::text("two\nlines\u{1b}[2J"), "two lines[2J"),
        ] {
            assert_eq!(cell.csv(), expected, "{cell:?}");
        }
    }

    #[test]
    fn a_line_for_the_clipboard_leaves_out_what_is_unknown() {
        let table = Table {
            name: "t",
            headings: headings(&["meter", "power [kW]", "load [%]"]),
            rows: vec![vec![Cell::text("msb-1"), Cell::Number(12.5), Cell::Empty]],
        };
        assert_eq!(table.line(0).as_deref(), Some("meter: msb-1, power [kW]: 12.5"));
        assert_eq!(table.line(1), None);
        assert_eq!(table.csv(), "meter,power [kW],load [%]\r\nmsb-1,12.5,\r\n");
    }
}
