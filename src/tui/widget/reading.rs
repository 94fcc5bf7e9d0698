//! How a value shows what it is worth: plain, `~` estimated, dim when stale, `n/a` when bad, `—` when missing.

use ratatui::style::Style;

use super::Look;
use crate::{
    domain::{
        live::MeterLive,
        quantity::Quantity,
        reading::State,
        site::Meter,
        standing,
        unit::{Dimension, Unit},
    },
    tui::format,
};

/// Intervals after which a value says its age.
const AGE_AFTER_INTERVALS: u32 = 2;

/// A value as it is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The number, or what stands for it; without unit.
    pub text: String,
    /// The unit; empty where there is no number.
    pub unit: &'static str,
    /// How it is to be drawn.
    pub style: Style,
    /// How far it may be believed.
    pub state: State,
}

impl Shown {
    /// The value with its unit.
    pub fn with_unit(&self) -> String {
        if self.unit.is_empty() { self.text.clone() } else { format!("{} {}", self.text, self.unit) }
    }
}

impl Look<'_> {
    /// One quantity of a meter.
    pub fn shown(&self, meter: &Meter, live: Option<&MeterLive>, quantity: &Quantity) -> Shown {
        self.shown_as(meter, live, quantity, format::value)
    }

    /// A current in few digits, for beside a bar.
    pub fn shown_short(&self, meter: &Meter, live: Option<&MeterLive>, quantity: &Quantity) -> Shown {
        self.shown_as(meter, live, quantity, |_, unit, value| match unit.dimension() {
            Dimension::Current => format::number(value, format::SHORT_DIGITS),
            _ => format::value(quantity, unit, value),
        })
    }

    fn shown_as(
        &self,
        meter: &Meter,
        live: Option<&MeterLive>,
        quantity: &Quantity,
        digits: impl Fn(&Quantity, Unit, f64) -> String,
    ) -> Shown {
        let (state, value) =
            live.map_or((State::Missing, None), |live| standing::current(live, quantity, self.now, self.every(meter)));
        // Nobody says any more whether it still holds.
        let is_old = self.model.is_service_gone() && matches!(state, State::Good | State::Estimated);
        let state = if is_old { State::Stale } else { state };
        let unit = live.and_then(|live| live.readings.get(quantity)).map(|reading| reading.unit).or(quantity.unit());
        let number = value.zip(unit).map(|(value, unit)| digits(quantity, unit, value));
        let (text, style) = match (state, number) {
            (State::Good, Some(number)) => (number, self.theme.text),
            (State::Estimated, Some(number)) => (format!("{}{number}", self.glyphs.estimated), self.theme.text),
            (State::Stale, Some(number)) => (number, self.theme.stale),
            (State::Missing, _) => (self.glyphs.missing.to_owned(), self.theme.dim),
            (_, None) | (State::Bad, _) => (format::BAD.to_owned(), self.theme.bad),
        };
        let has_number = value.is_some() && state != State::Bad && state != State::Missing;
        let unit = unit.filter(|_| has_number).map_or("", |unit| format::unit(unit, self.glyphs.is_ascii()));
        Shown { text, unit, style, state }
    }

    /// The age of a value, where it is older than two intervals, or the service has gone.
    pub fn old_age(&self, meter: &Meter, live: Option<&MeterLive>, quantity: &Quantity) -> Option<String> {
        let age = live?.readings.get(quantity)?.age(self.now);
        let is_old = age > self.every(meter).saturating_mul(AGE_AFTER_INTERVALS) || self.model.is_service_gone();
        is_old.then(|| format::age(age))
    }
}
