//! Completions and man pages, made from the same table as the arguments.

use std::{io, io::Write as _, path::Path, process::ExitCode};

use clap::CommandFactory as _;

use super::{
    Cli,
    exit::{self, CommandError, Exit},
};

/// Writes completions for `shell` to standard output.
pub fn completions(shell: clap_complete::Shell) -> Result<ExitCode, CommandError> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "meterdeck", &mut text);
    exit::output(io::stdout().write_all(&text))
}

/// Writes `meterdeck.1` and a page for each command into `folder`.
pub fn man_pages(folder: &Path) -> Result<ExitCode, CommandError> {
    std::fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(Cli::command(), folder)).map_err(
        |error| {
            CommandError::new(Exit::CannotCreate, format!("Cannot write man pages into {}: {error}.", folder.display()))
        },
    )?;
    Ok(Exit::Done.into())
}
