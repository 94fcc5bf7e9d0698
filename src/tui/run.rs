//! The loop: messages in, effects out, and a frame when something changed.

use std::{
    io,
    time::{Duration, Instant},
};

use crossterm::event::{Event as Input, MouseButton, MouseEvent, MouseEventKind};
use futures_util::{Stream, StreamExt};
use jiff::Timestamp;
use ratatui::{Terminal, layout::Size};
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    TuiError,
    backend::{Tty, TtyBackend},
    clipboard,
    effect::Effects,
    message::{Effect, Message},
    model::{Model, Notice},
    pace::{Cause, Pace},
    signals,
    theme::Theme,
    update::{facts, update},
    view,
};
use crate::service::interface::Event;

/// How often ages are looked at. A frame that shows nothing new is not written.
const TICK: Duration = Duration::from_secs(1);
/// Rows of one step of the mouse wheel.
const WHEEL_ROWS: isize = 3;

/// Everything outside of the model that the loop needs.
#[derive(Debug)]
pub struct World<T, I> {
    /// The terminal, taken.
    pub tty: T,
    /// What is pressed.
    pub input: I,
    /// Signals, and whether the terminal is still there.
    pub notices: mpsc::Receiver<signals::Notice>,
    /// What the service says.
    pub events: mpsc::Receiver<Event>,
    /// For what is to be done.
    pub effects: Effects,
    /// Whether tmux is between us and the person's terminal.
    pub in_tmux: bool,
    /// Ends the loop from outside.
    pub stop: CancellationToken,
}

/// Runs until somebody quits or the terminal has gone, and returns the model as it is then. `greeting` is the first message.
pub async fn run<T, I>(
    model: Model,
    theme: Theme,
    greeting: Message,
    world: World<T, I>,
) -> (Model, Result<(), TuiError>)
where
    T: Tty,
    I: Stream<Item = io::Result<Input>> + Unpin,
{
    let World { tty, input, notices, events, effects, in_tmux, stop } = world;
    let terminal = match Terminal::new(TtyBackend::new(tty)) {
        Ok(terminal) => terminal,
        Err(error) => return (model, Err(TuiError::Terminal(error))),
    };
    let mut core = Core { model, theme, terminal, effects, in_tmux, pace: Pace::default(), has_service: true };
    let end = core.run_until_the_end(greeting, input, notices, events, stop).await;
    (core.model, end)
}

/// What the loop holds between two messages.
struct Core<T: Tty> {
    model: Model,
    theme: Theme,
    terminal: Terminal<TtyBackend<T>>,
    effects: Effects,
    in_tmux: bool,
    pace: Pace,
    has_service: bool,
}

