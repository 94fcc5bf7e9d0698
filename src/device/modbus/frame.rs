//! Whether bytes from the wire are the answer to what was asked (pure).
//!
//! tokio-modbus decodes whatever frame comes first and compares little of it with the request. Here every byte that
//! matters is compared before it sees them, as soon as it arrives, so that a wrong frame is a fault at once.

use crate::{
    device::bus::{MAX_WRITTEN, Read, Write},
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
    /// What was to be read; of a write the range that it is for.
    pub read: Read,
    /// Of a write: what its answer has to say.
    pub echo: Option<Echo>,
    /// MBAP: the request's transaction id.
    pub transaction: u16,
    /// MBAP: the transaction id of the answer before; a second copy of it is passed over.
    pub answered: Option<u16>,
    /// MBAP: take any transaction id (gateways that invent them).
    pub any_transaction: bool,
    /// RTU: units of which a late answer may come; it is passed over.
    pub late: Units,
}

/// What the answer to a write has to repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Echo {
    /// The function code.
    pub function: u8,
    /// Address, then value or count.
    pub data: [u8; 4],
}

/// A set of units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Units([u64; 4]);

impl Units {
    /// Whether a unit is in it.
    pub fn contains(self, unit: u8) -> bool {
        self.0.get(usize::from(unit / 64)).is_some_and(|word| word >> (unit % 64) & 1 == 1)
    }
}

impl FromIterator<u8> for Units {
    fn from_iter<I: IntoIterator<Item = u8>>(units: I) -> Self {
        let mut set = Self::default();
        for unit in units {
            if let Some(word) = set.0.get_mut(usize::from(unit / 64)) {
                *word |= 1 << (unit % 64);
            }
        }
        set
    }
}

