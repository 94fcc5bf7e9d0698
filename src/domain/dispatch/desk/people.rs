//! What people ask: plan, confirm, call off, decide.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{
    super::{
        Draft, Event, EventState, Plan, Source, TestKind,
        event::{DEFAULT_PRIORITY, Happened, MAX_AHEAD, MAX_LENGTH, MAX_METERS},
        grip::{Input, Moment, Phase},
        plan::{Asked, plan},
    },
    Desk,
};
use crate::domain::{ids::DeviceId, programme::EventId};

/// How long a plan may be confirmed after it was shown (IEC 61850 calls it the select's time-out).
pub const SELECT_VALID: Duration = Duration::from_secs(30);
/// Plans that are shown at once; the oldest is forgotten.
const MAX_SELECTS: usize = 64;
/// A start so little in the past is now: somebody typed it.
const JUST_NOW: SignedDuration = SignedDuration::from_secs(60);

/// A plan that was shown, and may be confirmed for a while.
#[derive(Debug, Clone)]
pub(super) struct Select {
    subject: Selected,
    plan: Plan,
    pub(super) until: Duration,
}

#[derive(Debug, Clone, PartialEq)]
enum Selected {
    Draft(Draft),
    Event(EventId, u32),
}

/// A plan, and what confirms it.
#[derive(Debug, Clone, PartialEq)]
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// When it begins.
    pub start: Timestamp,
    /// When it is over.
    pub end: Timestamp,
    /// Confirms it, once, for [`SELECT_VALID`].
    pub select: String,
}

/// Why something that a person asked is not done, as a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such thing.
    NotFound(String),
    /// It cannot be done as it is.
    Invalid(String),
    /// Not by this service.
    NotHere,
}

impl Desk {
    /// What a draft would do. Moves nothing.
    ///
    /// # Errors
    /// Times and meters that cannot be.
    pub fn plan(&mut self, draft: &Draft, now: &Moment) -> Result<Planned, Refusal> {
        let (start, end) = self.check(draft, now)?;
        let plan = plan(&self.site, &self.meters, Asked { meters: &draft.meters, wanted: draft.wanted, start, end });
        let select = self.select(Selected::Draft(draft.clone()), plan.clone(), now);
        Ok(Planned { plan, start, end, select })
    }

    /// What a proposed event would do.
    ///
    /// # Errors
    /// An event that there is not, or that is not proposed.
    pub fn review(&mut self, id: &EventId, now: &Moment) -> Result<Planned, Refusal> {
        let event = self.proposed(id)?.clone();
        let asked = Asked { meters: &event.meters, wanted: event.wanted, start: event.start, end: event.end };
        let plan = plan(&self.site, &self.meters, asked);
        let select = self.select(Selected::Event(id.clone(), event.revision), plan.clone(), now);
        Ok(Planned { plan, start: event.start, end: event.end, select })
    }

    /// Starts what was planned: at its start, or at once.
    ///
    /// # Errors
    /// A plan that is too old, was confirmed already, or is another one by now.
    pub fn start(&mut self, draft: &Draft, select: &str, who: &str, now: &Moment) -> Result<EventId, Refusal> {
        if !self.operates {
            return Err(Refusal::NotHere);
        }
        let select = self.selected(select, &Selected::Draft(draft.clone()), now)?;
        let (start, end) = self.check(draft, now)?;
        let plan = plan(&self.site, &self.meters, Asked { meters: &draft.meters, wanted: draft.wanted, start, end });
        if plan != select.plan {
            return Err(Refusal::Invalid("The plan is another one by now; look at it again.".to_owned()));
        }
        if plan.actions.is_empty() {
            return Err(Refusal::Invalid(moves_nothing(&plan)));
        }
        self.numbers.0 += 1;
        let id = EventId::new(&format!("op-{}", self.numbers.0));
        let id = id.ok_or_else(|| Refusal::Invalid("No id.".to_owned()))?;
        who.clone_into(&mut self.who);
        let event = Event {
            id: id.clone(),
            source: Source::Operator,
            meters: draft.meters.clone(),
            start,
            end,
            is_capped: false,
            wanted: draft.wanted,
            priority: DEFAULT_PRIORITY,
            programmes: Vec::new(),
            is_voluntary: false,
            test: TestKind::None,
            state: EventState::Scheduled,
            reason: None,
            confirmed_by: Some(who.to_owned()),
            actions: plan.to_actions(),
            left_out: plan.left_out,
            revision: 1,
        };
        self.add(event, "confirmed: scheduled", now);
        self.asked(now);
        Ok(id)
    }

