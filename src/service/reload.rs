//! Another site file for a service that runs: applied whole, or refused whole.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    AlarmTask, Service,
    alarms::Alarms,
    audit, dispatch,
    dispatcher::{Shared, error},
    interface::{ErrorKind, ServiceError},
    recorder::Recorder,
    socket,
    who::Peer,
};
use crate::domain::site::Site;

/// What the change log calls it.
const REQUEST: &str = r#"{"request":"reload"}"#;

impl Service {
    /// Takes over a site file that was checked. Devices that did not change keep their connection; clients are told. What
    /// changed, in words; `None` where nothing did.
    ///
    /// # Errors
    /// What needs a restart; then nothing was changed.
    pub async fn reload(&self, site: Site) -> Result<Option<String>, ServiceError> {
        let old = self.running.current();
        if site == *old.site {
            return Ok(None);
        }
        if site.data_dir != old.site.data_dir {
            let message = "The data folder changes with a restart only.".to_owned();
            return Err(error(ErrorKind::Invalid, message, Some("Restart the service, or take [storage] dir back.")));
        }
        let changed = difference(&old.site, &site);
        let site = Arc::new(site);
        // What is held stays held, and is taken up again with the new file.
        if let Some(dispatch) = &old.dispatch {
            dispatch.end().await;
        }
        let poller = old.poller.succeed(&old.site, &site, self.running.mode).await;
        self.end_alarms().await;
        let recorder = next_recorder(&old, &site, &poller).await;
        let alarms = Arc::new(Alarms::new(Arc::clone(&site), old.store.clone()));
        let (log, store, statements) = (old.log.clone(), old.store.clone(), Arc::clone(&old.statements));
        let access = site.access.clone();
        let reached = dispatch::Reached { site: &site, store: store.as_ref(), poller: &poller, alarms: &alarms };
        let stop = self.running.stop.child_token();
        let dispatch = dispatch::start(&reached, self.authority, &self.clients, stop);
        let shared = Arc::new(Shared { site, poller, log, alarms, store, recorder, dispatch, statements });
        *self.alarms.lock().unwrap_or_else(std::sync::PoisonError::into_inner) =
            AlarmTask::start(&shared, self.running.mode);
        if access != old.site.access {
            socket::server::give_again(&old.site.data_dir, access.as_ref());
        }
        self.running.current.send_replace(Arc::clone(&shared));
        self.write_down(&shared, changed.clone()).await;
        Ok(Some(changed))
    }

    async fn write_down(&self, shared: &Arc<Shared>, changed: String) {
        let Some(store) = shared.store.clone() else { return };
        let noted = tokio::task::spawn_blocking(move || audit::note(&store, &Peer::own(), REQUEST, &changed)).await;
        if let Ok(Err(error)) = noted {
            tracing::error!("the reload is not in the change log: {error}");
        }
    }
}

/// The old recorder keeps what it has, then the next one goes on; what is read in between waits for it.
async fn next_recorder(old: &Arc<Shared>, site: &Arc<Site>, poller: &crate::poll::Poller) -> Option<Recorder> {
    let store = old.store.clone()?;
    let tap = poller.hub().tap()?;
    let ends = Arc::clone(old);
    let _ = tokio::task::spawn_blocking(move || ends.recorder.as_ref().map(Recorder::stop)).await;
    let recorder = Recorder::start(Arc::clone(site), store, tap);
    recorder.inspect_err(|error| tracing::error!("CANNOT SAVE: {error}; nothing is kept")).ok()
}

/// What differs, in words.
fn difference(old: &Site, new: &Site) -> String {
    fn count<K: Ord, V: PartialEq>(what: &str, old: &BTreeMap<K, V>, new: &BTreeMap<K, V>) -> Option<String> {
        let added = new.keys().filter(|key| !old.contains_key(key)).count();
        let removed = old.keys().filter(|key| !new.contains_key(key)).count();
        let changed = new.iter().filter(|(key, value)| old.get(key).is_some_and(|old| old != *value)).count();
        (added + removed + changed > 0).then(|| format!("{what}: {added} added, {removed} removed, {changed} changed"))
    }
    let parts = [
        count("devices", &old.devices, &new.devices),
        count("meters", &old.meters, &new.meters),
        count("places", &old.places, &new.places),
        (old.access != new.access).then(|| "[access]".to_owned()),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "other settings".to_owned() } else { parts.join("; ") }
}
