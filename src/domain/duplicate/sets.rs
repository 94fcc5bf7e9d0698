//! Which readings of a meter claim one period: connected sets, found without comparing every pair.

use super::{
    rules::{Verdict, decide},
    slot::Slot,
};

/// Readings of one meter that claim one period (one, mostly), and what the rules say.
#[derive(Debug, Clone, Copy)]
pub struct DecidedSet<'a> {
    /// In the order of dimension, start, end and id.
    pub members: &'a [Slot],
    /// What the rules say.
    pub verdict: Verdict,
}

/// Room that is used again for every meter.
#[derive(Debug, Default)]
pub struct Scratch {
    /// First reading of each distinct period of a block.
    heads: Vec<usize>,
    /// For each distinct period, one of its set that is not later.
    roots: Vec<usize>,
    /// Set and reading.
    order: Vec<(usize, usize)>,
    members: Vec<Slot>,
}

/// Groups one meter's readings and decides each set. Sorts `slots`; visits the sets by dimension and first start.
/// O(n log n), also where all periods are the same or each follows the last by a day.
pub fn decide_meter(slots: &mut [Slot], scratch: &mut Scratch, visit: &mut impl FnMut(DecidedSet<'_>)) {
    slots.sort_unstable_by_key(Slot::order);
    let is_near = |one: &Slot, next: &Slot| one.dimension == next.dimension && next.start - one.start <= 1;
    for block in slots.chunk_by(is_near) {
        if block.len() == 1 {
            visit(DecidedSet { members: block, verdict: decide(block) });
        } else {
            scratch.decide_block(block, visit);
        }
    }
}

impl Scratch {
    /// Readings of one dimension, each of which starts at most a day after the one before it.
    fn decide_block(&mut self, block: &[Slot], visit: &mut impl FnMut(DecidedSet<'_>)) {
        self.connect(block);
        self.order.clear();
        for (place, head) in self.heads.iter().enumerate() {
            let end = self.heads.get(place + 1).copied().unwrap_or(block.len());
            let root = root(&mut self.roots, place);
            self.order.extend((*head..end).map(|slot| (root, slot)));
        }
        self.order.sort_unstable();
        for set in self.order.chunk_by(|one, next| one.0 == next.0) {
            self.members.clear();
            self.members.extend(set.iter().filter_map(|(_, slot)| block.get(*slot)));
            visit(DecidedSet { members: &self.members, verdict: decide(&self.members) });
        }
    }

    /// Connects the distinct periods of a block. One has the same period as at most eight others; the four that come
    /// after it in order are looked up.
    fn connect(&mut self, block: &[Slot]) {
        self.heads.clear();
        let mut last = None;
        for (index, slot) in block.iter().enumerate() {
            if last.replace((slot.start, slot.end)) != Some((slot.start, slot.end)) {
                self.heads.push(index);
            }
        }
        self.roots.clear();
        self.roots.extend(0..self.heads.len());
        let Self { heads, roots, .. } = self;
        for (place, slot) in heads.iter().filter_map(|head| block.get(*head)).enumerate() {
            for (later, sooner_end) in [(0, 1), (1, -1), (1, 0), (1, 1)] {
                let wanted = (slot.start + later, slot.end + sooner_end);
                let period = |head: &usize| block.get(*head).map(|slot| (slot.start, slot.end));
                let Ok(found) = heads.binary_search_by(|head| period(head).cmp(&Some(wanted))) else { continue };
                if heads.get(found).and_then(|head| block.get(*head)).is_some_and(|other| slot.is_same_period(other)) {
                    join(roots, place, found);
                }
            }
        }
    }
}

/// The first of a set, with the way to it shortened.
fn root(roots: &mut [usize], mut place: usize) -> usize {
    while let Some(next) = roots.get(place).copied()
        && next != place
    {
        let above = roots.get(next).copied().unwrap_or(next);
        if let Some(entry) = roots.get_mut(place) {
            *entry = above;
        }
        place = next;
    }
    place
}

fn join(roots: &mut [usize], one: usize, other: usize) {
    let (one, other) = (root(roots, one), root(roots, other));
    if let Some(entry) = roots.get_mut(one.max(other)) {
        *entry = one.min(other);
    }
}
