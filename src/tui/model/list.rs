//! A list with a selection that stays with its row while rows come, go and move.

use std::ops::Range;

/// In which order a list is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sort {
    /// By name: nothing moves.
    #[default]
    Name,
    /// The highest load first.
    Load,
    /// The worst state first.
    Trouble,
    /// The oldest value first.
    Age,
}

impl Sort {
    /// The next one, in a circle.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Name => Self::Load,
            Self::Load => Self::Trouble,
            Self::Trouble => Self::Age,
            Self::Age => Self::Name,
        }
    }

    /// Its name on screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Load => "load",
            Self::Trouble => "trouble",
            Self::Age => "age",
        }
    }
}

/// A list with a selection.
#[derive(Debug, Clone)]
pub struct ListView<K> {
    /// What is listed, in order, after the filter.
    pub rows: Vec<K>,
    /// Index of the selected row; means nothing while there are no rows.
    pub selected: usize,
    /// Index of the first row on screen.
    pub top: usize,
    /// What rows must match; empty for all.
    pub filter: String,
    /// In which order they are.
    pub sort: Sort,
}

impl<K> Default for ListView<K> {
    fn default() -> Self {
        Self { rows: Vec::new(), selected: 0, top: 0, filter: String::new(), sort: Sort::default() }
    }
}

impl<K: PartialEq> ListView<K> {
    /// The selected row.
    pub fn selected(&self) -> Option<&K> {
        self.rows.get(self.selected)
    }

    /// Takes over new rows; the selection stays on its row, or near where it was.
    pub fn set_rows(&mut self, rows: Vec<K>) {
        let place = self.selected().and_then(|selected| rows.iter().position(|row| row == selected));
        self.rows = rows;
        self.selected = place.unwrap_or(self.selected).min(self.rows.len().saturating_sub(1));
    }

    /// Selects this row; false where it is not in the list.
    pub fn select(&mut self, row: &K) -> bool {
        let place = self.rows.iter().position(|known| known == row);
        self.selected = place.unwrap_or(self.selected);
        place.is_some()
    }

    /// Moves the selection, stopping at both ends.
    pub fn move_by(&mut self, rows: isize) {
        self.selected = self.selected.saturating_add_signed(rows).min(self.rows.len().saturating_sub(1));
    }

    /// Scrolls so that the selected row is among the `visible` ones.
    pub fn keep_in_view(&mut self, visible: usize) {
        self.top = self.window(visible).start;
    }

    /// The same for a grid of panels, which scrolls by whole rows: `top` stays the first of its row.
    pub fn keep_in_view_grid(&mut self, columns: usize, visible: usize) {
        let (columns, visible) = (columns.max(1), visible.max(1));
        let selected_row = self.selected / columns;
        let last_top = self.rows.len().div_ceil(columns).saturating_sub(visible);
        let first = (selected_row + 1).saturating_sub(visible);
        let top = (self.top / columns).clamp(first, selected_row.max(first)).min(last_top.max(first));
        self.top = top * columns;
    }

    /// The indices of the rows on screen where `visible` of them fit; the selected one is always among them.
    pub fn window(&self, visible: usize) -> Range<usize> {
        let visible = visible.max(1);
        let last_top = self.rows.len().saturating_sub(visible);
        let first = (self.selected + 1).saturating_sub(visible);
        let top = self.top.clamp(first, self.selected.max(first)).min(last_top.max(first));
        top..(top + visible).min(self.rows.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_selection_stays_on_its_row() {
        let mut list = ListView { selected: 1, rows: vec!["a", "b", "c"], ..ListView::default() };
        list.set_rows(vec!["c", "x", "y", "b"]);
        assert_eq!(list.selected(), Some(&"b"));
        list.set_rows(vec!["x"]);
        assert_eq!(list.selected(), Some(&"x"));
        list.set_rows(Vec::new());
        assert_eq!(list.selected(), None);
    }

    proptest! {
        #[test]
        fn the_selected_row_is_always_on_screen(
            length in 0usize..60, selected in 0usize..60, top in 0usize..80, visible in 0usize..30, columns in 0usize..5,
        ) {
            let rows: Vec<usize> = (0..length).collect();
            let mut list = ListView { selected: selected.min(length.saturating_sub(1)), top, rows, ..ListView::default() };
            let window = list.window(visible);
            prop_assert!(window.end <= length && window.len() <= visible.max(1));
            prop_assert!(length == 0 || window.contains(&list.selected));
            prop_assert!(length < visible || window.len() >= visible.min(length));

            list.keep_in_view_grid(columns, visible);
            prop_assert_eq!(list.top % columns.max(1), 0);
            let end = list.top + columns.max(1) * visible.max(1);
            prop_assert!(length == 0 || (list.top..end).contains(&list.selected));
        }

        #[test]
        fn moving_stops_at_both_ends(length in 0usize..20, moves in prop::collection::vec(any::<isize>(), 0..10)) {
            let mut list = ListView { rows: (0..length).collect(), ..ListView::default() };
            for step in moves {
                list.move_by(step);
                prop_assert!(length == 0 || list.selected().is_some());
            }
        }
    }
}
