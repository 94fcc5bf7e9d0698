//! The terminal: what a technician sees and presses.
//!
//! Input and the service's events become messages, `update` turns the model and a message into a new model and
//! effects, `view` draws the model. Only effects and the terminal guard touch anything outside.

use std::{env, fs, io, path::PathBuf, sync::Arc, time::Duration};

use crossterm::event::EventStream;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::{
    domain::site::Site,
    service::{
        client::{Client, Requests},
        interface::{ErrorKind, INTERFACE_VERSION, Request, Response, ServiceError},
    },
};

pub mod actions;
pub mod backend;
pub mod clipboard;
pub mod effect;
pub mod format;
pub mod glyph;
pub mod key;
pub mod keymap;
pub mod layout;
pub mod message;
pub mod model;
pub mod pace;
pub mod run;
pub mod search;
pub mod session;
pub mod signals;
pub mod terminal;
pub mod theme;
pub mod update;
pub mod view;
pub mod widget;

use backend::Tty;
use keymap::{Keymap, KeymapProblem};
use message::Message;
use model::{Model, Options};
use session::Session;
use theme::{ColourDepth, Theme, ThemeError};

/// How long the service may take to say who it is and what the site is, before the terminal is taken.
const GREETING_DEADLINE: Duration = Duration::from_secs(10);

/// Why the terminal program could not start, or did not end by itself.
#[derive(Debug, thiserror::Error)]
pub enum TuiError {
    /// Standard input or output is no terminal.
    #[error("the terminal program needs a terminal; without one, use `meterdeck poll`")]
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

/// What a terminal program starts with, besides the service.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// How this terminal wants it.
    pub options: Options,
    /// A person's own keys, if the file is there.
    pub keymap_file: Option<PathBuf>,
    /// Where the session is kept; without it nothing is remembered.
    pub session_file: Option<PathBuf>,
    /// Where exports go.
    pub export_folder: PathBuf,
    /// Whether tmux is between us and the person's terminal.
    pub in_tmux: bool,
}

impl Settings {
    /// The options of the command line, and the rest from the environment: NO_COLOR, TERM, TMUX and the XDG folders.
    pub fn from_environment(mut options: Options) -> Self {
        let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        if set("NO_COLOR").is_some() {
            options.colour = ColourDepth::None;
        }
        // The console's own fonts lack most of what is drawn with.
        options.ascii |= set("TERM").is_some_and(|term| term == "linux" || term == "dumb");
        let folder = |xdg: &str, default: &str| {
            let home = || set("HOME").map(|home| PathBuf::from(home).join(default));
            set(xdg).map(PathBuf::from).filter(|path| path.is_absolute()).or_else(home)
        };
        Self {
            options,
            keymap_file: folder("XDG_CONFIG_HOME", ".config").map(|folder| folder.join("meterdeck/keymap.toml")),
            session_file: folder("XDG_STATE_HOME", ".local/state").map(|folder| folder.join("meterdeck/session.json")),
            export_folder: PathBuf::from("."),
            in_tmux: set("TMUX").is_some(),
        }
    }

    fn keymap(&self) -> Result<Keymap, TuiError> {
        let path = self.keymap_file.clone().unwrap_or_default();
        let own = match fs::read_to_string(&path) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(TuiError::KeymapFile { path, error }),
        };
        Keymap::load(own.as_deref()).map_err(|problems| TuiError::Keymap { path, problems })
    }
}

/// Runs the terminal program on this process's terminal until somebody quits, a signal ends it, or `stop` does.
///
/// # Errors
/// See [`TuiError`]. Whatever happens, the terminal is given back first.
pub async fn run(client: Client, settings: Settings, stop: CancellationToken) -> Result<(), TuiError> {
    let keymap = settings.keymap()?;
    let theme = Theme::load(&settings.options.theme, settings.options.colour)?;
    let (site, greeting) = greet(&client.requests).await?;
    // Or crossterm would drop bold and reverse together with the colours that we do not use.
    crossterm::style::force_color_output(true);
    if !has_terminal() {
        return Err(TuiError::NoTerminal);
    }
    let notices = signals::listen().map_err(TuiError::Terminal)?;
    let guard = terminal::take().map_err(TuiError::Terminal)?;
    let tty = terminal::ProcessTty::default();
    let area = tty.size().map_err(TuiError::Terminal)?;
    let mut model = Model::new(site, Arc::new(keymap), settings.options.clone(), area, Timestamp::now());
    restore_session(&mut model, &settings);
    let mut world = run::World {
        tty,
        input: EventStream::new(),
        notices,
        events: client.events,
        effects: effect::Effects::new(client.requests, settings.export_folder.clone()),
        in_tmux: settings.in_tmux,
        stop,
    };
    if settings.options.mouse {
        world.tty.set_mouse(true).map_err(TuiError::Terminal)?;
    }
    let (model, end) = tokio::select! {
        (model, end) = run::run(model, theme, greeting, world) => (model, end),
        () = terminal::panicked() => return Err(TuiError::Panicked),
    };
    drop(guard);
    save_session(&model, &settings);
    end
}

/// Standard output is a terminal, and there is one to read from.
fn has_terminal() -> bool {
    let reads = || rustix::termios::isatty(rustix::stdio::stdin()) || fs::File::open("/dev/tty").is_ok();
    rustix::termios::isatty(rustix::stdio::stdout()) && reads()
}

/// Asks the service who it is and what the site is; gives the site and the first message.
async fn greet(requests: &Requests) -> Result<(Arc<Site>, Message), TuiError> {
    let asked = async {
        let hello = requests.ask(Request::Hello { version: INTERFACE_VERSION }).await?;
        let site = requests.ask(Request::Site).await?;
        Ok::<_, ServiceError>((hello, site))
    };
    let late = |_| unexpected("The service does not answer.");
    match tokio::time::timeout(GREETING_DEADLINE, asked).await.map_err(late)?? {
        (Response::Hello { in_process, program, .. }, Response::Site { site }) => {
            Ok((site, Message::Start { in_process, program }))
        }
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
