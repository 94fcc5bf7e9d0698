//! What bytes travel on: a TCP connection or a serial line; how it is opened, and what its errors mean.

use std::{
    io,
    path::Path,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, lookup_host},
};
use tokio_serial::{ClearBuffer, SerialPort as _, SerialStream};

use crate::{
    domain::{
        fault::{Fault, FaultKind},
        site::Parity,
    },
    text::clean,
};

/// After how long without traffic the kernel asks whether the other side is still there: an idle connection that a
/// firewall has forgotten is noticed before the next request in the usual case.
const KEEP_ALIVE_AFTER: Duration = Duration::from_secs(30);
/// Distance of the kernel's questions after that.
const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(10);
/// A byte on a serial line: start bit, 8 data bits, parity or second stop bit, stop bit.
const BITS_PER_CHARACTER: u32 = 11;
/// Silence between RTU frames at more than 19,200 baud (Modbus over serial line 1.02, 2.5.1.1).
pub(super) const LEAST_SILENCE: Duration = Duration::from_micros(1750);

/// A TCP connection or a serial line.
#[derive(Debug)]
pub(super) enum Wire {
    Tcp(TcpStream),
    Serial(Box<SerialStream>),
}

impl Wire {
    /// Resolves `address` and connects to the first of its addresses that answers; bounded by the caller's deadline.
    pub(super) async fn connect(address: &str) -> Result<Self, Fault> {
        let unresolved = |error: io::Error| Fault::new(FaultKind::Unresolved, clean(&error.to_string()));
        let mut last = Fault::new(FaultKind::Unresolved, "the name has no address");
        for address in lookup_host(address).await.map_err(unresolved)? {
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    let keep_alive =
                        socket2::TcpKeepalive::new().with_time(KEEP_ALIVE_AFTER).with_interval(KEEP_ALIVE_EVERY);
                    // Neither is needed for a right answer: a system that refuses them is not worth a fault.
                    let _ = stream.set_nodelay(true);
                    let _ = socket2::SockRef::from(&stream).set_tcp_keepalive(&keep_alive);
                    return Ok(Self::Tcp(stream));
                }
                Err(error) => last = connect_fault(&error),
            }
        }
        Err(last)
    }

    /// Opens a serial line for this program alone, with nothing in its buffers.
    pub(super) fn open(path: &Path, baud: u32, parity: Parity, stop_bits: u8) -> Result<Self, Fault> {
        let missing = |error: tokio_serial::Error| Fault::new(FaultKind::SerialMissing, clean(&error.to_string()));
        let builder = tokio_serial::new(path.to_string_lossy(), baud)
            .parity(match parity {
                Parity::None => tokio_serial::Parity::None,
                Parity::Even => tokio_serial::Parity::Even,
                Parity::Odd => tokio_serial::Parity::Odd,
            })
            .stop_bits(if stop_bits == 2 { tokio_serial::StopBits::Two } else { tokio_serial::StopBits::One })
            .exclusive(true);
        let port = SerialStream::open(&builder).map_err(missing)?;
        port.clear(ClearBuffer::All).map_err(missing)?;
        Ok(Self::Serial(Box::new(port)))
    }

    /// Reads what is there without waiting; for a TCP connection on which nothing has arrived this is no system call.
    pub(super) fn try_read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_read(bytes),
            Self::Serial(port) => port.try_read(bytes),
        }
    }

    /// What an error while reading or writing means.
    pub(super) fn fault(&self, error: &io::Error) -> Fault {
        match self {
            Self::Tcp(_) => connect_fault(error),
            Self::Serial(_) => Fault::new(FaultKind::SerialMissing, clean(&error.to_string())),
        }
    }

    /// What the end of the stream means.
    pub(super) fn end(&self, received: usize) -> Fault {
        match self {
            Self::Serial(_) => Fault::new(FaultKind::SerialMissing, "the line has gone"),
            Self::Tcp(_) if received == 0 => Fault::new(FaultKind::Closed, "before an answer"),
            Self::Tcp(_) => Fault::new(FaultKind::CutOff, format!("after {received} bytes of an answer")),
        }
    }
}

/// The silence that ends an RTU frame: 3.5 characters.
pub(super) fn silence(baud: u32) -> Duration {
    let bits = f64::from(BITS_PER_CHARACTER) * 3.5;
    Duration::from_secs_f64(bits / f64::from(baud.max(1))).max(LEAST_SILENCE)
}

fn connect_fault(error: &io::Error) -> Fault {
    use io::ErrorKind as Kind;
    let kind = match error.kind() {
        Kind::ConnectionRefused => FaultKind::Refused,
        Kind::ConnectionReset | Kind::ConnectionAborted => FaultKind::Reset,
        Kind::BrokenPipe | Kind::NotConnected | Kind::UnexpectedEof => FaultKind::Closed,
        Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::NetworkDown | Kind::TimedOut => FaultKind::NoLink,
        _ => FaultKind::Other,
    };
    let detail = match kind {
        FaultKind::Other => clean(&error.to_string()),
        FaultKind::NoLink => error.kind().to_string(),
        _ => String::new(),
    };
    Fault::new(kind, detail)
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(context, into),
            Self::Serial(port) => Pin::new(port.as_mut()).poll_read(context, into),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Serial(port) => Pin::new(port.as_mut()).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(context),
            // A serial flush is tcdrain, which blocks the thread until the last bit is out; the answer tells as much.
            Self::Serial(_) => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Serial(_) => Poll::Ready(Ok(())),
        }
    }
}
