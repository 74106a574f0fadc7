//! The course of a value in one line of small blocks, newest at the right.
//!
//! It must never draw a value that was not read: a gap stays blank.

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const ASCII: [char; 8] = ['_', '.', ',', '-', '~', '+', '*', '#'];

/// The last `cells` values against `top` (the value of a full block); what is above is a full block.
pub fn sparkline(values: &[Option<f32>], top: f32, cells: usize, ascii: bool) -> String {
    let blocks = if ascii { &ASCII } else { &BLOCKS };
    let shown = &values[values.len().saturating_sub(cells)..];
    let block = |value: &Option<f32>| match value {
        Some(value) if top > 0.0 => {
            let step = (value / top).clamp(0.0, 1.0) * (BLOCKS.len() - 1) as f32;
            blocks[(step.round() as usize).min(BLOCKS.len() - 1)]
        }
        Some(_) => blocks[0],
        None => ' ',
    };
    let blank = std::iter::repeat_n(' ', cells - shown.len());
    blank.chain(shown.iter().map(block)).collect()
}

/// A top that stands still: the next of 1, 2, 5, 10, 20, 50 and so on above the highest value, so that one peak does not rescale twice.
pub fn top(values: &[Option<f32>], least: f32) -> f32 {
    let highest = values.iter().flatten().copied().filter(|value| value.is_finite()).fold(least, f32::max);
    let mut step = 1.0;
    for factor in [2.0, 2.5, 2.0].iter().cycle().take(60) {
        if step >= highest {
            break;
        }
        step *= factor;
    }
    step
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_blocks_and_gaps_stay_blank() {
        let values = [Some(0.0), Some(25.0), None, Some(50.0), Some(100.0), Some(250.0)];
        assert_eq!(sparkline(&values, 100.0, 6, false), "▁▃ ▅██");
        assert_eq!(sparkline(&values, 100.0, 8, false), "  ▁▃ ▅██");
        assert_eq!(sparkline(&values, 100.0, 2, false), "██");
        assert_eq!(sparkline(&values, 100.0, 6, true), "_, ~##");
        assert_eq!(sparkline(&[Some(1.0)], 0.0, 1, false), "▁");
        assert_eq!(sparkline(&[], 1.0, 3, false), "   ");
    }

    #[test]
    fn the_top_moves_in_steps() {
        let cases = [(0.3, 1.0), (1.2, 2.0), (3.0, 5.0), (7.0, 10.0), (12.0, 20.0), (49.0, 50.0), (51.0, 100.0), (f32::NAN, 1.0)];
        for (value, expected) in cases {
            assert!((top(&[Some(value)], 0.0) - expected).abs() < 0.01, "{value}");
        }
        assert!((top(&[Some(3.0)], 100.0) - 100.0).abs() < 0.01);
    }
}
