//! Serves one client: answers what it asks, and tells it what changed once it subscribed.

use std::{future::Future, sync::Arc, time::Duration};

use jiff::Timestamp;
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    alarms::Alarms,
    chart,
    client::{Call, Carrier, MAX_PENDING_REQUESTS},
    history,
    interface::{ErrorKind, Event, INTERFACE_VERSION, MAX_TREND_STEPS, Request, Response, ServiceError},
    log::{LogRing, MAX_LINES},
    powermeters, pue,
    recorder::Recorder,
    records,
    statements::{self, Statements},
};
use crate::{
    domain::site::Site,
    poll::Poller,
    store::{Store, StoreError},
};

/// A client hears of changes no more often: faster than anybody reads, and a thousand polls make one event.
pub const TELL_EVERY: Duration = Duration::from_millis(50);

/// What requests are answered from.
#[derive(Debug)]
pub struct Shared {
    /// The site.
    pub site: Arc<Site>,
    /// Who reads it.
    pub poller: Poller,
    /// The log.
    pub log: LogRing,
    /// What is wrong.
    pub alarms: Arc<Alarms>,
    /// What is kept, where anything is.
    pub store: Option<Store>,
    /// Who keeps it.
    pub recorder: Option<Recorder>,
    /// Utility statements: what goes on with them.
    pub statements: Statements,
    /// Ends all clients.
    pub stop: CancellationToken,
}

/// Serves a client until it has gone, or the service stops.
pub async fn serve(shared: Arc<Shared>, carrier: Carrier) {
    let Carrier { mut calls, events } = carrier;
    let under_way = Arc::new(Semaphore::new(MAX_PENDING_REQUESTS));
    let gone = shared.stop.child_token();
    let _ends_teller = gone.clone().drop_guard();
    let mut is_subscribed = false;
    loop {
        let call = tokio::select! {
            call = calls.recv() => call,
            () = shared.stop.cancelled() => None,
        };
        let Some(Call { request, answer }) = call else { break };
        if request == Request::Subscribe && !std::mem::replace(&mut is_subscribed, true) {
            // Lines after this one are told; a client that asks for the log after its subscription misses none.
            let line = shared.log.last();
            tokio::spawn(tell(Arc::clone(&shared), line, events.clone(), gone.clone()));
        }
        let Ok(permit) = Arc::clone(&under_way).acquire_owned().await else { break };
        let (shared, gone) = (Arc::clone(&shared), gone.clone());
        tokio::spawn(async move {
            // Whoever does not wait any more does not need the answer.
            if let Some(response) = unless(&gone, respond(&shared, request)).await {
                let _ = answer.send(response);
            }
            drop(permit);
        });
    }
    if shared.stop.is_cancelled() {
        // A client that reads nothing learns it from the channel's end.
        let _ = events.try_send(Event::Stopping);
    }
}

async fn unless<T>(gone: &CancellationToken, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        done = work => Some(done),
        () = gone.cancelled() => None,
    }
}

#[expect(clippy::too_many_lines, reason = "one arm for each request")]
async fn respond(shared: &Arc<Shared>, request: Request) -> Result<Response, ServiceError> {
    match request {
        Request::Hello { version } if version == INTERFACE_VERSION => Ok(Response::Hello {
            version: INTERFACE_VERSION,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            in_process: true,
        }),
        Request::Hello { version } => Err(error(
            ErrorKind::Invalid,
            format!("This client speaks version {version} of the interface, the service {INTERFACE_VERSION}."),
            Some("Use the same version of meterdeck for both."),
        )),
        Request::Site => Ok(Response::Site { site: Arc::clone(&shared.site) }),
        Request::Snapshot => Ok(Response::Snapshot { snapshot: Box::new(shared.poller.hub().snapshot()) }),
        Request::Subscribe => Ok(Response::Subscribed),
        Request::PollOnce => {
            shared.poller.poll_all().await;
            Ok(Response::Polled { meters: shared.poller.hub().snapshot().meters })
        }
        Request::Probe { device } => {
            let is_known = shared.poller.probe(&device).await;
            let live = shared.poller.hub().device(&device).filter(|_| is_known);
            let live = live.ok_or_else(|| not_found(format!("There is no device `{device}`.")))?;
            Ok(Response::Probed { device: Box::new(live) })
        }
        Request::Trend { meter, quantity, steps } => {
            if !(1..=MAX_TREND_STEPS).contains(&steps) {
                let message = format!("A trend has 1 to {MAX_TREND_STEPS} steps, not {steps}.");
                return Err(error(ErrorKind::Invalid, message, None));
            }
            let trend = shared.poller.hub().trend(&meter, &quantity, steps, Timestamp::now());
            Ok(Response::Trend { trend: trend.ok_or_else(|| not_found(format!("There is no meter `{meter}`.")))? })
        }
        Request::Log { after } => Ok(Response::Log { lines: shared.log.after(after, MAX_LINES) }),
        Request::Alarms => shared.alarms.listed().await,
        Request::Acknowledge { id, note } => shared.alarms.acknowledge(&id, &note).await,
        Request::Shelve { id, until, note } => shared.alarms.shelve(&id, until, &note).await,
        Request::Unshelve { id } => shared.alarms.unshelve(&id).await,
        Request::History { meter, quantity, span, step_ms } => {
            blocking(shared, move |shared| history::history(shared, &meter, &quantity, span, step_ms)).await
        }
        Request::Chart { meter, quantity, span, columns } => {
            let chart = blocking(shared, move |shared| chart::chart(shared, &meter, &quantity, span, columns)).await?;
            Ok(Response::Chart { chart })
        }
        Request::Intervals { meter, span } => {
            blocking(shared, move |shared| history::intervals(shared, &meter, span)).await
        }
        Request::Import { rows, replace } => {
            blocking(shared, move |shared| history::import(shared, rows, replace)).await
        }
        Request::CountAnew => blocking(shared, history::count_anew).await,
        Request::Meters { id, at } => {
            let meters = blocking(shared, move |shared| powermeters::meters(shared, id.as_ref(), at)).await?;
            Ok(Response::Meters { meters })
        }
        Request::Record { meter, entry, force } => {
            let record = blocking(shared, move |shared| records::add(shared, &meter, entry, force)).await?;
            Ok(Response::Recorded { record: Box::new(record) })
        }
        Request::Records { meter } => {
            let records = blocking(shared, move |shared| records::of_meter(shared, &meter)).await?;
            Ok(Response::Records { records })
        }
        Request::Pue { building, span } => {
            let pue = blocking(shared, move |shared| pue::report(shared, building.as_ref(), span)).await?;
            Ok(Response::Pue { pue })
        }
        Request::Duplicates(request) => {
            let response = blocking(shared, move |shared| statements::respond(shared, request)).await?;
            Ok(Response::Duplicates(response))
        }
        Request::Backup { file } => {
            let bytes = blocking(shared, move |shared| powermeters::backup(shared, &file)).await?;
            Ok(Response::BackedUp { bytes })
        }
        Request::Dispatch(_) => Err(error(ErrorKind::Unavailable, "This service does not dispatch.".to_owned(), None)),
    }
}

