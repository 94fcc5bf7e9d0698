//! Clients that mean no good: the service goes on, and others are served.

use std::{
    io::{Read as _, Write as _},
    os::unix::net::UnixStream,
    time::{Duration, Instant},
};

use meterdeck::service::{
    interface::{INTERFACE_VERSION, Request, Response},
    socket::{self, FRAME_DEADLINE, MAX_REQUEST_BYTES},
};

use crate::help::{PATIENCE, Rig, ask};

fn stream(rig: &Rig) -> UnixStream {
    let stream = UnixStream::connect(socket::path_in(&rig.data())).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn greeted(rig: &Rig) -> UnixStream {
    let mut stream = stream(rig);
    writeln!(stream, "{{\"meterdeck\":{INTERFACE_VERSION},\"address\":null}}").unwrap();
    let mut byte = [0; 1];
    while stream.read(&mut byte).unwrap() == 1 && byte != *b"\n" {}
    stream
}

/// Everything that is said until the end; how long that took.
fn said(stream: &mut UnixStream) -> (String, Duration) {
    let begun = Instant::now();
    let mut text = Vec::new();
    // A connection that is cut is an end as well.
    let _ = stream.read_to_end(&mut text);
    (String::from_utf8_lossy(&text).into_owned(), begun.elapsed())
}

#[test]
fn whoever_talks_nonsense_is_told_and_dropped() {
    let rig = Rig::new();
    let _service = rig.poll();
    for (words, expected) in [
        ("GET / HTTP/1.1\n", "expects a greeting"),
        ("{\"meterdeck\":99}\n", "version"),
        ("\u{0}\u{1}\u{2}\n", "expects a greeting"),
    ] {
        let mut stream = stream(&rig);
        stream.write_all(words.as_bytes()).unwrap();
        assert!(said(&mut stream).0.contains(expected), "{words:?}");
    }
    for words in ["garbage\n", "{\"id\":1,\"ask\":{\"request\":\"no such thing\"}}\n", "\n", "[[[[[[[[[[\n"] {
        let mut stream = greeted(&rig);
        stream.write_all(words.as_bytes()).unwrap();
        assert!(said(&mut stream).1 < FRAME_DEADLINE, "{words:?}");
    }
    let mut long = greeted(&rig);
    let part = vec![b'x'; MAX_REQUEST_BYTES];
    let mut sent = 0;
    while sent < 64 * MAX_REQUEST_BYTES && long.write_all(&part).is_ok() {
        sent += part.len();
    }
    assert!(sent < 8 * MAX_REQUEST_BYTES, "{sent} bytes of one frame were taken");
    for half in ["", "{\"meterd"] {
        let mut stream = stream(&rig);
        stream.write_all(half.as_bytes()).unwrap();
        let (_, time) = said(&mut stream);
        assert!((FRAME_DEADLINE..FRAME_DEADLINE * 3).contains(&time), "{half:?}: {time:?}");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(ask(&rig.data(), Request::Snapshot)).unwrap();
}

#[test]
fn a_crowd_finds_no_seat_and_leaves_when_it_does_not_greet() {
    let rig = Rig::new();
    let _service = rig.poll();
    let crowd: Vec<UnixStream> =
        (0..200).filter_map(|_| UnixStream::connect(socket::path_in(&rig.data())).ok()).collect();
    assert!(crowd.len() > socket::server::MAX_CLIENTS);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let begun = Instant::now();
    while runtime.block_on(socket::client::connect(&rig.data())).is_err() {
        assert!(begun.elapsed() < FRAME_DEADLINE * 3, "those that never greet keep their seats");
        std::thread::sleep(Duration::from_millis(50));
    }
    drop(crowd);
}

#[test]
fn whoever_does_not_read_is_dropped_and_holds_nobody_up() {
    let rig = Rig::new();
    let _service = rig.poll();
    let mut slow = greeted(&rig);
    slow.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    let line = "{\"id\":1,\"ask\":{\"request\":\"site\"}}\n";
    while slow.write_all(line.as_bytes()).is_ok() {}
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let begun = Instant::now();
    assert!(matches!(runtime.block_on(ask(&rig.data(), Request::Site)), Ok(Response::Site { .. })));
    assert!(begun.elapsed() < Duration::from_secs(2));
    std::thread::sleep(Duration::from_secs(7));
    let mut rest = Vec::new();
    slow.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let _ = slow.read_to_end(&mut rest);
    assert!(slow.write_all(line.as_bytes()).is_err(), "it is still connected");
}
