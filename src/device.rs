//! Devices: how to ask them, and what their answers mean.

pub mod bus;
pub mod lane;
pub mod modbus;
pub mod registers;
pub mod simulator;
pub mod sunspec;
