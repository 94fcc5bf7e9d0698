//! Modbus TCP devices that answer with floats, and note when they were asked.

use std::{
    collections::HashMap,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

/// Some ports with any units behind them.
pub(crate) struct Devices {
    pub ports: Vec<u16>,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    /// The value of the first register; 0: one that changes each time.
    value: u32,
    /// When that value was first sent.
    answered: Option<Instant>,
    /// When each unit of each port was asked.
    asked: HashMap<(u16, u8), Vec<Instant>>,
}

impl Devices {
    pub(crate) fn start(count: usize) -> Self {
        let shared = Arc::<Mutex<Shared>>::default();
        let port = |_| {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = listener.local_addr().unwrap().port();
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    let shared = Arc::clone(&shared);
                    // A connection ends when its client does.
                    thread::spawn(move || serve(stream, port, &shared));
                }
            });
            port
        };
        let ports = (0..count).map(port).collect();
        Self { ports, shared }
    }

    /// From now on the first register has this value; when it was first sent.
    pub(crate) fn set(&self, value: u32) -> Instant {
        {
            let mut shared = self.shared.lock().unwrap();
            (shared.value, shared.answered) = (value, None);
        }
        loop {
            if let Some(answered) = self.shared.lock().unwrap().answered {
                return answered;
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    pub(crate) fn forget(&self) {
        self.shared.lock().unwrap().asked.clear();
    }

    /// Seconds between two polls of each device.
    pub(crate) fn intervals(&self) -> Vec<f64> {
        let shared = self.shared.lock().unwrap();
        let of = |times: &Vec<Instant>| -> Vec<f64> {
            times.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64()).collect()
        };
        shared.asked.values().flat_map(of).collect()
    }
}

fn serve(mut stream: TcpStream, port: u16, shared: &Mutex<Shared>) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    loop {
        let mut request = [0; 12];
        stream.read_exact(&mut request).ok()?;
        let count = u16::from_be_bytes([request[10], request[11]]);
        let (unit, bytes) = (request[6], u8::try_from(count * 2).ok()?);
        let mut answer = request[..4].to_vec();
        answer.extend((u16::from(bytes) + 3).to_be_bytes());
        answer.extend([unit, request[7], bytes]);
        let mut shared = shared.lock().unwrap();
        let now = Instant::now();
        let times = shared.asked.entry((port, unit)).or_default();
        times.push(now);
        let varied = times.len() % 50;
        let base = if shared.value == 0 { varied as f32 + 100.0 } else { shared.value as f32 };
        for float in 0..count / 2 {
            let value = if float == 0 { base } else { base + f32::from(float) };
            answer.extend(if shared.value == 0 || float == 0 { value } else { f32::from(float) }.to_be_bytes());
        }
        stream.write_all(&answer).ok()?;
        if shared.answered.is_none() {
            shared.answered = Some(Instant::now());
        }
    }
}
