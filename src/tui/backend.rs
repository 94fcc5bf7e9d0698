//! Draws into a terminal by way of bytes that leave in one piece: one write for each frame, and none where nothing changed.

use std::io::{self, Write};

use crossterm::{
    cursor::{Hide, MoveTo, Show},
    queue,
    terminal::{BeginSynchronizedUpdate, Clear, EndSynchronizedUpdate},
};
use ratatui::{
    backend::{Backend, ClearType, WindowSize},
    buffer::Cell,
    layout::{Position, Size},
};

mod cells;

/// A terminal, as far as the loop needs one.
pub trait Tty: Write {
    /// Its size now.
    ///
    /// # Errors
    /// Where it has gone.
    fn size(&self) -> io::Result<Size>;

    /// Gives the terminal back and stops the process until somebody continues it. False where nobody could.
    ///
    /// # Errors
    /// Where the terminal has gone.
    fn suspend(&mut self) -> io::Result<bool>;

    /// Takes the terminal again, after the process was stopped and continued.
    ///
    /// # Errors
    /// Where the terminal has gone.
    fn resume(&mut self) -> io::Result<()>;

    /// Asks the terminal to send mouse events, or to keep them.
    ///
    /// # Errors
    /// Where the terminal has gone.
    fn set_mouse(&mut self, on: bool) -> io::Result<()>;
}

/// ratatui's backend: collects a frame and writes it at once, as a synchronized update.
#[derive(Debug)]
pub struct TtyBackend<T> {
    tty: T,
    frame: Vec<u8>,
    /// Whether the cursor is shown.
    shown: bool,
    /// Where it was put last; drawing moves it.
    position: Option<Position>,
}

impl<T: Tty> TtyBackend<T> {
    /// A backend of this terminal, whose cursor is hidden.
    pub fn new(tty: T) -> Self {
        Self { tty, frame: Vec::new(), shown: false, position: None }
    }

    /// The terminal, for what is no drawing.
    pub fn tty(&mut self) -> &mut T {
        &mut self.tty
    }
}

impl<T: Tty> Backend for TtyBackend<T> {
    type Error = io::Error;

    fn draw<'cell, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'cell Cell)>,
    {
        if cells::write(&mut self.frame, content)? {
            self.position = None;
        }
        Ok(())
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.shown) { queue!(self.frame, Hide) } else { Ok(()) }
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        if std::mem::replace(&mut self.shown, true) { Ok(()) } else { queue!(self.frame, Show) }
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(self.position.unwrap_or_default())
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        let position = position.into();
        // A hidden one need not be anywhere.
        if !self.shown || self.position.replace(position) == Some(position) {
            return Ok(());
        }
        queue!(self.frame, MoveTo(position.x, position.y))
    }

    fn clear(&mut self) -> io::Result<()> {
        self.clear_region(ClearType::All)
    }

    fn clear_region(&mut self, clear_type: ClearType) -> io::Result<()> {
        let part = match clear_type {
            ClearType::All => crossterm::terminal::ClearType::All,
            ClearType::AfterCursor => crossterm::terminal::ClearType::FromCursorDown,
            ClearType::BeforeCursor => crossterm::terminal::ClearType::FromCursorUp,
            ClearType::CurrentLine => crossterm::terminal::ClearType::CurrentLine,
            ClearType::UntilNewLine => crossterm::terminal::ClearType::UntilNewLine,
        };
        queue!(self.frame, Clear(part))
    }

    fn size(&self) -> io::Result<Size> {
        self.tty.size()
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        Ok(WindowSize { columns_rows: self.tty.size()?, pixels: Size::ZERO })
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.frame.is_empty() {
            return Ok(());
        }
        let mut bytes = Vec::with_capacity(self.frame.len() + 16);
        queue!(bytes, BeginSynchronizedUpdate)?;
        bytes.append(&mut self.frame);
        queue!(bytes, EndSynchronizedUpdate)?;
        self.tty.write_all(&bytes)?;
        self.tty.flush()
    }
}

#[cfg(test)]
mod tests {
    use ratatui::{Terminal, text::Line};

    use super::*;

    /// Counts writes and keeps their bytes.
    #[derive(Debug, Default)]
    struct Recorder(Vec<Vec<u8>>);

    impl Write for Recorder {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.push(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Tty for Recorder {
        fn size(&self) -> io::Result<Size> {
            Ok(Size::new(20, 3))
        }

        fn suspend(&mut self) -> io::Result<bool> {
            Ok(false)
        }

        fn resume(&mut self) -> io::Result<()> {
            Ok(())
        }

        fn set_mouse(&mut self, _on: bool) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_frame_is_one_write_and_an_unchanged_one_is_none() {
        let mut terminal = Terminal::new(TtyBackend::new(Recorder::default())).unwrap();
        let mut draw = |text: &str, cursor: Option<(u16, u16)>| {
            let before = terminal.backend_mut().tty().0.len();
            terminal
                .draw(|frame| {
                    frame.render_widget(Line::raw(text), frame.area());
                    if let Some(position) = cursor {
                        frame.set_cursor_position(position);
                    }
                })
                .unwrap();
            terminal.backend_mut().tty().0.split_off(before).concat()
        };
        let first = String::from_utf8(draw("12 kW", None)).unwrap();
        assert!(first.starts_with("\u{1b}[?2026h") && first.ends_with("\u{1b}[?2026l"), "{first:?}");
        assert!(first.contains("12"));
        assert_eq!(draw("12 kW", None), b"", "nothing changed");
        assert!(draw("13 kW", None).len() < 60);
        assert!(String::from_utf8(draw("13 kW", Some((3, 1)))).unwrap().contains("\u{1b}[?25h"));
        assert_eq!(draw("13 kW", Some((3, 1))), b"", "the cursor stays");
        assert!(String::from_utf8(draw("14 kW", Some((3, 1)))).unwrap().contains("\u{1b}[2;4H"));
        assert!(String::from_utf8(draw("14 kW", None)).unwrap().contains("\u{1b}[?25l"));
    }
}
