//! Where the site file and the data are, where nobody says.

use std::{
    env,
    path::{Path, PathBuf},
};

/// The site file's name.
const FILE_NAME: &str = "site.toml";

/// No site file is anywhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "no site file: looked for {}; name one with --config, or try `meterdeck demo`",
    .looked_at.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
)]
pub struct NotFound {
    /// Where was looked.
    pub looked_at: Vec<PathBuf>,
}

/// The site file: the one that was named, else `$METERDECK_CONFIG`, `./site.toml`,
/// `$XDG_CONFIG_HOME/meterdeck/site.toml`, `/etc/meterdeck/site.toml`. One that was named need not exist:
/// reading it says why not.
///
/// # Errors
/// [`NotFound`] where none was named and none is there.
pub fn locate(cli: Option<&Path>) -> Result<PathBuf, NotFound> {
    let variable = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let config_home = variable("XDG_CONFIG_HOME").or_else(|| Some(variable("HOME")?.join(".config")));
    find(cli, variable("METERDECK_CONFIG").as_deref(), config_home.as_deref())
}

fn find(cli: Option<&Path>, named: Option<&Path>, config_home: Option<&Path>) -> Result<PathBuf, NotFound> {
    if let Some(path) = cli.or(named) {
        return Ok(path.to_owned());
    }
    let mut places = vec![Path::new(".").join(FILE_NAME)];
    places.extend(config_home.map(|home| home.join("meterdeck").join(FILE_NAME)));
    places.push(Path::new("/etc/meterdeck").join(FILE_NAME));
    match places.iter().find(|path| path.is_file()) {
        Some(path) => Ok(path.clone()),
        None => Err(NotFound { looked_at: places }),
    }
}

/// The data folder where the file names none: `$XDG_STATE_HOME/meterdeck`, else `~/.local/state/meterdeck`.
pub fn default_data_dir() -> PathBuf {
    let variable = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = variable("XDG_STATE_HOME").or_else(|| Some(variable("HOME")?.join(".local/state")));
    state.unwrap_or_else(|| PathBuf::from("/var/lib")).join("meterdeck")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_first_that_is_there_wins() {
        let home = tempfile::tempdir().unwrap();
        let named = Path::new("somewhere/else.toml");
        assert_eq!(find(Some(Path::new("a.toml")), Some(named), None).unwrap(), Path::new("a.toml"));
        assert_eq!(find(None, Some(named), None).unwrap(), named);
        let missing = find(None, None, Some(home.path())).unwrap_err();
        assert_eq!(missing.looked_at.len(), 3);
        let file = home.path().join("meterdeck/site.toml");
        fs::create_dir(home.path().join("meterdeck")).unwrap();
        fs::write(&file, "").unwrap();
        assert_eq!(find(None, None, Some(home.path())).unwrap(), file);
    }
}
