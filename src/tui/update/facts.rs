//! When energy, costs, records and PUE are asked for: while a screen shows them, about once a minute.

use jiff::SignedDuration;

use crate::{
    service::interface::{
        Request, Response,
        duplicates::{DuplicatesRequest, DuplicatesResponse},
    },
    tui::{
        message::Effect,
        model::{Fact, Model, Screen},
    },
};

/// How often energy, costs and records are asked for: sums of a day do not move faster for the eye.
pub const REFRESH: SignedDuration = SignedDuration::from_secs(60);
/// How often the PUE is asked for.
const REFRESH_PUE: SignedDuration = SignedDuration::from_secs(10);

/// Asks for what the screen shows and is old or not there. Nothing while frozen.
pub fn wanted(model: &mut Model) -> Vec<Effect> {
    if model.frozen.is_some() || model.is_service_gone() {
        return Vec::new();
    }
    let facts = match &model.screen {
        Screen::Overview => vec![Fact::Meters, Fact::Pue, Fact::Reviews],
        Screen::Duplicates => vec![Fact::Reviews],
        Screen::Live => vec![Fact::Meters],
        Screen::Meter(id) => vec![Fact::Meter(id.clone()), Fact::Records(id.clone())],
        Screen::Site | Screen::Alarms | Screen::Devices => Vec::new(),
    };
    let mut effects = Vec::new();
    for fact in facts {
        let rest = if fact == Fact::Pue { REFRESH_PUE } else { REFRESH };
        if model.facts.asked.get(&fact).is_some_and(|at| model.now.duration_since(*at) < rest) {
            continue;
        }
        effects.push(Effect::Ask(match &fact {
            Fact::Meters => Request::Meters { id: None, at: None },
            Fact::Meter(id) => Request::Meters { id: Some(id.clone()), at: None },
            Fact::Records(meter) => Request::Records { meter: meter.clone() },
            Fact::Pue => Request::Pue { building: None, span: None },
            Fact::Reviews => Request::Duplicates(DuplicatesRequest::Statistics),
        }));
        model.facts.asked.insert(fact, model.now);
    }
    effects
}

/// Whether a request is one that the program makes by itself, again and again: nobody waits for its answer, and what it
/// fails of stays unknown on screen, which is the truth.
pub fn is_asked_by_itself(request: &Request) -> bool {
    matches!(
        request,
        Request::Trend { .. }
            | Request::Meters { .. }
            | Request::Records { .. }
            | Request::Pue { .. }
            | Request::Duplicates(DuplicatesRequest::Statistics)
    )
}

/// Takes over an answer.
pub fn answered(model: &mut Model, request: Request, response: Response) {
    match (request, response) {
        (_, Response::Meters { meters }) => {
            let known = meters.into_iter().filter_map(|meter| Some((meter.id.parse().ok()?, meter)));
            model.facts.meters.extend(known);
        }
        (Request::Records { meter }, Response::Records { records }) => model.facts.records = Some((meter, records)),
        (_, Response::Pue { pue }) => model.facts.pue = Some(pue),
        (_, Response::Duplicates(DuplicatesResponse::Statistics { statistics })) => {
            model.facts.reviews = Some(statistics);
        }
        _ => {}
    }
}
