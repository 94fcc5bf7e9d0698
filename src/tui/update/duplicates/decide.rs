//! Deciding at the review desk: the decision goes out, the next group is there at once, and what comes of it is told.

use super::{ask, can_repeat, open_over, say};
use crate::{
    domain::duplicate::{Choice, Decision, FindingKind, GroupId, Reading},
    service::interface::{
        ErrorKind, ServiceError,
        duplicates::{DuplicatesRequest, GroupDetail, Proposal},
    },
    tui::{
        message::Effect,
        model::{
            DeskOverlay, Fact, Model, Notice, Overlay,
            duplicates::{Draft, DraftChoice, MAX_DECIDED},
        },
    },
};

/// Most groups that a line about those left out names.
const MAX_NAMED: usize = 3;

/// Begins to count the reading at this place.
pub fn count(model: &mut Model, place: usize) {
    let marked = model.desk.marked.clone();
    let Some(detail) = free(model) else { return };
    let group = &detail.group;
    let Some(reading) = group.readings.get(place) else {
        let text = format!("There are {} readings here.", group.readings.len());
        return say(model, &text);
    };
    let Some(usage) = &reading.usage else {
        return say(model, "This reading says no usage; type a value instead.");
    };
    let is_overlap = group.finding.kind == FindingKind::Overlap;
    let mut readings = vec![reading.id];
    readings.extend(marked.into_iter().filter(|id| is_overlap && *id != reading.id));
    let title = match readings.len() {
        1 => format!("Count {usage}{}", of_provider(reading)),
        more => format!("Count {more} of {} readings", group.readings.len()),
    };
    let draft =
        Draft::new(group.finding.id, group.finding.version, title, DraftChoice::Fixed(Choice::Use { readings }));
    open_over(model, DeskOverlay::Decide(draft));
}

fn of_provider(reading: &Reading) -> String {
    reading.provider.as_ref().map_or_else(String::new, |name| format!(" of {name}"))
}

/// Begins to type a value.
pub fn type_value(model: &mut Model) {
    let Some(detail) = free(model) else { return };
    let finding = &detail.group.finding;
    let unit = detail.group.readings.first().map_or("", |reading| reading.unit.symbol());
    let choice = DraftChoice::Value { value: tui_input::Input::default(), unit: unit.into(), field: 0 };
    let draft = Draft::new(finding.id, finding.version, "Count a value instead of the readings".to_owned(), choice);
    open_over(model, DeskOverlay::Decide(draft));
}

/// Begins to count all readings.
pub fn count_all(model: &mut Model) {
    let Some(detail) = free(model) else { return };
    let finding = &detail.group.finding;
    let title = match detail.group.readings.len() {
        2 => "Count both: they are no duplicates".to_owned(),
        more => format!("Count all {more}: they are no duplicates"),
    };
    let draft = Draft::new(finding.id, finding.version, title, DraftChoice::Fixed(Choice::KeepAll));
    open_over(model, DeskOverlay::Decide(draft));
}

/// Puts the selected group off.
pub fn skip(model: &mut Model) -> Vec<Effect> {
    let Some(detail) = free(model) else { return Vec::new() };
    let finding = &detail.group.finding;
    let choice = DraftChoice::Fixed(Choice::Defer);
    let draft = Draft::new(finding.id, finding.version, "Put off".to_owned(), choice);
    send(model, draft, Choice::Defer, String::new())
}

/// All about the selected group, where nothing about it is on its way.
fn free(model: &mut Model) -> Option<&GroupDetail> {
    let id = model.desk.selected();
    let is_sent = id.is_some_and(|id| model.desk.sent.contains_key(&id));
    if is_sent || model.desk.shown().is_none() || model.is_service_gone() {
        let text = match id {
            _ if model.is_service_gone() => "The service has gone; nothing can be decided.",
            None => "No group is selected.",
            Some(_) if is_sent => "The decision about this group is on its way.",
            Some(_) => "The readings of this group are not here yet.",
        };
        say(model, text);
        return None;
    }
    model.desk.shown()
}

/// Sends a draft; where it cannot be read, it stays and says why.
pub fn send_draft(model: &mut Model, mut draft: Draft) -> Vec<Effect> {
    match draft.choice() {
        Ok(choice) => {
            let reason = draft.reason();
            send(model, draft, choice, reason)
        }
        Err(why) => {
            draft.refused = Some(crate::text::clean(&why));
            open_over(model, DeskOverlay::Decide(draft));
            Vec::new()
        }
    }
}

fn send(model: &mut Model, draft: Draft, choice: Choice, reason: String) -> Vec<Effect> {
    let (group, version) = (draft.group, draft.version);
    let was_selected = model.desk.selected() == Some(group);
    model.desk.sent.insert(group, draft);
    if was_selected {
        model.desk.advance();
    }
    vec![ask(DuplicatesRequest::Decide { group, version, choice, reason })]
}