impl<T: Tty> Core<T> {
    async fn run_until_the_end<I>(
        &mut self,
        greeting: Message,
        mut input: I,
        mut notices: mpsc::Receiver<signals::Notice>,
        mut events: mpsc::Receiver<Event>,
        stop: CancellationToken,
    ) -> Result<(), TuiError>
    where
        I: Stream<Item = io::Result<Input>> + Unpin,
    {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.take(greeting, Cause::Input)?;
        self.redraw()?;
        while !self.model.quitting {
            if self.pace.is_late(Instant::now()) {
                self.draw()?;
            }
            let due = self.pace.due();
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                notice = notices.recv() => if self.notice(notice)? { break },
                event = events.recv(), if self.has_service => self.event(event)?,
                message = self.effects.next() => self.answer(message)?,
                event = input.next() => self.input(event)?,
                () = until(due) => self.draw()?,
                _ = tick.tick() => self.take(Message::Tick, Cause::Data)?,
            }
        }
        Ok(())
    }

    fn take(&mut self, message: Message, cause: Cause) -> Result<(), TuiError> {
        self.pace.want(Instant::now(), cause);
        for effect in update(&mut self.model, Timestamp::now(), message) {
            self.run(effect)?;
        }
        Ok(())
    }

    /// Takes over what an effect came to: somebody waits for it, except for the series that are asked for by themselves.
    fn answer(&mut self, message: Message) -> Result<(), TuiError> {
        let is_asked_by_itself =
            matches!(&message, Message::Answered { request, .. } if facts::is_asked_by_itself(request));
        self.take(message, if is_asked_by_itself { Cause::Data } else { Cause::Input })
    }

    fn event(&mut self, event: Option<Event>) -> Result<(), TuiError> {
        if let Some(event) = event {
            return self.take(Message::Event(event), Cause::Data);
        }
        self.has_service = false;
        self.take(Message::ServiceGone("The service has gone.".to_owned()), Cause::Data)
    }

    fn input(&mut self, event: Option<io::Result<Input>>) -> Result<(), TuiError> {
        let message = match event {
            // The reader ends or fails only with its terminal.
            None => return Err(TuiError::Vanished),
            Some(Err(error)) => return Err(TuiError::Terminal(error)),
            Some(Ok(Input::Key(key))) => Message::Key(key),
            Some(Ok(Input::Paste(text))) => Message::Paste(text),
            Some(Ok(Input::Resize(width, height))) => Message::Resize(Size::new(width, height)),
            Some(Ok(Input::Mouse(event))) => match mouse(event) {
                Some(message) => message,
                None => return Ok(()),
            },
            Some(Ok(Input::FocusGained | Input::FocusLost)) => return Ok(()),
        };
        self.take(message, Cause::Input)
    }

    /// Takes over a signal; true where it ends the program.
    fn notice(&mut self, notice: Option<signals::Notice>) -> Result<bool, TuiError> {
        match notice {
            None => return Ok(true),
            Some(signals::Notice::End(name)) => {
                tracing::info!("SIG{name}: the terminal program ends");
                return Ok(true);
            }
            Some(signals::Notice::Vanished) => return Err(TuiError::Vanished),
            Some(signals::Notice::Suspend) => self.suspend()?,
            Some(signals::Notice::Resume) => {
                self.tty().resume().map_err(TuiError::Terminal)?;
                if self.model.options.mouse {
                    self.tty().set_mouse(true).map_err(TuiError::Terminal)?;
                }
                self.redraw()?;
            }
        }
        Ok(false)
    }

    fn run(&mut self, effect: Effect) -> Result<(), TuiError> {
        match effect {
            Effect::Ask(request) => self.effects.ask(request),
            Effect::Export { files } => self.effects.export(files),
            Effect::Copy(text) => return self.copy(&text),
            Effect::SetMouse(on) => return self.tty().set_mouse(on).map_err(TuiError::Terminal),
            Effect::Redraw => return self.redraw(),
            Effect::Suspend => return self.suspend(),
        }
        Ok(())
    }

    fn copy(&mut self, text: &str) -> Result<(), TuiError> {
        let (text, is_error) = match clipboard::sequence(text, self.in_tmux) {
            Some(sequence) => {
                self.tty().write_all(sequence.as_bytes()).map_err(TuiError::Terminal)?;
                // Nothing tells whether the terminal took it.
                ("Sent to the terminal's clipboard.", false)
            }
            None => ("Too long for the clipboard; export it instead.", true),
        };
        self.take(Message::Done(Notice { text: text.to_owned(), is_error }), Cause::Input)
    }

    fn suspend(&mut self) -> Result<(), TuiError> {
        if self.tty().suspend().map_err(TuiError::Terminal)? {
            return Ok(());
        }
        let text = "There is no shell here that could continue meterdeck.".to_owned();
        self.take(Message::Done(Notice { text, is_error: false }), Cause::Input)
    }

    /// Draws everything again, whatever the terminal may show now.
    fn redraw(&mut self) -> Result<(), TuiError> {
        self.model.size = self.terminal.size().map_err(TuiError::Terminal)?;
        self.terminal.clear().map_err(TuiError::Terminal)?;
        self.draw()
    }

    fn draw(&mut self) -> Result<(), TuiError> {
        let (model, theme) = (&self.model, &self.theme);
        self.terminal.draw(|frame| view::draw(model, theme, frame)).map_err(TuiError::Terminal)?;
        self.pace.drawn(Instant::now());
        Ok(())
    }

    fn tty(&mut self) -> &mut T {
        self.terminal.backend_mut().tty()
    }
}

/// Waits until then, or for ever.
async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}

fn mouse(event: MouseEvent) -> Option<Message> {
    match event.kind {
        MouseEventKind::ScrollUp => Some(Message::Wheel(-WHEEL_ROWS)),
        MouseEventKind::ScrollDown => Some(Message::Wheel(WHEEL_ROWS)),
        MouseEventKind::Down(MouseButton::Left) if event.row == 0 => Some(Message::HeaderClick(event.column)),
        _ => None,
    }
}
