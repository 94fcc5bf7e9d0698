//! What a crash, a power cut or a stop left behind: read from the journal, looked at on the devices, continued or put back.

use super::{
    super::{
        Action, ActionState, Event, EventState,
        grip::{Grip, Input, Moment, Phase},
    },
    Desk, Held, Kept, Subject,
    advance::{on_mono, release},
};
use crate::domain::{ids::DeviceId, programme::EventId};

impl Desk {
    /// Takes over what the journal says last of each subject, and begins to look. Once, before anything else.
    pub fn recover(&mut self, kept: Vec<(Subject, Kept)>, last_number: u64, now: &Moment) {
        self.note_jump(now);
        self.numbers.0 = last_number;
        let mut grips: Vec<(DeviceId, Grip)> = Vec::new();
        for (subject, kept) in kept {
            match (subject, kept) {
                (Subject::Event(id), Kept::Event(event)) => {
                    let (starts, ends) = on_mono(&event, now);
                    self.events.insert(id, Held { event: *event, starts, ends });
                }
                (Subject::Device(device), Kept::Grip(grip)) => grips.push((device, *grip)),
                _ => {}
            }
        }
        for (device, grip) in grips {
            self.grips.insert(device, grip);
        }
        if !self.operates {
            self.put_all_back(now);
        }
        self.begin_anew(now);
        let held: Vec<DeviceId> =
            self.grips.iter().filter(|(_, grip)| grip.phase != Phase::Free).map(|(device, _)| device.clone()).collect();
        for device in held {
            self.take_up(&device, now);
        }
        self.advance(now);
    }

    /// A service that does not operate holds nothing: active events are called off, so that everything goes back.
    fn put_all_back(&mut self, now: &Moment) {
        let active = |held: &&Held| held.event.state == EventState::Active;
        let ids: Vec<EventId> = self.events.values().filter(active).map(|held| held.event.id.clone()).collect();
        for id in ids {
            self.call_off(&id, "put back: the service that held it has gone", now);
        }
    }

    /// Actions of which nothing was written begin anew, or are called off.
    fn begin_anew(&mut self, now: &Moment) {
        let not_written: Vec<DeviceId> = self
            .grips
            .iter()
            .filter(|(_, grip)| matches!(grip.phase, Phase::Arming | Phase::Armed))
            .map(|(device, _)| device.clone())
            .collect();
        for device in not_written {
            let ids: Vec<EventId> = self.events.keys().cloned().collect();
            for id in ids {
                self.change(&id, now, |event| anew(event, &device));
            }
        }
    }

    /// A device that is held: looked at, and put back where no event wants it any more.
    fn take_up(&mut self, device: &DeviceId, now: &Moment) {
        if self.control(device).is_none() {
            // No longer in the site file: nothing can be asked of it. It stays in the journal, and open.
            return;
        }
        let is_wanted = self.events.values().any(|held| {
            let runs = held.event.state == EventState::Active && held.ends > now.mono;
            runs && held.event.actions.iter().any(|action| action.device == *device && !action.is_released)
        });
        self.grip_input(device, &Input::Recover, now);
        if !is_wanted {
            self.grip_input(device, &Input::LetGo, now);
        }
    }
}

fn anew(event: &mut Event, device: &DeviceId) {
    let begun = |action: &&mut Action| action.device == *device && action.is_begun && !action.is_done;
    for action in event.actions.iter_mut().filter(begun) {
        action.is_begun = false;
        action.state = ActionState::Planned;
        if action.is_released {
            release(action);
        }
    }
}
