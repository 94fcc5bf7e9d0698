//! Groups and decisions as people read them.

use std::fmt::Write as _;

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::{
    domain::duplicate::{Choice, Decision, FindingKind, Reading, Standing},
    service::interface::duplicates::{Group, GroupDetail, Measured, Proposal},
};

/// A group in one line.
pub(super) fn line(group: &Group) -> String {
    let finding = &group.finding;
    let usages: Vec<String> = group.readings.iter().map(usage).collect();
    let between = if finding.kind == FindingKind::Overlap { " + " } else { " | " };
    let (start, end) = (finding.period.start, finding.period.end);
    format!(
        "{} {:<16} {start} → {end}  {:<40} {}",
        finding.id,
        crate::text::clean(&group.meter),
        crate::text::clean(&usages.join(between)),
        stands(&finding.standing, finding.kind)
    )
}

fn usage(reading: &Reading) -> String {
    reading.usage.as_ref().map_or_else(|| "no usage".to_owned(), ToString::to_string)
}

/// How a finding stands, in words.
fn stands(standing: &Standing, kind: FindingKind) -> String {
    match standing {
        Standing::Ruled { rule, .. } => format!("resolved: {}", rule.word()),
        Standing::Decided { value: Some(value), .. } => format!("resolved: {value}, typed by a person"),
        Standing::Decided { .. } => "resolved by a person".to_owned(),
        Standing::Open { reason, reopened, deferred } => {
            let why = match (reason, kind) {
                (Some(reason), _) => reason.describe(),
                (None, FindingKind::Overlap) => "periods overlap: counted twice in part",
                (None, FindingKind::Duplicate) => "its readings changed",
            };
            let reopened = if reopened.is_some() { ", open again: its readings changed" } else { "" };
            let deferred = if deferred.is_some() { ", put off" } else { "" };
            format!("review: {why}{reopened}{deferred}")
        }
    }
}

/// All about a group.
pub(super) fn detail(detail: &GroupDetail, zone: &TimeZone) -> String {
    let group = &detail.group;
    let mut text = format!("{}\n", line(group));
    let chosen = group.finding.standing.chosen();
    for reading in &group.readings {
        let mark = if Some(reading.id) == chosen { "counts" } else { "      " };
        let mut facts = vec![usage(reading), format!("{} → {}", reading.period.start, reading.period.end)];
        let provider = reading.provider.clone().unwrap_or_else(|| "no provider".to_owned());
        let class = reading.classification.as_ref().map(|class| format!(" ({class})")).unwrap_or_default();
        facts.push(format!("{provider}{class}"));
        facts.extend(reading.deregulation.as_ref().map(ToString::to_string));
        facts.extend(reading.stages.iter().map(ToString::to_string));
        facts.extend(reading.statement.as_ref().map(|statement| format!("statement {statement}")));
        let facts = crate::text::clean(&facts.join(" · "));
        let _ = writeln!(text, "  {mark} {} {facts}", reading.id);
        let source = crate::text::clean(&format!("{} {}", reading.source.file, reading.source.pointer));
        let _ = writeln!(text, "         {source}");
    }
    if let Some(measured) = &detail.measured {
        text.push_str(&measured_words(measured));
    }
    for year in &detail.other_years {
        let _ = writeln!(text, "  {} → {}: {}", year.period.start, year.period.end, year.usage);
    }
    for provider in &detail.providers {
        let name = crate::text::clean(provider.provider.as_deref().unwrap_or("no provider"));
        let _ = writeln!(text, "  {name} counted in {} of {} other groups", provider.counted, provider.of);
    }
    if let Some(suggested) = detail.suggested.filter(|_| chosen.is_none()) {
        let _ = writeln!(text, "  the evidence speaks for {suggested}");
    }
    let _ = writeln!(text, "  version {}", group.finding.version);
    for entry in &detail.decisions {
        text.push_str(&decision(entry, zone));
    }
    text
}

fn measured_words(measured: &Measured) -> String {
    let Measured { meter, kwh, coverage_percent, estimated, .. } = measured;
    let kind = measured.meter_type.map(|kind| format!(", {}", kind.word())).unwrap_or_default();
    let class = measured.accuracy_class.map(|class| format!(", class {}", class.word())).unwrap_or_default();
    let estimated = if *estimated { ", partly estimated" } else { "" };
    let mut text =
        format!("  measured here: {kwh} kWh by {meter}{kind}{class} ({coverage_percent:.1} % covered{estimated})\n");
    for (reading, off) in &measured.deviations {
        if let Some(off) = off {
            let _ = writeln!(text, "    {reading} {off:+.1} %");
        }
    }
    text
}

/// What was measured, for programs.
pub(super) fn measured(measured: &Measured) -> Value {
    let deviations: Vec<Value> = measured
        .deviations
        .iter()
        .map(|(reading, percent)| json!({ "reading": reading, "percent": percent }))
        .collect();
    json!({
        "meter": measured.meter,
        "meterType": measured.meter_type,
        "accuracyClass": measured.accuracy_class,
        "kwh": measured.kwh,
        "coveragePercent": measured.coverage_percent,
        "estimated": measured.estimated,
        "deviations": deviations,
    })
}

/// A decision in one line.
pub(super) fn decision(decision: &Decision, zone: &TimeZone) -> String {
    let at = decision.at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S");
    let what = match &decision.choice {
        Choice::Use { readings } => {
            let readings: Vec<String> = readings.iter().map(ToString::to_string).collect();
            format!("counts {}", readings.join(", "))
        }
        Choice::Value { usage } => format!("counts {usage}, typed"),
        Choice::KeepAll => "counts all".to_owned(),
        Choice::Defer => "puts it off".to_owned(),
        Choice::Undo { of } => format!("takes back {of}"),
    };
    let reason = if decision.reason.is_empty() { String::new() } else { format!(": {}", decision.reason) };
    let line = format!("{:>4}  {at}  {} {what}{reason}", decision.sequence, decision.who);
    format!("{}\n", crate::text::clean(&line))
}

/// What would be decided for one group.
pub(super) fn proposal(proposal: &Proposal) -> String {
    let what = match (&proposal.choice, &proposal.usage) {
        (Choice::Use { .. }, Some(usage)) => format!("counts {usage}"),
        (Choice::KeepAll, _) => "counts all".to_owned(),
        _ => proposal.choice.word().to_owned(),
    };
    format!("  {} {} → {} {what}\n", proposal.group, proposal.period.start, proposal.period.end)
}
