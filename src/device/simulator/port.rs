//! What a simulator listens on: a TCP port or a serial line, with the units behind it.

use std::{
    collections::BTreeMap,
    io,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::{Instant, sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Clock,
    behaviour::Behaviour,
    frame::{Framing, MAX_BUFFERED, Request, Taken, frame, take_request},
    plant::Plant,
    unit::{NO_TARGET, Reply, Unit},
};

/// Connections to one port at a time; more are closed at once.
const MAX_CONNECTIONS: usize = 1_024;
/// A partial RTU frame is forgotten after this silence.
const RTU_SILENCE: Duration = Duration::from_millis(100);
/// How long a port waits before it tries again: after a failed accept, and for the other end of a serial line.
const TRY_AGAIN: Duration = Duration::from_millis(100);
/// A client that takes no bytes for so long is given up.
const WRITE_LIMIT: Duration = Duration::from_secs(10);

/// The units behind one port, and what they share.
#[derive(Debug)]
pub struct Port {
    framing: Framing,
    units: BTreeMap<u8, Arc<Unit>>,
    plant: Arc<Plant>,
    clock: Clock,
    stop: CancellationToken,
    manners: RwLock<Manners>,
    /// Connections now.
    open: AtomicUsize,
}

/// How the port treats a connection: what its units ask for, together.
#[derive(Debug, Default, Clone, Copy)]
struct Manners {
    single: bool,
    single_resets: bool,
    closes_after: Option<u32>,
    drops_idle: Option<Duration>,
    pause: Option<Duration>,
}

impl Port {
    /// A port with units by their numbers.
    pub fn new(
        framing: Framing,
        units: BTreeMap<u8, Arc<Unit>>,
        plant: Arc<Plant>,
        clock: Clock,
        stop: CancellationToken,
    ) -> Self {
        let manners = RwLock::default();
        let port = Self { framing, units, plant, clock, stop, manners, open: AtomicUsize::new(0) };
        port.ask_units_again();
        port
    }

    /// Takes over how the units want connections to be treated, after they changed their mind.
    pub fn ask_units_again(&self) {
        let mut manners = Manners::default();
        for unit in self.units.values() {
            unit.with_behaviours(|behaviours| behaviours.for_each(|behaviour| manners.add(behaviour)));
        }
        *self.manners.write().unwrap_or_else(PoisonError::into_inner) = manners;
    }

    /// Takes connections until it is stopped.
    pub async fn listen(self: Arc<Self>, listener: TcpListener, tasks: TaskTracker) {
        loop {
            let accepted = tokio::select! {
                () = self.stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => self.admit(stream, &tasks),
                // Out of files or the like: the next may work.
                Err(_) => sleep(TRY_AGAIN).await,
            }
        }
    }

    /// Answers on a serial line until it is stopped.
    pub async fn serve_line(self: Arc<Self>, mut line: tokio_serial::SerialStream) {
        let stop = self.stop.clone();
        let serve = async {
            loop {
                // Of a pty: nobody has the other end open.
                let _ = self.converse(&mut line).await;
                sleep(TRY_AGAIN).await;
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = serve => {}
        }
    }

    fn admit(self: &Arc<Self>, stream: TcpStream, tasks: &TaskTracker) {
        let manners = self.manners();
        let others = self.open.fetch_add(1, Ordering::AcqRel);
        let place = Place(Arc::clone(self));
        if others >= MAX_CONNECTIONS || (manners.single && others > 0) {
            if manners.single_resets {
                reset(&stream);
            }
            return;
        }
        let port = Arc::clone(self);
        tasks.spawn(async move {
            let _place = place;
            let _ = stream.set_nodelay(true);
            port.serve_stream(stream).await;
        });
    }

    async fn serve_stream(&self, mut stream: TcpStream) {
        let end = tokio::select! {
            () = self.stop.cancelled() => End::Close,
            end = self.converse(&mut stream) => end.unwrap_or(End::Close),
        };
        if end == End::Reset {
            reset(&stream);
        }
    }

    /// Takes requests and answers them, one after the other, until the connection ends.
    async fn converse(&self, stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> io::Result<End> {
        let connected = Instant::now();
        let mut buffer = Vec::with_capacity(MAX_BUFFERED);
        let mut answered = 0_u32;
        loop {
            match take_request(self.framing, &mut buffer) {
                Taken::Nonsense => return Ok(End::Close),
                Taken::Partial if buffer.len() >= MAX_BUFFERED => return Ok(End::Close),
                Taken::Partial => {
                    if !self.read_more(stream, &mut buffer).await? {
                        return Ok(End::Close);
                    }
                }
                Taken::Request(request) => {
                    let manners = self.manners();
                    if manners.pause.is_some_and(|pause| connected.elapsed() < pause) {
                        continue;
                    }
                    if let Some(end) = self.answer(stream, &request).await? {
                        return Ok(end);
                    }
                    answered += 1;
                    if manners.closes_after.is_some_and(|most| answered >= most) {
                        return Ok(End::Close);
                    }
                }
            }
        }
    }

    /// Reads into the buffer; false at the end, or when nothing came for too long.
    async fn read_more(&self, stream: &mut (impl AsyncRead + Unpin), buffer: &mut Vec<u8>) -> io::Result<bool> {
        let idle = self.manners().drops_idle;
        let partial = self.framing == Framing::Rtu && !buffer.is_empty();
        let limit = if partial { Some(RTU_SILENCE) } else { idle };
        let read = stream.read_buf(buffer);
        let Some(limit) = limit else { return Ok(read.await? > 0) };
        match timeout(limit, read).await {
            Ok(read) => Ok(read? > 0),
            Err(_) if partial => {
                buffer.clear();
                Ok(true)
            }
            Err(_) => Ok(false),
        }
    }

    async fn answer(&self, stream: &mut (impl AsyncWrite + Unpin), request: &Request) -> io::Result<Option<End>> {
        let second = self.clock.second();
        let reply = match self.units.get(&request.unit) {
            Some(unit) => unit.reply(self.framing, request, &self.plant, second),
            None => self.nobody(request),
        };
        let (after, bytes, pause, close) = match reply {
            Reply::Nothing => return Ok(None),
            Reply::Reset => return Ok(Some(End::Reset)),
            Reply::Send { after, bytes, pause, close } => (after, bytes, pause, close),
        };
        if !after.is_zero() {
            sleep(after).await;
        }
        match pause {
            None => write(stream, &bytes).await?,
            Some(pause) => {
                for byte in bytes {
                    write(stream, &[byte]).await?;
                    sleep(pause).await;
                }
            }
        }
        Ok(close.then_some(End::Close))
    }

    /// A gateway says that nobody has the unit number; on a bare line nobody answers.
    fn nobody(&self, request: &Request) -> Reply {
        if self.framing == Framing::Rtu {
            return Reply::Nothing;
        }
        let function = request.pdu.first().copied().unwrap_or_default();
        let bytes = frame(self.framing, request.transaction, request.unit, &[function | 0x80, NO_TARGET]);
        Reply::Send { after: Duration::ZERO, bytes, pause: None, close: false }
    }

    fn manners(&self) -> Manners {
        *self.manners.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Manners {
    fn add(&mut self, behaviour: &Behaviour) {
        match *behaviour {
            Behaviour::SingleConnection => self.single = true,
            Behaviour::SingleConnectionReset => (self.single, self.single_resets) = (true, true),
            Behaviour::Closes(after) => {
                self.closes_after = Some(self.closes_after.map_or(after, |other| other.min(after)));
            }
            Behaviour::DropsIdle(after) => {
                self.drops_idle = Some(self.drops_idle.map_or(after, |other| other.min(after)));
            }
            Behaviour::PauseAfterConnect(pause) => self.pause = self.pause.max(Some(pause)),
            _ => {}
        }
    }
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Close,
    Reset,
}

/// A connection's place among the open ones, given back when it is dropped.
struct Place(Arc<Port>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Makes the close that follows a reset.
fn reset(stream: &TcpStream) {
    let _ = socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

async fn write(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    match timeout(WRITE_LIMIT, stream.write_all(bytes)).await {
        Ok(written) => written,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}
