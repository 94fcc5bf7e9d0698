//! Utility statements: what is imported, what counts, and what people decide.
//!
//! Derived figures are brought up to date (`settle`) before anything is answered; while a file comes in, what was known
//! before it is answered. Decisions are taken one at a time.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{
    dispatcher::Shared,
    interface::{
        ErrorKind, ServiceError,
        duplicates::{DuplicatesRequest, DuplicatesResponse},
    },
};
use crate::{
    domain::duplicate::MeterMap,
    store::{
        Store,
        statements::{Clusters, MeterNumber, NamedMeter},
    },
};
use import::Session;

mod accounts;
mod evidence;
mod import;
mod queue;
mod review;
mod settle;

/// What goes on with statements in this service.
#[derive(Debug, Default)]
pub struct Statements {
    /// The file that comes in.
    session: Mutex<Option<Session>>,
    /// Held by whoever changes what is derived or decided.
    work: Mutex<Work>,
}

/// What is known from one request to the next.
#[derive(Debug, Default)]
struct Work {
    /// Meters that the site file maps were looked at since the start.
    has_looked_at_mapped: bool,
}

impl Statements {
    fn session(&self) -> MutexGuard<'_, Option<Session>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers a request of `who`. Waits for the disk.
///
/// # Errors
/// What cannot be done, and what the disk says.
pub(super) fn respond(
    shared: &Shared,
    who: &str,
    request: DuplicatesRequest,
) -> Result<DuplicatesResponse, ServiceError> {
    use DuplicatesRequest as Ask;
    let desk = Desk::open(shared, who)?;
    match request {
        Ask::ImportBegin { file } => desk.begin(&file),
        Ask::ImportParts { import, parts, details } => desk.take(import, parts, details),
        Ask::ImportEnd { import, sha256 } => desk.end(import, &sha256),
        Ask::ImportAbort { import } => desk.abort(import),
        Ask::Queue { filter, from, backward, limit } => desk.queue(filter, from, backward, limit),
        Ask::List { filter, after, limit } => desk.list(filter, after, limit),
        Ask::Show { group } => desk.show(group),
        Ask::Decide { group, version, choice, reason } => desk.decide(group, version, choice, &reason),
        Ask::Alike { group, choice } => desk.alike(group, &choice),
        Ask::DecideAlike { proposals, reason } => desk.decide_alike(proposals, &reason),
        Ask::Undo { group, version, reason } => desk.undo(group, version, &reason),
        Ask::History { group } => desk.history(group),
        Ask::Usage { meter, window, after } => desk.usage(meter.as_deref(), &window, after),
        Ask::Excluded { meter, after } => desk.excluded(meter.as_deref(), after),
        Ask::Timeline { meter } => desk.timeline(&meter),
        Ask::Document { meter, reading } => desk.document(&meter, reading),
        Ask::Statistics => desk.statistics(),
    }
}

/// What requests are answered from.
struct Desk<'a> {
    shared: &'a Shared,
    /// Who asks.
    who: &'a str,
    store: &'a Store,
    /// What the site file says about meters of statements.
    map: MeterMap,
    clusters: Clusters,
}

impl<'a> Desk<'a> {
    fn open(shared: &'a Shared, who: &'a str) -> Result<Self, ServiceError> {
        let store = shared.store.as_ref().ok_or_else(|| {
            error(ErrorKind::Unavailable, "This service keeps nothing: it has no data folder.".to_owned(), None)
        })?;
        let meters = &shared.site.meters;
        let map = MeterMap::new(meters.iter().map(|(id, meter)| (id, meter.utility_meter.as_slice())));
        let names = meters.values().flat_map(|meter| &meter.utility_meter);
        let clusters = store.utility_clusters(&map, names)?;
        Ok(Self { shared, who, store, map, clusters })
    }

    /// What a meter is called.
    fn name(&self, meter: &NamedMeter) -> String {
        let mapped = self.clusters.mapped.get(&meter.number).and_then(|(_, mapped)| match mapped {
            crate::domain::duplicate::UtilityMeter::Mapped(id) => self.map.name(id),
            crate::domain::duplicate::UtilityMeter::Key(_) => None,
        });
        meter.name(mapped)
    }

    fn name_of(&self, number: MeterNumber) -> Result<String, ServiceError> {
        let meter = self.store.utility_meter(number)?;
        Ok(meter.map_or_else(|| format!("meter {}", number.0), |meter| self.name(&meter)))
    }

    /// The number of the meter that a name stands for: one of a statement, or of the site.
    fn meter(&self, name: &str) -> Result<MeterNumber, ServiceError> {
        let own = self.shared.site.meters.get(name).map(|meter| meter.utility_meter.as_slice()).unwrap_or_default();
        let names = std::iter::once(name).chain(own.iter().map(String::as_str));
        let mut found: Vec<NamedMeter> = Vec::new();
        for name in names {
            found.extend(self.store.utility_meters(name)?);
        }
        let mut firsts: Vec<MeterNumber> = found.iter().map(|meter| self.clusters.first(meter.number)).collect();
        firsts.sort_unstable();
        firsts.dedup();
        let shown = crate::text::clean(name);
        match firsts.as_slice() {
            [one] => Ok(*one),
            [] => Err(error(
                ErrorKind::NotFound,
                format!("No statement names a meter `{shown}`."),
                Some("`meterdeck usage` lists those that there are."),
            )),
            _ => {
                let names: Vec<String> = found.iter().map(|meter| meter.key.to_string()).collect();
                let hint = format!("say which: {}", names.join(", "));
                Err(error(ErrorKind::Invalid, format!("Several meters have the number `{shown}`."), Some(&hint)))
            }
        }
    }
}

fn error(kind: ErrorKind, message: String, hint: Option<&str>) -> ServiceError {
    ServiceError { kind, message, hint: hint.map(str::to_owned) }
}
