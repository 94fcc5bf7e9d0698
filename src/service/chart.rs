//! What is stored of a quantity, in the columns of a chart.

use jiff::Timestamp;

use super::{
    dispatcher::Shared,
    history,
    interface::{ErrorKind, ServiceError},
    powermeters,
};
use crate::{
    domain::{
        calendar::Span,
        chart::{self, Chart, Column},
        ids::MeterId,
        quantity::Quantity,
    },
    store::MAX_COLUMNS,
};

/// A quantity of a meter over a time, in so many columns. Waits for the disk.
///
/// # Errors
/// A meter that there is not, a number of columns that makes no sense, or what the disk says.
pub(super) fn chart(
    shared: &Shared,
    meter: &MeterId,
    quantity: &Quantity,
    span: Span,
    columns: u16,
) -> Result<Chart, ServiceError> {
    let store = history::store(shared)?;
    let meter = history::known(shared, meter)?;
    let (from_ms, to_ms, columns) = (history::clamp(span.from), history::clamp(span.to), usize::from(columns));
    if columns == 0 || columns > MAX_COLUMNS || to_ms <= from_ms {
        let message = format!("A chart has 1 to {MAX_COLUMNS} columns, and ends after it begins.");
        return Err(ServiceError { kind: ErrorKind::Invalid, message, hint: None });
    }
    let from = Timestamp::from_millisecond(from_ms).unwrap_or(span.from);
    let Some(info) = store.catalogue().find(&meter.id, quantity).cloned() else {
        let step_ms = ((to_ms - from_ms) / i64::try_from(columns).unwrap_or(1)).max(1);
        return Ok(Chart { unit: quantity.unit(), from, step_ms, columns: vec![Column::Gap; columns] });
    };
    let series = store.series(info.key, from_ms, to_ms, columns)?;
    let interval = powermeters::interval(&shared.site, meter);
    let interval_ms = i64::try_from(interval.as_millis()).unwrap_or(i64::MAX);
    let now_ms = Timestamp::now().as_millisecond();
    let columns = chart::columns(&series.columns, series.decimals, series.step_ms, interval_ms, now_ms);
    Ok(Chart { unit: Some(info.unit), from, step_ms: series.step_ms, columns })
}
