//! Serial lines of a simulator.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio_serial::{SerialPort, SerialStream};

use super::SimulateError;
use crate::domain::site::Parity;

/// Opens the simulator's end of a line, and says where a client finds the other end: the file that was given for the
/// simulator, else the site's own where it exists, else one side of a new pseudo-terminal.
///
/// # Errors
/// The file that cannot be opened.
pub(super) fn open(
    serial: &Path,
    own_end: Option<PathBuf>,
    baud: u32,
    parity: Parity,
    stop_bits: u8,
) -> Result<(SerialStream, PathBuf), SimulateError> {
    let path = match own_end {
        Some(path) => path,
        None if serial.exists() => serial.to_owned(),
        None => return pseudo_terminal(serial),
    };
    let parity = match parity {
        Parity::None => tokio_serial::Parity::None,
        Parity::Even => tokio_serial::Parity::Even,
        Parity::Odd => tokio_serial::Parity::Odd,
    };
    let stop_bits = if stop_bits == 2 { tokio_serial::StopBits::Two } else { tokio_serial::StopBits::One };
    let builder = tokio_serial::new(path.to_string_lossy(), baud)
        .parity(parity)
        .stop_bits(stop_bits)
        .timeout(Duration::from_millis(100));
    SerialStream::open(&builder).map(|line| (line, serial.to_owned())).map_err(|error| failed(&path, error))
}

fn pseudo_terminal(serial: &Path) -> Result<(SerialStream, PathBuf), SimulateError> {
    let (ours, theirs) = SerialStream::pair().map_err(|error| failed(serial, error))?;
    let name =
        theirs.name().ok_or_else(|| failed(serial, io::Error::other("the pseudo-terminal has no name").into()))?;
    // A client opens it by name; a second holder would keep the line from noticing that the client is gone.
    Ok((ours, name.into()))
}

fn failed(path: &Path, error: tokio_serial::Error) -> SimulateError {
    SimulateError::Serial { path: path.display().to_string(), error: error.into() }
}
