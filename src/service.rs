//! The service: owner of devices and data, and the one interface that the TUI and every command use.
//!
//! `interface` is the plain data that travels; `client` the handle that sends it. In process it goes
//! through a channel, from other processes over `socket`, and nobody in front can tell which. `roles` says who may ask
//! what, `audit` writes down what they changed.

use std::{
    future::Future,
    io,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{sync::watch, task::JoinHandle};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use alarms::Alarms;
use client::Client;
use dispatcher::{Running, Shared};
use log::LogRing;
use recorder::Recorder;
use who::Peer;

use crate::{
    domain::{live::DeviceState, site::Site},
    poll::{Poller, tap::Tap, trend},
    store::Store,
};

pub mod alarms;
mod audit;
mod chart;
pub mod client;
pub mod consumption;
mod dispatch;
pub mod dispatcher;
pub mod energy;
pub mod history;
pub mod interface;
pub mod log;
pub mod metrics;
pub mod powermeters;
pub mod pue;
pub mod recorder;
pub mod records;
mod reload;
pub mod roles;
pub mod socket;
pub mod statements;
pub mod status;
mod storage;
mod teller;
pub mod who;

pub use crate::{dispatch::Authority, poll::worker::Mode};

const _: () = assert!(interface::MAX_TREND_STEPS as usize == trend::LONGEST, "a trend's limit is what is kept");

/// How long a stop waits for requests that are under way; what is left then is given up.
const STOP_PATIENCE: Duration = Duration::from_millis(4_500);
/// How long a service that hands over lets changes under way come to their end.
const CHANGE_PATIENCE: Duration = Duration::from_secs(30);

/// The service of one site, in this process.
#[derive(Debug)]
pub struct Service {
    running: Arc<Running>,
    clients: TaskTracker,
    /// What it may do with equipment.
    authority: Authority,
    /// Ends what belongs to the present site file.
    alarms: Mutex<AlarmTask>,
    /// A service that is dropped instead of stopped ends too, only without waiting.
    _ends: DropGuard,
}

/// The task that watches for alarms, where devices are read by themselves.
#[derive(Debug)]
struct AlarmTask {
    stop: CancellationToken,
    task: Option<JoinHandle<()>>,
}

/// Starts the service of a site: from now on every device is read at its interval. Needs a tokio runtime.
pub fn start(site: Site, log: LogRing) -> Service {
    start_as(site, log, Mode::Continuous)
}

/// Starts the service of a site; in [`Mode::OnRequest`] it reads when a client asks, and never else.
pub fn start_as(site: Site, log: LogRing, mode: Mode) -> Service {
    start_with(site, log, mode, None)
}

/// Starts the service of a site that keeps what is measured in a store, where there is one. It operates no equipment, and
/// puts back what a crash left behind.
pub fn start_with(site: Site, log: LogRing, mode: Mode, store: Option<Store>) -> Service {
    start_for(site, log, mode, store, Authority::PutBack)
}

/// Starts the service of a site that may operate its equipment, or only puts back what was left behind.
pub fn start_for(site: Site, log: LogRing, mode: Mode, store: Option<Store>, authority: Authority) -> Service {
    let site = Arc::new(site);
    let poller = Poller::start(&site, mode);
    let recorder = store.as_ref().and_then(|store| {
        let tap = Arc::<Tap>::default();
        poller.hub().keep(Arc::clone(&tap));
        let recorder = Recorder::start(Arc::clone(&site), store.clone(), tap);
        recorder.inspect_err(|error| tracing::error!("CANNOT SAVE: {error}; nothing is kept")).ok()
    });
    let alarms = Arc::new(Alarms::new(Arc::clone(&site), store.clone()));
    let statements = Arc::<statements::Statements>::default();
    let (stop, clients) = (CancellationToken::new(), TaskTracker::new());
    let reached = dispatch::Reached { site: &site, store: store.as_ref(), poller: &poller, alarms: &alarms };
    let dispatch = dispatch::start(&reached, authority, &clients, stop.child_token());
    let shared = Arc::new(Shared { site, poller, log, alarms, store, recorder, dispatch, statements });
    let watch = AlarmTask::start(&shared, mode);
    let running = Running {
        current: watch::Sender::new(shared),
        mode,
        requests: TaskTracker::new(),
        stop: stop.clone(),
        hand_over: CancellationToken::new(),
        stays: AtomicBool::new(false),
    };
    let alarms = Mutex::new(watch);
    Service { running: Arc::new(running), clients, authority, alarms, _ends: stop.drop_guard() }
}

impl AlarmTask {
    fn start(shared: &Arc<Shared>, mode: Mode) -> Self {
        let stop = CancellationToken::new();
        let of_records = Arc::clone(shared);
        tokio::task::spawn_blocking(move || records::tell_statuses(&of_records));
        // What is only read when asked for says nothing about stale values or silent devices.
        let task = (mode == Mode::Continuous).then(|| {
            let (alarms, hub) = (Arc::clone(&shared.alarms), Arc::clone(shared.poller.hub()));
            let stop = stop.clone();
            tokio::spawn(async move { alarms.run(hub, stop).await })
        });
        Self { stop, task }
    }
}

impl Drop for AlarmTask {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Service {
    /// A new client in this process.
    pub fn client(&self) -> Client {
        let (client, carrier) = client::pair();
        self.clients.spawn(dispatcher::serve(Arc::clone(&self.running), carrier, Peer::own()));
        client
    }

    /// Serves clients of other processes from now on, over a socket in the data folder. The caller holds its lock.
    ///
    /// # Errors
    /// A socket that cannot be made.
    pub fn listen(&self, dir: &Path) -> io::Result<()> {
        let access = self.running.current().site.access.clone();
        let listener = socket::server::bind(dir, access.as_ref())?;
        self.clients.spawn(socket::server::accept(listener, Arc::clone(&self.running)));
        Ok(())
    }

    /// From now on this is the site's real service, which hands nothing over.
    pub fn stay(&self) {
        self.running.stays.store(true, Ordering::Release);
    }

    /// Ready when the site's real service has asked for devices and store. Then [`Service::stop`] this one, and drop it.
    pub async fn handing_over(&self) {
        self.running.hand_over.cancelled().await;
    }

    /// Whether poller and store still make progress; what they are asked for is done within `patience`, or they do not.
    pub async fn is_alive(&self, patience: Duration) -> bool {
        let shared = self.running.current();
        let Some(store) = shared.store.clone() else { return shared.poller.is_alive(patience).await };
        // A disk that takes nothing is told elsewhere, and no restart helps: the writer answers all the same.
        let writes = tokio::task::spawn_blocking(move || store.write(|_| Ok(())));
        let (polls, writes) = tokio::join!(shared.poller.is_alive(patience), tokio::time::timeout(patience, writes));
        polls && writes.is_ok()
    }

    /// How it goes, in one line.
    pub fn in_short(&self) -> String {
        let snapshot = self.running.current().poller.hub().snapshot();
        let offline = snapshot.devices.values().filter(|device| device.state == DeviceState::Offline).count();
        let (meters, devices) = (snapshot.meters.len(), snapshot.devices.len());
        format!("{meters} meters, {devices} devices, {offline} not answering")
    }

    /// Waits for requests under way, while the caller sends none, but not for ever.
    pub async fn settle(&self) {
        self.running.requests.close();
        let _ = tokio::time::timeout(CHANGE_PATIENCE, self.running.requests.wait()).await;
    }

    /// Ends polling, gives connections back and says so to the clients; within five seconds, whatever devices do.
    pub async fn stop(self) {
        self.running.stop.cancel();
        let shared = self.running.current();
        let alarms = self.end_alarms();
        shared.poller.stop(STOP_PATIENCE).await;
        self.clients.close();
        self.clients.wait().await;
        alarms.await;
        // What was read is kept before the end; that waits for the disk.
        let kept = tokio::task::spawn_blocking(move || shared.recorder.as_ref().map(Recorder::stop));
        if tokio::time::timeout(STOP_PATIENCE, kept).await.is_err() {
            tracing::error!("the disk does not take the last readings");
        }
    }

    /// Tells the watch for alarms to end; ready when it has saved what is left.
    fn end_alarms(&self) -> impl Future<Output = ()> + use<> {
        let mut alarms = self.alarms.lock().unwrap_or_else(PoisonError::into_inner);
        alarms.stop.cancel();
        let task = alarms.task.take();
        async move {
            if let Some(task) = task {
                // One that panicked has been told elsewhere.
                let _ = task.await;
            }
        }
    }
}
