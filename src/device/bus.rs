//! A bus: what carries one request at a time to the units behind one connection.

use std::{future::Future, time::Duration};

use crate::domain::{fault::Fault, register::Function};

/// A read of consecutive registers or bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Read {
    /// Which table.
    pub function: Function,
    /// First address.
    pub address: u16,
    /// How many, at least 1; at most [`MAX_REGISTERS`](crate::domain::register::MAX_REGISTERS) or
    /// [`MAX_BITS`](crate::domain::register::MAX_BITS).
    pub count: u16,
}

/// A write of consecutive holding registers or one coil.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// Function 06 for one, 16 for more; at least 1, at most [`MAX_WRITTEN`].
    Registers {
        /// First address.
        address: u16,
        /// The words.
        words: Vec<u16>,
    },
    /// Function 05.
    Coil {
        /// Its address.
        address: u16,
        /// On or off.
        on: bool,
    },
}

/// The largest write of the protocol, in registers.
pub const MAX_WRITTEN: usize = 123;

/// What a device answered; exactly as many as were asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Of holding and input registers.
    Registers(Vec<u16>),
    /// Of coils and discrete inputs.
    Bits(Vec<bool>),
}

/// One connection. A call is never given up half way by its caller: it ends by itself at its deadline.
pub trait Bus: Send {
    /// Sets the connection up where it does not stand, within `deadline`; no cost where it does.
    ///
    /// # Errors
    /// What keeps it from standing.
    fn connect(&mut self, deadline: Duration) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Asks `unit` and waits for its answer until `deadline` after the request was sent.
    /// On any fault that is not the device's own answer the connection is dropped (TCP) or drained (serial).
    ///
    /// # Errors
    /// What went wrong; [`FaultKind::is_answer`](crate::domain::fault::FaultKind::is_answer) tells whether the device is there.
    fn transact(
        &mut self,
        unit: u8,
        read: Read,
        deadline: Duration,
    ) -> impl Future<Output = Result<Answer, Fault>> + Send;

    /// Writes to `unit` and waits for its echo until `deadline` after the request was sent. Never repeated: after any fault
    /// that is not the device's own refusal nobody knows whether it was done, and only a read tells.
    ///
    /// # Errors
    /// What went wrong.
    fn write(&mut self, unit: u8, write: &Write, deadline: Duration) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Whether the connection stands, as far as is known without asking.
    fn is_connected(&self) -> bool;

    /// Gives the connection back.
    fn close(&mut self) -> impl Future<Output = ()> + Send;
}
