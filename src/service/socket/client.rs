//! A client's end of the socket: the same handle as in process.

use std::{collections::HashMap, io, path::Path, time::Duration};

use tokio::{
    io::BufReader,
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::oneshot,
    time::timeout,
};

use super::{
    Asked, Greeting, MAX_ANSWER_BYTES, MAX_PIECES_BYTES, MAX_REQUEST_BYTES, Said, Welcome,
    frames::{self, Limits},
    path_in,
};
use crate::service::{
    client::{self, Call, Carrier, Client},
    interface::{ErrorKind, Event, INTERFACE_VERSION, Request, Response, ServiceError},
    who,
};

/// How long a service may take to greet: it looks up who asks, perhaps over a network.
const GREETING_DEADLINE: Duration = Duration::from_secs(10);
/// A large answer over a busy machine takes no longer from its first to its last byte.
const ANSWERS: Limits = Limits { bytes: MAX_ANSWER_BYTES, deadline: Duration::from_mins(1) };
/// Rows of an import that travel in one frame: a row has fewer than 250 bytes.
const ROWS_OF_A_FRAME: usize = 4_000;
/// Of a long request in one frame: as text in JSON it grows by its quotes, to twice that at most.
const PIECE_BYTES: usize = 500_000;

type Answer = Result<Response, ServiceError>;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No service listens in this data folder.
    #[error("no service listens there")]
    Nobody,
    /// The data folder or the socket may not be entered.
    #[error("you may not use the service there")]
    NotPermitted,
    /// The service says no.
    #[error(transparent)]
    Refused(#[from] ServiceError),
    /// What listens is no service of this program, or does not answer.
    #[error("what listens there does not answer as meterdeck: {0}")]
    Foreign(io::Error),
}

/// Connects to the service of a data folder.
///
/// # Errors
/// See [`ConnectError`].
pub async fn connect(dir: &Path) -> Result<Client, ConnectError> {
    let stream = UnixStream::connect(path_in(dir)).await.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused | io::ErrorKind::NotADirectory => {
            ConnectError::Nobody
        }
        io::ErrorKind::PermissionDenied => ConnectError::NotPermitted,
        // Too many clients wait at its door, or its path is too long.
        _ => ConnectError::Foreign(error),
    })?;
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    let greeting = Greeting { meterdeck: INTERFACE_VERSION, address: who::claimed_address() };
    let greeted = async {
        if let Some(frame) = frames::of(&greeting, MAX_REQUEST_BYTES) {
            // A service that refuses at once does not read it; what it says is there all the same.
            let _ = frames::write(&mut writer, &frame).await;
        }
        let frame = frames::next(&mut reader, ANSWERS).await?.ok_or(io::ErrorKind::UnexpectedEof)?;
        frames::parse::<Welcome>(&frame)
    };
    let late = |_| ConnectError::Foreign(io::ErrorKind::TimedOut.into());
    let welcome = timeout(GREETING_DEADLINE, greeted).await.map_err(late)?.map_err(ConnectError::Foreign)?;
    if let Some(reason) = welcome.refused {
        return Err(reason.into());
    }
    let (client, carrier) = client::pair();
    tokio::spawn(carry(carrier, reader, writer));
    Ok(client)
}

/// What is asked, and who waits for it.
type Pending = HashMap<u64, oneshot::Sender<Answer>>;

/// Carries requests, answers and events until either side has gone. Who waits for an answer then learns it at once.
async fn carry(carrier: Carrier, reader: BufReader<OwnedReadHalf>, mut writer: OwnedWriteHalf) {
    let Carrier { mut calls, events } = carrier;
    let (answers, mut answered) = tokio::sync::mpsc::channel(1);
    let read = tokio::spawn(read(reader, answers, events));
    let mut pending = Pending::new();
    let mut last = 0_u64;
    loop {
        tokio::select! {
            call = calls.recv() => {
                let Some(Call { request, answer }) = call else { break };
                pending.retain(|_, waiting| !waiting.is_closed());
                last += 1;
                match send(&mut writer, last, request).await {
                    Ok(None) => drop(pending.insert(last, answer)),
                    // Nobody may wait any more.
                    Ok(Some(refusal)) => drop(answer.send(Err(refusal))),
                    Err(_) => break,
                }
            }
            said = answered.recv() => {
                let Some((id, answer)) = said else { break };
                if let Some(waiting) = pending.remove(&id) {
                    let _ = waiting.send(answer);
                }
            }
        }
    }
    read.abort();
}

/// Takes what the service says until it has gone. Events wait here, not answers.
async fn read(
    mut reader: BufReader<OwnedReadHalf>,
    answers: tokio::sync::mpsc::Sender<(u64, Answer)>,
    events: tokio::sync::mpsc::Sender<Event>,
) {
    while let Ok(Some(frame)) = frames::next(&mut reader, ANSWERS).await {
        match frames::parse(&frame) {
            Ok(Said { id: Some(id), answer: Some(answer), .. }) => {
                if answers.send((id, answer)).await.is_err() {
                    return;
                }
            }
            // A command that asked for no events takes none.
            Ok(Said { event: Some(event), .. }) => drop(events.send(event).await),
            Ok(_) => {}
            Err(error) => {
                tracing::error!("the service says something that this client does not understand: {error}");
                return;
            }
        }
    }
}

/// Sends a request, a long one in pieces. One that is longer than all of them is refused here.
async fn send(writer: &mut OwnedWriteHalf, id: u64, request: Request) -> io::Result<Option<ServiceError>> {
    let request = match request {
        Request::Import { mut rows, replace } => {
            let last = rows.split_off(rows.len().saturating_sub(ROWS_OF_A_FRAME));
            for part in rows.chunks(ROWS_OF_A_FRAME) {
                write(writer, &Asked { rows: part.to_vec(), ..Asked::default() }).await?;
            }
            Request::Import { rows: last, replace }
        }
        request => request,
    };
    let asked = Asked { id: Some(id), ask: Some(request), ..Asked::default() };
    if write(writer, &asked).await? {
        return Ok(None);
    }
    let Some(text) = asked.ask.and_then(|request| frames::text_of(&request, MAX_PIECES_BYTES)) else {
        let message = format!("A request has at most {} MiB.", MAX_PIECES_BYTES >> 20);
        let hint = Some("Ask for less at once.".to_owned());
        return Ok(Some(ServiceError { kind: ErrorKind::Invalid, message, hint }));
    };
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (piece, more) = rest.split_at(rest.floor_char_boundary(PIECE_BYTES));
        let id = more.is_empty().then_some(id);
        write(writer, &Asked { id, piece: Some(piece.to_owned()), ..Asked::default() }).await?;
        rest = more;
    }
    Ok(None)
}

/// Whether it was sent; not where no frame takes it.
async fn write(writer: &mut OwnedWriteHalf, asked: &Asked) -> io::Result<bool> {
    let Some(frame) = frames::of(asked, MAX_REQUEST_BYTES) else { return Ok(false) };
    frames::write(writer, &frame).await?;
    Ok(true)
}
