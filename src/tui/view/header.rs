//! The first line: which site, which screen, and what must not be overlooked.

use ratatui::{
    Frame,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use crate::{
    domain::live::DeviceState,
    tui::{
        format, layout,
        model::{Model, ServiceLink},
        theme::Theme,
    },
};

/// Draws the header.
pub fn draw(model: &Model, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    frame.buffer_mut().set_style(area, theme.header);
    let tabs = layout::tabs(model);
    let mut spans = vec![Span::styled(layout::site_name(model), theme.header.patch(theme.title)), Span::raw(" ")];
    let current = layout::current_tab(model);
    for tab in &tabs {
        let style = if tab.screen == current { theme.tab } else { theme.header };
        spans.push(Span::styled(tab.text.clone(), style));
    }
    let left = Line::from(spans);
    let used = left.width();
    frame.render_widget(left, area);
    let room = usize::from(area.width).saturating_sub(used + 1);
    let facts = fitting(facts(model, theme), room);
    frame.render_widget(Line::from(facts).right_aligned(), area);
}

/// A fact, and how much it matters: the least goes first where room is short.
struct Fact {
    text: String,
    style: Style,
    weight: u8,
}

/// The facts from left to right.
fn facts(model: &Model, theme: &Theme) -> Vec<Fact> {
    let fact = |weight, style, text: String| Fact { text: format!(" {text} "), style, weight };
    let mut facts = Vec::new();
    match &model.service.link {
        ServiceLink::Connected if model.service.in_process => {
            let text = if model.size.width < 100 { "polling here" } else { "polling from this terminal" };
            facts.push(fact(1, theme.header, text.to_owned()));
        }
        ServiceLink::Connected if model.service.rests => {
            facts.push(fact(8, theme.header.patch(theme.warning), "NOT POLLED".to_owned()));
        }
        ServiceLink::Connected => facts.push(fact(0, theme.header, "attached".to_owned())),
        ServiceLink::Connecting => facts.push(fact(4, theme.header.patch(theme.warning), "connecting".to_owned())),
        ServiceLink::Gone { since, .. } => {
            let age = model.now.duration_since(*since).try_into().unwrap_or_default();
            let retrying = if model.size.width < 130 { "" } else { ", looking for it" };
            let text = format!("SERVICE GONE {}{retrying}", format::age(age));
            facts.push(fact(9, theme.header.patch(theme.critical), text));
        }
    }
    let offline = model.shown().devices.values().filter(|device| device.state == DeviceState::Offline).count();
    if offline > 0 {
        let text = format!("{offline} not answering");
        facts.push(fact(5, theme.header.patch(theme.offline), text));
    }
    let unacknowledged = model.unacknowledged();
    if let Some((worst, _)) = unacknowledged.first() {
        let counts: Vec<_> =
            unacknowledged.iter().map(|(severity, count)| format!("{count} {}", severity.word())).collect();
        let style = theme.header.patch(super::alarms::severity_style(theme, *worst));
        // Where all do not fit, the worst has to.
        let text = if model.size.width < 120 { counts.first().cloned().unwrap_or_default() } else { counts.join(", ") };
        facts.push(fact(7, style, format!("! {text}")));
    }
    if model.log.unseen_errors > 0 {
        let text = format!("! {} in log", model.log.unseen_errors);
        facts.push(fact(6, theme.header.patch(theme.critical), text));
    }
    if let Some(frozen) = &model.frozen {
        let time = frozen.at.to_zoned(model.time_zone.clone());
        facts.push(fact(8, theme.header.patch(theme.warning), format!("FROZEN {}", time.strftime("%H:%M:%S"))));
    }
    let clock = model.now.to_zoned(model.time_zone.clone());
    facts.push(fact(3, theme.header, clock.strftime("%H:%M").to_string()));
    facts
}

/// The facts that fit into `room` columns: the weightiest, in their order.
fn fitting(mut facts: Vec<Fact>, room: usize) -> Vec<Span<'static>> {
    while facts.iter().map(|fact| format::width(&fact.text)).sum::<usize>() > room {
        let Some(least) = facts.iter().enumerate().min_by_key(|(_, fact)| fact.weight).map(|(index, _)| index) else {
            break;
        };
        facts.remove(least);
    }
    facts.into_iter().map(|fact| Span::styled(fact.text, fact.style)).collect()
}
