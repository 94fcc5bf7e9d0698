//! Every screen at every size class, as text; and that no size, and no set of values, makes one fall over.

use std::sync::Arc;

use meterdeck::domain::{quantity::Quantity, site::PlaceKey};
use meterdeck::tui::{
    keymap::Keymap,
    model::{DeviceRow, Model, Options, Screen, TreeNode},
    theme::{ColourDepth, Theme},
    update::rows,
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
    for (id, live) in &model.live.meters {
        if let Some(kw) = live.value(&Quantity::CurrentKw) {
            model.trends.insert((id.clone(), Quantity::CurrentKw), site::trend(kw));
        }
    }
    model.expanded = shared.places.keys().cloned().collect();
    model
}

/// The model on a screen, with something selected that has much to show.
fn on_screen(size: Size, ascii: bool, screen: Screen) -> Model {
    let mut model = model(size, ascii);
    model.screen = screen;
    rows::rebuild(&mut model);
    model.meters.select(&"pdu-r01a".parse().unwrap());
    model.tree.select(&TreeNode::Place(PlaceKey::try_from("room.n-101".to_owned()).unwrap()));
    model.devices.select(&DeviceRow::Device("gw-2".parse().unwrap()));
    model
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
            let model = on_screen(Size::new(w, h), false, screen);
            println!("=== {name} {w}x{h}\n{}", text(&draw(&model, &Theme::default())));
        }
    }
}
