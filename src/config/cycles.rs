//! Circles among meters: of feeds, and of formulas.

use std::collections::{BTreeMap, BTreeSet};

/// Each circle once, from its first member in order; `edges` says what each one leads to.
pub(super) fn find<'a, T: Ord + ?Sized>(edges: &BTreeMap<&'a T, Vec<&'a T>>) -> Vec<Vec<&'a T>> {
    let mut circles = BTreeSet::new();
    let mut done: BTreeSet<&T> = BTreeSet::new();
    for start in edges.keys() {
        // The way to where we are, each with how many of its edges were followed; no recursion, as chains may be long.
        let mut way: Vec<(&'a T, usize)> = vec![(start, 0)];
        let mut place_on_way: BTreeMap<&'a T, usize> = BTreeMap::from([(*start, 0)]);
        while let Some((at, followed)) = way.last_mut() {
            let next = edges.get(at).filter(|_| !done.contains(at)).and_then(|next| next.get(*followed)).copied();
            *followed += 1;
            let Some(next) = next else {
                done.insert(at);
                place_on_way.remove(at);
                way.pop();
                continue;
            };
            if let Some(back) = place_on_way.get(next) {
                circles.insert(from_first(way.iter().skip(*back).map(|(member, _)| *member).collect()));
            } else if !done.contains(next) {
                place_on_way.insert(next, way.len());
                way.push((next, 0));
            }
        }
    }
    circles.into_iter().collect()
}

/// The same circle, from its first member in order.
fn from_first<T: Ord + ?Sized>(mut circle: Vec<&T>) -> Vec<&T> {
    let first = circle.iter().enumerate().min_by_key(|(_, member)| **member).map_or(0, |(index, _)| index);
    circle.rotate_left(first);
    circle
}

/// `a → b → a`
pub(super) fn print<T: std::fmt::Display + ?Sized>(circle: &[&T]) -> String {
    let members = circle.iter().chain(circle.first()).map(|member| format!("`{member}`"));
    members.collect::<Vec<_>>().join(" → ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circles(edges: &[(&'static str, &[&'static str])]) -> Vec<String> {
        let edges = edges.iter().map(|(from, to)| (*from, to.to_vec())).collect();
        find(&edges).iter().map(|circle| print(circle)).collect()
    }

    #[test]
    fn each_circle_is_found_once() {
        assert!(circles(&[("a", &["b", "c"]), ("b", &["d"]), ("c", &["d"])]).is_empty(), "A and B feeds");
        assert_eq!(circles(&[("a", &["a"])]), ["`a` → `a`"]);
        assert_eq!(circles(&[("c", &["a"]), ("b", &["c"]), ("a", &["b"])]), ["`a` → `b` → `c` → `a`"]);
        assert_eq!(
            circles(&[("a", &["b"]), ("b", &["a", "x"]), ("c", &["d"]), ("d", &["c"])]),
            ["`a` → `b` → `a`", "`c` → `d` → `c`"]
        );
    }

    #[test]
    fn a_long_chain_is_no_trouble() {
        let names: Vec<String> = (0..20_000).map(|number| format!("{number:05}")).collect();
        let edges = names.windows(2).map(|pair| (pair[0].as_str(), vec![pair[1].as_str()])).collect();
        assert!(find(&edges).is_empty());
    }
}
