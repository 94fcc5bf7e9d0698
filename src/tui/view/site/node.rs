//! The selected node of the tree: its power and feeds, what is missing, its meters, parent against children.

use std::collections::BTreeSet;

use ratatui::{Frame, layout::Rect, text::Line};

use super::power_text;
use crate::{
    domain::{
        alarm::AlarmKey,
        ids::MeterId,
        quantity::Quantity,
        rollup::{Balance, Power, Rollup, Rollups, balance},
        site::{FeedPath, Meter, PlaceKey},
        standing::Standing,
    },
    tui::{
        format,
        model::TreeNode,
        view::alarms::short_line,
        widget::{Cells, Look},
    },
};

/// Alarms of a node that are told one by one; the Alarms screen has them all.
const MAX_ALARMS: usize = 5;
/// Columns of a label.
const LABEL: usize = 8;
/// Width from which a difference is said in kW and percent.
const WIDE: usize = 40;
/// Columns of a power.
const POWER: usize = 10;

/// Draws the node in a frame of its own.
pub(super) fn draw(look: &Look<'_>, rollups: &Rollups, frame: &mut Frame<'_>, area: Rect, node: &TreeNode) {
    let details = Details { look, width: usize::from(area.width.saturating_sub(4)) };
    let title = look.fit(&title(look, node), details.width);
    let block = look.section(&title);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let mut lines = details.summary(rollups, node);
    lines.push(Line::default());
    lines.extend(details.alarms(node));
    lines.extend(details.parts(rollups, node));
    let height = usize::from(inner.height);
    if lines.len() > height {
        let hidden = lines.len() - height + 1;
        lines.truncate(height.saturating_sub(1));
        lines.push(Line::styled(format!("{} {hidden} more lines", look.glyphs.ellipsis), look.theme.dim));
    }
    for (line_area, line) in inner.rows().zip(lines) {
        frame.render_widget(line, line_area);
    }
}

/// Draws what matters most in a few lines.
pub(super) fn draw_strip(look: &Look<'_>, rollups: &Rollups, frame: &mut Frame<'_>, area: Rect, node: &TreeNode) {
    let details = Details { look, width: usize::from(area.width) };
    for (line_area, line) in area.rows().zip(details.summary(rollups, node)) {
        frame.render_widget(line, line_area);
    }
}

fn title(look: &Look<'_>, node: &TreeNode) -> String {
    match node {
        TreeNode::Site => look.site.name.clone(),
        TreeNode::Place(key) => {
            let name = look.site.places.get(key).map_or(key.id.as_str(), |place| place.name.as_str());
            format!("{name} {} {}", look.glyphs.dot, key.level.title())
        }
        TreeNode::Meter(id) => look.site.meters.get(id).map_or(id.to_string(), |meter| meter.name.clone()),
    }
}

struct Details<'look, 'model> {
    look: &'look Look<'model>,
    width: usize,
}

