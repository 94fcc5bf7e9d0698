//! The review desk: what is asked for, where the cursor is, and what is opened from there.

use jiff::SignedDuration;

use super::{navigate, overlay};
use crate::{
    domain::duplicate::{Choice, FindingKind, GroupId, Standing},
    service::interface::{
        Request, ServiceError,
        duplicates::{DuplicatesRequest, DuplicatesResponse, QueueLine, QueuePlace},
    },
    tui::{
        actions::Action,
        message::Effect,
        model::{
            Desk, DeskOverlay, Model, Notice, Overlay, Screen,
            duplicates::{AlikeView, DocumentView, PAGE, TimelineView},
        },
    },
};

pub mod decide;
pub mod over;

/// So near to an end of the lines that are here, more are asked for: some screens full.
const MARGIN: usize = 60;
/// How often the lines around the selected one are asked for again: others decide and import too.
const REFRESH: SignedDuration = SignedDuration::from_secs(15);
/// How long nothing is asked for by itself after something failed.
const REST: SignedDuration = SignedDuration::from_secs(5);

/// Asks for what the desk shows and is not here: lines, and all about the selected group and the next ones.
pub fn wanted(model: &mut Model) -> Vec<Effect> {
    let is_resting = model.desk.rests_until.is_some_and(|until| model.now < until);
    if model.screen != Screen::Duplicates || model.is_service_gone() || is_resting {
        return Vec::new();
    }
    let desk = &mut model.desk;
    let mut effects = pages(desk, model.now);
    if desk.is_loaded {
        let wanted: Vec<GroupId> = desk.at_hand().collect();
        for group in wanted {
            let is_here = desk.details.contains_key(&group) && !desk.stale.contains(&group);
            if !is_here && desk.details_asked.insert(group) {
                effects.push(ask(DuplicatesRequest::Show { group }));
            }
        }
    }
    effects
}

fn pages(desk: &mut Desk, now: jiff::Timestamp) -> Vec<Effect> {
    if desk.pages_asked > 0 {
        return Vec::new();
    }
    let rows = &desk.queue.rows;
    let is_old = desk.refreshed_at.is_none_or(|at| now.duration_since(at) >= REFRESH);
    let mut wanted: Vec<(Option<QueuePlace>, bool)> = Vec::new();
    if !desk.is_loaded || is_old {
        wanted.push((desk.from_selected(), false));
        desk.refreshed_at = Some(now);
        if desk.is_loaded && desk.has_before {
            wanted.extend(rows.get(desk.queue.selected).map(|line| (Some(line.place), true)));
        }
    } else if desk.has_after && rows.len() - desk.queue.selected <= MARGIN {
        wanted.push((rows.last().map(|line| line.place), false));
    } else if desk.has_before && desk.queue.selected < MARGIN {
        wanted.push((rows.first().map(|line| line.place).or(desk.place()), true));
    }
    wanted.into_iter().map(|(from, backward)| page(desk, from, backward)).collect()
}

fn page(desk: &mut Desk, from: Option<QueuePlace>, backward: bool) -> Effect {
    desk.pages_asked += 1;
    ask(DuplicatesRequest::Queue { filter: desk.show.filter(), from, backward, limit: PAGE })
}

fn ask(request: DuplicatesRequest) -> Effect {
    Effect::Ask(Request::Duplicates(request))
}

/// Takes over an answer.
pub fn answered(model: &mut Model, asked: DuplicatesRequest, answer: DuplicatesResponse) -> Vec<Effect> {
    use {DuplicatesRequest as Ask, DuplicatesResponse as Answer};
    model.desk.failed = None;
    match (asked, answer) {
        (Ask::Queue { filter, from, backward, .. }, Answer::Queue { lines, next }) => {
            // One of before the filter was changed is not for these lines.
            if filter == model.desk.show.filter() && model.desk.pages_asked > 0 {
                model.desk.pages_asked -= 1;
                model.desk.take_page(from, backward, lines, next.is_some());
            }
        }
        (Ask::Show { .. }, Answer::Group { detail }) => {
            over::conflict_known(model, &detail);
            let is_listed = |line: &&QueueLine| line.place.group == detail.group.finding.id;
            let line = model.desk.queue.rows.iter().find(is_listed);
            if line.is_some_and(|line| line.status != detail.group.finding.standing.status()) {
                model.desk.take_group(&detail.group);
            }
            model.desk.take_detail(detail);
        }
        (Ask::Decide { choice, reason, .. }, Answer::Group { detail }) => {
            return decide::decided(model, choice, reason, detail);
        }
        (Ask::Undo { .. }, Answer::Group { detail }) => decide::undone(model, detail),
        (Ask::Alike { group, .. }, Answer::Alike { proposals }) => {
            if let Some(Overlay::Desk(desk)) = model.overlays.last_mut()
                && let DeskOverlay::Alike(view) = &mut **desk
                && view.group == group
            {
                view.proposals = Some(proposals);
            } else if model.desk.last.as_ref().is_some_and(|(last, ..)| *last == group) {
                model.desk.alike = proposals.len();
            }
        }
        (Ask::DecideAlike { proposals, .. }, Answer::DecidedAlike { decided, left_out }) => {
            decide::decided_alike(model, &proposals, decided, &left_out);
        }
        (_, answer) => over::answered(model, answer),
    }
    Vec::new()
}

