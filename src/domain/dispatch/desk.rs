//! The desk: every event and every grip, and what comes of an input (pure).
//!
//! Whoever owns it gives it inputs, takes its [`Outcome`], puts the rows on disk, and only then begins the jobs.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    ActionState, Event, EventState, WayBack,
    event::Happened,
    grip::{self, Grip, Input, Moment, Phase, Report, Work},
};
use crate::domain::{
    ids::DeviceId,
    programme::{EventId, ProgrammeMeter, ProgrammeMeterId},
    site::{Control, Site},
};

mod accept;
mod advance;
mod people;
mod recover;

pub use accept::{Answer, MAX_OPEN_EVENTS};
pub use advance::start_after;
pub use people::{Planned, Refusal, SELECT_VALID};

/// Events that are over and stay in memory, for the list: the others are in the journal.
pub const MAX_ENDED_EVENTS: usize = 200;
/// A difference of the two clocks that is a jump.
const JUMP: Duration = Duration::from_secs(2);
/// Who does what nobody asked for at that moment.
pub const SELF: &str = "meterdeck";

/// What a row of the journal is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// An event.
    Event(EventId),
    /// The grip on a device.
    Device(DeviceId),
}

/// The state after a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kept {
    /// Of an event.
    Event(Box<Event>),
    /// Of the grip on a device.
    Grip(Box<Grip>),
}

/// A row of the journal.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What it is about.
    pub subject: Subject,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub who: String,
    /// The transition, in words.
    pub what: String,
    /// The state after it.
    pub kept: Kept,
    /// Whether something is still to be done about its subject: what a crash must not forget.
    pub is_open: bool,
}

/// Work for a device.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// The device.
    pub device: DeviceId,
    /// To be given back with the report.
    pub ticket: u64,
    /// What to do.
    pub work: Work,
}

/// What an input comes to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    /// To be stored, in this order.
    pub rows: Vec<Row>,
    /// To be done after that.
    pub jobs: Vec<Job>,
}

/// An event and its times on the clock that never jumps.
#[derive(Debug, Clone)]
struct Held {
    event: Event,
    starts: Duration,
    ends: Duration,
}

/// Everything that dispatch knows.
#[derive(Debug)]
pub struct Desk {
    site: Arc<Site>,
    meters: Arc<BTreeMap<ProgrammeMeterId, ProgrammeMeter>>,
    operates: bool,
    events: BTreeMap<EventId, Held>,
    grips: BTreeMap<DeviceId, Grip>,
    selects: BTreeMap<String, people::Select>,
    /// Of the last event of an operator, and of the last select.
    numbers: (u64, u64),
    /// The last moment, and how far the wall clock has jumped since the program began.
    last: Option<Moment>,
    jumped_ms: i64,
    /// Whoever asked for what is being done.
    who: String,
    out: Outcome,
}

impl Desk {
    /// A desk that knows of nothing. `operates`: it starts events; else it only puts back what was left behind.
    pub fn new(site: Arc<Site>, meters: Arc<BTreeMap<ProgrammeMeterId, ProgrammeMeter>>, operates: bool) -> Self {
        Self {
            site,
            meters,
            operates,
            events: BTreeMap::new(),
            grips: BTreeMap::new(),
            selects: BTreeMap::new(),
            numbers: (0, 0),
            last: None,
            jumped_ms: 0,
            who: SELF.to_owned(),
            out: Outcome::default(),
        }
    }

    /// The programme meters as they are from now on.
    pub fn set_meters(&mut self, meters: Arc<BTreeMap<ProgrammeMeterId, ProgrammeMeter>>) {
        self.meters = meters;
    }

    /// What the inputs since the last time came to.
    pub fn take(&mut self) -> Outcome {
        std::mem::take(&mut self.out)
    }

    /// An event that is in memory.
    pub fn event(&self, id: &EventId) -> Option<&Event> {
        self.events.get(id).map(|held| &held.event)
    }

