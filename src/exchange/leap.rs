//! Leap: answers of its Meters API and messages of its Dispatch API, as files or standard input.
//!
//! Several documents may follow each other: the pages of one search, or the bodies of several webhooks.

use jiff::Timestamp;
use serde_json::Value;

use crate::text;

mod dispatch;
mod meters;

pub use dispatch::{Messages, messages};
pub use meters::{Meters, meters};

/// The largest input, in bytes: a hundred full pages of either API.
pub const MAX_BYTES: usize = 64 << 20;
/// Things in one input: more than any programme has.
pub const MAX_ITEMS: usize = 100_000;

/// Something in the input that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Where: the document's number, then a JSON pointer, such as `1:/results/0/timeslots/2`.
    pub pointer: String,
    /// Why.
    pub reason: String,
}

impl Rejected {
    fn new(pointer: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), reason: text::clean(&reason.into()) }
    }
}

/// The documents of an input, each with its number from 1; after one that is no JSON there is no next.
fn documents(bytes: &[u8]) -> Result<Vec<Value>, Rejected> {
    if bytes.len() > MAX_BYTES {
        return Err(Rejected::new("", format!("{} bytes are more than {MAX_BYTES}; give it in parts", bytes.len())));
    }
    let mut documents = Vec::new();
    for document in serde_json::Deserializer::from_slice(bytes).into_iter::<Value>() {
        match document {
            Ok(Value::Array(pages)) => documents.extend(pages),
            Ok(document) => documents.push(document),
            Err(error) => return Err(Rejected::new(format!("{}:", documents.len() + 1), error.to_string())),
        }
        if documents.len() > MAX_ITEMS {
            return Err(Rejected::new("", format!("more than {MAX_ITEMS} documents")));
        }
    }
    Ok(documents)
}

/// A text within an object, cleaned; `None` where it is absent, null or something else.
fn text_of<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object.get(name)?.as_str()
}

fn switch(object: &Value, name: &str) -> bool {
    object.get(name).and_then(Value::as_bool).unwrap_or(false)
}

fn texts(object: &Value, name: &str) -> Vec<String> {
    let list = object.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_str).map(|text| text::clean_within(text, 64)).take(64).collect()
}

/// A time, where it is given; an error where it is no time.
fn time(object: &Value, name: &str) -> Result<Option<Timestamp>, String> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => {
            text.parse().map(Some).map_err(|_| format!("`{name}` is no time: {}", text::clean_within(text, 64)))
        }
        Some(_) => Err(format!("`{name}` is no time")),
    }
}
