//! The desk that alarms come to: each one's life, what people did about it, and what has yet to be saved of both.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{super::quantity::Quantity, Alarm, AlarmKey, AlarmState, Severity};

/// The longest note, in characters.
pub const MAX_NOTE_LENGTH: usize = 500;
/// The longest time for which an alarm may be put away; who needs longer sets the meter out of service.
pub const MAX_SHELVED: SignedDuration = SignedDuration::from_hours(31 * 24);
/// Most events that wait to be saved, the oldest lost first: days of a busy site whose disk takes nothing.
pub const MAX_UNSAVED_EVENTS: usize = 10_000;

/// A value and the threshold that it is beyond.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Of which quantity.
    pub quantity: Quantity,
    /// The value, in the quantity's unit.
    pub value: f64,
    /// The threshold, in the same unit.
    pub threshold: f64,
}

/// What is seen of a condition at a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// Of which alarm.
    pub key: AlarmKey,
    /// It holds, it does not, or nobody can say.
    pub holds: Option<bool>,
    /// Value against threshold, where it is about one.
    pub measured: Option<Measured>,
    /// The particulars in words; may be empty.
    pub detail: String,
    /// What it is about is out of service.
    pub out_of_service: bool,
}

/// An alarm with what belongs to it. All of it is data, so that it survives a restart.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its life.
    pub alarm: Alarm,
    /// Value against threshold, as it was when the alarm came.
    pub measured: Option<Measured>,
    /// The particulars in words, as they were then.
    pub detail: String,
    /// What was last said about this occurrence.
    pub note: Option<String>,
    /// Who said it.
    pub who: Option<String>,
    /// The alarm that it follows from, now.
    #[serde(skip)]
    pub(crate) under: Option<AlarmKey>,
}

/// An alarm that is not normal, as clients see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AlarmLine {
    /// Which, as a person types it.
    pub id: AlarmKey,
    /// How urgent it is.
    pub severity: Severity,
    /// In which state.
    pub state: AlarmState,
    /// The condition holds; of an alarm that is shelved or out of service the state does not say it.
    pub active: bool,
    /// When it came.
    pub since: Option<Timestamp>,
    /// Value against threshold, as it was then.
    pub measured: Option<Measured>,
    /// The particulars in words, as they were then; may be empty.
    pub detail: String,
    /// Put away until then.
    pub shelved_until: Option<Timestamp>,
    /// What was last said about it.
    pub note: Option<String>,
    /// Who said it.
    pub who: Option<String>,
    /// The alarm that stands and that this one follows from: not shown beside it.
    pub under: Option<AlarmKey>,
}

/// What became of an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventKind {
    /// It came.
    Raised,
    /// Its condition is gone.
    Returned,
    /// Somebody knows.
    Acknowledged,
    /// Somebody put it away.
    Shelved,
    /// It is back: somebody fetched it, or its time was over.
    Unshelved,
}

impl EventKind {
    /// Its name in the log.
    pub fn word(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Returned => "returned",
            Self::Acknowledged => "acknowledged",
            Self::Shelved => "shelved",
            Self::Unshelved => "unshelved",
        }
    }
}

/// A line of the alarm log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmEvent {
    /// When.
    pub at: Timestamp,
    /// Which alarm.
    pub key: AlarmKey,
    /// What became of it.
    pub kind: EventKind,
    /// Who did it, where it was a person.
    pub who: Option<String>,
    /// What they said.
    pub note: Option<String>,
}

/// Why something cannot be done about an alarm.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeskError {
    /// It is normal, or there is no such alarm.
    #[error("There is no alarm `{0}` now.")]
    NotThere(AlarmKey),
    /// Somebody knows already.
    #[error("`{0}` is acknowledged already.")]
    Acknowledged(AlarmKey),
    /// It is not put away.
    #[error("`{0}` is not shelved.")]
    NotShelved(AlarmKey),
    /// An alarm is not put away without a reason.
    #[error("A shelved alarm needs a note that says why.")]
    NoNote,
    /// The note is too long.
    #[error("The note is longer than {MAX_NOTE_LENGTH} characters.")]
    LongNote,
    /// The time has passed.
    #[error("An alarm cannot be shelved until a time that has passed.")]
    Passed,
    /// The time is too far away.
    #[error("An alarm can be shelved for 31 days at most.")]
    TooLong,
}

/// What has yet to be saved.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Unsaved {
    /// Lines of the log, oldest first.
    pub events: Vec<AlarmEvent>,
    /// Alarms as they are now; `None` where nothing is left to remember.
    pub entries: Vec<(AlarmKey, Option<Entry>)>,
}

/// All alarms that are not quite normal.
#[derive(Debug, Clone, Default)]
pub struct Desk {
    entries: BTreeMap<AlarmKey, Entry>,
    events: Vec<AlarmEvent>,
    dirty: BTreeSet<AlarmKey>,
    version: u64,
}

impl Desk {
    /// A desk with what was saved of another. A delay that was under way begins anew.
    pub fn of(saved: impl IntoIterator<Item = (AlarmKey, Entry)>) -> Self {
        let rested = |(key, mut entry): (AlarmKey, Entry)| {
            entry.alarm.rest();
            (key, entry)
        };
        Self { entries: saved.into_iter().map(rested).collect(), ..Self::default() }
    }

