//! Serves one client: looks whether it may, answers what it asks, and has it told what changed once it subscribed.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use jiff::Timestamp;
use tokio::sync::{Semaphore, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    alarms::Alarms,
    audit, chart,
    client::{Call, Carrier, MAX_PENDING_REQUESTS},
    dispatch, history,
    interface::{ErrorKind, Event, INTERFACE_VERSION, MAX_TREND_STEPS, Request, Response, ServiceError},
    log::{LogRing, MAX_LINES},
    powermeters, pue,
    recorder::Recorder,
    records,
    roles::{self, Written},
    statements::{self, Statements},
    teller::{tell, unless},
    who::Peer,
};
use crate::{
    dispatch::Executor,
    domain::site::Site,
    poll::{Poller, worker::Mode},
    store::{Store, StoreError},
};

/// What requests are answered from, as long as the site file is the same.
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
    /// Who moves equipment and puts it back; `None` where its journal cannot be read.
    pub dispatch: Option<Arc<Executor>>,
    /// Utility statements: what goes on with them.
    pub statements: Arc<Statements>,
}

/// A service over its whole life.
#[derive(Debug)]
pub struct Running {
    /// What requests are answered from; another one once the site file was reloaded.
    pub current: watch::Sender<Arc<Shared>>,
    /// How devices are read.
    pub mode: Mode,
    /// Requests under way.
    pub requests: TaskTracker,
    /// Ends all clients.
    pub stop: CancellationToken,
    /// Set when the site's real service asked for devices and store.
    pub hand_over: CancellationToken,
    /// It is the site's real service, which hands nothing over.
    pub stays: AtomicBool,
}

impl Running {
    /// What requests are answered from now.
    pub fn current(&self) -> Arc<Shared> {
        Arc::clone(&self.current.borrow())
    }
}

/// Serves a client until it has gone, or the service stops.
pub async fn serve(running: Arc<Running>, carrier: Carrier, peer: Peer) {
    let Carrier { mut calls, events } = carrier;
    let peer = Arc::new(peer);
    let under_way = Arc::new(Semaphore::new(MAX_PENDING_REQUESTS));
    let gone = running.stop.child_token();
    let _ends_teller = gone.clone().drop_guard();
    let is_subscribed = Arc::new(AtomicBool::new(false));
    loop {
        let call = tokio::select! {
            call = calls.recv() => call,
            () = gone.cancelled() => None,
        };
        let Some(Call { request, answer }) = call else { break };
        let Ok(permit) = Arc::clone(&under_way).acquire_owned().await else { break };
        let one = One { running: Arc::clone(&running), peer: Arc::clone(&peer), gone: gone.clone() };
        let (events, is_subscribed) = (events.clone(), Arc::clone(&is_subscribed));
        running.requests.spawn(async move {
            // Lines after this one are told; a client that asks for the log after its subscription misses none.
            let line = one.running.current().log.last();
            // Whoever does not wait any more does not need the answer.
            if let Some(response) = unless(&one.gone, one.answer(request)).await {
                if response == Ok(Response::Subscribed) && !is_subscribed.swap(true, Ordering::AcqRel) {
                    tokio::spawn(tell(one.running, one.peer, line, events, one.gone));
                }
                let _ = answer.send(response);
            }
            drop(permit);
        });
    }
    if running.stop.is_cancelled() {
        // A client that reads nothing learns it from the channel's end.
        let _ = events.try_send(Event::Stopping);
    }
}

/// One request of one client.
struct One {
    running: Arc<Running>,
    peer: Arc<Peer>,
    gone: CancellationToken,
}

