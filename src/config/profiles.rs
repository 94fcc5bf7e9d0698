//! The profiles that a site may use: the embedded ones, and over them those beside the site file.

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use super::{
    include,
    problems::{Problem, Sink},
    profile,
};
use crate::domain::register::Profile;

/// Most profiles beside a site file.
const MAX_PROFILES: usize = 256;

/// Profiles by id; `None` where a file is wrong and has been reported.
#[derive(Debug, Default)]
pub(super) struct Profiles(BTreeMap<String, Option<Arc<Profile>>>);

impl Profiles {
    /// The embedded profiles.
    pub(super) fn embedded() -> Self {
        let profiles = profile::embedded_profiles().iter();
        Self(profiles.map(|(id, profile)| (id.to_string(), Some(Arc::clone(profile)))).collect())
    }

    /// The embedded profiles and, over them, those of a folder; returns the files too.
    pub(super) fn with_folder(folder: &Path, sink: &Sink) -> (Self, Vec<std::path::PathBuf>) {
        let mut profiles = Self::embedded();
        let files = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
        let mut files: Vec<_> = files
            .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
            .take(MAX_PROFILES + 1)
            .collect();
        files.sort();
        if files.len() > MAX_PROFILES {
            let message = format!("there are more than {MAX_PROFILES} profiles");
            sink.add(Problem::of_file(&folder.display().to_string(), message).help("remove those that no device uses"));
        }
        for path in &files {
            let id = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let profile = include::read_source(path, sink, None).and_then(|source| profile::read(&id, &source, sink));
            profiles.0.insert(id, profile.map(Arc::new));
        }
        (profiles, files)
    }

    /// Whether there is such a profile, right or wrong.
    pub(super) fn has(&self, id: &str) -> bool {
        self.0.contains_key(id)
    }

    /// All ids.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// A profile that is right.
    pub(super) fn get(&self, id: &str) -> Option<&Arc<Profile>> {
        self.0.get(id)?.as_ref()
    }
}
