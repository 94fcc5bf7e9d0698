//! Commands and terminals find the service that runs, or start one and hand it over.

use std::{fmt::Write as _, fs, process::Stdio, thread, time::Duration};

use meterdeck::service::interface::{Request, Response};
use rustix::process::Signal;
use serde_json::Value;

use crate::help::{PATIENCE, Process, Rig, ask, mode};

#[test]
fn commands_go_through_the_service_that_runs() {
    let rig = Rig::new();
    let mut service = rig.poll();
    assert!(rig.prints(&["meters"]).contains("BY-HAND"));
    assert!(rig.prints(&["record", "by-hand", "note", "seen"]).contains("seen"));
    assert!(rig.prints(&["record", "by-hand", "list"]).contains("seen"));
    rig.prints(&["alarms"]);
    // More rows than one frame takes.
    let mut rows = "time,meter,quantity,value\n".to_owned();
    for second in 0..30_000 {
        let at = jiff::Timestamp::from_second(1_767_225_600 + second).unwrap();
        let _ = writeln!(rows, "{at},by-hand,current_kw,{}", second % 100);
    }
    fs::write(rig.folder.path().join("rows.csv"), rows).unwrap();
    let imported: Value = serde_json::from_str(&rig.prints(&["--json", "history", "import", "rows.csv"])).unwrap();
    assert_eq!((imported["rows"].as_u64(), imported["new"].as_u64()), (Some(30_000), Some(30_000)), "{imported}");
    let history = rig.prints(&["history", "by-hand", "current_kw", "--csv"]);
    assert_eq!(history.lines().count(), 30_001);
    let backup = rig.folder.path().join("copy.db");
    rig.prints(&["backup", backup.to_str().unwrap()]);
    assert!(fs::metadata(&backup).unwrap().len() > 4096);
    let own = rig.run(&["backup", rig.data().join("meterdeck.db").to_str().unwrap()]);
    assert_eq!(own.status.code(), Some(73), "the database itself is no place for a copy");
    assert_eq!(rig.run(&["poll", "--once"]).status.code(), Some(69), "its device does not answer");
    let changes: Value = serde_json::from_str(&rig.prints(&["--json", "audit"])).unwrap();
    let asked: Vec<String> = changes
        .as_array()
        .unwrap()
        .iter()
        .map(|change| {
            let request: Value = serde_json::from_str(change["request"].as_str().unwrap()).unwrap();
            request["request"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(asked, ["record", "import", "backup", "backup"]);
    let done: Vec<bool> =
        changes.as_array().unwrap().iter().map(|change| change["outcome"]["done"].as_bool().unwrap()).collect();
    assert_eq!(done, [true, true, true, false]);
    assert!(rig.prints(&["audit", "verify"]).contains("whole: 8 entries"));
    service.signal(Signal::TERM);
    assert_eq!(service.end(), Some(0));
    assert!(!rig.data().join("meterdeck.sock").exists());
    // Without it the same commands serve themselves.
    assert!(rig.prints(&["record", "by-hand", "list"]).contains("seen"));
    assert!(rig.prints(&["audit", "verify"]).contains("whole: 8 entries"));
}

#[test]
fn a_second_service_is_told_who_holds_the_folder() {
    let rig = Rig::new();
    let service = rig.poll();
    let second = rig.run(&["poll"]);
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(75), "{said}");
    assert!(said.contains(&service.id().to_string()), "{said}");
}

#[test]
fn a_terminal_hands_over_to_the_real_service_and_stays() {
    let rig = Rig::new();
    let mut terminal = rig.terminal();
    terminal.until_shown("polling from this terminal");
    // Others attach to it meanwhile.
    rig.prints(&["record", "by-hand", "note", "while a terminal polls"]);
    let service = rig.poll();
    assert_ne!(service.id(), terminal.id());
    terminal.until_shown("attached");
    terminal.press(":audit\r");
    terminal.until_shown("while a terminal polls");
    terminal.press("\u{1b}q");
    drop(terminal);
    assert!(rig.prints(&["record", "by-hand", "list"]).contains("while a terminal polls"));
}

#[test]
fn an_import_goes_on_while_its_service_is_handed_over() {
    let rig = Rig::new();
    let mut import = rig.command(&["--json", "history", "import", "-"]);
    let mut import =
        Process(import.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let mut input = import.0.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, b"time,meter,quantity,value\n2026-01-01T00:00:00Z,by-hand,current_kw,1\n")
        .unwrap();
    let begun = std::time::Instant::now();
    while !rig.data().join("meterdeck.sock").exists() {
        assert!(begun.elapsed() < PATIENCE);
        thread::sleep(Duration::from_millis(20));
    }
    let _service = rig.poll();
    std::io::Write::write_all(&mut input, b"2026-01-01T00:00:01Z,by-hand,current_kw,2\n").unwrap();
    drop(input);
    assert_eq!(import.end(), Some(0));
    assert_eq!(rig.prints(&["history", "by-hand", "current_kw", "--csv"]).lines().count(), 3);
}

#[test]
fn modes_hold_under_any_umask_and_the_socket_goes_where_the_manager_wants_it() {
    let rig = Rig::new();
    let runtime = tempfile::tempdir().unwrap();
    let mut service = rig.poll_under("000", &[("RUNTIME_DIRECTORY", runtime.path().to_str().unwrap())]);
    let data = rig.data();
    assert_eq!(mode(&data), 0o700);
    for name in ["meterdeck.db", "meterdeck.db-wal", "meterdeck.db-shm", "meterdeck.lock"] {
        assert_eq!(mode(&data.join(name)), 0o600, "{name}");
    }
    let (link, at) = (data.join("meterdeck.sock"), runtime.path().join("meterdeck.sock"));
    assert_eq!((fs::read_link(&link).unwrap(), mode(&at)), (at.clone(), 0o600));
    service.signal(Signal::TERM);
    service.end();
    assert!(!at.exists() && fs::symlink_metadata(&link).is_err());
}

#[test]
fn a_reload_is_taken_over_whole_or_not_at_all() {
    let rig = Rig::new();
    let service = rig.poll();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let path = rig.folder.path().join("site.toml");
    let before = fs::read_to_string(&path).unwrap();
    let meters = || match runtime.block_on(ask(&rig.data(), Request::Site)).unwrap() {
        Response::Site { site } => site.meters.keys().map(ToString::to_string).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    fs::write(&path, format!("{before}\n[meter.bad]\nname = 7\n")).unwrap();
    service.signal(Signal::HUP);
    thread::sleep(Duration::from_secs(1));
    assert_eq!(meters(), ["by-hand", "main"]);
    let more = "[meter.new]\nname = \"NEW\"\nmeter_point = \"it-load\"\nstatus = \"active\"\nprotocol = \"manual\"\n";
    fs::write(&path, format!("{before}\n{more}")).unwrap();
    service.signal(Signal::HUP);
    let begun = std::time::Instant::now();
    while meters() != ["by-hand", "main", "new"] {
        assert!(begun.elapsed() < PATIENCE, "{:?}", meters());
        thread::sleep(Duration::from_millis(50));
    }
    assert!(rig.prints(&["record", "new", "note", "there"]).contains("there"));
    assert!(rig.prints(&["audit"]).contains("1 added"));
}
