//! The service: owner of devices and data, and the one interface that the TUI and every command use.
//!
//! `interface` is the plain data that travels; `client` the handle that sends it. In process it goes
//! through a channel; a socket can carry the same data, and nobody in front can tell which.

use std::{sync::Arc, time::Duration};

use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use alarms::Alarms;
use client::Client;
use dispatcher::Shared;
use log::LogRing;
use recorder::Recorder;

use crate::{
    domain::site::Site,
    poll::{Poller, tap::Tap, trend},
    store::Store,
};

pub mod alarms;
mod chart;
pub mod client;
pub mod consumption;
pub mod dispatcher;
pub mod energy;
pub mod history;
pub mod interface;
pub mod log;
pub mod powermeters;
pub mod pue;
pub mod recorder;
pub mod records;
pub mod statements;
pub mod who;

pub use crate::poll::worker::Mode;

const _: () = assert!(interface::MAX_TREND_STEPS as usize == trend::LONGEST, "a trend's limit is what is kept");

/// How long a stop waits for requests that are under way; what is left then is given up.
const STOP_PATIENCE: Duration = Duration::from_millis(4_500);

/// The service of one site, in this process.
#[derive(Debug)]
pub struct Service {
    shared: Arc<Shared>,
    clients: TaskTracker,
    /// A service that is dropped instead of stopped ends too, only without waiting.
    _ends: DropGuard,
}

/// Starts the service of a site: from now on every device is read at its interval. Needs a tokio runtime.
pub fn start(site: Site, log: LogRing) -> Service {
    start_as(site, log, Mode::Continuous)
}

/// Starts the service of a site; in [`Mode::OnRequest`] it reads when a client asks, and never else.
pub fn start_as(site: Site, log: LogRing, mode: Mode) -> Service {
    start_with(site, log, mode, None)
}

/// Starts the service of a site that keeps what is measured in a store, where there is one.
pub fn start_with(site: Site, log: LogRing, mode: Mode, store: Option<Store>) -> Service {
    let site = Arc::new(site);
    let poller = Poller::start(&site, mode);
    let stop = CancellationToken::new();
    let recorder = store.as_ref().and_then(|store| {
        let tap = Arc::<Tap>::default();
        poller.hub().keep(Arc::clone(&tap));
        let recorder = Recorder::start(Arc::clone(&site), store.clone(), tap);
        recorder.inspect_err(|error| tracing::error!("CANNOT SAVE: {error}; nothing is kept")).ok()
    });
    let alarms = Arc::new(Alarms::new(Arc::clone(&site), store.clone()));
    let tasks = TaskTracker::new();
    if mode == Mode::Continuous {
        // What is only read when asked for says nothing about stale values or silent devices.
        let (alarms, hub, stop) = (Arc::clone(&alarms), Arc::clone(poller.hub()), stop.clone());
        tasks.spawn(async move { alarms.run(hub, stop).await });
    }
    let shared = Shared {
        site,
        poller,
        log,
        alarms,
        store,
        recorder,
        statements: statements::Statements::default(),
        stop: stop.clone(),
    };
    Service { shared: Arc::new(shared), clients: tasks, _ends: stop.drop_guard() }
}

impl Service {
    /// A new client in this process.
    pub fn client(&self) -> Client {
        let (client, carrier) = client::pair();
        self.clients.spawn(dispatcher::serve(Arc::clone(&self.shared), carrier));
        client
    }

    /// Ends polling, gives connections back and says so to the clients; within five seconds, whatever devices do.
    pub async fn stop(self) {
        self.shared.stop.cancel();
        self.shared.poller.stop(STOP_PATIENCE).await;
        self.clients.close();
        self.clients.wait().await;
        // What was read is kept before the end; that waits for the disk.
        let shared = Arc::clone(&self.shared);
        let kept = tokio::task::spawn_blocking(move || shared.recorder.as_ref().map(Recorder::stop));
        if tokio::time::timeout(STOP_PATIENCE, kept).await.is_err() {
            tracing::error!("the disk does not take the last readings");
        }
    }
}
