//! What the commands print for people.

use serde_json::json;

use crate::help::{Folder, account, reading, statement};

#[test]
fn tables_say_what_counts_and_what_is_missing() {
    let folder = Folder::new();
    let empty = String::from_utf8(folder.run(&["usage"], b"").stdout).unwrap();
    assert_eq!(empty, "No readings.\n");
    assert_eq!(String::from_utf8(folder.run(&["duplicates", "list"], b"").stdout).unwrap(), "Nothing.\n");
    let readings =
        [reading("2023-01-01", "2023-02-01", &json!("45.5")), reading("2023-03-01", "2023-04-01", &json!(40))];
    let additional = account("2", "SECONDARY", &[], &[]);
    folder.import(&statement("s-1", "2023-04-05", &[account("1", "PRIMARY", &[], &readings), additional]));
    let table = String::from_utf8(folder.run(&["usage"], b"").stdout).unwrap();
    for line in ["meter 123", "the only reading", "gap no reading", "total 85.5 kWh over 62 days: INCOMPLETE"] {
        assert!(table.contains(line), "{line}: {table}");
    }
    let expected = folder.json(&["usage"])["expectedDuplicates"].clone();
    assert_eq!(expected, json!(["s-1"]));
    assert_eq!(folder.json(&["usage"])["meters"][0]["gaps"], json!([{ "from": "2023-02-01", "to": "2023-03-01" }]));
    let wrong = folder.run(&["usage", "--from", "2023-02-01", "--to", "2023-01-01"], b"");
    assert_eq!(wrong.status.code(), Some(2));
    let unknown = folder.run(&["usage", "--meter", "nobody"], b"");
    assert_eq!(unknown.status.code(), Some(1));
}
