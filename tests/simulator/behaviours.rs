//! Each behaviour does what it says, seen in plain bytes.

use std::time::Duration;

use meterdeck::device::simulator::{
    Behaviour, Rule,
    frame::{Framing, frame},
};
use tokio::{net::TcpStream, time::Instant};

use crate::help::{Client, SILENCE, device_id, misbehaving, one_device};

/// The first four input registers of unit 5, wanted by most of these tests.
async fn ask(client: &mut Client<TcpStream>) {
    client.send_read(5, 4, 0, 4).await;
}

/// What a healthy device answers to [`ask`] as the client's first request.
async fn healthy() -> Vec<u8> {
    let (_simulator, mut client) = misbehaving(vec![]).await;
    ask(&mut client).await;
    let (bytes, end) = client.rest(SILENCE).await;
    assert_eq!((bytes.len(), end), (7 + 2 + 8, None));
    bytes
}

#[tokio::test]
async fn silent_devices_say_nothing_and_keep_the_connection() {
    let (simulator, mut client) = misbehaving(vec![Behaviour::Silent.into()]).await;
    ask(&mut client).await;
    assert_eq!(client.rest(SILENCE).await, (vec![], None));
    assert!(simulator.set(&device_id("a"), []));
    assert_eq!(client.read(5, 4, 0, 4).await.unwrap().len(), 4, "the connection still stands");
}

#[tokio::test]
async fn slow_and_late_devices_wait() {
    let delay = Duration::from_millis(120);
    for behaviour in [Behaviour::Slow(delay), Behaviour::Late(delay)] {
        let (_simulator, mut client) = misbehaving(vec![Rule::first(1, behaviour)]).await;
        let asked = Instant::now();
        client.read(5, 4, 0, 4).await.unwrap();
        assert!(asked.elapsed() >= delay);
        let asked = Instant::now();
        client.read(5, 4, 0, 4).await.unwrap();
        assert!(asked.elapsed() < delay, "only the first request was to be slow");
    }
}

#[tokio::test]
async fn connections_close_after_so_many_requests() {
    let (_simulator, mut client) = misbehaving(vec![Behaviour::Closes(2).into()]).await;
    for _ in 0..2 {
        client.read(5, 4, 0, 4).await.unwrap();
    }
    assert_eq!(client.rest(SILENCE).await, (vec![], Some(false)));
}

#[tokio::test]
async fn a_single_connection_device_turns_a_second_client_away() {
    for (behaviour, reset) in [(Behaviour::SingleConnection, false), (Behaviour::SingleConnectionReset, true)] {
        let (simulator, mut first) = misbehaving(vec![behaviour].into_iter().map(Rule::from).collect()).await;
        first.read(5, 4, 0, 4).await.unwrap();
        let mut second = Client::of(&simulator, &one_device(), "a").await;
        assert_eq!(second.rest(SILENCE).await, (vec![], Some(reset)));
        first.read(5, 4, 0, 4).await.unwrap();
        drop(first);
        // The device notices that the first client is gone, and takes the next.
        let mut served = false;
        for _ in 0..50 {
            let mut third = Client::of(&simulator, &one_device(), "a").await;
            let (_, end) = third.rest(Duration::from_millis(20)).await;
            if end.is_none() {
                third.read(5, 4, 0, 4).await.unwrap();
                served = true;
                break;
            }
        }
        assert!(served);
    }
}

#[tokio::test]
async fn gaps_read_as_zero_or_are_refused() {
    // SDM630: 0x0E to 0x10 are values; 0x36 and 0x37 hold nothing in the profile.
    let (simulator, mut client) = misbehaving(vec![]).await;
    let words = client.read(5, 4, 0x34, 6).await.unwrap();
    assert_eq!(words[2..4], [0, 0], "a healthy device reads what is between its values as zero");
    simulator.set(&device_id("a"), [Behaviour::RefusesGaps.into()]);
    assert_eq!(client.read(5, 4, 0x34, 6).await, Err(2));
    assert_eq!(client.read(5, 4, 0x34, 2).await.unwrap(), words[..2]);
}

#[tokio::test]
async fn exceptions_come_as_from_real_devices() {
    let (simulator, mut client) = misbehaving(vec![]).await;
    assert_eq!(client.read(5, 4, 0, 126).await, Err(3), "too many");
    assert_eq!(client.read(5, 4, 0, 0).await, Err(3), "none");
    assert_eq!(client.read(5, 4, 60_000, 2).await, Err(2), "no such register");
    assert_eq!(client.read(5, 3, 0, 2).await, Err(1), "it has no holding registers");
    assert_eq!(client.exchange(5, &[6, 0, 0, 0, 1]).await, [0x86, 1], "writes are refused");
    assert_eq!(client.exchange(5, &[16, 0, 0, 0, 1, 2, 0, 1]).await, [0x90, 1]);
    assert_eq!(client.exchange(5, &[0x63]).await, [0xE3, 1], "an unknown function");
    assert_eq!(client.read(6, 4, 0, 2).await, Err(0x0B), "nobody has this unit number");
    for (rule, expected) in [
        (Behaviour::Busy.into(), Err(6)),
        (Behaviour::MissingUnit(Duration::ZERO).into(), Err(0x0B)),
        (Behaviour::SmallLargestRequest(3).into(), Err(3)),
        (Behaviour::SmallLargestRequest(4).into(), Ok(4)),
        (Behaviour::Exception { code: 4, first: 3, last: 3 }.into(), Err(4)),
        (Behaviour::Exception { code: 4, first: 4, last: 9 }.into(), Ok(4)),
    ] as [(Rule, Result<usize, u8>); 6]
    {
        simulator.set(&device_id("a"), [rule.clone()]);
        let answer = client.read(5, 4, 0, 4).await.map(|words| words.len());
        assert_eq!(answer, expected, "{rule:?}");
    }
    simulator.set(&device_id("a"), [Rule::first(3, Behaviour::Busy)]);
    for expected in [Err(6), Err(6), Err(6), Ok(4)] {
        assert_eq!(client.read(5, 4, 0, 4).await.map(|words| words.len()), expected);
    }
}