/// A decision was taken.
pub fn decided(model: &mut Model, choice: Choice, reason: String, detail: Box<GroupDetail>) -> Vec<Effect> {
    let finding = &detail.group.finding;
    let (group, version) = (finding.id, finding.version);
    let desk = &mut model.desk;
    desk.sent.remove(&group);
    desk.decided.retain(|(known, _)| *known != group);
    desk.decided.push_back((group, Some(version)));
    if desk.decided.len() > MAX_DECIDED {
        desk.decided.pop_front();
    }
    let what = detail.decisions.last().map_or_else(String::new, |decision| words(decision, &detail));
    let text = format!("{} {}: {what}", detail.group.meter, finding.period.start);
    changed(model, detail);
    say(model, &text);
    if !can_repeat(&choice) {
        return Vec::new();
    }
    model.desk.last = Some((group, choice.clone(), reason));
    model.desk.alike = 0;
    vec![ask(DuplicatesRequest::Alike { group, choice })]
}

/// What a decision says, without who and when.
fn words(decision: &Decision, detail: &GroupDetail) -> String {
    let usage = |id| detail.group.readings.iter().find(|reading| reading.id == id)?.usage.as_ref();
    match &decision.choice {
        Choice::Use { readings } => match readings.as_slice() {
            [one] => usage(*one).map_or_else(|| "counted".to_owned(), |usage| format!("{usage} counts.")),
            more => format!("{} readings count.", more.len()),
        },
        Choice::Value { usage } => format!("{usage} counts, as typed."),
        Choice::KeepAll => "all readings count.".to_owned(),
        Choice::Defer => "put off.".to_owned(),
        Choice::Undo { .. } => "taken back.".to_owned(),
    }
}

/// Takes over how a group is now.
fn changed(model: &mut Model, detail: Box<GroupDetail>) {
    let desk = &mut model.desk;
    desk.doubt(detail.group.place.meter, detail.group.finding.id);
    if !desk.take_group(&detail.group) {
        desk.go_to(detail.group.place);
    }
    desk.take_detail(detail);
    model.facts.asked.remove(&Fact::Reviews);
}

/// Takes back the decision about the selected group, else the last one that was taken here.
pub fn undo(model: &mut Model) -> Vec<Effect> {
    let selected = model.desk.shown().map(|detail| &detail.group.finding);
    let is_of_person = |id: GroupId| model.desk.decided.iter().any(|(known, _)| *known == id);
    let own = selected.filter(|finding| {
        finding.standing.rule() == Some(crate::domain::duplicate::Rule::Manual) || is_of_person(finding.id)
    });
    let target = own.map(|finding| (finding.id, Some(finding.version))).or(model.desk.decided.back().copied());
    let Some((group, version)) = target else {
        say(model, "Nothing was decided here that can be taken back.");
        return Vec::new();
    };
    // Pressed again before the answer, it is about the one before.
    model.desk.decided.retain(|(known, _)| *known != group);
    vec![ask(DuplicatesRequest::Undo { group, version, reason: String::new() })]
}

/// A decision was taken back: its group is there again.
pub fn undone(model: &mut Model, detail: Box<GroupDetail>) {
    let group = detail.group.finding.id;
    let text = format!("{} {}: taken back.", detail.group.meter, detail.group.finding.period.start);
    model.desk.decided.retain(|(known, _)| *known != group);
    if model.desk.last.as_ref().is_some_and(|(last, ..)| *last == group) {
        model.desk.last = None;
        model.desk.alike = 0;
    }
    changed(model, detail);
    model.desk.select(group);
    say(model, &text);
}

/// A decision was not taken: the group is shown again, and why; true where that is told.
pub fn refused(model: &mut Model, group: GroupId, error: &ServiceError) -> bool {
    let Some(mut draft) = model.desk.sent.remove(&group) else { return false };
    model.desk.stale.insert(group);
    let message = crate::text::clean(&error.message);
    if error.kind == ErrorKind::NotPermitted || error.kind == ErrorKind::Unavailable {
        model.desk.select(group);
        return false;
    }
    let over = if error.kind == ErrorKind::Conflict {
        DeskOverlay::Conflict { draft, other: message, version: None }
    } else {
        draft.refused = Some(message);
        DeskOverlay::Decide(draft)
    };
    if model.overlays.is_empty() {
        model.desk.select(group);
    }
    // Under what somebody types into now: keys are never taken away from there.
    model.overlays.insert(0, Overlay::Desk(Box::new(over)));
    true
}

/// The same was decided for those that are alike.
pub fn decided_alike(model: &mut Model, proposals: &[Proposal], decided: u32, left_out: &[(GroupId, String)]) {
    super::over::close(model);
    let groups = proposals.iter().map(|proposal| proposal.group);
    let done = groups.filter(|group| left_out.iter().all(|(left, _)| left != group));
    model.desk.decided.extend(done.map(|group| (group, None)));
    while model.desk.decided.len() > MAX_DECIDED {
        model.desk.decided.pop_front();
    }
    model.desk.alike = 0;
    model.desk.forget();
    model.facts.asked.remove(&Fact::Reviews);
    let why: Vec<&str> = left_out.iter().take(MAX_NAMED).map(|(_, why)| why.as_str()).collect();
    let left = match left_out.len() {
        0 => String::new(),
        left => format!(", {left} left out: {}", why.join(" ")),
    };
    let text = crate::text::clean(&format!("{decided} more decided{left}"));
    model.notice = Some(Notice { text, is_error: !left_out.is_empty() });
}
