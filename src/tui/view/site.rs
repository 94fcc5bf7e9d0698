//! The tree of places with what is rolled up, and beside it the selected node.
//!
//! ```text
//! ┌ Site ─────────── power ─── load ─ state ┐┌ Room 101 ───────────────────────┐
//! │▾ North Hall    612.4 kW   76.6 % ▼ 3    ││ power   153.7 kW of 2 points    │
//! │  ▾ Room 101    153.7 kW   96.4 % ▼ 3    ││ A 71.80 kW     B 81.90 kW       │
//! │      RPP-A     71.80 kW   84.5 % ▲ WARN ││ RPP-A 71.80 kW, below 2.714 kW  │
//! └─────────────────────────────────────────┘└─────────────────────────────────┘
//! ```

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
    let rollups = Rollups::of(look.site, model.shown(), look.now);
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
    let tree = &look.model.tree;
    if tree.rows.is_empty() {
        look.nothing(frame, rows, "Nothing matches. Esc shows the whole site.");
    }
    for (line_area, index) in rows.rows().zip(tree.window(usize::from(rows.height))) {
        let Some(row) = tree.rows.get(index) else { break };
        let is_selected = index == tree.selected;
        let line = columns.row(look, rollups, row).patch_style(look.row_style(is_selected));
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
    state: usize,
}

impl Columns {
    fn of(width: usize) -> Self {
        let load = if width >= 44 { LOAD } else { 0 };
        let (indent, state) = if width >= WIDE_TREE { (2, STATE) } else { (1, SHORT_STATE) };
        Self { name: width.saturating_sub(POWER + load + state), indent, load, state }
    }

    fn heading(&self, look: &Look<'_>) -> Line<'static> {
        let dim = look.theme.dim;
        let cells = Cells::new(look.glyphs).left("", self.name, dim).right("power", POWER - 2, dim).gap(2);
        let cells = if self.load > 0 { cells.right("load", self.load - 1, dim).gap(1) } else { cells };
        cells.left(if self.state == STATE { "state" } else { "" }, self.state, dim).line()
    }

    fn row(&self, look: &Look<'_>, rollups: &Rollups, row: &TreeNode) -> Line<'static> {
        let indent = " ".repeat(self.indent * look.model.depth(row));
        match row {
            TreeNode::Site => {
                let name = format!("{} {}", look.glyphs.open, look.site.name);
                self.place(look, &name, rollups.site())
            }
            TreeNode::Place(key) => {
                let is_open = look.model.expanded.contains(key);
                let open = if is_open { look.glyphs.open } else { look.glyphs.closed };
                let name = look.site.places.get(key).map_or(key.id.as_str(), |place| place.name.as_str());
                let empty = Rollup::default();
                self.place(look, &format!("{indent}{open} {name}"), rollups.place(key).unwrap_or(&empty))
            }
            TreeNode::Meter(id) => self.meter(look, id, &indent),
        }
    }

    fn place(&self, look: &Look<'_>, name: &str, rollup: &Rollup) -> Line<'static> {
        let cells = Cells::new(look.glyphs).left(name, self.name, look.theme.title);
        let cells = power(look, cells, &rollup.power);
        let load = rollup.load_percent.map_or(look.glyphs.missing.to_owned(), format::percent);
        let cells = if self.load > 0 { cells.right(&load, self.load - 1, look.theme.text).gap(1) } else { cells };
        let trouble = if rollup.in_trouble > 0 { rollup.in_trouble.to_string() } else { String::new() };
        self.state(look, cells, rollup.worst, &trouble)
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
        self.state(look, cells, standing, "")
    }

    /// The mark of a state; its word where there is room; and how many meters are in trouble.
    fn state(&self, look: &Look<'_>, cells: Cells, standing: Standing, count: &str) -> Line<'static> {
        let word = if self.state == STATE { standing.word() } else { "" };
        let words = [look.glyphs.mark(standing), word, count];
        let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
        cells.left(&words.join(" "), self.state, look.theme.standing(standing)).line()
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
