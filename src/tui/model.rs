//! Everything that the terminal shows: plain data, changed by `update` only, drawn by `view`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::{Timestamp, tz::TimeZone};
use ratatui::layout::Size;

use super::{keymap::Keymap, layout::SizeClass, theme::ColourDepth};
use crate::{
    domain::{
        alarm::{AlarmKey, AlarmLine},
        computed::Computed,
        ids::{DeviceId, MeterId},
        live::{MeterLive, Snapshot, Trend},
        quantity::Quantity,
        rollup::Rollups,
        site::{Level, Meter, PlaceKey, Site},
        standing::{self, Standing},
    },
    service::roles::Role,
};

pub mod alarms;
pub mod chart;
pub mod duplicates;
pub mod facts;
pub mod form;
pub mod list;
pub mod log;
pub mod overlay;

pub use alarms::{AlarmDraft, SHELVE_CHOICES};
pub use chart::{ChartKey, ChartView, MeterPane, Zoom};
pub use duplicates::{Desk, DeskOverlay};
pub use facts::{Fact, Facts, Intake, Sum};
pub use form::{Field, FieldValue, RecordForm};
pub use list::{ListView, Sort};
pub use log::LogPane;
pub use overlay::{Overlay, PaletteItem};

/// Most screens that Esc leads back through.
pub const MAX_BACK: usize = 16;

/// Everything that the terminal shows.
#[derive(Debug, Clone)]
pub struct Model {
    /// The site as configured.
    pub site: Arc<Site>,
    /// Its virtual meters.
    pub computed: Computed,
    /// The latest of everything.
    pub live: Snapshot,
    /// What is shown instead while frozen.
    pub frozen: Option<Box<Frozen>>,
    /// The clock, as of the last message; ages are counted to it.
    pub now: Timestamp,
    /// The site's time zone, in which times are shown.
    pub time_zone: TimeZone,
    /// The terminal's size.
    pub size: Size,
    /// What is known about the service.
    pub service: ServiceState,
    /// The screen that is shown.
    pub screen: Screen,
    /// Where Esc leads, the last one first out; at most [`MAX_BACK`].
    pub back: Vec<Screen>,
    /// What lies over the screen; the last one is on top and has the keys.
    pub overlays: Vec<Overlay>,
    /// Lines of the Overview screen.
    pub overview: ListView<OverviewRow>,
    /// Meters of the Live screen, filtered and sorted.
    pub meters: ListView<MeterId>,
    /// Rows of the tree of the Site screen: what is expanded and passes the filter.
    pub tree: ListView<TreeNode>,
    /// Places that are expanded in the tree.
    pub expanded: BTreeSet<PlaceKey>,
    /// Quantities of the meter that is open.
    pub quantities: ListView<Quantity>,
    /// Which part of the Meter screen is shown.
    pub meter_pane: MeterPane,
    /// Its chart.
    pub chart: ChartView,
    /// What the service counts and keeps.
    pub facts: Facts,
    /// Rows of the Devices screen.
    pub devices: ListView<DeviceRow>,
    /// The alarms that are not normal.
    pub alarms: Vec<AlarmLine>,
    /// Rows of the Alarms screen: those that stand for themselves and pass the filter.
    pub alarm_rows: ListView<AlarmKey>,
    /// The review desk.
    pub desk: Desk,
    /// Devices that are being probed for this person.
    pub probing: BTreeSet<DeviceId>,
    /// The last minutes of what is on screen.
    pub trends: BTreeMap<(MeterId, Quantity), Trend>,
    /// When each of them was asked for.
    pub trends_asked: BTreeMap<(MeterId, Quantity), Timestamp>,
    /// When lists that depend on values were last put in order; they rest in between, so that nothing jumps.
    pub sorted_at: Timestamp,
    /// The log.
    pub log: LogPane,
    /// Something that was done, or why it was not; shown in the footer until the next key.
    pub notice: Option<Notice>,
    /// Which key means which action.
    pub keymap: Arc<Keymap>,
    /// How this terminal wants it.
    pub options: Options,
    /// Set when the program is to end.
    pub quitting: bool,
}

