//! What time and answers bring about: events begin and end, devices are wanted at the strictest value, and let go.

use std::time::Duration;

use super::{
    super::{
        Action, ActionState, Event, EventState, Reason, WayBack,
        event::Happened,
        grip::{End, Grip, Input, Moment, Phase},
        interlock::{not_lower, strictness},
        plan::{Asked, Plan, plan},
    },
    Desk, Held, Subject,
};
use crate::domain::{ids::DeviceId, programme::EventId, site::Site};

/// Rounds of one advance: an event begins, its devices are armed, written; nothing takes more.
const MAX_ROUNDS: usize = 12;

/// The value at which a device is wanted, and by which event.
struct Wish {
    value: f64,
    owner: EventId,
}

impl Desk {
    /// Does all that is due, until nothing more comes of it.
    pub(super) fn advance(&mut self, now: &Moment) {
        for _ in 0..MAX_ROUNDS {
            let rows = self.out.rows.len();
            self.begin_and_end(now);
            self.wish(now);
            let is_due = self.due(now);
            self.complete(now);
            if self.out.rows.len() == rows && !is_due {
                break;
            }
        }
        self.tidy(now);
    }

    fn begin_and_end(&mut self, now: &Moment) {
        let mut begins = Vec::new();
        let mut expires = Vec::new();
        let mut ends = Vec::new();
        for (id, held) in &self.events {
            let event = &held.event;
            // Neither a clock that was put back nor one that was put forward makes an event longer, or begins it early.
            let is_over = now.mono >= held.ends;
            match event.state {
                EventState::Proposed | EventState::Scheduled if is_over => expires.push(id.clone()),
                EventState::Scheduled if self.operates && now.mono >= held.starts && now.wall >= event.start => {
                    begins.push(id.clone());
                }
                EventState::Active if is_over && event.actions.iter().any(|action| !action.is_released) => {
                    ends.push(id.clone());
                }
                _ => {}
            }
        }
        for id in expires {
            self.happened(&id, Happened::Ended, now);
        }
        for id in begins {
            self.begin(&id, now);
        }
        for id in ends {
            self.release(&id, now);
        }
    }

    /// An event's start has come: it is planned anew, so that a device that was added since is in it.
    fn begin(&mut self, id: &EventId, now: &Moment) {
        let Some(held) = self.events.get_mut(id) else { return };
        // On the clock that does not jump, whatever the other says by then.
        let left = Duration::try_from(held.event.end.duration_since(now.wall)).unwrap_or_default();
        held.ends = held.ends.min(now.mono + left);
        if held.ends <= now.mono {
            return self.happened(id, Happened::Ended, now);
        }
        let event = &held.event;
        let asked = Asked { meters: &event.meters, wanted: event.wanted, start: event.start, end: event.end };
        let plan = plan(&self.site, &self.meters, asked);
        self.change(id, now, |event| {
            merge_plan(event, &plan);
            if let Some(state) = event.state.next(Happened::Began) {
                event.state = state;
            }
        });
    }

    /// An event wants nothing more: its devices go back, unless another one holds them.
    pub(super) fn release(&mut self, id: &EventId, now: &Moment) {
        self.change(id, now, |event| {
            for action in &mut event.actions {
                release(action);
            }
        });
    }

    /// Tells each device what is wanted of it now.
    fn wish(&mut self, now: &Moment) {
        let mut devices: Vec<DeviceId> = Vec::new();
        for held in self.events.values().filter(|held| is_open_for(&held.event)) {
            devices
                .extend(held.event.actions.iter().filter(|action| !action.is_done).map(|action| action.device.clone()));
        }
        devices.sort_unstable();
        devices.dedup();
        for device in devices {
            let wish = self.strictest(&device, now);
            let grip = self.grips.get(&device);
            let (want, owner) = grip.map_or((None, None), |grip| (grip.want, grip.owner.as_ref()));
            match wish {
                Some(wish) if want != Some(wish.value) || owner != Some(&wish.owner) => {
                    let input = Input::Want { value: wish.value, owner: wish.owner };
                    self.grip_input(&device, &input, now);
                }
                None if want.is_some() => self.grip_input(&device, &Input::LetGo, now),
                _ => {}
            }
        }
    }

