//! Does what `update` asked for: the only way from the terminal's core to the outside.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{task::JoinSet, time::timeout};

use super::{message::Message, model::Notice};
use crate::service::{
    client::{MAX_PENDING_REQUESTS, Requests},
    interface::{ErrorKind, Request, ServiceError},
};

/// How long an answer may take. A probe waits for its device: time-outs, retries, and others on its line.
const ANSWER_DEADLINE: Duration = Duration::from_secs(30);
/// How many files of one second there may be; somebody who holds the key down gets no more.
const MAX_SAME_NAMES: u32 = 20;

/// Requests and files under way. What is dropped is cancelled.
#[derive(Debug)]
pub struct Effects {
    requests: Requests,
    export_folder: PathBuf,
    tasks: JoinSet<Message>,
}

impl Effects {
    /// Nothing under way yet.
    pub fn new(requests: Requests, export_folder: PathBuf) -> Self {
        Self { requests, export_folder, tasks: JoinSet::new() }
    }

    /// Asks the service; what it says comes from [`Effects::next`].
    pub fn ask(&mut self, request: Request) {
        if self.tasks.len() >= MAX_PENDING_REQUESTS {
            let error = unavailable("Too many requests are under way.");
            self.tasks.spawn(async move { Message::Answered { request, result: Err(error) } });
            return;
        }
        let requests = self.requests.clone();
        self.tasks.spawn(async move {
            let answer = timeout(ANSWER_DEADLINE, requests.ask(request.clone())).await;
            let result = answer.unwrap_or_else(|_| Err(unavailable("The service does not answer.")));
            Message::Answered { request, result }
        });
    }

    /// Writes files; how it went comes from [`Effects::next`].
    pub fn export(&mut self, files: Vec<(&'static str, String)>) {
        let folder = self.export_folder.clone();
        self.tasks.spawn_blocking(move || {
            let written: io::Result<Vec<PathBuf>> =
                files.iter().map(|(name, csv)| export(&folder, name, csv)).collect();
            Message::Done(match written {
                Ok(paths) => {
                    let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
                    Notice { text: format!("Written to {}", paths.join(" and ")), is_error: false }
                }
                Err(error) => {
                    let text =
                        format!("Cannot write into {}: {error}. Start meterdeck in another folder.", folder.display());
                    Notice { text: crate::text::clean(&text), is_error: true }
                }
            })
        });
    }

    /// What came of the next one that is done; waits for ever where nothing is under way.
    pub async fn next(&mut self) -> Message {
        loop {
            match self.tasks.join_next().await {
                Some(Ok(message)) => return message,
                // It panicked, which is told elsewhere, or was cancelled.
                Some(Err(_)) => {}
                None => std::future::pending().await,
            }
        }
    }
}

fn unavailable(message: &str) -> ServiceError {
    ServiceError { kind: ErrorKind::Unavailable, message: message.to_owned(), hint: None }
}

/// Writes into a new file of this folder, never over another, and returns its whole path.
fn export(folder: &Path, name: &str, csv: &str) -> io::Result<PathBuf> {
    let time = jiff::Zoned::now().strftime("%Y%m%d-%H%M%S").to_string();
    for number in 1..=MAX_SAME_NAMES {
        let again = if number == 1 { String::new() } else { format!("-{number}") };
        let path = folder.join(format!("meterdeck-{name}-{time}{again}.csv"));
        match fs::OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(mut file) => {
                file.write_all(csv.as_bytes())?;
                return path.canonicalize();
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, "too many files of this second"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_never_overwrites() {
        let folder = tempfile::tempdir().unwrap();
        let first = export(folder.path(), "live", "a\r\n").unwrap();
        let second = export(folder.path(), "live", "b\r\n").unwrap();
        assert_ne!(first, second);
        assert_eq!(fs::read_to_string(first).unwrap(), "a\r\n");
        assert!(export(&folder.path().join("missing"), "live", "").is_err());
    }
}