    /// Confirms a proposed event.
    ///
    /// # Errors
    /// As of [`start`](Self::start).
    pub fn confirm(&mut self, id: &EventId, select: &str, who: &str, now: &Moment) -> Result<(), Refusal> {
        if !self.operates {
            return Err(Refusal::NotHere);
        }
        let revision = self.proposed(id)?.revision;
        let select = self.selected(select, &Selected::Event(id.clone(), revision), now)?;
        let event = self.proposed(id)?;
        let asked = Asked { meters: &event.meters, wanted: event.wanted, start: event.start, end: event.end };
        if plan(&self.site, &self.meters, asked) != select.plan {
            return Err(Refusal::Invalid("The plan is another one by now; look at it again.".to_owned()));
        }
        if select.plan.actions.is_empty() {
            return Err(Refusal::Invalid(moves_nothing(&select.plan)));
        }
        who.clone_into(&mut self.who);
        self.change(id, now, |event| {
            if let Some(state) = event.state.next(Happened::Confirmed) {
                (event.state, event.reason, event.confirmed_by) = (state, None, Some(who.to_owned()));
            }
        });
        self.asked(now);
        Ok(())
    }

    /// Calls an event off; what it holds goes back.
    ///
    /// # Errors
    /// An event that there is not, or that is over.
    pub fn cancel(&mut self, id: &EventId, who: &str, now: &Moment) -> Result<(), Refusal> {
        let event = self.event(id).ok_or_else(|| not_found(id))?;
        if event.state.is_final() {
            return Err(Refusal::Invalid(format!("The event {id} is {} already.", event.state.word())));
        }
        who.clone_into(&mut self.who);
        self.call_off(id, &format!("called off by {who}"), now);
        self.asked(now);
        Ok(())
    }

    /// Calls every active event off; those that were.
    pub fn abort(&mut self, who: &str, now: &Moment) -> Vec<EventId> {
        let active = |id: &&EventId| self.event(id).is_some_and(|event| event.state == EventState::Active);
        let ids: Vec<EventId> = self.events.keys().filter(active).cloned().collect();
        who.clone_into(&mut self.who);
        for id in &ids {
            self.call_off(id, &format!("aborted by {who}"), now);
        }
        self.asked(now);
        ids
    }

    /// Decides about a device that somebody else has set.
    ///
    /// # Errors
    /// A device that nobody else has set.
    pub fn resolve(&mut self, device: &DeviceId, restore: bool, who: &str, now: &Moment) -> Result<(), Refusal> {
        if self.grips.get(device).is_none_or(|grip| grip.phase != Phase::Conflict) {
            return Err(Refusal::NotFound(format!("There is no conflict about the device {device}.")));
        }
        who.clone_into(&mut self.who);
        // Whoever decides about the device takes it out of its events.
        let ids: Vec<EventId> = self.events.keys().cloned().collect();
        for id in ids {
            self.change(&id, now, |event| {
                let of_device = event.actions.iter_mut().filter(|action| action.device == *device && action.is_begun);
                of_device.for_each(|action| action.is_released = true);
            });
        }
        self.grip_input(device, &Input::Decide { restore, who: who.to_owned() }, now);
        self.asked(now);
        Ok(())
    }

