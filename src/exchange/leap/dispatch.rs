//! The Dispatch API, V2: answers of a search, and bodies of webhooks, by meter or by market group.

use serde_json::Value;

use super::{MAX_ITEMS, Rejected, documents, switch, text_of, texts, time};
use crate::domain::{
    dispatch::{Message, Source, TestKind, Wanted, event::LOWEST_PRIORITY},
    programme::{EventId, ProgrammeMeterId},
};

/// The messages of an input.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Messages {
    /// In the order of the input.
    pub messages: Vec<Message>,
    /// What cannot be taken.
    pub rejected: Vec<Rejected>,
}

/// Reads answers of `/dispatch/meter/search` and `/dispatch/group/search`, and the bodies of both webhooks.
pub fn messages(bytes: &[u8]) -> Messages {
    let mut found = Messages::default();
    let documents = match documents(bytes) {
        Ok(documents) => documents,
        Err(rejected) => {
            found.rejected.push(rejected);
            return found;
        }
    };
    for (place, document) in documents.iter().enumerate() {
        found.document(place + 1, document);
    }
    found
}

impl Messages {
    fn document(&mut self, number: usize, document: &Value) {
        let test = test_of(document);
        let mut is_known = false;
        for list in ["results", "meter_dispatches", "group_dispatches"] {
            let Some(value) = document.get(list) else { continue };
            is_known = true;
            let Some(dispatches) = value.as_array() else {
                self.rejected.push(Rejected::new(format!("{number}:/{list}"), "it is no array"));
                continue;
            };
            for (place, dispatch) in dispatches.iter().enumerate() {
                self.dispatch(&format!("{number}:/{list}/{place}"), dispatch, test);
            }
        }
        if !is_known {
            let reason = "it has none of `results`, `meter_dispatches` and `group_dispatches`";
            self.rejected.push(Rejected::new(format!("{number}:"), reason));
        }
    }

    fn dispatch(&mut self, pointer: &str, dispatch: &Value, test: TestKind) {
        let meters = match meters_of(dispatch) {
            Ok(meters) => meters,
            Err(reason) => return self.rejected.push(Rejected::new(pointer, reason)),
        };
        let Some(timeslots) = dispatch.get("timeslots").and_then(Value::as_array) else {
            return self.rejected.push(Rejected::new(pointer, "it has no `timeslots`"));
        };
        for (place, timeslot) in timeslots.iter().enumerate() {
            let pointer = format!("{pointer}/timeslots/{place}");
            if self.messages.len() >= MAX_ITEMS {
                return self.rejected.push(Rejected::new(pointer, format!("more than {MAX_ITEMS} events")));
            }
            match message(timeslot, &meters, test) {
                Ok(message) => self.messages.push(message),
                Err(reason) => self.rejected.push(Rejected::new(pointer, reason)),
            }
        }
    }
}

/// The programme meters of a dispatch: one, or those of a market group.
fn meters_of(dispatch: &Value) -> Result<Vec<ProgrammeMeterId>, String> {
    let id = |text: &str| ProgrammeMeterId::new(text).ok_or_else(|| "a meter's id is no id".to_owned());
    if let Some(meter) = text_of(dispatch, "meter_id") {
        return Ok(vec![id(meter)?]);
    }
    let group = dispatch.get("meter_ids").and_then(Value::as_array).ok_or("it has no `meter_id` and no `meter_ids`")?;
    group.iter().map(|meter| id(meter.as_str().unwrap_or_default())).collect()
}

/// Published documents put the marks of a test in different places, under different names.
fn test_of(object: &Value) -> TestKind {
    if switch(object, "integration_test_notification") {
        TestKind::Integration
    } else if switch(object, "communication_test") || switch(object, "is_communication_test") {
        TestKind::Communication
    } else {
        TestKind::None
    }
}

