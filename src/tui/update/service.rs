//! What the service says, and what it is asked.

use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::{
    domain::{
        alarm::AlarmLine,
        computed::Computed,
        ids::DeviceId,
        live::{DeviceLive, DeviceState},
        site::Site,
    },
    service::interface::{
        ErrorKind, Event, INTERFACE_VERSION, LogLevel, LogLine, Request, Response, ServiceError,
        duplicates::DuplicatesRequest,
    },
    tui::{
        message::Effect,
        model::{ChartKey, DeviceRow, LogPane, Model, Notice, Overlay, Screen, ServiceLink, ServiceState},
        update::{alarms, duplicates, facts, navigate, record, rows},
    },
};

/// Begins: asks for everything there is, and for what follows.
pub fn start(model: &mut Model, in_process: bool, program: String) -> Vec<Effect> {
    model.service.in_process = in_process;
    model.service.program = program;
    model.service.link = ServiceLink::Connected;
    rows::rebuild(model);
    vec![Effect::Ask(Request::Subscribe)]
}

/// Takes over an event.
pub fn event(model: &mut Model, event: Event) -> Vec<Effect> {
    match event {
        Event::Changed { .. } | Event::Statuses { .. } => {
            model.live.apply(&event);
            if model.frozen.is_none() {
                rows::values_changed(model);
            }
        }
        Event::Log { line } => {
            model.log.push(line);
            if matches!(model.overlays.last(), Some(Overlay::Log { .. })) {
                model.log.unseen_errors = 0;
            }
        }
        Event::Alarms { alarms } => alarms::changed(model, alarms),
        Event::SiteChanged => return vec![Effect::Ask(Request::Site), Effect::Ask(Request::Snapshot)],
        Event::Stopping => return gone(model, "The service stops.".to_owned()),
        Event::Gone { reason } => return gone(model, reason),
        // It may be another one, of another site file; it knows nothing of what was asked before.
        Event::Back => {
            model.desk.forget();
            let hello = Request::Hello { version: INTERFACE_VERSION };
            return vec![Effect::Ask(hello), Effect::Ask(Request::Site), Effect::Ask(Request::Subscribe)];
        }
    }
    Vec::new()
}

/// The service has gone: what is shown only gets older, and says so.
pub fn gone(model: &mut Model, reason: String) -> Vec<Effect> {
    match &mut model.service.link {
        ServiceLink::Gone { reason: why, .. } => *why = reason,
        link => {
            *link = ServiceLink::Gone { since: model.now, reason: reason.clone() };
            log_error(model, &reason);
            model.probing.clear();
        }
    }
    Vec::new()
}

/// Takes over an answer.
pub fn answered(model: &mut Model, request: Request, result: Result<Response, ServiceError>) -> Vec<Effect> {
    match (request, result) {
        // Only now, so that no line falls between what is asked for and what is told.
        (_, Ok(Response::Subscribed)) => return vec![Effect::Ask(Request::Log { after: 0 })],
        (_, Ok(Response::Hello { in_process, program, role, polls, .. })) => {
            let is_back = model.is_service_gone();
            let rests = !polls;
            model.service = ServiceState { in_process, program, rests, role: Some(role), link: ServiceLink::Connected };
            if is_back {
                // Its log counts anew.
                model.log = LogPane::default();
            }
        }
        (_, Ok(Response::Site { site })) if site == model.site => {}
        (_, Ok(Response::Site { site })) => site_changed(model, site),
        (_, Ok(Response::Snapshot { snapshot })) => {
            model.live = *snapshot;
            rows::rebuild(model);
        }
        (Request::Trend { meter, quantity, .. }, Ok(Response::Trend { trend })) => {
            model.trends.insert((meter, quantity), trend);
        }
        (Request::Chart { meter, quantity, span, columns }, Ok(Response::Chart { chart })) => {
            model.chart.failed = false;
            model.chart.shown = Some((ChartKey { meter, quantity, span, columns }, chart));
        }
        (Request::Record { .. }, Ok(Response::Recorded { record })) => record::taken(model, &record),
        (_, Ok(Response::Log { lines })) => model.log.merge(lines),
        (_, Ok(Response::Audit { changes: last, .. })) => {
            if let Some(Overlay::Changes { changes, .. }) = model.overlays.last_mut() {
                *changes = Some(last);
            }
        }
        (Request::Probe { device }, Ok(Response::Probed { device: live })) => probed(model, device, *live),
        (Request::Duplicates(asked), Ok(Response::Duplicates(answer)))
            if !matches!(asked, DuplicatesRequest::Statistics) =>
        {
            return duplicates::answered(model, asked, answer);
        }
        (request, Ok(Response::Alarms { alarms, .. })) => alarm_done(model, &request, alarms),
        (request, Err(error)) => return failed(model, &request, &error),
        (request, Ok(response)) => facts::answered(model, request, response),
    }
    Vec::new()
}

