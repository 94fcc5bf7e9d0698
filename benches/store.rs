//! What the store needs and how fast it is, beside a plain narrow table, on made-up data (`store/data.rs`).
//!
//! `cargo bench --bench store -- [hour] [ingest] [columns] [import] [sparse] [query] [start] [others] [--meters N] [--paced]`; all parts
//! by default, about a minute each. `--meters 1000 hour` is the full hour of the figures, and takes some minutes.
#![expect(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    unreachable_pub,
    reason = "a bench of known data, which may stop"
)]

#[path = "store/data.rs"]
mod data;
#[path = "store/meter.rs"]
mod meter;
#[path = "store/narrow.rs"]
mod narrow;
#[path = "store/others.rs"]
mod others;

use std::{
    collections::HashMap,
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

use meterdeck::{
    domain::{quantity::Quantity, sample::Decimals},
    store::{Row, Sample, SeriesKey, Store},
};
use tempfile::TempDir;

/// 2023-11-14 22:00 UTC.
const START_S: i64 = 1_699_999_200;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let after =
        |name: &str| arguments.iter().position(|argument| argument == name).and_then(|at| arguments.get(at + 1));
    let meters = after("--meters").map(|count| count.parse().unwrap());
    let is_paced = arguments.iter().any(|argument| argument == "--paced");
    let parts = ["hour", "ingest", "columns", "import", "sparse", "query", "start", "others"];
    let is_all = !arguments.iter().any(|argument| parts.contains(&argument.as_str()));
    let wants = |part: &str| is_all || arguments.iter().any(|argument| argument == part);
    if wants("columns") {
        columns();
    }
    if wants("hour") {
        hour(meters.unwrap_or(200), is_paced);
    }
    if wants("ingest") {
        ingest(meters.unwrap_or(1000));
    }
    if wants("import") {
        import();
    }
    if wants("sparse") {
        sparse(20, 1);
        sparse(4, 20);
    }
    if wants("query") {
        query();
    }
    if wants("others") {
        beside_others(meters.unwrap_or(50));
    }
    if wants("start") {
        start(meters.unwrap_or(1000));
    }
}

fn dir() -> TempDir {
    TempDir::new_in(std::env::var_os("METERDECK_BENCH_DIR").unwrap_or_else(|| "/var/tmp".into())).unwrap()
}

fn open(dir: &Path, meters: usize) -> (Store, Vec<SeriesKey>) {
    let (store, _) = Store::open(dir).unwrap();
    let keys = store.declare(data::specs(meters)).unwrap();
    (store, keys)
}

/// Bytes of the pages that a table uses.
fn table_bytes(store: &Store, table: &str) -> u64 {
    let sql = format!("SELECT coalesce(sum(length(body)), 0) FROM {table}");
    store.read(|connection| connection.query_row(&sql, [], |row| row.get::<_, i64>(0))).unwrap().unsigned_abs()
}

/// Bytes of the file without its free pages.
fn file_bytes(store: &Store) -> (u64, u64) {
    let pragma = |name: &str| -> u64 {
        store
            .read(|connection| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0)))
            .unwrap()
            .unsigned_abs()
    };
    let (pages, free) = (pragma("page_count"), pragma("freelist_count"));
    ((pages - free) * 4096, pages * 4096)
}

const ROLLUPS: [&str; 4] = ["rollup_minute", "rollup_quarter", "rollup_hour", "rollup_day"];

