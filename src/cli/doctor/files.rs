//! Files and folders: who may reach them, and whether the database is whole.

use std::{
    fs, io,
    os::unix::fs::{FileTypeExt as _, MetadataExt as _},
    path::Path,
};

use nix::unistd::{Gid, Group, Uid, User};

use super::Finding;
use crate::{
    config::{Listen, Loaded, secret},
    service::socket,
    store::{self, DATABASE_NAME, StoreError, lock},
};

/// Of the data folder and of everything in it.
pub(super) fn look(dir: &Path, loaded: Option<&Loaded>) -> Vec<Finding> {
    let group = loaded.and_then(|loaded| loaded.site.access.as_ref()).and_then(|access| access.viewers.clone());
    let mut findings = folder(dir, group.as_deref());
    if fs::metadata(dir).is_ok() {
        findings.push(database(dir));
        findings.extend(private(&dir.join(DATABASE_NAME), "database"));
        findings.extend(private(&dir.join(lock::FILE_NAME), "lock"));
        findings.extend(of_socket(&socket::path_in(dir), "socket", group.as_deref()));
    }
    if let Some(metrics) = loaded.and_then(|loaded| loaded.metrics.as_ref()) {
        if let Listen::Socket(path) = &metrics.listen {
            findings.extend(of_socket(path, "metrics", group.as_deref()));
        }
        if let Some(source) = &metrics.token {
            findings.push(match secret::resolve(source) {
                Ok(_) => Finding::good("secret", format!("the token of [metrics] is in {source}")),
                // The service's environment is not this command's.
                Err(error @ (secret::SecretError::NoCredentials | secret::SecretError::NotSet(_))) => {
                    Finding::unknown("secret", format!("the token of [metrics]: {error}"))
                }
                Err(error) => Finding::bad("secret", format!("the token of [metrics]: {error}"))
                    .with_to_do("make the file readable for the user that runs the service, and for nobody else"),
            });
        }
    }
    findings
}

/// A file of the site that others may change.
pub(super) fn of_site_file(path: &Path) -> Option<Finding> {
    let mode = fs::metadata(path).ok()?.mode() & 0o777;
    let found = format!("{} has the mode {mode:o}: everybody may change what the service does", path.display());
    (mode & 0o002 != 0).then(|| Finding::bad("site file", found).with_to_do(format!("chmod o-w {}", path.display())))
}

fn folder(dir: &Path, group: Option<&str>) -> Vec<Finding> {
    const CHECK: &str = "data folder";
    let found = match fs::metadata(dir) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return vec![Finding::unknown(CHECK, format!("{} is not there yet; the service makes it", dir.display()))];
        }
        Err(error) => {
            let finding = Finding::bad(CHECK, format!("{}: {error}", dir.display()));
            return vec![
                finding
                    .with_to_do("members of the group of [access] viewers may enter, once they have logged in again"),
            ];
        }
    };
    let mode = found.mode() & 0o777;
    let owner = user(found.uid());
    let says = format!("{} of {owner}, group {}, mode {mode:o}", dir.display(), group_name(found.gid()));
    let wanted = if group.is_some() { 0o750 } else { 0o700 };
    if mode & 0o007 != 0 || (group.is_none() && mode & 0o070 != 0) || mode & 0o020 != 0 {
        let to_do = format!("chmod {wanted:o} {}", dir.display());
        return vec![Finding::bad(CHECK, format!("{says}: more people than should may look in")).with_to_do(to_do)];
    }
    match group {
        Some(group) if gid(group).is_none() => {
            let finding =
                Finding::bad(CHECK, format!("there is no group `{group}` ([access] viewers): nobody else gets in"));
            vec![finding.with_to_do(format!("groupadd --system {group}, then restart the service"))]
        }
        Some(group) if gid(group) != Some(found.gid()) || mode & 0o050 != 0o050 => {
            let finding = Finding::warning(CHECK, format!("{says}: the group `{group}` does not get in"));
            vec![finding.with_to_do(format!("chgrp {group} {0} && chmod 750 {0}", dir.display()))]
        }
        _ => vec![Finding::good(CHECK, says)],
    }
}

