//! `/metrics`: the service's own figures in Prometheus' text format, on a loopback address or a Unix socket.
//!
//! Only what says how the service goes; what meters measure is not there.

use std::{io, time::Duration};

use sha2::{Digest as _, Sha256};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpListener,
    sync::Semaphore,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{client::Requests, socket::server::bind_beside, status::status};
use crate::{
    config::{Listen, Metrics, secret},
    domain::{secret::SecretSource, site::Access},
};

mod text;

/// Who measures at once: one collector, one spare, and a person.
const MAX_AT_ONCE: usize = 4;
/// Longest head of a request; a collector's has a few hundred bytes.
const MAX_HEAD_BYTES: usize = 8 << 10;
/// Most lines in it.
const MAX_HEADERS: usize = 64;
/// Most time for a question and its answer.
const DEADLINE: Duration = Duration::from_secs(5);
/// After the system refused a connection, for want of file descriptors.
const ACCEPT_AGAIN: Duration = Duration::from_millis(200);

/// Serves the figures until `stop`.
///
/// # Errors
/// A place that cannot be listened at.
pub async fn serve(
    metrics: &Metrics,
    access: Option<&Access>,
    requests: Requests,
    stop: CancellationToken,
) -> io::Result<()> {
    let desk = Desk { requests, token: metrics.token.clone(), at_once: Semaphore::new(MAX_AT_ONCE) };
    let desk = std::sync::Arc::new(desk);
    let listener = match &metrics.listen {
        Listen::Loopback(address) => Listener::Loopback(TcpListener::bind(address).await?),
        Listen::Socket(path) => Listener::Socket(bind_beside(path, access)?),
    };
    if let Listener::Loopback(listener) = &listener {
        tracing::info!("figures at http://{}/metrics", listener.local_addr()?);
    }
    loop {
        let stream = tokio::select! {
            stream = listener.accept() => stream,
            () = stop.cancelled() => return Ok(()),
        };
        let Ok(stream) = stream else {
            sleep(ACCEPT_AGAIN).await;
            continue;
        };
        let desk = std::sync::Arc::clone(&desk);
        tokio::spawn(async move {
            let Ok(_place) = desk.at_once.try_acquire() else { return };
            // Who does not ask in time gets no answer.
            let _ = timeout(DEADLINE, desk.answer(stream)).await;
        });
    }
}

enum Listener {
    Loopback(TcpListener),
    Socket(super::socket::server::Listener),
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Listener {
    async fn accept(&self) -> io::Result<Box<dyn Stream>> {
        Ok(match self {
            Self::Loopback(listener) => Box::new(listener.accept().await?.0),
            Self::Socket(listener) => Box::new(listener.accept().await?),
        })
    }
}

struct Desk {
    requests: Requests,
    token: Option<SecretSource>,
    at_once: Semaphore,
}

/// What is asked, as far as it matters.
struct Asked {
    is_for_metrics: bool,
    bearer: Option<String>,
}

impl Desk {
    async fn answer(&self, mut stream: Box<dyn Stream>) -> io::Result<()> {
        let (line, kind, body) = match head(&mut stream).await? {
            None => ("400 Bad Request", "text/plain", "not a request\n".to_owned()),
            Some(asked) if !asked.is_for_metrics => ("404 Not Found", "text/plain", "GET /metrics\n".to_owned()),
            Some(asked) if !self.permits(asked.bearer.as_deref()).await => {
                ("401 Unauthorized", "text/plain", "this needs the token of [metrics]\n".to_owned())
            }
            Some(_) => match status(&self.requests).await {
                Ok(status) => ("200 OK", "text/plain; version=0.0.4; charset=utf-8", text::text(&status)),
                Err(error) => ("503 Service Unavailable", "text/plain", format!("{error}\n")),
            },
        };
        let challenge = if line.starts_with("401") { "WWW-Authenticate: Bearer\r\n" } else { "" };
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {line}\r\nContent-Type: {kind}\r\n{challenge}Content-Length: {length}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body.as_bytes()).await?;
        stream.shutdown().await
    }

    /// Whether who shows this may see the figures. The token is read each time, so that it can be changed.
    async fn permits(&self, bearer: Option<&str>) -> bool {
        let Some(source) = self.token.clone() else { return true };
        let resolved = tokio::task::spawn_blocking(move || secret::resolve(&source)).await;
        let token = match resolved {
            Ok(Ok(token)) => token,
            Ok(Err(error)) => {
                tracing::error!("nobody can measure, the token of [metrics] cannot be had: {error}");
                return false;
            }
            Err(_) => return false,
        };
        // Of hashes, so that the time it takes says nothing about the token.
        bearer.is_some_and(|bearer| Sha256::digest(bearer) == Sha256::digest(token.expose()))
    }
}

/// Reads the head of a request; `None` where it is none.
async fn head(stream: &mut Box<dyn Stream>) -> io::Result<Option<Asked>> {
    let mut bytes = Vec::new();
    loop {
        let room = MAX_HEAD_BYTES.saturating_sub(bytes.len()) as u64;
        if room == 0 || (&mut *stream).take(room).read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(&bytes) {
            Ok(httparse::Status::Partial) => {}
            Err(_) => return Ok(None),
            Ok(httparse::Status::Complete(_)) => {
                let is_for_metrics = request.method == Some("GET") && request.path == Some("/metrics");
                let header = request.headers.iter().find(|header| header.name.eq_ignore_ascii_case("authorization"));
                let value = header.and_then(|header| std::str::from_utf8(header.value).ok());
                let bearer = value.and_then(|value| value.strip_prefix("Bearer ")).map(|token| token.trim().to_owned());
                return Ok(Some(Asked { is_for_metrics, bearer }));
            }
        }
    }
}
