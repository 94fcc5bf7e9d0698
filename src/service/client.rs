//! The handle of a client: requests with answers, and events. What carries them is behind it.

use tokio::sync::{mpsc, oneshot};

use super::interface::{ErrorKind, Event, Request, Response, ServiceError};

/// Requests under way at once from one client: a person's keys and a screen's questions, never more.
pub const MAX_PENDING_REQUESTS: usize = 32;
/// Events that wait for a client; the service holds back and merges what follows.
pub const MAX_PENDING_EVENTS: usize = 16;

/// A request on its way to whatever carries it.
#[derive(Debug)]
pub struct Call {
    /// What is asked.
    pub request: Request,
    /// Where the answer goes.
    pub answer: oneshot::Sender<Result<Response, ServiceError>>,
}

/// The asking half of a client; cheap to clone.
#[derive(Debug, Clone)]
pub struct Requests(mpsc::Sender<Call>);

impl Requests {
    /// Asks and waits for the answer.
    ///
    /// # Errors
    /// What the service refuses, or [`ErrorKind::Unavailable`] where it has gone.
    pub async fn ask(&self, request: Request) -> Result<Response, ServiceError> {
        let gone = || ServiceError {
            kind: ErrorKind::Unavailable,
            message: "The service has gone.".to_owned(),
            hint: Some("Start it with `meterdeck poll`.".to_owned()),
        };
        let (answer, answered) = oneshot::channel();
        self.0.send(Call { request, answer }).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

impl Requests {
    /// Hands on a request that somebody else waits for; gives it back where the service has gone.
    pub(super) async fn pass(&self, call: Call) -> Result<(), Call> {
        self.0.send(call).await.map_err(|refused| refused.0)
    }

    /// Ready when the service has gone.
    pub(super) async fn gone(&self) {
        self.0.closed().await;
    }
}

/// A client of the service.
#[derive(Debug)]
pub struct Client {
    /// For asking.
    pub requests: Requests,
    /// What the service says by itself, after `Request::Subscribe`.
    pub events: mpsc::Receiver<Event>,
}

/// The other end of a [`Client`]: what carries its requests takes them from here.
#[derive(Debug)]
pub struct Carrier {
    /// Requests of the client; ends when the client has gone.
    pub calls: mpsc::Receiver<Call>,
    /// For events to the client.
    pub events: mpsc::Sender<Event>,
}

/// A client and what carries its requests.
pub fn pair() -> (Client, Carrier) {
    let (call_sender, calls) = mpsc::channel(MAX_PENDING_REQUESTS);
    let (events, event_receiver) = mpsc::channel(MAX_PENDING_EVENTS);
    (Client { requests: Requests(call_sender), events: event_receiver }, Carrier { calls, events })
}
