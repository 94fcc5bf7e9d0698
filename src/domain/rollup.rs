//! Rolled up (pure): what a place of the site takes, how loaded it is, and its worst state.
//!
//! **The rule.** A place's power is the sum of its topmost metering points: the electricity meters in the place (or
//! under it) above which no other of the place's meters stands in the power chain (`fed_by`, at any distance). So a
//! panel and the racks that it feeds never count twice, and neither do two feeds of one rack. The power of a feed is
//! the same sum over the meters of that feed alone, so that A and B can be told apart below a common main meter.
//!
//! A generator is a source, not a load: in a place it counts only where all that it feeds is in the place as well, so that a
//! plant room with a generator shows what the room takes.
//!
//! What counts is a meter in use, as recorded or configured, whose device reads power. A planned, decommissioned, virtual, hand-read or pulse-only
//! meter has no power to add: the rule looks through it, and what it feeds stands in its place. A meter that counts and
//! has no believable power now is *missing*: the total is incomplete and says which, and is never filled up by a guess.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{
    computed::Computed,
    ids::MeterId,
    live::{Snapshot, Statuses},
    pue::Sides,
    quantity::Quantity,
    reading::State,
    site::{Commodity, FeedPath, Meter, MeterPoint, MeterType, PlaceKey, Site},
    standing::{self, Standing},
    unit::Unit,
};

mod balance;
#[cfg(test)]
mod tests;

pub use balance::{Balance, balance};

/// A sum of power.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Power {
    /// The sum of what is known, kW; `None` where nothing is.
    pub kw: Option<f64>,
    /// How many metering points are in the sum.
    pub counted: usize,
    /// The metering points that belong in it and have no believable power now.
    pub missing: BTreeSet<MeterId>,
    /// At least one of them is estimated.
    pub estimated: bool,
}

impl Power {
    /// Whether every metering point is in it.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty()
    }

    fn add(&mut self, meter: &MeterId, power: Option<(State, f64)>) {
        let Some((state, kw)) = power else {
            self.missing.insert(meter.clone());
            return;
        };
        self.kw = Some(self.kw.unwrap_or_default() + kw);
        self.counted += 1;
        self.estimated |= state == State::Estimated;
    }
}

/// What is rolled up for one place, or for the whole site.
#[derive(Debug, Clone, PartialEq)]
pub struct Rollup {
    /// Power of all its topmost metering points.
    pub power: Power,
    /// Power by feed; a feed without a meter is not there.
    pub feeds: BTreeMap<FeedPath, Power>,
    /// The highest load of its topmost metering points, percent of the rating.
    pub load_percent: Option<f64>,
    /// The worst of all its meters.
    pub worst: Standing,
    /// Its topmost metering points: what the power is the sum of.
    pub points: BTreeSet<MeterId>,
    /// How many meters are in it, of any kind.
    pub meters: usize,
    /// How many of them are in trouble: past a threshold, stale, in error or offline.
    pub in_trouble: usize,
    /// How many of them are never read.
    pub not_read: usize,
}

impl Default for Rollup {
    fn default() -> Self {
        Self {
            power: Power::default(),
            feeds: BTreeMap::new(),
            load_percent: None,
            worst: Standing::NotRead,
            points: BTreeSet::new(),
            meters: 0,
            in_trouble: 0,
            not_read: 0,
        }
    }
}

/// The site and each of its places, rolled up.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rollups {
    site: Rollup,
    places: BTreeMap<PlaceKey, Rollup>,
    it: (Option<MeterPoint>, Power),
}

impl Rollups {
    /// Rolls up everything as it is at `now`. `computed` are the site's virtual meters.
    pub fn of(site: &Site, computed: &Computed, snapshot: &Snapshot, now: Timestamp) -> Self {
        let chain = Chain { site, statuses: &snapshot.statuses };
        let sources = Sources::of(&chain);
        let mut rollups = Self {
            places: site.places.keys().map(|key| (key.clone(), Rollup::default())).collect(),
            ..Self::default()
        };
        for meter in site.meters.values() {
            let facts = Facts::of(site, snapshot, meter, now);
            let above = chain.above(meter);
            let is_counted = counts(chain.statuses, meter);
            rollups.site.take(meter, &facts, is_counted, &above);
            for place in chain.places(meter) {
                let is_here =
                    |other: &&Meter| chain.places(other).any(|key| key == place) && !sources.feeds_beyond(other, place);
                let above_here: Vec<&Meter> = above.iter().copied().filter(is_here).collect();
                let is_counted = is_counted && !sources.feeds_beyond(meter, place);
                if let Some(rollup) = rollups.places.get_mut(place) {
                    rollup.take(meter, &facts, is_counted, &above_here);
                }
            }
        }
        rollups.it = it_power(site, computed, snapshot, now);
        rollups
    }

    /// The whole site, with the meters that are nowhere.
    pub fn site(&self) -> &Rollup {
        &self.site
    }

    /// One place; `None` where the site does not have it.
    pub fn place(&self, key: &PlaceKey) -> Option<&Rollup> {
        self.places.get(key)
    }

    /// What IT equipment takes, and where that is measured: over the same meters as the PUE ([`Sides`]).
    pub fn it_power(&self) -> (Option<MeterPoint>, &Power) {
        (self.it.0, &self.it.1)
    }
}