/// An hour of all meters: ingest, then sizes; beside it a minute of the narrow table after it was filled for some minutes.
fn hour(meters: usize, is_paced: bool) {
    for jitter_ms in [0, 5] {
        let dir = dir();
        let (store, keys) = open(dir.path(), meters);
        let mut site = data::Site::new(meters, jitter_ms);
        let mut taken = Vec::new();
        let mut samples = 0;
        let before = meter::now();
        let mut busy = Duration::ZERO;
        for second in 0..3600 {
            let batch = site.second(START_S + second, &keys);
            samples += batch.len();
            let start = Instant::now();
            store.append(batch).unwrap().wait().unwrap();
            taken.push(start.elapsed().as_secs_f64() * 1000.0);
            busy += start.elapsed();
            if second % 60 == 59 {
                // Reading back what was written.
                let key = keys[(second as usize * 37) % keys.len()];
                let found = store.samples(key, START_S * 1000, i64::MAX, usize::MAX).unwrap();
                assert!(found.points.len() as i64 > second * 99 / 100 && found.damaged_blocks == 0);
            }
            if is_paced {
                std::thread::sleep(Duration::from_millis(40).saturating_sub(start.elapsed()));
            }
        }
        store.settle().unwrap();
        let after = meter::now();
        taken.sort_by(f64::total_cmp);
        let count = samples as f64;
        let cpu_ns = (after.store_ns - before.store_ns) as f64 / count;
        println!(
            "## {meters} meters × 20 quantities × 1 h at 1 Hz, answers spread over {jitter_ms} ms: {samples} samples"
        );
        println!(
            "ingest    {:.1} M samples/s, {cpu_ns:.0} ns CPU a sample = {:.2} % of a core at 20,000/s; commit median {:.2} p99 {:.2} max {:.1} ms",
            count / busy.as_secs_f64() / 1e6,
            cpu_ns * 20_000.0 / 1e7,
            meter::quantile(&taken, 0.5),
            meter::quantile(&taken, 0.99),
            meter::quantile(&taken, 1.0),
        );
        println!("written   {:.2} B a sample", (after.written - before.written) as f64 / count);
        let rollups: u64 = ROLLUPS.iter().map(|table| table_bytes(&store, table)).sum();
        let cold = table_bytes(&store, "cold");
        let (used, whole) = file_bytes(&store);
        println!(
            "size      cold chunks {:.3}, rollups {:.4} ({}), file in use {:.3} of which samples {:.3} (file {:.3} with free pages) B a sample",
            cold as f64 / count,
            rollups as f64 / count,
            ROLLUPS.map(|table| format!("{:.4}", table_bytes(&store, table) as f64 / count)).join(" + "),
            used as f64 / count,
            used as f64 / count * cold as f64 / (cold + rollups) as f64,
            whole as f64 / count,
        );
        println!(
            "memory    {} MiB now, {} MiB peak, the generator included",
            meter::memory_mib().0,
            meter::memory_mib().1
        );
        let newest = meter::median_ms(20, || assert_eq!(store.newest().len(), keys.len()));
        println!("newest    {newest:.2} ms for all values of all meters");
        assert_eq!(store.health().damaged_blocks + store.health().conflicts, 0);
    }
    narrow_minutes(meters);
}

/// An hour in this store, and the same in other programs where the system has them.
fn beside_others(meters: usize) {
    let dir = dir();
    let (store, keys) = open(dir.path(), meters);
    let mut site = data::Site::new(meters, 0);
    let batches: Vec<_> = (0..3600).map(|second| site.second(START_S + second, &keys)).collect();
    for batch in &batches {
        store.append(batch.clone()).unwrap().wait().unwrap();
    }
    store.settle().unwrap();
    let samples: usize = batches.iter().map(Vec::len).sum();
    println!("## {meters} meters × 20 quantities × 1 h at 1 Hz beside other programs: {samples} samples");
    println!("this store        {:.3} B a sample, rollups included", file_bytes(&store).0 as f64 / samples as f64);
    others::sizes(dir.path(), &keys, &batches);
}

