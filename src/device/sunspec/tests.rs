//! What the walk promises.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::domain::{
    quantity::Quantity,
    register::{Encoding, Order, RawType},
    unit::Unit,
};

/// A device's registers, as a list of models laid out from `base`, with 0xABCD inside the models.
fn image(base: u16, models: &[(u16, u16)], has_end: bool) -> BTreeMap<u16, u16> {
    let mut words: Vec<u16> = MARKER.to_vec();
    for (id, length) in models {
        words.extend([*id, *length]);
        words.extend(std::iter::repeat_n(0xABCD, usize::from(*length)));
    }
    if has_end {
        words.extend([END, 0]);
    }
    words.into_iter().enumerate().map(|(offset, word)| (base + u16::try_from(offset).unwrap(), word)).collect()
}

/// Walks over an image as a device answers that refuses what it does not have; also how many reads it took.
fn walk(model: u16, image: &BTreeMap<u16, u16>) -> (Step, usize) {
    let mut walk = Walk::new(model);
    for reads in 0..=BASES.len() + MAX_MODELS {
        let Step::Read(read) = walk.step() else { return (walk.step(), reads) };
        assert_eq!((read.function, read.count), (Function::Holding, 2));
        let words = [Some(read.address), read.address.checked_add(1)]
            .map(|address| address.and_then(|address| image.get(&address).copied()));
        let [first, second] = words;
        walk.take(first.zip(second).map(|(first, second)| [first, second]));
    }
    panic!("the walk does not end");
}

fn why(step: &Step) -> &str {
    match step {
        Step::Missing(fault) => {
            assert_eq!(fault.kind, FaultKind::ModelMissing);
            &fault.detail
        }
        _ => panic!("{step:?} is not missing"),
    }
}

#[test]
fn a_meter_behind_the_common_model_is_found_at_every_base() {
    for base in BASES {
        let image = image(base, &[(1, 66), (203, 105), (213, 124)], true);
        assert_eq!(walk(1, &image).0, Step::Found(base + 2));
        assert_eq!(walk(203, &image).0, Step::Found(base + 2 + 68));
        assert_eq!(walk(213, &image).0, Step::Found(base + 2 + 68 + 107));
    }
    // The first base counts, and one that holds something else is passed over.
    let mut both = image(50_000, &[(203, 105)], true);
    both.extend([(40_000, 0x1234), (40_001, 0x5678)]);
    assert_eq!(walk(203, &both), (Step::Found(50_002), 4));
}

#[test]
fn what_is_not_there_is_said() {
    let common = image(40_000, &[(1, 66), (103, 50)], true);
    assert_eq!(why(&walk(203, &common).0), "model 203: not in its list; seen: 1, 103");
    assert_eq!(why(&walk(203, &BTreeMap::new()).0), "no SunS at 40000, 0 or 50000");
    assert_eq!(why(&walk(203, &image(0, &[], true)).0), "model 203: not in its list; seen: none");
}

#[test]
fn truncated_and_hostile_lists_end() {
    let truncated = image(40_000, &[(1, 66)], false);
    assert_eq!(why(&walk(203, &truncated).0), "model 203: the list of models has no end; seen: 1");
    // A list of empty models for ever; one that is longer than the address space; one that spans too much.
    let (step, reads) = walk(203, &image(0, &vec![(7, 0); 5000], false));
    assert!(why(&step).contains("no end") && reads <= BASES.len() + MAX_MODELS, "{reads} reads");
    let mut beyond = image(50_000, &[], false);
    beyond.extend([(50_002, 1), (50_003, 0xFFFF)]);
    assert!(why(&walk(203, &beyond).0).contains("no end"));
    let wide = image(0, &[(1, 9_999), (203, 105)], true);
    assert!(why(&walk(203, &wide).0).contains("no end"));
}

#[test]
fn offsets_become_addresses() {
    let register = |address: u16, scale_register: Option<u16>| Register {
        quantity: Quantity::CurrentKw,
        address,
        function: Function::Holding,
        raw_type: RawType::I16,
        words: Order::Big,
        bytes: Order::Big,
        scale: 1.0,
        offset: 0.0,
        scale_register,
        invalid: None,
        unit: Unit::Watt,
        min: None,
        max: None,
        modulus: None,
        encoding: Encoding::Plain,
    };
    let offsets = [register(18, Some(22)), register(2, None)];
    assert_eq!(resolve(&offsets, 40_070), [register(40_088, Some(40_092)), register(40_072, None)]);
    assert_eq!(resolve(&offsets, 65_515), [register(65_517, None)], "what ends after 65535 is left out");
}

proptest! {
    #[test]
    fn every_walk_ends(
        model in any::<u16>(),
        answers in prop::collection::vec(
            prop_oneof![
                Just(Some(MARKER)),
                any::<[u16; 2]>().prop_map(Some),
                (any::<u16>(), 0_u16..200).prop_map(|(id, length)| Some([id, length])),
                Just(None),
            ],
            BASES.len() + MAX_MODELS + 1,
        ),
    ) {
        let mut walk = Walk::new(model);
        let mut last = 0;
        for words in answers {
            if let Step::Read(read) = walk.step() {
                prop_assert!(read.count == 2);
                last = read.address;
            }
            walk.take(words);
        }
        match walk.step() {
            Step::Found(address) => prop_assert_eq!(address, last),
            Step::Missing(fault) => prop_assert_eq!(fault.kind, FaultKind::ModelMissing),
            Step::Read(_) => prop_assert!(false, "still walking"),
        }
    }
}
