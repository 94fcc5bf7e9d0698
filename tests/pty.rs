//! The real binary in a pseudo-terminal: however it ends, the terminal comes back, once.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that fails says so")]

use std::{
    fs,
    io::{ErrorKind, Read, Write},
    os::{fd::AsFd, unix::fs::OpenOptionsExt},
    path::Path,
    process::Command,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::{
    fs::OFlags,
    process::{Pid, Signal, kill_process},
    pty::{self, OpenptFlags},
    termios::{Termios, Winsize},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_meterdeck");
/// How long a screen may take, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long an end may take.
const END: Duration = Duration::from_secs(2);
/// A site without devices: nothing changes by itself.
const SITE: &str = r#"
[site]
name = "Quiet site"
time_zone = "UTC"
currency = "EUR"

[meter.main]
name = "MAIN"
meter_point = "utility-entrance"
status = "active"
protocol = "manual"
"#;

/// What came out of the terminal so far.
struct Output {
    bytes: Vec<u8>,
    screen: vt100::Parser,
}

struct Pty {
    master: Option<Box<dyn MasterPty + Send>>,
    keys: Option<Box<dyn Write + Send>>,
    child: Box<dyn Child + Send + Sync>,
    output: Arc<Mutex<Output>>,
    before: Termios,
    folder: tempfile::TempDir,
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

impl Pty {
    /// The terminal program on the quiet site.
    fn start() -> Self {
        Self::start_with(|command| command.args(["--config", "site.toml"]))
    }

    fn start_with(set: impl FnOnce(&mut CommandBuilder)) -> Self {
        let mut command = CommandBuilder::new(PROGRAM);
        command.env_remove("NO_COLOR");
        set(&mut command);
        Self::spawn(command)
    }

    fn spawn(mut command: CommandBuilder) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("site.toml"), SITE).unwrap();
        command.cwd(folder.path());
        command.env("TERM", "xterm-256color");
        command.env("HOME", folder.path());
        for name in ["XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"] {
            command.env(name, folder.path().join("xdg"));
        }
        command.env_remove("TMUX");
        let pair = native_pty_system().openpty(size(80, 24)).unwrap();
        let before = termios(pair.master.tty_name().unwrap().as_path());
        let mut reader = pair.master.try_clone_reader().unwrap();
        let keys = pair.master.take_writer().unwrap();
        let child = pair.slave.spawn_command(command).unwrap();
        let output = Arc::new(Mutex::new(Output { bytes: Vec::new(), screen: vt100::Parser::new(24, 80, 0) }));
        let sink = Arc::clone(&output);
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = reader.read(&mut buffer) {
                let mut output = sink.lock().unwrap();
                let bytes = buffer.get(..length).unwrap();
                output.bytes.extend_from_slice(bytes);
                output.screen.process(bytes);
            }
        });
        Self { master: Some(pair.master), keys: Some(keys), child, output, before, folder }
    }

    fn press(&mut self, keys: &str) {
        let writer = self.keys.as_mut().unwrap();
        writer.write_all(keys.as_bytes()).unwrap();
        writer.flush().unwrap();
    }

    fn resize(&self, columns: u16, rows: u16) {
        self.output.lock().unwrap().screen.screen_mut().set_size(rows, columns);
        self.master.as_ref().unwrap().resize(size(columns, rows)).unwrap();
    }

    fn screen(&self) -> String {
        self.output.lock().unwrap().screen.screen().contents()
    }

    fn bytes(&self) -> usize {
        self.output.lock().unwrap().bytes.len()
    }

    /// How often a sequence was written.
    fn count(&self, sequence: &str) -> usize {
        String::from_utf8_lossy(&self.output.lock().unwrap().bytes).matches(sequence).count()
    }

    fn until(&self, what: &str, wanted: impl Fn(&str) -> bool) {
        let start = Instant::now();
        while !wanted(&self.screen()) {
            assert!(start.elapsed() < PATIENCE, "waited in vain for {what}:\n{}", self.screen());
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn until_shown(&self, text: &str) {
        self.until(text, |screen| screen.contains(text));
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.process_id().unwrap()).unwrap()).unwrap()
    }

    /// Waits for the end and gives the exit code.
    fn end(&mut self) -> u32 {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.exit_code();
            }
            assert!(start.elapsed() < END, "still there after {END:?}:\n{}", self.screen());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// The terminal is as it was, and was given back once.
    fn assert_restored(&self, times: usize) {
        // What was written last may still be on its way to the reader.
        let start = Instant::now();
        while self.count("\u{1b}[?1049l") < times && start.elapsed() < END {
            thread::sleep(Duration::from_millis(10));
        }
        for (sequence, taken) in [("\u{1b}[?1049", "h"), ("\u{1b}[?2004", "h")] {
            assert_eq!(self.count(&format!("{sequence}{taken}")), times, "{sequence:?} taken");
            assert_eq!(self.count(&format!("{sequence}l")), times, "{sequence:?} given back");
        }
        let all = String::from_utf8_lossy(&self.output.lock().unwrap().bytes).into_owned();
        let after_it = all.rsplit_once("\u{1b}[?1049l").map_or("", |(_, after)| after);
        assert_eq!(after_it.matches("\u{1b}[?25h").count(), times.min(1), "cursor shown at the end");
        assert_eq!(self.count("\u{1b}[?1000h"), self.count("\u{1b}[?1000l"), "mouse");
        let after = termios(self.master.as_ref().unwrap().tty_name().unwrap().as_path());
        assert_eq!(
            (after.local_modes, after.input_modes, after.output_modes),
            (self.before.local_modes, self.before.input_modes, self.before.output_modes)
        );
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

fn termios(path: &Path) -> Termios {
    let tty = fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
    rustix::termios::tcgetattr(tty.as_fd()).unwrap()
}

#[test]
fn it_starts_follows_the_size_and_quits() {
    let mut pty = Pty::start();
    pty.until_shown("Quiet site");
    pty.until_shown("MAIN");
    for (columns, rows, wanted) in
        [(160, 48, "polling from this terminal"), (40, 12, "Quiet"), (20, 2, "trouble"), (1, 1, "0")]
    {
        pty.resize(columns, rows);
        pty.until(&format!("{columns}x{rows}"), |screen| screen.contains(wanted));
    }
    pty.resize(80, 24);
    pty.until_shown("Quiet site");
    pty.press("q");
    assert_eq!(pty.end(), 0);
    pty.assert_restored(1);
    assert!(pty.folder.path().join("xdg/meterdeck/session.json").exists());
}

#[test]
fn every_signal_that_ends_it_gives_the_terminal_back() {
    for signal in [Signal::TERM, Signal::HUP, Signal::INT, Signal::QUIT] {
        let mut pty = Pty::start();
        pty.until_shown("MAIN");
        pty.press("M");
        pty.until_shown("wheel");
        kill_process(pty.pid(), signal).unwrap();
        assert_eq!(pty.end(), 0, "{signal:?}");
        pty.assert_restored(1);
        assert_eq!(pty.count("\u{1b}[?1000h"), 1);
    }
}

#[test]
fn ctrl_c_quits() {
    let mut pty = Pty::start();
    pty.until_shown("MAIN");
    pty.press("\u{3}");
    assert_eq!(pty.end(), 0);
    pty.assert_restored(1);
}

#[test]
fn a_panic_in_any_thread_gives_the_terminal_back_and_is_said() {
    for (place, code) in [("here", 101), ("task", 70)] {
        let mut pty = Pty::start_with(|command| {
            command.args(["--config", "site.toml"]);
            command.env("METERDECK_PANIC", place);
        });
        pty.until_shown(&format!("METERDECK_PANIC={place}"));
        assert_eq!(pty.end(), code, "{place}");
        pty.assert_restored(1);
    }
}

#[test]
fn a_start_that_fails_leaves_the_terminal_alone() {
    let mut pty = Pty::start_with(|command| command.args(["--config", "site.toml", "--theme", "pink"]));
    pty.until_shown("pink");
    assert_eq!(pty.end(), 2);
    pty.assert_restored(0);

    let mut shell = CommandBuilder::new("sh");
    let script = format!(
        "mkdir -p xdg/meterdeck; echo 'quit = [\"s\"]' > xdg/meterdeck/keymap.toml; exec {PROGRAM} --config site.toml"
    );
    shell.args(["-c", &script]);
    let mut pty = Pty::spawn(shell);
    pty.until_shown("`s` means both");
    pty.until_shown("line 1, column 8");
    assert_eq!(pty.end(), 78);
    pty.assert_restored(0);
}

#[test]
fn without_a_terminal_it_says_so() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("site.toml"), SITE).unwrap();
    let output = assert_cmd::Command::new(PROGRAM)
        .args(["--config", "site.toml"])
        .current_dir(folder.path())
        .timeout(PATIENCE)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    assert!(String::from_utf8_lossy(&output.stderr).contains("needs a terminal"));
}

