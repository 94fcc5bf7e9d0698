//! The behaviours' words, what each takes, and what it takes to be when nothing is said.

use std::time::Duration;

use super::{did_you_mean, parameters::Parameters};
use crate::device::simulator::{
    behaviour::{Behaviour, Rule},
    unit::NO_TARGET,
};

/// Every behaviour's word.
pub(super) const WORDS: &[&str] = &[
    "silent",
    "slow",
    "late",
    "closes",
    "single-connection",
    "single-connection-reset",
    "refuses-gaps",
    "small-largest-request",
    "busy",
    "missing-unit",
    "wrong-unit",
    "wrong-transaction",
    "wrong-function",
    "short",
    "long",
    "lying-byte-count",
    "garbage",
    "sentinel",
    "frozen",
    "intermittent",
    "scale-factor-flips",
    "exception",
    "split",
    "doubled",
    "cut-off",
    "stalls",
    "reset",
    "drops-idle",
    "pause-after-connect",
    "ignores-writes",
    "refuses-writes",
    "applies-late",
    "ramps-to",
    "clamps-writes",
    "rounds-writes",
    "lies-in-echo",
    "loses-write-answers",
];

/// All words, for messages.
pub(super) fn all() -> String {
    WORDS.join(", ")
}

/// The rule that a word and its parameters stand for; `None` where the word is unknown (and has been complained about).
pub(super) fn rule(word: &str, parameters: &mut Parameters<'_>, timeout: Duration) -> Option<Rule> {
    let behaviour = of_time(word, parameters, timeout).or_else(|| of_content(word, parameters)).or_else(|| plain(word));
    let Some(behaviour) = behaviour else {
        let hint = did_you_mean(word, WORDS.iter().copied());
        let message = if hint.is_empty() {
            format!("`{word}` is none of {}", all())
        } else {
            format!("`{word}` is not known{hint}")
        };
        parameters.wrong("behaviour", message);
        return None;
    };
    let usual = (behaviour == Behaviour::Busy).then_some(3);
    let times = parameters.whole("times", 1_u32, "how many requests it applies to, at least 1").or(usual);
    let of = parameters.whole("of", 1_u32, "after how many requests it begins again, at least 1");
    Some(Rule { behaviour, times, of })
}

/// Behaviours without parameters.
fn plain(word: &str) -> Option<Behaviour> {
    Some(match word {
        "silent" => Behaviour::Silent,
        "single-connection" => Behaviour::SingleConnection,
        "single-connection-reset" => Behaviour::SingleConnectionReset,
        "refuses-gaps" => Behaviour::RefusesGaps,
        "busy" => Behaviour::Busy,
        "sentinel" => Behaviour::Sentinel,
        "frozen" => Behaviour::Frozen,
        "scale-factor-flips" => Behaviour::ScaleFactorFlips,
        "doubled" => Behaviour::Doubled,
        "reset" => Behaviour::Reset,
        "ignores-writes" => Behaviour::IgnoresWrites,
        "refuses-writes" => Behaviour::RefusesWrites,
        "lies-in-echo" => Behaviour::LiesInEcho,
        "loses-write-answers" => Behaviour::LosesWriteAnswers,
        _ => return None,
    })
}

/// Behaviours with time spans.
fn of_time(word: &str, parameters: &mut Parameters<'_>, timeout: Duration) -> Option<Behaviour> {
    let milliseconds = Duration::from_millis;
    Some(match word {
        "slow" => Behaviour::Slow(parameters.span("delay").unwrap_or(timeout.mul_f64(0.8))),
        "late" => Behaviour::Late(parameters.span("delay").unwrap_or(timeout.mul_f64(1.4))),
        "missing-unit" => Behaviour::MissingUnit(parameters.span("delay").unwrap_or(milliseconds(200))),
        "split" => Behaviour::Split(parameters.span("delay").unwrap_or(milliseconds(1))),
        "drops-idle" => Behaviour::DropsIdle(parameters.span("idle").unwrap_or(milliseconds(10_000))),
        "pause-after-connect" => Behaviour::PauseAfterConnect(parameters.span("pause").unwrap_or(milliseconds(1_500))),
        "applies-late" => Behaviour::AppliesLate(parameters.span("delay").unwrap_or(milliseconds(2_000))),
        "ramps-to" => Behaviour::RampsTo(parameters.span("delay").unwrap_or(milliseconds(2_000))),
        "intermittent" => {
            let every = parameters.span("every").unwrap_or(milliseconds(60_000));
            let down = parameters.span("down").unwrap_or(every / 3);
            if down >= every {
                parameters.wrong("down", "is shorter than `every`".to_owned());
            }
            Behaviour::Intermittent { down, every }
        }
        _ => return None,
    })
}

/// Behaviours with numbers.
fn of_content(word: &str, parameters: &mut Parameters<'_>) -> Option<Behaviour> {
    const BYTES: &str = "a number of bytes, 1 to 65535";
    const REGISTERS: &str = "a number of registers, 1 to 125";
    Some(match word {
        "closes" => Behaviour::Closes(parameters.whole("after", 1, "a number of requests, at least 1").unwrap_or(10)),
        "small-largest-request" => {
            Behaviour::SmallLargestRequest(parameters.whole("registers", 1, REGISTERS).unwrap_or(40))
        }
        "wrong-unit" => Behaviour::WrongUnit(parameters.whole("unit", 0, "a unit number, 0 to 255").unwrap_or(247)),
        "wrong-transaction" => Behaviour::WrongTransaction(
            parameters.whole("shift", 1, "what is added to the id, 1 to 65535").unwrap_or(1),
        ),
        "wrong-function" => {
            Behaviour::WrongFunction(parameters.whole("function", 0, "a function code, 0 to 255").unwrap_or(6))
        }
        "short" => Behaviour::Short(parameters.whole("registers", 1, REGISTERS).unwrap_or(1)),
        "long" => Behaviour::Long(parameters.whole("registers", 1, REGISTERS).unwrap_or(1).min(2)),
        "lying-byte-count" => Behaviour::LyingByteCount(parameters.whole("bytes", 0, "0 to 255 bytes").unwrap_or(3)),
        "garbage" => Behaviour::Garbage(parameters.whole("bytes", 1, BYTES).unwrap_or(64)),
        "cut-off" => Behaviour::CutOff(parameters.whole("bytes", 1, BYTES).unwrap_or(9)),
        "stalls" => Behaviour::Stalls(parameters.whole("bytes", 1, BYTES).unwrap_or(9)),
        "clamps-writes" => Behaviour::ClampsWrites(parameters.whole("least", 0, "a word, 0 to 65535").unwrap_or(60)),
        "rounds-writes" => Behaviour::RoundsWrites(parameters.whole("step", 1, "a word, 1 to 65535").unwrap_or(10)),
        "exception" => {
            let code = parameters.whole("code", 1, "an exception code, 1 to 255").unwrap_or(NO_TARGET);
            let first = parameters.whole("first", 0, "the first address, 0 to 65535").unwrap_or(0);
            let last = parameters.whole("last", first, "the last address, not before `first`").unwrap_or(u16::MAX);
            Behaviour::Exception { code, first, last }
        }
        _ => return None,
    })
}
