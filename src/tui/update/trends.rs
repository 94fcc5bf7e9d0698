//! Which short series are asked for: those on screen, now and then.

use jiff::SignedDuration;

use crate::{
    domain::{ids::MeterId, quantity::Quantity},
    service::interface::Request,
    tui::{
        layout::{self, SizeClass},
        message::Effect,
        model::{Model, Screen},
    },
};

/// How often a series is asked for again. It moves by one step then, and each move costs bytes.
pub const REFRESH: SignedDuration = SignedDuration::from_secs(10);
/// How often one that had no value yet is asked for.
pub const RETRY: SignedDuration = SignedDuration::from_secs(3);
/// Steps of a series in a panel of the Live screen: a quarter of an hour.
pub const PANEL_STEPS: u16 = 90;
/// Steps of the series on the Meter screen: an hour.
pub const METER_STEPS: u16 = 360;
/// Most requests of one round; more than a screen has panels, except on a wall.
const MAX_ASKED: usize = 24;
/// Most series that are kept.
const MAX_KEPT: usize = 512;

/// Asks for what is on screen and old or not there. Nothing while frozen: the picture stands still.
pub fn wanted(model: &mut Model) -> Vec<Effect> {
    if model.frozen.is_some() || model.is_service_gone() || model.size_class() < SizeClass::Pane {
        return Vec::new();
    }
    let mut effects = Vec::new();
    for (meter, quantity, steps) in on_screen(model) {
        let key = (meter, quantity);
        let is_empty = model.trends.get(&key).is_none_or(|trend| trend.values.iter().all(Option::is_none));
        let rest = if is_empty { RETRY } else { REFRESH };
        let asked = model.trends_asked.get(&key);
        if asked.is_some_and(|at| model.now.duration_since(*at) < rest) || effects.len() >= MAX_ASKED {
            continue;
        }
        if model.trends_asked.len() >= MAX_KEPT {
            model.trends_asked.clear();
            model.trends.clear();
        }
        model.trends_asked.insert(key.clone(), model.now);
        effects.push(Effect::Ask(Request::Trend { meter: key.0, quantity: key.1, steps }));
    }
    effects
}

fn on_screen(model: &Model) -> Vec<(MeterId, Quantity, u16)> {
    match &model.screen {
        Screen::Live => {
            let (columns, rows) = layout::live(model.size);
            let visible = model.meters.rows.iter().skip(model.meters.top).take(columns * rows);
            visible.map(|id| (id.clone(), Quantity::CurrentKw, PANEL_STEPS)).collect()
        }
        // Where nothing is kept, the last minutes stand in for the chart.
        Screen::Meter(id) if model.chart.failed => {
            let selected = model.quantities.selected().cloned().unwrap_or(Quantity::CurrentKw);
            vec![(id.clone(), selected, METER_STEPS)]
        }
        _ => Vec::new(),
    }
}
