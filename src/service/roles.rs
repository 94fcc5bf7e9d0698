//! Who may ask what: the Unix groups of `[access]`, looked up afresh for every request.

use std::ffi::CString;

use nix::unistd::{Group, Uid, User, getgrouplist};
use serde::{Deserialize, Serialize};

use super::{
    interface::{ErrorKind, Request, ServiceError, dispatch::DispatchRequest, duplicates::DuplicatesRequest},
    who::Peer,
};
use crate::domain::site::Access;

/// What somebody may do; each includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Look at everything.
    Viewer,
    /// Change things, ask devices out of turn, dispatch.
    Operator,
    /// Approve where two people are asked for.
    Approver,
}

impl Role {
    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Approver => "approver",
        }
    }
}

/// Who may send a request, at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Least {
    /// Whoever has this role.
    Role(Role),
    /// Only the user that runs the service, and root.
    Owner,
}

/// What holds for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Its name, as on the wire.
    pub name: &'static str,
    /// Who may send it.
    pub least: Least,
    /// Whether the change log has it.
    pub written: Written,
}

/// Whether the change log has a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It changes nothing that is kept.
    Not,
    /// What cannot be written down is not done.
    First,
    /// It makes things safe: it is done even where it cannot be written down.
    IfPossible,
}

type Column = (Least, Written);

/// To look at something.
const LOOK: Column = (Least::Role(Role::Viewer), Written::Not);
/// To reach devices, or to prepare a change.
const REACH: Column = (Least::Role(Role::Operator), Written::Not);
/// To change something.
const CHANGE: Column = (Least::Role(Role::Operator), Written::First);
/// To make things safe.
const SAFE: Column = (Least::Role(Role::Operator), Written::IfPossible);
/// To replace the service.
const OWN: Column = (Least::Owner, Written::Not);

/// The table: every request has its line, or the program does not compile.
pub fn rule(request: &Request) -> Rule {
    let (name, (least, written)) = match request {
        Request::Hello { .. } => ("hello", LOOK),
        Request::Site => ("site", LOOK),
        Request::Snapshot => ("snapshot", LOOK),
        Request::Subscribe => ("subscribe", LOOK),
        Request::Trend { .. } => ("trend", LOOK),
        Request::Log { .. } => ("log", LOOK),
        Request::Meters { .. } => ("meters", LOOK),
        Request::Records { .. } => ("records", LOOK),
        Request::Pue { .. } => ("pue", LOOK),
        Request::Alarms => ("alarms", LOOK),
        Request::Storage => ("storage", LOOK),
        Request::History { .. } => ("history", LOOK),
        Request::Chart { .. } => ("chart", LOOK),
        Request::Intervals { .. } => ("intervals", LOOK),
        Request::Audit { .. } => ("audit", LOOK),
        Request::AuditVerify => ("audit_verify", LOOK),
        Request::PollOnce => ("poll_once", REACH),
        Request::Probe { .. } => ("probe", REACH),
        // A part of an import, which the change log has.
        Request::CountAnew => ("count_anew", REACH),
        Request::Record { .. } => ("record", CHANGE),
        Request::Acknowledge { .. } => ("acknowledge", CHANGE),
        Request::Shelve { .. } => ("shelve", CHANGE),
        Request::Unshelve { .. } => ("unshelve", CHANGE),
        Request::Import { .. } => ("import", CHANGE),
        Request::Backup { .. } => ("backup", CHANGE),
        Request::HandOver => ("hand_over", OWN),
        Request::Duplicates(request) => of_duplicates(request),
        Request::Dispatch(request) => of_dispatch(request),
    };
    Rule { name, least, written }
}

fn of_duplicates(request: &DuplicatesRequest) -> (&'static str, Column) {
    use DuplicatesRequest as Ask;
    match request {
        Ask::Queue { .. } => ("queue", LOOK),
        Ask::List { .. } => ("list", LOOK),
        Ask::Show { .. } => ("show", LOOK),
        Ask::Alike { .. } => ("alike", LOOK),
        Ask::History { .. } => ("history", LOOK),
        Ask::Usage { .. } => ("usage", LOOK),
        Ask::Excluded { .. } => ("excluded", LOOK),
        Ask::Timeline { .. } => ("timeline", LOOK),
        Ask::Document { .. } => ("document", LOOK),
        Ask::Statistics => ("statistics", LOOK),
        // Nothing of an import counts before its end, which the change log has.
        Ask::ImportBegin { .. } => ("import_begin", REACH),
        Ask::ImportParts { .. } => ("import_parts", REACH),
        Ask::ImportAbort { .. } => ("import_abort", REACH),
        Ask::ImportEnd { .. } => ("import_end", CHANGE),
        Ask::Decide { .. } => ("decide", CHANGE),
        Ask::DecideAlike { .. } => ("decide_alike", CHANGE),
        Ask::Undo { .. } => ("undo", CHANGE),
    }
}