/// A snapshot that is looked at while the poller goes on.
#[derive(Debug, Clone)]
pub struct Frozen {
    /// What is shown.
    pub live: Snapshot,
    /// Since when.
    pub at: Timestamp,
}

/// Something that was done, or why it was not, in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Cleaned text.
    pub text: String,
    /// It was not.
    pub is_error: bool,
}

/// What is known about the service.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServiceState {
    /// The service lives in this process: polling ends with this terminal.
    pub in_process: bool,
    /// The program's version that the service runs.
    pub program: String,
    /// It reads no devices by itself: one in a command's process, for as long as the command runs.
    pub rests: bool,
    /// What this terminal's person may do there, once that is known.
    pub role: Option<Role>,
    /// Whether it answers.
    pub link: ServiceLink,
}

/// Whether the service answers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ServiceLink {
    /// Not asked yet.
    #[default]
    Connecting,
    /// It answers.
    Connected,
    /// It has gone; what is shown only gets older.
    Gone {
        /// Since when.
        since: Timestamp,
        /// Why, in words.
        reason: String,
    },
}

/// The screens.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Screen {
    /// The site in a few lines.
    Overview,
    /// Panels of meters.
    Live,
    /// The tree of places.
    Site,
    /// Everything about one meter.
    Meter(MeterId),
    /// Readings billed twice: the review desk.
    Duplicates,
    /// The alarms that are not normal.
    Alarms,
    /// Connections and devices.
    Devices,
}

impl Screen {
    /// The screens with a tab, in their order.
    pub const TABS: [Self; 6] = [Self::Overview, Self::Live, Self::Site, Self::Duplicates, Self::Alarms, Self::Devices];

    /// Its number key, where it has one.
    pub fn number(&self) -> Option<char> {
        match self {
            Self::Overview => Some('1'),
            Self::Live => Some('2'),
            Self::Site => Some('3'),
            Self::Duplicates => Some('5'),
            Self::Alarms => Some('6'),
            Self::Devices => Some('7'),
            Self::Meter(_) => None,
        }
    }

    /// What it is called.
    pub fn title(&self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Live => "Live",
            Self::Site => "Site",
            Self::Meter(_) => "Meter",
            Self::Duplicates => "Duplicates",
            Self::Alarms => "Alarms",
            Self::Devices => "Devices",
        }
    }
}

/// A line of the Overview; Enter opens what it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OverviewRow {
    /// Power of the site; opens Site.
    Power,
    /// Power of the IT equipment; opens Site.
    ItPower,
    /// PUE of the site; opens Site.
    Pue,
    /// Energy and cost of today; opens Site.
    Today,
    /// Energy and cost of this month; opens Site.
    Month,
    /// Power of a building; opens it in the tree.
    Building(PlaceKey),
    /// Meters by state; opens Live.
    Meters,
    /// Groups that wait for a person; opens Duplicates.
    Reviews,
    /// Alarms by severity; opens Alarms.
    Alarms,
    /// Devices by state; opens Devices.
    Devices,
    /// Connections and how full they are; opens Devices.
    Connections,
    /// Lines of the log that nobody has seen; opens the log.
    Errors,
    /// A meter that is not as it should be; opens it.
    Trouble(MeterId),
    /// One of the highest loads; opens the meter.
    Load(MeterId),
}

/// A row of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TreeNode {
    /// The whole site: the root.
    Site,
    /// A place.
    Place(PlaceKey),
    /// A meter, under the place that it is in, or under the root.
    Meter(MeterId),
}

/// A row of the Devices screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceRow {
    /// A connection, by the link's name; its devices follow.
    Connection(String),
    /// A device.
    Device(DeviceId),
}

