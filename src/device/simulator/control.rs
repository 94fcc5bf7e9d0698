//! The control point of a simulated device: registers that take commands, and every way not to do as told.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{behaviour::Behaviour, image};
use crate::{
    device::registers,
    domain::{
        register::{Function, Register},
        site::{Control, Device},
        unit::Unit,
    },
};

/// Writes that are remembered: more than any test makes.
const MAX_LOG: usize = 100_000;
/// Exception code: the device failed.
const DEVICE_FAILURE: u8 = 4;

/// A write as it came over the wire, whatever became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenWrite {
    /// Which table.
    pub function: Function,
    /// First address.
    pub address: u16,
    /// The words; of a coil one that is 0 or 1.
    pub words: Vec<u16>,
}

/// The registers of a control point, and what was written to them.
#[derive(Debug)]
pub struct Bank {
    control: Control,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    words: BTreeMap<(Function, u16), u16>,
    /// What it holds after a restart: what it held at first, or what others have set.
    usual: BTreeMap<(Function, u16), u16>,
    /// What comes later: when, where, which word.
    coming: Vec<(Instant, (Function, u16), u16)>,
    /// When the device frees itself.
    reverts_at: Option<Instant>,
    log: Vec<SeenWrite>,
}

/// How it takes a write.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Manner {
    ignores: bool,
    refuses: bool,
    applies_late: Option<Duration>,
    ramps: Option<Duration>,
    least_word: Option<u16>,
    rounds_to: Option<u16>,
    lies: bool,
}

impl Manner {
    pub(super) fn add(&mut self, behaviour: &Behaviour) {
        match *behaviour {
            Behaviour::IgnoresWrites => self.ignores = true,
            Behaviour::RefusesWrites => self.refuses = true,
            Behaviour::AppliesLate(wait) => self.applies_late = Some(wait),
            Behaviour::RampsTo(time) => self.ramps = Some(time),
            Behaviour::ClampsWrites(least) => self.least_word = Some(least),
            Behaviour::RoundsWrites(step) => self.rounds_to = Some(step.max(1)),
            Behaviour::LiesInEcho => self.lies = true,
            _ => {}
        }
    }

    fn word(self, word: u16) -> u16 {
        let word = self.least_word.map_or(word, |least| word.max(least));
        self.rounds_to.map_or(word, |step| word / step * step)
    }
}

