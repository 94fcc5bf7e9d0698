//! Meters: the configured fields of the POWERMETER entity.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    choice::DeviceProtocol,
    currency,
    devices::{Draft as DeviceDraft, overlay},
    fields::{At, Fields},
    link, places,
    problems::{Problem, Sink, Spot},
    profiles::Profiles,
    references::Names,
    registers,
};
use crate::domain::{
    ids::{DeviceId, MeterId},
    register::{Order, Reports},
    site::{Commodity, Maintenance, Meter, MeterPoint, MeterProtocol, MeterStatus, MeterType, Transformer},
};

mod checks;

/// The most feeds that a meter may have.
const MAX_FEEDS: usize = 2;
/// Longest tag, in characters.
const MAX_TAG: usize = 64;

/// A meter and its place in the file.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    pub(super) meter: Meter,
    pub(super) fields: Fields<'a>,
    /// What feeds it, each with its place.
    pub(super) fed_by: Vec<At<MeterId>>,
}

/// What meters refer to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) names: &'a Names<'a>,
    pub(super) places: &'a places::Places,
    pub(super) profiles: &'a Profiles,
}

/// Reads the meters and tells their devices what is read for them.
pub(super) fn read<'a>(
    file: &Fields<'a>,
    around: Around<'_>,
    devices: &mut BTreeMap<DeviceId, DeviceDraft<'a>>,
) -> BTreeMap<MeterId, Draft<'a>> {
    let mut drafts = BTreeMap::new();
    for (id, fields) in file.tables("meter") {
        let Ok(id) = MeterId::new(id) else { continue };
        drafts.insert(id.clone(), read_one(id, fields, around, devices));
    }
    check_names(&drafts, file.sink);
    drafts
}

fn read_one<'a>(
    id: MeterId,
    fields: Fields<'a>,
    around: Around<'_>,
    devices: &mut BTreeMap<DeviceId, DeviceDraft<'a>>,
) -> Draft<'a> {
    let fed_by = around.names.many(&fields, "fed_by");
    let mut meter = plain_fields(id, &fields);
    meter.place = places::of_meter(&fields, around.names, around.places);
    meter.fed_by = fed_by.iter().map(|feed: &At<MeterId>| feed.value.clone()).collect();
    meter.device = around.names.one(&fields, "device");
    checks::fields(&fields, &meter);
    read_device(&fields, &mut meter, around, devices);
    Draft { meter, fields, fed_by }
}

/// What is read from its device: registers, protocol and address.
fn read_device(
    fields: &Fields<'_>,
    meter: &mut Meter,
    around: Around<'_>,
    devices: &mut BTreeMap<DeviceId, DeviceDraft<'_>>,
) {
    let own = registers::read_all(fields, "registers", Order::default());
    if !fields.has("device") && fields.has("registers") && !fields.has("formula") {
        fields.missing("device");
    }
    let Some(device) = meter.device.as_ref().and_then(|id| devices.get_mut(id)) else { return };
    let all = overlay(&device.base, &own);
    if meter.formula.is_none() {
        device.add_meter(&all, &own);
    }
    let profile = device.device.profile.as_ref().and_then(|id| around.profiles.get(id.as_str()));
    meter.reports = profile.map_or(Reports::Primary, |profile| profile.reports);
    meter.registers = all.into();
    let protocol = match device.protocol() {
        DeviceProtocol::Tcp => MeterProtocol::ModbusTcp,
        DeviceProtocol::Rtu | DeviceProtocol::RtuOverTcp => MeterProtocol::ModbusRtu,
    };
    if meter.protocol.is_some_and(|own| own != protocol) {
        let help = format!("leave it out, or write \"{}\"", protocol.word());
        fields.error("protocol", format!("its {} is read by another protocol", device.fields.name), help);
    }
    let host = link::host(&device.device.link);
    if fields.has("ip_address") && meter.ip_address.is_some() && meter.ip_address != host {
        fields.error("ip_address", format!("its {} has another address", device.fields.name), "leave it out");
    }
    meter.protocol = Some(protocol);
    meter.ip_address = host;
}

