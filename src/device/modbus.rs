//! The Modbus client: a [`Bus`] over TCP, RTU over TCP, or a serial line.
//!
//! tokio-modbus is the codec. In front of it a guard lets through only whole frames that agree with the request in
//! transaction, unit, function and length; every call has a deadline; and after any fault that is not the device's own
//! answer nothing that may still arrive can be taken for the next answer: a TCP connection is dropped, a serial line
//! drained until it is silent.

use std::{collections::BTreeMap, fmt, time::Duration};

use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tokio_modbus::{
    Request, Response, Slave,
    client::{Client, rtu, tcp},
};

use self::{
    answer::{answer, exception, is_exception, request, seconds, undecodable, write_request},
    frame::{Asked, Framing, Units},
    guard::{Idle, Pipe},
    wire::{LEAST_SILENCE, Wire, silence},
};
use super::bus::{Answer, Bus, Read, Write};
use crate::domain::{
    fault::{Fault, FaultKind},
    site::Link,
};

mod answer;
pub mod frame;
mod guard;
mod wire;

/// How often a connection is set up anew for one request: one that the device closed while it was idle, or on which
/// bytes stand that nobody asked for.
const MAX_RENEWALS: usize = 2;
/// A serial line that is not silent after this many deadlines will not be: something babbles.
const MAX_DRAIN_DEADLINES: u32 = 4;

/// How a connection wants to be treated: of several devices on it, the largest of each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Wait between connecting and the first request.
    pub pause_after_connect: Duration,
    /// Least time between two requests.
    pub pause_between: Duration,
    /// The longest deadline of its devices: for so long after a fault an answer may still arrive on a serial line.
    pub default_deadline: Duration,
    /// A device on it takes a single connection: explains why it is refused.
    pub single_connection: bool,
    /// Take answers with any transaction id: for gateways that do not repeat it. Unit, function and length still count.
    pub any_transaction: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            pause_after_connect: Duration::ZERO,
            pause_between: Duration::ZERO,
            default_deadline: Duration::from_secs(1),
            single_connection: false,
            any_transaction: false,
        }
    }
}

/// One connection to one or more units; see [`Bus`].
#[derive(Debug)]
pub struct Connection {
    link: Link,
    options: Options,
    session: Option<Session>,
    /// A request is out; still set at the next one where its caller was dropped half way.
    in_flight: bool,
    /// No request before this: pauses that devices need, silence between RTU frames.
    not_before: Option<Instant>,
    /// Serial: bytes may be on the line, and it must be silent before the next request.
    noisy: bool,
    /// RTU: units whose answers may come late.
    doubts: BTreeMap<u8, Doubt>,
    /// The unit that was asked last.
    last_unit: u8,
    connects: u64,
}

/// RTU has nothing that ties an answer to its request. After a time-out, the unit's next answer may be the late one to
/// the earlier request; other units are told apart by their number.
#[derive(Debug, Clone, Copy)]
struct Doubt {
    /// It is not asked before this, and what comes until then is thrown away.
    until: Instant,
    /// Its next answer is asked for again, and the second one taken.
    ask_again: bool,
}

/// A connection that stands.
struct Session {
    pipe: Pipe,
    /// Whether anything was ever answered on it.
    answered: bool,
}

impl Connection {
    /// A connection that does not stand yet.
    pub fn new(link: Link, options: Options) -> Self {
        Self {
            link,
            options,
            session: None,
            in_flight: false,
            not_before: None,
            noisy: false,
            doubts: BTreeMap::new(),
            last_unit: 0,
            connects: 0,
        }
    }

    /// How often it was set up, also where that went unnoticed because the device had closed it while idle.
    pub fn connects(&self) -> u64 {
        self.connects
    }

    fn framing(&self) -> Framing {
        match self.link {
            Link::ModbusTcp { .. } => Framing::Mbap,
            Link::ModbusRtuOverTcp { .. } | Link::ModbusRtu { .. } => Framing::Rtu,
        }
    }

    fn is_serial(&self) -> bool {
        matches!(self.link, Link::ModbusRtu { .. })
    }

    async fn open(&mut self, deadline: Duration) -> Result<(), Fault> {
        let wire = match &self.link {
            Link::ModbusTcp { address } | Link::ModbusRtuOverTcp { address } => {
                let too_late = |_| Fault::new(FaultKind::NoLink, format!("no connection after {}", seconds(deadline)));
                timeout(deadline, Wire::connect(address)).await.map_err(too_late).flatten()
            }
            Link::ModbusRtu { serial, baud, parity, stop_bits } => Wire::open(serial, *baud, *parity, *stop_bits),
        }
        .map_err(|fault| self.explained(fault, false))?;
        let pipe = Pipe::new(wire, self.framing(), self.options.any_transaction);
        self.session = Some(Session { pipe, answered: false });
        self.connects += 1;
        self.pause(self.options.pause_after_connect);
        Ok(())
    }