/// Does what waits for the disk, on a thread that may.
async fn blocking<T: Send + 'static>(
    shared: &Arc<Shared>,
    work: impl FnOnce(&Shared) -> Result<T, ServiceError> + Send + 'static,
) -> Result<T, ServiceError> {
    let shared = Arc::clone(shared);
    let done = tokio::task::spawn_blocking(move || work(&shared)).await;
    done.unwrap_or_else(|failed| {
        Err(error(ErrorKind::Internal, format!("A part of the program failed: {failed}."), None))
    })
}

/// Tells a client what changed: at first everything, then only what is new since the last event, as fast as it takes
/// it and no faster than [`TELL_EVERY`].
async fn tell(shared: Arc<Shared>, mut line: u64, events: tokio::sync::mpsc::Sender<Event>, gone: CancellationToken) {
    let hub = Arc::clone(shared.poller.hub());
    let (mut changed, mut logged) = (hub.subscribe(), shared.log.subscribe());
    let (mut alarmed, mut alarms) = (shared.alarms.subscribe(), None);
    let mut version = 0;
    loop {
        let told = Instant::now();
        // A place first, then the content: a slow client gets what is true when it takes it.
        let Some(Ok(place)) = unless(&gone, events.reserve()).await else { return };
        changed.borrow_and_update();
        let news = hub.changes_since(version);
        if news.is_empty() {
            drop(place);
        } else {
            version = news.version;
            let snapshot = news.snapshot;
            place.send(Event::Changed {
                meters: snapshot.meters,
                devices: snapshot.devices,
                connections: snapshot.connections,
            });
        }
        // Those there are already are told first.
        let seen = *alarmed.borrow_and_update();
        if alarms != Some(seen) {
            let Some(Ok(place)) = unless(&gone, events.reserve()).await else { return };
            alarms = Some(*alarmed.borrow_and_update());
            place.send(Event::Alarms { alarms: shared.alarms.list() });
        }
        logged.borrow_and_update();
        for new in shared.log.after(line, MAX_LINES) {
            line = new.sequence;
            let Some(Ok(place)) = unless(&gone, events.reserve()).await else { return };
            place.send(Event::Log { line: new });
        }
        let something = async {
            sleep_until(told + TELL_EVERY).await;
            tokio::select! {
                result = changed.changed() => result.is_ok(),
                result = logged.changed() => result.is_ok(),
                result = alarmed.changed() => result.is_ok(),
            }
        };
        if unless(&gone, something).await != Some(true) {
            return;
        }
    }
}

pub(super) fn not_found(message: String) -> ServiceError {
    error(ErrorKind::NotFound, message, None)
}

impl From<StoreError> for ServiceError {
    fn from(problem: StoreError) -> Self {
        let kind = match &problem {
            StoreError::File { .. } => ErrorKind::CannotCreate,
            StoreError::Damaged { .. } | StoreError::Foreign(_) | StoreError::Newer { .. } => ErrorKind::BadData,
            _ => ErrorKind::Failed,
        };
        error(kind, format!("The store cannot do that: {problem}."), None)
    }
}

fn error(kind: ErrorKind, message: String, hint: Option<&str>) -> ServiceError {
    ServiceError { kind, message, hint: hint.map(str::to_owned) }
}
