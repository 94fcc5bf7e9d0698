//! What the commands of dispatch print, for people and for programs.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    domain::{
        dispatch::{
            Action, Event, EventState, LeftOut, Plan, SetPoint, Wanted, WayBack,
            baseline::{Effect, EffectInterval},
        },
        programme::ProgrammeMeterId,
    },
    exchange::leap::Rejected,
    service::interface::dispatch::{MessageAnswer, MeterEffect},
};

/// The code that a person types to confirm a plan: how many devices move, and how many kW that is at most.
pub fn code(plan: &Plan) -> String {
    format!("{}-{:.0}", plan.actions.len(), plan.expected_kw())
}

/// A plan.
pub fn plan(meters: &[ProgrammeMeterId], plan: &Plan, start: Timestamp, end: Timestamp, json: bool) -> String {
    let actions: Vec<Action> = plan.to_actions();
    if json {
        let document = json!({
            "event": null,
            "state": "proposed",
            "source": "operator",
            "start": start,
            "end": end,
            "meters": meters,
            "actions": actions.iter().map(action).collect::<Vec<_>>(),
            "leftOut": plan.left_out.iter().map(left_out).collect::<Vec<_>>(),
            "expectedKw": plan.expected_kw(),
        });
        return format!("{document}\n");
    }
    let mut text =
        format!("From {start:.0} to {end:.0}: {} devices, at most {} kW.\n", actions.len(), plan.expected_kw());
    text += &table(&actions, &plan.left_out);
    text
}

/// An event.
pub fn event(event: &Event, json: bool) -> String {
    if json {
        return format!("{}\n", document(event));
    }
    let mark = if event.test == crate::domain::dispatch::TestKind::None { "" } else { " TEST" };
    let mut text = format!(
        "{}{mark}: {}, {} to {:.0}, by {}, at most {} kW.\n",
        event.id,
        event.state.word(),
        format_args!("{:.0}", event.start),
        event.end,
        event.source.word(),
        event.expected_kw()
    );
    if let Some(reason) = &event.reason {
        let _ = writeln!(text, "{reason}.");
    }
    text += &table(&event.actions, &event.left_out);
    text
}

/// Several events.
pub fn events(events: &[Event], json: bool) -> String {
    if json {
        return format!("{}\n", Value::Array(events.iter().map(document).collect()));
    }
    if events.is_empty() {
        return "No events.\n".to_owned();
    }
    let row = |event: &Event| {
        [
            event.id.to_string(),
            event.state.word().to_owned(),
            format!("{:.0}", event.start),
            format!("{:.0}", event.end),
            event.source.word().to_owned(),
            event.actions.len().to_string(),
            event.expected_kw().to_string(),
            event.reason.clone().unwrap_or_default(),
        ]
    };
    columns(["EVENT", "STATE", "START", "END", "SOURCE", "DEVICES", "KW", ""], events.iter().map(row).collect())
}

/// An event as JSON, in the documented form; what is added to it says more, and nothing else.
pub fn document(event: &Event) -> Value {
    json!({
        "event": event.id,
        "state": event.state.word(),
        "source": event.source.word(),
        "start": event.start,
        "end": event.end,
        "meters": event.meters,
        "actions": event.actions.iter().map(action).collect::<Vec<_>>(),
        "leftOut": event.left_out.iter().map(left_out).collect::<Vec<_>>(),
        "expectedKw": event.expected_kw(),
        "wantedKw": match event.wanted {
            Wanted::Max => Value::Null,
            Wanted::LimitKw(kw) | Wanted::ReductionKw(kw) => json!(kw),
        },
        "priority": event.priority,
        "programmes": event.programmes,
        "voluntary": event.is_voluntary,
        "test": event.test != crate::domain::dispatch::TestKind::None,
        "endIsOurs": event.is_capped,
        "reason": event.reason,
        "confirmedBy": event.confirmed_by,
        "revision": event.revision,
    })
}

