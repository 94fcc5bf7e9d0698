//! Virtual meters: what follows from other meters by a formula, their power as it is now and their energy in an
//! interval. The worst state of the inputs is the state of the result, and its age is that of the oldest of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::Timestamp;
use rust_decimal::{Decimal, RoundingStrategy};

use super::{
    fault::{Fault, FaultKind},
    formula::{Formula, Scope},
    ids::MeterId,
    interval::Interval,
    live::{MeterLive, MeterState},
    quantity::Quantity,
    reading::{Reading, State},
    readings::Readings,
    site::{Meter, Site},
    unit::Unit,
};

/// Decimals of computed energy, where a formula divides: those that are kept of counted energy.
const ENERGY_DECIMALS: u32 = 6;
/// Inputs that are named in what is wrong; more are counted.
const MAX_NAMED: usize = 3;

/// The virtual meters of a site with their formulas.
#[derive(Debug, Clone, Default)]
pub struct Computed {
    formulas: BTreeMap<MeterId, Formula>,
    /// Those that others need first.
    order: Vec<MeterId>,
}

/// What is known of an input.
#[derive(Debug, Clone, Copy, Default)]
pub struct Input {
    /// How its meter is doing.
    pub state: MeterState,
    /// Its power.
    pub power: Option<Reading>,
}

impl Input {
    /// The input that a meter is.
    pub fn of(live: &MeterLive) -> Self {
        Self { state: live.state, power: live.readings.get(&Quantity::CurrentKw).copied() }
    }
}

impl Computed {
    /// The virtual meters of a site. The site is valid: every formula compiles, and none needs itself.
    pub fn of(site: &Site) -> Self {
        let scope = Scope::new(site.meters.iter().map(|(id, meter)| (id, meter.tags.as_slice())));
        let compile = |(id, meter): (&MeterId, &Meter)| {
            Some((id.clone(), Formula::compile(meter.formula.as_deref()?, &scope).ok()?))
        };
        let formulas: BTreeMap<MeterId, Formula> = site.meters.iter().filter_map(compile).collect();
        let mut computed = Self { formulas, order: Vec::new() };
        let mut left: BTreeSet<MeterId> = computed.formulas.keys().cloned().collect();
        while !left.is_empty() {
            let is_ready = |id: &&MeterId| computed.inputs_of(id).all(|input| !left.contains(input));
            let ready: Vec<MeterId> = left.iter().filter(is_ready).cloned().collect();
            if ready.is_empty() {
                break;
            }
            left.retain(|id| !ready.contains(id));
            computed.order.extend(ready);
        }
        computed
    }

    /// The virtual meters, each after those that it needs.
    pub fn ids(&self) -> impl Iterator<Item = &MeterId> {
        self.order.iter()
    }

    /// The formula of a meter; `None` where it is not virtual.
    pub fn formula(&self, meter: &MeterId) -> Option<&Formula> {
        self.formulas.get(meter)
    }

    fn inputs_of(&self, meter: &MeterId) -> impl Iterator<Item = &MeterId> {
        self.formulas.get(meter).into_iter().flat_map(Formula::inputs)
    }

    /// What each virtual meter follows from, directly.
    pub fn inputs(&self) -> BTreeMap<MeterId, BTreeSet<MeterId>> {
        self.formulas.iter().map(|(id, formula)| (id.clone(), formula.inputs().cloned().collect())).collect()
    }

    /// The meters that are read and that `meter` follows from, at any distance; of a meter that is read itself, that.
    pub fn sources(&self, meter: &MeterId) -> BTreeSet<MeterId> {
        let mut sources = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut open = vec![meter.clone()];
        while let Some(id) = open.pop() {
            if !seen.insert(id.clone()) {
                continue;
            }
            match self.formulas.get(&id) {
                Some(formula) => open.extend(formula.inputs().cloned()),
                None => drop(sources.insert(id)),
            }
        }
        sources
    }