    /// tokio-modbus for one request: it holds two buffers of 8 KiB, and of a thousand connections few ask at a time. It
    /// keeps nothing between requests that anybody needs.
    fn attach(&self, pipe: &Pipe, unit: u8) -> Box<dyn Client> {
        match self.framing() {
            Framing::Mbap => tcp::attach_slave(pipe.clone(), Slave(unit)).into(),
            Framing::Rtu => rtu::attach_slave(pipe.clone(), Slave(unit)).into(),
        }
    }

    /// No request for `pause`, or longer where that is due already.
    fn pause(&mut self, pause: Duration) {
        if !pause.is_zero() {
            self.not_before = self.not_before.max(Some(Instant::now() + pause));
        }
    }

    /// A connection that stands, is rested, and on which nothing waits that nobody asked for.
    async fn ready(&mut self, unit: u8, deadline: Duration) -> Result<(), Fault> {
        let mut last = Fault::new(FaultKind::Closed, "while idle");
        for _ in 0..=MAX_RENEWALS {
            if !self.is_connected() {
                self.connect(deadline).await?;
            }
            self.drain(unit).await?;
            if let Some(time) = self.not_before.take() {
                sleep_until(time).await;
            }
            let Some(session) = &self.session else { continue };
            let answered = session.answered;
            let idle = session.pipe.guard().idle();
            match idle {
                Idle::Quiet => return Ok(()),
                Idle::Unasked => {
                    last = Fault::new(FaultKind::Garbled, "bytes that nobody asked for");
                    self.distrust(false);
                }
                Idle::Ended(fault) => {
                    self.session = None;
                    if !answered {
                        return Err(self.explained(fault, false));
                    }
                }
            }
        }
        Err(last)
    }

    /// Nothing that arrives from now on may be taken for the answer to a later request. `is_answered`: the answer that
    /// was wrong is the one that was asked for, and no other will come.
    fn distrust(&mut self, is_answered: bool) {
        let may_be_late = !is_answered || self.doubts.contains_key(&self.last_unit);
        if self.framing() == Framing::Rtu && may_be_late {
            let until = Instant::now() + self.options.default_deadline;
            self.doubts.insert(self.last_unit, Doubt { until, ask_again: true });
        }
        if self.is_serial() {
            self.noisy = true;
        } else {
            self.session = None;
        }
    }

    /// RTU: waits until the line is silent, and no late answer of `unit` can come any more.
    async fn drain(&mut self, unit: u8) -> Result<(), Fault> {
        let Some(pipe) = self.session.as_ref().map(|session| session.pipe.clone()) else { return Ok(()) };
        let now = Instant::now();
        let late_until = self.doubts.get(&unit).map(|doubt| doubt.until).filter(|until| *until > now);
        if self.noisy || late_until.is_some() {
            let silence = self.silence();
            let give_up = now + self.options.default_deadline * MAX_DRAIN_DEADLINES + silence;
            let mut silent_at = late_until.max(Some(now + silence)).unwrap_or(now);
            loop {
                match timeout_at(silent_at, pipe.discard()).await {
                    Err(_) => break,
                    Ok(Ok(read)) if read > 0 && silent_at < give_up => {
                        let again = Doubt { until: now, ask_again: true };
                        self.doubts.entry(unit).or_insert(again).ask_again = true;
                        silent_at = silent_at.max(Instant::now() + silence);
                    }
                    Ok(Ok(read)) if read > 0 => return Err(Fault::new(FaultKind::Garbled, "the line is never silent")),
                    Ok(end) if self.is_serial() => {
                        return Err(
                            self.lost(&end.map_or_else(|error| error.to_string(), |_| "the line has gone".into()))
                        );
                    }
                    // It will be connected anew, and nothing late can come on that.
                    Ok(_) => {
                        self.session = None;
                        break;
                    }
                }
            }
            self.noisy = false;
        }
        if self.doubts.get(&unit).is_some_and(|doubt| !doubt.ask_again) {
            self.doubts.remove(&unit);
        }
        Ok(())
    }

    /// RTU: the units of which a late answer may still come.
    fn late_units(&self) -> Units {
        if self.doubts.is_empty() {
            return Units::default();
        }
        let now = Instant::now();
        self.doubts.iter().filter(|(_, doubt)| doubt.until > now).map(|(unit, _)| *unit).collect()
    }

