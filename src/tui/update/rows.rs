//! Which rows the lists have, and in which order: after filter and sort.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

use crate::{
    domain::{
        alarm::AlarmLine,
        ids::MeterId,
        quantity::Quantity,
        site::{Device, Meter, PlaceKey, Site},
        standing,
    },
    tui::{
        model::{DeviceRow, Model, OverviewRow, Screen, Sort, TreeNode},
        search::Search,
    },
};

/// How long an order that depends on values rests, so that panels do not jump while somebody reads them.
pub const SORT_RESTS: SignedDuration = SignedDuration::from_secs(10);
/// Loads that the Overview lists.
pub const MAX_LOAD_ROWS: usize = 5;
/// Most meters in trouble that the Overview lists; the Live screen, sorted by trouble, has them all.
pub const MAX_TROUBLE_ROWS: usize = 200;

/// Builds the rows of every list anew.
pub fn rebuild(model: &mut Model) {
    model.sorted_at = model.now;
    let meters = meter_rows(model);
    model.meters.set_rows(meters);
    let tree = tree_rows(model);
    model.tree.set_rows(tree);
    let devices = device_rows(model);
    model.devices.set_rows(devices);
    alarms_changed(model);
    values_changed(model);
}

/// Takes over what changed values mean for the rows: at once where rows come and go with them, rarely where only the order does.
pub fn values_changed(model: &mut Model) {
    let overview = overview_rows(model);
    model.overview.set_rows(overview);
    if let Screen::Meter(id) = &model.screen {
        let quantities = quantity_rows(model, id);
        model.quantities.set_rows(quantities);
    }
    let by_value = model.meters.sort != Sort::Name || !model.meters.filter.is_empty();
    if by_value && model.now.duration_since(model.sorted_at) >= SORT_RESTS {
        model.sorted_at = model.now;
        let meters = meter_rows(model);
        model.meters.set_rows(meters);
    }
}

/// Takes over which alarms there are.
pub fn alarms_changed(model: &mut Model) {
    let mut search = Search::new(&model.alarm_rows.filter);
    let details = |line: &AlarmLine, name: &str| {
        let note = line.note.as_deref().unwrap_or_default();
        let words = [line.id.kind.title(), line.severity.word(), line.state.word(), name, note];
        format!("{} {}", line.id, words.join(" "))
    };
    let finds = |line: &&AlarmLine| {
        let name = model.subject_name(&line.id.subject);
        search.finds(&name, &details(line, &name))
    };
    let rows = model.own_alarms().filter(finds).map(|line| line.id.clone()).collect();
    model.alarm_rows.set_rows(rows);
}

/// Whether a row of the tree itself matches the filter, not only something under it.
pub fn tree_matches(model: &Model, node: &TreeNode) -> bool {
    tree_finds(model, &mut Search::new(&model.tree.filter), node)
}

fn overview_rows(model: &Model) -> Vec<OverviewRow> {
    let mut rows = vec![OverviewRow::Power, OverviewRow::ItPower, OverviewRow::Pue];
    rows.extend([OverviewRow::Today, OverviewRow::Month]);
    rows.extend(model.site.places_under(None).cloned().map(OverviewRow::Building));
    rows.extend([
        OverviewRow::Meters,
        OverviewRow::Reviews,
        OverviewRow::Alarms,
        OverviewRow::Devices,
        OverviewRow::Connections,
        OverviewRow::Errors,
    ]);
    let mut trouble: Vec<_> = model
        .site
        .meters
        .values()
        .map(|meter| (model.standing(meter), &meter.id))
        .filter(|(standing, _)| standing.is_trouble())
        .collect();
    trouble.sort_by(|left, right| right.0.cmp(&left.0).then_with(|| left.1.cmp(right.1)));
    rows.extend(trouble.into_iter().take(MAX_TROUBLE_ROWS).map(|(_, id)| OverviewRow::Trouble(id.clone())));
    let mut loaded: Vec<&Meter> = model.site.meters.values().filter(|meter| load(model, meter).0.is_some()).collect();
    loaded.sort_by_cached_key(|meter| Descending(load(model, meter)));
    rows.extend(loaded.into_iter().take(MAX_LOAD_ROWS).map(|meter| OverviewRow::Load(meter.id.clone())));
    rows
}

fn meter_rows(model: &Model) -> Vec<MeterId> {
    let mut search = Search::new(&model.meters.filter);
    let finds = |meter: &&Meter| search.finds(&meter.name, &meter_details(model, meter));
    let mut meters: Vec<&Meter> = model.site.meters.values().filter(finds).collect();
    match model.meters.sort {
        Sort::Name => meters.sort_by(|left, right| left.name.cmp(&right.name)),
        Sort::Load => {
            meters.sort_by_cached_key(|meter| Descending(load(model, meter)));
        }
        Sort::Trouble => meters.sort_by_key(|meter| std::cmp::Reverse(model.standing(meter))),
        Sort::Age => meters.sort_by_key(|meter| answered_at(model, meter)),
    }
    meters.into_iter().map(|meter| meter.id.clone()).collect()
}

/// Sorts the largest first, and what is unknown last.
#[derive(PartialEq)]
struct Descending((Option<f64>, Option<f64>));

impl Eq for Descending {}

