//! Modbus TCP, RTU and RTU over TCP behind [`Bus`](super::bus::Bus): strict where the library is not.
