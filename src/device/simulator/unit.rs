//! One simulated device: from a request to what is sent, in good health or not.

use std::{
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::{
    behaviour::{Behaviour, Rule},
    control::{self, Bank, Manner},
    frame::{Framing, Request, frame},
    image::{self, Image, View},
    plant::Plant,
};
use crate::domain::register::{Function, MAX_BITS, MAX_REGISTERS};

const BUSY: u8 = 6;
/// The gateway's target did not respond.
pub const NO_TARGET: u8 = 0x0B;

/// A simulated device behind its port.
#[derive(Debug)]
pub struct Unit {
    image: Image,
    bank: Option<Bank>,
    state: RwLock<Rules>,
    /// Requests since the rules were set.
    requests: AtomicU64,
}

#[derive(Debug)]
struct Rules {
    list: Vec<Rule>,
    since: Instant,
    /// Seconds after the epoch when they were set.
    second: i64,
}

/// What to do about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Nothing.
    Nothing,
    /// Close with a reset.
    Reset,
    /// Send bytes.
    Send {
        /// Wait this long first.
        after: Duration,
        /// The bytes.
        bytes: Vec<u8>,
        /// Send one byte at a time, this far apart.
        pause: Option<Duration>,
        /// Close after them.
        close: bool,
    },
}

/// All that applies to one request.
#[derive(Debug, Clone, Default)]
struct Treatment {
    silent: bool,
    reset: bool,
    after: Duration,
    pause: Option<Duration>,
    exception: Option<u8>,
    max_registers: Option<u16>,
    refuses_gaps: bool,
    sentinel: bool,
    frozen_at: Option<i64>,
    exponent_shift: i16,
    unit: Option<u8>,
    transaction_shift: u16,
    function: Option<u8>,
    shorter_by: u16,
    longer_by: u16,
    byte_count: Option<u8>,
    garbage: Option<u16>,
    doubled: bool,
    cut: Option<(u16, bool)>,
    manner: Manner,
    /// The answer to a write is lost, and the write is done.
    does_silently: bool,
}

impl Unit {
    /// A device with this image and these rules.
    pub fn new(image: Image, bank: Option<Bank>, rules: Vec<Rule>, second: i64) -> Self {
        let state = RwLock::new(Rules { list: rules, since: Instant::now(), second });
        Self { image, bank, state, requests: AtomicU64::new(0) }
    }

    /// Its control point, where it has one.
    pub fn bank(&self) -> Option<&Bank> {
        self.bank.as_ref()
    }

