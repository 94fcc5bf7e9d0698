//! G42: in thousands of faulty exchanges no value is ever taken for another unit's, register's or time's.

use std::time::Duration;

use fastrand::Rng;
use meterdeck::{
    device::{
        bus::{Answer, Bus as _, Read},
        modbus::{Connection, Options},
    },
    domain::{register::Function, site::Link},
};
use tokio::time::Instant;

use crate::{
    server::{Device, Frames},
    trouble::{are_answers, trouble},
};

/// Time for all of it.
const BUDGET: Duration = Duration::from_secs(4);
/// Devices of each framing, asked at the same time; each number is its seed.
const DEVICES: u64 = 24;
const DEADLINE: Duration = Duration::from_millis(15);

/// Asks a device in trouble until the time is up; gives the numbers of answers and faults.
async fn exchanges(frames: Frames, seed: u64) -> (u64, u64) {
    let device = Device::start(frames, move |asked| trouble(seed, asked, DEADLINE)).await;
    let address = device.address.to_string();
    let link = match frames {
        Frames::Mbap => Link::ModbusTcp { address },
        Frames::Rtu => Link::ModbusRtuOverTcp { address },
    };
    let mut bus = Connection::new(link, Options { default_deadline: DEADLINE, ..Options::default() });
    let (mut random, started) = (Rng::with_seed(seed), Instant::now());
    let (mut good, mut faults) = (0, 0);
    while started.elapsed() < BUDGET {
        let (unit, address) = (random.u8(1..=4), random.u16(0..4) * 8);
        let from = device.requests().len();
        match bus.transact(unit, Read { function: Function::Holding, address, count: 4 }, DEADLINE).await {
            Ok(Answer::Registers(words)) => {
                good += 1;
                assert_eq!(words.len(), 4);
                assert!(
                    are_answers(&words, unit, address, from, &device.requests()),
                    "{frames:?}, seed {seed}: unit {unit}, address {address:#x}, got {words:04x?}"
                );
            }
            Ok(Answer::Bits(bits)) => panic!("{bits:?}"),
            Err(_) => faults += 1,
        }
    }
    (good, faults)
}

#[tokio::test]
async fn no_value_is_ever_anothers() {
    let mut devices = tokio::task::JoinSet::new();
    for seed in 0..DEVICES {
        for frames in [Frames::Mbap, Frames::Rtu] {
            devices.spawn(exchanges(frames, seed));
        }
    }
    let (mut good, mut faults) = (0, 0);
    while let Some(counts) = devices.join_next().await {
        let (more_good, more_faults) = counts.unwrap();
        good += more_good;
        faults += more_faults;
    }
    eprintln!("{good} answers, {faults} faults");
    assert!(good > 200 && faults > 200, "{good} answers and {faults} faults are too few to prove a thing");
}
