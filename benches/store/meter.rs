//! What a part of the bench costs: time, CPU of the store's own thread, bytes written by the process.

use std::{fs, path::Path, time::Instant};

/// Readings at one moment.
#[derive(Clone, Copy)]
pub struct Cost {
    /// When they were taken.
    pub at: Instant,
    /// CPU of the threads called "store", in ns.
    pub store_ns: u64,
    /// Bytes that the process sent to the disk.
    pub written: u64,
}

pub fn now() -> Cost {
    Cost { at: Instant::now(), store_ns: store_ns(), written: proc_field("/proc/self/io", "write_bytes:") }
}

fn store_ns() -> u64 {
    let Ok(tasks) = fs::read_dir("/proc/self/task") else { return 0 };
    let of_store = tasks
        .flatten()
        .filter(|task| fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name.trim() == "store"));
    let cpu = |path: &Path| {
        let stat = fs::read_to_string(path.join("schedstat")).ok()?;
        stat.split_whitespace().next()?.parse::<u64>().ok()
    };
    of_store.filter_map(|task| cpu(&task.path())).sum()
}

fn proc_field(path: &str, name: &str) -> u64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(name));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
}

/// Resident memory now, and its peak, in MiB.
pub fn memory_mib() -> (u64, u64) {
    (proc_field("/proc/self/status", "VmRSS:") / 1024, proc_field("/proc/self/status", "VmHWM:") / 1024)
}

/// The value at a share of a sorted list.
pub fn quantile(sorted: &[f64], share: f64) -> f64 {
    sorted.get(((sorted.len() as f64 - 1.0) * share).round() as usize).copied().unwrap_or(f64::NAN)
}

/// Runs something some times; the median in ms.
pub fn median_ms(times: usize, mut job: impl FnMut()) -> f64 {
    let mut taken: Vec<f64> = (0..times)
        .map(|_| {
            let start = Instant::now();
            job();
            start.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    taken.sort_by(f64::total_cmp);
    quantile(&taken, 0.5)
}
