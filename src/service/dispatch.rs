//! Dispatch: requests to the executor and the store, and what the executor says to the alarms.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    alarms::Alarms,
    dispatcher::{Shared, not_found},
    interface::{
        ErrorKind, ServiceError,
        dispatch::{DispatchRequest, DispatchResponse, ListedMeter, MAX_EVENTS, MAX_METERS, MessageAnswer, Summary},
    },
};
use crate::{
    dispatch::{Authority, Disk, Executor, ExecutorError, Setup},
    domain::{
        dispatch::{
            ActionState, Event, EventState, Message,
            desk::{Desk, Planned, Refusal},
            grip::{Moment, Phase},
        },
        ids::DeviceId,
        programme::{self, EventId, ProgrammeMeter, devices_at},
        site::Site,
    },
    poll::Poller,
    store::Store,
};

mod effect;

/// What an executor reaches.
pub(super) struct Reached<'a> {
    pub(super) site: &'a Arc<Site>,
    pub(super) store: Option<&'a Store>,
    pub(super) poller: &'a Poller,
    pub(super) alarms: &'a Arc<Alarms>,
}

/// Starts the executor, which first of all takes up what was left behind; `None` where its journal cannot be read. It works
/// until `stop`, or until [`Executor::end`].
pub(super) fn start(
    reached: &Reached<'_>,
    authority: Authority,
    tasks: &TaskTracker,
    stop: CancellationToken,
) -> Option<Arc<Executor>> {
    let (site, store) = (Arc::clone(reached.site), reached.store.cloned());
    let setup = Setup { site, store, lanes: reached.poller.lanes(), authority };
    match Executor::start(setup, stop.clone()) {
        Ok((executor, run)) => {
            let executor = Arc::new(executor);
            tasks.spawn(run);
            tasks.spawn(watch(Arc::clone(&executor), Arc::clone(reached.alarms), stop));
            Some(executor)
        }
        Err(error) => {
            tracing::error!("the dispatch journal cannot be read: {error}; nothing is dispatched and nothing put back");
            None
        }
    }
}

/// Answers a request. `who` asks.
///
/// # Errors
/// What the desk refuses, and what the disk says.
pub(super) async fn respond(
    shared: &Arc<Shared>,
    request: DispatchRequest,
    who: String,
) -> Result<DispatchResponse, ServiceError> {
    let executor = executor(shared)?;
    match request {
        DispatchRequest::Plan { draft } => Ok(planned(executor.ask(move |desk, now| desk.plan(&draft, now)).await??)),
        DispatchRequest::Review { event } => {
            Ok(planned(executor.ask(move |desk, now| desk.review(&event, now)).await??))
        }
        DispatchRequest::Start { draft, select } => {
            let start = move |desk: &mut Desk, now: &Moment| desk.start(&draft, &select, &who, now);
            let id = executor.begin(start, undo).await?;
            shown(shared, &id).await
        }
        DispatchRequest::Confirm { event, select } => {
            let confirm = move |desk: &mut Desk, now: &Moment| {
                desk.confirm(&event, &select, &who, now)?;
                Ok(event)
            };
            let id = executor.begin(confirm, undo).await?;
            shown(shared, &id).await
        }
        DispatchRequest::Cancel { event } => {
            let id = event.clone();
            executor.ask(move |desk, now| desk.cancel(&id, &who, now)).await??;
            shown(shared, &event).await
        }
        DispatchRequest::Abort => {
            let ids = executor.ask(move |desk, now| desk.abort(&who, now)).await?;
            let events = executor.ask(move |desk, _| ids.iter().filter_map(|id| desk.event(id).cloned()).collect());
            Ok(DispatchResponse::Events { events: events.await? })
        }
        DispatchRequest::Resolve { device, restore } => {
            executor.ask(move |desk, now| desk.resolve(&device, restore, &who, now)).await??;
            Ok(DispatchResponse::Resolved)
        }
        DispatchRequest::List => {
            let events: Vec<Event> = executor.ask(|desk, _| desk.events().into_iter().cloned().collect()).await?;
            Ok(DispatchResponse::Events { events: events.into_iter().take(MAX_EVENTS).collect() })
        }
        DispatchRequest::Show { event } => shown(shared, &event).await,
        DispatchRequest::Import { messages } => import(shared, messages).await,
        DispatchRequest::Effect { event } => {
            let event = found(shared, &event).await?;
            let effects = super::dispatcher::blocking(shared, move |shared| effect::of_event(shared, &event)).await?;
            Ok(DispatchResponse::Effect { effects })
        }
        DispatchRequest::Meters => Ok(meters(shared, executor)),
        DispatchRequest::ImportMeters { meters } => import_meters(shared, meters).await,
        DispatchRequest::Summary => Ok(DispatchResponse::Summary { summary: summary(executor).await? }),
    }
}

