//! The terminal: what a technician sees and presses.
//!
//! Input and the service's events become messages, `update` turns the model and a message into a new model and
//! effects, `view` draws the model. Only effects and the terminal guard touch anything outside.

use std::{fs, io, path::PathBuf, sync::Arc, time::Duration};

use crossterm::event::Event;
use futures_util::Stream;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    domain::site::Site,
    service::{
        client::{Client, Requests},
        interface::{ErrorKind, INTERFACE_VERSION, Request, Response, ServiceError},
        roles::Role,
    },
};

pub mod actions;
pub mod backend;
pub mod clipboard;
pub mod effect;
pub mod format;
pub mod glyph;
pub mod input;
pub mod key;
pub mod keymap;
pub mod layout;
pub mod message;
pub mod model;
pub mod pace;
pub mod picture;
pub mod run;
pub mod search;
pub mod session;
pub mod settings;
pub mod signals;
pub mod terminal;
pub mod theme;
pub mod update;
pub mod view;
pub mod widget;

use backend::Tty;
use keymap::{Keymap, KeymapProblem};
use message::Message;
use model::Model;
use session::Session;
use theme::{Theme, ThemeError};

pub use settings::Settings;

/// How long the service may take to say who it is and what the site is, before the terminal is taken.
const GREETING_DEADLINE: Duration = Duration::from_secs(10);

