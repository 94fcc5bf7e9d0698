//! The same data in other programs, where the system has them: `VictoriaMetrics` and Prometheus.

use std::{
    fs::{self, File},
    io::{BufWriter, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use meterdeck::store::{Sample, SeriesKey};

use crate::data;

/// Bytes of all files in a folder.
fn bytes_in(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(found) if found.is_dir() => bytes_in(&entry.path()),
            Ok(found) => found.len(),
            Err(_) => 0,
        })
        .sum()
}

fn is_there(program: &str) -> bool {
    Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// One line of text for each sample with a number: `quantity{meter="m0001"} 230.1 TIME`.
fn lines(out: &mut impl std::io::Write, keys: &[SeriesKey], samples: &[Sample], time: impl Fn(i64) -> String) {
    let names = data::quantities().map(|(quantity, _)| quantity.toml_name().to_owned());
    for sample in samples {
        let (Some(number), Ok(place)) = (sample.number, keys.binary_search(&sample.series)) else { continue };
        let value = sample.decimals.value(number);
        writeln!(out, "{}{{meter=\"m{:04}\"}} {value} {}", names[place % 20], place / 20, time(sample.at_ms)).unwrap();
    }
}

/// Sizes on disk of what `seconds` give, batch by batch.
pub fn sizes(dir: &Path, keys: &[SeriesKey], batches: &[Vec<Sample>]) {
    let samples: usize = batches.iter().map(Vec::len).sum();
    if is_there("victoria-metrics") {
        let bytes = victoria_metrics(&dir.join("victoria-metrics"), keys, batches);
        println!("victoria-metrics  {:.3} B a sample, index included, after its merges", bytes as f64 / samples as f64);
    } else {
        println!("victoria-metrics  NOT INSTALLED: apt-get install victoria-metrics");
    }
    if is_there("promtool") {
        let bytes = prometheus(&dir.join("prometheus"), keys, batches);
        println!("prometheus        {:.3} B a sample, index included", bytes as f64 / samples as f64);
    } else {
        println!("prometheus        NOT INSTALLED: apt-get install prometheus");
    }
}

/// Ends with the bench.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn victoria_metrics(dir: &Path, keys: &[SeriesKey], batches: &[Vec<Sample>]) -> u64 {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let running = Command::new("victoria-metrics")
        .arg(format!("-storageDataPath={}", dir.display()))
        .arg(format!("-httpListenAddr=127.0.0.1:{port}"))
        .args(["-retentionPeriod=100y", "-dedup.minScrapeInterval=0"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let running = Running(running);
    for _ in 0..100 {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    for part in batches.chunks(60) {
        let mut body = Vec::new();
        part.iter().for_each(|samples| lines(&mut body, keys, samples, |at_ms| at_ms.to_string()));
        let answer = post(port, "/api/v1/import/prometheus", &body);
        assert!(answer.starts_with("HTTP/1.1 2"), "{answer}");
    }
    post(port, "/internal/force_flush", &[]);
    post(port, "/internal/force_merge", &[]);
    // Merging goes on by itself; its end is that the size stays.
    let mut before = 0;
    for _ in 0..20 {
        std::thread::sleep(Duration::from_secs(2));
        let bytes = bytes_in(dir);
        if bytes == before {
            break;
        }
        before = bytes;
    }
    drop(running);
    bytes_in(dir)
}

fn post(port: u16, path: &str, body: &[u8]) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let head =
        format!("POST {path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn prometheus(dir: &Path, keys: &[SeriesKey], batches: &[Vec<Sample>]) -> u64 {
    fs::create_dir(dir).unwrap();
    let input = dir.join("input");
    let mut out = BufWriter::new(File::create(&input).unwrap());
    for samples in batches {
        lines(&mut out, keys, samples, |at_ms| format!("{}.{:03}", at_ms / 1000, at_ms % 1000));
    }
    writeln!(out, "# EOF").unwrap();
    out.flush().unwrap();
    let blocks = dir.join("blocks");
    let made = Command::new("promtool")
        .args(["tsdb", "create-blocks-from", "openmetrics"])
        .args([&input, &blocks])
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    bytes_in(&blocks)
}
