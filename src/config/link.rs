//! How a device is reached: host and port, or a serial line.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::{choice::DeviceProtocol, fields::Fields, problems::Problem};
use crate::domain::site::{Link, Parity};

const DEFAULT_BAUD: u32 = 19_200;
/// The largest host name of the DNS.
const MAX_HOST: usize = 253;

/// The link, if it is right; keys of the other kind of link are recorded.
pub(super) fn read(fields: &Fields<'_>) -> Option<Link> {
    // All of them are looked at, so that all mistakes are found at once.
    let address = fields.text("address");
    let serial = fields.text("serial");
    let (baud, parity, stop_bits) = (fields.integer("baud"), fields.choice("parity"), fields.integer("stop_bits"));
    let protocol: DeviceProtocol = fields.choice("protocol")?;
    let (own, other): (&str, &[&str]) = match protocol {
        DeviceProtocol::Tcp | DeviceProtocol::RtuOverTcp => ("address", &["serial", "baud", "parity", "stop_bits"]),
        DeviceProtocol::Rtu => ("serial", &["address"]),
    };
    for key in other.iter().filter(|key| fields.has(key)) {
        let message = format!("`{key}` does not go with this protocol");
        let help = match protocol {
            DeviceProtocol::Rtu => "remove it, or write protocol = \"modbus-tcp\" or \"modbus-rtu-over-tcp\"",
            _ => "remove it, or write protocol = \"modbus-rtu\"",
        };
        fields.sink.add(Problem::error(&fields.key_spot(key), message).help(help));
    }
    if !fields.has(own) {
        fields.missing(own);
        return None;
    }
    match protocol {
        DeviceProtocol::Tcp => Some(Link::ModbusTcp { address: check_address(fields, &address?)? }),
        DeviceProtocol::RtuOverTcp => Some(Link::ModbusRtuOverTcp { address: check_address(fields, &address?)? }),
        DeviceProtocol::Rtu => Some(Link::ModbusRtu {
            serial: fields.spot("serial").source.folder.join(serial?),
            baud: baud.unwrap_or(DEFAULT_BAUD),
            parity: parity.unwrap_or(Parity::None),
            stop_bits: stop_bits.unwrap_or(1),
        }),
    }
}

fn check_address(fields: &Fields<'_>, text: &str) -> Option<String> {
    let normal = normal_address(text);
    if normal.is_none() {
        let help = if text.parse::<IpAddr>().is_ok_and(|address| address.is_ipv6()) {
            format!("write the port too: \"[{text}]:502\"")
        } else if is_host(text) {
            format!("write the port too: \"{text}:502\"")
        } else {
            "write host and port, such as \"10.20.0.11:502\", \"[fd00::1]:502\" or \"meter-1.local:502\"".to_owned()
        };
        fields.error("address", format!("`{text}` is not an address"), help);
    }
    normal
}

/// Host and port in the one way in which they are compared.
fn normal_address(text: &str) -> Option<String> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return (address.port() > 0).then(|| address.to_string());
    }
    let (host, port) = text.rsplit_once(':')?;
    let port: u16 = port.parse().ok().filter(|port| *port > 0)?;
    is_host(host).then(|| format!("{}:{port}", host.to_lowercase()))
}

/// Whether a text is a host name or an IPv4 address.
fn is_host(text: &str) -> bool {
    let is_label = |label: &str| {
        let inside = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(inside)
    };
    let looks_numeric = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let name = text.strip_suffix('.').unwrap_or(text);
    if looks_numeric {
        text.parse::<Ipv4Addr>().is_ok()
    } else {
        name.len() <= MAX_HOST && name.split('.').all(is_label)
    }
}

/// The host of an address that was checked.
pub(super) fn host(link: &Link) -> Option<String> {
    match link {
        Link::ModbusTcp { address } | Link::ModbusRtuOverTcp { address } => {
            let (host, _) = address.rsplit_once(':')?;
            Some(host.trim_start_matches('[').trim_end_matches(']').to_owned())
        }
        Link::ModbusRtu { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_host_and_port() {
        for (text, expected) in [
            ("10.20.0.11:502", Some("10.20.0.11:502")),
            ("[FD00::1]:502", Some("[fd00::1]:502")),
            ("Meter-1.Local:1502", Some("meter-1.local:1502")),
            ("localhost:502", Some("localhost:502")),
            ("10.20.0.11", None),
            ("10.20.0.300:502", None),
            ("10.20.0:502", None),
            ("10.20.0.11:0", None),
            ("10.20.0.11:70000", None),
            ("fd00::1", None),
            (":502", None),
            ("a b:502", None),
            ("-a:502", None),
            ("a..b:502", None),
            ("http://a:502", None),
        ] {
            assert_eq!(normal_address(text).as_deref(), expected, "{text}");
        }
    }
}
