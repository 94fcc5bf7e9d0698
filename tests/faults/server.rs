//! A device made of raw bytes: what it does with each request is scripted, so that it can do what no honest one does.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use meterdeck::device::modbus::frame::crc16;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
    time::Instant,
};

/// How its frames are delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Frames {
    Mbap,
    Rtu,
}

/// A request as it arrived.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) frames: Frames,
    /// Number of the connection, from 0.
    pub(crate) connection: usize,
    /// Number of the request on all connections, from 0.
    pub(crate) sequence: usize,
    pub(crate) transaction: u16,
    pub(crate) unit: u8,
    pub(crate) function: u8,
    pub(crate) address: u16,
    pub(crate) count: u16,
    pub(crate) since_connect: Duration,
}

/// One step of what the device does.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    Send(Vec<u8>),
    Wait(Duration),
    /// FIN.
    Close,
    /// RST.
    Reset,
}

/// A word that proves where it comes from: 4 bits of unit, 8 of address, 4 of the request's number.
pub(crate) fn word(unit: u8, address: u16, sequence: usize) -> u16 {
    u16::from(unit & 0xF) << 12 | (address & 0xFF) << 4 | (sequence & 0xF) as u16
}

impl Asked {
    /// The words that an honest device would answer.
    pub(crate) fn words(&self) -> Vec<u16> {
        (0..self.count).map(|offset| word(self.unit, self.address + offset, self.sequence)).collect()
    }

    /// The honest answer.
    pub(crate) fn honest(&self) -> Vec<u8> {
        self.with(&self.words())
    }

    /// An answer with these words.
    pub(crate) fn with(&self, words: &[u16]) -> Vec<u8> {
        let mut pdu = vec![self.function, (words.len() * 2) as u8];
        pdu.extend(words.iter().flat_map(|word| word.to_be_bytes()));
        self.frame(&pdu)
    }

    /// An exception.
    pub(crate) fn exception(&self, code: u8) -> Vec<u8> {
        self.frame(&[self.function | 0x80, code])
    }

    /// Any PDU in a right frame.
    pub(crate) fn frame(&self, pdu: &[u8]) -> Vec<u8> {
        match self.frames {
            Frames::Mbap => {
                let mut frame = self.transaction.to_be_bytes().to_vec();
                frame.extend([0, 0]);
                frame.extend((pdu.len() as u16 + 1).to_be_bytes());
                frame.push(self.unit);
                frame.extend(pdu);
                frame
            }
            Frames::Rtu => {
                let mut frame = vec![self.unit];
                frame.extend(pdu);
                frame.extend(crc16(&frame).to_le_bytes());
                frame
            }
        }
    }
}

/// A running device; it ends when dropped.
pub(crate) struct Device {
    pub(crate) address: SocketAddr,
    seen: Arc<Seen>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    open: AtomicUsize,
    most_open: AtomicUsize,
    requests: Requests,
}

/// The requests so far.
pub(crate) type Requests = Mutex<Vec<Asked>>;
/// What is done with a request.
pub(crate) type Script = Arc<dyn Fn(&Asked) -> Vec<Act> + Send + Sync>;
/// What is done with a new connection, by its number, before the first request.
pub(crate) type Greeting = Arc<dyn Fn(usize) -> Vec<Act> + Send + Sync>;

impl Device {
    /// A device that does `script` with each request.
    pub(crate) async fn start(frames: Frames, script: impl Fn(&Asked) -> Vec<Act> + Send + Sync + 'static) -> Self {
        Self::greeting(frames, |_| Vec::new(), script).await
    }

    /// The same, with something done at once on each new connection.
    pub(crate) async fn greeting(
        frames: Frames,
        greeting: impl Fn(usize) -> Vec<Act> + Send + Sync + 'static,
        script: impl Fn(&Asked) -> Vec<Act> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let (greeting, script): (Greeting, Script) = (Arc::new(greeting), Arc::new(script));
        let shared = seen.clone();
        let task = tokio::spawn(async move {
            let mut tasks = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let number = shared.connections.fetch_add(1, Ordering::SeqCst);
                let open = shared.open.fetch_add(1, Ordering::SeqCst) + 1;
                shared.most_open.fetch_max(open, Ordering::SeqCst);
                let (seen, script, first) = (shared.clone(), script.clone(), greeting(number));
                tasks.spawn(async move {
                    serve_tcp(stream, frames, number, first, &script, &seen).await;
                    seen.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, seen, task }
    }

    /// How many connections were ever made to it.
    pub(crate) fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    /// How many connections were open at once, at most.
    pub(crate) fn most_open(&self) -> usize {
        self.seen.most_open.load(Ordering::SeqCst)
    }

    /// The requests so far.
    pub(crate) fn requests(&self) -> Vec<Asked> {
        self.seen.requests.lock().unwrap().clone()
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve_tcp(
    mut stream: TcpStream,
    frames: Frames,
    connection: usize,
    first: Vec<Act>,
    script: &Script,
    seen: &Seen,
) {
    stream.set_nodelay(true).unwrap();
    let since = Instant::now();
    let mut ending = perform(&mut stream, first).await;
    while let Ending::GoOn = ending {
        let Some(asked) = read_request(&mut stream, frames, connection, since, &seen.requests).await else { return };
        ending = perform(&mut stream, script(&asked)).await;
    }
    if let Ending::Reset = ending {
        socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    }
}

/// Serves a serial line with RTU frames until it ends, and writes down what it was asked.
pub(crate) async fn serve_line(mut line: impl AsyncRead + AsyncWrite + Unpin, script: Script, asked: Arc<Requests>) {
    let since = Instant::now();
    while let Some(asked) = read_request(&mut line, Frames::Rtu, 0, since, &asked).await {
        if let Ending::Close | Ending::Reset = perform(&mut line, script(&asked)).await {
            return;
        }
    }
}

enum Ending {
    GoOn,
    Close,
    Reset,
}

async fn perform(stream: &mut (impl AsyncWrite + Unpin), acts: Vec<Act>) -> Ending {
    for act in acts {
        match act {
            Act::Send(bytes) => {
                if stream.write_all(&bytes).await.is_err() || stream.flush().await.is_err() {
                    return Ending::Close;
                }
            }
            Act::Wait(time) => tokio::time::sleep(time).await,
            Act::Close => return Ending::Close,
            Act::Reset => return Ending::Reset,
        }
    }
    Ending::GoOn
}

async fn read_request(
    stream: &mut (impl AsyncRead + Unpin),
    frames: Frames,
    connection: usize,
    since: Instant,
    requests: &Requests,
) -> Option<Asked> {
    let mut transaction = 0;
    if frames == Frames::Mbap {
        let mut header = [0; 6];
        stream.read_exact(&mut header).await.ok()?;
        transaction = u16::from_be_bytes([header[0], header[1]]);
    }
    let mut body = [0; 6];
    stream.read_exact(&mut body).await.ok()?;
    if frames == Frames::Rtu {
        let mut checksum = [0; 2];
        stream.read_exact(&mut checksum).await.ok()?;
        assert_eq!(u16::from_le_bytes(checksum), crc16(&body), "the client's checksum");
    }
    let mut requests = requests.lock().unwrap();
    let asked = Asked {
        frames,
        connection,
        sequence: requests.len(),
        transaction,
        unit: body[0],
        function: body[1],
        address: u16::from_be_bytes([body[2], body[3]]),
        count: u16::from_be_bytes([body[4], body[5]]),
        since_connect: since.elapsed(),
    };
    requests.push(asked);
    Some(asked)
}
