//! What a meter is: thresholds, device and connection, place in the chain, and what the site file says of it.

use ratatui::text::Line;

use super::counted;

use crate::{
    domain::{
        ids::MeterId,
        live::MeterLive,
        quantity::Quantity,
        rollup::balance,
        site::{Commodity, Meter},
        standing,
        unit::Unit,
    },
    tui::{
        format,
        view::{alarms::short_line, devices::details::Details},
        widget::{Cells, Look},
    },
};

/// Columns of a label.
const LABEL: usize = 11;

/// Columns of a label before a neighbour in the chain.
const CHAIN_LABEL: usize = 7;

/// All of it, what is in trouble first.
pub(super) fn lines(look: &Look<'_>, meter: &Meter, live: Option<&MeterLive>, width: usize) -> Vec<Line<'static>> {
    let about = About { look, meter, live, width };
    let device = match &meter.device {
        Some(device) => Details { look, width }.device(device),
        None => about.line("device", &about.read_by()),
    };
    let known = look.model.facts.meters.get(&meter.id);
    let mut lines = Vec::new();
    let alarms = look.model.alarms_of(meter).into_iter().flat_map(|line| {
        let (text, style) = short_line(look, line);
        look.labelled(line.severity.word(), LABEL, &text, width, style)
    });
    let sections = [
        ("Alarms", alarms.collect()),
        ("Consumption", known.map_or_else(Vec::new, |known| counted::consumption(look, &known.consumption, width))),
        ("Thresholds", about.thresholds()),
        ("Device", device),
        ("Power chain", about.chain()),
        ("General", about.general()),
        ("Maintenance", known.map_or_else(Vec::new, |known| counted::maintenance(look, known, width))),
        ("Records", counted::records(look, &meter.id, width)),
    ];
    for (title, section) in sections.into_iter().filter(|(_, section)| !section.is_empty()) {
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        lines.push(Line::styled(title, look.theme.title));
        lines.extend(section);
    }
    lines
}

struct About<'look, 'model> {
    look: &'look Look<'model>,
    meter: &'model Meter,
    live: Option<&'model MeterLive>,
    width: usize,
}

impl About<'_, '_> {
    fn read_by(&self) -> String {
        match (&self.meter.formula, self.meter.protocol) {
            (Some(formula), _) => format!("virtual: {formula}"),
            (None, Some(protocol)) => format!("none: {}", protocol.title()),
            (None, None) => "none".to_owned(),
        }
    }

    fn thresholds(&self) -> Vec<Line<'static>> {
        let meter = self.meter;
        let unit = |value: Option<f64>, unit: &str| value.map(|value| format!("{} {unit}", plain(value)));
        let pair = |low: Option<String>, high: Option<String>, words: [&str; 2]| {
            let [low_word, high_word] = words;
            let parts =
                [low.map(|value| format!("{low_word} {value}")), high.map(|value| format!("{high_word} {value}"))];
            let parts: Vec<String> = parts.into_iter().flatten().collect();
            (!parts.is_empty()).then(|| parts.join(", "))
        };
        let load = pair(
            unit(meter.warning_threshold_percent, "%"),
            unit(meter.critical_threshold_percent, "%"),
            ["warn", "crit"],
        );
        let voltage = match (meter.voltage_low_threshold, meter.voltage_high_threshold) {
            (Some(low), Some(high)) => Some(format!("{} to {} V", plain(low), plain(high))),
            (Some(low), None) => Some(format!("at least {} V", plain(low))),
            (None, Some(high)) => Some(format!("at most {} V", plain(high))),
            (None, None) => None,
        };
        let rows = [
            ("load", load, &[Quantity::LoadPercent][..]),
            (
                "voltage",
                voltage,
                &[Quantity::VoltagePhaseA, Quantity::VoltagePhaseB, Quantity::VoltagePhaseC, Quantity::Voltage],
            ),
            (
                "PF",
                meter.power_factor_min_threshold.map(|value| format!("at least {}", plain(value))),
                &[Quantity::PowerFactor],
            ),
            (
                "imbalance",
                unit(meter.phase_imbalance_max_percent, "%").map(|value| format!("at most {value}")),
                &[Quantity::PhaseImbalance],
            ),
        ];
        let present = rows.into_iter().filter_map(|(label, text, quantities)| Some((label, text?, quantities)));
        present.flat_map(|(label, text, quantities)| self.threshold(label, &text, quantities)).collect()
    }

    /// A threshold, and what is beyond it now.
    fn threshold(&self, label: &str, text: &str, quantities: &[Quantity]) -> Vec<Line<'static>> {
        let theme = self.look.theme;
        let breaches = self.live.map_or_else(Vec::new, |live| {
            standing::breaches(self.meter, live, self.look.now, self.look.every(self.meter))
        });
        let here = breaches.iter().filter(|breach| quantities.contains(&breach.quantity));
        let Some(breach) = here.max_by_key(|breach| breach.critical) else { return self.line(label, text) };
        let (mark, style) = if breach.critical { ("!!", theme.critical) } else { ("!", theme.warning) };
        let unit = breach.quantity.unit().unwrap_or(Unit::Ratio);
        let value = format::value(&breach.quantity, unit, breach.value);
        let words = format!("{text}, now {value} {} {mark}", format::unit(unit, true));
        self.look.labelled(label, LABEL, &words, self.width, style)
    }

    fn chain(&self) -> Vec<Line<'static>> {
        let mut lines = Vec::new();
        let fed: Vec<&Meter> =
            self.look.site.meters.values().filter(|other| other.fed_by.contains(&self.meter.id)).collect();
        let labels = |label: &'static str| std::iter::once(label).chain(std::iter::repeat(""));
        for (label, above) in labels("fed by").zip(&self.meter.fed_by) {
            lines.push(self.neighbour(label, above));
        }
        for (label, below) in labels("feeds").zip(&fed) {
            lines.push(self.neighbour(label, &below.id));
        }
        let balance = balance(self.look.site, self.look.model.shown(), &self.meter.id, self.look.now);
        if let Some(balance) = balance {
            let sum = balance.sum.kw.map_or(self.look.glyphs.missing.to_owned(), format::power);
            let text = match (balance.difference_kw, balance.difference_percent()) {
                (Some(kw), Some(percent)) => {
                    format!("{sum}, {} {} {}", self.look.glyphs.delta, format::power(kw), format::percent(percent))
                }
                (Some(kw), None) => format!("{sum}, {} {}", self.look.glyphs.delta, format::power(kw)),
                (None, _) if !balance.sum.is_complete() => {
                    format!("{sum} INCOMPLETE, {} missing", balance.sum.missing.len())
                }
                (None, _) => sum,
            };
            lines.extend(self.line("their sum", &text));
        }
        lines
    }

    fn neighbour(&self, label: &str, id: &MeterId) -> Line<'static> {
        let cells = Cells::new(self.look.glyphs).left(label, CHAIN_LABEL, self.look.theme.dim);
        let Some((meter, live)) = self.look.meter(id) else {
            return cells.text(id.to_string(), self.look.theme.text).line();
        };
        let kw = self.look.shown(meter, live, &Quantity::CurrentKw);
        let standing = self.look.standing(meter);
        let name = self.width.saturating_sub(CHAIN_LABEL + 11 + 2);
        cells
            .left(&meter.name, name, self.look.theme.text)
            .right(&kw.with_unit(), 11, kw.style)
            .text(format!(" {}", self.look.glyphs.mark(standing)), self.look.theme.standing(standing))
            .line()
    }

    fn general(&self) -> Vec<Line<'static>> {
        let meter = self.meter;
        let joined = |parts: &[Option<&str>]| {
            let parts: Vec<&str> = parts.iter().flatten().copied().collect();
            (!parts.is_empty()).then(|| parts.join(" "))
        };
        let rating = [
            meter.rated_capacity_kw.map(|kw| format!("{} kW", plain(kw))),
            meter.rated_capacity_amps.map(|amps| format!("{} A", plain(amps))),
        ];
        let rating: Vec<String> = rating.into_iter().flatten().collect();
        let ratio =
            |ratio: crate::domain::site::Transformer| format!("{}:{}", plain(ratio.primary), plain(ratio.secondary));
        let commodity = (meter.commodity != Commodity::Electricity).then(|| meter.commodity.title().to_owned());
        let rows = [
            ("point", Some(meter.meter_point.title().to_owned())),
            ("status", Some(self.look.model.shown().statuses.of(meter).title().to_owned())),
            ("place", self.place()),
            ("feed", meter.feed_path.map(|feed| feed.title().to_owned())),
            ("commodity", commodity),
            ("rated", (!rating.is_empty()).then(|| rating.join(", "))),
            ("type", meter.meter_type.map(|kind| kind.title().to_owned())),
            ("accuracy", meter.accuracy_class.map(|class| class.title().to_owned())),
            ("made by", joined(&[meter.manufacturer.as_deref(), meter.model.as_deref()])),
            ("serial", meter.serial_number.clone()),
            ("CT, PT", joined(&[meter.ct_ratio.map(ratio).as_deref(), meter.pt_ratio.map(ratio).as_deref()])),
            ("panel", meter.panel_board_ref.clone()),
            ("utility id", meter.external_meter_id.clone()),
            ("id", Some(meter.id.to_string())),
            ("tags", (!meter.tags.is_empty()).then(|| meter.tags.join(", "))),
            ("notes", meter.description.clone()),
        ];
        let present = rows.into_iter().filter_map(|(label, text)| Some((label, text?)));
        present.flat_map(|(label, text)| self.line(label, &text)).collect()
    }

    /// From the building down.
    fn place(&self) -> Option<String> {
        let site = self.look.site;
        let names = site.path(self.meter.place.as_ref()?).filter_map(|key| Some(site.places.get(key)?.name.as_str()));
        let mut names: Vec<&str> = names.collect();
        names.reverse();
        Some(names.join(" / "))
    }

    fn line(&self, label: &str, text: &str) -> Vec<Line<'static>> {
        self.look.labelled(label, LABEL, text, self.width, self.look.theme.text)
    }
}

/// A number of the site file, as it was written there.
fn plain(value: f64) -> String {
    format!("{value}")
}
