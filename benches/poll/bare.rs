//! The bare client: the same frames over plain tokio sockets, nothing decoded, nothing kept.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, sleep, sleep_until},
};

/// When the bare client asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// The next as soon as the last is answered.
    Closed,
    /// Once a second each, spread over the second.
    Spread,
    /// Once a second each, all at the tick.
    Together,
}

/// Connects to `ports`, warms up a second, and asks for `seconds`; the requests of that time.
pub(crate) async fn run(ports: &[u16], pace: Pace, requests: &[(u16, u16)], seconds: f64) -> u64 {
    let done = Arc::new(AtomicU64::new(0));
    let start = Instant::now() + Duration::from_secs(1);
    for (index, port) in ports.iter().enumerate() {
        let mut stream = TcpStream::connect(("127.0.0.1", *port)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (done, requests) = (Arc::clone(&done), requests.to_vec());
        let offset = match pace {
            Pace::Spread => Duration::from_secs_f64(index as f64 / ports.len() as f64),
            _ => Duration::ZERO,
        };
        tokio::spawn(async move {
            let mut due = start + offset;
            let mut reply = [0; 260];
            loop {
                if pace != Pace::Closed {
                    sleep_until(due).await;
                    due += Duration::from_secs(1);
                }
                for (address, count) in &requests {
                    let mut request = [0, 1, 0, 0, 0, 6, 1, 4, 0, 0, 0, 0];
                    request[8..10].copy_from_slice(&address.to_be_bytes());
                    request[10..].copy_from_slice(&count.to_be_bytes());
                    stream.write_all(&request).await.unwrap();
                    stream.read_exact(&mut reply[..9 + usize::from(*count) * 2]).await.unwrap();
                    done.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    }
    sleep_until(start + Duration::from_millis(950)).await;
    let before = (done.load(Ordering::Relaxed), super::process::usage());
    println!("{}", before.1.cpu_us);
    sleep(Duration::from_secs_f64(seconds)).await;
    done.load(Ordering::Relaxed) - before.0
}
