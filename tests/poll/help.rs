//! Sites on a simulator on loopback, read by a real service.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use meterdeck::{
    config::embedded_profiles,
    device::simulator::{Options, Rule, SimulatedDevice, Simulator},
    domain::{
        ids::{DeviceId, MeterId, ProfileId},
        live::{DeviceLive, MeterLive, Snapshot},
        quantity::Quantity,
        register::{Register, Reports},
        site::{Behaviour, Commodity, Device, Link, Maintenance, Meter, MeterPoint, MeterStatus, Site},
    },
    service::{
        self, Mode, Service,
        client::Client,
        interface::{LogLine, Request, Response},
        log::LogRing,
    },
};
use tokio::time::{Instant, sleep};

/// Nothing that should happen takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn device_id(id: &str) -> DeviceId {
    DeviceId::new(id).unwrap()
}

pub(crate) fn meter_id(id: &str) -> MeterId {
    MeterId::new(id).unwrap()
}

pub(crate) fn tcp(address: &str) -> Link {
    Link::ModbusTcp { address: address.to_owned() }
}

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

/// Adds a device of a profile, read five times a second, and its meter of the same id.
pub(crate) fn add(site: &mut Site, id: &str, link: Link, unit: u8, profile: &str) {
    let profile = ProfileId::new(profile).unwrap();
    let registers = site.profiles[&profile].registers.clone();
    let device = Device {
        id: device_id(id),
        link,
        unit,
        profile: Some(profile),
        every: Duration::from_millis(200),
        timeout: Duration::from_millis(300),
        registers: registers.clone(),
        behaviour: Behaviour {
            max_registers: 125,
            max_gap: 8,
            pause_after_connect: Duration::ZERO,
            pause_between: Duration::ZERO,
            single_connection: false,
            close_after_poll: false,
            busy_retries: 3,
        },
        tags: Vec::new(),
        control: None,
    };
    site.devices.insert(device.id.clone(), device);
    site.meters.insert(meter_id(id), meter(id, Some(device_id(id)), registers));
}

pub(crate) fn meter(id: &str, device: Option<DeviceId>, registers: Arc<[Register]>) -> Meter {
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
        device,
        registers,
        reports: Reports::Primary,
        fed_by: Vec::new(),
        commodity: Commodity::Electricity,
        external_meter_id: None,
        tags: Vec::new(),
        formula: None,
        cost_per_kwh: None,
        currency: None,
        rated_capacity_kw: None,
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

/// A site with one SDM630, `a`.
pub(crate) fn one(edit: impl FnOnce(&mut Device)) -> Site {
    let mut site = empty_site();
    add(&mut site, "a", tcp("10.0.0.1:502"), 1, "eastron-sdm630");
    edit(site.devices.get_mut(&device_id("a")).unwrap());
    site
}

/// A site that is served and read.
pub(crate) struct Rig {
    pub simulator: Simulator,
    pub service: Service,
    pub client: Client,
}

impl Rig {
    pub(crate) async fn start(site: &Site, rules: &[(&str, Rule)], mode: Mode) -> Self {
        let mut behaviours: BTreeMap<DeviceId, SimulatedDevice> = BTreeMap::new();
        for (id, rule) in rules {
            behaviours.entry(device_id(id)).or_default().rules.push(rule.clone());
        }
        let simulator = Simulator::start(site, &behaviours, Options::default()).await.unwrap();
        let service = service::start_as(simulator.site_on(site), LogRing::new(), mode);
        let client = service.client();
        Self { simulator, service, client }
    }

    pub(crate) fn set(&self, id: &str, rules: impl IntoIterator<Item = Rule>) {
        assert!(self.simulator.set(&device_id(id), rules));
    }

    pub(crate) async fn snapshot(&self) -> Snapshot {
        match self.client.requests.ask(Request::Snapshot).await.unwrap() {
            Response::Snapshot { snapshot } => *snapshot,
            other => panic!("{other:?}"),
        }
    }

    /// Waits until device and meter `id` are as wanted.
    pub(crate) async fn until(
        &self,
        id: &str,
        what: &str,
        is_so: impl Fn(&DeviceLive, &MeterLive) -> bool,
    ) -> (DeviceLive, MeterLive) {
        let started = Instant::now();
        loop {
            let mut snapshot = self.snapshot().await;
            let device = snapshot.devices.remove(&device_id(id)).unwrap();
            let meter = snapshot.meters.remove(&meter_id(id)).unwrap();
            if is_so(&device, &meter) {
                return (device, meter);
            }
            assert!(started.elapsed() < PATIENCE, "never: {what}\n{device:#?}\n{meter:#?}");
            sleep(Duration::from_millis(10)).await;
        }
    }

    pub(crate) async fn poll_once(&self) -> BTreeMap<MeterId, MeterLive> {
        match self.client.requests.ask(Request::PollOnce).await.unwrap() {
            Response::Polled { meters } => meters,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn log(&self) -> Vec<LogLine> {
        match self.client.requests.ask(Request::Log { after: 0 }).await.unwrap() {
            Response::Log { lines } => lines,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn stop(self) {
        self.service.stop().await;
        self.simulator.stop().await;
    }
}

/// Values of the device's registers that the meter has, and how many are good.
pub(crate) fn good(meter: &MeterLive) -> usize {
    meter.readings.values().filter(|reading| reading.value.is_some()).count()
}

pub(crate) fn kw(meter: &MeterLive) -> Option<f64> {
    meter.value(&Quantity::CurrentKw)
}
