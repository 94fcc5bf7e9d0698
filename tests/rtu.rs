//! RTU on a serial line: two pseudo terminals, joined by socat as by a cable.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where what it needs is not there")]
#![expect(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "frames are short")]

#[expect(dead_code, reason = "the part of it that speaks TCP is for the other faults")]
#[path = "faults/server.rs"]
mod server;
#[path = "faults/trouble.rs"]
mod trouble;

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use meterdeck::{
    device::{
        bus::{Answer, Bus as _, Read},
        modbus::{Connection, Options},
    },
    domain::{
        fault::{Fault, FaultKind},
        register::Function,
        site::{Link, Parity},
    },
};
use tokio::{task::JoinHandle, time::Instant};
use tokio_serial::SerialStream;

use crate::{
    server::{Act, Asked, Requests, serve_line, word},
    trouble::{are_answers, trouble},
};

const DEADLINE: Duration = Duration::from_millis(200);
const BAUD: u32 = 19_200;

/// A cable between the client's end and a scripted device.
struct Cable {
    folder: tempfile::TempDir,
    socat: Child,
    device: JoinHandle<()>,
    requests: Arc<Requests>,
}

impl Cable {
    /// `None`, with a word about it, where socat is not installed.
    async fn lay(script: impl Fn(&Asked) -> Vec<Act> + Send + Sync + 'static) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let end = |name: &str| format!("pty,raw,echo=0,link={}", folder.path().join(name).display());
        let socat = Command::new("socat").args([end("client"), end("device")]).stderr(Stdio::null()).spawn();
        let Ok(socat) = socat else {
            eprintln!("SKIPPED: socat is not installed, so there is no serial line to try this on");
            return None;
        };
        let device = folder.path().join("device");
        let patience = Instant::now() + Duration::from_secs(5);
        while !(device.exists() && folder.path().join("client").exists()) {
            assert!(Instant::now() < patience, "socat does not make its terminals");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let line = SerialStream::open(&tokio_serial::new(device.to_string_lossy(), BAUD)).unwrap();
        let requests = Arc::new(Requests::default());
        let device = tokio::spawn(serve_line(line, Arc::new(script), requests.clone()));
        Some(Self { folder, socat, device, requests })
    }

    fn bus(&self) -> Connection {
        self.bus_at(BAUD, DEADLINE)
    }

    fn bus_at(&self, baud: u32, default_deadline: Duration) -> Connection {
        let link = Link::ModbusRtu { serial: self.path(), baud, parity: Parity::None, stop_bits: 1 };
        Connection::new(link, Options { default_deadline, ..Options::default() })
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("client")
    }

    fn cut(&mut self) {
        self.socat.kill().unwrap();
        self.socat.wait().unwrap();
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.device.abort();
        let _ = self.socat.kill();
        let _ = self.socat.wait();
    }
}

async fn ask(bus: &mut Connection, unit: u8, address: u16) -> Result<Vec<u16>, Fault> {
    bus.connect(DEADLINE).await?;
    let read = Read { function: Function::Holding, address, count: 2 };
    match bus.transact(unit, read, DEADLINE).await? {
        Answer::Registers(words) => Ok(words),
        Answer::Bits(bits) => panic!("bits {bits:?} for registers"),
    }
}

fn are_of(words: &[u16], unit: u8, address: u16) -> bool {
    words.len() == 2 && words.iter().zip(address..).all(|(found, address)| found & 0xFFF0 == word(unit, address, 0))
}

fn honest(asked: &Asked) -> Vec<Act> {
    vec![Act::Send(asked.honest())]
}

#[tokio::test]
async fn several_units_answer_on_one_line() {
    let Some(cable) = Cable::lay(honest).await else { return };
    let mut bus = cable.bus();
    for round in 0..20 {
        for unit in 1..=4 {
            assert!(are_of(&ask(&mut bus, unit, round).await.unwrap(), unit, round), "unit {unit}, round {round}");
        }
    }
    assert_eq!(bus.connects(), 1);
}

#[tokio::test]
async fn a_dead_unit_does_not_spoil_the_line() {
    let script = |asked: &Asked| if asked.unit == 2 { vec![] } else { honest(asked) };
    let Some(cable) = Cable::lay(script).await else { return };
    let mut bus = cable.bus();
    for round in 0..3 {
        let fault = ask(&mut bus, 2, 7).await.unwrap_err();
        assert_eq!((fault.kind, fault.detail.as_str()), (FaultKind::NoAnswer, "after 0.2 s"));
        assert!(bus.is_connected(), "the port stays open");
        assert!(are_of(&ask(&mut bus, 1, round).await.unwrap(), 1, round));
    }
    assert_eq!(bus.connects(), 1);
}

#[tokio::test]
async fn a_late_answer_is_never_the_next_answer() {
    // Within the time that the line is drained, at its end, and after it.
    for late in [1.5, 1.95, 2.05, 2.5, 3.0] {
        let script = move |asked: &Asked| match asked.sequence {
            0 => vec![Act::Wait(DEADLINE.mul_f64(late)), Act::Send(asked.honest())],
            _ => honest(asked),
        };
        let Some(cable) = Cable::lay(script).await else { return };
        let mut bus = cable.bus();
        assert_eq!(ask(&mut bus, 1, 0x10).await.unwrap_err().kind, FaultKind::NoAnswer);
        for address in [0x20, 0x30, 0x40] {
            match ask(&mut bus, 1, address).await {
                Ok(words) => assert!(are_of(&words, 1, address), "{late} deadlines late: {words:04x?}"),
                // So late that it has cost the next request its answer: no value is better than a wrong one.
                Err(fault) => assert!(late > 2.0 && address == 0x20, "{late} deadlines late: {fault}"),
            }
        }
    }
}

#[tokio::test]
async fn answers_of_others_and_noise_cost_one_request() {
    let script = |asked: &Asked| match asked.address {
        0x61 => vec![Act::Send(Asked { unit: 6, ..*asked }.honest())],
        0x62 => vec![Act::Send(vec![0x55; 40])],
        0x63 => vec![Act::Send(asked.honest()[..5].to_vec())],
        0x64 => vec![Act::Send(asked.with(&[1]))],
        0x65 => vec![Act::Send(asked.exception(0x0B))],
        0x66 => vec![Act::Send([asked.honest(), asked.honest()].concat())],
        _ => honest(asked),
    };
    let Some(cable) = Cable::lay(script).await else { return };
    let mut bus = cable.bus();
    for (address, expected) in [
        (0x61, Some(FaultKind::WrongUnit)),
        (0x62, Some(FaultKind::Garbled)),
        (0x63, Some(FaultKind::NoAnswer)),
        (0x64, Some(FaultKind::WrongLength)),
        (0x65, Some(FaultKind::GatewayNoReply)),
        (0x66, None),
    ] {
        assert_eq!(ask(&mut bus, 5, address).await.err().map(|fault| fault.kind), expected, "{address:#x}");
        assert!(are_of(&ask(&mut bus, 5, 0x20).await.unwrap(), 5, 0x20), "after {address:#x}");
    }
}

#[tokio::test]
async fn a_line_that_is_never_silent_is_told_and_not_waited_for() {
    let babble = |_: &Asked| {
        let burst = [Act::Send(vec![0xA5; 3]), Act::Wait(Duration::from_millis(1))];
        std::iter::repeat_n(burst, 3000).flatten().collect()
    };
    let Some(cable) = Cable::lay(babble).await else { return };
    // Slow, so that 3.5 characters are longer than any hiccup of the machine that runs this.
    let mut bus = cable.bus_at(300, DEADLINE);
    assert_eq!(ask(&mut bus, 1, 1).await.unwrap_err().kind, FaultKind::Garbled);
    let started = Instant::now();
    let fault = ask(&mut bus, 1, 1).await.unwrap_err();
    assert_eq!((fault.kind, fault.detail.as_str()), (FaultKind::Garbled, "the line is never silent"));
    assert!(started.elapsed() < DEADLINE * 6, "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_port_is_opened_for_one_program_alone() {
    let Some(cable) = Cable::lay(honest).await else { return };
    let (mut ours, mut theirs) = (cable.bus(), cable.bus());
    ours.connect(DEADLINE).await.unwrap();
    let fault = theirs.connect(DEADLINE).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::SerialMissing);
    assert!(!fault.detail.is_empty());
    ours.close().await;
    theirs.connect(DEADLINE).await.unwrap();
}

#[tokio::test]
async fn an_adapter_that_is_pulled_out_is_missing() {
    let Some(mut cable) = Cable::lay(honest).await else { return };
    let mut bus = cable.bus();
    assert!(are_of(&ask(&mut bus, 1, 1).await.unwrap(), 1, 1));
    cable.cut();
    let fault = ask(&mut bus, 1, 1).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::SerialMissing, "{fault}");
    assert!(!bus.is_connected());
}

