//! Utility statements and readings billed twice, between the service and its clients.

use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::domain::{
    duplicate::{
        Choice, Classification, Decision, Finding, FindingKind, GroupId, MeterUsage, Part, Period, Provider, Reading,
        ReadingId, ReviewReason, Rule, Standing, StatementId, Status, Usage, Window,
    },
    ids::MeterId,
    site::{AccuracyClass, MeterType},
};

/// Most readings of one `ImportParts`.
pub const MAX_IMPORT_READINGS: usize = 2_000;
/// Most lines, groups or readings of one answer; what is more is asked for from where it was cut.
pub const MAX_PAGE: u32 = 2_000;

/// What a client asks about utility readings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum DuplicatesRequest {
    /// A file comes in. One at a time; nothing of it counts before its end.
    ImportBegin {
        /// What it is called.
        file: String,
    },
    /// Parts of its documents, about [`MAX_IMPORT_READINGS`] readings at once; a part with many more comes in several, one
    /// after another.
    ImportParts {
        /// The number that `ImportBegin` was answered with.
        import: u64,
        /// The parts.
        parts: Vec<Part>,
        /// Usages beside a reading's total, as they came: the reading's JSON pointer, and JSON.
        details: Vec<(String, String)>,
    },
    /// The file has ended, and was good to its end: now it counts.
    ImportEnd {
        /// Which import.
        import: u64,
        /// SHA-256 of the file, in hexadecimal.
        sha256: String,
    },
    /// The file is not good: nothing of it is kept.
    ImportAbort {
        /// Which import.
        import: u64,
    },
    /// The lines of the review desk's queue, in order of meter and period.
    Queue {
        /// Which.
        filter: Filter,
        /// From this place on, itself not; without it from the beginning, or the end.
        from: Option<QueuePlace>,
        /// Towards the beginning: those that come right before the place. They are answered in order too.
        backward: bool,
        /// At most so many, and [`MAX_PAGE`].
        limit: u32,
    },
    /// Groups and overlaps with their readings, in the same order.
    List {
        /// Which.
        filter: Filter,
        /// Behind this place; without it from the beginning.
        after: Option<QueuePlace>,
        /// At most so many, and [`MAX_PAGE`].
        limit: u32,
    },
    /// All about one group or overlap.
    Show {
        /// Which.
        group: GroupId,
    },
    /// A person decides. Who, the service knows.
    Decide {
        /// About which group or overlap.
        group: GroupId,
        /// [`Finding::version`] as the person saw it.
        version: u64,
        /// What.
        choice: Choice,
        /// Why.
        reason: String,
    },
    /// Which other open groups a decision for this one would fit as well: of the same meter and the same two providers.
    Alike {
        /// Which group.
        group: GroupId,
        /// The decision; it must choose a reading or keep all.
        choice: Choice,
    },
    /// The same decision for several groups: as `Alike` listed them, and confirmed by the person. Those that changed
    /// since are left out, and said.
    DecideAlike {
        /// The decisions, each as `Alike` proposed it.
        proposals: Vec<Proposal>,
        /// Why.
        reason: String,
    },
    /// Takes back the decision that holds.
    Undo {
        /// Of which group or overlap.
        group: GroupId,
        /// [`Finding::version`] as the person saw it; without it whatever holds.
        version: Option<u64>,
        /// Why; may be empty.
        reason: String,
    },
    /// All decisions that were ever taken about a group's readings, the oldest first.
    History {
        /// Of which group or overlap.
        group: GroupId,
    },
    /// The accounting, in order of the meters' numbers.
    Usage {
        /// Of the meter with this name; without it of all.
        meter: Option<String>,
        /// Over which days.
        window: Window,
        /// Behind this meter, by its number; without it from the beginning.
        after: Option<u64>,
    },
    /// The readings that never count, with the reason.
    Excluded {
        /// Of the meter with this name; without it of all.
        meter: Option<String>,
        /// Behind this meter, by its number; without it from the beginning.
        after: Option<u64>,
    },
    /// A meter's readings and findings over all time.
    Timeline {
        /// The meter with this name.
        meter: String,
    },
    /// The statement (or snapshot) that a reading stands on.
    Document {
        /// Of the meter with this name.
        meter: String,
        /// Which reading.
        reading: ReadingId,
    },
    /// How many were decided by what.
    Statistics,
}