    /// Counts up with every change that a list of alarms shows.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Whether an alarm stands.
    pub fn is_active(&self, key: &AlarmKey) -> bool {
        self.entries.get(key).is_some_and(|entry| entry.alarm.active)
    }

    /// Whether anything is remembered of an alarm.
    pub fn has(&self, key: &AlarmKey) -> bool {
        self.entries.contains_key(key)
    }

    /// The alarms of which anything is remembered.
    pub fn keys(&self) -> impl Iterator<Item = &AlarmKey> {
        self.entries.keys()
    }

    /// Alarms whose delay is under way: to be observed again although nothing changed.
    pub fn pending(&self) -> impl Iterator<Item = &AlarmKey> {
        self.entries.iter().filter(|(_, entry)| entry.alarm.changing_since.is_some()).map(|(key, _)| key)
    }

    /// Takes in what is seen of a condition.
    pub fn observe(&mut self, seen: Observation, now: Timestamp) {
        if seen.holds != Some(true) && !self.has(&seen.key) {
            return;
        }
        self.change(&seen.key.clone(), now, |entry| {
            entry.under = None;
            entry.alarm.out_of_service = seen.out_of_service;
            if !entry.alarm.observe(seen.holds, seen.key.kind.delays(), now) {
                return None;
            }
            if entry.alarm.active {
                (entry.measured, entry.detail) = (seen.measured, crate::text::clean(&seen.detail));
                (entry.note, entry.who) = (None, None);
            }
            let kind = if entry.alarm.active { EventKind::Raised } else { EventKind::Returned };
            let event = AlarmEvent { at: now, key: seen.key, kind, who: None, note: None };
            Some(event).filter(|_| !seen.out_of_service)
        });
    }

    /// Nobody can say anything of an alarm, because of another one: it stays as it is, under that one.
    pub fn collapse(&mut self, key: &AlarmKey, under: &AlarmKey, now: Timestamp) {
        if self.has(key) {
            self.change(key, now, |entry| {
                entry.alarm.rest();
                entry.under = Some(under.clone());
                None
            });
        }
    }

    /// An alarm is no longer watched for: it ends, and nobody has to acknowledge it.
    pub fn end(&mut self, key: &AlarmKey, now: Timestamp) {
        if self.has(key) {
            self.change(key, now, |entry| {
                entry.alarm.unshelve();
                let event = AlarmEvent { at: now, key: key.clone(), kind: EventKind::Returned, who: None, note: None };
                entry.alarm.end().then_some(event)
            });
        }
    }

    /// Brings back what was put away until now.
    pub fn end_shelving(&mut self, now: Timestamp) {
        let is_over = |entry: &Entry| entry.alarm.shelved_until.is_some_and(|until| until <= now);
        let over: Vec<AlarmKey> =
            self.entries.iter().filter(|(_, entry)| is_over(entry)).map(|(key, _)| key.clone()).collect();
        for key in over {
            self.change(&key, now, |entry| {
                entry.alarm.unshelve();
                Some(AlarmEvent { at: now, key: key.clone(), kind: EventKind::Unshelved, who: None, note: None })
            });
        }
    }

    /// Somebody knows of an alarm, and may say something about it.
    pub fn acknowledge(&mut self, key: &AlarmKey, who: &str, note: &str, now: Timestamp) -> Result<(), DeskError> {
        let note = checked(note)?;
        let entry = self.entries.get(key).filter(|entry| entry.alarm.since.is_some());
        if entry.ok_or_else(|| DeskError::NotThere(key.clone()))?.alarm.acknowledged {
            return Err(DeskError::Acknowledged(key.clone()));
        }
        self.change(key, now, |entry| {
            entry.alarm.acknowledge();
            Some(said(entry, key, EventKind::Acknowledged, who, note, now))
        });
        Ok(())
    }

    /// Somebody puts an alarm away until a time, and says why.
    pub fn shelve(
        &mut self,
        key: &AlarmKey,
        until: Timestamp,
        who: &str,
        note: &str,
        now: Timestamp,
    ) -> Result<(), DeskError> {
        let note = checked(note)?;
        if !self.lists(key, now) {
            return Err(DeskError::NotThere(key.clone()));
        }
        match until.duration_since(now) {
            _ if note.is_none() => return Err(DeskError::NoNote),
            time if !time.is_positive() => return Err(DeskError::Passed),
            time if time > MAX_SHELVED => return Err(DeskError::TooLong),
            _ => {}
        }
        self.change(key, now, |entry| {
            entry.alarm.shelve(until);
            Some(said(entry, key, EventKind::Shelved, who, note, now))
        });
        Ok(())
    }

    /// Somebody brings an alarm back that was put away.
    pub fn unshelve(&mut self, key: &AlarmKey, who: &str, now: Timestamp) -> Result<(), DeskError> {
        if !self.lists(key, now) {
            return Err(DeskError::NotThere(key.clone()));
        }
        if !self.entries.get(key).is_some_and(|entry| entry.alarm.is_shelved(now)) {
            return Err(DeskError::NotShelved(key.clone()));
        }
        self.change(key, now, |entry| {
            entry.alarm.unshelve();
            Some(said(entry, key, EventKind::Unshelved, who, None, now))
        });
        Ok(())
    }