fn action(action: &Action) -> Value {
    json!({
        "device": action.device,
        "meter": action.meter,
        "command": {
            "register": action.command.register,
            "value": number(action.command.value),
            "unit": action.command.unit.symbol(),
        },
        "expectedKw": action.expected_kw.map(number),
        "state": action.state.word(),
        "before": action.before.as_ref().and_then(value),
        "readBack": action.read_back.as_ref().and_then(value),
        "readAt": action.read_back.as_ref().map(|read| read.at),
        "reason": action.reason.as_ref().map(ToString::to_string),
        "wayBack": action.way_back.map(WayBack::word),
    })
}

fn value(set_point: &SetPoint) -> Option<Value> {
    set_point.value.map(number)
}

/// A number as people write it: whole ones without a fraction.
fn number(value: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and small")]
    if value.fract() == 0.0 && value.abs() < 1e15 { json!(value as i64) } else { json!(value) }
}

fn left_out(left: &LeftOut) -> Value {
    json!({ "device": left.device, "meter": left.meter, "reason": left.reason.to_string() })
}

fn table(actions: &[Action], left_out: &[LeftOut]) -> String {
    let shown = |set_point: &Option<SetPoint>| {
        let value = set_point.as_ref().map(|set_point| set_point.value);
        value.map_or_else(
            || "-".to_owned(),
            |value| value.map_or_else(|| "no number".to_owned(), |value| value.to_string()),
        )
    };
    let row = |action: &Action| {
        let way_back = action.way_back.map(|way| format!(" (way back: {})", way.word())).unwrap_or_default();
        [
            action.device.to_string(),
            action.meter.to_string(),
            format!("{} {}", action.command.value, action.command.unit.symbol()),
            action.expected_kw.map_or_else(|| "-".to_owned(), |kw| kw.to_string()),
            action.state.word().to_owned(),
            shown(&action.before),
            shown(&action.read_back),
            action.reason.as_ref().map(ToString::to_string).unwrap_or_default() + &way_back,
        ]
    };
    let mut text = String::new();
    if !actions.is_empty() {
        let head = ["DEVICE", "METER", "COMMAND", "KW", "STATE", "BEFORE", "READ BACK", ""];
        text += &columns(head, actions.iter().map(row).collect());
    }
    for left in left_out {
        let what = left.device.as_ref().map_or_else(|| left.meter.to_string(), ToString::to_string);
        let _ = writeln!(text, "left out: {what}: {}", left.reason);
    }
    text
}

/// Rows under their head, each column as wide as its widest cell.
pub(in super::super) fn columns<const N: usize>(head: [&str; N], rows: Vec<[String; N]>) -> String {
    let mut lines = vec![head.map(str::to_owned)];
    lines.extend(rows);
    let mut widths = [0; N];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    for line in &lines {
        let padded: Vec<String> = line.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text += padded.join("  ").trim_end();
        text.push('\n');
    }
    text
}

/// What became of imported events.
pub fn imported(answers: &[MessageAnswer], rejected: &[Rejected], json: bool) -> String {
    let refused = answers.iter().filter(|answer| answer.state.is_none()).count() + rejected.len();
    let changed = answers.iter().filter(|answer| answer.changed).count();
    if json {
        let answer = |answer: &MessageAnswer| {
            json!({
                "event": answer.event,
                "state": answer.state.map(EventState::word),
                "changed": answer.changed,
                "reason": answer.reason,
            })
        };
        let document = json!({
            "events": answers.len() + rejected.len(),
            "changed": changed,
            "answers": answers.iter().map(answer).collect::<Vec<_>>(),
            "rejected": rejected.iter().map(|one| json!({"pointer": one.pointer, "reason": one.reason})).collect::<Vec<_>>(),
        });
        return format!("{document}\n");
    }
    let mut text = String::new();
    for answer in answers {
        let state = answer.state.map_or("not taken", |state| state.word());
        let reason = answer.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        let news = if answer.changed { "" } else { " (nothing new)" };
        let _ = writeln!(text, "{}: {state}{news}{reason}", answer.event);
    }
    for one in rejected {
        let _ = writeln!(text, "{}: {}", one.pointer, one.reason);
    }
    let _ = writeln!(text, "{} events, {changed} changed, {refused} refused.", answers.len() + rejected.len());
    text
}

