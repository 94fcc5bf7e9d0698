//! The guard between the wire and tokio-modbus: nothing but whole frames that answer the request get through.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{
    frame::{Asked, Framing, MAX_FRAME, Units, Verdict, is_beginning, judge},
    wire::Wire,
};
use crate::{
    device::bus::Read,
    domain::{
        fault::{Fault, FaultKind},
        register::Function,
    },
};

/// The wire with one frame's worth of bytes in front of it.
#[derive(Debug)]
pub(super) struct Guard {
    wire: Wire,
    framing: Framing,
    asked: Asked,
    /// Bytes of the request that have gone out.
    sent: usize,
    /// MBAP: the transaction id that tokio-modbus gave its request. What travels is our own: a client lives for one
    /// request, and would begin anew each time.
    theirs: [u8; 2],
    bytes: [u8; MAX_FRAME],
    filled: usize,
    /// The part of `bytes` that is an answer, as far as it was not handed over yet.
    answer: Option<(usize, usize)>,
    answered: Option<u16>,
    fault: Option<Fault>,
}

/// What stands on the wire when nothing was asked.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Idle {
    /// Nothing, as it should be.
    Quiet,
    /// Bytes that cannot be told from an answer to the next request.
    Unasked,
    /// The other side has gone.
    Ended(Fault),
}

/// The handle of a [`Guard`] that tokio-modbus reads from and writes to. Its owner and the connection never use it at
/// the same time, so the lock is free whenever it is taken.
#[derive(Debug, Clone)]
pub(super) struct Pipe(Arc<Mutex<Guard>>);

impl Pipe {
    pub(super) fn new(wire: Wire, framing: Framing, any_transaction: bool) -> Self {
        let nothing = Read { function: Function::Holding, address: 0, count: 0 };
        let asked = Asked {
            unit: 0,
            read: nothing,
            echo: None,
            transaction: u16::MAX, // the first request is number 0
            answered: None,
            any_transaction,
            late: Units::default(),
        };
        Self(Arc::new(Mutex::new(Guard {
            wire,
            framing,
            asked,
            sent: 0,
            theirs: [0; 2],
            bytes: [0; MAX_FRAME],
            filled: 0,
            answer: None,
            answered: None,
            fault: None,
        })))
    }

    pub(super) fn guard(&self) -> MutexGuard<'_, Guard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for bytes and throws them away; 0 at the end of the stream.
    pub(super) async fn discard(&self) -> io::Result<usize> {
        std::future::poll_fn(|context| {
            let mut guard = self.guard();
            guard.filled = 0;
            guard.poll_fill(context)
        })
        .await
    }
}

impl Guard {
    /// Gets ready for a request; call before it is written.
    pub(super) fn begin(&mut self, asked: Asked) {
        let transaction = self.asked.transaction.wrapping_add(1);
        let any_transaction = self.asked.any_transaction;
        self.asked = Asked { answered: self.answered, transaction, any_transaction, ..asked };
        self.sent = 0;
        self.answer = None;
        self.fault = None;
    }

    /// What went wrong on the wire, where that is known.
    pub(super) fn take_fault(&mut self) -> Option<Fault> {
        self.fault.take()
    }

    /// What a time-out means, told by what has arrived.
    pub(super) fn time_out(&self, after: &str) -> Fault {
        let bytes = self.received();
        if bytes.is_empty() {
            Fault::new(FaultKind::NoAnswer, format!("after {after}"))
        } else if is_beginning(self.framing, bytes, &self.asked) {
            let all = self.asked.frame_length(self.framing);
            Fault::new(FaultKind::NoAnswer, format!("but {} of {all} bytes after {after}", bytes.len()))
        } else {
            Fault::new(FaultKind::Garbled, format!("{} bytes after {after}", bytes.len()))
        }
    }

