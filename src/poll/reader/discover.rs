//! Finding out where a device keeps its registers, and what it refuses.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{Reader, Report, ask::alone};
use crate::{
    device::{
        bus::{Answer, Bus},
        sunspec,
    },
    domain::fault::{Fault, FaultKind},
    poll::learn::{Finding, Learned, Search, Step},
};

/// Most extra requests of one poll that find out what a device refuses; the next poll goes on from there.
pub(super) const MAX_LEARNING_REQUESTS: u32 = 64;
/// One of the registers that a device refused is asked for again once per this: firmware changes, and a device that
/// was starting up refuses what it has later.
const ASK_AGAIN_EVERY: Duration = Duration::from_mins(1);

/// A SunSpec model, whose place is found once for each set-up of the connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Model {
    pub(super) id: u16,
    /// In which set-up of the connection it was found, and where.
    pub(super) found: Option<(u64, u16)>,
}

impl Reader {
    /// Finds the place of a SunSpec model, where that is not known in this set-up of the connection.
    pub(super) async fn find_model(
        &mut self,
        bus: &mut impl Bus,
        connects: u64,
        report: &mut Report,
    ) -> Result<(), Fault> {
        let Some(Model { id, found }) = self.model else { return Ok(()) };
        if found.is_some_and(|(set_up, _)| set_up == connects) {
            return Ok(());
        }
        let mut walk = sunspec::Walk::new(id);
        let base = loop {
            match walk.step() {
                sunspec::Step::Found(base) => break base,
                sunspec::Step::Missing(fault) => return Err(fault),
                sunspec::Step::Read(read) => match self.ask_once(bus, read, self.device.timeout, report).await {
                    Ok((Answer::Registers(words), _)) => walk.take(words.try_into().ok()),
                    Ok((Answer::Bits(_), _)) => walk.take(None),
                    Err(fault) if fault.kind.is_answer() && fault.kind != FaultKind::Busy => walk.take(None),
                    Err(fault) => return Err(fault),
                },
            }
        };
        if found.is_none_or(|(_, before)| before != base) {
            let registers = sunspec::resolve(&self.configured, base);
            if registers.len() != self.configured.len() {
                let detail = format!("model {id} at {base} would end after the last address");
                return Err(Fault::new(FaultKind::ModelMissing, detail));
            }
            // Another place, another list of what is refused.
            (self.registers, self.learned) = (registers.into(), Learned::default());
            self.replan();
        }
        self.model = Some(Model { id, found: Some((connects, base)) });
        Ok(())
    }

    /// Finds out why a request for these registers was refused; whether that changed the plan.
    pub(super) async fn find_out(
        &mut self,
        bus: &mut impl Bus,
        indices: &[usize],
        fault: &Fault,
        budget: &mut u32,
        report: &mut Report,
    ) -> Result<bool, Fault> {
        let mut search = Search::new(&self.registers, indices);
        loop {
            let finding = match search.step() {
                Some(Step::Found(finding)) => Some(finding),
                Some(Step::Ask(_)) if *budget == 0 => return Ok(false),
                Some(Step::Ask(read)) => {
                    *budget -= 1;
                    match self.ask_once(bus, read, self.device.timeout, report).await {
                        Ok(_) => search.answered(true),
                        Err(fault) if fault.kind.is_answer() => search.answered(false),
                        Err(fault) => return Err(fault),
                    }
                }
                None => return Ok(false),
            };
            if let Some(finding) = finding {
                *budget = budget.saturating_sub(1);
                self.learn(finding, fault, report);
                return Ok(true);
            }
        }
    }

    fn learn(&mut self, finding: Finding, fault: &Fault, report: &mut Report) {
        self.learned.learn(finding, &self.registers, fault);
        if let Finding::Missing(index) = finding
            && let Some(refused) = self.learned.missing().get(&index)
        {
            report.faults.push(self.of_profile(refused));
        }
        self.replan();
        report.learned = true;
    }

    fn replan(&mut self) {
        self.plan = Arc::new(self.learned.plan(&self.registers, &self.device.behaviour));
    }

    /// Asks once in a while, or where nothing else is left to ask, for one of the registers that were refused.
    pub(super) async fn ask_again(&mut self, bus: &mut impl Bus, report: &mut Report) -> Option<Fault> {
        let (last, after) = self.asked_again;
        if !self.plan.blocks.is_empty() && last.elapsed() < ASK_AGAIN_EVERY {
            return None;
        }
        let missing = self.learned.missing();
        let index = *missing.range(after + 1..).next().or_else(|| missing.iter().next())?.0;
        self.asked_again = (Instant::now(), index);
        if report.learned {
            return None; // It was just asked.
        }
        let read = alone(self.registers.get(index)?).ok()?;
        match self.ask_once(bus, read, self.device.timeout, report).await {
            Ok((answer, at)) => {
                self.learned.found(index);
                self.replan();
                report.learned = true;
                self.store(read, &[index], &answer, at, report);
                None
            }
            Err(fault) if fault.kind.is_answer() => None,
            Err(fault) => Some(fault),
        }
    }
}