/// The effect of an event.
pub fn effects(event: &str, effects: &[MeterEffect], json: bool, csv: bool) -> String {
    if csv {
        return csv_of(effects);
    }
    if json {
        let of_meter = |one: &MeterEffect| match &one.effect {
            Ok(effect) => effect_document(&one.meter, effect),
            Err(reason) => json!({ "meter": one.meter, "reason": reason }),
        };
        let meters: Vec<Value> = effects.iter().map(of_meter).collect();
        return format!("{}\n", json!({ "event": event, "meters": meters }));
    }
    let mut text = String::new();
    for one in effects {
        match &one.effect {
            Err(reason) => {
                let _ = writeln!(text, "{}: {reason}.", one.meter);
            }
            Ok(effect) => text += &effect_text(&one.meter, effect),
        }
    }
    text
}

fn effect_document(meter: &ProgrammeMeterId, effect: &Effect) -> Value {
    let interval = |interval: &EffectInterval| {
        json!({
            "start": interval.start,
            "end": interval.end,
            "baselineKwh": interval.baseline_kwh.normalize().to_string(),
            "actualKwh": interval.actual_kwh.map(|kwh| kwh.normalize().to_string()),
            "reductionKwh": interval.reduction_kwh.map(|kwh| kwh.normalize().to_string()),
        })
    };
    json!({
        "meter": meter,
        "baselineDays": effect.days,
        "adjustment": effect.adjustment.map(|factor| factor.normalize().to_string()),
        "deliveredKwh": effect.delivered_kwh.normalize().to_string(),
        "complete": effect.is_complete,
        "actualKw": effect.actual_kw,
        "baselineKw": effect.baseline_kw,
        "intervals": effect.intervals.iter().map(interval).collect::<Vec<_>>(),
    })
}

fn effect_text(meter: &ProgrammeMeterId, effect: &Effect) -> String {
    let whole = if effect.is_complete { "" } else { " so far; not every interval is measured" };
    let factor = effect.adjustment.map_or_else(|| "none".to_owned(), |factor| factor.normalize().to_string());
    let mut text = format!(
        "{meter}: delivered {} kWh{whole}. Baseline of {} days, same-day adjustment {factor}.\n",
        effect.delivered_kwh.normalize(),
        effect.days
    );
    let shown =
        |kwh: Option<rust_decimal::Decimal>| kwh.map_or_else(|| "-".to_owned(), |kwh| kwh.normalize().to_string());
    let row = |interval: &EffectInterval| {
        [
            format!("{:.0}", interval.start),
            interval.baseline_kwh.normalize().to_string(),
            shown(interval.actual_kwh),
            shown(interval.reduction_kwh),
        ]
    };
    text +=
        &columns(["START", "BASELINE KWH", "ACTUAL KWH", "REDUCTION KWH"], effect.intervals.iter().map(row).collect());
    text
}

/// One line for each interval. Ids come from outside: those that a spreadsheet would take for a formula get a quote in front.
fn csv_of(effects: &[MeterEffect]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Writing into memory does not fail.
    let _ = writer.write_record(["meter", "start", "end", "baseline_kwh", "actual_kwh", "reduction_kwh"]);
    for one in effects {
        let id = one.meter.as_str();
        let meter = if id.starts_with(['=', '+', '-', '@']) { format!("'{id}") } else { id.to_owned() };
        for interval in one.effect.iter().flat_map(|effect| &effect.intervals) {
            let shown =
                |kwh: Option<rust_decimal::Decimal>| kwh.map(|kwh| kwh.normalize().to_string()).unwrap_or_default();
            let _ = writer.write_record([
                meter.clone(),
                interval.start.to_string(),
                interval.end.to_string(),
                interval.baseline_kwh.normalize().to_string(),
                shown(interval.actual_kwh),
                shown(interval.reduction_kwh),
            ]);
        }
    }
    writer.into_inner().ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}
