//! `[metrics]`: where the service is measured.

use std::{net::SocketAddr, path::PathBuf};

use super::fields::Fields;
use crate::domain::secret::SecretSource;

/// Where the service is measured, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metrics {
    /// Where it listens.
    pub listen: Listen,
    /// What whoever asks has to show.
    pub token: Option<SecretSource>,
}

/// Where it listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    /// On a loopback address.
    Loopback(SocketAddr),
    /// On a Unix socket.
    Socket(PathBuf),
}

pub(super) fn read(file: &Fields<'_>) -> Option<Metrics> {
    let fields = file.table("metrics")?;
    let token = fields.secret("token");
    let address = fields.text("address").and_then(|text| loopback(&fields, &text));
    let socket = fields.text("socket").map(|text| fields.spot("socket").source.folder.join(text));
    let listen = match (address, socket) {
        (Some(address), None) => Listen::Loopback(address),
        (None, Some(socket)) => Listen::Socket(socket),
        (None, None) if fields.has("address") => return None,
        (None, None) => {
            fields.missing("address");
            return None;
        }
        (Some(_), Some(_)) => {
            fields.error("socket", "`socket` stands beside `address`", "keep one of them");
            return None;
        }
    };
    Some(Metrics { listen, token })
}

fn loopback(fields: &Fields<'_>, text: &str) -> Option<SocketAddr> {
    let address = text.parse::<SocketAddr>().ok().filter(|address| address.ip().is_loopback());
    if address.is_none() {
        let message = format!("`{text}` is not a loopback address with a port");
        fields.error("address", message, "write \"127.0.0.1:9464\": no port is opened to the network");
    }
    address
}
