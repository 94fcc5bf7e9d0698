use proptest::prelude::*;

use super::*;
use crate::domain::{
    quantity::Quantity,
    register::{Encoding, Order, RawType},
    unit::Unit,
};

fn register(function: Function, address: u16, raw_type: RawType, scale_register: Option<u16>) -> Register {
    Register {
        quantity: Quantity::CurrentKw,
        address,
        function,
        raw_type,
        words: Order::Big,
        bytes: Order::Big,
        scale: 1.0,
        offset: 0.0,
        scale_register,
        invalid: None,
        unit: Unit::Kilowatt,
        min: None,
        max: None,
        modulus: None,
        encoding: Encoding::Plain,
    }
}

fn input(address: u16) -> Register {
    register(Function::Input, address, RawType::F32, None)
}

fn reads(plan: &Plan) -> Vec<(u16, u16)> {
    plan.blocks.iter().map(|block| (block.read.address, block.read.count)).collect()
}

const FREE: Limits<'_> = Limits { max_registers: 125, max_gap: 8, refused: &[] };

#[test]
fn merges_what_is_near_and_nothing_else() {
    let near = [input(4), input(0), input(14), input(25)];
    let plan_of = |limits: &Limits<'_>| reads(&plan(&near, limits));
    assert_eq!(plan_of(&FREE), [(0, 16), (25, 2)]);
    assert_eq!(plan_of(&Limits { max_gap: 9, ..FREE }), [(0, 27)]);
    assert_eq!(plan_of(&Limits { max_registers: 6, ..FREE }), [(0, 6), (14, 2), (25, 2)]);
    assert_eq!(plan_of(&Limits { max_gap: 0, ..FREE }), [(0, 2), (4, 2), (14, 2), (25, 2)]);
    let refused = [Range { function: Function::Input, first: 6, last: 9 }];
    assert_eq!(plan_of(&Limits { refused: &refused, ..FREE }), [(0, 6), (14, 2), (25, 2)]);
    let of_another_table = [Range { function: Function::Holding, first: 6, last: 9 }];
    assert_eq!(plan_of(&Limits { refused: &of_another_table, ..FREE }), [(0, 16), (25, 2)]);
}

#[test]
fn a_scale_register_is_in_the_request_of_its_value() {
    let scaled = register(Function::Holding, 40, RawType::I16, Some(60));
    assert_eq!(reads(&plan(std::slice::from_ref(&scaled), &FREE)), [(40, 21)]);
    let narrow = plan(&[scaled], &Limits { max_registers: 20, ..FREE });
    assert!(narrow.blocks.is_empty());
    let fault = &narrow.unreadable.first().expect("it cannot be read").1;
    assert!(fault.detail.contains("its scale at 60 need 21 registers"), "{fault}");
}

#[test]
fn a_register_past_the_end_of_the_table_is_named() {
    let plan = plan(&[register(Function::Input, 65535, RawType::F32, None)], &FREE);
    assert!(plan.blocks.is_empty());
    assert_eq!(plan.unreadable.len(), 1);
}

#[test]
fn bits_are_read_up_to_the_protocols_limit() {
    let bits: Vec<_> = (0..2001).map(|address| register(Function::Coil, address, RawType::Bit, None)).collect();
    assert_eq!(reads(&plan(&bits, &FREE)), [(0, 2000), (2000, 1)]);
}

prop_compose! {
    fn any_register()(
        table in 0..2,
        address in 0u16..40,
        long in any::<bool>(),
        scale in prop::option::weighted(0.2, 0u16..40),
    ) -> Register {
        let function = if table == 0 { Function::Holding } else { Function::Input };
        register(function, address, if long { RawType::U64 } else { RawType::U16 }, scale)
    }
}

prop_compose! {
    fn any_range()(table in 0..2, first in 0u16..44, length in 0u16..4) -> Range {
        let function = if table == 0 { Function::Holding } else { Function::Input };
        Range { function, first, last: first + length }
    }
}

/// Whether one request may serve all of `members`, by the rules as the specification says them.
fn is_possible(members: &[Range], limits: &Limits<'_>) -> bool {
    let Some(first) = members.iter().map(|range| range.first).min() else { return true };
    let last = members.iter().map(|range| range.last).max().unwrap_or(first);
    let Some(function) = members.first().map(|range| range.function) else { return true };
    let whole = Range { function, first, last };
    let used = |address: u16| members.iter().any(|range| (range.first..=range.last).contains(&address));
    let mut unused = 0;
    let gaps_fit = (first..=last).all(|address| {
        unused = if used(address) { 0 } else { unused + 1 };
        unused <= limits.max_gap
    });
    members.iter().all(|range| range.function == function)
        && length(whole) <= limits.largest(function)
        && gaps_fit
        && !limits.refused.iter().any(|refused| refused.overlaps(whole))
}

/// The fewest groups into which `rest` can be split, trying every one.
fn fewest(rest: &[Range], groups: &mut Vec<Vec<Range>>, limits: &Limits<'_>, best: &mut usize) {
    let Some((range, rest)) = rest.split_first() else {
        if groups.iter().all(|group| is_possible(group, limits)) {
            *best = (*best).min(groups.len());
        }
        return;
    };
    for index in 0..groups.len() {
        groups[index].push(*range);
        fewest(rest, groups, limits, best);
        groups[index].pop();
    }
    if groups.len() + 1 < *best {
        groups.push(vec![*range]);
        fewest(rest, groups, limits, best);
        groups.pop();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_plan_has_fewer_requests(
        registers in prop::collection::vec(any_register(), 0..7),
        refused in prop::collection::vec(any_range(), 0..3),
        max_registers in 1u16..50,
        max_gap in 0u16..12,
    ) {
        let limits = Limits { max_registers, max_gap, refused: &refused };
        let plan = plan(&registers, &limits);
        let mut served: Vec<usize> = plan.blocks.iter().flat_map(|block| block.registers.clone()).collect();
        served.extend(plan.unreadable.iter().map(|(index, _)| *index));
        served.sort_unstable();
        prop_assert_eq!(served, (0..registers.len()).collect::<Vec<_>>());
        for block in &plan.blocks {
            let members: Vec<Range> = block.registers.iter().map(|index| span(&registers[*index]).unwrap()).collect();
            prop_assert!(is_possible(&members, &limits));
            prop_assert!(members.iter().all(|member| block.read.range().contains(*member)));
        }
        let readable: Vec<Range> = registers
            .iter()
            .enumerate()
            .filter(|(index, _)| !plan.unreadable.iter().any(|(unreadable, _)| unreadable == index))
            .map(|(_, register)| span(register).unwrap())
            .collect();
        for (index, _) in &plan.unreadable {
            let alone = span(&registers[*index]).unwrap();
            prop_assert!(length(alone) > limits.largest(alone.function)
                || refused.iter().any(|range| range.overlaps(alone)));
        }
        let mut best = readable.len() + 1;
        fewest(&readable, &mut Vec::new(), &limits, &mut best);
        prop_assert_eq!(plan.blocks.len(), best.min(readable.len()));
    }
}
