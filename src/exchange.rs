//! What comes from and goes to outside systems: one folder for each.

pub mod statements;
