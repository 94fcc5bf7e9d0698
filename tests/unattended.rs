//! Running it for years without anyone logging in: status, doctor, figures, modes, and secrets that are found nowhere.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that fails says so")]
#![allow(dead_code, reason = "the helpers of the service's tests, of which these use some")]

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _},
        net::UnixStream,
    },
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use rustix::process::Signal;
use serde_json::Value;

#[path = "service/help.rs"]
mod help;

use help::{PATIENCE, Process, Rig, SITE, mode};

fn json(text: &[u8]) -> Value {
    serde_json::from_slice(text).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(text)))
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Asks until it is listened to.
fn ask(mut connect: impl FnMut() -> std::io::Result<Box<dyn ReadWrite>>, head: &str) -> String {
    let begun = Instant::now();
    let mut stream = loop {
        match connect() {
            Ok(stream) => break stream,
            Err(error) => assert!(begun.elapsed() < PATIENCE, "{error}"),
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

trait ReadWrite: std::io::Read + std::io::Write {}
impl<T: std::io::Read + std::io::Write> ReadWrite for T {}

fn get(port: u16, path: &str, header: &str) -> String {
    let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\n{header}\r\n");
    ask(|| Ok(Box::new(TcpStream::connect(("127.0.0.1", port))?)), &head)
}

#[test]
fn status_never_starts_a_service_and_says_what_wants_a_person() {
    let rig = Rig::new();
    let without = rig.run(&["status", "--json"]);
    assert_eq!(without.status.code(), Some(69));
    assert_eq!(json(&without.stdout)["well"], false);
    assert!(!rig.data().exists(), "it made nothing");

    let _service = rig.poll();
    let begun = Instant::now();
    let status = loop {
        let output = rig.run(&["status", "--json"]);
        let status = json(&output.stdout);
        if status["devices"]["d"]["state"] == "offline" {
            assert_eq!(output.status.code(), Some(1));
            break status;
        }
        assert!(begun.elapsed() < PATIENCE, "{status:#}");
        std::thread::sleep(Duration::from_millis(50));
    };
    assert!(status["devices"]["d"]["offlineSince"].is_string(), "{status:#}");
    assert!(status["devices"]["d"]["lastError"]["error"].as_str().is_some_and(|error| !error.is_empty()));
    assert_eq!(status["queue"]["waitingBatches"], 0);
    assert_eq!(status["openReviews"]["groups"], 0);
    assert!(status["wants"][0].as_str().unwrap().contains("does not answer"), "{status:#}");
    let output = rig.run(&["status"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("1 offline") && text.contains("d  offline since") && text.contains("Wants a person"),
        "{text}"
    );
}

#[test]
fn a_site_without_trouble_is_well() {
    let rig = Rig::with("[site]\nname = \"Quiet\"\ntime_zone = \"UTC\"\ncurrency = \"EUR\"\n");
    let _service = rig.poll();
    let text = rig.prints(&["status"]);
    assert!(text.contains("Devices   none") && text.ends_with("All is well.\n"), "{text}");
}

#[test]
fn doctor_works_without_a_service_and_says_what_to_do() {
    let rig = Rig::with(&SITE.replace("name = \"Shared site\"", "name = \"Shared site\" # x"));
    let found = |output: &std::process::Output, check: &str, verdict: &str| {
        let document = json(&output.stdout);
        let findings = document["findings"].as_array().unwrap().clone();
        findings
            .into_iter()
            .find(|finding| finding["check"] == check && finding["verdict"] == verdict)
            .unwrap_or_else(|| panic!("no {verdict} {check} in {document:#}"))
    };
    let output = rig.run(&["doctor", "--json"]);
    assert_eq!(output.status.code(), Some(1), "no service, and nobody at port 9");
    found(&output, "service", "warning");
    found(&output, "data folder", "unknown");
    assert!(found(&output, "connection", "bad")["toDo"].is_string());

    let mut service = rig.poll();
    let output = rig.run(&["doctor", "--json"]);
    found(&output, "service", "good");
    found(&output, "data folder", "good");
    found(&output, "socket", "good");
    found(&output, "database", "good");
    let copy = rig.folder.path().join("copy.db");
    rig.prints(&["backup", copy.to_str().unwrap()]);
    service.signal(Signal::TERM);
    service.end();

    let database = rig.data().join("meterdeck.db");
    fs::set_permissions(&database, fs::Permissions::from_mode(0o644)).unwrap();
    fs::set_permissions(rig.data(), fs::Permissions::from_mode(0o755)).unwrap();
    let output = rig.run(&["doctor", "--json"]);
    assert!(found(&output, "database", "bad")["toDo"].as_str().unwrap().starts_with("chmod 600"));
    assert!(found(&output, "data folder", "bad")["toDo"].as_str().unwrap().starts_with("chmod 700"));
    let mut bytes = fs::read(&copy).unwrap();
    bytes[4096..8192].fill(0x5a);
    // Its log, where one was left, would mend it.
    for ending in ["db-wal", "db-shm"] {
        let _ = fs::remove_file(database.with_extension(ending));
    }
    fs::write(&database, bytes).unwrap();
    fs::set_permissions(&database, fs::Permissions::from_mode(0o600)).unwrap();
    let output = rig.run(&["doctor", "--json"]);
    assert!(found(&output, "database", "bad")["toDo"].as_str().unwrap().contains("restore"));
}

#[test]
fn figures_are_given_to_whoever_shows_the_token() {
    let port = free_port();
    let rig =
        Rig::with(&format!("{SITE}\n[metrics]\naddress = \"127.0.0.1:{port}\"\ntoken = {{ file = \"token\" }}\n"));
    let token = rig.folder.path().join("token");
    fs::write(&token, "planted-metrics-token\n").unwrap();
    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
    let _service = rig.poll();
    let right = "Authorization: Bearer planted-metrics-token\r\n";
    let answer = get(port, "/metrics", right);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("\nmeterdeck_device_up{device=\"d\"} 0\n"));
    for header in ["", "Authorization: Bearer planted\r\n", "Authorization: Basic planted-metrics-token\r\n"] {
        assert!(get(port, "/metrics", header).starts_with("HTTP/1.1 401 "), "{header}");
    }
    assert!(get(port, "/", right).starts_with("HTTP/1.1 404 "));
    assert!(ask(|| Ok(Box::new(TcpStream::connect(("127.0.0.1", port))?)), "\u{1}garbage\r\n\r\n").contains(" 400 "));
    fs::set_permissions(&token, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(get(port, "/metrics", right).starts_with("HTTP/1.1 401 "), "others can read the token now");
}

#[test]
fn nothing_that_it_makes_is_open_under_an_open_umask() {
    let site = format!("{SITE}\n[metrics]\nsocket = \"data/meterdeck.metrics.sock\"\n");
    let rig = Rig::with(&site);
    let mut service = rig.poll_under("000", &[]);
    let metrics = rig.data().join("meterdeck.metrics.sock");
    let answer = ask(|| Ok(Box::new(UnixStream::connect(&metrics)?)), "GET /metrics HTTP/1.1\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let under = |arguments: &[&str]| {
        let plain = rig.command(arguments);
        let mut shell = std::process::Command::new("sh");
        shell.arg("-c").arg("umask 000; exec \"$0\" \"$@\"").arg(help::PROGRAM).args(plain.get_args());
        assert!(shell.current_dir(rig.folder.path()).status().unwrap().success(), "{arguments:?}");
    };
    let made = |name: &str| rig.folder.path().join(name);
    under(&["backup", made("copy.db").to_str().unwrap()]);
    under(&["support-bundle", made("bundle.json").to_str().unwrap()]);
    service.signal(Signal::TERM);
    service.end();
    under(&["poll", "--for", "100ms", "--log-file", made("service.log").to_str().unwrap()]);
    under(&["restore", made("copy.db").to_str().unwrap()]);

    assert_eq!(mode(&rig.data()), 0o700);
    let mut seen = 0;
    let all = |folder: &Path| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let rest = ["copy.db", "bundle.json", "service.log"].map(made);
    for path in all(&rig.data()).into_iter().chain(rest) {
        let found = fs::symlink_metadata(&path).unwrap();
        assert_eq!(found.mode() & 0o027, 0, "{}: {:o}", path.display(), found.mode());
        seen += 1;
    }
    assert!(seen >= 6, "{:?}", all(&rig.data()));
}

/// Everything below a folder but the site file's own secrets.
fn below(folder: &Path, left_out: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path == left_out {
            continue;
        }
        if path.is_dir() {
            below(&path, left_out, found);
        } else if path.is_file() {
            found.push(path);
        }
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "twenty secrets, and all the places where they might be")]
fn twenty_planted_secrets_are_found_nowhere() {
    let port = free_port();
    let secrets: Vec<String> = (0..20).map(|number| format!("pLaNtEd{number:02}x{}", 7919 * (number + 3))).collect();
    let customer = "Confidential Customer Ltd";
    let rig = Rig::with(&format!(
        "{SITE}\n[account.acme-42]\nlabel_partner = \"{customer}\"\nemail_address = \"boss@confidential.example\"\n\
         [customer_site.plant]\nname = \"{customer}\"\nmeters = [\"main\"]\naccount = \"acme-42\"\n\
         [metrics]\naddress = \"127.0.0.1:{port}\"\ntoken = {{ credential = \"token-00\" }}\n"
    ));
    let kept = rig.folder.path().join("credentials");
    fs::create_dir(&kept).unwrap();
    for (number, secret) in secrets.iter().enumerate() {
        fs::write(kept.join(format!("token-{number:02}")), secret).unwrap();
    }
    let log = rig.folder.path().join("service.log");
    let mut output = Vec::new();
    // Each in turn is the token, by each way to name one; it is shown wrong, right, and in the wrong place.
    for (number, secret) in secrets.iter().enumerate() {
        let source = match number % 3 {
            0 => format!("credential = \"token-{number:02}\""),
            1 => format!("file = \"credentials/token-{number:02}\""),
            _ => "env = \"PLANTED\"".to_owned(),
        };
        let file = kept.join(format!("token-{number:02}"));
        // Some files are open to others: refused, and not told.
        let open = number % 6 == 1;
        fs::set_permissions(&file, fs::Permissions::from_mode(if open { 0o644 } else { 0o600 })).unwrap();
        let site = fs::read_to_string(rig.folder.path().join("site.toml")).unwrap();
        let (before, _) = site.split_once("token = ").unwrap();
        fs::write(rig.folder.path().join("site.toml"), format!("{before}token = {{ {source} }}\n")).unwrap();
        let mut command = rig.command(&["--log", "trace", "poll", "--log-file", log.to_str().unwrap()]);
        command.env("CREDENTIALS_DIRECTORY", &kept).env("PLANTED", secret);
        let mut service = Process(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let answer = get(port, "/metrics", &format!("Authorization: Bearer {secret}\r\n"));
        assert!(answer.starts_with(if open { "HTTP/1.1 401 " } else { "HTTP/1.1 200 " }), "{source}: {answer}");
        get(port, &format!("/{secret}"), &format!("Authorization: Bearer x{secret}\r\n"));
        output.push(answer);
        output.push(fs::read_to_string(format!("/proc/{}/cmdline", service.id())).unwrap());
        if number == 19 {
            let bundle = rig.folder.path().join("bundle.json");
            let mut command = rig.command(&["support-bundle", bundle.to_str().unwrap()]);
            let made = command.env("CREDENTIALS_DIRECTORY", &kept).env("PLANTED", secret).output().unwrap();
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
            for arguments in [&["status", "--json"][..], &["doctor", "--json"], &["audit"], &["check", "--json"]] {
                let said = rig.run(arguments);
                output.extend([said.stdout, said.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()));
            }
            rig.prints(&["backup", rig.folder.path().join("copy.db").to_str().unwrap()]);
        }
        service.signal(Signal::TERM);
        assert_eq!(service.end(), Some(0));
    }
    // A secret that somebody wrote into the site file is not drawn with the mistake.
    let path = rig.folder.path().join("site.toml");
    let site = fs::read_to_string(&path).unwrap();
    let (before, rest) = site.split_once("token = ").unwrap();
    fs::write(&path, format!("{before}token = \"{}\"\n", secrets[0])).unwrap();
    let refused = rig.run(&["check"]);
    assert_eq!(refused.status.code(), Some(78));
    output.push(String::from_utf8(refused.stderr).unwrap());
    assert!(output.last().unwrap().contains("is a secret"), "{output:?}");
    fs::write(&path, format!("{before}token = {rest}")).unwrap();

    let mut files = Vec::new();
    below(rig.folder.path(), &kept, &mut files);
    assert!(files.iter().any(|file| file.ends_with("meterdeck.db")) && files.contains(&log), "{files:?}");
    for secret in &secrets {
        for file in &files {
            let bytes = fs::read(file).unwrap();
            let is_there = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!is_there, "{} holds {secret}", file.display());
        }
        assert!(output.iter().all(|text| !text.contains(secret)), "{secret} was printed");
    }
    let bundle = fs::read_to_string(rig.folder.path().join("bundle.json")).unwrap();
    for name in [customer, "acme-42", "confidential.example", "Shared site"] {
        assert!(!bundle.contains(name), "{name}");
    }
    let bundle = json(bundle.as_bytes());
    for part in ["madeAt", "versions", "configuration", "doctor", "status", "log", "schema"] {
        assert!(!bundle[part].is_null(), "{part}");
    }
    assert!(bundle["log"].as_array().unwrap().len() > 1 && bundle["schema"]["statements"].is_array(), "{bundle:#}");
}