/// What the service answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum DuplicatesResponse {
    /// To `ImportBegin`.
    Begun {
        /// Its number.
        import: u64,
    },
    /// To `ImportParts`.
    Taken,
    /// To `ImportEnd`.
    Ended {
        /// What became of the readings.
        counts: ImportCounts,
    },
    /// To `ImportAbort`.
    Aborted,
    /// To `Queue`.
    Queue {
        /// The lines.
        lines: Vec<QueueLine>,
        /// Ask again from here for what follows, or for what comes before.
        next: Option<QueuePlace>,
    },
    /// To `List`.
    List {
        /// The groups and overlaps.
        groups: Vec<Group>,
        /// Ask again from here for what follows.
        next: Option<QueuePlace>,
    },
    /// To `Show`, and to `Decide` and `Undo`: as it is after it.
    Group {
        /// All about it.
        detail: Box<GroupDetail>,
    },
    /// To `Alike`.
    Alike {
        /// What would be decided, in order of period.
        proposals: Vec<Proposal>,
    },
    /// To `DecideAlike`.
    DecidedAlike {
        /// Decided.
        decided: u32,
        /// Not decided, and why.
        left_out: Vec<(GroupId, String)>,
    },
    /// To `History`.
    History {
        /// The oldest first.
        decisions: Vec<Decision>,
    },
    /// To `Usage`.
    Usage {
        /// Each meter in each of its dimensions.
        meters: Vec<MeterUsage>,
        /// Statements that name an additional provider, and whether a duplicate of theirs is among these meters; of an
        /// answer about all meters only.
        expected: Vec<(StatementId, bool)>,
        /// Ask again from here for what follows.
        next: Option<u64>,
    },
    /// To `Excluded`.
    Excluded {
        /// The readings, by the names of their meters.
        readings: Vec<(String, Reading)>,
        /// Ask again from here for what follows.
        next: Option<u64>,
    },
    /// To `Timeline`.
    Timeline {
        /// What the meter is called.
        meter: String,
        /// The readings that are valid, excluded ones too, in order of their periods.
        readings: Vec<Reading>,
        /// Groups and overlaps.
        findings: Vec<Finding>,
    },
    /// To `Document`.
    Document {
        /// What is known of it.
        document: Box<Document>,
    },
    /// To `Statistics`.
    Statistics {
        /// The figures.
        statistics: Statistics,
    },
}

/// Which groups and overlaps are meant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    /// Those that stand so; without it all.
    pub status: Option<Status>,
    /// Those of this kind; without it both.
    pub kind: Option<FindingKind>,
}

/// A place in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct QueuePlace {
    /// The meter's number in the store.
    pub meter: u64,
    /// Start of the period.
    pub start: Date,
    /// The group.
    pub group: GroupId,
}

/// A line of the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueLine {
    /// Its place.
    pub place: QueuePlace,
    /// What its meter is called.
    pub meter: String,
    /// A group or an overlap.
    pub kind: FindingKind,
    /// Its period.
    pub period: Period,
    /// How it stands.
    pub status: Status,
    /// By which rule it was decided.
    pub rule: Option<Rule>,
    /// Why a person has to decide.
    pub reason: Option<ReviewReason>,
    /// Somebody put it off.
    pub deferred: bool,
    /// A decision no longer covers its members.
    pub reopened: bool,
    /// Usages of its readings, in their order, at most [`MAX_LINE_USAGES`].
    pub usages: Vec<Option<Usage>>,
}

impl QueueLine {
    /// The line of a finding; `usages` in the order of its readings.
    pub fn of(
        place: QueuePlace,
        meter: String,
        finding: &Finding,
        usages: impl Iterator<Item = Option<Usage>>,
    ) -> Self {
        let standing = &finding.standing;
        Self {
            place,
            meter,
            kind: finding.kind,
            period: finding.period,
            status: standing.status(),
            rule: standing.rule(),
            reason: standing.reason(),
            deferred: matches!(standing, Standing::Open { deferred: Some(_), .. }),
            reopened: matches!(standing, Standing::Open { reopened: Some(_), .. }),
            usages: usages.take(MAX_LINE_USAGES).collect(),
        }
    }
}

