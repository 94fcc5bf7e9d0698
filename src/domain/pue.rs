//! PUE: total facility energy over IT energy, over the same time (The Green Grid; ISO/IEC 30134-2).
//!
//! **Facility**: the meters of point Utility Entrance and Generator Output. **IT**: the IT Load meters (category 3), else
//! the rack PDUs (category 2), else the UPS outputs (category 1). On either side a meter below another of the same side
//! is not added again, nor one that a virtual meter of the side already sums.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

use super::{
    computed::Computed,
    ids::MeterId,
    live::Statuses,
    site::{Commodity, Meter, MeterPoint, PlaceKey, Site},
};

/// Decimals of a PUE.
pub const PUE_DECIMALS: u32 = 4;

/// Which meters make up a PUE.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sides {
    /// What comes in.
    pub facility: BTreeSet<MeterId>,
    /// What IT equipment takes.
    pub it: BTreeSet<MeterId>,
    /// 1 at the UPS outputs, 2 at the PDU outputs, 3 at the IT equipment; `None` where nothing of it is metered.
    pub category: Option<u8>,
}

/// What a meter brought in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Amount {
    /// kW or kWh.
    pub value: Decimal,
    /// Nothing of it is stale, missing or only partly measured.
    pub complete: bool,
}

/// A PUE, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figure {
    /// Facility over IT, rounded half up to [`PUE_DECIMALS`]; `None` where it cannot be said.
    pub pue: Option<Decimal>,
    /// What came in: kW live, kWh over a period.
    pub facility: Decimal,
    /// What IT took.
    pub it: Decimal,
    /// Where IT was metered.
    pub category: Option<u8>,
    /// Every meter of both sides is in it, wholly.
    pub complete: bool,
    /// The meters that are not, or not wholly.
    pub missing: BTreeSet<MeterId>,
}

/// A PUE with what it is about: what `pue` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// `site`, or the building's id.
    pub scope: String,
    /// Where IT was metered: 1 at the UPS outputs, 2 at the PDU outputs, 3 at the IT equipment.
    pub category: Option<u8>,
    /// Included; of a live figure its moment.
    pub from: Timestamp,
    /// Not included; of a live figure its moment.
    pub to: Timestamp,
    /// Over a period: what came in.
    pub facility_kwh: Option<Decimal>,
    /// Over a period: what IT took.
    pub it_kwh: Option<Decimal>,
    /// Live: what comes in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facility_kw: Option<Decimal>,
    /// Live: what IT takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub it_kw: Option<Decimal>,
    /// Facility over IT; `None` where it cannot be said.
    pub pue: Option<Decimal>,
    /// Every meter of both sides is in it, wholly.
    pub complete: bool,
    /// The meters that are not, or not wholly.
    pub missing: BTreeSet<MeterId>,
}

/// Where what comes in is metered.
pub const FACILITY_POINTS: [MeterPoint; 2] = [MeterPoint::UtilityEntrance, MeterPoint::GeneratorOutput];

/// Where IT is metered, the finest first, with the category of that.
const IT_POINTS: [(MeterPoint, u8); 3] =
    [(MeterPoint::ItLoad, 3), (MeterPoint::RackPdu, 2), (MeterPoint::UpsOutput, 1)];

impl Sides {
    /// Those of the site, or of what is in `place`, with statuses as recorded. A virtual meter that is a plain sum stands
    /// as its terms, so that one that is missing can be named.
    pub fn of(site: &Site, statuses: &Statuses, place: Option<&PlaceKey>, computed: &Computed) -> Self {
        let of = |points: &[MeterPoint]| -> BTreeSet<MeterId> {
            let meters = topmost(site, statuses, place, computed, points);
            meters.iter().flat_map(|meter| computed.terms(meter)).collect()
        };
        let it = IT_POINTS.iter().map(|(point, category)| (of(&[*point]), *category));
        let it = it.into_iter().find(|(meters, _)| !meters.is_empty());
        let category = it.as_ref().map(|(_, category)| *category);
        let facility = of(&FACILITY_POINTS);
        Self { facility, it: it.map(|(meters, _)| meters).unwrap_or_default(), category }
    }

    /// Where IT is metered.
    pub fn it_point(&self) -> Option<MeterPoint> {
        let (point, _) = IT_POINTS.iter().find(|(_, category)| Some(*category) == self.category)?;
        Some(*point)
    }

