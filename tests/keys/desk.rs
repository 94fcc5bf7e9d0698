//! The review desk by keys: what is asked, what is there at once, and what comes of a conflict.

use meterdeck::{
    domain::duplicate::{Choice, Decision, Standing, Usage, UsageUnit},
    service::{
        interface::{
            ErrorKind, Request, Response, ServiceError,
            duplicates::{DuplicatesRequest, DuplicatesResponse, GroupDetail},
        },
        roles::Role,
    },
    tui::{
        message::{Effect, Message},
        model::{DeskOverlay, Model, Overlay, Screen},
        session::Session,
        theme::Theme,
        update::update,
    },
};

use super::{desk, press, screen_text, site, start};

/// The same after a decision.
fn decided(mut detail: GroupDetail, who: &str, choice: Choice, version: u64) -> GroupDetail {
    let counted = if let Choice::Use { readings } = &choice { readings.clone() } else { Vec::new() };
    let value = if let Choice::Value { usage } = &choice { Some(usage.clone()) } else { None };
    detail.decisions.push(Decision {
        sequence: version,
        at: site::now(),
        who: who.to_owned(),
        kind: detail.group.finding.kind,
        members: detail.group.finding.members.clone(),
        choice,
        reason: "bill of the distributor".to_owned(),
        version: detail.group.finding.version,
    });
    detail.group.finding.standing = Standing::Decided { decision: version, counted, value };
    detail.group.finding.version = version;
    detail
}

fn at_desk(width: u16, height: u16) -> Model {
    let mut model = start(width, height);
    press(&mut model, "5");
    model.desk = desk::desk();
    model.facts.reviews = Some(desk::statistics());
    model
}

fn answer(model: &mut Model, asked: DuplicatesRequest, answer: DuplicatesResponse) -> Vec<Effect> {
    let (request, result) = (Request::Duplicates(asked), Ok(Response::Duplicates(answer)));
    update(model, site::now(), Message::Answered { request, result })
}

fn fail(model: &mut Model, asked: DuplicatesRequest, kind: ErrorKind, message: &str) -> Vec<Effect> {
    let result = Err(ServiceError { kind, message: message.to_owned(), hint: None });
    update(model, site::now(), Message::Answered { request: Request::Duplicates(asked), result })
}

/// The one request of these effects.
fn asked(effects: &[Effect]) -> DuplicatesRequest {
    match effects {
        [Effect::Ask(Request::Duplicates(request))] => request.clone(),
        other => panic!("{other:?}"),
    }
}

fn taken(request: &DuplicatesRequest, detail: GroupDetail, version: u64) -> DuplicatesResponse {
    let DuplicatesRequest::Decide { choice, .. } = request else { panic!("{request:?}") };
    DuplicatesResponse::Group { detail: Box::new(decided(detail, "me", choice.clone(), version)) }
}

fn details() -> Vec<GroupDetail> {
    desk::groups().into_iter().map(desk::detail).collect()
}

#[test]
fn one_key_and_a_reason_count_a_reading_and_the_next_group_is_there() {
    let mut model = at_desk(80, 24);
    let (groups, second) = (desk::groups(), desk::reading_id(2));
    assert_eq!(press(&mut model, "2"), []);
    assert!(screen_text(&model, &Theme::default()).contains("Count 50 kWh of Retail Co"));
    let request = asked(&press(&mut model, "down enter"));
    let expected = DuplicatesRequest::Decide {
        group: groups[0].finding.id,
        version: 0,
        choice: Choice::Use { readings: vec![second] },
        reason: "nearest to what was measured here".to_owned(),
    };
    assert_eq!(request, expected);
    let text = screen_text(&model, &Theme::default());
    assert!(text.contains("2023-02-01") && text.contains("41 kWh"), "the next one, without waiting: {text}");
    let response = taken(&request, details().remove(0), 9);
    let alike = asked(
        &answer(&mut model, request, response)
            .into_iter()
            .filter(|effect| matches!(effect, Effect::Ask(Request::Duplicates(DuplicatesRequest::Alike { .. }))))
            .collect::<Vec<_>>(),
    );
    assert_eq!(model.desk.queue.rows.len(), 4, "it is no longer open");
    assert_eq!(model.desk.selected(), Some(groups[1].finding.id));
    assert!(model.notice.as_ref().is_some_and(|notice| notice.text.contains("50 kWh counts")));
    answer(&mut model, alike, DuplicatesResponse::Alike { proposals: desk::proposals() });
    assert!(screen_text(&model, &Theme::default()).contains("1 alike a"));
}

#[test]
fn a_reason_and_a_value_are_typed_and_what_is_no_number_is_said() {
    let mut model = at_desk(80, 24);
    press(&mut model, "v x enter enter o k enter");
    assert!(screen_text(&model, &Theme::default()).contains("is not a number"));
    let request = asked(&press(&mut model, "tab backspace 4 7 . 5 enter enter enter"));
    let DuplicatesRequest::Decide { choice, reason, .. } = request else { panic!() };
    assert_eq!(choice, Choice::Value { usage: Usage::parse("47.5", UsageUnit::KWH).unwrap() });
    assert_eq!(reason, "ok");
    // The keys that change something are text while one types, and Esc decides nothing.
    assert_eq!(press(&mut model, "b s u esc"), []);
    assert!(model.overlays.is_empty());
}

