//! The site as configured: places, devices, meters and who they belong to. Resolved and valid: every reference
//! points at something, and every value is possible. `config` makes it; nobody else does.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{
    ids::{AccountId, CustomerSiteId, DeviceId, MeterId, PlaceId, ProfileId, ProgrammeId, SubmeterId},
    register::{Profile, Register, Reports},
};

pub mod enums;
pub mod tree;

pub use enums::{
    AccuracyClass, Commodity, ControlKind, FeedPath, Level, MeterPoint, MeterProtocol, MeterStatus, MeterType, Parity,
    VerificationResult,
};

/// Everything that the site file says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Site {
    /// What the site is called.
    pub name: String,
    /// IANA time zone; days, months and tariffs follow it.
    pub time_zone: String,
    /// ISO 4217 code.
    pub currency: String,
    /// Price of a kWh, in `currency`.
    pub cost_per_kwh: Option<Decimal>,
    /// Where the database, lock and socket live.
    pub data_dir: std::path::PathBuf,
    /// How long raw samples are kept.
    pub keep_samples: Duration,
    /// Length of a demand block.
    pub demand_interval: Duration,
    /// Unix groups and what they may do.
    pub access: Option<Access>,
    /// Buildings, floors, rooms and racks.
    pub places: BTreeMap<PlaceKey, Place>,
    /// What has an address and registers.
    pub devices: BTreeMap<DeviceId, Device>,
    /// Metering points.
    pub meters: BTreeMap<MeterId, Meter>,
    /// The profiles that devices use.
    pub profiles: BTreeMap<ProfileId, Arc<Profile>>,
    /// Who customer sites belong to.
    pub accounts: BTreeMap<AccountId, Account>,
    /// What utility meters serve.
    pub customer_sites: BTreeMap<CustomerSiteId, CustomerSite>,
    /// Submeters that programmes know.
    pub submeters: BTreeMap<SubmeterId, Submeter>,
    /// Demand-response programmes, and what their events may do without being asked.
    #[serde(default)]
    pub programmes: BTreeMap<ProgrammeId, Programme>,
    /// How evidence from our own meters decides about duplicates, if it does.
    pub duplicates_measured: Option<MeasuredEvidence>,
}

/// A place's level and its id within that level; they sort from the building down.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PlaceKey {
    /// Building, floor, room or rack.
    pub level: Level,
    /// Id within the level.
    pub id: PlaceId,
}

impl From<PlaceKey> for String {
    fn from(key: PlaceKey) -> Self {
        format!("{}.{}", key.level.word(), key.id)
    }
}

impl TryFrom<String> for PlaceKey {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no place");
        let (level, id) = text.split_once('.').ok_or_else(wrong)?;
        let level = Level::ALL.iter().copied().find(|known| known.word() == level).ok_or_else(wrong)?;
        Ok(Self { level, id: PlaceId::new(id).map_err(|_| wrong())? })
    }
}

/// A building, floor, room or rack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// What people call it; its id where nothing else is said.
    pub name: String,
    /// The place that it is in; a building has none.
    pub parent: Option<PlaceKey>,
}

/// Unix groups; the user that runs the service has all roles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// Owns the data folder and the socket.
    pub viewers: Option<String>,
    /// Of the viewers, who may change things and dispatch.
    pub operators: Option<String>,
    /// Of the operators, who may approve.
    pub approvers: Option<String>,
}

/// Something with an address and registers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// How it is reached; devices with an equal link share one connection.
    pub link: Link,
    /// Unit number (slave address).
    pub unit: u8,
    /// Its register map.
    pub profile: Option<ProfileId>,
    /// How often it is read.
    pub every: Duration,
    /// Deadline of one request.
    pub timeout: Duration,
    /// What is read from it: the profile's registers with those of its meters over them.
    pub registers: Arc<[Register]>,
    /// How it wants to be treated.
    pub behaviour: Behaviour,
    /// For formulas and costs.
    pub tags: Vec<String>,
    /// The control point, where it takes commands.
    pub control: Option<Control>,
}

/// How a device is reached. What two devices have in common here, they share.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "protocol", rename_all = "kebab-case")]
pub enum Link {
    /// MBAP over TCP.
    ModbusTcp {
        /// Host and port: `10.20.0.11:502`, `[::1]:502`, `meter.local:502`.
        address: String,
    },
    /// RTU frames over TCP.
    ModbusRtuOverTcp {
        /// Host and port.
        address: String,
    },
    /// RTU frames on a serial line.
    ModbusRtu {
        /// Device file.
        serial: std::path::PathBuf,
        /// Bits a second.
        baud: u32,
        /// Parity bit.
        parity: Parity,
        /// 1 or 2.
        stop_bits: u8,
    },
}

