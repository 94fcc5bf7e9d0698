//! `meterdeck duplicates`: readings billed twice, what was decided about them, and deciding.

use std::{
    fmt::Write as _,
    io::{self, BufWriter, IsTerminal as _, Write as _},
    process::ExitCode,
};

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::{
    Global,
    exit::{self, CommandError, Exit},
    history::with_service,
    statements::{ask, other_answer},
    time,
};
use crate::{
    domain::{
        duplicate::{Choice, Decision, FindingKind, GroupId, ReadingId, Standing, Status, Usage, UsageUnit},
        site::Site,
    },
    service::{
        client::Client,
        interface::duplicates::{
            DuplicatesRequest, DuplicatesResponse, Filter, Group, GroupDetail, MAX_PAGE, Proposal,
        },
    },
};

mod show;

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Action {
    /// Groups of readings that claim one period, and readings that overlap
    List {
        /// How they stand
        #[arg(long, value_name = "STATUS", default_value = "review")]
        status: StatusArgument,
        /// Only these
        #[arg(long, value_name = "KIND")]
        kind: Option<KindArgument>,
    },
    /// All about one group: readings, evidence, decisions
    Show {
        /// Its id
        group: String,
    },
    /// Decide about a group
    Resolve {
        /// Its id
        group: String,
        /// What
        #[command(flatten)]
        choice: ChoiceArguments,
        /// Why
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
        /// Repeat it for the meter's other open groups with the same providers; shows them first, and asks
        #[arg(long)]
        alike: bool,
        /// With --alike: do not ask
        #[arg(long, requires = "alike")]
        yes: bool,
        /// Only if nothing was decided since this version, as `show` prints it
        #[arg(long, value_name = "N")]
        version: Option<u64>,
    },
    /// Take back the decision that holds
    Undo {
        /// Its id
        group: String,
        /// Why
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
        /// Only if nothing was decided since this version
        #[arg(long, value_name = "N")]
        version: Option<u64>,
    },
    /// Everything that was decided about a group
    History {
        /// Its id
        group: String,
    },
}

/// What a person decides.
#[derive(Debug, Clone, clap::Args)]
#[group(required = true, multiple = true)]
pub struct ChoiceArguments {
    /// This reading counts; of an overlap several may
    #[arg(long = "use", value_name = "READING", conflicts_with_all = ["value", "keep_all", "defer"])]
    readings: Vec<String>,
    /// None counts, but this value
    #[arg(long, value_name = "V", requires = "unit", allow_hyphen_values = true, conflicts_with_all = ["keep_all", "defer"])]
    value: Option<String>,
    /// The value's unit
    #[arg(long, value_name = "U", requires = "value")]
    unit: Option<String>,
    /// All count: they are no duplicates
    #[arg(long, conflicts_with = "defer")]
    keep_all: bool,
    /// Later
    #[arg(long)]
    defer: bool,
}

/// How groups stand, as an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StatusArgument {
    /// Waiting for a person.
    Review,
    /// Not waiting.
    Resolved,
    /// Both.
    All,
}

/// A kind of finding, as an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum KindArgument {
    /// Readings that claim one period.
    Duplicate,
    /// Readings that overlap.
    Overlap,
}

/// Does it.
pub fn run(global: &Global, action: &Action) -> Result<ExitCode, CommandError> {
    with_service(global, async |site, client| match action {
        Action::List { status, kind } => list(client, filter(*status, *kind), global.json).await,
        Action::Show { group } => {
            let detail = detail(client, DuplicatesRequest::Show { group: id(group)? }).await?;
            print_detail(&detail, &site, global.json)
        }
        Action::Resolve { group, choice, reason, alike, yes, version } => {
            let group = id(group)?;
            let choice = choice.choice()?;
            let version = match version {
                Some(version) => *version,
                None => detail(client, DuplicatesRequest::Show { group }).await?.group.finding.version,
            };
            let request = DuplicatesRequest::Decide { group, version, choice: choice.clone(), reason: reason.clone() };
            let decided = detail(client, request).await?;
            let printed = print_detail(&decided, &site, global.json)?;
            if *alike { repeat(client, group, choice, reason, *yes).await } else { Ok(printed) }
        }
        Action::Undo { group, reason, version } => {
            let request = DuplicatesRequest::Undo { group: id(group)?, version: *version, reason: reason.clone() };
            let detail = detail(client, request).await?;
            print_detail(&detail, &site, global.json)
        }
        Action::History { group } => history(client, id(group)?, &site, global.json).await,
    })
}

