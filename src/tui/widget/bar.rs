//! Horizontal bars.

use crate::tui::glyph::Glyphs;

/// A bar of `columns` columns, in eighths of a column; less than nothing is empty, more than all is full.
pub fn bar(share: f64, columns: usize, glyphs: &Glyphs) -> String {
    let eighths = filled(share, columns * glyphs.bar_parts.len());
    let (full, part) = (eighths / glyphs.bar_parts.len(), eighths % glyphs.bar_parts.len());
    let mut text = glyphs.bar_full.repeat(full);
    if full < columns {
        text.push_str(glyphs.bar_parts.get(part).copied().unwrap_or(" "));
        text.push_str(&" ".repeat(columns - full - 1));
    }
    text
}

/// A bar of whole columns, each filled or not.
pub fn steps(share: f64, columns: usize, glyphs: &Glyphs) -> String {
    let full = filled(share, columns);
    let [filled, empty] = glyphs.steps;
    format!("{}{}", filled.repeat(full), empty.repeat(columns - full))
}

/// How many of `parts` are filled; a share that is no number fills none.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=parts, a screen's width")]
fn filled(share: f64, parts: usize) -> usize {
    (share.clamp(0.0, 1.0) * parts as f64).round() as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::format::width;

    #[test]
    fn bars_fill_by_share() {
        let unicode = Glyphs::of(false);
        for (share, expected) in [
            (0.0, "    "),
            (0.5, "██  "),
            (0.28, "█▏  "),
            (1.0, "████"),
            (9.0, "████"),
            (-1.0, "    "),
            (f64::NAN, "    "),
        ] {
            assert_eq!(bar(share, 4, unicode), expected, "{share}");
        }
        assert_eq!(steps(0.6, 5, unicode), "▇▇▇▁▁");
        assert_eq!(bar(0.6, 5, Glyphs::of(true)), "###  ");
    }

    #[test]
    fn a_bar_is_as_wide_as_asked() {
        for ascii in [false, true] {
            for columns in 0..20 {
                for share in 0..=33 {
                    let share = f64::from(share) / 33.0;
                    assert_eq!(width(&bar(share, columns, Glyphs::of(ascii))), columns);
                    assert_eq!(width(&steps(share, columns, Glyphs::of(ascii))), columns);
                }
            }
        }
    }
}
