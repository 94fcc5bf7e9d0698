//! What is wrong with a file: as data for programs, and drawn with the line itself for people.

use std::{cell::RefCell, cmp::Ordering, fmt, ops::Range, path::PathBuf, sync::Arc};

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde::Serialize;

use crate::text::clean;

/// Most problems that are kept; whoever has more starts with these.
pub const MAX_PROBLEMS: usize = 1000;

/// The text of a file, for pointing into it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Source {
    /// The file's name as it is shown.
    pub(super) name: String,
    /// The folder that relative paths start from.
    pub(super) folder: PathBuf,
    /// What it holds.
    pub(super) text: String,
}

/// A stretch of a file's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spot {
    /// The file.
    pub(super) source: Arc<Source>,
    /// Bytes of its text.
    pub(super) span: Range<usize>,
}

impl Spot {
    /// Line and column, both from 1; the column counts characters.
    fn position(&self) -> (usize, usize) {
        let start = self.span.start;
        let before = self.source.text.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        (before.matches('\n').count() + 1, column)
    }

    /// The first line of the stretch, and the stretch within it.
    fn line(&self) -> (&str, Range<usize>) {
        let text = &self.source.text;
        let line_start = text.get(..self.span.start).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
        let line = text.get(line_start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        let start = (self.span.start - line_start).min(line.len());
        let end = self.span.end.saturating_sub(line_start).clamp(start, line.len());
        (line, start..end)
    }

    /// The same stretch of a text that shows the file's lines without this stretch: what stands there is a secret.
    pub(super) fn veiled(&self) -> Self {
        let Self { source, span } = self.sound();
        let (before, rest) = source.text.split_at_checked(span.start).unwrap_or_default();
        let hidden = rest.get(span.len()..).unwrap_or_default();
        let text = format!("{before}{}{hidden}", "*".repeat(span.len()));
        Self { source: Arc::new(Source { name: source.name.clone(), folder: source.folder.clone(), text }), span }
    }

    /// The same stretch on whole characters and within the text.
    fn sound(&self) -> Self {
        let text = &self.source.text;
        let whole = |mut at: usize| {
            at = at.min(text.len());
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        let start = whole(self.span.start);
        Self { source: Arc::clone(&self.source), span: start..whole(self.span.end).max(start) }
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The file cannot be used.
    Error,
    /// It can, but this is hardly meant.
    Warning,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// The file.
    pub file: String,
    /// Line, from 1; `None` where the file as a whole is meant.
    pub line: Option<usize>,
    /// Column, from 1, in characters.
    pub column: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
    #[serde(skip)]
    label: Option<String>,
    #[serde(skip)]
    spot: Option<Spot>,
    #[serde(skip)]
    also: Option<(Spot, String)>,
}

impl Problem {
    /// An error at a place in a file.
    pub(super) fn error(spot: &Spot, message: impl AsRef<str>) -> Self {
        let spot = spot.sound();
        let (line, column) = spot.position();
        let mut problem = Self::of_file(&spot.source.name, message);
        (problem.line, problem.column, problem.spot) = (Some(line), Some(column), Some(spot));
        problem
    }

    /// A warning at a place in a file.
    pub(super) fn warning(spot: &Spot, message: impl AsRef<str>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(spot, message) }
    }

    /// An error of a file as a whole.
    pub(super) fn of_file(file: &str, message: impl AsRef<str>) -> Self {
        Self {
            severity: Severity::Error,
            file: clean(file),
            line: None,
            column: None,
            message: clean(message.as_ref()),
            help: None,
            label: None,
            spot: None,
            also: None,
        }
    }

    /// A few words under the place.
    #[must_use]
    pub(super) fn label(mut self, label: impl AsRef<str>) -> Self {
        self.label = Some(clean(label.as_ref()));
        self
    }

    /// What to write instead.
    #[must_use]
    pub(super) fn help(mut self, help: impl AsRef<str>) -> Self {
        self.help = Some(clean(help.as_ref()));
        self
    }

    /// Another place that has to do with it.
    #[must_use]
    pub(super) fn also(mut self, spot: &Spot, label: impl AsRef<str>) -> Self {
        self.also = Some((spot.sound(), clean(label.as_ref())));
        self
    }

    /// Drawn as the Rust compiler does: file, line, column, the line itself, what to write instead.
    pub fn render(&self, colour: bool) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut group = Group::with_title(level.primary_title(self.message.as_str()));
        if let Some(spot) = &self.spot {
            let (line, span) = spot.line();
            let mut annotation = AnnotationKind::Primary.span(span);
            if let Some(label) = &self.label {
                annotation = annotation.label(label.as_str());
            }
            let path = self.file.as_str();
            let snippet = Snippet::source(line).line_start(self.line.unwrap_or(1)).path(path).annotation(annotation);
            group = group.element(snippet);
        } else {
            group = group.element(annotate_snippets::Origin::path(self.file.as_str()));
        }
        if let Some((spot, label)) = &self.also {
            let ((line, span), (number, _)) = (spot.line(), spot.position());
            let annotation = AnnotationKind::Context.span(span).label(label.as_str());
            group = group.element(
                Snippet::source(line).line_start(number).path(spot.source.name.as_str()).annotation(annotation),
            );
        }
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        renderer.render(&[group])
    }

    fn order(&self, other: &Self) -> Ordering {
        let key = |problem: &Self| (problem.line, problem.column);
        key(self).cmp(&key(other))
    }
}

/// All that is wrong, at least one error among it, in file order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// The problems, in file order.
    pub fn as_slice(&self) -> &[Problem] {
        &self.0
    }

    /// How many of them are errors.
    pub fn errors(&self) -> usize {
        self.0.iter().filter(|problem| problem.severity == Severity::Error).count()
    }

    /// All of them, drawn one below the other.
    pub fn render(&self, colour: bool) -> String {
        self.0.iter().map(|problem| problem.render(colour) + "\n").collect::<Vec<_>>().join("\n")
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.render(false))
    }
}

impl std::error::Error for Problems {}

/// Where problems are collected while the walk goes on.
#[derive(Debug, Default)]
pub(super) struct Sink {
    found: RefCell<Vec<Problem>>,
}

impl Sink {
    /// Takes note of a problem; the same one twice is one.
    pub(super) fn add(&self, problem: Problem) {
        let mut found = self.found.borrow_mut();
        if found.len() < MAX_PROBLEMS && !found.contains(&problem) {
            found.push(problem);
        }
    }

    /// `value` with the warnings, or all problems, in the order of `files` and then of lines.
    pub(super) fn finish<T>(self, files: &[String], value: Option<T>) -> Result<(T, Vec<Problem>), Problems> {
        let mut found = self.found.into_inner();
        let rank = |problem: &Problem| files.iter().position(|file| clean(file) == problem.file).unwrap_or(usize::MAX);
        found.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| a.file.cmp(&b.file)).then_with(|| a.order(b)));
        match value {
            Some(value) if found.iter().all(|problem| problem.severity == Severity::Warning) => Ok((value, found)),
            _ if found.is_empty() => Err(Problem::of_file("", "the site file cannot be used").into()),
            _ => Err(Problems(found)),
        }
    }
}

/// The candidate that `word` was probably meant to be.
pub(super) fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    /// Edits that a typing error may have; a third of the word at most.
    const MAX_EDITS: usize = 3;
    let plain = |text: &str| text.to_lowercase().replace(['_', '-', '.', ' '], "");
    let word = plain(word);
    let allowed = (word.chars().count().max(3) / 3).min(MAX_EDITS);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, &plain(candidate)), candidate))
        .filter(|(edits, _)| *edits <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}