#[test]
fn ctrl_z_stops_it_and_fg_brings_it_back() {
    let mut shell = CommandBuilder::new("bash");
    shell.args(["--norc", "--noprofile", "-i"]);
    shell.env("PS1", "prompt> ");
    let mut pty = Pty::spawn(shell);
    pty.until_shown("prompt>");
    pty.press(&format!("{PROGRAM} --config site.toml\n"));
    pty.until_shown("MAIN");
    pty.press("\u{1a}");
    pty.until_shown("Stopped");
    assert_eq!(pty.count("\u{1b}[?1049l"), 1);
    pty.press("fg\n");
    pty.until("the screen again", |screen| screen.contains("MAIN") && !screen.contains("prompt>"));
    pty.press("3");
    pty.until_shown("3 Site");
    pty.press("q");
    pty.until("a prompt of its own", |screen| screen.trim_end().ends_with("prompt>"));
    pty.press("echo back-$((6 * 7))\n");
    pty.until_shown("back-42");
    assert_eq!((pty.count("\u{1b}[?1049h"), pty.count("\u{1b}[?1049l")), (2, 2));
    pty.press("exit\n");
}

#[test]
fn ctrl_z_without_a_shell_does_not_stop_it_for_ever() {
    let mut pty = Pty::start();
    pty.until_shown("MAIN");
    pty.press("\u{1a}");
    pty.until_shown("no shell");
    pty.press("q");
    assert_eq!(pty.end(), 0);
    pty.assert_restored(1);
}

