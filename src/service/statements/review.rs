//! What people look at and decide.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{
    Desk, error, evidence,
    queue::{group, place},
    settle::Known,
};
use crate::{
    domain::duplicate::{
        Choice, Decision, DecisionError, Finding, GroupId, Proposal as Prepared, Reading, ReadingId, Scratch, Status,
        Usage, prepare,
    },
    service::interface::{
        ErrorKind, ServiceError,
        duplicates::{DuplicatesResponse, GroupDetail, Proposal},
    },
    store::statements::FindingRow,
};

/// Most groups that one decision is repeated for.
const MAX_ALIKE: usize = 1_000;

impl Desk<'_> {
    pub(super) fn show(&self, id: GroupId) -> Result<DuplicatesResponse, ServiceError> {
        self.settle()?;
        let (row, known) = self.find(id)?;
        Ok(DuplicatesResponse::Group { detail: Box::new(self.detail(&row, &known)?) })
    }

    /// A group or an overlap, and its meter.
    fn find(&self, id: GroupId) -> Result<(FindingRow, Known), ServiceError> {
        let gone = || {
            let hint = "Its readings may have changed since; `meterdeck duplicates list` has the present ones.";
            error(ErrorKind::NotFound, format!("There is no group `{id}`."), Some(hint))
        };
        let row = self.store.finding(id)?.ok_or_else(gone)?;
        let known = self.known(row.meter)?.ok_or_else(gone)?;
        Ok((row, known))
    }

    fn detail(&self, row: &FindingRow, known: &Known) -> Result<GroupDetail, ServiceError> {
        let finding = finding(known, row.id)?;
        let readings = self.readings(known)?;
        let measured = self.measured(known, &finding)?;
        let providers = evidence::providers(known, &readings);
        let other_years = evidence::other_years(known, &finding);
        let decisions = known.book.history(finding.kind, &in_order(&finding)).into_iter().cloned().collect();
        let group = group(place(row), self.name_of(row.meter)?, finding, &readings);
        let suggested =
            evidence::suggested(&group.finding, &group.readings, measured.as_ref(), &providers, &other_years);
        Ok(GroupDetail { group, decisions, measured, providers, other_years, suggested })
    }

    pub(super) fn decide(
        &self,
        id: GroupId,
        version: u64,
        choice: Choice,
        reason: &str,
    ) -> Result<DuplicatesResponse, ServiceError> {
        if matches!(choice, Choice::Undo { .. }) {
            return Err(error(ErrorKind::Invalid, "Taking back is a request of its own.".to_owned(), None));
        }
        self.record(id, Some(version), choice, reason)
    }

    pub(super) fn undo(
        &self,
        id: GroupId,
        version: Option<u64>,
        reason: &str,
    ) -> Result<DuplicatesResponse, ServiceError> {
        self.record(id, version, Choice::Undo { of: 0 }, reason)
    }

    fn record(
        &self,
        id: GroupId,
        version: Option<u64>,
        choice: Choice,
        reason: &str,
    ) -> Result<DuplicatesResponse, ServiceError> {
        self.settle()?;
        // From here to the end nobody else decides.
        let _work = self.shared.statements.work();
        let (row, known) = self.find(id)?;
        let finding = finding(&known, id)?;
        let proposal = proposal(self.who, choice, reason, version.unwrap_or(finding.version));
        let next = self.store.next_decision()?;
        let decision = prepare(proposal, &finding, &known.candidates, &known.book, next).map_err(refused)?;
        let known = self.keep(known, vec![decision])?;
        Ok(DuplicatesResponse::Group { detail: Box::new(self.detail(&row, &known)?) })
    }

    /// Adds decisions to a meter's book; how it stands with them.
    fn keep(&self, known: Known, decisions: Vec<Decision>) -> Result<Known, ServiceError> {
        let Known { keys, candidates, mut book, .. } = known;
        for decision in &decisions {
            book.add(decision.clone());
        }
        let energies = self.energies()?;
        let known = self.assess(keys, candidates, book, energies.as_ref(), &mut Scratch::default());
        let mut assessed = known.assessed(self.mapped(known.first()).is_some());
        assessed.is_up_to_date = self.shared.statements.session().is_none();
        self.store.add_decisions(decisions, assessed)?;
        Ok(known)
    }

    pub(super) fn alike(&self, id: GroupId, choice: &Choice) -> Result<DuplicatesResponse, ServiceError> {
        self.settle()?;
        let (_, known) = self.find(id)?;
        let finding = finding(&known, id)?;
        let readings = self.readings(&known)?;
        let members =
            |finding: &Finding| -> Vec<&Reading> { finding.members.iter().filter_map(|id| readings.get(id)).collect() };
        let own = members(&finding);
        let chosen = chosen(choice, &own)?;
        let mut proposals = Vec::new();
        for other in known.findings() {
            let theirs = members(&other);
            let is_alike = other.id != id
                && other.kind == finding.kind
                && other.dimension == finding.dimension
                && other.standing.status() == Status::Review
                && providers(&theirs) == providers(&own);
            if !is_alike {
                continue;
            }
            let Some((choice, usage)) = same_choice(choice, chosen, &theirs) else { continue };
            proposals.push(Proposal { group: other.id, version: other.version, period: other.period, choice, usage });
        }
        proposals.sort_by_key(|proposal| (proposal.period, proposal.group));
        proposals.truncate(MAX_ALIKE);
        Ok(DuplicatesResponse::Alike { proposals })
    }

    pub(super) fn decide_alike(
        &self,
        proposals: Vec<Proposal>,
        reason: &str,
    ) -> Result<DuplicatesResponse, ServiceError> {
        if proposals.len() > MAX_ALIKE {
            let message = format!("{} groups at once are more than {MAX_ALIKE}.", proposals.len());
            return Err(error(ErrorKind::Invalid, message, None));
        }
        self.settle()?;
        let _work = self.shared.statements.work();
        let (mut decided, mut left_out) = (0, Vec::new());
        let mut rest = proposals;
        // Those of one meter together: it is decided anew once.
        while let Some(first) = rest.first().map(|first| first.group) {
            let (row, known) = match self.find(first) {
                Ok(found) => found,
                Err(gone) => {
                    rest.remove(0);
                    left_out.push((first, gone.message));
                    continue;
                }
            };
            let findings = super::queue::by_id(known.findings());
            let (these, others): (Vec<_>, Vec<_>) = rest
                .into_iter()
                .partition(|proposal| findings.contains_key(&proposal.group) || proposal.group == row.id);
            rest = others;
            let mut decisions = Vec::new();
            let mut next = self.store.next_decision()?;
            for Proposal { group, version, choice, .. } in these {
                let Some(finding) = findings.get(&group) else {
                    left_out.push((group, "It is no longer there.".to_owned()));
                    continue;
                };
                let proposal = proposal(self.who, choice, reason, version);
                match prepare(proposal, finding, &known.candidates, &known.book, next) {
                    Ok(decision) => {
                        next += 1;
                        decisions.push(decision);
                    }
                    Err(refusal) => left_out.push((group, refused(refusal).message)),
                }
            }
            decided += u32::try_from(decisions.len()).unwrap_or(u32::MAX);
            if !decisions.is_empty() {
                self.keep(known, decisions)?;
            }
        }
        Ok(DuplicatesResponse::DecidedAlike { decided, left_out })
    }

    pub(super) fn history(&self, id: GroupId) -> Result<DuplicatesResponse, ServiceError> {
        self.settle()?;
        let (_, known) = self.find(id)?;
        let finding = finding(&known, id)?;
        let decisions = known.book.history(finding.kind, &in_order(&finding)).into_iter().cloned().collect();
        Ok(DuplicatesResponse::History { decisions })
    }
}

