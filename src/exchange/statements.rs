//! Utility statements and meter details as they come from outside: JSON files of several shapes, read document by document.
//!
//! `input` opens files, `split` cuts them into documents without holding more than one, `shapes` names the fields, `build`,
//! `legacy` and `read` make of them what `domain::duplicate` knows. Nothing here keeps or decides anything.

pub use build::{Detail, Remark};
pub use read::{BadFile, Found, Reader};
pub use split::{MAX_DEPTH, MAX_DOCUMENT_BYTES};

mod build;
pub mod input;
mod json;
mod legacy;
mod page;
mod read;
mod scan;
mod shapes;
mod split;
