//! What is measured: how many of everything, and for how long.
//!
//! It must never start anything.

/// The words after `--`.
#[derive(Clone, Copy)]
pub struct Options {
    /// Instances that run already when berth comes, each a process with a listener and a configuration.
    pub instances: u16,
    /// Instances that berth starts.
    pub started: u16,
    /// How many there are where only keys are timed; 0 is no such round.
    pub many: u16,
    /// Only keys are timed.
    pub only_keys: bool,
    /// Established sockets beside them, in the second round; 0 is no second round.
    pub sockets: u32,
    /// How long each full-screen program is watched.
    pub seconds: u64,
    /// How often each delay is measured.
    pub times: usize,
    /// How often each whole process is run.
    pub runs: usize,
    /// How many ports the guide's script is given; it is told per port.
    pub script_ports: u16,
}

impl Options {
    /// Reads the command line.
    pub fn read() -> Self {
        let mut options = Self {
            instances: 1000,
            started: 100,
            many: 5000,
            only_keys: false,
            sockets: 100_000,
            seconds: 20,
            times: 100,
            runs: 9,
            script_ports: 20,
        };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut number = || words.next().and_then(|word| word.parse::<u32>().ok()).unwrap_or_else(|| panic!("{word} wants a number"));
            let small = |number: u32| u16::try_from(number).unwrap_or_else(|_| panic!("{number} are too many"));
            match word.as_str() {
                "--instances" => options.instances = small(number()),
                "--started" => options.started = small(number()),
                "--many" => options.many = small(number()),
                "--only-keys" => options.only_keys = true,
                "--sockets" => options.sockets = number(),
                "--seconds" => options.seconds = number().into(),
                "--times" => options.times = number() as usize,
                "--runs" => options.runs = number() as usize,
                "--smoke" => {
                    options = Self {
                        instances: 50,
                        started: 10,
                        many: 100,
                        sockets: 2_000,
                        seconds: 2,
                        times: 10,
                        runs: 3,
                        script_ports: 3,
                        ..options
                    };
                }
                // Cargo's own.
                "--bench" => {}
                _ => panic!("unknown: {word}"),
            }
        }
        options
    }
}
