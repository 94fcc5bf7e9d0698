//! From work to requests on the wire, and from answers to a report. Here is the last look at what is written: a command that
//! is outside the control point's limits, or that its register cannot hold as it is, is never sent.

use jiff::Timestamp;
use tokio::sync::oneshot;

use crate::{
    device::{
        bus::{Answer, Read, Write},
        lane::{self, Done, Jobs, Step},
        registers::{self, Decoded},
    },
    domain::{
        dispatch::{
            SetPoint,
            grip::{Report, Work, Wrote, is_near},
            interlock,
        },
        fault::Fault,
        register::{Function, Register},
        site::{Control, Device},
    },
};

/// What a step of the job is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// The limit is written.
    Limit,
    /// The revert timer is written.
    Timer,
    /// The revert timer is written on the way back: whether it takes it changes nothing.
    TimerBack,
    /// The limit is read.
    Held,
    /// The permit is read.
    Permit,
    /// The revert timer is read.
    TimerHeld,
}

/// Hands work to a device's lane; `None` where it cannot be done. What comes of it is awaited.
pub(super) fn begin(device: &Device, lane: &Jobs, work: &Work) -> Option<impl Future<Output = Report> + Send + use<>> {
    let control = device.control.clone()?;
    let plan = plan(&control, work);
    let (done, is_done) = oneshot::channel();
    let refused = match &plan {
        Ok(steps) => {
            let steps = steps.iter().map(|(_, step)| step.clone()).collect();
            let job = lane::Job { unit: device.unit, timeout: device.timeout, steps, done };
            lane.try_send(job).err().map(|_| "too many jobs wait for its connection".to_owned())
        }
        Err(reason) => Some(reason.clone()),
    };
    Some(async move {
        let (Ok(steps), None) = (plan, &refused) else {
            return nothing(&refused.unwrap_or_default());
        };
        match is_done.await {
            Ok(done) => report(&control, &steps, done),
            Err(_) => nothing("its connection has gone"),
        }
    })
}

/// The report about what was not done.
pub(super) fn nothing(reason: &str) -> Report {
    Report { wrote: None, held: Err(reason.to_owned()), permit: None, timer: None }
}

fn plan(control: &Control, work: &Work) -> Result<Vec<(Purpose, Step)>, String> {
    let mut steps = Vec::new();
    let limit = &control.limit;
    let timer = control.revert_timer.as_ref();
    let timer_on = || -> Result<Option<(Purpose, Step)>, String> {
        let Some(timer) = timer else { return Ok(None) };
        let words = registers::encode(&timer.register, Some(timer.value), 0);
        Ok(Some((Purpose::Timer, Step::Write(write(&timer.register, words)?))))
    };
    match work {
        Work::Arm => {
            steps.push((Purpose::Held, Step::Read(read(limit))));
            steps.extend(control.permit.as_ref().map(|permit| (Purpose::Permit, Step::Read(read(&permit.register)))));
            steps.extend(timer.map(|timer| (Purpose::TimerHeld, Step::Read(read(&timer.register)))));
            return Ok(steps);
        }
        Work::Look => {}
        Work::Operate { value } => {
            if let Some(reason) = interlock::limits(control, *value) {
                return Err(reason.to_string());
            }
            steps.extend(timer_on()?);
            steps.push((Purpose::Limit, Step::Write(write(limit, exact(control, *value)?)?)));
        }
        Work::Refresh => steps.extend(timer_on()?),
        Work::Step { value } => steps.push((Purpose::Limit, Step::Write(write(limit, exact(control, *value)?)?))),
        Work::Restore { words, timer: before } => {
            steps.push((Purpose::Limit, Step::Write(write(limit, words.clone())?)));
            if let (Some(timer), Some(before)) = (timer, before) {
                steps.push((Purpose::TimerBack, Step::Write(write(&timer.register, before.clone())?)));
            }
        }
    }
    steps.push((Purpose::Held, Step::Read(read(limit))));
    Ok(steps)
}

/// The words that stand for a value, and for nothing else.
fn exact(control: &Control, value: f64) -> Result<Vec<u16>, String> {
    let words = registers::encode(&control.limit, Some(value), 0);
    let held = decode(&control.limit, &words);
    if held.is_some_and(|held| is_near(control, held, value)) {
        Ok(words)
    } else {
        Err(format!("its register cannot hold {value} {}", control.limit.reading_unit().symbol()))
    }
}

fn read(register: &Register) -> Read {
    Read { function: register.function, address: register.address, count: register.raw_type.length() }
}

fn write(register: &Register, words: Vec<u16>) -> Result<Write, String> {
    match (register.function, words.first()) {
        (Function::Coil, Some(word)) => Ok(Write::Coil { address: register.address, on: *word != 0 }),
        (Function::Holding, Some(_)) => Ok(Write::Registers { address: register.address, words }),
        _ => Err("its register cannot be written".to_owned()),
    }
}

/// The value that words stand for, outside the register's range too.
fn decode(register: &Register, words: &[u16]) -> Option<f64> {
    let decoded = if register.function.is_bits() {
        registers::decode_bit(register, words.first().is_some_and(|word| *word != 0))
    } else {
        registers::decode(register, words, None)
    };
    match decoded {
        Decoded::Value(value) | Decoded::OutOfRange(value) => Some(value),
        Decoded::NotAvailable => None,
    }
}

fn words(answer: Option<Answer>) -> Vec<u16> {
    match answer {
        Some(Answer::Registers(words)) => words,
        Some(Answer::Bits(bits)) => bits.into_iter().map(u16::from).collect(),
        None => Vec::new(),
    }
}

fn report(control: &Control, steps: &[(Purpose, Step)], done: Vec<Done>) -> Report {
    let mut report = nothing("it was not asked");
    for ((purpose, _), done) in steps.iter().zip(done) {
        let Some(result) = done else { continue };
        match (purpose, result) {
            (Purpose::Limit, result) => report.wrote = Some(wrote(result)),
            // Without its timer the limit is not written.
            (Purpose::Timer, Err(fault)) => report.wrote = Some(wrote(Err(fault))),
            (Purpose::Held, Ok(answer)) => {
                let words = words(answer);
                let value = decode(&control.limit, &words);
                report.held = Ok(SetPoint { words, value, at: Timestamp::now() });
            }
            (Purpose::Held, Err(fault)) => report.held = Err(fault.to_string()),
            (Purpose::Permit, Ok(answer)) => {
                let register = control.permit.as_ref().map(|permit| &permit.register);
                report.permit = register.and_then(|register| decode(register, &words(answer)));
            }
            (Purpose::TimerHeld, Ok(answer)) => report.timer = Some(words(answer)),
            // The limit could be written, but not its way home.
            (Purpose::TimerHeld, Err(fault)) => report.held = Err(format!("its revert timer cannot be read: {fault}")),
            // A permit that cannot be read is none.
            (Purpose::Permit, Err(_)) | (Purpose::Timer | Purpose::TimerBack, _) => {}
        }
    }
    report
}

fn wrote(result: Result<Option<Answer>, Fault>) -> Wrote {
    match result {
        Ok(_) => Wrote::Acknowledged,
        Err(fault) if fault.kind.is_answer() => Wrote::Refused(fault.to_string()),
        Err(fault) => Wrote::Unknown(fault.to_string()),
    }
}