impl ChoiceArguments {
    fn choice(&self) -> Result<Choice, CommandError> {
        if !self.readings.is_empty() {
            let readings: Result<Vec<ReadingId>, CommandError> =
                self.readings.iter().map(|text| reading(text)).collect();
            return Ok(Choice::Use { readings: readings? });
        }
        if let (Some(value), Some(unit)) = (&self.value, &self.unit) {
            let usage = Usage::parse(value, UsageUnit::parse(unit))
                .map_err(|bad| CommandError::new(Exit::Usage, format!("{bad}.")))?;
            return Ok(Choice::Value { usage });
        }
        Ok(if self.keep_all { Choice::KeepAll } else { Choice::Defer })
    }
}

fn filter(status: StatusArgument, kind: Option<KindArgument>) -> Filter {
    Filter {
        status: match status {
            StatusArgument::Review => Some(Status::Review),
            StatusArgument::Resolved => Some(Status::Resolved),
            StatusArgument::All => None,
        },
        kind: kind.map(|kind| match kind {
            KindArgument::Duplicate => FindingKind::Duplicate,
            KindArgument::Overlap => FindingKind::Overlap,
        }),
    }
}

fn id(text: &str) -> Result<GroupId, CommandError> {
    text.parse().map_err(|bad| CommandError::new(Exit::Usage, format!("`{}`: {bad}.", crate::text::clean(text))))
}

fn reading(text: &str) -> Result<ReadingId, CommandError> {
    text.parse().map_err(|bad| CommandError::new(Exit::Usage, format!("`{}`: {bad}.", crate::text::clean(text))))
}

async fn detail(client: &Client, request: DuplicatesRequest) -> Result<GroupDetail, CommandError> {
    match ask(client, request).await? {
        DuplicatesResponse::Group { detail } => Ok(*detail),
        _ => Err(other_answer()),
    }
}

async fn list(client: &Client, filter: Filter, json: bool) -> Result<ExitCode, CommandError> {
    let mut out = BufWriter::new(io::stdout());
    let (mut after, mut count) = (None, 0_u64);
    let mut written = Ok(());
    loop {
        let request = DuplicatesRequest::List { filter, after, limit: MAX_PAGE };
        let DuplicatesResponse::List { groups, next } = ask(client, request).await? else { return Err(other_answer()) };
        for group in &groups {
            written = written.and_then(|()| match (json, count) {
                (true, 0) => write!(out, "[{}", document(group)),
                (true, _) => write!(out, ",\n{}", document(group)),
                (false, _) => writeln!(out, "{}", show::line(group)),
            });
            count += 1;
        }
        if next.is_none() || written.is_err() {
            break;
        }
        after = next;
    }
    let written = written.and_then(|()| match (json, count) {
        (true, 0) => writeln!(out, "[]"),
        (true, _) => writeln!(out, "]"),
        (false, 0) => writeln!(out, "Nothing."),
        (false, _) => writeln!(out, "{count} in all."),
    });
    exit::output(written.and_then(|()| out.flush()))
}

/// A group as the documentation has it.
fn document(group: &Group) -> Value {
    let finding = &group.finding;
    let chosen = finding.standing.chosen();
    let usage = match &finding.standing {
        Standing::Decided { value: Some(value), .. } => Some(value),
        _ => group.readings.iter().find(|reading| Some(reading.id) == chosen).and_then(|it| it.usage.as_ref()),
    };
    let mut statements = group.readings.iter().map(|reading| reading.statement.as_ref());
    let first = statements.next().flatten();
    let same_statement = first.is_some() && statements.all(|other| other == first);
    let readings: Vec<Value> = group
        .readings
        .iter()
        .map(|reading| {
            json!({
                "id": reading.id,
                "statement": reading.statement,
                "account": reading.account,
                "provider": reading.provider,
                "classification": reading.classification,
                "periodStart": reading.period.start,
                "periodEnd": reading.period.end,
                "usage": reading.usage.as_ref().map(|usage| usage.value().normalize().to_string()),
                "unit": reading.unit,
                "deregulationStatus": reading.deregulation,
                "lifeCycleStages": reading.stages,
                "source": { "file": reading.source.file, "pointer": reading.source.pointer },
            })
        })
        .collect();
    json!({
        "id": finding.id,
        "kind": finding.kind,
        "meter": group.meter,
        "periodStart": finding.period.start,
        "periodEnd": finding.period.end,
        "status": finding.standing.status(),
        "rule": finding.standing.rule(),
        "reason": finding.standing.reason(),
        "chosen": chosen,
        "usage": usage.map(|usage| json!({ "value": usage.value().normalize().to_string(), "unit": usage.unit() })),
        "sameStatement": same_statement,
        "readings": readings,
    })
}

