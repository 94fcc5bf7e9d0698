//! The service's alarms: values and devices of the simulator in, acknowledgements and a restart in between.

use std::{path::Path, time::Duration};

use meterdeck::{
    device::simulator::{Options, Simulator, behaviour::Behaviour},
    domain::{
        alarm::{AlarmKind, AlarmLine, AlarmState},
        site::{MeterStatus, Site},
    },
    service::{
        self, Mode, Service,
        client::Client,
        interface::{ErrorKind, Event, Request, Response},
        log::LogRing,
    },
    store::Store,
};
use tokio::time::{Instant, sleep, timeout};

use crate::help::{add, device_id, empty_site, meter_id, tcp};

/// Delays of alarms are up to 30 s; nothing that should happen takes longer.
const PATIENCE: Duration = Duration::from_mins(1);

/// Two meters on connections of their own; any voltage is too high for `a`.
fn site() -> Site {
    let mut site = empty_site();
    add(&mut site, "a", tcp("10.0.0.1:502"), 1, "eastron-sdm630");
    add(&mut site, "b", tcp("10.0.0.2:502"), 1, "eastron-sdm630");
    site.meters.get_mut(&meter_id("a")).unwrap().voltage_high_threshold = Some(100.0);
    site
}

struct Watched {
    service: Service,
    client: Client,
}

impl Watched {
    async fn start(site: &Site, folder: Option<&Path>) -> Self {
        let folder = folder.map(Path::to_owned);
        let open = tokio::task::spawn_blocking(move || folder.map(|folder| Store::open(&folder).unwrap().0));
        let store = open.await.unwrap();
        let service = service::start_with(site.clone(), LogRing::new(), Mode::Continuous, store);
        let client = service.client();
        Self { service, client }
    }

    async fn alarms(&self) -> Vec<AlarmLine> {
        match self.client.requests.ask(Request::Alarms).await.unwrap() {
            Response::Alarms { alarms, .. } => alarms,
            other => panic!("{other:?}"),
        }
    }

    async fn events(&self) -> u64 {
        match self.client.requests.ask(Request::Alarms).await.unwrap() {
            Response::Alarms { events_last_day, .. } => events_last_day,
            other => panic!("{other:?}"),
        }
    }

    /// Waits until an alarm is in a state, or gone.
    async fn until(&self, id: &str, state: Option<AlarmState>) {
        let started = Instant::now();
        loop {
            let alarms = self.alarms().await;
            if alarms.iter().find(|line| line.id.to_string() == id).map(|line| line.state) == state {
                return;
            }
            assert!(started.elapsed() < PATIENCE, "{id} is never {state:?}: {alarms:#?}");
            sleep(Duration::from_millis(100)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_lives_from_its_threshold_to_its_return_and_over_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let simulator = Simulator::start(&site(), &std::collections::BTreeMap::new(), Options::default()).await.unwrap();
    let mut served = simulator.site_on(&site());
    let mut watched = Watched::start(&served, Some(folder.path())).await;
    watched.client.requests.ask(Request::Subscribe).await.unwrap();
    let told = async {
        loop {
            match watched.client.events.recv().await.unwrap() {
                Event::Alarms { alarms } if !alarms.is_empty() => return alarms,
                _ => {}
            }
        }
    };
    let told = timeout(PATIENCE, told).await.unwrap();
    let [line] = told.as_slice() else { panic!("{told:#?}") };
    assert_eq!((line.id.to_string().as_str(), line.state), ("voltage-high:a", AlarmState::Unacknowledged));
    let measured = line.measured.clone().unwrap();
    assert!(measured.value > 200.0 && (measured.threshold - 100.0).abs() < 1e-9, "{measured:?}");

    let acknowledge = |id: &str| Request::Acknowledge { id: id.to_owned(), note: "seen".to_owned() };
    watched.client.requests.ask(acknowledge("voltage-high:a")).await.unwrap();
    for (id, kind) in [
        ("voltage-high:a", ErrorKind::Invalid),
        ("voltage-high:b", ErrorKind::NotFound),
        ("nonsense", ErrorKind::Invalid),
    ] {
        let error = watched.client.requests.ask(acknowledge(id)).await.unwrap_err();
        assert!(error.kind == kind && error.hint.is_some(), "{id}: {error:?}");
    }
    assert_eq!(watched.events().await, 2, "raised and acknowledged");
    watched.service.stop().await;

    // The limit is right now; what was acknowledged before the restart still is, until it returns.
    served.meters.get_mut(&meter_id("a")).unwrap().voltage_high_threshold = Some(300.0);
    let watched = Watched::start(&served, Some(folder.path())).await;
    let [line] = watched.alarms().await.try_into().unwrap();
    let AlarmLine { state, who, note, .. } = line;
    assert_eq!((state, note.as_deref()), (AlarmState::Acknowledged, Some("seen")));
    assert_eq!(who, Some(service::who::user_name()));
    watched.until("voltage-high:a", None).await;
    assert_eq!(watched.events().await, 3, "and returned");
    watched.service.stop().await;
    simulator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_device_is_one_alarm_without_a_store_too() {
    let mut site = site();
    add(&mut site, "c", tcp("10.0.0.3:502"), 1, "eastron-sdm630");
    site.meters.get_mut(&meter_id("c")).unwrap().status = MeterStatus::Fault;
    let simulator = Simulator::start(&site, &std::collections::BTreeMap::new(), Options::default()).await.unwrap();
    let watched = Watched::start(&simulator.site_on(&site), None).await;
    watched.until("voltage-high:a", Some(AlarmState::Unacknowledged)).await;
    for id in ["a", "c"] {
        assert!(simulator.set(&device_id(id), [Behaviour::Silent.into()]));
    }
    watched.until("device-offline:a", Some(AlarmState::Unacknowledged)).await;
    watched.until("device-offline:c", Some(AlarmState::OutOfService)).await;
    sleep(Duration::from_secs(7)).await;
    let alarms = watched.alarms().await;
    assert!(alarms.iter().all(|line| line.id.kind != AlarmKind::ValueStale), "{alarms:#?}");
    let voltage = alarms.iter().find(|line| line.id.kind == AlarmKind::VoltageHigh).unwrap();
    assert_eq!(voltage.under, Some("device-offline:a".parse().unwrap()));
    let until = jiff::Timestamp::now() + Duration::from_hours(1);
    let shelve = |note: &str| Request::Shelve { id: "device-offline:a".to_owned(), until, note: note.to_owned() };
    assert!(watched.client.requests.ask(shelve("")).await.is_err(), "a reason is needed");
    watched.client.requests.ask(shelve("cable works")).await.unwrap();
    watched.until("device-offline:a", Some(AlarmState::Shelved)).await;
    watched.client.requests.ask(Request::Unshelve { id: "device-offline:a".to_owned() }).await.unwrap();
    assert!(simulator.set(&device_id("a"), []));
    watched.until("device-offline:a", Some(AlarmState::ReturnedUnacknowledged)).await;
    watched.until("voltage-high:a", Some(AlarmState::Unacknowledged)).await;
    watched.service.stop().await;
    simulator.stop().await;
}
