//! Simulated devices on loopback: plausible load, and every way to misbehave.
//!
//! [`script`] → [`behaviour`]; [`calendar`] → [`load`] → [`plant`] → [`electrical`] → [`image`] → [`unit`] → [`port`],
//! with [`frame`] around what is sent. Everything up to [`image`] is a pure function of seed, site and time.

use std::{collections::BTreeMap, fmt, io, net::SocketAddr, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::domain::{
    ids::{DeviceId, MeterId},
    site::{Device, Link, Site},
};

pub mod behaviour;
pub mod calendar;
pub mod control;
pub mod electrical;
pub mod frame;
pub mod image;
pub mod load;
pub mod plant;
pub mod port;
pub mod script;
pub mod unit;

mod line;

pub use behaviour::{Behaviour, Rule, SimulatedDevice};
pub use electrical::Electrical;
use image::Image;
use plant::Plant;
use port::Port;
use unit::Unit;

/// How long tasks may take to end.
const STOP_LIMIT: Duration = Duration::from_secs(2);

/// What time the simulated devices have.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// A clock of one's own: the system's, one that stands still, one that a test moves.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// A clock that stands still.
    pub fn standing_at(at: Timestamp) -> Self {
        Self::new(move || at)
    }

    /// Whole seconds since the simulated epoch: devices renew their registers once a second.
    pub fn second(&self) -> i64 {
        (self.0)().as_second() - calendar::EPOCH_SECONDS
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new(Timestamp::now)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Clock")
    }
}

/// How to simulate. The default is the system's clock and seed 0.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Another seed, other loads.
    pub seed: u64,
    /// What time it is.
    pub clock: Clock,
}

/// Why a simulator cannot start.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// A port cannot be listened on.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address.
        address: String,
        /// Why.
        error: io::Error,
    },
    /// A serial line cannot be opened.
    #[error("cannot open the serial line {path}: {error}")]
    Serial {
        /// The device file.
        path: String,
        /// Why.
        error: io::Error,
    },
}

/// The devices of a site, served on loopback until it is stopped or dropped.
#[derive(Debug)]
pub struct Simulator {
    addresses: BTreeMap<Link, Link>,
    units: BTreeMap<DeviceId, Arc<Unit>>,
    ports: BTreeMap<Link, Arc<Port>>,
    links: BTreeMap<DeviceId, Link>,
    plant: Arc<Plant>,
    clock: Clock,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Simulator {
    /// Serves every device of a site: a listener for each distinct link. Addresses on loopback are taken as written; any
    /// other gets a free port (and a serial line that does not exist a pseudo-terminal): see [`addresses`](Self::addresses).
    ///
    /// # Errors
    /// A port or serial line that cannot be had.
    pub async fn start(
        site: &Site,
        behaviours: &BTreeMap<DeviceId, SimulatedDevice>,
        options: Options,
    ) -> Result<Self, SimulateError> {
        let mut simulator = Self {
            addresses: BTreeMap::new(),
            units: BTreeMap::new(),
            ports: BTreeMap::new(),
            links: site.devices.values().map(|device| (device.id.clone(), device.link.clone())).collect(),
            plant: Arc::new(Plant::new(site, behaviours, options.seed)),
            clock: options.clock,
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        };
        let mut on_link: BTreeMap<&Link, Vec<&Device>> = BTreeMap::new();
        for device in site.devices.values() {
            on_link.entry(&device.link).or_default().push(device);
        }
        for (link, devices) in on_link {
            simulator.serve(site, link, &devices, behaviours).await?;
        }
        Ok(simulator)
    }

    /// Where each link of the site is really served.
    pub fn addresses(&self) -> &BTreeMap<Link, Link> {
        &self.addresses
    }

    /// The site with the addresses at which it is served.
    pub fn site_on(&self, site: &Site) -> Site {
        let mut site = site.clone();
        for device in site.devices.values_mut() {
            if let Some(real) = self.addresses.get(&device.link) {
                device.link = real.clone();
            }
        }
        site
    }

    /// Gives a device other behaviours from now on; none: health. False where there is no such device.
    pub fn set(&self, device: &DeviceId, rules: impl IntoIterator<Item = Rule>) -> bool {
        let Some(unit) = self.units.get(device) else { return false };
        unit.set_rules(rules.into_iter().collect(), self.clock.second());
        if let Some(port) = self.links.get(device).and_then(|link| self.ports.get(link)) {
            port.ask_units_again();
        }
        true
    }

    /// The control point of a device that has one.
    pub fn control(&self, device: &DeviceId) -> Option<&control::Bank> {
        self.units.get(device)?.bank()
    }

    /// What a meter sees at a time (in whole seconds); `None`: there is no such meter, or it is virtual.
    pub fn electrical(&self, meter: &MeterId, at: Timestamp) -> Option<Electrical> {
        let point = self.plant.point_of_meter(meter)?;
        self.plant.electrical(point, at.as_second() - calendar::EPOCH_SECONDS)
    }

    /// Ends all tasks and gives the ports back.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        let _ = tokio::time::timeout(STOP_LIMIT, self.tasks.wait()).await;
    }