/// CPU that a process has used, in seconds; `None` where it has gone.
fn cpu_seconds(pid: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
    let is_dead = matches!(*fields.first()?, "Z" | "X");
    let ticks: f64 = fields.get(11..13)?.iter().filter_map(|field| field.parse::<f64>().ok()).sum();
    (!is_dead).then_some(ticks / 100.0)
}

/// Reads what a pty's program writes, without a thread that would keep the pty alive, until it holds `text`.
fn read_until(master: &fs::File, text: &str) {
    let (start, mut seen, mut buffer) = (Instant::now(), Vec::new(), [0; 4096]);
    while !String::from_utf8_lossy(&seen).contains(text) {
        assert!(start.elapsed() < PATIENCE, "waited in vain for {text}: {:?}", String::from_utf8_lossy(&seen));
        match (&*master).read(&mut buffer) {
            Ok(length) => seen.extend_from_slice(buffer.get(..length).unwrap()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(Duration::from_millis(10)),
            Err(error) => panic!("{error}"),
        }
    }
}

/// A pty, and its other end for a program.
fn open_pty() -> (fs::File, fs::File) {
    let master = pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    pty::grantpt(&master).unwrap();
    pty::unlockpt(&master).unwrap();
    let name = pty::ptsname(&master, Vec::new()).unwrap();
    let path = Path::new(name.to_str().unwrap());
    let flags = OFlags::NOCTTY.bits().cast_signed();
    let slave = fs::OpenOptions::new().read(true).write(true).custom_flags(flags).open(path).unwrap();
    rustix::termios::tcsetwinsize(&slave, Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    rustix::io::ioctl_fionbio(&master, true).unwrap();
    (fs::File::from(master), slave)
}

#[test]
fn a_vanished_terminal_ends_it_soon_and_costs_nothing() {
    // Of the terminal's own session, which gets a signal; with that signal ignored; and of another session, which gets none.
    for arguments in [vec!["--ctty"], vec!["--ctty", "sh", "-c", "trap '' HUP; exec \"$@\"", "sh"], vec![]] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("site.toml"), SITE).unwrap();
        let (mut master, slave) = open_pty();
        let mut child = Command::new("setsid")
            .args(&arguments)
            .args([PROGRAM, "--config", "site.toml"])
            .current_dir(folder.path())
            .env("HOME", folder.path())
            .env("XDG_STATE_HOME", folder.path())
            .env("TERM", "xterm-256color")
            .stdin(slave.try_clone().unwrap())
            .stdout(slave.try_clone().unwrap())
            .stderr(slave)
            .spawn()
            .unwrap();
        read_until(&master, "MAIN");
        // Half of an escape sequence: the reader waits for the rest inside of itself.
        master.write_all(b"\x1b[").unwrap();
        thread::sleep(Duration::from_millis(300));
        let before = cpu_seconds(child.id()).expect("it runs");
        let (start, mut used) = (Instant::now(), 0.0);
        drop(master);
        while let Some(cpu) = cpu_seconds(child.id()) {
            used = cpu - before;
            if start.elapsed() > END {
                child.kill().unwrap();
                panic!("{arguments:?}: still there after {END:?}, {used} s of CPU");
            }
            thread::sleep(Duration::from_millis(2));
        }
        child.wait().unwrap();
        println!("{arguments:?}: gone after {:?}, {used} s of CPU", start.elapsed());
        assert!(used <= 0.1, "{arguments:?}: {used} s of CPU after the terminal had gone");
    }
}

