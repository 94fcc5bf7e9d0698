//! All meters at once: readings in any order, dealt to their meters, decided by several threads.

use super::{
    sets::{DecidedSet, Scratch, decide_meter},
    slot::Slot,
};

/// Why readings cannot be decided at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("more readings than 4 thousand million, or a meter that is not counted")]
pub struct TooMany;

/// Groups and decides the readings of meters 0 to `meters` − 1, which may be in any order, with `workers` threads, each
/// of which has some of the meters and a result of its own. Needs 4 bytes for each reading and meter beside them.
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
    let dealt = Dealt::new(slots, meters)?;
    let shares = dealt.shares(workers);
    let work = |share: &[u32]| {
        let (mut result, mut scratch, mut own) = (start(), Scratch::default(), Vec::new());
        for range in share.array_windows() {
            own.clear();
            own.extend(dealt.of(*range).iter().filter_map(|place| slots.get(index(*place))));
            decide_meter(&mut own, &mut scratch, &mut |set| visit(&mut result, set));
        }
        result
    };
    let Some((first, others)) = shares.split_first() else { return Ok(Vec::new()) };
    Ok(std::thread::scope(|scope| {
        let running: Vec<_> = others.iter().map(|share| scope.spawn(|| work(share))).collect();
        let mut results = vec![work(first)];
        for worker in running {
            match worker.join() {
                Ok(result) => results.push(result),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        results
    }))
}

/// The places of readings, by meter.
struct Dealt {
    /// Where each meter's places begin, and the end of the last.
    starts: Vec<u32>,
    places: Vec<u32>,
}

impl Dealt {
    fn new(slots: &[Slot], meters: u32) -> Result<Self, TooMany> {
        let count = u32::try_from(slots.len()).map_err(|_| TooMany)?;
        let mut starts = vec![0_u32; index(meters) + 1];
        for slot in slots {
            *starts.get_mut(index(slot.meter) + 1).ok_or(TooMany)? += 1;
        }
        let mut total = 0;
        for start in &mut starts {
            total += *start;
            *start = total;
        }
        // Each meter's start moves to its end while places are dealt, which is the start of the next.
        let mut places = vec![0_u32; slots.len()];
        for (place, slot) in (0..count).zip(slots) {
            let next = starts.get_mut(index(slot.meter)).ok_or(TooMany)?;
            *places.get_mut(index(*next)).ok_or(TooMany)? = place;
            *next += 1;
        }
        starts.rotate_right(1);
        if let Some(first) = starts.first_mut() {
            *first = 0;
        }
        Ok(Self { starts, places })
    }

    fn of(&self, [from, to]: [u32; 2]) -> &[u32] {
        self.places.get(index(from)..index(to)).unwrap_or_default()
    }

    /// The meters in shares of about as many readings; each share is the starts of its meters and the end of the last.
    fn shares(&self, workers: usize) -> Vec<&[u32]> {
        let meters = self.starts.len() - 1;
        let mut shares = Vec::new();
        let mut from = 0;
        for worker in 1..=workers.max(1) {
            let readings = self.places.len() / workers.max(1) * worker;
            let to = if worker == workers.max(1) {
                meters
            } else {
                self.starts.partition_point(|start| index(*start) < readings).clamp(from, meters)
            };
            shares.extend(self.starts.get(from..=to));
            from = to;
        }
        shares
    }
}

fn index(place: u32) -> usize {
    place as usize
}