    /// Gives it other rules; requests are counted from zero again.
    pub fn set_rules(&self, rules: Vec<Rule>, second: i64) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        *state = Rules { list: rules, since: Instant::now(), second };
        self.requests.store(0, Ordering::Relaxed);
    }

    /// Looks at its behaviours, whichever requests they apply to.
    pub fn with_behaviours<T>(&self, look: impl FnOnce(&mut dyn Iterator<Item = &Behaviour>) -> T) -> T {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        look(&mut state.list.iter().map(|rule| &rule.behaviour))
    }

    /// What it does about a request at `second` after the epoch.
    pub fn reply(&self, framing: Framing, request: &Request, plant: &Plant, second: i64) -> Reply {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let treatment = self.treatment(number, request);
        if treatment.silent {
            if treatment.does_silently {
                // It does as it was told, and only its answer is lost.
                let _ = self.bank.as_ref().map(|bank| bank.write(&request.pdu, treatment.manner));
            }
            return Reply::Nothing;
        }
        if treatment.reset {
            return Reply::Reset;
        }
        let view = View {
            plant,
            second: treatment.frozen_at.unwrap_or(second),
            sentinel: treatment.sentinel,
            exponent_shift: treatment.exponent_shift,
            refuses_gaps: treatment.refuses_gaps,
        };
        let function = request.pdu.first().copied().unwrap_or_default();
        let pdu = match self.answer(request, &view, &treatment) {
            Ok(pdu) => pdu,
            Err(code) => vec![treatment.function.unwrap_or(function) | 0x80, code],
        };
        treatment.send(framing, request, &pdu, number)
    }

    /// The answer to a read, as far as its content goes.
    fn answer(&self, request: &Request, view: &View<'_>, treatment: &Treatment) -> Result<Vec<u8>, u8> {
        if let Some(code) = treatment.exception {
            return Err(code);
        }
        let code = request.pdu.first().copied().unwrap_or_default();
        if control::is_write(&request.pdu) {
            // Writes are not known to a device that measures.
            return self.bank.as_ref().ok_or(image::ILLEGAL_FUNCTION)?.write(&request.pdu, treatment.manner);
        }
        let function = function(code).ok_or(image::ILLEGAL_FUNCTION)?;
        let (address, count) = range(&request.pdu).ok_or(image::ILLEGAL_VALUE)?;
        let most = if function.is_bits() { MAX_BITS } else { treatment.max_registers.unwrap_or(MAX_REGISTERS) };
        if count == 0 || count > most {
            return Err(image::ILLEGAL_VALUE);
        }
        let held = self.bank.as_ref().and_then(|bank| bank.read(function, address, count));
        let data = if let Some(words) = held {
            data_of(function, &words)
        } else if function.is_bits() {
            bytes_of_bits(&self.image.bits(function, address, count, view)?)
        } else {
            let mut words = self.image.registers(function, address, count, view)?;
            words.truncate(words.len().saturating_sub(usize::from(treatment.shorter_by)));
            words.resize(words.len() + usize::from(treatment.longer_by), 0);
            words.iter().flat_map(|word| word.to_be_bytes()).collect()
        };
        let byte_count = treatment.byte_count.unwrap_or(u8::try_from(data.len()).unwrap_or(u8::MAX));
        let mut pdu = vec![treatment.function.unwrap_or(code), byte_count];
        pdu.extend(data);
        Ok(pdu)
    }

    fn treatment(&self, number: u64, request: &Request) -> Treatment {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let mut treatment = Treatment::default();
        for rule in state.list.iter().filter(|rule| rule.applies_to(number)) {
            treatment.add(&rule.behaviour, &state, number, request);
        }
        treatment
    }
}

impl Treatment {
    fn add(&mut self, behaviour: &Behaviour, state: &Rules, number: u64, request: &Request) {
        match *behaviour {
            Behaviour::Silent => self.silent = true,
            Behaviour::Slow(delay) | Behaviour::Late(delay) => self.after = self.after.max(delay),
            Behaviour::RefusesGaps => self.refuses_gaps = true,
            Behaviour::SmallLargestRequest(registers) => self.max_registers = Some(registers),
            Behaviour::Busy => self.exception = Some(BUSY),
            Behaviour::MissingUnit(delay) => (self.exception, self.after) = (Some(NO_TARGET), delay),
            Behaviour::WrongUnit(unit) => self.unit = Some(unit),
            Behaviour::WrongTransaction(shift) => self.transaction_shift = shift,
            Behaviour::WrongFunction(function) => self.function = Some(function),
            Behaviour::Short(registers) => self.shorter_by = registers,
            Behaviour::Long(registers) => self.longer_by = registers,
            Behaviour::LyingByteCount(bytes) => self.byte_count = Some(bytes),
            Behaviour::Garbage(bytes) => self.garbage = Some(bytes),
            Behaviour::Sentinel => self.sentinel = true,
            Behaviour::Frozen => self.frozen_at = Some(state.second),
            Behaviour::Intermittent { down, every } => {
                let position = state.since.elapsed().as_secs_f64() % every.as_secs_f64().max(0.001);
                self.silent |= position >= every.saturating_sub(down).as_secs_f64();
            }
            Behaviour::ScaleFactorFlips => self.exponent_shift = i16::from(number % 2 == 1),
            Behaviour::Exception { code, first, last } => {
                if let Some((address, count)) = range(&request.pdu)
                    && address <= last
                    && u32::from(address) + u32::from(count) > u32::from(first)
                {
                    self.exception = Some(code);
                }
            }
            Behaviour::Split(pause) => self.pause = Some(pause),
            Behaviour::Doubled => self.doubled = true,
            Behaviour::CutOff(bytes) => self.cut = Some((bytes, true)),
            Behaviour::Stalls(bytes) => self.cut = Some((bytes, false)),
            Behaviour::Reset => self.reset = true,
            Behaviour::IgnoresWrites
            | Behaviour::RefusesWrites
            | Behaviour::AppliesLate(_)
            | Behaviour::RampsTo(_)
            | Behaviour::ClampsWrites(_)
            | Behaviour::RoundsWrites(_)
            | Behaviour::LiesInEcho => self.manner.add(behaviour),
            Behaviour::LosesWriteAnswers => {
                self.does_silently = control::is_write(&request.pdu);
                self.silent |= self.does_silently;
            }
            // Of the connection: the port sees to them.
            Behaviour::Closes(_)
            | Behaviour::SingleConnection
            | Behaviour::SingleConnectionReset
            | Behaviour::DropsIdle(_)
            | Behaviour::PauseAfterConnect(_) => {}
        }
    }