fn narrow_minutes(meters: usize) {
    let dir = dir();
    let (_store, keys) = open(dir.path(), meters);
    let number: HashMap<SeriesKey, i64> = keys.iter().copied().zip(0..).collect();
    let mut narrow = narrow::Narrow::open(&dir.path().join("narrow.db"));
    let mut site = data::Site::new(meters, 5);
    let mut samples = 0;
    let before = meter::now();
    let mut taken = Vec::new();
    for second in 0..60 {
        let batch = site.second(START_S + second, &keys);
        samples += batch.len();
        let start = Instant::now();
        narrow.append(|sample| number[&sample.series], &batch);
        taken.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    let after = meter::now();
    taken.sort_by(f64::total_cmp);
    println!(
        "narrow    (1 min from empty) {:.1} B a sample in the file, {:.0} B written; commit median {:.1} p99 {:.1} ms",
        narrow.bytes() as f64 / samples as f64,
        (after.written - before.written) as f64 / samples as f64,
        meter::quantile(&taken, 0.5),
        meter::quantile(&taken, 0.99),
    );
}

/// The real load at ten times its pace, over two ends of 5 min and the compaction of an hour, read back all the time; beside it
/// 20 s of the narrow table in real time, which is all that it can do.
fn ingest(meters: usize) {
    const SECONDS: i64 = 1000;
    const PACE: Duration = Duration::from_millis(100);
    let dir = dir();
    let (store, keys) = open(dir.path(), meters);
    let mut site = data::Site::new(meters, 5);
    let mut taken = Vec::new();
    let mut samples = 0;
    let before = meter::now();
    for second in 0..SECONDS {
        // The last 8 min of an hour, and the first of the next.
        let batch = site.second(START_S + 3120 + second, &keys);
        samples += batch.len();
        std::thread::sleep((before.at + PACE * second as u32).saturating_duration_since(Instant::now()));
        let start = Instant::now();
        store.append(batch).unwrap().wait().unwrap();
        taken.push(start.elapsed().as_secs_f64() * 1000.0);
        let key = keys[(second as usize * 37) % keys.len()];
        let found = store.samples(key, START_S * 1000, i64::MAX, usize::MAX).unwrap().points.len() as i64;
        assert!(found > second * 99 / 100, "{found} points after {second} s");
    }
    let after = meter::now();
    taken.sort_by(f64::total_cmp);
    println!("## {meters} meters × 20 quantities at 1 Hz, ten times as fast as in real time: {samples} samples");
    println!(
        "store     commit median {:.1} p99 {:.1} longest {:.1} ms; written {:.1} B a sample; CPU of the store's thread {:.2} % of a core at 1 Hz",
        meter::quantile(&taken, 0.5),
        meter::quantile(&taken, 0.99),
        meter::quantile(&taken, 1.0),
        (after.written - before.written) as f64 / samples as f64,
        (after.store_ns - before.store_ns) as f64 / SECONDS as f64 / 1e9 * 100.0,
    );
    narrow_in_real_time(meters);
    bare_disk();
}

fn narrow_in_real_time(meters: usize) {
    const SECONDS: u32 = 20;
    let dir = dir();
    let (_store, keys) = open(dir.path(), meters);
    let number: HashMap<SeriesKey, i64> = keys.iter().copied().zip(0..).collect();
    let mut narrow = narrow::Narrow::open(&dir.path().join("narrow.db"));
    let mut site = data::Site::new(meters, 5);
    let mut taken = Vec::new();
    let mut samples = 0;
    let before = meter::now();
    for second in 0..SECONDS {
        let batch = site.second(START_S + i64::from(second), &keys);
        samples += batch.len();
        std::thread::sleep((before.at + Duration::from_secs(1) * second).saturating_duration_since(Instant::now()));
        let start = Instant::now();
        narrow.append(|sample| number[&sample.series], &batch);
        taken.push(start.elapsed().as_secs_f64() * 1000.0);
    }
    taken.sort_by(f64::total_cmp);
    println!(
        "narrow    commit median {:.1} longest {:.1} ms; written {:.1} B a sample",
        meter::quantile(&taken, 0.5),
        meter::quantile(&taken, 1.0),
        (meter::now().written - before.written) as f64 / samples as f64,
    );
}

/// What the disk takes by itself: as many bytes as a second's batch has, appended and synced.
fn bare_disk() {
    let dir = dir();
    let mut file = std::fs::File::create(dir.path().join("bare")).unwrap();
    let mut taken: Vec<f64> = (0..500)
        .map(|_| {
            let start = Instant::now();
            file.write_all(&[7; 16_384]).unwrap();
            file.sync_data().unwrap();
            let taken = start.elapsed().as_secs_f64() * 1000.0;
            std::thread::sleep(Duration::from_millis(20));
            taken
        })
        .collect();
    taken.sort_by(f64::total_cmp);
    println!(
        "disk      append and sync of 16 KiB: median {:.1} p99 {:.1} longest {:.1} ms",
        meter::quantile(&taken, 0.5),
        meter::quantile(&taken, 0.99),
        meter::quantile(&taken, 1.0)
    );
}

/// What the codec alone does, beside pco for each column alone.
fn columns() {
    const METERS: usize = 100;
    let dir = dir();
    let (store, keys) = open(dir.path(), METERS);
    let mut site = data::Site::new(METERS, 0);
    let mut plain: HashMap<SeriesKey, Vec<i32>> = HashMap::new();
    let mut samples = 0;
    for second in 0..3600 {
        let batch = site.second(START_S + second, &keys);
        samples += batch.len();
        for Sample { series, number, .. } in &batch {
            let column = plain.entry(*series).or_default();
            let last = column.last().copied().unwrap_or(0);
            column.push(number.map_or(last, |number| number as i32));
        }
        store.append(batch).unwrap().wait().unwrap();
    }
    store.settle().unwrap();
    let config = pco::ChunkConfig::default()
        .with_mode_spec(pco::ModeSpec::Classic)
        .with_delta_spec(pco::DeltaSpec::TryConsecutive(1));
    let mut by_quantity = [0_usize; 20];
    for (place, key) in keys.iter().enumerate() {
        by_quantity[place % 20] += pco::standalone::simple_compress(&plain[key], &config).unwrap().len();
    }
    println!("## {METERS} meters × 20 quantities × 1 h: {samples} samples");
    for ((quantity, _), bytes) in data::quantities().iter().zip(by_quantity) {
        println!("plain pco {quantity:<18} {:.3}", bytes as f64 / (samples / 20) as f64);
    }
    println!(
        "plain pco {:.3} B a sample without times and states; chunks {:.3} with them",
        by_quantity.iter().sum::<usize>() as f64 / samples as f64,
        table_bytes(&store, "cold") as f64 / samples as f64
    );
}

/// Back-filling: dense rows of some meters, as an import reads them from CSV.
fn import() {
    let dir = dir();
    let (store, keys) = open(dir.path(), 10);
    let mut site = data::Site::new(10, 0);
    let mut rows = Vec::new();
    for second in 0..7200 {
        rows.extend(site.second(START_S + second, &keys).into_iter().map(|sample| Row { line: 1, sample }));
    }
    for name in ["in order of time", "again, all the same"] {
        let start = Instant::now();
        let mut merged = 0;
        for part in rows.chunks(1_000_000) {
            let done = store.merge(part.iter().copied(), false).unwrap();
            merged += done.new + done.unchanged;
            assert!(done.rejected.is_empty());
        }
        let rate = merged as f64 / start.elapsed().as_secs_f64() / 1e6;
        println!("## import, 10 meters × 20 × 2 h at 1 Hz, {name}: {rate:.2} M rows/s");
    }
    let dense = rows.iter().map(|row| (row.sample.series, row.sample));
    import_csv("10 meters × 20 × 2 h at 1 Hz", &keys, dense);
    let quarters = keys.iter().step_by(20).flat_map(|key| {
        (0..70_080_i64).map(move |step| {
            let at_ms = (START_S - 2 * 31_536_000 + step * 900) * 1000;
            let decimals = Decimals::new(2).unwrap();
            let state = meterdeck::domain::reading::State::Good;
            (*key, Sample { series: *key, at_ms, number: Some(step * 17 + step % 13), decimals, state })
        })
    });
    import_csv("10 meters × 1 × 2 years of 15 min", &keys, quarters);
}

/// `meterdeck history import` of a CSV file, from its start to its end.
fn import_csv(name: &str, keys: &[SeriesKey], samples: impl Iterator<Item = (SeriesKey, Sample)>) {
    let dir = dir();
    let place: HashMap<SeriesKey, usize> = keys.iter().copied().zip(0..).collect();
    let mut site = "[site]\nname = \"B\"\ntime_zone = \"UTC\"\ncurrency = \"EUR\"\n".to_owned();
    for meter in 0..keys.len() / 20 {
        site += &format!("[meter.m{meter:04}]\nname = \"M\"\nmeter_point = \"rack-pdu\"\nstatus = \"active\"\n");
    }
    std::fs::write(dir.path().join("site.toml"), site).unwrap();
    let quantities = data::quantities().map(|(quantity, _)| quantity.toml_name().to_owned());
    let mut csv = std::io::BufWriter::new(std::fs::File::create(dir.path().join("rows.csv")).unwrap());
    writeln!(csv, "time,meter,quantity,value").unwrap();
    let mut rows = 0;
    for (key, sample) in samples {
        let Some(number) = sample.number else { continue };
        let (at, value) = (jiff::Timestamp::from_millisecond(sample.at_ms).unwrap(), sample.decimals.value(number));
        let place = place[&key];
        writeln!(csv, "{at},m{:04},{},{value}", place / 20, quantities[place % 20]).unwrap();
        rows += 1;
    }
    csv.flush().unwrap();
    let start = Instant::now();
    let status = std::process::Command::new(env!("CARGO_BIN_EXE_meterdeck"))
        .current_dir(dir.path())
        .args(["--config", "site.toml", "--data", "data", "history", "import", "rows.csv"])
        .stdout(std::process::Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    let rate = f64::from(rows) / start.elapsed().as_secs_f64() / 1e3;
    println!("command   history import of CSV, {name} ({rows} rows): {rate:.0} k rows/s");
}

/// Back-filling of what utilities send: a value each 15 min, of some series of each meter.
fn sparse(meters: usize, series: usize) {
    let dir = dir();
    let (store, keys) = open(dir.path(), meters);
    let counters: Vec<_> = keys.chunks(20).flat_map(|keys| keys.iter().rev().take(series).copied()).collect();
    let rows: Vec<_> = counters
        .iter()
        .flat_map(|key| {
            (0..35_040_i64).map(|step| Row {
                line: step as u32,
                sample: Sample {
                    series: *key,
                    at_ms: (START_S + step * 900) * 1000,
                    number: Some(step * 17 + step % 13),
                    decimals: Decimals::new(2).unwrap(),
                    state: meterdeck::domain::reading::State::Good,
                },
            })
        })
        .collect();
    let mut narrow = narrow::Narrow::open(&dir.path().join("narrow.db"));
    let number: HashMap<SeriesKey, i64> = keys.iter().copied().zip(0..).collect();
    let before = meter::now();
    let mut new = 0;
    for part in rows.chunks(500_000) {
        new += store.merge(part.iter().copied(), false).unwrap().new;
    }
    let after = meter::now();
    let count = new as f64;
    println!(
        "## import, {meters} meters × {series} series × 1 year of 15 min ({new} rows): {:.0} k rows/s; CPU of the store's thread {:.0} ns a row",
        count / after.at.duration_since(before.at).as_secs_f64() / 1e3,
        (after.store_ns - before.store_ns) as f64 / count,
    );
    println!("size      {:.1} B a row, file in use", file_bytes(&store).0 as f64 / count);
    let start = Instant::now();
    for part in rows.chunks(100_000) {
        let part: Vec<_> = part.iter().map(|row| row.sample).collect();
        narrow.append(|sample| number[&sample.series], &part);
    }
    let rate = count / start.elapsed().as_secs_f64() / 1e3;
    println!("narrow    {rate:.0} k rows/s, {:.1} B a row", narrow.bytes() as f64 / count);
    year_chart(&store, counters[0]);
}

fn year_chart(store: &Store, key: SeriesKey) {
    for columns in [80, 160, 366, 1000] {
        let span_ms = 35_040 * 900_000;
        let taken = meter::median_ms(15, || {
            let chart = store.series(key, START_S * 1000, START_S * 1000 + span_ms, columns).unwrap();
            assert!(chart.columns.len() == columns);
        });
        println!("year      chart of a year in {columns} columns: {taken:.2} ms warm");
    }
}

/// Queries on a day of some meters.
fn query() {
    const METERS: usize = 20;
    let dir = dir();
    let (store, keys) = open(dir.path(), METERS);
    let mut site = data::Site::new(METERS, 5);
    let mut narrow = narrow::Narrow::open(&dir.path().join("narrow.db"));
    let number: HashMap<SeriesKey, i64> = keys.iter().copied().zip(0..).collect();
    let mut minute = Vec::new();
    for second in 0..86_400 {
        let batch = site.second(START_S + second, &keys);
        // A whole day of all quantities would take the narrow table an hour: it gets one meter.
        minute.extend(batch.iter().filter(|sample| number[&sample.series] < 20).copied());
        if minute.len() > 20_000 {
            narrow.append(|sample| number[&sample.series], &minute);
            minute.clear();
        }
        let receipt = loop {
            match store.append(batch.clone()) {
                Ok(receipt) => break receipt,
                Err(_) => std::thread::sleep(Duration::from_millis(1)),
            }
        };
        if second % 30 == 0 {
            receipt.wait().unwrap();
        }
    }
    println!("## one day of one quantity at 1 Hz, 86,400 points, of {METERS} meters (narrow: of one)");
    let (from, to) = (START_S * 1000, (START_S + 86_400) * 1000);
    for is_settled in [false, true] {
        if is_settled {
            store.settle().unwrap();
        }
        for (place, (quantity, _)) in data::quantities().iter().enumerate() {
            if !matches!(
                quantity,
                Quantity::CurrentKw | Quantity::VoltagePhaseA | Quantity::CurrentKva | Quantity::AmpsPhaseC
            ) {
                continue;
            }
            let mut points = 0;
            let key = keys[place];
            let taken =
                meter::median_ms(15, || points = store.samples(key, from, to, usize::MAX).unwrap().points.len());
            let name = if is_settled { "compacted" } else { "live" };
            println!("day       {quantity:<16} {taken:.2} ms warm, {points} points, {name}");
        }
    }
    for (hours, columns) in [(1, 160), (24, 160), (24, 1440)] {
        let taken = meter::median_ms(15, || drop(store.series(keys[9], to - hours * 3_600_000, to, columns).unwrap()));
        println!("chart     {hours} h in {columns} columns: {taken:.2} ms warm");
    }
    let taken = meter::median_ms(15, || {
        let mut select =
            narrow.0.prepare_cached("SELECT at, value FROM sample WHERE series = ?1 AND at >= ?2 AND at < ?3").unwrap();
        let rows =
            select.query_map((9, from, to), |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Option<f64>>(1)?))).unwrap();
        assert!(rows.count() > 80_000);
    });
    println!("narrow    current_kw {taken:.2} ms warm");
    println!(
        "size      {:.3} B a sample, rollups included; narrow {:.1}",
        file_bytes(&store).0 as f64 / (86_400.0 * METERS as f64 * 20.0),
        narrow.bytes() as f64 / (86_400.0 * 20.0)
    );
}

