//! The Meters API, V2: one meter, or pages of them.

use serde_json::Value;

use super::{MAX_ITEMS, Rejected, documents, switch, text_of};
use crate::{
    domain::programme::{MAX_REFERENCE, ProgrammeMeter, ProgrammeMeterId, ProgrammeMeterType},
    text,
};

/// The meters of an input.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Meters {
    /// In the order of the input; of one that comes twice the last.
    pub meters: Vec<ProgrammeMeter>,
    /// What cannot be taken.
    pub rejected: Vec<Rejected>,
}

/// Reads an answer of the Meters API: `{"meters": […]}`, pages of it one after the other or in an array, or single meters.
pub fn meters(bytes: &[u8]) -> Meters {
    let mut found = Meters::default();
    let documents = match documents(bytes) {
        Ok(documents) => documents,
        Err(rejected) => {
            found.rejected.push(rejected);
            return found;
        }
    };
    for (place, document) in documents.iter().enumerate() {
        let number = place + 1;
        match document.get("meters") {
            Some(Value::Array(meters)) => {
                for (place, meter) in meters.iter().enumerate() {
                    found.take(&format!("{number}:/meters/{place}"), meter);
                }
            }
            Some(_) => found.rejected.push(Rejected::new(format!("{number}:/meters"), "it is no array")),
            None => found.take(&format!("{number}:"), document),
        }
    }
    found
}

impl Meters {
    fn take(&mut self, pointer: &str, value: &Value) {
        if self.meters.len() >= MAX_ITEMS {
            if self.meters.len() == MAX_ITEMS && !self.rejected.iter().any(|other| other.reason.contains("more than")) {
                self.rejected.push(Rejected::new(pointer, format!("more than {MAX_ITEMS} meters")));
            }
            return;
        }
        match meter(value) {
            Ok(meter) => {
                self.meters.push(meter);
            }
            Err(reason) => self.rejected.push(Rejected::new(pointer, reason)),
        }
    }
}

fn meter(value: &Value) -> Result<ProgrammeMeter, String> {
    let id = text_of(value, "meter_id").ok_or("it has no `meter_id`")?;
    let id = ProgrammeMeterId::new(id).ok_or("its `meter_id` is no id")?;
    let written = text_of(value, "meter_type").ok_or("it has no `meter_type`")?;
    let meter_type = ProgrammeMeterType::parse(written)
        .ok_or_else(|| format!("its `meter_type` {} is not known", text::clean_within(written, 64)))?;
    let reference = text_of(value, "partner_reference").or_else(|| text_of(value, "refId"));
    let partner_reference = reference.map(|reference| text::clean_within(reference.trim(), MAX_REFERENCE));
    let partner_reference = partner_reference.filter(|reference| !reference.is_empty());
    Ok(ProgrammeMeter { id, meter_type, partner_reference, is_archived: switch(value, "is_archived") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_types_in_either_case_and_archived_ones_are_read() {
        use ProgrammeMeterType::{Device, Submeter, UtilityMeter};

        let input = br#"{"next_page_token":"t","meters":[
            {"meter_id":"m-1","meter_type":"UTILITY_METER","partner_reference":"north","is_archived":false,"audit":{}},
            {"meter_id":"m-2","meter_type":"device","refId":"charger-3"}]}
            {"meters":[{"meter_id":"m-3","meter_type":"Submeter","partner_reference":"carpark","is_archived":true}]}
            {"meter_id":"m-4","meter_type":"DEVICE","partner_reference":"north:charger-1"}"#;
        let found = meters(input);
        assert_eq!(found.rejected, []);
        let told: Vec<_> = found
            .meters
            .iter()
            .map(|meter| (meter.id.as_str(), meter.meter_type, meter.partner_reference.as_deref(), meter.is_archived))
            .collect();
        let expected = [
            ("m-1", UtilityMeter, Some("north"), false),
            ("m-2", Device, Some("charger-3"), false),
            ("m-3", Submeter, Some("carpark"), true),
            ("m-4", Device, Some("north:charger-1"), false),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn what_cannot_be_a_meter_is_named_and_the_others_are_kept() {
        let input = br#"[{"meters":[{"meter_id":"","meter_type":"DEVICE"},{"meter_type":"DEVICE"},{"meter_id":"a b","meter_type":"DEVICE"},
            {"meter_id":"x","meter_type":"TOASTER"},7,{"meter_id":"good","meter_type":"DEVICE"}]},{"meters":3}] nonsense"#;
        let found = meters(input);
        assert_eq!(found.meters.len(), 0, "an input that is not JSON to its end is not taken");
        assert_eq!(found.rejected.len(), 1);
        let whole = &input[..input.len() - 9];
        let found = meters(whole);
        assert_eq!(found.meters.len(), 1);
        let pointers: Vec<&str> = found.rejected.iter().map(|rejected| rejected.pointer.as_str()).collect();
        assert_eq!(pointers, ["1:/meters/0", "1:/meters/1", "1:/meters/2", "1:/meters/3", "1:/meters/4", "2:/meters"]);
    }
}
