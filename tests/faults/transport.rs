//! One connection: which answers are taken, which faults are told, and what is left for the next request.

use std::time::Duration;

use meterdeck::{
    device::{
        bus::{Answer, Bus as _, Read},
        modbus::{Connection, Options},
    },
    domain::{
        fault::{Fault, FaultKind},
        register::Function,
        site::Link,
    },
};
use tokio::time::Instant;

use crate::server::{Act, Asked, Device, Frames, word};

const DEADLINE: Duration = Duration::from_millis(200);
/// What the scheduler of a busy machine may add to a deadline.
const SLACK: Duration = Duration::from_millis(300);

fn read(address: u16, count: u16) -> Read {
    Read { function: Function::Holding, address, count }
}

fn connect(device: &Device, frames: Frames) -> Connection {
    connect_with(device, frames, Options::default())
}

fn connect_with(device: &Device, frames: Frames, options: Options) -> Connection {
    let address = device.address.to_string();
    let link = match frames {
        Frames::Mbap => Link::ModbusTcp { address },
        Frames::Rtu => Link::ModbusRtuOverTcp { address },
    };
    Connection::new(link, options)
}

async fn ask(bus: &mut Connection, address: u16, count: u16) -> Result<Vec<u16>, Fault> {
    bus.connect(DEADLINE).await?;
    match bus.transact(5, read(address, count), DEADLINE).await? {
        Answer::Registers(words) => Ok(words),
        Answer::Bits(bits) => panic!("bits {bits:?} for registers"),
    }
}

/// Whether these are the words of unit 5 from `address` on, whichever request they answer.
fn are_own(words: &[u16], address: u16) -> bool {
    words.iter().zip(address..).all(|(found, address)| found & 0xFFF0 == word(5, address, 0))
}

/// Asks a device that does `acts` with its first request and is honest afterwards; gives the fault, and makes sure that
/// the next request is answered with its own values.
async fn fault_of(frames: Frames, acts: impl Fn(&Asked) -> Vec<Act> + Send + Sync + 'static) -> Fault {
    let device = Device::start(
        frames,
        move |asked| {
            if asked.sequence == 0 { acts(asked) } else { vec![Act::Send(asked.honest())] }
        },
    )
    .await;
    let mut bus = connect(&device, frames);
    let started = Instant::now();
    let fault = ask(&mut bus, 0x10, 4).await.expect_err("a fault");
    assert!(started.elapsed() < DEADLINE + SLACK, "the deadline holds: {:?}", started.elapsed());
    assert!(!bus.is_connected(), "after {fault} the connection is dropped");
    let words = ask(&mut bus, 0x20, 2).await.unwrap_or_else(|fault| panic!("the next request: {fault}"));
    assert!(are_own(&words, 0x20), "the next request has its own values: {words:04x?}");
    assert_eq!(device.connections(), 2);
    fault
}

fn mbap(transaction: u16, protocol: u16, length: u16, body: &[u8]) -> Vec<u8> {
    [&transaction.to_be_bytes(), &protocol.to_be_bytes(), &length.to_be_bytes(), body].concat()
}

#[tokio::test]
async fn answers_of_all_four_tables_are_exactly_what_was_asked() {
    for frames in [Frames::Mbap, Frames::Rtu] {
        let device = Device::start(frames, |asked| {
            vec![Act::Send(match asked.function {
                1 | 2 => asked.frame(&[asked.function, 2, 0b1010_0101, 0b1111_1101]),
                _ => asked.honest(),
            })]
        })
        .await;
        let mut bus = connect(&device, frames);
        for function in [Function::Holding, Function::Input] {
            let answer = bus.transact(5, Read { function, address: 7, count: 125 }, DEADLINE).await;
            let Ok(Answer::Registers(words)) = answer else { panic!("{answer:?}") };
            assert_eq!(words.len(), 125);
            assert!(are_own(&words, 7));
        }
        for function in [Function::Coil, Function::Discrete] {
            let answer = bus.transact(5, Read { function, address: 7, count: 10 }, DEADLINE).await;
            let bits = [true, false, true, false, false, true, false, true, true, false];
            assert_eq!(answer, Ok(Answer::Bits(bits.to_vec())));
        }
        assert_eq!((device.connections(), bus.connects()), (1, 1));
    }
}

