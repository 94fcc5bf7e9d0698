//! The figures of polling, each beside the plainest thing that could do the same: `cargo bench --bench poll [-- SECTION…]`
//! with sections `rate`, `thousand`, `port`, `silent`; `long` measures longer. Every role is a process of its own.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    reason = "a measurement ends where what it needs is not there"
)]

use std::time::Duration;

use process::{Role, usage};

#[path = "poll/bare.rs"]
mod bare;
#[path = "poll/ours.rs"]
mod ours;
#[path = "poll/process.rs"]
mod process;
#[path = "poll/server.rs"]
mod server;

/// Registers of a request of the rate section: 19 floats.
const RATE: (u16, u16) = (0, 19);
/// The two requests of the thousand section: 10 floats each, too far apart to be one.
const THOUSAND: [(u16, u16); 2] = [(0, 10), (200, 10)];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    if arguments.first().is_some_and(|first| first == "role") {
        return role(&arguments[1], &arguments[2..]);
    }
    let is_long = arguments.iter().any(|argument| argument == "long");
    let wanted = |section: &str| {
        arguments.iter().all(|argument| argument == "long") || arguments.iter().any(|argument| argument == section)
    };
    if wanted("rate") {
        rate(1, if is_long { 15.0 } else { 4.0 });
        rate(100, if is_long { 15.0 } else { 4.0 });
    }
    if wanted("thousand") {
        thousand(if is_long { 30.0 } else { 10.0 });
    }
    if wanted("port") {
        port();
    }
    if wanted("silent") {
        for silent in [1, 10] {
            silent_units(silent, if is_long { 240.0 } else { 60.0 });
        }
    }
}

/// A client's figures: requests a second, and CPU a request in µs, and its most memory in MiB.
struct Figures {
    rate: f64,
    cpu_us: f64,
    peak_mib: f64,
}

fn measure(name: &str, ports: &[f64], more: &[String], seconds: f64) -> Figures {
    let ports: Vec<String> = ports.iter().map(f64::to_string).collect();
    let arguments = [&[seconds.to_string(), ports.join(",")], more].concat();
    let mut client = Role::start(name, &arguments);
    let before = client.numbers()[0];
    let numbers = client.numbers();
    let [requests, cpu_us, peak_mib] = numbers[..] else { panic!("{numbers:?}") };
    Figures { rate: requests / seconds, cpu_us: (cpu_us - before) / requests, peak_mib }
}

fn rate(connections: usize, seconds: f64) {
    let mut server = Role::start("server", &[connections.to_string(), "0".to_owned()]);
    let ports = server.numbers();
    println!("request rate, {connections} connection(s), 38 registers a request, closed loop (3 rounds, best of each)");
    let mut best: [Option<Figures>; 2] = [None, None];
    for _ in 0..3 {
        for (place, name) in [(0, "bare-closed"), (1, "ours-closed")] {
            let units = if connections == 1 { 50 } else { 8 };
            let figures = measure(name, &ports, &[units.to_string()], seconds);
            if best[place].as_ref().is_none_or(|best| best.rate < figures.rate) {
                best[place] = Some(figures);
            }
        }
    }
    let [Some(bare), Some(ours)] = best else { return };
    println!("  bare tokio ping-pong  {:>9.0}/s  {:>6.1} us CPU a request", bare.rate, bare.cpu_us);
    println!("  whole poll path       {:>9.0}/s  {:>6.1} us CPU a request", ours.rate, ours.cpu_us);
    println!("  ratio                 {:>9.2}    (to reach: 0.80)", ours.rate / bare.rate);
}

