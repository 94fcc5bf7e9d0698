//! The alarms that are not normal, as screens ask for them.

use std::collections::{BTreeMap, BTreeSet};

use tui_input::Input;

use super::Model;
use crate::domain::{
    alarm::{AlarmKey, AlarmLine, Severity, Subject},
    ids::MeterId,
    site::{Meter, PlaceKey},
};

/// What a person is about to do to an alarm.
#[derive(Debug, Clone)]
pub struct AlarmDraft {
    /// Which alarm.
    pub id: AlarmKey,
    /// Put it away, for one of [`SHELVE_CHOICES`]; else acknowledge it.
    pub shelve: Option<usize>,
    /// The note.
    pub input: Input,
}

/// For how long an alarm can be put away from here.
pub const SHELVE_CHOICES: [&str; 3] = ["1 h", "8 h", "tomorrow 08:00"];

impl Model {
    /// The alarms that stand for themselves: those that follow from another one are not shown beside it.
    pub fn own_alarms(&self) -> impl Iterator<Item = &AlarmLine> {
        self.alarms.iter().filter(|line| line.under.is_none())
    }

    /// An alarm that is not normal.
    pub fn alarm(&self, id: &AlarmKey) -> Option<&AlarmLine> {
        self.alarms.iter().find(|line| line.id == *id)
    }

    /// How many alarms nobody has acknowledged, by severity, the most urgent first.
    pub fn unacknowledged(&self) -> Vec<(Severity, usize)> {
        let count = |severity: Severity| {
            let is_counted = |line: &&AlarmLine| line.severity == severity && line.state.is_unacknowledged();
            self.own_alarms().filter(is_counted).count()
        };
        Severity::ALL.iter().map(|severity| (*severity, count(*severity))).filter(|(_, count)| *count > 0).collect()
    }

    /// The alarms of a meter, and those of its device and connection.
    pub fn alarms_of(&self, meter: &Meter) -> Vec<&AlarmLine> {
        self.own_alarms().filter(|line| self.is_about(&line.id.subject, meter)).collect()
    }

    /// How many alarms want somebody in each place: one counts once in every place that has a meter of its.
    pub fn alarms_by_place(&self) -> BTreeMap<PlaceKey, usize> {
        let mut counts = BTreeMap::new();
        for line in self.own_alarms().filter(|line| line.state.wants_somebody()) {
            let meters = self.site.meters.values().filter(|meter| self.is_about(&line.id.subject, meter));
            let places: BTreeSet<&PlaceKey> =
                meters.filter_map(|meter| meter.place.as_ref()).flat_map(|place| self.site.path(place)).collect();
            for place in places {
                *counts.entry(place.clone()).or_default() += 1;
            }
        }
        counts
    }

    /// Whether an alarm's subject is a meter, its device or its connection.
    fn is_about(&self, subject: &Subject, meter: &Meter) -> bool {
        match subject {
            Subject::Meter(id) => *id == meter.id,
            Subject::Device(id) => meter.device.as_ref() == Some(id),
            Subject::Connection(name) => {
                let device = meter.device.as_ref().and_then(|id| self.site.devices.get(id));
                device.is_some_and(|device| device.link.name() == *name)
            }
            Subject::Site => false,
        }
    }

    /// What an alarm is about, as people call it.
    pub fn subject_name(&self, subject: &Subject) -> String {
        let meter = |id: &MeterId| self.site.meters.get(id).map(|meter| meter.name.clone());
        match subject {
            Subject::Meter(id) => meter(id).unwrap_or_else(|| id.to_string()),
            Subject::Device(id) => id.to_string(),
            Subject::Connection(name) => name.clone(),
            Subject::Site => self.site.name.clone(),
        }
    }
}
