//! What a terminal program starts with: the command line's options, and what the environment says.

use std::{env, fs, io, path::PathBuf};

use super::{TuiError, keymap::Keymap, model::Options, theme::ColourDepth};

/// What a terminal program starts with, besides the service.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// How this terminal wants it.
    pub options: Options,
    /// A person's own keys, if the file is there.
    pub keymap_file: Option<PathBuf>,
    /// Where the session is kept; without it nothing is remembered.
    pub session_file: Option<PathBuf>,
    /// Where exports go.
    pub export_folder: PathBuf,
    /// Whether tmux is between us and the person's terminal.
    pub in_tmux: bool,
}

impl Settings {
    /// The options of the command line, and the rest from the environment: NO_COLOR, TERM, TMUX and the XDG folders.
    pub fn from_environment(mut options: Options) -> Self {
        let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        if set("NO_COLOR").is_some() {
            options.colour = ColourDepth::None;
        }
        // The console's own fonts lack most of what is drawn with.
        options.ascii |= set("TERM").is_some_and(|term| term == "linux" || term == "dumb");
        let folder = |xdg: &str, default: &str| {
            let home = || set("HOME").map(|home| PathBuf::from(home).join(default));
            set(xdg).map(PathBuf::from).filter(|path| path.is_absolute()).or_else(home)
        };
        Self {
            options,
            keymap_file: folder("XDG_CONFIG_HOME", ".config").map(|folder| folder.join("meterdeck/keymap.toml")),
            session_file: folder("XDG_STATE_HOME", ".local/state").map(|folder| folder.join("meterdeck/session.json")),
            export_folder: PathBuf::from("."),
            in_tmux: set("TMUX").is_some(),
        }
    }

    /// The default keys, with those of a person's own file over them.
    pub(super) fn keymap(&self) -> Result<Keymap, TuiError> {
        let path = self.keymap_file.clone().unwrap_or_default();
        let own = match fs::read_to_string(&path) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(TuiError::KeymapFile { path, error }),
        };
        Keymap::load(own.as_deref()).map_err(|problems| TuiError::Keymap { path, problems })
    }
}
