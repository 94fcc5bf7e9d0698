//! Widgets that ratatui lacks.

pub mod bar;
pub mod cells;
pub mod look;
pub mod plot;
pub mod reading;
pub mod spark;

pub use cells::Cells;
pub use look::Look;
