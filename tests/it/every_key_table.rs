//! What each key of DESIGN section 7 does to the screen: where it is pressed, what is there before, what is there after.
//!
//! The rows are pressed in their order, on one console; what only leads from one to the next names no key of the contract.

use berth::tui::keymap::Place::{self, Confirm, Fleet, Log, Picker};

/// What is to be seen.
#[derive(Clone, Copy, Debug)]
pub enum See {
    /// This is on the screen.
    Has(&'static str),
    /// This is not.
    Lacks(&'static str),
    /// The one line with the `>` holds this.
    Chosen(&'static str),
    /// One line holds both.
    Line(&'static str, &'static str),
    /// A line begins with this.
    Begins(&'static str),
}

use See::{Begins, Chosen, Has, Lacks, Line};

/// What is done.
#[derive(Clone, Copy, Debug)]
pub enum Do {
    /// A key of the contract is pressed where this has the focus.
    Press(Place, &'static str),
    /// Something is typed on the way to the next row.
    Type(&'static str),
    /// A line is added to dan's log.
    Write(&'static str),
    /// The terminal loses what it showed.
    Smudge,
}

use Do::{Press, Smudge, Type, Write};

/// A row: what is done, what is seen before, what is seen after. Before it, not all of what is seen after may be there.
pub type Row = (Do, &'static [See], &'static [See]);

/// The table and its keys.
pub const FLEET: &[Row] = &[
    (Press(Fleet, "j"), &[Chosen("ann ")], &[Chosen("ben ")]),
    (Press(Fleet, "k"), &[Chosen("ben ")], &[Chosen("ann ")]),
    (Press(Fleet, "down"), &[Chosen("ann ")], &[Chosen("ben ")]),
    (Press(Fleet, "up"), &[Chosen("ben ")], &[Chosen("ann ")]),
    (Press(Fleet, "G"), &[Chosen("ann ")], &[Chosen("eve ")]),
    (Press(Fleet, "g"), &[Chosen("eve ")], &[Chosen("ann ")]),
    (Press(Fleet, "pgdn"), &[Chosen("ann ")], &[Chosen("eve ")]),
    (Press(Fleet, "pgup"), &[Chosen("eve ")], &[Chosen("ann ")]),
    (Press(Fleet, "right"), &[Begins("  OWNER")], &[Begins("◂ OWNER")]),
    (Press(Fleet, "left"), &[Begins("◂ OWNER")], &[Begins("  OWNER")]),
    (Press(Fleet, "enter"), &[Has("Enter detail")], &[Has("Enter table"), Lacks("OWNER")]),
    (Type("\r"), &[], &[Has("Enter detail"), Has("OWNER")]),
    (Press(Fleet, "space"), &[Chosen("ann "), Lacks("marked")], &[Has("1 marked"), Begins("* ann "), Chosen("ben ")]),
    (Press(Fleet, "*"), &[Has("1 marked")], &[Has("5 marked"), Begins("* eve ")]),
    (Type("S"), &[], &[Has("Stop 2 instances?"), Has("type 2 and Enter")]),
    (Type("\u{1b}"), &[], &[Lacks("type 2 and Enter"), Has("5 marked")]),
    (Press(Fleet, "U"), &[Has("5 marked")], &[Has("5 unmarked"), Lacks("* eve ")]),
    (Press(Fleet, "o"), &[Has("OWNER▴")], &[Lacks("OWNER▴"), Has("STATE▾")]),
    (Press(Fleet, "O"), &[Has("STATE▾")], &[Has("STATE▴")]),
    (Press(Fleet, "P"), &[Lacks("by CPU %")], &[Has("by CPU % ▾"), Chosen("ben ")]),
    (Press(Fleet, "M"), &[Lacks("by MEMORY")], &[Has("by MEMORY ▾"), Chosen("ben ")]),
    (Press(Fleet, "N"), &[Lacks("by PID")], &[Has("by PID ▴"), Chosen("ben ")]),
    (Press(Fleet, "A"), &[Lacks("by UP")], &[Has("by UP ▾"), Chosen("ben ")]),
    (Press(Fleet, ":"), &[Lacks("Enter choose")], &[Has("Enter choose"), Has("restart it on the same port")]),
    (Type("sort-owner\r"), &[], &[Has("OWNER▴"), Lacks("Enter choose")]),
    (Press(Fleet, "u"), &[Lacks("whose instances")], &[Has("whose instances"), Has("│ > everybody")]),
    (Press(Picker, "down"), &[Has("│ > everybody")], &[Has("│ > ann ")]),
    (Press(Picker, "up"), &[Has("│ > ann ")], &[Has("│ > everybody")]),
    (Press(Picker, "esc"), &[Has("whose instances")], &[Lacks("whose instances"), Lacks("filter:")]),
    (Type("u"), &[], &[Has("│ > everybody")]),
    (Type("ann"), &[], &[Has("│ > ann ")]),
    (Press(Picker, "enter"), &[Has("│ > ann ")], &[Has("filter: user:=ann"), Has("1 of 5"), Chosen("ann ")]),
    (Press(Fleet, "esc"), &[Has("filter: user:=ann")], &[Lacks("filter:"), Line("ben", "running")]),
    (Press(Fleet, "e"), &[Lacks("problems only")], &[Has("filter: problems only"), Line("cat ", "port-")]),
    (Type("e"), &[], &[Lacks("problems only")]),
    (Press(Fleet, "/"), &[Lacks("Enter keep it")], &[Has("Enter keep it")]),
    (Type("\u{1b}"), &[], &[Lacks("Enter keep it")]),
    (Type("gj"), &[], &[Chosen("ben ")]),
    (Press(Fleet, "l"), &[Lacks("ben · log")], &[Has("ben · log"), Lacks("OWNER")]),
    (Type("l"), &[], &[Lacks("ben · log"), Has("OWNER")]),
    (Press(Fleet, "p"), &[Lacks("─ ports ")], &[Has("─ ports "), Has("to ben, running")]),
    (Press(Fleet, "1"), &[Has("─ ports ")], &[Has("OWNER"), Chosen("ben ")]),
    (Press(Fleet, "w"), &[Lacks("ben's instance runs")], &[Has("ben's instance runs"), Has("Esc close")]),
    (Type("\u{1b}"), &[], &[Lacks("Esc close")]),
    (Press(Fleet, "c"), &[Lacks("Let a client reach")], &[Has("Let a client reach ben")]),
    (Type("\u{1b}"), &[], &[Lacks("Let a client reach")]),
    (Press(Fleet, "y"), &[Lacks("Copy from")], &[Has("Copy from ben"), Has("client URL")]),
    (Type("port"), &[], &[Has("│ > port ")]),
    (Type("\r"), &[], &[Has("ben's port: sent to the terminal's clipboard (OSC 52)")]),
    (Type("kj"), &[], &[Has("Enter detail"), Chosen("ben ")]),
    (Press(Fleet, "tab"), &[Has("Enter detail")], &[Has("Enter table"), Has("OWNER")]),
    (Press(Fleet, "shift-tab"), &[Has("Enter table")], &[Has("Enter detail")]),
    (Press(Fleet, "2"), &[Lacks("─ ports ")], &[Has("─ ports "), Lacks("OWNER")]),
    (Press(Fleet, "3"), &[Lacks("EVIDENCE")], &[Has("EVIDENCE"), Chosen("port-taken")]),
    (Press(Fleet, "4"), &[Lacks("─ events ")], &[Has("─ events "), Line("ann", "start by ")]),
    (Press(Fleet, "5"), &[Lacks("─ host ")], &[Has("─ host ")]),
    (Type("1"), &[], &[Has("OWNER")]),
    (Press(Fleet, "?"), &[Lacks("┌ keys ")], &[Has("┌ keys "), Has("only what has a problem")]),
    (Type("q"), &[], &[Lacks("┌ keys ")]),
    (Press(Fleet, "Z"), &[Lacks("the picture is held")], &[Has("the picture is held"), Line("berth  ", "  held ")]),
    (Type("Z"), &[], &[Lacks("the picture is held")]),
    (Press(Fleet, "T"), &[Lacks("theme: ")], &[Has("theme: light")]),
    (Press(Fleet, "V"), &[Lacks("locked")], &[Has("changes are locked")]),
    (Type("V"), &[], &[Has("changes are unlocked")]),
    (Smudge, &[], &[Lacks("OWNER")]),
    (Press(Fleet, "ctrl-l"), &[Lacks("OWNER")], &[Has("OWNER"), Chosen("ben "), Has("1 Instances")]),
];

/// Acting, on ben who runs and on cat who is in somebody's way.
pub const ACTING: &[Row] = &[
    (Press(Fleet, "S"), &[Chosen("ben "), Lacks("Stop ben?")], &[Has("Stop ben?"), Has("[ Cancel ]")]),
    (Press(Confirm, "shift-tab"), &[Has("[ Cancel ]")], &[Has("[ y Stop ]")]),
    (Press(Confirm, "tab"), &[Has("[ y Stop ]")], &[Has("[ Cancel ]")]),
    (Press(Confirm, "enter"), &[Has("[ Cancel ]")], &[Lacks("Stop ben?"), Line("ben ", "● running")]),
    (Press(Fleet, "r"), &[Lacks("Restart ben?")], &[Has("Restart ben?")]),
    (Press(Confirm, "esc"), &[Has("Restart ben?")], &[Lacks("Restart ben?"), Line("ben ", "● running")]),
    (Type("S"), &[], &[Has("Stop ben?")]),
    (Press(Confirm, "y"), &[Has("Stop ben?")], &[Lacks("Stop ben?"), Line("ben ", "○ stopped")]),
    (Press(Fleet, "s"), &[Lacks("Start ben?")], &[Has("Start ben?")]),
    (Type("y"), &[], &[Lacks("Start ben?"), Line("ben ", "● running")]),
    (Press(Fleet, "K"), &[Lacks("Send ben a signal")], &[Has("Send ben a signal"), Has("CONT")]),
    (Type("\u{1b}"), &[], &[Lacks("Send ben a signal")]),
    (Type("j"), &[], &[Chosen("cat ")]),
    (Press(Fleet, "F"), &[Lacks("give cat the free port")], &[Has("give cat the free port"), Has("says what it would do")]),
    (Type("\r"), &[], &[Has(" to cat?"), Has("It would have port ")]),
    (Type("\u{1b}"), &[], &[Lacks("It would have port"), Lacks("give cat the free port")]),
    (Press(Fleet, "a"), &[Lacks("mend what is wrong")], &[Has("┌ cat "), Has("F     mend what is wrong"), Has("p     its port")]),
    (Type("w"), &[], &[Lacks("mend what is wrong"), Has("Esc close")]),
    (Type("\u{1b}"), &[], &[Lacks("Esc close")]),
    (Type("j"), &[], &[Chosen("dan ")]),
];

/// The log, of dan: five moments with thirty lines and an error each, and two lines of now.
pub const LOG: &[Row] = &[
    (Type("l"), &[Chosen("dan ")], &[Has("dan · log"), Has("following"), Has("last of all")]),
    (Press(Log, "k"), &[Has("following")], &[Has("paused"), Lacks("last of all")]),
    (Write("INFO  just now"), &[], &[Has("1 new")]),
    (Press(Log, "f"), &[Has("1 new")], &[Has("following"), Has("just now")]),
    (Press(Log, "w"), &[Lacks("its end")], &[Has("its end"), Has("wrapped")]),
    (Type("w"), &[], &[Lacks("wrapped")]),
    (Press(Log, "t"), &[Lacks("local times")], &[Has("local times")]),
    (Type("t"), &[], &[Has("UTC ──")]),
    (Type("t"), &[], &[Has("ages ──")]),
    (Type("t"), &[], &[Lacks("ages ──"), Lacks("local times"), Lacks("UTC ──")]),
    (Press(Log, "1"), &[Lacks("first line 0")], &[Has("first line 0"), Has("paused")]),
    (Press(Log, "j"), &[Has("first line 0")], &[Lacks("first line 0"), Has("first line 1")]),
    (Press(Log, "pgdn"), &[Has("first line 20")], &[Lacks("first line 20"), Has("old line 20")]),
    (Press(Log, "pgup"), &[Lacks("first line 20")], &[Has("first line 20"), Lacks("old line 20")]),
    (Press(Log, "g"), &[Lacks("first line 0")], &[Has("first line 0")]),
    (Press(Log, "G"), &[Has("paused")], &[Has("following"), Has("just now")]),
    (Type("1"), &[], &[Has("first line 0")]),
    (Press(Log, "0"), &[Has("first line 0")], &[Has("following"), Has("just now"), Lacks("first line")]),
    (Press(Log, "2"), &[Lacks("1 min, since")], &[Has("── 1 min, since"), Lacks("failed")]),
    (Press(Log, "3"), &[Lacks("5 min, since")], &[Has("3 of 158 ── 5 min, since"), Lacks("failed")]),
    (Press(Log, "4"), &[Lacks("15 min, since")], &[Has("34 of 158 ── 15 min, since"), Has("ten failed")]),
    (Press(Log, "5"), &[Lacks("30 min, since")], &[Has("65 of 158 ── 30 min, since")]),
    (Press(Log, "6"), &[Lacks("1 h, since")], &[Has("96 of 158 ── 1 h, since")]),
    (Press(Log, "7"), &[Lacks("03:00-03:10")], &[Has("03:00-03:10"), Begins(" time")]),
    (Type("3h\r"), &[], &[Has("127 of 158 ── since")]),
    (Press(Log, "esc"), &[Has("127 of 158")], &[Lacks("of 158"), Has("dan · log")]),
    (Press(Log, "/"), &[Lacks("Enter search")], &[Has("Enter search")]),
    (Type("failed\r"), &[], &[Has("/ failed 5/5"), Chosen("ten failed")]),
    (Press(Log, "N"), &[Has("/ failed 5/5")], &[Has("/ failed 4/5"), Chosen("twenty failed")]),
    (Press(Log, "n"), &[Has("/ failed 4/5")], &[Has("/ failed 5/5"), Chosen("ten failed")]),
    (Type("\u{1b}0"), &[], &[Lacks("/ failed"), Has("following")]),
    (Press(Log, "&"), &[Lacks("Enter keep these lines")], &[Has("Enter keep these lines")]),
    (Type("ten (line 3|failed)\r"), &[], &[Has("2 of 158"), Has("ten line 3"), Has("ten failed"), Lacks("ten line 4")]),
    (Press(Log, "!"), &[Lacks("Enter leave these lines out")], &[Has("Enter leave these lines out")]),
    (Type("line\r"), &[], &[Has("1 of 158"), Lacks("ten line 3"), Has("ten failed")]),
    (Type("\u{1b}"), &[], &[Has("2 of 158")]),
    (Type("\u{1b}"), &[], &[Lacks("of 158"), Has("dan · log")]),
    (Type("0"), &[], &[Has("following")]),
    (Press(Log, "E"), &[Has("following")], &[Has("paused"), Chosen("ten failed")]),
    (Type("E"), &[], &[Chosen("twenty failed")]),
    (Press(Log, "e"), &[Chosen("twenty failed")], &[Chosen("ten failed")]),
    (Type("\u{1b}0"), &[], &[Has("following")]),
    (Press(Log, "m"), &[Lacks("── mark ")], &[Has("── mark "), Has("marked; ' goes to the mark")]),
    (Press(Log, "v"), &[Lacks("1 chosen")], &[Has("1 chosen")]),
    (Press(Log, "y"), &[Has("1 chosen")], &[Has("1 line of dan: sent to the terminal's clipboard (OSC 52)")]),
    (Press(Log, ":"), &[Lacks("Enter choose")], &[Has("Enter choose")]),
    (Type("save ~/dan.txt\r"), &[], &[Has("dan.txt"), Lacks("Enter choose")]),
    (Press(Log, "["), &[Has("dan · log")], &[Has("cat · log"), Has("the log of cat")]),
    (Press(Log, "]"), &[Has("cat · log")], &[Has("dan · log"), Lacks("the log of cat")]),
    (Press(Log, "?"), &[Lacks("┌ keys ")], &[Has("┌ keys "), Has("follow the end, or pause")]),
    (Type("\u{1b}"), &[], &[Lacks("┌ keys ")]),
    (Press(Log, "tab"), &[Has("dan · log")], &[Lacks("dan · log"), Has("Enter table")]),
    (Press(Log, "shift-tab"), &[Lacks("dan · log")], &[Has("dan · log")]),
    (Press(Log, "q"), &[Has("dan · log")], &[Lacks("dan · log"), Has("OWNER"), Chosen("dan ")]),
];

/// The ways out, each with what is typed to come to where it is pressed and what is seen there.
pub const OUT: &[(Place, &str, &str, See)] = &[
    (Fleet, "q", "", Has("Enter detail")),
    (Fleet, "ctrl-c", "", Has("Enter detail")),
    (Confirm, "ctrl-c", "S", Has("Stop ann?")),
    (Picker, "ctrl-c", "u", Has("whose instances")),
];

/// The filter's words, who is left by each, and who is not. `{dan}` is dan's port.
pub const FILTERS: &[(&str, &[&str], &[&str])] = &[
    ("eve", &["eve"], &["ann", "ben", "cat", "dan"]),
    ("/^be/", &["ben"], &["ann", "cat", "dan", "eve"]),
    ("!ann", &["ben", "eve"], &["ann"]),
    ("user:ben", &["ben"], &["ann", "cat", "dan", "eve"]),
    ("port:{dan}", &["dan"], &["ann", "ben", "cat", "eve"]),
    ("state:stopped", &["cat", "dan", "eve"], &["ann", "ben"]),
    ("supervisor:systemd", &[], &["ann", "ben", "cat", "dan", "eve"]),
    ("finding:port-duplicate", &["ann", "cat"], &["ben", "dan", "eve"]),
];
