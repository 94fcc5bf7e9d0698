//! The Meter screen over what is kept: a real store with imported history, its chart, and records.

use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use meterdeck::{
    domain::{calendar::Span, chart::Column, ids::MeterId, quantity::Quantity},
    service::interface::{ImportRow, Request, Response},
    store::Store,
};
use rust_decimal::Decimal;

use super::Runner;

/// Days of history, a reading each quarter of an hour; from the 20th day ago to the 10th day ago there is none.
const DAYS: i64 = 365;

fn meter() -> MeterId {
    "chiller-1".parse().unwrap()
}

fn days_ago(now: Timestamp, days: i64) -> Timestamp {
    now - SignedDuration::from_hours(24 * days)
}

/// The program over a store with a year of history.
async fn start(width: u16, height: u16, folder: &std::path::Path) -> Runner {
    let folder = folder.to_owned();
    let (store, _) = tokio::task::spawn_blocking(move || Store::open(&folder)).await.unwrap().unwrap();
    let runner = Runner::start_with(width, height, Some(store)).await;
    let now = Timestamp::now();
    let row = |quarter: i64| ImportRow {
        line: u32::try_from(quarter).unwrap(),
        meter: meter(),
        quantity: Quantity::CurrentKw,
        at: now - SignedDuration::from_mins(15 * quarter),
        value: Decimal::new(43_210, 3),
    };
    let rows = (1..DAYS * 96).filter(|quarter| !(10 * 96..20 * 96).contains(quarter)).map(row).collect();
    let client = runner.service.as_ref().unwrap().client();
    let imported = client.requests.ask(Request::Import { rows, replace: false }).await.unwrap();
    assert!(matches!(&imported, Response::Imported { imported } if imported.rejected.is_empty()), "{imported:?}");
    runner
}

/// Presses a key so often.
fn times(runner: &Runner, key: &str, count: usize) {
    runner.press(&vec![key; count].join(" "));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chart_zooms_over_what_is_kept_and_the_cursor_finds_values_and_gaps() {
    let folder = tempfile::tempdir().unwrap();
    let runner = start(120, 40, folder.path()).await;
    runner.press("/ c h i l l e r - 1 enter enter").until_shown("real power, kW").await;
    runner.until_shown("34 s a column").await;
    times(&runner, "-", 4);
    runner.until_shown("7 h a column").await;
    // 107 columns of 7 h: five days ago, then in the gap, then before it.
    times(&runner, "left", 18);
    runner.until_shown("43.21 kW").await;
    times(&runner, "left", 34);
    runner.until_shown("nothing was measured").await;
    times(&runner, "left", 34);
    runner.until("a value before the gap", |screen| screen.contains("43.21 kW")).await;
    runner.press("+").until_shown("1 w").await;
    runner.until("the same time, nearer", |screen| screen.contains("43.21 kW") && !screen.contains("to now")).await;
    runner.press("=").until_shown("to now").await;
    times(&runner, "-", 5);
    let screen = runner.press("v").until_shown("4 d a column").await;
    assert!(screen.contains("1 y") && screen.contains('×'), "{screen}");
    assert!(!screen.contains("power factor"), "the chart alone: {screen}");
    runner.press("e").until("both files", |screen| screen.contains("meterdeck-chart-")).await;
    let exported = runner.quit().await;
    let files = std::fs::read_dir(&exported).unwrap().flatten();
    let chart = files.map(|file| file.path()).find(|path| path.to_string_lossy().contains("meterdeck-chart-")).unwrap();
    let csv = std::fs::read_to_string(chart).unwrap();
    assert!(csv.contains(",43.21,43.21,43.21,kW,good") && csv.contains(",,,,kW,nothing was measured"), "{csv}");
    std::fs::remove_dir_all(exported).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_year_in_columns_is_there_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let runner = start(80, 24, folder.path()).await;
    let client = runner.service.as_ref().unwrap().client();
    let now = Timestamp::now();
    let span = Span { from: days_ago(now, 360), to: now };
    let request = Request::Chart { meter: meter(), quantity: Quantity::CurrentKw, span, columns: 180 };
    let mut fastest = std::time::Duration::MAX;
    for _ in 0..5 {
        let begun = Instant::now();
        let Ok(Response::Chart { chart }) = client.requests.ask(request.clone()).await else { panic!("no chart") };
        fastest = fastest.min(begun.elapsed());
        assert_eq!((chart.columns.len(), chart.step_ms), (180, 2 * 86_400_000));
        let gaps: Vec<usize> = (0..180).filter(|place| chart.columns[*place] == Column::Gap).collect();
        assert!((4..=5).contains(&gaps.len()) && gaps.iter().all(|place| (170..175).contains(place)), "{gaps:?}");
    }
    println!("a year in {fastest:?}");
    runner.quit().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_written_and_shown_in_the_book() {
    let folder = tempfile::tempdir().unwrap();
    let runner = start(120, 40, folder.path()).await;
    runner.press("/ c h i l l e r - 1 enter enter").until_shown("real power, kW").await;
    runner.press("m").until_shown("Record for CH-1").await;
    runner.press("right right down n e w space s e a l enter").until_shown("Recorded: note new seal").await;
    runner
        .press("v v")
        .until("the book", |screen| screen.contains("Records") && screen.contains("note new seal"))
        .await;
    // What the service refuses is said in the form.
    runner.press("m").until_shown("verification").await;
    runner.press("down 9 enter").until_shown("is no date such as").await;
    runner.press("esc");
    runner.quit().await;
}
