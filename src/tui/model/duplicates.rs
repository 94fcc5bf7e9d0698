//! The review desk: a part of the queue, the groups that were looked at, and what is on its way.
//!
//! Of a queue of any length only the lines around the selected one are here; pages of it come and go at both ends.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::{Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};

use super::ListView;
use crate::{
    domain::duplicate::{Choice, GroupId, Reading, ReadingId, Status},
    service::interface::duplicates::{Filter, Group, GroupDetail, QueueLine, QueuePlace},
};

pub mod over;

pub use over::{AlikeView, DeskOverlay, DocumentView, Draft, DraftChoice, TimelineView};

/// Lines that are asked for at once: some screens full.
pub const PAGE: u32 = 200;
/// Most lines that are kept; what is further from the selected one is asked for again when somebody goes there.
const MAX_LINES: usize = 600;
/// Groups after the selected one that are asked for before somebody goes there, so that the next one is there at once.
pub const AHEAD: usize = 4;
/// Most groups that are kept with everything about them.
const MAX_DETAILS: usize = 16;
/// Most decisions that can be taken back one after the other without going to their groups.
pub const MAX_DECIDED: usize = 200;

/// Which groups and overlaps the queue has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shown {
    /// Those that wait for a person.
    #[default]
    Open,
    /// Those that do not.
    Resolved,
    /// Both.
    All,
}

impl Shown {
    /// The next one, in a circle.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Open => Self::Resolved,
            Self::Resolved => Self::All,
            Self::All => Self::Open,
        }
    }

    /// Its name on screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Resolved => "resolved",
            Self::All => "all",
        }
    }

    /// As the service is asked for it.
    pub fn filter(self) -> Filter {
        let status = match self {
            Self::Open => Some(Status::Review),
            Self::Resolved => Some(Status::Resolved),
            Self::All => None,
        };
        Filter { status, kind: None }
    }
}

/// The review desk.
#[derive(Debug, Clone, Default)]
pub struct Desk {
    /// Which groups the queue has.
    pub show: Shown,
    /// Lines of the queue around the selected one, in order.
    pub queue: ListView<QueueLine>,
    /// There are more before the first line.
    pub has_before: bool,
    /// There are more after the last line.
    pub has_after: bool,
    /// The lines are those of the service, as of some time.
    pub is_loaded: bool,
    /// Pages that were asked for and are not here yet.
    pub pages_asked: usize,
    /// When the lines were last asked for.
    pub refreshed_at: Option<Timestamp>,
    /// Nothing is asked for by itself before then: something failed.
    pub rests_until: Option<Timestamp>,
    /// Why there is nothing.
    pub failed: Option<String>,
    /// Groups with everything about them; at most [`MAX_DETAILS`].
    pub details: BTreeMap<GroupId, Box<GroupDetail>>,
    /// Those of them that something was decided beside.
    pub stale: BTreeSet<GroupId>,
    /// Groups that were asked for and are not here yet.
    pub details_asked: BTreeSet<GroupId>,
    /// Index of the reading under the cursor.
    pub candidate: usize,
    /// Readings that count together, of an overlap.
    pub marked: BTreeSet<ReadingId>,
    /// Decisions on their way.
    pub sent: BTreeMap<GroupId, Draft>,
    /// Groups that were decided here and the version then, the last one last; at most [`MAX_DECIDED`].
    pub decided: VecDeque<(GroupId, Option<u64>)>,
    /// The last decision that can be repeated, and why it was taken.
    pub last: Option<(GroupId, Choice, String)>,
    /// How many open groups it would fit as well.
    pub alike: usize,
    /// Where to begin.
    start: Option<QueuePlace>,
}

impl Desk {
    /// Where the queue is looked at.
    pub fn place(&self) -> Option<QueuePlace> {
        self.queue.selected().map(|line| line.place).or(self.start)
    }

    /// The selected group.
    pub fn selected(&self) -> Option<GroupId> {
        self.queue.selected().map(|line| line.place.group)
    }

