//! Virtual meters in the hub: computed when somebody asks, from what is known of their inputs at that moment.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Hub;
use crate::{
    derive,
    domain::{
        computed::{self, Computed, Input},
        ids::MeterId,
        live::{MeterLive, MeterState, Trend},
        quantity::Quantity,
        reading::State,
        site::{Meter, Site},
    },
    poll::trend::Trends,
};

/// The virtual meters of a site.
#[derive(Debug)]
pub(super) struct ComputedMeters {
    computed: Computed,
    meters: BTreeMap<MeterId, Meter>,
}

/// One of them, as it is now.
struct Now {
    /// The newest version of its inputs.
    version: u64,
    live: MeterLive,
}

impl ComputedMeters {
    pub(super) fn new(site: &Site) -> Self {
        let computed = Computed::of(site);
        let meter = |id: &MeterId| Some((id.clone(), site.meters.get(id)?.clone()));
        let meters = computed.ids().filter_map(meter).collect();
        Self { computed, meters }
    }

    pub(super) fn contains(&self, meter: &MeterId) -> bool {
        self.meters.contains_key(meter)
    }

    /// Those of which an input was written after `version`; after 0 all.
    pub(super) fn changes_since(&self, hub: &Hub, version: u64) -> BTreeMap<MeterId, MeterLive> {
        let mut all: BTreeMap<&MeterId, Now> = BTreeMap::new();
        for (id, meter) in self.computed.ids().filter_map(|id| self.meters.get_key_value(id)) {
            let now = self.now(hub, meter, &all);
            all.insert(id, now);
        }
        let changed = all.into_iter().filter(|(_, now)| now.version > version || version == 0);
        changed.map(|(id, now)| (id.clone(), now.live)).collect()
    }

    fn now(&self, hub: &Hub, meter: &Meter, before: &BTreeMap<&MeterId, Now>) -> Now {
        let mut newest = 0;
        let Some(formula) = self.computed.formula(&meter.id) else {
            return Now { version: 0, live: MeterLive::default() };
        };
        let mut live = computed::live(formula, |input| {
            // A meter that nobody reads has no value and will not get one: it is not waited for.
            let unread = Input { state: MeterState::Error, power: None };
            let of_computed = || before.get(input).map(|now| (now.version, Input::of(&now.live)));
            let (version, input) = hub.input(input).or_else(of_computed).unwrap_or((0, unread));
            newest = newest.max(version);
            input
        });
        derive::complete(meter, &mut live.readings);
        Now { version: newest, live }
    }

    /// The last minutes of a virtual meter's power, from those of its inputs; a step without one of them is a gap.
    pub(super) fn trend(&self, hub: &Hub, meter: &MeterId, quantity: &Quantity, steps: u16, now: Timestamp) -> Trend {
        let mut trend = Trends::default().trend(quantity, steps, now);
        let Some(formula) = self.computed.formula(meter).filter(|_| *quantity == Quantity::CurrentKw) else {
            return trend;
        };
        let inputs: BTreeMap<&MeterId, Trend> =
            formula.inputs().filter_map(|input| Some((input, hub.trend(input, quantity, steps, now)?))).collect();
        for (place, value) in trend.values.iter_mut().enumerate() {
            let of = |input: &MeterId| inputs.get(input).and_then(|trend| trend.values.get(place).copied().flatten());
            (*value, _) = formula.evaluate(|input| match of(input) {
                Some(mean) => (Some(mean), State::Good),
                None => (None, State::Missing),
            });
        }
        trend
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::{ids::DeviceId, reading::Reading, unit::Unit};

    fn site() -> Site {
        let seconds = |secs: u64| json!({ "secs": secs, "nanos": 0 });
        let device = |id: &str| {
            json!({ "id": id, "link": { "protocol": "modbus-tcp", "address": format!("{id}:502") }, "unit": 1,
                "every": seconds(1), "timeout": seconds(1), "registers": [], "tags": [],
                "behaviour": { "max_registers": 125, "max_gap": 8, "pause_after_connect": seconds(0),
                    "pause_between": seconds(0), "single_connection": true, "close_after_poll": false,
                    "busy_retries": 3 } })
        };
        let meter = |id: &str, formula: Option<&str>| {
            json!({ "id": id, "name": id, "meter_point": "rack-pdu", "status": "active", "registers": [], "fed_by": [],
                "reports": "primary", "commodity": "electricity", "tags": [], "maintenance": {}, "utility_meter": [],
                "device": formula.is_none().then_some(id), "formula": formula, "rated_capacity_kw": 20.0 })
        };
        serde_json::from_value(json!({ "name": "s", "time_zone": "UTC", "currency": "EUR", "data_dir": "/",
            "keep_samples": seconds(0), "demand_interval": seconds(900), "places": {},
            "devices": { "a": device("a"), "b": device("b") }, "profiles": {}, "accounts": {}, "customer_sites": {},
            "submeters": {}, "meters": { "a": meter("a", None), "b": meter("b", None), "both": meter("both", Some("a + b")),
                "twice": meter("twice", Some("both * 2")) } }))
        .unwrap()
    }

    fn read(hub: &Hub, device: &str, kw: f64, second: i64) {
        let place = hub.device_place(&DeviceId::new(device).unwrap()).unwrap();
        let at = Timestamp::from_second(second).unwrap();
        hub.update_device(place, |entry| {
            let reading = Reading::good(kw, Unit::Kilowatt, at);
            let meter = entry.meters.first_mut().unwrap();
            meter.trends.add([(&Quantity::CurrentKw, &reading)]);
            meter.live.state = MeterState::Ok;
            meter.live.readings.insert(Quantity::CurrentKw, reading);
        });
    }

    #[test]
    fn it_changes_when_an_input_does_and_only_then() {
        let hub = Hub::new(&site(), &[]);
        let id = |text: &str| MeterId::new(text).unwrap();
        let value = |live: &MeterLive| live.value(&Quantity::CurrentKw);
        let first = hub.changes_since(0);
        assert_eq!(first.snapshot.meters[&id("both")], MeterLive::default(), "nothing was read yet");
        read(&hub, "a", 3.0, 100);
        let second = hub.changes_since(first.version);
        assert_eq!(second.snapshot.meters[&id("both")].state, MeterState::Waiting, "one of two");
        read(&hub, "b", 4.0, 101);
        let third = hub.changes_since(second.version);
        let both = &third.snapshot.meters[&id("both")];
        assert_eq!((value(both), both.at.unwrap().as_second()), (Some(7.0), 100));
        assert_eq!(both.value(&Quantity::LoadPercent), Some(35.0));
        assert_eq!(value(&third.snapshot.meters[&id("twice")]), Some(14.0));
        assert!(hub.changes_since(third.version).is_empty());
        let trend = hub.trend(&id("twice"), &Quantity::CurrentKw, 2, Timestamp::from_second(105).unwrap()).unwrap();
        assert_eq!(trend.values, [None, Some(14.0)]);
        assert_eq!(hub.snapshot().meters.len(), 4);
    }
}
