//! Makes the pictures of the documentation from the program itself, on the demo's site.
//!
//! `cargo run --release --example picture -- [SECONDS]` polls the demo for so long (16 min draws whole sparklines), then
//! writes `docs/live.svg` and `docs/live.txt`.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use meterdeck::{
    cli::demo,
    domain::{quantity::Quantity, site::Site},
    service::{
        self,
        interface::{Request, Response},
        log::LogRing,
    },
    tui::{
        keymap::Keymap,
        model::{Model, Options, Screen, ServiceLink},
        picture,
        theme::Theme,
        update::{rows, trends::PANEL_STEPS},
        view,
    },
};
use ratatui::{Terminal, backend::TestBackend, layout::Size};

type Failure = Box<dyn std::error::Error>;

/// As long as a sparkline.
const POLLED: u64 = 16 * 60;
/// The size of the SVG, and that of the text, which has to fit into a README.
const SIZES: [(&str, u16, u16); 2] = [("svg", 120, 30), ("txt", 80, 24)];
/// Meters in the first panels: a feeder, a panel, racks, one in trouble.
const FILTER: &str = "N101";

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let seconds = std::env::args().nth(1).map_or(Ok(POLLED), |text| text.parse())?;
    let (site, simulator) = demo::start_site().await.map_err(|error| error.message)?;
    let service = service::start(site, LogRing::new());
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let client = service.client();
    let Response::Site { site } = client.requests.ask(Request::Site).await? else { return Err("no site".into()) };
    let Response::Snapshot { snapshot } = client.requests.ask(Request::Snapshot).await? else {
        return Err("no snapshot".into());
    };
    for (kind, width, height) in SIZES {
        let mut model = model(&site, Size::new(width, height))?;
        model.live = (*snapshot).clone();
        rows::rebuild(&mut model);
        for meter in model.meters.rows.clone() {
            let request = Request::Trend { meter: meter.clone(), quantity: Quantity::CurrentKw, steps: PANEL_STEPS };
            if let Response::Trend { trend } = client.requests.ask(request).await? {
                model.trends.insert((meter, Quantity::CurrentKw), trend);
            }
        }
        let mut terminal = Terminal::new(TestBackend::new(width, height))?;
        terminal.draw(|frame| view::draw(&model, &Theme::default(), frame))?;
        let screen = terminal.backend().buffer();
        let drawn = if kind == "svg" { picture::svg(screen) } else { picture::text(screen) };
        std::fs::write(format!("docs/live.{kind}"), drawn)?;
    }
    service.stop().await;
    simulator.stop().await;
    Ok(())
}

fn model(site: &Arc<Site>, screen: Size) -> Result<Model, Failure> {
    let keymap = Keymap::load(None).map_err(|_| "the built-in keys are wrong")?;
    let mut model = Model::new(Arc::clone(site), Arc::new(keymap), Options::default(), screen, Timestamp::now());
    model.service.link = ServiceLink::Connected;
    model.screen = Screen::Live;
    model.meters.filter.push_str(FILTER);
    Ok(model)
}
