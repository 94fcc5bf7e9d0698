//! PUE of the site or of a building: as it is now, by power, or over a time, by energy.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rust_decimal::{Decimal, prelude::FromPrimitive as _};

use super::{
    dispatcher::{Shared, not_found},
    energy::{Energies, between},
    interface::{ErrorKind, ServiceError},
    powermeters::{interval, lives},
    records,
};
use crate::domain::{
    calendar::Span,
    computed::Computed,
    ids::{MeterId, PlaceId},
    pue::{Amount, Figure, Report, Sides},
    quantity::Quantity,
    reading::State,
    site::{Level, PlaceKey},
    standing,
};

/// Decimals of a power that comes as a floating-point number: mW of kW.
const POWER_DECIMALS: u32 = 6;

/// What is known of the meters of both sides.
type Amounts = BTreeMap<MeterId, Amount>;

/// The PUE of the site, or of a building. Waits for the disk.
///
/// # Errors
/// A building that there is not, a time that has not begun, or what the disk says.
pub fn report(shared: &Shared, building: Option<&PlaceId>, span: Option<Span>) -> Result<Report, ServiceError> {
    let now = Timestamp::now();
    let place = building.map(|id| PlaceKey { level: Level::Building, id: id.clone() });
    if let Some(place) = place.as_ref().filter(|place| !shared.site.places.contains_key(place)) {
        return Err(not_found(format!("There is no building `{}`.", place.id)));
    }
    let computed = Computed::of(&shared.site);
    let statuses = records::statuses_at(shared, span.map_or(now, |span| span.to.min(now)))?;
    let sides = Sides::of(&shared.site, &statuses, place.as_ref(), &computed);
    let scope = building.map_or_else(|| "site".to_owned(), ToString::to_string);
    let known = |meters: &BTreeSet<MeterId>, amounts: &Amounts, sum| {
        meters.iter().any(|meter| amounts.contains_key(meter)).then_some(sum)
    };
    match span {
        None => {
            let amounts = live(shared, &computed, &sides, now)?;
            let figure = sides.figure(|id| amounts.get(id).copied());
            let facility_kw = known(&sides.facility, &amounts, figure.facility);
            let it_kw = known(&sides.it, &amounts, figure.it);
            Ok(Report { facility_kw, it_kw, ..made(scope, Span { from: now, to: now }, figure) })
        }
        Some(span) => {
            let span = Span { to: span.to.min(now), ..span };
            if span.from >= span.to {
                let message = "That time has no length, or has not begun.".to_owned();
                return Err(ServiceError { kind: ErrorKind::Invalid, message, hint: None });
            }
            let amounts = over(shared, &sides, span, now)?;
            let figure = sides.figure(|id| amounts.get(id).copied());
            let facility_kwh = known(&sides.facility, &amounts, figure.facility);
            let it_kwh = known(&sides.it, &amounts, figure.it);
            Ok(Report { facility_kwh, it_kwh, ..made(scope, span, figure) })
        }
    }
}

fn made(scope: String, span: Span, figure: Figure) -> Report {
    let Figure { pue, category, complete, missing, .. } = figure;
    let (from, to) = (span.from, span.to);
    let nothing = (None, None);
    let ((facility_kwh, it_kwh), (facility_kw, it_kw)) = (nothing, nothing);
    Report { scope, category, from, to, facility_kwh, it_kwh, facility_kw, it_kw, pue, complete, missing }
}

/// By power; a meter whose power may not be believed now is missing.
fn live(shared: &Shared, computed: &Computed, sides: &Sides, now: Timestamp) -> Result<Amounts, ServiceError> {
    let all = sides.facility.union(&sides.it);
    let needed = all.flat_map(|meter| computed.sources(meter)).collect();
    let lives = lives(shared, computed, needed, None)?;
    let amount = |id: &MeterId| {
        let meter = shared.site.meters.get(id)?;
        let kw = standing::trusted(lives.get(id)?, &Quantity::CurrentKw, now, interval(&shared.site, meter))?;
        let value = Decimal::from_f64(kw)?.round_dp(POWER_DECIMALS).normalize();
        Some((id.clone(), Amount { value, complete: true }))
    };
    Ok(sides.facility.union(&sides.it).filter_map(amount).collect())
}

/// By energy; a meter of which a part of the time was never measured is in it with what is known, and missing.
fn over(shared: &Shared, sides: &Sides, span: Span, now: Timestamp) -> Result<Amounts, ServiceError> {
    let Some(store) = &shared.store else { return Ok(Amounts::new()) };
    if let Some(recorder) = &shared.recorder {
        // What was counted until now is read back below.
        let _ = recorder.book();
    }
    let energies = Energies::new(store, &shared.site)?;
    let mut amounts = Amounts::new();
    for id in sides.facility.union(&sides.it) {
        let Some(meter) = shared.site.meters.get(id) else { continue };
        let total = energies.total(id, span)?;
        let tolerance = energies.tolerance_at(meter, span.to, now);
        let complete = total.state(between(span.from, span.to), tolerance) != State::Missing;
        if total.has_data {
            amounts.insert(id.clone(), Amount { value: total.consumed.normalize(), complete });
        }
    }
    Ok(amounts)
}
