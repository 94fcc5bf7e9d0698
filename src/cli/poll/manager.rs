//! Under a service manager: ready, reloading, status and watchdog over `$NOTIFY_SOCKET`, and SIGHUP.

use std::{future::pending, time::Duration};

use sd_notify::NotifyState;
use tokio::{
    signal::unix::SignalKind,
    time::{MissedTickBehavior, interval},
};

use crate::{
    cli::{Global, exit::CommandError, start},
    service::Service,
};

/// How often the status line is told; nobody reads it faster.
const STATUS_EVERY: Duration = Duration::from_secs(30);

/// Tells the manager, if there is one.
pub(super) fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!("the service manager cannot be told: {error}");
    }
}

/// Does what a manager asks of a service, for as long as it runs.
///
/// # Errors
/// Signals that cannot be had.
pub(super) async fn attend(service: &Service, global: &Global) -> Result<(), CommandError> {
    let mut hang_up = start::listen_to(SignalKind::hangup())?;
    tell(&[NotifyState::Ready, NotifyState::Status(&service.in_short())]);
    let mut status = interval(STATUS_EVERY);
    status.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let watchdog = watch(service);
    tokio::pin!(watchdog);
    loop {
        tokio::select! {
            Some(()) = hang_up.recv() => reload(service, global).await,
            _ = status.tick() => tell(&[NotifyState::Status(&service.in_short())]),
            () = &mut watchdog => {}
        }
    }
}

/// Feeds the watchdog while poller and store make progress, three times as often as it bites.
async fn watch(service: &Service) {
    let Some(bites) = sd_notify::watchdog_enabled() else { return pending().await };
    let mut feed = interval(bites / 3);
    feed.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        feed.tick().await;
        if service.is_alive(bites / 2).await {
            tell(&[NotifyState::Watchdog]);
        } else {
            tracing::error!("polling or saving makes no progress; the service manager is not told that all is well");
        }
    }
}

/// Takes over the site file as it is now; one that is wrong changes nothing.
async fn reload(service: &Service, global: &Global) {
    let now = NotifyState::monotonic_usec_now();
    tell(&[Some(NotifyState::Reloading), now.ok()].into_iter().flatten().collect::<Vec<_>>());
    let (path, data, colour) = (global.config.clone(), global.data.clone(), global.color);
    let loaded = start::blocking(move || start::site(path.as_deref(), data.as_deref(), colour)).await;
    match loaded {
        Err(error) => tracing::error!("the site file was not reloaded, the old one holds on: {error}"),
        Ok(loaded) => match service.reload(loaded.site).await {
            Ok(Some(changed)) => tracing::info!("the site file was reloaded: {changed}"),
            Ok(None) => tracing::info!("the site file was reloaded: nothing changed"),
            Err(error) => tracing::error!("the site file was not reloaded, the old one holds on: {error}"),
        },
    }
    tell(&[NotifyState::Ready, NotifyState::Status(&service.in_short())]);
}