fn message(timeslot: &Value, meters: &[ProgrammeMeterId], of_document: TestKind) -> Result<Message, String> {
    let id = text_of(timeslot, "meter_event_id").or_else(|| text_of(timeslot, "market_group_event_id"));
    let id = EventId::new(id.ok_or("it has no `meter_event_id`")?).ok_or("its event id is no id")?;
    if id.as_str().starts_with("op-") {
        return Err("its event id is one of an operator's events".to_owned());
    }
    let start = time(timeslot, "start_time")?.ok_or("it has no `start_time`")?;
    let end = time(timeslot, "end_time")?;
    let wanted = match timeslot.get("energy_kw") {
        None | Some(Value::Null) => Wanted::Max,
        Some(kw) => Wanted::ReductionKw(kw.as_f64().ok_or("its `energy_kw` is no number")?),
    };
    let priority = match timeslot.get("priority") {
        None | Some(Value::Null) => 0,
        Some(priority) => {
            let number = priority.as_u64().and_then(|number| u8::try_from(number).ok());
            number.filter(|number| (1..=LOWEST_PRIORITY).contains(number)).ok_or("its `priority` is not 1 to 10")?
        }
    };
    let test = if of_document == TestKind::None { test_of(timeslot) } else { of_document };
    Ok(Message {
        id,
        source: Source::Leap,
        meters: meters.to_vec(),
        start,
        end,
        wanted,
        priority,
        programmes: texts(timeslot, "programs"),
        // What is not said is not taken for granted.
        is_voluntary: timeslot.get("is_voluntary").and_then(Value::as_bool).unwrap_or(true),
        test,
        is_cancelled: switch(timeslot, "cancelled"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLOT: &str = r#"{"meter_event_id":"e-1","start_time":"2023-02-21T00:00:00.000Z","end_time":"2023-02-21T01:00:00.000Z",
        "cancelled":false,"energy_kw":80,"nomination_kw":100,"performance_compensation_cap":"up-to-site-load","priority":2,
        "is_voluntary":false,"dispatch_event_types":["day-ahead"],"programs":["CCA"],"communication_test":false}"#;

    fn one(text: &str) -> Message {
        let found = messages(text.as_bytes());
        assert_eq!(found.rejected, [], "{text}");
        assert_eq!(found.messages.len(), 1, "{text}");
        found.messages.into_iter().next().unwrap()
    }

    #[test]
    fn searches_and_webhooks_of_meters_and_groups_say_the_same() {
        let meter = |list: &str| format!(r#"{{"{list}":[{{"meter_id":"m-1","timeslots":[{SLOT}]}}]}}"#);
        let searched = one(&meter("results"));
        assert_eq!(searched, one(&meter("meter_dispatches")));
        assert_eq!((searched.wanted, searched.priority), (Wanted::ReductionKw(80.0), 2));
        let slot = SLOT.replace("meter_event_id", "market_group_event_id");
        let group = one(&format!(
            r#"{{"group_dispatches":[{{"market_group_id":"g","meter_ids":["m-1","m-2"],"timeslots":[{slot}]}}]}}"#
        ));
        assert_eq!(group.meters.len(), 2);
        assert_eq!(Message { meters: searched.meters.clone(), ..group }, searched);
    }

    #[test]
    fn what_is_left_open_is_as_much_as_possible_and_asks() {
        let slot = r#"{"meter_event_id":"e","start_time":"2023-02-21T00:00:00Z","energy_kw":null}"#;
        let message = one(&format!(r#"{{"results":[{{"meter_id":"m","timeslots":[{slot}]}}]}}"#));
        assert_eq!((message.wanted, message.end, message.is_voluntary), (Wanted::Max, None, true));
    }

    #[test]
    fn tests_are_marked_wherever_they_say_so() {
        let with = |slot: &str, top: &str| {
            one(&format!(r#"{{{top}"meter_dispatches":[{{"meter_id":"m","timeslots":[{slot}]}}]}}"#)).test
        };
        assert_eq!(with(SLOT, ""), TestKind::None);
        assert_eq!(with(SLOT, r#""communication_test":true,"#), TestKind::Communication);
        assert_eq!(with(SLOT, r#""integration_test_notification":true,"#), TestKind::Integration);
        assert_eq!(with(&SLOT.replace("test\":false", "test\":true"), ""), TestKind::Communication);
        assert_eq!(
            with(&SLOT.replace("communication_test\":false", "is_communication_test\":true"), ""),
            TestKind::Communication
        );
    }

    #[test]
    fn nonsense_is_refused_with_its_place_and_the_rest_is_kept() {
        let bad = [
            SLOT.replace("\"e-1\"", "\"\""),
            SLOT.replace("\"e-1\"", "\"op-1\""),
            SLOT.replace("2023-02-21T00:00:00.000Z", "yesterday"),
            SLOT.replace("\"priority\":2", "\"priority\":11"),
            SLOT.replace("\"energy_kw\":80", "\"energy_kw\":\"much\""),
            "7".to_owned(),
        ];
        let slots = bad.join(",");
        let found = messages(format!(r#"{{"results":[{{"meter_id":"m","timeslots":[{slots},{SLOT}]}}]}}"#).as_bytes());
        assert_eq!((found.messages.len(), found.rejected.len()), (1, bad.len()));
        assert_eq!(found.rejected[0].pointer, "1:/results/0/timeslots/0");
        for text in
            ["", "{}", "[]", "{\"results\":7}", "{\"results\":[7]}", "{\"results\":[{\"meter_id\":\"m\"}]}", "{"]
        {
            assert_eq!(messages(text.as_bytes()).messages, [], "{text}");
        }
    }
}