#[test]
fn skip_and_undo_take_one_key_each() {
    let mut model = at_desk(80, 24);
    let ids: Vec<_> = desk::groups().iter().map(|group| group.finding.id).collect();
    let request = asked(&press(&mut model, "s"));
    assert!(matches!(&request, DuplicatesRequest::Decide { choice: Choice::Defer, reason, .. } if reason.is_empty()));
    assert_eq!(model.desk.selected(), Some(ids[1]));
    let response = taken(&request, details().remove(0), 3);
    answer(&mut model, request, response);
    let request = asked(&press(&mut model, "u"));
    assert!(matches!(request, DuplicatesRequest::Undo { group, version: Some(3), .. } if group == ids[0]));
    let mut open = details().remove(0);
    open.group.finding.version = 4;
    answer(&mut model, request, DuplicatesResponse::Group { detail: Box::new(open) });
    assert_eq!(model.desk.selected(), Some(ids[0]), "the group is there again");
    assert_eq!(press(&mut model, "u"), []);
    assert!(model.notice.as_ref().unwrap().text.contains("Nothing was decided here"));
}

#[test]
fn of_an_overlap_several_readings_count() {
    let mut model = at_desk(100, 30);
    press(&mut model, "down down down x 2");
    assert!(model.notice.as_ref().unwrap().text.contains("no usage"), "the second has none");
    let request = asked(&press(&mut model, "1 enter"));
    assert!(
        matches!(request, DuplicatesRequest::Decide { choice: Choice::Use { readings }, .. } if readings.len() == 1)
    );
}

#[test]
fn a_conflict_shows_the_other_decision_and_asks() {
    let mut model = at_desk(80, 24);
    let id = desk::groups()[0].finding.id;
    let request = asked(&press(&mut model, "1 enter"));
    let effects = fail(&mut model, request, ErrorKind::Conflict, "Bob decided meanwhile: use.");
    let show = DuplicatesRequest::Show { group: id };
    assert!(effects.contains(&Effect::Ask(Request::Duplicates(show.clone()))), "{effects:?}");
    let theirs = decided(details().remove(0), "bob", Choice::Use { readings: vec![desk::reading_id(2)] }, 12);
    answer(&mut model, show, DuplicatesResponse::Group { detail: Box::new(theirs) });
    let text = screen_text(&model, &Theme::default());
    assert!(text.contains("bob chose this reading") && text.contains("decide over it"), "{text}");
    let mut keeps = model.clone();
    assert_eq!(press(&mut keeps, "enter"), []);
    assert!(keeps.overlays.is_empty());
    let DuplicatesRequest::Decide { group, version, .. } = asked(&press(&mut model, "d")) else { panic!() };
    assert_eq!((group, version), (id, 12), "as of now");
}

#[test]
fn those_that_are_alike_are_listed_and_asked_about() {
    let mut model = at_desk(80, 24);
    assert_eq!(press(&mut model, "a"), []);
    assert!(model.notice.as_ref().unwrap().text.contains("Decide one group first"));
    let request = asked(&press(&mut model, "1 enter"));
    let response = taken(&request, details().remove(0), 1);
    answer(&mut model, request, response);
    let request = asked(&press(&mut model, "a"));
    assert_eq!(press(&mut model, "enter"), [], "nothing is decided that was not listed");
    answer(&mut model, request, DuplicatesResponse::Alike { proposals: desk::proposals() });
    assert!(screen_text(&model, &Theme::default()).contains("1 open group: decide them all the same way?"));
    let request = asked(&press(&mut model, "enter"));
    assert!(matches!(&request, DuplicatesRequest::DecideAlike { proposals, reason }
        if *proposals == desk::proposals() && reason == "bill of the distributor"));
    let left_out = vec![(desk::groups()[1].finding.id, "Bob decided meanwhile: use.".to_owned())];
    answer(&mut model, request, DuplicatesResponse::DecidedAlike { decided: 0, left_out });
    assert!(model.notice.as_ref().unwrap().text.contains("1 left out: Bob decided meanwhile"));
}

#[test]
fn statement_timeline_and_statistics_open_and_close() {
    let mut model = at_desk(80, 24);
    let request = asked(&press(&mut model, "o"));
    answer(&mut model, request, DuplicatesResponse::Document { document: Box::new(desk::document()) });
    assert!(screen_text(&model, &Theme::default()).contains("charges   GENERATION"));
    let request = asked(&press(&mut model, "esc t"));
    let readings: Vec<_> = desk::groups().into_iter().take(2).flat_map(|group| group.readings).collect();
    let findings = desk::groups().into_iter().take(2).map(|group| group.finding).collect();
    answer(&mut model, request, DuplicatesResponse::Timeline { meter: "123".to_owned(), readings, findings });
    assert!(screen_text(&model, &Theme::default()).contains("????"));
    press(&mut model, "+ right left = esc S");
    assert!(screen_text(&model, &Theme::default()).contains("resolved by rule"));
    press(&mut model, "esc");
    assert!(model.overlays.is_empty());
}

