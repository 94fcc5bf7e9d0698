//! `meterdeck status`: how it goes, for people and for monitoring. It asks the running service, and never starts one.

use std::{fmt::Write as _, path::PathBuf, process::ExitCode};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Global,
    attach::refused,
    exit::{CommandError, Exit},
    history::shown,
    meters::{document, print},
    start::{self, LogTo},
};
use crate::{
    domain::live::DeviceState,
    service::{
        interface::storage::Storage,
        socket::client::{ConnectError, connect},
        status::{AlarmStatus, DeviceStatus, DispatchStatus, Reviews, Status, status},
    },
    text::clean,
};

/// Prints how it goes.
///
/// # Errors
/// [`Exit::Unavailable`] where no service answers, [`Exit::NotPermitted`] where it may not be asked.
pub fn run(global: &Global) -> Result<ExitCode, CommandError> {
    start::log("error", LogTo::Stderr, global.color)?;
    let dir = data_dir(global)?;
    let found = start::runtime()?.block_on(async {
        match connect(&dir).await {
            Ok(client) => Ok(status(&client.requests).await?),
            Err(ConnectError::Nobody) => {
                let message = format!("No service answers in {}.", shown(&dir));
                Err(CommandError::new(Exit::Unavailable, message).hinted("start it with `meterdeck poll`"))
            }
            Err(error) => Err(refused(&dir, error)),
        }
    });
    match found {
        Ok(status) => {
            let printed = if global.json { document(&as_json(&status)) } else { print(&as_text(&status)) }?;
            Ok(if status.wants.is_empty() { printed } else { Exit::Failed.into() })
        }
        Err(error) => {
            if global.json {
                document(&json!({ "well": false, "service": null, "error": error.message }))?;
            }
            Err(error)
        }
    }
}

/// The data folder: the one that was named, else the site file's.
pub(super) fn data_dir(global: &Global) -> Result<PathBuf, CommandError> {
    match &global.data {
        Some(dir) => Ok(dir.clone()),
        None => Ok(start::site(global.config.as_deref(), None, global.color)?.site.data_dir),
    }
}

/// For programs.
pub(super) fn as_json(status: &Status) -> Value {
    let mut document = json!({ "well": status.wants.is_empty() });
    if let (Some(document), Ok(Value::Object(fields))) = (document.as_object_mut(), serde_json::to_value(status)) {
        document.extend(fields);
    }
    document
}

fn as_text(status: &Status) -> String {
    let service = &status.service;
    let how = if service.polls { "reads the devices" } else { "reads the devices when it is asked" };
    let mut text = format!(
        "{}\nService   meterdeck {}, process {}: {how}\n",
        clean(&status.site),
        clean(&service.program),
        service.process
    );
    devices(&mut text, status);
    queue(&mut text, status.queue.as_ref());
    alarms(&mut text, &status.alarms);
    reviews(&mut text, status.open_reviews);
    if let Some(dispatch) = &status.dispatch {
        of_dispatch(&mut text, dispatch);
    }
    let end = if status.wants.is_empty() { "All is well.".to_owned() } else { wanted(&status.wants) };
    text + &end + "\n"
}

fn wanted(wants: &[String]) -> String {
    format!("Wants a person: {}.", wants.join("; "))
}

// Writing to a string cannot fail, here and below.

fn devices(text: &mut String, status: &Status) {
    let words = [
        (DeviceState::Ok, "ok"),
        (DeviceState::Slow, "slow"),
        (DeviceState::Error, "in error"),
        (DeviceState::Offline, "offline"),
        (DeviceState::Waiting, "not asked yet"),
    ];
    let count = |state: DeviceState| status.devices.values().filter(|device| device.state == state).count();
    let counts = words.iter().map(|(state, word)| (count(*state), word)).filter(|(count, _)| *count > 0);
    let counts: Vec<String> = counts.map(|(count, word)| format!("{count} {word}")).collect();
    let _ = writeln!(text, "Devices   {}", if counts.is_empty() { "none".to_owned() } else { counts.join(", ") });
    for (id, device) in &status.devices {
        let word = words.iter().find(|(state, _)| *state == device.state).map_or("", |(_, word)| word);
        if !matches!(device.state, DeviceState::Ok | DeviceState::Waiting) {
            let _ = writeln!(text, "  {id}  {}", device_line(word, device));
        }
    }
}

fn device_line(word: &str, device: &DeviceStatus) -> String {
    let since = device.offline_since.map(|since| format!(" since {}", whole(since))).unwrap_or_default();
    let error = device.last_error.as_ref();
    let error = error.map(|last| format!(": {} ({}). {}", clean(&last.error), whole(last.at), last.advice));
    format!("{word}{since}{}", error.unwrap_or_default())
}

fn queue(text: &mut String, queue: Option<&Storage>) {
    let line = match queue {
        None => "nothing is kept".to_owned(),
        Some(queue) => {
            let waits = match queue.waiting_batches {
                0 => "nothing waits".to_owned(),
                count => format!("{count} batches wait ({} kB)", queue.waiting_bytes / 1000),
            };
            let fails = queue.cannot_save.as_ref().map(|fails| {
                let since = fails.since.map(|since| format!(" since {}", whole(since))).unwrap_or_default();
                format!("; CANNOT SAVE{since}: {}", clean(&fails.reason))
            });
            let aside = queue.put_aside.as_ref();
            let aside = aside.map(|path| format!("; a damaged database was put aside as {}", shown(path)));
            format!("{waits}{}{}", fails.unwrap_or_default(), aside.unwrap_or_default())
        }
    };
    let _ = writeln!(text, "Queue     {line}");
}

fn alarms(text: &mut String, alarms: &[AlarmStatus]) {
    let _ = match alarms.len() {
        0 => writeln!(text, "Alarms    none"),
        count => writeln!(text, "Alarms    {count}"),
    };
    for alarm in alarms {
        let since = alarm.since.map(|since| format!(" since {}", whole(since))).unwrap_or_default();
        let _ = writeln!(text, "  {}  {}, {}{since}", clean(&alarm.id), alarm.severity, alarm.state.word());
    }
}

fn reviews(text: &mut String, reviews: Option<Reviews>) {
    let Some(Reviews { groups, overlaps, deferred }) = reviews else { return };
    let put_off = if deferred == 0 { String::new() } else { format!(", {deferred} of them put off") };
    let _ = match groups + overlaps {
        0 => writeln!(text, "Reviews   none open"),
        _ => writeln!(text, "Reviews   {groups} duplicates and {overlaps} overlaps open{put_off}"),
    };
}

fn of_dispatch(text: &mut String, dispatch: &DispatchStatus) {
    let DispatchStatus { active, scheduled, proposed, .. } = dispatch;
    let _ = writeln!(text, "Dispatch  {} active, {scheduled} scheduled, {proposed} proposed", active.len());
    for (device, since) in &dispatch.unrestored {
        let _ = writeln!(text, "  {device}  not put back since {}", whole(*since));
    }
    for device in &dispatch.conflicts {
        let _ = writeln!(text, "  {device}  set by somebody else");
    }
}

/// A moment to the second.
fn whole(at: Timestamp) -> String {
    format!("{at:.0}")
}
