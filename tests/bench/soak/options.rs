//! How long, how many, and from which seed.
//!
//! It must never start anything.

use std::time::Duration;

/// The words after `--`.
#[derive(Clone, Copy)]
pub struct Options {
    /// How long things happen.
    pub length: Duration,
    /// How much time one line of the table stands for.
    pub line: Duration,
    /// How many instances there are, those that only ran before included.
    pub instances: u16,
    /// What all that is random follows from.
    pub seed: u64,
}

impl Options {
    /// Reads the command line. Without `--seed` it is another one each time.
    pub fn read() -> Self {
        let seed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(1, |since| since.as_secs());
        let mut options = Self { length: Duration::from_secs(3600), line: Duration::from_secs(60), instances: 200, seed };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut number = || words.next().and_then(|word| word.parse::<u64>().ok()).unwrap_or_else(|| panic!("{word} wants a number"));
            match word.as_str() {
                "--minutes" => options.length = Duration::from_secs(60 * number()),
                "--instances" => options.instances = u16::try_from(number()).unwrap_or_else(|_| panic!("too many")).max(4),
                "--seed" => options.seed = number(),
                "--smoke" => {
                    (options.length, options.line, options.instances) = (Duration::from_secs(12), Duration::from_secs(3), 20);
                }
                // Cargo's own.
                "--bench" => {}
                _ => panic!("unknown: {word}"),
            }
        }
        options
    }
}
