//! Baseline and effect: what a programme meter would have taken, and what it takes less (pure).
//!
//! The baseline is the mean of the last 10 similar days without an event (weekdays, or weekend days), moved by how today
//! compares with them before the event: CAISO's 10-in-10 form, whose same-day adjustment is a factor of 0.8 to 1.2, of the
//! energy from four hours to one hour before the event (California ISO, tariff section 4.13.4).

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp, ToSpan as _, civil::Date, civil::Weekday, tz::TimeZone};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Days of the mean.
pub const DAYS: usize = 10;
/// How far back similar days are looked for.
pub const LOOK_BACK_DAYS: i32 = 45;
/// The adjustment looks at the energy from so long before the event …
const ADJUST_FROM: SignedDuration = SignedDuration::from_hours(4);
/// … to so long before it.
const ADJUST_TO: SignedDuration = SignedDuration::from_hours(1);
/// Decimals of kWh that are told: Wh.
const KWH_DECIMALS: u32 = 3;
/// Decimals of a factor.
const FACTOR_DECIMALS: u32 = 4;
/// Intervals of the longest event at 5 min, and one more at either end.
const MAX_INTERVALS: usize = 290;

/// One interval of an event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EffectInterval {
    /// Its start.
    pub start: Timestamp,
    /// Its end.
    pub end: Timestamp,
    /// What the meter would have taken, kWh.
    pub baseline_kwh: Decimal,
    /// What it took, kWh; `None`: not measured, or not over yet.
    pub actual_kwh: Option<Decimal>,
    /// What it took less, kWh; negative: it took more.
    pub reduction_kwh: Option<Decimal>,
}

/// The effect of an event at one programme meter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// Days that the baseline is a mean of.
    pub days: usize,
    /// The same-day adjustment, a factor of 0.8 to 1.2; `None`: it could not be told, and is taken to be 1.
    pub adjustment: Option<Decimal>,
    /// In order of time: all that have a part in the event.
    pub intervals: Vec<EffectInterval>,
    /// Reduction of the measured intervals, kWh.
    pub delivered_kwh: Decimal,
    /// Whether every interval of the event is measured.
    pub is_complete: bool,
    /// Live power, kW, where it is known.
    pub actual_kw: Option<f64>,
    /// Baseline now, kW, while the event lasts.
    pub baseline_kw: Option<f64>,
}

/// What is known of a meter.
#[derive(Debug, Clone, Copy)]
pub struct Measured<'a> {
    /// Net energy (consumed less generated) by start of the interval, kWh; only intervals that are wholly measured.
    pub kwh: &'a BTreeMap<Timestamp, Decimal>,
    /// Length of an interval; divides an hour.
    pub length: SignedDuration,
    /// Days with an event, which are no similar days.
    pub event_days: &'a BTreeSet<Date>,
    /// The site's time zone.
    pub zone: &'a TimeZone,
}

/// The effect of an event from `start` to `end` as it is known at `now`, without live power.
///
/// # Errors
/// Why there is no baseline, in words.
pub fn effect(measured: &Measured<'_>, start: Timestamp, end: Timestamp, now: Timestamp) -> Result<Effect, String> {
    let starts = intervals(measured, start, end);
    let days = similar_days(measured, start, &starts);
    if days.is_empty() {
        return Err(format!("no similar day of the last {LOOK_BACK_DAYS} days is measured"));
    }
    let adjustment = adjustment(measured, start, &days);
    let factor = adjustment.unwrap_or(Decimal::ONE);
    let mut told: Vec<EffectInterval> = Vec::with_capacity(starts.len());
    for at in starts {
        let until = at.saturating_add(measured.length).unwrap_or(at);
        let mean = mean(measured, &days, at).ok_or("the baseline's days are not whole")?;
        let baseline_kwh = (mean * factor).round_dp(KWH_DECIMALS);
        let actual_kwh = measured.kwh.get(&at).filter(|_| until <= now).map(|kwh| kwh.round_dp(KWH_DECIMALS));
        let reduction_kwh = actual_kwh.map(|actual| baseline_kwh - actual);
        told.push(EffectInterval { start: at, end: until, baseline_kwh, actual_kwh, reduction_kwh });
    }
    let delivered_kwh = told.iter().filter_map(|interval| interval.reduction_kwh).sum();
    let is_complete = told.iter().all(|interval| interval.actual_kwh.is_some());
    let current = told.iter().find(|interval| (interval.start..interval.end).contains(&now));
    let hours = measured.length.as_secs_f64() / 3600.0;
    let baseline_kw = current.and_then(|interval| Some(f64::try_from(interval.baseline_kwh).ok()? / hours));
    Ok(Effect {
        days: days.len(),
        adjustment,
        intervals: told,
        delivered_kwh,
        is_complete,
        actual_kw: None,
        baseline_kw,
    })
}

