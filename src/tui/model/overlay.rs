//! What lies over a screen: a stack, so that Esc always takes one away.

use tui_input::Input;

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
        /// The selected match.
        selected: usize,
    },
    /// The log.
    Log,
    /// The filter of the list below, while it is typed.
    Filter {
        /// What is typed.
        input: Input,
        /// The filter as it was, for Esc.
        before: String,
    },
    /// Something that was done, or why it was not; any key takes it away.
    Notice {
        /// One line.
        text: String,
        /// Whether it is an error.
        is_error: bool,
    },
}