impl Link {
    /// Its name on screen and in logs: the address or the device file.
    pub fn name(&self) -> String {
        match self {
            Self::ModbusTcp { address } | Self::ModbusRtuOverTcp { address } => address.clone(),
            Self::ModbusRtu { serial, .. } => serial.display().to_string(),
        }
    }

    /// The protocol's name in the site file.
    pub fn protocol(&self) -> &'static str {
        match self {
            Self::ModbusTcp { .. } => "modbus-tcp",
            Self::ModbusRtuOverTcp { .. } => "modbus-rtu-over-tcp",
            Self::ModbusRtu { .. } => "modbus-rtu",
        }
    }
}

/// How a device wants to be treated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Behaviour {
    /// Largest request, in registers.
    pub max_registers: u16,
    /// Most unused registers read to join two values in one request.
    pub max_gap: u16,
    /// Wait between connecting and the first request.
    pub pause_after_connect: Duration,
    /// Least time between two requests.
    pub pause_between: Duration,
    /// The device takes a single connection. (One is all this program ever opens; it changes how a refusal is explained.)
    pub single_connection: bool,
    /// Give the connection back after each poll.
    pub close_after_poll: bool,
    /// How often a request is repeated while the device is busy.
    pub busy_retries: u8,
}

/// A metering point: the configured fields of the POWERMETER entity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Meter {
    /// Its id.
    pub id: MeterId,
    /// Asset tag, unique.
    pub name: String,
    /// Descriptive name.
    pub meter_name: Option<String>,
    /// Where in the power chain it sits.
    pub meter_point: MeterPoint,
    /// Its status.
    pub status: MeterStatus,
    /// Free text.
    pub description: Option<String>,
    /// The deepest place that it is in.
    pub place: Option<PlaceKey>,
    /// The switchgear or panel that it monitors.
    pub panel_board_ref: Option<String>,
    /// Which feed it is on.
    pub feed_path: Option<FeedPath>,
    /// Who makes it.
    pub manufacturer: Option<String>,
    /// Its model.
    pub model: Option<String>,
    /// Its serial number.
    pub serial_number: Option<String>,
    /// What kind of meter it is.
    pub meter_type: Option<MeterType>,
    /// Accuracy class of IEC 62053.
    pub accuracy_class: Option<AccuracyClass>,
    /// Current transformer, as written: `400:5`.
    pub ct_ratio: Option<Transformer>,
    /// Potential transformer, as written.
    pub pt_ratio: Option<Transformer>,
    /// How it is read: its device's protocol where it has one.
    pub protocol: Option<MeterProtocol>,
    /// Where it is reached, as text: its device's host where it has one.
    pub ip_address: Option<String>,
    /// The device that reads it.
    pub device: Option<DeviceId>,
    /// What is read from the device for it: the profile's registers with its own over them, by quantity.
    pub registers: Arc<[Register]>,
    /// Whether CT and PT ratios must still be applied.
    pub reports: Reports,
    /// The meters above it in the power chain; two for A and B feeds.
    pub fed_by: Vec<MeterId>,
    /// What flows through it.
    pub commodity: Commodity,
    /// The id that accounts and tariffs know it by.
    pub external_meter_id: Option<String>,
    /// For formulas and costs.
    pub tags: Vec<String>,
    /// Of a virtual meter: its formula, as written and checked.
    pub formula: Option<String>,
    /// Price of a kWh, over the site's.
    pub cost_per_kwh: Option<Decimal>,
    /// Currency of the price, over the site's.
    pub currency: Option<String>,
    /// Largest rated load, kW.
    pub rated_capacity_kw: Option<f64>,
    /// Largest rated current, A.
    pub rated_capacity_amps: Option<f64>,
    /// Load from which to warn, percent of the rating.
    pub warning_threshold_percent: Option<f64>,
    /// Load that is critical, percent of the rating.
    pub critical_threshold_percent: Option<f64>,
    /// Voltage that is too high, V.
    pub voltage_high_threshold: Option<f64>,
    /// Voltage that is too low, V.
    pub voltage_low_threshold: Option<f64>,
    /// Power factor that is too low.
    pub power_factor_min_threshold: Option<f64>,
    /// Largest imbalance of the phases, percent.
    pub phase_imbalance_max_percent: Option<f64>,
    /// Maintenance as configured; a technician's later record wins.
    pub maintenance: Maintenance,
    /// The ids this meter has on utility statements.
    pub utility_meter: Vec<String>,
}