    fn send(&self, framing: Framing, request: &Request, pdu: &[u8], number: u64) -> Reply {
        let transaction = request.transaction.wrapping_add(self.transaction_shift);
        let mut bytes = frame(framing, transaction, self.unit.unwrap_or(request.unit), pdu);
        if let Some(length) = self.garbage {
            let mut random = fastrand::Rng::with_seed(number);
            bytes = std::iter::repeat_with(|| random.u8(..)).take(usize::from(length)).collect();
        }
        if self.doubled {
            bytes.extend_from_within(..);
        }
        if let Some((length, _)) = self.cut {
            bytes.truncate(usize::from(length));
        }
        let close = self.cut.is_some_and(|(_, close)| close);
        Reply::Send { after: self.after, bytes, pause: self.pause, close }
    }
}

fn function(code: u8) -> Option<Function> {
    [Function::Coil, Function::Discrete, Function::Holding, Function::Input]
        .into_iter()
        .find(|known| known.code() == code)
}

/// The data of an answer with these words.
fn data_of(function: Function, words: &[u16]) -> Vec<u8> {
    if function.is_bits() {
        return bytes_of_bits(&words.iter().map(|word| *word != 0).collect::<Vec<_>>());
    }
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// Address and count of a request that has them.
fn range(pdu: &[u8]) -> Option<(u16, u16)> {
    let [_, a, b, c, d, ..] = *pdu else { return None };
    Some((u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])))
}

/// Bits as the protocol packs them: the first in the lowest bit of the first byte.
fn bytes_of_bits(bits: &[bool]) -> Vec<u8> {
    bits.chunks(8).map(|chunk| chunk.iter().rev().fold(0, |byte, bit| byte << 1 | u8::from(*bit))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_packed_from_the_lowest() {
        assert_eq!(bytes_of_bits(&[true, false, false, false, false, false, false, false, true, true]), [0x01, 0x03]);
    }

    #[test]
    fn rules_apply_to_the_first_of_every_so_many() {
        let rule = Rule { behaviour: Behaviour::Busy, times: Some(2), of: Some(5) };
        let applied: Vec<u64> = (0..12).filter(|number| rule.applies_to(*number)).collect();
        assert_eq!(applied, [0, 1, 5, 6, 10, 11]);
        let once: Vec<u64> = (0..12).filter(|number| Rule::first(2, Behaviour::Busy).applies_to(*number)).collect();
        assert_eq!(once, [0, 1]);
    }
}
