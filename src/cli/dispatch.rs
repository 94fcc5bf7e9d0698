//! `meterdeck dispatch`: plan an event, start it, see how it goes, call it off, take in what programmes send.

use std::{
    io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::Subcommand;
use jiff::Timestamp;

use super::{
    Global,
    exit::{CommandError, Exit},
    history::with_service,
    meters::{print, unexpected},
    time,
};
use crate::{
    domain::{
        dispatch::{Draft, Plan, Wanted},
        programme::{EventId, ProgrammeMeterId},
        site::Site,
    },
    exchange::leap,
    service::{
        client::Client,
        interface::{
            Request, Response,
            dispatch::{DispatchRequest, DispatchResponse, MAX_EVENTS},
        },
    },
};

pub mod print;

/// What to do.
#[derive(Debug, Clone, PartialEq, Subcommand)]
pub enum Action {
    /// Show what an event would do; moves nothing
    Plan {
        /// What is asked for
        #[command(flatten)]
        what: What,
    },
    /// Start an event: now, or at its start
    Start {
        /// What is asked for
        #[command(flatten)]
        what: What,
        /// Confirm it without being asked
        #[arg(long)]
        yes: bool,
    },
    /// Confirm an event that waits for a person
    Confirm {
        /// Its id
        event: String,
        /// Confirm it without being asked
        #[arg(long)]
        yes: bool,
    },
    /// The events, the latest first
    List,
    /// One event, with what each device does for it
    Show {
        /// Its id
        event: String,
    },
    /// What an event has saved, against the baseline
    Report {
        /// Its id
        event: String,
        /// As CSV, one line for each interval
        #[arg(long)]
        csv: bool,
    },
    /// Call an event off; what it holds goes back
    Cancel {
        /// Its id
        event: String,
    },
    /// Call every active event off; everything that is held goes back
    Abort,
    /// Decide about a device that somebody else has set
    Resolve {
        /// The device
        device: String,
        /// Write back what it held before
        #[arg(long, conflicts_with = "leave", required_unless_present = "leave")]
        restore: bool,
        /// Leave it as it is
        #[arg(long)]
        leave: bool,
    },
    /// Take in events of Leap's Dispatch API: answers of a search or bodies of webhooks
    Import {
        /// The file; - for standard input
        file: PathBuf,
    },
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, clap::Args)]
pub struct What {
    /// A programme meter; may be given several times
    #[arg(long = "meter", value_name = "ID", required = true)]
    meters: Vec<String>,
    /// Limit every device to so many kW
    #[arg(
        long,
        value_name = "N",
        conflicts_with = "max",
        required_unless_present = "max",
        allow_negative_numbers = true
    )]
    limit_kw: Option<f64>,
    /// As much as possible
    #[arg(long)]
    max: bool,
    /// now, 2026-01-31T08:30 (the site's time) or RFC 3339
    #[arg(long, value_name = "TIME", default_value = "now")]
    start: String,
    /// How long, such as 30m or 2h
    #[arg(long, value_name = "TIME", value_parser = super::duration)]
    duration: Duration,
}

impl What {
    fn draft(&self, site: &Site) -> Result<Draft, CommandError> {
        let meter = |id: &String| {
            let shown = crate::text::clean(id);
            ProgrammeMeterId::new(id)
                .ok_or_else(|| CommandError::new(Exit::Usage, format!("`{shown}` is no id of a programme meter.")))
        };
        let start = match self.start.as_str() {
            "now" => None,
            text => Some(time::moment(text, &time::zone(site))?),
        };
        Ok(Draft {
            meters: self.meters.iter().map(meter).collect::<Result<_, _>>()?,
            wanted: self.limit_kw.map_or(Wanted::Max, Wanted::LimitKw),
            start,
            duration: self.duration,
        })
    }
}

