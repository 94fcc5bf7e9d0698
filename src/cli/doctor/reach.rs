//! The service, and the devices: through the service where there is one, else whether anybody answers at their addresses.

use std::{collections::BTreeSet, path::Path, time::Duration};

use tokio::{net::TcpStream, task::JoinSet, time::timeout};

use super::Finding;
use crate::{
    config::Loaded,
    domain::{
        live::{DeviceState, Snapshot},
        site::Link,
    },
    service::{
        client::Requests,
        interface::{Request, Response},
        socket::client::{ConnectError, connect},
        status::status,
    },
};

/// How long somebody at an address may take to take a call.
const PATIENCE: Duration = Duration::from_secs(3);
/// Addresses that are tried at once.
const AT_ONCE: usize = 32;

/// Of the service and the connections.
pub(super) async fn look(dir: &Path, loaded: Option<&Loaded>) -> Vec<Finding> {
    const CHECK: &str = "service";
    match connect(dir).await {
        Ok(client) => through(&client.requests).await,
        Err(ConnectError::Nobody) => {
            let finding = Finding::warning(CHECK, format!("none answers in {}", dir.display()));
            let mut findings = vec![finding.with_to_do("systemctl start meterdeck, or `meterdeck poll`")];
            findings.extend(directly(loaded).await);
            findings
        }
        Err(ConnectError::NotPermitted) => {
            let finding = Finding::unknown(CHECK, "you may not ask it");
            vec![finding.with_to_do("members of the group of [access] viewers may, once they have logged in again")]
        }
        Err(error) => {
            vec![Finding::bad(CHECK, error.to_string()).with_to_do("restart it; use the same version everywhere")]
        }
    }
}

async fn through(requests: &Requests) -> Vec<Finding> {
    let status = match status(requests).await {
        Ok(status) => status,
        Err(error) => return vec![Finding::bad("service", error.message)],
    };
    let service = &status.service;
    let mut findings =
        vec![Finding::good("service", format!("meterdeck {}, process {}", service.program, service.process))];
    if let Some(fails) = status.queue.as_ref().and_then(|queue| queue.cannot_save.as_ref()) {
        let finding = Finding::bad("service", format!("it cannot save: {}", fails.reason));
        findings.push(
            finding.with_to_do("make room on the disk, or mend it; what waits is kept in memory for about an hour"),
        );
    }
    if let Some(jump) = status.dispatch.as_ref().and_then(|dispatch| dispatch.clock_jumped_ms) {
        let finding = Finding::warning("clock", format!("it jumped by {jump} ms while the service ran"));
        findings.push(finding.with_to_do("see to what sets the clock, then restart the service"));
    }
    match requests.ask(Request::Snapshot).await {
        Ok(Response::Snapshot { snapshot }) => findings.extend(connections(&snapshot)),
        Ok(_) => findings.push(Finding::bad("service", "it answers something else than was asked")),
        Err(error) => findings.push(Finding::bad("service", error.message)),
    }
    findings
}

fn connections(snapshot: &Snapshot) -> Vec<Finding> {
    const CHECK: &str = "connection";
    let of_connections = snapshot.connections.iter().map(|(name, live)| match &live.fault {
        Some(fault) if !live.connected => {
            Finding::bad(CHECK, format!("{name}: {fault}")).with_to_do(fault.kind.advice())
        }
        _ if live.connected => Finding::good(CHECK, format!("{name} stands")),
        _ => Finding::unknown(CHECK, format!("{name} is not set up now")),
    });
    let of_devices = snapshot.devices.iter().filter_map(|(id, live)| {
        let (_, fault) = live.last_fault.as_ref()?;
        let finding = || Finding::bad("device", format!("{id}: {fault}")).with_to_do(fault.kind.advice());
        matches!(live.state, DeviceState::Offline | DeviceState::Error).then(finding)
    });
    of_connections.chain(of_devices).collect()
}

async fn directly(loaded: Option<&Loaded>) -> Vec<Finding> {
    let devices = loaded.into_iter().flat_map(|loaded| loaded.site.devices.values());
    let mut addresses: BTreeSet<String> = devices
        .filter_map(|device| match &device.link {
            Link::ModbusTcp { address } | Link::ModbusRtuOverTcp { address } => Some(address.clone()),
            Link::ModbusRtu { .. } => None,
        })
        .collect();
    let (mut tries, mut findings) = (JoinSet::new(), Vec::new());
    loop {
        while tries.len() < AT_ONCE
            && let Some(address) = addresses.pop_first()
        {
            tries.spawn(call(address));
        }
        match tries.join_next().await {
            Some(Ok(finding)) => findings.push(finding),
            Some(Err(_)) => {}
            None => return findings,
        }
    }
}

async fn call(address: String) -> Finding {
    const CHECK: &str = "connection";
    let to_do = "see to address, cable and power; `meterdeck poll --once` says what each device answers";
    match timeout(PATIENCE, TcpStream::connect(&address)).await {
        Ok(Ok(_)) => Finding::good(CHECK, format!("somebody takes the call at {address}")),
        Ok(Err(error)) => Finding::bad(CHECK, format!("{address}: {error}")).with_to_do(to_do),
        Err(_) => {
            Finding::bad(CHECK, format!("{address} does not answer within {} s", PATIENCE.as_secs())).with_to_do(to_do)
        }
    }
}