    /// The figure, with what each meter brought in; `None` for a meter of which nothing is known.
    pub fn figure(&self, amount: impl Fn(&MeterId) -> Option<Amount>) -> Figure {
        let mut missing = BTreeSet::new();
        let mut sum = |meters: &BTreeSet<MeterId>| {
            let mut total = Decimal::ZERO;
            for meter in meters {
                let amount = amount(meter);
                if !amount.is_some_and(|amount| amount.complete) {
                    missing.insert(meter.clone());
                }
                total = total.saturating_add(amount.map_or(Decimal::ZERO, |amount| amount.value));
            }
            total
        };
        let (facility, it) = (sum(&self.facility), sum(&self.it));
        let pue = (it > Decimal::ZERO && !self.facility.is_empty()).then(|| facility.checked_div(it)).flatten();
        Figure {
            pue: pue.map(rounded),
            facility,
            it,
            category: self.category,
            complete: missing.is_empty() && pue.is_some(),
            missing,
        }
    }
}

fn rounded(pue: Decimal) -> Decimal {
    let mut rounded = pue.round_dp_with_strategy(PUE_DECIMALS, RoundingStrategy::MidpointAwayFromZero);
    rounded.rescale(PUE_DECIMALS);
    rounded
}

fn is_in_scope(site: &Site, statuses: &Statuses, meter: &Meter, place: Option<&PlaceKey>) -> bool {
    let inside = place.is_none_or(|place| meter.place.as_ref().is_some_and(|own| site.is_under(own, place)));
    statuses.is_in_use(meter) && inside && meter.commodity == Commodity::Electricity
}

/// The meters of some points in use, in `place` or anywhere, without those that another of them stands above in the power
/// chain or sums by a formula.
pub fn topmost(
    site: &Site,
    statuses: &Statuses,
    place: Option<&PlaceKey>,
    computed: &Computed,
    points: &[MeterPoint],
) -> BTreeSet<MeterId> {
    let is_chosen = |meter: &&Meter| points.contains(&meter.meter_point) && is_in_scope(site, statuses, meter, place);
    let chosen: BTreeSet<MeterId> = site.meters.values().filter(is_chosen).map(|meter| meter.id.clone()).collect();
    let inputs = computed.inputs();
    let summed: BTreeSet<&MeterId> = chosen.iter().filter_map(|meter| inputs.get(meter)).flatten().collect();
    let is_topmost = |meter: &&MeterId| !summed.contains(meter) && above(site, meter).is_disjoint(&chosen);
    chosen.iter().filter(is_topmost).cloned().collect()
}

