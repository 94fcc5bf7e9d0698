//! What people do about alarms: acknowledge, shelve, bring back.

use jiff::{SignedDuration, Timestamp, ToSpan as _};
use tui_input::Input;

use crate::{
    domain::alarm::{AlarmKey, AlarmLine, AlarmState, Subject},
    service::interface::Request,
    tui::{
        message::Effect,
        model::{AlarmDraft, DeviceRow, Model, Notice, Overlay, SHELVE_CHOICES, Screen},
        update::{navigate, overlay, rows},
    },
};

/// The hour of the next day until which an alarm is put away "until tomorrow": when people are back.
const MORNING_HOUR: i8 = 8;

/// Takes over the alarms that are not normal.
pub fn changed(model: &mut Model, alarms: Vec<AlarmLine>) {
    model.alarms = alarms;
    rows::alarms_changed(model);
}

/// Begins to acknowledge the selected alarm.
pub fn acknowledge(model: &mut Model) {
    match selected_state(model) {
        Some(state) if state.is_unacknowledged() => draft(model, None),
        Some(state) => say(model, &format!("This alarm is {}.", state.word())),
        None => say(model, "There is no alarm to acknowledge."),
    }
}

/// Begins to put the selected alarm away.
pub fn shelve(model: &mut Model) {
    match selected_state(model) {
        Some(_) => draft(model, Some(0)),
        None => say(model, "There is no alarm to shelve."),
    }
}

/// Brings the selected alarm back.
pub fn unshelve(model: &mut Model) -> Vec<Effect> {
    if let (Some(id), Some(AlarmState::Shelved)) = (model.alarm_rows.selected(), selected_state(model)) {
        return vec![Effect::Ask(Request::Unshelve { id: id.to_string() })];
    }
    say(model, "This alarm is not shelved.");
    Vec::new()
}

/// Asks for what was drafted.
pub fn send(model: &mut Model, draft: AlarmDraft) -> Vec<Effect> {
    let note = draft.input.value().trim().to_owned();
    let id = draft.id.to_string();
    let Some(choice) = draft.shelve else {
        // On to the next: it moves down the list once it is acknowledged.
        model.alarm_rows.move_by(1);
        return vec![Effect::Ask(Request::Acknowledge { id, note })];
    };
    if note.is_empty() {
        say(model, "Say why it is shelved.");
        model.overlays.push(Overlay::Alarm(draft));
        return Vec::new();
    }
    vec![Effect::Ask(Request::Shelve { id, until: until(model, choice), note })]
}

/// Chooses for how long, by `step` further.
pub fn choose(draft: &mut AlarmDraft, step: isize) {
    if let Some(choice) = &mut draft.shelve {
        *choice = choice.saturating_add_signed(step).min(SHELVE_CHOICES.len() - 1);
    }
}

/// Opens what the selected alarm is about.
pub fn open(model: &mut Model) {
    let Some(id) = model.alarm_rows.selected().cloned() else { return };
    match id.subject {
        Subject::Meter(meter) => navigate::go_to_meter(model, meter),
        Subject::Device(device) => navigate::go_to_device(model, device),
        Subject::Connection(name) => {
            model.devices.filter.clear();
            navigate::go(model, Screen::Devices);
            rows::rebuild(model);
            model.devices.select(&DeviceRow::Connection(name));
        }
        Subject::Site => overlay::open(model, Overlay::Log { scroll: 0 }),
    }
}

fn draft(model: &mut Model, shelve: Option<usize>) {
    if let Some(id) = model.alarm_rows.selected().cloned() {
        overlay::open(model, Overlay::Alarm(AlarmDraft { id, shelve, input: Input::default() }));
    }
}

fn selected_state(model: &Model) -> Option<AlarmState> {
    let id: &AlarmKey = model.alarm_rows.selected()?;
    Some(model.alarm(id)?.state)
}

fn say(model: &mut Model, text: &str) {
    model.notice = Some(Notice { text: text.to_owned(), is_error: false });
}

/// The end of a choice, as of now.
fn until(model: &Model, choice: usize) -> Timestamp {
    let tomorrow = || {
        let now = model.now.to_zoned(model.time_zone.clone());
        let morning = now.date().checked_add(1.day()).ok()?.at(MORNING_HOUR, 0, 0, 0);
        Some(morning.to_zoned(model.time_zone.clone()).ok()?.timestamp())
    };
    let hours = |hours| model.now.checked_add(SignedDuration::from_hours(hours)).unwrap_or(Timestamp::MAX);
    match choice {
        0 => hours(1),
        1 => hours(8),
        _ => tomorrow().unwrap_or_else(|| hours(24)),
    }
}
