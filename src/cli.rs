//! Arguments, commands and what they print: arguments → request → print, one file for each command.

use std::{
    io::{self, IsTerminal as _},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use clap::{Parser, Subcommand, ValueEnum};

use self::start::LogTo;
use crate::config;

pub mod alarms;
pub mod attach;
pub mod audit;
pub mod backup;
pub mod check;
pub mod demo;
pub mod dispatch;
pub mod doctor;
pub mod duplicates;
pub mod exit;
pub mod generate;
pub mod history;
pub mod logging;
pub mod meters;
pub mod poll;
pub mod programme_meters;
pub mod pue;
pub mod record;
pub mod simulate;
pub mod start;
pub mod statements;
pub mod status;
pub mod support_bundle;
pub mod terminal;
pub mod time;
pub mod usage;

/// Live panels, alarms and polling for a site's power meters, in the terminal.
///
/// Without a command the terminal program starts: a client of the running service, or with its own.
#[derive(Debug, Parser)]
#[command(name = "meterdeck", version, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(flatten)]
    terminal: Terminal,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Options of every command.
#[derive(Debug, clap::Args)]
pub struct Global {
    /// The site file [default: ./site.toml, then $XDG_CONFIG_HOME/meterdeck/site.toml, then /etc/meterdeck/site.toml]
    #[arg(long, global = true, value_name = "FILE", env = "METERDECK_CONFIG")]
    config: Option<PathBuf>,
    /// The folder of database, lock and socket, over [storage] dir
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print for programs: one JSON document, or one object a line where it streams
    #[arg(long, global = true)]
    json: bool,
    /// Whether to use colour; NO_COLOR is heeded
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: Colour,
    /// What to log: error, warn, info, debug, or a filter such as `meterdeck::poll=debug`
    #[arg(long, global = true, value_name = "LEVEL", default_value = "info")]
    log: String,
}

/// Options of the terminal program.
#[derive(Debug, Clone, clap::Args)]
pub struct Terminal {
    /// Offer nothing that changes anything
    #[arg(long)]
    read_only: bool,
    /// Draw with ASCII characters only
    #[arg(long)]
    ascii: bool,
    /// default, light, mono, high-contrast or colour-safe
    #[arg(long, value_name = "NAME")]
    theme: Option<String>,
}

#[derive(Debug, Subcommand)]
enum HistoryCommand {
    /// Back-fill from CSV with the columns time,meter,quantity,value
    Import {
        /// The files; - for standard input
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Let a different value for the same time take the place of what is stored
        #[arg(long)]
        replace: bool,
    },
}

impl Terminal {
    /// These options, where given; else those given before the command.
    fn or(&self, before: &Self) -> Self {
        Self {
            read_only: self.read_only || before.read_only,
            ascii: self.ascii || before.ascii,
            theme: self.theme.clone().or_else(|| before.theme.clone()),
        }
    }
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    /// On a terminal, unless NO_COLOR says otherwise.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// A simulated site with the terminal program, nothing to set up
    Demo {
        /// Poll without a screen
        #[arg(long)]
        headless: bool,
        #[command(flatten)]
        terminal: Terminal,
    },
    /// Poll without a screen: the site's service
    Poll {
        /// Read every device once, print, end with 69 if any failed
        #[arg(long)]
        once: bool,
        /// End after this time, such as 10s or 5m
        #[arg(long = "for", value_name = "TIME", value_parser = duration)]
        run_for: Option<Duration>,
        /// Write the log to this file instead of standard error; two files of 8 MiB at most
        #[arg(long, value_name = "FILE")]
        log_file: Option<PathBuf>,
    },
    /// How it goes: service, devices, alarms, reviews; ends with 1 where something wants a person, 69 without a service
    Status,
    /// What stands in the way of running well, and what to do: disk, clock, permissions, lines, database, connections
    Doctor,
    /// Write one file for whoever helps: versions, configuration, log, status; no secrets, no names of customers
    SupportBundle {
        /// The file, which must not be there yet
        file: PathBuf,
    },
    /// Check the site file: every mistake at once, else what it says and how full each connection is
    Check {
        /// Print the JSON schema of site files, for editors
        #[arg(long)]
        schema: bool,
    },
    /// Stored samples or means of a quantity; `history import` adds to them
    #[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
    History {
        #[command(subcommand)]
        import: Option<HistoryCommand>,
        /// Id of the meter
        #[arg(required = true)]
        meter: Option<String>,
        /// The quantity, as in the site file: current_kw, kwh_lifetime, …
        #[arg(required = true)]
        quantity: Option<String>,
        /// Means over steps of this length, such as 15m
        #[arg(long, value_name = "TIME", value_parser = duration)]
        step: Option<Duration>,
        #[command(flatten)]
        what: history::What,
    },
    /// Interval data: energy of each quarter of an hour
    Intervals {
        /// Id of the meter
        meter: String,
        #[command(flatten)]
        what: history::What,
    },
    /// The site's meters with readings, consumption, thresholds and maintenance
    Meters {
        /// Id of one meter; without it all
        id: Option<String>,
        /// As they stood then: 2026-01-31T08:30 (the site's time) or RFC 3339
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
    },
    /// Write into a meter's book, with who and when
    Record {
        /// Id of the meter
        meter: String,
        #[command(subcommand)]
        what: record::What,
    },
    /// Power usage effectiveness: what comes in over what IT takes
    Pue {
        #[command(flatten)]
        what: pue::What,
    },
    /// Utility statements and meter details: take them in
    Statements {
        #[command(subcommand)]
        action: statements::Action,
    },
    /// Readings billed twice: what waits for a person, and deciding it
    Duplicates {
        #[command(subcommand)]
        action: duplicates::Action,
    },
    /// The accounting of utility readings: what counts for each period, totals, what is missing
    Usage {
        #[command(flatten)]
        what: usage::What,
    },
    /// Copy everything that is kept to a file, and check the copy
    Backup {
        /// The file; one that is there is replaced by a good copy only
        file: PathBuf,
    },
    /// Put a backup in the place of what is kept, once it is checked
    Restore {
        /// The backup
        file: PathBuf,
    },
    /// The alarms that are not normal: list, acknowledge, shelve
    Alarms {
        #[command(subcommand)]
        action: Option<alarms::Action>,
    },
    /// The change log: who changed what, when, and what came of it
    Audit {
        #[command(subcommand)]
        action: Option<audit::Action>,
    },
    /// Programme meters: where programmes dispatch and measure
    ProgrammeMeters {
        #[command(subcommand)]
        action: programme_meters::Action,
    },
    /// Events: plan, start, show, call off; take in what programmes send
    Dispatch {
        #[command(subcommand)]
        action: dispatch::Action,
    },
    /// Serve the devices of a site file on loopback ports, each as its [simulate.DEVICE] table says
    Simulate {
        /// The site file
        file: PathBuf,
    },
    /// Write shell completions to standard output
    #[command(hide = true)]
    Completions {
        /// For which shell
        shell: clap_complete::Shell,
    },
    /// Write the man pages into a folder
    #[command(hide = true)]
    Man {
        /// The folder
        folder: PathBuf,
    },
}

/// A time as the site file writes it: `10s`, `5m`, `250ms`.
fn duration(text: &str) -> Result<Duration, String> {
    config::duration::parse(text).ok_or_else(|| "write a whole number and ms, s, m, h or d, such as 10s".to_owned())
}

/// Runs the program with the process's own arguments.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.run() {
        Ok(code) => code,
        Err(error) => error.report(),
    }
}

