//! Registers that cannot both be right: two values that share words but not all of them.

use std::collections::BTreeMap;

use super::super::{
    fields::At,
    problems::{Problem, Sink, Spot},
};
use crate::domain::register::{Function, Register};

/// Words that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Extent {
    start: u32,
    end: u32,
}

/// A register, and its place where it has one of its own.
type Placed<'a> = (&'a Register, Option<&'a Spot>);

/// Records clashes among registers of one device. Registers with a place are named there; those without
/// (of a profile) are only named as the other side.
pub(in super::super) fn check<'a>(sink: &Sink, registers: impl IntoIterator<Item = Placed<'a>>) {
    let mut by_function: BTreeMap<Function, Vec<(Extent, Placed<'a>)>> = BTreeMap::new();
    for placed in registers {
        let register = placed.0;
        let extents = by_function.entry(register.function).or_default();
        extents.push((own(register), placed));
        if let Some(address) = register.scale_register {
            let start = u32::from(address);
            extents.push((Extent { start, end: start + 1 }, placed));
        }
    }
    for extents in by_function.values_mut() {
        extents.sort_by_key(|(extent, _)| *extent);
        // Sorted by start: whoever reaches furthest so far is the one to overlap.
        let mut furthest: Option<(Extent, Placed<'a>)> = None;
        for &(extent, placed) in extents.iter() {
            if let Some((before, other)) = furthest
                && extent.start < before.end
                && clash((before, other.0), (extent, placed.0))
            {
                report(sink, other, placed);
            }
            if furthest.is_none_or(|(before, _)| extent.end > before.end) {
                furthest = Some((extent, placed));
            }
        }
    }
}

/// The same for registers that all have a place.
pub(in super::super) fn check_all(sink: &Sink, registers: &[At<Register>]) {
    check(sink, registers.iter().map(|register| (&register.value, Some(&register.spot))));
}

fn own(register: &Register) -> Extent {
    Extent { start: register.address.into(), end: register.end() }
}

/// The same words twice are fine as the same type, and a scale may also be read as a value.
fn clash((first, one): (Extent, &Register), (second, other): (Extent, &Register)) -> bool {
    first != second || (first == own(one) && second == own(other) && one.raw_type != other.raw_type)
}

fn report(sink: &Sink, first: Placed<'_>, second: Placed<'_>) {
    // The later one in the file is blamed, and never one without a place.
    let first_is_later = match (first.1, second.1) {
        (Some(one), Some(two)) => one.source == two.source && one.span.start > two.span.start,
        (one, _) => one.is_some(),
    };
    let ((register, spot), (other, other_spot)) = if first_is_later { (first, second) } else { (second, first) };
    let Some(spot) = spot else { return };
    let message =
        format!("`{}` ({}) overlaps `{}` ({})", register.quantity, words(register), other.quantity, words(other));
    let mut problem = Problem::error(spot, message)
        .help("one of the two has a wrong address or type; addresses count from 0, published ones often from 1");
    if let Some(other_spot) = other_spot {
        problem = problem.also(other_spot, "the other one");
    }
    sink.add(problem);
}

fn words(register: &Register) -> String {
    let words = match register.raw_type.length() {
        1 => register.address.to_string(),
        _ => format!("{} to {}", register.address, register.end() - 1),
    };
    match register.scale_register {
        Some(scale) => format!("{words}, scale in {scale}"),
        None => words,
    }
}
