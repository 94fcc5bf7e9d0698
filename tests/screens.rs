//! Every screen at every size class, as text; and that no size, and no set of values, makes one fall over.

use std::sync::Arc;

use meterdeck::tui::{
    keymap::Keymap,
    model::{DeviceRow, Model, Options, OverviewRow, Screen, TreeNode},
    theme::{ColourDepth, Theme},
    view,
};
use ratatui::{
    Terminal,
    backend::TestBackend,
    buffer::Buffer,
    layout::{Rect, Size},
};

#[path = "screens/site.rs"]
mod site;

fn model(size: Size, ascii: bool) -> Model {
    let options = Options { ascii, ..Options::default() };
    let shared = site::shared_site();
    let mut model = Model::new(shared.clone(), Arc::new(Keymap::load(None).unwrap()), options, size, site::now());
    model.live = site::snapshot(&shared);
    model.meters.rows = shared.meters.keys().cloned().collect();
    model.meters.selected = 6;
    model.expanded = shared.places.keys().cloned().collect();
    model.tree.rows = tree(&shared);
    model.tree.selected = 2;
    let main = "msb-1".parse().unwrap();
    model.quantities.rows = model.live.meters[&main].readings.keys().cloned().collect();
    model.devices.rows = devices(&shared);
    model.devices.selected = 2;
    model
}

/// Connections with their devices.
fn devices(site: &meterdeck::domain::site::Site) -> Vec<DeviceRow> {
    let mut rows = Vec::new();
    let mut devices: Vec<_> = site.devices.values().collect();
    devices.sort_by_key(|device| device.link.name());
    for device in devices {
        let connection = DeviceRow::Connection(device.link.name());
        if !rows.contains(&connection) {
            rows.push(connection);
        }
        rows.push(DeviceRow::Device(device.id.clone()));
    }
    rows
}

/// The whole tree, as it is when everything is expanded.
fn tree(site: &meterdeck::domain::site::Site) -> Vec<TreeNode> {
    fn add(
        site: &meterdeck::domain::site::Site,
        place: Option<&meterdeck::domain::site::PlaceKey>,
        rows: &mut Vec<TreeNode>,
    ) {
        for key in site.places_under(place) {
            rows.push(TreeNode::Place(key.clone()));
            add(site, Some(key), rows);
        }
        rows.extend(site.meters_at(place).map(|meter| TreeNode::Meter(meter.id.clone())));
    }
    let mut rows = vec![TreeNode::Site];
    add(site, None, &mut rows);
    rows
}

fn screens() -> Vec<(&'static str, Screen)> {
    vec![
        ("overview", Screen::Overview),
        ("live", Screen::Live),
        ("site", Screen::Site),
        ("meter", Screen::Meter("msb-1".parse().unwrap())),
        ("devices", Screen::Devices),
    ]
}

fn draw(model: &Model, theme: &Theme) -> Buffer {
    let size = model.size;
    let mut terminal = Terminal::new(TestBackend::new(size.width, size.height)).unwrap();
    terminal
        .draw(|frame| {
            let body = meterdeck::tui::layout::body(size).intersection(frame.area());
            match &model.screen {
                Screen::Overview => view::overview::draw(model, theme, frame, body),
                Screen::Live => view::live::draw(model, theme, frame, body),
                Screen::Site => view::site::draw(model, theme, frame, body),
                Screen::Meter(id) => view::meter::draw(model, id, theme, frame, body),
                Screen::Devices => view::devices::draw(model, theme, frame, body),
            }
        })
        .unwrap();
    terminal.backend().buffer().clone()
}

fn text(buffer: &Buffer) -> String {
    let Rect { width, height, .. } = buffer.area;
    let mut lines = Vec::new();
    for y in 0..height {
        let mut line = String::new();
        let mut x = 0;
        while x < width {
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            x += u16::try_from(unicode_width::UnicodeWidthStr::width(symbol).max(1)).unwrap();
        }
        lines.push(line.trim_end().to_owned());
    }
    lines.join("\n")
}

#[test]
fn look() {
    for (w, h) in [(160, 48), (80, 24), (60, 20), (40, 12)] {
        for (name, screen) in screens() {
            let mut model = model(Size::new(w, h), false);
            model.screen = screen;
            println!("=== {name} {w}x{h}\n{}", text(&draw(&model, &Theme::default())));
        }
    }
}
