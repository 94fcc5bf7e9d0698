//! `meterdeck poll`: the site's devices read without a screen, once or for as long as it runs.
//!
//! With `--json` each meter is a line, once or whenever it was read. Without, `--once` prints a table, and else a line
//! is printed when a meter's state changes, and the table at the end. A meter without a device (read by hand,
//! computed, not built yet) is "waiting", which is no failure.

use std::{collections::BTreeMap, future::Future, process::ExitCode, time::Duration};

use jiff::Timestamp;
use tokio::time::sleep;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    Global,
    attach::{Attached, attach, listen, take_over},
    exit::{CommandError, Exit, output},
    start,
};
use crate::{
    config::Metrics,
    domain::{
        ids::MeterId,
        live::{DeviceState, MeterLive, MeterState, Snapshot},
        site::{Access, Site},
    },
    service::{
        self, Authority, Mode, Service,
        client::Client,
        interface::{Event, INTERFACE_VERSION, Request, Response},
        log::LogRing,
        metrics,
    },
    store::Store,
};

use self::output::Output;

pub mod line;
mod manager;
mod output;

/// Without `--for` it runs until it is told to stop; a timer needs a number.
const FOR_EVER: Duration = Duration::from_hours(876_000);

/// What `poll` was asked to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Read every device once, print, end.
    pub once: bool,
    /// End after this time.
    pub run_for: Option<Duration>,
    /// Print for programs.
    pub json: bool,
}

/// `meterdeck poll`.
///
/// # Errors
/// A site file that is wrong, a data folder that another service holds, and what [`run`] and [`run_once`] say.
pub async fn command(global: &Global, log: LogRing, options: &Options) -> Result<ExitCode, CommandError> {
    if options.once {
        let Attached { client, own } = attach(global, log, Mode::OnRequest).await?;
        let done = run_once(client, options, start::stop_on_signals()?.cancelled_owned()).await;
        own.end().await;
        return done;
    }
    let loaded = start::site(global.config.as_deref(), global.data.as_deref(), global.color)?;
    let stop = start::stop_on_end_signals()?;
    let store = take_over(&loaded.site.data_dir).await?;
    run(loaded.site, loaded.metrics, log, store, options, Some(global), stop.cancelled_owned()).await
}

/// Polls a site as its real service, measured where `metrics` says, with the site file that `reloads` names read again on SIGHUP, until its time is over, `stop` is ready, or nobody reads its output any more.
///
/// # Errors
/// Standard output that cannot be written, or a service that fails.
pub async fn run(
    site: Site,
    metrics: Option<Metrics>,
    log: LogRing,
    store: Store,
    options: &Options,
    reloads: Option<&Global>,
    stop: impl Future<Output = ()>,
) -> Result<ExitCode, CommandError> {
    let out = Output::start().map_err(|error| CommandError::new(Exit::Failed, format!("No output: {error}.")))?;
    let (dir, access) = (site.data_dir.clone(), site.access.clone());
    let service = service::start_for(site, log, Mode::Continuous, Some(store), Authority::Operate);
    service.stay();
    listen(&service, &dir);
    let measured = metrics.map(|metrics| measure(&service, access.as_ref(), metrics));
    let limit = sleep(options.run_for.unwrap_or(FOR_EVER));
    let ended = async {
        tokio::select! {
            () = stop => {}
            () = limit => {}
            () = out.closed() => {}
        }
    };
    let attended = async {
        match reloads {
            Some(global) => manager::attend(&service, global).await,
            None => std::future::pending().await,
        }
    };
    let done = tokio::select! {
        done = stream(service.client(), options, &out, ended) => done,
        failed = attended => failed.map(|()| Exit::Done),
    };
    manager::tell(&[sd_notify::NotifyState::Stopping]);
    drop(measured);
    service.stop().await;
    let written = output(out.end().await)?;
    done.map(|exit| if exit == Exit::Done { written } else { exit.into() })
}

/// Serves the figures until what is returned is dropped. Where that cannot be, polling goes on, and the log says so.
fn measure(service: &Service, access: Option<&Access>, metrics: Metrics) -> DropGuard {
    let stop = CancellationToken::new();
    let (client, until) = (service.client(), stop.clone());
    let access = access.cloned();
    tokio::spawn(async move {
        if let Err(error) = metrics::serve(&metrics, access.as_ref(), client.requests, until).await {
            tracing::error!("nobody can measure: {error}");
        }
    });
    stop.drop_guard()
}

/// Reads every device once, through the running service where there is one, and prints what it says.
///
/// # Errors
/// Standard output that cannot be written, or a service that refuses.
pub async fn run_once(
    client: Client,
    options: &Options,
    stop: impl Future<Output = ()>,
) -> Result<ExitCode, CommandError> {
    let out = Output::start().map_err(|error| CommandError::new(Exit::Failed, format!("No output: {error}.")))?;
    let limit = sleep(options.run_for.unwrap_or(FOR_EVER));
    let ended = async {
        tokio::select! {
            () = stop => {}
            () = limit => {}
            () = out.closed() => {}
        }
    };
    let done = once(&client, options, &out, ended).await;
    let written = output(out.end().await)?;
    done.map(|exit| if exit == Exit::Done { written } else { exit.into() })
}

