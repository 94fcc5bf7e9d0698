//! A bus with a fast lane: jobs that go before whatever else the connection does.
//!
//! The owner of a connection reads on a schedule; a dispatch must not wait for that. Between any two requests, jobs that wait
//! are done first. A request that is under way is never given up, so a job waits for one request at most.

use std::{future::Future, sync::Arc, time::Duration};

use tokio::sync::{Mutex, mpsc, oneshot};

use super::bus::{Answer, Bus, Read, Write};
use crate::domain::fault::Fault;

/// Jobs that wait for one connection: several for each of the 247 units behind it.
pub const MAX_WAITING_JOBS: usize = 1_024;

/// Where jobs for a connection go.
pub type Jobs = mpsc::Sender<Job>;

/// One request of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A read.
    Read(Read),
    /// A write. After one that failed, the job's other writes are left out, and its reads are done.
    Write(Write),
}

/// What came of a step; `None`: it was left out. A write has no answer.
pub type Done = Option<Result<Option<Answer>, Fault>>;

/// Requests to one unit, done one after the other with nothing between.
#[derive(Debug)]
pub struct Job {
    /// The unit.
    pub unit: u8,
    /// The deadline of each request.
    pub timeout: Duration,
    /// The requests.
    pub steps: Vec<Step>,
    /// Told what came of each of them.
    pub done: oneshot::Sender<Vec<Done>>,
}

/// A bus, and the jobs that go before.
#[derive(Debug)]
pub struct Lane<B> {
    bus: B,
    /// Shared with the lane that takes this one's place after a bug; one of them is there at a time.
    jobs: Arc<Mutex<mpsc::Receiver<Job>>>,
    /// Taken while waiting, and not done yet.
    next: Option<Job>,
}

impl<B: Bus> Lane<B> {
    /// A lane over a bus.
    pub fn new(bus: B, jobs: Arc<Mutex<mpsc::Receiver<Job>>>) -> Self {
        Self { bus, jobs, next: None }
    }

    /// Ready when a job waits; never, when nobody can send one any more. May be dropped at any time.
    pub async fn job_waits(&mut self) {
        if self.next.is_none() {
            self.next = self.jobs.lock().await.recv().await;
        }
        if self.next.is_none() {
            std::future::pending::<()>().await;
        }
    }

    /// Does all jobs that wait.
    pub async fn do_jobs(&mut self) {
        while let Some(job) = self.take().await {
            self.do_job(job).await;
        }
    }

    async fn take(&mut self) -> Option<Job> {
        match self.next.take() {
            Some(job) => Some(job),
            None => self.jobs.lock().await.try_recv().ok(),
        }
    }

    async fn do_job(&mut self, job: Job) {
        let mut done: Vec<Done> = Vec::with_capacity(job.steps.len());
        let mut writes_fail = false;
        for step in &job.steps {
            if writes_fail && matches!(step, Step::Write(_)) {
                done.push(None);
                continue;
            }
            let result = match self.bus.connect(job.timeout).await {
                Err(fault) => Err(fault),
                Ok(()) => match step {
                    Step::Read(read) => self.bus.transact(job.unit, *read, job.timeout).await.map(Some),
                    Step::Write(write) => self.bus.write(job.unit, write, job.timeout).await.map(|()| None),
                },
            };
            writes_fail |= result.is_err() && matches!(step, Step::Write(_));
            let is_gone = result.as_ref().is_err_and(|fault| fault.kind.is_of_connection());
            done.push(Some(result));
            if is_gone {
                break;
            }
        }
        // Who asked may have gone.
        let _ = job.done.send(done);
    }
}

impl<B: Bus> Bus for Lane<B> {
    fn connect(&mut self, deadline: Duration) -> impl Future<Output = Result<(), Fault>> + Send {
        self.bus.connect(deadline)
    }

    async fn transact(&mut self, unit: u8, read: Read, deadline: Duration) -> Result<Answer, Fault> {
        self.do_jobs().await;
        self.bus.connect(deadline).await?;
        self.bus.transact(unit, read, deadline).await
    }

    fn write(&mut self, unit: u8, write: &Write, deadline: Duration) -> impl Future<Output = Result<(), Fault>> + Send {
        self.bus.write(unit, write, deadline)
    }

    fn is_connected(&self) -> bool {
        self.bus.is_connected()
    }

    fn close(&mut self) -> impl Future<Output = ()> + Send {
        self.bus.close()
    }
}
