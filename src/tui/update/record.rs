//! Recording something about a meter: the form's keys, and what came of it.

use crossterm::event::{KeyCode, KeyEvent};

use crate::{
    domain::record::Record,
    service::interface::{Request, ServiceError},
    tui::{
        message::Effect,
        model::{Model, Notice, Overlay, RecordForm, Screen},
        update::overlay,
    },
};

/// Opens an empty form for the meter on screen.
pub fn open(model: &mut Model) {
    let Screen::Meter(id) = &model.screen else { return };
    let Some(meter) = model.site.meters.get(id) else { return };
    let form = RecordForm::new(meter, model.live.statuses.of(meter), model.now, &model.time_zone);
    overlay::open(model, Overlay::Record(Box::new(form)));
}

/// A key that means something in a form only; false for the others.
pub fn key(form: &mut RecordForm, event: KeyEvent) -> bool {
    match event.code {
        KeyCode::Tab => form.next(true),
        KeyCode::BackTab => form.next(false),
        KeyCode::Left => return form.choose(false),
        KeyCode::Right => return form.choose(true),
        _ => return false,
    }
    true
}

/// Sends the form on top; it stays until the service has taken it.
pub fn send(model: &mut Model) -> Vec<Effect> {
    let zone = model.time_zone.clone();
    let Some(Overlay::Record(form)) = model.overlays.last_mut() else { return Vec::new() };
    if form.is_sent {
        return Vec::new();
    }
    match form.entry(&zone) {
        Ok((entry, force)) => {
            form.refused = None;
            form.is_sent = true;
            vec![Effect::Ask(Request::Record { meter: form.meter.clone(), entry, force })]
        }
        Err(why) => {
            form.refused = Some(why);
            Vec::new()
        }
    }
}

/// It was taken: the form goes, and the meter is asked for again.
pub fn taken(model: &mut Model, record: &Record) {
    model.overlays.retain(|overlay| !matches!(overlay, Overlay::Record(form) if form.is_sent));
    model.facts.forget(&record.meter);
    let text = format!("Recorded: {} {}", record.entry.word(), record.entry.describe());
    model.notice = Some(Notice { text: crate::text::clean(&text), is_error: false });
}

/// It was refused: the form says why; false where it has gone meanwhile.
pub fn refused(model: &mut Model, error: &ServiceError) -> bool {
    // The hint of commands names their option; here it is a field.
    let hint = error.hint.as_deref().map(|hint| hint.replace("--force records", "`implausible: keep` records"));
    let words = [Some(error.message.as_str()), hint.as_deref()];
    let words = words.into_iter().flatten().collect::<Vec<_>>().join(" ");
    for overlay in &mut model.overlays {
        if let Overlay::Record(form) = overlay {
            form.is_sent = false;
            form.refused = Some(crate::text::clean(&words));
            return true;
        }
    }
    false
}
