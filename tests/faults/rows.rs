//! Rows of the fault matrix that are about what arrives on the wire: a device in trouble beside a good one, read by a
//! real service. Rows F01 to F04, F08 to F10, F20 to F23, F25 and F26 are in `tests/poll/faults.rs`.

use std::{collections::BTreeMap, time::Duration};

use meterdeck::{
    device::simulator::{Behaviour, Options, SimulatedDevice, Simulator},
    domain::{
        fault::FaultKind,
        live::{DeviceLive, DeviceState, MeterLive, MeterState, Snapshot},
        quantity::Quantity,
        reading::State,
        register::Order,
        site::{Link, Site},
    },
    service::{self, Mode, interface::Request, interface::Response, log::LogRing},
};
use tokio::time::sleep;

use crate::help::{Rig, add, device_id, empty_site, meter_id, tcp};

const PROFILE: &str = "eastron-sdm120";

/// The device `a`, that will be in trouble, and `b` on a connection of its own.
fn site(link: Link) -> Site {
    let mut site = empty_site();
    add(&mut site, "a", link, 1, PROFILE);
    add(&mut site, "b", tcp("10.0.0.2:502"), 1, PROFILE);
    site
}

fn requests(snapshot: &Snapshot, id: &str) -> u64 {
    snapshot.devices[&device_id(id)].requests
}

/// Whether every value is one that the simulated meter can have: none is another register's or a part of one.
fn are_plausible(meter: &MeterLive) -> bool {
    let within =
        |quantity, low: f64, high: f64| meter.value(&quantity).is_none_or(|value| (low..=high).contains(&value));
    within(Quantity::Voltage, 180.0, 280.0)
        && within(Quantity::Frequency, 49.0, 51.0)
        && within(Quantity::PowerFactor, -1.0, 1.0)
}

/// Puts `a` in trouble after it was well. What the user must see: the fault's words, the last values with their time.
/// What must hold: the device beside it is read on time, no value is wrong, and `a` is back when the trouble ends.
async fn sees(link: Link, behaviour: Behaviour, words: &str) {
    let rig = Rig::start(&site(link), &[], Mode::Continuous).await;
    rig.until("b", "it is read", |_, meter| meter.state == MeterState::Ok).await;
    let (_, well) = rig.until("a", "it is read", |_, meter| meter.state == MeterState::Ok).await;
    rig.set("a", [behaviour.clone().into()]);
    let shown =
        |device: &DeviceLive| device.last_fault.as_ref().is_some_and(|(_, fault)| fault.to_string().starts_with(words));
    let (device, meter) = rig.until("a", words, |device, meter| shown(device) && meter.state != MeterState::Ok).await;
    assert!(matches!(device.state, DeviceState::Offline | DeviceState::Error), "{behaviour:?}: {device:#?}");
    assert!(meter.fault.as_ref().unwrap().to_string().starts_with(words), "{behaviour:?}: {meter:#?}");
    assert_eq!(meter.readings.len(), well.readings.len(), "{behaviour:?}: the last values stay");
    assert!(meter.readings.values().all(|reading| reading.at <= device.last_answer.unwrap()));
    let before = rig.snapshot().await;
    sleep(Duration::from_secs(1)).await;
    let after = rig.snapshot().await;
    let (asked, planned) =
        (requests(&after, "b") - requests(&before, "b"), 5 * after.devices[&device_id("b")].requests_per_poll);
    assert!(asked * 10 >= u64::from(planned) * 7, "{behaviour:?}: {asked} of {planned} requests beside it");
    let meter = &after.meters[&meter_id("a")];
    assert!(are_plausible(meter), "{behaviour:?}: {meter:#?}");
    rig.set("a", []);
    let (_, meter) = rig.until("a", "it is back", |device, _| device.state == DeviceState::Ok).await;
    assert!(meter.fault.is_none() && are_plausible(&meter), "{behaviour:?}: {meter:#?}");
    rig.stop().await;
}

/// The same where the user must see nothing: the poll is whole, once.
async fn sees_nothing(link: Link, behaviour: Behaviour) {
    let mut site = site(link);
    site.devices.values_mut().for_each(|device| device.timeout = Duration::from_secs(5));
    let rig = Rig::start(&site, &[("a", behaviour.clone().into())], Mode::OnRequest).await;
    for _ in 0..3 {
        let meter = rig.poll_once().await.remove(&meter_id("a")).unwrap();
        assert_eq!((meter.state, meter.fault.as_ref()), (MeterState::Ok, None), "{behaviour:?}");
        assert!(meter.readings.values().all(|reading| reading.state == State::Good) && are_plausible(&meter));
    }
    let snapshot = rig.snapshot().await;
    let device = &snapshot.devices[&device_id("a")];
    assert_eq!((device.state, device.faults.len(), device.notes.len()), (DeviceState::Ok, 0, 0), "{device:#?}");
    assert_eq!(device.requests, 3 * u64::from(device.requests_per_poll));
    assert!(snapshot.connections.values().all(|connection| connection.connects == 1));
    rig.stop().await;
}

fn mbap() -> Link {
    tcp("10.0.0.1:502")
}

