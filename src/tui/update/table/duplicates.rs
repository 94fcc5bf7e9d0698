//! The lines of the review desk's queue as a table: those around the selected one, of a long queue.

use rust_decimal::prelude::ToPrimitive as _;

use super::{Cell, Table, headings};
use crate::{
    domain::duplicate::{ReviewReason, Rule},
    tui::model::Model,
};

/// Usages that a line has.
const USAGES: usize = crate::service::interface::duplicates::MAX_LINE_USAGES;

/// The table that is shown.
pub fn table(model: &Model) -> Table {
    let rows = model.desk.queue.rows.iter().map(|line| {
        let status = serde_json::to_value(line.status).ok();
        let why = line.rule.map(Rule::word).or(line.reason.map(ReviewReason::describe));
        let mut row = vec![
            Cell::text(line.place.group.to_string()),
            Cell::text(&*line.meter),
            Cell::text(line.kind.word()),
            Cell::text(line.period.start.to_string()),
            Cell::text(line.period.end.to_string()),
            Cell::text(status.as_ref().and_then(|status| status.as_str()).unwrap_or_default()),
            Cell::text(why.unwrap_or_default()),
        ];
        for place in 0..USAGES {
            let usage = line.usages.get(place).and_then(Option::as_ref);
            row.push(Cell::number(usage.and_then(|usage| usage.value().to_f64())));
            row.push(Cell::text(usage.map_or("", |usage| usage.unit().symbol())));
        }
        row
    });
    let mut columns = headings(&["group", "meter", "kind", "from", "to", "status", "why"]);
    columns.extend((1..=USAGES).flat_map(|place| [format!("usage {place}"), format!("unit {place}")]));
    Table { name: "duplicates", headings: columns, rows: rows.collect() }
}