/// All that needs no other table. What is missing or wrong has been recorded; something stands in its place, so that
/// the rest is looked at too.
fn plain_fields(id: MeterId, fields: &Fields<'_>) -> Meter {
    let formula = fields.text("formula");
    let status = fields.choice("status");
    if !fields.has("status") && !fields.has("formula") {
        fields.missing("status");
    }
    let meter_type = fields.choice("meter_type");
    let tags = tags(fields);
    Meter {
        id,
        name: fields.text("name").unwrap_or_default(),
        meter_name: fields.text("meter_name"),
        meter_point: fields.choice("meter_point").unwrap_or(MeterPoint::Virtual),
        status: status.unwrap_or(MeterStatus::Active),
        description: fields.text("description"),
        place: None,
        panel_board_ref: fields.text("panel_board_ref"),
        feed_path: fields.choice("feed_path"),
        manufacturer: fields.text("manufacturer"),
        model: fields.text("model"),
        serial_number: fields.text("serial_number"),
        meter_type: meter_type.or(formula.is_some().then_some(MeterType::Virtual)),
        accuracy_class: fields.choice("accuracy_class"),
        ct_ratio: transformer(fields, "ct_ratio"),
        pt_ratio: transformer(fields, "pt_ratio"),
        protocol: fields.choice("protocol"),
        ip_address: fields.text("ip_address"),
        device: None,
        registers: [].into(),
        reports: Reports::Primary,
        fed_by: Vec::new(),
        commodity: fields.choice("commodity").unwrap_or(Commodity::Electricity),
        external_meter_id: fields.text("external_meter_id"),
        tags,
        formula,
        cost_per_kwh: fields.price("cost_per_kwh"),
        currency: currency::read(fields),
        rated_capacity_kw: fields.positive("rated_capacity_kw"),
        rated_capacity_amps: fields.positive("rated_capacity_amps"),
        warning_threshold_percent: fields.number("warning_threshold_percent"),
        critical_threshold_percent: fields.number("critical_threshold_percent"),
        voltage_high_threshold: fields.number("voltage_high_threshold"),
        voltage_low_threshold: fields.number("voltage_low_threshold"),
        power_factor_min_threshold: fields.number("power_factor_min_threshold"),
        phase_imbalance_max_percent: fields.number("phase_imbalance_max_percent"),
        maintenance: maintenance(fields),
        utility_meter: values(fields.texts("utility_meter")),
    }
}

fn maintenance(fields: &Fields<'_>) -> Maintenance {
    Maintenance {
        install_date: fields.date("install_date"),
        last_calibration_date: fields.date("last_calibration_date"),
        next_calibration_date: fields.date("next_calibration_date"),
        calibration_interval_months: fields.integer("calibration_interval_months"),
        calibration_certificate: fields.text("calibration_certificate"),
        last_verification_date: fields.date("last_verification_date"),
        verification_result: fields.choice("verification_result"),
        notes: fields.text("notes"),
    }
}

fn values(texts: Vec<At<String>>) -> Vec<String> {
    texts.into_iter().map(|text| text.value).collect()
}

/// Tags of a device or a meter, each once.
pub(super) fn tags(fields: &Fields<'_>) -> Vec<String> {
    let mut tags = BTreeSet::new();
    for tag in fields.texts("tags") {
        if tag.value.contains(['"', '\\']) || tag.value.chars().count() > MAX_TAG {
            let message = format!("`{}` is not a tag", tag.value);
            let help =
                format!("write at most {MAX_TAG} characters, without quotes and \\, so that a formula can name it");
            fields.sink.add(Problem::error(&tag.spot, message).help(help));
        } else {
            tags.insert(tag.value);
        }
    }
    tags.into_iter().collect()
}

/// A ratio such as `400:5`; `400/5` too.
fn transformer(fields: &Fields<'_>, key: &str) -> Option<Transformer> {
    let text = fields.text(key)?;
    let side = |side: &str| side.trim().parse::<f64>().ok().filter(|value| value.is_finite() && *value > 0.0);
    let sides = text.split_once([':', '/']).and_then(|(primary, secondary)| Some((side(primary)?, side(secondary)?)));
    let ratio = sides.map(|(primary, secondary)| Transformer { primary, secondary });
    let ratio = ratio.filter(|transformer| transformer.ratio().is_normal());
    if ratio.is_none() {
        fields.error(
            key,
            format!("`{text}` is not a ratio"),
            format!("write primary and secondary, such as {key} = \"400:5\""),
        );
    }
    ratio
}

fn check_names(drafts: &BTreeMap<MeterId, Draft<'_>>, sink: &Sink) {
    let mut in_file_order: Vec<&Draft<'_>> = drafts.values().collect();
    in_file_order.retain(|draft| !draft.meter.name.is_empty());
    in_file_order.sort_by_key(|draft| draft.fields.spot.span.start);
    let mut names: BTreeMap<&str, Spot> = BTreeMap::new();
    for draft in in_file_order {
        let spot = draft.fields.spot("name");
        if let Some(first) = names.get(draft.meter.name.as_str()) {
            let problem = Problem::error(&spot, format!("two meters have the name `{}`", draft.meter.name));
            sink.add(problem.also(first, "the first one").help("a name is an asset tag: give each meter its own"));
        } else {
            names.insert(&draft.meter.name, spot);
        }
    }
}
