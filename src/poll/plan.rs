//! Which requests read a device (pure): as few as its limits allow.

use crate::{
    device::bus::Read,
    domain::{
        fault::{Fault, FaultKind},
        register::{Function, MAX_BITS, MAX_REGISTERS, Register},
        site::Behaviour,
    },
};

/// Consecutive addresses of one table, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Range {
    /// Which table.
    pub function: Function,
    /// First address.
    pub first: u16,
    /// Last address, not below `first`.
    pub last: u16,
}

impl Range {
    /// Whether the two have an address in common.
    pub fn overlaps(self, other: Self) -> bool {
        self.function == other.function && self.first <= other.last && other.first <= self.last
    }

    /// Whether every address of `other` is one of this.
    pub fn contains(self, other: Self) -> bool {
        self.function == other.function && self.first <= other.first && other.last <= self.last
    }
}

impl Read {
    /// The addresses that it covers; an end past the last address is cut.
    pub fn range(self) -> Range {
        let last = self.address.saturating_add(self.count.max(1) - 1);
        Range { function: self.function, first: self.address, last }
    }
}

/// What a device allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits<'device> {
    /// Largest request, in registers; of bits, the 16-fold. Never over what the protocol allows.
    pub max_registers: u16,
    /// Most unused registers (or bits) between two values of one request.
    pub max_gap: u16,
    /// Addresses that no request may cover.
    pub refused: &'device [Range],
}

impl Limits<'_> {
    /// The limits of the site file, before anything was learned from the device.
    pub fn of(behaviour: &Behaviour) -> Self {
        Limits { max_registers: behaviour.max_registers, max_gap: behaviour.max_gap, refused: &[] }
    }

    /// The largest request of a table, in its items.
    pub fn largest(&self, function: Function) -> u32 {
        if function.is_bits() {
            (u32::from(self.max_registers) * 16).clamp(1, u32::from(MAX_BITS))
        } else {
            u32::from(self.max_registers.clamp(1, MAX_REGISTERS))
        }
    }
}

/// One request and what it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The request.
    pub read: Read,
    /// The registers that it serves, as indices into those that were planned; in order of address.
    pub registers: Vec<usize>,
}

/// The requests of one poll.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Each register is served by one of these, in order of table and address …
    pub blocks: Vec<Block>,
    /// … or cannot be read at all, and why.
    pub unreadable: Vec<(usize, Fault)>,
}

/// The addresses that a register takes, its scale register included; a fault where they are past the last address.
///
/// # Errors
/// [`FaultKind::IllegalAddress`] where the register ends after address 65535.
pub fn span(register: &Register) -> Result<Range, Fault> {
    let (mut first, mut end) = (register.address, register.end().max(u32::from(register.address) + 1));
    if let Some(scale) = register.scale_register {
        first = first.min(scale);
        end = end.max(u32::from(scale) + 1);
    }
    match u16::try_from(end - 1) {
        Ok(last) => Ok(Range { function: register.function, first, last }),
        Err(_) => Err(Fault::new(FaultKind::IllegalAddress, format!("{}: ends after 65535", name(register)))),
    }
}

/// A register in words: `current_kw at holding 3059`.
pub fn name(register: &Register) -> String {
    format!("{} at {} {}", register.quantity, table(register.function), register.address)
}

/// A table in words.
pub fn table(function: Function) -> &'static str {
    match function {
        Function::Holding => "holding",
        Function::Input => "input",
        Function::Coil => "coil",
        Function::Discrete => "discrete",
    }
}

/// The fewest requests that read all `registers` within `limits`.
///
/// In order of address, each request takes all that it can. That is the fewest there can be: what starts a request
/// has to be in one, a later start reaches at least as far, and what is left out of a request because it is too long
/// reaches further than all that was taken, so that leaving it out bridges no gap less.
pub fn plan(registers: &[Register], limits: &Limits<'_>) -> Plan {
    let mut plan = Plan::default();
    let mut items = Vec::with_capacity(registers.len());
    for (index, register) in registers.iter().enumerate() {
        match readable(register, limits) {
            Ok(range) => items.push((range, index)),
            Err(fault) => plan.unreadable.push((index, fault)),
        }
    }
    items.sort_unstable();
    let mut open: Option<(Range, Vec<usize>)> = None;
    for (range, index) in items {
        match &mut open {
            Some((block, served)) if may_join(*block, range, limits) => {
                block.last = block.last.max(range.last);
                served.push(index);
            }
            _ => plan.blocks.extend(open.replace((range, vec![index])).map(block)),
        }
    }
    plan.blocks.extend(open.map(block));
    plan
}

/// The addresses of a register that one request may read.
fn readable(register: &Register, limits: &Limits<'_>) -> Result<Range, Fault> {
    let range = span(register)?;
    let (length, largest) = (length(range), limits.largest(register.function));
    if length > largest {
        let detail = match register.scale_register {
            Some(scale) => format!(
                "{} and its scale at {scale} need {length} registers in one request, {largest} are allowed",
                name(register)
            ),
            None => format!("{} needs {length} registers, {largest} are allowed", name(register)),
        };
        return Err(Fault::new(FaultKind::IllegalValue, detail));
    }
    match limits.refused.iter().find(|refused| refused.overlaps(range)) {
        Some(refused) => Err(Fault::new(
            FaultKind::IllegalAddress,
            format!("{}: the device refuses {} to {}", name(register), refused.first, refused.last),
        )),
        None => Ok(range),
    }
}

/// Whether `next`, which does not start before `block`, may be read in the same request.
fn may_join(block: Range, next: Range, limits: &Limits<'_>) -> bool {
    let joined = Range { last: block.last.max(next.last), ..block };
    block.function == next.function
        && u32::from(next.first) <= u32::from(block.last) + 1 + u32::from(limits.max_gap)
        && length(joined) <= limits.largest(block.function)
        && !limits.refused.iter().any(|refused| refused.overlaps(joined))
}

fn length(range: Range) -> u32 {
    u32::from(range.last) - u32::from(range.first) + 1
}

fn block((range, registers): (Range, Vec<usize>)) -> Block {
    // At most MAX_BITS: `readable` and `may_join` see to it.
    let count = u16::try_from(length(range)).unwrap_or(MAX_BITS);
    Block { read: Read { function: range.function, address: range.first, count }, registers }
}

#[cfg(test)]
mod tests;
