//! The figures of the service and its clients: `cargo bench --bench service [-- SECTION…]` with sections `crowd`, `paint`,
//! `key`, `hostile`. The service is the real program in a process of its own; devices are served from here.
#![expect(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    reason = "a measurement ends where what it needs is not there"
)]

use std::{
    fs,
    io::Write as _,
    os::unix::net::UnixStream,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use devices::Devices;
use meterdeck::service::{interface::Request, socket};
use program::{Service, Terminal};

#[path = "service/devices.rs"]
mod devices;
#[path = "service/program.rs"]
mod program;

/// What a hostile client does to the service of a folder until it is told to stop.
type Attack = fn(&Path, &AtomicBool);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let wanted = |section: &str| arguments.is_empty() || arguments.iter().any(|argument| argument == section);
    if wanted("crowd") {
        crowd();
    }
    if wanted("paint") {
        paint();
    }
    if wanted("key") {
        key();
    }
    if wanted("hostile") {
        hostile();
    }
}

/// What a share of the values is at most.
fn share(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * share).round() as usize]
}

/// The service's CPU with nobody and with many attached.
fn crowd() {
    const SECONDS: u64 = 15;
    println!("200 meters with 20 quantities at 1 Hz on 20 connections; share of a core over {SECONDS} s");
    let devices = Devices::start(20);
    let service = Service::start(&devices, 10, "1s");
    let measure = || {
        let before = service.cpu();
        thread::sleep(Duration::from_secs(SECONDS));
        service.cpu().checked_sub(before).unwrap().as_secs_f64() / SECONDS as f64 * 100.0
    };
    let alone = measure();
    println!("  nobody attached       {alone:>6.2} %");
    for count in [1, 32] {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let clients = runtime.block_on(async {
            let mut clients = Vec::new();
            for _ in 0..count {
                let mut client = socket::client::connect(&service.data()).await.unwrap();
                client.requests.ask(Request::Subscribe).await.unwrap();
                clients.push(tokio::spawn(async move { while client.events.recv().await.is_some() {} }));
            }
            clients
        });
        let attached = measure();
        println!(
            "  {count:>2} attached           {attached:>6.2} %  (+{:.2}; to reach with 32: +10)",
            attached - alone
        );
        for client in clients {
            client.abort();
        }
        drop(runtime);
    }
}

/// From a device's answer to the screen of a terminal that is attached.
fn paint() {
    const CHANGES: u32 = 60;
    println!(
        "from a device's answer with a new value to painted in an attached terminal, {CHANGES} changes after quiet"
    );
    let devices = Devices::start(1);
    let service = Service::start(&devices, 1, "500ms");
    let terminal = Terminal::attach(&service);
    terminal.until_shown("attached");
    let mut times = Vec::new();
    for change in 0..CHANGES {
        let value = 101 + change;
        thread::sleep(Duration::from_millis(1300 + u64::from(change % 7) * 50));
        let answered = devices.set(value);
        let painted = terminal.until_shown(&format!("{value}.0 kW"));
        times.push((painted - answered).as_secs_f64() * 1000.0);
    }
    let (half, most) = (share(&mut times, 0.5), share(&mut times, 0.99));
    println!("  p50 {half:.1} ms  p99 {most:.1} ms (to reach: 150)");
}

/// From a key to the screen that it opens.
fn key() {
    const KEYS: usize = 120;
    println!("from a key to painted in an attached terminal, {KEYS} changes of the screen");
    let devices = Devices::start(20);
    let service = Service::start(&devices, 10, "1s");
    let mut terminal = Terminal::attach(&service);
    terminal.until_shown("attached");
    let mut times = Vec::new();
    for turn in 0..KEYS {
        thread::sleep(Duration::from_millis(230));
        let (key, expected) = if turn % 2 == 0 { ("7", "round trip") } else { ("2", "by name") };
        let pressed = Instant::now();
        terminal.press(key);
        times.push((terminal.until_shown(expected) - pressed).as_secs_f64() * 1000.0);
    }
    let (half, most) = (share(&mut times, 0.5), share(&mut times, 0.99));
    println!("  p50 {half:.1} ms  p99 {most:.1} ms (to reach: 16)");
}

/// The poll interval while clients do their worst.
fn hostile() {
    const SECONDS: u64 = 15;
    println!(
        "200 meters at 1 Hz, interval between two polls of a device while clients do their worst, {SECONDS} s each"
    );
    let devices = Devices::start(20);
    let service = Service::start(&devices, 10, "1s");
    let dir = service.data();
    let attacks: [(&str, Attack); 5] = [
        ("nobody", |_, _| ()),
        ("garbage", |dir, stop| {
            while !stop.load(Ordering::Relaxed) {
                if let Ok(mut stream) = UnixStream::connect(socket::path_in(dir)) {
                    let _ = stream.write_all(b"\x00garbage\n\n{}[]\n");
                }
            }
        }),
        ("half frames", |dir, stop| {
            let mut held = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                if let Ok(mut stream) = UnixStream::connect(socket::path_in(dir)) {
                    let _ = stream.write_all(b"{\"meterdeck\":");
                    held.push(stream);
                }
                held.drain(..held.len().saturating_sub(500));
            }
        }),
        ("1 GiB", |dir, stop| {
            let part = vec![b'x'; 1 << 20];
            while !stop.load(Ordering::Relaxed) {
                let Ok(mut stream) = UnixStream::connect(socket::path_in(dir)) else { continue };
                for _ in 0..1024 {
                    if stop.load(Ordering::Relaxed) || stream.write_all(&part).is_err() {
                        break;
                    }
                }
            }
        }),
        ("1,000 connections", |dir, stop| {
            let mut crowd = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                crowd.clear();
                for _ in 0..1000 {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    crowd.extend(UnixStream::connect(socket::path_in(dir)));
                }
            }
        }),
    ];
    for (name, attack) in attacks {
        let stop = AtomicBool::new(false);
        let mut intervals = thread::scope(|scope| {
            scope.spawn(|| attack(&dir, &stop));
            thread::sleep(Duration::from_secs(1));
            devices.forget();
            thread::sleep(Duration::from_secs(SECONDS));
            let intervals = devices.intervals();
            stop.store(true, Ordering::Relaxed);
            intervals
        });
        let mean = intervals.iter().sum::<f64>() / intervals.len() as f64;
        let (p99, worst) = (share(&mut intervals, 0.99), share(&mut intervals, 1.0));
        println!("  {name:<18} mean {mean:.4} s  p99 {p99:.3} s  worst {worst:.3} s (to reach: mean and p99 + 5 %)");
    }
    let _ = fs::metadata(&dir).unwrap();
}
