//! Why a period counts as it does, in a line of words.

use std::{borrow::Cow, collections::BTreeSet};

use super::{
    assess::Set,
    book::Book,
    decision::{Choice, Decision},
    finding::{Rule, Standing},
    id::ReadingId,
    reading::Candidate,
};

/// Why a set of readings counts as it does.
pub(super) fn why(set: &Set, members: &[&Candidate], aside: &BTreeSet<ReadingId>, book: &Book) -> Cow<'static, str> {
    if !aside.is_empty() && members.iter().all(|member| aside.contains(&member.id)) {
        return "set aside: a person said which of the readings that overlap count".into();
    }
    let count = members.len();
    match &set.standing {
        Standing::Ruled { rule, chosen } => {
            let usage = members.iter().find(|member| member.id == *chosen).and_then(|member| member.usage.as_ref());
            match rule {
                Rule::Single if usage.is_none() => "the only reading, and it says no usage".into(),
                Rule::Single | Rule::Manual => "the only reading".into(),
                Rule::SameValue => format!("{count} readings say the same; it counts once").into(),
                Rule::DeliveryOnly => {
                    format!("of {count} readings that of the distributor counts: its meter data is DELIVERY_ONLY")
                        .into()
                }
                Rule::LifecycleStage => format!(
                    "of {count} readings that of the distributor counts: its account has transmission or distribution \
                     charges"
                )
                .into(),
                Rule::Measured => format!("of {count} readings the one that the site's own meter measured").into(),
            }
        }
        Standing::Decided { decision, .. } => by_person(book, *decision).into(),
        Standing::Open { reason, reopened, deferred } => {
            let mut words = String::from("waits for a person");
            if let Some(reason) = reason {
                words = format!("{words}: {}", reason.describe());
            }
            if let Some(decision) = reopened.and_then(|sequence| book.get(sequence)) {
                words = format!(
                    "{words}; the readings changed since {} decided ({})",
                    decision.who,
                    decision.choice.word()
                );
            }
            if let Some(decision) = deferred.and_then(|sequence| book.get(sequence)) {
                words = format!("{words}; put off by {}", decision.who);
            }
            words.into()
        }
    }
}

/// Who decided, what and why.
pub(super) fn by_person(book: &Book, sequence: u64) -> String {
    book.get(sequence).map_or_else(|| "a person decided".to_owned(), Decision::describe)
}

impl Decision {
    /// Who, when, what and why, in a line.
    pub fn describe(&self) -> String {
        let what = match &self.choice {
            Choice::Use { readings } if readings.len() == 1 => "chose this reading".to_owned(),
            Choice::Use { readings } => format!("chose {} readings", readings.len()),
            Choice::Value { usage } => format!("typed {usage}"),
            Choice::KeepAll => "said that these are no duplicates".to_owned(),
            Choice::Defer => "put it off".to_owned(),
            Choice::Undo { .. } => "took the last decision back".to_owned(),
        };
        let at = self.at.strftime("%Y-%m-%d %H:%M UTC");
        if self.reason.is_empty() {
            format!("{} {what} on {at}", self.who)
        } else {
            format!("{} {what} on {at}: {}", self.who, self.reason)
        }
    }
}
