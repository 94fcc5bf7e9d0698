//! One connection: does what its schedule says, and tells the hub.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    hub::Hub,
    reader::{Reader, Report},
    schedule::{Action, Health, Outcome, Schedule, Timing},
    status,
};
use crate::{
    device::{bus::Bus, lane::Lane},
    domain::{
        fault::{Fault, FaultKind},
        ids::DeviceId,
        site::{Meter, Site},
    },
};

/// How often at most the share of busy time is told: it is a mean over a minute.
const TELL_BUSY_EVERY: Duration = Duration::from_secs(5);
/// The time over which the share of busy time is a mean.
const BUSY_OVER: Duration = Duration::from_mins(1);

/// A device that is read faster than this is told of this often: nobody sees more, and a thousand requests a second
/// cost less.
const TELL_DEVICE_EVERY: Duration = Duration::from_millis(20);

/// What a worker is asked to do at once.
#[derive(Debug)]
pub enum Command {
    /// Read every device of the connection once.
    PollAll {
        /// Told when it is done.
        done: oneshot::Sender<()>,
    },
    /// Ask this device, whatever its back-off.
    Probe {
        /// Which.
        device: DeviceId,
        /// Told when it is done.
        done: oneshot::Sender<()>,
    },
    /// Say that you are there.
    Ping {
        /// Told when it comes round to this.
        done: oneshot::Sender<()>,
    },
    /// Go on for a site file that was reloaded; of the connection's devices nothing changed.
    Adopt {
        /// What to work with from now on.
        setup: Box<Setup>,
    },
}

/// When devices are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Each at its interval.
    Continuous,
    /// When somebody asks, and never else: for a command that reads once.
    OnRequest,
}

/// The time that all connections of a site have in common: spans since the start of the day (UTC), so that polls fall
/// on full seconds and minutes.
#[derive(Debug, Clone, Copy)]
pub struct Clock(Instant);

/// Connections that stand start the day here; over a day's length, so that no time is before it.
const DAY: Duration = Duration::from_hours(24);

impl Clock {
    /// A clock that agrees with the wall clock now; later jumps of the wall clock do not move it.
    pub fn start() -> Self {
        let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let of_day = Duration::from_nanos(u64::try_from(since_epoch.as_nanos() % DAY.as_nanos()).unwrap_or_default());
        let now = Instant::now();
        Self(now.checked_sub(of_day).unwrap_or(now))
    }

    fn now(self) -> Duration {
        self.0.elapsed()
    }

    fn at(self, time: Duration) -> Instant {
        self.0 + time
    }
}

/// What a worker needs to start, and to start again.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The site.
    pub site: Arc<Site>,
    /// Where it writes.
    pub hub: Arc<Hub>,
    /// The connection's name, for the log.
    pub name: String,
    /// Its number in the hub.
    pub place: usize,
    /// The devices on it.
    pub devices: Vec<DeviceId>,
    /// When they are read.
    pub mode: Mode,
    /// The common time.
    pub clock: Clock,
}

/// One connection and the devices on it.
#[derive(Debug)]
pub struct Worker<B> {
    setup: Setup,
    bus: Lane<B>,
    readers: Vec<Reader>,
    /// The devices' places in the hub.
    places: Vec<usize>,
    /// When each device was told of last, and the requests since then.
    untold: Vec<(Instant, u32)>,
    schedule: Schedule,
    /// Whether anything was answered since the connection was set up.
    answered: bool,
    connects: u64,
    /// The last fault of the connection itself, while it lasts.
    fault: Option<Fault>,
    busy: Busy,
    /// When, and with how many connects, the connection was told of last.
    told: Instant,
    told_connects: u64,
}

/// Share of time in which something was under way.
#[derive(Debug)]
struct Busy {
    share: f64,
    used: Duration,
    since: Instant,
}

impl<B: Bus> Worker<B> {
    /// A worker over a bus that does not stand yet.
    pub fn new(setup: Setup, bus: Lane<B>) -> Self {
        let readers: Vec<Reader> = setup.devices.iter().filter_map(|id| Reader::new(&setup.site, id)).collect();
        let place = |reader: &Reader| setup.hub.device_place(&reader.device().id).unwrap_or(usize::MAX);
        let places = readers.iter().map(place).collect();
        let timing = |reader: &Reader| Timing { every: reader.device().every, timeout: reader.device().timeout };
        let timings: Vec<Timing> = readers.iter().map(timing).collect();
        let long_ago = Instant::now().checked_sub(TELL_DEVICE_EVERY).unwrap_or_else(Instant::now);
        let untold = vec![(long_ago, 0); readers.len()];
        let busy = Busy { share: 0.0, used: Duration::ZERO, since: Instant::now() };
        let schedule = Schedule::new(&timings, fastrand::u64(..));
        Self {
            setup,
            bus,
            readers,
            places,
            untold,
            schedule,
            answered: false,
            connects: 0,
            fault: None,
            busy,
            told: Instant::now(),
            told_connects: 0,
        }
    }

