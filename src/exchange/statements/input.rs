//! Files, folders and standard input, unpacked where they are gzip, with the SHA-256 of what was read.

use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use flate2::bufread::MultiGzDecoder;
use sha2::{Digest as _, Sha256};

/// Read from the disk at once.
const READ_BYTES: usize = 256 << 10;
/// Most bytes that a packed file may unpack to: more than any export, and an end to a file made to have none.
const MAX_UNPACKED_BYTES: u64 = 64 << 30;
/// How gzip begins.
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// Deepest nesting of folders that is looked into.
const MAX_FOLDERS: usize = 16;
/// What files with statements in them are called within a folder, before `.gz`.
const ENDINGS: [&str; 4] = ["json", "ndjson", "jsonl", "jsonlines"];

/// The files that are meant by paths: of a folder all JSON files within it, in the order of their names. `-` stays.
///
/// # Errors
/// The path that cannot be looked at, and why.
pub fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, (PathBuf, io::Error)> {
    let mut found = Vec::new();
    for path in paths {
        if path == Path::new("-") || !path.is_dir() {
            found.push(path.clone());
        } else {
            in_folder(path, &mut found, MAX_FOLDERS)?;
        }
    }
    Ok(found)
}

fn in_folder(folder: &Path, found: &mut Vec<PathBuf>, deeper: usize) -> Result<(), (PathBuf, io::Error)> {
    let at = |error| (folder.to_owned(), error);
    let mut entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>).map_err(at)?;
    entries.sort_by_key(fs::DirEntry::path);
    for entry in entries {
        let path = entry.path();
        if path.is_dir() {
            // Links may lead in a circle.
            if deeper > 0 && !path.is_symlink() {
                in_folder(&path, found, deeper - 1)?;
            }
        } else if ending(&path).is_some_and(|ending| ENDINGS.contains(&ending.as_str())) {
            found.push(path);
        }
    }
    Ok(())
}

/// What a file's name ends with, before `.gz`.
fn ending(path: &Path) -> Option<String> {
    let is_packed = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("gz"));
    let name = if is_packed { Path::new(path.file_stem()?) } else { path };
    Some(name.extension()?.to_str()?.to_ascii_lowercase())
}

/// Whether a file's name says that each of its lines is a document.
pub fn is_lines(path: &Path) -> bool {
    ending(path).is_some_and(|ending| ["ndjson", "jsonl", "jsonlines"].contains(&ending.as_str()))
}

/// What is read from a file, unpacked.
pub struct Input {
    reader: Box<dyn Read + Send>,
    counter: Counter,
}

/// How far a file has been read; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Counter(Arc<AtomicU64>);

impl Counter {
    /// Bytes that were read, as they are in the file.
    pub fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl std::fmt::Debug for Input {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Input").field("counter", &self.counter).finish_non_exhaustive()
    }
}

/// The SHA-256 of everything that went through, once it did.
#[derive(Debug, Clone, Default)]
pub struct Fingerprint(Arc<std::sync::Mutex<Option<String>>>);

impl Fingerprint {
    /// In hexadecimal; `None` before the end was reached.
    pub fn hex(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

/// Opens a file, or standard input for `-`.
///
/// # Errors
/// What the system says.
pub fn open(path: &Path) -> io::Result<(Input, Fingerprint)> {
    if path == Path::new("-") { of(io::stdin()) } else { of(File::open(path)?) }
}

/// Reads from what is given, as from a file.
///
/// # Errors
/// What the system says.
pub fn of(source: impl Read + Send + 'static) -> io::Result<(Input, Fingerprint)> {
    let (counter, fingerprint) = (Counter::default(), Fingerprint::default());
    let hashed = Hashed { source, hash: Sha256::new(), counter: counter.clone(), fingerprint: fingerprint.clone() };
    let mut buffered = BufReader::with_capacity(READ_BYTES, hashed);
    let is_packed = buffered.fill_buf()?.starts_with(&GZIP);
    let reader: Box<dyn Read + Send> = if is_packed {
        Box::new(Unpacked { from: MultiGzDecoder::new(buffered), bytes: 0 })
    } else {
        Box::new(buffered)
    };
    Ok((Input { reader, counter }, fingerprint))
}

impl Input {
    /// How far it has been read.
    pub fn counter(&self) -> Counter {
        self.counter.clone()
    }
}

impl Read for Input {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.reader.read(into)
    }
}

struct Unpacked<R> {
    from: MultiGzDecoder<R>,
    bytes: u64,
}

impl<R: BufRead> Read for Unpacked<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(into)?;
        self.bytes += read as u64;
        if self.bytes > MAX_UNPACKED_BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it unpacks to more than 64 GiB"));
        }
        Ok(read)
    }
}

/// Hashes what is read through it.
struct Hashed<R> {
    source: R,
    hash: Sha256,
    counter: Counter,
    fingerprint: Fingerprint,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(into)?;
        self.hash.update(into.get(..read).unwrap_or_default());
        self.counter.0.fetch_add(read as u64, Ordering::Relaxed);
        if read == 0 && !into.is_empty() {
            let hex = self.hash.clone().finalize().iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
            *self.fingerprint.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(hex);
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn packed_and_plain_read_the_same_and_are_hashed_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let text = "{\"a\": 1}\n".repeat(1000);
        let (plain, packed) = (folder.path().join("a.json"), folder.path().join("b.json.gz"));
        fs::write(&plain, &text).unwrap();
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        fs::write(&packed, encoder.finish().unwrap()).unwrap();
        let mut hashes = Vec::new();
        for path in [&plain, &packed] {
            let (mut input, fingerprint) = open(path).unwrap();
            let mut read = String::new();
            input.read_to_string(&mut read).unwrap();
            assert_eq!(read, text);
            assert_eq!(input.counter().bytes(), fs::metadata(path).unwrap().len());
            hashes.push(fingerprint.hex().unwrap());
        }
        assert_eq!(hashes[0].len(), 64);
        assert_ne!(hashes[0], hashes[1]);
        assert_eq!(files(&[folder.path().to_owned(), "-".into()]).unwrap(), [plain, packed, "-".into()]);
    }
}
