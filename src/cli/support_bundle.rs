//! `meterdeck support-bundle`: one JSON file for whoever helps. A person can read it before they send it.
//!
//! In it: versions, configuration, the last lines of the log, status, doctor, schema. Not in it: secrets, names of customers,
//! anything that was measured or billed.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    process::ExitCode,
};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Global, doctor,
    exit::{CommandError, Exit},
    history::shown,
    meters::print,
    start::{self, LogTo},
    status,
};
use crate::{
    config::{self, Loaded},
    service::{
        client::Requests,
        interface::{INTERFACE_VERSION, Request, Response},
        socket::client::connect,
        status::status as ask_status,
    },
    store::{self, DATABASE_NAME},
};

mod mask;

use mask::Mask;

/// Only who makes it reads it.
const MODE: u32 = 0o600;

/// Writes the file.
///
/// # Errors
/// [`Exit::CannotCreate`] where it cannot be made, or is there already.
pub fn run(global: &Global, file: &Path) -> Result<ExitCode, CommandError> {
    start::log("error", LogTo::Stderr, global.color)?;
    let bundle = start::runtime()?.block_on(bundle(global))?;
    let text = serde_json::to_string_pretty(&bundle)
        .map_err(|error| CommandError::new(Exit::Internal, format!("Cannot write JSON: {error}.")))?;
    let written = OpenOptions::new().write(true).create_new(true).mode(MODE).open(file);
    let written = written.and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()));
    written.map_err(|error| CommandError::new(Exit::CannotCreate, format!("{}: {error}.", shown(file))))?;
    print(&format!("{}: {} bytes; read it before you send it\n", shown(file), text.len()))
}

async fn bundle(global: &Global) -> Result<Value, CommandError> {
    let loaded = config::locate(global.config.as_deref()).ok().and_then(|path| config::load(&path).ok());
    let dir = status::data_dir(global).ok();
    let findings = doctor::examine(global).await?;
    let client = match &dir {
        Some(dir) => connect(dir).await.ok(),
        None => None,
    };
    let (status, log) = match &client {
        Some(client) => (said(&client.requests).await, log(&client.requests).await),
        None => (Value::Null, Value::Null),
    };
    let schema = match dir {
        Some(dir) => start::blocking(move || Ok(schema(&dir))).await?,
        None => Value::Null,
    };
    let (configuration, mask) = match &loaded {
        Some(loaded) => (configuration(loaded), Mask::of(loaded)),
        None => (Value::Null, Mask::default()),
    };
    let mut bundle = json!({
        "madeAt": Timestamp::now(),
        "versions": versions(),
        "configuration": configuration,
        "doctor": findings,
        "status": status,
        "log": log,
        "schema": schema,
    });
    mask.apply(&mut bundle);
    Ok(bundle)
}

fn versions() -> Value {
    let first_line = |path: &str| fs::read_to_string(path).ok().and_then(|text| text.lines().next().map(str::to_owned));
    json!({
        "meterdeck": env!("CARGO_PKG_VERSION"),
        "interface": INTERFACE_VERSION,
        "sqlite": store::library_version(),
        "system": first_line("/etc/os-release"),
        "kernel": first_line("/proc/version"),
    })
}

/// The files as they are read: without comments, where anything may stand.
fn configuration(loaded: &Loaded) -> Value {
    let table = |path: &std::path::PathBuf| {
        let text = fs::read_to_string(path).ok()?;
        let table: toml::Table = toml::from_str(&text).ok()?;
        Some((path.display().to_string(), serde_json::to_value(table).ok()?))
    };
    Value::Object(loaded.files.iter().filter_map(table).collect())
}

async fn said(requests: &Requests) -> Value {
    match ask_status(requests).await {
        Ok(said) => status::as_json(&said),
        Err(error) => json!({ "error": error.message }),
    }
}

async fn log(requests: &Requests) -> Value {
    match requests.ask(Request::Log { after: 0 }).await {
        Ok(Response::Log { lines }) => json!(lines),
        Ok(_) => Value::Null,
        Err(error) => json!({ "error": error.message }),
    }
}

fn schema(dir: &Path) -> Value {
    match store::outline(&dir.join(DATABASE_NAME)) {
        Ok((version, tables)) => json!({ "version": version, "statements": tables }),
        Err(error) => json!({ "error": error.to_string() }),
    }
}
