//! One request: its repeats while a device is busy, its count and its time.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep};

use super::{Reader, Report};
use crate::{
    device::bus::{Answer, Bus, Read},
    domain::{
        fault::{Fault, FaultKind},
        register::Register,
    },
    poll::plan::span,
};

/// The first wait for a busy device, doubled each time; half of it is chance.
const BUSY_WAIT: Duration = Duration::from_millis(50);

impl Reader {
    /// Asks, and again a few times where the device is busy and the interval allows.
    pub(super) async fn ask(
        &mut self,
        bus: &mut impl Bus,
        read: Read,
        started: Instant,
        report: &mut Report,
    ) -> Result<(Answer, Timestamp), Fault> {
        let mut wait = BUSY_WAIT;
        for _ in 0..self.device.behaviour.busy_retries {
            match self.ask_once(bus, read, self.device.timeout, report).await {
                Err(fault) if fault.kind == FaultKind::Busy => {
                    let pause = wait.mul_f64(0.5 + 0.5 * self.random.f64());
                    if started.elapsed() + pause >= self.device.every {
                        return Err(fault);
                    }
                    report.faults.push(fault);
                    sleep(pause).await;
                    wait *= 2;
                }
                other => return other,
            }
        }
        self.ask_once(bus, read, self.device.timeout, report).await
    }

    pub(super) async fn ask_once(
        &self,
        bus: &mut impl Bus,
        read: Read,
        deadline: Duration,
        report: &mut Report,
    ) -> Result<(Answer, Timestamp), Fault> {
        let asked = Instant::now();
        let result = bus.transact(self.device.unit, read, deadline).await;
        report.requests += 1;
        if result.as_ref().err().is_none_or(|fault| fault.kind.is_answer()) {
            report.answers += 1;
            report.waited += asked.elapsed();
        }
        result.map(|answer| (answer, Timestamp::now()))
    }
}

/// The request for one register and its scale.
pub(super) fn alone(register: &Register) -> Result<Read, Fault> {
    let range = span(register)?;
    let count = (range.last - range.first).saturating_add(1);
    Ok(Read { function: range.function, address: range.first, count })
}