/// Most usages in a line of the queue.
pub const MAX_LINE_USAGES: usize = 4;

/// A group or an overlap with its readings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its place in the queue.
    pub place: QueuePlace,
    /// What its meter is called.
    pub meter: String,
    /// What was found, and how it stands.
    pub finding: Finding,
    /// Its readings, in the order of [`Finding::members`].
    pub readings: Vec<Reading>,
}

/// A group or an overlap with all that helps to decide it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GroupDetail {
    /// The group.
    pub group: Group,
    /// What was decided about it so far, the oldest first.
    pub decisions: Vec<Decision>,
    /// What the site's own meter measured over its period; nothing where no meter is mapped to it.
    pub measured: Option<Measured>,
    /// What the meter's other groups counted, by provider.
    pub providers: Vec<ProviderRecord>,
    /// What counts for the same month in other years, the latest first.
    pub other_years: Vec<OtherYear>,
    /// The reading that the evidence speaks for most.
    pub suggested: Option<ReadingId>,
}

/// Energy that the site's own meter measured over a period.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Which meter.
    pub meter: MeterId,
    /// What it is built for.
    pub meter_type: Option<MeterType>,
    /// How exact it is.
    pub accuracy_class: Option<AccuracyClass>,
    /// How much was consumed, kWh.
    pub kwh: Decimal,
    /// The share of the period that was measured, percent, 0 to 100.
    pub coverage_percent: f64,
    /// Some of it is estimated.
    pub estimated: bool,
    /// By how much each reading is above (or below) it, percent of what was measured; `None` where it is no energy.
    pub deviations: Vec<(ReadingId, Option<f64>)>,
}

/// How often a provider's reading counted in a meter's decided groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderRecord {
    /// Its name.
    pub provider: Option<String>,
    /// What it is there.
    pub classification: Option<Classification>,
    /// In how many groups its reading counted.
    pub counted: u32,
    /// In how many it had a reading.
    pub of: u32,
}

/// What counts for the same month of another year.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherYear {
    /// The period there.
    pub period: Period,
    /// What counts.
    pub usage: Usage,
}

/// One of the decisions that follow from another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// For which group.
    pub group: GroupId,
    /// [`Finding::version`] as the person sees it.
    pub version: u64,
    /// Its period.
    pub period: Period,
    /// What would be decided.
    pub choice: Choice,
    /// What would count then.
    pub usage: Option<Usage>,
}

/// A document as it came in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// Name of the file.
    pub file: String,
    /// When it was imported.
    pub imported_at: Timestamp,
    /// Who imported it.
    pub imported_by: String,
    /// A later one takes its place.
    pub superseded: bool,
    /// Its accounts; a snapshot of meter details has one without number.
    pub accounts: Vec<DocumentAccount>,
}

/// An account on a document.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentAccount {
    /// Its number.
    pub number: Option<String>,
    /// The providers on it.
    pub providers: Vec<Provider>,
    /// The stages of its charges.
    pub stages: Vec<String>,
    /// Its readings, by the names of their meters.
    pub readings: Vec<(String, Reading)>,
}

/// How many groups and overlaps were decided by what.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statistics {
    /// Meters that have readings.
    pub meters: u64,
    /// Groups that wait for a person.
    pub open_groups: u64,
    /// Overlaps that wait for a person.
    pub open_overlaps: u64,
    /// Of the open ones, those that somebody put off.
    pub deferred: u64,
    /// Groups resolved, by rule, in order.
    pub by_rule: Vec<(Rule, u64)>,
    /// Groups and overlaps resolved by people, by name.
    pub by_person: Vec<(String, u64)>,
}

/// What became of a file's readings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportCounts {
    /// Readings on it.
    pub readings: u64,
    /// Not known before.
    pub new: u64,
    /// Known before.
    pub unchanged: u64,
    /// Readings, of this file or an earlier one, whose place a later document has taken by it.
    pub superseded: u64,
    /// Of the new ones, those that never count.
    pub excluded: u64,
}