    /// The meters that add up to a plain sum, each once, so that each of them can be said to be there or missing; any
    /// other meter stands for itself.
    pub fn terms(&self, meter: &MeterId) -> BTreeSet<MeterId> {
        let mut terms = BTreeSet::new();
        let mut open = vec![meter.clone()];
        while let Some(id) = open.pop() {
            match self.formulas.get(&id).filter(|formula| formula.is_plain_sum()) {
                // No formula needs itself, so this ends.
                Some(formula) => open.extend(formula.inputs().cloned()),
                None => drop(terms.insert(id)),
            }
        }
        terms
    }
}

/// The power of a virtual meter as it is now. An input whose device does not answer makes it stale; one without a value
/// leaves it without one, and is named; while one is still to be read, it waits.
pub fn live(formula: &Formula, mut input: impl FnMut(&MeterId) -> Input) -> MeterLive {
    let mut oldest: Option<Timestamp> = None;
    let mut waits = false;
    let mut without = BTreeSet::new();
    let (value, state) = formula.evaluate(|id| {
        let Input { state, power } = input(id);
        waits |= state == MeterState::Waiting;
        let value = power.filter(|power| power.state < State::Bad).and_then(|power| power.value);
        if value.is_none() {
            without.insert(id.clone());
        }
        let Some(power) = power else { return (None, State::Missing) };
        oldest = Some(oldest.map_or(power.at, |oldest| oldest.min(power.at)));
        let at_best = if state == MeterState::Offline { State::Stale } else { State::Good };
        (value, power.state.worst(at_best))
    });
    let Some(at) = oldest.filter(|_| !waits) else { return MeterLive::default() };
    let power = Reading { value, unit: Unit::Kilowatt, state, derived: true, at };
    MeterLive {
        state: if value.is_some() { MeterState::Ok } else { MeterState::Error },
        fault: value.is_none().then(|| Fault::new(FaultKind::InputMissing, names(&without))),
        at: Some(at),
        readings: Readings::from([(Quantity::CurrentKw, power)]),
    }
}

fn names(meters: &BTreeSet<MeterId>) -> String {
    let named: Vec<&str> = meters.iter().take(MAX_NAMED).map(MeterId::as_str).collect();
    let more = meters.len().saturating_sub(named.len());
    if more == 0 { named.join(", ") } else { format!("{} and {more} more", named.join(", ")) }
}