fn executor(shared: &Shared) -> Result<&Arc<Executor>, ServiceError> {
    shared.dispatch.as_ref().ok_or_else(|| ServiceError {
        kind: ErrorKind::Failed,
        message: "The dispatch journal cannot be read, so this service does not dispatch.".to_owned(),
        hint: Some("See its log; `meterdeck restore` brings back a backup.".to_owned()),
    })
}

fn planned(planned: Planned) -> DispatchResponse {
    let Planned { plan, start, end, select } = planned;
    DispatchResponse::Planned { plan, start, end, select }
}

/// Takes back what could not be saved.
fn undo(desk: &mut Desk, now: &Moment, id: &EventId) {
    // It is there, and not over: it was accepted a moment ago.
    let _ = desk.cancel(id, "meterdeck: it could not be saved", now);
}

/// An event, from memory or from the journal.
async fn found(shared: &Arc<Shared>, id: &EventId) -> Result<Event, ServiceError> {
    let wanted = id.clone();
    let known = executor(shared)?.ask(move |desk, _| desk.event(&wanted).cloned()).await?;
    if let Some(event) = known {
        return Ok(event);
    }
    let wanted = id.clone();
    let stored = super::dispatcher::blocking(shared, move |shared| match &shared.store {
        Some(store) => Ok(store.dispatch_events(&[wanted])?),
        None => Ok(Vec::new()),
    });
    stored.await?.into_iter().next().ok_or_else(|| not_found(format!("There is no event `{id}`.")))
}

async fn shown(shared: &Arc<Shared>, id: &EventId) -> Result<DispatchResponse, ServiceError> {
    Ok(DispatchResponse::Event { event: Box::new(found(shared, id).await?) })
}

/// Takes messages in, in order. What the journal knows and memory does not is looked up first.
async fn import(shared: &Arc<Shared>, messages: Vec<Message>) -> Result<DispatchResponse, ServiceError> {
    if messages.len() > MAX_EVENTS {
        return Err(invalid(format!("{} events at once are more than {MAX_EVENTS}.", messages.len())));
    }
    let executor = executor(shared)?;
    if executor.disk() == Disk::Fails {
        return Err(ExecutorError::CannotSave.into());
    }
    let ids: Vec<EventId> = messages.iter().map(|message| message.id.clone()).collect();
    let stored = super::dispatcher::blocking(shared, move |shared| match &shared.store {
        Some(store) => Ok(store.dispatch_events(&ids)?),
        None => Ok(Vec::new()),
    });
    let stored: BTreeMap<EventId, Event> = stored.await?.into_iter().map(|event| (event.id.clone(), event)).collect();
    let answers = executor.ask(move |desk, now| {
        let mut answers = Vec::with_capacity(messages.len());
        for message in messages {
            let answer = desk.message(&message, stored.get(&message.id).cloned(), now);
            let (state, changed, reason) = (answer.state, answer.changed, answer.reason);
            answers.push(MessageAnswer { event: message.id, state, changed, reason });
        }
        answers
    });
    Ok(DispatchResponse::Imported { answers: answers.await? })
}

fn meters(shared: &Shared, executor: &Executor) -> DispatchResponse {
    let known = executor.meters();
    let listed = |meter: &ProgrammeMeter| {
        let place = meter.place(&shared.site);
        let devices = place.as_ref().map(|place| devices_at(&shared.site, place)).unwrap_or_default();
        ListedMeter { meter: meter.clone(), devices, unlinked: place.err() }
    };
    let devices = programme::by_device(&shared.site, known.values());
    DispatchResponse::Meters { meters: known.values().map(listed).collect(), devices }
}

async fn import_meters(shared: &Arc<Shared>, meters: Vec<ProgrammeMeter>) -> Result<DispatchResponse, ServiceError> {
    if meters.len() > MAX_METERS {
        return Err(invalid(format!("{} meters at once are more than {MAX_METERS}.", meters.len())));
    }
    let executor = executor(shared)?;
    let merged = super::dispatcher::blocking(shared, move |shared| {
        let store = super::history::store(shared)?;
        let known = store.programme_meters()?;
        let merged = programme::merge(&known, &meters, &shared.site);
        store.save_programme_meters(&merged.store)?;
        Ok((merged, store.programme_meters()?))
    });
    let (merged, all) = merged.await?;
    executor.set_meters(all).await?;
    let programme::Merged { new, changed, linked, unlinked, refused, .. } = merged;
    Ok(DispatchResponse::MetersImported { new, changed, linked, unlinked, refused })
}

