//! SunSpec: finding a model by walking the list that begins at `SunS`.
//!
//! A device has its models in a row: an id, a length, and as many registers; an id of 0xFFFF ends the list. [`Walk`]
//! says what to read next and takes the answers (pure); [`resolve`] then brings a profile's offsets to where the model
//! was found.

use super::bus::Read;
use crate::domain::{
    fault::{Fault, FaultKind},
    register::{Function, Register},
};

#[cfg(test)]
mod tests;

/// Where a list may begin, in the order in which clients look.
pub const BASES: [u16; 3] = [40_000, 0, 50_000];
/// `SunS`: what stands at the beginning.
const MARKER: [u16; 2] = [0x5375, 0x6E53];
/// The id after the last model.
const END: u16 = 0xFFFF;
/// Models that are looked at: a real device has a dozen, and a list without an end must end.
pub const MAX_MODELS: usize = 64;
/// Registers that a list may span: a real one has a thousand or two.
pub const MAX_SPAN: u16 = 10_000;
/// The marker, or a model's id and length: two registers.
const HEAD: u16 = 2;

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Read this, and hand the answer to [`Walk::take`].
    Read(Read),
    /// The address of the wanted model's id register.
    Found(u16),
    /// The device has no such model, or no list of models that could be followed.
    Missing(Fault),
}

/// A walk along a device's models. It ends after at most 3 + [`MAX_MODELS`] reads, whatever is answered.
#[derive(Debug, Clone)]
pub struct Walk {
    model: u16,
    place: Place,
    seen: Vec<u16>,
}

#[derive(Debug, Clone)]
enum Place {
    /// Looking for the marker at `BASES[index]`.
    Base {
        index: usize,
    },
    /// Looking at the model at `address`, of a list that begins at `base`.
    Model {
        base: u16,
        address: u16,
    },
    Ended(Step),
}

impl Walk {
    /// A walk to the model with this id, with nothing read yet.
    pub fn new(model: u16) -> Self {
        Self { model, place: Place::Base { index: 0 }, seen: Vec::new() }
    }

    /// What to do next.
    pub fn step(&self) -> Step {
        match &self.place {
            Place::Base { index } => match BASES.get(*index) {
                Some(base) => Step::Read(head(*base)),
                None => missing("no SunS at 40000, 0 or 50000"),
            },
            Place::Model { address, .. } => Step::Read(head(*address)),
            Place::Ended(step) => step.clone(),
        }
    }

    /// Takes the answer to the last step's read: two registers, or `None` where the device refused the address.
    pub fn take(&mut self, words: Option<[u16; 2]>) {
        self.place = match (&self.place, words) {
            (Place::Base { index }, Some(MARKER)) => match BASES.get(*index) {
                Some(base) => Place::Model { base: *base, address: base.saturating_add(HEAD) },
                None => return,
            },
            (Place::Base { index }, _) => Place::Base { index: index + 1 },
            (Place::Model { .. }, None) => self.end("the list of models has no end"),
            (Place::Model { address, .. }, Some([id, _])) if id == self.model => Place::Ended(Step::Found(*address)),
            (Place::Model { .. }, Some([END, _])) => self.end("not in its list"),
            (Place::Model { base, address }, Some([id, length])) => {
                let (base, next) = (*base, address.checked_add(HEAD).and_then(|next| next.checked_add(length)));
                self.seen.push(id);
                match next.filter(|next| next - base <= MAX_SPAN && self.seen.len() < MAX_MODELS) {
                    Some(address) => Place::Model { base, address },
                    None => self.end("the list of models has no end"),
                }
            }
            (Place::Ended(_), _) => return,
        };
    }

    fn end(&self, why: &str) -> Place {
        let seen: Vec<String> = self.seen.iter().take(16).map(u16::to_string).collect();
        let seen = if seen.is_empty() { "none".to_owned() } else { seen.join(", ") };
        Place::Ended(missing(&format!("model {}: {why}; seen: {seen}", self.model)))
    }
}

fn head(address: u16) -> Read {
    Read { function: Function::Holding, address, count: HEAD }
}

fn missing(why: &str) -> Step {
    Step::Missing(Fault::new(FaultKind::ModelMissing, why))
}

/// The registers of a model that was found at `base`: their addresses and those of their scale registers are offsets
/// from it. What would end after the last address is left out; it cannot be read.
pub fn resolve(registers: &[Register], base: u16) -> Vec<Register> {
    let at = |register: &Register| {
        let scale_register = match register.scale_register {
            Some(offset) => Some(base.checked_add(offset)?),
            None => None,
        };
        let address = base.checked_add(register.address)?;
        let resolved = Register { address, scale_register, ..register.clone() };
        (resolved.end() <= u32::from(u16::MAX) + 1).then_some(resolved)
    };
    registers.iter().filter_map(at).collect()
}