    /// The strictest of what the events want of a device now; at equal strictness that of the higher priority.
    fn strictest(&mut self, device: &DeviceId, now: &Moment) -> Option<Wish> {
        let site = std::sync::Arc::clone(&self.site);
        let control = site.devices.get(device)?.control.as_ref()?;
        let grip = self.grips.get(device).cloned().unwrap_or_default();
        let mut wishes: Vec<(f64, u8, EventId, f64, bool)> = Vec::new();
        for held in self.events.values().filter(|held| held.event.state == EventState::Active) {
            let begins = held.starts + start_after(device, &held.event.id, control.jitter);
            let wanted = held.event.actions.iter().find(|action| action.device == *device);
            if let Some(action) = wanted.filter(|action| is_wanted(action) && now.mono >= begins) {
                let value = action.command.value;
                let how = strictness(control, value);
                wishes.push((how, held.event.priority, held.event.id.clone(), value, action.is_begun));
            }
        }
        let before = grip.before.as_ref().and_then(|before| before.value).filter(|_| grip.is_held());
        let mut best: Option<(f64, u8, EventId, f64)> = None;
        for (how, priority, id, value, is_begun) in wishes {
            let refusal = if grip.phase == Phase::Conflict && !is_begun {
                Some(Reason::InConflict)
            } else {
                // While it is held, what it held before counts, not what it holds.
                before.and_then(|before| not_lower(control, before, value))
            };
            if let Some(reason) = refusal {
                self.change(&id, now, |event| skip(event, device, &reason));
                continue;
            }
            if !is_begun {
                self.change(&id, now, |event| {
                    event.actions.iter_mut().filter(|action| action.device == *device).for_each(|action| {
                        action.is_begun = true;
                    });
                });
            }
            let this = (how, priority, id, value);
            let is_better = best.as_ref().is_none_or(|best| {
                (this.0, this.1).partial_cmp(&(best.0, best.1)).is_some_and(std::cmp::Ordering::is_lt)
            });
            if is_better {
                best = Some(this);
            }
        }
        best.map(|(_, _, owner, value)| Wish { value, owner })
    }

    /// Gives the grips what is due; whether there was any.
    fn due(&mut self, now: &Moment) -> bool {
        let is_due = |grip: &Grip| grip.timing.due.is_some_and(|due| due <= now.mono);
        let due: Vec<DeviceId> =
            self.grips.iter().filter(|(_, grip)| is_due(grip)).map(|(device, _)| device.clone()).collect();
        for device in &due {
            self.grip_input(device, &Input::Due, now);
        }
        !due.is_empty()
    }

    /// Events that are over, and of which nothing is under way any more, are completed.
    fn complete(&mut self, now: &Moment) {
        let mut done = Vec::new();
        for (id, held) in self.events.iter().filter(|(_, held)| held.event.state == EventState::Active) {
            if now.mono < held.ends {
                continue;
            }
            let is_settled = |action: &Action| {
                let owner =
                    self.grips.get(&action.device).and_then(|grip| grip.owner.as_ref().filter(|_| grip.want.is_some()));
                !action.is_begun || action.is_settled(owner.is_some_and(|owner| owner != id))
            };
            if held.event.actions.iter().all(is_settled) {
                done.push(id.clone());
            }
        }
        for id in done {
            self.happened(&id, Happened::Settled, now);
        }
    }

    /// Puts an event on the desk, with a row.
    pub(super) fn add(&mut self, event: Event, what: &str, now: &Moment) {
        let (starts, ends) = on_mono(&event, now);
        let (id, is_open) = (event.id.clone(), super::is_open(&event));
        let kept = super::Kept::Event(Box::new(event.clone()));
        self.row(Subject::Event(id.clone()), what.to_owned(), kept, is_open, now);
        self.events.insert(id, Held { event, starts, ends });
    }
}

/// An event's times on the clock that never jumps.
pub(super) fn on_mono(event: &Event, now: &Moment) -> (Duration, Duration) {
    let at = |time: jiff::Timestamp| {
        let ahead = time.duration_since(now.wall);
        now.mono + Duration::try_from(ahead).unwrap_or_default()
    };
    (at(event.start), at(event.end))
}

/// When something is due of an event that is under way: starts that wait their time, and its end.
pub(super) fn times_of_active(held: &Held, site: &Site) -> Vec<Duration> {
    let waits = held.event.actions.iter().filter(|action| is_wanted(action) && !action.is_begun);
    let begins = waits.filter_map(|action| {
        let jittered = site.devices.get(&action.device)?.control.as_ref()?.jitter;
        Some(held.starts + start_after(&action.device, &held.event.id, jittered))
    });
    begins.chain([held.ends]).collect()
}

fn is_open_for(event: &Event) -> bool {
    event.state == EventState::Active || super::is_open(event)
}

/// Whether an action wants its device.
fn is_wanted(action: &Action) -> bool {
    !action.is_released && !action.is_done && !matches!(action.state, ActionState::Failed | ActionState::Skipped)
}

pub(super) fn release(action: &mut Action) {
    action.is_released = true;
    if !action.is_begun && !action.is_done {
        (action.state, action.is_done) = (ActionState::Skipped, true);
        action.reason.get_or_insert(Reason::CalledOff);
    }
}

