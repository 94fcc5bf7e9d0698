//! The site file and the files that it includes, merged into one tree.

use std::{
    collections::{BTreeSet, VecDeque},
    fs,
    io::Read as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    fields::Fields,
    problems::{Problem, Sink, Source, Spot},
    schema::{self, Kind},
    tree::{self, Entry, Table, Value},
};

/// Most files of one site; a pattern that matches more is hardly meant.
const MAX_FILES: usize = 256;
/// Largest file: some ten thousand meters.
const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// All files of a site.
#[derive(Debug)]
pub(super) struct Files {
    /// Everything that they say, under one roof.
    pub(super) merged: Table,
    /// The start of the site file, where what is missing is reported.
    pub(super) start: Spot,
    /// The files in the order in which they were read, the site file first.
    pub(super) paths: Vec<PathBuf>,
    /// Whether all files could be read. If not, what is missing may be in one that could not, and is not reported.
    pub(super) complete: bool,
}

impl Files {
    /// A site file that is not on disk and includes nothing.
    pub(super) fn of_text(name: &str, text: &str, sink: &Sink) -> Option<Self> {
        let source = Arc::new(Source { name: name.to_owned(), folder: PathBuf::new(), text: text.to_owned() });
        let mut files = Self::new(&source);
        let table = tree::parse(&source, sink)?;
        if let Some(entry) = table.get("include") {
            sink.add(Problem::error(&entry.spot, "this file cannot include others").help("leave [include] out"));
        }
        files.merge(table, sink);
        Some(files)
    }

    /// The site file at `path` and all that it includes; `None` where the site file cannot be read.
    pub(super) fn read(path: &Path, sink: &Sink) -> Option<Self> {
        let source = read_source(path, sink, None)?;
        let mut files = Self::new(&source);
        let mut seen = BTreeSet::from([identity(path)]);
        let mut waiting = VecDeque::from([(path.to_owned(), source)]);
        while let Some((path, source)) = waiting.pop_front() {
            files.paths.push(path);
            let Some(table) = tree::parse(&source, sink) else {
                files.complete = false;
                continue;
            };
            for (path, spot) in included(&table, sink) {
                if !seen.insert(identity(&path)) {
                    continue;
                }
                if seen.len() > MAX_FILES {
                    let problem = Problem::error(&spot, format!("a site has at most {MAX_FILES} files"));
                    sink.add(problem.help("name fewer files, or merge some"));
                    break;
                }
                match read_source(&path, sink, Some(&spot)) {
                    Some(source) => waiting.push_back((path, source)),
                    None => files.complete = false,
                }
            }
            files.merge(table, sink);
        }
        Some(files)
    }

    fn new(source: &Arc<Source>) -> Self {
        let start = Spot { source: Arc::clone(source), span: 0..0 };
        Self { merged: Table::default(), start, paths: Vec::new(), complete: true }
    }

    /// Adds a file's tables; what is already there is an error that names both places.
    fn merge(&mut self, table: Table, sink: &Sink) {
        for entry in table.entries.into_iter().filter(|entry| entry.key != "include") {
            let by_id = matches!(schema::site::FILE.key(&entry.key), Some(key) if matches!(key.kind, Kind::TableOf(_) | Kind::FreeTables));
            let present = self.merged.entries.iter_mut().find(|present| present.key == entry.key);
            match present {
                None => self.merged.entries.push(entry),
                Some(present) if by_id => merge_ids(present, entry, sink),
                Some(present) => sink.add(twice(&entry, present, &format!("[{}]", entry.key))),
            }
        }
    }
}

fn merge_ids(present: &mut Entry, entry: Entry, sink: &Sink) {
    let (Value::Table(all), Value::Table(more)) = (&mut present.node.value, entry.node.value) else {
        let problem = Problem::error(&entry.spot, format!("`{}` should be a table in every file", entry.key));
        sink.add(problem.also(&present.spot, "here too").help(format!("write [{}.some-id]", entry.key)));
        return;
    };
    for one in more.entries {
        match all.get(&one.key) {
            Some(first) => sink.add(twice(&one, first, &format!("{} `{}`", entry.key, one.key))),
            None => all.entries.push(one),
        }
    }
}

fn twice(second: &Entry, first: &Entry, what: &str) -> Problem {
    Problem::error(&second.spot, format!("{what} is defined twice"))
        .label("here again")
        .also(&first.spot, "first defined here")
        .help("remove one of the two, or give it another id")
}

/// The files that a file names, with the place where it does.
fn included(table: &Table, sink: &Sink) -> Vec<(PathBuf, Spot)> {
    let file = Table { entries: table.entries.iter().filter(|entry| entry.key == "include").cloned().collect() };
    let Some(Entry { spot, .. }) = file.entries.first() else { return Vec::new() };
    let fields = Fields::new(sink, &file, spot, "the file", &schema::site::FILE);
    let patterns = fields.table("include").map(|include| include.texts("files")).unwrap_or_default();
    patterns.iter().flat_map(|pattern| matches(&pattern.value, &pattern.spot, sink)).collect()
}

/// The files that match a pattern, in order of name.
fn matches(pattern: &str, spot: &Spot, sink: &Sink) -> Vec<(PathBuf, Spot)> {
    if !pattern.contains(['*', '?', '[']) {
        return vec![(spot.source.folder.join(pattern), spot.clone())];
    }
    let folder = glob::Pattern::escape(&spot.source.folder.to_string_lossy());
    let whole = Path::new(&folder).join(pattern);
    let found = if pattern.contains("**") { None } else { glob::glob(&whole.to_string_lossy()).ok() };
    let Some(found) = found else {
        let problem = Problem::error(spot, format!("`{pattern}` is not a file pattern"));
        sink.add(
            problem.help("write a file name in which * and ? stand for other characters, such as \"meters.d/*.toml\""),
        );
        return Vec::new();
    };
    // One more than may be, so that too many are noticed.
    found.filter_map(Result::ok).take(MAX_FILES + 1).map(|path| (path, spot.clone())).collect()
}

/// The file itself, whatever the name that it goes by.
fn identity(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// The text of a file; why it cannot be had is reported where it is named.
pub(super) fn read_source(path: &Path, sink: &Sink, named: Option<&Spot>) -> Option<Arc<Source>> {
    let name = path.display().to_string();
    let mut bytes = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes));
    let text = match read {
        Err(error) => Err(format!("cannot read {name}: {error}")),
        Ok(length) if length as u64 > MAX_FILE_BYTES => Err(format!("{name} is larger than 4 MiB")),
        Ok(_) => String::from_utf8(bytes).map_err(|_| format!("{name} is not UTF-8 text")),
    };
    match text {
        Ok(text) => {
            let folder = path.parent().unwrap_or(Path::new("")).to_owned();
            Some(Arc::new(Source { name, folder, text }))
        }
        Err(message) => {
            sink.add(match named {
                Some(spot) => {
                    Problem::error(spot, &message).help("a relative name starts from the folder of this file")
                }
                None => Problem::of_file(&name, &message),
            });
            None
        }
    }
}
