//! The site's alarms: about once a second what changed goes to the watch, what came of it to the store and the clients.
//!
//! The rules are in `domain::alarm`; here are the clock, the store and the requests. What cannot be saved, because there
//! is no store or its disk takes nothing, stays in memory and is tried again.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use tokio::{
    sync::{Mutex as AsyncMutex, OnceCell, watch},
    task::spawn_blocking,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use super::interface::{ErrorKind, Response, ServiceError};
use crate::{
    domain::{
        alarm::{
            AlarmKey, AlarmKind, AlarmLine, Desk, DeskError, Observation, Subject,
            watch::{ClockWatch, StoreCondition, Watch},
        },
        ids::{DeviceId, MeterId},
        record::{Book, Record},
        site::Site,
    },
    poll::hub::Hub,
    store::{Saving, Store},
};

/// How often the watch looks: an alarm's delays are whole seconds.
pub(super) const TICK: Duration = Duration::from_secs(1);
/// Ticks between two looks at what technicians recorded.
const RECORDS_EVERY: u32 = 10;
/// What counts as the last day.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// The alarms of a site.
#[derive(Debug)]
pub struct Alarms {
    site: Arc<Site>,
    store: Option<Store>,
    watch: Mutex<Watch>,
    /// Set when what was saved is on the desk.
    loaded: OnceCell<()>,
    /// One saves at a time, so that the newest is the last to be written.
    saving: AsyncMutex<Saver>,
    changed: watch::Sender<u64>,
    /// What a person has to know of each device that dispatch has trouble with.
    dispatch: Mutex<BTreeMap<DeviceId, String>>,
}

#[derive(Debug, Default)]
struct Saver {
    /// The last try failed, and that was logged.
    fails: bool,
}

impl Alarms {
    /// The alarms of a site; in memory only where there is no store.
    pub fn new(site: Arc<Site>, store: Option<Store>) -> Self {
        let zone = TimeZone::get(&site.time_zone).unwrap_or(TimeZone::UTC);
        let watch = Mutex::new(Watch::new(Arc::clone(&site), zone, Desk::default()));
        let (loaded, saving, changed) = (OnceCell::new(), AsyncMutex::default(), watch::Sender::new(0));
        Self { site, store, watch, loaded, saving, changed, dispatch: Mutex::default() }
    }

