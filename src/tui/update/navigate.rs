//! Moves: between screens, and within the one that is shown.

use crate::{
    domain::{
        ids::{DeviceId, MeterId},
        site::PlaceKey,
    },
    tui::{
        actions::Action,
        layout,
        message::Effect,
        model::{DeviceRow, ListView, MAX_BACK, Model, Overlay, OverviewRow, Screen, Sort, TreeNode},
        update::{alarms, charts, duplicates, overlay, rows},
    },
};

/// Goes to a screen of the top level; Esc leads nowhere from there.
pub fn switch(model: &mut Model, screen: Screen) {
    model.back.clear();
    model.screen = screen;
    rows::values_changed(model);
}

/// Goes to the next or the previous tab, in a circle.
pub fn switch_by(model: &mut Model, step: isize) {
    let tabs = Screen::TABS;
    let here = tabs.iter().position(|screen| *screen == model.screen).unwrap_or(0);
    let there = here.saturating_add(tabs.len()).saturating_add_signed(step) % tabs.len();
    if let Some(screen) = tabs.into_iter().nth(there) {
        switch(model, screen);
    }
}

/// Goes deeper; Esc leads back.
pub fn go(model: &mut Model, screen: Screen) {
    if model.screen == screen {
        return;
    }
    let from = std::mem::replace(&mut model.screen, screen);
    if model.back.len() >= MAX_BACK {
        model.back.remove(0);
    }
    model.back.push(from);
    rows::values_changed(model);
}

/// Opens a meter.
pub fn go_to_meter(model: &mut Model, id: MeterId) {
    if !model.site.meters.contains_key(&id) {
        return;
    }
    model.quantities = ListView::default();
    model.chart.reset();
    model.facts.forget(&id);
    go(model, Screen::Meter(id));
}

/// Goes to a place in the tree, unfolding what is above it.
pub fn go_to_place(model: &mut Model, key: &PlaceKey) {
    let above: Vec<PlaceKey> = model.site.path(key).cloned().collect();
    model.expanded.extend(above);
    model.tree.filter.clear();
    go(model, Screen::Site);
    rows::rebuild(model);
    model.tree.select(&TreeNode::Place(key.clone()));
}

/// Goes to a device.
pub fn go_to_device(model: &mut Model, id: DeviceId) {
    model.devices.filter.clear();
    go(model, Screen::Devices);
    rows::rebuild(model);
    model.devices.select(&DeviceRow::Device(id));
}

/// Opens what is selected.
pub fn open(model: &mut Model) -> Vec<Effect> {
    match &model.screen {
        Screen::Overview => open_overview_row(model),
        Screen::Live => {
            if let Some(id) = model.meters.selected().cloned() {
                go_to_meter(model, id);
            }
        }
        Screen::Site => match model.tree.selected().cloned() {
            Some(TreeNode::Meter(id)) => go_to_meter(model, id),
            Some(TreeNode::Place(key)) => {
                let is_open = model.expanded.contains(&key);
                unfold(model, key, !is_open);
            }
            Some(TreeNode::Site) | None => {}
        },
        Screen::Duplicates => return duplicates::open(model),
        Screen::Alarms => alarms::open(model),
        Screen::Devices => open_device_row(model),
        Screen::Meter(id) => {
            let device = model.site.meters.get(id).and_then(|meter| meter.device.clone());
            if let Some(device) = device {
                go_to_device(model, device);
            }
        }
    }
    Vec::new()
}

fn open_overview_row(model: &mut Model) {
    match model.overview.selected().cloned() {
        Some(
            OverviewRow::Power | OverviewRow::ItPower | OverviewRow::Pue | OverviewRow::Today | OverviewRow::Month,
        ) => go(model, Screen::Site),
        Some(OverviewRow::Building(key)) => go_to_place(model, &key),
        Some(OverviewRow::Meters) => {
            model.meters.sort = Sort::Trouble;
            go(model, Screen::Live);
            rows::rebuild(model);
        }
        Some(OverviewRow::Reviews) => go(model, Screen::Duplicates),
        Some(OverviewRow::Alarms) => go(model, Screen::Alarms),
        Some(OverviewRow::Devices | OverviewRow::Connections) => go(model, Screen::Devices),
        Some(OverviewRow::Errors) => overlay::open(model, Overlay::Log { scroll: 0 }),
        Some(OverviewRow::Trouble(id) | OverviewRow::Load(id)) => go_to_meter(model, id),
        None => {}
    }
}

