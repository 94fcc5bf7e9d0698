//! The form in which a technician records something about a meter.

use jiff::{Timestamp, civil::Date, civil::DateTime, tz::TimeZone};
use rust_decimal::Decimal;
use tui_input::Input;

use crate::domain::{
    ids::MeterId,
    quantity::Quantity,
    record::Entry,
    site::{Meter, MeterStatus, VerificationResult},
};

/// What can be recorded.
const KINDS: [&str; 6] = ["verification", "calibration", "note", "status", "reading", "swap"];

/// A form that is filled in.
#[derive(Debug, Clone)]
pub struct RecordForm {
    /// Of which meter.
    pub meter: MeterId,
    /// The first one chooses what is recorded; the others follow from it.
    pub fields: Vec<Field>,
    /// Index of the field that is filled in.
    pub selected: usize,
    /// Why it was not taken.
    pub refused: Option<String>,
    /// It is on its way.
    pub is_sent: bool,
    registers: Vec<Quantity>,
    status: MeterStatus,
    now: DateTime,
}

/// A field of a form.
#[derive(Debug, Clone)]
pub struct Field {
    /// What it is for.
    pub label: &'static str,
    /// What is in it.
    pub value: FieldValue,
}

/// What is in a field.
#[derive(Debug, Clone)]
pub enum FieldValue {
    /// Text.
    Text(Input),
    /// One of some.
    Choice {
        /// As people call them.
        words: Vec<String>,
        /// Index of the one.
        chosen: usize,
    },
}

impl RecordForm {
    /// An empty form, with what is usual filled in.
    pub fn new(meter: &Meter, status: MeterStatus, now: Timestamp, zone: &TimeZone) -> Self {
        let counters =
            meter.registers.iter().map(|register| &register.quantity).filter(|quantity| quantity.is_counter());
        let mut registers: Vec<Quantity> = counters.cloned().collect();
        if registers.is_empty() {
            registers.push(Quantity::KwhLifetime);
        }
        let now = now.to_zoned(zone.clone()).datetime();
        let kind = choice("what", KINDS.map(str::to_owned).to_vec(), 0);
        let mut form = Self {
            meter: meter.id.clone(),
            fields: vec![kind],
            selected: 0,
            refused: None,
            is_sent: false,
            registers,
            status,
            now,
        };
        form.follow_kind();
        form
    }

    /// Goes to another field.
    pub fn move_by(&mut self, rows: isize) {
        self.selected = self.selected.saturating_add_signed(rows).min(self.fields.len().saturating_sub(1));
    }

    /// Goes to the next field, in a circle.
    pub fn next(&mut self, forward: bool) {
        let count = self.fields.len().max(1);
        self.selected = (self.selected + if forward { 1 } else { count - 1 }) % count;
    }

    /// Takes the next choice, in a circle; false where the field has none.
    pub fn choose(&mut self, forward: bool) -> bool {
        let Some(Field { value: FieldValue::Choice { words, chosen }, .. }) = self.fields.get_mut(self.selected) else {
            return false;
        };
        let count = words.len().max(1);
        *chosen = (*chosen + if forward { 1 } else { count - 1 }) % count;
        if self.selected == 0 {
            self.follow_kind();
        }
        true
    }

    /// The text that is typed into.
    pub fn input(&mut self) -> Option<&mut Input> {
        match self.fields.get_mut(self.selected) {
            Some(Field { value: FieldValue::Text(input), .. }) => Some(input),
            _ => None,
        }
    }

