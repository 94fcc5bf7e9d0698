//! The tree of places with what is rolled up, and beside it the selected node.
//!
//! ```text
//! ┌ Site ─────────── power ─── load ─ alarms ─ state ┐┌ Room 101 ───────────────────────┐
//! │▾ North Hall    612.4 kW   76.6 %      3 ▼ CRITICAL ││ power   153.7 kW of 2 points    │
//! │  ▾ Room 101    153.7 kW   96.4 %      3 ▼ CRITICAL ││ A 71.80 kW     B 81.90 kW       │
//! │      RPP-A     71.80 kW   84.5 %      1 ▲ WARN     ││ RPP-A 71.80 kW, below 2.714 kW  │
//! └────────────────────────────────────────────────────┘└─────────────────────────────────┘
//! ```
//! Where that is too wide, the number of alarms stands after the state's mark.

use std::collections::BTreeMap;

use ratatui::{
    Frame,
    layout::{Constraint, Layout, Rect},
    text::Line,
};

use crate::{
    domain::{
        ids::MeterId,
        quantity::Quantity,
        rollup::{Power, Rollup, Rollups},
        site::PlaceKey,
        standing::Standing,
    },
    tui::{
        format,
        layout::SizeClass,
        model::{Model, TreeNode},
        theme::Theme,
        widget::{Cells, Look},
    },
};

mod node;

/// Columns of a power with its unit, and the mark of an incomplete one.
const POWER: usize = 12;
/// Columns of a load.
const LOAD: usize = 8;
/// Columns of the number of alarms.
const ALARMS: usize = 7;
/// Columns of the state in words.
const STATE: usize = 12;
/// Columns of the state as a mark and a number.
const SHORT_STATE: usize = 5;
/// Narrowest tree that has a node beside it, and the widest that eyes can follow.
const MIN_TREE: u16 = 46;
/// See [`MIN_TREE`].
const MAX_TREE: u16 = 84;
/// Width from which the tree is indented by two columns a level, and says states in words.
const WIDE_TREE: usize = 60;
/// Rows of the selected node below the tree, where nothing fits beside it.
const STRIP: u16 = 3;

/// Draws the screen into `area`.
pub fn draw(model: &Model, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let look = Look::of(model, theme);
    let rollups = model.rollups(look.now);
    let selected = model.tree.selected();
    if model.size_class() >= SizeClass::Full {
        let tree_width = (area.width / 7 * 4).clamp(MIN_TREE, MAX_TREE);
        let [left, right] = Layout::horizontal([Constraint::Length(tree_width), Constraint::Fill(1)]).areas(area);
        tree(&look, &rollups, frame, left);
        if let Some(selected) = selected {
            node::draw(&look, &rollups, frame, right, selected);
        }
        return;
    }
    let strip = if area.height > 2 * STRIP + 6 { STRIP } else { 0 };
    let [top, bottom] = Layout::vertical([Constraint::Fill(1), Constraint::Length(strip)]).areas(area);
    tree(&look, &rollups, frame, top);
    if let Some(selected) = selected {
        node::draw_strip(&look, &rollups, frame, bottom, selected);
    }
}

fn tree(look: &Look<'_>, rollups: &Rollups, frame: &mut Frame<'_>, area: Rect) {
    let block = look.frame(Line::styled(title(look), look.theme.title), None, true);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    if inner.is_empty() {
        return;
    }
    let columns = Columns::of(usize::from(inner.width));
    let rows = Rect { y: inner.y + 1, height: inner.height - 1, ..inner };
    frame.render_widget(columns.heading(look), Rect { height: 1, ..inner });
    let alarms = look.model.alarms_by_place();
    let tree = &look.model.tree;
    if tree.rows.is_empty() {
        look.nothing(frame, rows, "Nothing matches. Esc shows the whole site.");
    }
    for (line_area, index) in rows.rows().zip(tree.window(usize::from(rows.height))) {
        let Some(row) = tree.rows.get(index) else { break };
        let is_selected = index == tree.selected;
        let line = columns.row(look, rollups, &alarms, row).patch_style(look.row_style(is_selected));
        frame.render_widget(line, line_area);
        if is_selected {
            look.point_at(frame, line_area.x, line_area.y);
        }
    }
}

fn title(look: &Look<'_>) -> String {
    match look.model.tree.filter.as_str() {
        "" => " Site ".to_owned(),
        filter => format!(" Site /{} ", look.fit(filter, 24)),
    }
}

/// How wide the columns of the tree are.
struct Columns {
    name: usize,
    indent: usize,
    load: usize,
    alarms: usize,
    state: usize,
}