    async fn serve(
        &mut self,
        site: &Site,
        link: &Link,
        devices: &[&Device],
        behaviours: &BTreeMap<DeviceId, SimulatedDevice>,
    ) -> Result<(), SimulateError> {
        let mut units: BTreeMap<u8, Arc<Unit>> = BTreeMap::new();
        for device in devices {
            let rules = behaviours.get(&device.id).map(|behaves| behaves.rules.clone()).unwrap_or_default();
            let image = Image::new(site, device, &self.plant);
            let bank = control::Bank::of(device);
            let unit = Arc::new(Unit::new(image, bank, rules, self.clock.second()));
            self.units.insert(device.id.clone(), Arc::clone(&unit));
            units.entry(device.unit).or_insert(unit);
        }
        let framing = if matches!(link, Link::ModbusTcp { .. }) { frame::Framing::Mbap } else { frame::Framing::Rtu };
        let port = Port::new(framing, units, Arc::clone(&self.plant), self.clock.clone(), self.stop.clone());
        let port = Arc::new(port);
        self.ports.insert(link.clone(), Arc::clone(&port));
        let real = match link {
            Link::ModbusTcp { address } => Link::ModbusTcp { address: self.listen(port, address).await? },
            Link::ModbusRtuOverTcp { address } => Link::ModbusRtuOverTcp { address: self.listen(port, address).await? },
            Link::ModbusRtu { serial, baud, parity, stop_bits } => {
                let own_end = devices.iter().find_map(|device| behaviours.get(&device.id)?.serial.clone());
                let (opened, seen) = line::open(serial, own_end, *baud, *parity, *stop_bits)?;
                self.tasks.spawn(port.serve_line(opened));
                Link::ModbusRtu { serial: seen, baud: *baud, parity: *parity, stop_bits: *stop_bits }
            }
        };
        self.addresses.insert(link.clone(), real);
        Ok(())
    }

    /// Listens for a link's address, and says at which it really does.
    async fn listen(&self, port: Arc<Port>, address: &str) -> Result<String, SimulateError> {
        let wanted = if is_loopback(address) { address } else { "127.0.0.1:0" };
        let failed = |error| SimulateError::Listen { address: wanted.to_owned(), error };
        let listener = TcpListener::bind(wanted).await.map_err(failed)?;
        let real = listener.local_addr().map_err(failed)?;
        self.tasks.spawn(port.listen(listener, self.tasks.clone()));
        Ok(if wanted.ends_with(":0") || !is_loopback(address) { real.to_string() } else { address.to_owned() })
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Whether an address of the site file is on this machine and may be taken as written.
fn is_loopback(address: &str) -> bool {
    match address.parse::<SocketAddr>() {
        Ok(address) => address.ip().is_loopback(),
        Err(_) => address.rsplit_once(':').is_some_and(|(host, _)| host.eq_ignore_ascii_case("localhost")),
    }
}
