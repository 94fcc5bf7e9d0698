//! How a device or a connection is doing, in lines: for the Devices screen and for the meter that a device reads.

use ratatui::{style::Style, text::Line};
use std::fmt::Write as _;

use crate::{
    domain::{
        ids::DeviceId,
        live::{ConnectionLive, DeviceLive, DeviceState},
        site::{Device, Link},
        standing::Standing,
    },
    tui::{format, widget::Look},
};

/// Columns of a label.
const LABEL: usize = 11;

/// A device's state as the state of a meter that it reads: for its mark and style.
pub fn standing_of(state: DeviceState) -> Standing {
    match state {
        DeviceState::Ok => Standing::Ok,
        DeviceState::Waiting => Standing::Waiting,
        DeviceState::Slow => Standing::Warning,
        DeviceState::Error => Standing::Error,
        DeviceState::Offline => Standing::Offline,
    }
}

/// A device's state in one word.
pub fn word(state: DeviceState) -> &'static str {
    if state == DeviceState::Slow { "SLOW" } else { standing_of(state).word() }
}

/// Builds the lines.
pub struct Details<'look, 'model> {
    /// How to draw.
    pub look: &'look Look<'model>,
    /// Columns there are.
    pub width: usize,
}

impl Details<'_, '_> {
    /// Everything about a device; the fault and what to do about it first.
    pub fn device(&self, id: &DeviceId) -> Vec<Line<'static>> {
        let Some(device) = self.look.site.devices.get(id) else { return Vec::new() };
        let unknown = DeviceLive::default();
        let live = self.look.model.shown().devices.get(id).unwrap_or(&unknown);
        let mut lines = self.state(id, live);
        lines.extend(self.last_fault(live));
        lines.extend(self.line("address", &Self::address(device)));
        lines.extend(self.line("polled", &self.polled(device, live)));
        if let Some(round_trip) = live.round_trip {
            lines.extend(self.line(
                "round trip",
                &format!("{} of {}", format::short_time(round_trip), format::interval(device.timeout)),
            ));
        }
        lines.extend(self.line("requests", &Self::requests(live)));
        if !live.faults.is_empty() {
            let faults = live.faults.iter().map(|(kind, count)| format!("{count} {}", kind.title()));
            lines.extend(self.wrapped("errors", &faults.collect::<Vec<_>>().join(", "), self.look.theme.text));
        }
        for note in &live.notes {
            lines.extend(self.wrapped("learned", note, self.look.theme.text));
        }
        lines
    }

    /// Everything about a connection.
    pub fn connection(&self, name: &str, live: &ConnectionLive) -> Vec<Line<'static>> {
        let theme = self.look.theme;
        let (word, style) = connection_word(self.look, live);
        let mut lines = self.wrapped("state", word, style);
        if let Some(fault) = &live.fault {
            lines.extend(self.wrapped("fault", &fault.to_string(), theme.offline));
            lines.extend(self.wrapped("do", fault.kind.advice(), theme.text));
        }
        let device = live.devices.first().and_then(|id| self.look.site.devices.get(id));
        let link = device.map_or_else(|| name.to_owned(), |device| link_words(&device.link));
        lines.extend(self.line("address", &link));
        let busy = format!("{} of the time", format::percent(live.busy * 100.0));
        lines.extend(self.line("busy", &busy));
        lines.extend(
            self.line("set up", &format::count(usize::try_from(live.connects).unwrap_or(usize::MAX), "time", "times")),
        );
        let devices = live.devices.iter().map(|id| {
            let state = self.look.model.shown().devices.get(id).map(|live| live.state).unwrap_or_default();
            format!("{} {id}", self.look.glyphs.mark(standing_of(state)))
        });
        lines.extend(self.wrapped("devices", &devices.collect::<Vec<_>>().join("  "), theme.text));
        lines
    }

    fn state(&self, id: &DeviceId, live: &DeviceLive) -> Vec<Line<'static>> {
        let mut words = word(live.state).to_owned();
        if let Some(since) = live.offline_since.filter(|_| live.state == DeviceState::Offline) {
            let _ = write!(words, " since {} ({})", self.look.clock(since), format::age(self.look.age(since)));
        }
        if self.look.model.probing.contains(id) {
            words.push_str(", asking now");
        } else if let Some(next) = live.next_probe {
            let wait = std::time::Duration::try_from(next.duration_since(self.look.now)).unwrap_or_default();
            let _ = write!(words, ", asked again in {}", format::age(wait));
        }
        self.wrapped("state", &words, self.look.theme.standing(standing_of(live.state)))
    }

    fn last_fault(&self, live: &DeviceLive) -> Vec<Line<'static>> {
        let Some((at, fault)) = &live.last_fault else { return Vec::new() };
        let theme = self.look.theme;
        // What went wrong once and is over is told, but not shouted.
        let style = if live.state == DeviceState::Ok { theme.dim } else { theme.standing(standing_of(live.state)) };
        let label = if live.state == DeviceState::Ok { "last fault" } else { "fault" };
        let mut lines = self.wrapped(label, &format!("{fault}, {} ago", format::age(self.look.age(*at))), style);
        if live.state != DeviceState::Ok {
            lines.extend(self.wrapped("do", fault.kind.advice(), theme.text));
        }
        lines
    }

    fn address(device: &Device) -> String {
        format!("{} unit {}", link_words(&device.link), device.unit)
    }

    fn polled(&self, device: &Device, live: &DeviceLive) -> String {
        let every = format::interval(device.every);
        let answered = live
            .last_answer
            .map_or("never answered".to_owned(), |at| format!("answered {} ago", format::age(self.look.age(at))));
        let profile = device.profile.as_ref().map_or(String::new(), |profile| format!("{profile}, "));
        format!("{profile}every {every}, {answered}")
    }

    fn requests(live: &DeviceLive) -> String {
        let skipped = if live.skipped > 0 { format!(", {} polls skipped", live.skipped) } else { String::new() };
        format!("{} a poll, {} sent{skipped}", live.requests_per_poll, format::fixed(live.requests as f64, 0))
    }

    fn line(&self, label: &str, text: &str) -> Vec<Line<'static>> {
        self.wrapped(label, text, self.look.theme.text)
    }

    fn wrapped(&self, label: &str, text: &str, style: Style) -> Vec<Line<'static>> {
        self.look.labelled(label, LABEL, text, self.width, style)
    }
}

/// Whether a connection stands, in a word.
pub fn connection_word(look: &Look<'_>, live: &ConnectionLive) -> (&'static str, Style) {
    match (live.connected, &live.fault) {
        (true, _) => ("UP", look.theme.good),
        (false, Some(fault)) => (fault.kind.title(), look.theme.offline),
        (false, None) => ("CLOSED", look.theme.dim),
    }
}

/// A link with its protocol and, of a line, its settings.
pub fn link_words(link: &Link) -> String {
    match link {
        Link::ModbusRtu { serial, baud, parity, stop_bits } => {
            format!("{} {baud} {}{stop_bits}", serial.display(), parity.word().chars().next().unwrap_or('n'))
        }
        _ => format!("{} {}", link.name(), link.protocol()),
    }
}
