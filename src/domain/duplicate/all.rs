//! All meters at once: readings in any order, dealt to their meters, decided by several threads.

use std::ops::Range;

use super::{
    sets::{DecidedSet, Scratch, decide_meter},
    slot::Slot,
};

/// Why readings cannot be decided at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("more readings than 4 thousand million, or a meter that is not counted")]
pub struct TooMany;

/// Groups and decides the readings of meters 0 to `meters` − 1, which may be in any order, with `workers` threads, each
/// of which has some of the meters and a result of its own. Needs 4 bytes for each reading and meter beside them. Every
/// thread looks over all readings once to find its own: for the few cores of a small computer.
///
/// # Errors
/// [`TooMany`] where a place does not fit into 32 bits, or a meter is beyond `meters`.
pub fn decide_all<A: Send>(
    slots: &[Slot],
    meters: u32,
    workers: usize,
    start: impl Fn() -> A + Sync,
    visit: impl Fn(&mut A, DecidedSet<'_>) + Sync,
) -> Result<Vec<A>, TooMany> {
    let starts = starts(slots, meters)?;
    let mut places = vec![0; slots.len()];
    let mut free = places.as_mut_slice();
    let mut shares = Vec::new();
    for meters in shares_of(&starts, workers) {
        let own = starts.get(meters.start..=meters.end).unwrap_or_default();
        let readings = own.last().zip(own.first()).map_or(0, |(end, start)| index(end - start));
        let (own_places, rest) = free.split_at_mut_checked(readings).ok_or(TooMany)?;
        free = rest;
        shares.push(Share { meters, starts: own, places: own_places });
    }
    let work = |share: Share<'_>| {
        let (mut result, mut scratch) = (start(), Scratch::default());
        share.decide(slots, &mut scratch, &mut |set| visit(&mut result, set));
        result
    };
    let Some(last) = shares.pop() else { return Ok(Vec::new()) };
    Ok(std::thread::scope(|scope| {
        let running: Vec<_> = shares.into_iter().map(|share| scope.spawn(|| work(share))).collect();
        let mut results = vec![work(last)];
        for worker in running {
            match worker.join() {
                Ok(result) => results.push(result),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        results
    }))
}

/// Where each meter's readings begin when they are put one meter after the other, and the end of the last.
fn starts(slots: &[Slot], meters: u32) -> Result<Vec<u32>, TooMany> {
    u32::try_from(slots.len()).map_err(|_| TooMany)?;
    let mut starts = vec![0_u32; index(meters) + 1];
    for slot in slots {
        *starts.get_mut(index(slot.meter) + 1).ok_or(TooMany)? += 1;
    }
    let mut total = 0;
    for start in &mut starts {
        total += *start;
        *start = total;
    }
    Ok(starts)
}

/// The meters in ranges with about as many readings each.
fn shares_of(starts: &[u32], workers: usize) -> Vec<Range<usize>> {
    let meters = starts.len().saturating_sub(1);
    let readings = starts.last().map_or(0, |end| index(*end));
    let workers = workers.clamp(1, meters.max(1));
    let mut from = 0;
    let share = |worker| {
        let enough = readings / workers * worker;
        let to = starts.partition_point(|start| index(*start) < enough).clamp(from, meters);
        let to = if worker == workers { meters } else { to };
        std::mem::replace(&mut from, to)..to
    };
    (1..=workers).map(share).collect()
}

/// What one thread does.
struct Share<'a> {
    meters: Range<usize>,
    /// Where the readings of its meters begin, and the end of the last.
    starts: &'a [u32],
    /// Room for the places of its readings.
    places: &'a mut [u32],
}

impl Share<'_> {
    fn decide(self, slots: &[Slot], scratch: &mut Scratch, visit: &mut impl FnMut(DecidedSet<'_>)) {
        let Self { meters, starts, places } = self;
        let first = starts.first().copied().unwrap_or_default();
        let mut next: Vec<u32> = starts.iter().map(|start| start - first).collect();
        for (place, slot) in (0_u32..).zip(slots).filter(|(_, slot)| meters.contains(&index(slot.meter))) {
            if let Some(next) = next.get_mut(index(slot.meter) - meters.start) {
                if let Some(entry) = places.get_mut(index(*next)) {
                    *entry = place;
                }
                *next += 1;
            }
        }
        let mut own = Vec::new();
        for [from, to] in starts.array_windows() {
            let places = places.get(index(from - first)..index(to - first)).unwrap_or_default();
            own.clear();
            own.extend(places.iter().filter_map(|place| slots.get(index(*place))));
            decide_meter(&mut own, scratch, visit);
        }
    }
}

fn index(place: u32) -> usize {
    place as usize
}