#[tokio::test]
async fn a_read_that_the_protocol_has_no_room_for_is_not_sent() {
    let device = Device::start(Frames::Mbap, |asked| vec![Act::Send(asked.honest())]).await;
    let mut bus = connect(&device, Frames::Mbap);
    for count in [0, 126, u16::MAX] {
        assert_eq!(ask(&mut bus, 0, count).await.unwrap_err().kind, FaultKind::Other);
    }
    assert_eq!(device.requests().len(), 0);
}

#[tokio::test]
async fn silence_ends_at_the_deadline() {
    for frames in [Frames::Mbap, Frames::Rtu] {
        let fault = fault_of(frames, |_| vec![]).await;
        assert_eq!((fault.kind, fault.detail.as_str()), (FaultKind::NoAnswer, "after 0.2 s"));
    }
}

#[tokio::test]
async fn a_late_answer_is_never_the_next_answer() {
    for frames in [Frames::Mbap, Frames::Rtu] {
        let fault = fault_of(frames, |asked| vec![Act::Wait(DEADLINE * 2), Act::Send(asked.honest())]).await;
        assert_eq!(fault.kind, FaultKind::NoAnswer);
    }
}

#[tokio::test]
async fn after_a_time_out_on_rtu_the_first_answer_is_asked_for_again() {
    // A serial server that sends everything to whoever is connected: the late answer comes on the new connection.
    let device = Device::start(Frames::Rtu, |asked| match asked.sequence {
        0 => vec![],
        1 => vec![Act::Send(Asked { address: 0x10, sequence: 0, ..*asked }.honest()), Act::Send(asked.honest())],
        _ => vec![Act::Send(asked.honest())],
    })
    .await;
    let mut bus = connect(&device, Frames::Rtu);
    assert_eq!(ask(&mut bus, 0x10, 2).await.unwrap_err().kind, FaultKind::NoAnswer);
    assert!(are_own(&ask(&mut bus, 0x20, 2).await.unwrap(), 0x20));
    assert!(are_own(&ask(&mut bus, 0x30, 2).await.unwrap(), 0x30));
}

#[tokio::test]
async fn a_single_byte_in_each_segment_is_an_answer() {
    for frames in [Frames::Mbap, Frames::Rtu] {
        let device = Device::start(frames, |asked| {
            let byte = |byte| [Act::Send(vec![byte]), Act::Wait(Duration::from_millis(2))];
            asked.honest().into_iter().flat_map(byte).collect()
        })
        .await;
        let mut bus = connect(&device, frames);
        let patient = Duration::from_secs(5);
        for address in [0x10, 0x20, 0x30] {
            let answer = bus.transact(5, read(address, 4), patient).await;
            assert!(matches!(answer, Ok(Answer::Registers(words)) if are_own(&words, address)));
        }
        assert_eq!(device.connections(), 1);
    }
}

#[tokio::test]
async fn an_answer_that_comes_twice_counts_once() {
    for count in [4, 125] {
        for apart in [false, true] {
            let device = Device::start(Frames::Mbap, move |asked| {
                let answer = asked.honest();
                if apart {
                    vec![Act::Send(answer.clone()), Act::Wait(Duration::from_millis(5)), Act::Send(answer)]
                } else {
                    vec![Act::Send([answer.clone(), answer].concat())]
                }
            })
            .await;
            let mut bus = connect(&device, Frames::Mbap);
            for address in [0x10, 0x20, 0x30, 0x40] {
                assert!(are_own(&ask(&mut bus, address, count).await.unwrap(), address));
            }
            assert_eq!(device.connections(), 1, "count {count}, apart {apart}");
        }
    }
    let device = Device::start(Frames::Rtu, |asked| vec![Act::Send([asked.honest(), asked.honest()].concat())]).await;
    let mut bus = connect(&device, Frames::Rtu);
    for address in [0x10, 0x20, 0x30] {
        assert!(are_own(&ask(&mut bus, address, 4).await.unwrap(), address));
    }
}