/// How this terminal wants it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Options {
    /// ASCII only.
    pub ascii: bool,
    /// How many colours.
    pub colour: ColourDepth,
    /// Name of the theme.
    pub theme: String,
    /// Nothing that changes anything is offered.
    pub read_only: bool,
    /// Mouse clicks come to the program instead of the terminal's own selection.
    pub mouse: bool,
}

impl Model {
    /// A model of this site with nothing known yet, on the Live screen.
    pub fn new(site: Arc<Site>, keymap: Arc<Keymap>, options: Options, terminal: Size, now: Timestamp) -> Self {
        let unfolded = |key: &&PlaceKey| matches!(key.level, Level::Building | Level::Floor);
        Self {
            time_zone: TimeZone::get(&site.time_zone).unwrap_or(TimeZone::UTC),
            computed: Computed::of(&site),
            expanded: site.places.keys().filter(unfolded).cloned().collect(),
            site,
            live: Snapshot::default(),
            frozen: None,
            now,
            size: terminal,
            service: ServiceState::default(),
            screen: Screen::Live,
            back: Vec::new(),
            overlays: Vec::new(),
            overview: ListView::default(),
            meters: ListView::default(),
            tree: ListView::default(),
            quantities: ListView::default(),
            meter_pane: MeterPane::default(),
            chart: ChartView::default(),
            facts: Facts::default(),
            devices: ListView::default(),
            alarms: Vec::new(),
            alarm_rows: ListView::default(),
            desk: Desk::default(),
            probing: BTreeSet::new(),
            trends: BTreeMap::new(),
            trends_asked: BTreeMap::new(),
            sorted_at: now,
            log: LogPane::default(),
            notice: None,
            keymap,
            options,
            quitting: false,
        }
    }

    /// What the screens show: the frozen snapshot, or the latest.
    pub fn shown(&self) -> &Snapshot {
        self.frozen.as_ref().map_or(&self.live, |frozen| &frozen.live)
    }

    /// A meter as shown, where anything is known of it.
    pub fn meter(&self, id: &MeterId) -> Option<&MeterLive> {
        self.shown().meters.get(id)
    }

    /// What is shown, rolled up, as it is at `now`.
    pub fn rollups(&self, now: Timestamp) -> Rollups {
        Rollups::of(&self.site, &self.computed, self.shown(), now)
    }

    /// What came in through the utility entrances.
    pub fn intake(&self) -> Intake {
        Intake::of(&self.site, &self.shown().statuses, &self.computed, &self.facts)
    }

    /// How a meter stands in what is shown.
    pub fn standing(&self, meter: &Meter) -> Standing {
        standing::standing(&self.site, meter, self.shown(), self.now)
    }

    /// How much fits.
    pub fn size_class(&self) -> SizeClass {
        SizeClass::of(self.size)
    }

    /// The filter of the list that is shown, where it has one.
    pub fn filter(&self) -> Option<&str> {
        match self.screen {
            Screen::Live => Some(&self.meters.filter),
            Screen::Site => Some(&self.tree.filter),
            Screen::Alarms => Some(&self.alarm_rows.filter),
            Screen::Devices => Some(&self.devices.filter),
            Screen::Overview | Screen::Meter(_) | Screen::Duplicates => None,
        }
    }

    /// Nothing that changes anything is offered: asked for, or nothing that this person may do.
    pub fn is_read_only(&self) -> bool {
        self.options.read_only || self.service.role == Some(Role::Viewer)
    }

    /// Whether the service has gone, so that every value only gets older.
    pub fn is_service_gone(&self) -> bool {
        matches!(self.service.link, ServiceLink::Gone { .. })
    }

    /// How deep a row of the tree is: 0 for the root.
    pub fn depth(&self, node: &TreeNode) -> usize {
        match node {
            TreeNode::Site => 0,
            TreeNode::Place(key) => self.site.path(key).count(),
            TreeNode::Meter(id) => {
                let place = self.site.meters.get(id).and_then(|meter| meter.place.as_ref());
                1 + place.map_or(0, |key| self.site.path(key).count())
            }
        }
    }
}
