//! `meterdeck demo`: a simulated site in this process, nothing to set up.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use tempfile::TempDir;

use super::{
    Global, Terminal,
    attach::{own, take_over},
    exit::{CommandError, Exit},
    poll,
    start::{self, LogTo},
    terminal,
};
use crate::{
    config,
    device::simulator::{Options, Simulator, script},
    domain::site::Site,
    service::{Authority, Mode},
};

/// The demo's site file.
pub const SITE_FILE: &str = include_str!("../../config/demo-site.toml");

/// Starts the demo's devices and gives the site with the addresses at which they are served. They run until the
/// simulator is stopped or dropped.
///
/// # Errors
/// No loopback ports to be had; a mistake in the embedded file is a bug.
pub async fn start_site() -> Result<(Site, Simulator), CommandError> {
    let bug = |what: String| CommandError::new(Exit::Internal, format!("The demo's site file is wrong: {what}"));
    let loaded = config::parse("demo-site.toml", SITE_FILE).map_err(|problems| bug(problems.render(false)))?;
    let simulated = script::parse(&loaded.simulate, &loaded.site).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        bug(lines.join("\n"))
    })?;
    let simulator = Simulator::start(&loaded.site, &simulated, Options::default())
        .await
        .map_err(|error| CommandError::new(Exit::Failed, format!("The demo's devices cannot start: {error}.")))?;
    Ok((simulator.site_on(&loaded.site), simulator))
}

/// `meterdeck demo`: the demo's site, served and polled in this process, until somebody quits or a signal comes.
///
/// # Errors
/// No ports, no terminal, or a folder that cannot be made.
pub fn run(global: &Global, headless: bool, terminal: &Terminal) -> Result<ExitCode, CommandError> {
    let log = start::log(&global.log, if headless { LogTo::Stderr } else { LogTo::Ring }, global.color)?;
    let folder = Folder::new(global.data.as_deref())?;
    start::runtime()?.block_on(async {
        let (mut site, simulator) = start_site().await?;
        folder.path.clone_into(&mut site.data_dir);
        let code = if headless {
            let options = poll::Options { json: global.json, ..poll::Options::default() };
            let store = take_over(&site.data_dir).await?;
            poll::run(site, None, log, store, &options, None, start::stop_on_signals()?.cancelled_owned()).await
        } else {
            let mut settings = terminal::settings(global, terminal);
            settings.session_file = Some(folder.path.join("session.json"));
            match own(site, log, Mode::Continuous, Authority::Operate).await {
                Ok(attached) => terminal::show(attached, settings).await,
                Err(error) => Err(error),
            }
        };
        simulator.stop().await;
        code
    })
}

/// Where the demo keeps its data: a folder that is removed at the end, unless one was named.
struct Folder {
    path: PathBuf,
    _temporary: Option<TempDir>,
}

impl Folder {
    fn new(named: Option<&Path>) -> Result<Self, CommandError> {
        let cannot = |error: std::io::Error| {
            CommandError::new(Exit::CannotCreate, format!("Cannot make a folder for the demo: {error}."))
        };
        if let Some(path) = named {
            std::fs::create_dir_all(path).map_err(cannot)?;
            Ok(Self { path: path.to_owned(), _temporary: None })
        } else {
            let temporary = tempfile::Builder::new().prefix("meterdeck-demo-").tempdir().map_err(cannot)?;
            Ok(Self { path: temporary.path().to_owned(), _temporary: Some(temporary) })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::site::{Level, MeterPoint};
    use std::time::{Duration, Instant};

    #[tokio::test]
    async fn the_demo_starts_at_once_and_has_everything_to_see() {
        let begun = Instant::now();
        let (site, simulator) = start_site().await.unwrap();
        let took = begun.elapsed();
        let places = |level| site.places.keys().filter(|key| key.level == level).count();
        assert_eq!([Level::Building, Level::Floor, Level::Room, Level::Rack].map(places), [2, 4, 8, 24]);
        assert!((55..=70).contains(&site.meters.len()), "{} meters", site.meters.len());
        for point in MeterPoint::ALL {
            let expected = !matches!(point, MeterPoint::BranchCircuit | MeterPoint::Virtual);
            assert_eq!(site.meters.values().any(|meter| meter.meter_point == *point), expected, "{point:?}");
        }
        // 0.3 s is the aim for the released program; a debug build on a busy machine gets more.
        assert!(took < Duration::from_secs(3), "{took:?}");
        simulator.stop().await;
    }

    /// Every load lies within what its meter's rating allows; some are in warning, a single one is critical.
    #[tokio::test]
    async fn loads_suit_their_ratings() {
        let (site, simulator) = start_site().await.unwrap();
        let at = "2026-06-03T12:00:00Z".parse().unwrap();
        let loads: Vec<(&str, f64)> = site
            .meters
            .values()
            .filter_map(|meter| {
                let percent = simulator.electrical(&meter.id, at)?.flow.total_kw() / meter.rated_capacity_kw? * 100.0;
                Some((meter.id.as_str(), percent))
            })
            .collect();
        let over = |least: f64| loads.iter().filter(|(_, percent)| *percent >= least).count();
        assert!((2..=6).contains(&over(80.0)) && over(95.0) <= 1, "{loads:?}");
        for (id, percent) in &loads {
            assert!(*id == "generator-1" || (20.0..110.0).contains(percent), "{id}: {percent} %");
        }
    }
}
