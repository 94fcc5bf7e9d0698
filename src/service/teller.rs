//! Tells clients what changed.

use std::{future::Future, sync::Arc, time::Duration};

use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    dispatcher::{Running, Shared},
    interface::{Event, Request},
    log::MAX_LINES,
    roles,
    who::Peer,
};
use crate::domain::live::Snapshot;

/// A client hears of changes no more often: faster than anybody reads, and a thousand polls make one event.
const TELL_EVERY: Duration = Duration::from_millis(50);
/// How often it is looked up whether somebody may still be told. Whoever asks something is looked up at once.
const LOOK_UP_EVERY: Duration = Duration::from_secs(10);

/// Why a client is not told any more for now.
enum End {
    /// It has gone, or may not be told any more.
    Client,
    /// There is another site.
    Site,
}

/// Waits for work to be done, or for the client to go.
pub(super) async fn unless<T>(gone: &CancellationToken, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        done = work => Some(done),
        () = gone.cancelled() => None,
    }
}

/// Tells a client what changed: at first everything, then only what is new since the last event, as fast as it takes
/// it and no faster than [`TELL_EVERY`]. After a reload of the site file it begins anew.
pub(super) async fn tell(
    running: Arc<Running>,
    peer: Arc<Peer>,
    mut line: u64,
    events: mpsc::Sender<Event>,
    gone: CancellationToken,
) {
    let mut sites = running.current.subscribe();
    loop {
        let shared = Arc::clone(&sites.borrow_and_update());
        let end = tokio::select! {
            end = tell_of(&shared, &peer, &mut line, &events, &gone) => end,
            changed = sites.changed() => if changed.is_ok() { End::Site } else { End::Client },
        };
        if matches!(end, End::Client) || unless(&gone, events.send(Event::SiteChanged)).await != Some(Ok(())) {
            // Whoever may not be told any more is not served any more.
            gone.cancel();
            return;
        }
    }
}

/// Tells of one site.
async fn tell_of(
    shared: &Shared,
    peer: &Peer,
    line: &mut u64,
    events: &mpsc::Sender<Event>,
    gone: &CancellationToken,
) -> End {
    let hub = Arc::clone(shared.poller.hub());
    let (mut changed, mut logged) = (hub.subscribe(), shared.log.subscribe());
    let (mut alarmed, mut alarms) = (shared.alarms.subscribe(), None);
    let mut version = 0;
    let mut looked_up = Instant::now();
    loop {
        let told = Instant::now();
        if told.duration_since(looked_up) >= LOOK_UP_EVERY {
            looked_up = told;
            let rule = roles::rule(&Request::Subscribe);
            if roles::permit(peer, shared.site.access.as_ref(), rule).await.is_err() {
                return End::Client;
            }
        }
        // A place first, then the content: a slow client gets what is true when it takes it.
        let Some(Ok(place)) = unless(gone, events.reserve()).await else { return End::Client };
        changed.borrow_and_update();
        let news = hub.changes_since(version);
        if news.is_empty() {
            drop(place);
        } else {
            version = news.version;
            let Snapshot { meters, devices, connections, statuses } = news.snapshot;
            place.send(Event::Changed { meters, devices, connections });
            if news.has_new_statuses {
                let Some(Ok(place)) = unless(gone, events.reserve()).await else { return End::Client };
                place.send(Event::Statuses { statuses });
            }
        }
        // Those there are already are told first.
        let seen = *alarmed.borrow_and_update();
        if alarms != Some(seen) {
            let Some(Ok(place)) = unless(gone, events.reserve()).await else { return End::Client };
            alarms = Some(*alarmed.borrow_and_update());
            place.send(Event::Alarms { alarms: shared.alarms.list() });
        }
        logged.borrow_and_update();
        for new in shared.log.after(*line, MAX_LINES) {
            let Some(Ok(place)) = unless(gone, events.reserve()).await else { return End::Client };
            *line = new.sequence;
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
        if unless(gone, something).await != Some(true) {
            return End::Client;
        }
    }
}