/// Opens the meter of a device, or all meters of a device or connection that has several.
fn open_device_row(model: &mut Model) {
    let (meters, filter) = match model.devices.selected() {
        Some(DeviceRow::Device(id)) => {
            let reads = |meter: &&crate::domain::site::Meter| meter.device.as_ref() == Some(id);
            let meters: Vec<_> = model.site.meters.values().filter(reads).map(|meter| meter.id.clone()).collect();
            (meters, id.to_string())
        }
        Some(DeviceRow::Connection(name)) => (Vec::new(), name.clone()),
        None => return,
    };
    if let [meter] = meters.as_slice() {
        go_to_meter(model, meter.clone());
    } else {
        model.meters.filter = filter;
        go(model, Screen::Live);
        rows::rebuild(model);
    }
}

/// Backs out one level: the filter, then the screen.
pub fn back(model: &mut Model) {
    if model.filter().is_some_and(|filter| !filter.is_empty()) {
        set_filter(model, String::new());
    } else if let Some(screen) = model.back.pop() {
        model.screen = screen;
        rows::values_changed(model);
    }
}

/// Filters the list that is shown, and selects the first row that matches itself.
pub fn set_filter(model: &mut Model, text: String) {
    match model.screen {
        Screen::Live => model.meters.filter = text,
        Screen::Site => model.tree.filter = text,
        Screen::Alarms => model.alarm_rows.filter = text,
        Screen::Devices => model.devices.filter = text,
        Screen::Overview | Screen::Meter(_) | Screen::Duplicates => return,
    }
    rows::rebuild(model);
    if model.screen == Screen::Site && !model.tree.filter.is_empty() {
        let first = model.tree.rows.iter().position(|node| rows::tree_matches(model, node));
        model.tree.selected = first.unwrap_or(0);
    }
}

/// Goes to the next row that the filter matches; where every row does, simply on.
pub fn next_match(model: &mut Model, forward: bool) {
    if model.screen != Screen::Site || model.tree.filter.is_empty() {
        return move_by(model, if forward { 1 } else { -1 });
    }
    let here = model.tree.selected;
    let found = if forward {
        (here + 1..model.tree.rows.len()).find(|row| is_match(model, *row))
    } else {
        (0..here).rev().find(|row| is_match(model, *row))
    };
    model.tree.selected = found.unwrap_or(here);
}

fn is_match(model: &Model, row: usize) -> bool {
    model.tree.rows.get(row).is_some_and(|node| rows::tree_matches(model, node))
}

/// Moves by an arrow.
pub fn arrow(model: &mut Model, action: Action) {
    let (columns, _) = layout::live(model.size);
    let across = if model.screen == Screen::Live { columns.cast_signed() } else { 1 };
    match (action, &model.screen) {
        (Action::Up, _) => move_by(model, -across),
        (Action::Down, Screen::Live) => move_down_live(model, columns),
        (Action::Down, _) | (Action::Right, Screen::Live) => move_by(model, 1),
        (Action::Left, Screen::Live) => move_by(model, -1),
        (Action::Left, Screen::Site) => fold_or_leave(model),
        (Action::Right, Screen::Site) => unfold_or_enter(model),
        (Action::Left, Screen::Duplicates) => duplicates::move_candidate(model, -1),
        (Action::Right, Screen::Duplicates) => duplicates::move_candidate(model, 1),
        (Action::Left, Screen::Meter(_)) => charts::move_cursor(model, -1),
        (Action::Right, Screen::Meter(_)) => charts::move_cursor(model, 1),
        _ => {}
    }
}