/// A file that only the service's user may touch, and its companions.
fn private(path: &Path, check: &'static str) -> Vec<Finding> {
    let paths = ["", "-wal", "-shm"].map(|ending| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        std::path::PathBuf::from(name)
    });
    let open = paths.iter().filter_map(|path| {
        let mode = fs::metadata(path).ok()?.mode() & 0o777;
        let finding = Finding::bad(check, format!("{} has the mode {mode:o}: others may reach it", path.display()));
        (mode & 0o077 != 0).then(|| finding.with_to_do(format!("chmod 600 {}", path.display())))
    });
    open.collect()
}

fn of_socket(path: &Path, check: &'static str, group: Option<&str>) -> Option<Finding> {
    let found = fs::metadata(path).ok()?;
    let mode = found.mode() & 0o777;
    if !found.file_type().is_socket() {
        let finding = Finding::bad(check, format!("{} is no socket", path.display()));
        return Some(finding.with_to_do("remove it and restart the service"));
    }
    let says = format!("{} of group {}, mode {mode:o}", path.display(), group_name(found.gid()));
    let is_reached = group.is_none_or(|group| gid(group) == Some(found.gid()) && mode & 0o060 == 0o060);
    Some(if mode & 0o007 != 0 {
        Finding::bad(check, format!("{says}: everybody may ask")).with_to_do("restart the service, which sets it right")
    } else if is_reached {
        Finding::good(check, says)
    } else {
        let to_do = "make the service's user a member of that group and restart the service";
        Finding::warning(check, format!("{says}: the group of [access] viewers does not reach it")).with_to_do(to_do)
    })
}

/// The whole of it; what another process writes meanwhile does not matter.
fn database(dir: &Path) -> Finding {
    const CHECK: &str = "database";
    let path = dir.join(DATABASE_NAME);
    let size = match fs::metadata(&path) {
        Ok(found) => found.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Finding::unknown(CHECK, "there is none yet; the service makes it");
        }
        Err(error) => return Finding::unknown(CHECK, format!("{}: {error}", path.display())),
    };
    if let Err(error) = fs::File::open(&path) {
        let owner = fs::metadata(&path).map_or_else(|_| "its owner".to_owned(), |found| user(found.uid()));
        let finding = Finding::unknown(CHECK, format!("{} cannot be checked by you: {error}", path.display()));
        return finding.with_to_do(format!("sudo -u {owner} meterdeck doctor"));
    }
    match store::check(&path) {
        Ok(()) => Finding::good(CHECK, format!("{}: {size} bytes, checked whole", path.display())),
        Err(error @ StoreError::Damaged { .. }) => Finding::bad(CHECK, error.to_string()).with_to_do(
            "stop the service, `meterdeck restore BACKUP`, start it; or start it alone: it puts the file aside",
        ),
        Err(error @ StoreError::Newer { .. }) => Finding::bad(CHECK, error.to_string())
            .with_to_do("install the newer version again, or restore an older backup"),
        Err(error) => Finding::bad(CHECK, error.to_string()).with_to_do("name the right folder with --data"),
    }
}

fn user(uid: u32) -> String {
    let known = User::from_uid(Uid::from_raw(uid)).ok().flatten();
    known.map_or_else(|| format!("uid {uid}"), |user| user.name)
}

fn group_name(gid: u32) -> String {
    let known = Group::from_gid(Gid::from_raw(gid)).ok().flatten();
    known.map_or_else(|| format!("gid {gid}"), |group| group.name)
}

fn gid(name: &str) -> Option<u32> {
    Some(Group::from_name(name).ok().flatten()?.gid.as_raw())
}
