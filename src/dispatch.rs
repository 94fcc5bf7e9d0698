//! The executor of dispatch: its journal goes to the disk, then its jobs to the devices; the rules are in `domain::dispatch`.
//!
//! ```text
//! requests, reports, time ─► desk ─► rows ─► store (one commit) ─► jobs ─► lanes ─► devices ─► reports
//! ```
//! One task owns the desk. What comes in while it waits for the disk is taken together the next time, so that the rows of one
//! moment are one commit. While the disk takes nothing, no command begins; what goes back does.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::{
    device::lane::Jobs,
    domain::{
        dispatch::{
            desk::{Desk, Refusal},
            grip::Moment,
        },
        ids::DeviceId,
        programme::{ProgrammeMeter, ProgrammeMeterId},
        site::Site,
    },
    store::{Store, StoreError},
};

mod run;
mod work;

pub use run::Clock;

/// Requests that wait for the executor: those of a few clients.
const MAX_WAITING_REQUESTS: usize = 64;

/// What may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authority {
    /// Everything: the site's service, and the demo.
    Operate,
    /// Nothing new; what a crash left behind is put back: a service inside a command or a terminal program.
    PutBack,
}

/// A request: done on the desk, answered when its rows are on disk, or when it is known that they are not.
type Request = Box<dyn FnOnce(&mut Desk, &Moment, Disk) -> Answer + Send>;
/// Told whether the rows of its request are on disk.
type Answer = Box<dyn FnOnce(&mut Desk, &Moment, Disk) + Send>;

/// Whether the disk takes rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disk {
    /// It does.
    Takes,
    /// It does not, or there is none.
    Fails,
}

/// The handle of the executor.
#[derive(Debug)]
pub struct Executor {
    requests: mpsc::Sender<Request>,
    changed: watch::Receiver<u64>,
    is_saving: watch::Receiver<Disk>,
    meters: Mutex<Arc<BTreeMap<ProgrammeMeterId, ProgrammeMeter>>>,
    stop: CancellationToken,
}

/// Why the executor cannot do something.
#[derive(Debug, thiserror::Error)]
pub enum ExecutorError {
    /// It refuses.
    #[error("refused")]
    Refused(Refusal),
    /// The disk takes nothing, so nothing is begun.
    #[error("CANNOT SAVE: the journal cannot be written, so nothing new is begun")]
    CannotSave,
    /// It has stopped.
    #[error("the executor has stopped")]
    Stopped,
    /// The store says so.
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// What the executor needs.
#[derive(Debug)]
pub struct Setup {
    /// The site.
    pub site: Arc<Site>,
    /// Where the journal is.
    pub store: Option<Store>,
    /// The fast lane of each device.
    pub lanes: BTreeMap<DeviceId, Jobs>,
    /// What it may do.
    pub authority: Authority,
}

impl Executor {
    /// Reads the journal and starts to work: first of all on what was left behind. Needs a tokio runtime; waits for the disk.
    ///
    /// # Errors
    /// A journal that cannot be read.
    pub fn start(setup: Setup, stop: CancellationToken) -> Result<(Self, impl Future<Output = ()> + Send), StoreError> {
        let meters = setup.store.as_ref().map(Store::programme_meters).transpose()?.unwrap_or_default();
        let kept = setup.store.as_ref().map(Store::dispatch_kept).transpose()?.unwrap_or_default();
        for (subject, state) in &kept.unreadable {
            tracing::error!("the journal's {subject} cannot be read: {state}");
        }
        let meters = Arc::new(meters);
        let (requests, waiting) = mpsc::channel(MAX_WAITING_REQUESTS);
        let (tell, changed) = watch::channel(0);
        let (tell_saving, is_saving) = watch::channel(if setup.store.is_some() { Disk::Takes } else { Disk::Fails });
        let runner = run::Runner::new(setup, Arc::clone(&meters), waiting, (tell, tell_saving));
        let executor = Self { requests, changed, is_saving, meters: Mutex::new(meters), stop: stop.clone() };
        Ok((executor, runner.run(kept, stop)))
    }

    /// Ends its work; ready when it has. What is held stays held, and is taken up by the next one.
    pub async fn end(&self) {
        self.stop.cancel();
        self.requests.closed().await;
    }

    /// Asks the desk something that moves nothing.
    ///
    /// # Errors
    /// [`ExecutorError::Stopped`].
    pub async fn ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&mut Desk, &Moment) -> T + Send + 'static,
    ) -> Result<T, ExecutorError> {
        let (answer, answered) = oneshot::channel();
        let request: Request = Box::new(move |desk, now, _| {
            let told = ask(desk, now);
            Box::new(move |_, _, _| {
                // Who asked may have gone.
                let _ = answer.send(told);
            })
        });
        self.requests.send(request).await.map_err(|_| ExecutorError::Stopped)?;
        answered.await.map_err(|_| ExecutorError::Stopped)
    }

    /// Begins something new: refused while the disk takes nothing, and undone by `undo` where its rows cannot be written.
    ///
    /// # Errors
    /// What the desk refuses, or a disk that takes nothing.
    pub async fn begin<T: Clone + Send + 'static>(
        &self,
        begin: impl FnOnce(&mut Desk, &Moment) -> Result<T, Refusal> + Send + 'static,
        undo: impl FnOnce(&mut Desk, &Moment, &T) + Send + 'static,
    ) -> Result<T, ExecutorError> {
        let (answer, answered) = oneshot::channel();
        let request: Request = Box::new(move |desk, now, disk| {
            if disk == Disk::Fails {
                return Box::new(move |_, _, _| drop(answer.send(Err(ExecutorError::CannotSave))));
            }
            let accepted = begin(desk, now);
            Box::new(move |desk, now, disk| {
                let told = match accepted {
                    Ok(what) if disk == Disk::Fails => {
                        undo(desk, now, &what);
                        Err(ExecutorError::CannotSave)
                    }
                    accepted => accepted.map_err(ExecutorError::Refused),
                };
                let _ = answer.send(told);
            })
        });
        self.requests.send(request).await.map_err(|_| ExecutorError::Stopped)?;
        answered.await.map_err(|_| ExecutorError::Stopped)?
    }

    /// Counts up when anything changed.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.changed.clone()
    }

    /// Whether the journal can be written.
    pub fn disk(&self) -> Disk {
        *self.is_saving.borrow()
    }

    /// The programme meters.
    pub fn meters(&self) -> Arc<BTreeMap<ProgrammeMeterId, ProgrammeMeter>> {
        Arc::clone(&self.meters.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The programme meters as they are from now on; they are stored already.
    ///
    /// # Errors
    /// [`ExecutorError::Stopped`].
    pub async fn set_meters(&self, meters: BTreeMap<ProgrammeMeterId, ProgrammeMeter>) -> Result<(), ExecutorError> {
        let meters = Arc::new(meters);
        *self.meters.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&meters);
        self.ask(move |desk, _| desk.set_meters(meters)).await
    }
}