/// What the bytes so far amount to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing wrong yet, and not all there.
    Incomplete,
    /// This many bytes are a copy of an earlier answer, or a late answer of another unit.
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
            Ok(Self {
                unit,
                read,
                echo: None,
                transaction: 0,
                answered: None,
                any_transaction: false,
                late: Units::default(),
            })
        } else {
            Err(Fault::new(FaultKind::Other, format!("a read of {} items; 1 to {most} are possible", read.count)))
        }
    }

    /// A write to `unit`.
    ///
    /// # Errors
    /// A count that the protocol has no room for.
    pub fn write(unit: u8, write: &Write) -> Result<Self, Fault> {
        let (function, address, second, count) = match write {
            Write::Coil { address, on } => (Function::Coil, *address, if *on { 0xFF00 } else { 0 }, 1),
            Write::Registers { address, words } => match words.as_slice() {
                [word] => (Function::Holding, *address, *word, 1),
                words if (1..=MAX_WRITTEN).contains(&words.len()) => {
                    let count = u16::try_from(words.len()).unwrap_or(u16::MAX);
                    (Function::Holding, *address, count, count)
                }
                words => return Err(Fault::new(FaultKind::Other, format!("a write of {} registers", words.len()))),
            },
        };
        let code = match (function, count) {
            (Function::Coil, _) => 5,
            (_, 1) => 6,
            _ => 16,
        };
        let ([a, b], [c, d]) = (address.to_be_bytes(), second.to_be_bytes());
        let echo = Echo { function: code, data: [a, b, c, d] };
        Ok(Self { echo: Some(echo), ..Self::new(unit, Read { function, address, count })? })
    }

    /// The function code that was asked.
    pub fn function(&self) -> u8 {
        self.echo.map_or(self.read.function.code(), |echo| echo.function)
    }

    /// Bytes of data in the answer.
    fn data_length(&self) -> usize {
        if self.echo.is_some() {
            // What a read has in its byte count is the first of a write's four bytes.
            return 3;
        }
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
        let asked = self.function();
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
        if let Some(echo) = self.echo {
            return echo.disagreement(body, length);
        }
        if length < 3 {
            return Some(Fault::new(FaultKind::WrongLength, format!("an answer of {length} bytes, without a count")));
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

impl Echo {
    fn disagreement(self, body: &[u8], length: usize) -> Option<Fault> {
        if length != 6 {
            return Some(Fault::new(FaultKind::WrongLength, format!("an echo of {length} bytes instead of 6")));
        }
        let said = body.get(2..6)?;
        (said != self.data)
            .then(|| Fault::new(FaultKind::BadReply, format!("wrote {:02X?}, echo {said:02X?}", self.data)))
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
            Some(_)
                if start == 0
                    && frame.first().is_some_and(|unit| *unit != asked.unit && asked.late.contains(*unit)) =>
            {
                return Verdict::Skip(length);
            }
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
    let function = asked.function();
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn asked(function: Function, count: u16) -> Asked {
        let read = Read { function, address: 100, count };
        Asked { transaction: 7, answered: Some(6), ..Asked::new(5, read).unwrap() }
    }

    fn frame(framing: Framing, transaction: u16, unit: u8, pdu: &[u8]) -> Vec<u8> {
        let body = [&[unit], pdu].concat();
        match framing {
            Framing::Mbap => {
                let length = u16::try_from(body.len()).unwrap();
                [&transaction.to_be_bytes()[..], &[0, 0], &length.to_be_bytes(), &body].concat()
            }
            Framing::Rtu => [&body[..], &crc16(&body).to_le_bytes()].concat(),
        }
    }

    #[test]
    fn the_checksum_is_that_of_the_specification() {
        assert_eq!(crc16(&[0x01, 0x03, 0x08, 0x2B, 0x00, 0x02]), 0x63B6);
        assert_eq!(crc16(&[0x01, 0x03, 0x04, 0x00, 0x20, 0x00, 0x00]), 0xF9FB);
        assert_eq!(crc16(&[0x66, 0x82, 0x03, 0xB1, 0x7E]), 0, "over a whole frame");
    }

    #[test]
    fn an_answer_is_incomplete_until_its_last_byte_and_a_frame_then() {
        for framing in [Framing::Mbap, Framing::Rtu] {
            for (function, count) in
                [(Function::Holding, 125), (Function::Input, 1), (Function::Coil, 2000), (Function::Discrete, 9)]
            {
                let asked = asked(function, count);
                let data = vec![0xA5; asked.data_length()];
                let pdu = [&[function.code(), u8::try_from(data.len()).unwrap()], &data[..]].concat();
                for pdu in [pdu, vec![function.code() | EXCEPTION, 2]] {
                    let frame = frame(framing, 7, 5, &pdu);
                    for length in 0..frame.len() {
                        assert_eq!(judge(framing, &frame[..length], &asked), Verdict::Incomplete, "{length} bytes");
                    }
                    assert_eq!(judge(framing, &frame, &asked), Verdict::Frame(0, frame.len()));
                    let more = [&frame[..], &[1, 2, 3]].concat();
                    assert_eq!(judge(framing, &more, &asked), Verdict::Frame(0, frame.len()));
                }
            }
        }
    }

    #[test]
    fn a_second_copy_of_the_answer_before_is_passed_over_when_it_is_whole() {
        let copy = frame(Framing::Mbap, 6, 9, &[3, 2, 0, 1]);
        let asked = asked(Function::Holding, 2);
        assert_eq!(judge(Framing::Mbap, &copy[..8], &asked), Verdict::Incomplete);
        assert_eq!(judge(Framing::Mbap, &copy, &asked), Verdict::Skip(copy.len()));
        let strict = Asked { answered: None, ..asked };
        assert!(matches!(judge(Framing::Mbap, &copy, &strict), Verdict::Wrong(_)));
    }

    #[test]
    fn noise_may_stand_before_an_rtu_frame_and_only_before_the_right_one() {
        let asked = asked(Function::Holding, 1);
        let right = frame(Framing::Rtu, 0, 5, &[3, 2, 0, 1]);
        let other = frame(Framing::Rtu, 0, 6, &[3, 2, 0, 1]);
        for noise in 0..=MAX_NOISE {
            let bytes = [&vec![0xFF; noise][..], &right].concat();
            assert_eq!(judge(Framing::Rtu, &bytes, &asked), Verdict::Frame(noise, bytes.len()));
        }
        assert_eq!(judge(Framing::Rtu, &[&[0; MAX_NOISE + 1], &right[..]].concat(), &asked), Verdict::Incomplete);
        assert_eq!(judge(Framing::Rtu, &[&[0], &other[..]].concat(), &asked), Verdict::Incomplete);
        assert!(matches!(judge(Framing::Rtu, &other, &asked), Verdict::Wrong(_)));
    }

    #[test]
    fn a_late_answer_of_another_unit_is_passed_over() {
        let late = frame(Framing::Rtu, 0, 6, &[3, 2, 0, 1]);
        let asked = Asked { late: Units::from_iter([6, 255]), ..asked(Function::Holding, 1) };
        assert_eq!(judge(Framing::Rtu, &late, &asked), Verdict::Skip(late.len()));
        for unit in 0..=u8::MAX {
            assert_eq!(asked.late.contains(unit), unit == 6 || unit == 255, "{unit}");
        }
    }

    fn reads() -> impl Strategy<Value = Asked> {
        let function =
            prop::sample::select(vec![Function::Holding, Function::Input, Function::Coil, Function::Discrete]);
        (function, 1..=MAX_REGISTERS).prop_map(|(function, count)| asked(function, count))
    }

    proptest! {
        #[test]
        fn no_bytes_surprise_it(
            bytes in prop::collection::vec(any::<u8>(), 0..=MAX_FRAME),
            asked in reads(),
            rtu: bool,
        ) {
            let framing = if rtu { Framing::Rtu } else { Framing::Mbap };
            match judge(framing, &bytes, &asked) {
                Verdict::Frame(start, end) => prop_assert!(start < end && end <= bytes.len()),
                Verdict::Skip(length) => prop_assert!((1..=bytes.len()).contains(&length)),
                Verdict::Incomplete => prop_assert!(bytes.len() < MAX_FRAME, "a full buffer is decided"),
                Verdict::Wrong(_) => {}
            }
        }

        #[test]
        fn a_frame_that_is_let_through_agrees_in_everything(
            unit in 4..=6u8, transaction in 6..=8u16, pdu in prop::collection::vec(0..=6u8, 1..12), asked in reads(), rtu: bool,
        ) {
            let framing = if rtu { Framing::Rtu } else { Framing::Mbap };
            let bytes = frame(framing, transaction, unit, &pdu);
            if let Verdict::Frame(0, end) = judge(framing, &bytes, &asked) {
                prop_assert_eq!((unit, end), (5, bytes.len()));
                prop_assert!(rtu || transaction == 7);
                prop_assert_eq!(pdu[0], asked.read.function.code());
                prop_assert_eq!(usize::from(pdu[1]), asked.data_length());
                prop_assert_eq!(pdu.len(), 2 + asked.data_length());
            }
        }
    }
}
