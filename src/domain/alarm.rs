//! Alarms, in the states of ISA-18.2: when they come, when they go, and what people do about them (pure).
//!
//! A condition has to hold for its on-delay before it is an alarm, and to be gone for its off-delay before the alarm
//! returns; a value has to come back over its threshold by a dead band. A value that is not known changes nothing.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::{
    desk::{
        AlarmEvent, AlarmLine, Desk, DeskError, Entry, EventKind, MAX_NOTE_LENGTH, MAX_SHELVED, MAX_UNSAVED_EVENTS,
        Measured, Observation, Unsaved,
    },
    key::{About, AlarmKey, BadAlarmKey, Subject},
};

mod desk;
mod key;
pub mod limits;
#[cfg(test)]
mod tests;
pub mod watch;

/// How urgent an alarm is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// To be planned.
    Low,
    /// To be looked at today.
    Medium,
    /// To be looked at now.
    High,
    /// Equipment is at risk.
    Critical,
}

impl Severity {
    /// Every one, the most urgent first.
    pub const ALL: &[Self] = &[Self::Critical, Self::High, Self::Medium, Self::Low];

    /// The word for it on screen and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

macro_rules! alarm_kinds {
    ($($variant:ident $word:literal $title:literal $about:ident $severity:ident $on:literal $off:literal;)+) => {
        /// What can be wrong.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum AlarmKind {
            $(#[doc = $title] $variant,)+
        }

        impl AlarmKind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Its name in commands and JSON.
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// Its name on screen.
            pub fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),+ }
            }

            /// The kind with this name.
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|kind| kind.word() == word)
            }

            /// What it is about.
            pub fn about(self) -> About {
                match self { $(Self::$variant => About::$about),+ }
            }

            /// How urgent it is.
            pub fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity),+ }
            }

            /// How long the condition must hold, and how long it must be gone.
            pub fn delays(self) -> Delays {
                match self {
                    $(Self::$variant => Delays { on: Duration::from_secs($on), off: Duration::from_secs($off) }),+
                }
            }
        }
    };
}

alarm_kinds! {
    LoadCritical "load-critical" "load critical" Meter Critical 5 30;
    LoadWarning "load-warning" "load high" Meter Medium 10 30;
    VoltageHigh "voltage-high" "voltage high" Meter High 5 30;
    VoltageLow "voltage-low" "voltage low" Meter High 5 30;
    PowerFactorLow "power-factor-low" "power factor low" Meter Low 60 60;
    PhaseImbalance "phase-imbalance" "phases unequal" Meter Medium 30 60;
    ConnectionDown "connection-down" "connection down" Connection High 5 5;
    DeviceOffline "device-offline" "device offline" Device High 5 5;
    ValueStale "value-stale" "values stale" Meter Medium 5 5;
    ValueFrozen "value-frozen" "values frozen" Meter Low 0 0;
    ClockDrift "clock-drift" "clock drifts" Site Medium 0 0;
    CalibrationDue "calibration-due" "calibration due" Meter Low 0 0;
    DispatchFailed "dispatch-failed" "dispatch failed" Device Critical 0 0;
    StoreFailed "store-failed" "cannot save" Site Critical 0 5;
    StoreDamaged "store-damaged" "database damaged" Site High 0 0;
}

/// How long a condition must hold, and be gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delays {
    /// Before it is an alarm.
    pub on: Duration,
    /// Before the alarm returns.
    pub off: Duration,
}

/// The states of ISA-18.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlarmState {
    /// Nothing to do.
    Normal,
    /// The condition holds, and nobody has acknowledged it.
    Unacknowledged,
    /// The condition holds, and somebody knows.
    Acknowledged,
    /// The condition is gone, and nobody had acknowledged it.
    ReturnedUnacknowledged,
    /// Put away until a time.
    Shelved,
    /// The meter or device is out of service.
    OutOfService,
}

