//! Streams cut into documents.

use super::*;

/// Pointers and lengths of what is found, and why it ended.
fn split(input: &[u8], is_lines: bool) -> (Vec<(String, usize)>, Option<String>) {
    let mut found = Vec::new();
    let mut splitter = match Splitter::new(input, is_lines) {
        Ok(splitter) => splitter,
        Err(error) => return (found, Some(error.to_string())),
    };
    loop {
        match splitter.next() {
            Ok(Some(Piece::Document(place))) => {
                let length = splitter.bytes(&place).len();
                found.push((place.pointer, length));
            }
            Ok(Some(Piece::Rejected(place, reason))) => found.push((format!("{}!{reason}", place.pointer), 0)),
            Ok(None) => return (found, None),
            Err(error) => return (found, Some(error.to_string())),
        }
    }
}

#[test]
fn documents_are_found_by_their_brackets() {
    for (input, expected, end) in [
        ("", vec![], None),
        (" \n", vec![], None),
        (r#"{"a":1}"#, vec![("", 7)], None),
        (r#"[{"a":"]"},{},"x",5 , null]"#, vec![("/0", 9), ("/1", 2), ("/2", 3), ("/3", 1), ("/4", 4)], None),
        ("[]", vec![], None),
        ("{}\n{}\n", vec![("1", 2), ("2", 2)], None),
        ("{\n}{ }[{}]", vec![("", 3), ("2", 3), ("3/0", 2)], None),
        ("{broken\n{}\n", vec![("1", 7), ("2", 2)], None),
        (r#"[{"a":1}"#, vec![("/0", 7)], Some("not JSON at byte 8: it ends within an array")),
        (r#"{"a":[1"#, vec![], Some("not JSON at byte 7: it ends within a document")),
        ("[{},]", vec![("/0", 2)], Some("not JSON at byte 4: a comma with nothing behind it")),
        ("[{}{}]", vec![("/0", 2)], Some("not JSON at byte 3: a comma is missing")),
        ("nonsense", vec![], Some("not JSON at byte 0: a document begins with { or [")),
        (r#"{"a":"\\\"}"}"#, vec![("", 13)], None),
    ] {
        let (found, error) = split(input.as_bytes(), false);
        let expected: Vec<_> = expected.into_iter().map(|(at, length)| (at.to_owned(), length)).collect();
        assert_eq!((found, error.as_deref()), (expected, end), "{input}");
    }
}

#[test]
fn a_page_that_is_too_long_is_taken_document_by_document() {
    let document = format!("{{\"text\":\"{}\"}}", "x".repeat(1 << 20));
    let documents = vec![document.as_str(); 20].join(",");
    let page = format!(
        "{{\"page\":{{}},\"_embedded\":{{\"one\":[{document}],\"a/b\":[{documents}],\"c\":[{{}}],\"d\":5}},\"_links\":{{\"self\":[]}}}}"
    );
    let (found, error) = split(format!("{page} {{}}").as_bytes(), false);
    assert_eq!(error, None);
    let mut expected = vec![("/_embedded/one/0".to_owned(), document.len())];
    expected.extend((0..20).map(|number| (format!("/_embedded/a~1b/{number}"), document.len())));
    expected.push(("/_embedded/c/0".to_owned(), 2));
    expected.push(("2".to_owned(), 2));
    assert_eq!(found, expected);
    let cut = page.get(..page.len() - 20).unwrap_or_default();
    assert!(split(cut.as_bytes(), false).1.is_some());
}

#[test]
fn what_is_too_long_or_too_deep_is_left_out_alone() {
    let long = format!("{{\"text\":\"{}\"}}", "x".repeat(MAX_DOCUMENT_BYTES));
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    let (found, error) = split(format!("[{{}},{long},{deep},{{}}]").as_bytes(), false);
    let expected = ["/0", &format!("/1!{TOO_LONG}"), &format!("/2!{TOO_DEEP}"), "/3"];
    assert_eq!((found.iter().map(|(at, _)| at.as_str()).collect::<Vec<_>>(), error), (expected.to_vec(), None));
    let (found, error) = split(format!("{{}}\n{long}\n{{}}").as_bytes(), true);
    let expected = ["1", &format!("2!{TOO_LONG}"), "3"];
    assert_eq!((found.iter().map(|(at, _)| at.as_str()).collect::<Vec<_>>(), error), (expected.to_vec(), None));
}