/// All meters above one in the power chain.
fn above(site: &Site, meter: &MeterId) -> BTreeSet<MeterId> {
    let mut found = BTreeSet::new();
    let mut next = vec![meter];
    while let Some(id) = next.pop() {
        for feeding in site.meters.get(id).map(|meter| meter.fed_by.as_slice()).unwrap_or_default() {
            if found.insert(feeding.clone()) {
                next.push(feeding);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::domain::site::{Level, MeterStatus};

    fn id(text: &str) -> MeterId {
        MeterId::new(text).unwrap()
    }

    fn ids(texts: &[&str]) -> BTreeSet<MeterId> {
        texts.iter().map(|text| id(text)).collect()
    }

    /// Meters as (id, point, building, fed by).
    fn site(meters: &[(&str, &str, &str, &[&str])]) -> Site {
        let meters: BTreeMap<&str, serde_json::Value> = meters
            .iter()
            .map(|(id, point, building, fed_by)| {
                let meter = json!({ "id": id, "name": id, "meter_point": point, "status": "active", "registers": [],
                    "place": format!("building.{building}"), "reports": "primary", "fed_by": fed_by,
                    "commodity": "electricity", "tags": [], "maintenance": {}, "utility_meter": [] });
                (*id, meter)
            })
            .collect();
        let building = |name: &str| json!({ "name": name, "parent": null });
        serde_json::from_value(json!({ "name": "s", "time_zone": "UTC", "currency": "EUR", "data_dir": "/",
            "keep_samples": { "secs": 0, "nanos": 0 }, "demand_interval": { "secs": 900, "nanos": 0 },
            "places": { "building.n": building("n"), "building.s": building("s") }, "devices": {}, "meters": meters,
            "profiles": {}, "accounts": {}, "customer_sites": {}, "submeters": {} }))
        .unwrap()
    }

    fn sides(site: &Site, place: Option<&PlaceKey>) -> Sides {
        Sides::of(site, &Statuses::default(), place, &Computed::of(site))
    }

    fn figure(site: &Site, place: Option<&PlaceKey>, values: &[(&str, i64)]) -> Figure {
        let values: BTreeMap<MeterId, i64> = values.iter().map(|(meter, value)| (id(meter), *value)).collect();
        sides(site, place)
            .figure(|meter| values.get(meter).map(|value| Amount { value: Decimal::from(*value), complete: true }))
    }

    #[test]
    fn takes_the_finest_kind_of_it_meter_that_there_is() {
        let mut meters: Vec<(&str, &str, &str, &[&str])> = vec![("main", "utility-entrance", "n", &[])];
        for (meter, point, category) in [("ups", "ups-output", 1), ("pdu", "rack-pdu", 2), ("it", "it-load", 3)] {
            meters.push((meter, point, "n", &["main"]));
            let figure = figure(&site(&meters), None, &[("main", 142), (meter, 100)]);
            assert_eq!(figure.category, Some(category));
            assert_eq!(figure.pue.unwrap().to_string(), "1.4200");
            assert!(figure.complete);
        }
    }

    #[test]
    fn adds_feeds_and_never_a_meter_below_its_like() {
        let site = site(&[
            ("utility", "utility-entrance", "n", &[]),
            ("sub", "utility-entrance", "n", &["utility"]),
            ("gen", "generator-output", "n", &[]),
            ("a", "rack-pdu", "n", &["utility"]),
            ("b", "rack-pdu", "n", &["utility"]),
            ("a-inlet", "rack-pdu", "n", &["a"]),
        ]);
        let sides = sides(&site, None);
        assert_eq!(sides.facility, ids(&["utility", "gen"]));
        assert_eq!(sides.it, ids(&["a", "b"]));
    }

    #[test]
    fn a_generator_behind_a_counted_entrance_is_not_doubled() {
        let site = site(&[
            ("gen", "generator-output", "n", &[]),
            ("ats", "transfer-switch", "n", &["gen"]),
            ("entrance", "utility-entrance", "n", &["ats"]),
        ]);
        assert_eq!(sides(&site, None).facility.len(), 1);
    }

    #[test]
    fn a_virtual_total_replaces_what_it_sums() {
        let mut site = site(&[
            ("main", "utility-entrance", "n", &[]),
            ("total", "it-load", "n", &[]),
            ("one", "it-load", "n", &[]),
            ("two", "it-load", "n", &[]),
        ]);
        for (formula, expected) in [("one * 1.01", ["total", "two"]), ("one", ["one", "two"])] {
            site.meters.get_mut(&id("total")).unwrap().formula = Some(formula.into());
            assert_eq!(sides(&site, None).it, ids(&expected), "a plain sum stands as its terms");
        }
    }

    #[test]
    fn a_recorded_status_counts_as_a_configured_one() {
        let site = site(&[
            ("main", "utility-entrance", "n", &[]),
            ("it", "it-load", "n", &["main"]),
            ("pdu", "rack-pdu", "n", &["main"]),
        ]);
        let gone = Statuses(BTreeMap::from([(id("it"), MeterStatus::Decommissioned)]));
        let sides = Sides::of(&site, &gone, None, &Computed::of(&site));
        assert_eq!((sides.it, sides.category), (ids(&["pdu"]), Some(2)));
    }

    #[test]
    fn says_what_is_missing_and_never_divides_by_nothing() {
        let site = site(&[
            ("main", "utility-entrance", "n", &[]),
            ("a", "rack-pdu", "n", &["main"]),
            ("b", "rack-pdu", "s", &["main"]),
        ]);
        let part = figure(&site, None, &[("main", 150), ("a", 100)]);
        assert_eq!((part.complete, part.missing), (false, ids(&["b"])));
        assert_eq!(figure(&site, None, &[("main", 150)]).pue, None);
        let south = PlaceKey { level: Level::Building, id: "s".parse().unwrap() };
        let south = figure(&site, Some(&south), &[("b", 10)]);
        assert_eq!((south.pue, south.category), (None, Some(2)), "a building without an entrance has no PUE");
    }
}
