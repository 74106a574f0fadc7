//! A bar of a limit: how full something is.
//!
//! It must never be the only place of a value: the number stands beside it.

/// `███░░░`, or `###...` in ASCII. More than nothing shows at least one block; less than all leaves one open.
pub fn bar(part: f64, whole: f64, cells: usize, ascii: bool) -> String {
    let (full, empty) = if ascii { ('#', '.') } else { ('█', '░') };
    let share = if whole > 0.0 && part.is_finite() { (part / whole).clamp(0.0, 1.0) } else { 0.0 };
    let most = if share < 1.0 { cells.saturating_sub(1) } else { cells };
    let least = usize::from(share > 0.0).min(cells);
    let filled = ((share * cells as f64).round() as usize).min(most).max(least);
    let mut text = String::with_capacity(cells * 3);
    text.extend(std::iter::repeat_n(full, filled));
    text.extend(std::iter::repeat_n(empty, cells - filled));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_never_empty_or_full_by_rounding() {
        let cases = [
            (0.0, 512.0, "░░░░░░"),
            (1.0, 512.0, "█░░░░░"),
            (256.0, 512.0, "███░░░"),
            (511.0, 512.0, "█████░"),
            (512.0, 512.0, "██████"),
            (900.0, 512.0, "██████"),
            (1.0, 0.0, "░░░░░░"),
            (f64::NAN, 1.0, "░░░░░░"),
        ];
        for (part, whole, expected) in cases {
            assert_eq!(bar(part, whole, 6, false), expected, "{part} of {whole}");
        }
        assert_eq!(bar(1.0, 2.0, 4, true), "##..");
        assert_eq!(bar(1.0, 2.0, 0, true), "");
        assert_eq!(bar(1.0, 2.0, 1, false), "█");
    }
}