fn rtu() -> Link {
    Link::ModbusRtuOverTcp { address: "10.0.0.1:502".to_owned() }
}

#[tokio::test(flavor = "multi_thread")]
async fn f05_wrong_transaction_ids_are_refused_by_default() {
    sees(mbap(), Behaviour::WrongTransaction(1), "GATEWAY RETURNS WRONG IDs sent ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f06_an_answer_from_another_unit_is_stored_for_neither() {
    for link in [mbap(), rtu()] {
        sees(link, Behaviour::WrongUnit(6), "ANSWER FROM ANOTHER UNIT asked unit 1, answer from unit 6").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f07_an_answer_to_another_function_is_no_answer() {
    sees(mbap(), Behaviour::WrongFunction(3), "BAD REPLY asked function 4, answered function 3").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f11_an_answer_in_single_bytes_is_an_answer() {
    for link in [mbap(), rtu()] {
        sees_nothing(link, Behaviour::Split(Duration::from_millis(1))).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f12_an_answer_that_comes_twice_is_stored_once() {
    for link in [mbap(), rtu()] {
        sees_nothing(link, Behaviour::Doubled).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f13_a_cut_off_answer_is_told_and_not_stored() {
    sees(mbap(), Behaviour::CutOff(9), "CUT OFF after 9 bytes of an answer").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f14_an_answer_that_stalls_is_no_answer() {
    sees(mbap(), Behaviour::Stalls(9), "NO ANSWER but 9 of ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f15_an_answer_of_another_length_is_not_stored() {
    for behaviour in [Behaviour::Short(1), Behaviour::Long(1), Behaviour::LyingByteCount(3)] {
        sees(mbap(), behaviour, "WRONG LENGTH ").await;
    }
    sees(rtu(), Behaviour::Short(1), "WRONG LENGTH ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f16_what_is_no_modbus_is_told() {
    sees(mbap(), Behaviour::Garbage(4096), "NOT MODBUS ").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f17_a_reset_is_told_from_a_refusal() {
    sees(mbap(), Behaviour::Reset, "RESET").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f19_a_slot_that_another_client_holds_is_told_and_taken_when_it_is_free() {
    for behaviour in [Behaviour::SingleConnection, Behaviour::SingleConnectionReset] {
        let mut site = site(mbap());
        site.devices.get_mut(&device_id("a")).unwrap().behaviour.single_connection = true;
        let simulated = [(device_id("a"), SimulatedDevice::from(behaviour))].into();
        let simulator = Simulator::start(&site, &simulated, Options::default()).await.unwrap();
        let site = simulator.site_on(&site);
        let holder = tokio::net::TcpStream::connect(site.devices[&device_id("a")].link.name()).await.unwrap();
        sleep(Duration::from_millis(50)).await;
        let service = service::start_as(site, LogRing::new(), Mode::Continuous);
        let client = service.client();
        let rig = Rig { simulator, service, client };
        let held = |device: &DeviceLive| {
            device.last_fault.as_ref().is_some_and(|(_, fault)| fault.kind == FaultKind::SlotTaken)
        };
        let (_, meter) = rig.until("a", "it is held", |device, _| held(device)).await;
        assert_eq!(meter.state, MeterState::Offline);
        let words = meter.fault.unwrap().to_string();
        assert!(words.starts_with("ANOTHER CLIENT HOLDS THE DEVICE"), "{words}");
        rig.until("b", "it is read", |_, meter| meter.state == MeterState::Ok).await;
        drop(holder);
        rig.until("a", "it is free", |device, _| device.state == DeviceState::Ok).await;
        rig.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f24_values_in_the_wrong_word_order_are_never_good() {
    let right = site(mbap());
    let simulator = Simulator::start(&right, &BTreeMap::default(), Options::default()).await.unwrap();
    let mut wrong = simulator.site_on(&right);
    let swapped = |registers: &[meterdeck::domain::register::Register]| {
        let swap = |register: &meterdeck::domain::register::Register| meterdeck::domain::register::Register {
            words: Order::Little,
            ..register.clone()
        };
        registers.iter().map(swap).collect()
    };
    let device = wrong.devices.get_mut(&device_id("a")).unwrap();
    device.registers = swapped(&device.registers);
    let meter = wrong.meters.get_mut(&meter_id("a")).unwrap();
    meter.registers = swapped(&meter.registers);
    let service = service::start_as(wrong, LogRing::new(), Mode::OnRequest);
    let client = service.client();
    let Response::Polled { meters } = client.requests.ask(Request::PollOnce).await.unwrap() else { panic!() };
    let (wrong, right) = (&meters[&meter_id("a")], &meters[&meter_id("b")]);
    assert_eq!((right.state, right.fault.as_ref()), (MeterState::Ok, None));
    assert_eq!(wrong.state, MeterState::Error, "{wrong:#?}");
    assert_eq!(wrong.fault.as_ref().unwrap().kind, FaultKind::Implausible);
    assert_ne!(wrong.readings.get(&Quantity::Frequency).unwrap().state, State::Good, "{wrong:#?}");
    service.stop().await;
    simulator.stop().await;
}
