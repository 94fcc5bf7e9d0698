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