impl AlarmState {
    /// The words for it on screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Unacknowledged => "unacknowledged",
            Self::Acknowledged => "acknowledged",
            Self::ReturnedUnacknowledged => "returned, unacknowledged",
            Self::Shelved => "shelved",
            Self::OutOfService => "out of service",
        }
    }

    /// Whether it is neither normal nor put away.
    pub fn wants_somebody(self) -> bool {
        matches!(self, Self::Unacknowledged | Self::Acknowledged | Self::ReturnedUnacknowledged)
    }

    /// Whether somebody has yet to acknowledge it.
    pub fn is_unacknowledged(self) -> bool {
        matches!(self, Self::Unacknowledged | Self::ReturnedUnacknowledged)
    }
}

/// One alarm's life. All of it is data, so that it survives a restart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// Whether the alarm stands: the condition has held for the on-delay and not been gone for the off-delay.
    pub active: bool,
    /// When it last began to stand.
    pub since: Option<Timestamp>,
    /// Since when the condition has been other than `active`.
    pub changing_since: Option<Timestamp>,
    /// Somebody has acknowledged this occurrence.
    pub acknowledged: bool,
    /// Put away until then.
    pub shelved_until: Option<Timestamp>,
    /// What it is about is out of service.
    pub out_of_service: bool,
}

impl Alarm {
    /// Its state at `now`.
    pub fn state(&self, now: Timestamp) -> AlarmState {
        if self.out_of_service {
            AlarmState::OutOfService
        } else if self.is_shelved(now) {
            AlarmState::Shelved
        } else {
            match (self.active, self.acknowledged) {
                (true, false) => AlarmState::Unacknowledged,
                (true, true) => AlarmState::Acknowledged,
                (false, false) if self.since.is_some() => AlarmState::ReturnedUnacknowledged,
                (false, _) => AlarmState::Normal,
            }
        }
    }

    /// Whether it is put away at `now`.
    pub fn is_shelved(&self, now: Timestamp) -> bool {
        self.shelved_until.is_some_and(|until| now < until)
    }

    /// Takes what is known of the condition at `now`: it holds, it does not, or nobody can say.
    /// True where the alarm came or returned.
    pub fn observe(&mut self, holds: Option<bool>, delays: Delays, now: Timestamp) -> bool {
        let Some(holds) = holds else { return false };
        if holds == self.active {
            self.changing_since = None;
            return false;
        }
        // A clock that was set back must not make a delay endless.
        let since = self.changing_since.map_or(now, |since| since.min(now));
        self.changing_since = Some(since);
        let held = Duration::try_from(now.duration_since(since)).unwrap_or_default();
        if held < (if holds { delays.on } else { delays.off }) {
            return false;
        }
        self.active = holds;
        self.changing_since = None;
        if holds {
            self.since = Some(now);
            self.acknowledged = false;
        } else if self.acknowledged {
            self.since = None;
        }
        true
    }

    /// Nothing is looked at for now: what begins after that has to hold for its whole delay.
    pub fn rest(&mut self) {
        self.changing_since = None;
    }

    /// What it is about is no longer watched: it ends, and nobody has to acknowledge it. True where it stood.
    pub fn end(&mut self) -> bool {
        self.changing_since = None;
        self.since = None;
        std::mem::take(&mut self.active)
    }

    /// Whether nothing of it needs to be remembered.
    pub fn is_blank(&self, now: Timestamp) -> bool {
        !self.active && self.since.is_none() && self.changing_since.is_none() && !self.is_shelved(now)
    }

    /// Somebody knows. False where there was nothing to acknowledge.
    pub fn acknowledge(&mut self) -> bool {
        if self.since.is_none() || self.acknowledged {
            return false;
        }
        self.acknowledged = true;
        if !self.active {
            self.since = None;
        }
        true
    }

    /// Puts it away until a time; it comes back by itself.
    pub fn shelve(&mut self, until: Timestamp) {
        self.shelved_until = Some(until);
    }

    /// Brings it back.
    pub fn unshelve(&mut self) {
        self.shelved_until = None;
    }
}

/// Whether an alarm only follows from a device that does not answer, and is shown under that one.
pub fn follows_from_offline(kind: AlarmKind) -> bool {
    matches!(
        kind,
        AlarmKind::LoadCritical
            | AlarmKind::LoadWarning
            | AlarmKind::VoltageHigh
            | AlarmKind::VoltageLow
            | AlarmKind::PowerFactorLow
            | AlarmKind::PhaseImbalance
            | AlarmKind::ValueFrozen
            | AlarmKind::ValueStale
    )
}