    /// The events in memory, the latest first.
    pub fn events(&self) -> Vec<&Event> {
        let mut events: Vec<&Event> = self.events.values().map(|held| &held.event).collect();
        events.sort_by(|one, other| other.start.cmp(&one.start).then_with(|| one.id.cmp(&other.id)));
        events
    }

    /// The grips, by device.
    pub fn grips(&self) -> &BTreeMap<DeviceId, Grip> {
        &self.grips
    }

    /// Whether it starts events.
    pub fn operates(&self) -> bool {
        self.operates
    }

    /// How far the wall clock has jumped since the program began, ms.
    pub fn jumped_ms(&self) -> i64 {
        self.jumped_ms
    }

    /// Whether work with this ticket is still what is wanted.
    pub fn is_wanted(&self, device: &DeviceId, ticket: u64) -> bool {
        self.grips.get(device).is_some_and(|grip| grip.timing.ticket == ticket)
    }

    /// Tells what came of a job.
    pub fn report(&mut self, device: &DeviceId, ticket: u64, report: Report, now: &Moment) {
        self.grip_input(device, &Input::Report { ticket, report }, now);
        self.advance(now);
    }

    /// Tells that time has passed.
    pub fn tick(&mut self, now: &Moment) {
        self.note_jump(now);
        self.advance(now);
    }

    /// When something is due next, on the clock that never jumps; what waits for the wall clock is looked at every second.
    pub fn next_due(&self) -> Option<Duration> {
        let grips = self.grips.values().filter_map(|grip| grip.timing.due);
        let events = self.events.values().flat_map(|held| match held.event.state {
            EventState::Proposed => vec![held.ends],
            EventState::Scheduled => vec![held.starts, held.ends],
            EventState::Active => advance::times_of_active(held, &self.site),
            _ => Vec::new(),
        });
        let last = self.last.map(|last| last.mono);
        grips.chain(events.filter(|due| last.is_none_or(|last| *due > last))).min()
    }

    fn control(&self, device: &DeviceId) -> Option<&Control> {
        self.site.devices.get(device)?.control.as_ref()
    }

    /// Gives a grip an input; a change of it is a row, and what is to be done a job.
    fn grip_input(&mut self, device: &DeviceId, input: &Input, now: &Moment) {
        let site = Arc::clone(&self.site);
        let Some(control) = site.devices.get(device).and_then(|device| device.control.as_ref()) else { return };
        let before = self.grips.get(device).cloned().unwrap_or_default();
        let (after, work) = grip::next(&before, input, control, now);
        if after.mark() != before.mark() {
            let is_open = after.phase != Phase::Free;
            let kept = Kept::Grip(Box::new(after.clone()));
            self.row(Subject::Device(device.clone()), grip_words(&before, &after), kept, is_open, now);
        }
        if let Some(work) = work {
            self.out.jobs.retain(|job| job.device != *device);
            self.out.jobs.push(Job { device: device.clone(), ticket: after.timing.ticket, work });
        }
        self.grips.insert(device.clone(), after);
        self.sync(device, now);
    }

    fn row(&mut self, subject: Subject, what: String, kept: Kept, is_open: bool, now: &Moment) {
        self.out.rows.push(Row { subject, at: now.wall, who: self.who.clone(), what, kept, is_open });
    }

    /// Changes an event; what is more than a look at a device is a row.
    fn change(&mut self, id: &EventId, now: &Moment, change: impl FnOnce(&mut Event)) {
        let Some(held) = self.events.get_mut(id) else { return };
        let before = event_mark(&held.event);
        change(&mut held.event);
        let after = event_mark(&held.event);
        if before != after {
            let (event, is_open) = (held.event.clone(), is_open(&held.event));
            let what = event_words(&before, &after);
            self.row(Subject::Event(id.clone()), what, Kept::Event(Box::new(event)), is_open, now);
        }
    }

    fn happened(&mut self, id: &EventId, happened: Happened, now: &Moment) {
        self.change(id, now, |event| {
            if let Some(state) = event.state.next(happened) {
                event.state = state;
            }
        });
    }