impl Bank {
    /// The control point of a device that has one: at its largest limit, permitted, without a timer running.
    pub(super) fn of(device: &Device) -> Option<Self> {
        let control = device.control.clone()?;
        let mut state = State::default();
        let limit = control.limit.max.or(control.expected_kw);
        state.put(&control.limit, limit.unwrap_or_default());
        if let Some(permit) = &control.permit {
            state.put(&permit.register, permit.equals);
        }
        if let Some(timer) = &control.revert_timer {
            state.put(&timer.register, 0.0);
        }
        state.usual.clone_from(&state.words);
        Some(Self { control, state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Words of the bank; `None` where not all of them are in it.
    pub(super) fn read(&self, function: Function, address: u16, count: u16) -> Option<Vec<u16>> {
        let mut state = self.state();
        state.be(&self.control);
        (0..count).map(|place| state.words.get(&(function, address.checked_add(place)?)).copied()).collect()
    }

    /// What a register holds now; `None` where the bank has none at this address.
    pub fn word(&self, function: Function, address: u16) -> Option<u16> {
        self.read(function, address, 1)?.first().copied()
    }

    /// What was written to it, in order.
    pub fn writes(&self) -> Vec<SeenWrite> {
        self.state().log.clone()
    }

    /// Somebody else sets a register. It is what the device returns to from now on.
    pub fn set(&self, function: Function, address: u16, word: u16) {
        let mut state = self.state();
        state.be(&self.control);
        state.words.insert((function, address), word);
        state.usual.insert((function, address), word);
        state.coming.clear();
    }

    /// The device restarts: what it was told over the wire is gone.
    pub fn reboot(&self) {
        let mut state = self.state();
        state.words = state.usual.clone();
        state.coming.clear();
        state.reverts_at = None;
    }

    /// The answer to a write request, without its unit.
    pub(super) fn write(&self, pdu: &[u8], manner: Manner) -> Result<Vec<u8>, u8> {
        let (function, address, words) = parse(pdu)?;
        let mut state = self.state();
        state.be(&self.control);
        if state.log.len() < MAX_LOG {
            state.log.push(SeenWrite { function, address, words: words.clone() });
        }
        let places: Option<Vec<(Function, u16)>> = (0..u16::try_from(words.len()).unwrap_or(u16::MAX))
            .map(|place| Some((function, address.checked_add(place)?)).filter(|key| state.words.contains_key(key)))
            .collect();
        let places = places.ok_or(image::ILLEGAL_ADDRESS)?;
        if manner.refuses {
            return Err(DEVICE_FAILURE);
        }
        if !manner.ignores {
            for (key, word) in places.into_iter().zip(words) {
                state.take(key, word, manner);
            }
            state.arm_timer(&self.control, function, address);
        }
        let mut echo = pdu.get(..5).unwrap_or_default().to_vec();
        if let (true, Some(last)) = (manner.lies, echo.last_mut()) {
            *last = last.wrapping_add(49);
        }
        Ok(echo)
    }
}

impl State {
    fn put(&mut self, register: &Register, value: f64) {
        let words = if register.function.is_bits() {
            vec![u16::from(value != 0.0)]
        } else {
            registers::encode(register, Some(value), 0)
        };
        for (address, word) in (register.address..).zip(words) {
            self.words.insert((register.function, address), word);
        }
    }

    fn take(&mut self, key: (Function, u16), word: u16, manner: Manner) {
        let word = manner.word(word);
        let now = Instant::now();
        if let Some(wait) = manner.applies_late {
            self.coming.push((now + wait, key, word));
        } else if let Some(time) = manner.ramps {
            let from = f64::from(self.words.get(&key).copied().unwrap_or_default());
            for step in 1..=10_u32 {
                let share = f64::from(step) / 10.0;
                let value = from + (f64::from(word) - from) * share;
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between two u16")]
                self.coming.push((now + time.mul_f64(share), key, value.round() as u16));
            }
        } else {
            self.words.insert(key, word);
        }
    }

    /// A write of the revert timer starts it.
    fn arm_timer(&mut self, control: &Control, function: Function, address: u16) {
        let Some(timer) = &control.revert_timer else { return };
        if (timer.register.function, timer.register.address) != (function, address) {
            return;
        }
        let word = self.words.get(&(function, address)).copied().unwrap_or_default();
        let seconds = timer.register.unit.convert(f64::from(word) * timer.register.scale, Unit::Second);
        let seconds = seconds.filter(|seconds| *seconds > 0.0);
        self.reverts_at = seconds.and_then(|seconds| Some(Instant::now() + Duration::try_from_secs_f64(seconds).ok()?));
    }

    /// Does what has come by now.
    fn be(&mut self, control: &Control) {
        let now = Instant::now();
        self.coming.sort_by_key(|(at, _, _)| *at);
        while self.coming.first().is_some_and(|(at, _, _)| *at <= now) {
            let (_, key, word) = self.coming.remove(0);
            self.words.insert(key, word);
        }
        if self.reverts_at.is_some_and(|at| at <= now) {
            self.reverts_at = None;
            let limit = &control.limit;
            for address in limit.address..limit.address.saturating_add(limit.raw_type.length()) {
                let key = (limit.function, address);
                self.words.extend(self.usual.get(&key).map(|word| (key, *word)));
            }
        }
    }
}

/// Table, address and words of a write request: functions 05, 06 and 10.
fn parse(pdu: &[u8]) -> Result<(Function, u16, Vec<u16>), u8> {
    let &[function, a, b, c, d, ref rest @ ..] = pdu else { return Err(image::ILLEGAL_VALUE) };
    let (address, second) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    match function {
        5 if matches!(second, 0 | 0xFF00) => Ok((Function::Coil, address, vec![u16::from(second != 0)])),
        6 => Ok((Function::Holding, address, vec![second])),
        0x10 => {
            let words = rest.get(1..).unwrap_or_default().as_chunks::<2>().0;
            let words: Vec<u16> = words.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
            let is_whole = words.len() == usize::from(second) && !words.is_empty();
            if is_whole { Ok((Function::Holding, address, words)) } else { Err(image::ILLEGAL_VALUE) }
        }
        _ => Err(image::ILLEGAL_VALUE),
    }
}

/// Whether a request is a write.
pub(super) fn is_write(pdu: &[u8]) -> bool {
    matches!(pdu.first(), Some(5 | 6 | 0x0F | 0x10))
}
