//! Register maps: where a device keeps which quantity, and in what form.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{ids::ProfileId, quantity::Quantity, unit::Unit};

/// The largest read request of the protocol, in registers.
pub const MAX_REGISTERS: u16 = 125;
/// The largest read request of the protocol, in coils or discrete inputs.
pub const MAX_BITS: u16 = 2000;

/// Which of the four tables of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Function {
    /// Function 03.
    Holding,
    /// Function 04.
    Input,
    /// Function 01.
    Coil,
    /// Function 02.
    Discrete,
}

impl Function {
    /// Whether its items are single bits.
    pub fn is_bits(self) -> bool {
        matches!(self, Self::Coil | Self::Discrete)
    }

    /// The read function code.
    pub fn code(self) -> u8 {
        match self {
            Self::Coil => 1,
            Self::Discrete => 2,
            Self::Holding => 3,
            Self::Input => 4,
        }
    }
}

/// How the raw words are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum RawType {
    /// One coil or discrete input.
    Bit,
    /// Unsigned, 1 register.
    U16,
    /// Two's complement, 1 register.
    I16,
    /// Unsigned, 2 registers.
    U32,
    /// Two's complement, 2 registers.
    I32,
    /// Unsigned, 4 registers.
    U64,
    /// Two's complement, 4 registers.
    I64,
    /// IEEE 754, 2 registers.
    F32,
    /// IEEE 754, 4 registers.
    F64,
    /// Eight binary-coded decimal digits, 2 registers.
    Bcd32,
    /// Text of this many registers, two characters each.
    Text(u16),
}

impl RawType {
    /// How many registers (or bits) it takes.
    pub fn length(self) -> u16 {
        match self {
            Self::Bit | Self::U16 | Self::I16 => 1,
            Self::U32 | Self::I32 | Self::F32 | Self::Bcd32 => 2,
            Self::U64 | Self::I64 | Self::F64 => 4,
            Self::Text(registers) => registers,
        }
    }
}

/// Which comes first, of words or of bytes in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Most significant first.
    #[default]
    Big,
    /// Least significant first.
    Little,
}

/// How a number stands for its value, beyond scale and offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// As it is.
    #[default]
    Plain,
    /// A power factor of which a magnitude over 1 means "leading": ±(2 − |v|) (Schneider).
    FourQuadrant,
}

/// One value of a device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Register {
    /// What it is.
    pub quantity: Quantity,
    /// Zero-based protocol address; in a SunSpec profile the offset from the model's id register.
    pub address: u16,
    /// Which table.
    pub function: Function,
    /// How to read the words.
    pub raw_type: RawType,
    /// Order of words in values over 16 bits.
    pub words: Order,
    /// Order of bytes in a word.
    pub bytes: Order,
    /// Multiplies the raw number.
    pub scale: f64,
    /// Added after scaling, in `unit`.
    pub offset: f64,
    /// Register with a signed power of ten that multiplies the raw number, read in the same request.
    pub scale_register: Option<u16>,
    /// Raw bit patterns that mean "not implemented"; `None`: the usual ones of the type.
    pub invalid: Option<Vec<u64>>,
    /// Unit of the scaled value.
    pub unit: Unit,
    /// Smallest possible value, in the quantity's own unit.
    pub min: Option<f64>,
    /// Largest possible value, in the quantity's own unit.
    pub max: Option<f64>,
    /// Of a counter: where it starts again from zero, in the quantity's own unit.
    pub modulus: Option<f64>,
    /// How the number stands for its value.
    pub encoding: Encoding,
}

impl Register {
    /// The unit of the reading: the quantity's own, else the register's.
    pub fn reading_unit(&self) -> Unit {
        self.quantity.unit().unwrap_or(self.unit)
    }

    /// First address after its own words.
    pub fn end(&self) -> u32 {
        u32::from(self.address) + u32::from(self.raw_type.length())
    }
}

/// Whether values are those of the primary circuit already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reports {
    /// CT and PT ratios are applied by the device.
    #[default]
    Primary,
    /// CT and PT ratios must still be applied.
    Secondary,
}

/// The register map of a type of device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// Its id: the file's name without extension.
    pub id: ProfileId,
    /// What it is called.
    pub title: String,
    /// Who makes the device.
    pub manufacturer: String,
    /// Where the register list is published.
    pub source: String,
    /// Whether the published addresses were 0- or 1-based; the map itself is always 0-based.
    pub published_base: Option<u8>,
    /// Whether it was tried on the real hardware.
    pub verified: bool,
    /// Largest request that the device answers, in registers.
    pub max_registers: u16,
    /// Most unused registers read to join two values in one request.
    pub max_gap: u16,
    /// Whether ratios must still be applied.
    pub reports: Reports,
    /// SunSpec: the model whose place is found by walking; addresses are offsets from its id register.
    pub sunspec_model: Option<u16>,
    /// The values, in order of quantity.
    pub registers: Arc<[Register]>,
}
