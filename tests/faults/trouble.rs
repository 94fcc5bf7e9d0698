//! Trouble by chance: the same for the same seed.

use std::time::Duration;

use fastrand::Rng;

use crate::server::{Act, Asked, Frames, word};

/// What a device, gateway or line in trouble does with a request; the same for the same seed and request.
pub(crate) fn trouble(seed: u64, asked: &Asked, deadline: Duration) -> Vec<Act> {
    let mut random = Rng::with_seed(seed ^ (asked.sequence as u64) << 8);
    let honest = asked.honest();
    let cut = random.usize(0..honest.len());
    let late = deadline.mul_f64(0.5 + 3.0 * random.f64());
    let other = Asked { unit: asked.unit % 4 + 1, ..*asked };
    let mut words = asked.words();
    match random.u8(0..24) {
        0 => vec![],
        1 | 2 => vec![Act::Wait(late), Act::Send(honest)],
        3 => vec![Act::Send([honest.clone(), honest].concat())],
        // On RTU, a second copy after the silence between frames cannot be told from the next answer by anybody.
        4 if asked.frames == Frames::Mbap => {
            vec![Act::Send(honest.clone()), Act::Wait(Duration::from_millis(1)), Act::Send(honest)]
        }
        5 => vec![
            Act::Send(honest[..cut].to_vec()),
            Act::Wait(Duration::from_millis(2)),
            Act::Send(honest[cut..].to_vec()),
        ],
        6 => vec![Act::Send(honest[..cut].to_vec())],
        7 => vec![Act::Send(honest[..cut].to_vec()), Act::Wait(late), Act::Send(honest[cut..].to_vec())],
        8 => vec![Act::Send(other.honest())],
        9 => vec![Act::Send([other.honest(), honest].concat())],
        10 => vec![Act::Send(Asked { transaction: asked.transaction.wrapping_sub(1), ..other }.honest())],
        11 => vec![Act::Send(Asked { function: 4, ..*asked }.honest())],
        12 => vec![Act::Send(asked.exception(random.u8(1..=11)))],
        13 => vec![Act::Wait(late), Act::Send(asked.exception(2))],
        14 => {
            words.push(0);
            vec![Act::Send(asked.with(&words))]
        }
        15 => vec![Act::Send(asked.with(&words[1..]))],
        16 => vec![Act::Send((0..random.usize(1..300)).map(|_| random.u8(..)).collect())],
        17 if asked.frames == Frames::Mbap => vec![Act::Send(honest), Act::Close],
        18 if asked.frames == Frames::Mbap => vec![Act::Reset],
        _ => vec![Act::Send(honest)],
    }
}

/// Whether `words` are the device's answer to a request for exactly this that it got at or after number `from`.
pub(crate) fn are_answers(words: &[u16], unit: u8, address: u16, from: usize, requests: &[Asked]) -> bool {
    requests.iter().skip(from).any(|asked| {
        (asked.unit, asked.address) == (unit, address)
            && words.iter().zip(address..).all(|(found, address)| *found == word(unit, address, asked.sequence))
    })
}