    /// All about the selected group, where it is here.
    pub fn shown(&self) -> Option<&GroupDetail> {
        self.details.get(&self.selected()?).map(|detail| &**detail)
    }

    /// The reading under the cursor.
    pub fn reading(&self) -> Option<&Reading> {
        self.shown()?.group.readings.get(self.candidate)
    }

    /// The groups to have at hand: the selected one and the next ones, without those that are decided already.
    pub fn at_hand(&self) -> impl Iterator<Item = GroupId> {
        let groups = self.queue.rows.iter().skip(self.queue.selected).map(|line| line.place.group);
        groups.filter(|group| !self.sent.contains_key(group)).take(1 + AHEAD)
    }

    /// Where a request for the lines from the selected one on begins.
    pub fn from_selected(&self) -> Option<QueuePlace> {
        let before = self.queue.selected.checked_sub(1).and_then(|before| self.queue.rows.get(before));
        match (before, self.place()) {
            (Some(before), _) => Some(before.place),
            // The day before is before it in the queue's order; what lies between is harmless.
            (None, Some(place)) => {
                Some(QueuePlace { start: place.start.checked_sub(1.day()).unwrap_or(place.start), ..place })
            }
            (None, None) => None,
        }
    }

    /// Takes over where somebody was the last time.
    pub fn restore(&mut self, show: Shown, place: Option<QueuePlace>, decided: Vec<(GroupId, Option<u64>)>) {
        *self = Self { show, start: place, decided: decided.into(), ..Self::default() };
        self.decided.truncate(MAX_DECIDED);
    }

    /// Forgets all that the service said, but not the place and what is on its way.
    pub fn forget(&mut self) {
        self.start = self.place();
        self.reset();
    }

    /// Begins at the beginning of other groups.
    pub fn show(&mut self, show: Shown) {
        self.show = show;
        self.start = None;
        self.reset();
    }

    /// Begins around a place.
    pub fn go_to(&mut self, place: QueuePlace) {
        self.start = Some(place);
        self.reset();
    }

    fn reset(&mut self) {
        self.queue = ListView::default();
        self.is_loaded = false;
        (self.has_before, self.has_after) = (false, false);
        self.pages_asked = 0;
        self.details_asked.clear();
        self.details.clear();
        self.stale.clear();
        self.rests_until = None;
        self.leave();
    }

    /// Another group is selected: the cursor and the marks are of the one before.
    pub fn leave(&mut self) {
        self.candidate = 0;
        self.marked.clear();
    }

    /// Takes over a page: it replaces all lines on its side of where it begins.
    pub fn take_page(&mut self, from: Option<QueuePlace>, backward: bool, page: Vec<QueueLine>, has_more: bool) {
        let (place, group) = (self.place(), self.selected());
        let is_kept = |line: &QueueLine| match from {
            None => false,
            Some(from) if backward => line.place >= from,
            Some(from) => line.place <= from,
        };
        let kept = std::mem::take(&mut self.queue.rows).into_iter().filter(is_kept);
        let rows: Vec<QueueLine> =
            if backward { page.into_iter().chain(kept).collect() } else { kept.chain(page).collect() };
        if backward {
            self.has_before = has_more;
            self.has_after &= from.is_some();
        } else {
            self.has_after = has_more;
            // What is before a page from somewhere is not known at first.
            self.has_before = from.is_some() && (self.has_before || !self.is_loaded);
        }
        let same = rows.iter().position(|line| Some(line.place.group) == group);
        let near = place.map(|place| rows.partition_point(|line| line.place < place));
        let end = if backward { rows.len() } else { 0 };
        self.queue.selected = match from {
            None if self.is_loaded || place.is_none() => end,
            _ => same.or(near).unwrap_or(end),
        }
        .min(rows.len().saturating_sub(1));
        self.queue.rows = rows;
        self.is_loaded = true;
        self.trim(backward);
        if self.selected() != group {
            self.leave();
        }
    }