impl Cli {
    fn run(self) -> Result<ExitCode, exit::CommandError> {
        let global = &self.global;
        match self.command {
            Some(Command::Demo { headless, terminal }) => demo::run(global, headless, &terminal.or(&self.terminal)),
            Some(Command::Poll { once, run_for, log_file }) => {
                let options = poll::Options { once, run_for, json: global.json };
                let to = log_file.as_deref().map_or(LogTo::Stderr, LogTo::File);
                let log = start::log(&global.log, to, global.color)?;
                start::runtime()?.block_on(poll::command(global, log, &options))
            }
            Some(Command::Status) => status::run(global),
            Some(Command::Doctor) => doctor::run(global),
            Some(Command::SupportBundle { file }) => support_bundle::run(global, &file),
            Some(Command::Check { schema }) => {
                let colour = global.color.applies(io::stderr().is_terminal());
                check::run(global.config.as_deref(), schema, global.json, colour)
            }
            Some(Command::History { import: Some(HistoryCommand::Import { files, replace }), .. }) => {
                history::import::run(global, &files, replace)
            }
            Some(Command::History { meter, quantity, step, what, .. }) => {
                let (meter, quantity) = (meter.unwrap_or_default(), quantity.unwrap_or_default());
                history::history(global, &meter, &quantity, step, &what)
            }
            Some(Command::Intervals { meter, what }) => history::intervals(global, &meter, &what),
            Some(Command::Meters { id, at }) => meters::run(global, id.as_deref(), at.as_deref()),
            Some(Command::Record { meter, what }) => record::run(global, &meter, what),
            Some(Command::Pue { what }) => pue::run(global, &what),
            Some(Command::Statements { action }) => statements::run(global, &action),
            Some(Command::Duplicates { action }) => duplicates::run(global, &action),
            Some(Command::Usage { what }) => usage::run(global, &what),
            Some(Command::Backup { file }) => backup::backup(global, &file),
            Some(Command::Restore { file }) => backup::restore(global, &file),
            Some(Command::Alarms { action }) => alarms::run(global, &action.unwrap_or(alarms::Action::List)),
            Some(Command::Audit { action }) => audit::run(global, action),
            Some(Command::ProgrammeMeters { action }) => programme_meters::run(global, &action),
            Some(Command::Dispatch { action }) => dispatch::run(global, &action),
            Some(Command::Simulate { file }) => {
                start::log(&global.log, LogTo::Stderr, global.color)?;
                start::runtime()?.block_on(async { simulate::run(&file, global.json, start::stop_on_signals()?).await })
            }
            Some(Command::Completions { shell }) => generate::completions(shell),
            Some(Command::Man { folder }) => generate::man_pages(&folder),
            None => terminal::run(global, &self.terminal),
        }
    }
}
