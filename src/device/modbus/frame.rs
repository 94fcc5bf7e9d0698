//! Whether bytes from the wire are the answer to what was asked (pure).
//!
//! tokio-modbus decodes whatever frame comes first and compares little of it with the request. Here every byte that
//! matters is compared before it sees them, as soon as it arrives, so that a wrong frame is a fault at once.

use crate::{
    device::bus::Read,
    domain::{
        fault::{Fault, FaultKind},
        register::{Function, MAX_BITS, MAX_REGISTERS},
    },
};

/// The longest frame: 7 bytes of MBAP header and 253 of PDU. RTU frames (256) are shorter.
pub const MAX_FRAME: usize = 260;
/// Bytes of noise that may stand before an RTU frame: what a line's driver makes when it turns on.
pub const MAX_NOISE: usize = 4;
/// The MBAP header without its unit.
const HEADER: usize = 6;
/// The bit in the function code that marks an exception.
const EXCEPTION: u8 = 0x80;

/// How frames are delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// By the length in the MBAP header; answers carry the request's transaction id.
    Mbap,
    /// By their contents and a checksum; nothing ties an answer to its request.
    Rtu,
}

/// What was asked, as far as its answer must agree with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// The unit.
    pub unit: u8,
    /// What was to be read.
    pub read: Read,
    /// MBAP: the request's transaction id.
    pub transaction: u16,
    /// MBAP: the transaction id of the answer before; a second copy of it is passed over.
    pub answered: Option<u16>,
    /// MBAP: take any transaction id (gateways that invent them).
    pub any_transaction: bool,
}

/// What the bytes so far amount to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing wrong yet, and not all there.
    Incomplete,
    /// This many bytes are a copy of an earlier answer.
    Skip(usize),
    /// The answer, or the exception, lies between these offsets.
    Frame(usize, usize),
    /// They are not the answer and never will be.
    Wrong(Fault),
}

impl Asked {
    /// A read of `unit`.
    ///
    /// # Errors
    /// A count that the protocol has no room for.
    pub fn new(unit: u8, read: Read) -> Result<Self, Fault> {
        let most = if read.function.is_bits() { MAX_BITS } else { MAX_REGISTERS };
        if (1..=most).contains(&read.count) {
            Ok(Self { unit, read, transaction: 0, answered: None, any_transaction: false })
        } else {
            Err(Fault::new(FaultKind::Other, format!("a read of {} items; 1 to {most} are possible", read.count)))
        }
    }

    /// Bytes of data in the answer.
    fn data_length(&self) -> usize {
        let count = usize::from(self.read.count);
        if self.read.function.is_bits() { count.div_ceil(8) } else { count * 2 }
    }

    /// Length of the whole answer.
    pub fn frame_length(&self, framing: Framing) -> usize {
        self.data_length()
            + match framing {
                Framing::Mbap => HEADER + 3,
                Framing::Rtu => 5,
            }
    }

    fn what(&self) -> &'static str {
        match self.read.function {
            Function::Holding | Function::Input => "registers",
            Function::Coil | Function::Discrete => "bits",
        }
    }

    /// Compares unit, function and length; `body` starts at the unit, and `length` is that of unit and PDU as the
    /// frame has it.
    fn disagreement(&self, body: &[u8], length: usize) -> Option<Fault> {
        let asked = self.read.function.code();
        let unit = *body.first()?;
        if unit != self.unit {
            let detail = format!("asked unit {}, answer from unit {unit}", self.unit);
            return Some(Fault::new(FaultKind::WrongUnit, detail));
        }
        let function = *body.get(1)?;
        if function == asked | EXCEPTION {
            return (length != 3)
                .then(|| Fault::new(FaultKind::WrongLength, format!("an exception of {length} bytes instead of 3")));
        }
        if function != asked {
            let detail = format!("asked function {asked}, answered function {function}");
            return Some(Fault::new(FaultKind::BadReply, detail));
        }
        let data = usize::from(*body.get(2)?);
        let carried = length.saturating_sub(3);
        let detail = if data != carried {
            format!("says {data} bytes, carries {carried}")
        } else if data == self.data_length() {
            return None;
        } else if self.read.function.is_bits() || data % 2 != 0 {
            format!("asked {} {} ({} bytes), got {data} bytes", self.read.count, self.what(), self.data_length())
        } else {
            format!("asked {} {}, got {}", self.read.count, self.what(), data / 2)
        };
        Some(Fault::new(FaultKind::WrongLength, detail))
    }
}