    /// Carries over to the actions of a device what became of it.
    fn sync(&mut self, device: &DeviceId, now: &Moment) {
        let Some(grip) = self.grips.get_mut(device) else { return };
        let end = grip.end.take();
        let grip = grip.clone();
        let concerned = |held: &&Held| {
            held.event.actions.iter().any(|action| action.device == *device && action.is_begun && !action.is_done)
        };
        let ids: Vec<EventId> = self.events.values().filter(concerned).map(|held| held.event.id.clone()).collect();
        for id in ids {
            self.change(&id, now, |event| {
                let of_device = |action: &&mut super::Action| action.device == *device && action.is_begun;
                for action in event.actions.iter_mut().filter(of_device).filter(|action| !action.is_done) {
                    advance::follow(action, &grip, end.as_ref(), &id);
                }
            });
        }
    }

    /// Notes how far the two clocks have moved apart.
    fn note_jump(&mut self, now: &Moment) {
        if let Some(last) = self.last {
            let wall = now.wall.duration_since(last.wall).as_millis();
            let mono = now.mono.saturating_sub(last.mono).as_millis().cast_signed();
            let apart = wall - mono;
            if apart.unsigned_abs() >= JUMP.as_millis() {
                self.jumped_ms = self.jumped_ms.saturating_add(i64::try_from(apart).unwrap_or(i64::MAX));
            }
        }
        self.last = Some(*now);
    }

    /// Forgets events that are long over, and selects that are too old.
    fn tidy(&mut self, now: &Moment) {
        self.selects.retain(|_, select| select.until > now.mono);
        let mut ended: Vec<(Timestamp, EventId)> = self
            .events
            .values()
            .filter(|held| !is_open(&held.event))
            .map(|held| (held.event.end, held.event.id.clone()))
            .collect();
        if ended.len() > MAX_ENDED_EVENTS {
            ended.sort_unstable();
            let more = ended.len() - MAX_ENDED_EVENTS;
            for (_, id) in ended.into_iter().take(more) {
                self.events.remove(&id);
            }
        }
    }
}

/// Whether something of an event is still to come.
fn is_open(event: &Event) -> bool {
    !event.state.is_final() || event.actions.iter().any(|action| action.is_begun && !action.is_done)
}

/// The part of an event that makes a row when it changes: not what was only read.
fn event_mark(event: &Event) -> Event {
    let mut event = event.clone();
    for action in &mut event.actions {
        action.read_back = None;
    }
    event
}

fn event_words(before: &Event, after: &Event) -> String {
    let mut words = Vec::new();
    if before.state != after.state {
        words.push(format!("{} -> {}", before.state.word(), after.state.word()));
    }
    if before.revision != after.revision {
        words.push(format!("revision {}", after.revision));
    }
    for action in &after.actions {
        let old = before.actions.iter().find(|old| old.device == action.device);
        let state = old.map_or(ActionState::Planned, |old| old.state);
        if state != action.state {
            words.push(format!("{}: {} -> {}", action.device, state.word(), action.state.word()));
        } else if old.is_some_and(|old| old.way_back != action.way_back) {
            words.push(format!("{}: way back {}", action.device, action.way_back.map_or("", WayBack::word)));
        }
    }
    if words.is_empty() { "changed".to_owned() } else { words.join(", ") }
}

fn grip_words(before: &Grip, after: &Grip) -> String {
    let phase = |phase: Phase| match phase {
        Phase::Free => "free",
        Phase::Arming => "arming",
        Phase::Armed => "armed",
        Phase::Operating => "operating",
        Phase::Holding => "holding",
        Phase::Restoring => "restoring",
        Phase::Pending => "restore pending",
        Phase::Conflict => "conflict",
    };
    let (from, to) = (phase(before.phase), phase(after.phase));
    let step = if from == to { from.to_owned() } else { format!("{from} -> {to}") };
    let write = match (&after.before, after.written) {
        _ if after.usage.writes <= before.usage.writes => String::new(),
        (Some(held), _) if after.is_returning => format!(", writes back {:?}", held.words),
        (_, Some(value)) => format!(", writes {value}"),
        _ => String::new(),
    };
    let reason = after.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    step + &write + &reason
}