    /// Watches what the hub says until told to stop, then saves what is left.
    pub async fn run(&self, hub: Arc<Hub>, stop: CancellationToken) {
        self.load().await;
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut version, mut ticks) = (0, 0u32);
        let (began, mut clock) = (Instant::now(), ClockWatch::default());
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                () = stop.cancelled() => break,
            }
            if ticks.is_multiple_of(RECORDS_EVERY) {
                self.read_records().await;
            }
            ticks = ticks.wrapping_add(1);
            let changes = hub.changes_since(version);
            version = changes.version;
            let now = Timestamp::now();
            if let Some(jump) = clock.jump(began.elapsed(), now) {
                tracing::warn!("CLOCK JUMPED by {jump:#}: it is {now} now");
                self.watch().clock_jumped(jump);
            }
            self.watch().tick(changes.snapshot, &self.store_condition(), now);
            self.watch_dispatch(now);
            self.told();
            self.save().await;
        }
        self.save().await;
    }

    /// What a person has to know of each device that dispatch has trouble with, from now on.
    pub fn set_dispatch(&self, troubles: BTreeMap<DeviceId, String>) {
        *self.dispatch.lock().unwrap_or_else(PoisonError::into_inner) = troubles;
    }

    fn watch_dispatch(&self, now: Timestamp) {
        let troubles = self.dispatch.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut watch = self.watch();
        for device in self.site.devices.values().filter(|device| device.control.is_some()) {
            let trouble = troubles.get(&device.id);
            let key = AlarmKey { kind: AlarmKind::DispatchFailed, subject: Subject::Device(device.id.clone()) };
            let (holds, detail) = (Some(trouble.is_some()), trouble.cloned().unwrap_or_default());
            watch.desk.observe(Observation { key, holds, measured: None, detail, out_of_service: false }, now);
        }
    }

    /// What is not normal now.
    pub fn list(&self) -> Vec<AlarmLine> {
        self.watch().desk.list(Timestamp::now())
    }

    /// Counts up when a list of alarms changed.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// To [`super::interface::Request::Alarms`].
    pub async fn listed(&self) -> Result<Response, ServiceError> {
        self.load().await;
        let from = Timestamp::now().checked_sub(DAY).unwrap_or(Timestamp::MIN);
        // What is being saved is neither here nor there.
        let _rests = self.saving.lock().await;
        let saved = match self.store.clone() {
            Some(store) => blocking(move || store.alarm_events_since(from)).await?.map_err(|error| failed(&error))?,
            None => 0,
        };
        let unsaved = u64::try_from(self.watch().desk.unsaved_events_since(from)).unwrap_or(u64::MAX);
        Ok(Response::Alarms { alarms: self.list(), events_last_day: saved.saturating_add(unsaved) })
    }

    /// To [`super::interface::Request::Acknowledge`].
    pub async fn acknowledge(&self, id: &str, who: &str, note: &str) -> Result<Response, ServiceError> {
        self.change(id, |desk, key, now| desk.acknowledge(key, who, note, now)).await
    }

    /// To [`super::interface::Request::Shelve`].
    pub async fn shelve(&self, id: &str, until: Timestamp, who: &str, note: &str) -> Result<Response, ServiceError> {
        self.change(id, |desk, key, now| desk.shelve(key, until, who, note, now)).await
    }

    /// To [`super::interface::Request::Unshelve`].
    pub async fn unshelve(&self, id: &str, who: &str) -> Result<Response, ServiceError> {
        self.change(id, |desk, key, now| desk.unshelve(key, who, now)).await
    }

    /// Lets somebody change an alarm; answered when that is saved, or cannot be for now.
    async fn change(
        &self,
        id: &str,
        change: impl FnOnce(&mut Desk, &AlarmKey, Timestamp) -> Result<(), DeskError>,
    ) -> Result<Response, ServiceError> {
        self.load().await;
        let key: AlarmKey = id.parse().map_err(|error: crate::domain::alarm::BadAlarmKey| ServiceError {
            kind: ErrorKind::Invalid,
            message: format!("{error}."),
            hint: Some("`meterdeck alarms` lists them with their ids.".to_owned()),
        })?;
        change(&mut self.watch().desk, &key, Timestamp::now()).map_err(|error| refused(&error))?;
        self.told();
        self.save().await;
        self.listed().await
    }

    /// Takes over what was saved, once.
    async fn load(&self) {
        let load = || async {
            let Some(store) = self.store.clone() else { return };
            match blocking(move || store.alarms()).await {
                Ok(Ok(saved)) => self.watch().desk = Desk::of(saved),
                Ok(Err(error)) => tracing::error!("the saved alarms cannot be read, they begin anew: {error}"),
                Err(error) => tracing::error!("the saved alarms cannot be read, they begin anew: {error}"),
            }
            // A number that no desk has: whoever subscribed is told what there was.
            self.changed.send_replace(u64::MAX);
        };
        self.loaded.get_or_init(load).await;
    }

    fn told(&self) {
        let version = self.watch().desk.version();
        self.changed.send_if_modified(|told| std::mem::replace(told, version) != version);
    }

    /// Saves what has yet to be saved.
    async fn save(&self) {
        let Some(store) = self.store.clone() else { return };
        let mut saver = self.saving.lock().await;
        let unsaved = {
            let desk = &mut self.watch().desk;
            if desk.is_saved() {
                return;
            }
            desk.take_unsaved()
        };
        let save = move || (store.save_alarms(&unsaved), unsaved);
        match blocking(save).await {
            Ok((Ok(()), _)) => saver.fails = false,
            Ok((Err(error), unsaved)) => {
                self.watch().desk.put_back(unsaved);
                if !std::mem::replace(&mut saver.fails, true) {
                    tracing::warn!("alarms cannot be saved for now, they are kept in memory: {error}");
                }
            }
            Err(error) => tracing::error!("{error}"),
        }
    }

    /// Takes over what technicians recorded: whether meters are in service, and when calibrations are due.
    async fn read_records(&self) {
        let Some(store) = self.store.clone() else { return };
        // What cannot be read now is read the next time.
        let Ok(Ok(records)) = blocking(move || store.all_records()).await else { return };
        let book = |(id, records): (MeterId, Vec<Record>)| {
            let book = Book::of(self.site.meters.get(&id)?, &records, Timestamp::MAX);
            Some((id, book))
        };
        self.watch().set_books(records.into_iter().filter_map(book).collect());
    }

    fn store_condition(&self) -> StoreCondition {
        let Some(store) = &self.store else { return StoreCondition::default() };
        let health = store.health();
        StoreCondition {
            failing: match health.saving {
                Saving::Works => None,
                Saving::Fails { reason, .. } => Some(reason),
            },
            damaged: health.put_aside.map(|copy| format!("put aside as {}, a new one was begun", copy.display())),
        }
    }

    fn watch(&self) -> MutexGuard<'_, Watch> {
        // Each step leaves it whole; a panic elsewhere does not spoil it.
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Does what waits for the disk on a thread that may.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ServiceError> {
    spawn_blocking(work).await.map_err(|error| ServiceError {
        kind: ErrorKind::Internal,
        message: format!("A part of the service failed: {error}."),
        hint: None,
    })
}

fn failed(error: &crate::store::StoreError) -> ServiceError {
    let message = format!("The log of alarms cannot be read: {error}.");
    ServiceError { kind: ErrorKind::Unavailable, message, hint: None }
}

/// A desk's refusal, with what to do instead.
fn refused(error: &DeskError) -> ServiceError {
    let (kind, hint) = match error {
        DeskError::NotThere(_) => (ErrorKind::NotFound, "`meterdeck alarms` lists those there are."),
        DeskError::Acknowledged(_) | DeskError::NotShelved(_) => (ErrorKind::Invalid, "Nothing needs to be done."),
        DeskError::NoNote => {
            (ErrorKind::Invalid, "Say it with --note, such as --note \"works on the feed until noon\".")
        }
        DeskError::LongNote => (ErrorKind::Invalid, "Keep it short; a meter's book takes longer notes."),
        DeskError::Passed => (ErrorKind::Invalid, "Give a time to come, or a duration such as 2h."),
        DeskError::TooLong => (ErrorKind::Invalid, "For longer, record the meter's status as offline."),
    };
    ServiceError { kind, message: error.to_string(), hint: Some(hint.to_owned()) }
}
