use proptest::prelude::*;

use super::*;
use crate::domain::reading::State;

fn any_steps(tier: Tier) -> impl Strategy<Value = Vec<Summary>> {
    let number = prop_oneof![-50..50_i64, -9_000_000_000_000_000_000..9_000_000_000_000_000_000_i64];
    let numbers = prop::collection::vec(prop::option::weighted(0.9, number), 1..5);
    prop::collection::vec((1..4_i64, numbers), 0..60).prop_map(move |steps| {
        let mut start_ms = 1_700_006_400_000 / tier.step_ms * tier.step_ms;
        let mut summaries = Vec::new();
        for (gap, numbers) in steps {
            start_ms += gap * tier.step_ms;
            let mut summary = Summary::empty(start_ms);
            for number in numbers {
                summary.push(number, State::Good);
            }
            summaries.push(summary);
        }
        summaries
    })
}

/// A step as it is after being kept.
fn kept(mut step: Summary, tier: Tier, is_counter: bool) -> Summary {
    let (mean, rest) = mean_and_rest(&step, tier);
    if !is_counter {
        (step.first, step.last) = (mean, mean);
    }
    step.sum = i128::from(mean) * i128::from(step.count) + i128::from(rest);
    step
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn blocks_read_back(one in any_steps(MINUTE), other in any_steps(MINUTE), is_counter: bool, tier in 0..4_usize) {
        let tier = Tier { step_ms: MINUTE_MS, ..TIERS[tier] };
        let column = |steps: &[Summary]| SummaryColumn { decimals: Decimals::default(), is_counter, steps: steps.to_vec() };
        let block = SummaryBlock([(5, column(&one)), (9, column(&other))].into());
        let bytes = block.pack(tier);
        let read = SummaryBlock::unpack(&bytes, tier).unwrap();
        for (series, steps) in [(5, one), (9, other)] {
            let steps: Vec<_> = steps.into_iter().map(|step| kept(step, tier, is_counter)).collect();
            prop_assert_eq!(&read.0[&series].steps, &steps);
            let alone = SummaryBlock::column(&bytes, tier, series).unwrap().unwrap();
            prop_assert_eq!(alone.steps, steps);
            if tier.exact {
                prop_assert!(read.0[&series].steps.iter().all(|step| step.count > 0 || step.sum == 0));
            }
        }
        prop_assert_eq!(SummaryBlock::column(&bytes, tier, 7), Ok(None));
    }
}

#[test]
fn steps_are_replaced_by_span() {
    let step = |start_ms, count| Summary { count, ..Summary::empty(start_ms) };
    let mut column = SummaryColumn {
        decimals: Decimals::default(),
        is_counter: false,
        steps: vec![step(0, 1), step(10, 1), step(20, 1), step(30, 1)],
    };
    column.replace(10, 30, [step(10, 2), step(15, 0), step(25, 3)]);
    assert_eq!(column.steps, [step(0, 1), step(10, 2), step(25, 3), step(30, 1)]);
}
