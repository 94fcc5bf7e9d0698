//! Every request there is, with the least role that may send it.

use meterdeck::service::{
    interface::Request,
    roles::{Least, Role, rule},
};

/// Requests as JSON, and who may send them: `v`iewer, `o`perator, the `own`er.
pub(crate) const ALL: &[(&str, &str)] = &[
    ("v", r#"{"request":"hello","version":1}"#),
    ("v", r#"{"request":"site"}"#),
    ("v", r#"{"request":"snapshot"}"#),
    ("v", r#"{"request":"subscribe"}"#),
    ("v", r#"{"request":"trend","meter":"main","quantity":"current_kw","steps":4}"#),
    ("v", r#"{"request":"log","after":0}"#),
    ("v", r#"{"request":"meters","id":null,"at":null}"#),
    ("v", r#"{"request":"records","meter":"main"}"#),
    ("v", r#"{"request":"pue","building":null,"span":null}"#),
    ("v", r#"{"request":"alarms"}"#),
    ("v", r#"{"request":"storage"}"#),
    (
        "v",
        r#"{"request":"history","meter":"main","quantity":"current_kw","span":{"from":"2026-01-01T00:00:00Z","to":"2026-01-02T00:00:00Z"},"step_ms":null}"#,
    ),
    (
        "v",
        r#"{"request":"chart","meter":"main","quantity":"current_kw","span":{"from":"2026-01-01T00:00:00Z","to":"2026-01-02T00:00:00Z"},"columns":4}"#,
    ),
    (
        "v",
        r#"{"request":"intervals","meter":"main","span":{"from":"2026-01-01T00:00:00Z","to":"2026-01-02T00:00:00Z"}}"#,
    ),
    ("v", r#"{"request":"audit","after":null}"#),
    ("v", r#"{"request":"audit_verify"}"#),
    (
        "v",
        r#"{"request":"duplicates","ask":"queue","filter":{"status":null,"kind":null},"from":null,"backward":false,"limit":1}"#,
    ),
    ("v", r#"{"request":"duplicates","ask":"statistics"}"#),
    ("v", r#"{"request":"duplicates","ask":"timeline","meter":"x"}"#),
    ("v", r#"{"request":"duplicates","ask":"usage","meter":null,"window":{"from":null,"to":null},"after":null}"#),
    ("v", r#"{"request":"dispatch","dispatch":"list"}"#),
    ("v", r#"{"request":"dispatch","dispatch":"meters"}"#),
    ("v", r#"{"request":"dispatch","dispatch":"summary"}"#),
    ("o", r#"{"request":"poll_once"}"#),
    ("o", r#"{"request":"probe","device":"d"}"#),
    ("o", r#"{"request":"count_anew"}"#),
    ("o", r#"{"request":"record","meter":"main","entry":{"kind":"note","text":"x"},"force":false}"#),
    ("o", r#"{"request":"acknowledge","id":"device-offline:d","note":"x"}"#),
    ("o", r#"{"request":"shelve","id":"device-offline:d","until":"2026-01-01T00:00:00Z","note":"x"}"#),
    ("o", r#"{"request":"unshelve","id":"device-offline:d"}"#),
    ("o", r#"{"request":"import","rows":[],"replace":false}"#),
    ("o", r#"{"request":"backup","file":"/nowhere/at/all"}"#),
    ("o", r#"{"request":"duplicates","ask":"import_begin","file":"x"}"#),
    ("o", r#"{"request":"duplicates","ask":"import_parts","import":1,"parts":[],"details":[]}"#),
    ("o", r#"{"request":"duplicates","ask":"import_end","import":1,"sha256":"00"}"#),
    ("o", r#"{"request":"duplicates","ask":"import_abort","import":1}"#),
    ("o", r#"{"request":"duplicates","ask":"decide_alike","proposals":[],"reason":"x"}"#),
    ("o", r#"{"request":"dispatch","dispatch":"abort"}"#),
    ("o", r#"{"request":"dispatch","dispatch":"resolve","device":"d","restore":true}"#),
    ("o", r#"{"request":"dispatch","dispatch":"import","messages":[]}"#),
    ("o", r#"{"request":"dispatch","dispatch":"import_meters","meters":[]}"#),
    ("own", r#"{"request":"hand_over"}"#),
];

pub(crate) fn parse(json: &str) -> Request {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"))
}

#[test]
fn the_table_of_roles_says_the_same() {
    for (who, json) in ALL {
        let expected = match *who {
            "v" => Least::Role(Role::Viewer),
            "o" => Least::Role(Role::Operator),
            _ => Least::Owner,
        };
        assert_eq!(rule(&parse(json)).least, expected, "{json}");
    }
}
