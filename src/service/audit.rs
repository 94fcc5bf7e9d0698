//! The change log: what somebody asks to change is written down before it is done, and what came of it after.

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;
use serde_json::json;

use super::{
    dispatcher::{Shared, blocking, respond},
    history,
    interface::{ErrorKind, Request, Response, ServiceError},
    roles::Written,
    who::Peer,
};
use crate::{
    domain::ids::MeterId,
    store::{NewEntry, Says, Store},
    text,
};

/// Changes in one answer.
const PAGE: usize = 500;
/// Most characters of what was asked, before and after; the longest note of a technician fits.
const MAX_TEXT: usize = 8_192;
/// Most meters of an import that are named.
const MAX_NAMED: usize = 20;

/// Does what a request asks, with an entry before and one after it. What must be written down first, and cannot be, is
/// not done.
pub(super) async fn recorded(
    shared: Arc<Shared>,
    peer: Arc<Peer>,
    request: Request,
    written: Written,
) -> Result<Response, ServiceError> {
    let Some(store) = shared.store.clone() else { return respond(&shared, &peer, request).await };
    let subject = Subject::of(&request);
    let before = subject.state(&shared);
    let asked = said(&request);
    let entry = match write(&shared, store.clone(), &peer, Says::Asked { request: asked.clone() }).await {
        Ok(entry) => entry,
        Err(error) if written == Written::First => {
            let message = format!("The change log cannot be written, so nothing was changed. {}", error.message);
            return Err(ServiceError { kind: ErrorKind::Failed, message, hint: error.hint });
        }
        Err(error) => {
            tracing::error!("not in the change log, which cannot be written: {} asked {asked}: {error}", peer.name);
            return respond(&shared, &peer, request).await;
        }
    };
    let result = respond(&shared, &peer, request).await;
    let (before, after) = match &result {
        Ok(response) => came_of(response, before, subject.state(&shared)),
        Err(error) => (before, Some(error.message.clone())),
    };
    let short = |text: String| text::clean_within(&text, MAX_TEXT);
    let (before, after) = (before.map(short), after.map(short));
    let says = Says::CameOf { asked: entry, done: result.is_ok(), before, after };
    if let Err(error) = write(&shared, store, &peer, says).await {
        tracing::error!("what came of change {entry} is not in the change log: {error}");
    }
    result
}

/// Writes down something that was done and was no request. Waits for the disk.
///
/// # Errors
/// What the disk says.
pub(super) fn note(store: &Store, peer: &Peer, what: &str, after: &str) -> Result<(), ServiceError> {
    let asked = store.add_change(entry(peer, Says::Asked { request: what.to_owned() }))?;
    let after = Some(text::clean_within(after, MAX_TEXT));
    store.add_change(entry(peer, Says::CameOf { asked, done: true, before: None, after }))?;
    Ok(())
}

/// A page of the log. Waits for the disk.
pub(super) fn page(shared: &Shared, after: Option<u64>) -> Result<Response, ServiceError> {
    let mut changes = history::store(shared)?.changes(after, PAGE + 1)?;
    let more = changes.len() > PAGE;
    match after {
        Some(_) => changes.truncate(PAGE),
        None if more => drop(changes.remove(0)),
        None => {}
    }
    Ok(Response::Audit { changes, more: more && after.is_some() })
}

/// Looks through the log. Waits for the disk.
pub(super) fn verify(shared: &Shared) -> Result<Response, ServiceError> {
    Ok(Response::AuditVerified { verified: history::store(shared)?.verify_changes()? })
}

async fn write(shared: &Arc<Shared>, store: Store, peer: &Peer, says: Says) -> Result<u64, ServiceError> {
    let entry = entry(peer, says);
    blocking(shared, move |_| Ok(store.add_change(entry)?)).await
}

fn entry(peer: &Peer, says: Says) -> NewEntry {
    NewEntry { at: Timestamp::now(), uid: peer.uid, name: peer.name.clone(), address: peer.address.clone(), says }
}

/// What was asked, as JSON; of many rows, how many and of what.
fn said(request: &Request) -> String {
    let value = match request {
        Request::Import { rows, replace } => {
            let meters: BTreeSet<&MeterId> = rows.iter().map(|row| &row.meter).collect();
            let named: Vec<&MeterId> = meters.iter().copied().take(MAX_NAMED).collect();
            let (from, to) = (rows.iter().map(|row| row.at).min(), rows.iter().map(|row| row.at).max());
            json!({ "request": "import", "rows": rows.len(), "replace": replace, "from": from, "to": to,
                "meterCount": meters.len(), "meters": named })
        }
        request => serde_json::to_value(request).unwrap_or_default(),
    };
    text::clean_within(&value.to_string(), MAX_TEXT)
}

/// What a request changes, where its state can be told before and after.
enum Subject {
    Alarm(String),
    Other,
}

impl Subject {
    fn of(request: &Request) -> Self {
        match request {
            Request::Acknowledge { id, .. } | Request::Shelve { id, .. } | Request::Unshelve { id } => {
                Self::Alarm(id.clone())
            }
            _ => Self::Other,
        }
    }

    fn state(&self, shared: &Shared) -> Option<String> {
        let Self::Alarm(id) = self else { return None };
        let alarm = shared.alarms.list().into_iter().find(|line| line.id.to_string() == *id)?;
        let state = json!({ "state": alarm.state, "shelvedUntil": alarm.shelved_until, "who": alarm.who,
            "note": alarm.note });
        Some(state.to_string())
    }
}

/// What was so before and is so after, as an answer says it or the subject did.
fn came_of(response: &Response, before: Option<String>, after: Option<String>) -> (Option<String>, Option<String>) {
    match response {
        Response::Alarms { .. } => (before, after),
        Response::Recorded { record } => (record.before.clone(), Some(record.entry.describe())),
        Response::Imported { imported } => {
            let counts = json!({ "new": imported.new, "unchanged": imported.unchanged, "replaced": imported.replaced,
                "rejected": imported.rejected.len() });
            (None, Some(counts.to_string()))
        }
        other => (before, serde_json::to_string(other).ok()),
    }
}
