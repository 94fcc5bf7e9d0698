//! `meterdeck check`: whether the site file is right, and how full each connection's interval is.

use std::{
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
};

use super::exit::{self, CommandError, Exit};
use crate::config::{self, Loaded, Problem, Problems};

mod load;
mod print;

/// Checks the site file that `path` names, or that is found without, and prints what is wrong or what is there; with
/// `schema` prints the JSON schema of site files instead. Problems go to standard error, with `json` to standard output
/// as an array; `colour` is for standard error.
///
/// # Errors
/// Where there is no site file, or the output cannot be written.
pub fn run(path: Option<&Path>, schema: bool, json: bool, colour: bool) -> Result<ExitCode, CommandError> {
    if schema {
        return document(&config::json_schema());
    }
    let path = config::locate(path).map_err(|error| CommandError::new(Exit::Configuration, error.to_string()))?;
    match config::load(&path) {
        Err(problems) => wrong(&problems, json, colour),
        Ok(loaded) => right(&loaded, json, colour),
    }
}

fn wrong(problems: &Problems, json: bool, colour: bool) -> Result<ExitCode, CommandError> {
    if json {
        document(problems)?;
    } else {
        say(problems.as_slice(), colour);
        let errors = problems.errors();
        let s = if errors == 1 { "" } else { "s" };
        // A closed stderr leaves nobody to tell.
        let _ = writeln!(io::stderr().lock(), "\n{errors} error{s}: the site file cannot be used");
    }
    Ok(Exit::Configuration.into())
}

fn right(loaded: &Loaded, json: bool, colour: bool) -> Result<ExitCode, CommandError> {
    let connections = load::connections(&loaded.site);
    if json {
        return document(&print::report(loaded, &connections));
    }
    say(&loaded.warnings, colour);
    exit::output(io::stdout().lock().write_all(print::text(loaded, &connections).as_bytes()))
}

fn document(document: &impl serde::Serialize) -> Result<ExitCode, CommandError> {
    let text = serde_json::to_string_pretty(document)
        .map_err(|error| CommandError::new(Exit::Internal, format!("Cannot write JSON: {error}.")))?;
    exit::output(io::stdout().lock().write_all((text + "\n").as_bytes()))
}

fn say(problems: &[Problem], colour: bool) {
    let mut stderr = io::stderr().lock();
    for problem in problems {
        // A closed stderr leaves nobody to tell.
        let _ = writeln!(stderr, "{}\n", problem.render(colour));
    }
}