#[tokio::test]
async fn no_value_is_ever_anothers() {
    let deadline = Duration::from_millis(15);
    let mut lines = tokio::task::JoinSet::new();
    for seed in 0..8 {
        lines.spawn(async move {
            let cable = Cable::lay(move |asked| trouble(seed, asked, deadline)).await?;
            let mut bus = cable.bus_at(BAUD, deadline);
            let mut random = fastrand::Rng::with_seed(seed);
            let (started, mut good, mut faults) = (Instant::now(), 0, 0);
            while started.elapsed() < Duration::from_secs(5) {
                let (unit, address) = (random.u8(1..=4), random.u16(0..4) * 8);
                let from = cable.requests.lock().unwrap().len();
                let read = Read { function: Function::Holding, address, count: 4 };
                match bus.transact(unit, read, deadline).await {
                    Ok(Answer::Registers(words)) => {
                        good += 1;
                        let requests = cable.requests.lock().unwrap();
                        assert!(
                            are_answers(&words, unit, address, from, &requests),
                            "seed {seed}: unit {unit}, address {address:#x}, got {words:04x?}; {:?}",
                            requests.get(from.saturating_sub(3)..)
                        );
                    }
                    Ok(Answer::Bits(bits)) => panic!("{bits:?}"),
                    Err(_) => faults += 1,
                }
            }
            Some((good, faults))
        });
    }
    let (mut good, mut faults) = (0, 0);
    while let Some(counts) = lines.join_next().await {
        let Some((more_good, more_faults)) = counts.unwrap() else { return };
        good += more_good;
        faults += more_faults;
    }
    eprintln!("{good} answers, {faults} faults");
    assert!(good > 50 && faults > 50, "{good} answers and {faults} faults are too few to prove a thing");
}
