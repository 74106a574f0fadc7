//! The bar on a terminal while orders are carried out.
//!
//! It must never be drawn anywhere but on standard error, and never be in the way of a line of output.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::domain::{InstanceId, Outcome, Shown, Verb};

/// How often the spinner turns: slow enough for a slow line.
const TICK: std::time::Duration = std::time::Duration::from_millis(250);

/// A bar, or nothing.
pub struct Progress {
    bar: Option<ProgressBar>,
    /// Who is at which step; the one longest under way is shown.
    underway: Vec<(InstanceId, Shown)>,
}

impl Progress {
    /// A bar for so many orders where it is `visible`.
    pub fn new(verb: Verb, count: usize, visible: bool) -> Self {
        Self::called(verb.word(), count, visible)
    }

    /// The same for what is no order.
    pub fn called(word: &'static str, count: usize, visible: bool) -> Self {
        let bar = (visible && count > 0).then(|| {
            let bar = ProgressBar::with_draw_target(Some(count as u64), ProgressDrawTarget::stderr());
            let template = if count == 1 { "{spinner} {msg}" } else { "{spinner} {prefix} [{bar:24}] {pos}/{len}  {msg}" };
            // A template that is wrong would be a mistake of ours: then the bar has its own looks.
            let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
            bar.set_style(style.progress_chars("=> ").tick_chars("|/-\\ "));
            bar.set_prefix(word);
            bar.enable_steady_tick(TICK);
            bar
        });
        Self { bar, underway: Vec::new() }
    }

    /// An order is at a step.
    pub fn step(&mut self, id: &InstanceId, text: &Shown) {
        match self.underway.iter_mut().find(|(other, _)| other == id) {
            Some((_, step)) => *step = text.clone(),
            None => self.underway.push((id.clone(), text.clone())),
        }
        self.draw();
    }

    /// An order has come to its end.
    pub fn ended(&mut self, id: &InstanceId, _outcome: &Outcome) {
        self.underway.retain(|(other, _)| other != id);
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
        self.draw();
    }

    fn draw(&self) {
        if let Some(bar) = &self.bar {
            bar.set_message(self.underway.first().map(|(id, step)| format!("{id}: {step}")).unwrap_or_default());
        }
    }

    /// Does something while the bar is out of the way: writing a line.
    pub fn beside<T>(&self, work: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(work),
            None => work(),
        }
    }

    /// Takes the bar away.
    pub fn end(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_longest_under_way_is_told() {
        let mut progress = Progress::new(Verb::Start, 2, false);
        let (one, two) = (InstanceId::parse("alice").unwrap(), InstanceId::parse("bob").unwrap());
        progress.step(&one, &"starting".into());
        progress.step(&two, &"starting".into());
        progress.step(&one, &"waiting for 127.0.0.1:8101".into());
        assert_eq!(progress.underway.first().map(|(_, step)| step.as_str()), Some("waiting for 127.0.0.1:8101"));
        let outcome = Outcome { exit_code: 0, sentence: "started".into(), hints: Vec::new(), log_lines: Vec::new() };
        progress.ended(&one, &outcome);
        assert_eq!(progress.underway.len(), 1);
        assert_eq!(progress.beside(|| 7), 7);
        progress.end();
    }
}