impl Rollup {
    /// Takes in a meter of the place; `above` are those of the place that count and feed it.
    fn take(&mut self, meter: &Meter, facts: &Facts, is_counted: bool, above: &[&Meter]) {
        self.meters += 1;
        self.worst = self.worst.max(facts.standing);
        self.in_trouble += usize::from(facts.standing.is_trouble());
        self.not_read += usize::from(facts.standing == Standing::NotRead);
        if !is_counted {
            return;
        }
        if above.is_empty() {
            self.power.add(&meter.id, facts.power);
            self.points.insert(meter.id.clone());
            self.load_percent = match (self.load_percent, facts.load_percent) {
                (Some(one), Some(other)) => Some(one.max(other)),
                (one, other) => one.or(other),
            };
        }
        if let Some(feed) = meter.feed_path
            && above.iter().all(|other| other.feed_path != Some(feed))
        {
            self.feeds.entry(feed).or_default().add(&meter.id, facts.power);
        }
    }
}

/// What a meter brings in.
struct Facts {
    standing: Standing,
    power: Option<(State, f64)>,
    load_percent: Option<f64>,
}

impl Facts {
    fn of(site: &Site, snapshot: &Snapshot, meter: &Meter, now: Timestamp) -> Self {
        let live = snapshot.meters.get(&meter.id);
        let every = standing::interval(site, meter);
        let load_percent =
            live.zip(every).and_then(|(live, every)| standing::trusted(live, &Quantity::LoadPercent, now, every));
        Self {
            standing: standing::standing(site, meter, snapshot, now),
            power: power(site, snapshot, meter, now),
            load_percent,
        }
    }
}

/// The generators of a site, and the places that hold all that each of them feeds.
struct Sources<'site> {
    holders: BTreeMap<&'site MeterId, Vec<&'site PlaceKey>>,
}

impl<'site> Sources<'site> {
    fn of(chain: &Chain<'site>) -> Self {
        let site = chain.site;
        let generators = site.meters.values().filter(|meter| meter.meter_point == MeterPoint::GeneratorOutput);
        let holders = generators.map(|generator| {
            let fed = site.meters.values().filter(|meter| meter.fed_by.contains(&generator.id));
            let fed: Vec<Vec<&PlaceKey>> = fed.map(|meter| chain.places(meter).collect()).collect();
            let holds_all = |place: &&PlaceKey| fed.iter().all(|places| places.contains(place));
            (&generator.id, chain.places(generator).filter(holds_all).collect())
        });
        Self { holders: holders.collect() }
    }

    /// Whether `meter` is a generator that feeds something outside of `place`.
    fn feeds_beyond(&self, meter: &Meter, place: &PlaceKey) -> bool {
        self.holders.get(&meter.id).is_some_and(|places| !places.contains(&place))
    }
}

/// A meter's power where it may be believed now, kW.
fn power(site: &Site, snapshot: &Snapshot, meter: &Meter, now: Timestamp) -> Option<(State, f64)> {
    let live = snapshot.meters.get(&meter.id)?;
    match standing::current(live, &Quantity::CurrentKw, now, standing::interval(site, meter)?) {
        (state @ (State::Good | State::Estimated), Some(kw)) => Some((state, kw)),
        _ => None,
    }
}

/// Whether a meter has a power to add: in use, of electricity, not virtual, and its device reads power.
pub fn counts(statuses: &Statuses, meter: &Meter) -> bool {
    let is_virtual = meter.meter_point == MeterPoint::Virtual
        || meter.meter_type == Some(MeterType::Virtual)
        || meter.formula.is_some();
    statuses.is_in_use(meter)
        && meter.commodity == Commodity::Electricity
        && !is_virtual
        && meter.device.is_some()
        && meter
            .registers
            .iter()
            .any(|register| register.quantity != Quantity::DemandKw && register.quantity.unit() == Some(Unit::Kilowatt))
}

/// What the IT equipment takes; see [`Rollups::it_power`].
fn it_power(site: &Site, computed: &Computed, snapshot: &Snapshot, now: Timestamp) -> (Option<MeterPoint>, Power) {
    let sides = Sides::of(site, &snapshot.statuses, None, computed);
    let mut sum = Power::default();
    for meter in &sides.it {
        sum.add(meter, site.meters.get(meter).and_then(|meter| power(site, snapshot, meter, now)));
    }
    (sides.it_point(), sum)
}

/// The power chain of a site.
pub(super) struct Chain<'site> {
    pub(super) site: &'site Site,
    pub(super) statuses: &'site Statuses,
}

impl<'site> Chain<'site> {
    /// The meters that count above `meter`, at any distance, each once. A cycle (which no valid site has) ends.
    pub(super) fn above(&self, meter: &'site Meter) -> Vec<&'site Meter> {
        let mut seen: BTreeSet<&MeterId> = BTreeSet::from([&meter.id]);
        let mut open: Vec<&MeterId> = meter.fed_by.iter().collect();
        let mut above = Vec::new();
        while let Some(id) = open.pop() {
            let Some(other) = self.site.meters.get(id).filter(|_| seen.insert(id)) else { continue };
            open.extend(&other.fed_by);
            if counts(self.statuses, other) {
                above.push(other);
            }
        }
        above
    }

    /// The places that a meter is in, from the deepest up.
    fn places(&self, meter: &'site Meter) -> impl Iterator<Item = &'site PlaceKey> + use<'site> {
        let site = self.site;
        meter.place.as_ref().into_iter().flat_map(move |place| site.path(place))
    }
}
