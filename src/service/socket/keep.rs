//! A client that outlives its service: when one has gone, the next one is found, and the front only hears of it.

use std::{future::Future, time::Duration};

use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::service::{
    client::{self, Call, Carrier, Client},
    interface::{ErrorKind, Event, ServiceError},
};

/// The first wait before a service is looked for again: one that restarts is back soon.
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// The longest one.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// A front that draws takes its events sooner.
const TELL_PATIENCE: Duration = Duration::from_secs(1);

/// Finds a service.
pub trait Find: Send + 'static {
    /// Tries once.
    ///
    /// # Errors
    /// Why not, in words.
    fn find(&mut self) -> impl Future<Output = Result<Client, String>> + Send;
}

/// A client of `first`, then of whatever is found after it. While there is none, requests wait for `patience` and are then
/// refused. Once `pause` is cancelled, `first` gets no more requests.
pub fn keep(first: Client, find: impl Find, patience: Duration, pause: CancellationToken) -> Client {
    let (client, carrier) = client::pair();
    tokio::spawn(run(carrier, first, find, patience, pause));
    client
}

async fn run(
    mut carrier: Carrier,
    mut inner: Client,
    mut find: impl Find,
    patience: Duration,
    mut pause: CancellationToken,
) {
    while let Some(mut reason) = carry(&mut carrier, inner, &pause).await {
        pause = CancellationToken::new();
        let (begun, mut wait) = (Instant::now(), FIRST_WAIT);
        loop {
            tell(&carrier, Event::Gone { reason }).await;
            tokio::select! {
                () = sleep(wait / 2 + wait.mul_f64(fastrand::f64() / 2.0)) => {}
                () = refuse(&mut carrier, begun + patience) => return,
            }
            match find.find().await {
                Ok(found) => {
                    inner = found;
                    break;
                }
                Err(why) => reason = why,
            }
            wait = (wait * 2).min(LONGEST_WAIT);
        }
        tell(&carrier, Event::Back).await;
    }
}

/// Tells the front; one that takes no events does not need it.
async fn tell(carrier: &Carrier, event: Event) {
    let _ = timeout(TELL_PATIENCE, carrier.events.send(event)).await;
}

/// Carries between a front and a service until the service has gone: why, or `None` where the front has.
async fn carry(carrier: &mut Carrier, mut inner: Client, pause: &CancellationToken) -> Option<String> {
    let Carrier { calls, events } = carrier;
    let mut listens = true;
    loop {
        let event = async {
            match events.reserve().await {
                Ok(place) => (Some(place), inner.events.recv().await),
                Err(_) => (None, None),
            }
        };
        tokio::select! {
            call = calls.recv(), if !pause.is_cancelled() => {
                let Call { request, answer } = call?;
                if inner.requests.pass(Call { request, answer }).await.is_err() {
                    return Some("The service has gone.".to_owned());
                }
            }
            (place, event) = event, if listens => match (place, event) {
                (Some(_), Some(Event::Stopping)) => return Some("The service stops.".to_owned()),
                (Some(place), Some(event)) => place.send(event),
                (Some(_), None) => return Some("The service has gone.".to_owned()),
                (None, _) => listens = false,
            },
            () = pause.cancelled(), if !pause.is_cancelled() => {}
            () = inner.requests.gone(), if !listens => return Some("The service has gone.".to_owned()),
        }
    }
}

/// Refuses requests from a moment on; ends only when the front has gone.
async fn refuse(carrier: &mut Carrier, from: Instant) {
    sleep_until(from).await;
    while let Some(Call { answer, .. }) = carrier.calls.recv().await {
        let message = "The service has gone.".to_owned();
        let hint = Some("Start it with `meterdeck poll`.".to_owned());
        // Nobody may wait any more.
        let _ = answer.send(Err(ServiceError { kind: ErrorKind::Unavailable, message, hint }));
    }
}
