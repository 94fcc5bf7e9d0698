//! Modbus frames, made and taken apart by hand: a library would not let us make wrong ones.

/// Largest request or answer without address and checksum, in bytes.
pub const MAX_PDU: usize = 253;
/// More bytes than this without a whole request are dropped: twice the largest frame.
pub const MAX_BUFFERED: usize = 520;

const MBAP_HEADER: usize = 7;

/// How frames are wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Modbus TCP: a header with transaction id and length.
    Mbap,
    /// Modbus RTU: unit first, checksum last.
    Rtu,
}

/// A request as it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Transaction id; 0 in RTU frames.
    pub transaction: u16,
    /// Unit number.
    pub unit: u8,
    /// Function code and what belongs to it; at least one byte.
    pub pdu: Vec<u8>,
}

/// What a buffer of bytes begins with.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken {
    /// A whole request, now removed from the buffer.
    Request(Request),
    /// The beginning of one.
    Partial,
    /// Nothing that could become one.
    Nonsense,
}

/// Takes the first request from `buffer`. Of an RTU line, bytes that begin no valid frame are skipped.
pub fn take_request(framing: Framing, buffer: &mut Vec<u8>) -> Taken {
    match framing {
        Framing::Mbap => take_mbap(buffer),
        Framing::Rtu => take_rtu(buffer),
    }
}

/// The frame around an answer.
pub fn frame(framing: Framing, transaction: u16, unit: u8, pdu: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(pdu.len() + MBAP_HEADER);
    if framing == Framing::Mbap {
        bytes.extend(transaction.to_be_bytes());
        bytes.extend([0, 0]);
        bytes.extend(u16::try_from(pdu.len() + 1).unwrap_or(u16::MAX).to_be_bytes());
    }
    bytes.push(unit);
    bytes.extend(pdu);
    if framing == Framing::Rtu {
        bytes.extend(crc16(&bytes).to_le_bytes());
    }
    bytes
}

/// The checksum of RTU frames (polynomial 0xA001, reflected); sent low byte first.
pub fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xFFFF, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xA001 } else { crc >> 1 })
    })
}

fn take_mbap(buffer: &mut Vec<u8>) -> Taken {
    let [t0, t1, p0, p1, l0, l1, unit, ..] = *buffer.as_slice() else { return Taken::Partial };
    let length = usize::from(u16::from_be_bytes([l0, l1]));
    if [p0, p1] != [0, 0] || !(2..=MAX_PDU + 1).contains(&length) {
        return Taken::Nonsense;
    }
    let end = MBAP_HEADER - 1 + length;
    let Some(pdu) = buffer.get(MBAP_HEADER..end).map(<[u8]>::to_vec) else { return Taken::Partial };
    buffer.drain(..end);
    Taken::Request(Request { transaction: u16::from_be_bytes([t0, t1]), unit, pdu })
}

fn take_rtu(buffer: &mut Vec<u8>) -> Taken {
    // Bounded: each turn takes a byte from a buffer of at most MAX_BUFFERED bytes.
    while let [unit, function, ..] = *buffer.as_slice() {
        let Some(length) = rtu_length(function, buffer) else { return Taken::Partial };
        let Some(frame) = buffer.get(..length) else { return Taken::Partial };
        if let Some((body, [low, high])) = frame.split_last_chunk::<2>()
            && crc16(body).to_le_bytes() == [*low, *high]
        {
            let pdu = body.get(1..).unwrap_or_default().to_vec();
            buffer.drain(..length);
            return Taken::Request(Request { transaction: 0, unit, pdu });
        }
        buffer.remove(0);
    }
    Taken::Partial
}

/// How long a request is in all; `None`: not known yet.
fn rtu_length(function: u8, buffer: &[u8]) -> Option<usize> {
    Some(match function {
        0x0F | 0x10 => usize::from(*buffer.get(6)?) + 9,
        0x2B => 7,
        0x07 | 0x0B | 0x0C | 0x11 => 4,
        _ => 8,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn checksum_is_that_of_the_specification() {
        // Modbus over serial line 1.02, appendix B: 02 07 → 41 12.
        assert_eq!(crc16(&[0x02, 0x07]).to_le_bytes(), [0x41, 0x12]);
    }

    proptest! {
        /// What is framed comes out again, whatever stands before (RTU) and after it.
        #[test]
        fn requests_come_out_as_they_went_in(unit: u8, transaction: u16, address: u16, count: u16) {
            let pdu = [&[3][..], &address.to_be_bytes(), &count.to_be_bytes()].concat();
            for framing in [Framing::Mbap, Framing::Rtu] {
                let mut buffer = frame(framing, transaction, unit, &pdu);
                buffer.push(9);
                let Taken::Request(request) = take_request(framing, &mut buffer) else {
                    return Err(TestCaseError::fail("no request"));
                };
                prop_assert_eq!(&request.pdu, &pdu);
                prop_assert_eq!(request.unit, unit);
                prop_assert_eq!(&buffer, &[9]);
            }
        }

        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            for framing in [Framing::Mbap, Framing::Rtu] {
                let mut buffer = bytes.clone();
                while let Taken::Request(request) = take_request(framing, &mut buffer) {
                    prop_assert!(!request.pdu.is_empty());
                }
            }
        }
    }
}