impl Columns {
    fn of(width: usize) -> Self {
        let load = if width >= 44 { LOAD } else { 0 };
        let (indent, alarms, state) = if width >= WIDE_TREE { (2, ALARMS, STATE) } else { (1, 0, SHORT_STATE) };
        Self { name: width.saturating_sub(POWER + load + alarms + state), indent, load, alarms, state }
    }

    fn heading(&self, look: &Look<'_>) -> Line<'static> {
        let dim = look.theme.dim;
        let cells = Cells::new(look.glyphs).left("", self.name, dim).right("power", POWER - 2, dim).gap(2);
        let cells = if self.load > 0 { cells.right("load", self.load - 1, dim).gap(1) } else { cells };
        let cells = if self.alarms > 0 { cells.right("alarms", self.alarms - 1, dim).gap(1) } else { cells };
        cells.left(if self.state == STATE { "state" } else { "" }, self.state, dim).line()
    }

    fn row(
        &self,
        look: &Look<'_>,
        rollups: &Rollups,
        alarms: &BTreeMap<PlaceKey, usize>,
        row: &TreeNode,
    ) -> Line<'static> {
        let indent = " ".repeat(self.indent * look.model.depth(row));
        match row {
            TreeNode::Site => {
                let name = format!("{} {}", look.glyphs.open, look.site.name);
                let all = look.model.own_alarms().filter(|line| line.state.wants_somebody()).count();
                self.place(look, &name, rollups.site(), all)
            }
            TreeNode::Place(key) => {
                let is_open = look.model.expanded.contains(key);
                let open = if is_open { look.glyphs.open } else { look.glyphs.closed };
                let name = look.site.places.get(key).map_or(key.id.as_str(), |place| place.name.as_str());
                let empty = Rollup::default();
                let rollup = rollups.place(key).unwrap_or(&empty);
                let alarms = alarms.get(key).copied().unwrap_or_default();
                self.place(look, &format!("{indent}{open} {name}"), rollup, alarms)
            }
            TreeNode::Meter(id) => self.meter(look, id, &indent),
        }
    }

    fn place(&self, look: &Look<'_>, name: &str, rollup: &Rollup, alarms: usize) -> Line<'static> {
        let cells = Cells::new(look.glyphs).left(name, self.name, look.theme.title);
        let cells = power(look, cells, &rollup.power);
        let load = rollup.load_percent.map_or(look.glyphs.missing.to_owned(), format::percent);
        let cells = if self.load > 0 { cells.right(&load, self.load - 1, look.theme.text).gap(1) } else { cells };
        self.state(look, cells, rollup.worst, alarms)
    }

    fn meter(&self, look: &Look<'_>, id: &MeterId, indent: &str) -> Line<'static> {
        let Some((meter, live)) = look.meter(id) else { return Line::raw(id.to_string()) };
        let standing = look.standing(meter);
        let kw = look.shown(meter, live, &Quantity::CurrentKw);
        let load = look.shown(meter, live, &Quantity::LoadPercent);
        let cells = Cells::new(look.glyphs)
            .left(&format!("{indent}  {}", meter.name), self.name, look.theme.text)
            .right(&kw.with_unit(), POWER - 2, kw.style)
            .gap(2);
        let cells =
            if self.load > 0 { cells.right(&load.with_unit(), self.load - 1, load.style).gap(1) } else { cells };
        let alarms = look.model.alarms_of(meter).iter().filter(|line| line.state.wants_somebody()).count();
        self.state(look, cells, standing, alarms)
    }

    /// How many alarms there are, and the mark of a state, with its word where there is room.
    fn state(&self, look: &Look<'_>, cells: Cells, standing: Standing, alarms: usize) -> Line<'static> {
        let mark = look.glyphs.mark(standing);
        let count = if alarms > 0 { alarms.to_string() } else { String::new() };
        let style = look.theme.standing(standing);
        if self.alarms == 0 {
            return cells.left(format!("{mark} {count}").trim(), self.state, style).line();
        }
        let cells = cells.right(&count, self.alarms - 1, look.theme.warning).gap(1);
        cells.left(format!("{mark} {}", standing.word()).trim(), self.state, style).line()
    }
}

/// A sum of power, and a mark where it is incomplete.
fn power(look: &Look<'_>, cells: Cells, power: &Power) -> Cells {
    let cells = cells.right(&power_text(look, power), POWER - 2, look.theme.text);
    if power.is_complete() { cells.gap(2) } else { cells.text(" ?", look.theme.warning) }
}

/// A sum of power in words: `~` where a part is estimated, `—` where nothing is known.
pub(in crate::tui::view) fn power_text(look: &Look<'_>, power: &Power) -> String {
    let estimated = if power.estimated { look.glyphs.estimated } else { "" };
    power.kw.map_or(look.glyphs.missing.to_owned(), |kw| format!("{estimated}{}", format::power(kw)))
}
