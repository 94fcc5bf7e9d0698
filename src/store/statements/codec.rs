//! A meter's readings as the rules left them, in few bytes: two million of them are read for one accounting.

use rust_decimal::Decimal;

use crate::{
    domain::duplicate::{
        Assessment, Candidate, Classification, Overlap, Period, ReadingId, ReviewReason, Rule, Set, Standing,
        StatementId, Usage, UsageUnit, date_of, day_number,
    },
    store::bytes::{Damage, Reader, put, put_signed},
};

/// Most readings, sets or members that one block may say it has; far more than any meter.
const MAX_COUNT: usize = 50_000_000;

/// Bits of a reading.
const USAGE: u8 = 1;
const DELIVERY_ONLY: u8 = 2;
const DISTRIBUTOR_STAGE: u8 = 4;
const MAIN: u8 = 8;
const ADDITIONAL: u8 = 16;
const STATEMENT_DATE: u8 = 32;
const EXPECTS: u8 = 64;

/// How a set stands, as a byte.
const RULED: u8 = 0;
const DECIDED: u8 = 8;
const DECIDED_VALUE: u8 = 9;
const OPEN: u8 = 16;

/// Packs readings, set by set, and how the sets stand.
pub(super) fn encode(candidates: &[Candidate], assessment: &Assessment) -> Vec<u8> {
    let mut units: Vec<&UsageUnit> = candidates.iter().map(|candidate| &candidate.unit).collect();
    units.sort_unstable();
    units.dedup();
    let mut bytes = Vec::with_capacity(16 + candidates.len() * 32);
    put_count(&mut bytes, units.len());
    for unit in &units {
        put_text(&mut bytes, unit.symbol());
    }
    put_count(&mut bytes, assessment.sets.len());
    let mut places = vec![0_usize; candidates.len()];
    let mut place = 0;
    for set in &assessment.sets {
        let members = assessment.order.get(set.members.clone()).unwrap_or_default();
        put_count(&mut bytes, members.len());
        for index in members {
            if let (Some(candidate), Some(at)) = (candidates.get(*index), places.get_mut(*index)) {
                put_candidate(&mut bytes, candidate, &units);
                *at = place;
                place += 1;
            }
        }
        put_standing(&mut bytes, &set.standing);
    }
    put_count(&mut bytes, assessment.overlaps.len());
    for overlap in &assessment.overlaps {
        put_count(&mut bytes, overlap.members.len());
        for index in &overlap.members {
            put_count(&mut bytes, places.get(*index).copied().unwrap_or_default());
        }
        put_period(&mut bytes, overlap.twice);
        put_standing(&mut bytes, &overlap.standing);
    }
    bytes
}

/// The readings, in the order of their sets, and how these stand.
///
/// # Errors
/// [`Damage`] where the bytes are not what [`encode`] wrote.
pub(super) fn decode(bytes: &[u8]) -> Result<(Vec<Candidate>, Assessment), Damage> {
    let mut reader = Reader::new(bytes);
    let mut units = Vec::new();
    for _ in 0..reader.count(MAX_COUNT)? {
        units.push(UsageUnit::parse(text(&mut reader)?));
    }
    let mut candidates = Vec::new();
    let mut assessment = Assessment::default();
    for _ in 0..reader.count(MAX_COUNT)? {
        let from = candidates.len();
        for _ in 0..reader.count(MAX_COUNT)? {
            candidates.push(candidate(&mut reader, &units)?);
        }
        let first = candidates.get(from).map(|candidate| candidate.id);
        let standing = standing(&mut reader, first)?;
        assessment.sets.push(Set { members: from..candidates.len(), standing });
    }
    assessment.order = (0..candidates.len()).collect();
    for _ in 0..reader.count(MAX_COUNT)? {
        let mut members = Vec::new();
        for _ in 0..reader.count(MAX_COUNT)? {
            members.push(reader.count(candidates.len())?);
        }
        let twice = period(&mut reader)?;
        let standing = standing(&mut reader, None)?;
        assessment.overlaps.push(Overlap { members, twice, standing });
    }
    Ok((candidates, assessment))
}

fn put_count(bytes: &mut Vec<u8>, count: usize) {
    put(bytes, count as u64);
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    put_count(bytes, text.len());
    bytes.extend(text.as_bytes());
}

fn text<'a>(reader: &mut Reader<'a>) -> Result<&'a str, Damage> {
    let length = reader.count(MAX_COUNT)?;
    std::str::from_utf8(reader.take(length)?).map_err(|_| Damage("a text is none"))
}

fn put_period(bytes: &mut Vec<u8>, period: Period) {
    let start = day_number(period.start);
    put_signed(bytes, i64::from(start));
    put_signed(bytes, i64::from(day_number(period.end)) - i64::from(start));
}

fn period(reader: &mut Reader<'_>) -> Result<Period, Damage> {
    let start = reader.signed()?;
    let end = start.checked_add(reader.signed()?).ok_or(Damage("a day is out of range"))?;
    let day = |day: i64| i32::try_from(day).map(date_of).map_err(|_| Damage("a day is out of range"));
    Ok(Period { start: day(start)?, end: day(end)? })
}

