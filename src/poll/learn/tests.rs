use std::{collections::BTreeSet, time::Duration};

use proptest::prelude::*;

use super::*;
use crate::domain::{
    fault::FaultKind,
    quantity::Quantity,
    register::{Encoding, Function, Order, RawType},
    unit::Unit,
};

fn float(address: u16) -> Register {
    Register {
        quantity: Quantity::CurrentKw,
        address,
        function: Function::Holding,
        raw_type: RawType::F32,
        words: Order::Big,
        bytes: Order::Big,
        scale: 1.0,
        offset: 0.0,
        scale_register: None,
        invalid: None,
        unit: Unit::Kilowatt,
        min: None,
        max: None,
        modulus: None,
        encoding: Encoding::Plain,
    }
}

fn behaviour() -> Behaviour {
    Behaviour {
        max_registers: 125,
        max_gap: 8,
        pause_after_connect: Duration::ZERO,
        pause_between: Duration::ZERO,
        single_connection: false,
        close_after_poll: false,
        busy_retries: 3,
    }
}

/// A device that refuses what is too long, and what touches an address that it does not have.
struct Device {
    longest: u16,
    absent: BTreeSet<u16>,
    requests: usize,
}

impl Device {
    fn accepts(&mut self, read: Read) -> bool {
        self.requests += 1;
        let range = read.range();
        read.count <= self.longest && !(range.first..=range.last).any(|address| self.absent.contains(&address))
    }

    /// Polls until nothing is refused any more, and tells what was learned.
    fn learn(&mut self, registers: &[Register]) -> (Learned, Plan) {
        let mut learned = Learned::default();
        for _ in 0..1_000 {
            let plan = learned.plan(registers, &behaviour());
            let Some(refused) = plan.blocks.iter().find(|block| !self.accepts(block.read)) else {
                return (learned, plan);
            };
            let mut search = Search::new(registers, &refused.registers);
            let finding = loop {
                match search.step().expect("a refused request has a reason") {
                    Step::Found(finding) => break finding,
                    Step::Ask(read) => {
                        let accepted = self.accepts(read);
                        if let Some(finding) = search.answered(accepted) {
                            break finding;
                        }
                    }
                }
            };
            learned.learn(finding, registers, &Fault::new(FaultKind::IllegalAddress, ""));
        }
        panic!("it does not end")
    }
}

fn served(plan: &Plan) -> BTreeSet<usize> {
    plan.blocks.iter().flat_map(|block| block.registers.iter().copied()).collect()
}

#[test]
fn a_smaller_largest_request_is_found() {
    let registers: Vec<_> = (0..60).map(|index| float(index * 2)).collect();
    let mut device = Device { longest: 40, absent: BTreeSet::new(), requests: 0 };
    let (learned, plan) = device.learn(&registers);
    assert_eq!(learned.notes(), ["answers at most 40 registers a request"]);
    assert_eq!(plan.blocks.len(), 3);
    assert!(device.requests <= 16, "{} requests", device.requests);
}

#[test]
fn a_refused_gap_is_read_around() {
    let registers: Vec<_> = (0..20).map(|index| float(3000 + index * 4 + if index >= 10 { 6 } else { 0 })).collect();
    let mut device = Device { longest: 125, absent: (3040..3044).collect(), requests: 0 };
    let (learned, plan) = device.learn(&registers);
    assert_eq!(learned.notes(), ["refuses 3038 to 3045: read around it"]);
    assert_eq!(plan.blocks.len(), 2);
    assert!(device.requests <= 12, "{} requests", device.requests);
}

#[test]
fn a_register_that_does_not_exist_is_named_and_the_rest_is_read() {
    let registers: Vec<_> = (0..20).map(|index| float(index * 2)).collect();
    let mut device = Device { longest: 125, absent: [14, 15].into(), requests: 0 };
    let (learned, plan) = device.learn(&registers);
    assert_eq!(learned.notes(), ["does not have current_kw at holding 14"]);
    assert_eq!(plan.blocks.len(), 2);
    assert_eq!(served(&plan).len(), 19);
    assert!(device.requests <= 14, "{} requests", device.requests);
}

#[test]
fn a_small_limit_is_not_taken_for_many_gaps() {
    let registers: Vec<_> = (0..19).map(|index| float(index * 3)).collect();
    let mut device = Device { longest: 4, absent: BTreeSet::new(), requests: 0 };
    let (learned, plan) = device.learn(&registers);
    assert_eq!(learned.notes().len(), 1, "{:?}", learned.notes());
    assert_eq!(plan.blocks.len(), 19);
}

#[test]
fn a_register_that_came_back_is_planned_again() {
    let registers = [float(0), float(2)];
    let mut learned = Learned::default();
    learned.learn(Finding::Missing(1), &registers, &Fault::new(FaultKind::IllegalAddress, ""));
    assert_eq!(learned.plan(&registers, &behaviour()).blocks.len(), 1);
    assert_eq!(served(&learned.plan(&registers, &behaviour())), [0].into());
    learned.found(1);
    assert_eq!(served(&learned.plan(&registers, &behaviour())), [0, 1].into());
}

proptest! {
    #[test]
    fn all_that_exists_is_read_in_the_end(
        steps in prop::collection::vec(2u16..8, 1..50),
        longest in 2u16..126,
        holes in prop::collection::btree_set(0u16..300, 0..6),
    ) {
        let addresses = steps.iter().scan(0, |address, step| { *address += step; Some(*address) });
        let registers: Vec<Register> = addresses.map(float).collect();
        let mut device = Device { longest, absent: holes.clone(), requests: 0 };
        let (learned, plan) = device.learn(&registers);
        let exists = |register: &Register| !(holes.contains(&register.address) || holes.contains(&(register.address + 1)));
        let expected: BTreeSet<usize> =
            registers.iter().enumerate().filter(|(_, register)| exists(register)).map(|(index, _)| index).collect();
        prop_assert_eq!(served(&plan), expected);
        prop_assert!(learned.missing().keys().all(|index| !exists(&registers[*index])));
        // Each finding costs a refusal and about two questions for each halving, and the plan is read again.
        let findings = holes.len() + 6;
        let bound = findings * (2 * 7 + 4) + (findings + 1) * plan.blocks.len().max(4);
        prop_assert!(device.requests <= bound, "{} requests, {} allowed", device.requests, bound);
    }
}
