//! The alarms that are not normal, as screens ask for them.

use tui_input::Input;

use super::Model;
use crate::domain::{
    alarm::{AlarmKey, AlarmLine, Severity, Subject},
    ids::MeterId,
    site::Meter,
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
        let device = meter.device.as_ref().and_then(|id| self.site.devices.get(id));
        let link = device.map(|device| device.link.name());
        let is_its = |line: &&AlarmLine| match &line.id.subject {
            Subject::Meter(id) => *id == meter.id,
            Subject::Device(id) => meter.device.as_ref() == Some(id),
            Subject::Connection(name) => link.as_ref() == Some(name),
            Subject::Site => false,
        };
        self.own_alarms().filter(is_its).collect()
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