/// A year of interval data and of rollups, as an import each 6 h leaves them, for all meters.
fn fill_year(store: &Store, keys: &[SeriesKey]) {
    const DAYS: i64 = 365;
    let good = |series: SeriesKey, step: i64| Sample {
        series,
        at_ms: (START_S - DAYS * 86_400 + step * 21_600) * 1000,
        number: Some(step * 17),
        decimals: Decimals::new(2).unwrap(),
        state: meterdeck::domain::reading::State::Good,
    };
    for (meter, keys) in (1_i64..).zip(keys.chunks(20)) {
        store.merge((0..DAYS * 4).map(|step| Row { line: 1, sample: good(keys[14], step) }), false).unwrap();
        let filled = store.write(move |transaction| {
            let mut insert = transaction.prepare_cached("INSERT INTO interval_day VALUES (?1, ?2, ?3)")?;
            (0..DAYS).try_for_each(|day| insert.execute((meter, 19_300 + day, vec![0_u8; 200])).map(drop))
        });
        filled.unwrap();
    }
}

/// Opening a file with a year of history, hot rows and many blocks in it.
fn start(meters: usize) {
    let dir = dir();
    let (store, keys) = open(dir.path(), meters);
    fill_year(&store, &keys);
    let mut site = data::Site::new(meters, 5);
    // The blocks of an hour, and hot rows up to the next seal.
    for second in 3300..3600 + 3600 + 295 {
        let batch = site.second(START_S + second, &keys);
        store.append(batch).unwrap().wait().unwrap();
    }
    drop(store);
    let before = meter::memory_mib().0;
    let start = Instant::now();
    let (store, _) = Store::open(dir.path()).unwrap();
    let opened = start.elapsed().as_secs_f64() * 1000.0;
    let key = keys[9];
    let appended = store.append(vec![Sample {
        series: key,
        at_ms: (START_S + 7500) * 1000,
        number: Some(1),
        decimals: Decimals::new(2).unwrap(),
        state: meterdeck::domain::reading::State::Good,
    }]);
    appended.unwrap().wait().unwrap();
    println!(
        "## start with {meters} meters, a year of intervals and rollups, an hour of chunks and 295 hot rows: {} MiB",
        file_bytes(&store).1 >> 20
    );
    println!(
        "start     {opened:.0} ms to open, {:.0} ms to the first batch kept; memory {before} to {} MiB",
        start.elapsed().as_secs_f64() * 1000.0,
        meter::memory_mib().0
    );
}
