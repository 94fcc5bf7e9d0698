//! What lies over a screen: a stack, so that Esc always takes one away.

use tui_input::Input;

use super::{AlarmDraft, DeskOverlay, Model, RecordForm};
use crate::{
    domain::{
        audit::Change,
        ids::{DeviceId, MeterId},
        site::PlaceKey,
    },
    tui::actions::Action,
};

/// Most matches that the palette shows; who needs more types more.
pub const MAX_PALETTE_MATCHES: usize = 100;

/// Something over the screen that has the keys.
#[derive(Debug, Clone)]
pub enum Overlay {
    /// Keys of this screen, with a filter.
    Help {
        /// The filter.
        input: Input,
        /// Rows scrolled down.
        scroll: usize,
    },
    /// Actions, places, meters and devices by name.
    Palette {
        /// What is looked for.
        input: Input,
        /// What was found, the best first; at most [`MAX_PALETTE_MATCHES`].
        matches: Vec<PaletteItem>,
        /// Index of the selected match.
        selected: usize,
    },
    /// The log.
    Log {
        /// Lines scrolled up from the newest.
        scroll: usize,
    },
    /// The change log.
    Changes {
        /// The last changes, the latest last; `None` until the service has said them.
        changes: Option<Vec<Change>>,
        /// Changes scrolled up from the latest.
        scroll: usize,
    },
    /// What is about to be done to an alarm, with its note.
    Alarm(AlarmDraft),
    /// What is about to be recorded of a meter.
    Record(Box<RecordForm>),
    /// Something of the review desk.
    Desk(Box<DeskOverlay>),
    /// The filter of the list below, while it is typed.
    Filter {
        /// What is typed.
        input: Input,
        /// The filter as it was, for Esc.
        before: String,
    },
}

/// Something that the palette finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaletteItem {
    /// Does it.
    Action(Action),
    /// Goes to it in the tree.
    Place(PlaceKey),
    /// Opens it.
    Meter(MeterId),
    /// Goes to it among the devices.
    Device(DeviceId),
}

impl PaletteItem {
    /// What an item of the palette is called, and what it is.
    pub fn text(&self, model: &Model) -> (String, String) {
        match self {
            Self::Action(action) => (action.name().to_owned(), action.line().to_owned()),
            Self::Place(key) => {
                let name = |key| model.site.places.get(key).map_or("", |place| place.name.as_str());
                let mut path: Vec<_> = model.site.path(key).skip(1).map(name).collect();
                path.reverse();
                (name(key).to_owned(), [vec![key.level.title()], path].concat().join(" / "))
            }
            Self::Meter(id) => {
                let meter = model.site.meters.get(id);
                let name = meter.map_or_else(|| id.to_string(), |meter| meter.name.clone());
                let more = meter.and_then(|meter| meter.meter_name.as_deref()).unwrap_or_default();
                (name, format!("meter {id} {more}").trim_end().to_owned())
            }
            Self::Device(id) => {
                let link = model.site.devices.get(id).map(|device| device.link.name()).unwrap_or_default();
                (id.to_string(), format!("device {link}"))
            }
        }
    }
}

/// The rows of help on this screen: actions whose keys or line hold what was typed.
pub fn help_rows(model: &Model, filter: &str) -> Vec<Action> {
    let filter = filter.to_lowercase();
    let finds = |action: &Action| {
        let keys = model.keymap.keys(*action);
        filter.is_empty()
            || keys.iter().any(|key| key.to_string().to_lowercase() == filter)
            || format!("{} {}", action.name(), action.line()).to_lowercase().contains(&filter)
    };
    let offered =
        |action: &Action| action.has_keys_on(&model.screen) && action.is_offered(&model.screen, model.is_read_only());
    Action::ALL.iter().copied().filter(offered).filter(finds).collect()
}
