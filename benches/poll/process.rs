//! Roles in processes of their own, so that what each costs can be told apart.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

/// What a process used so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    /// Processor time of all threads, µs.
    pub cpu_us: f64,
    /// Most memory at any time, MiB.
    pub peak_mib: f64,
}

/// Of this process.
pub(crate) fn usage() -> Usage {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let nanoseconds = |task: fs::DirEntry| -> Option<f64> {
        fs::read_to_string(task.path().join("schedstat")).ok()?.split_whitespace().next()?.parse().ok()
    };
    let cpu_us = tasks.filter_map(nanoseconds).sum::<f64>() / 1000.0;
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    Usage { cpu_us, peak_mib: peak.unwrap_or_default() / 1024.0 }
}

/// This program in another role. It says one line of numbers when it is ready, and one at its end.
pub(crate) struct Role {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Role {
    /// Starts `name` with its arguments.
    pub(crate) fn start(name: &str, arguments: &[String]) -> Self {
        let program = std::env::current_exe().unwrap();
        let mut command = Command::new(program);
        command.arg("role").arg(name).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (input, output) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, input, output }
    }

    /// The next line of numbers.
    pub(crate) fn numbers(&mut self) -> Vec<f64> {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.split_whitespace().filter_map(|word| word.parse().ok()).collect()
    }

    /// Says a line to it.
    pub(crate) fn say(&mut self, line: &str) {
        if let Some(input) = &mut self.input {
            writeln!(input, "{line}").unwrap();
        }
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        // Ended already, in the normal case.
        let _ = self.child.kill();
    }
}