    /// What is not normal: unacknowledged first, then by severity, the latest first.
    pub fn list(&self, now: Timestamp) -> Vec<AlarmLine> {
        let listed = self.entries.iter().filter(|(_, entry)| is_listed(entry, now));
        let mut lines: Vec<AlarmLine> = listed.map(|(key, entry)| self.line(key, entry, now)).collect();
        lines.sort_by_cached_key(|line| {
            let rank = match line.state {
                AlarmState::Unacknowledged | AlarmState::ReturnedUnacknowledged => 0,
                AlarmState::Acknowledged | AlarmState::Normal => 1,
                AlarmState::Shelved => 2,
                AlarmState::OutOfService => 3,
            };
            (rank, Reverse(line.severity), Reverse(line.since), line.id.clone())
        });
        lines
    }

    /// Takes what has yet to be saved; what cannot be saved is given back to [`Self::put_back`].
    pub fn take_unsaved(&mut self) -> Unsaved {
        let entries = std::mem::take(&mut self.dirty).into_iter();
        let entries = entries.map(|key| (key.clone(), self.entries.get(&key).cloned())).collect();
        Unsaved { events: std::mem::take(&mut self.events), entries }
    }

    /// What could not be saved; the oldest events are lost where too many wait.
    pub fn put_back(&mut self, mut unsaved: Unsaved) {
        unsaved.events.append(&mut self.events);
        let excess = unsaved.events.len().saturating_sub(MAX_UNSAVED_EVENTS);
        unsaved.events.drain(..excess);
        self.events = unsaved.events;
        self.dirty.extend(unsaved.entries.into_iter().map(|(key, _)| key));
    }

    /// Whether nothing waits to be saved.
    pub fn is_saved(&self) -> bool {
        self.events.is_empty() && self.dirty.is_empty()
    }

    /// Events that wait to be saved and are not older than `from`.
    pub fn unsaved_events_since(&self, from: Timestamp) -> usize {
        self.events.iter().filter(|event| event.at >= from).count()
    }

    fn lists(&self, key: &AlarmKey, now: Timestamp) -> bool {
        self.entries.get(key).is_some_and(|entry| is_listed(entry, now))
    }

    fn line(&self, key: &AlarmKey, entry: &Entry, now: Timestamp) -> AlarmLine {
        AlarmLine {
            id: key.clone(),
            severity: key.kind.severity(),
            state: entry.alarm.state(now),
            active: entry.alarm.active,
            since: entry.alarm.since,
            measured: entry.measured.clone(),
            detail: entry.detail.clone(),
            shelved_until: entry.alarm.shelved_until.filter(|until| now < *until),
            note: entry.note.clone(),
            who: entry.who.clone(),
            under: entry.under.clone().filter(|cause| self.is_active(cause)),
        }
    }

    /// Changes an alarm, and notes what is new of it for the lists and for what is saved.
    fn change(&mut self, key: &AlarmKey, now: Timestamp, change: impl FnOnce(&mut Entry) -> Option<AlarmEvent>) {
        let entry = self.entries.entry(key.clone()).or_default();
        let before = entry.clone();
        let event = change(entry);
        // A delay under way is not saved, and no list shows it.
        let lasting =
            |entry: &Entry| Entry { alarm: Alarm { changing_since: None, ..entry.alarm.clone() }, ..entry.clone() };
        if lasting(&before) != lasting(entry) {
            self.version += 1;
            self.dirty.insert(key.clone());
        }
        if entry.alarm.is_blank(now) {
            self.entries.remove(key);
        }
        self.events.extend(event);
        let excess = self.events.len().saturating_sub(MAX_UNSAVED_EVENTS);
        self.events.drain(..excess);
    }
}

/// A shelved alarm is listed whatever its condition; one that is out of service only where it would stand.
fn is_listed(entry: &Entry, now: Timestamp) -> bool {
    match entry.alarm.state(now) {
        AlarmState::Normal => false,
        AlarmState::OutOfService => entry.alarm.since.is_some(),
        _ => true,
    }
}

/// A note cleaned and checked; `None` where it says nothing.
fn checked(note: &str) -> Result<Option<String>, DeskError> {
    let note = crate::text::clean(note).trim().to_owned();
    if note.chars().count() > MAX_NOTE_LENGTH {
        return Err(DeskError::LongNote);
    }
    Ok(Some(note).filter(|note| !note.is_empty()))
}

/// Keeps who did something and what they said, and gives the line of the log.
fn said(
    entry: &mut Entry,
    key: &AlarmKey,
    kind: EventKind,
    who: &str,
    note: Option<String>,
    at: Timestamp,
) -> AlarmEvent {
    entry.who = Some(who.to_owned());
    if note.is_some() {
        entry.note.clone_from(&note);
    }
    AlarmEvent { at, key: key.clone(), kind, who: Some(who.to_owned()), note }
}
