//! Keys of the site file's own tables: site, storage, polling, access, places and who belongs to whom.

use super::{
    Key,
    Kind::{
        Duration, Free, FreeTables, Integer, Number, Price, Reference, References, Switch, Table as SubTable, TableOf,
        Text, Texts,
    },
    Table,
    device::DEVICE,
    meter::METER,
    optional, required, seconds,
};

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

/// How often devices may be read.
pub(in super::super) const EVERY: super::Kind = Duration { min: super::milliseconds(50), max: seconds(DAY) };
/// How long one request may take.
pub(in super::super) const TIMEOUT: super::Kind = Duration { min: super::milliseconds(10), max: seconds(60) };

/// The whole file.
pub(in super::super) const FILE: Table = Table {
    what: "site file",
    doc: "A site: its places, devices and meters.",
    keys: &[
        optional("include", SubTable(&INCLUDE), "More files of the same form."),
        optional("site", SubTable(&SITE), "The site as a whole."),
        optional("storage", SubTable(&STORAGE), "Where data live and for how long."),
        optional("poll", SubTable(&POLL), "How devices are read."),
        optional("access", SubTable(&ACCESS), "Unix groups; the user that runs the service has all roles."),
        optional("metrics", SubTable(&METRICS), "Where the service is measured. Absent: nowhere."),
        optional("building", TableOf(&BUILDING), "Buildings by id."),
        optional("floor", TableOf(&FLOOR), "Floors by id."),
        optional("room", TableOf(&ROOM), "Rooms by id."),
        optional("rack", TableOf(&RACK), "Racks by id."),
        optional("device", TableOf(&DEVICE), "Devices by id: what has an address and registers."),
        optional("meter", TableOf(&METER), "Meters by id: metering points."),
        optional("account", TableOf(&ACCOUNT), "Accounts by id: who customer sites belong to."),
        optional("customer_site", TableOf(&CUSTOMER_SITE), "Customer sites by id: what utility meters serve."),
        optional("submeter", TableOf(&SUBMETER), "Submeters by id that programmes know."),
        optional(
            "programme",
            TableOf(&PROGRAMME),
            "Demand-response programmes by id: their identifiers in lower case.",
        ),
        optional("duplicates", SubTable(&DUPLICATES), "How duplicate readings are decided."),
        optional("simulate", FreeTables, "Behaviours of simulated devices by device id, for `meterdeck simulate`."),
    ],
};

const INCLUDE: Table = Table {
    what: "include",
    doc: "More files of the same form.",
    keys: &[required("files", Texts, "File names, with * and ?; relative to this file.")],
};

const SITE: Table = Table {
    what: "site",
    doc: "The site as a whole.",
    keys: &[
        required("name", Text, "What the site is called."),
        required("time_zone", Text, "IANA name, such as Europe/Amsterdam; days, months and tariffs follow it."),
        required("currency", Text, "ISO 4217 code, such as EUR."),
        COST_PER_KWH,
    ],
};

/// The price, of a site or a meter.
pub(super) const COST_PER_KWH: Key =
    optional("cost_per_kwh", Price, "Price of a kWh, a decimal in quotes; a meter's is over the site's.");

const STORAGE: Table = Table {
    what: "storage",
    doc: "Where data live and for how long.",
    keys: &[
        optional("dir", Text, "The folder of database, lock and socket. Default: $XDG_STATE_HOME/meterdeck."),
        optional(
            "keep_samples",
            Duration { min: seconds(DAY), max: seconds(36_500 * DAY) },
            "How long raw samples are kept; everything else is kept for good. Default: 400d.",
        ),
    ],
};

const POLL: Table = Table {
    what: "poll",
    doc: "How devices are read.",
    keys: &[
        optional("every", EVERY, "How often each device is read. Default: 1s."),
        optional("timeout", TIMEOUT, "Deadline of one request. Default: 1s."),
        optional(
            "demand_interval",
            Duration { min: seconds(5 * 60), max: seconds(HOUR) },
            "Length of a demand block: 5m, 15m, 30m or 60m. Default: 15m.",
        ),
    ],
};

const ACCESS: Table = Table {
    what: "access",
    doc: "Unix groups; the user that runs the service has all roles.",
    keys: &[
        optional("viewers", Text, "Owns the data folder and the socket: nobody else reaches it."),
        optional("operators", Text, "Of the viewers, who may change things and dispatch."),
        optional("approvers", Text, "Of the operators, who may approve where two people are asked for."),
    ],
};

