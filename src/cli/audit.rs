//! `meterdeck audit`: who changed what, and whether that log is whole.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;

use super::{
    Global,
    exit::{CommandError, Exit},
    history::with_service,
    meters::{document, print, table, unexpected},
};
use crate::{
    domain::audit::{Change, Verified},
    service::{
        client::Client,
        interface::{Request, Response},
    },
};

/// What to do with the change log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum Action {
    /// Check that no entry was changed or taken out; ends with 1 where one was
    Verify,
}

/// Prints the change log, or checks it.
///
/// # Errors
/// What the service says.
pub fn run(global: &Global, action: Option<Action>) -> Result<ExitCode, CommandError> {
    with_service(global, async |_, client| match action {
        None => {
            let changes = all(client).await?;
            if global.json { document(&changes) } else { print(&list(&changes)) }
        }
        Some(Action::Verify) => {
            let Response::AuditVerified { verified } = client.requests.ask(Request::AuditVerify).await? else {
                return Err(unexpected());
            };
            let printed = if global.json { document(&as_json(&verified)) } else { print(&as_text(&verified)) }?;
            Ok(if verified.broken.is_some() { Exit::Failed.into() } else { printed })
        }
    })
}

async fn all(client: &Client) -> Result<Vec<Change>, CommandError> {
    let mut all: Vec<Change> = Vec::new();
    loop {
        let after = Some(all.last().map_or(0, |change| change.sequence));
        let Response::Audit { changes, more } = client.requests.ask(Request::Audit { after }).await? else {
            return Err(unexpected());
        };
        all.extend(changes);
        if !more {
            return Ok(all);
        }
    }
}

fn list(changes: &[Change]) -> String {
    let head = ["ENTRY", "AT", "WHO", "FROM", "ASKED", "CAME OF IT", "BEFORE", "AFTER"].map(str::to_owned);
    let dash = |text: Option<&str>| text.map_or_else(|| "-".to_owned(), crate::text::clean);
    let row = |change: &Change| {
        let outcome = change.outcome.as_ref();
        [
            change.sequence.to_string(),
            change.at.to_string(),
            format!("{} ({})", crate::text::clean(&change.name), change.uid),
            dash(change.address.as_deref()),
            crate::text::clean(&change.request),
            outcome.map_or("not known", |outcome| if outcome.done { "done" } else { "not done" }).to_owned(),
            dash(outcome.and_then(|outcome| outcome.before.as_deref())),
            dash(outcome.and_then(|outcome| outcome.after.as_deref())),
        ]
    };
    table(&std::iter::once(head).chain(changes.iter().map(row)).collect::<Vec<_>>())
}

fn as_json(verified: &Verified) -> serde_json::Value {
    let broken = verified.broken.as_ref().map(|(entry, reason)| json!({ "entry": entry, "reason": reason }));
    json!({ "entries": verified.entries, "head": verified.head, "broken": broken })
}

fn as_text(verified: &Verified) -> String {
    let Verified { entries, head, broken } = verified;
    match broken {
        None => format!("The change log is whole: {entries} entries.\nIts last hash is {head}\n"),
        Some((entry, reason)) => format!("The change log is broken at entry {entry}: {reason}.\n"),
    }
}
