//! The events and the host of the real console on a real instance: what was done before it was opened, and what another does meanwhile.

use std::time::Duration;

use crate::actions::Tree;
use crate::terminal::Terminal;

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn the_console_tells_what_was_done_before_it_and_beside_it() {
    let tree = Tree::new(&["zoe"]);
    assert_eq!(tree.berth(&["start", "zoe"]).0, 0);
    let (config, state) = (tree.config(), tree.path().join("state"));
    let words = ["--config", config.to_str().unwrap()];
    let mut console = Terminal::start(160, 40, env!("CARGO_BIN_EXE_berth"), &words, &[("BERTH_STATE", state.to_str().unwrap())]);
    console.until("the instance", PATIENCE, |text| text.contains("● running"));
    console.keys("4");
    console.until("the start of before", PATIENCE, |text| text.contains("start by ") && text.contains("berth looks from now on"));
    assert_eq!(tree.berth(&["stop", "zoe"]).0, 0);
    console.until("the stop beside it", PATIENCE, |text| text.contains("stop by ") && text.contains("-> stopped"));
    console.keys("5");
    // Its own cost is known after two looks.
    console.until("the host", PATIENCE, |text| text.contains("this console") && text.contains(" ms ") && text.contains("PRESSURE"));
    console.keys("4k");
    console.until("the pause", PATIENCE, |text| text.contains("paused"));
    console.keys("\r");
    console.until("the table again", PATIENCE, |text| text.contains("OWNER"));
    console.keys("qqq");
    assert_eq!(console.end(PATIENCE), 0);
}
