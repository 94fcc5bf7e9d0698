//! What comes from and goes to outside systems: one folder for each.

pub mod leap;
pub mod statements;
