//! The other side of the wire: answers every read with floats, as fast as tokio can, and notes when it was asked.

use std::{
    io::BufRead as _,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// Asked for in one request frame.
const REQUEST: usize = 12;

struct Seen {
    requests: AtomicU64,
    /// When each unit was asked, of the first connection's port only.
    times: Mutex<Vec<Vec<Instant>>>,
    /// Units from this one on never answer.
    silent_from: u8,
}

/// `ports` listeners; units from `silent_from` on (0: none) do not answer. Says its ports; each line on standard input
/// gets the number of requests so far and then of each unit the intervals, in ms, since the line before.
pub(crate) fn run(ports: usize, silent_from: u8) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let times = Mutex::new(vec![Vec::new(); 256]);
    let seen = Arc::new(Seen { requests: AtomicU64::new(0), times, silent_from });
    let served = Arc::clone(&seen);
    let (say_ports, listen_ports) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        runtime.block_on(async move {
            let mut numbers = Vec::new();
            for _ in 0..ports {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                numbers.push(listener.local_addr().unwrap().port().to_string());
                tokio::spawn(listen(listener, Arc::clone(&served), ports == 1));
            }
            say_ports.send(numbers).unwrap();
            std::future::pending::<()>().await;
        });
    });
    println!("{}", listen_ports.recv().unwrap().join(" "));
    for line in std::io::stdin().lock().lines() {
        if line.is_err() {
            break;
        }
        println!("{}", seen.report());
    }
    println!("{}", seen.report());
}

impl Seen {
    fn report(&self) -> String {
        let mut numbers = vec![self.requests.load(Ordering::Relaxed).to_string()];
        for times in self.times.lock().unwrap().iter_mut() {
            let pairs = times.iter().zip(times.iter().skip(1));
            numbers.extend(pairs.map(|(before, after)| format!("{:.2}", ms(*after - *before))));
            times.clear();
        }
        numbers.join(" ")
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

async fn listen(listener: TcpListener, seen: Arc<Seen>, keep_times: bool) {
    while let Ok((stream, _)) = listener.accept().await {
        stream.set_nodelay(true).unwrap();
        tokio::spawn(answer(stream, Arc::clone(&seen), keep_times));
    }
}

async fn answer(mut stream: TcpStream, seen: Arc<Seen>, keep_times: bool) {
    let mut request = [0; REQUEST];
    let mut reply = Vec::with_capacity(260);
    while stream.read_exact(&mut request).await.is_ok() {
        seen.requests.fetch_add(1, Ordering::Relaxed);
        let unit = request[6];
        let is_silent = seen.silent_from > 0 && unit >= seen.silent_from;
        if keep_times && !is_silent {
            seen.times.lock().unwrap()[usize::from(unit)].push(Instant::now());
        }
        if is_silent {
            continue;
        }
        let count = u16::from_be_bytes([request[10], request[11]]);
        let bytes = u8::try_from(count * 2).unwrap();
        reply.clear();
        reply.extend_from_slice(&request[..4]);
        reply.extend_from_slice(&(u16::from(bytes) + 3).to_be_bytes());
        reply.extend_from_slice(&[unit, request[7], bytes]);
        for index in 0..count / 2 {
            reply.extend_from_slice(&(f32::from(index) + 100.25).to_be_bytes());
        }
        if stream.write_all(&reply).await.is_err() {
            break;
        }
    }
}
