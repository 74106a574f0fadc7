//! `berth discover`: what servers announce on the network, and which instance each is.
//!
//! It must never exit with anything but 0 because nobody announces anything: that is an answer.

use super::args::{Discover, Global};
use super::door::Desk;
use super::errors::{Stop, unless_closed};
use super::output::{Out, aside};
use crate::present::announced;

/// Runs the command.
pub fn run(words: &Discover, global: &Global, desk: &dyn Desk, out: &mut Out) -> Result<u8, Stop> {
    let (snapshot, notices) = desk.discover(&words.kinds, words.patience)?;
    if global.json {
        unless_closed(out.json(&announced::json(&snapshot, &notices)))?;
    } else {
        let text = announced::text(&snapshot, words.patience, out.style(), out.program());
        unless_closed(out.text(&text))?;
        notices.iter().for_each(|notice| aside(&format!("  {notice}")));
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cli::fake::{FakeDesk, fleet, global, written};

    fn ran(options: &str) -> String {
        let words = Discover { kinds: vec![], patience: Duration::from_secs(3) };
        let (mut out, text) = written();
        assert_eq!(run(&words, &global(options), &FakeDesk::new(fleet::fleet()), &mut out).unwrap(), 0);
        text()
    }

    #[test]
    fn nobody_is_an_answer() {
        assert_eq!(ran(""), "no service was announced within 3.0 s\n");
        assert_eq!(ran("--json"), "{\"schema\":1,\"services\":[],\"findings\":[],\"notices\":[\"nobody listens here\"]}\n");
    }
}