/// Starts of the intervals that have a part in a time.
fn intervals(measured: &Measured<'_>, start: Timestamp, end: Timestamp) -> Vec<Timestamp> {
    let length = measured.length.as_millis().max(1);
    let from = i128::from(start.as_millisecond()).div_euclid(length) * length;
    let starts = (0..MAX_INTERVALS as i128).map(|place| from + place * length);
    let inside = starts.take_while(|at| *at < i128::from(end.as_millisecond()));
    inside.filter_map(|at| Timestamp::from_millisecond(i64::try_from(at).ok()?).ok()).collect()
}

/// The same time on another day, by the clock on the wall.
fn on_day(measured: &Measured<'_>, at: Timestamp, event_day: Date, day: Date) -> Option<Timestamp> {
    let at = at.to_zoned(measured.zone.clone());
    let ahead = at.date().since(event_day).ok()?.get_days();
    let date = day.checked_add(ahead.days()).ok()?;
    Some(date.to_datetime(at.time()).to_zoned(measured.zone.clone()).ok()?.timestamp())
}

fn is_weekend(date: Date) -> bool {
    matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday)
}

/// The last similar days that are wholly measured, the latest first.
fn similar_days(measured: &Measured<'_>, start: Timestamp, starts: &[Timestamp]) -> Vec<(Date, Date)> {
    let today = start.to_zoned(measured.zone.clone()).date();
    let earlier = (1..=LOOK_BACK_DAYS).filter_map(|back| today.checked_sub(back.days()).ok());
    let is_similar = |day: &Date| is_weekend(*day) == is_weekend(today) && !measured.event_days.contains(day);
    let is_whole = |day: &Date| {
        let known =
            |at: &Timestamp| on_day(measured, *at, today, *day).is_some_and(|at| measured.kwh.contains_key(&at));
        starts.iter().all(known)
    };
    earlier.filter(is_similar).filter(is_whole).take(DAYS).map(|day| (today, day)).collect()
}

/// The mean of the days at the time of an interval.
fn mean(measured: &Measured<'_>, days: &[(Date, Date)], at: Timestamp) -> Option<Decimal> {
    let of_day = |(today, day): &(Date, Date)| measured.kwh.get(&on_day(measured, at, *today, *day)?).copied();
    let kwh: Vec<Decimal> = days.iter().filter_map(of_day).collect();
    (kwh.len() == days.len()).then(|| kwh.iter().sum::<Decimal>() / Decimal::from(kwh.len().max(1)))
}

