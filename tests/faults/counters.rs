//! Rows of the fault matrix about registers that do other things than count: read from a device by a real service, kept in a
//! real store.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use meterdeck::{
    domain::{
        calendar::Span,
        quantity::Quantity,
        record::Entry,
        register::Register,
        site::{Link, Site},
    },
    service::{
        self, Service,
        client::Client,
        interface::{Request, Response},
        log::LogRing,
    },
    store::Store,
};
use rust_decimal::Decimal;
use tokio::time::{Instant, sleep};

use crate::{
    help::{add, device_id, empty_site, meter_id},
    server::{Act, Device, Frames},
};

/// Nothing that should happen takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A meter whose registers the test sets: energy in tenths of a kWh, and a serial number.
struct Rig {
    _folder: tempfile::TempDir,
    _device: Device,
    /// Energy in the upper half, serial number in the lower: no answer has half of a swap.
    registers: Arc<AtomicU64>,
    store: Store,
    service: Service,
    client: Client,
}

fn register(quantity: &str, address: u16, modulus: Option<f64>) -> Register {
    serde_json::from_value(serde_json::json!({ "quantity": quantity, "address": address, "function": "holding",
        "raw_type": "U32", "words": "big", "bytes": "big", "scale": if address == 0 { 0.1 } else { 1.0 }, "offset": 0.0,
        "unit": if address == 0 { "kWh" } else { "count" }, "encoding": "plain", "modulus": modulus }))
    .unwrap()
}

fn site(address: String) -> Site {
    let mut site = empty_site();
    add(&mut site, "a", Link::ModbusTcp { address }, 1, "eastron-sdm120");
    let registers: Arc<[Register]> =
        [register("kwh_lifetime", 0, Some(1_000_000.0)), register("serial_number", 2, None)].into();
    let device = site.devices.get_mut(&device_id("a")).unwrap();
    device.every = Duration::from_millis(100);
    device.registers = Arc::clone(&registers);
    let meter = site.meters.get_mut(&meter_id("a")).unwrap();
    meter.registers = registers;
    meter.rated_capacity_kw = Some(100.0);
    site
}

/// The serial number in the beginning.
const OLD: u32 = 4711;

fn both(tenths: u32, serial: u32) -> u64 {
    u64::from(tenths) << 32 | u64::from(serial)
}

impl Rig {
    async fn start(tenths: u32) -> Self {
        let registers = Arc::new(AtomicU64::new(both(tenths, OLD)));
        let held = Arc::clone(&registers);
        let device = Device::start(Frames::Mbap, move |asked| {
            let numbers = held.load(Ordering::SeqCst);
            let words = [48, 32, 16, 0].map(|shift| (numbers >> shift) as u16);
            let first = usize::from(asked.address);
            vec![Act::Send(asked.with(&words[first..first + usize::from(asked.count)]))]
        })
        .await;
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().to_owned();
        let (store, _) = tokio::task::spawn_blocking(move || Store::open(&dir)).await.unwrap().unwrap();
        let site = site(device.address.to_string());
        let service = service::start_with(site, LogRing::new(), service::Mode::Continuous, Some(store.clone()));
        let client = service.client();
        let rig = Self { _folder: folder, _device: device, registers, store, service, client };
        rig.is_read(tenths).await;
        // What is read before the recorder listens is not kept.
        while rig.kept().await.is_empty() {
            sleep(Duration::from_millis(20)).await;
        }
        rig
    }