fn of_dispatch(request: &DispatchRequest) -> (&'static str, Column) {
    use DispatchRequest as Ask;
    match request {
        Ask::List => ("list", LOOK),
        Ask::Show { .. } => ("show", LOOK),
        Ask::Effect { .. } => ("effect", LOOK),
        Ask::Meters => ("meters", LOOK),
        Ask::Summary => ("summary", LOOK),
        Ask::Plan { .. } => ("plan", REACH),
        Ask::Review { .. } => ("review", REACH),
        Ask::Start { .. } => ("start", CHANGE),
        Ask::Confirm { .. } => ("confirm", CHANGE),
        Ask::Import { .. } => ("import", CHANGE),
        Ask::ImportMeters { .. } => ("import_meters", CHANGE),
        Ask::Cancel { .. } => ("cancel", SAFE),
        Ask::Abort => ("abort", SAFE),
        Ask::Resolve { .. } => ("resolve", SAFE),
    }
}

/// The role that groups give. Operators are of the viewers, and approvers of the operators, or they are not.
pub fn role_in(access: &Access, is_member: impl Fn(&str) -> bool) -> Option<Role> {
    let is_in = |group: &Option<String>| group.as_deref().is_some_and(&is_member);
    match (is_in(&access.viewers), is_in(&access.operators), is_in(&access.approvers)) {
        (false, ..) => None,
        (true, false, _) => Some(Role::Viewer),
        (true, true, false) => Some(Role::Operator),
        (true, true, true) => Some(Role::Approver),
    }
}

/// The role of somebody now. Asks the system's lists of users and groups: not on a thread that runs asynchronous tasks.
pub fn role_of(peer: &Peer, access: Option<&Access>) -> Option<Role> {
    if peer.is_owner() {
        return Some(Role::Approver);
    }
    let groups = groups_of(peer.uid);
    let is_member = |name: &str| {
        let group = Group::from_name(name).ok().flatten();
        group.is_some_and(|group| groups.contains(&group.gid.as_raw()))
    };
    role_in(access?, is_member)
}

/// The groups of a user as they are now; those with which their process was started do not count.
fn groups_of(uid: u32) -> Vec<u32> {
    let Ok(Some(user)) = User::from_uid(Uid::from_raw(uid)) else { return Vec::new() };
    let Ok(name) = CString::new(user.name) else { return Vec::new() };
    let groups = getgrouplist(&name, user.gid);
    let groups = groups.inspect_err(|error| tracing::warn!("the groups of uid {uid} cannot be looked up: {error}"));
    groups.unwrap_or_default().into_iter().map(nix::unistd::Gid::as_raw).collect()
}

/// Whether somebody may send a request; then, which role they have.
///
/// # Errors
/// [`ErrorKind::NotPermitted`], with what they would have to be.
pub async fn permit(peer: &Peer, access: Option<&Access>, rule: Rule) -> Result<Role, ServiceError> {
    if peer.is_owner() {
        return Ok(Role::Approver);
    }
    let (who, groups) = (peer.clone(), access.cloned());
    let looked_up = tokio::task::spawn_blocking(move || role_of(&who, groups.as_ref())).await;
    match (looked_up.ok().flatten(), rule.least) {
        (Some(found), Least::Role(least)) if found >= least => Ok(found),
        (found, least) => Err(refused(peer, access, rule.name, found, least)),
    }
}

fn refused(peer: &Peer, access: Option<&Access>, name: &str, role: Option<Role>, least: Least) -> ServiceError {
    let group = |least: Role| {
        let access = access?;
        let group = match least {
            Role::Viewer => &access.viewers,
            Role::Operator => &access.operators,
            Role::Approver => &access.approvers,
        };
        group.as_ref().map(|group| format!("That is what members of the Unix group `{group}` may do."))
    };
    let (message, hint) = match (role, least) {
        (_, Least::Owner) => (format!("Only the user that runs the service may ask for `{name}`."), None),
        (None, Least::Role(_)) => {
            (format!("{} is in none of the groups that may use this service.", peer.name), group(Role::Viewer))
        }
        (Some(role), Least::Role(least)) => {
            let (role, needed) = (role.word(), least.word());
            (format!("`{name}` needs the role {needed}, and {} is {role}.", peer.name), group(least))
        }
    };
    ServiceError { kind: ErrorKind::NotPermitted, message, hint }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_make_roles_only_from_the_bottom_up() {
        let access = Access { viewers: Some("v".into()), operators: Some("o".into()), approvers: Some("a".into()) };
        for (groups, role) in [
            ("", None),
            ("v", Some(Role::Viewer)),
            ("vo", Some(Role::Operator)),
            ("voa", Some(Role::Approver)),
            ("o", None),
            ("a", None),
            ("oa", None),
            ("va", Some(Role::Viewer)),
        ] {
            assert_eq!(role_in(&access, |name| groups.contains(name)), role, "{groups}");
        }
        let nobody = Access { viewers: None, operators: Some("o".into()), approvers: None };
        assert_eq!(role_in(&nobody, |_| true), None);
    }
}