fn put_decimal(bytes: &mut Vec<u8>, value: Decimal) {
    let mantissa = value.mantissa();
    put(bytes, u64::from(value.scale()) << 1 | u64::from(mantissa < 0));
    let size = mantissa.unsigned_abs();
    #[expect(clippy::cast_possible_truncation, reason = "the low half is meant")]
    put(bytes, size as u64);
    put(bytes, u64::try_from(size >> 64).unwrap_or(u64::MAX));
}

fn decimal(reader: &mut Reader<'_>) -> Result<Decimal, Damage> {
    let head = reader.number()?;
    let size = i128::from(reader.number()?) | i128::from(reader.number()?) << 64;
    let mantissa = if head & 1 == 1 { -size } else { size };
    let scale = u32::try_from(head >> 1).map_err(|_| Damage("a scale is out of range"))?;
    Decimal::try_from_i128_with_scale(mantissa, scale).map_err(|_| Damage("a number is out of range"))
}

fn put_candidate(bytes: &mut Vec<u8>, candidate: &Candidate, units: &[&UsageUnit]) {
    let bit = |condition, bit: u8| if condition { bit } else { 0 };
    let marks = bit(candidate.usage.is_some(), USAGE)
        | bit(candidate.is_delivery_only, DELIVERY_ONLY)
        | bit(candidate.has_distributor_stage, DISTRIBUTOR_STAGE)
        | bit(candidate.classification == Some(Classification::Main), MAIN)
        | bit(candidate.classification == Some(Classification::Additional), ADDITIONAL)
        | bit(candidate.statement_date.is_some(), STATEMENT_DATE)
        | bit(candidate.expects_duplicate.is_some(), EXPECTS);
    bytes.push(marks);
    bytes.extend(candidate.id.as_bytes());
    put_period(bytes, candidate.period);
    put_count(bytes, units.binary_search(&&candidate.unit).unwrap_or_default());
    if let Some(usage) = &candidate.usage {
        put_decimal(bytes, usage.value());
    }
    if let Some(date) = candidate.statement_date {
        put_signed(bytes, i64::from(day_number(date)));
    }
    if let Some(statement) = &candidate.expects_duplicate {
        put_text(bytes, statement.as_str());
    }
}

fn candidate(reader: &mut Reader<'_>, units: &[UsageUnit]) -> Result<Candidate, Damage> {
    let marks = reader.byte()?;
    let has = |bit: u8| marks & bit != 0;
    let id = reading(reader)?;
    let period = period(reader)?;
    let unit = units.get(reader.count(MAX_COUNT)?).ok_or(Damage("an unknown unit"))?.clone();
    let usage = if has(USAGE) {
        let usage = Usage::new(decimal(reader)?, unit.clone());
        Some(usage.map_err(|_| Damage("a usage is out of range"))?)
    } else {
        None
    };
    let statement_date = if has(STATEMENT_DATE) {
        Some(i32::try_from(reader.signed()?).map(date_of).map_err(|_| Damage("a day is out of range"))?)
    } else {
        None
    };
    Ok(Candidate {
        id,
        period,
        usage,
        unit,
        classification: match (has(MAIN), has(ADDITIONAL)) {
            (true, _) => Some(Classification::Main),
            (_, true) => Some(Classification::Additional),
            _ => None,
        },
        is_delivery_only: has(DELIVERY_ONLY),
        has_distributor_stage: has(DISTRIBUTOR_STAGE),
        statement_date,
        expects_duplicate: if has(EXPECTS) { Some(StatementId::new(text(reader)?)) } else { None },
    })
}

fn reading(reader: &mut Reader<'_>) -> Result<ReadingId, Damage> {
    ReadingId::from_bytes(reader.take(ReadingId::BYTES)?).map_err(|_| Damage("a reading's id is too short"))
}

fn put_standing(bytes: &mut Vec<u8>, standing: &Standing) {
    match standing {
        Standing::Ruled { rule, chosen } => {
            let rule = Rule::ALL.iter().position(|known| known == rule).unwrap_or_default();
            bytes.push(RULED);
            put_count(bytes, rule);
            // A single reading is the first, and needs no name.
            if rule > 0 {
                bytes.extend(chosen.as_bytes());
            }
        }
        Standing::Decided { decision, counted, value } => {
            bytes.push(if value.is_some() { DECIDED_VALUE } else { DECIDED });
            put(bytes, *decision);
            put_count(bytes, counted.len());
            for id in counted {
                bytes.extend(id.as_bytes());
            }
            if let Some(value) = value {
                put_text(bytes, value.unit().symbol());
                put_decimal(bytes, value.value());
            }
        }
        Standing::Open { reason, reopened, deferred } => {
            let reason = reason.and_then(|reason| ReviewReason::ALL.iter().position(|known| *known == reason));
            bytes.push(OPEN);
            put_count(bytes, reason.map_or(0, |reason| reason + 1));
            put(bytes, reopened.unwrap_or_default());
            put(bytes, deferred.unwrap_or_default());
        }
    }
}

