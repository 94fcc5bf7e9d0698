//! Which physical meter answers: its serial number tells.

use jiff::Timestamp;

/// Watches the serial number that a device reports. One that is read once and not again was a misreading.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SerialWatch {
    known: Option<i64>,
    /// Another one, and since when.
    other: Option<(i64, Timestamp)>,
}

impl SerialWatch {
    /// A watch that knows the meter that was there before, where there was one.
    pub fn new(known: Option<i64>) -> Self {
        Self { known, other: None }
    }

    /// Takes what the device reports now; from when on it is another meter, once that is sure.
    pub fn take(&mut self, number: i64, at: Timestamp) -> Option<Timestamp> {
        let Some(known) = self.known else {
            self.known = Some(number);
            return None;
        };
        if number == known {
            self.other = None;
            return None;
        }
        match self.other {
            Some((other, since)) if other == number => {
                *self = Self::new(Some(number));
                Some(since)
            }
            _ => {
                self.other = Some((number, at));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_meter_is_one_that_says_so_twice() {
        let mut watch = SerialWatch::default();
        let found: Vec<Option<i64>> = [7, 7, 8, 7, 9, 8, 8, 8, 7, 7]
            .iter()
            .zip(0..)
            .map(|(number, second)| watch.take(*number, Timestamp::from_second(second).unwrap()))
            .map(|since| since.map(Timestamp::as_second))
            .collect();
        assert_eq!(found, [None, None, None, None, None, None, Some(5), None, None, Some(8)]);
        assert_eq!(SerialWatch::new(Some(1)).take(1, Timestamp::UNIX_EPOCH), None);
    }
}