/// What dispatch is doing, in short.
async fn summary(executor: &Executor) -> Result<Summary, ExecutorError> {
    let cannot_save = executor.disk() == Disk::Fails;
    executor.ask(move |desk, _| short(desk, cannot_save)).await
}

fn short(desk: &Desk, cannot_save: bool) -> Summary {
    let events = desk.events();
    let count = |state| u32::try_from(events.iter().filter(|event| event.state == state).count()).unwrap_or(u32::MAX);
    let active = events.iter().filter(|event| event.state == EventState::Active);
    let grips = desk.grips();
    let in_phase = |phase| grips.iter().filter(move |(_, grip)| grip.phase == phase);
    let pending = in_phase(Phase::Pending).filter_map(|(id, grip)| Some((id.clone(), grip.pending_since?)));
    let jumped = desk.jumped_ms();
    Summary {
        operates: desk.operates(),
        active: active.map(|event| event.id.clone()).collect(),
        scheduled: count(EventState::Scheduled),
        proposed: count(EventState::Proposed),
        restore_pending: pending.collect(),
        conflicts: in_phase(Phase::Conflict).map(|(id, _)| id.clone()).collect(),
        failed: failed(desk).into_keys().collect(),
        clock_jumped_ms: (jumped != 0).then_some(jumped),
        cannot_save,
    }
}

/// Devices that failed in events that are under way, and why.
fn failed(desk: &Desk) -> BTreeMap<DeviceId, String> {
    let active = desk.events().into_iter().filter(|event| event.state == EventState::Active);
    let failed = active.flat_map(|event| event.actions.iter().filter(|action| action.state == ActionState::Failed));
    let told = failed.map(|action| {
        let reason = action.reason.as_ref().map(ToString::to_string).unwrap_or_default();
        (action.device.clone(), reason)
    });
    told.collect()
}

/// What a person has to know of each device.
fn troubles(desk: &Desk) -> BTreeMap<DeviceId, String> {
    let mut troubles = failed(desk);
    for (device, grip) in desk.grips() {
        let reason = grip.reason.as_ref().map(ToString::to_string).unwrap_or_default();
        match grip.phase {
            Phase::Pending => {
                let since = grip.pending_since.unwrap_or(Timestamp::UNIX_EPOCH);
                troubles.insert(device.clone(), format!("RESTORE PENDING since {since:.0}: {reason}"));
            }
            Phase::Conflict => drop(troubles.insert(device.clone(), reason)),
            _ => {}
        }
    }
    troubles
}

/// Tells the alarms what a person has to know, whenever it changed, until `stop`.
async fn watch(executor: Arc<Executor>, alarms: Arc<Alarms>, stop: CancellationToken) {
    let mut changed = executor.subscribe();
    loop {
        changed.borrow_and_update();
        match executor.ask(|desk, _| troubles(desk)).await {
            Ok(troubles) => alarms.set_dispatch(troubles),
            Err(_) => return,
        }
        // What the executor was asked is a change of its own; what really changes is told soon enough.
        tokio::select! {
            () = tokio::time::sleep(super::alarms::TICK) => {}
            () = stop.cancelled() => return,
        }
        if changed.changed().await.is_err() {
            return;
        }
    }
}

fn invalid(message: String) -> ServiceError {
    ServiceError { kind: ErrorKind::Invalid, message, hint: None }
}

impl From<Refusal> for ServiceError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound(message) => not_found(message),
            Refusal::Invalid(message) => invalid(message),
            Refusal::NotHere => Self {
                kind: ErrorKind::Unavailable,
                message: "This service does not operate equipment: it lives in a command or a terminal.".to_owned(),
                hint: Some("Start the site's service with `meterdeck poll`.".to_owned()),
            },
        }
    }
}

impl From<ExecutorError> for ServiceError {
    fn from(error: ExecutorError) -> Self {
        match error {
            ExecutorError::Refused(refusal) => refusal.into(),
            ExecutorError::Store(error) => error.into(),
            ExecutorError::CannotSave => Self { kind: ErrorKind::Failed, message: format!("{error}."), hint: None },
            ExecutorError::Stopped => {
                Self { kind: ErrorKind::Unavailable, message: "The service stops.".to_owned(), hint: None }
            }
        }
    }
}