/// Asks the selected device now.
pub fn probe(model: &mut Model) -> Vec<Effect> {
    let Some(DeviceRow::Device(device)) = model.devices.selected().cloned() else {
        model.notice = Some(Notice { text: "Select a device to probe.".to_owned(), is_error: false });
        return Vec::new();
    };
    // One at a time: a held key must not fill the device's line.
    if model.is_service_gone() || !model.probing.insert(device.clone()) {
        return Vec::new();
    }
    vec![Effect::Ask(Request::Probe { device })]
}

fn probed(model: &mut Model, device: DeviceId, live: DeviceLive) {
    model.probing.remove(&device);
    let is_error = live.state == DeviceState::Offline;
    let text = match (&live.last_fault, live.round_trip) {
        (Some((_, fault)), _) if is_error => format!("{device}: {fault}. {}", fault.kind.advice()),
        (_, Some(round_trip)) => format!("{device} answered, usually within {} ms.", round_trip.as_millis().max(1)),
        _ => format!("{device} answered."),
    };
    model.notice = Some(Notice { text: crate::text::clean(&text), is_error });
    model.live.devices.insert(device, live);
}

fn alarm_done(model: &mut Model, request: &Request, alarms: Vec<AlarmLine>) {
    let text = match request {
        Request::Acknowledge { id, .. } => format!("{id} is acknowledged."),
        Request::Shelve { id, .. } => format!("{id} is shelved."),
        Request::Unshelve { id } => format!("{id} is back."),
        _ => String::new(),
    };
    model.notice = Some(Notice { text, is_error: false }).filter(|notice| !notice.text.is_empty());
    alarms::changed(model, alarms);
}

fn failed(model: &mut Model, request: &Request, error: &ServiceError) -> Vec<Effect> {
    match request {
        Request::Chart { .. } => {
            model.chart.failed = true;
            return Vec::new();
        }
        request if facts::is_asked_by_itself(request) => return Vec::new(),
        Request::Record { .. } if record::refused(model, error) => return Vec::new(),
        Request::Duplicates(asked) if duplicates::failed(model, asked, error) => return Vec::new(),
        Request::Probe { device } => _ = model.probing.remove(device),
        _ => {}
    }
    let text =
        [Some(error.message.as_str()), error.hint.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ");
    log_error(model, &text);
    model.notice = Some(Notice { text: crate::text::clean(&text), is_error: true });
    // What this person may do is not what it was.
    let is_refused = error.kind == ErrorKind::NotPermitted;
    let hello = Effect::Ask(Request::Hello { version: INTERFACE_VERSION });
    is_refused.then_some(hello).into_iter().filter(|_| !matches!(request, Request::Hello { .. })).collect()
}

/// A line of this terminal's own, after the last one of the service.
fn log_error(model: &mut Model, text: &str) {
    let sequence = model.log.lines.back().map_or(0, |line| line.sequence);
    let line = LogLine { sequence, at: model.now, level: LogLevel::Error, text: crate::text::clean(text) };
    model.log.push_own(line);
}

fn site_changed(model: &mut Model, site: Arc<Site>) {
    model.time_zone = TimeZone::get(&site.time_zone).unwrap_or(TimeZone::UTC);
    model.computed = Computed::of(&site);
    model.site = site;
    model.trends.clear();
    model.trends_asked.clear();
    if matches!(&model.screen, Screen::Meter(id) if !model.site.meters.contains_key(id)) {
        navigate::switch(model, Screen::Live);
    }
    let site = Arc::clone(&model.site);
    model.back.retain(|screen| !matches!(screen, Screen::Meter(id) if !site.meters.contains_key(id)));
    model.live.meters.retain(|id, _| site.meters.contains_key(id));
    model.live.devices.retain(|id, _| site.devices.contains_key(id));
    model.frozen = None;
    rows::rebuild(model);
    model.notice = Some(Notice { text: "The site file was reloaded.".to_owned(), is_error: false });
}