/// Judges what has arrived since the request was sent.
pub fn judge(framing: Framing, bytes: &[u8], asked: &Asked) -> Verdict {
    match framing {
        Framing::Mbap => judge_mbap(bytes, asked),
        Framing::Rtu => judge_rtu(bytes, asked),
    }
}

fn judge_mbap(bytes: &[u8], asked: &Asked) -> Verdict {
    let &[id_high, id_low, ref rest @ ..] = bytes else { return Verdict::Incomplete };
    let &[protocol_high, protocol_low, ref rest @ ..] = rest else { return Verdict::Incomplete };
    let protocol = u16::from_be_bytes([protocol_high, protocol_low]);
    if protocol != 0 {
        return wrong(FaultKind::NotModbus, format!("protocol id {protocol} instead of 0"));
    }
    let &[length_high, length_low, ref body @ ..] = rest else { return Verdict::Incomplete };
    let length = usize::from(u16::from_be_bytes([length_high, length_low]));
    if !(2..=MAX_FRAME - HEADER).contains(&length) {
        return wrong(FaultKind::NotModbus, format!("a length of {length} in the header"));
    }
    let total = HEADER + length;
    let transaction = u16::from_be_bytes([id_high, id_low]);
    if transaction != asked.transaction && !asked.any_transaction {
        return match asked.answered {
            Some(answered) if answered == transaction && bytes.len() < total => Verdict::Incomplete,
            Some(answered) if answered == transaction => Verdict::Skip(total),
            _ => wrong(FaultKind::WrongTransaction, format!("sent {}, got {transaction}", asked.transaction)),
        };
    }
    match asked.disagreement(body, length) {
        Some(fault) => Verdict::Wrong(fault),
        None if bytes.len() < total => Verdict::Incomplete,
        None => Verdict::Frame(0, total),
    }
}

/// RTU has no header: a frame is what has the right length for its function and the right checksum. Noise before it
/// is passed over, but only where everything else is as expected.
fn judge_rtu(bytes: &[u8], asked: &Asked) -> Verdict {
    for start in 0..=MAX_NOISE {
        let Some(candidate) = bytes.get(start..) else { break };
        let Some(length) = rtu_length(candidate) else { continue };
        let Some(frame) = candidate.get(..length) else { continue };
        // The checksum over a frame that ends in its own checksum is 0.
        if crc16(frame) != 0 {
            continue;
        }
        match asked.disagreement(frame, length - 2) {
            None => return Verdict::Frame(start, start + length),
            Some(fault) if start == 0 => return Verdict::Wrong(fault),
            Some(_) => {}
        }
    }
    if bytes.len() >= MAX_FRAME {
        return wrong(FaultKind::Garbled, format!("{} bytes, and no frame in them", bytes.len()));
    }
    Verdict::Incomplete
}

/// Length of the RTU frame that starts with these bytes, where they tell.
fn rtu_length(bytes: &[u8]) -> Option<usize> {
    match *bytes.get(1)? {
        1..=4 => Some(5 + usize::from(*bytes.get(2)?)),
        5 | 6 | 0x0F | 0x10 => Some(8),
        function if function & EXCEPTION != 0 => Some(5),
        _ => None,
    }
}

/// Whether bytes without a whole frame in them may be the beginning of the answer.
pub fn is_beginning(framing: Framing, bytes: &[u8], asked: &Asked) -> bool {
    let function = asked.read.function.code();
    framing == Framing::Mbap
        || match bytes {
            [unit] => *unit == asked.unit,
            [unit, found, ..] => {
                let whole = rtu_length(bytes).is_some_and(|length| bytes.len() >= length);
                *unit == asked.unit && (*found == function || *found == function | EXCEPTION) && !whole
            }
            [] => true,
        }
}

/// The checksum of RTU frames (CRC-16/MODBUS): polynomial 0xA001 reflected, start 0xFFFF; sent low byte first.
pub fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |sum, byte| {
        (0..8).fold(sum ^ u16::from(*byte), |sum, _| if sum & 1 == 1 { (sum >> 1) ^ 0xA001 } else { sum >> 1 })
    })
}

fn wrong(kind: FaultKind, detail: String) -> Verdict {
    Verdict::Wrong(Fault::new(kind, detail))
}
