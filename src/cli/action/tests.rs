//! What actions do with their words.

use super::*;
use crate::cli::fake::{FakeDesk, closed, fleet, global, written};
use crate::error::Error;

/// Runs and gives the exit code, the output and the orders.
fn ran(verb: Verb, action: &Action, options: &str) -> (Result<u8, u8>, String, Vec<Order>) {
    ran_at(verb, action, action.pace(), options)
}

/// The same at this pace.
fn ran_at(verb: Verb, action: &Action, pace: Pace, options: &str) -> (Result<u8, u8>, String, Vec<Order>) {
    struct Shared(std::sync::Arc<FakeDesk>);
    impl Desk for Shared {
        fn look(&self) -> crate::error::Result<std::sync::Arc<crate::domain::Snapshot>> {
            self.0.look()
        }
        fn watch(&self) -> crate::error::Result<tokio::sync::watch::Receiver<std::sync::Arc<crate::domain::Snapshot>>> {
            self.0.watch()
        }
        fn log(&self, id: &InstanceId, query: &crate::link::LogQuery) -> crate::error::Result<crate::link::LogLines> {
            self.0.log(id, query)
        }
        fn door(&self) -> std::sync::Arc<dyn crate::link::Door> {
            self.0.door()
        }
        fn add(&self, adding: &crate::link::Adding) -> crate::domain::Added {
            self.0.add(adding)
        }
        fn add_many(&self, all: &[crate::link::Adding], ended: &mut dyn FnMut(usize, &crate::domain::Added)) -> Vec<crate::domain::Added> {
            self.0.add_many(all, ended)
        }
        fn remove(&self, removing: &crate::link::Removing) -> Outcome {
            self.0.remove(removing)
        }
        fn adopt(&self, id: &InstanceId, dry_run: bool, reason: Option<String>) -> Outcome {
            self.0.adopt(id, dry_run, reason)
        }
        fn assign(&self, id: &InstanceId, asked: crate::link::Asked, dry_run: bool, reason: Option<String>) -> Outcome {
            self.0.assign(id, asked, dry_run, reason)
        }
        fn fence(&self) -> crate::error::Result<crate::domain::Fence> {
            self.0.fence()
        }
        fn propose(&self, strategy: crate::config::Strategy) -> crate::error::Result<crate::domain::Proposal> {
            self.0.propose(strategy)
        }
    }
    let desk = std::sync::Arc::new(FakeDesk::new(fleet::fleet()));
    let (mut out, text) = written();
    let copy = std::sync::Arc::clone(&desk);
    let open = || -> Result<Box<dyn Desk>, Stop> { Ok(Box::new(Shared(copy))) };
    let result = run(verb, action, pace, &global(options), open, &mut out).map_err(|stop| stop.tell());
    (result, text(), desk.orders())
}

fn of(words: &[&str]) -> Action {
    Action { ids: words.iter().map(|word| InstanceId::parse(word).unwrap()).collect(), parallel: Some(2), ..Action::default() }
}

#[test]
fn named_instances_are_acted_on_without_a_question_each_once() {
    let (code, text, orders) = ran(Verb::Stop, &of(&["alice", "bob/tools", "alice"]), "");
    assert_eq!((code, orders.len()), (Ok(0), 2));
    assert!(text.contains("alice: stopped\n") && text.contains("bob/tools: stopped\n"), "{text}");
    assert!(orders.iter().all(|order| order.target == Target::Whatever && order.verb == Verb::Stop));
}

#[test]
fn the_first_that_fails_decides_and_failures_are_not_on_standard_output() {
    let (code, text, _) = ran(Verb::Start, &of(&["alice", "busy1", "bad1"]), "");
    assert_eq!((code, text.as_str()), (Ok(5), "alice: started\n"));
}

