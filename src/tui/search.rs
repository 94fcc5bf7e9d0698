//! Finds rows by what a person types: words, or letters of a name in their order.

use nucleo_matcher::{
    Config, Matcher, Utf32Str,
    pattern::{CaseMatching, Normalization, Pattern},
};

/// The longest text to search for, in characters.
pub const MAX_QUERY_LENGTH: usize = 64;

/// A query, ready to be asked many times.
#[derive(Debug)]
pub struct Search {
    words: Vec<String>,
    pattern: Pattern,
    matcher: Matcher,
    buffer: Vec<char>,
}

impl Search {
    /// Searches for `query`; an empty one finds everything.
    pub fn new(query: &str) -> Self {
        let query: String = query.chars().take(MAX_QUERY_LENGTH).collect();
        Self {
            words: query.split_whitespace().map(str::to_lowercase).collect(),
            pattern: Pattern::parse(&query, CaseMatching::Ignore, Normalization::Smart),
            matcher: Matcher::new(Config::DEFAULT),
            buffer: Vec::new(),
        }
    }

    /// Whether a row is found: every word stands somewhere in `details`, or the letters stand in `name` in their order.
    pub fn finds(&mut self, name: &str, details: &str) -> bool {
        let details = details.to_lowercase();
        self.words.iter().all(|word| details.contains(word)) || self.score(name).is_some()
    }

    /// How well the letters of the query stand in `text` in their order; `None` where they do not.
    pub fn score(&mut self, text: &str) -> Option<u32> {
        self.pattern.score(Utf32Str::new(text, &mut self.buffer), &mut self.matcher)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_anywhere_and_letters_in_order() {
        for (query, name, details, found) in [
            ("", "RPP-A", "rpp-a", true),
            ("rpa", "RPP-A", "rpp-a", true),
            ("hall north", "MSB-1", "msb-1 North Hall offline", true),
            ("OFFLINE", "MSB-1", "msb-1 North Hall offline", true),
            ("hall south", "MSB-1", "msb-1 North Hall offline", false),
            ("zz", "RPP-A", "rpp-a", false),
        ] {
            assert_eq!(Search::new(query).finds(name, details), found, "{query}");
        }
    }

    #[test]
    fn the_nearer_one_scores_higher() {
        let mut search = Search::new("msb");
        assert!(search.score("msb-1").unwrap() > search.score("main secondary board").unwrap());
    }
}
