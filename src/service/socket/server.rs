//! The service's end of the socket: who comes in, and one task for each.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::BufReader,
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::{sleep, timeout},
};
use tokio_util::task::TaskTracker;

use super::{
    Asked, FRAME_DEADLINE, Greeting, MAX_ANSWER_BYTES, MAX_PIECES_BYTES, MAX_REQUEST_BYTES, Said, Welcome,
    frames::{self, Limits},
};
use crate::service::{
    client::{self, Client, Requests},
    dispatcher::{self, Running},
    history::MAX_IMPORT_ROWS,
    interface::{ErrorKind, INTERFACE_VERSION, ImportRow, Request, ServiceError},
    roles,
    who::Peer,
};

mod place;

pub use place::{Listener, bind, bind_beside, give_again};

/// Clients at once.
pub const MAX_CLIENTS: usize = 64;
/// Clients at once of one user who does not run the service, so that nobody keeps the others out.
pub const MAX_CLIENTS_OF_ONE: usize = 16;
/// Between two clients that come in: a crowd that knocks all the time costs next to nothing.
const ACCEPT_EVERY: Duration = Duration::from_millis(5);
/// After the system refused one, for want of file descriptors.
const ACCEPT_AGAIN: Duration = Duration::from_millis(200);
/// Requests of one client that are answered at once; more wait in the socket.
const MAX_UNDER_WAY: usize = 8;
/// Frames that wait to be written to one client.
const MAX_WAITING_FRAMES: usize = 2;
/// Between two frames of one client, on average: 200 a second is more than a person's keys and screens ask.
const FRAME_EVERY: Duration = Duration::from_millis(5);
/// Frames that may come at once after quiet: a screen that is opened.
const BURST: u32 = 64;
/// How long a long request waits for another one to be answered, which is in memory as well.
const PART_PATIENCE: Duration = Duration::from_mins(1);
/// How long a client may take to hear that the service stops.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// Longest pause between two parts of a long request.
const PART_DEADLINE: Duration = Duration::from_secs(30);

const REQUESTS: Limits = Limits { bytes: MAX_REQUEST_BYTES, deadline: FRAME_DEADLINE };

/// Who is connected, by user.
#[derive(Debug, Default)]
struct Seats(Mutex<BTreeMap<u32, usize>>);

/// A place among the clients, given back when it is dropped.
#[derive(Debug)]
struct Seat {
    seats: Arc<Seats>,
    uid: u32,
}

impl Seats {
    fn take(self: &Arc<Self>, uid: u32) -> Option<Seat> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_owner = uid == rustix::process::geteuid().as_raw();
        let all: usize = taken.values().sum();
        let own = taken.entry(uid).or_default();
        if all >= MAX_CLIENTS || !is_owner && *own >= MAX_CLIENTS_OF_ONE {
            return None;
        }
        *own += 1;
        Some(Seat { seats: Arc::clone(self), uid })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = taken.get_mut(&self.uid) {
            *own -= 1;
            if *own == 0 {
                taken.remove(&self.uid);
            }
        }
    }
}

/// Takes clients in until the service stops, and all have heard so.
pub async fn accept(listener: Listener, running: Arc<Running>) {
    let guests = TaskTracker::new();
    take_in_all(&listener, &running, &guests).await;
    drop(listener);
    guests.close();
    guests.wait().await;
}

async fn take_in_all(listener: &Listener, running: &Arc<Running>, guests: &TaskTracker) {
    let seats = Arc::<Seats>::default();
    let one_long = Arc::new(Semaphore::new(1));
    loop {
        let pause = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(stream) => {
                    let guest = Guest { running: Arc::clone(running), one_long: Arc::clone(&one_long) };
                    take_in(guest, stream, &seats, guests);
                    ACCEPT_EVERY
                }
                Err(error) => {
                    tracing::warn!("a client cannot come in: {error}");
                    ACCEPT_AGAIN
                }
            },
            () = running.stop.cancelled() => return,
        };
        tokio::select! {
            () = sleep(pause) => {}
            () = running.stop.cancelled() => return,
        }
    }
}

fn take_in(guest: Guest, stream: UnixStream, seats: &Arc<Seats>, guests: &TaskTracker) {
    // One that has gone already has no user any more.
    let Ok(uid) = stream.peer_cred().map(|peer| peer.uid()) else { return };
    let Some(seat) = seats.take(uid) else {
        let message = "Too many clients are connected.".to_owned();
        refuse_at_once(&stream, ServiceError { kind: ErrorKind::Conflict, message, hint: None });
        return;
    };
    guests.spawn(async move {
        let stop = guest.running.stop.clone();
        let last_words = async {
            stop.cancelled().await;
            sleep(LAST_WORDS).await;
        };
        tokio::select! {
            end = guest.serve(stream, uid) => if let Err(error) = end {
                tracing::debug!("a client of uid {uid} was dropped: {error}");
            },
            () = last_words => {}
        }
        drop(seat);
    });
}

