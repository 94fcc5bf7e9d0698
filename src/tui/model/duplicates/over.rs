//! What lies over the review desk: a decision with its reason, those that are alike, a conflict, and what helps to decide.

use jiff::civil::Date;
use tui_input::Input;

use crate::{
    domain::duplicate::{Choice, Finding, GroupId, Period, Reading, ReadingId, Usage, UsageUnit, date_of, day_number},
    service::interface::duplicates::{Document, Proposal},
};

/// The shortest time that the timeline shows, days.
const MIN_TIMELINE_DAYS: i32 = 60;

/// Something over the review desk that has the keys.
#[derive(Debug, Clone)]
pub enum DeskOverlay {
    /// A decision that is about to be taken.
    Decide(Draft),
    /// Somebody decided meanwhile.
    Conflict {
        /// What was about to be decided.
        draft: Draft,
        /// What they decided, in words.
        other: String,
        /// The group's version now, once that is known.
        version: Option<u64>,
    },
    /// The groups that a decision would fit as well.
    Alike(AlikeView),
    /// The meter's readings over time.
    Timeline(TimelineView),
    /// The statement of a reading.
    Document(DocumentView),
    /// What was resolved by what and by whom.
    Statistics {
        /// Lines scrolled down.
        scroll: usize,
    },
}

/// A decision that is about to be taken.
#[derive(Debug, Clone)]
pub struct Draft {
    /// About which group.
    pub group: GroupId,
    /// Its version as it is seen.
    pub version: u64,
    /// What, in words.
    pub title: String,
    /// What.
    pub choice: DraftChoice,
    /// Why, as it is typed.
    pub reason: Input,
    /// Index of the usual reason that is taken where none is typed.
    pub usual: usize,
    /// Why it is not taken.
    pub refused: Option<String>,
}

/// What is about to be decided.
#[derive(Debug, Clone)]
pub enum DraftChoice {
    /// This.
    Fixed(Choice),
    /// A value that is typed.
    Value {
        /// The number.
        value: Input,
        /// Its unit.
        unit: Input,
        /// What is typed into: 0 the number, 1 the unit, 2 the reason.
        field: usize,
    },
}

impl Draft {
    /// A decision without a reason yet.
    pub fn new(group: GroupId, version: u64, title: String, choice: DraftChoice) -> Self {
        Self { group, version, title, choice, reason: Input::default(), usual: 0, refused: None }
    }

    /// The reasons that are usual for it.
    pub fn usual_reasons(&self) -> &'static [&'static str] {
        match &self.choice {
            DraftChoice::Value { .. } => {
                &["read from the meter", "agreed with the provider", "sum of partial bills", "corrected by hand"]
            }
            DraftChoice::Fixed(Choice::KeepAll) => &[
                "different supplies, no duplicates",
                "parts of one bill",
                "billed in addition",
                "checked with the provider",
            ],
            DraftChoice::Fixed(_) => &[
                "bill of the distributor",
                "nearest to what was measured here",
                "in line with other months",
                "corrected bill",
                "the other one is an estimate",
            ],
        }
    }

    /// The reason: what is typed, else the usual one.
    pub fn reason(&self) -> String {
        let typed = self.reason.value().trim();
        let usual = self.usual_reasons().get(self.usual).copied().unwrap_or_default();
        if typed.is_empty() { usual.to_owned() } else { typed.to_owned() }
    }

    /// What is decided.
    ///
    /// # Errors
    /// A value or unit that cannot be read, in words.
    pub fn choice(&self) -> Result<Choice, String> {
        match &self.choice {
            DraftChoice::Fixed(choice) => Ok(choice.clone()),
            DraftChoice::Value { value, unit, .. } => {
                let plain: String = value.value().chars().filter(|letter| *letter != ' ').collect();
                if plain.is_empty() {
                    return Err("Type a number such as 45.2.".to_owned());
                }
                let unit = UsageUnit::parse(unit.value());
                let usage = Usage::parse(&plain, unit).map_err(|error| format!("{error}."))?;
                Ok(Choice::Value { usage })
            }
        }
    }

    /// What is typed into.
    pub fn input(&mut self) -> &mut Input {
        match &mut self.choice {
            DraftChoice::Value { value, field: 0, .. } => value,
            DraftChoice::Value { unit, field: 1, .. } => unit,
            _ => &mut self.reason,
        }
    }

    /// Goes to the next field, in a circle, or the one before.
    pub fn next_field(&mut self, forward: bool) {
        if let DraftChoice::Value { field, .. } = &mut self.choice {
            *field = (*field + if forward { 1 } else { 2 }) % 3;
        }
    }

    /// Whether the reason is what is typed into.
    pub fn is_at_reason(&self) -> bool {
        !matches!(self.choice, DraftChoice::Value { field: 0 | 1, .. })
    }

    /// Goes to another usual reason.
    pub fn choose(&mut self, rows: isize) {
        let last = self.usual_reasons().len().saturating_sub(1);
        self.usual = self.usual.saturating_add_signed(rows).min(last);
    }
}

