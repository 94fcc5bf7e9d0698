//! PUE: total facility energy over IT energy, over the same time (The Green Grid; ISO/IEC 30134-2).
//!
//! **Facility**: the meters of point Utility Entrance and Generator Output. **IT**: the IT Load meters (category 3), else
//! the rack PDUs (category 2), else the UPS outputs (category 1). On either side a meter below another of the same side
//! is not added again, nor one that a virtual meter of the side already sums.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

use super::{
    ids::MeterId,
    site::{Commodity, Meter, MeterPoint, MeterStatus, PlaceKey, Site},
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

/// Which meters make up the PUE of the site, or of what is in `place`. `inputs` gives the meters that a virtual
/// meter's formula names.
pub fn sides(site: &Site, place: Option<&PlaceKey>, inputs: &BTreeMap<MeterId, BTreeSet<MeterId>>) -> Sides {
    let in_use: Vec<&Meter> = site.meters.values().filter(|meter| is_in_scope(site, meter, place)).collect();
    let of = |points: &[MeterPoint]| -> BTreeSet<MeterId> {
        let chosen = in_use.iter().filter(|meter| points.contains(&meter.meter_point));
        topmost(site, &chosen.map(|meter| meter.id.clone()).collect(), inputs)
    };
    let mut sides = Sides {
        facility: of(&[MeterPoint::UtilityEntrance, MeterPoint::GeneratorOutput]),
        it: BTreeSet::new(),
        category: None,
    };
    for (point, category) in [(MeterPoint::ItLoad, 3), (MeterPoint::RackPdu, 2), (MeterPoint::UpsOutput, 1)] {
        let meters = of(&[point]);
        if !meters.is_empty() {
            sides.it = meters;
            sides.category = Some(category);
            break;
        }
    }
    sides
}

impl Sides {
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

fn is_in_scope(site: &Site, meter: &Meter, place: Option<&PlaceKey>) -> bool {
    let in_use = !matches!(meter.status, MeterStatus::Planned | MeterStatus::Decommissioned);
    let inside = place.is_none_or(|place| meter.place.as_ref().is_some_and(|own| site.is_under(own, place)));
    in_use && inside && meter.commodity == Commodity::Electricity
}

/// Of a set of meters, those that no other of the set stands above in the power chain or sums by a formula.
fn topmost(
    site: &Site,
    chosen: &BTreeSet<MeterId>,
    inputs: &BTreeMap<MeterId, BTreeSet<MeterId>>,
) -> BTreeSet<MeterId> {
    let summed: BTreeSet<&MeterId> = chosen.iter().filter_map(|meter| inputs.get(meter)).flatten().collect();
    chosen.iter().filter(|meter| !summed.contains(meter) && above(site, meter).is_disjoint(chosen)).cloned().collect()
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
    use serde_json::json;

    use super::*;
    use crate::domain::site::Level;

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

    fn figure(site: &Site, place: Option<&PlaceKey>, values: &[(&str, i64)]) -> Figure {
        let values: BTreeMap<MeterId, i64> = values.iter().map(|(meter, value)| (id(meter), *value)).collect();
        sides(site, place, &BTreeMap::new())
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
        let sides = sides(&site, None, &BTreeMap::new());
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
        assert_eq!(sides(&site, None, &BTreeMap::new()).facility.len(), 1);
    }

    #[test]
    fn a_virtual_total_replaces_what_it_sums() {
        let site = site(&[
            ("main", "utility-entrance", "n", &[]),
            ("total", "it-load", "n", &[]),
            ("one", "it-load", "n", &[]),
            ("two", "it-load", "n", &[]),
        ]);
        let inputs = BTreeMap::from([(id("total"), ids(&["one"]))]);
        assert_eq!(sides(&site, None, &inputs).it, ids(&["total", "two"]));
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
