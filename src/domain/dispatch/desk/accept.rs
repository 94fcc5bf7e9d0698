//! What automatic sources tell: messages, taken once, replaced by id, kept even where they are not ours.

use jiff::SignedDuration;

use super::{
    super::{
        Event, EventState, Message, Source, TestKind, Wanted,
        event::{DEFAULT_PRIORITY, Happened, LOWEST_PRIORITY, MAX_AHEAD, MAX_LENGTH, MAX_METERS},
        grip::Moment,
        plan::{Asked, plan},
    },
    Desk, Held,
    advance::{merge_plan, on_mono, release},
};
use crate::domain::ids::ProgrammeId;

/// Events that are not over at once: more than any programme gives out.
pub const MAX_OPEN_EVENTS: usize = 10_000;
/// How long an event without an end may take where its programme does not say.
const LOCAL_CAP: SignedDuration = SignedDuration::from_hours(4);
/// The largest reduction of the Dispatch API, kW.
const MAX_KW: f64 = 100_000.0;

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The event's state; `None`: the message was not taken.
    pub state: Option<EventState>,
    /// Whether it changed anything.
    pub changed: bool,
    /// Why, where that is not plain.
    pub reason: Option<String>,
}

impl Desk {
    /// Takes a message in. `stored`: the event as the journal has it, where it is not in memory any more.
    pub fn message(&mut self, message: &Message, stored: Option<Event>, now: &Moment) -> Answer {
        message.source.word().clone_into(&mut self.who);
        let answer = self.message_of(message, stored, now);
        self.advance(now);
        super::SELF.clone_into(&mut self.who);
        let state = self.event(&message.id).map(|event| event.state);
        Answer { state: state.or(answer.state), ..answer }
    }

    fn message_of(&mut self, message: &Message, stored: Option<Event>, now: &Moment) -> Answer {
        let unchanged = |state, reason: &str| Answer {
            state: Some(state),
            changed: false,
            reason: (!reason.is_empty()).then(|| reason.to_owned()),
        };
        if let Some(reason) = wrong(message, now) {
            return Answer { state: None, changed: false, reason: Some(reason) };
        }
        let known = self.events.get(&message.id).map(|held| held.event.clone()).or(stored);
        match known {
            // Late and repeated messages about what is over: nothing is done twice.
            Some(event) if event.state.is_final() => unchanged(event.state, "it is over"),
            Some(event) if event.source == Source::Operator => {
                unchanged(event.state, "an operator's event has this id")
            }
            Some(event) if message.is_cancelled => {
                self.call_off(&event.id, "called off by its source", now);
                Answer { state: None, changed: true, reason: None }
            }
            Some(event) if is_same(&event, &self.build(message)) => unchanged(event.state, ""),
            Some(event) => {
                self.replace(&event, message, now);
                Answer { state: None, changed: true, reason: None }
            }
            None => self.take_in(message, now),
        }
    }

    fn take_in(&mut self, message: &Message, now: &Moment) -> Answer {
        let open = self.events.values().filter(|held| !held.event.state.is_final()).count();
        if open >= MAX_OPEN_EVENTS {
            let reason = Some(format!("{MAX_OPEN_EVENTS} events are open already"));
            return Answer { state: None, changed: false, reason };
        }
        let mut event = self.build(message);
        let asked = Asked { meters: &event.meters, wanted: event.wanted, start: event.start, end: event.end };
        let plan = plan(&self.site, &self.meters, asked);
        let is_ours = plan.is_ours();
        let (state, reason) = if message.is_cancelled {
            (EventState::Cancelled, None)
        } else if !is_ours {
            (EventState::Rejected, Some("not ours: no device".to_owned()))
        } else if message.test == TestKind::Integration {
            (EventState::Rejected, Some("TEST of the connection: moves nothing".to_owned()))
        } else if event.end <= now.wall {
            (EventState::Expired, Some("seen after its end".to_owned()))
        } else if let Some(why) = self.asks(message) {
            (EventState::Proposed, Some(why))
        } else {
            (EventState::Scheduled, None)
        };
        merge_plan(&mut event, &plan);
        if state.is_final() {
            event.actions.iter_mut().for_each(release);
        }
        (event.state, event.reason) = (state, reason.clone());
        self.add(event, &format!("received: {}", state.word()), now);
        Answer { state: Some(state), changed: true, reason }
    }

    /// Why a person has to confirm it; `None`: all of its programmes are armed.
    fn asks(&self, message: &Message) -> Option<String> {
        let armed = |programme: &String| self.programme(programme).is_some_and(|programme| programme.armed);
        if message.test == TestKind::Communication {
            Some("TEST that moves equipment: confirm it".to_owned())
        } else if message.is_voluntary {
            Some("voluntary: confirm it to take part".to_owned())
        } else if message.programmes.is_empty() || !message.programmes.iter().all(armed) {
            Some("its programme is not armed in the site file: confirm it".to_owned())
        } else {
            None
        }
    }