#[test]
fn the_document_has_every_result_in_order() {
    let (code, text, _) = ran(Verb::Restart, &of(&["bad1", "alice"]), "--json");
    assert_eq!(code, Ok(1));
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let ids: Vec<_> = document["results"].as_array().unwrap().iter().map(|result| result["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["bad1", "alice"]);
    assert_eq!((document["results"][0]["done"].as_bool(), document["results"][1]["done"].as_bool()), (Some(false), Some(true)));
}

#[test]
fn read_only_changes_nothing() {
    let (code, _, orders) = ran(Verb::Stop, &of(&["alice"]), "--read-only");
    assert_eq!((code, orders.len()), (Err(3), 0));
}

#[test]
fn without_a_terminal_only_yes_is_a_yes() {
    // Tests have no terminal on standard input, or none is taken for one here.
    let all = Action { all: true, parallel: Some(4), ..Action::default() };
    if !io::stdin().is_terminal() {
        let (code, _, orders) = ran(Verb::Stop, &all, "");
        assert_eq!((code, orders.len()), (Err(2), 0));
    }
    let (code, text, orders) = ran(Verb::Stop, &Action { yes: true, reason: Some("planned".into()), ..all }, "");
    assert_eq!((code, orders.len(), text.lines().count()), (Ok(0), 8, 8));
    assert!(orders.iter().all(|order| order.target == Target::Whatever && order.reason.as_deref() == Some("planned")));
    assert!(orders.iter().all(|order| !order.id.is_unmanaged()));
}

#[test]
fn nobody_in_that_state_is_nothing_to_do() {
    let action = Action { state: vec!["crash-loop".into()], yes: true, ..Action::default() };
    let (code, text, orders) = ran(Verb::Start, &action, "");
    assert_eq!((code, text.as_str(), orders.len()), (Ok(0), "", 0));
    let user = Action { user: Some("eve".into()), yes: true, ..Action::default() };
    assert_eq!(ran(Verb::Start, &user, "").0, Err(4));
}

#[test]
fn what_cannot_be_opened_is_told() {
    let open = || -> Result<Box<dyn Desk>, Stop> { Err(Error::new(Kind::Timeout, "the host does not answer").into()) };
    let error = run(Verb::Stop, &of(&["alice"]), Pace::of(1), &global(""), open, &mut written().0).unwrap_err();
    assert_eq!(error.tell(), 6);
}

#[test]
fn whoever_mistypes_is_told_who_is_near() {
    let (code, text, _) = ran(Verb::Stop, &of(&["alcie"]), "--json");
    assert_eq!(code, Ok(4));
    assert!(text.contains(r#""exit_code":4"#) && text.contains(r#""hints":["is alice meant?"]"#), "{text}");
}

#[test]
fn a_reader_that_has_gone_makes_no_failure_a_success() {
    for options in ["", "--json"] {
        let open = || -> Result<Box<dyn Desk>, Stop> { Ok(Box::new(FakeDesk::new(fleet::fleet()))) };
        assert_eq!(run(Verb::Stop, &of(&["alice", "busy1"]), Pace::of(1), &global(options), open, &mut closed()).unwrap(), 5, "{options}");
    }
}

#[test]
fn a_rolling_restart_ends_at_the_first_failure_and_tells_how_to_go_on() {
    let named = of(&["alice", "busy1", "bob/tools", "dave"]);
    let (code, text, orders) = ran_at(Verb::Restart, &named, Pace::rolling(1, 1), "");
    assert_eq!((code, orders.len()), (Ok(5), 2));
    let whole = "1 restarted, 1 failed, 2 not begun: bob/tools, dave\n  berth restart --rolling bob/tools dave    goes on with them\n";
    assert!(text.ends_with(whole), "{text}");
    let timed =
        Action { timeout: Some(std::time::Duration::from_secs(30)), reason: Some("new keys".into()), ..of(&["alice", "busy1", "dave"]) };
    let (_, text, _) = ran_at(Verb::Restart, &timed, Pace::rolling(1, 1), "");
    assert!(text.contains("berth restart --rolling --timeout 30000ms --reason 'new keys' dave    goes on with it"), "{text}");
    let (code, text, orders) = ran_at(Verb::Restart, &named, Pace::rolling(1, 2), "--json");
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, orders.len(), &document["rolling"]["restarted"]), (Ok(5), 4, &serde_json::json!(3)));
    assert_eq!(document["rolling"]["not_begun"], serde_json::json!([]));
}

#[test]
fn of_all_a_rolling_restart_takes_those_that_run() {
    let all = Action { all: true, yes: true, ..Action::default() };
    let (_, _, orders) = ran_at(Verb::Restart, &all, Pace::rolling(1, 99), "");
    let ids: Vec<String> = orders.iter().map(|order| order.id.to_string()).collect();
    assert!(ids.contains(&"alice".to_owned()) && !ids.contains(&"carol".to_owned()) && !ids.contains(&"hank".to_owned()), "{ids:?}");
    let stopped = Action { state: vec!["stopped".into()], yes: true, ..Action::default() };
    assert_eq!(ran_at(Verb::Restart, &stopped, Pace::rolling(1, 9), "").2.len(), 1, "who asks for the stopped ones gets them");
}
