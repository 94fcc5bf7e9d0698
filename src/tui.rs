//! The terminal: what a technician sees and presses.