#[tokio::test]
async fn an_answer_of_another_length_is_no_answer() {
    for frames in [Frames::Mbap, Frames::Rtu] {
        for (words, detail) in [
            (vec![1; 3], "asked 4 registers, got 3"),
            (vec![1; 5], "asked 4 registers, got 5"),
            (vec![], "asked 4 registers, got 0"),
        ] {
            let fault = fault_of(frames, move |asked| vec![Act::Send(asked.with(&words))]).await;
            assert_eq!((fault.kind, fault.detail.as_str()), (FaultKind::WrongLength, detail));
        }
        let odd = fault_of(frames, |asked| vec![Act::Send(asked.frame(&[3, 7, 0, 1, 0, 2, 0, 3, 0]))]).await;
        assert_eq!(
            (odd.kind, odd.detail.as_str()),
            (FaultKind::WrongLength, "asked 4 registers (8 bytes), got 7 bytes")
        );
    }
    for said in [0, 2, 6, 10, 250, 255] {
        let lie = fault_of(Frames::Mbap, move |asked| vec![Act::Send(asked.frame(&[3, said, 0, 1, 0, 2, 0, 3, 0, 4]))]);
        assert_eq!(lie.await.kind, FaultKind::WrongLength, "a count of {said} bytes");
    }
    let long = fault_of(Frames::Mbap, |asked| vec![Act::Send(asked.frame(&[0x83, 2, 0]))]).await;
    assert_eq!(long.kind, FaultKind::WrongLength, "an exception with more in it");
}

#[tokio::test]
async fn what_is_no_modbus_is_told_at_once() {
    let garbage: Vec<u8> = (0..4096u32).map(|index| (index * 7 + 1) as u8).collect();
    for (bytes, detail) in [
        (mbap(0, 0, 0, &[5]), "a length of 0 in the header"),
        (mbap(0, 0, 1, &[5]), "a length of 1 in the header"),
        (mbap(0, 0, 255, &[5]), "a length of 255 in the header"),
        (mbap(0, 0, 65535, &[5, 3]), "a length of 65535 in the header"),
        (mbap(0, 1, 11, &[5, 3, 8]), "protocol id 1 instead of 0"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), "protocol id 21584 instead of 0"),
        (garbage, "protocol id 3862 instead of 0"),
    ] {
        let started = Instant::now();
        let fault = fault_of(Frames::Mbap, move |_| vec![Act::Send(bytes.clone())]).await;
        assert_eq!((fault.kind, fault.detail.as_str()), (FaultKind::NotModbus, detail));
        assert!(started.elapsed() < DEADLINE, "at once, not at the deadline");
    }
}

#[tokio::test]
async fn garbage_on_rtu_is_garbled() {
    let short = fault_of(Frames::Rtu, |_| vec![Act::Send(vec![0xA5; 9])]).await;
    assert_eq!((short.kind, short.detail.as_str()), (FaultKind::Garbled, "9 bytes after 0.2 s"));
    let long = fault_of(Frames::Rtu, |_| vec![Act::Send(vec![0xA5; 4096])]).await;
    assert_eq!(long.kind, FaultKind::Garbled);
    let checksum = fault_of(Frames::Rtu, |asked| {
        let mut frame = asked.honest();
        *frame.last_mut().unwrap() ^= 1;
        vec![Act::Send(frame)]
    });
    assert_eq!(checksum.await.kind, FaultKind::Garbled);
}

#[tokio::test]
async fn noise_before_an_rtu_frame_is_passed_over() {
    let device = Device::start(Frames::Rtu, |asked| vec![Act::Send([vec![0, 0xFF], asked.honest()].concat())]).await;
    assert!(are_own(&ask(&mut connect(&device, Frames::Rtu), 0x10, 4).await.unwrap(), 0x10));
}

