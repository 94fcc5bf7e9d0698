//! The figures as text: <https://prometheus.io/docs/instrumenting/exposition_formats/>, version 0.0.4.

use std::fmt::{Display, Write as _};

use crate::{domain::live::DeviceState, service::status::Status};

/// All figures of a status.
pub(super) fn text(status: &Status) -> String {
    let mut text = String::new();
    let program = escaped(&status.service.program);
    gauge(&mut text, "info", "The version that runs.", [(format!("{{version=\"{program}\"}}"), 1)]);
    gauge(&mut text, "wants_person", "Kinds of things that want a person.", plain(status.wants.len()));
    devices(&mut text, status);
    alarms(&mut text, status);
    if let Some(queue) = &status.queue {
        let saves = u8::from(queue.cannot_save.is_none());
        gauge(&mut text, "store_saves", "Whether the disk takes what is read.", plain(saves));
        gauge(&mut text, "store_bytes", "Size of the database file.", plain(queue.bytes));
        gauge(&mut text, "store_waiting_batches", "Batches that wait for the disk.", plain(queue.waiting_batches));
        counter(&mut text, "store_refused_batches_total", "Batches that were lost.", plain(queue.refused_batches));
        counter(&mut text, "store_damaged_blocks_total", "Blocks found damaged.", plain(queue.damaged_blocks));
    }
    if let Some(reviews) = &status.open_reviews {
        let rows = [("duplicate", reviews.groups), ("overlap", reviews.overlaps)];
        let rows = rows.map(|(kind, count)| (format!("{{kind=\"{kind}\"}}"), count));
        gauge(&mut text, "open_reviews", "Readings billed twice that wait for a person.", rows);
    }
    if let Some(dispatch) = &status.dispatch {
        gauge(&mut text, "dispatch_active_events", "Active events.", plain(dispatch.active.len()));
        gauge(&mut text, "dispatch_unrestored_devices", "Devices not put back yet.", plain(dispatch.unrestored.len()));
        gauge(&mut text, "dispatch_conflicts", "Devices set by somebody else.", plain(dispatch.conflicts.len()));
    }
    text
}

fn devices(text: &mut String, status: &Status) {
    let answers = |state| !matches!(state, DeviceState::Offline | DeviceState::Waiting);
    let of = |id: &dyn Display| format!("{{device=\"{id}\"}}");
    let up = status.devices.iter().map(|(id, device)| (of(id), u8::from(answers(device.state))));
    gauge(text, "device_up", "Whether the device answers.", up);
    let is_well = |state| matches!(state, DeviceState::Ok | DeviceState::Slow);
    let well = status.devices.iter().map(|(id, device)| (of(id), u8::from(is_well(device.state))));
    gauge(text, "device_well", "Whether it answers all that is asked.", well);
    let answered = status.devices.iter().filter_map(|(id, device)| Some((of(id), device.last_answer?.as_second())));
    gauge(text, "device_last_answer_seconds", "When it last answered, in seconds since 1970.", answered);
}

fn alarms(text: &mut String, status: &Status) {
    use crate::domain::alarm::AlarmState as State;
    let words = [
        (State::Unacknowledged, "unacknowledged"),
        (State::Acknowledged, "acknowledged"),
        (State::ReturnedUnacknowledged, "returned"),
        (State::Shelved, "shelved"),
        (State::OutOfService, "out_of_service"),
    ];
    let rows = words.map(|(state, word)| {
        let count = status.alarms.iter().filter(|alarm| alarm.state == state).count();
        (format!("{{state=\"{word}\"}}"), count)
    });
    gauge(text, "alarms", "Alarms that are not normal.", rows);
}

fn plain<T>(value: T) -> [(String, T); 1] {
    [(String::new(), value)]
}

fn gauge<T: Display>(text: &mut String, name: &str, help: &str, rows: impl IntoIterator<Item = (String, T)>) {
    family(text, "gauge", name, help, rows);
}

fn counter<T: Display>(text: &mut String, name: &str, help: &str, rows: impl IntoIterator<Item = (String, T)>) {
    family(text, "counter", name, help, rows);
}

fn family<T: Display>(
    text: &mut String,
    kind: &str,
    name: &str,
    help: &str,
    rows: impl IntoIterator<Item = (String, T)>,
) {
    // Writing to a string cannot fail.
    let _ = write!(text, "# HELP meterdeck_{name} {help}\n# TYPE meterdeck_{name} {kind}\n");
    for (labels, value) in rows {
        let _ = writeln!(text, "meterdeck_{name}{labels} {value}");
    }
}

/// A label's value.
fn escaped(value: &str) -> String {
    crate::text::clean(value).replace('\\', "\\\\").replace('"', "\\\"")
}
