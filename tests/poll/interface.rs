//! The service's interface: what clients ask and hear, and how it ends.

use std::time::{Duration, Instant};

use meterdeck::{
    device::simulator::Behaviour,
    domain::{
        live::{DeviceState, MeterState, Snapshot},
        quantity::Quantity,
        site::Site,
    },
    service::{
        Mode,
        interface::{ErrorKind, Event, INTERFACE_VERSION, MAX_TREND_STEPS, Request, Response},
    },
};
use tokio::time::{sleep, timeout};

use crate::help::{Rig, add, device_id, empty_site, meter, meter_id, one, tcp};

fn several(count: u16) -> Site {
    let mut site = empty_site();
    for number in 0..count {
        add(&mut site, &format!("m{number:02}"), tcp(&format!("10.0.0.{number}:502")), 1, "eastron-sdm120");
    }
    site.meters.insert(meter_id("by-hand"), meter("by-hand", None, [].into()));
    site
}

#[tokio::test(flavor = "multi_thread")]
async fn poll_once_reads_each_device_exactly_once() {
    let rig = Rig::start(&several(5), &[("m03", Behaviour::Silent.into())], Mode::OnRequest).await;
    sleep(Duration::from_millis(300)).await;
    assert!(rig.snapshot().await.devices.values().all(|device| device.requests == 0), "nothing before it is asked");
    let meters = rig.poll_once().await;
    assert_eq!(meters.len(), 6);
    assert_eq!(meters[&meter_id("by-hand")].state, MeterState::Waiting);
    assert_eq!(meters[&meter_id("m03")].state, MeterState::Offline);
    assert_eq!(meters.values().filter(|meter| meter.state == MeterState::Ok).count(), 4);
    for (id, device) in rig.snapshot().await.devices {
        let expected = if id.as_str() == "m03" { 1 } else { u64::from(device.requests_per_poll) };
        assert_eq!(device.requests, expected, "{id}");
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_hears_everything_first_and_then_what_changed() {
    let mut rig = Rig::start(&several(3), &[], Mode::Continuous).await;
    rig.until("m00", "it is read", |_, meter| meter.state == MeterState::Ok).await;
    assert_eq!(rig.client.requests.ask(Request::Subscribe).await.unwrap(), Response::Subscribed);
    let mut seen = Snapshot::default();
    let first = rig.client.events.recv().await.unwrap();
    seen.apply(&first);
    assert_eq!((seen.meters.len(), seen.devices.len(), seen.connections.len()), (4, 3, 3));
    rig.set("m01", [Behaviour::Silent.into()]);
    rig.set("m02", [Behaviour::Silent.into()]);
    while seen.devices[&device_id("m01")].state != DeviceState::Offline {
        let event = timeout(Duration::from_secs(10), rig.client.events.recv()).await.unwrap().unwrap();
        if let Event::Changed { meters, .. } = &event {
            assert!(!meters.contains_key(&meter_id("by-hand")), "nothing changed there");
        }
        seen.apply(&event);
    }
    // A client that does not listen for a while: what waits is bounded, and the latest is true.
    sleep(Duration::from_secs(2)).await;
    rig.set("m01", []);
    let mut waiting = 0;
    while rig.client.events.try_recv().is_ok_and(|event| {
        seen.apply(&event);
        true
    }) {
        waiting += 1;
    }
    assert!(waiting <= 17, "{waiting} events waited");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_answered_or_refused_with_a_reason() {
    let rig = Rig::start(&several(1), &[], Mode::Continuous).await;
    let ask = async |request| rig.client.requests.ask(request).await;
    let Response::Hello { version, in_process, .. } = ask(Request::Hello { version: INTERFACE_VERSION }).await.unwrap()
    else {
        panic!()
    };
    assert!(version == INTERFACE_VERSION && in_process);
    let other = ask(Request::Hello { version: 99 }).await.unwrap_err();
    assert_eq!(other.kind, ErrorKind::Invalid);
    assert!(other.message.contains("99") && other.hint.is_some());
    let unknown = ask(Request::Probe { device: device_id("nobody") }).await.unwrap_err();
    assert_eq!((unknown.kind, unknown.message.as_str()), (ErrorKind::NotFound, "There is no device `nobody`."));
    let Response::Probed { device } = ask(Request::Probe { device: device_id("m00") }).await.unwrap() else { panic!() };
    assert_eq!(device.state, DeviceState::Ok);
    let trend = |meter: &str, steps| Request::Trend { meter: meter_id(meter), quantity: Quantity::CurrentKw, steps };
    let Response::Trend { trend: series } = ask(trend("m00", 30)).await.unwrap() else { panic!() };
    assert_eq!(series.values.len(), 30);
    assert!(series.values.last().unwrap().is_some() || series.values[28].is_some(), "{series:?}");
    assert_eq!(ask(trend("nobody", 30)).await.unwrap_err().kind, ErrorKind::NotFound);
    assert_eq!(ask(trend("m00", MAX_TREND_STEPS + 1)).await.unwrap_err().kind, ErrorKind::Invalid);
    let Response::Trend { trend: none } = ask(trend("by-hand", 5)).await.unwrap() else { panic!() };
    assert_eq!(none.values, [None; 5]);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stops_in_time_with_a_silent_device_and_tells_its_clients() {
    let site = one(|device| device.timeout = Duration::from_mins(1));
    let mut rig = Rig::start(&site, &[("a", Behaviour::Silent.into())], Mode::Continuous).await;
    rig.client.requests.ask(Request::Subscribe).await.unwrap();
    sleep(Duration::from_millis(200)).await;
    let started = Instant::now();
    rig.service.stop().await;
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    let mut told = false;
    while let Some(event) = rig.client.events.recv().await {
        told |= event == Event::Stopping;
    }
    assert!(told);
    let gone = rig.client.requests.ask(Request::Site).await.unwrap_err();
    assert_eq!(gone.kind, ErrorKind::Unavailable);
    rig.simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_there() {
    let rig = Rig::start(&several(1), &[], Mode::OnRequest).await;
    assert!(rig.log().await.is_empty(), "no tracing layer was set up in this process");
    rig.stop().await;
}