#[tokio::test]
async fn answers_of_others_are_told_and_not_taken() {
    for frames in [Frames::Mbap, Frames::Rtu] {
        let unit = fault_of(frames, |asked| vec![Act::Send(Asked { unit: 6, ..*asked }.honest())]).await;
        assert_eq!((unit.kind, unit.detail.as_str()), (FaultKind::WrongUnit, "asked unit 5, answer from unit 6"));
        let function = fault_of(frames, |asked| vec![Act::Send(Asked { function: 4, ..*asked }.honest())]).await;
        assert_eq!(
            (function.kind, function.detail.as_str()),
            (FaultKind::BadReply, "asked function 3, answered function 4")
        );
        let exception = fault_of(frames, |asked| vec![Act::Send(Asked { function: 4, ..*asked }.exception(2))]).await;
        assert_eq!(exception.kind, FaultKind::BadReply);
    }
    let id = fault_of(Frames::Mbap, |asked| {
        vec![Act::Send(Asked { transaction: asked.transaction.wrapping_add(1), ..*asked }.honest())]
    })
    .await;
    assert_eq!((id.kind, id.detail.as_str()), (FaultKind::WrongTransaction, "sent 0, got 1"));
}

#[tokio::test]
async fn exceptions_leave_the_connection_standing() {
    for frames in [Frames::Mbap, Frames::Rtu] {
        let device = Device::start(frames, |asked| vec![Act::Send(asked.exception(asked.address as u8))]).await;
        let mut bus = connect(&device, frames);
        for (code, kind) in [
            (1, FaultKind::IllegalFunction),
            (2, FaultKind::IllegalAddress),
            (3, FaultKind::IllegalValue),
            (4, FaultKind::Exception),
            (5, FaultKind::Busy),
            (6, FaultKind::Busy),
            (8, FaultKind::Exception),
            (0x0A, FaultKind::GatewayNoReply),
            (0x0B, FaultKind::GatewayNoReply),
            (0x7F, FaultKind::Exception),
        ] {
            let fault = ask(&mut bus, code, 2).await.unwrap_err();
            assert_eq!(fault.kind, kind, "code {code}");
            assert!(fault.detail.starts_with(&format!("exception {code:02X}")), "{fault}");
        }
        assert_eq!(device.connections(), 1);
    }
}

#[tokio::test]
async fn the_end_of_a_connection_is_told_as_what_it_was() {
    let cut = fault_of(Frames::Mbap, |asked| vec![Act::Send(asked.honest()[..9].to_vec()), Act::Close]).await;
    assert_eq!((cut.kind, cut.detail.as_str()), (FaultKind::CutOff, "after 9 bytes of an answer"));
    for (end, kind) in [(Act::Close, FaultKind::Closed), (Act::Reset, FaultKind::Reset)] {
        for frames in [Frames::Mbap, Frames::Rtu] {
            let end = end.clone();
            assert_eq!(fault_of(frames, move |_| vec![end.clone()]).await.kind, kind);
        }
    }
    let part = fault_of(Frames::Mbap, |asked| vec![Act::Send(asked.honest()[..9].to_vec())]).await;
    assert_eq!((part.kind, part.detail.as_str()), (FaultKind::NoAnswer, "but 9 of 17 bytes after 0.2 s"));
}

#[tokio::test]
async fn what_keeps_a_connection_from_standing_is_told() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    for (address, kind) in [(closed.as_str(), FaultKind::Refused), ("nowhere.invalid:502", FaultKind::Unresolved)] {
        for single_connection in [false, true] {
            let link = Link::ModbusTcp { address: address.to_owned() };
            let options = Options { single_connection, ..Options::default() };
            let fault = Connection::new(link, options).connect(Duration::from_secs(5)).await.unwrap_err();
            assert_eq!(fault.kind, kind, "{fault}");
        }
    }
    let link = Link::ModbusRtu {
        serial: "/dev/serial/by-id/not-plugged-in".into(),
        baud: 9600,
        parity: meterdeck::domain::site::Parity::None,
        stop_bits: 1,
    };
    let fault = Connection::new(link, Options::default()).connect(DEADLINE).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::SerialMissing);
    assert!(fault.detail.contains("No such file"), "{fault}");
}

