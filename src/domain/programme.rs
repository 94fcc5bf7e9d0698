//! Programme meters: where programmes dispatch and measure, and which equipment of the site that is (pure).

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use super::{
    ids::{CustomerSiteId, DeviceId, MeterId, SubmeterId},
    site::Site,
};
use crate::text;

mod merge;

pub use merge::{Merged, merge};

/// The longest id of a programme meter or event, in characters: a UUID has 36.
pub const MAX_OUTSIDE_ID: usize = 128;
/// The longest `partner_reference`, in characters.
pub const MAX_REFERENCE: usize = 256;

/// An id that others give out: visible characters without spaces, 1 to [`MAX_OUTSIDE_ID`] of them.
fn outside_id(text: &str) -> Option<String> {
    let count = text.chars().count();
    let visible = text.chars().all(|character| !character.is_whitespace() && !text::is_hidden(character));
    ((1..=MAX_OUTSIDE_ID).contains(&count) && visible).then(|| text.to_owned())
}

macro_rules! outside_ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Takes a text; `None` where it is empty, too long, or has spaces or hidden characters.
            pub fn new(text: &str) -> Option<Self> {
                outside_id(text).map(Self)
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;
            fn try_from(text: String) -> Result<Self, String> {
                Self::new(&text).ok_or_else(|| format!("`{}` is no id", text::clean(&text)))
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.pad(&self.0)
            }
        }
    )+};
}

outside_ids! {
    /// A programme meter, as the programme calls it (`meter_id`).
    ProgrammeMeterId,
    /// An event, as its source calls it; those of operators are `op-1`, `op-2`, …
    EventId,
}

/// What a programme meter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProgrammeMeterType {
    /// A customer site's utility meter: every controllable device of the site.
    UtilityMeter,
    /// A submeter: every controllable device behind it.
    Submeter,
    /// One device.
    Device,
}

impl ProgrammeMeterType {
    /// Every type.
    pub const ALL: &[Self] = &[Self::UtilityMeter, Self::Submeter, Self::Device];

    /// Its word, as the source writes it.
    pub fn word(self) -> &'static str {
        match self {
            Self::UtilityMeter => "utility_meter",
            Self::Submeter => "submeter",
            Self::Device => "device",
        }
    }

    /// The type with this word, in upper or lower case.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|known| known.word().eq_ignore_ascii_case(word))
    }
}

/// A programme meter as it was imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgrammeMeter {
    /// Its id.
    pub id: ProgrammeMeterId,
    /// What it is.
    pub meter_type: ProgrammeMeterType,
    /// Our own id of what it is: customer site, submeter, device, or `site:device`.
    pub partner_reference: Option<String>,
    /// It takes part in nothing any more.
    pub is_archived: bool,
}

/// The equipment that a programme meter is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// A customer site.
    CustomerSite(CustomerSiteId),
    /// A submeter.
    Submeter(SubmeterId),
    /// A device.
    Device(DeviceId),
}

/// The programme meters that a device belongs to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceMeters {
    /// Its customer site's utility meter.
    pub utility_meter: Option<ProgrammeMeterId>,
    /// The submeter that it is behind.
    pub submeter: Option<ProgrammeMeterId>,
    /// Its own.
    pub device: Option<ProgrammeMeterId>,
}

impl ProgrammeMeter {
    /// What the meter is at this site.
    ///
    /// # Errors
    /// Why it is nothing here, in words.
    pub fn place(&self, site: &Site) -> Result<Place, String> {
        let reference = self.partner_reference.as_deref().ok_or("it has no partner_reference")?;
        match self.meter_type {
            ProgrammeMeterType::UtilityMeter => {
                let known = site.customer_sites.get_key_value(reference).map(|(id, _)| id.clone());
                known.map(Place::CustomerSite).ok_or_else(|| format!("there is no customer site `{reference}`"))
            }
            ProgrammeMeterType::Submeter => {
                let known = site.submeters.get_key_value(reference).map(|(id, _)| id.clone());
                known.map(Place::Submeter).ok_or_else(|| format!("there is no submeter `{reference}`"))
            }
            ProgrammeMeterType::Device => device_of(site, reference).map(Place::Device),
        }
    }
}

/// The device that a reference names, as `device` or `site:device`.
fn device_of(site: &Site, reference: &str) -> Result<DeviceId, String> {
    let (of_site, id) = match reference.split_once(':') {
        Some((of_site, id)) => (Some(of_site), id),
        None => (None, reference),
    };
    let device = site.devices.get(id).ok_or_else(|| format!("there is no device `{id}`"))?;
    if let Some(of_site) = of_site {
        let own = customer_site_of(site, &device.id);
        if own.map(CustomerSiteId::as_str) != Some(of_site) {
            return Err(format!("the device `{id}` is not of the customer site `{of_site}`"));
        }
    }
    Ok(device.id.clone())
}

/// The customer site that a controllable device belongs to: as it says, else by its submeter.
pub fn customer_site_of<'site>(site: &'site Site, device: &DeviceId) -> Option<&'site CustomerSiteId> {
    let control = site.devices.get(device)?.control.as_ref()?;
    let of_submeter = || Some(&site.submeters.get(control.submeter.as_ref()?)?.customer_site);
    control.customer_site.as_ref().or_else(of_submeter)
}

/// The devices at a place, in order of id: the controllable ones of a site or submeter; a device itself in any case.
pub fn devices_at(site: &Site, place: &Place) -> Vec<DeviceId> {
    let all = || site.devices.values().filter_map(|device| Some((&device.id, device.control.as_ref()?)));
    match place {
        Place::CustomerSite(wanted) => {
            all().filter(|(id, _)| customer_site_of(site, id) == Some(wanted)).map(|(id, _)| id.clone()).collect()
        }
        Place::Submeter(wanted) => {
            all().filter(|(_, control)| control.submeter.as_ref() == Some(wanted)).map(|(id, _)| id.clone()).collect()
        }
        Place::Device(id) => vec![id.clone()],
    }
}

/// The meters on the wall that measure a place.
pub fn measured_by(site: &Site, place: &Place) -> Vec<MeterId> {
    match place {
        Place::CustomerSite(id) => site.customer_sites.get(id).map(|found| found.meters.clone()).unwrap_or_default(),
        Place::Submeter(id) => site.submeters.get(id).map(|found| found.meters.clone()).unwrap_or_default(),
        Place::Device(id) => {
            let control = site.devices.get(id).and_then(|device| device.control.as_ref());
            control.and_then(|control| control.meter.clone()).into_iter().collect()
        }
    }
}

/// Every device that belongs to a programme meter, with all of its ids; archived meters do not count.
pub fn by_device<'a>(
    site: &Site,
    meters: impl IntoIterator<Item = &'a ProgrammeMeter>,
) -> BTreeMap<DeviceId, DeviceMeters> {
    let mut found: BTreeMap<DeviceId, DeviceMeters> = BTreeMap::new();
    for meter in meters.into_iter().filter(|meter| !meter.is_archived) {
        let Ok(place) = meter.place(site) else { continue };
        for device in devices_at(site, &place) {
            let ids = found.entry(device).or_default();
            let id = match meter.meter_type {
                ProgrammeMeterType::UtilityMeter => &mut ids.utility_meter,
                ProgrammeMeterType::Submeter => &mut ids.submeter,
                ProgrammeMeterType::Device => &mut ids.device,
            };
            id.get_or_insert_with(|| meter.id.clone());
        }
    }
    found
}
