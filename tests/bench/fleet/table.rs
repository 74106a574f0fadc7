//! The table that the run ends with: what was measured, what it may be, and how far that is.
//!
//! It must never judge by itself what may fail a build: times are told, not asserted.

/// Lines of the table.
#[derive(Default)]
pub struct Table {
    lines: Vec<(String, String, String, f64)>,
}

impl Table {
    /// A figure with what it may be at most.
    pub fn at_most(&mut self, what: &str, measured: f64, budget: f64, unit: &str) {
        let show = |value: f64| if value < 10.0 { format!("{value:.2} {unit}") } else { format!("{value:.0} {unit}") };
        self.lines.push((
            what.to_owned(),
            show(measured),
            format!("<= {}", show(budget)),
            if budget > 0.0 { measured / budget } else { measured },
        ));
    }

    /// Prints it.
    pub fn print(&self) {
        println!("\n{:<68}{:>14}{:>16}{:>8}", "what", "measured", "budget", "ratio");
        for (what, measured, budget, ratio) in &self.lines {
            println!("{what:<68}{measured:>14}{budget:>16}{ratio:>8.2}{}", if *ratio > 1.0 { "  not met" } else { "" });
        }
    }
}