/// One row of panels down; the last row may be shorter.
fn move_down_live(model: &mut Model, columns: usize) {
    let list = &mut model.meters;
    let last_row = list.rows.len().saturating_sub(1) / columns.max(1);
    if list.selected / columns.max(1) < last_row {
        list.move_by(columns.cast_signed());
    }
}

fn fold_or_leave(model: &mut Model) {
    let Some(node) = model.tree.selected().cloned() else { return };
    let parent = match &node {
        TreeNode::Site => return,
        TreeNode::Place(key) if model.tree.filter.is_empty() && model.expanded.contains(key) => {
            return unfold(model, key.clone(), false);
        }
        TreeNode::Place(key) => model.site.places.get(key).and_then(|place| place.parent.clone()),
        TreeNode::Meter(id) => model.site.meters.get(id).and_then(|meter| meter.place.clone()),
    };
    model.tree.select(&parent.map_or(TreeNode::Site, TreeNode::Place));
}

fn unfold_or_enter(model: &mut Model) {
    match model.tree.selected().cloned() {
        Some(TreeNode::Place(key)) if model.tree.filter.is_empty() && !model.expanded.contains(&key) => {
            unfold(model, key, true);
        }
        Some(TreeNode::Place(_) | TreeNode::Site) => model.tree.move_by(1),
        Some(TreeNode::Meter(_)) | None => {}
    }
}

fn unfold(model: &mut Model, key: PlaceKey, open: bool) {
    if open {
        model.expanded.insert(key);
    } else {
        model.expanded.remove(&key);
    }
    rows::rebuild(model);
}

/// Moves by a page, or to an end.
pub fn page(model: &mut Model, action: Action) {
    let page = visible_rows(model).cast_signed();
    let rows = match action {
        Action::PageUp => -page,
        Action::PageDown => page,
        Action::First => isize::MIN,
        _ => isize::MAX,
    };
    move_by(model, rows);
}

/// Scrolls the list that is shown so that its selection is on screen; panels scroll by whole rows.
pub fn keep_in_view(model: &mut Model) {
    let visible = visible_rows(model);
    match model.screen {
        Screen::Overview => model.overview.keep_in_view(visible),
        Screen::Live => {
            let (columns, rows) = layout::live(model.size);
            model.meters.keep_in_view_grid(columns, rows);
        }
        Screen::Site => model.tree.keep_in_view(visible),
        Screen::Meter(_) => model.quantities.keep_in_view(visible),
        Screen::Duplicates => model.desk.queue.keep_in_view(visible),
        Screen::Alarms => model.alarm_rows.keep_in_view(visible),
        Screen::Devices => model.devices.keep_in_view(visible),
    }
}

/// How many rows, or panels, of the list are on screen.
fn visible_rows(model: &Model) -> usize {
    if model.screen == Screen::Live {
        let (columns, rows) = layout::live(model.size);
        columns * rows
    } else if model.screen == Screen::Duplicates {
        usize::from(layout::desk(model.size, layout::body(model.size)).queue.height.saturating_sub(2)).max(1)
    } else if matches!(model.screen, Screen::Meter(_)) {
        let areas = layout::meter(model.size, model.meter_pane, layout::body(model.size));
        usize::from(areas.readings.height.saturating_sub(2)).max(1)
    } else {
        layout::table_rows(layout::body(model.size))
    }
}

fn move_by(model: &mut Model, rows: isize) {
    match model.screen {
        Screen::Overview => model.overview.move_by(rows),
        Screen::Live => model.meters.move_by(rows),
        Screen::Site => model.tree.move_by(rows),
        Screen::Meter(_) => model.quantities.move_by(rows),
        Screen::Duplicates => duplicates::move_by(model, rows),
        Screen::Alarms => model.alarm_rows.move_by(rows),
        Screen::Devices => model.devices.move_by(rows),
    }
}