fn thousand(seconds: f64) {
    let mut server = Role::start("server", &["1000".to_owned(), "0".to_owned()]);
    let ports = server.numbers();
    println!("1,000 devices on 1,000 connections, 20 quantities each in 2 requests a second");
    let spread = measure("bare-spread", &ports, &[], seconds);
    let together = measure("bare-together", &ports, &[], seconds);
    let ours = measure("ours-thousand", &ports, &[], seconds);
    for (name, figures) in [("bare, spread", &spread), ("bare, together", &together), ("whole poll path", &ours)] {
        let Figures { rate, cpu_us, peak_mib } = figures;
        println!("  {name:<16} {rate:>6.0}/s  {cpu_us:>6.1} us CPU a request  {peak_mib:>5.1} MiB");
    }
    let (of_spread, of_together) = (ours.cpu_us / spread.cpu_us, ours.cpu_us / together.cpu_us);
    println!("  {of_spread:.2} x spread (to reach: 0.40) or {of_together:.2} x together (to reach: 1.60)");
    println!("  memory {:.1} MiB (to reach: 48)", ours.peak_mib);
}

fn port() {
    let mut server = Role::start("server", &["1".to_owned(), "0".to_owned()]);
    let ports = server.numbers();
    println!("50 units on one port, 36 floats each, once a second");
    let ours = measure("ours-port", &ports, &[], 10.0);
    println!("  one request a value   {:>6}/s", 50 * 36);
    println!("  whole poll path       {:>6.0}/s  (to reach: 100)", ours.rate);
}

fn silent_units(silent: u8, seconds: f64) {
    let from = 51 - silent;
    let mut server = Role::start("server", &["1".to_owned(), from.to_string()]);
    let ports: Vec<String> = server.numbers().iter().map(f64::to_string).collect();
    let warm = 60.0;
    println!("50 units on one port, {silent} silent: interval of the others, from {warm} s on for {seconds} s");
    let arguments = [(warm + seconds).to_string(), ports.join(",")];
    let mut client = Role::start("ours-port", &arguments);
    client.numbers();
    std::thread::sleep(Duration::from_secs_f64(warm));
    server.say("warm");
    server.numbers();
    std::thread::sleep(Duration::from_secs_f64(seconds));
    server.say("done");
    let mut intervals = server.numbers();
    intervals.remove(0);
    intervals.sort_by(f64::total_cmp);
    let at = |share: f64| intervals[((intervals.len() - 1) as f64 * share) as usize] / 1000.0;
    println!("  configured 1.000 s; {} intervals seen by the server", intervals.len());
    println!("  p95 {:.3} x (to reach: 1.05)  p99 {:.3} x (1.50)  worst {:.3} x (2.00)", at(0.95), at(0.99), at(1.0));
}

/// A client or the server, in a process of its own.
fn role(name: &str, arguments: &[String]) {
    if name == "server" {
        return server::run(arguments[0].parse().unwrap(), arguments[1].parse().unwrap());
    }
    let seconds: f64 = arguments[0].parse().unwrap();
    let ports: Vec<u16> = arguments[1].split(',').map(|port| port.parse().unwrap()).collect();
    let units = arguments.get(2).map_or(1, |units| units.parse().unwrap());
    let thousand: Vec<(u16, u16)> = THOUSAND.iter().map(|(address, floats)| (*address, floats * 2)).collect();
    let load = |requests: &[(u16, u16)], units, every| ours::Load { requests: requests.to_vec(), units, every };
    let (millisecond, second) = (Duration::from_millis(1), Duration::from_secs(1));
    // As the program itself runs: see `cli::start`.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let requests = runtime.block_on(async {
        match name {
            "bare-closed" => bare::run(&ports, bare::Pace::Closed, &[(RATE.0, RATE.1 * 2)], seconds).await,
            "bare-spread" => bare::run(&ports, bare::Pace::Spread, &thousand, seconds).await,
            "bare-together" => bare::run(&ports, bare::Pace::Together, &thousand, seconds).await,
            "ours-closed" => ours::run(&ports, &load(&[RATE], units, millisecond), 2.0, seconds).await,
            "ours-thousand" => ours::run(&ports, &load(&THOUSAND, 1, second), 2.5, seconds).await,
            "ours-port" => ours::run(&ports, &load(&[(0, 36)], 50, second), 2.5, seconds).await,
            _ => panic!("no role {name}"),
        }
    });
    let usage = usage();
    println!("{requests} {} {}", usage.cpu_us, usage.peak_mib);
    std::process::exit(0);
}