/// How today compares with the days before the event; `None` where either is not known.
fn adjustment(measured: &Measured<'_>, start: Timestamp, days: &[(Date, Date)]) -> Option<Decimal> {
    let from = start.checked_sub(ADJUST_FROM).ok()?;
    let to = start.checked_sub(ADJUST_TO).ok()?;
    let (mut today, mut usual) = (Decimal::ZERO, Decimal::ZERO);
    for at in intervals(measured, from, to) {
        today += measured.kwh.get(&at)?;
        usual += mean(measured, days, at)?;
    }
    let factor = today.checked_div(usual).filter(|_| usual > Decimal::ZERO)?;
    Some(factor.clamp(Decimal::new(8, 1), Decimal::new(12, 1)).round_dp(FACTOR_DECIMALS))
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUARTER: SignedDuration = SignedDuration::from_mins(15);

    /// Quarters of `kwh(days back, quarter of the day)` for 20 days up to and with 2026-06-10, a Wednesday.
    fn history(kwh: impl Fn(i32, i32) -> i64) -> BTreeMap<Timestamp, Decimal> {
        let mut all = BTreeMap::new();
        for back in 0..20 {
            for quarter in 0..96 {
                let day = jiff::civil::date(2026, 6, 10).checked_sub(back.days()).unwrap();
                let at = day.to_zoned(TimeZone::UTC).unwrap().timestamp() + QUARTER * quarter;
                all.insert(at, Decimal::from(kwh(back, quarter)));
            }
        }
        all
    }

    fn at(time: &str) -> Timestamp {
        format!("2026-06-10T{time}:00Z").parse().unwrap()
    }

    fn told(kwh: &BTreeMap<Timestamp, Decimal>, event_days: &BTreeSet<Date>, now: &str) -> Result<Effect, String> {
        let measured = Measured { kwh, length: QUARTER, event_days, zone: &TimeZone::UTC };
        effect(&measured, at("16:00"), at("17:00"), at(now))
    }

    #[test]
    fn the_baseline_is_the_mean_of_ten_similar_days_and_follows_today() {
        // Weekdays took 10 in every quarter; today took 11 before the event, and 4 in it.
        let kwh = history(|back, quarter| {
            if back > 0 {
                10
            } else if quarter < 64 {
                11
            } else {
                4
            }
        });
        let effect = told(&kwh, &BTreeSet::new(), "18:00").unwrap();
        assert_eq!((effect.days, effect.adjustment), (10, Some(Decimal::new(11, 1))));
        assert_eq!(effect.intervals.len(), 4);
        for interval in &effect.intervals {
            assert_eq!(interval.baseline_kwh, Decimal::from(11));
            assert_eq!(interval.reduction_kwh, Some(Decimal::from(7)));
        }
        assert!(effect.is_complete);
        assert_eq!((effect.delivered_kwh, effect.baseline_kw), (Decimal::from(28), None));
        let half = told(&kwh, &BTreeSet::new(), "16:37").unwrap();
        assert_eq!((half.delivered_kwh, half.is_complete, half.baseline_kw), (Decimal::from(14), false, Some(44.0)));
    }

    #[test]
    fn the_adjustment_stays_within_a_fifth_and_event_days_are_left_out() {
        let yesterday = jiff::civil::date(2026, 6, 9);
        let kwh = history(|back, quarter| match back {
            0 => {
                if quarter < 64 {
                    30
                } else {
                    4
                }
            }
            1 => 1_000,
            _ => 10,
        });
        let effect = told(&kwh, &BTreeSet::from([yesterday]), "18:00").unwrap();
        assert_eq!((effect.days, effect.adjustment), (10, Some(Decimal::new(12, 1))));
        assert!(effect.intervals.iter().all(|interval| interval.baseline_kwh == Decimal::from(12)));
    }

    #[test]
    fn weekend_days_are_no_model_for_a_weekday_and_nothing_is_made_up() {
        let weekend = |back: i32| matches!(back, 3 | 4 | 10 | 11 | 17 | 18);
        let kwh = history(|back, _| if weekend(back) { 99 } else { 10 });
        let effect = told(&kwh, &BTreeSet::new(), "18:00").unwrap();
        assert!(effect.intervals.iter().all(|interval| interval.baseline_kwh == Decimal::from(10)));
        let today_only = history(|_, _| 10).into_iter().filter(|(at, _)| *at >= self::at("00:00")).collect();
        assert!(told(&today_only, &BTreeSet::new(), "18:00").is_err());
        let mut with_gap = kwh.clone();
        with_gap.remove(&at("14:00"));
        with_gap.remove(&at("16:15"));
        let effect = told(&with_gap, &BTreeSet::new(), "18:00").unwrap();
        assert_eq!((effect.adjustment, effect.is_complete), (None, false));
        assert_eq!(effect.intervals.iter().filter(|interval| interval.reduction_kwh.is_none()).count(), 1);
    }
}