const METRICS: Table = Table {
    what: "metrics",
    doc: "Figures of the service in Prometheus' text format. Give address or socket, not both.",
    keys: &[
        optional("address", Text, "Loopback address and port, such as 127.0.0.1:9464."),
        optional("socket", Text, "A Unix socket, of the group of [access] viewers."),
        optional("token", SubTable(&SECRET), "Whoever asks has to show it: Authorization: Bearer."),
    ],
};

/// A secret: never itself, only where it is.
const SECRET: Table = Table {
    what: "secret",
    doc: "Where a secret is, by exactly one key; never the secret itself.",
    keys: &[
        optional("credential", Text, "A credential of systemd, by name: a file in $CREDENTIALS_DIRECTORY."),
        optional("file", Text, "A file that only its owner and group can read."),
        optional("env", Text, "A variable of the service's environment."),
    ],
};

const NAME: Key = optional("name", Text, "What people call it. Default: its id.");
const IN_BUILDING: Key = optional("building", Reference("building"), "The building that it is in.");
const ON_FLOOR: Key = optional("floor", Reference("floor"), "The floor that it is on.");
const IN_ROOM: Key = optional("room", Reference("room"), "The room that it is in.");

const BUILDING: Table = Table { what: "building", doc: "A building.", keys: &[NAME] };
const FLOOR: Table = Table {
    what: "floor",
    doc: "A floor of a building.",
    keys: &[NAME, required("building", Reference("building"), "The building that it is in.")],
};
const ROOM: Table =
    Table { what: "room", doc: "A room: on a floor, or right in a building.", keys: &[NAME, ON_FLOOR, IN_BUILDING] };
const RACK: Table = Table {
    what: "rack",
    doc: "A rack: in a room, or right on a floor or in a building.",
    keys: &[NAME, IN_ROOM, ON_FLOOR, IN_BUILDING],
};

const ACCOUNT: Table = Table {
    what: "account",
    doc: "Who customer sites belong to.",
    keys: &[
        optional("label_partner", Text, "Label of the partner."),
        optional("external_account_id", Text, "The partner's id of the account."),
        optional("email_address", Text, "Address for mail."),
    ],
};

const CUSTOMER_SITE: Table = Table {
    what: "customer site",
    doc: "What a utility meter serves (an installation).",
    keys: &[
        NAME,
        optional("meters", References("meter"), "The meters on the wall that measure it."),
        optional("account", Reference("account"), "Who it belongs to."),
        optional("external_installation_id", Text, "The partner's id of the installation."),
        optional("postal_code", Text, "Postal code."),
        optional("profile", Free, "The installation's profile: texts, numbers and switches by name."),
    ],
};

const SUBMETER: Table = Table {
    what: "submeter",
    doc: "A submeter that programmes know.",
    keys: &[
        required("customer_site", Reference("customer_site"), "The customer site that it is part of."),
        optional("meters", References("meter"), "The meters on the wall that measure it."),
    ],
};

const PROGRAMME: Table = Table {
    what: "programme",
    doc: "A demand-response programme, and what its events may do without being asked.",
    keys: &[
        optional("armed", Switch, "Its events start without being asked. Default: false, a person confirms each."),
        optional(
            "longest_without_end",
            Duration { min: seconds(60), max: seconds(DAY) },
            "The longest that an event without an end may take. Default: 4h.",
        ),
    ],
};

const DUPLICATES: Table = Table {
    what: "duplicates",
    doc: "How duplicate readings are decided.",
    keys: &[optional("measured", SubTable(&MEASURED), "Evidence from our own meters; absent: it never decides.")],
};

const PERCENT: super::Kind = Number { min: 0.0, max: 100.0 };

const MEASURED: Table = Table {
    what: "measured evidence",
    doc: "When our own measurement decides between duplicate readings.",
    keys: &[
        optional("tolerance_percent", PERCENT, "Largest deviation, percent. Default: 1."),
        optional("coverage_percent", PERCENT, "Least share of the period that was measured, percent. Default: 99."),
    ],
};

/// Months between calibrations: up to 50 years.
pub(super) const MONTHS: super::Kind = Integer { min: 1, max: 600 };