fn finding(known: &Known, id: GroupId) -> Result<Finding, ServiceError> {
    known.findings().into_iter().find(|finding| finding.id == id).ok_or_else(|| {
        error(ErrorKind::Internal, format!("Group `{id}` is in the queue, but not among its meter's."), None)
    })
}

fn proposal(who: &str, choice: Choice, reason: &str, version: u64) -> Prepared {
    // Kept to the millisecond.
    let now = Timestamp::now();
    let at = Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now);
    Prepared { at, who: who.to_owned(), choice, reason: reason.to_owned(), version }
}

fn in_order(finding: &Finding) -> Vec<ReadingId> {
    let mut members = finding.members.clone();
    members.sort_unstable();
    members
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn refused(refusal: DecisionError) -> ServiceError {
    let message = format!("{refusal}.");
    let (kind, message, hint) = match &refusal {
        DecisionError::Outdated { other } => {
            let reason = if other.reason.is_empty() { String::new() } else { format!(" ({})", other.reason) };
            let message = format!("{} decided meanwhile: {}{reason}.", other.who, other.choice.word());
            (ErrorKind::Conflict, message, Some("Look at it again, then decide or take that back."))
        }
        DecisionError::Changed { .. } => (ErrorKind::Conflict, message, Some("`meterdeck duplicates list` has them.")),
        DecisionError::NothingToUndo => (ErrorKind::Failed, message, None),
        _ => (ErrorKind::BadData, message, None),
    };
    let mut letters = message.chars();
    let message = letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect());
    error(kind, message, hint)
}

type Names<'a> = BTreeSet<Option<&'a str>>;

fn providers<'a>(readings: &[&'a Reading]) -> Names<'a> {
    readings.iter().map(|reading| reading.provider.as_deref()).collect()
}

/// Whose reading is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chosen<'a> {
    /// All count.
    All,
    /// That of the provider with this name; one may have none.
    Of(Option<&'a str>),
}

fn chosen<'a>(choice: &Choice, own: &[&'a Reading]) -> Result<Chosen<'a>, ServiceError> {
    match choice {
        Choice::KeepAll => Ok(Chosen::All),
        Choice::Use { readings } => {
            let chosen = own.iter().find(|reading| readings.as_slice() == [reading.id]);
            let chosen =
                chosen.ok_or_else(|| error(ErrorKind::Invalid, "Choose one of its readings.".to_owned(), None))?;
            Ok(Chosen::Of(chosen.provider.as_deref()))
        }
        _ => Err(error(ErrorKind::Invalid, "Only a chosen reading, or keeping all, can be repeated.".to_owned(), None)),
    }
}

/// The same decision for another group, and what counts then; nothing where it cannot be the same.
fn same_choice(choice: &Choice, chosen: Chosen<'_>, theirs: &[&Reading]) -> Option<(Choice, Option<Usage>)> {
    let Chosen::Of(provider) = chosen else { return Some((choice.clone(), None)) };
    let mut of_provider = theirs.iter().filter(|reading| reading.provider.as_deref() == provider);
    let reading = of_provider.next().filter(|reading| reading.usage.is_some())?;
    if of_provider.next().is_some() {
        return None;
    }
    Some((Choice::Use { readings: vec![reading.id] }, reading.usage.clone()))
}
