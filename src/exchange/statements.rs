//! Utility statements and meter details as they come from outside: JSON files of several shapes, read document by document.

pub mod input;
mod json;
mod page;
mod split;
