//! What may go wrong with the file.

use std::os::unix::fs::PermissionsExt;

use super::*;

fn fill(store: &Store, keys: &[SeriesKey], seconds: i64) {
    for second in 0..seconds {
        let samples = keys.iter().map(|key| good(*key, START_MS + second * 1000, second * 3)).collect();
        store.append(samples).unwrap().wait().unwrap();
    }
}

#[test]
fn a_damaged_file_is_put_aside_untouched() {
    let dir = TempDir::new().unwrap();
    let (store, keys) = open(dir.path(), 1);
    fill(&store, &keys, 20);
    drop(store);
    let path = dir.path().join("meterdeck.db");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[4096..middle].fill(0x5a);
    fs::write(&path, &bytes).unwrap();
    let (store, opened) = Store::open(dir.path()).unwrap();
    let Opened::Damaged { copy, reason } = opened else { panic!("{opened:?}") };
    assert!(!reason.is_empty());
    assert_eq!(fs::read(&copy).unwrap(), bytes);
    assert_eq!(store.health().put_aside, Some(copy));
    let keys = store.declare(vec![spec(0, &Quantity::CurrentKw)]).unwrap();
    fill(&store, &keys, 5);
    assert_eq!(all(&store, keys[0]).len(), 5);
}

#[test]
fn no_database_at_all_is_put_aside_too() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("meterdeck.db"), vec![7; 10_000]).unwrap();
    let (_, opened) = Store::open(dir.path()).unwrap();
    assert!(matches!(opened, Opened::Damaged { .. }), "{opened:?}");
}

#[test]
fn newer_and_foreign_files_are_refused_and_left_alone() {
    let dir = TempDir::new().unwrap();
    let (store, keys) = open(dir.path(), 1);
    fill(&store, &keys, 2);
    drop(store);
    let path = dir.path().join("meterdeck.db");
    let set = |pragma: &str, value: i64| {
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection.pragma_update(None, pragma, value).unwrap();
    };
    set("user_version", 999);
    let before = fs::read(&path).unwrap();
    assert!(matches!(Store::open(dir.path()), Err(StoreError::Newer { found: 999, .. })));
    set("user_version", 1);
    set("application_id", 42);
    assert!(matches!(Store::open(dir.path()), Err(StoreError::Foreign(_))));
    assert_eq!(fs::read(&path).unwrap().len(), before.len());
}

#[test]
fn files_are_for_the_owner_alone() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("meterdeck.db"), b"").unwrap();
    fs::set_permissions(dir.path().join("meterdeck.db"), fs::Permissions::from_mode(0o666)).unwrap();
    let (store, keys) = open(dir.path(), 1);
    fill(&store, &keys, 2);
    store.backup(&dir.path().join("copy.db")).unwrap();
    for entry in fs::read_dir(dir.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
    }
}

#[test]
fn a_flipped_bit_takes_its_own_chunk_and_no_other() {
    let dir = TempDir::new().unwrap();
    let (store, keys) = open(dir.path(), 2);
    for hour in 0..3 {
        let rows = (0..600_i64).flat_map(|step| {
            keys.iter().map(move |key| Row {
                line: 1,
                sample: good(*key, START_MS + hour * 3_600_000 + step * 6000, step % 40),
            })
        });
        store.merge(rows, false).unwrap();
    }
    let id: i64 = store
        .read(|connection| {
            connection.query_row("SELECT id FROM cold ORDER BY id LIMIT 1 OFFSET 1", [], |row| row.get(0))
        })
        .unwrap();
    store
        .write(move |transaction| {
            let mut body: Vec<u8> =
                transaction.query_row("SELECT body FROM cold WHERE id = ?1", [id], |row| row.get(0))?;
            let middle = body.len() / 2;
            body[middle] ^= 16;
            transaction.execute("UPDATE cold SET body = ?2 WHERE id = ?1", (id, body))
        })
        .unwrap();
    let samples = store.samples(keys[0], 0, i64::MAX, usize::MAX).unwrap();
    assert_eq!((samples.points.len(), samples.damaged_blocks), (1200, 1));
    assert!(samples.points.iter().all(|point| (point.at_ms - START_MS) / 3_600_000 != 1));
    let other = store.samples(keys[4], 0, i64::MAX, usize::MAX).unwrap();
    assert_eq!((other.points.len(), other.damaged_blocks), (1800, 0));
    assert_eq!(store.health().damaged_blocks, 1);
    let late = Row { line: 3, sample: good(keys[0], START_MS + 3_600_001, 1) };
    assert_eq!(store.merge([late], true).unwrap().rejected, [(3, Rejection::Damaged)]);
}

