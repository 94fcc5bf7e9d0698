//! Keys of meters: every field of the POWERMETER entity that is configured.

use super::{
    super::choice::words,
    Kind::{Choice, Date, LongText, Number, Reference, References, Registers, Text, Texts},
    Table, optional, required,
    site::{COST_PER_KWH, MONTHS},
};
use crate::domain::site::{
    AccuracyClass, Commodity, FeedPath, MeterPoint, MeterProtocol, MeterStatus, MeterType, VerificationResult,
};

const RATING: super::Kind = Number { min: 0.0, max: 10_000_000.0 };
const PERCENT: super::Kind = Number { min: 0.0, max: 1000.0 };
const VOLTS: super::Kind = Number { min: 0.0, max: 1_000_000.0 };

/// A metering point.
pub(in super::super) const METER: Table = Table {
    what: "meter",
    doc: "A metering point: the POWERMETER entity's configured fields.",
    keys: &[
        required("name", Text, "Asset tag, unique in the site."),
        optional("meter_name", Text, "Descriptive name."),
        required("meter_point", Choice(words::<MeterPoint>), "Where in the power chain it sits."),
        optional(
            "status",
            Choice(words::<MeterStatus>),
            "Its status. Required; a virtual meter is active where it is absent.",
        ),
        optional("description", LongText, "Free text."),
        optional("building", Reference("building"), "The building that it is in; the deepest place counts."),
        optional("floor", Reference("floor"), "The floor that it is on."),
        optional("room", Reference("room"), "The room that it is in."),
        optional("rack", Reference("rack"), "The rack that it is in."),
        optional("panel_board_ref", Text, "The panel board, switchgear or distribution unit that it monitors."),
        optional("feed_path", Choice(words::<FeedPath>), "Which feed it is on."),
        optional("manufacturer", Text, "Who makes it."),
        optional("model", Text, "Its model."),
        optional("serial_number", Text, "Its serial number."),
        optional("meter_type", Choice(words::<MeterType>), "What kind of meter it is."),
        optional("accuracy_class", Choice(words::<AccuracyClass>), "Accuracy class of IEC 62053."),
        optional("ct_ratio", Text, "Current transformer, such as 400:5."),
        optional("pt_ratio", Text, "Potential transformer, such as 10000:100."),
        optional("protocol", Choice(words::<MeterProtocol>), "How it is read; that of its device where it has one."),
        optional("ip_address", Text, "Where it is reached; that of its device where it has one."),
        optional("device", Reference("device"), "The device that reads it."),
        optional("registers", Registers, "Registers over the profile's."),
        optional(
            "fed_by",
            References("meter"),
            "The meters above it in the power chain: one, or two for A and B feeds.",
        ),
        optional("commodity", Choice(words::<Commodity>), "What flows through it. Default: electricity."),
        optional("external_meter_id", Text, "The id that accounts and tariffs know it by."),
        optional("tags", Texts, "For formulas and costs."),
        optional(
            "formula",
            LongText,
            "Of a virtual meter: + - * /, min, max, abs, sum(\"tag\") over meter ids with - written as _.",
        ),
        COST_PER_KWH,
        optional("currency", Text, "ISO 4217 code of its price, over the site's."),
        optional("rated_capacity_kw", RATING, "Largest rated load, kW."),
        optional("rated_capacity_amps", RATING, "Largest rated current, A."),
        optional("warning_threshold_percent", PERCENT, "Load from which to warn, percent of the rating."),
        optional("critical_threshold_percent", PERCENT, "Load that is critical, percent of the rating."),
        optional("voltage_high_threshold", VOLTS, "Voltage that is too high, V."),
        optional("voltage_low_threshold", VOLTS, "Voltage that is too low, V."),
        optional("power_factor_min_threshold", Number { min: 0.0, max: 1.0 }, "Power factor that is too low."),
        optional("phase_imbalance_max_percent", PERCENT, "Largest imbalance of the phases, percent."),
        optional("install_date", Date, "Installed on."),
        optional("last_calibration_date", Date, "Last calibrated on."),
        optional("next_calibration_date", Date, "Next calibration due on."),
        optional("calibration_interval_months", MONTHS, "Months between calibrations."),
        optional("calibration_certificate", Text, "Certificate reference."),
        optional("last_verification_date", Date, "Accuracy last verified on."),
        optional("verification_result", Choice(words::<VerificationResult>), "How the verification went."),
        optional("notes", LongText, "Free text."),
        optional(
            "utility_meter",
            Texts,
            "The ids it has on utility statements: meterId, meterNumber or meterNumber/account.",
        ),
    ],
};
