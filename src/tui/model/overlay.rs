//! What lies over a screen: a stack, so that Esc always takes one away.

use tui_input::Input;

use crate::{
    domain::{
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
