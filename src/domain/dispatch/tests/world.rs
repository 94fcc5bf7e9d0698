//! A site of simulated devices in virtual time, its journal, and the desk, which may crash.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

use super::super::{
    Draft, EventState, Message, SetPoint, Source, TestKind, Wanted,
    desk::{Desk, Kept, Row, Subject},
    grip::{Moment, Phase, Report, Work, Wrote},
};
use crate::domain::{
    ids::DeviceId,
    programme::{EventId, ProgrammeMeter, ProgrammeMeterId, ProgrammeMeterType},
    site::Site,
};

/// What devices hold at first.
pub(super) const BASE: u16 = 200;
/// The most that a device may be told.
pub(super) const MAX: u16 = 300;

/// How a device takes a write.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Manner {
    Good,
    Ignores,
    Clamps(u16),
    Late(Duration),
    Refuses,
    LosesAnswers,
    Silent,
}

pub(super) struct Device {
    pub(super) held: u16,
    /// What it holds without us.
    pub(super) base: u16,
    pub(super) manner: Manner,
    pub(super) is_away: bool,
    pub(super) writes: Vec<u16>,
    late: Vec<(Duration, u16)>,
    free_at: Duration,
    /// Since when it holds what somebody else has set over ours.
    foreign: Option<Duration>,
}

struct Running {
    at: Duration,
    device: DeviceId,
    ticket: u64,
    work: Work,
    /// Of which life of the desk.
    life: u32,
}

pub(super) struct World {
    pub(super) site: Arc<Site>,
    meters: Arc<BTreeMap<ProgrammeMeterId, ProgrammeMeter>>,
    pub(super) desk: Option<Desk>,
    pub(super) devices: BTreeMap<DeviceId, Device>,
    pub(super) now: Duration,
    /// Added to the wall clock.
    pub(super) wall_off: SignedDuration,
    pub(super) rows: Vec<Row>,
    running: Vec<Running>,
    life: u32,
    pub(super) random: fastrand::Rng,
    pub(super) broken: Vec<String>,
    ended: BTreeMap<EventId, EventState>,
    /// The last row of each subject.
    last: BTreeMap<Subject, Kept>,
    /// What rows say is written, by device: a value, or the words of the way back.
    named: BTreeSet<(DeviceId, String)>,
}

pub(super) fn device(id: &str) -> DeviceId {
    DeviceId::new(id).unwrap()
}

pub(super) fn meter(id: &str) -> ProgrammeMeterId {
    ProgrammeMeterId::new(id).unwrap()
}

