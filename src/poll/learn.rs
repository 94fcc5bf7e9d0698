//! What a device refuses, found out with few extra requests (pure).
//!
//! A request for several values that is refused is halved until the reason is plain: one register that does not exist,
//! unused addresses between two registers that may not be read, or a request that is too long.

use std::collections::BTreeMap;

use super::plan::{Limits, Plan, Range, name, plan, span};
use crate::{
    device::bus::Read,
    domain::{fault::Fault, register::Register, site::Behaviour},
};

/// What was found about a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// Longer requests than this many registers are refused.
    Limit(u16),
    /// These unused addresses may not be read.
    Gap(Range),
    /// This register is refused even alone.
    Missing(usize),
}

/// What was learned about a device; remembered while the program runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Learned {
    max_registers: Option<u16>,
    gaps: Vec<Range>,
    missing: BTreeMap<usize, Fault>,
}

impl Learned {
    /// Takes a finding in; `fault` is what the device said.
    pub fn learn(&mut self, finding: Finding, registers: &[Register], fault: &Fault) {
        match finding {
            Finding::Limit(limit) => self.max_registers = Some(self.max_registers.unwrap_or(u16::MAX).min(limit)),
            Finding::Gap(range) if self.gaps.contains(&range) => {}
            Finding::Gap(range) => self.gaps.push(range),
            Finding::Missing(index) => {
                let what = registers.get(index).map(name).unwrap_or_default();
                self.missing.insert(index, Fault::new(fault.kind, what));
            }
        }
    }

    /// A register that was refused has answered.
    pub fn found(&mut self, index: usize) {
        self.missing.remove(&index);
    }

    /// The registers that the device refuses, and why.
    pub fn missing(&self) -> &BTreeMap<usize, Fault> {
        &self.missing
    }

    /// The requests that read all but what is refused.
    pub fn plan(&self, registers: &[Register], behaviour: &Behaviour) -> Plan {
        let mut refused = self.gaps.clone();
        let own = |register: &Register| span(&Register { scale_register: None, ..register.clone() }).ok();
        refused.extend(self.missing.keys().filter_map(|index| own(registers.get(*index)?)));
        let configured = Limits::of(behaviour);
        let max_registers = self.max_registers.unwrap_or(u16::MAX).min(configured.max_registers);
        let (kept, places): (Vec<Register>, Vec<usize>) = registers
            .iter()
            .enumerate()
            .filter(|(index, _)| !self.missing.contains_key(index))
            .map(|(index, register)| (register.clone(), index))
            .unzip();
        let place = |index: usize| places.get(index).copied().unwrap_or(index);
        let mut plan = plan(&kept, &Limits { max_registers, refused: &refused, ..configured });
        for index in plan.blocks.iter_mut().flat_map(|block| &mut block.registers) {
            *index = place(*index);
        }
        plan.unreadable.iter_mut().for_each(|(index, _)| *index = place(*index));
        plan
    }

    /// What was learned, in words.
    pub fn notes(&self) -> Vec<String> {
        let gaps = self.gaps.iter().map(|gap| match gap.last - gap.first {
            0 => format!("refuses {}: read around it", gap.first),
            _ => format!("refuses {} to {}: read around it", gap.first, gap.last),
        });
        let limit = self.max_registers.map(|limit| format!("answers at most {limit} registers a request"));
        let missing = self.missing.values().map(|fault| format!("does not have {}", fault.detail));
        limit.into_iter().chain(gaps).chain(missing).collect()
    }
}

/// What to do next in a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Ask this, and say to [`Search::answered`] whether it was refused.
    Ask(Read),
    /// The reason.
    Found(Finding),
}

/// The search for the reason of one refusal.
#[derive(Debug)]
pub struct Search {
    /// The registers of the refused request, in order of address.
    items: Vec<(Range, usize)>,
    /// Of them, those that are refused together.
    low: usize,
    high: usize,
    phase: Phase,
    /// The longest request that was answered.
    accepted: u32,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    Left,
    Right,
    Bridge,
    /// So many from `low` on are answered, and so many refused.
    Prefix {
        good: usize,
        refused: usize,
    },
}

impl Search {
    /// A search among `indices` of `registers`, a request for all of which was refused.
    pub fn new(registers: &[Register], indices: &[usize]) -> Self {
        let range = |index: &usize| Some((span(registers.get(*index)?).ok()?, *index));
        let mut items: Vec<_> = indices.iter().filter_map(range).collect();
        items.sort_unstable();
        let high = items.len();
        Self { items, low: 0, high, phase: Phase::Left, accepted: 0 }
    }

