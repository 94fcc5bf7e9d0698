//! Sites of a few devices, and a client that sends and shows plain bytes.

use std::{collections::BTreeMap, time::Duration};

use meterdeck::{
    config::embedded_profiles,
    device::simulator::{
        Clock, Options, Rule, SimulatedDevice, Simulator,
        frame::{Framing, crc16, frame},
    },
    domain::{
        ids::{DeviceId, MeterId, ProfileId},
        register::{Register, Reports},
        site::{Behaviour, Commodity, Device, Link, Maintenance, Meter, MeterPoint, MeterStatus, Site},
    },
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// Nothing more comes after this silence.
pub(crate) const SILENCE: Duration = Duration::from_millis(150);

pub(crate) fn device_id(id: &str) -> DeviceId {
    DeviceId::new(id).unwrap()
}

pub(crate) fn meter_id(id: &str) -> MeterId {
    MeterId::new(id).unwrap()
}

pub(crate) fn tcp(address: &str) -> Link {
    Link::ModbusTcp { address: address.to_owned() }
}

/// A site without anything.
pub(crate) fn empty_site() -> Site {
    Site {
        name: "Test".to_owned(),
        time_zone: "Europe/Amsterdam".to_owned(),
        currency: "EUR".to_owned(),
        cost_per_kwh: None,
        data_dir: "unused".into(),
        keep_samples: Duration::from_hours(24),
        demand_interval: Duration::from_mins(15),
        access: None,
        places: BTreeMap::new(),
        devices: BTreeMap::new(),
        meters: BTreeMap::new(),
        profiles: embedded_profiles().clone(),
        accounts: BTreeMap::new(),
        customer_sites: BTreeMap::new(),
        submeters: BTreeMap::new(),
        programmes: BTreeMap::new(),
        duplicates_measured: None,
    }
}

/// Adds a device of a profile, and its meter of the same id.
pub(crate) fn add(site: &mut Site, id: &str, link: Link, unit: u8, profile: &str) {
    let profile_id = ProfileId::new(profile).unwrap();
    let registers: std::sync::Arc<[Register]> =
        site.profiles.get(&profile_id).unwrap_or_else(|| panic!("no profile {profile}")).registers.clone();
    let device = Device {
        id: device_id(id),
        link,
        unit,
        profile: Some(profile_id),
        every: Duration::from_secs(1),
        timeout: Duration::from_millis(200),
        registers: registers.clone(),
        behaviour: Behaviour {
            max_registers: 125,
            max_gap: 8,
            pause_after_connect: Duration::ZERO,
            pause_between: Duration::ZERO,
            single_connection: true,
            close_after_poll: false,
            busy_retries: 3,
        },
        tags: Vec::new(),
        control: None,
    };
    site.devices.insert(device.id.clone(), device);
    site.meters.insert(meter_id(id), meter(id, registers));
}

fn meter(id: &str, registers: std::sync::Arc<[Register]>) -> Meter {
    Meter {
        id: meter_id(id),
        name: id.to_uppercase(),
        meter_name: None,
        meter_point: MeterPoint::RoomPanelBoard,
        status: MeterStatus::Active,
        description: None,
        place: None,
        panel_board_ref: None,
        feed_path: None,
        manufacturer: None,
        model: None,
        serial_number: None,
        meter_type: None,
        accuracy_class: None,
        ct_ratio: None,
        pt_ratio: None,
        protocol: None,
        ip_address: None,
        device: Some(device_id(id)),
        registers,
        reports: Reports::Primary,
        fed_by: Vec::new(),
        commodity: Commodity::Electricity,
        external_meter_id: None,
        tags: Vec::new(),
        formula: None,
        cost_per_kwh: None,
        currency: None,
        rated_capacity_kw: Some(40.0),
        rated_capacity_amps: None,
        warning_threshold_percent: None,
        critical_threshold_percent: None,
        voltage_high_threshold: None,
        voltage_low_threshold: None,
        power_factor_min_threshold: None,
        phase_imbalance_max_percent: None,
        maintenance: Maintenance::default(),
        utility_meter: Vec::new(),
    }
}

/// One SDM630 as unit 5 at an address of its own.
pub(crate) fn one_device() -> Site {
    let mut site = empty_site();
    add(&mut site, "a", tcp("10.0.0.1:502"), 5, "eastron-sdm630");
    site
}

/// A moment on a Wednesday afternoon.
pub(crate) fn noon() -> jiff::Timestamp {
    "2026-06-03T12:00:00Z".parse().unwrap()
}

pub(crate) fn standing() -> Options {
    Options { seed: 7, clock: Clock::standing_at(noon()) }
}

/// `one_device` with these rules, and a client of it.
pub(crate) async fn misbehaving(rules: Vec<Rule>) -> (Simulator, Client<TcpStream>) {
    let site = one_device();
    let behaviours = [(device_id("a"), SimulatedDevice { rules, ..SimulatedDevice::default() })].into();
    let simulator = Simulator::start(&site, &behaviours, standing()).await.unwrap();
    let client = Client::of(&simulator, &site, "a").await;
    (simulator, client)
}

/// Speaks bytes.
pub(crate) struct Client<S> {
    pub(crate) stream: S,
    framing: Framing,
    transaction: u16,
}

impl Client<TcpStream> {
    /// Connects to where a device is really served.
    pub(crate) async fn of(simulator: &Simulator, site: &Site, device: &str) -> Self {
        let real = simulator.site_on(site);
        let (address, framing) = match &real.devices[&device_id(device)].link {
            Link::ModbusTcp { address } => (address.clone(), Framing::Mbap),
            Link::ModbusRtuOverTcp { address } => (address.clone(), Framing::Rtu),
            Link::ModbusRtu { .. } => panic!("a serial line"),
        };
        Self::on(TcpStream::connect(address).await.unwrap(), framing)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(crate) fn on(stream: S, framing: Framing) -> Self {
        Self { stream, framing, transaction: 0x1200 }
    }

    /// Sends a request with any content.
    pub(crate) async fn send(&mut self, unit: u8, pdu: &[u8]) {
        self.transaction += 1;
        self.stream.write_all(&frame(self.framing, self.transaction, unit, pdu)).await.unwrap();
    }

    /// Sends a read.
    pub(crate) async fn send_read(&mut self, unit: u8, function: u8, address: u16, count: u16) {
        let pdu = [&[function][..], &address.to_be_bytes(), &count.to_be_bytes()].concat();
        self.send(unit, &pdu).await;
    }

    /// All bytes until nothing comes for a while, and whether the connection was closed (`Some(false)`) or reset (`Some(true)`).
    pub(crate) async fn rest(&mut self, silence: Duration) -> (Vec<u8>, Option<bool>) {
        let mut bytes = Vec::new();
        loop {
            match timeout(silence, self.stream.read_buf(&mut bytes)).await {
                Err(_) => return (bytes, None),
                Ok(Ok(0)) => return (bytes, Some(false)),
                Ok(Err(_)) => return (bytes, Some(true)),
                Ok(Ok(_)) => {}
            }
        }
    }

    /// A read, checked in every byte: the words (of bits: the bytes), or the exception.
    pub(crate) async fn read(&mut self, unit: u8, function: u8, address: u16, count: u16) -> Result<Vec<u16>, u8> {
        let pdu = [&[function][..], &address.to_be_bytes(), &count.to_be_bytes()].concat();
        let answer = self.exchange(unit, &pdu).await;
        if answer[0] == function | 0x80 {
            return Err(answer[1]);
        }
        assert_eq!((answer[0], usize::from(answer[1])), (function, answer.len() - 2), "function and byte count");
        Ok(answer[2..].chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)])).collect())
    }

    /// Sends a request and takes one whole answer to it.
    pub(crate) async fn exchange(&mut self, unit: u8, pdu: &[u8]) -> Vec<u8> {
        self.send(unit, pdu).await;
        match self.framing {
            Framing::Mbap => {
                let mut head = [0; 7];
                self.exact(&mut head).await;
                assert_eq!(head[..2], self.transaction.to_be_bytes(), "transaction");
                assert_eq!((head[2], head[3], head[6]), (0, 0, unit), "protocol and unit");
                let mut body = vec![0; usize::from(u16::from_be_bytes([head[4], head[5]])) - 1];
                self.exact(&mut body).await;
                body
            }
            Framing::Rtu => {
                let mut head = [0; 3];
                self.exact(&mut head).await;
                assert_eq!(head[0], unit, "unit");
                let more = if head[1] & 0x80 == 0 { usize::from(head[2]) + 2 } else { 2 };
                let mut rest = vec![0; more];
                self.exact(&mut rest).await;
                let whole = [&head[..], &rest].concat();
                let (body, check) = whole.split_at(whole.len() - 2);
                assert_eq!(crc16(body).to_le_bytes(), check, "checksum");
                body[1..].to_vec()
            }
        }
    }

    async fn exact(&mut self, bytes: &mut [u8]) {
        timeout(Duration::from_secs(5), self.stream.read_exact(bytes)).await.expect("an answer in time").unwrap();
    }
}