fn standing(reader: &mut Reader<'_>, first: Option<ReadingId>) -> Result<Standing, Damage> {
    match reader.byte()? {
        RULED => {
            let place = reader.count(Rule::ALL.len())?;
            let rule = *Rule::ALL.get(place).ok_or(Damage("an unknown rule"))?;
            let chosen = if place == 0 { first.ok_or(Damage("an empty set"))? } else { reading(reader)? };
            Ok(Standing::Ruled { rule, chosen })
        }
        kind @ (DECIDED | DECIDED_VALUE) => {
            let decision = reader.number()?;
            let mut counted = Vec::new();
            for _ in 0..reader.count(MAX_COUNT)? {
                counted.push(reading(reader)?);
            }
            let value = if kind == DECIDED_VALUE {
                let unit = UsageUnit::parse(text(reader)?);
                Some(Usage::new(decimal(reader)?, unit).map_err(|_| Damage("a usage is out of range"))?)
            } else {
                None
            };
            Ok(Standing::Decided { decision, counted, value })
        }
        OPEN => {
            let reason = match reader.count(ReviewReason::ALL.len())? {
                0 => None,
                place => Some(*ReviewReason::ALL.get(place - 1).ok_or(Damage("an unknown reason"))?),
            };
            let some = |sequence| Some(sequence).filter(|sequence| *sequence > 0);
            Ok(Standing::Open { reason, reopened: some(reader.number()?), deferred: some(reader.number()?) })
        }
        _ => Err(Damage("an unknown standing")),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::domain::duplicate::{Book, DocumentId, FindingKind, GroupId, Knowledge, assess};

    fn id(number: u8) -> ReadingId {
        ReadingId::from_bytes(&[number; ReadingId::BYTES]).unwrap()
    }

    fn one(number: u8, start: jiff::civil::Date, usage: Option<&str>, unit: &str) -> Candidate {
        let unit = UsageUnit::parse(unit);
        Candidate {
            id: id(number),
            period: Period::new(start, start.saturating_add(jiff::Span::new().days(30))).unwrap(),
            usage: usage.map(|usage| Usage::parse(usage, unit.clone()).unwrap()),
            unit,
            classification: Some(Classification::Main).filter(|_| number.is_multiple_of(2)),
            is_delivery_only: number == 4,
            has_distributor_stage: number == 5,
            statement_date: Some(start).filter(|_| number.is_multiple_of(3)),
            expects_duplicate: Some(StatementId::new("s-1")).filter(|_| number == 6),
        }
    }

    #[test]
    fn what_was_packed_comes_back() {
        let january = date(2023, 1, 1);
        let candidates = [
            one(1, january, Some("45.25"), "kWh"),
            one(2, date(2023, 1, 2), Some("0.0455"), "MWh"),
            one(3, date(2023, 1, 10), Some("-7"), "kWh"),
            one(4, date(2024, 1, 1), Some("79228162514264337593543950335"), "bananas"),
            one(5, date(2024, 1, 1), None, "kWh"),
            one(6, date(1969, 1, 1), Some("3"), "kWh"),
        ];
        let book = Book::default();
        let assessment = assess(&candidates, &Knowledge { book: &book, measured: None });
        assert!(!assessment.overlaps.is_empty(), "{assessment:?}");
        let (read, stands) = decode(&encode(&candidates, &assessment)).unwrap();
        assert_eq!(stands.findings(&read, &book), assessment.findings(&candidates, &book));
        let mut read = read;
        read.sort_by_key(|candidate| candidate.id);
        assert_eq!(read, candidates);
    }

    #[test]
    fn every_standing_comes_back_and_damage_is_no_panic() {
        let usage = Usage::parse("1.5", UsageUnit::KWH).unwrap();
        let all = [
            Standing::Ruled { rule: Rule::Single, chosen: id(1) },
            Standing::Ruled { rule: Rule::Measured, chosen: id(9) },
            Standing::Decided { decision: 7, counted: vec![id(1), id(2)], value: None },
            Standing::Decided { decision: 300, counted: vec![], value: Some(usage) },
            Standing::Open { reason: None, reopened: Some(5), deferred: None },
            Standing::Open { reason: Some(ReviewReason::Chained), reopened: None, deferred: Some(6) },
        ];
        for standing_in in all {
            let mut bytes = Vec::new();
            put_standing(&mut bytes, &standing_in);
            assert_eq!(standing(&mut Reader::new(&bytes), Some(id(1))), Ok(standing_in));
        }
        let candidates = [one(1, date(2023, 1, 1), Some("45"), "kWh")];
        let book = Book::default();
        let bytes = encode(&candidates, &assess(&candidates, &Knowledge { book: &book, measured: None }));
        for length in 0..bytes.len() {
            assert!(decode(&bytes[..length]).is_err(), "{length}");
        }
        for place in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[place] ^= 0xff;
            drop(decode(&damaged));
        }
        let _ = (DocumentId::from_bytes(&[0; 12]), GroupId::of(FindingKind::Duplicate, [id(1)]));
    }
}