#[test]
fn who_may_only_look_is_offered_nothing_that_decides() {
    for by_role in [false, true] {
        let mut model = at_desk(160, 48);
        model.options.read_only = !by_role;
        model.service.role = by_role.then_some(Role::Viewer);
        for keys in ["1", "v", "b", "s", "u", "x", "a"] {
            assert_eq!(press(&mut model, keys), [], "{keys}");
            assert!(model.overlays.is_empty(), "{keys}");
        }
        let text = screen_text(&model, &Theme::default());
        assert!(!text.contains("count it") && !text.contains("skip") && text.contains("timeline"), "{text}");
        press(&mut model, "t");
        assert!(
            matches!(model.overlays.last(), Some(Overlay::Desk(desk)) if matches!(**desk, DeskOverlay::Timeline(_)))
        );
    }
}

#[test]
fn numbers_count_here_and_screens_are_reached_by_tab_and_name() {
    let mut model = at_desk(80, 24);
    press(&mut model, "7");
    assert_eq!(model.screen, Screen::Duplicates);
    assert!(model.notice.as_ref().unwrap().text.contains("There are 2 readings here."));
    press(&mut model, "?");
    let text = screen_text(&model, &Theme::default());
    assert!(text.contains("1 2 3 4 5 6 7 8 9") && !text.contains("Go to the Devices screen"), "{text}");
    press(&mut model, "esc : g o space t o space d e v i c e s enter");
    assert_eq!(model.screen, Screen::Devices);
    press(&mut model, "shift-tab shift-tab");
    assert_eq!(model.screen, Screen::Duplicates);
    press(&mut model, "tab");
    assert_eq!(model.screen, Screen::Alarms);
}

#[test]
fn a_queue_of_any_length_comes_in_pages_and_the_place_is_kept() {
    let mut model = start(80, 24);
    let template = desk::lines().remove(0);
    let line = |number: u64| {
        let mut line = template.clone();
        line.place.meter = number;
        line.place.group = format!("{number:024x}").parse().unwrap();
        line
    };
    let mut seen = Vec::new();
    let mut serve = |model: &mut Model, mut effects: Vec<Effect>| {
        while let Some(effect) = effects.pop() {
            let Effect::Ask(Request::Duplicates(request)) = effect else { continue };
            let DuplicatesRequest::Queue { from, backward, limit, .. } = &request else { continue };
            let (limit, all) = (u64::from(*limit), 100_000);
            let range = match (from, backward) {
                (None, false) => 0..limit,
                (None, true) => all - limit..all,
                (Some(from), false) => (0..all)
                    .find(|number| line(*number).place > *from)
                    .map_or(all..all, |first| first..(first + limit).min(all)),
                (Some(from), true) => from.meter.saturating_sub(limit)..from.meter,
            };
            let lines: Vec<_> = range.map(&line).collect();
            let next = lines.last().filter(|_| lines.len() as u64 == limit).map(|line| line.place);
            seen.push((from.map(|from| from.meter), *backward));
            effects.extend(answer(model, request, DuplicatesResponse::Queue { lines, next }));
        }
    };
    let effects = update(&mut model, site::now(), Message::Key(super::key_event("5")));
    serve(&mut model, effects);
    for _ in 0..1000 {
        let effects = update(&mut model, site::now(), Message::Key(super::key_event("down")));
        serve(&mut model, effects);
    }
    assert_eq!(model.desk.place().unwrap().meter, 1000);
    assert!(model.desk.queue.rows.len() <= 600 && model.desk.has_before && model.desk.has_after);
    for _ in 0..900 {
        let effects = update(&mut model, site::now(), Message::Key(super::key_event("up")));
        serve(&mut model, effects);
    }
    assert_eq!(model.desk.place().unwrap().meter, 100);
    for (key, meter) in [("G", 99_999), ("g", 0)] {
        let effects = update(&mut model, site::now(), Message::Key(super::key_event(key)));
        serve(&mut model, effects);
        assert_eq!(model.desk.place().unwrap().meter, meter);
    }
    for _ in 0..300 {
        let effects = update(&mut model, site::now(), Message::Key(super::key_event("down")));
        serve(&mut model, effects);
    }
    // The next time begins at the same line, with some before it.
    let folder = tempfile::tempdir().unwrap();
    Session::of(&model).save(&folder.path().join("session.json")).unwrap();
    let mut later = start(80, 24);
    Session::load(&folder.path().join("session.json")).unwrap().restore(&mut later);
    assert_eq!(later.screen, Screen::Duplicates);
    for _ in 0..3 {
        let effects = update(&mut later, site::now(), Message::Tick);
        serve(&mut later, effects);
    }
    assert_eq!(later.desk.place().unwrap().meter, 300);
    assert!(later.desk.queue.selected >= 60, "lines before it are there too");
    // Paged: a thousand steps took a handful of questions.
    assert!(seen.len() < 40, "{seen:?}");
}