/// The groups that a decision would fit as well.
#[derive(Debug, Clone)]
pub struct AlikeView {
    /// The group that was decided.
    pub group: GroupId,
    /// What would be decided; `None` until the service has said it.
    pub proposals: Option<Vec<Proposal>>,
    /// Why.
    pub reason: Input,
    /// Lines scrolled down.
    pub scroll: usize,
    /// It is on its way.
    pub is_sent: bool,
}

/// A meter's readings over time.
#[derive(Debug, Clone)]
pub struct TimelineView {
    /// What the meter is called.
    pub meter: String,
    /// The period of the group that it was opened from.
    pub at: Period,
    /// The readings and what was found among them; `None` until the service has said it.
    pub answer: Option<(Vec<Reading>, Vec<Finding>)>,
    /// The days that are shown; without it all.
    pub days: Option<Period>,
    /// Rows of bars scrolled down.
    pub scroll: usize,
}

impl TimelineView {
    /// The days from the first to the last reading.
    pub fn all(&self) -> Option<Period> {
        let (readings, _) = self.answer.as_ref()?;
        let start = readings.iter().map(|reading| reading.period.start).min()?;
        let end = readings.iter().map(|reading| reading.period.end).max()?;
        Some(Period { start, end })
    }

    /// The days that are shown.
    pub fn shown(&self) -> Option<Period> {
        self.days.or_else(|| self.all())
    }

    /// Shows half as many days, around the group first; or twice as many.
    pub fn zoom(&mut self, is_in: bool) {
        let (Some(all), Some(shown)) = (self.all(), self.shown()) else { return };
        let days = if is_in { (shown.days() / 2).max(MIN_TIMELINE_DAYS) } else { shown.days().saturating_mul(2) };
        if days >= all.days() {
            self.days = None;
            return;
        }
        let around = self.days.unwrap_or(self.at);
        let middle = day_number(around.start).midpoint(day_number(around.end));
        self.days = Some(within(all, middle - days / 2, days));
    }

    /// Moves by a quarter of what is shown.
    pub fn move_by(&mut self, steps: i32) {
        let (Some(all), Some(days)) = (self.all(), self.days) else { return };
        let step = (days.days() / 4).max(1);
        self.days = Some(within(all, day_number(days.start).saturating_add(steps * step), days.days()));
    }
}

/// So many days from `start` on, moved into `all`.
fn within(all: Period, start: i32, days: i32) -> Period {
    let last: i32 = day_number(all.end).saturating_sub(days).max(day_number(all.start));
    let start = start.clamp(day_number(all.start), last);
    let date = |day: i32| -> Date { date_of(day) };
    Period { start: date(start), end: date(start.saturating_add(days)) }
}

/// The statement of a reading.
#[derive(Debug, Clone)]
pub struct DocumentView {
    /// What the meter is called.
    pub meter: String,
    /// Which reading.
    pub reading: ReadingId,
    /// The statement; `None` until the service has said it.
    pub document: Option<Box<Document>>,
    /// Lines scrolled down from the reading's place, negative for up.
    pub scroll: isize,
}

/// What a line of a statement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentLine {
    /// An account's heading.
    Account,
    /// Its providers or charges.
    Fact,
    /// One of its readings.
    Reading,
    /// The reading that it was opened for.
    This,
}

impl DocumentView {
    /// The statement in lines.
    pub fn lines(&self) -> Vec<(DocumentLine, String)> {
        let Some(document) = &self.document else { return Vec::new() };
        let mut lines = Vec::new();
        for account in &document.accounts {
            let number = account.number.as_deref().unwrap_or("without number");
            lines.push((DocumentLine::Account, format!("account {number}")));
            for provider in &account.providers {
                let class = provider.classification.as_ref().map_or_else(String::new, |class| format!(" ({class})"));
                let name = provider.name.as_deref().unwrap_or("without name");
                lines.push((DocumentLine::Fact, format!("provider  {name}{class}")));
            }
            let stages = if account.stages.is_empty() { "none".to_owned() } else { account.stages.join(", ") };
            lines.push((DocumentLine::Fact, format!("charges   {stages}")));
            for (meter, reading) in &account.readings {
                let usage = reading.usage.as_ref().map_or_else(|| "no usage".to_owned(), ToString::to_string);
                let deregulation = reading.deregulation.as_ref().map_or_else(String::new, |word| format!(" · {word}"));
                let (start, end) = (reading.period.start, reading.period.end);
                let excluded =
                    reading.excluded.as_ref().map_or_else(String::new, |why| format!(" · {}", why.describe()));
                let kind = if reading.id == self.reading { DocumentLine::This } else { DocumentLine::Reading };
                lines.push((kind, format!("{meter}  {start} to {end}  {usage}{deregulation}{excluded}")));
            }
        }
        lines
    }
}
