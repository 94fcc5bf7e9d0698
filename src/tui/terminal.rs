//! The real terminal: taken once, given back exactly once, however the program ends.

use std::{
    io::{self, IsTerminal, Write},
    sync::{
        Once,
        atomic::{AtomicBool, Ordering},
    },
};

use crossterm::{
    cursor::{Hide, Show},
    event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture},
    queue,
    terminal::{EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode},
};
use ratatui::layout::Size;
use rustix::process::Signal;
use tokio::sync::Notify;

use super::backend::Tty;

/// Whether the terminal is ours now. The process has one terminal, so this is the process's.
static TAKEN: AtomicBool = AtomicBool::new(false);
/// Whether it sends mouse events.
static MOUSE: AtomicBool = AtomicBool::new(false);
/// The panic hook is set once.
static HOOK: Once = Once::new();
/// Told when any thread panics.
static PANICKED: Notify = Notify::const_new();

/// Gives the terminal back when it goes.
#[derive(Debug)]
pub struct Guard(());

impl Drop for Guard {
    fn drop(&mut self) {
        restore();
    }
}

/// Takes the terminal: raw mode, alternate screen, bracketed paste, no cursor; and gives it back on a panic in any thread.
///
/// # Errors
/// Where standard output is no terminal, or refuses; then nothing is left changed.
pub fn take() -> io::Result<Guard> {
    if !io::stdout().is_terminal() {
        return Err(io::Error::new(io::ErrorKind::Unsupported, "standard output is no terminal"));
    }
    HOOK.call_once(restore_on_panic);
    enter()?;
    Ok(Guard(()))
}

/// Gives the terminal back, if it is ours; the second time does nothing. Takes no lock that a stopped thread could hold.
pub fn restore() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut bytes = Vec::new();
    let mouse = MOUSE.swap(false, Ordering::SeqCst);
    // Into memory: cannot fail.
    let _ = queue!(bytes, EndSynchronizedUpdate);
    if mouse {
        let _ = queue!(bytes, DisableMouseCapture);
    }
    let _ = queue!(bytes, DisableBracketedPaste, LeaveAlternateScreen, Show);
    // A terminal that has gone takes neither, and needs neither.
    let _ = Stdout.write_all(&bytes);
    let _ = disable_raw_mode();
}

/// Waits until a thread has panicked.
pub async fn panicked() {
    PANICKED.notified().await;
}

fn enter() -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    let mut bytes = Vec::new();
    queue!(bytes, EnterAlternateScreen, EnableBracketedPaste, Hide)?;
    Stdout.write_all(&bytes).inspect_err(|_| restore())
}

/// Logs the panic, gives the terminal back, lets the hook before say it, and ends the loop.
fn restore_on_panic() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if TAKEN.load(Ordering::SeqCst) {
            tracing::error!("panic: {panic}");
            restore();
        }
        before(panic);
        PANICKED.notify_one();
    }));
}

/// Standard output without std's buffer and lock: a frame leaves in one write, and a panic never waits for it.
#[derive(Debug, Default)]
pub struct Stdout;

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::write(rustix::stdio::stdout(), bytes)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The terminal of this process. What is drawn after it was given back goes nowhere.
#[derive(Debug, Default)]
pub struct ProcessTty(Stdout);

impl Write for ProcessTty {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if TAKEN.load(Ordering::SeqCst) { self.0.write(bytes) } else { Ok(bytes.len()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Tty for ProcessTty {
    fn size(&self) -> io::Result<Size> {
        let size = rustix::termios::tcgetwinsize(rustix::stdio::stdout())?;
        Ok(Size::new(size.ws_col, size.ws_row))
    }

    fn suspend(&mut self) -> io::Result<bool> {
        // The session's own process group has no shell above it that could continue us.
        let group = rustix::process::getpgrp();
        if rustix::process::getsid(None)? == group {
            return Ok(false);
        }
        restore();
        rustix::process::kill_process_group(group, Signal::STOP)?;
        Ok(true)
    }

    fn resume(&mut self) -> io::Result<()> {
        // Whoever ran in between may have changed the terminal's mode without telling us.
        if TAKEN.load(Ordering::SeqCst) {
            disable_raw_mode()?;
        }
        enter()
    }

    fn set_mouse(&mut self, on: bool) -> io::Result<()> {
        let mut bytes = Vec::new();
        if on {
            queue!(bytes, EnableMouseCapture)?;
        } else {
            queue!(bytes, DisableMouseCapture)?;
        }
        MOUSE.store(on, Ordering::SeqCst);
        self.write_all(&bytes)
    }
}
