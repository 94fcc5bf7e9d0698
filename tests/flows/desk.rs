//! The review desk over a store on disk: statements imported by the command, reviewed by keyboard only, told by commands.

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use jiff::civil::date;
use meterdeck::store::Store;
use serde_json::{Value, json};

use super::Runner;

/// Open groups, two meters of half of them each; a month each.
const GROUPS: i32 = 24;
/// How many of them are reviewed, and taken back again.
const REVIEWED: usize = 20;
/// See [`REVIEWED`].
const UNDONE: usize = 3;

/// What a command says.
fn run(folder: &Path, arguments: &[&str]) -> Value {
    let site = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/demo-site.toml");
    let output = Command::cargo_bin("meterdeck")
        .unwrap()
        .current_dir(folder)
        .env_remove("METERDECK_CONFIG")
        .arg("--config")
        .arg(site)
        .args(["--data", "data", "--json"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

/// A statement with the same period of one meter in two accounts, without evidence.
fn statement(number: i32) -> Value {
    let (meter, month) = (number / (GROUPS / 2), number % (GROUPS / 2) + 1);
    let start = date(2023, i8::try_from(month).unwrap(), 1);
    let end = start.checked_add(jiff::ToSpan::months(1)).unwrap();
    let account = |name: &str, class: &str, usage: i32| {
        json!({
            "accountNumber": format!("{name}-{meter}"), "statementDate": end.to_string(),
            "providers": [{ "name": name, "classification": class }],
            "charges": [{ "lifeCycleStage": "GENERATION" }],
            "meterData": [{ "meterId": format!("utility-{meter}"), "periodStart": start.to_string(),
                "periodEnd": end.to_string(), "totalUsage": usage, "usageUnit": "kWh" }],
        })
    };
    json!({ "statementId": format!("s{number}"), "accountData": [
        account("Grid Co", "MAIN", 100 + number), account("Retail Co", "ADDITIONAL", 200 + number)] })
}

async fn start(folder: &Path, session: PathBuf) -> Runner {
    let data = folder.join("data");
    let (store, _) = tokio::task::spawn_blocking(move || Store::open(&data)).await.unwrap().unwrap();
    Runner::start_over(80, 24, Some(store), tempfile::tempdir().unwrap(), session).await
}

/// The usage of a group's second reading, as `duplicates list` has them.
fn second(groups: &Value, group: usize) -> i32 {
    let reading = &groups.as_array().unwrap()[group]["readings"].as_array().unwrap()[1];
    reading["usage"].as_str().unwrap().parse().unwrap()
}

/// Waits for the counts and for the readings of a group.
async fn until_open(runner: &Runner, open: usize) {
    let counts = format!("review {open} of {GROUPS}");
    runner
        .until(&counts, |screen| {
            screen.contains(&counts) && screen.contains("charge stages") && !screen.contains("on the way")
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_groups_are_reviewed_by_keyboard_three_undone_and_all_is_there_the_next_time() {
    let folder = tempfile::tempdir().unwrap();
    let statements: Vec<String> = (0..GROUPS).map(|number| statement(number).to_string()).collect();
    std::fs::write(folder.path().join("bills.ndjson"), statements.join("\n")).unwrap();
    run(folder.path(), &["statements", "import", "bills.ndjson"]);
    let groups = run(folder.path(), &["duplicates", "list"]);
    assert_eq!(groups.as_array().unwrap().len(), GROUPS.cast_unsigned() as usize);

    let session = folder.path().join("session.json");
    let runner = start(folder.path(), session.clone()).await;
    runner.press("5");
    let all = GROUPS.cast_unsigned() as usize;
    until_open(&runner, all).await;
    for done in 0..REVIEWED {
        // The second reading with a usual reason, and now and then both, or a typed value with a typed reason.
        match done % 5 {
            3 => runner.press("b").until_shown("Count both").await,
            4 => runner.press("v 7 7 enter enter o k").until_shown(">ok").await,
            _ => {
                let second = second(&groups, done);
                runner.press("2").until_shown(&format!("Count {second} kWh")).await
            }
        };
        runner.press("enter");
        until_open(&runner, all - done - 1).await;
    }
    for undone in 0..UNDONE {
        runner.press("u");
        until_open(&runner, all - REVIEWED + undone + 1).await;
    }
    // The 18th group of all is the one whose decision was taken back last.
    let selected = |screen: &str| screen.lines().find(|line| line.contains('▸')).unwrap_or_default().to_owned();
    let place = selected(&runner.screen());
    assert!(place.contains("Jun 2023") && place.contains("117") && place.contains("217"), "{place}");
    runner.press("down").until("the next line", |screen| selected(screen).contains("Jul 2023")).await;
    runner.quit().await;

    let runner = start(folder.path(), session).await;
    until_open(&runner, all - REVIEWED + UNDONE).await;
    let screen = runner.until("the same place", |screen| selected(screen).contains("Jul 2023")).await;
    assert!(screen.contains("by people 17"), "{screen}");
    runner.quit().await;

    let usage = run(folder.path(), &["usage"]);
    let expected: i32 = (0..REVIEWED - UNDONE)
        .map(|done| {
            let number = i32::try_from(done).unwrap();
            match done % 5 {
                3 => 300 + 2 * number,
                4 => 77,
                _ => second(&groups, done),
            }
        })
        .sum();
    let meters = usage["meters"].as_array().unwrap();
    let total: i32 = meters.iter().map(|meter| meter["total"].as_str().unwrap().parse::<i32>().unwrap()).sum();
    assert_eq!(total, expected, "{usage}");
    assert!(meters.iter().any(|meter| meter["complete"] == false), "seven groups are open");

    // The 18th group was decided and taken back; the book tells both.
    let id = groups.as_array().unwrap()[REVIEWED - UNDONE]["id"].as_str().unwrap();
    let history = run(folder.path(), &["duplicates", "history", id]);
    let told: Vec<&str> = history.as_array().unwrap().iter().map(|entry| entry["choice"].as_str().unwrap()).collect();
    assert_eq!(told, ["use", "undo"], "{history}");
}