#[test]
fn a_file_that_is_damaged_while_in_use_is_put_aside_and_nothing_newer_lost() {
    let dir = TempDir::new().unwrap();
    let (store, keys) = open(dir.path(), 1);
    fill(&store, &keys, 50);
    let sabotage = "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET rootpage = 999999 WHERE name = 'hot';
                    PRAGMA writable_schema = RESET";
    // The damage is noticed at once or with the next batch.
    let _ = store.write(|transaction| transaction.execute_batch(sabotage));
    fill(&store, &keys, 60);
    let aside = store.health().put_aside.unwrap();
    assert!(fs::metadata(aside).unwrap().len() > 0);
    assert_eq!(all(&store, keys[0]).len(), 60);
    assert_eq!(store.health().saving, Saving::Works);
    drop(store);
    let (store, _) = Store::open(dir.path()).unwrap();
    assert_eq!(all(&store, keys[0]).len(), 60);
}

/// A file system of 4 MiB, if this process may mount one.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let dir = TempDir::new().unwrap();
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"])
            .arg(dir.path())
            .output()
            .is_ok_and(|output| output.status.success());
        mounted.then_some(Self(dir))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(self.0.path()).output();
    }
}

#[test]
fn f43_a_full_disk_makes_batches_wait_and_loses_none() {
    let Some(disk) = SmallDisk::mount() else {
        eprintln!("SKIPPED: mounting a small file system needs root");
        return;
    };
    let (store, keys) = open(disk.0.path(), 2);
    fill(&store, &keys, 20);
    let ballast = disk.0.path().join("ballast");
    let mut filler = fs::File::create(&ballast).unwrap();
    while std::io::Write::write_all(&mut filler, &[0; 4096]).is_ok() {}
    drop(filler);

    let mut receipts = Vec::new();
    for second in 20..2000 {
        let samples = keys.iter().map(|key| good(*key, START_MS + second * 1000, second * 3)).collect();
        match store.append(samples) {
            Ok(receipt) => receipts.push(receipt),
            Err(StoreError::Full) => break,
            Err(error) => panic!("{error}"),
        }
        if matches!(store.health().saving, Saving::Fails { .. }) && receipts.len() > 100 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    let health = store.health();
    let Saving::Fails { reason, .. } = &health.saving else { panic!("{health:?}") };
    assert!(reason.contains("full"), "{reason}");
    assert!(health.buffered_bytes > 0);
    fs::remove_file(&ballast).unwrap();
    let count = 20 + receipts.len();
    let kept: u64 = receipts.into_iter().map(|receipt| receipt.wait().unwrap().new).sum();
    assert_eq!(kept, (count as u64 - 20) * keys.len() as u64);
    assert_eq!(store.health().saving, Saving::Works);
    assert_eq!(store.health().buffered_bytes, 0);
    drop(store);
    assert_sound(disk.0.path());
    let (store, _) = Store::open(disk.0.path()).unwrap();
    for key in keys {
        assert_eq!(all(&store, key).len(), count);
    }
}

/// Runs a command of the system; whether it did.
fn is_done(command: &[&str], path: &Path) -> bool {
    let [program, arguments @ ..] = command else { return false };
    std::process::Command::new(program).args(arguments).arg(path).output().is_ok_and(|output| output.status.success())
}

/// A file system with a journal, in a file on a small one that is full before: what is written goes into memory, and
/// syncing it fails.
struct FailingDisk {
    place: TempDir,
    below: SmallDisk,
}

impl FailingDisk {
    fn mount() -> Option<Self> {
        let below = SmallDisk::mount()?;
        let image = below.0.path().join("image");
        fs::File::create(&image).unwrap().set_len(64 << 20).unwrap();
        let disk = Self { place: TempDir::new().unwrap(), below };
        is_done(&["mkfs.ext4", "-q", "-b", "1024", "-E", "lazy_itable_init=1,lazy_journal_init=1"], &image)
            .then_some(())?;
        disk.is_mounted_again().then_some(disk)
    }

    fn is_mounted_again(&self) -> bool {
        let image = self.below.0.path().join("image");
        is_done(&["mount", "-o", "loop", &image.to_string_lossy()], self.place.path())
    }

    fn unmount(&self) -> bool {
        is_done(&["umount"], self.place.path())
    }
}

impl Drop for FailingDisk {
    fn drop(&mut self) {
        self.unmount();
    }
}

#[test]
fn f43_a_disk_that_cannot_sync_acknowledges_nothing_and_loses_nothing_acknowledged() {
    let Some(disk) = FailingDisk::mount() else {
        eprintln!("SKIPPED: mounting a failing file system needs root, loop devices and mkfs.ext4");
        return;
    };
    let (store, keys) = open(disk.place.path(), 2);
    let (mut kept, mut last) = (0, 0);
    let (mut waiting, started) = (Vec::new(), std::time::Instant::now());
    // Each batch is of numbers that do not pack, so that the disk below fills up soon.
    let mut random = fastrand::Rng::with_seed(7);
    for second in 0.. {
        last = second;
        let samples = keys.iter().flat_map(|key| {
            let random = &mut random;
            (0..900).map(|step| good(*key, START_MS + second * 1000 + step, random.i64(..1 << 40))).collect::<Vec<_>>()
        });
        if let Ok(receipt) = store.append(samples.collect()) {
            waiting.push(receipt);
        }
        waiting = waiting
            .into_iter()
            .filter_map(|receipt| receipt.try_wait().map(|done| kept += u64::from(done.is_ok())).err())
            .collect();
        if matches!(store.health().saving, Saving::Fails { .. }) {
            break;
        }
        assert!(started.elapsed().as_secs() < 60, "the disk never fails");
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let health = store.health();
    assert!(matches!(health.saving, Saving::Fails { .. }) && health.buffered_bytes > 0, "{health:?}");
    assert!(kept > 0, "it worked before");
    drop(store);
    drop(waiting);
    assert!(disk.unmount());
    // Room below again: what was synced is there.
    assert!(is_done(&["mount", "-o", "remount,size=64m"], disk.below.0.path()));
    assert!(disk.is_mounted_again());
    assert_sound(disk.place.path());
    let (store, opened) = Store::open(disk.place.path()).unwrap();
    assert!(matches!(opened, Opened::Existing), "{opened:?}");
    for key in &keys {
        // In windows: one answer holds a million points at most.
        let windows = (0..=last / 500).map(|window| START_MS + window * 500_000);
        let of = |from: i64| store.samples(*key, from, from + 500_000, usize::MAX).unwrap().points.len() as u64;
        let count: u64 = windows.map(of).sum();
        assert!(count >= kept * 900, "{count} of {kept} batches that were acknowledged");
    }
    fill(&store, &keys, 5);
    assert_eq!(store.health().saving, Saving::Works);
}

#[test]
fn f43_a_file_that_cannot_be_written_is_refused_in_words_and_left_as_it_is() {
    let Some(disk) = SmallDisk::mount() else {
        eprintln!("SKIPPED: mounting a small file system needs root");
        return;
    };
    let (store, keys) = open(disk.0.path(), 1);
    fill(&store, &keys, 20);
    drop(store);
    let before = fs::read(disk.0.path().join("meterdeck.db")).unwrap();
    assert!(is_done(&["mount", "-o", "remount,ro"], disk.0.path()));
    let error = Store::open(disk.0.path()).unwrap_err().to_string();
    assert!(error.contains("read-only") || error.contains("readonly") || error.contains("unable to open"), "{error}");
    assert!(is_done(&["mount", "-o", "remount,rw"], disk.0.path()));
    assert_eq!(fs::read(disk.0.path().join("meterdeck.db")).unwrap(), before);
    let (store, opened) = Store::open(disk.0.path()).unwrap();
    assert!(matches!(opened, Opened::Existing), "{opened:?}");
    assert_eq!(all(&store, keys[0]).len(), 20);
}

#[test]
fn f34_a_clock_that_jumps_leaves_every_sample_at_its_time() {
    let dir = TempDir::new().unwrap();
    let (store, keys) = open(dir.path(), 1);
    let hour = 3_600_000;
    let mut expected = BTreeMap::new();
    for (jump, seconds) in [(0, 900), (-hour, 900), (hour, 400), (10 * 365 * 24 * hour, 700), (0, 50)] {
        for second in 0..seconds {
            let at_ms = START_MS + jump + second * 1000;
            let number = jump / hour + second;
            store.append(vec![good(keys[0], at_ms, number)]).unwrap().wait().unwrap();
            expected.entry(at_ms).or_insert(Point::good(at_ms, number));
        }
    }
    let expected: Vec<_> = expected.into_values().collect();
    assert_eq!(all(&store, keys[0]), expected);
    store.settle().unwrap();
    assert_eq!(all(&store, keys[0]), expected);
    assert_eq!(store.health().conflicts, 0);
}
