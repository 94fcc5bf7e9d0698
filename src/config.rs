//! The site file: found, read, checked whole, and resolved into a [`Site`](crate::domain::site::Site).

pub mod problems;
pub mod profile;

mod choice;
mod duration;
mod fields;
mod registers;
mod schema;
mod tree;

pub use problems::{Problem, Problems, Severity};
pub use profile::embedded_profiles;
