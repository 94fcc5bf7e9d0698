//! The registers of a simulated device: where which value is, and the words that are asked for, computed when asked.

use std::sync::Arc;

use super::plant::Plant;
use crate::{
    device::registers,
    domain::{
        quantity::Quantity,
        register::{Function, Profile, RawType, Register, Reports},
        site::{Device, Meter, Site, Transformer},
        unit::Dimension,
    },
};

/// Exception code: the function is not known.
pub const ILLEGAL_FUNCTION: u8 = 1;
/// Exception code: there is no such register.
pub const ILLEGAL_ADDRESS: u8 = 2;
/// Exception code: too many were asked for, or none.
pub const ILLEGAL_VALUE: u8 = 3;

/// Where a SunSpec device's list of models begins.
pub const SUNSPEC_START: u16 = 40_000;
/// Length of the common model (1), in registers after its header.
const COMMON_LENGTH: u16 = 66;
/// Where the second model begins: after "SunS" and the common model with its header.
const SUNSPEC_MODEL: u16 = SUNSPEC_START + 2 + 2 + COMMON_LENGTH;
/// SunSpec's "not implemented" of whole numbers.
const NOT_IMPLEMENTED: u16 = 0x8000;

/// All that a device has to read.
#[derive(Debug, Default)]
pub struct Image {
    holding: Table,
    input: Table,
    coils: Table,
    discrete: Table,
}

/// One of the four tables: what it holds by address, without overlap.
#[derive(Debug, Default)]
struct Table {
    entries: Vec<Entry>,
    /// What is read where nothing is.
    filler: u16,
}

#[derive(Debug)]
struct Entry {
    address: u16,
    length: u16,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Value { register: Register, point: usize, divisor: f64, exponent: i16 },
    Exponent(i16),
    Words(Arc<[u16]>),
}

/// How the image is looked at.
#[derive(Debug, Clone, Copy)]
pub struct View<'plant> {
    /// Where the values come from.
    pub plant: &'plant Plant,
    /// Seconds after the epoch.
    pub second: i64,
    /// Every value is "not available".
    pub sentinel: bool,
    /// Added to every scale register, with the values to match.
    pub exponent_shift: i16,
    /// Registers that hold nothing are refused.
    pub refuses_gaps: bool,
}

impl Image {
    /// The image of a device: the registers of its meters, then those that only the device has.
    pub fn new(site: &Site, device: &Device, plant: &Plant) -> Self {
        let mut image = Self::default();
        let profile = device.profile.as_ref().and_then(|id| site.profiles.get(id));
        let base = profile.and_then(|profile| profile.sunspec_model).map_or(0, |_| SUNSPEC_MODEL);
        let moved = |address: u16| address.checked_add(base).unwrap_or(address);
        let mut values: Vec<(Register, usize, f64)> = Vec::new();
        for meter in site.meters.values().filter(|meter| meter.device.as_ref() == Some(&device.id)) {
            let Some(point) = plant.point_of_meter(&meter.id) else { continue };
            values.extend(meter.registers.iter().map(|register| (register.clone(), point, divisor(meter, register))));
        }
        if let Some(point) = plant.point_of_device(&device.id) {
            values.extend(device.registers.iter().map(|register| (register.clone(), point, 1.0)));
        }
        for (register, _, _) in &mut values {
            register.address = moved(register.address);
            register.scale_register = register.scale_register.map(moved);
        }
        image.add_values(values, plant);
        if let Some(profile) = profile.filter(|profile| profile.sunspec_model.is_some()) {
            image.add_models(profile, device);
        }
        image
    }

    /// The words of `count` registers from `address`.
    ///
    /// # Errors
    /// The exception code with which a real device refuses.
    pub fn registers(&self, function: Function, address: u16, count: u16, view: &View<'_>) -> Result<Vec<u16>, u8> {
        let table = self.table(function);
        let entries = table.asked(address, count, view.refuses_gaps)?;
        let mut words = vec![table.filler; usize::from(count)];
        for entry in entries {
            let own = entry.words(view);
            let from = usize::from(address.saturating_sub(entry.address));
            let to = usize::from(entry.address.saturating_sub(address));
            for (word, value) in words.iter_mut().skip(to).zip(own.iter().skip(from)) {
                *word = *value;
            }
        }
        Ok(words)
    }

    /// `count` bits from `address`.
    ///
    /// # Errors
    /// As of [`registers`](Self::registers).
    pub fn bits(&self, function: Function, address: u16, count: u16, view: &View<'_>) -> Result<Vec<bool>, u8> {
        Ok(self.registers(function, address, count, view)?.into_iter().map(|word| word != 0).collect())
    }