impl Details<'_, '_> {
    /// Power, feeds, meters: the lines that also fit below a tree.
    fn summary(&self, rollups: &Rollups, node: &TreeNode) -> Vec<Line<'static>> {
        match node {
            TreeNode::Site => self.rollup(rollups.site()),
            TreeNode::Place(key) => rollups.place(key).map(|rollup| self.rollup(rollup)).unwrap_or_default(),
            TreeNode::Meter(id) => self.meter(id),
        }
    }

    /// What the node is made of.
    fn parts(&self, rollups: &Rollups, node: &TreeNode) -> Vec<Line<'static>> {
        match node {
            TreeNode::Site => self.meters_of(rollups.site(), None),
            TreeNode::Place(key) => rollups.place(key).map_or_else(Vec::new, |place| self.meters_of(place, Some(key))),
            TreeNode::Meter(id) => self.chain(id),
        }
    }

    /// The alarms of the meters under the node, with their devices' and connections', each once.
    fn alarms(&self, node: &TreeNode) -> Vec<Line<'static>> {
        let site = self.look.site;
        let is_under = |meter: &&Meter| match node {
            TreeNode::Site => true,
            TreeNode::Place(key) => meter.place.iter().flat_map(|place| site.path(place)).any(|above| above == key),
            TreeNode::Meter(id) => meter.id == *id,
        };
        let concerned: BTreeSet<&AlarmKey> = site
            .meters
            .values()
            .filter(is_under)
            .flat_map(|meter| self.look.model.alarms_of(meter))
            .map(|line| &line.id)
            .collect();
        let alarms = self.look.model.own_alarms().filter(|line| concerned.contains(&line.id));
        let mut lines: Vec<Line<'static>> = alarms
            .map(|line| {
                let (text, style) = short_line(self.look, line);
                let text = format!("{} {text}", self.look.model.subject_name(&line.id.subject));
                Line::styled(self.look.fit(&text, self.width), style)
            })
            .collect();
        let more = lines.len().saturating_sub(MAX_ALARMS);
        lines.truncate(MAX_ALARMS);
        if more > 0 {
            lines.push(Line::styled(format!("and {more} more alarms"), self.look.theme.dim));
        }
        if !lines.is_empty() {
            lines.insert(0, Line::styled("alarms", self.look.theme.title));
        }
        lines
    }

    fn rollup(&self, rollup: &Rollup) -> Vec<Line<'static>> {
        let theme = self.look.theme;
        let mut lines = vec![self.sum("power", &rollup.power)];
        if let Some(missing) = self.missing(&rollup.power) {
            lines.push(missing);
        }
        if let Some(feeds) = self.feeds(rollup) {
            lines.push(feeds);
        }
        let mut cells = self.label("load");
        cells = match rollup.load_percent {
            Some(load) => cells.right(&format::percent(load), POWER, theme.text).text("  highest", theme.dim),
            None => cells.right(self.look.glyphs.missing, POWER, theme.dim),
        };
        lines.push(self.cut(cells));
        let ok = rollup.meters - rollup.in_trouble - rollup.not_read;
        let not_read = if rollup.not_read > 0 { format!(", {} not read", rollup.not_read) } else { String::new() };
        lines.push(self.cut(self.label("meters").text(format!("{ok} fine{not_read}"), theme.text)));
        if rollup.in_trouble > 0 {
            let words = format!("{}, worst {}", rollup.in_trouble, rollup.worst.word());
            lines.push(self.cut(self.label("trouble").text(words, theme.standing(rollup.worst))));
        }
        lines
    }

    /// `power 153.7 kW of 2 points`
    fn sum(&self, label: &str, power: &Power) -> Line<'static> {
        let theme = self.look.theme;
        let cells = self.label(label).right(&power_text(self.look, power), POWER, theme.title);
        let all = power.counted + power.missing.len();
        let cells = if all == 0 {
            cells.text("  no meter of power", theme.dim)
        } else if power.is_complete() {
            cells.text(format!("  {}", format::count(all, "point", "points")), theme.dim)
        } else {
            cells.text("  INCOMPLETE", theme.warning)
        };
        self.cut(cells)
    }

    fn missing(&self, power: &Power) -> Option<Line<'static>> {
        if power.is_complete() {
            return None;
        }
        let names: Vec<&str> = power.missing.iter().map(|id| self.name(id)).collect();
        Some(self.cut(self.label("missing").text(names.join(", "), self.look.theme.warning)))
    }

    /// `A 71.80 kW  B 81.90 kW`; one that is incomplete says so.
    fn feeds(&self, rollup: &Rollup) -> Option<Line<'static>> {
        let mut cells = self.label("feeds");
        for (feed, power) in rollup.feeds.iter().filter(|(feed, _)| **feed != FeedPath::Combined) {
            let name = match feed {
                FeedPath::A => "A",
                FeedPath::B => "B",
                FeedPath::C => "C",
                FeedPath::Combined => continue,
            };
            let gap = if cells.used() > LABEL { 2 } else { 0 };
            cells = cells.gap(gap).text(format!("{name} "), self.look.theme.dim);
            cells = cells.text(power_text(self.look, power), self.look.theme.text);
            if !power.is_complete() {
                cells = cells.text(" ?", self.look.theme.warning);
            }
        }
        (cells.used() > LABEL).then(|| self.cut(cells))
    }

    /// What the power is the sum of, each against what it feeds; then the other meters right here.
    fn meters_of(&self, rollup: &Rollup, place: Option<&PlaceKey>) -> Vec<Line<'static>> {
        let heading = |text: &'static str| Line::styled(text, self.look.theme.title);
        let mut lines = Vec::new();
        if !rollup.points.is_empty() {
            lines.push(heading("metering points"));
        }
        for id in &rollup.points {
            lines.push(self.meter_line(id));
            lines.extend(self.balance(id));
        }
        let mut others = self.look.site.meters_at(place).filter(|meter| !rollup.points.contains(&meter.id)).peekable();
        if others.peek().is_some() {
            lines.push(heading(if place.is_some() { "other meters here" } else { "meters without a place" }));
        }
        for meter in others {
            lines.push(self.meter_line(&meter.id));
            lines.extend(self.balance(&meter.id));
        }
        lines
    }

    fn meter_line(&self, id: &MeterId) -> Line<'static> {
        let Some((meter, live)) = self.look.meter(id) else { return Line::raw(id.to_string()) };
        let standing = self.look.standing(meter);
        let kw = self.look.shown(meter, live, &Quantity::CurrentKw);
        let word = standing.word();
        let name = self.width.saturating_sub(POWER + 11);
        let cells = Cells::new(self.look.glyphs)
            .left(&meter.name, name, self.look.theme.text)
            .right(&kw.with_unit(), POWER, kw.style)
            .text(format!(" {} {word}", self.look.glyphs.mark(standing)), self.look.theme.standing(standing));
        self.cut(cells)
    }

    /// Parent against the sum of its children.
    fn balance(&self, id: &MeterId) -> Option<Line<'static>> {
        let balance = balance(self.look.site, self.look.model.shown(), id, self.look.now)?;
        let theme = self.look.theme;
        let cells = Cells::new(self.look.glyphs)
            .text(format!(" feeds {}: ", balance.children.len()), theme.dim)
            .text(power_text(self.look, &balance.sum), theme.text);
        let (text, is_open) = self.difference(&balance);
        let style = if is_open { theme.warning } else { theme.dim };
        Some(self.cut(cells.text(format!(" {text}"), style)))
    }

    /// The difference in words, and whether it cannot be told.
    fn difference(&self, balance: &Balance) -> (String, bool) {
        let delta = self.look.glyphs.delta;
        let Some(kw) = balance.difference_kw else {
            let is_open = balance.shared.is_empty() || !balance.sum.is_complete();
            return (if is_open { "INCOMPLETE" } else { "shared" }.to_owned(), is_open);
        };
        let text = match balance.difference_percent().map(format::percent) {
            Some(percent) if self.width < WIDE => format!("{delta} {percent}"),
            Some(percent) => format!("{delta} {} {percent}", format::power(kw)),
            None => format!("{delta} {}", format::power(kw)),
        };
        (text, false)
    }

    fn meter(&self, id: &MeterId) -> Vec<Line<'static>> {
        let Some((meter, live)) = self.look.meter(id) else { return Vec::new() };
        let theme = self.look.theme;
        let standing = self.look.standing(meter);
        let mut state = self.label("state").text(standing.word(), theme.standing(standing));
        if let Some(at) = live.and_then(|live| live.at).filter(|_| standing != Standing::NotRead) {
            state = state.text(format!("  {} ago", format::age(self.look.age(at))), theme.dim);
        }
        let mut lines = vec![self.cut(state)];
        if let Some(fault) = live.and_then(|live| live.fault.as_ref()) {
            lines.push(self.cut(self.label("fault").text(fault.to_string(), theme.standing(standing))));
        }
        for quantity in [Quantity::CurrentKw, Quantity::LoadPercent] {
            let shown = self.look.shown(meter, live, &quantity);
            let label = if quantity == Quantity::CurrentKw { "power" } else { "load" };
            lines.push(self.cut(self.label(label).right(&shown.with_unit(), POWER, shown.style)));
        }
        lines.push(self.cut(self.label("point").text(meter.meter_point.title(), theme.text)));
        lines
    }

    /// What feeds a meter and what it feeds.
    fn chain(&self, id: &MeterId) -> Vec<Line<'static>> {
        let Some(meter) = self.look.site.meters.get(id) else { return Vec::new() };
        let heading = |text: &'static str| Line::styled(text, self.look.theme.title);
        let mut lines = Vec::new();
        if !meter.fed_by.is_empty() {
            lines.push(heading("fed by"));
            lines.extend(meter.fed_by.iter().map(|above| self.meter_line(above)));
        }
        let fed: Vec<&Meter> = self.look.site.meters.values().filter(|other| other.fed_by.contains(id)).collect();
        if !fed.is_empty() {
            lines.push(heading("feeds"));
            lines.extend(fed.iter().map(|below| self.meter_line(&below.id)));
            lines.extend(self.balance(id));
        }
        lines
    }

    fn name(&self, id: &MeterId) -> &str {
        self.look.site.meters.get(id).map_or("", |meter| meter.name.as_str())
    }

    fn label(&self, text: &str) -> Cells {
        Cells::new(self.look.glyphs).left(text, LABEL, self.look.theme.dim)
    }

    /// A line, cut to the width with a sign that something is missing.
    fn cut(&self, cells: Cells) -> Line<'static> {
        cells.line_within(self.width)
    }
}
