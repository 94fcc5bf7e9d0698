//! Rows of the fault matrix, as a client of the service sees them.

use std::time::Duration;

use meterdeck::{
    device::simulator::{Behaviour, Rule},
    domain::{
        fault::FaultKind,
        live::{DeviceState, MeterState},
        quantity::Quantity,
        reading::State,
        site::Link,
    },
    service::Mode,
};
use tokio::time::sleep;

use crate::help::{Rig, add, device_id, empty_site, good, kw, one, tcp};

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

#[tokio::test(flavor = "multi_thread")]
async fn f01_a_silent_unit_costs_the_others_nothing_and_comes_back() {
    let mut site = empty_site();
    ["a", "b"].iter().zip(1..).for_each(|(id, unit)| add(&mut site, id, tcp("10.0.0.1:502"), unit, "eastron-sdm630"));
    let rig = Rig::start(&site, &[], Mode::Continuous).await;
    let (_, before) = rig.until("b", "it is read", |_, meter| meter.state == MeterState::Ok).await;
    rig.set("b", [Behaviour::Silent.into()]);
    let (device, meter) = rig
        .until("b", "third try", |device, _| {
            device.last_fault.as_ref().is_some_and(|(_, fault)| fault.to_string().contains("(try 3)"))
        })
        .await;
    assert_eq!((device.state, meter.state), (DeviceState::Offline, MeterState::Offline));
    assert!(device.last_fault.unwrap().1.to_string().starts_with("NO ANSWER"));
    assert!(device.next_probe.is_some() && device.offline_since.is_some());
    assert_eq!(meter.readings.len(), before.readings.len(), "the last values stay");
    let polls = rig.snapshot().await.devices[&device_id("a")].requests;
    sleep(ms(2_000)).await;
    let other = rig.snapshot().await.devices[&device_id("a")].clone();
    let requests = other.requests - polls;
    let planned = u64::from(other.requests_per_poll) * 10;
    assert!(requests + 2 >= planned, "{requests} of {planned} requests in 2 s");
    rig.set("b", []);
    rig.until("b", "it is back", |device, meter| device.state == DeviceState::Ok && meter.state == MeterState::Ok)
        .await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f02_a_slow_device_is_called_slow_and_told_what_helps() {
    let rig = Rig::start(&one(|_| ()), &[("a", Behaviour::Slow(ms(240)).into())], Mode::Continuous).await;
    let (device, meter) = rig.until("a", "slow", |device, _| device.state == DeviceState::Slow).await;
    assert!(device.notes.iter().any(|note| note.contains("set a longer timeout")), "{:?}", device.notes);
    assert_eq!(meter.state, MeterState::Ok);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f03_f04_a_late_answer_is_never_the_next_ones() {
    for link in [tcp("10.0.0.1:502"), Link::ModbusRtuOverTcp { address: "10.0.0.1:502".to_owned() }] {
        let site = one(|device| device.link = link.clone());
        let rig = Rig::start(&site, &[], Mode::Continuous).await;
        rig.until("a", "it is read", |_, meter| meter.state == MeterState::Ok).await;
        rig.set("a", [Rule::first(1, Behaviour::Late(ms(400)))]);
        rig.until("a", "missed", |device, _| device.state == DeviceState::Offline).await;
        let (_, meter) = rig.until("a", "back", |device, _| device.state == DeviceState::Ok).await;
        let volts = meter.value(&Quantity::VoltagePhaseA).unwrap();
        assert!((150.0..300.0).contains(&volts), "{volts} V");
        rig.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f08_a_register_that_does_not_exist_is_named_and_the_rest_is_read() {
    let rule = Behaviour::Exception { code: 2, first: 52, last: 53 };
    let rig = Rig::start(&one(|_| ()), &[("a", rule.into())], Mode::OnRequest).await;
    let meters = rig.poll_once().await;
    let meter = meters.values().next().unwrap();
    let fault = meter.fault.as_ref().unwrap();
    assert_eq!((meter.state, fault.kind), (MeterState::Error, FaultKind::IllegalAddress));
    assert_eq!(fault.detail, "current_kw at input 52 (profile eastron-sdm630)");
    assert!(meter.readings.get(&Quantity::VoltagePhaseA).unwrap().value.is_some());
    assert!(good(meter) > 10, "{meter:#?}");
    let before = rig.snapshot().await.devices[&device_id("a")].clone();
    rig.poll_once().await;
    let after = rig.snapshot().await.devices[&device_id("a")].clone();
    assert_eq!(after.requests - before.requests, u64::from(after.requests_per_poll), "what was learned is remembered");
    assert_eq!(after.state, DeviceState::Error);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f09_a_busy_device_is_asked_again_within_the_interval() {
    let rig = Rig::start(&one(|device| device.every = Duration::from_secs(5)), &[], Mode::OnRequest).await;
    rig.poll_once().await;
    let before = rig.snapshot().await.devices[&device_id("a")].clone();
    rig.set("a", [Rule::first(3, Behaviour::Busy)]);
    let meters = rig.poll_once().await;
    assert_eq!(meters.values().next().unwrap().state, MeterState::Ok);
    let after = rig.snapshot().await.devices[&device_id("a")].clone();
    assert_eq!(after.faults[&FaultKind::Busy], 3);
    assert_eq!(after.requests - before.requests, u64::from(after.requests_per_poll) + 3);
    rig.set("a", [Behaviour::Busy.into()]);
    let meter = rig.poll_once().await.into_values().next().unwrap();
    assert_eq!((meter.state, meter.fault.unwrap().kind), (MeterState::Error, FaultKind::Busy));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f10_only_the_unit_behind_the_gateway_is_gone() {
    let mut site = empty_site();
    ["a", "b", "c"]
        .iter()
        .zip(1..)
        .for_each(|(id, unit)| add(&mut site, id, tcp("10.0.0.1:502"), unit, "eastron-sdm120"));
    let rig = Rig::start(&site, &[("b", Behaviour::MissingUnit(ms(20)).into())], Mode::OnRequest).await;
    let meters = rig.poll_once().await;
    let states: Vec<_> = meters.values().map(|meter| meter.state).collect();
    assert_eq!(states, [MeterState::Ok, MeterState::Offline, MeterState::Ok]);
    let snapshot = rig.snapshot().await;
    let fault = &snapshot.devices[&device_id("b")].last_fault.as_ref().unwrap().1;
    assert!(fault.to_string().starts_with("GATEWAY: NO REPLY"), "{fault}");
    assert_eq!(snapshot.connections.values().next().unwrap().connects, 1, "the connection stays");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f17_a_closed_port_is_tried_at_most_once_a_second() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let mut site = empty_site();
    ["a", "b"].iter().zip(1..).for_each(|(id, unit)| add(&mut site, id, tcp(&address), unit, "eastron-sdm120"));
    let service = meterdeck::service::start(site, meterdeck::service::log::LogRing::new());
    sleep(ms(3_500)).await;
    let client = service.client();
    let meterdeck::service::interface::Response::Snapshot { snapshot } =
        client.requests.ask(meterdeck::service::interface::Request::Snapshot).await.unwrap()
    else {
        panic!()
    };
    let tries: u64 = snapshot.devices.values().flat_map(|device| device.faults.values()).sum();
    assert!((2..=4).contains(&tries), "{tries} tries in 3.5 s");
    for device in snapshot.devices.values() {
        assert_eq!(device.state, DeviceState::Offline);
        assert_eq!(device.last_fault.as_ref().unwrap().1.kind, FaultKind::Refused);
    }
    let connection = snapshot.connections.values().next().unwrap();
    assert_eq!(connection.fault.as_ref().unwrap().kind, FaultKind::Refused);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f20_f21_pauses_and_dropped_idle_connections_go_unnoticed() {
    let site = one(|device| {
        device.every = ms(1_000);
        device.behaviour.pause_after_connect = ms(250);
    });
    let rules = [("a", Behaviour::DropsIdle(ms(400)).into()), ("a", Behaviour::PauseAfterConnect(ms(200)).into())];
    let rig = Rig::start(&site, &rules, Mode::Continuous).await;
    rig.until("a", "some polls", |device, _| device.requests >= 5 * u64::from(device.requests_per_poll.max(1))).await;
    let (device, _) = rig.until("a", "well", |_, meter| meter.state == MeterState::Ok).await;
    assert_eq!(device.faults.len(), 0, "{device:?}");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f22_a_smaller_largest_request_is_learned() {
    let whole = Rig::start(&one(|_| ()), &[], Mode::OnRequest).await;
    let expected = whole.poll_once().await.into_values().next().unwrap().readings.len();
    let rig = Rig::start(&one(|_| ()), &[("a", Behaviour::SmallLargestRequest(40).into())], Mode::OnRequest).await;
    let meter = rig.poll_once().await.into_values().next().unwrap();
    assert_eq!((meter.state, meter.readings.len(), meter.fault), (MeterState::Ok, expected, None));
    let device = rig.snapshot().await.devices[&device_id("a")].clone();
    assert!(device.notes.iter().any(|note| note.ends_with("registers a request")), "{:?}", device.notes);
    assert_eq!(device.state, DeviceState::Ok, "learned, and no trouble any more");
    whole.stop().await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f23_refused_gaps_are_read_around() {
    let rig = Rig::start(&one(|_| ()), &[("a", Behaviour::RefusesGaps.into())], Mode::OnRequest).await;
    let meter = rig.poll_once().await.into_values().next().unwrap();
    assert_eq!((meter.state, meter.fault.as_ref()), (MeterState::Ok, None));
    let device = rig.snapshot().await.devices[&device_id("a")].clone();
    assert!(device.notes.iter().any(|note| note.ends_with("read around it")), "{:?}", device.notes);
    assert!(u64::from(device.requests_per_poll) < meter.readings.len() as u64 / 2, "no single-register mode");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f25_sentinels_are_bad_and_never_numbers() {
    let rig = Rig::start(&one(|_| ()), &[("a", Behaviour::Sentinel.into())], Mode::OnRequest).await;
    let meter = rig.poll_once().await.into_values().next().unwrap();
    assert!(meter.readings.values().all(|reading| reading.value.is_none()), "{meter:#?}");
    assert_eq!(meter.readings.get(&Quantity::CurrentKw).unwrap().state, State::Bad);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f26_value_and_scale_come_from_one_answer() {
    let mut site = empty_site();
    add(&mut site, "a", tcp("10.0.0.1:502"), 1, "sunspec-203");
    let rig = Rig::start(&site, &[("a", Behaviour::ScaleFactorFlips.into())], Mode::Continuous).await;
    let mut last = None;
    for _ in 0..10 {
        let (device, meter) = rig.until("a", "read again", |_, meter| meter.at.is_some() && meter.at != last).await;
        last = meter.at;
        assert_eq!(device.state, DeviceState::Ok, "{device:#?}");
        let volts = meter.value(&Quantity::VoltagePhaseA).unwrap();
        assert!((200.0..260.0).contains(&volts), "{volts} V");
        assert!(kw(&meter).is_some());
    }
    rig.stop().await;
}