/// Says why, if the socket takes it without waiting.
fn refuse_at_once(stream: &UnixStream, reason: ServiceError) {
    if let Some(frame) = frames::of(&welcome(Some(reason)), MAX_REQUEST_BYTES) {
        let _ = stream.try_write(&frame);
    }
}

fn welcome(refused: Option<ServiceError>) -> Welcome {
    Welcome { meterdeck: INTERFACE_VERSION, program: env!("CARGO_PKG_VERSION").to_owned(), refused }
}

/// What a client of another process needs to be served.
struct Guest {
    running: Arc<Running>,
    /// Held by whoever sends a long request.
    one_long: Arc<Semaphore>,
}

impl Guest {
    async fn serve(self, stream: UnixStream, uid: u32) -> io::Result<()> {
        let (reader, mut writer) = stream.into_split();
        let mut reader = BufReader::new(reader);
        let first = timeout(FRAME_DEADLINE, frames::next(&mut reader, REQUESTS)).await;
        let Some(first) = first.map_err(|_| io::ErrorKind::TimedOut)?? else { return Ok(()) };
        let (peer, refused) = self.greet(&first, uid).await;
        let is_refused = refused.is_some();
        if let Some(frame) = frames::of(&welcome(refused), MAX_REQUEST_BYTES) {
            frames::write(&mut writer, &frame).await?;
        }
        if is_refused {
            return Ok(());
        }
        let (client, carrier) = client::pair();
        let Client { requests, mut events } = client;
        tokio::spawn(dispatcher::serve(Arc::clone(&self.running), carrier, peer.clone()));
        let (frames, waiting) = mpsc::channel(MAX_WAITING_FRAMES);
        let told = frames.clone();
        let tell = async move {
            while let Some(event) = events.recv().await {
                let said = Said { id: None, answer: None, event: Some(event) };
                let Some(frame) = frames::of(&said, MAX_ANSWER_BYTES) else { continue };
                if told.send(frame).await.is_err() {
                    return;
                }
            }
        };
        let listen = Listen { guest: self, peer, requests, frames, parts: Parts::default() };
        let write_all = write(writer, waiting);
        tokio::pin!(write_all);
        tokio::select! {
            end = &mut write_all => return end,
            end = listen.run(reader) => return end,
            // The service ends, or this client may not be served any more.
            () = tell => {}
        }
        write_all.await
    }

    /// Who it is, and why they are refused, if they are.
    async fn greet(&self, first: &[u8], uid: u32) -> (Peer, Option<ServiceError>) {
        let greeting: Option<Greeting> = frames::parse(first).ok();
        let version = greeting.as_ref().map(|greeting| greeting.meterdeck);
        let address = greeting.and_then(|greeting| greeting.address);
        let peer = tokio::task::spawn_blocking(move || Peer::of(uid, address)).await;
        let peer = peer.unwrap_or(Peer { uid, name: format!("uid {uid}"), address: None, in_process: false });
        let refused = match version {
            Some(INTERFACE_VERSION) => {
                let rule = roles::rule(&Request::Hello { version: INTERFACE_VERSION });
                let access = self.running.current().site.access.clone();
                roles::permit(&peer, access.as_ref(), rule).await.err()
            }
            Some(other) => Some(ServiceError {
                kind: ErrorKind::Invalid,
                message: format!(
                    "The service is meterdeck {} with version {INTERFACE_VERSION} of the interface, this client has {other}.",
                    env!("CARGO_PKG_VERSION")
                ),
                hint: Some("Use the same version of meterdeck for both.".to_owned()),
            }),
            None => Some(invalid("This is the service of meterdeck; it expects a greeting.")),
        };
        if let Some(reason) = &refused {
            tracing::warn!("{} was not let in: {reason}", peer.name);
        }
        (peer, refused)
    }
}

fn invalid(message: &str) -> ServiceError {
    ServiceError { kind: ErrorKind::Invalid, message: message.to_owned(), hint: None }
}

/// Writes what waits to a client that reads.
async fn write(mut writer: OwnedWriteHalf, mut waiting: mpsc::Receiver<Vec<u8>>) -> io::Result<()> {
    while let Some(frame) = waiting.recv().await {
        frames::write(&mut writer, &frame).await?;
    }
    Ok(())
}

/// Takes what a client asks.
struct Listen {
    guest: Guest,
    peer: Peer,
    requests: Requests,
    frames: mpsc::Sender<Vec<u8>>,
    parts: Parts,
}

/// What came so far of a long request.
#[derive(Default)]
struct Parts {
    rows: Vec<ImportRow>,
    text: String,
    /// One long request at a time has parts here.
    turn: Option<OwnedSemaphorePermit>,
}