    fn table(&self, function: Function) -> &Table {
        match function {
            Function::Holding => &self.holding,
            Function::Input => &self.input,
            Function::Coil => &self.coils,
            Function::Discrete => &self.discrete,
        }
    }

    fn table_mut(&mut self, function: Function) -> &mut Table {
        match function {
            Function::Holding => &mut self.holding,
            Function::Input => &mut self.input,
            Function::Coil => &mut self.coils,
            Function::Discrete => &mut self.discrete,
        }
    }

    fn add_values(&mut self, values: Vec<(Register, usize, f64)>, plant: &Plant) {
        let needs: Vec<(Function, u16, i16)> = values
            .iter()
            .filter_map(|(register, point, divisor)| {
                let need = exponent_for(register, plant.peak_kw(*point), *divisor);
                Some((register.function, register.scale_register?, need))
            })
            .collect();
        let exponent_at = |function: Function, address: u16| {
            let shared = needs.iter().filter(|(other, at, _)| *other == function && *at == address);
            shared.map(|(_, _, need)| *need).max().unwrap_or(0)
        };
        for (register, point, divisor) in values {
            let (function, address, length) = (register.function, register.address, register.raw_type.length());
            let exponent = register.scale_register.map_or(0, |at| exponent_at(function, at));
            let content = Content::Value { register, point, divisor, exponent };
            self.table_mut(function).insert(Entry { address, length, content });
        }
        for (function, address, _) in &needs {
            let content = Content::Exponent(exponent_at(*function, *address));
            self.table_mut(*function).insert(Entry { address: *address, length: 1, content });
        }
    }

    /// What makes a SunSpec device of it: "SunS", the common model, the model's header, and the end.
    fn add_models(&mut self, profile: &Profile, device: &Device) {
        let last = self.holding.entries.last().map_or(SUNSPEC_MODEL, Entry::end_address);
        let model = profile.sunspec_model.unwrap_or_default();
        let length = model_length(model).unwrap_or_else(|| last.saturating_sub(SUNSPEC_MODEL + 2));
        let mut common = vec![0x5375, 0x6e53, 1, COMMON_LENGTH];
        for (text, registers) in
            [(&*profile.manufacturer, 16), (&*profile.title, 16), ("", 8), ("1.0", 8), (device.id.as_str(), 16)]
        {
            common.extend(text_words(text, registers));
        }
        common.extend([u16::from(device.unit), NOT_IMPLEMENTED]);
        let end = SUNSPEC_MODEL.saturating_add(2).saturating_add(length);
        self.holding.filler = NOT_IMPLEMENTED;
        for (address, words) in [(SUNSPEC_START, common), (SUNSPEC_MODEL, vec![model, length]), (end, vec![0xFFFF, 0])]
        {
            let (length, content) = (u16::try_from(words.len()).unwrap_or(u16::MAX), Content::Words(words.into()));
            self.holding.insert(Entry { address, length, content });
        }
    }
}

impl Table {
    /// Adds an entry where nothing is yet; the first one stays.
    fn insert(&mut self, entry: Entry) {
        let position = self.entries.partition_point(|other| other.end() <= u32::from(entry.address));
        if self.entries.get(position).is_none_or(|next| u32::from(next.address) >= entry.end()) {
            self.entries.insert(position, entry);
        }
    }

    /// The entries within a range; refused where the range leaves the table.
    fn asked(&self, address: u16, count: u16, refuses_gaps: bool) -> Result<&[Entry], u8> {
        let (start, end) = (u32::from(address), u32::from(address) + u32::from(count));
        let (Some(first), Some(last)) = (self.entries.first(), self.entries.last()) else {
            return Err(ILLEGAL_FUNCTION);
        };
        if start < u32::from(first.address) || end > last.end() {
            return Err(ILLEGAL_ADDRESS);
        }
        let from = self.entries.partition_point(|entry| entry.end() <= start);
        let to = self.entries.partition_point(|entry| u32::from(entry.address) < end);
        let asked = self.entries.get(from..to).unwrap_or_default();
        if refuses_gaps {
            let covered: u32 =
                asked.iter().map(|entry| entry.end().min(end) - u32::from(entry.address).max(start)).sum();
            if covered < u32::from(count) {
                return Err(ILLEGAL_ADDRESS);
            }
        }
        Ok(asked)
    }
}

impl Entry {
    fn end(&self) -> u32 {
        u32::from(self.address) + u32::from(self.length)
    }

    fn end_address(&self) -> u16 {
        self.address.saturating_add(self.length)
    }