    /// Waits until the register was read with this.
    async fn is_read(&self, tenths: u32) {
        let started = Instant::now();
        loop {
            let Response::Snapshot { snapshot } = self.client.requests.ask(Request::Snapshot).await.unwrap() else {
                panic!("no snapshot")
            };
            let read = snapshot.meters[&meter_id("a")].value(&Quantity::KwhLifetime);
            if read == Some(f64::from(tenths) / 10.0) {
                return;
            }
            assert!(started.elapsed() < PATIENCE, "never read: {tenths}");
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// The registers say this, for one poll at least.
    async fn set(&self, tenths: u32, serial: u32) {
        self.registers.store(both(tenths, serial), Ordering::SeqCst);
        self.is_read(tenths).await;
    }

    /// The register says these, each for one poll at least.
    async fn counts(&self, tenths: &[u32]) {
        for tenths in tenths {
            self.set(*tenths, OLD).await;
        }
    }

    /// What was counted in all, and what was noticed, the first first.
    async fn found(&self) -> (Decimal, Vec<&'static str>) {
        let span = Span { from: jiff::Timestamp::UNIX_EPOCH, to: jiff::Timestamp::MAX };
        let request = Request::Intervals { meter: meter_id("a"), span };
        let Response::Intervals { intervals } = self.client.requests.ask(request).await.unwrap() else {
            panic!("no intervals")
        };
        assert!(intervals.iter().all(|interval| !interval.consumed.is_sign_negative()));
        let store = self.store.clone();
        let incidents = tokio::task::spawn_blocking(move || store.incidents(&meter_id("a"), 10)).await.unwrap();
        let words = incidents.unwrap().iter().rev().map(|(_, incident)| incident.kind.word()).collect();
        (intervals.iter().map(|interval| interval.consumed).sum(), words)
    }

    /// The samples that were kept, whatever was thought of them, in tenths; each once.
    async fn kept(&self) -> Vec<i64> {
        let store = self.store.clone();
        let numbers = tokio::task::spawn_blocking(move || {
            let catalogue = store.catalogue();
            let Some(info) = catalogue.find(&meter_id("a"), &Quantity::KwhLifetime) else { return Vec::new() };
            let points = store.samples(info.key, 0, i64::MAX, 100_000).unwrap().points;
            points.iter().filter_map(|point| point.number).collect::<Vec<_>>()
        });
        let mut numbers = numbers.await.unwrap();
        numbers.dedup();
        numbers
    }

    async fn stop(self) {
        self.service.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f27_a_counter_that_falls_to_zero_for_a_poll_costs_nothing() {
    let rig = Rig::start(404_830).await;
    rig.counts(&[0, 404_830, 404_831, 404_832]).await;
    assert_eq!(rig.found().await, (Decimal::new(2, 1), vec!["SUSPECT"]));
    assert_eq!(rig.kept().await, [404_830, 0, 404_830, 404_831, 404_832], "the raw values are kept");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f28_a_true_reset_keeps_what_was_counted_before_and_after() {
    let rig = Rig::start(404_830).await;
    rig.counts(&[404_835, 3, 4, 9]).await;
    assert_eq!(rig.found().await, (Decimal::new(5 + 9, 1), vec!["RESET"]));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f29_a_rollover_is_counted_exactly() {
    let rig = Rig::start(9_999_990).await;
    rig.counts(&[9_999_998, 3, 7]).await;
    assert_eq!(rig.found().await, (Decimal::new(17, 1), vec!["ROLLED OVER"]));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f30_a_meter_with_another_serial_number_joins_nothing_to_the_old_one() {
    let rig = Rig::start(404_830).await;
    rig.counts(&[404_840]).await;
    rig.set(404_850, 815).await;
    rig.set(404_855, 815).await;
    let started = Instant::now();
    let record = loop {
        let Response::Records { records } =
            rig.client.requests.ask(Request::Records { meter: meter_id("a") }).await.unwrap()
        else {
            panic!("no records")
        };
        if let Some(record) = records.into_iter().next() {
            break record;
        }
        assert!(started.elapsed() < PATIENCE, "the swap is never recorded");
        sleep(Duration::from_millis(20)).await;
    };
    let Entry::Swap { serial_number, .. } = &record.entry else { panic!("{record:?}") };
    assert_eq!((serial_number.as_deref(), &*record.who), (Some("815"), "the device"));
    rig.set(404_860, 815).await;
    let (total, incidents) = rig.found().await;
    assert_eq!(incidents, ["DIFFERENT METER"]);
    // 1.0 kWh of the old one, and 0.5 and 0.5 of the new one; the 1.0 between the two is nobody's.
    assert_eq!(total, Decimal::new(20, 1));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f31_an_impossible_jump_is_in_no_total() {
    let rig = Rig::start(1_000).await;
    rig.counts(&[1_002, 151_002, 151_003, 151_005]).await;
    assert_eq!(rig.found().await, (Decimal::new(5, 1), vec!["IMPLAUSIBLE"]));
    assert_eq!(rig.kept().await, [1_000, 1_002, 151_002, 151_003, 151_005], "the raw values are kept");
    rig.stop().await;
}
