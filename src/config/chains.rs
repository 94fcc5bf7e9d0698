//! How meters depend on each other: who feeds whom, and which formula needs which meter.

use std::collections::BTreeMap;

use super::{
    cycles,
    meters::Draft,
    problems::{Problem, Sink, Spot, closest},
};
use crate::domain::{
    formula::{self, Formula, FormulaError, Scope},
    ids::MeterId,
};

type Meters<'a> = BTreeMap<MeterId, Draft<'a>>;

/// Records circles of feeds.
pub(super) fn check_feeds(meters: &Meters<'_>, sink: &Sink) {
    let edges = meters.iter().map(|(id, draft)| (id, draft.fed_by.iter().map(|feed| &feed.value).collect())).collect();
    for circle in cycles::find(&edges) {
        let Some(draft) = circle.first().and_then(|first| meters.get(*first)) else { continue };
        let message = format!("meters feed each other in a circle: {}", cycles::print(&circle));
        let problem = Problem::error(&draft.fields.spot("fed_by"), message);
        sink.add(problem.help("`fed_by` names the meters above: remove the one that is below"));
    }
}

/// Checks the form of formulas alone, where not all meters are known.
pub(super) fn check_syntax(meters: &Meters<'_>) {
    for draft in meters.values() {
        let Some(text) = &draft.meter.formula else { continue };
        if let Err(error) = formula::parse(text) {
            report(draft, text, &error, &Scope::default());
        }
    }
}

/// Checks the formulas: their form, their names and units, and that none needs itself.
pub(super) fn check_formulas(meters: &Meters<'_>, sink: &Sink) {
    let scope = Scope::new(meters.iter().map(|(id, draft)| (id, draft.meter.tags.as_slice())));
    let mut formulas: BTreeMap<&MeterId, Formula> = BTreeMap::new();
    for (id, draft) in meters {
        let Some(text) = &draft.meter.formula else { continue };
        match Formula::compile(text, &scope) {
            Ok(formula) => {
                formulas.insert(id, formula);
            }
            Err(errors) => errors.iter().for_each(|error| report(draft, text, error, &scope)),
        }
    }
    let edges = formulas.iter().map(|(id, formula)| (*id, formula.inputs().collect())).collect();
    for circle in cycles::find(&edges) {
        let Some(draft) = circle.first().and_then(|first| meters.get(*first)) else { continue };
        let message = format!("formulas need each other in a circle: {}", cycles::print(&circle));
        let problem = Problem::error(&draft.fields.spot("formula"), message);
        sink.add(
            problem
                .help("a virtual meter follows from others, never from itself; mind its tags where sum(\"…\") is used"),
        );
    }
}

fn report(draft: &Draft<'_>, text: &str, error: &FormulaError, scope: &Scope) {
    let fragment = text.get(error.span.clone()).unwrap_or_default();
    let known = || scope.names().chain(scope.tags());
    let meant = if error.message.starts_with("there is no meter") { closest(fragment, known()) } else { None };
    let help = match meant {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => error.help.clone(),
    };
    let spot = within(&draft.fields.spot("formula"), text, error);
    draft.fields.sink.add(Problem::error(&spot, &error.message).help(help));
}

/// The place of the error in the file; the whole formula where escapes hide it.
fn within(spot: &Spot, text: &str, error: &FormulaError) -> Spot {
    let written = spot.source.text.get(spot.span.clone()).unwrap_or_default();
    match written.find(text) {
        Some(offset) => {
            let start = spot.span.start + offset;
            Spot { source: spot.source.clone(), span: start + error.span.start..start + error.span.end }
        }
        None => spot.clone(),
    }
}
