//! A meter against what it feeds: losses, meters that nobody put in the file, and wrong ratios show here.

use jiff::Timestamp;

use super::{Chain, Power, counts, power};
use crate::domain::{ids::MeterId, live::Snapshot, site::Meter, site::Site};

/// A meter's power against the sum of the meters that it feeds.
#[derive(Debug, Clone, PartialEq)]
pub struct Balance {
    /// The meter's own power, kW, where it may be believed.
    pub parent_kw: Option<f64>,
    /// The next metering points below it, in order of id.
    pub children: Vec<MeterId>,
    /// Their sum.
    pub sum: Power,
    /// Those of them that something else feeds as well: how much of theirs is this meter's is not known.
    pub shared: Vec<MeterId>,
    /// The meter's power less the sum, kW; only where both are complete and nothing is shared.
    pub difference_kw: Option<f64>,
}

impl Balance {
    /// The difference as a share of the meter's own power, percent; `None` where that is zero.
    pub fn difference_percent(&self) -> Option<f64> {
        let parent = self.parent_kw.filter(|kw| *kw != 0.0)?;
        Some(self.difference_kw? / parent * 100.0)
    }
}

/// The balance of `meter` at `now`; `None` where no metering point is below it.
pub fn balance(site: &Site, snapshot: &Snapshot, meter: &MeterId, now: Timestamp) -> Option<Balance> {
    let parent = site.meters.get(meter)?;
    let chain = Chain { site, statuses: &snapshot.statuses };
    let children: Vec<(&Meter, usize)> = site
        .meters
        .values()
        .filter(|child| counts(chain.statuses, child))
        .filter_map(|child| {
            let next = chain.next_above(child);
            next.contains(&&parent.id).then_some((child, next.len()))
        })
        .collect();
    if children.is_empty() {
        return None;
    }
    let mut sum = Power::default();
    for (child, _) in &children {
        sum.add(&child.id, power(site, snapshot, child, now));
    }
    let parent_kw = power(site, snapshot, parent, now).map(|(_, kw)| kw);
    let shared: Vec<MeterId> =
        children.iter().filter(|(_, feeders)| *feeders > 1).map(|(child, _)| child.id.clone()).collect();
    let comparable = sum.is_complete() && shared.is_empty();
    let difference_kw = parent_kw.zip(sum.kw).filter(|_| comparable).map(|(parent, children)| parent - children);
    let children = children.into_iter().map(|(child, _)| child.id.clone()).collect();
    Some(Balance { parent_kw, children, sum, shared, difference_kw })
}

impl<'site> Chain<'site> {
    /// The next meters above that count, looking through those that do not, each once.
    fn next_above(&self, meter: &'site Meter) -> Vec<&'site MeterId> {
        let mut seen = vec![&meter.id];
        let mut open: Vec<&MeterId> = meter.fed_by.iter().collect();
        let mut next = Vec::new();
        while let Some(id) = open.pop() {
            let Some(other) = self.site.meters.get(id).filter(|_| !seen.contains(&id)) else { continue };
            seen.push(id);
            if counts(self.statuses, other) {
                next.push(&other.id);
            } else {
                open.extend(&other.fed_by);
            }
        }
        next
    }
}