#[tokio::test]
async fn a_taken_slot_is_told_from_a_closed_connection() {
    for act in [Act::Close, Act::Reset] {
        let greeting = act.clone();
        let device = Device::greeting(Frames::Mbap, move |_| vec![greeting.clone()], |_| vec![]).await;
        let options = Options { single_connection: true, ..Options::default() };
        let fault = ask(&mut connect_with(&device, Frames::Mbap, options), 0, 1).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::SlotTaken, "{act:?}: {fault}");
    }
}

#[tokio::test]
async fn a_connection_closed_while_idle_is_renewed_unnoticed() {
    let device = Device::start(Frames::Mbap, |asked| match asked.sequence % 3 {
        2 => vec![Act::Send(asked.honest()), Act::Close],
        _ => vec![Act::Send(asked.honest())],
    })
    .await;
    let mut bus = connect(&device, Frames::Mbap);
    for round in 0..12 {
        assert!(are_own(&ask(&mut bus, round, 2).await.unwrap(), round), "round {round}");
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    assert_eq!((device.connections(), bus.connects()), (4, 4));
}

#[tokio::test]
async fn a_connection_closed_under_a_request_is_renewed_once() {
    let device = Device::start(Frames::Mbap, |asked| match asked.sequence {
        1 => vec![Act::Close],
        _ => vec![Act::Send(asked.honest())],
    })
    .await;
    let mut bus = connect(&device, Frames::Mbap);
    assert!(are_own(&ask(&mut bus, 1, 2).await.unwrap(), 1));
    assert!(are_own(&ask(&mut bus, 2, 2).await.unwrap(), 2));
    assert_eq!((device.connections(), device.requests().len()), (2, 3));
}

#[tokio::test]
async fn a_call_that_was_given_up_poisons_the_connection() {
    for frames in [Frames::Mbap, Frames::Rtu] {
        let device = Device::start(frames, |asked| vec![Act::Wait(DEADLINE / 4), Act::Send(asked.honest())]).await;
        let mut bus = connect(&device, frames);
        let given_up = tokio::time::timeout(Duration::from_millis(5), ask(&mut bus, 0x10, 2)).await;
        assert!(given_up.is_err());
        assert!(!bus.is_connected());
        assert!(are_own(&ask(&mut bus, 0x20, 2).await.unwrap(), 0x20));
        assert_eq!(device.connections(), 2);
    }
}

#[tokio::test]
async fn pauses_are_kept() {
    let device = Device::start(Frames::Mbap, |asked| vec![Act::Send(asked.honest())]).await;
    let options = Options {
        pause_after_connect: Duration::from_millis(150),
        pause_between: Duration::from_millis(60),
        ..Options::default()
    };
    let mut bus = connect_with(&device, Frames::Mbap, options);
    for address in 0..4 {
        ask(&mut bus, address, 1).await.unwrap();
    }
    let times: Vec<Duration> = device.requests().iter().map(|asked| asked.since_connect).collect();
    assert!(times[0] >= Duration::from_millis(145), "{times:?}");
    assert!(times.windows(2).all(|pair| pair[1].saturating_sub(pair[0]) >= Duration::from_millis(58)), "{times:?}");
}

#[tokio::test]
async fn invented_transaction_ids_are_taken_where_that_is_asked_for() {
    let device = Device::start(Frames::Mbap, |asked| {
        let invented = Asked { transaction: asked.transaction.wrapping_add(1), ..*asked };
        match asked.address {
            0x60 => vec![Act::Send(Asked { unit: 6, ..invented }.honest())],
            0x70 => vec![Act::Send(invented.with(&[1]))],
            _ => vec![Act::Send(invented.honest())],
        }
    })
    .await;
    assert_eq!(ask(&mut connect(&device, Frames::Mbap), 1, 2).await.unwrap_err().kind, FaultKind::WrongTransaction);
    let options = Options { any_transaction: true, ..Options::default() };
    let mut bus = connect_with(&device, Frames::Mbap, options);
    for address in 1..20 {
        assert!(are_own(&ask(&mut bus, address, 2).await.unwrap(), address));
    }
    assert_eq!(ask(&mut bus, 0x60, 2).await.unwrap_err().kind, FaultKind::WrongUnit);
    assert_eq!(ask(&mut bus, 0x70, 2).await.unwrap_err().kind, FaultKind::WrongLength);
}