    /// What the form says, and whether it is to be kept although it is not plausible.
    ///
    /// # Errors
    /// What cannot be read, in words.
    pub fn entry(&self, zone: &TimeZone) -> Result<(Entry, bool), String> {
        let entry = match self.chosen(0) {
            0 => Entry::Verification {
                date: self.date(1)?,
                result: VerificationResult::ALL.get(self.chosen(2)).copied().ok_or("Choose a result.")?,
            },
            1 => Entry::Calibration {
                date: self.date(1)?,
                interval_months: match self.text(2) {
                    "" => None,
                    text => Some(text.parse().map_err(|_| format!("`{text}` is no number of months."))?),
                },
                certificate: Some(self.text(3)).filter(|text| !text.is_empty()).map(str::to_owned),
            },
            2 => Entry::Note { text: self.text(1).to_owned() },
            3 => Entry::Status { status: MeterStatus::ALL.get(self.chosen(1)).copied().ok_or("Choose a status.")? },
            4 => Entry::Reading {
                quantity: self.registers.get(self.chosen(1)).cloned().ok_or("Choose a register.")?,
                value: number(self.text(2))?,
                read_at: self.time(3, zone)?,
            },
            _ => Entry::Swap {
                serial_number: Some(self.text(1)).filter(|text| !text.is_empty()).map(str::to_owned),
                swapped_at: self.time(2, zone)?,
            },
        };
        let is_forced = matches!(entry, Entry::Reading { .. }) && self.chosen(4) == 1;
        Ok((entry, is_forced))
    }

    /// The fields of the kind that is chosen.
    fn follow_kind(&mut self) {
        self.refused = None;
        self.fields.truncate(1);
        let today = self.now.date().to_string();
        let now = self.now.strftime("%Y-%m-%d %H:%M").to_string();
        let titles = |titles: Vec<&str>| titles.into_iter().map(str::to_owned).collect();
        let more = match self.chosen(0) {
            0 => vec![
                text("date", today),
                choice("result", titles(VerificationResult::ALL.iter().map(|result| result.title()).collect()), 0),
            ],
            1 => vec![text("date", today), text("next in months", String::new()), text("certificate", String::new())],
            2 => vec![text("note", String::new())],
            3 => {
                let here = MeterStatus::ALL.iter().position(|status| *status == self.status).unwrap_or_default();
                vec![choice("status", titles(MeterStatus::ALL.iter().map(|status| status.title()).collect()), here)]
            }
            4 => vec![
                choice("register", self.registers.iter().map(with_unit).collect(), 0),
                text("value", String::new()),
                text("read at", now),
                choice("implausible", titles(vec!["refuse", "keep, the display says so"]), 0),
            ],
            _ => vec![text("new serial number", String::new()), text("since", now)],
        };
        self.fields.extend(more);
    }

    fn chosen(&self, field: usize) -> usize {
        match self.fields.get(field) {
            Some(Field { value: FieldValue::Choice { chosen, .. }, .. }) => *chosen,
            _ => 0,
        }
    }

    fn text(&self, field: usize) -> &str {
        match self.fields.get(field) {
            Some(Field { value: FieldValue::Text(input), .. }) => input.value().trim(),
            _ => "",
        }
    }

    fn date(&self, field: usize) -> Result<Date, String> {
        let text = self.text(field);
        text.parse().map_err(|_| format!("`{text}` is no date such as {}.", self.now.date()))
    }

    fn time(&self, field: usize, zone: &TimeZone) -> Result<Timestamp, String> {
        let text = self.text(field);
        let time =
            DateTime::strptime("%Y-%m-%d %H:%M", text).or_else(|_| DateTime::strptime("%Y-%m-%d %H:%M:%S", text));
        let time = time.ok().and_then(|time| zone.to_timestamp(time).ok());
        time.ok_or_else(|| format!("`{text}` is no time such as {}.", self.now.strftime("%Y-%m-%d %H:%M")))
    }
}

fn with_unit(quantity: &Quantity) -> String {
    let unit = quantity.unit().map(|unit| format!(", {}", unit.symbol()));
    format!("{}{}", quantity.label(), unit.unwrap_or_default())
}

fn number(text: &str) -> Result<Decimal, String> {
    let plain: String = text.chars().filter(|character| *character != ' ').collect();
    plain.parse().map_err(|_| format!("`{text}` is no number such as 10452.7."))
}

fn text(label: &'static str, value: String) -> Field {
    Field { label, value: FieldValue::Text(Input::new(value)) }
}

fn choice(label: &'static str, words: Vec<String>, chosen: usize) -> Field {
    Field { label, value: FieldValue::Choice { words, chosen } }
}