async fn once(
    client: &Client,
    options: &Options,
    out: &Output,
    ended: impl Future<Output = ()>,
) -> Result<Exit, CommandError> {
    let site = greet(client).await?;
    let is_whole = tokio::select! {
        polled = client.requests.ask(Request::PollOnce) => {
            polled?;
            true
        }
        () = ended => false,
    };
    let snapshot = snapshot(client).await?;
    out.write(text(&site, &snapshot.meters, options.json)).await;
    for (id, device) in &snapshot.devices {
        let has_meter = site.meters.values().any(|meter| meter.device.as_ref() == Some(id));
        if let (false, DeviceState::Offline | DeviceState::Error, Some((_, fault))) =
            (has_meter, device.state, &device.last_fault)
        {
            note(&format!("{id}: {fault}"));
        }
    }
    if !is_whole {
        note("ended before every device was read");
    }
    let failed = |state: DeviceState| matches!(state, DeviceState::Offline | DeviceState::Error);
    let is_bad = !is_whole
        || snapshot.devices.values().any(|device| failed(device.state))
        || snapshot.meters.values().any(|meter| matches!(meter.state, MeterState::Offline | MeterState::Error));
    Ok(if is_bad { Exit::Unavailable } else { Exit::Done })
}

/// Prints what changes, as it comes.
async fn stream(
    mut client: Client,
    options: &Options,
    out: &Output,
    ended: impl Future<Output = ()>,
) -> Result<Exit, CommandError> {
    let mut site = greet(&client).await?;
    client.requests.ask(Request::Subscribe).await?;
    let mut printed: BTreeMap<MeterId, MeterLive> = BTreeMap::new();
    tokio::pin!(ended);
    loop {
        let event = tokio::select! {
            event = client.events.recv() => event,
            () = &mut ended => break,
        };
        let meters = match event {
            Some(Event::Changed { meters, .. }) => meters,
            Some(Event::SiteChanged) => {
                site = greet(&client).await?;
                printed.retain(|id, _| site.meters.contains_key(id));
                continue;
            }
            Some(
                Event::Statuses { .. } | Event::Alarms { .. } | Event::Log { .. } | Event::Gone { .. } | Event::Back,
            ) => continue,
            Some(Event::Stopping) | None => break,
        };
        let news = meters.into_iter().filter(|(id, live)| is_news(printed.get(id), live, options.json));
        let news: BTreeMap<_, _> = news.collect();
        if !out.write(lines(&site, &news, options.json)).await {
            break;
        }
        printed.extend(news);
    }
    if !options.json {
        out.write(text(&site, &snapshot(&client).await?.meters, false)).await;
    }
    Ok(Exit::Done)
}

/// Whether a meter is worth a line: it was read again (for programs), or its state changed.
fn is_news(before: Option<&MeterLive>, now: &MeterLive, json: bool) -> bool {
    let state = before.map_or(MeterState::Waiting, |before| before.state);
    let was_read = json && now.at != before.and_then(|before| before.at);
    now.state != state || was_read
}

async fn greet(client: &Client) -> Result<std::sync::Arc<Site>, CommandError> {
    client.requests.ask(Request::Hello { version: INTERFACE_VERSION }).await?;
    match client.requests.ask(Request::Site).await? {
        Response::Site { site } => Ok(site),
        _ => Err(CommandError::new(Exit::Internal, "The service answered something else than was asked.")),
    }
}

async fn snapshot(client: &Client) -> Result<Snapshot, CommandError> {
    match client.requests.ask(Request::Snapshot).await? {
        Response::Snapshot { snapshot } => Ok(*snapshot),
        _ => Err(CommandError::new(Exit::Internal, "The service answered something else than was asked.")),
    }
}

/// All meters: lines of JSON, or a table.
fn text(site: &Site, meters: &BTreeMap<MeterId, MeterLive>, json: bool) -> String {
    if json {
        return lines(site, meters, true);
    }
    let width = id_width(site);
    let rows = meters.iter().map(|(id, live)| line::row(site, id, live, width));
    std::iter::once(line::head(width)).chain(rows).map(|row| row.trim_end().to_owned() + "\n").collect()
}

fn lines(site: &Site, meters: &BTreeMap<MeterId, MeterLive>, json: bool) -> String {
    let now = Timestamp::now();
    let width = id_width(site);
    let line = |(id, live): (&MeterId, &MeterLive)| {
        if json {
            // Plain data with text keys always has a JSON form.
            serde_json::to_string(&line::line(site, id, live, now)).unwrap_or_default() + "\n"
        } else {
            format!("{now:.0} {}", line::row(site, id, live, width)).trim_end().to_owned() + "\n"
        }
    };
    meters.iter().map(line).collect()
}

fn id_width(site: &Site) -> usize {
    site.meters.keys().map(|id| id.as_str().len()).max().unwrap_or(0).max(5)
}

/// Says something beside the answer.
fn note(text: &str) {
    use std::io::Write as _;
    // A closed stderr leaves nobody to tell.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