/// Does it.
///
/// # Errors
/// What the service refuses, and input that cannot be read.
pub fn run(global: &Global, action: &Action) -> Result<ExitCode, CommandError> {
    with_service(global, async |site, client| match action {
        Action::Plan { what } => {
            let draft = what.draft(&site)?;
            let (plan, start, end, _) = planned(client, DispatchRequest::Plan { draft: draft.clone() }).await?;
            print(&print::plan(&draft.meters, &plan, start, end, global.json))
        }
        Action::Start { what, yes } => {
            let draft = what.draft(&site)?;
            let (plan, start, end, select) = planned(client, DispatchRequest::Plan { draft: draft.clone() }).await?;
            confirmed(&draft.meters, &plan, (start, end), *yes)?;
            event(client, DispatchRequest::Start { draft, select }, global.json).await
        }
        Action::Confirm { event: id, yes } => {
            let id = event_id(id)?;
            let (plan, start, end, select) = planned(client, DispatchRequest::Review { event: id.clone() }).await?;
            confirmed(&[], &plan, (start, end), *yes)?;
            event(client, DispatchRequest::Confirm { event: id, select }, global.json).await
        }
        Action::List => match ask(client, DispatchRequest::List).await? {
            DispatchResponse::Events { events } => print(&print::events(&events, global.json)),
            _ => Err(unexpected()),
        },
        Action::Show { event: id } => event(client, DispatchRequest::Show { event: event_id(id)? }, global.json).await,
        Action::Report { event: id, csv } => {
            match ask(client, DispatchRequest::Effect { event: event_id(id)? }).await? {
                DispatchResponse::Effect { effects } => print(&print::effects(id, &effects, global.json, *csv)),
                _ => Err(unexpected()),
            }
        }
        Action::Cancel { event: id } => {
            event(client, DispatchRequest::Cancel { event: event_id(id)? }, global.json).await
        }
        Action::Abort => match ask(client, DispatchRequest::Abort).await? {
            DispatchResponse::Events { events } => print(&print::events(&events, global.json)),
            _ => Err(unexpected()),
        },
        Action::Resolve { device, restore, .. } => {
            let device = device
                .parse()
                .map_err(|error: crate::domain::ids::IdError| CommandError::new(Exit::Usage, error.to_string()))?;
            ask(client, DispatchRequest::Resolve { device, restore: *restore }).await?;
            Ok(Exit::Done.into())
        }
        Action::Import { file } => import(client, file, global.json).await,
    })
}

async fn ask(client: &Client, request: DispatchRequest) -> Result<DispatchResponse, CommandError> {
    match client.requests.ask(Request::Dispatch(request)).await? {
        Response::Dispatch(response) => Ok(response),
        _ => Err(unexpected()),
    }
}

async fn planned(
    client: &Client,
    request: DispatchRequest,
) -> Result<(Plan, Timestamp, Timestamp, String), CommandError> {
    match ask(client, request).await? {
        DispatchResponse::Planned { plan, start, end, select } => Ok((plan, start, end, select)),
        _ => Err(unexpected()),
    }
}

async fn event(client: &Client, request: DispatchRequest, json: bool) -> Result<ExitCode, CommandError> {
    match ask(client, request).await? {
        DispatchResponse::Event { event } => print(&print::event(&event, json)),
        _ => Err(unexpected()),
    }
}

fn event_id(text: &str) -> Result<EventId, CommandError> {
    let shown = crate::text::clean(text);
    EventId::new(text).ok_or_else(|| CommandError::new(Exit::Usage, format!("`{shown}` is no id of an event.")))
}

/// Asks a person for the plan's code, unless `yes`; without a terminal nobody can be asked.
fn confirmed(
    meters: &[ProgrammeMeterId],
    plan: &Plan,
    (start, end): (Timestamp, Timestamp),
    yes: bool,
) -> Result<(), CommandError> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(CommandError::new(Exit::Usage, "Nobody is there to confirm it.")
            .hinted("give --yes, after a look at `meterdeck dispatch plan`"));
    }
    let code = print::code(plan);
    let mut stderr = io::stderr().lock();
    // A closed stderr leaves nobody to ask; then nothing is typed either.
    let _ = write!(stderr, "{}\nType {code} to start it: ", print::plan(meters, plan, start, end, false));
    let _ = stderr.flush();
    drop(stderr);
    let mut typed = String::new();
    let read = io::stdin().lock().take(64).read_line(&mut typed);
    if read.is_ok() && typed.trim() == code {
        Ok(())
    } else {
        Err(CommandError::new(Exit::Failed, "Not confirmed; nothing was started."))
    }
}

/// Takes in a file of events, or standard input.
async fn import(client: &Client, file: &Path, json: bool) -> Result<ExitCode, CommandError> {
    let bytes = read(file)?;
    let leap::Messages { messages, rejected } = leap::messages(&bytes);
    let mut answers = Vec::with_capacity(messages.len());
    for part in messages.chunks(MAX_EVENTS) {
        match ask(client, DispatchRequest::Import { messages: part.to_vec() }).await? {
            DispatchResponse::Imported { answers: part } => answers.extend(part),
            _ => return Err(unexpected()),
        }
    }
    let is_whole = rejected.is_empty() && answers.iter().all(|answer| answer.state.is_some());
    print(&print::imported(&answers, &rejected, json))?;
    Ok(if is_whole { Exit::Done.into() } else { Exit::BadData.into() })
}

/// The whole of a file, or of standard input for `-`; one byte more than may be taken is enough to see that it is too much.
pub(super) fn read(file: &Path) -> Result<Vec<u8>, CommandError> {
    let most = leap::MAX_BYTES as u64 + 1;
    let mut bytes = Vec::new();
    let read = if file == Path::new("-") {
        io::stdin().lock().take(most).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(most).read_to_end(&mut bytes))
    };
    read.map_err(|error| CommandError::new(Exit::BadData, format!("Cannot read {}: {error}.", file.display())))?;
    Ok(bytes)
}
