//! Polling: which requests (plan, learn), when (schedule), by whom (one worker for each connection), and what is known
//! now (hub).

use std::{collections::BTreeMap, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::{FutureExt as _, future::join_all};
use tokio::{
    sync::{Mutex, mpsc, oneshot},
    time::{sleep, timeout},
};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use hub::Hub;
use schedule::backoff::Backoff;
use worker::{Clock, Command, Mode, Setup, Worker};

use crate::{
    device::{
        bus::Bus,
        lane::{Jobs, Lane, MAX_WAITING_JOBS},
        modbus::{Connection, Options},
    },
    domain::{
        ids::DeviceId,
        site::{Link, Site},
    },
};

pub mod hub;
pub mod learn;
pub mod plan;
pub mod reader;
mod reload;
pub mod schedule;
pub mod status;
pub mod tap;
pub mod trend;
pub mod worker;

/// Commands that wait for one connection: a few people's keys.
const MAX_WAITING_COMMANDS: usize = 16;
/// The longest wait before a worker that failed by a bug starts again.
const LONGEST_RESTART_WAIT: Duration = Duration::from_mins(1);

/// The workers of a site.
#[derive(Debug)]
pub struct Poller {
    hub: Arc<Hub>,
    workers: Vec<Hand>,
    /// The worker of each device.
    of_device: BTreeMap<DeviceId, usize>,
    tasks: TaskTracker,
    clock: Clock,
    stop: CancellationToken,
    /// When the last of those that follow each other goes, the workers end.
    ends: Arc<DropGuard>,
}

/// What there is of a worker on this side.
#[derive(Debug, Clone)]
struct Hand {
    link: Link,
    devices: Vec<DeviceId>,
    commands: mpsc::Sender<Command>,
    jobs: Jobs,
    stop: CancellationToken,
    /// Closed when it has ended.
    ended: CancellationToken,
}

impl Poller {
    /// Starts one worker for each connection of the site. Needs a tokio runtime.
    pub fn start(site: &Arc<Site>, mode: Mode) -> Self {
        let connections = connections(site);
        let names: Vec<_> = connections.iter().map(|(link, devices)| (link.name(), devices.clone())).collect();
        let hub = Arc::new(Hub::new(site, &names));
        let (tasks, stop, clock) = (TaskTracker::new(), CancellationToken::new(), Clock::start());
        tasks.close();
        let ends = Arc::new(stop.clone().drop_guard());
        let mut poller = Self { hub, workers: Vec::new(), of_device: BTreeMap::new(), tasks, clock, stop, ends };
        for (link, devices) in connections {
            poller.start_worker(site, link, devices, mode);
        }
        poller
    }

    fn start_worker(&mut self, site: &Arc<Site>, link: Link, devices: Vec<DeviceId>, mode: Mode) {
        let (commands, received) = mpsc::channel(MAX_WAITING_COMMANDS);
        let (jobs, waiting) = mpsc::channel(MAX_WAITING_JOBS);
        let (stop, ended) = (self.stop.child_token(), CancellationToken::new());
        let setup = self.setup(site, &link, &devices, mode);
        let options = options(site, &devices);
        let (waiting, bus_link) = (Arc::new(Mutex::new(waiting)), link.clone());
        let bus = move || Lane::new(Connection::new(bus_link.clone(), options.clone()), Arc::clone(&waiting));
        let (worker, end) = (keep_running(setup, bus, received, stop.clone()), ended.clone().drop_guard());
        self.tasks.spawn(async move {
            let _end = end;
            worker.await;
        });
        self.add(Hand { link, devices, commands, jobs, stop, ended });
    }

    /// What the next worker works with.
    fn setup(&self, site: &Arc<Site>, link: &Link, devices: &[DeviceId], mode: Mode) -> Setup {
        Setup {
            site: Arc::clone(site),
            hub: Arc::clone(&self.hub),
            name: link.name(),
            place: self.workers.len(),
            devices: devices.to_vec(),
            mode,
            clock: self.clock,
        }
    }

    fn add(&mut self, hand: Hand) {
        let place = self.workers.len();
        self.of_device.extend(hand.devices.iter().map(|device| (device.clone(), place)));
        self.workers.push(hand);
    }

    /// What is known now.
    pub fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// Where each device takes jobs that go before polling.
    pub fn lanes(&self) -> BTreeMap<DeviceId, Jobs> {
        let lane =
            |(device, place): (&DeviceId, &usize)| Some((device.clone(), self.workers.get(*place)?.jobs.clone()));
        self.of_device.iter().filter_map(lane).collect()
    }

    /// Reads every device once; ready when all are done.
    pub async fn poll_all(&self) {
        let mut waiting = Vec::with_capacity(self.workers.len());
        for worker in &self.workers {
            let (done, is_done) = oneshot::channel();
            if worker.commands.send(Command::PollAll { done }).await.is_ok() {
                waiting.push(is_done);
            }
        }
        for is_done in waiting {
            // A worker that stops half way has told what it knows.
            let _ = is_done.await;
        }
    }

    /// Asks a device now, whatever its back-off; `false` where there is no such device.
    pub async fn probe(&self, device: &DeviceId) -> bool {
        let Some(worker) = self.of_device.get(device).and_then(|place| self.workers.get(*place)) else { return false };
        let (done, is_done) = oneshot::channel();
        if worker.commands.send(Command::Probe { device: device.clone(), done }).await.is_ok() {
            let _ = is_done.await;
        }
        true
    }

    /// Whether every worker still gets round to what it is told; slower than a long poll of a device it must not be.
    pub async fn is_alive(&self, patience: Duration) -> bool {
        let answers = self.workers.iter().map(|worker| async {
            let (done, is_done) = oneshot::channel();
            worker.commands.send(Command::Ping { done }).await.is_ok() && is_done.await.is_ok()
        });
        timeout(patience, join_all(answers)).await.is_ok_and(|answers| answers.iter().all(|is_alive| *is_alive))
    }

    /// Stops the workers; those that do not end within `patience` are given up.
    pub async fn stop(&self, patience: Duration) {
        self.stop.cancel();
        if timeout(patience, self.tasks.wait()).await.is_err() {
            tracing::warn!("{} connections did not end within {} s", self.tasks.len(), patience.as_secs());
        }
    }
}

/// The connections of a site, and the devices that share each.
pub fn connections(site: &Site) -> Vec<(Link, Vec<DeviceId>)> {
    let mut connections: BTreeMap<&Link, Vec<DeviceId>> = BTreeMap::new();
    for device in site.devices.values() {
        connections.entry(&device.link).or_default().push(device.id.clone());
    }
    connections.into_iter().map(|(link, devices)| (link.clone(), devices)).collect()
}

/// How a connection is to be treated: of its devices, the largest of each.
fn options(site: &Site, devices: &[DeviceId]) -> Options {
    let devices = || devices.iter().filter_map(|id| site.devices.get(id));
    Options {
        // The worker rests after connecting; a connection that was renewed while idle rests by itself.
        pause_after_connect: devices().map(|device| device.behaviour.pause_after_connect).max().unwrap_or_default(),
        pause_between: devices().map(|device| device.behaviour.pause_between).max().unwrap_or_default(),
        default_deadline: devices().map(|device| device.timeout).max().unwrap_or(Options::default().default_deadline),
        single_connection: devices().any(|device| device.behaviour.single_connection),
        ..Options::default()
    }
}

/// Runs a worker; one that panics, which is a bug, is started again after a while and does not end the others.
async fn keep_running<B: Bus>(
    mut setup: Setup,
    bus: impl Fn() -> Lane<B>,
    mut commands: mpsc::Receiver<Command>,
    stop: CancellationToken,
) {
    let mut backoff = Backoff::new(LONGEST_RESTART_WAIT);
    let mut random = fastrand::Rng::new();
    loop {
        let mut worker = Worker::new(setup.clone(), bus());
        if AssertUnwindSafe(worker.run(&mut commands, &stop)).catch_unwind().await.is_ok() {
            return;
        }
        setup = worker.into_setup();
        let wait = backoff.fail(&mut random);
        let seconds = wait.as_secs();
        tracing::error!("a bug ended the polling of {}; it starts again in {seconds} s", setup.name);
        tokio::select! {
            () = sleep(wait) => {}
            () = stop.cancelled() => return,
        }
    }
}

#[cfg(test)]
mod tests;
