//! The executor's task: what comes in, the desk, the disk, the devices.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::{Timestamp, tz::TimeZone};
use tokio::{
    sync::{mpsc, watch},
    task::spawn_blocking,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{Answer, Authority, Disk, Request, Setup, work};
use crate::{
    device::lane::Jobs,
    domain::{
        dispatch::{
            desk::{Desk, Job, Row},
            grip::{Moment, Report},
        },
        ids::DeviceId,
        programme::{ProgrammeMeter, ProgrammeMeterId},
        site::Site,
    },
    store::{DispatchKept, Store},
};

/// Reports that wait for the desk: each device has one job under way.
const MAX_WAITING_REPORTS: usize = 1_024;
/// The longest sleep: the wall clock is looked at so often, as it may jump.
const LOOK_AT_CLOCK: Duration = Duration::from_secs(1);
/// A disk that takes nothing is tried again after this.
const SAVE_AGAIN: Duration = Duration::from_secs(1);
/// Rows that wait for the disk: more than a day of a site's worst weather. What is more is only in the log.
const MAX_UNSAVED: usize = 50_000;

/// Both clocks, as the desk wants them.
#[derive(Debug, Clone)]
pub struct Clock {
    began: Instant,
    zone: TimeZone,
}

impl Clock {
    /// Clocks of a site, from now on.
    pub fn start(site: &Site) -> Self {
        Self { began: Instant::now(), zone: TimeZone::get(&site.time_zone).unwrap_or(TimeZone::UTC) }
    }

    /// The moment.
    pub fn now(&self) -> Moment {
        let wall = Timestamp::now();
        Moment { wall, mono: self.began.elapsed(), day: wall.to_zoned(self.zone.clone()).date() }
    }
}

/// The task's state.
pub(super) struct Runner {
    desk: Desk,
    clock: Clock,
    site: Arc<Site>,
    store: Option<Store>,
    lanes: BTreeMap<DeviceId, Jobs>,
    requests: mpsc::Receiver<Request>,
    reports: mpsc::Receiver<(DeviceId, u64, Report)>,
    report: mpsc::Sender<(DeviceId, u64, Report)>,
    changed: watch::Sender<u64>,
    saving: watch::Sender<Disk>,
    /// Rows that the disk has not taken yet.
    unsaved: Vec<Row>,
    /// Commands that wait for it.
    held_back: Vec<Job>,
    /// When to try the disk again.
    save_at: Option<Instant>,
}

impl Runner {
    pub(super) fn new(
        setup: Setup,
        meters: Arc<BTreeMap<ProgrammeMeterId, ProgrammeMeter>>,
        requests: mpsc::Receiver<Request>,
        (changed, saving): (watch::Sender<u64>, watch::Sender<Disk>),
    ) -> Self {
        let Setup { site, store, lanes, authority } = setup;
        let (report, reports) = mpsc::channel(MAX_WAITING_REPORTS);
        let operates = authority == Authority::Operate && store.is_some();
        Self {
            desk: Desk::new(Arc::clone(&site), meters, operates),
            clock: Clock::start(&site),
            site,
            store,
            lanes,
            requests,
            reports,
            report,
            changed,
            saving,
            unsaved: Vec::new(),
            held_back: Vec::new(),
            save_at: None,
        }
    }

    pub(super) async fn run(mut self, kept: DispatchKept, stop: CancellationToken) {
        let now = self.clock.now();
        self.desk.recover(kept.subjects, kept.last_number, &now);
        self.carry_out(Vec::new()).await;
        loop {
            let mut answers = Vec::new();
            let wake = self.wake();
            tokio::select! {
                request = self.requests.recv() => match request {
                    Some(request) => answers.push(self.serve(request)),
                    None => break,
                },
                Some((device, ticket, report)) = self.reports.recv() => {
                    self.desk.report(&device, ticket, report, &self.clock.now());
                }
                () = sleep_until(wake) => {}
                () = stop.cancelled() => break,
            }
            // What came in since is taken together, and stored in one commit.
            while let Ok((device, ticket, report)) = self.reports.try_recv() {
                self.desk.report(&device, ticket, report, &self.clock.now());
            }
            while let Ok(request) = self.requests.try_recv() {
                answers.push(self.serve(request));
            }
            self.desk.tick(&self.clock.now());
            self.carry_out(answers).await;
        }
        // What is on its way is taken up at the next start.
        let _ = self.save(true).await;
    }

    fn wake(&self) -> Instant {
        let now = Instant::now();
        let due = self.desk.next_due().map(|due| self.clock.began + due);
        let wake = due.map_or(now + LOOK_AT_CLOCK, |due| due.min(now + LOOK_AT_CLOCK));
        self.save_at.map_or(wake, |at| at.min(wake))
    }

    fn serve(&mut self, request: Request) -> Answer {
        let now = self.clock.now();
        request(&mut self.desk, &now, *self.saving.borrow())
    }

    /// Stores the rows, then begins the jobs and gives the answers.
    async fn carry_out(&mut self, answers: Vec<Answer>) {
        let outcome = self.desk.take();
        let has_news = !outcome.rows.is_empty();
        for row in &outcome.rows {
            tracing::info!("{} by {}: {}", words(row), row.who, row.what);
        }
        let room = MAX_UNSAVED.saturating_sub(self.unsaved.len());
        self.unsaved.extend(outcome.rows.into_iter().take(room));
        let disk = self.save(has_news).await;
        for job in outcome.jobs {
            self.held_back.retain(|held| held.device != job.device);
            if disk == Disk::Fails && job.work.is_command() { self.held_back.push(job) } else { self.begin(job) }
        }
        if disk == Disk::Takes {
            for job in std::mem::take(&mut self.held_back) {
                self.begin(job);
            }
        }
        let now = self.clock.now();
        for answer in answers {
            answer(&mut self.desk, &now, disk);
        }
        if has_news {
            self.changed.send_modify(|version| *version = version.wrapping_add(1));
        }
    }

    /// Writes the rows that wait, all in one commit. A disk that failed is tried again after a while, unless `at_once`.
    async fn save(&mut self, at_once: bool) -> Disk {
        let Some(store) = self.store.clone() else { return Disk::Fails };
        let waits = self.save_at.is_some_and(|at| at > Instant::now()) && !at_once;
        if self.unsaved.is_empty() || waits {
            return *self.saving.borrow();
        }
        let rows = std::mem::take(&mut self.unsaved);
        let written = spawn_blocking(move || {
            let written = store.add_dispatch_rows(&rows);
            (rows, written)
        });
        let disk = match written.await {
            Ok((_, Ok(()))) => Disk::Takes,
            Ok((rows, Err(error))) => {
                if *self.saving.borrow() == Disk::Takes {
                    tracing::error!(
                        "CANNOT SAVE the dispatch journal: {error}. Nothing new is begun; what is held goes back"
                    );
                }
                self.unsaved = rows;
                Disk::Fails
            }
            // The thread failed by a bug, and the rows with it: what they said is in the log.
            Err(error) => {
                tracing::error!("a part of the program failed: {error}");
                Disk::Fails
            }
        };
        self.save_at = (disk == Disk::Fails).then(|| Instant::now() + SAVE_AGAIN);
        self.saving.send_replace(disk);
        disk
    }

    /// Hands a job to its device's connection.
    fn begin(&self, job: Job) {
        if !self.desk.is_wanted(&job.device, job.ticket) {
            return;
        }
        let report = self.report.clone();
        let begun = self.site.devices.get(&job.device).and_then(|device| {
            let lane = self.lanes.get(&job.device)?;
            work::begin(device, lane, &job.work)
        });
        tokio::spawn(async move {
            let told = match begun {
                Some(work) => work.await,
                None => work::nothing("the device cannot be asked"),
            };
            // Nobody waits for it once the executor has stopped.
            let _ = report.send((job.device, job.ticket, told)).await;
        });
    }
}

fn words(row: &Row) -> String {
    match &row.subject {
        crate::domain::dispatch::desk::Subject::Event(id) => format!("dispatch {id}"),
        crate::domain::dispatch::desk::Subject::Device(id) => format!("dispatch of {id}"),
    }
}
