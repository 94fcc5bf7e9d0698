//! Which key means which action: the embedded defaults, and a person's own file over them.

use std::fmt::Write as _;
use std::{collections::BTreeMap, fmt, ops::Range};

use toml::Spanned;

use super::{
    actions::{Action, Scope},
    key::Key,
    model::Screen,
};

/// The default keys, as their own documentation.
pub const DEFAULT: &str = include_str!("../../config/keymap.toml");

/// Most keys of one action; a line of help has to hold them.
const MAX_KEYS_OF_ACTION: usize = 9;

/// How the documentation of the keys begins.
const DOCUMENT_HEAD: &str = "\
# Keys

Made from the table of actions by `METERDECK_UPDATE_DOCS=1 cargo test --test keys`. In the program `?` shows the keys of
the screen, and `:` finds an action by its name.

Keys are rebound in `$XDG_CONFIG_HOME/meterdeck/keymap.toml` (or `~/.config/meterdeck/keymap.toml`), by action:
`quit = [\"Q\"]`; an empty list unbinds. The defaults, as such a file: [`config/keymap.toml`](../config/keymap.toml).
While something is typed (a filter, `?`, `:`), Enter takes it, Esc closes, arrows move, and every other key is text.

| keys | action | where | what it does |
|---|---|---|---|
";

/// Which key means which action.
#[derive(Debug, Clone, PartialEq)]
pub struct Keymap {
    keys: BTreeMap<Action, Vec<Key>>,
}

/// Something wrong in a key file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeymapProblem {
    /// Where, in bytes of the file's text.
    pub span: Range<usize>,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do instead.
    pub hint: String,
}

impl fmt::Display for KeymapProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "line {}, column {}: {} {}", self.line, self.column, self.message, self.hint)
    }
}

/// Rows of a key file: an action's name, and its keys.
type Rows = BTreeMap<Spanned<String>, Spanned<Vec<Spanned<String>>>>;

impl Keymap {
    /// The default keys with those of a person's own file over them.
    ///
    /// # Errors
    /// Everything that is wrong in the file, in its order: unknown actions, what is no key, and clashes.
    pub fn load(own: Option<&str>) -> Result<Self, Vec<KeymapProblem>> {
        let mut keymap = Self { keys: BTreeMap::new() };
        keymap.take(DEFAULT)?;
        own.map_or(Ok(()), |text| keymap.take(text))?;
        Ok(keymap)
    }

    /// The action of a key on this screen.
    pub fn action(&self, key: Key, screen: &Screen) -> Option<Action> {
        let bound = |(action, keys): (&Action, &Vec<Key>)| keys.contains(&key).then_some(*action);
        self.keys.iter().filter(|(action, _)| action.has_keys_on(screen)).find_map(bound)
    }

    /// The keys of an action, the first one first to be shown.
    pub fn keys(&self, action: Action) -> &[Key] {
        self.keys.get(&action).map_or(&[], Vec::as_slice)
    }

    /// Which of an action's keys this is, from 0.
    pub fn place(&self, action: Action, key: Key) -> Option<usize> {
        self.keys(action).iter().position(|known| *known == key)
    }

    /// The keys of an action as text, for help and docs.
    pub fn keys_text(&self, action: Action) -> String {
        self.keys(action).iter().map(Key::to_string).collect::<Vec<_>>().join(" ")
    }

    /// All keys as a page of documentation, in Markdown.
    pub fn document(&self) -> String {
        let mut page = DOCUMENT_HEAD.to_owned();
        for action in Action::ALL {
            let keys: Vec<String> = self.keys(*action).iter().map(|key| format!("`{key}`")).collect();
            let scope = match (action.scope(), action.has_keys_on(&Screen::Duplicates)) {
                (Scope::Everywhere, false) => "everywhere but Duplicates",
                (scope, _) => scope.title(),
            };
            let (name, line) = (action.name(), action.line());
            let _ = writeln!(page, "| {} | `{name}` | {scope} | {line} |", keys.join(" "));
        }
        page
    }