    /// Drops what is furthest from the page that came last.
    fn trim(&mut self, backward: bool) {
        let more = self.queue.rows.len().saturating_sub(MAX_LINES);
        if more == 0 {
            return;
        }
        if backward {
            self.queue.rows.truncate(MAX_LINES.max(self.queue.selected + 1));
            self.has_after = true;
        } else {
            let more = more.min(self.queue.selected);
            self.queue.rows.drain(..more);
            self.queue.selected -= more;
            self.queue.top = self.queue.top.saturating_sub(more);
            self.has_before = true;
        }
    }

    /// Takes over how a group is now: its line goes, stays, or comes back. False where that would be outside of the
    /// lines that are here.
    pub fn take_group(&mut self, group: &Group) -> bool {
        let line = line_of(group);
        let id = line.place.group;
        let old = self.queue.rows.iter().position(|known| known.place.group == id);
        if let Some(old) = old {
            self.queue.rows.remove(old);
            if old < self.queue.selected {
                self.queue.selected -= 1;
            }
        }
        let is_shown = self.show.filter().status.is_none_or(|status| status == line.status);
        let place = self.queue.rows.partition_point(|known| known.place < line.place);
        let is_outside = place == 0 && self.has_before || place == self.queue.rows.len() && self.has_after;
        if is_shown && (old.is_some() || !is_outside) {
            let was_selected = old == Some(self.queue.selected);
            self.queue.rows.insert(place, line);
            if was_selected {
                self.queue.selected = place;
            } else if place <= self.queue.selected && self.queue.rows.len() > 1 {
                self.queue.selected += 1;
            }
        }
        self.queue.selected = self.queue.selected.min(self.queue.rows.len().saturating_sub(1));
        !is_shown || old.is_some() || !is_outside
    }

    /// Keeps all about a group.
    pub fn take_detail(&mut self, detail: Box<GroupDetail>) {
        let id = detail.group.finding.id;
        self.details_asked.remove(&id);
        let version = detail.group.finding.version;
        if self.details.get(&id).is_some_and(|known| known.group.finding.version > version) {
            return;
        }
        self.stale.remove(&id);
        self.details.insert(id, detail);
        if self.details.len() > MAX_DETAILS {
            let wanted: BTreeSet<GroupId> = self.at_hand().collect();
            self.details.retain(|known, _| *known == id || wanted.contains(known));
            let kept = &self.details;
            self.stale.retain(|known| kept.contains_key(known));
        }
    }

    /// What is known of a meter's other groups is no longer all true.
    pub fn doubt(&mut self, meter: u64, but: GroupId) {
        let of_meter = self.details.values().filter(|detail| detail.group.place.meter == meter);
        let doubted: Vec<GroupId> = of_meter.map(|detail| detail.group.finding.id).filter(|id| *id != but).collect();
        self.stale.extend(doubted);
    }

    /// Goes to this group; false where it has no line here.
    pub fn select(&mut self, group: GroupId) -> bool {
        let place = self.queue.rows.iter().position(|line| line.place.group == group);
        if let Some(place) = place {
            self.queue.selected = place;
            self.leave();
        }
        place.is_some()
    }

    /// Goes on to the next group that is not decided already; back where there is none.
    pub fn advance(&mut self) {
        let rows = &self.queue.rows;
        let here = self.queue.selected;
        let is_free = |place: &usize| rows.get(*place).is_some_and(|line| !self.sent.contains_key(&line.place.group));
        let next = (here + 1..rows.len()).find(is_free).or_else(|| (0..here).rev().find(is_free));
        self.queue.selected = next.unwrap_or(here);
        self.leave();
    }
}

/// The line of a group, as the service would say it.
pub fn line_of(group: &Group) -> QueueLine {
    let Group { place, meter, finding, readings } = group;
    QueueLine::of(*place, meter.clone(), finding, readings.iter().map(|reading| reading.usage.clone()))
}