/// Something was not done; true where that is told already.
pub fn failed(model: &mut Model, asked: &DuplicatesRequest, error: &ServiceError) -> bool {
    use DuplicatesRequest as Ask;
    match asked {
        Ask::Queue { .. } | Ask::Show { .. } => {
            let desk = &mut model.desk;
            desk.pages_asked = 0;
            desk.details_asked.clear();
            // Of a group that is no longer there the lines say so soon.
            desk.refreshed_at = None;
            desk.rests_until = model.now.checked_add(REST).ok();
            let words = [Some(error.message.as_str()), error.hint.as_deref()];
            let words = words.into_iter().flatten().collect::<Vec<_>>().join(" ");
            desk.failed = Some(crate::text::clean(&words));
            true
        }
        Ask::Decide { group, .. } => decide::refused(model, *group, error),
        Ask::Undo { group, .. } => {
            model.desk.stale.insert(*group);
            model.desk.decided.retain(|(known, _)| known != group);
            false
        }
        Ask::DecideAlike { .. } | Ask::Document { .. } | Ask::Timeline { .. } => {
            over::close(model);
            false
        }
        // Nobody asked for the number of those that are alike.
        Ask::Alike { .. } => !over::close(model),
        _ => false,
    }
}

/// Moves in the queue; to an end of it also where that is not here yet.
pub fn move_by(model: &mut Model, rows: isize) {
    let desk = &mut model.desk;
    let before = desk.selected();
    desk.queue.move_by(rows);
    if desk.selected() != before {
        desk.leave();
    }
}

/// Goes to the first or the last line of the whole queue.
pub fn to_end(model: &mut Model, action: Action) -> Vec<Effect> {
    let backward = action == Action::Last;
    let is_here = !(if backward { model.desk.has_after } else { model.desk.has_before });
    if is_here {
        move_by(model, if backward { isize::MAX } else { isize::MIN });
        return Vec::new();
    }
    vec![page(&mut model.desk, None, backward)]
}

/// Moves the cursor among the readings.
pub fn move_candidate(model: &mut Model, step: isize) {
    let last = model.desk.shown().map_or(0, |detail| detail.group.readings.len().saturating_sub(1));
    model.desk.candidate = model.desk.candidate.saturating_add_signed(step).min(last);
}

/// Marks the reading under the cursor, or no longer.
pub fn mark(model: &mut Model) {
    let Some(detail) = model.desk.shown() else { return };
    if detail.group.finding.kind != FindingKind::Overlap {
        return say(model, "Only of an overlap several readings count.");
    }
    if let Some(id) = model.desk.reading().map(|reading| reading.id)
        && !model.desk.marked.remove(&id)
    {
        model.desk.marked.insert(id);
    }
}

/// Shows other groups in the queue.
pub fn show_next(model: &mut Model) {
    let next = model.desk.show.next();
    model.desk.show(next);
    say(
        model,
        &format!("The queue has what is {}.", if next.word() == "all" { "open and resolved" } else { next.word() }),
    );
}

/// Opens the meter of the site that the readings are of, else their timeline.
pub fn open(model: &mut Model) -> Vec<Effect> {
    let measured = model.desk.shown().and_then(|detail| detail.measured.as_ref());
    match measured.map(|measured| measured.meter.clone()) {
        Some(meter) => {
            navigate::go_to_meter(model, meter);
            Vec::new()
        }
        None => timeline(model),
    }
}

/// Opens the meter's readings over time.
pub fn timeline(model: &mut Model) -> Vec<Effect> {
    let Some(line) = model.desk.queue.selected() else { return nothing(model) };
    let (meter, at) = (line.meter.clone(), line.period);
    let view = TimelineView { meter: meter.clone(), at, answer: None, days: None, scroll: 0 };
    open_over(model, DeskOverlay::Timeline(view));
    vec![ask(DuplicatesRequest::Timeline { meter })]
}

/// Opens the statement of the reading under the cursor.
pub fn statement(model: &mut Model) -> Vec<Effect> {
    let Some((detail, reading)) = model.desk.shown().zip(model.desk.reading()) else { return nothing(model) };
    let (meter, reading) = (detail.group.meter.clone(), reading.id);
    let view = DocumentView { meter: meter.clone(), reading, document: None, scroll: 0 };
    open_over(model, DeskOverlay::Document(view));
    vec![ask(DuplicatesRequest::Document { meter, reading })]
}

/// Opens what was resolved by what.
pub fn statistics(model: &mut Model) {
    open_over(model, DeskOverlay::Statistics { scroll: 0 });
}

/// Offers the decision about the selected group, else the last one, for those that are alike.
pub fn alike(model: &mut Model) -> Vec<Effect> {
    let own = model.desk.shown().and_then(|detail| {
        let Standing::Decided { decision, .. } = &detail.group.finding.standing else { return None };
        let decision = detail.decisions.iter().find(|known| known.sequence == *decision)?;
        Some((detail.group.finding.id, decision.choice.clone(), decision.reason.clone()))
    });
    let Some((group, choice, reason)) = own.or_else(|| model.desk.last.clone()) else {
        say(model, "Decide one group first; then the same is offered for those that are alike.");
        return Vec::new();
    };
    if !can_repeat(&choice) {
        say(model, "Only a chosen reading, or counting all, can be repeated.");
        return Vec::new();
    }
    let view = AlikeView { group, proposals: None, reason: reason.into(), scroll: 0, is_sent: false };
    open_over(model, DeskOverlay::Alike(view));
    vec![ask(DuplicatesRequest::Alike { group, choice })]
}

/// Whether a decision can be repeated for other groups.
fn can_repeat(choice: &Choice) -> bool {
    matches!(choice, Choice::KeepAll) || matches!(choice, Choice::Use { readings } if readings.len() == 1)
}

fn open_over(model: &mut Model, desk: DeskOverlay) {
    overlay::open(model, Overlay::Desk(Box::new(desk)));
}

fn nothing(model: &mut Model) -> Vec<Effect> {
    say(model, "No group is selected.");
    Vec::new()
}

fn say(model: &mut Model, text: &str) {
    model.notice = Some(Notice { text: crate::text::clean(text), is_error: false });
}