    fn words(&self, view: &View<'_>) -> Vec<u16> {
        match &self.content {
            Content::Words(words) => words.to_vec(),
            Content::Exponent(exponent) => vec![(exponent + view.exponent_shift).cast_unsigned()],
            Content::Value { register, point, divisor, exponent } => {
                let exponent = exponent + view.exponent_shift;
                let value = if view.sentinel { None } else { value(register, *point, *divisor, exponent, view) };
                if register.raw_type == RawType::Bit {
                    return vec![u16::from(value.is_some_and(|value| value != 0.0))];
                }
                registers::encode(register, value, exponent)
            }
        }
    }
}

/// The value of a register, counters begun again where the register is full.
fn value(register: &Register, point: usize, divisor: f64, exponent: i16, view: &View<'_>) -> Option<f64> {
    let state = view.plant.electrical(point, view.second)?;
    let value = state.value(&register.quantity, register.unit)? / divisor;
    if !register.quantity.is_counter() {
        return Some(value);
    }
    let full = register.modulus.or_else(|| {
        let steps = capacity(register.raw_type)? + 1.0;
        let scale =
            register.scale * 10_f64.powi(i32::from(if register.scale_register.is_some() { exponent } else { 0 }));
        register.unit.convert(steps * scale, register.reading_unit())
    });
    Some(full.filter(|full| *full > 0.0).map_or(value, |full| value % full))
}

/// The largest raw number of a whole-number type that counters outgrow.
fn capacity(raw_type: RawType) -> Option<f64> {
    match raw_type {
        RawType::U16 => Some(f64::from(u16::MAX)),
        RawType::I16 => Some(f64::from(i16::MAX)),
        RawType::U32 => Some(f64::from(u32::MAX)),
        RawType::I32 => Some(f64::from(i32::MAX)),
        RawType::Bcd32 => Some(99_999_999.0),
        RawType::Bit | RawType::U64 | RawType::I64 | RawType::F32 | RawType::F64 | RawType::Text(_) => None,
    }
}

/// The power of ten with which a value fits its type and keeps the most digits, -3 to 10.
fn exponent_for(register: &Register, peak_kw: f64, divisor: f64) -> i16 {
    let largest = match &register.quantity {
        quantity if quantity.is_counter() => peak_kw * 8_760.0 * 30.0 + 1_000.0,
        Quantity::Extra(_) => 100_000.0,
        quantity => match quantity.unit().map(crate::domain::unit::Unit::dimension) {
            Some(Dimension::Power | Dimension::ApparentPower | Dimension::ReactivePower) => peak_kw * 1.5 + 0.1,
            Some(Dimension::Current) => peak_kw * 12.0 + 1.0,
            Some(Dimension::Voltage) => 600.0,
            Some(Dimension::Ratio) => 1.0,
            _ => 100.0,
        },
    };
    let in_unit = register.reading_unit().convert(largest / divisor, register.unit).unwrap_or(largest);
    let raw = in_unit / register.scale.abs().max(f64::MIN_POSITIVE);
    let room = capacity(register.raw_type).unwrap_or(1e9);
    (-3..registers::MAX_SCALE_EXPONENT)
        .find(|exponent| raw / 10_f64.powi(i32::from(*exponent)) < room * 0.98)
        .unwrap_or(0)
}

/// What a device that reports secondary values divides by.
fn divisor(meter: &Meter, register: &Register) -> f64 {
    if meter.reports == Reports::Primary {
        return 1.0;
    }
    let (current, voltage) =
        (meter.ct_ratio.map_or(1.0, Transformer::ratio), meter.pt_ratio.map_or(1.0, Transformer::ratio));
    match register.reading_unit().dimension() {
        Dimension::Current => current,
        Dimension::Voltage => voltage,
        Dimension::Power
        | Dimension::ApparentPower
        | Dimension::ReactivePower
        | Dimension::Energy
        | Dimension::ReactiveEnergy
        | Dimension::ApparentEnergy => current * voltage,
        _ => 1.0,
    }
}

/// Lengths of the SunSpec meter models, in registers after the header.
fn model_length(model: u16) -> Option<u16> {
    match model {
        201..=204 => Some(105),
        211..=214 => Some(124),
        _ => None,
    }
}

/// Text as registers of two characters, filled up with zeros.
fn text_words(text: &str, registers: usize) -> Vec<u16> {
    let mut bytes: Vec<u8> = text.bytes().filter(u8::is_ascii).take(registers * 2).collect();
    bytes.resize(registers * 2, 0);
    bytes.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair)).collect()
}