fn skip(event: &mut Event, device: &DeviceId, reason: &Reason) {
    for action in event.actions.iter_mut().filter(|action| action.device == *device && !action.is_done) {
        (action.state, action.is_done) = (ActionState::Skipped, true);
        action.reason = Some(reason.clone());
    }
}

/// Takes a plan over into an event: new devices are added, others let go, commands changed. Of an operator's event only
/// what was confirmed is done.
pub(super) fn merge_plan(event: &mut Event, plan: &Plan) {
    let is_confirmed = event.source == super::super::Source::Operator;
    let mut left_out = plan.left_out.clone();
    let fresh = plan.to_actions();
    for action in &mut event.actions {
        match fresh.iter().find(|fresh| fresh.device == action.device) {
            Some(planned) if !action.is_released => {
                action.command = planned.command.clone();
                action.expected_kw = planned.expected_kw;
            }
            Some(_) => {}
            None => release(action),
        }
    }
    // A device that was let go entirely may be called again.
    let again = |action: &Action| action.is_released && action.is_done;
    for planned in fresh {
        let known = event.actions.iter_mut().find(|action| action.device == planned.device);
        match known {
            Some(action) if again(action) && !is_confirmed => *action = planned,
            Some(_) => {}
            None if is_confirmed => left_out.push(super::super::LeftOut {
                device: Some(planned.device),
                meter: planned.meter,
                reason: Reason::NotConfirmedPlan,
            }),
            None => event.actions.push(planned),
        }
    }
    event.left_out = left_out;
}

/// Carries over to an action what became of its device.
pub(super) fn follow(action: &mut Action, grip: &Grip, end: Option<&End>, event: &EventId) {
    if grip.before.is_some() {
        action.before.clone_from(&grip.before);
    }
    if grip.held.is_some() {
        action.read_back.clone_from(&grip.held);
    }
    if let Some(end) = end {
        return conclude(action, end);
    }
    let has_failed = action.state == ActionState::Failed || (grip.has_failed && is_wanted(action));
    if has_failed {
        if action.state != ActionState::Failed {
            action.state = ActionState::Failed;
            action.reason.clone_from(&grip.reason);
        }
        action.way_back = Some(match grip.phase {
            Phase::Pending => WayBack::Pending,
            Phase::Conflict => WayBack::Conflict,
            _ => WayBack::Restoring,
        });
        return;
    }
    let owner = grip.owner.as_ref().filter(|owner| *owner != event && grip.want.is_some());
    if let (true, Some(owner)) = (action.is_released, owner) {
        (action.state, action.reason) = (ActionState::Restoring, Some(Reason::HeldBy { event: owner.clone() }));
        return;
    }
    action.state = match grip.phase {
        Phase::Free | Phase::Arming => ActionState::Planned,
        Phase::Armed => ActionState::Armed,
        Phase::Operating => ActionState::Operating,
        Phase::Holding => ActionState::Holding,
        Phase::Restoring => ActionState::Restoring,
        Phase::Pending => ActionState::RestorePending,
        Phase::Conflict => ActionState::Conflict,
    };
    action.reason = grip.reason.clone().or_else(|| owner.map(|owner| Reason::HeldBy { event: owner.clone() }));
}

/// A device's grip has ended.
fn conclude(action: &mut Action, end: &End) {
    action.is_done = true;
    let has_failed = action.state == ActionState::Failed;
    match end {
        End::Refused(reason) => (action.state, action.reason) = (ActionState::Skipped, Some(reason.clone())),
        End::CalledOff => (action.state, action.reason) = (ActionState::Skipped, Some(Reason::CalledOff)),
        End::Restored if has_failed => action.way_back = Some(WayBack::Restored),
        End::Restored => {
            (action.state, action.way_back) = (ActionState::Restored, Some(WayBack::Restored));
            action.reason = action.reason.take().filter(|reason| matches!(reason, Reason::Reasserted { .. }));
        }
        End::Left(who) => {
            action.way_back = Some(WayBack::Left);
            if !has_failed {
                (action.state, action.reason) = (ActionState::Conflict, Some(Reason::Left { who: who.clone() }));
            }
        }
    }
}

/// How much later than its event a device begins: even over the whole of what it may be, and always the same for one device
/// and event. FNV-1a, then the finaliser of SplitMix64.
pub fn start_after(device: &DeviceId, event: &EventId, most: Option<Duration>) -> Duration {
    let Some(most) = most else { return Duration::ZERO };
    let bytes = device.as_str().bytes().chain([0]).chain(event.as_str().bytes());
    let hash =
        bytes.fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3));
    let mixed = (hash ^ (hash >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    let mixed = mixed ^ (mixed >> 31);
    most.mul_f64(mixed as f64 / u64::MAX as f64)
}
