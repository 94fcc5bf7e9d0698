//! `meterdeck backup` and `restore`: the store as one checked file.

use std::{
    io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use serde_json::json;

use super::{
    Global,
    exit::{CommandError, Exit},
    history::{shown, with_service},
    meters::{document, print, unexpected},
    start,
};
use crate::{
    service::interface::{Request, Response},
    store::{self, StoreError},
};

/// Copies the store to a file and checks the copy.
///
/// # Errors
/// A file that cannot be made, or what the service says.
pub fn backup(global: &Global, file: &Path) -> Result<ExitCode, CommandError> {
    let file = absolute(file)?;
    with_service(global, async |_, client| {
        let request = Request::Backup { file: file.clone() };
        let Response::BackedUp { bytes } = client.requests.ask(request).await? else { return Err(unexpected()) };
        if global.json {
            return document(&json!({ "file": file, "bytes": bytes }));
        }
        print(&format!("{}: {bytes} bytes, checked\n", shown(&file)))
    })
}

fn absolute(file: &Path) -> Result<PathBuf, CommandError> {
    std::path::absolute(file)
        .map_err(|error| CommandError::new(Exit::CannotCreate, format!("{}: {error}.", shown(file))))
}

/// Puts a checked backup in the place of the store; what was there is put aside.
///
/// # Errors
/// A file that is no good backup, or a data folder that a service uses.
pub fn restore(global: &Global, file: &Path) -> Result<ExitCode, CommandError> {
    let loaded = start::site(global.config.as_deref(), global.data.as_deref(), global.color)?;
    let dir = &loaded.site.data_dir;
    let _lock = start::lock(dir)?;
    let aside = store::restore(file, dir).map_err(|error| {
        let exit = match &error {
            StoreError::File { source, .. } if source.kind() != io::ErrorKind::NotFound => Exit::CannotCreate,
            _ => Exit::BadData,
        };
        CommandError::new(exit, format!("Nothing was restored: {error}."))
    })?;
    if global.json {
        return document(&json!({ "restored": file, "into": dir, "putAside": aside }));
    }
    let aside = aside.map(|aside| format!("; what was there is now {}", shown(&aside))).unwrap_or_default();
    print(&format!("{} is restored into {}{aside}\n", shown(file), shown(dir)))
}