    /// Does what follows from what a person asked.
    fn asked(&mut self, now: &Moment) {
        self.advance(now);
        super::SELF.clone_into(&mut self.who);
    }

    fn proposed(&self, id: &EventId) -> Result<&Event, Refusal> {
        let event = self.event(id).ok_or_else(|| not_found(id))?;
        if event.state == EventState::Proposed {
            Ok(event)
        } else {
            Err(Refusal::Invalid(format!(
                "The event {id} is {}; only a proposed one is confirmed.",
                event.state.word()
            )))
        }
    }

    fn select(&mut self, subject: Selected, plan: Plan, now: &Moment) -> String {
        self.tidy(now);
        while self.selects.len() >= MAX_SELECTS {
            let oldest = self.selects.iter().min_by_key(|(_, select)| select.until).map(|(name, _)| name.clone());
            let Some(oldest) = oldest else { break };
            self.selects.remove(&oldest);
        }
        self.numbers.1 += 1;
        let name = format!("select-{}", self.numbers.1);
        self.selects.insert(name.clone(), Select { subject, plan, until: now.mono + SELECT_VALID });
        name
    }

    /// Takes a select, which is good for once.
    fn selected(&mut self, name: &str, subject: &Selected, now: &Moment) -> Result<Select, Refusal> {
        let select = self.selects.remove(name).filter(|select| select.until > now.mono);
        let select = select.ok_or_else(|| {
            Refusal::Invalid("The plan was shown too long ago, or confirmed already; look at it again.".to_owned())
        })?;
        if select.subject == *subject {
            Ok(select)
        } else {
            Err(Refusal::Invalid("What is confirmed is not what was planned.".to_owned()))
        }
    }

    /// Start and end of a draft.
    fn check(&self, draft: &Draft, now: &Moment) -> Result<(Timestamp, Timestamp), Refusal> {
        let invalid = |message: String| Err(Refusal::Invalid(message));
        if draft.meters.is_empty() || draft.meters.len() > MAX_METERS {
            return invalid(format!("A dispatch is for 1 to {MAX_METERS} programme meters."));
        }
        if let Some(unknown) = draft.meters.iter().find(|meter| !self.meters.contains_key(meter)) {
            return Err(Refusal::NotFound(format!("There is no programme meter `{unknown}`: not ours.")));
        }
        let start = match draft.start {
            Some(start) if start < now.wall.saturating_sub(JUST_NOW).unwrap_or(Timestamp::MIN) => {
                return invalid(format!("The start {start} is in the past."));
            }
            Some(start) if start.duration_since(now.wall) > MAX_AHEAD => {
                return invalid(format!("The start is more than {} days ahead.", MAX_AHEAD.as_hours() / 24));
            }
            start => start.unwrap_or(now.wall).max(now.wall),
        };
        let length = SignedDuration::try_from(draft.duration).unwrap_or(SignedDuration::MAX);
        if length.is_zero() || length > MAX_LENGTH {
            return invalid(format!("A dispatch lasts more than nothing, and at most {} h.", MAX_LENGTH.as_hours()));
        }
        if let super::super::Wanted::LimitKw(kw) | super::super::Wanted::ReductionKw(kw) = draft.wanted
            && !kw.is_finite()
        {
            return invalid("A limit is a number.".to_owned());
        }
        Ok((start, start.saturating_add(length).unwrap_or(start)))
    }
}

fn not_found(id: &EventId) -> Refusal {
    Refusal::NotFound(format!("There is no event `{id}`."))
}

fn moves_nothing(plan: &Plan) -> String {
    let reasons = plan.left_out.iter().map(|left| {
        let what = left.device.as_ref().map_or_else(|| left.meter.to_string(), ToString::to_string);
        format!("{what}: {}", left.reason)
    });
    let reasons: Vec<String> = reasons.take(10).collect();
    format!("Nothing would move. {}.", reasons.join("; "))
}