impl One {
    /// Answers a request that its sender may send, and writes down what it changes.
    async fn answer(&self, request: Request) -> Result<Response, ServiceError> {
        let shared = self.running.current();
        let rule = roles::rule(&request);
        let permitted = roles::permit(&self.peer, shared.site.access.as_ref(), rule).await;
        let permitted = permitted.inspect_err(|error| tracing::warn!("refused: {error}"))?;
        match request {
            Request::Hello { version } if version == INTERFACE_VERSION => Ok(Response::Hello {
                version: INTERFACE_VERSION,
                program: env!("CARGO_PKG_VERSION").to_owned(),
                in_process: self.peer.in_process,
                process: std::process::id(),
                polls: self.running.mode == Mode::Continuous,
                role: permitted,
            }),
            Request::HandOver => self.hand_over(),
            // A change goes on, and is written down, whether somebody still waits for it or not.
            request if rule.written != Written::Not => {
                let work = audit::recorded(shared, Arc::clone(&self.peer), request, rule.written);
                self.running.requests.spawn(work).await.unwrap_or_else(|failed| Err(broken(&failed)))
            }
            request => respond(&shared, &self.peer, request).await,
        }
    }

    fn hand_over(&self) -> Result<Response, ServiceError> {
        if self.running.stays.load(Ordering::Acquire) {
            let message = format!(
                "`meterdeck poll` of {} is the service of this data folder: process {}.",
                super::who::user_name(),
                std::process::id()
            );
            return Err(error(
                ErrorKind::Conflict,
                message,
                Some("Stop that process, or name another folder with --data."),
            ));
        }
        tracing::info!("devices and store go over to `meterdeck poll`, started by {}", self.peer.name);
        self.running.hand_over.cancel();
        Ok(Response::HandingOver)
    }
}

#[expect(clippy::too_many_lines, reason = "one arm for each request")]
pub(super) async fn respond(shared: &Arc<Shared>, peer: &Peer, request: Request) -> Result<Response, ServiceError> {
    match request {
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
        Request::Storage => Ok(Response::Storage { storage: shared.store.as_ref().map(Into::into) }),
        Request::Acknowledge { id, note } => shared.alarms.acknowledge(&id, &peer.name, &note).await,
        Request::Shelve { id, until, note } => shared.alarms.shelve(&id, until, &peer.name, &note).await,
        Request::Unshelve { id } => shared.alarms.unshelve(&id, &peer.name).await,
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
            let who = peer.name.clone();
            let record = blocking(shared, move |shared| records::add(shared, &who, &meter, entry, force)).await?;
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
            let who = peer.name.clone();
            let response = blocking(shared, move |shared| statements::respond(shared, &who, request)).await?;
            Ok(Response::Duplicates(response))
        }
        Request::Backup { file } => {
            let may_replace = peer.is_owner();
            let bytes = blocking(shared, move |shared| powermeters::backup(shared, &file, may_replace)).await?;
            Ok(Response::BackedUp { bytes })
        }
        Request::Dispatch(request) => {
            Ok(Response::Dispatch(dispatch::respond(shared, request, peer.name.clone()).await?))
        }
        Request::Audit { after } => blocking(shared, move |shared| audit::page(shared, after)).await,
        Request::AuditVerify => blocking(shared, audit::verify).await,
        Request::HandOver => Err(error(ErrorKind::Invalid, "There is nothing to hand over.".to_owned(), None)),
    }
}

/// Does what waits for the disk, on a thread that may.
pub(super) async fn blocking<T: Send + 'static>(
    shared: &Arc<Shared>,
    work: impl FnOnce(&Shared) -> Result<T, ServiceError> + Send + 'static,
) -> Result<T, ServiceError> {
    let shared = Arc::clone(shared);
    let done = tokio::task::spawn_blocking(move || work(&shared)).await;
    done.unwrap_or_else(|failed| Err(broken(&failed)))
}

fn broken(failed: &tokio::task::JoinError) -> ServiceError {
    error(ErrorKind::Internal, format!("A part of the program failed: {failed}."), None)
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

pub(super) fn error(kind: ErrorKind, message: String, hint: Option<&str>) -> ServiceError {
    ServiceError { kind, message, hint: hint.map(str::to_owned) }
}
