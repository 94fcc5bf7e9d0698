//! The signals of a terminal program: to end, to stop, to go on; and whether the terminal is still there.

use std::{io, thread};

use rustix::event::{PollFd, PollFlags, poll};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
};

/// What the outside tells a terminal program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// End, by this signal's name.
    End(&'static str),
    /// Give the terminal back and stop.
    Suspend,
    /// Go on after a stop.
    Resume,
    /// The terminal has gone.
    Vanished,
}

/// Notices that wait: signals merge by themselves, and one is enough of each kind.
const MAX_PENDING_NOTICES: usize = 8;

/// Listens for the rest of the process's life.
///
/// # Errors
/// Where the process may not listen, or has no thread left.
pub fn listen() -> io::Result<mpsc::Receiver<Notice>> {
    let (sender, receiver) = mpsc::channel(MAX_PENDING_NOTICES);
    let raw = |known: rustix::process::Signal| SignalKind::from_raw(known.as_raw());
    for (kind, notice) in [
        (SignalKind::terminate(), Notice::End("TERM")),
        (SignalKind::hangup(), Notice::End("HUP")),
        (SignalKind::interrupt(), Notice::End("INT")),
        (SignalKind::quit(), Notice::End("QUIT")),
        (raw(rustix::process::Signal::TSTP), Notice::Suspend),
        (raw(rustix::process::Signal::CONT), Notice::Resume),
    ] {
        tokio::spawn(forward(signal(kind)?, notice, sender.clone()));
    }
    let reads_terminal = rustix::termios::isatty(rustix::stdio::stdin());
    let watch = move || watch_terminal(reads_terminal, &sender);
    thread::Builder::new().name("hang-up watcher".to_owned()).spawn(watch)?;
    Ok(receiver)
}

async fn forward(mut signals: Signal, notice: Notice, sender: mpsc::Sender<Notice>) {
    while signals.recv().await.is_some() {
        if sender.send(notice).await.is_err() {
            return;
        }
    }
}

/// Waits, asleep, until the terminal hangs up, which needs no signal: one may be ignored or never come. Then puts a pipe
/// that never says anything in the place of standard input: the input reader would read "nothing" from a terminal that
/// has gone again and again, at full speed, in a loop that cannot be left.
fn watch_terminal(reads_terminal: bool, sender: &mpsc::Sender<Notice>) {
    loop {
        // No event is asked for; hang-up and errors are always told.
        let mut terminal = [PollFd::from_borrowed_fd(rustix::stdio::stdout(), PollFlags::empty())];
        match poll(&mut terminal, None) {
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return,
            Ok(_) => break,
        }
    }
    if reads_terminal {
        silence_input();
    }
    let _ = sender.blocking_send(Notice::Vanished);
}

fn silence_input() {
    let Ok((silent, never_closed)) = io::pipe() else { return };
    if rustix::stdio::dup2_stdin(&silent).is_ok() {
        // Closing this end would make the pipe speak.
        std::mem::forget(never_closed);
    }
}