/// Behaviours that change the bytes of an answer: what is sent instead, and whether the connection ends.
#[tokio::test]
async fn wrong_answers_are_wrong_in_just_one_way() {
    let right = healthy().await;
    let (head, pdu) = (right[..7].to_vec(), right[7..].to_vec());
    let with_pdu = |pdu: &[u8]| frame(Framing::Mbap, u16::from_be_bytes([head[0], head[1]]), 5, pdu);
    let byte = |index: usize, value: u8| {
        let mut bytes = right.clone();
        bytes[index] = value;
        bytes
    };
    for (behaviour, expected, end) in [
        (Behaviour::WrongUnit(6), byte(6, 6), None),
        (Behaviour::WrongTransaction(1), byte(1, right[1] + 1), None),
        (Behaviour::WrongFunction(3), byte(7, 3), None),
        (Behaviour::LyingByteCount(3), byte(8, 3), None),
        (Behaviour::Short(1), with_pdu(&[&[4, 6], &pdu[2..8]].concat()), None),
        (Behaviour::Long(1), with_pdu(&[&[4, 10], &pdu[2..], &[0, 0]].concat()), None),
        (Behaviour::Doubled, [right.clone(), right.clone()].concat(), None),
        (Behaviour::CutOff(9), right[..9].to_vec(), Some(false)),
        (Behaviour::Stalls(9), right[..9].to_vec(), None),
        (Behaviour::Reset, vec![], Some(true)),
        (Behaviour::Split(Duration::from_millis(1)), right.clone(), None),
    ] {
        let (_simulator, mut client) = misbehaving(vec![behaviour.clone().into()]).await;
        ask(&mut client).await;
        assert_eq!(client.rest(SILENCE).await, (expected, end), "{behaviour:?}");
    }
    let (_simulator, mut client) = misbehaving(vec![Behaviour::Garbage(4096).into()]).await;
    ask(&mut client).await;
    let (bytes, end) = client.rest(SILENCE).await;
    assert_eq!((bytes.len(), end), (4096, None));
    assert_ne!(bytes[..7], head);
}

#[tokio::test]
async fn a_split_answer_comes_a_byte_at_a_time() {
    let pause = Duration::from_millis(5);
    let (_simulator, mut client) = misbehaving(vec![Behaviour::Split(pause).into()]).await;
    let asked = Instant::now();
    client.read(5, 4, 0, 4).await.unwrap();
    assert!(asked.elapsed() >= pause * 16, "17 bytes, 5 ms apart");
}

#[tokio::test]
async fn sentinels_are_not_numbers() {
    let (_simulator, mut client) = misbehaving(vec![Behaviour::Sentinel.into()]).await;
    let words = client.read(5, 4, 0, 2).await.unwrap();
    assert!(f32::from_bits(u32::from(words[0]) << 16 | u32::from(words[1])).is_nan(), "{words:?}");
}

#[tokio::test]
async fn intermittent_devices_come_and_go() {
    let (down, every) = (Duration::from_millis(300), Duration::from_millis(600));
    let (_simulator, mut client) = misbehaving(vec![Behaviour::Intermittent { down, every }.into()]).await;
    let (mut answered, mut missed) = (0, 0);
    let until = Instant::now() + every * 3;
    while Instant::now() < until {
        ask(&mut client).await;
        let (bytes, end) = client.rest(Duration::from_millis(40)).await;
        assert_eq!(end, None);
        if bytes.is_empty() { missed += 1 } else { answered += 1 }
    }
    assert!(answered >= 3 && missed >= 3, "{answered} answered, {missed} missed");
}

#[tokio::test]
async fn idle_connections_are_dropped() {
    let idle = Duration::from_millis(100);
    let (_simulator, mut client) = misbehaving(vec![Behaviour::DropsIdle(idle).into()]).await;
    client.read(5, 4, 0, 4).await.unwrap();
    let since = Instant::now();
    assert_eq!(client.rest(Duration::from_secs(2)).await, (vec![], Some(false)));
    assert!(since.elapsed() >= Duration::from_millis(90));
}

#[tokio::test]
async fn requests_too_soon_after_connecting_are_lost() {
    let pause = Duration::from_millis(200);
    let (_simulator, mut client) = misbehaving(vec![Behaviour::PauseAfterConnect(pause).into()]).await;
    ask(&mut client).await;
    assert_eq!(client.rest(pause).await, (vec![], None));
    client.read(5, 4, 0, 4).await.unwrap();
}

#[tokio::test]
async fn what_is_not_modbus_is_closed() {
    use tokio::io::AsyncWriteExt;
    for nonsense in [&b"GET / HTTP/1.1\r\n"[..], &[0, 1, 0, 0, 0, 0, 1, 3], &[0, 1, 0, 0, 0xFF, 0xFF, 1, 3]] {
        let (_simulator, mut client) = misbehaving(vec![]).await;
        client.stream.write_all(nonsense).await.unwrap();
        let (bytes, end) = client.rest(SILENCE).await;
        assert!(bytes.is_empty() && end.is_some(), "{nonsense:?}");
    }
}
