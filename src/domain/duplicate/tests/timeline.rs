//! A meter's readings over time, as the review desk draws them.

use super::*;

/// Readings of two providers for each period, on one statement.
fn billed_twice(months: &[(&str, &str, &str)]) -> Vec<Reading> {
    let mut readings = Vec::new();
    for (period, grid, retail) in months {
        let bill = statement(
            period,
            vec![
                account("a", "Grid Co", "MAIN", vec![record(&format!("{period} {grid}"))]),
                account("b", "Retail Co", "ADDITIONAL", vec![record(&format!("{period} {retail}"))]),
            ],
        );
        readings.extend(bill.into_parts().into_iter().flat_map(|part| part.readings));
    }
    readings
}

fn findings_of(readings: &[Reading], book: &Book) -> Vec<Finding> {
    let candidates: Vec<Candidate> = readings.iter().map(Candidate::from).collect();
    assess(&candidates, &Knowledge { book, measured: None }).findings(&candidates, book)
}

#[test]
fn bars_lie_over_each_other_and_gaps_are_empty() {
    let mut readings =
        billed_twice(&[("01-01 01-11", "45", "45"), ("01-11 01-21", "40", "44"), ("01-31 02-10", "1", "-")]);
    readings[4].excluded = Some(Exclusion::NotContributing { status: None });
    let findings = findings_of(&readings[..4], &Book::default());
    let axis = Axis::of(&readings, 40).unwrap();
    let bars: Vec<_> =
        bars(&readings, &findings, &axis).iter().map(|bar| (bar.from, bar.to, bar.row, bar.state)).collect();
    // Two of the same period lie in the order of their ids, as in their group.
    let (one, two) = if readings[2].id < readings[3].id { (1, 2) } else { (2, 1) };
    assert_eq!(
        bars,
        [
            (0, 10, 0, BarState::Counts),
            (0, 10, 1, BarState::SetAside),
            (10, 20, one, BarState::Open),
            (10, 20, two, BarState::Open),
            (30, 40, 3, BarState::Excluded),
            (30, 40, 1, BarState::NoUsage),
        ]
    );
    assert_eq!((axis.date(0), axis.date(10), axis.date(40)), (day("01-01"), day("01-11"), day("02-10")));
    assert_eq!((axis.column(day("01-15")), axis.column(day("2030-01-01"))), (14, 40));
}

#[test]
fn a_timeline_of_any_size_has_every_bar_on_it() {
    let readings = billed_twice(&[
        ("2000-01-01 2000-01-02", "1", "1"),
        ("2019-01-01 2020-01-01", "1", "2"),
        ("2019-06-01 2021-01-01", "1", "1"),
    ]);
    let findings = findings_of(&readings, &Book::default());
    for columns in [0, 1, 2, 80, u16::MAX] {
        let axis = Axis::of(&readings, columns).unwrap();
        let bars = bars(&readings, &findings, &axis);
        assert_eq!(bars.len(), if columns == 0 { 0 } else { 6 });
        assert!(bars.iter().all(|bar| bar.from < bar.to && bar.to <= columns), "{bars:?}");
        for column in [0, columns / 2, columns.saturating_sub(1)] {
            let back = axis.column(axis.date(column));
            assert!(columns == 0 || back >= column, "{columns}: {column} {back}");
        }
    }
    let twice = Axis::of(&readings, 80).map(|axis| bars(&readings, &findings, &axis)).unwrap();
    assert!(twice.iter().any(|bar| bar.state == BarState::CountsTwice), "{twice:?}");
}