#[test]
fn nothing_changed_is_nothing_written() {
    let pty = Pty::start();
    pty.until_shown("MAIN");
    thread::sleep(Duration::from_millis(700));
    let (before, minute) = (pty.bytes(), jiff::Timestamp::now().as_second() / 60);
    thread::sleep(Duration::from_secs(5));
    let written = pty.bytes() - before;
    // The clock of the header shows minutes.
    assert!(written == 0 || jiff::Timestamp::now().as_second() / 60 != minute, "{written} bytes");
    drop(pty);
}

#[test]
fn no_color_keeps_bold_and_reverse() {
    let mut pty = Pty::start_with(|command| {
        command.args(["--config", "site.toml"]);
        command.env("NO_COLOR", "1");
    });
    pty.until_shown("MAIN");
    pty.press("q");
    assert_eq!(pty.end(), 0);
    let text = String::from_utf8_lossy(&pty.output.lock().unwrap().bytes).into_owned();
    let colours = text.split("\u{1b}[").filter_map(|part| part.split_once('m')).filter(|(code, _)| {
        code.split(';').any(|number| matches!(number.parse::<u8>(), Ok(30..=37 | 40..=47 | 90..=97 | 100..=107)))
            || code.starts_with("38;5")
            || code.starts_with("48;5")
    });
    assert_eq!(colours.count(), 0, "{text:?}");
    assert!(text.contains(";7m") && text.contains("[;1m"), "bold and reverse are there: {text:?}");
}
