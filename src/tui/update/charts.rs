//! The chart of the Meter screen: zoom, cursor, and when it is asked for.

use jiff::SignedDuration;

use crate::{
    service::interface::Request,
    tui::{
        layout,
        message::Effect,
        model::{ChartKey, Model, Screen},
    },
};

/// How often a chart is asked for again whose last column grows.
const REFRESH: SignedDuration = SignedDuration::from_secs(60);
/// How often one is that had nothing to show yet.
const RETRY: SignedDuration = SignedDuration::from_secs(10);

/// Zooms in or out.
pub fn zoom(model: &mut Model, shorter: bool) {
    let zoom = model.chart.zoom.next(shorter);
    model.chart.set_zoom(zoom, model.now);
}

/// Moves the cursor by a column.
pub fn move_cursor(model: &mut Model, by: i64) {
    if let Some(columns) = layout::chart_columns(model) {
        model.chart.move_cursor(by, model.now, columns);
    }
}

/// Asks for the chart that is on screen, where it is another one, or old. Nothing while frozen, except for what was never
/// there: whoever froze the picture may still look into the past.
pub fn wanted(model: &mut Model) -> Option<Effect> {
    let key = key(model).filter(|_| !model.is_service_gone())?;
    let has_it = model.chart.shown.as_ref().is_some_and(|(shown, _)| *shown == key);
    if let Some((asked, at)) = &model.chart.asked {
        let rest = if has_it { REFRESH } else { RETRY };
        if *asked == key && (model.now.duration_since(*at) < rest || (has_it && model.frozen.is_some())) {
            return None;
        }
    }
    let ChartKey { meter, quantity, span, columns } = key.clone();
    model.chart.asked = Some((key, model.now));
    Some(Effect::Ask(Request::Chart { meter, quantity, span, columns }))
}

/// What the chart on screen is of.
fn key(model: &Model) -> Option<ChartKey> {
    let Screen::Meter(meter) = &model.screen else { return None };
    let columns = layout::chart_columns(model)?;
    let now = model.frozen.as_ref().map_or(model.now, |frozen| frozen.at);
    let span = model.chart.span(now, columns)?;
    Some(ChartKey { meter: meter.clone(), quantity: model.quantities.selected()?.clone(), span, columns })
}