/// Why the terminal program could not start, or did not end by itself.
#[derive(Debug, thiserror::Error)]
pub enum TuiError {
    /// Standard input or output is no terminal.
    #[error("the terminal program needs a terminal, and standard output is none")]
    NoTerminal,
    /// The terminal refused something.
    #[error("the terminal cannot be used: {0}")]
    Terminal(#[source] io::Error),
    /// The terminal has gone.
    #[error("the terminal has gone")]
    Vanished,
    /// A thread panicked; what and where was printed and logged.
    #[error("a part of the program failed; the log has the details")]
    Panicked,
    /// The service refused to greet.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// No such theme.
    #[error(transparent)]
    Theme(#[from] ThemeError),
    /// The key file cannot be read.
    #[error("cannot read {path}: {error}")]
    KeymapFile {
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        error: io::Error,
    },
    /// The key file is wrong.
    #[error("{path} is wrong:\n{}", problems.iter().map(KeymapProblem::to_string).collect::<Vec<_>>().join("\n"))]
    Keymap {
        /// Which file.
        path: PathBuf,
        /// Everything that is wrong.
        problems: Vec<KeymapProblem>,
    },
}

/// Runs the terminal program on this process's terminal until somebody quits, a signal ends it, or `stop` does.
///
/// # Errors
/// See [`TuiError`]. Whatever happens, the terminal is given back first.
pub async fn run(client: Client, settings: Settings, stop: CancellationToken) -> Result<(), TuiError> {
    let mouse = settings.options.mouse;
    let prepared = prepare(client, settings).await?;
    if !has_terminal() {
        return Err(TuiError::NoTerminal);
    }
    let notices = signals::listen().map_err(TuiError::Terminal)?;
    let guard = terminal::take().map_err(TuiError::Terminal)?;
    let input = input::listen().map_err(TuiError::Terminal)?;
    let mut tty = terminal::ProcessTty::default();
    if mouse {
        tty.set_mouse(true).map_err(TuiError::Terminal)?;
    }
    let end = tokio::select! {
        end = prepared.run(tty, input, notices, stop) => end,
        () = terminal::panicked() => Err(TuiError::Panicked),
        () = panic_on_demand() => Ok(()),
    };
    drop(guard);
    end
}

/// A terminal program that can run: everything that may be wrong was looked at before a terminal is taken.
#[derive(Debug)]
pub struct Prepared {
    client: Client,
    settings: Settings,
    keymap: Keymap,
    theme: Theme,
    site: Arc<Site>,
    greeting: Message,
    role: Role,
    rests: bool,
}

/// Reads keys and theme, and asks the service who it is and what the site is.
///
/// # Errors
/// A key file or theme that is wrong; a service that does not answer.
pub async fn prepare(client: Client, settings: Settings) -> Result<Prepared, TuiError> {
    let keymap = settings.keymap()?;
    let theme = Theme::load(&settings.options.theme, settings.options.colour)?;
    let (site, hello) = greet(&client.requests).await?;
    let Response::Hello { in_process, program, role, polls, .. } = hello else {
        return Err(unexpected("The service answers something else than was asked.").into());
    };
    let greeting = Message::Start { in_process, program };
    Ok(Prepared { client, settings, keymap, theme, site, greeting, role, rests: !polls })
}

impl Prepared {
    /// Runs on a terminal that was taken, until somebody quits, a notice ends it, or `stop` does.
    ///
    /// # Errors
    /// Where the terminal has gone.
    pub async fn run<T, I>(
        self,
        tty: T,
        input: I,
        notices: mpsc::Receiver<signals::Notice>,
        stop: CancellationToken,
    ) -> Result<(), TuiError>
    where
        T: Tty,
        I: Stream<Item = io::Result<Event>> + Unpin,
    {
        let Self { client, settings, keymap, theme, site, greeting, role, rests } = self;
        let area = tty.size().map_err(TuiError::Terminal)?;
        let mut model = Model::new(site, Arc::new(keymap), settings.options.clone(), area, Timestamp::now());
        (model.service.role, model.service.rests) = (Some(role), rests);
        restore_session(&mut model, &settings);
        let world = run::World {
            tty,
            input,
            notices,
            events: client.events,
            effects: effect::Effects::new(client.requests, settings.export_folder.clone()),
            in_tmux: settings.in_tmux,
            stop,
        };
        let (model, end) = run::run(model, theme, greeting, world).await;
        save_session(&model, &settings);
        end
    }
}

/// In debug builds, so that tests see what a panic leaves of the terminal: METERDECK_PANIC makes this thread (`here`) or
/// a task (`task`) panic a moment after the start.
async fn panic_on_demand() {
    let wanted = std::env::var("METERDECK_PANIC").ok().filter(|_| cfg!(debug_assertions));
    let fail = async |place: &str| {
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(place.is_empty(), "asked for by METERDECK_PANIC={place}");
    };
    match wanted.as_deref() {
        Some("here") => fail("here").await,
        Some("task") => _ = tokio::spawn(async move { fail("task").await }).await,
        _ => {}
    }
    std::future::pending::<()>().await;
}

/// Standard output is a terminal, and there is one to read from.
fn has_terminal() -> bool {
    let reads = || rustix::termios::isatty(rustix::stdio::stdin()) || fs::File::open("/dev/tty").is_ok();
    rustix::termios::isatty(rustix::stdio::stdout()) && reads()
}

/// Asks the service who it is and what the site is.
async fn greet(requests: &Requests) -> Result<(Arc<Site>, Response), TuiError> {
    let asked = async {
        let hello = requests.ask(Request::Hello { version: INTERFACE_VERSION }).await?;
        let site = requests.ask(Request::Site).await?;
        Ok::<_, ServiceError>((hello, site))
    };
    let late = |_| unexpected("The service does not answer.");
    match tokio::time::timeout(GREETING_DEADLINE, asked).await.map_err(late)?? {
        (hello, Response::Site { site }) => Ok((site, hello)),
        _ => Err(unexpected("The service answers something else than was asked.").into()),
    }
}

fn unexpected(message: &str) -> ServiceError {
    let hint = Some("Check that the service is of the same version.".to_owned());
    ServiceError { kind: ErrorKind::Unavailable, message: message.to_owned(), hint }
}

fn restore_session(model: &mut Model, settings: &Settings) {
    let Some(path) = &settings.session_file else { return };
    match Session::load(path) {
        Ok(session) => session.restore(model),
        Err(error) => tracing::warn!("the session in {} is ignored: {error}", path.display()),
    }
}

fn save_session(model: &Model, settings: &Settings) {
    let Some(path) = &settings.session_file else { return };
    if let Err(error) = Session::of(model).save(path) {
        tracing::warn!("the session is not kept in {}: {error}", path.display());
    }
}
