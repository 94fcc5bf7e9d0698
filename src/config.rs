//! The site file: found, read, checked whole, and resolved into a [`Site`].
//!
//! Every table is walked even where an earlier one is wrong, so that all mistakes are reported at once, each with
//! file, line, column and what to write instead. Which keys there are is said once, in `schema`.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crate::domain::{ids::DeviceId, site::Site};

pub mod duration;
pub mod locate;
pub mod problems;
pub mod profile;

mod chains;
mod choice;
mod control;
mod currency;
mod cycles;
mod devices;
mod fields;
mod include;
mod link;
mod meters;
mod metrics;
mod parties;
mod places;
mod profiles;
mod references;
mod registers;
mod schema;
pub mod secret;
mod simulate;
mod site;
mod tree;

pub use locate::locate;
pub use metrics::{Listen, Metrics};
pub use problems::{Problem, Problems, Severity};
pub use profile::embedded_profiles;

use include::Files;
use problems::Sink;
use profiles::Profiles;
use site::Built;

/// The JSON schema of the site file, for editors.
pub fn json_schema() -> serde_json::Value {
    schema::json::schema()
}

/// A site file that is right, and where it came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The site.
    pub site: Site,
    /// The files that were read: the site file first, then those that it includes, then profiles beside it.
    pub files: Vec<PathBuf>,
    /// What is allowed but hardly meant.
    pub warnings: Vec<Problem>,
    /// `[simulate.<device>]` as written; the simulator checks the keys.
    pub simulate: BTreeMap<DeviceId, toml::Table>,
    /// `[metrics]`: where the service is measured; `None` where nobody may.
    pub metrics: Option<Metrics>,
}

/// Reads the site file at `path`, the files that it includes and the profiles beside it.
///
/// # Errors
/// Everything that is wrong, in file order.
pub fn load(path: &Path) -> Result<Loaded, Problems> {
    let sink = Sink::default();
    let folder = path.parent().unwrap_or(Path::new(""));
    let (profiles, profile_files) = Profiles::with_folder(&folder.join("profiles"), &sink);
    let read = Files::read(path, &sink);
    let mut files = read.as_ref().map(|files| files.paths.clone()).unwrap_or_default();
    files.extend(profile_files);
    let built = read.and_then(|files| site::build(&files, &profiles, &sink));
    let order: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    let (Built { site, simulate, metrics }, warnings) = sink.finish(&order, built)?;
    Ok(Loaded { site, files, warnings, simulate, metrics })
}

/// Reads a site file from text: an embedded one, which includes nothing. `name` is shown in problems.
///
/// # Errors
/// Everything that is wrong, in file order.
pub fn parse(name: &str, text: &str) -> Result<Loaded, Problems> {
    let sink = Sink::default();
    let built = Files::of_text(name, text, &sink).and_then(|files| site::build(&files, &Profiles::embedded(), &sink));
    let (Built { site, simulate, metrics }, warnings) = sink.finish(&[name.to_owned()], built)?;
    Ok(Loaded { site, files: Vec::new(), warnings, simulate, metrics })
}

#[cfg(test)]
mod tests;
