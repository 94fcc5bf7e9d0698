//! What a terminal remembers for the next time: screen, selection, filters, sort.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::Path,
};

use serde::{Deserialize, Serialize};

use super::{
    model::{DeviceRow, Model, Screen, Sort, TreeNode, duplicates::Shown},
    update::{navigate, rows},
};
use crate::{
    domain::{
        duplicate::GroupId,
        ids::{DeviceId, MeterId},
        site::PlaceKey,
    },
    service::interface::duplicates::QueuePlace,
};

/// The largest session file that is read; ours are a few hundred bytes.
const MAX_FILE_LENGTH: u64 = 64 * 1024;

/// What is remembered. Whatever is missing or unknown stays as it is.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Session {
    /// The site's name; another site starts afresh.
    site: String,
    /// The screen's title.
    screen: String,
    /// The meter that was open.
    meter: Option<MeterId>,
    live_filter: String,
    live_sort: Sort,
    live_selected: Option<MeterId>,
    site_filter: String,
    site_selected: Option<SiteSelection>,
    devices_filter: String,
    devices_selected: Option<DeviceId>,
    desk_show: Shown,
    desk_place: Option<QueuePlace>,
    desk_decided: Vec<(GroupId, Option<u64>)>,
}

/// The selected row of the tree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SiteSelection {
    Place(PlaceKey),
    Meter(MeterId),
}

impl Session {
    /// What the model would like to remember.
    pub fn of(model: &Model) -> Self {
        Self {
            site: model.site.name.clone(),
            screen: model.screen.title().to_owned(),
            meter: match &model.screen {
                Screen::Meter(id) => Some(id.clone()),
                _ => None,
            },
            live_filter: model.meters.filter.clone(),
            live_sort: model.meters.sort,
            live_selected: model.meters.selected().cloned(),
            site_filter: model.tree.filter.clone(),
            site_selected: match model.tree.selected() {
                Some(TreeNode::Place(key)) => Some(SiteSelection::Place(key.clone())),
                Some(TreeNode::Meter(id)) => Some(SiteSelection::Meter(id.clone())),
                Some(TreeNode::Site) | None => None,
            },
            devices_filter: model.devices.filter.clone(),
            devices_selected: match model.devices.selected() {
                Some(DeviceRow::Device(id)) => Some(id.clone()),
                Some(DeviceRow::Connection(_)) | None => None,
            },
            desk_show: model.desk.show,
            desk_place: model.desk.place(),
            desk_decided: model.desk.decided.iter().copied().collect(),
        }
    }

    /// Brings the model to where it was, as far as the site still has what is remembered.
    pub fn restore(self, model: &mut Model) {
        if self.site != model.site.name {
            return;
        }
        let short = |filter: String| filter.chars().take(super::search::MAX_QUERY_LENGTH).collect::<String>();
        model.meters.filter = short(crate::text::clean(&self.live_filter));
        model.meters.sort = self.live_sort;
        model.tree.filter = short(crate::text::clean(&self.site_filter));
        model.devices.filter = short(crate::text::clean(&self.devices_filter));
        let selected_place = match &self.site_selected {
            Some(SiteSelection::Place(key)) => model.site.places.get(key).and_then(|place| place.parent.clone()),
            Some(SiteSelection::Meter(id)) => model.site.meters.get(id).and_then(|meter| meter.place.clone()),
            None => None,
        };
        if let Some(place) = selected_place {
            let above: Vec<PlaceKey> = model.site.path(&place).cloned().collect();
            model.expanded.extend(above);
        }
        model.desk.restore(self.desk_show, self.desk_place, self.desk_decided);
        rows::rebuild(model);
        self.live_selected.inspect(|id| _ = model.meters.select(id));
        self.devices_selected.inspect(|id| _ = model.devices.select(&DeviceRow::Device(id.clone())));
        match self.site_selected {
            Some(SiteSelection::Place(key)) => _ = model.tree.select(&TreeNode::Place(key)),
            Some(SiteSelection::Meter(id)) => _ = model.tree.select(&TreeNode::Meter(id)),
            None => {}
        }
        if let Some(tab) = Screen::TABS.into_iter().find(|tab| tab.title() == self.screen) {
            navigate::switch(model, tab);
        }
        if let Some(id) = self.meter {
            navigate::go_to_meter(model, id);
        }
    }

    /// Reads a session; a file that is not there is an empty one.
    ///
    /// # Errors
    /// A file that cannot be read, or is no session.
    pub fn load(path: &Path) -> io::Result<Self> {
        match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error),
            Ok(metadata) if metadata.len() > MAX_FILE_LENGTH || !metadata.is_file() => {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "not a session file"));
            }
            Ok(_) => {}
        }
        Ok(serde_json::from_str(&fs::read_to_string(path)?)?)
    }

    /// Writes a session: whole or not at all, for its owner only.
    ///
    /// # Errors
    /// Where the folder or file cannot be written.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let beside = path.with_extension(format!("{}.new", std::process::id()));
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(serde_json::to_string_pretty(self)?.as_bytes())?;
        fs::rename(&beside, path)
    }
}