impl Listen {
    async fn run(mut self, mut reader: BufReader<OwnedReadHalf>) -> io::Result<()> {
        let under_way = Arc::new(Semaphore::new(MAX_UNDER_WAY));
        let mut pace = Pace::start();
        loop {
            let next = frames::next(&mut reader, REQUESTS);
            let frame = if self.parts.turn.is_some() {
                timeout(PART_DEADLINE, next).await.map_err(|_| io::ErrorKind::TimedOut)??
            } else {
                next.await?
            };
            let Some(frame) = frame else { return Ok(()) };
            let mut asked: Asked = frames::parse(&frame)?;
            if asked.piece.is_some() || !asked.rows.is_empty() {
                self.take_turn().await?;
                self.parts.take(&mut asked)?;
            }
            if let Some(id) = asked.id {
                let (request, turn) = self.parts.complete(asked.ask).await?;
                let Ok(permit) = Arc::clone(&under_way).acquire_owned().await else { return Ok(()) };
                let (requests, frames) = (self.requests.clone(), self.frames.clone());
                tokio::spawn(async move {
                    answer(id, request, &requests, &frames).await;
                    drop((permit, turn));
                });
            }
            pace.wait().await;
        }
    }

    /// A long request waits for the one before it. Whoever may change nothing is dropped: all long ones change something.
    async fn take_turn(&mut self) -> io::Result<()> {
        if self.parts.turn.is_none() {
            let rule = roles::rule(&Request::Import { rows: Vec::new(), replace: false });
            let access = self.guest.running.current().site.access.clone();
            let permitted = roles::permit(&self.peer, access.as_ref(), rule).await;
            permitted.map_err(|_| io::ErrorKind::PermissionDenied)?;
            let turn = timeout(PART_PATIENCE, Arc::clone(&self.guest.one_long).acquire_owned()).await;
            self.parts.turn = turn.map_err(|_| io::ErrorKind::TimedOut)?.ok();
        }
        Ok(())
    }
}

impl Parts {
    /// Keeps a part.
    fn take(&mut self, asked: &mut Asked) -> io::Result<()> {
        self.rows.append(&mut asked.rows);
        self.text.push_str(&asked.piece.take().unwrap_or_default());
        let is_too_long = self.rows.len() > MAX_IMPORT_ROWS || self.text.len() > MAX_PIECES_BYTES;
        if is_too_long { Err(io::ErrorKind::InvalidData.into()) } else { Ok(()) }
    }

    /// The request with what came before it, and the turn that ends with its answer.
    async fn complete(&mut self, last: Option<Request>) -> io::Result<(Request, Option<OwnedSemaphorePermit>)> {
        let Self { rows: mut all, text, turn } = std::mem::take(self);
        let request = match last {
            Some(Request::Import { rows, replace }) => {
                all.extend(rows);
                Request::Import { rows: all, replace }
            }
            Some(request) => request,
            None => {
                let parsed = tokio::task::spawn_blocking(move || frames::parse(text.as_bytes())).await;
                parsed.map_err(io::Error::other)??
            }
        };
        Ok((request, turn))
    }
}

async fn answer(id: u64, request: Request, requests: &Requests, frames: &mpsc::Sender<Vec<u8>>) {
    let answer = requests.ask(request).await;
    // A site of a thousand meters takes a while to write.
    let frame = tokio::task::spawn_blocking(move || {
        let said = |answer| Said { id: Some(id), answer: Some(answer), event: None };
        frames::of(&said(answer), MAX_ANSWER_BYTES).or_else(|| {
            let too_long = ServiceError {
                kind: ErrorKind::Invalid,
                message: format!("The answer is longer than {} MiB.", MAX_ANSWER_BYTES >> 20),
                hint: Some("Ask for less, or for a shorter time.".to_owned()),
            };
            frames::of(&said(Err(too_long)), MAX_ANSWER_BYTES)
        })
    });
    if let Ok(Some(frame)) = frame.await {
        // A client that has gone does not need it.
        let _ = frames.send(frame).await;
    }
}

/// Holds a client to [`FRAME_EVERY`], after a [`BURST`].
struct Pace {
    /// When all that came so far is paid for.
    paid: tokio::time::Instant,
}

impl Pace {
    fn start() -> Self {
        Self { paid: tokio::time::Instant::now() }
    }

    async fn wait(&mut self) {
        let now = tokio::time::Instant::now();
        self.paid = self.paid.max(now) + FRAME_EVERY;
        let ahead = FRAME_EVERY * BURST;
        if self.paid > now + ahead {
            tokio::time::sleep_until(self.paid - ahead).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_user_leaves_room_for_others() {
        let seats = Arc::<Seats>::default();
        let stranger = 4_000_000_001;
        let mut taken: Vec<Seat> = (0..MAX_CLIENTS_OF_ONE).map(|_| seats.take(stranger).unwrap()).collect();
        assert!(seats.take(stranger).is_none() && seats.take(stranger + 1).is_some());
        taken.pop();
        assert!(seats.take(stranger).is_some());
        let own = rustix::process::geteuid().as_raw();
        while let Some(seat) = seats.take(own) {
            taken.push(seat);
        }
        assert_eq!(taken.len(), MAX_CLIENTS);
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_free_and_a_flood_is_not() {
        let (mut pace, start) = (Pace::start(), tokio::time::Instant::now());
        for _ in 0..BURST {
            pace.wait().await;
        }
        assert!(start.elapsed() < FRAME_EVERY);
        for _ in 0..200 {
            pace.wait().await;
        }
        assert!((990..1010).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    }
}
