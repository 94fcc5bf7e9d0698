use std::sync::{
    Mutex,
    atomic::{AtomicU32, Ordering},
};

use tokio::time::{Instant, advance};

use super::*;
use crate::{
    device::bus::{Answer, Read, Write},
    domain::{
        fault::{Fault, FaultKind},
        live::DeviceState,
        quantity::Quantity,
        register::{Encoding, Function, Order, RawType, Register},
        site::{Behaviour, Device},
        unit::Unit,
    },
};

/// What a bus in memory does with its requests, by number.
#[derive(Debug, Default)]
struct Script {
    requests: AtomicU32,
    connects: AtomicU32,
    panics_at: Option<u32>,
    /// Closes each connection before it answers anything.
    closes: bool,
    log: Mutex<Vec<(Instant, Read)>>,
}

#[derive(Debug)]
struct Memory {
    script: Arc<Script>,
    connected: bool,
}

impl Bus for Memory {
    async fn connect(&mut self, _: Duration) -> Result<(), Fault> {
        if !self.connected {
            self.script.connects.fetch_add(1, Ordering::Relaxed);
            self.connected = true;
        }
        Ok(())
    }

    async fn transact(&mut self, _: u8, read: Read, _: Duration) -> Result<Answer, Fault> {
        let number = self.script.requests.fetch_add(1, Ordering::Relaxed);
        self.script.log.lock().unwrap().push((Instant::now(), read));
        assert!(self.script.panics_at != Some(number), "a bug");
        if self.script.closes {
            self.connected = false;
            return Err(Fault::new(FaultKind::Closed, ""));
        }
        sleep(Duration::from_millis(5)).await;
        Ok(Answer::Registers(vec![0x1234; usize::from(read.count)]))
    }

    async fn write(&mut self, _: u8, write: &Write, _: Duration) -> Result<(), Fault> {
        panic!("a poll writes {write:?}")
    }

    fn is_connected(&self) -> bool {
        self.connected
    }

    async fn close(&mut self) {
        self.connected = false;
    }
}

fn site(units: u8, edit: impl Fn(&mut Device)) -> Arc<Site> {
    let register = Register {
        quantity: Quantity::Voltage,
        address: 10,
        function: Function::Holding,
        raw_type: RawType::U16,
        words: Order::Big,
        bytes: Order::Big,
        scale: 0.1,
        offset: 0.0,
        scale_register: None,
        invalid: None,
        unit: Unit::Volt,
        min: None,
        max: None,
        modulus: None,
        encoding: Encoding::Plain,
    };
    let devices = (1..=units).map(|unit| {
        let mut device = Device {
            id: DeviceId::new(&format!("d{unit}")).unwrap(),
            link: Link::ModbusTcp { address: "memory".to_owned() },
            unit,
            profile: None,
            every: Duration::from_secs(1),
            timeout: Duration::from_secs(1),
            registers: Arc::from([register.clone()]),
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
        edit(&mut device);
        (device.id.clone(), device)
    });
    Arc::new(Site {
        name: "Test".to_owned(),
        time_zone: "UTC".to_owned(),
        currency: "EUR".to_owned(),
        cost_per_kwh: None,
        data_dir: "unused".into(),
        keep_samples: Duration::ZERO,
        demand_interval: Duration::from_mins(15),
        access: None,
        places: BTreeMap::new(),
        devices: devices.collect(),
        meters: BTreeMap::new(),
        profiles: BTreeMap::new(),
        accounts: BTreeMap::new(),
        customer_sites: BTreeMap::new(),
        submeters: BTreeMap::new(),
        programmes: BTreeMap::new(),
        duplicates_measured: None,
    })
}

/// Runs one worker over `script`.
fn start(site: &Arc<Site>, script: &Arc<Script>) -> (Arc<Hub>, CancellationToken) {
    let devices: Vec<DeviceId> = site.devices.keys().cloned().collect();
    let hub = Arc::new(Hub::new(site, &[("memory".to_owned(), devices.clone())]));
    let setup = Setup {
        site: Arc::clone(site),
        hub: Arc::clone(&hub),
        name: "memory".to_owned(),
        place: 0,
        devices,
        mode: Mode::Continuous,
        clock: Clock::start(),
    };
    let (sender, commands) = mpsc::channel(1);
    let (stop, script) = (CancellationToken::new(), Arc::clone(script));
    let (lane, jobs) = mpsc::channel(1);
    let jobs = Arc::new(tokio::sync::Mutex::new(jobs));
    let bus = move || Lane::new(Memory { script: Arc::clone(&script), connected: false }, Arc::clone(&jobs));
    let task = keep_running(setup, bus, commands, stop.clone());
    tokio::spawn(async move {
        let _senders = (sender, lane);
        task.await;
    });
    (hub, stop)
}

/// Lets so much virtual time pass, in small steps.
async fn pass(time: Duration) {
    let end = Instant::now() + time;
    while Instant::now() < end {
        advance(Duration::from_millis(5)).await;
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_ends_nothing_but_a_moment() {
    let script = Arc::new(Script { panics_at: Some(3), ..Script::default() });
    let site = site(1, |_| ());
    let (hub, stop) = start(&site, &script);
    pass(Duration::from_secs(10)).await;
    stop.cancel();
    let requests = script.requests.load(Ordering::Relaxed);
    assert!((8..=11).contains(&requests), "{requests} requests");
    assert_eq!(hub.snapshot().devices.values().next().unwrap().state, DeviceState::Ok);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_closed_at_once_is_not_stormed() {
    let script = Arc::new(Script { closes: true, ..Script::default() });
    let site = site(20, |_| ());
    let (hub, stop) = start(&site, &script);
    pass(Duration::from_secs(10)).await;
    stop.cancel();
    let connects = script.connects.load(Ordering::Relaxed);
    assert!((3..=6).contains(&connects), "{connects} connects in 10 s");
    assert!(hub.snapshot().devices.values().all(|device| device.state == DeviceState::Offline));
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_given_back_between_slots_where_that_is_wanted() {
    let script = Arc::new(Script::default());
    let site = site(3, |device| device.behaviour.close_after_poll = true);
    let (hub, stop) = start(&site, &script);
    pass(Duration::from_millis(5_500)).await;
    stop.cancel();
    let (connects, requests) = (script.connects.load(Ordering::Relaxed), script.requests.load(Ordering::Relaxed));
    assert!((5..=7).contains(&connects), "{connects} connects");
    assert!((15..=21).contains(&requests), "{requests} requests");
    assert!(!hub.snapshot().connections.values().next().unwrap().connected);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_woken_where_nobody_listens_and_readers_see_whole_steps() {
    let site = site(2, |_| ());
    let script = Arc::new(Script::default());
    let (hub, stop) = start(&site, &script);
    pass(Duration::from_secs(2)).await;
    let all = hub.changes_since(0);
    assert_eq!((all.snapshot.devices.len(), all.snapshot.connections.len()), (2, 1));
    assert!(hub.changes_since(all.version).is_empty());
    let mut subscription = hub.subscribe();
    subscription.borrow_and_update();
    pass(Duration::from_secs(1)).await;
    assert!(subscription.has_changed().unwrap());
    let next = hub.changes_since(all.version);
    assert!(!next.is_empty() && next.version > all.version);
    stop.cancel();
}
