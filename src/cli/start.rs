//! What every command needs first: the site, the log, a runtime, and signals that end it.

use std::{
    fs::{self, DirBuilder},
    io::{self, IsTerminal as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _},
    path::Path,
};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::{EnvFilter, Layer as _, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use super::{
    Colour,
    exit::{CommandError, Exit},
    logging::{self, LogFile},
};
use crate::{
    config::{self, Loaded},
    service::{log::LogRing, who},
    store::{
        Opened, Store,
        lock::{self, Lock, LockError},
    },
};

/// Threads of the runtime: one polls, one serves clients; more only wake each other up.
const RUNTIME_THREADS: usize = 2;

/// Without groups in the site file, nobody else enters the data folder.
const DATA_FOLDER_MODE: u32 = 0o700;

/// Where the log goes besides its ring in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogTo<'a> {
    /// Nowhere: the terminal program shows it.
    Ring,
    /// To standard error; with priorities where that is the journal.
    Stderr,
    /// To a file of limited size.
    File(&'a Path),
}

impl Colour {
    /// Whether to print colour on a stream that is a terminal or not.
    pub fn applies(self, is_terminal: bool) -> bool {
        let asked_not_to = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto => is_terminal && !asked_not_to,
        }
    }
}

/// Finds and reads the site file. Its problems are printed on standard error, whole.
pub fn site(path: Option<&Path>, data: Option<&Path>, colour: Colour) -> Result<Loaded, CommandError> {
    let path = config::locate(path).map_err(|error| CommandError::new(Exit::Configuration, error.to_string()))?;
    let mut loaded = config::load(&path).map_err(|problems| {
        let text = problems.render(colour.applies(io::stderr().is_terminal()));
        // A closed stderr leaves nobody to tell.
        let _ = writeln!(io::stderr(), "{text}");
        CommandError::new(Exit::Configuration, format!("{} is wrong; nothing was started.", path.display()))
    })?;
    if let Some(data) = data {
        data.clone_into(&mut loaded.site.data_dir);
    }
    Ok(loaded)
}

fn locked(dir: &Path, error: &LockError) -> CommandError {
    match error {
        LockError::Held { .. } => CommandError::new(Exit::TryAgain, format!("{}: {error}.", dir.display()))
            .hinted("stop that process, or name another folder with --data"),
        LockError::File(system) => {
            CommandError::new(exit_of(system), format!("Cannot lock the data folder {}: {error}.", dir.display()))
        }
    }
}

fn exit_of(error: &io::Error) -> Exit {
    if error.kind() == io::ErrorKind::PermissionDenied { Exit::NotPermitted } else { Exit::CannotCreate }
}

/// Root leaves the folder of another user alone: files that root makes there would keep that user's service out.
fn refuse_for_root(dir: &Path) -> Result<(), CommandError> {
    let owner = fs::metadata(dir.join(lock::FILE_NAME)).map(|found| found.uid()).unwrap_or_default();
    if owner == 0 || !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let message = format!("The data folder {} is that of {}.", dir.display(), who::Peer::of(owner, None).name);
    Err(CommandError::new(Exit::NotPermitted, message)
        .hinted("start its service, or run this as that user, such as with `sudo -u`"))
}

/// The lock of a data folder, which is made where it is not there.
pub fn lock(dir: &Path) -> Result<Lock, CommandError> {
    refuse_for_root(dir)?;
    DirBuilder::new().recursive(true).mode(DATA_FOLDER_MODE).create(dir).map_err(|error| {
        CommandError::new(exit_of(&error), format!("Cannot make the data folder {}: {error}.", dir.display()))
            .hinted("name another with --data, or [storage] dir in the site file")
    })?;
    Lock::take(dir).map_err(|error| locked(dir, &error))
}

/// The store of a data folder, which holds the folder's lock as long as it is open.
pub fn store(dir: &Path) -> Result<Store, CommandError> {
    let lock = lock(dir)?;
    let (store, opened) = Store::open(dir).map_err(|error| {
        CommandError::new(Exit::Failed, format!("Cannot open the database in {}: {error}.", dir.display()))
    })?;
    store.hold(lock);
    if let Opened::Damaged { copy, reason } = &opened {
        tracing::error!(
            "the database was damaged ({reason}); it was put aside as {}, and a new one begun",
            copy.display()
        );
    }
    Ok(store)
}

/// Starts the log: a ring in memory, and standard error where there is no screen.
pub fn log(filter: &str, to: LogTo<'_>, colour: Colour) -> Result<LogRing, CommandError> {
    let filter = EnvFilter::try_new(filter).map_err(|error| {
        CommandError::new(Exit::Usage, format!("`{filter}` is no log level: {error}."))
            .hinted("error, warn, info, debug, or a filter such as `meterdeck::poll=debug`")
    })?;
    let ring = LogRing::new();
    let outside = match to {
        LogTo::Ring => None,
        LogTo::Stderr if logging::is_journal() => Some(logging::Journal.boxed()),
        LogTo::Stderr => Some(
            tracing_subscriber::fmt::layer()
                .with_writer(io::stderr)
                .with_ansi(colour.applies(io::stderr().is_terminal()))
                .with_target(false)
                .without_time()
                .boxed(),
        ),
        LogTo::File(path) => {
            let file = LogFile::open(path).map_err(|error| {
                CommandError::new(exit_of(&error), format!("Cannot write the log {}: {error}.", path.display()))
            })?;
            Some(file.boxed())
        }
    };
    let registry = tracing_subscriber::registry().with(filter).with(ring.clone()).with(outside);
    // Only one log can be started in a process, and this is the only place that does.
    let _ = registry.try_init();
    Ok(ring)
}

/// The runtime of everything that waits for devices, clients or keys.
pub fn runtime() -> Result<tokio::runtime::Runtime, CommandError> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(RUNTIME_THREADS)
        .enable_all()
        .build()
        .map_err(|error| CommandError::new(Exit::Internal, format!("Cannot start: {error}.")))
}

/// Does what waits for the disk, from where tasks run.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CommandError> + Send + 'static,
) -> Result<T, CommandError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| {
        Err(CommandError::new(Exit::Internal, format!("A part of the program failed: {error}.")))
    })
}

/// A token that INT, TERM or HUP cancels. Needs a runtime.
pub fn stop_on_signals() -> Result<CancellationToken, CommandError> {
    stop_on([SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()])
}

/// A token that INT or TERM cancels, for a service: HUP has another meaning there. Needs a runtime.
pub fn stop_on_end_signals() -> Result<CancellationToken, CommandError> {
    stop_on([SignalKind::interrupt(), SignalKind::terminate()])
}

fn stop_on<const N: usize>(kinds: [SignalKind; N]) -> Result<CancellationToken, CommandError> {
    let stop = CancellationToken::new();
    for kind in kinds {
        let mut signal = listen_to(kind)?;
        let stop = stop.clone();
        tokio::spawn(async move {
            if signal.recv().await.is_some() {
                stop.cancel();
            }
        });
    }
    Ok(stop)
}

/// Listens to a signal. Needs a runtime.
pub fn listen_to(kind: SignalKind) -> Result<Signal, CommandError> {
    signal(kind).map_err(|error| CommandError::new(Exit::Internal, format!("Cannot listen to signals: {error}.")))
}