pub(super) const SITE: &str = r#"
[site]
name = "S"
time_zone = "UTC"
currency = "EUR"
[programme.cca]
armed = true
[customer_site.north]
[customer_site.south]
[device.a]
protocol = "modbus-tcp"
address = "10.0.0.1:502"
unit = 1
[device.a.control]
customer_site = "north"
expected_kw = 20
limit = { address = 1, type = "u16", unit = "kW", scale = 0.1, min = 0, max = 30, step = 0.1 }
curtail = 0
volatile = true
[device.b]
protocol = "modbus-tcp"
address = "10.0.0.2:502"
unit = 1
[device.b.control]
customer_site = "north"
expected_kw = 20
limit = { address = 1, type = "u16", unit = "kW", scale = 0.1, min = 0, max = 30, step = 0.1 }
curtail = 0
volatile = true
revert_timer = { address = 9, unit = "s", value = 120 }
[device.c]
protocol = "modbus-tcp"
address = "10.0.0.3:502"
unit = 1
[device.c.control]
customer_site = "south"
expected_kw = 20
limit = { address = 1, type = "u16", unit = "kW", scale = 0.1, min = 0, max = 30, step = 0.1 }
curtail = 0
jitter = "20s"
"#;

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let site = Arc::new(crate::config::parse("site.toml", SITE).unwrap().site);
        let types = [
            ("site-n", ProgrammeMeterType::UtilityMeter, "north"),
            ("site-s", ProgrammeMeterType::UtilityMeter, "south"),
            ("dev-a", ProgrammeMeterType::Device, "a"),
            ("dev-b", ProgrammeMeterType::Device, "north:b"),
        ];
        let meters = types.map(|(id, meter_type, reference)| {
            let partner_reference = Some(reference.to_owned());
            (meter(id), ProgrammeMeter { id: meter(id), meter_type, partner_reference, is_archived: false })
        });
        let devices = site.devices.keys().map(|id| (id.clone(), Device::new())).collect();
        let meters = Arc::new(BTreeMap::from(meters));
        let mut world = Self {
            desk: Some(Desk::new(Arc::clone(&site), Arc::clone(&meters), true)),
            site,
            meters,
            devices,
            now: Duration::from_secs(1),
            wall_off: SignedDuration::ZERO,
            rows: Vec::new(),
            running: Vec::new(),
            life: 0,
            random: fastrand::Rng::with_seed(seed),
            broken: Vec::new(),
            ended: BTreeMap::new(),
            last: BTreeMap::new(),
            named: BTreeSet::new(),
        };
        let now = world.moment();
        world.desk.as_mut().unwrap().recover(Vec::new(), 0, &now);
        world
    }

    pub(super) fn moment(&self) -> Moment {
        let start: Timestamp = "2026-03-02T00:00:00Z".parse().unwrap();
        let wall = start + SignedDuration::try_from(self.now).unwrap() + self.wall_off;
        Moment { wall, mono: self.now, day: wall.to_zoned(jiff::tz::TimeZone::UTC).date() }
    }

    pub(super) fn device(&mut self, id: &str) -> &mut Device {
        self.devices.get_mut(id).unwrap()
    }

    pub(super) fn phase(&self, id: &str) -> Phase {
        self.desk.as_ref().and_then(|desk| desk.grips().get(id)).map_or(Phase::Free, |grip| grip.phase)
    }

    /// Does something at the desk, if it is there, and takes what comes of it.
    pub(super) fn with<T>(&mut self, act: impl FnOnce(&mut Desk, &Moment) -> T) -> Option<T> {
        let now = self.moment();
        let told = act(self.desk.as_mut()?, &now);
        self.take();
        Some(told)
    }

    fn take(&mut self) {
        let Some(desk) = &mut self.desk else { return };
        let outcome = desk.take();
        let has_news = !outcome.rows.is_empty();
        for row in &outcome.rows {
            self.check_row(row);
        }
        self.rows.extend(outcome.rows);
        for job in outcome.jobs {
            let device = self.devices.get_mut(&job.device).unwrap();
            let takes = Duration::from_millis(if device.is_away { 1_000 } else { self.random.u64(2..40) });
            // One connection: one after the other.
            let at = self.now.max(device.free_at) + takes;
            device.free_at = at;
            self.running.push(Running { at, device: job.device, ticket: job.ticket, work: job.work, life: self.life });
        }
        if has_news {
            self.check_desk();
        }
    }

    fn check_row(&mut self, row: &Row) {
        self.last.insert(row.subject.clone(), row.kept.clone());
        if let (Subject::Device(id), Kept::Grip(grip)) = (&row.subject, &row.kept) {
            self.named.extend(grip.written.map(|value| (id.clone(), format!("{value}"))));
            let words = grip.before.as_ref().filter(|_| grip.is_returning).map(|before| format!("{:?}", before.words));
            self.named.extend(words.map(|words| (id.clone(), words)));
        }
        let Kept::Event(event) = &row.kept else { return };
        if let Some(state) = self.ended.get(&event.id)
            && *state != event.state
        {
            self.broken.push(format!("I8: {} was {state:?}, and is {:?}", event.id, event.state));
        }
        if event.state.is_final() {
            self.ended.insert(event.id.clone(), event.state);
        }
    }

    /// What always holds at the desk.
    fn check_desk(&mut self) {
        let Some(desk) = &self.desk else { return };
        let mut broken = Vec::new();
        let last = &self.last;
        for (id, grip) in desk.grips() {
            match last.get(&Subject::Device(id.clone())) {
                Some(Kept::Grip(kept)) if kept.mark() == grip.mark() => {}
                None if grip.mark() == super::super::grip::Grip::default() => {}
                other => broken.push(format!("I13: {id} is {grip:?}, its row {other:?}")),
            }
            if grip.phase == Phase::Holding && !grip.is_verified {
                broken.push(format!("I6: {id} is held, and was not read back"));
            }
            if let (Some(before), true) = (&grip.before, grip.is_held())
                && before.words != [self.devices[id].base]
            {
                broken.push(format!("I2: {id} held {} before, stored is {:?}", self.devices[id].base, before.words));
            }
        }
        for event in desk.events() {
            match last.get(&Subject::Event(event.id.clone())) {
                Some(Kept::Event(kept)) if kept.state == event.state => {}
                other => broken.push(format!("I13: {} is {:?}, its row {other:?}", event.id, event.state)),
            }
        }
        self.broken.extend(broken);
    }

    /// The desk goes, at once; what is on its way to devices may still come, or not.
    pub(super) fn crash(&mut self, loses_jobs: bool) {
        self.desk = None;
        if loses_jobs {
            self.running.clear();
        }
    }

    /// A new desk, with what the journal says.
    pub(super) fn restart(&mut self) {
        self.life += 1;
        let mut desk = Desk::new(Arc::clone(&self.site), Arc::clone(&self.meters), true);
        let mut last: BTreeMap<Subject, Kept> = BTreeMap::new();
        let mut number = 0;
        for (subject, kept) in &self.last {
            // As text and back, as the store does it.
            let text = serde_json::to_string(kept).unwrap();
            last.insert(subject.clone(), serde_json::from_str(&text).unwrap());
            if let Subject::Event(id) = subject
                && let Some(found) = id.as_str().strip_prefix("op-")
            {
                number = number.max(found.parse().unwrap());
            }
        }
        let now = self.moment();
        desk.recover(last.into_iter().collect(), number, &now);
        self.desk = Some(desk);
        self.take();
    }

    /// Runs until a time.
    pub(super) fn run_until(&mut self, until: Duration) {
        while self.now < until {
            let due = self.desk.as_ref().and_then(Desk::next_due);
            let running = self.running.iter().map(|running| running.at).min();
            let look = self.now + Duration::from_secs(20);
            let next = [due, running, Some(look)].into_iter().flatten().min().unwrap_or(look);
            self.now = next.max(self.now + Duration::from_millis(1)).min(until);
            self.devices.values_mut().for_each(|device| device.be(self.now));
            while let Some(place) = self.running.iter().position(|running| running.at <= self.now) {
                let running = self.running.remove(place);
                let report = self.perform(&running);
                if running.life == self.life {
                    self.with(|desk, now| desk.report(&running.device, running.ticket, report, now));
                }
            }
            self.with(Desk::tick);
        }
    }

    pub(super) fn run(&mut self, seconds: u64) {
        self.run_until(self.now + Duration::from_secs(seconds));
    }

    fn perform(&mut self, running: &Running) -> Report {
        let named = match &running.work {
            Work::Operate { value } | Work::Step { value } => format!("{value}"),
            Work::Restore { words, .. } => format!("{words:?}"),
            Work::Arm | Work::Look | Work::Refresh => String::new(),
        };
        let is_named = self.named.contains(&(running.device.clone(), named));
        let device = self.devices.get_mut(&running.device).unwrap();
        let write = match &running.work {
            Work::Operate { value } | Work::Step { value } => Some(word(*value)),
            Work::Restore { words, .. } => words.first().copied(),
            Work::Arm | Work::Look | Work::Refresh => None,
        };
        if let Some(word) = write {
            if !is_named {
                self.broken.push(format!("I1: {} gets {word}, and no row says so", running.device));
            }
            if word > MAX && word != device.base {
                self.broken.push(format!("I7: {} gets {word}", running.device));
            }
            if device.foreign.is_some_and(|since| self.now.checked_sub(since).unwrap() > Duration::from_secs(20)) {
                self.broken.push(format!("I10: {} gets {word} over somebody else's value", running.device));
            }
        }
        device.perform(write, self.now)
    }

    /// What the devices hold now that is not what they held without us, as far as nobody else set it.
    pub(super) fn unrestored(&self) -> Vec<String> {
        let held = self.devices.iter().filter(|(_, device)| device.foreign.is_none() && device.held != device.base);
        held.map(|(id, device)| format!("{id} holds {}", device.held)).collect()
    }

    /// Somebody else sets a device; while it is held that is a conflict, else its new normal.
    pub(super) fn interfere(&mut self, id: &str, word: u16) {
        let (phase, now) = (self.phase(id), self.now);
        if self.desk.is_none() {
            return;
        }
        let device = self.device(id);
        match phase {
            Phase::Holding if device.late.is_empty() => {
                device.held = word;
                device.foreign = Some(now);
            }
            Phase::Free if device.late.is_empty() => (device.held, device.base) = (word, word),
            _ => {}
        }
    }

    /// A person decides that what somebody else has set stays.
    pub(super) fn leave(&mut self, id: &str) {
        if self.phase(id) == Phase::Conflict {
            let device = self.device(id);
            (device.base, device.foreign) = (device.held, None);
            let id = super::world::device(id);
            let done = self.with(|desk, now| desk.resolve(&id, false, "eve", now));
            assert_eq!(done, Some(Ok(())));
        }
    }

    pub(super) fn start(&mut self, meters: &[&str], wanted: Wanted, start: u64, seconds: u64) -> Option<EventId> {
        let now = self.moment();
        let draft = Draft {
            meters: meters.iter().map(|id| meter(id)).collect(),
            wanted,
            start: (start > 0).then(|| now.wall + SignedDuration::from_secs(start.cast_signed())),
            duration: Duration::from_secs(seconds),
        };
        self.with(|desk, now| {
            let planned = desk.plan(&draft, now).ok()?;
            desk.start(&draft, &planned.select, "ada", now).ok()
        })
        .flatten()
    }

    pub(super) fn message(&self, id: &str, meters: &[&str], kw: Option<f64>, start: i64, seconds: i64) -> Message {
        let begins = self.moment().wall + SignedDuration::from_secs(start);
        Message {
            id: EventId::new(id).unwrap(),
            source: Source::Leap,
            meters: meters.iter().map(|id| meter(id)).collect(),
            start: begins,
            end: Some(begins + SignedDuration::from_secs(seconds)),
            wanted: kw.map_or(Wanted::Max, Wanted::ReductionKw),
            priority: 2,
            programmes: vec!["CCA".to_owned()],
            is_voluntary: false,
            test: TestKind::None,
            is_cancelled: false,
        }
    }

    /// Events that are not over.
    pub(super) fn open(&self) -> BTreeSet<EventId> {
        let events = self.desk.as_ref().map(Desk::events).unwrap_or_default();
        events.into_iter().filter(|event| !event.state.is_final()).map(|event| event.id.clone()).collect()
    }
}

