//! How a simulated device behaves: every way in which real ones trouble their readers.

use std::{path::PathBuf, time::Duration};

/// What is simulated beyond the site's own description of a device. The default is a healthy device.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SimulatedDevice {
    /// Its troubles; all of them at once where there are several.
    pub rules: Vec<Rule>,
    /// Mean load, percent of the rating; `None`: something between 20 and 85 %, by the device's id.
    pub load_percent: Option<f64>,
    /// How far phase A is above the mean of the phases, percent.
    pub imbalance_percent: Option<f64>,
    /// Power factor at mean load, over 0 to 1.
    pub power_factor: Option<f64>,
    /// Nominal voltage of a phase, V.
    pub voltage: Option<f64>,
    /// The file that the simulator opens for a serial line, where the site file names the line's other end.
    pub serial: Option<PathBuf>,
}

impl From<Behaviour> for SimulatedDevice {
    fn from(behaviour: Behaviour) -> Self {
        Self { rules: vec![behaviour.into()], ..Self::default() }
    }
}

/// A behaviour, and to how many of the requests it applies.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// What is done.
    pub behaviour: Behaviour,
    /// To the first so many requests; `None`: to all of them.
    pub times: Option<u32>,
    /// With `times`: it begins again after so many requests; `None`: once only.
    pub of: Option<u32>,
}

impl From<Behaviour> for Rule {
    fn from(behaviour: Behaviour) -> Self {
        Self { behaviour, times: None, of: None }
    }
}

impl Rule {
    /// The behaviour for the first `times` requests, and health after that.
    pub fn first(times: u32, behaviour: Behaviour) -> Self {
        Self { behaviour, times: Some(times), of: None }
    }

    /// Whether it applies to the request with this number, counted from 0.
    pub fn applies_to(&self, request: u64) -> bool {
        let position = self.of.filter(|of| *of > 0).map_or(request, |of| request % u64::from(of));
        self.times.is_none_or(|times| position < u64::from(times))
    }
}

/// One way to misbehave.
#[derive(Debug, Clone, PartialEq)]
pub enum Behaviour {
    /// Takes requests and never answers.
    Silent,
    /// Answers after this time; within the deadline when it is shorter.
    Slow(Duration),
    /// Answers after the deadline, by this much after the request.
    Late(Duration),
    /// Closes the connection after so many requests on it.
    Closes(u32),
    /// A second client's connection is closed at once.
    SingleConnection,
    /// A second client's connection is reset at once.
    SingleConnectionReset,
    /// Refuses requests that touch registers which it does not have (exception 02).
    RefusesGaps,
    /// Refuses requests of more registers (exception 03).
    SmallLargestRequest(u16),
    /// Is busy (exception 06).
    Busy,
    /// A gateway reaches nobody with this unit number: exception 0B after this time.
    MissingUnit(Duration),
    /// Answers as this unit.
    WrongUnit(u8),
    /// Adds this to the transaction id.
    WrongTransaction(u16),
    /// Answers with this function code.
    WrongFunction(u8),
    /// Leaves out so many registers at the end.
    Short(u16),
    /// Adds so many registers at the end.
    Long(u16),
    /// Claims this many bytes of data, whatever follows.
    LyingByteCount(u8),
    /// Sends so many bytes that mean nothing.
    Garbage(u16),
    /// Every value is the type's "not available".
    Sentinel,
    /// Values stay as they are now.
    Frozen,
    /// Silent for `down` of every `every`, beginning with the good part.
    Intermittent {
        /// How long it is silent.
        down: Duration,
        /// Length of the whole cycle.
        every: Duration,
    },
    /// Scale registers are one higher in every second answer, and the values with them.
    ScaleFactorFlips,
    /// Refuses requests that touch these addresses, with this exception.
    Exception {
        /// Exception code.
        code: u8,
        /// First address.
        first: u16,
        /// Last address.
        last: u16,
    },
    /// Sends its answers a byte at a time, with this pause between.
    Split(Duration),
    /// Sends every answer twice in one segment.
    Doubled,
    /// Sends so many bytes of the answer, then closes.
    CutOff(u16),
    /// Sends so many bytes of the answer, then nothing.
    Stalls(u16),
    /// Resets the connection instead of answering.
    Reset,
    /// Closes a connection on which nothing came for this time.
    DropsIdle(Duration),
    /// Drops requests that come within this time after the connection was set up.
    PauseAfterConnect(Duration),
    /// Acknowledges writes and does nothing.
    IgnoresWrites,
    /// Refuses writes (exception 04).
    RefusesWrites,
    /// Does what it is told this much later.
    AppliesLate(Duration),
    /// Goes to what it is told in ten steps over this time.
    RampsTo(Duration),
    /// Holds at least this word, whatever it is told.
    ClampsWrites(u16),
    /// Rounds words down to multiples of this.
    RoundsWrites(u16),
    /// Does what it is told, and its echo says something else.
    LiesInEcho,
    /// Does what it is told, and its answer is lost.
    LosesWriteAnswers,
}

impl Behaviour {
    /// Its word in a site file.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::Slow(_) => "slow",
            Self::Late(_) => "late",
            Self::Closes(_) => "closes",
            Self::SingleConnection => "single-connection",
            Self::SingleConnectionReset => "single-connection-reset",
            Self::RefusesGaps => "refuses-gaps",
            Self::SmallLargestRequest(_) => "small-largest-request",
            Self::Busy => "busy",
            Self::MissingUnit(_) => "missing-unit",
            Self::WrongUnit(_) => "wrong-unit",
            Self::WrongTransaction(_) => "wrong-transaction",
            Self::WrongFunction(_) => "wrong-function",
            Self::Short(_) => "short",
            Self::Long(_) => "long",
            Self::LyingByteCount(_) => "lying-byte-count",
            Self::Garbage(_) => "garbage",
            Self::Sentinel => "sentinel",
            Self::Frozen => "frozen",
            Self::Intermittent { .. } => "intermittent",
            Self::ScaleFactorFlips => "scale-factor-flips",
            Self::Exception { .. } => "exception",
            Self::Split(_) => "split",
            Self::Doubled => "doubled",
            Self::CutOff(_) => "cut-off",
            Self::Stalls(_) => "stalls",
            Self::Reset => "reset",
            Self::DropsIdle(_) => "drops-idle",
            Self::PauseAfterConnect(_) => "pause-after-connect",
            Self::IgnoresWrites => "ignores-writes",
            Self::RefusesWrites => "refuses-writes",
            Self::AppliesLate(_) => "applies-late",
            Self::RampsTo(_) => "ramps-to",
            Self::ClampsWrites(_) => "clamps-writes",
            Self::RoundsWrites(_) => "rounds-writes",
            Self::LiesInEcho => "lies-in-echo",
            Self::LosesWriteAnswers => "loses-write-answers",
        }
    }
}