/// The energy of a virtual meter in one interval, from that of its inputs in the same interval: the formula over what
/// each consumed less what it generated. `None` where an input has no data, or the formula no result. It was measured
/// for as long as the input that was measured least.
pub fn energy(formula: &Formula, mut input: impl FnMut(&MeterId) -> Option<Interval>) -> Option<Interval> {
    let mut measured = Duration::MAX;
    let mut estimated = false;
    let net = formula.evaluate_exact(|id| {
        let interval = input(id)?;
        measured = measured.min(interval.measured);
        estimated |= interval.estimated;
        Some(interval.net())
    });
    let net = net?.round_dp_with_strategy(ENERGY_DECIMALS, RoundingStrategy::MidpointAwayFromZero);
    let (consumed, generated) = (net.max(Decimal::ZERO), (-net).max(Decimal::ZERO));
    Some(Interval { consumed, generated, measured, estimated })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn id(text: &str) -> MeterId {
        MeterId::new(text).unwrap()
    }

    fn site() -> Site {
        let meter = |id: &str, formula: Option<&str>| {
            let tags = if formula.is_some() { json!([]) } else { json!(["pdu"]) };
            let meter = json!({ "id": id, "name": id, "meter_point": "rack-pdu", "status": "active", "registers": [],
                "reports": "primary", "fed_by": [], "commodity": "electricity", "tags": tags, "maintenance": {},
                "utility_meter": [], "formula": formula });
            (id.to_owned(), meter)
        };
        let meters: serde_json::Map<_, _> = [
            meter("a", None),
            meter("b", None),
            meter("c", None),
            meter("all", Some("sum(\"pdu\")")),
            meter("ab", Some("a + b")),
            meter("above", Some("ab + c")),
            meter("loss", Some("above - a")),
        ]
        .into_iter()
        .collect();
        serde_json::from_value(json!({ "name": "s", "time_zone": "UTC", "currency": "EUR", "data_dir": "/",
            "keep_samples": { "secs": 0, "nanos": 0 }, "demand_interval": { "secs": 900, "nanos": 0 }, "places": {},
            "devices": {}, "meters": meters, "profiles": {}, "accounts": {}, "customer_sites": {}, "submeters": {} }))
        .unwrap()
    }

    #[test]
    fn each_comes_after_what_it_needs() {
        let computed = Computed::of(&site());
        let order: Vec<&str> = computed.ids().map(MeterId::as_str).collect();
        assert_eq!(order, ["ab", "all", "above", "loss"]);
        let ids = |texts: &[&str]| texts.iter().map(|text| id(text)).collect::<BTreeSet<_>>();
        assert_eq!(computed.sources(&id("loss")), ids(&["a", "b", "c"]));
        assert_eq!(computed.sources(&id("a")), ids(&["a"]));
        assert_eq!(computed.terms(&id("above")), ids(&["a", "b", "c"]));
        assert_eq!(computed.terms(&id("loss")), ids(&["loss"]), "a difference is no sum");
    }

    fn power(kw: f64, state: MeterState, second: i64) -> Input {
        let at = Timestamp::from_second(second).unwrap();
        Input { state, power: Some(Reading::good(kw, Unit::Kilowatt, at)) }
    }

    fn sum(inputs: [Input; 3]) -> MeterLive {
        let computed = Computed::of(&site());
        let formula = computed.formula(&id("all")).unwrap();
        live(formula, |input| inputs[["a", "b", "c"].iter().position(|name| *name == input.as_str()).unwrap()])
    }

    #[test]
    fn power_is_as_good_as_the_worst_input_and_as_old_as_the_oldest() {
        let ok = MeterState::Ok;
        let whole = sum([power(1.0, ok, 10), power(2.0, ok, 8), power(4.0, ok, 9)]);
        let reading = *whole.readings.get(&Quantity::CurrentKw).unwrap();
        assert_eq!((reading.value, reading.state, reading.derived), (Some(7.0), State::Good, true));
        assert_eq!((whole.state, reading.at.as_second()), (ok, 8));

        let offline = sum([power(1.0, ok, 10), power(2.0, MeterState::Offline, 8), power(4.0, ok, 9)]);
        let reading = *offline.readings.get(&Quantity::CurrentKw).unwrap();
        assert_eq!((reading.value, reading.state), (Some(7.0), State::Stale));

        let missing = Input { state: MeterState::Error, power: None };
        let missing = sum([power(1.0, ok, 10), missing, power(4.0, ok, 9)]);
        let reading = *missing.readings.get(&Quantity::CurrentKw).unwrap();
        assert_eq!((reading.value, reading.state, missing.state), (None, State::Missing, MeterState::Error));
        assert_eq!(missing.fault.unwrap().to_string(), "INPUT MISSING b");

        assert_eq!(sum([power(1.0, ok, 10), Input::default(), power(4.0, ok, 9)]), MeterLive::default());
    }

    #[test]
    fn energy_is_the_formula_over_net_energy() {
        let computed = Computed::of(&site());
        let interval = |consumed: &str, generated: &str, seconds, estimated| Interval {
            consumed: consumed.parse().unwrap(),
            generated: generated.parse().unwrap(),
            measured: Duration::from_secs(seconds),
            estimated,
        };
        let inputs = BTreeMap::from([
            (id("a"), interval("1.1", "0", 900, false)),
            (id("b"), interval("0.2", "2.5", 850, true)),
            (id("c"), interval("0.3", "0", 900, false)),
        ]);
        let sum = energy(computed.formula(&id("all")).unwrap(), |input| inputs.get(input).copied()).unwrap();
        assert_eq!(sum, interval("0", "0.9", 850, true));
        let part = energy(computed.formula(&id("all")).unwrap(), |input| {
            inputs.get(input).copied().filter(|_| input.as_str() != "c")
        });
        assert_eq!(part, None);
    }
}