/// Maintenance fields that may stand in the site file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Maintenance {
    /// Installed on.
    pub install_date: Option<Date>,
    /// Last calibrated on.
    pub last_calibration_date: Option<Date>,
    /// Next calibration due on.
    pub next_calibration_date: Option<Date>,
    /// Months between calibrations.
    pub calibration_interval_months: Option<u32>,
    /// Certificate reference.
    pub calibration_certificate: Option<String>,
    /// Accuracy last verified on.
    pub last_verification_date: Option<Date>,
    /// How the verification went.
    pub verification_result: Option<VerificationResult>,
    /// Free text.
    pub notes: Option<String>,
}

/// A transformer ratio such as `400:5`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Transformer {
    /// Rated on the primary side, positive.
    pub primary: f64,
    /// Rated on the secondary side, positive.
    pub secondary: f64,
}

impl Transformer {
    /// What a secondary value is multiplied by.
    pub fn ratio(self) -> f64 {
        self.primary / self.secondary
    }
}

/// Who customer sites belong to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Label of the partner.
    pub label_partner: Option<String>,
    /// The partner's id of the account.
    pub external_account_id: Option<String>,
    /// Address for mail.
    pub email_address: Option<String>,
}

/// What a utility meter serves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CustomerSite {
    /// What it is called.
    pub name: String,
    /// The meters on the wall that measure it.
    pub meters: Vec<MeterId>,
    /// Who it belongs to.
    pub account: Option<AccountId>,
    /// The partner's id of the installation.
    pub external_installation_id: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// The installation's profile, as written: text, numbers and switches by name.
    pub profile: BTreeMap<String, serde_json::Value>,
}

/// A submeter that programmes know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submeter {
    /// The customer site that it is part of.
    pub customer_site: CustomerSiteId,
    /// The meters on the wall that measure it.
    pub meters: Vec<MeterId>,
}

/// A demand-response programme.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Programme {
    /// Its events start without being asked; else a person confirms each.
    pub armed: bool,
    /// The longest that an event without an end may take.
    pub longest_without_end: Duration,
}

/// When our own measurement decides between duplicate readings.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MeasuredEvidence {
    /// Largest deviation, percent.
    pub tolerance_percent: f64,
    /// Least share of the period that was measured, percent.
    pub coverage_percent: f64,
}

/// The control point of a device that takes commands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Control {
    /// The customer site whose utility meter it belongs to.
    pub customer_site: Option<CustomerSiteId>,
    /// The submeter that it is behind.
    pub submeter: Option<SubmeterId>,
    /// What it is.
    pub kind: ControlKind,
    /// What people call it.
    pub name: Option<String>,
    /// The meter that measures it.
    pub meter: Option<MeterId>,
    /// What curtailing it saves at most, kW.
    pub expected_kw: Option<f64>,
    /// The register that takes the limit; `min` and `max` are its bounds.
    pub limit: Register,
    /// Smallest step of the limit, in its own unit.
    pub step: Option<f64>,
    /// The limit that means "as little as possible".
    pub curtail: Option<f64>,
    /// Local/remote switch.
    pub permit: Option<Permit>,
    /// Timer after which the device frees itself.
    pub revert_timer: Option<RevertTimer>,
    /// Least time on.
    pub min_on: Option<Duration>,
    /// Least time off.
    pub min_off: Option<Duration>,
    /// Most calls in a day.
    pub max_calls_per_day: Option<u32>,
    /// The limit's register is in RAM; else its writes are counted against a daily budget.
    pub volatile: bool,
    /// Fastest change, kW a minute.
    pub ramp_kw_per_minute: Option<f64>,
    /// Random delay of a start, at most.
    pub jitter: Option<Duration>,
}

/// A register that must read as given before a command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Permit {
    /// Where it is.
    pub register: Register,
    /// What it must read.
    pub equals: f64,
}

/// A register that frees the device after some time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RevertTimer {
    /// Where it is; its unit is that of `value`.
    pub register: Register,
    /// What is written.
    pub value: f64,
}