    /// The silence that ends a frame. Over TCP it is there to see bytes that nobody asked for before the next request:
    /// on a serial line behind a gateway, a frame takes longer than that anyway.
    fn silence(&self) -> Duration {
        match self.link {
            Link::ModbusRtu { baud, .. } => silence(baud),
            Link::ModbusRtuOverTcp { .. } => LEAST_SILENCE,
            Link::ModbusTcp { .. } => Duration::ZERO,
        }
    }

    fn lost(&mut self, why: &str) -> Fault {
        self.session = None;
        Fault::new(FaultKind::SerialMissing, crate::text::clean(why))
    }

    /// One request and its answer.
    async fn exchange(&mut self, asked: Asked, request: Request<'_>, deadline: Duration) -> Result<Response, Fault> {
        self.ready(asked.unit, deadline).await?;
        let late = self.late_units();
        let Some(session) = &self.session else { return Err(Fault::new(FaultKind::Closed, "not connected")) };
        session.pipe.guard().begin(Asked { late, ..asked });
        let mut client = self.attach(&session.pipe, asked.unit);
        self.last_unit = asked.unit;
        self.in_flight = true;
        let outcome = timeout(deadline, client.call(request)).await;
        self.in_flight = false;
        let Some(session) = &mut self.session else { return Err(Fault::new(FaultKind::Closed, "not connected")) };
        let answered = session.answered;
        let fault = match outcome {
            Ok(Ok(result)) => {
                session.answered = true;
                self.rest();
                return result.map_err(|code| exception(code, asked));
            }
            Ok(Err(error)) => session.pipe.guard().take_fault().unwrap_or_else(|| undecodable(&error)),
            Err(_) => session.pipe.guard().time_out(&seconds(deadline)),
        };
        self.rest();
        if self.is_serial() && fault.kind == FaultKind::SerialMissing {
            self.session = None;
        }
        self.distrust(matches!(fault.kind, FaultKind::WrongLength | FaultKind::BadReply));
        Err(self.explained(fault, answered))
    }

    /// The pause after a request.
    fn rest(&mut self) {
        self.pause(self.options.pause_between.max(self.silence()));
    }

    /// What a refusal means where the device takes a single connection and we have not had it yet.
    fn explained(&self, fault: Fault, answered: bool) -> Fault {
        let refusal = matches!(fault.kind, FaultKind::Closed | FaultKind::Reset);
        if refusal && self.options.single_connection && !answered {
            Fault::new(FaultKind::SlotTaken, format!("({})", fault.to_string().to_lowercase()))
        } else {
            fault
        }
    }
}

impl Bus for Connection {
    async fn connect(&mut self, deadline: Duration) -> Result<(), Fault> {
        if std::mem::take(&mut self.in_flight) {
            self.distrust(false);
        }
        if let Some(session) = &self.session {
            let (answered, idle) = (session.answered, session.pipe.guard().idle());
            match idle {
                Idle::Unasked => self.distrust(false),
                Idle::Ended(_) if answered => self.session = None,
                Idle::Quiet | Idle::Ended(_) => {}
            }
        }
        if self.session.is_some() { Ok(()) } else { self.open(deadline).await }
    }

    async fn transact(&mut self, unit: u8, read: Read, deadline: Duration) -> Result<Answer, Fault> {
        let asked = Asked::new(unit, read)?;
        let mut renewals = 0;
        loop {
            let answered_before = self.session.as_ref().is_some_and(|session| session.answered);
            let outcome = self.exchange(asked, request(read), deadline).await;
            match &outcome {
                // The device closed an idle connection just when the request was on its way.
                Err(fault)
                    if matches!(fault.kind, FaultKind::Closed | FaultKind::Reset)
                        && answered_before
                        && renewals < MAX_RENEWALS =>
                {
                    renewals += 1;
                    continue;
                }
                Err(fault) if !is_exception(fault.kind) => {}
                // Ask once more. Where the first answer was a late one, the last of three is still to come.
                _ if self.doubts.remove(&unit).is_some() => {
                    let confirmed = self.exchange(asked, request(read), deadline).await;
                    let until = Instant::now() + self.options.default_deadline;
                    self.doubts.entry(unit).or_insert(Doubt { until, ask_again: false });
                    return answer(confirmed?, read);
                }
                _ => {}
            }
            return answer(outcome?, read);
        }
    }

    async fn write(&mut self, unit: u8, write: &Write, deadline: Duration) -> Result<(), Fault> {
        // The guard lets nothing through but the right echo.
        self.exchange(Asked::write(unit, write)?, write_request(write), deadline).await.map(drop)
    }

    fn is_connected(&self) -> bool {
        self.session.is_some() && !self.in_flight
    }

    async fn close(&mut self) {
        self.session = None;
        self.in_flight = false;
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Session").field("answered", &self.answered).finish_non_exhaustive()
    }
}
