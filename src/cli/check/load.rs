//! How full a connection's interval is: an estimate from the number and size of the requests.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    device::bus::Read,
    domain::site::{Device, Link, Site},
    poll::plan::{Limits, plan},
};

/// Assumed time from a request over TCP to its answer.
pub(super) const TCP_ROUND_TRIP: Duration = Duration::from_millis(20);
/// Assumed time that a device on a line takes to answer, beside the bytes of request and answer.
pub(super) const LINE_TURNAROUND: Duration = Duration::from_millis(20);
/// Assumed speed of the line behind a gateway, bits a second; which the site file does not say: that of a line where nothing is said.
pub(super) const GATEWAY_BAUD: u32 = 19_200;
/// Bits of a byte on a line: start, eight, parity or a second stop, stop.
const BITS_PER_BYTE: u32 = 11;
/// Bytes of a request frame.
const REQUEST_BYTES: u32 = 8;
/// Bytes of an answer frame beside its values.
const ANSWER_BYTES: u32 = 5;

/// A connection and the devices behind it.
#[derive(Debug)]
pub(super) struct Connection<'a> {
    pub(super) link: &'a Link,
    pub(super) devices: Vec<DeviceLoad<'a>>,
}

/// What reading a device takes.
#[derive(Debug)]
pub(super) struct DeviceLoad<'a> {
    pub(super) device: &'a Device,
    /// Requests of one poll.
    pub(super) requests: usize,
    /// Estimated time of one poll.
    pub(super) busy: Duration,
}

impl Connection<'_> {
    /// Requests when every device is read once.
    pub(super) fn requests(&self) -> usize {
        self.devices.iter().map(|device| device.requests).sum()
    }

    /// Estimated busy time, percent; over 100 the intervals cannot be kept.
    pub(super) fn load_percent(&self) -> f64 {
        self.devices.iter().map(|load| load.busy.as_secs_f64() / load.device.every.as_secs_f64() * 100.0).sum()
    }
}

/// The connections of a site, in order of their address.
pub(super) fn connections(site: &Site) -> Vec<Connection<'_>> {
    let mut by_link: BTreeMap<&Link, Vec<DeviceLoad<'_>>> = BTreeMap::new();
    for device in site.devices.values() {
        by_link.entry(&device.link).or_default().push(device_load(device));
    }
    by_link.into_iter().map(|(link, devices)| Connection { link, devices }).collect()
}

fn device_load(device: &Device) -> DeviceLoad<'_> {
    let plan = plan(&device.registers, &Limits::of(&device.behaviour));
    let requests: Duration =
        plan.blocks.iter().map(|block| time_of(&device.link, block.read) + device.behaviour.pause_between).sum();
    let connecting = if device.behaviour.close_after_poll {
        device.behaviour.pause_after_connect + TCP_ROUND_TRIP
    } else {
        Duration::ZERO
    };
    DeviceLoad { device, requests: plan.blocks.len(), busy: requests + connecting }
}

/// Estimated time of one request with its answer.
fn time_of(link: &Link, read: Read) -> Duration {
    match link {
        Link::ModbusTcp { .. } => TCP_ROUND_TRIP,
        Link::ModbusRtuOverTcp { .. } => TCP_ROUND_TRIP + time_on_line(read, GATEWAY_BAUD),
        Link::ModbusRtu { baud, .. } => time_on_line(read, *baud),
    }
}

fn time_on_line(read: Read, baud: u32) -> Duration {
    let values = if read.function.is_bits() { u32::from(read.count).div_ceil(8) } else { u32::from(read.count) * 2 };
    let bits = (REQUEST_BYTES + ANSWER_BYTES + values) * BITS_PER_BYTE;
    LINE_TURNAROUND + Duration::from_secs_f64(f64::from(bits) / f64::from(baud.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config, domain::register::Function};

    #[test]
    fn a_line_is_as_slow_as_its_bytes() {
        let read = Read { function: Function::Input, address: 0, count: 50 };
        // 8 + 5 + 100 bytes of 11 bits at 9600 baud.
        assert_eq!(time_on_line(read, 9600).as_millis(), 20 + 129);
        let bits = Read { function: Function::Coil, address: 0, count: 9 };
        assert_eq!(time_on_line(bits, 9600).as_millis(), 20 + 17);
    }

    #[test]
    fn devices_of_one_connection_add_up() {
        let device = |id: &str, unit: u8, every: &str| {
            format!(
                "[device.{id}]\nprotocol = \"modbus-tcp\"\naddress = \"h:502\"\nunit = {unit}\nevery = \"{every}\"\nmax_gap = 0\n\
                 pause_between = \"5ms\"\n[device.{id}.registers]\n\
                 voltage = {{ address = 1, function = \"input\", type = \"u16\" }}\n\
                 frequency = {{ address = 9, function = \"input\", type = \"u16\" }}\n"
            )
        };
        let text = format!(
            "[site]\nname = \"S\"\ntime_zone = \"UTC\"\ncurrency = \"EUR\"\n{}{}",
            device("a", 1, "1s"),
            device("b", 2, "500ms")
        );
        let site = config::parse("site.toml", &text).unwrap().site;
        let connections = connections(&site);
        assert_eq!((connections.len(), connections[0].requests()), (1, 4));
        // 2 × 25 ms in a second, and 2 × 25 ms in half a second.
        assert!((connections[0].load_percent() - 15.0).abs() < 1e-9);
    }
}