fn print_detail(detail: &GroupDetail, site: &Site, json: bool) -> Result<ExitCode, CommandError> {
    let text = if json {
        let mut document = document(&detail.group);
        if let Value::Object(fields) = &mut document {
            let more = json!({
                "version": detail.group.finding.version,
                "suggested": detail.suggested,
                "measured": detail.measured.as_ref().map(show::measured),
                "providers": detail.providers,
                "otherYears": detail.other_years.iter().map(|year| json!({
                    "periodStart": year.period.start, "periodEnd": year.period.end,
                    "usage": { "value": year.usage.value().to_string(), "unit": year.usage.unit() },
                })).collect::<Vec<_>>(),
                "decisions": detail.decisions.iter().map(entry).collect::<Vec<_>>(),
            });
            if let Value::Object(more) = more {
                fields.extend(more);
            }
        }
        format!("{document}\n")
    } else {
        show::detail(detail, &time::zone(site))
    };
    exit::output(io::stdout().lock().write_all(text.as_bytes()))
}

/// A decision as a program reads it.
fn entry(decision: &Decision) -> Value {
    let mut value = json!({
        "sequence": decision.sequence,
        "at": decision.at,
        "who": decision.who,
        "choice": decision.choice.word(),
        "reason": decision.reason,
        "members": decision.members,
    });
    let more = match &decision.choice {
        Choice::Use { readings } => Some(("readings", json!(readings))),
        Choice::Value { usage } => Some(("usage", json!({ "value": usage.value().to_string(), "unit": usage.unit() }))),
        Choice::Undo { of } => Some(("undoes", json!(of))),
        Choice::KeepAll | Choice::Defer => None,
    };
    if let (Value::Object(fields), Some((name, more))) = (&mut value, more) {
        fields.insert(name.to_owned(), more);
    }
    value
}

async fn history(client: &Client, group: GroupId, site: &Site, json: bool) -> Result<ExitCode, CommandError> {
    let response = ask(client, DuplicatesRequest::History { group }).await?;
    let DuplicatesResponse::History { decisions } = response else { return Err(other_answer()) };
    let mut text = String::new();
    if json {
        let _ = writeln!(text, "{}", Value::Array(decisions.iter().map(entry).collect()));
    } else if decisions.is_empty() {
        text.push_str("Nobody decided anything about it.\n");
    } else {
        for decision in &decisions {
            text.push_str(&show::decision(decision, &time::zone(site)));
        }
    }
    exit::output(io::stdout().lock().write_all(text.as_bytes()))
}

/// Repeats a decision for the groups that are alike: shows them, asks, decides.
async fn repeat(
    client: &Client,
    group: GroupId,
    choice: Choice,
    reason: &str,
    yes: bool,
) -> Result<ExitCode, CommandError> {
    let response = ask(client, DuplicatesRequest::Alike { group, choice }).await?;
    let DuplicatesResponse::Alike { proposals } = response else { return Err(other_answer()) };
    if proposals.is_empty() {
        let _ = writeln!(io::stderr(), "No other open group of the meter has the same providers.");
        return Ok(Exit::Done.into());
    }
    let mut preview = format!("The same for {} more:\n", proposals.len());
    for proposal in &proposals {
        preview.push_str(&show::proposal(proposal));
    }
    let _ = io::stderr().write_all(preview.as_bytes());
    if !yes && !confirmed(&proposals)? {
        let _ = writeln!(io::stderr(), "Left as they are.");
        return Ok(Exit::Done.into());
    }
    let request = DuplicatesRequest::DecideAlike { proposals, reason: reason.to_owned() };
    let response = ask(client, request).await?;
    let DuplicatesResponse::DecidedAlike { decided, left_out } = response else { return Err(other_answer()) };
    let _ = writeln!(io::stderr(), "{decided} decided.");
    for (group, why) in &left_out {
        let _ = writeln!(io::stderr(), "{group} is left as it is: {why}");
    }
    Ok(if left_out.is_empty() { Exit::Done.into() } else { Exit::TryAgain.into() })
}

fn confirmed(proposals: &[Proposal]) -> Result<bool, CommandError> {
    if !io::stdin().is_terminal() {
        return Err(CommandError::new(Exit::Usage, "Nobody is there to confirm this.".to_owned())
            .hinted("--yes decides what was listed, without asking"));
    }
    let _ = write!(io::stderr(), "Decide these {}? [y/N] ", proposals.len());
    let mut answer = String::new();
    io::stdin()
        .read_line(&mut answer)
        .map_err(|error| CommandError::new(Exit::Failed, format!("Cannot read the answer: {error}.")))?;
    Ok(answer.trim().eq_ignore_ascii_case("y"))
}
