//! What every part of a screen needs to draw itself.

use std::time::Duration;

use jiff::Timestamp;
use ratatui::{
    Frame,
    layout::{Alignment, Rect},
    style::Style,
    text::{Line, Span},
    widgets::{Block, Padding, Paragraph, Wrap},
};

use crate::{
    domain::{
        ids::MeterId,
        live::MeterLive,
        site::{Meter, Site},
        standing::{self, Standing},
    },
    tui::{format, glyph::Glyphs, model::Model, theme::Theme},
};

/// Theme, glyphs, and the moment that is shown.
#[derive(Debug, Clone, Copy)]
pub struct Look<'model> {
    /// The model.
    pub model: &'model Model,
    /// The site.
    pub site: &'model Site,
    /// Styles by role.
    pub theme: &'model Theme,
    /// Characters.
    pub glyphs: &'static Glyphs,
    /// The moment that is shown: that of the freeze while frozen, so that what is looked at stays as it was.
    pub now: Timestamp,
}

impl<'model> Look<'model> {
    /// As the model's options want it.
    pub fn of(model: &'model Model, theme: &'model Theme) -> Self {
        let now = model.frozen.as_ref().map_or(model.now, |frozen| frozen.at);
        Self { model, site: &model.site, theme, glyphs: Glyphs::of(model.options.ascii), now }
    }

    /// A meter and what is known of it.
    pub fn meter(&self, id: &MeterId) -> Option<(&'model Meter, Option<&'model MeterLive>)> {
        Some((self.site.meters.get(id)?, self.model.meter(id)))
    }

    /// How a meter stands at the moment that is shown.
    pub fn standing(&self, meter: &Meter) -> Standing {
        standing::standing(self.site, meter, self.model.shown(), self.now)
    }

    /// The time between two polls of a meter; for one that nothing reads the shortest there is, so that what is
    /// nevertheless known of it counts as old.
    pub fn every(&self, meter: &Meter) -> Duration {
        standing::interval(self.site, meter).unwrap_or_default()
    }

    /// How long ago something was.
    pub fn age(&self, at: Timestamp) -> Duration {
        Duration::try_from(self.now.duration_since(at)).unwrap_or_default()
    }

    /// A time on the site's clock: `14:02:31`, with the date where it is not of the last 18 hours.
    pub fn clock(&self, at: Timestamp) -> String {
        const SAME_DAY: Duration = Duration::from_hours(18);
        let form = if self.age(at) < SAME_DAY { "%H:%M:%S" } else { "%Y-%m-%d %H:%M" };
        at.to_zoned(self.model.time_zone.clone()).strftime(form).to_string()
    }

    /// `text` cut to `columns`, safe to draw.
    pub fn fit(&self, text: &str, columns: usize) -> String {
        format::fit(text, columns, self.glyphs.ellipsis)
    }

    /// A frame with a title; `state` stands at the right of the upper edge.
    pub fn frame(&self, title: Line<'model>, state: Option<Span<'model>>, has_focus: bool) -> Block<'model> {
        let style = if has_focus { self.theme.focus } else { self.theme.border };
        let block = Block::bordered().border_set(self.glyphs.border).border_style(style).title(title);
        match state {
            Some(state) => {
                block.title(Line::from(vec![Span::raw(" "), state, Span::raw(" ")]).alignment(Alignment::Right))
            }
            None => block,
        }
    }

    /// A frame around a part of a screen.
    pub fn section(&self, title: &str) -> Block<'model> {
        self.frame(Line::styled(format!(" {title} "), self.theme.title), None, false).padding(Padding::horizontal(1))
    }

    /// Says that there is nothing to see, and why.
    pub fn nothing(&self, frame: &mut Frame<'_>, area: Rect, reason: &str) {
        let lines = Paragraph::new(reason.to_owned()).style(self.theme.dim).wrap(Wrap { trim: true });
        frame.render_widget(lines, area);
    }

    /// Puts the terminal's own cursor on the selected row, for screen readers and magnifiers.
    pub fn point_at(&self, frame: &mut Frame<'_>, x: u16, y: u16) {
        if self.model.overlays.is_empty() && frame.area().contains((x, y).into()) {
            frame.set_cursor_position((x, y));
        }
    }

    /// A label and a text that matters to its last word: broken into as many lines as it takes.
    pub fn labelled(&self, label: &str, columns: usize, text: &str, width: usize, style: Style) -> Vec<Line<'static>> {
        let lines = format::wrap(&self.fit(text, usize::MAX), width.saturating_sub(columns).max(1));
        let labels = std::iter::once(label).chain(std::iter::repeat(""));
        let line = |(label, text): (&str, String)| {
            Line::from(vec![Span::styled(format::left(label, columns), self.theme.dim), Span::styled(text, style)])
        };
        labels.zip(lines).map(line).collect()
    }

    /// The style of a row.
    pub fn row_style(&self, is_selected: bool) -> Style {
        if is_selected { self.theme.selected } else { Style::new() }
    }
}