    /// Looks at the wire before a request. Where transaction ids tell answers apart, bytes are kept, and judged later.
    pub(super) fn idle(&mut self) -> Idle {
        let told_apart = self.framing == Framing::Mbap && !self.asked.any_transaction;
        if self.filled > 0 && !told_apart {
            return Idle::Unasked;
        }
        let Some(free) = self.bytes.get_mut(self.filled..).filter(|free| !free.is_empty()) else {
            return Idle::Unasked;
        };
        match self.wire.try_read(free) {
            Ok(0) => Idle::Ended(self.wire.end(0)),
            Ok(_) if !told_apart => Idle::Unasked,
            Ok(read) => {
                self.filled += read;
                Idle::Quiet
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Idle::Quiet,
            Err(error) => Idle::Ended(self.wire.fault(&error)),
        }
    }

    fn received(&self) -> &[u8] {
        self.bytes.get(..self.filled).unwrap_or_default()
    }

    /// Reads into the free part of `bytes`; 0 at the end of the stream.
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut free = ReadBuf::new(self.bytes.get_mut(self.filled..).unwrap_or_default());
        ready!(Pin::new(&mut self.wire).poll_read(context, &mut free))?;
        let read = free.filled().len();
        self.filled += read;
        Poll::Ready(Ok(read))
    }

    fn poll_answer(&mut self, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            if let Some((start, end)) = self.answer {
                self.hand_over(start, end, into);
                return Poll::Ready(Ok(()));
            }
            match judge(self.framing, self.received(), &self.asked) {
                Verdict::Frame(start, end) => self.accept(start, end),
                Verdict::Skip(length) => self.consume(length),
                Verdict::Wrong(fault) => return Poll::Ready(self.fail(fault)),
                Verdict::Incomplete => match ready!(self.poll_fill(context)) {
                    Ok(0) => return Poll::Ready(self.fail(self.wire.end(self.filled))),
                    Ok(_) => {}
                    Err(error) => return Poll::Ready(self.fail(self.wire.fault(&error))),
                },
            }
        }
    }

    fn accept(&mut self, start: usize, end: usize) {
        self.answer = Some((start, end));
        // An answer that came twice in one go is one answer.
        if self.bytes.get(start..end) == self.bytes.get(end..self.filled) {
            self.filled = end;
        }
        if self.framing == Framing::Mbap {
            if let Some(id) = self.bytes.get_mut(start..start + 2) {
                id.copy_from_slice(&self.theirs);
            }
            self.answered = Some(self.asked.transaction);
        }
    }

    fn hand_over(&mut self, start: usize, end: usize, into: &mut ReadBuf<'_>) {
        let part = into.remaining().min(end - start);
        into.put_slice(self.bytes.get(start..start + part).unwrap_or_default());
        if start + part < end {
            self.answer = Some((start + part, end));
        } else {
            self.answer = None;
            self.consume(end);
        }
    }

    fn consume(&mut self, length: usize) {
        self.bytes.copy_within(length.min(self.filled)..self.filled, 0);
        self.filled = self.filled.saturating_sub(length);
    }

    fn fail<T>(&mut self, fault: Fault) -> io::Result<T> {
        self.fault = Some(fault);
        Err(io::ErrorKind::InvalidData.into())
    }

    fn poll_request(&mut self, context: &mut Context<'_>, request: &[u8]) -> Poll<io::Result<usize>> {
        let mut ours = [0; MAX_FRAME];
        let request = match (self.framing, request, ours.get_mut(..request.len())) {
            (Framing::Mbap, &[high, low, ..], Some(ours)) if self.sent == 0 => {
                self.theirs = [high, low];
                ours.copy_from_slice(request);
                if let Some(id) = ours.get_mut(..2) {
                    id.copy_from_slice(&self.asked.transaction.to_be_bytes());
                }
                &*ours
            }
            // The rest of a request of which only the first byte went out: the id's second byte is still to come.
            (Framing::Mbap, &[_, ..], Some(ours)) if self.sent == 1 => {
                ours.copy_from_slice(request);
                if let (Some(byte), [_, low]) = (ours.first_mut(), self.asked.transaction.to_be_bytes()) {
                    *byte = low;
                }
                &*ours
            }
            _ => request,
        };
        match ready!(Pin::new(&mut self.wire).poll_write(context, request)) {
            Ok(written) => {
                self.sent = self.sent.saturating_add(written);
                Poll::Ready(Ok(written))
            }
            Err(error) => Poll::Ready(self.fail(self.wire.fault(&error))),
        }
    }
}

impl AsyncRead for Pipe {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.guard().poll_answer(context, into)
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.guard().poll_request(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.guard().wire).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.guard().wire).poll_shutdown(context)
    }
}