impl PartialOrd for Descending {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Descending {
    fn cmp(&self, other: &Self) -> Ordering {
        let descending = |left: Option<f64>, right: Option<f64>| {
            let number = |value: Option<f64>| value.unwrap_or(f64::NEG_INFINITY);
            number(right).total_cmp(&number(left))
        };
        descending(self.0.0, other.0.0).then_with(|| descending(self.0.1, other.0.1))
    }
}

/// The load in percent of the rating, and the power for those without a rating.
fn load(model: &Model, meter: &Meter) -> (Option<f64>, Option<f64>) {
    let every = standing::interval(&model.site, meter).unwrap_or(Duration::MAX);
    let value = |quantity: Quantity| standing::trusted(model.meter(&meter.id)?, &quantity, model.now, every);
    (value(Quantity::LoadPercent), value(Quantity::CurrentKw))
}

/// When the meter's device last answered; what is never read sorts last, what never answered first.
fn answered_at(model: &Model, meter: &Meter) -> Timestamp {
    if model.standing(meter) == standing::Standing::NotRead {
        return Timestamp::MAX;
    }
    model.meter(&meter.id).and_then(|live| live.at).unwrap_or(Timestamp::MIN)
}

fn meter_details(model: &Model, meter: &Meter) -> String {
    let device = meter.device.as_ref().and_then(|id| model.site.devices.get(id));
    [
        meter.id.as_str(),
        &meter.name,
        meter.meter_name.as_deref().unwrap_or_default(),
        meter.meter_point.title(),
        model.standing(meter).word(),
        &place_names(&model.site, meter.place.as_ref()),
        meter.device.as_ref().map_or("", |id| id.as_str()),
        &device.map(|device| device.link.name()).unwrap_or_default(),
        &meter.tags.join(" "),
    ]
    .join(" ")
}

fn place_names(site: &Site, place: Option<&PlaceKey>) -> String {
    let names = place.into_iter().flat_map(|key| site.path(key));
    names.filter_map(|key| Some(site.places.get(key)?.name.as_str())).collect::<Vec<_>>().join(" ")
}

fn tree_rows(model: &Model) -> Vec<TreeNode> {
    let everything = model.tree.filter.is_empty();
    let mut search = Search::new(&model.tree.filter);
    let mut kept = BTreeSet::new();
    let mut meters = BTreeSet::new();
    if !everything {
        for meter in model.site.meters.values() {
            if tree_finds(model, &mut search, &TreeNode::Meter(meter.id.clone())) {
                meters.insert(meter.id.clone());
                kept.extend(meter.place.iter().flat_map(|key| model.site.path(key)).cloned());
            }
        }
        for key in model.site.places.keys() {
            if tree_finds(model, &mut search, &TreeNode::Place(key.clone())) {
                kept.extend(model.site.path(key).cloned());
            }
        }
    }
    let mut walk = Walk { model, everything, kept, meters, rows: vec![TreeNode::Site] };
    walk.under(None);
    walk.rows
}

/// A walk through the tree, from the top down.
struct Walk<'model> {
    model: &'model Model,
    everything: bool,
    kept: BTreeSet<PlaceKey>,
    meters: BTreeSet<MeterId>,
    rows: Vec<TreeNode>,
}

impl Walk<'_> {
    /// Adds what is under a place; the levels are four, so that this ends.
    fn under(&mut self, parent: Option<&PlaceKey>) {
        let model = self.model;
        for key in model.site.places_under(parent) {
            if self.everything || self.kept.contains(key) {
                self.rows.push(TreeNode::Place(key.clone()));
                if !self.everything || model.expanded.contains(key) {
                    self.under(Some(key));
                }
            }
        }
        for meter in model.site.meters_at(parent) {
            if self.everything || self.meters.contains(&meter.id) {
                self.rows.push(TreeNode::Meter(meter.id.clone()));
            }
        }
    }
}

fn tree_finds(model: &Model, search: &mut Search, node: &TreeNode) -> bool {
    match node {
        TreeNode::Site => search.finds(&model.site.name, &model.site.name),
        TreeNode::Place(key) => model.site.places.get(key).is_some_and(|place| {
            search.finds(&place.name, &format!("{} {} {}", place.name, key.id, key.level.title()))
        }),
        TreeNode::Meter(id) => {
            model.site.meters.get(id).is_some_and(|meter| search.finds(&meter.name, &meter_details(model, meter)))
        }
    }
}

fn quantity_rows(model: &Model, id: &MeterId) -> Vec<Quantity> {
    let configured = model.site.meters.get(id).into_iter().flat_map(|meter| meter.registers.iter());
    let mut quantities: BTreeSet<Quantity> = configured.map(|register| register.quantity.clone()).collect();
    quantities.extend(model.meter(id).into_iter().flat_map(|live| live.readings.keys().cloned()));
    quantities.into_iter().collect()
}

fn device_rows(model: &Model) -> Vec<DeviceRow> {
    let mut search = Search::new(&model.devices.filter);
    let mut links: BTreeMap<String, Vec<&Device>> = BTreeMap::new();
    for device in model.site.devices.values() {
        links.entry(device.link.name()).or_default().push(device);
    }
    let mut rows = Vec::new();
    for (link, devices) in links {
        let found: Vec<_> = devices
            .into_iter()
            .filter(|device| search.finds(device.id.as_str(), &device_details(model, device, &link)))
            .map(|device| DeviceRow::Device(device.id.clone()))
            .collect();
        if !found.is_empty() {
            rows.push(DeviceRow::Connection(link));
            rows.extend(found);
        }
    }
    rows
}

fn device_details(model: &Model, device: &Device, link: &str) -> String {
    let live = model.shown().devices.get(&device.id);
    let profile = device.profile.as_ref().map_or("", |id| id.as_str());
    let state = live.map(|live| format!("{:?}", live.state)).unwrap_or_default();
    let fault = live.and_then(|live| live.last_fault.as_ref()).map(|(_, fault)| fault.kind.title()).unwrap_or_default();
    format!("{} {link} {profile} {state} {fault} {} {}", device.id, device.link.protocol(), device.tags.join(" "))
}
