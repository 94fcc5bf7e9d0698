//! The service that a command or the terminal program talks to: the one that runs, else one in this process.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::Mutex,
    task::JoinHandle,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{
    Global,
    exit::{CommandError, Exit},
    start,
};
use crate::{
    domain::site::Site,
    service::{
        self, Authority, Mode, Service,
        client::Client,
        interface::{ErrorKind, Request},
        log::LogRing,
        socket::{
            client::{ConnectError, connect},
            keep::{Find, keep},
        },
    },
    store::Store,
};

/// How long a service that has just taken the lock may take to listen: it opens its database first.
const LISTEN_PATIENCE: Duration = Duration::from_secs(3);
/// How long a front gives a service that has gone to come back, before it starts one of its own.
const OWN_AFTER: Duration = Duration::from_secs(15);
/// How long the requests of a command wait for a service that has gone.
const COMMAND_PATIENCE: Duration = Duration::from_secs(15);
/// How long a service that hands over may take: it lets an import come to its end, and closes its database.
const HAND_OVER_PATIENCE: Duration = Duration::from_mins(1);
/// Between two looks at a lock.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A client of the service, whichever it is.
#[derive(Debug)]
pub struct Attached {
    /// The client. When the service goes, it finds the next one.
    pub client: Client,
    /// The service in this process, while there is one.
    pub own: Slot,
}

/// A place for a service in this process.
#[derive(Debug, Clone, Default)]
pub struct Slot(Arc<Mutex<Option<Own>>>);

#[derive(Debug)]
struct Own {
    end: CancellationToken,
    held: JoinHandle<()>,
}

impl Slot {
    /// Ends the service in this process, if there is one.
    pub async fn end(self) {
        if let Some(own) = self.0.lock().await.take() {
            own.end.cancel();
            // One that panicked has been told elsewhere.
            let _ = own.held.await;
        }
    }
}

/// A client of the running service; where none runs, of one that is started in this process.
///
/// # Errors
/// A data folder or socket that may not be entered, a service of another version, a site file that is wrong.
pub async fn attach(global: &Global, log: LogRing, mode: Mode) -> Result<Attached, CommandError> {
    // Whoever names the folder needs no site file to find the service.
    let site = if global.data.is_none() { Some(load(global)?) } else { None };
    let folder = global.data.as_ref().or(site.as_ref().map(|site| &site.data_dir));
    let dir = folder.cloned().unwrap_or_default();
    // Whoever is only looked at for a while operates nothing.
    let authority = Authority::PutBack;
    let begun = Instant::now();
    loop {
        match connect(&dir).await {
            Ok(client) => return Ok(kept(client, Place { dir, mode, log, site, authority }, CancellationToken::new())),
            Err(ConnectError::Nobody) => {}
            Err(error) => return Err(refused(&dir, error)),
        }
        let site = site.clone().map_or_else(|| load(global), Ok)?;
        match own(site, log.clone(), mode, authority).await {
            Err(error) if error.exit == Exit::TryAgain && begun.elapsed() < LISTEN_PATIENCE => {
                sleep(LOOK_AGAIN).await;
            }
            other => return other,
        }
    }
}

/// A client of a service that is started in this process, on the site's own data folder.
///
/// # Errors
/// A data folder that cannot be had.
pub async fn own(site: Site, log: LogRing, mode: Mode, authority: Authority) -> Result<Attached, CommandError> {
    let place = Place { dir: site.data_dir.clone(), mode, log, site: Some(site.clone()), authority };
    let (client, own, pause) = start_own(&place, site).await?;
    let attached = kept(client, place, pause);
    *attached.own.0.lock().await = Some(own);
    Ok(attached)
}

/// Where a front finds a service again, or starts one.
struct Place {
    dir: PathBuf,
    mode: Mode,
    log: LogRing,
    site: Option<Site>,
    /// What a service that is started here may do.
    authority: Authority,
}

fn kept(client: Client, place: Place, pause: CancellationToken) -> Attached {
    let own = Slot::default();
    let patience = match place.mode {
        Mode::OnRequest => COMMAND_PATIENCE,
        // Somebody looks at the screen, which says so.
        Mode::Continuous => Duration::ZERO,
    };
    let finder = Finder { place, own: own.clone(), gone: None };
    Attached { client: keep(client, finder, patience, pause), own }
}

struct Finder {
    place: Place,
    own: Slot,
    /// Since when there is no service.
    gone: Option<Instant>,
}