impl Device {
    fn new() -> Self {
        Self {
            held: BASE,
            base: BASE,
            manner: Manner::Good,
            is_away: false,
            writes: Vec::new(),
            late: Vec::new(),
            free_at: Duration::ZERO,
            foreign: None,
        }
    }

    /// It forgets what it was told.
    pub(super) fn reboot(&mut self) {
        if self.foreign.is_none() {
            self.held = self.base;
            self.late.clear();
        }
    }

    fn be(&mut self, now: Duration) {
        while let Some(place) = self.late.iter().position(|(at, _)| *at <= now) {
            self.held = self.late.remove(place).1;
        }
    }

    fn perform(&mut self, write: Option<u16>, now: Duration) -> Report {
        self.be(now);
        if self.is_away || self.manner == Manner::Silent {
            let fault = || "NO ANSWER after 1.0 s".to_owned();
            let wrote = write.map(|_| Wrote::Unknown(fault()));
            return Report { wrote, held: Err(fault()), permit: None, timer: None };
        }
        let mut wrote = None;
        if let Some(word) = write {
            self.writes.push(word);
            wrote = Some(Wrote::Acknowledged);
            match self.manner {
                Manner::Ignores => {}
                Manner::Clamps(least) => self.held = word.max(least),
                Manner::Late(wait) => self.late.push((now + wait, word)),
                Manner::Refuses => wrote = Some(Wrote::Refused("DEVICE ERROR exception 04".to_owned())),
                Manner::LosesAnswers => {
                    self.held = word;
                    let fault = "NO ANSWER after 1.0 s".to_owned();
                    return Report {
                        wrote: Some(Wrote::Unknown(fault.clone())),
                        held: Err(fault),
                        permit: None,
                        timer: None,
                    };
                }
                Manner::Good | Manner::Silent => self.held = word,
            }
            if self.manner != Manner::Ignores && self.manner != Manner::Refuses {
                self.foreign = None;
            }
        }
        let held = SetPoint {
            words: vec![self.held],
            value: Some(f64::from(self.held) / 10.0),
            at: Timestamp::UNIX_EPOCH + SignedDuration::try_from(now).unwrap(),
        };
        Report { wrote, held: Ok(held), permit: None, timer: Some(vec![0]) }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast from a floating-point number saturates"
)]
fn word(value: f64) -> u16 {
    (value * 10.0).round() as u16
}