    /// What to ask next, or what was found; `None` where there is nothing to search.
    pub fn step(&mut self) -> Option<Step> {
        loop {
            if self.high - self.low == 1 {
                return Some(Step::Found(Finding::Missing(self.items.get(self.low)?.1)));
            }
            let whole = self.range(self.low, self.high)?;
            let asked = match self.phase {
                Phase::Left => self.range(self.low, self.middle())?,
                Phase::Right => self.range(self.middle(), self.high)?,
                Phase::Bridge if self.gap().is_none() => {
                    self.answered(true);
                    continue;
                }
                Phase::Bridge => self.bridge()?,
                Phase::Prefix { good, refused } if refused - good == 1 => {
                    let longest = length(self.range(self.low, self.low + good)?).max(self.accepted);
                    return Some(Step::Found(Finding::Limit(limit_of(whole, longest))));
                }
                Phase::Prefix { good, refused } => self.range(self.low, self.low + usize::midpoint(good, refused))?,
            };
            if asked != whole {
                let count = u16::try_from(length(asked)).unwrap_or(u16::MAX);
                return Some(Step::Ask(Read { function: asked.function, address: asked.first, count }));
            }
            // The same request as the one that was refused: no need to ask again.
            if let Some(found) = self.narrow(false) {
                return Some(Step::Found(found));
            }
        }
    }

    /// What the device said to the last [`Step::Ask`]; gives the reason where it is plain now.
    pub fn answered(&mut self, accepted: bool) -> Option<Finding> {
        if accepted && let Some(asked) = self.asked() {
            self.accepted = self.accepted.max(length(asked));
        }
        self.narrow(accepted)
    }

    fn narrow(&mut self, accepted: bool) -> Option<Finding> {
        let middle = self.middle();
        self.phase = match (self.phase, accepted) {
            (Phase::Left, true) => Phase::Right,
            (Phase::Left, false) => {
                self.high = middle;
                Phase::Left
            }
            (Phase::Right, true) => Phase::Bridge,
            (Phase::Right, false) => {
                self.low = middle;
                Phase::Left
            }
            (Phase::Bridge, false) => return self.gap().map(Finding::Gap),
            (Phase::Bridge, true) => Phase::Prefix { good: middle - self.low, refused: self.high - self.low },
            (Phase::Prefix { good, refused }, true) => Phase::Prefix { good: usize::midpoint(good, refused), refused },
            (Phase::Prefix { good, refused }, false) => Phase::Prefix { good, refused: usize::midpoint(good, refused) },
        };
        None
    }

    fn asked(&self) -> Option<Range> {
        match self.phase {
            Phase::Left => self.range(self.low, self.middle()),
            Phase::Right => self.range(self.middle(), self.high),
            Phase::Bridge => self.gap().and_then(|_| self.bridge()),
            Phase::Prefix { good, refused } => self.range(self.low, self.low + usize::midpoint(good, refused)),
        }
    }

    fn middle(&self) -> usize {
        usize::midpoint(self.low, self.high)
    }

    /// What the items from `from` up to `to` cover together.
    fn range(&self, from: usize, to: usize) -> Option<Range> {
        let items = self.items.get(from..to)?;
        let (first, _) = items.first()?;
        Some(Range { last: items.iter().map(|(range, _)| range.last).max()?, ..*first })
    }

    /// The unused addresses between the two halves.
    fn gap(&self) -> Option<Range> {
        let left = self.range(self.low, self.middle())?;
        let right = self.range(self.middle(), self.high)?;
        let (first, last) = (left.last.checked_add(1)?, right.first.checked_sub(1)?);
        (first <= last).then_some(Range { function: left.function, first, last })
    }

    /// The shortest request over the gap: the last register before it to the first after it. Where that is what was
    /// refused, only the words next to the gap: a device that answers them minds the length, not the gap.
    fn bridge(&self) -> Option<Range> {
        let left = self.items.get(self.low..self.middle())?;
        let (before, _) = left.iter().max_by_key(|(range, _)| (range.last, range.first))?;
        let (after, _) = self.items.get(self.middle())?;
        let bridge = Range { last: after.last, ..*before };
        let whole = self.range(self.low, self.high)?;
        let narrow = Range { first: before.last, last: after.first, ..bridge };
        Some(if bridge == whole { narrow } else { bridge })
    }
}

fn length(range: Range) -> u32 {
    u32::from(range.last) - u32::from(range.first) + 1
}

/// A limit in registers, for a request of `longest` items that is answered where one over `whole` is not.
fn limit_of(whole: Range, longest: u32) -> u16 {
    // Always shorter than what was refused, so that the next plan differs.
    let items = longest.min(length(whole) - 1);
    let registers = if whole.function.is_bits() { items / 16 } else { items };
    u16::try_from(registers.max(1)).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests;
