//! The workers of a reloaded site: connections on which nothing changed go on as they are.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::time::timeout;

use super::{
    Hand, Poller, connections,
    hub::Hub,
    worker::{Command, Mode},
};
use crate::domain::site::Site;

/// How long a connection may take to end before another one takes its place: a request that is under way comes to its end.
const END_PATIENCE: Duration = Duration::from_secs(10);

impl Poller {
    /// The poller of a site that takes the place of another one. What was read of devices that did not change is known at
    /// once, and is kept where it was; connections with a device that changed, came or went are closed and set up anew.
    pub async fn succeed(&self, old: &Site, site: &Arc<Site>, mode: Mode) -> Self {
        let connections = connections(site);
        let names: Vec<_> = connections.iter().map(|(link, devices)| (link.name(), devices.clone())).collect();
        let hub = Arc::new(Hub::new(site, &names));
        hub.carry_over(&self.hub, |device| old.devices.get(device) == site.devices.get(device));
        let mut next = Self {
            hub,
            workers: Vec::new(),
            of_device: BTreeMap::new(),
            tasks: self.tasks.clone(),
            clock: self.clock,
            stop: self.stop.clone(),
            ends: Arc::clone(&self.ends),
        };
        let stays = |hand: &Hand| {
            let is_same = |device| old.devices.get(device) == site.devices.get(device);
            connections.iter().any(|(link, devices)| *link == hand.link && *devices == hand.devices)
                && hand.devices.iter().all(is_same)
        };
        let (kept, ended): (Vec<&Hand>, Vec<&Hand>) = self.workers.iter().partition(|hand| stays(hand));
        for hand in &ended {
            hand.stop.cancel();
        }
        for hand in ended {
            // A device that takes a single connection refuses the next one until then.
            if timeout(END_PATIENCE, hand.ended.cancelled()).await.is_err() {
                tracing::warn!("{} does not end; a second connection is set up", hand.link.name());
            }
        }
        for (link, devices) in connections.clone() {
            match kept.iter().find(|hand| hand.link == link) {
                Some(hand) => {
                    let setup = Box::new(next.setup(site, &link, &devices, mode));
                    // One that has gone is started again with what it had; then it is gone for good, and says so.
                    let _ = hand.commands.send(Command::Adopt { setup }).await;
                    next.add((*hand).clone());
                }
                None => next.start_worker(site, link, devices, mode),
            }
        }
        next
    }
}
