//! What the layout promises: which room may use which, a pure core, files of a readable size.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot read the sources has nothing to say")]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Most lines of one source file, tests in it included.
const MAX_FILE_LINES: usize = 500;

/// For each room, the rooms that it may use beside itself and `domain` and `text`.
const ARROWS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("text", &[]),
    ("config", &[]),
    ("derive", &[]),
    ("device", &["config"]),
    ("store", &[]),
    ("exchange", &[]),
    ("dispatch", &["device", "store"]),
    ("poll", &["device", "derive", "store"]),
    ("service", &["poll", "dispatch", "store", "device", "derive", "config"]),
    ("tui", &["service", "config"]),
    ("cli", &["tui", "service", "config", "exchange", "poll", "device", "store", "derive"]),
];

/// What the pure core may not touch.
const IMPURE: &[&str] = &[
    "tokio",
    "ratatui",
    "crossterm",
    "rusqlite",
    "std::fs",
    "std::env",
    "std::net",
    "SystemTime",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
    "println!",
    "fastrand",
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    if !folder.exists() {
        return found;
    }
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files of a folder that ship: without those of test modules.
fn shipped(folder: &Path) -> Vec<PathBuf> {
    let is_test = |path: &PathBuf| path.iter().any(|part| part == "tests" || part == "tests.rs");
    sources(folder).into_iter().filter(|path| !is_test(path)).collect()
}

/// The part of a file that ships: without its test module, comments and docs.
fn code(text: &str) -> String {
    let shipped = text.split("#[cfg(test)]\nmod ").next().unwrap_or(text);
    shipped.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The room of a file under `src`: `poll/plan.rs` and `poll.rs` are both `poll`.
fn room(path: &Path) -> String {
    let inside = path.strip_prefix("src").unwrap();
    inside.components().next().unwrap().as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned()
}

/// The rooms that a file names as `crate::room`.
fn used_rooms(code: &str) -> Vec<String> {
    let mut used = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = code.get(at + "crate::".len()..).unwrap_or_default();
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut name = String::new();
            for character in group.chars() {
                match character {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => used.push(std::mem::take(&mut name)),
                    _ if depth == 0 => name.push(character),
                    _ => {}
                }
            }
            used.push(name);
        } else {
            used.push(rest.to_owned());
        }
    }
    used.iter()
        .map(|name| name.trim().chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect())
        .filter(|name: &String| !name.is_empty())
        .collect()
}

#[test]
fn rooms_use_only_what_the_layout_allows() {
    let mut wrong = Vec::new();
    for path in shipped(Path::new("src")) {
        let room = room(&path);
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| *name == room) else { continue };
        for used in used_rooms(&code(&read(&path))) {
            let known = ARROWS.iter().any(|(name, _)| *name == used);
            if known && used != room && used != "domain" && used != "text" && !allowed.contains(&used.as_str()) {
                wrong.push(format!("{} uses {used}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn views_see_only_the_model_and_the_domain() {
    for path in sources(Path::new("src/tui/view")).into_iter().chain(sources(Path::new("src/tui/widget"))) {
        let code = code(&read(&path));
        for outside in ["tokio", "crate::service::client", "crate::poll", "crate::device", "std::fs", "Timestamp::now"]
        {
            assert!(!code.contains(outside), "{} uses {outside}", path.display());
        }
    }
}

#[test]
fn the_core_is_pure() {
    for path in shipped(Path::new("src/domain")) {
        let code = code(&read(&path));
        for outside in IMPURE {
            assert!(!code.contains(outside), "{} uses {outside}", path.display());
        }
    }
}

#[test]
fn files_are_of_a_readable_size() {
    let long: Vec<String> = sources(Path::new("src"))
        .into_iter()
        .map(|path| (read(&path).lines().count(), path))
        .filter(|(lines, _)| *lines > MAX_FILE_LINES)
        .map(|(lines, path)| format!("{} has {lines} lines", path.display()))
        .collect();
    assert!(long.is_empty(), "split these by topic:\n{}", long.join("\n"));
}

#[test]
fn no_folder_has_a_mod_file() {
    for path in sources(Path::new("src")) {
        assert_ne!(path.file_name().unwrap(), "mod.rs", "{}", path.display());
    }
}