    fn take(&mut self, text: &str) -> Result<(), Vec<KeymapProblem>> {
        let rows: Rows = toml::from_str(text).map_err(|error| {
            let span = error.span().unwrap_or_default();
            vec![problem(text, span, error.message(), "A line looks like: quit = [\"q\", \"ctrl-c\"]")]
        })?;
        let mut problems = Vec::new();
        let mut places = BTreeMap::new();
        for (name, keys) in &rows {
            match Action::parse(name.as_ref()) {
                Some(action) => {
                    places.insert(action, keys.span());
                    let keys = read_keys(text, keys, &mut problems);
                    self.keys.insert(action, keys);
                }
                None => problems.push(unknown_action(text, name)),
            }
        }
        problems.extend(self.clashes(text, &places));
        problems.sort_by_key(|problem| problem.span.start);
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// Keys that mean two things on one screen, each told once, where the file says so.
    fn clashes(&self, text: &str, places: &BTreeMap<Action, Range<usize>>) -> Vec<KeymapProblem> {
        let mut problems = Vec::new();
        for (index, (action, keys)) in self.keys.iter().enumerate() {
            for (other, other_keys) in self.keys.iter().skip(index + 1) {
                let Some(key) = keys.iter().find(|key| other_keys.contains(key)) else { continue };
                if !action.shares_screen_with(*other) {
                    continue;
                }
                let (here, there) = if places.contains_key(other) { (other, action) } else { (action, other) };
                let Some(span) = places.get(here) else { continue };
                problems.push(problem(
                    text,
                    span.clone(),
                    &format!("`{key}` means both `{}` and `{}`.", here.name(), there.name()),
                    &format!("Give `{}` another key, or none: {} = []", there.name(), there.name()),
                ));
            }
        }
        problems
    }
}

fn read_keys(text: &str, keys: &Spanned<Vec<Spanned<String>>>, problems: &mut Vec<KeymapProblem>) -> Vec<Key> {
    let mut read = Vec::new();
    for key in keys.as_ref() {
        match key.as_ref().parse() {
            Ok(key) => read.push(key),
            Err(error) => problems.push(problem(
                text,
                key.span(),
                &format!("{error}."),
                "A key is one character or a name such as enter, pgdn, f5, ctrl-x.",
            )),
        }
    }
    if read.len() > MAX_KEYS_OF_ACTION {
        let message = format!("More than {MAX_KEYS_OF_ACTION} keys for one action.");
        problems.push(problem(text, keys.span(), &message, "Leave some out."));
    }
    read
}

fn unknown_action(text: &str, name: &Spanned<String>) -> KeymapProblem {
    let nearest = Action::ALL.iter().map(|action| action.name()).max_by(|left, right| {
        strsim::jaro_winkler(left, name.as_ref()).total_cmp(&strsim::jaro_winkler(right, name.as_ref()))
    });
    let message = format!("There is no action `{}`.", crate::text::clean(name.as_ref()));
    problem(text, name.span(), &message, &format!("Did you mean `{}`?", nearest.unwrap_or_default()))
}

fn problem(text: &str, span: Range<usize>, message: &str, hint: &str) -> KeymapProblem {
    let before = text.get(..span.start).unwrap_or_default();
    KeymapProblem {
        span,
        line: before.matches('\n').count() + 1,
        column: before.rsplit('\n').next().unwrap_or_default().chars().count() + 1,
        message: message.to_owned(),
        hint: hint.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_load_and_every_action_has_a_key() {
        let keymap = Keymap::load(None).unwrap();
        for action in Action::ALL {
            assert!(!keymap.keys(*action).is_empty(), "{}", action.name());
        }
        let key = |text: &str| text.parse::<Key>().unwrap();
        assert_eq!(keymap.action(key("p"), &Screen::Devices), Some(Action::Probe));
        assert_eq!(keymap.action(key("p"), &Screen::Live), None);
        assert_eq!(keymap.action(key("k"), &Screen::Live), Some(Action::Up));
    }

    #[test]
    fn an_own_file_rebinds_and_unbinds() {
        let keymap = Keymap::load(Some("quit = [\"Q\"]\nmouse = []\n")).unwrap();
        assert_eq!(keymap.keys_text(Action::Quit), "Q");
        assert_eq!(keymap.action("q".parse().unwrap(), &Screen::Live), None);
        assert_eq!(keymap.action("M".parse().unwrap(), &Screen::Live), None);
        assert_eq!(keymap.keys_text(Action::Help), "?");
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place_and_a_hint() {
        for (text, line, column, message, hint) in [
            ("qit = [\"Q\"]", 1, 1, "no action `qit`", "`quit`"),
            ("\nquit = [\"Q\", \"hyper-q\"]", 2, 14, "`hyper-q` is no key", "ctrl-x"),
            ("quit = [\"s\"]", 1, 8, "`s` means both `quit` and `sort`", "sort = []"),
            ("quit = 3", 1, 8, "invalid type", "quit = ["),
            ("quit = [", 1, 9, "", "quit = ["),
        ] {
            let problems = Keymap::load(Some(text)).unwrap_err();
            let first = &problems[0];
            assert_eq!((first.line, first.column), (line, column), "{text}: {first}");
            assert!(first.message.contains(message), "{first}");
            assert!(first.hint.contains(hint), "{first}");
        }
    }

    #[test]
    fn one_key_may_mean_two_things_on_screens_that_differ() {
        assert!(Keymap::load(Some("probe = [\"s\"]")).is_ok(), "sort is of Live, probe of Devices");
    }
}
