//! Kills: of the service with terminals attached, and of clients while it polls.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use meterdeck::{
    device::simulator::{Options, Simulator},
    service::{
        interface::{Event, Request, Response},
        socket,
    },
};
use rustix::process::Signal;

use crate::help::{PATIENCE, Process, Rig, SITE, connect, served_by};

/// In the child's environment: the data folder of the service that it attaches to.
const CLIENT: &str = "METERDECK_TEST_CLIENT_DIR";

/// A site whose device answers, and what serves it.
fn served_site(runtime: &tokio::runtime::Runtime) -> (Rig, Simulator) {
    let loaded = meterdeck::config::parse("site.toml", SITE).unwrap();
    let simulator = runtime
        .block_on(Simulator::start(&loaded.site, &std::collections::BTreeMap::new(), Options::default()))
        .unwrap();
    let site = simulator.site_on(&loaded.site);
    let link = site.devices.values().next().unwrap().link.name();
    let address = link.rsplit(' ').next().unwrap().trim_start_matches("tcp://").to_owned();
    (Rig::with(&SITE.replace("127.0.0.1:9", &address)), simulator)
}

#[test]
fn terminals_find_a_killed_service_again_and_nothing_is_lost() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (rig, _simulator) = served_site(&runtime);
    let mut service = rig.poll();
    let terminals = [rig.terminal(), rig.terminal()];
    for terminal in &terminals {
        terminal.until_shown("attached");
    }
    rig.prints(&["record", "by-hand", "note", "before the kill"]);
    let stored =
        || rig.prints(&["history", "main", "current_kw", "--csv"]).lines().map(str::to_owned).collect::<Vec<_>>();
    let begun = Instant::now();
    let mut before = stored();
    while before.len() < 5 {
        assert!(begun.elapsed() < PATIENCE, "{before:?}");
        std::thread::sleep(Duration::from_millis(200));
        before = stored();
    }
    service.signal(Signal::KILL);
    service.end();
    for terminal in &terminals {
        terminal.until_shown("SERVICE GONE");
    }
    let _again = rig.poll();
    for terminal in &terminals {
        terminal.until_shown("attached");
    }
    let after = stored();
    assert!(before.iter().all(|line| after.contains(line)), "{before:?}\n{after:?}");
    assert!(rig.prints(&["record", "by-hand", "list"]).contains("before the kill"));
    assert!(rig.prints(&["audit", "verify"]).contains("whole: 2 entries"));
}

/// The child: attaches, listens, and waits to be killed.
#[test]
fn client() {
    let Ok(dir) = std::env::var(CLIENT) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut client = connect(dir.as_ref()).await;
        client.requests.ask(Request::Subscribe).await.unwrap();
        let _first = client.events.recv().await;
        println!("attached");
        while client.events.recv().await.is_some() {}
    });
}

#[test]
fn a_hundred_killed_clients_change_nothing() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (rig, _simulator) = served_site(&runtime);
    let service = rig.poll();
    let program = std::env::current_exe().unwrap();
    for _ in 0..100 {
        let mut child = Process(
            Command::new(&program)
                .args(["--exact", "life::client", "--nocapture"])
                .env(CLIENT, rig.data())
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .unwrap(),
        );
        let mut said = std::io::BufReader::new(child.0.stdout.take().unwrap());
        let mut line = String::new();
        while !line.contains("attached") {
            line.clear();
            assert!(std::io::BufRead::read_line(&mut said, &mut line).unwrap() > 0, "the client did not attach");
        }
        child.signal(Signal::KILL);
        child.end();
    }
    runtime.block_on(async {
        // All seats are free again: that many clients fit.
        let begun = Instant::now();
        loop {
            let mut clients = Vec::new();
            for _ in 0..socket::server::MAX_CLIENTS {
                clients.extend(socket::client::connect(&rig.data()).await);
            }
            if clients.len() == socket::server::MAX_CLIENTS {
                break;
            }
            assert!(begun.elapsed() < PATIENCE, "{} seats", clients.len());
        }
        let begun = Instant::now();
        // Those that have just gone give their seats back in a moment.
        let client = loop {
            if let Ok(client) = socket::client::connect(&rig.data()).await {
                break client;
            }
            assert!(begun.elapsed() < PATIENCE);
        };
        let Ok(Response::Snapshot { snapshot }) = client.requests.ask(Request::Snapshot).await else { panic!() };
        let device = snapshot.devices.values().next().unwrap();
        // It was read in time all the while.
        assert!(device.skipped <= 2 && device.requests > 3, "{device:?}");
        drop(client);
        assert_eq!(served_by(&rig.data()).await, Some(service.id()));
    });
}

#[test]
fn a_subscriber_hears_that_the_service_stops() {
    let rig = Rig::new();
    let mut service = rig.poll();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut client = connect(&rig.data()).await;
        client.requests.ask(Request::Subscribe).await.unwrap();
        service.signal(Signal::TERM);
        let stopped = Instant::now();
        let mut heard = false;
        while let Some(event) = client.events.recv().await {
            heard |= event == Event::Stopping;
        }
        assert!(heard && stopped.elapsed() < Duration::from_secs(5), "{:?}", stopped.elapsed());
    });
    assert_eq!(service.end(), Some(0));
}
