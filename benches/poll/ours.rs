//! The whole poll path: a service on a site whose devices are the server's.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use meterdeck::{
    domain::{
        ids::{DeviceId, MeterId},
        quantity::Quantity,
        register::{Encoding, Function, Order, RawType, Register, Reports},
        site::{Behaviour, Commodity, Device, Link, Maintenance, Meter, MeterPoint, MeterStatus, Site},
        unit::Unit,
    },
    service::{
        self,
        interface::{Request, Response},
        log::LogRing,
    },
};
use tokio::time::{Instant, sleep, sleep_until};

/// What is asked of each device: floats from these addresses on.
pub(crate) struct Load {
    /// First address and number of floats of each request.
    pub requests: Vec<(u16, u16)>,
    /// Units behind each port.
    pub units: u8,
    /// Interval.
    pub every: Duration,
}

/// Reads the devices at `ports` for `seconds` after `warm` seconds; the requests of that time.
pub(crate) async fn run(ports: &[u16], load: &Load, warm: f64, seconds: f64) -> u64 {
    let service = service::start(site(ports, load), LogRing::new());
    let client = service.client();
    let requests = client.requests;
    let started = Instant::now();
    sleep_until(started + Duration::from_secs_f64(warm)).await;
    let before = count(&requests).await;
    println!("{}", super::process::usage().cpu_us);
    sleep(Duration::from_secs_f64(seconds)).await;
    let after = count(&requests).await;
    after - before
}

async fn count(requests: &service::client::Requests) -> u64 {
    match requests.ask(Request::Snapshot).await.unwrap() {
        Response::Snapshot { snapshot } => snapshot.devices.values().map(|device| device.requests).sum(),
        other => panic!("{other:?}"),
    }
}

fn site(ports: &[u16], load: &Load) -> Site {
    let registers = registers(load);
    let mut site = Site {
        name: "Bench".to_owned(),
        time_zone: "UTC".to_owned(),
        currency: "EUR".to_owned(),
        cost_per_kwh: None,
        data_dir: "unused".into(),
        keep_samples: Duration::ZERO,
        demand_interval: Duration::from_mins(15),
        access: None,
        places: BTreeMap::new(),
        devices: BTreeMap::new(),
        meters: BTreeMap::new(),
        profiles: BTreeMap::new(),
        accounts: BTreeMap::new(),
        customer_sites: BTreeMap::new(),
        submeters: BTreeMap::new(),
        programmes: BTreeMap::new(),
        duplicates_measured: None,
    };
    for port in ports {
        for unit in 1..=load.units {
            let device = device(*port, unit, load, &registers);
            let meter = meter(&device);
            site.meters.insert(meter.id.clone(), meter);
            site.devices.insert(device.id.clone(), device);
        }
    }
    site
}

/// One float for each quantity that a meter can have, in the order of the requests.
fn registers(load: &Load) -> Arc<[Register]> {
    let electrical = |quantity: &&Quantity| {
        quantity.is_readable() && !matches!(quantity, Quantity::PowerFactor | Quantity::CurrentKva | Quantity::State)
    };
    let extra = (0..40).map(|number| Quantity::parse(&format!("x_{number}")).unwrap());
    let quantities = Quantity::ALL.iter().filter(electrical).cloned().chain(extra);
    let addresses = load.requests.iter().flat_map(|(first, floats)| (0..*floats).map(move |index| first + index * 2));
    let register = |(quantity, address): (Quantity, u16)| Register {
        unit: quantity.unit().unwrap_or(Unit::Count),
        quantity,
        address,
        function: Function::Input,
        raw_type: RawType::F32,
        words: Order::Big,
        bytes: Order::Big,
        scale: 1.0,
        offset: 0.0,
        scale_register: None,
        invalid: None,
        min: None,
        max: None,
        modulus: None,
        encoding: Encoding::Plain,
    };
    quantities.zip(addresses).map(register).collect()
}

fn device(port: u16, unit: u8, load: &Load, registers: &Arc<[Register]>) -> Device {
    Device {
        id: DeviceId::new(&format!("d{port}-{unit}")).unwrap(),
        link: Link::ModbusTcp { address: format!("127.0.0.1:{port}") },
        unit,
        profile: None,
        every: load.every,
        timeout: Duration::from_secs(1),
        registers: Arc::clone(registers),
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
    }
}

fn meter(device: &Device) -> Meter {
    Meter {
        id: MeterId::new(device.id.as_str()).unwrap(),
        name: device.id.to_string(),
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
        device: Some(device.id.clone()),
        registers: Arc::clone(&device.registers),
        reports: Reports::Primary,
        fed_by: Vec::new(),
        commodity: Commodity::Electricity,
        external_meter_id: None,
        tags: Vec::new(),
        formula: None,
        cost_per_kwh: None,
        currency: None,
        rated_capacity_kw: Some(500.0),
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