impl Find for Finder {
    async fn find(&mut self) -> Result<Client, String> {
        let gone = *self.gone.get_or_insert_with(Instant::now);
        let found = match connect(&self.place.dir).await {
            Err(ConnectError::Nobody) if gone.elapsed() >= OWN_AFTER => self.start().await,
            Err(ConnectError::Nobody) => Err("No service runs.".to_owned()),
            other => other.map_err(|error| error.to_string()),
        };
        if found.is_ok() {
            self.gone = None;
        }
        found
    }
}

impl Finder {
    /// Starts a service in this process, as the one that ran does not come back.
    async fn start(&mut self) -> Result<Client, String> {
        let Some(site) = self.place.site.clone() else { return Err("No service runs.".to_owned()) };
        let (client, own, _) = start_own(&self.place, site).await.map_err(|error| error.message)?;
        *self.own.0.lock().await = Some(own);
        Ok(client)
    }
}

/// Starts a service here, which serves others too and hands everything over when the site's real service starts.
async fn start_own(place: &Place, site: Site) -> Result<(Client, Own, CancellationToken), CommandError> {
    let dir = place.dir.clone();
    let store = start::blocking(move || start::store(&dir)).await?;
    let service = service::start_for(site, place.log.clone(), place.mode, Some(store), place.authority);
    listen(&service, &place.dir);
    let client = service.client();
    let (end, pause) = (CancellationToken::new(), CancellationToken::new());
    let held = tokio::spawn(hold(service, end.clone(), pause.clone()));
    Ok((client, Own { end, held }, pause))
}

/// Holds a service until its front ends, or the site's real service wants everything.
async fn hold(service: Service, end: CancellationToken, pause: CancellationToken) {
    tokio::select! {
        () = end.cancelled() => {}
        () = service.handing_over() => {
            pause.cancel();
            service.settle().await;
        }
    }
    service.stop().await;
}

/// Serves others; a service that cannot polls all the same, and says so.
pub fn listen(service: &Service, dir: &Path) {
    if let Err(error) = service.listen(dir) {
        tracing::error!("nobody can attach: the socket in {} cannot be made: {error}", dir.display());
    }
}

/// The store of a data folder for the site's real service: whoever polls there hands over, unless it is another one.
///
/// # Errors
/// [`Exit::TryAgain`] with who holds it.
pub async fn take_over(dir: &Path) -> Result<Store, CommandError> {
    let (begun, mut asked) = (Instant::now(), false);
    loop {
        let folder = dir.to_owned();
        let held = match start::blocking(move || start::store(&folder)).await {
            Err(error) if error.exit == Exit::TryAgain => error,
            other => return other,
        };
        let patience = if asked { HAND_OVER_PATIENCE } else { LISTEN_PATIENCE };
        if begun.elapsed() >= patience {
            return Err(held);
        }
        if !asked {
            asked = ask_to_hand_over(dir, held).await?;
        }
        sleep(LOOK_AGAIN).await;
    }
}

/// Whether it hands over; `false` where nobody listens yet.
async fn ask_to_hand_over(dir: &Path, held: CommandError) -> Result<bool, CommandError> {
    let client = match connect(dir).await {
        Ok(client) => client,
        Err(ConnectError::Nobody) => return Ok(false),
        Err(error) => {
            let message = format!("{} It cannot be asked to hand over: {error}", held.message);
            return Err(CommandError { message, ..held });
        }
    };
    match client.requests.ask(Request::HandOver).await {
        Ok(_) => {
            tracing::info!("waiting for the process that holds {} to hand over", dir.display());
            Ok(true)
        }
        // It ends by itself just now.
        Err(error) if error.kind == ErrorKind::Unavailable => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn load(global: &Global) -> Result<Site, CommandError> {
    Ok(start::site(global.config.as_deref(), global.data.as_deref(), global.color)?.site)
}

pub(super) fn refused(dir: &Path, error: ConnectError) -> CommandError {
    match error {
        ConnectError::Refused(error) => error.into(),
        ConnectError::NotPermitted => {
            CommandError::new(Exit::NotPermitted, format!("You may not use the service in {}.", dir.display()))
                .hinted("members of the group of [access] viewers may, once they have logged in again")
        }
        ConnectError::Nobody | ConnectError::Foreign(_) => {
            CommandError::new(Exit::Unavailable, format!("{}: {error}.", dir.display()))
        }
    }
}