    /// Works until `stop`, and gives the connection back.
    pub async fn run(&mut self, commands: &mut mpsc::Receiver<Command>, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            self.bus.do_jobs().await;
            if let Ok(command) = commands.try_recv() {
                self.serve(command, stop).await;
                continue;
            }
            let now = self.setup.clock.now();
            let action = match self.setup.mode {
                Mode::Continuous => self.schedule.next(now),
                Mode::OnRequest => Action::Wait(now + DAY),
            };
            match action {
                Action::Poll(device) => self.poll(device).await,
                Action::Probe { device, deadline } => self.probe(device, deadline).await,
                Action::Wait(until) => {
                    self.rest().await;
                    tokio::select! {
                        () = sleep_until(self.setup.clock.at(until)) => {}
                        () = self.bus.job_waits() => {}
                        command = commands.recv() => match command {
                            Some(command) => self.serve(command, stop).await,
                            None => break,
                        },
                        () = stop.cancelled() => {}
                    }
                }
            }
        }
        self.bus.close().await;
    }

    async fn serve(&mut self, command: Command, stop: &CancellationToken) {
        let done = match command {
            Command::PollAll { done } => {
                for device in 0..self.readers.len() {
                    if stop.is_cancelled() {
                        break;
                    }
                    self.poll_at_once(device).await;
                    if self.fault.is_some() {
                        break; // The others are behind the same connection, and told so already.
                    }
                }
                done
            }
            Command::Probe { device, done } => {
                if let Some(index) = self.readers.iter().position(|reader| reader.device().id == device) {
                    self.poll_at_once(index).await;
                }
                done
            }
            Command::Ping { done } => done,
            Command::Adopt { setup } => return self.adopt(*setup),
        };
        // Who asked may have gone.
        let _ = done.send(());
    }

    /// Takes another site over. A device whose meters changed is looked at anew; what was learned of the others stays.
    fn adopt(&mut self, setup: Setup) {
        for reader in &mut self.readers {
            let id = reader.device().id.clone();
            let of = |site: &Site| -> Vec<Meter> {
                site.meters.values().filter(|meter| meter.device.as_ref() == Some(&id)).cloned().collect()
            };
            if of(&self.setup.site) != of(&setup.site)
                && let Some(anew) = Reader::new(&setup.site, &id)
            {
                *reader = anew;
            }
        }
        let place = |reader: &Reader| setup.hub.device_place(&reader.device().id).unwrap_or(usize::MAX);
        self.places = self.readers.iter().map(place).collect();
        self.setup = setup;
        self.tell_connection_as_it_is();
    }

    /// What it works with, to be started again.
    pub fn into_setup(self) -> Setup {
        self.setup
    }

    /// A poll that somebody waits for: whatever comes of it is told.
    async fn poll_at_once(&mut self, index: usize) {
        self.schedule.force(index, self.setup.clock.now());
        if let (Some((told, _)), Some(long_ago)) =
            (self.untold.get_mut(index), Instant::now().checked_sub(TELL_DEVICE_EVERY))
        {
            *told = long_ago;
        }
        self.poll(index).await;
    }

    async fn poll(&mut self, index: usize) {
        let started = Instant::now();
        let Some(deadline) = self.readers.get(index).map(|reader| reader.device().timeout) else { return };
        let report = match self.connected(deadline).await {
            Err(fault) => Report::unreachable(fault),
            Ok(()) => match self.readers.get_mut(index) {
                Some(reader) => reader.poll(&mut self.bus, self.connects).await,
                None => return,
            },
        };
        self.finish(index, report, started, true).await;
    }

    async fn probe(&mut self, index: usize, deadline: Duration) {
        let started = Instant::now();
        let Some(timeout) = self.readers.get(index).map(|reader| reader.device().timeout) else { return };
        let report = match self.connected(timeout).await {
            Err(fault) => Report::unreachable(fault),
            Ok(()) => match self.readers.get_mut(index) {
                Some(reader) => reader.probe(&mut self.bus, deadline).await,
                None => return,
            },
        };
        self.finish(index, report, started, false).await;
    }

    /// A connection that stands and is rested.
    async fn connected(&mut self, deadline: Duration) -> Result<(), Fault> {
        if self.bus.is_connected() {
            return Ok(());
        }
        self.bus.connect(deadline).await?;
        self.connects += 1;
        self.answered = false;
        let pauses = self.readers.iter().map(|reader| reader.device().behaviour.pause_after_connect);
        let pause = pauses.max().unwrap_or_default();
        if !pause.is_zero() {
            sleep(pause).await;
        }
        Ok(())
    }

    async fn finish(&mut self, index: usize, mut report: Report, started: Instant, is_poll: bool) {
        let is_unanswered = !self.answered && !report.is_answered();
        let last = report.ended.as_ref().map(|fault| fault.kind);
        if is_unanswered
            && report.outcome == Outcome::Silent
            && matches!(last, Some(FaultKind::Closed | FaultKind::CutOff))
        {
            // Closed before anything was ever answered on it: that is about the connection, not about a unit.
            report.outcome = Outcome::Unreachable;
        }
        self.answered |= report.is_answered();
        if report.outcome == Outcome::Silent && !self.bus.is_connected() && self.others_wait(index) {
            // Part of what the silent device costs: the others find the connection standing.
            let deadline = self.readers.get(index).map(|reader| reader.device().timeout).unwrap_or_default();
            // A failure is found again, and dealt with, by the next poll.
            let _ = self.connected(deadline).await;
        }
        self.schedule.finish(report.outcome, self.setup.clock.now());
        self.busy.used += started.elapsed();
        self.tell_device(index, &mut report, is_poll);
        self.tell_connection(index, &report);
    }

    /// Whether other devices of the connection are being read.
    fn others_wait(&self, index: usize) -> bool {
        (0..self.readers.len()).any(|other| other != index && self.schedule.health(other) == Health::Up)
    }

    /// Between slots: gives the connection back where a device wants that.
    async fn rest(&mut self) {
        let wants = self.readers.iter().any(|reader| reader.device().behaviour.close_after_poll);
        if wants && self.bus.is_connected() {
            self.bus.close().await;
            self.tell_connection_as_it_is();
        }
    }

    fn tell_device(&mut self, index: usize, report: &mut Report, is_poll: bool) {
        let Some((reader, place)) = self.readers.get(index).zip(self.places.get(index)) else { return };
        let Some((told, requests)) = self.untold.get_mut(index) else { return };
        if !is_poll && report.is_answered() || report.is_plain() && told.elapsed() < TELL_DEVICE_EVERY {
            // The poll that follows tells it all.
            *requests = requests.saturating_add(report.requests);
            return;
        }
        report.requests = report.requests.saturating_add(std::mem::take(requests));
        *told = Instant::now();
        let view = status::View::new(&self.schedule, index, self.setup.clock.now());
        let results = if report.is_answered() { reader.results(report) } else { Vec::new() };
        let mut change = None;
        self.setup.hub.update_device(*place, |entry| {
            change = status::apply(entry, reader, report, results, &view);
        });
        if let Some(change) = change {
            change.log(reader);
        }
    }

    fn tell_connection(&mut self, index: usize, report: &Report) {
        let fault = match &report.ended {
            Some(fault) if report.outcome == Outcome::Unreachable => {
                Some(status::with_tries(fault, self.schedule.tries(index)))
            }
            _ => None,
        };
        let is_news = fault.as_ref().map(|fault| fault.kind) != self.fault.as_ref().map(|fault| fault.kind);
        self.fault = fault;
        match &self.fault {
            Some(fault) if is_news => tracing::warn!("{}: {fault}. {}", self.setup.name, fault.kind.advice()),
            None if is_news => tracing::info!("{}: the connection stands again", self.setup.name),
            _ => {}
        }
        if is_news
            || self.fault.is_some()
            || self.told.elapsed() >= TELL_BUSY_EVERY
            || self.told_connects != self.connects
        {
            self.tell_connection_as_it_is();
        }
        if self.fault.is_some() {
            self.tell_unreachable();
        }
    }

    /// What is wrong with the connection is wrong with every device on it.
    fn tell_unreachable(&self) {
        let Some(fault) = &self.fault else { return };
        for (index, (reader, place)) in self.readers.iter().zip(&self.places).enumerate() {
            let view = status::View::new(&self.schedule, index, self.setup.clock.now());
            let mut change = None;
            self.setup.hub.update_device(*place, |entry| {
                change = status::apply_unreachable(entry, reader, fault, &view);
            });
            if let Some(change) = change {
                change.log(reader);
            }
        }
    }

    fn tell_connection_as_it_is(&mut self) {
        let busy = self.busy.measure();
        (self.told, self.told_connects) = (Instant::now(), self.connects);
        let (connected, connects, fault) = (self.bus.is_connected(), self.connects, self.fault.clone());
        self.setup.hub.update_connection(self.setup.place, |live| {
            (live.connected, live.connects, live.busy, live.fault) = (connected, connects, busy, fault);
        });
    }
}

impl Busy {
    /// Takes in what was used since the last time; the share over about a minute.
    fn measure(&mut self) -> f64 {
        let passed = self.since.elapsed();
        if passed >= TELL_BUSY_EVERY || self.share == 0.0 && !passed.is_zero() {
            let share = (self.used.as_secs_f64() / passed.as_secs_f64()).min(1.0);
            let weight = (passed.as_secs_f64() / BUSY_OVER.as_secs_f64()).min(1.0);
            self.share = if self.share == 0.0 { share } else { self.share + (share - self.share) * weight };
            self.used = Duration::ZERO;
            self.since = Instant::now();
        }
        self.share
    }
}
