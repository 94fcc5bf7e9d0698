//! `meterdeck doctor`: what stands in the way of running well, and what to do about each. Works without a service.

use std::{fmt::Write as _, path::Path, process::ExitCode};

use serde::Serialize;

use super::{
    Global,
    exit::{CommandError, Exit},
    meters::{document, print},
    start::{self, LogTo},
};
use crate::{
    config::{self, Loaded, locate::default_data_dir},
    text::clean_within,
};

mod files;
mod reach;
mod system;

/// Longest finding on one line; a path has at most 4096 bytes.
const MAX_LINE: usize = 5_000;

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    /// As it should be.
    Good,
    /// It cannot be told from here.
    Unknown,
    /// It will be trouble.
    Warning,
    /// It is trouble.
    Bad,
}

/// What was found out about one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Finding {
    /// What was looked at: "disk".
    check: &'static str,
    /// How it is.
    verdict: Verdict,
    /// In words.
    found: String,
    /// What to do.
    to_do: Option<String>,
}

impl Finding {
    fn new(check: &'static str, verdict: Verdict, found: impl Into<String>) -> Self {
        Self { check, verdict, found: found.into(), to_do: None }
    }

    fn good(check: &'static str, found: impl Into<String>) -> Self {
        Self::new(check, Verdict::Good, found)
    }

    fn unknown(check: &'static str, found: impl Into<String>) -> Self {
        Self::new(check, Verdict::Unknown, found)
    }

    fn warning(check: &'static str, found: impl Into<String>) -> Self {
        Self::new(check, Verdict::Warning, found)
    }

    fn bad(check: &'static str, found: impl Into<String>) -> Self {
        Self::new(check, Verdict::Bad, found)
    }

    fn with_to_do(mut self, to_do: impl Into<String>) -> Self {
        self.to_do = Some(to_do.into());
        self
    }
}

/// Looks at everything and prints what was found.
///
/// # Errors
/// Output that cannot be written. What is wrong with the site is no error: it is printed, and the exit code is 1.
pub fn run(global: &Global) -> Result<ExitCode, CommandError> {
    start::log("error", LogTo::Stderr, global.color)?;
    let findings = start::runtime()?.block_on(examine(global))?;
    let is_well = findings.iter().all(|finding| finding.verdict <= Verdict::Unknown);
    let printed = if global.json {
        document(&serde_json::json!({ "well": is_well, "findings": findings }))
    } else {
        print(&text(&findings))
    }?;
    Ok(if is_well { printed } else { Exit::Failed.into() })
}

/// Looks at everything.
pub(super) async fn examine(global: &Global) -> Result<Vec<Finding>, CommandError> {
    let (path, data) = (global.config.clone(), global.data.clone());
    let (mut findings, loaded, dir) = start::blocking(move || {
        let (of_site, loaded) = site_file(path.as_deref());
        let of_loaded = loaded.as_ref().map(|loaded| loaded.site.data_dir.clone());
        let dir = data.or(of_loaded).unwrap_or_else(default_data_dir);
        let mut findings = of_site;
        findings.extend(files::look(&dir, loaded.as_ref()));
        findings.extend(system::look(&dir, loaded.as_ref()));
        Ok((findings, loaded, dir))
    })
    .await?;
    findings.extend(reach::look(&dir, loaded.as_ref()).await);
    Ok(findings)
}

fn site_file(named: Option<&Path>) -> (Vec<Finding>, Option<Loaded>) {
    const CHECK: &str = "site file";
    let path = match config::locate(named) {
        Ok(path) => path,
        Err(error) => {
            return (
                vec![Finding::bad(CHECK, error.to_string()).with_to_do("write one, or name it with --config")],
                None,
            );
        }
    };
    match config::load(&path) {
        Ok(loaded) => {
            let found = format!(
                "{}: {} devices, {} meters",
                path.display(),
                loaded.site.devices.len(),
                loaded.site.meters.len()
            );
            let mut findings = vec![Finding::good(CHECK, found)];
            findings.extend(loaded.files.iter().filter_map(|file| files::of_site_file(file)));
            (findings, Some(loaded))
        }
        Err(problems) => {
            let found = format!("{} has {} mistakes", path.display(), problems.errors());
            (vec![Finding::bad(CHECK, found).with_to_do("`meterdeck check` shows each with its line")], None)
        }
    }
}

fn text(findings: &[Finding]) -> String {
    let width = findings.iter().map(|finding| finding.check.len()).max().unwrap_or_default();
    let mut text = String::new();
    for Finding { check, verdict, found, to_do } in findings {
        let word = match verdict {
            Verdict::Good => "ok",
            Verdict::Unknown => "not known",
            Verdict::Warning => "WARNING",
            Verdict::Bad => "BAD",
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{word:<9}  {check:<width$}  {}", clean_within(found, MAX_LINE));
        if let Some(to_do) = to_do {
            let _ = writeln!(text, "{:<9}  {:<width$}  -> {}", "", "", clean_within(to_do, MAX_LINE));
        }
    }
    let open = findings.iter().filter(|finding| finding.verdict >= Verdict::Warning).count();
    let _ = match open {
        0 => writeln!(text, "Nothing stands in the way."),
        1 => writeln!(text, "1 thing to see to."),
        count => writeln!(text, "{count} things to see to."),
    };
    text
}