    fn programme(&self, written: &str) -> Option<&crate::domain::site::Programme> {
        self.site.programmes.get(&ProgrammeId::new(&written.to_ascii_lowercase()).ok()?)
    }

    /// The event that a message tells of, without what became of it.
    fn build(&self, message: &Message) -> Event {
        let caps = message.programmes.iter().filter_map(|programme| self.programme(programme));
        let cap = caps.map(|programme| programme.longest_without_end).min();
        let cap = cap.and_then(|cap| SignedDuration::try_from(cap).ok()).unwrap_or(LOCAL_CAP);
        Event {
            id: message.id.clone(),
            source: message.source,
            meters: message.meters.clone(),
            start: message.start,
            end: message.end.unwrap_or_else(|| message.start.saturating_add(cap).unwrap_or(message.start)),
            is_capped: message.end.is_none(),
            wanted: message.wanted,
            priority: if message.priority == 0 { DEFAULT_PRIORITY } else { message.priority.min(LOWEST_PRIORITY) },
            programmes: message.programmes.clone(),
            is_voluntary: message.is_voluntary,
            test: message.test,
            state: EventState::Proposed,
            reason: None,
            confirmed_by: None,
            actions: Vec::new(),
            left_out: Vec::new(),
            revision: 1,
        }
    }

    /// Replaces times and kW of an event that is not over; one that is under way adapts.
    fn replace(&mut self, known: &Event, message: &Message, now: &Moment) {
        let built = self.build(message);
        let asked = Asked { meters: &built.meters, wanted: built.wanted, start: built.start, end: built.end };
        let plan = plan(&self.site, &self.meters, asked);
        let (starts, ends) = on_mono(&built, now);
        let asks = self.asks(message).filter(|_| known.confirmed_by.is_none());
        let (id, is_later) = (known.id.clone(), built.start > now.wall);
        if !self.events.contains_key(&id) {
            // Only in the journal until now.
            self.events.insert(id.clone(), Held { event: known.clone(), starts, ends });
        }
        if let Some(held) = self.events.get_mut(&id) {
            (held.starts, held.ends) = (starts, ends);
        }
        self.change(&id, now, |event| {
            event.revision += 1;
            (event.meters, event.start, event.end) = (built.meters, built.start, built.end);
            (event.is_capped, event.wanted, event.priority) = (built.is_capped, built.wanted, built.priority);
            (event.programmes, event.is_voluntary, event.test) = (built.programmes, built.is_voluntary, built.test);
            if let (EventState::Scheduled, Some(why)) = (event.state, asks) {
                (event.state, event.reason) = (EventState::Proposed, Some(why));
            }
            if event.state == EventState::Active && is_later {
                event.actions.iter_mut().for_each(release);
                event.state = event.state.next(Happened::Postponed).unwrap_or(event.state);
            }
            merge_plan(event, &plan);
        });
    }

    /// Calls an event off, whatever it is doing.
    pub(super) fn call_off(&mut self, id: &crate::domain::programme::EventId, why: &str, now: &Moment) {
        self.change(id, now, |event| {
            if let Some(state) = event.state.next(Happened::CalledOff) {
                (event.state, event.reason) = (state, Some(why.to_owned()));
                event.actions.iter_mut().for_each(release);
            }
        });
    }
}

/// Why a message cannot be meant.
fn wrong(message: &Message, now: &Moment) -> Option<String> {
    let (start, end) = (message.start, message.end);
    if message.meters.is_empty() || message.meters.len() > MAX_METERS {
        return Some(format!("it has {} meters; 1 to {MAX_METERS} are possible", message.meters.len()));
    }
    if end.is_some_and(|end| end <= start) {
        return Some("it ends before it starts".to_owned());
    }
    if end.is_some_and(|end| end.duration_since(start) > MAX_LENGTH) {
        return Some(format!("it is longer than {} h", MAX_LENGTH.as_hours()));
    }
    if start.duration_since(now.wall) > MAX_AHEAD {
        return Some(format!("it starts more than {} days ahead", MAX_AHEAD.as_hours() / 24));
    }
    match message.wanted {
        Wanted::ReductionKw(kw) if !(kw > 0.0 && kw <= MAX_KW) => Some(format!("{kw} kW cannot be meant")),
        Wanted::LimitKw(kw) if !kw.is_finite() => Some("its limit is no number".to_owned()),
        _ => None,
    }
}

/// Whether a message says nothing new.
fn is_same(event: &Event, built: &Event) -> bool {
    event.meters == built.meters
        && (event.start, event.end, event.is_capped) == (built.start, built.end, built.is_capped)
        && event.wanted == built.wanted
        && event.priority == built.priority
        && event.programmes == built.programmes
        && (event.is_voluntary, event.test) == (built.is_voluntary, built.test)
}
