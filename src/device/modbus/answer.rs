//! Between what is asked here and what tokio-modbus calls it.

use std::time::Duration;

use tokio_modbus::{ExceptionCode, Request, Response};

use super::frame::Asked;
use crate::{
    device::bus::{Answer, Read, Write},
    domain::{
        fault::{Fault, FaultKind},
        register::Function,
    },
};

pub(super) fn request(read: Read) -> Request<'static> {
    match read.function {
        Function::Holding => Request::ReadHoldingRegisters(read.address, read.count),
        Function::Input => Request::ReadInputRegisters(read.address, read.count),
        Function::Coil => Request::ReadCoils(read.address, read.count),
        Function::Discrete => Request::ReadDiscreteInputs(read.address, read.count),
    }
}

pub(super) fn write_request(write: &Write) -> Request<'_> {
    match write {
        Write::Coil { address, on } => Request::WriteSingleCoil(*address, *on),
        Write::Registers { address, words } => match words.as_slice() {
            [word] => Request::WriteSingleRegister(*address, *word),
            words => Request::WriteMultipleRegisters(*address, words.into()),
        },
    }
}

pub(super) fn answer(response: Response, read: Read) -> Result<Answer, Fault> {
    let count = usize::from(read.count);
    match response {
        Response::ReadHoldingRegisters(words) | Response::ReadInputRegisters(words) if words.len() == count => {
            Ok(Answer::Registers(words))
        }
        // The last byte is filled up with bits that nobody asked for.
        Response::ReadCoils(mut bits) | Response::ReadDiscreteInputs(mut bits) if bits.len() >= count => {
            bits.truncate(count);
            Ok(Answer::Bits(bits))
        }
        _ => Err(Fault::new(FaultKind::WrongLength, format!("asked {count} items"))),
    }
}

/// Whether a frame brought it: the connection is as good as before.
pub(super) fn is_exception(kind: FaultKind) -> bool {
    kind.is_answer() || kind == FaultKind::GatewayNoReply
}

pub(super) fn exception(code: ExceptionCode, asked: Asked) -> Fault {
    let Read { address, count, .. } = asked.read;
    let kind = match code {
        ExceptionCode::IllegalFunction => FaultKind::IllegalFunction,
        ExceptionCode::IllegalDataAddress => FaultKind::IllegalAddress,
        ExceptionCode::IllegalDataValue => FaultKind::IllegalValue,
        ExceptionCode::Acknowledge | ExceptionCode::ServerDeviceBusy => FaultKind::Busy,
        ExceptionCode::GatewayPathUnavailable | ExceptionCode::GatewayTargetDevice => FaultKind::GatewayNoReply,
        _ => FaultKind::Exception,
    };
    let last = address.saturating_add(count.saturating_sub(1));
    let detail = format!("exception {:02X}, function {} at {address} to {last}", u8::from(code), asked.function());
    Fault::new(kind, detail)
}

/// The guard lets no frame through that tokio-modbus refuses; should it do so all the same, it is said as it is.
pub(super) fn undecodable(error: &tokio_modbus::Error) -> Fault {
    Fault::new(FaultKind::BadReply, crate::text::clean(&error.to_string()))
}

pub(super) fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
