//! What is asked before something is done to the fleet, and what comes of the answer.

use std::sync::Arc;

use crossterm::event::KeyCode;

use super::*;
use crate::domain::{Allotments, Reading, Reservation, Uid};
use crate::fixture;
use crate::tui::event::Event;
use crate::tui::state::Tab;
use crate::tui::testing::{console, keys, press};
use crate::tui::update::update;

fn shown() -> State {
    let mut state = console(120, 40);
    update(&mut state, Event::Snapshot(Arc::new(fixture::fleet())));
    state
}

fn outcome(exit_code: u8, sentence: &str) -> Outcome {
    Outcome { exit_code, sentence: Shown::new(sentence), hints: vec![Shown::from("a hint")], log_lines: vec![] }
}

/// A name in the palette, and Enter.
fn named(state: &mut State, text: &str) -> Vec<Effect> {
    keys(state, ":");
    keys(state, text);
    press(state, KeyCode::Enter)
}

fn said(state: &State) -> &str {
    state.status.message.as_ref().unwrap().text.as_str()
}

fn at(state: &mut State, port: &str) {
    keys(state, "2/");
    keys(state, port);
    press(state, KeyCode::Enter);
}

#[test]
fn an_instance_is_added_after_it_was_said_what_that_comes_to() {
    let mut state = shown();
    let zoe = || Task::Add(Newcomer::named(InstanceId::parse("zoe").unwrap()));
    assert_eq!(named(&mut state, "add"), []);
    keys(&mut state, "-x");
    assert_eq!(press(&mut state, KeyCode::Enter), []);
    let wrong = state.prompt.as_ref().unwrap().wrong.clone().unwrap();
    assert_eq!(wrong.as_str(), "\"-x\" is not an instance's name: it begins with a dash or a dot");
    press(&mut state, KeyCode::Esc);
    // By name and argument it is the same.
    let effects = named(&mut state, "add zoe");
    assert_eq!(effects, [Effect::ForeseeTask(zoe())]);
    update(&mut state, Event::TaskForeseen(zoe(), outcome(0, "would have port 8110")));
    assert_eq!(state.task.as_ref().unwrap().focus, Field::Cancel);
    // Enter is Cancel.
    assert_eq!(press(&mut state, KeyCode::Enter), []);
    assert!(state.task.is_none());
    update(&mut state, Event::TaskForeseen(zoe(), outcome(0, "would have port 8110")));
    press(&mut state, KeyCode::Tab);
    keys(&mut state, "new yes");
    press(&mut state, KeyCode::Tab);
    assert_eq!(press(&mut state, KeyCode::Enter), [Effect::CarryOut(zoe(), Some("new yes".to_owned()))]);
    assert_eq!((said(&state), state.asked.as_deref()), ("zoe: add…", Some("berth add zoe '--reason=new yes'")));
    update(&mut state, Event::TaskStep(zoe(), Shown::from("looking for a port")));
    assert_eq!(said(&state), "zoe: looking for a port…");
    update(&mut state, Event::Tick(crate::domain::Moment { boot: std::time::Duration::from_secs(9_999_999), wall: fixture::now() }));
    update(&mut state, Event::TaskStep(zoe(), Shown::from("waiting for port 8110")));
    assert_eq!(said(&state), "zoe: waiting for port 8110…");
    update(&mut state, Event::TaskEnded(zoe(), outcome(0, "has port 8110")));
    assert_eq!(said(&state), "zoe: has port 8110; a hint");
}

#[test]
fn whom_to_add_is_told_with_template_and_account() {
    let mut state = shown();
    named(&mut state, "add");
    keys(&mut state, "zoe/tools template=desk run-as=svc");
    let effects = press(&mut state, KeyCode::Enter);
    let [Effect::ForeseeTask(task @ Task::Add(newcomer))] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((newcomer.template.as_deref(), newcomer.run_as.as_deref()), (Some("desk"), Some("svc")));
    assert_eq!(task.question(), "Add zoe/tools by the template desk as svc?");
    update(&mut state, Event::TaskForeseen(task.clone(), outcome(0, "would have port 8110")));
    assert_eq!(keys(&mut state, "y"), [Effect::CarryOut(task.clone(), None)]);
    assert_eq!(state.asked.as_deref(), Some("berth add zoe/tools '--template=desk' '--run-as=svc'"));
}

#[test]
fn the_steps_of_an_assignment_are_told_where_the_table_is_not_seen() {
    let mut state = shown();
    let verb = Verb::Assign(crate::domain::Asked::Auto);
    let since = std::time::Duration::from_secs(5);
    let mut sequence = 20;
    let mut see = |state: &mut State, stage: Stage| {
        let mut snapshot = fixture::fleet();
        sequence += 1;
        snapshot.sequence = sequence;
        snapshot.underway = vec![Underway { verb, id: fixture::id("carol"), by: Some(Uid::ROOT), since, stage, ended: None }];
        update(state, Event::Snapshot(Arc::new(snapshot)));
    };
    see(&mut state, Stage::Doing("looking for a port".into()));
    assert!(state.status.message.is_none(), "its row says so");
    at(&mut state, "8107");
    see(&mut state, Stage::Doing("stopping".into()));
    assert_eq!(said(&state), "carol: stopping…");
    keys(&mut state, "j");
    see(&mut state, Stage::Doing("stopping".into()));
    assert!(state.status.message.is_none(), "a key took it away, and it is nothing new");
    see(&mut state, Stage::Ended(outcome(0, "has port 8110")));
    assert_eq!(said(&state), "carol: has port 8110; a hint");
}

#[test]
fn what_is_removed_is_what_was_seen() {
    let mut state = shown();
    let effects = named(&mut state, "remove");
    let [Effect::ForeseeTask(task @ Task::Remove { id, purge: false, target: Target::Exactly(_) })] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!(id.to_string(), "alice");
    update(&mut state, Event::TaskForeseen(task.clone(), outcome(0, "would be stopped")));
    // It has ended meanwhile: nothing is removed by this yes.
    let mut gone = fixture::fleet();
    gone.sequence += 1;
    Arc::make_mut(&mut gone.rows[0]).main = Reading::Gone;
    update(&mut state, Event::Snapshot(Arc::new(gone)));
    assert_eq!(keys(&mut state, "y"), []);
    assert!(state.task.as_ref().unwrap().changed.is_some());
    press(&mut state, KeyCode::Esc);
    let effects = named(&mut state, "remove purge");
    assert!(matches!(&effects[..], [Effect::ForeseeTask(Task::Remove { purge: true, target: Target::Nothing, .. })]), "{effects:?}");
    assert_eq!(named(&mut state, "remove everything"), []);
    assert_eq!(said(&state), "remove is followed by purge, or by nothing");
}

#[test]
fn what_would_not_be_done_is_said_and_not_asked() {
    let mut state = shown();
    let effects = named(&mut state, "adopt");
    let [Effect::ForeseeTask(task)] = &effects[..] else { panic!("{effects:?}") };
    update(&mut state, Event::TaskForeseen(task.clone(), outcome(1, "not adopted. It listens on nothing")));
    assert!(state.task.is_none() && said(&state) == "alice: not adopted. It listens on nothing; a hint");
    keys(&mut state, "V");
    for name in ["add zoe", "remove", "adopt", "remove purge"] {
        assert_eq!(named(&mut state, name), [], "{name}");
        assert!(said(&state).contains("changes"), "{name}: {}", said(&state));
        press(&mut state, KeyCode::Esc);
    }
}

#[test]
fn a_port_is_reserved_and_given_back() {
    let mut state = shown();
    at(&mut state, "8103");
    assert_eq!(keys(&mut state, "X"), [Effect::ForeseeTask(Task::Reserve(8103))]);
    update(&mut state, Event::TaskForeseen(Task::Reserve(8103), outcome(0, "would be reserved")));
    assert_eq!(keys(&mut state, "y"), [Effect::CarryOut(Task::Reserve(8103), None)]);
    let mut snapshot = fixture::fleet();
    let mut all = Allotments::default();
    all.reserve(8103, Reservation { by: "root".into(), at: fixture::now() });
    snapshot.allotments = Reading::Known(Arc::new(all));
    update(&mut state, Event::Snapshot(Arc::new(snapshot)));
    assert_eq!((state.tab, state.ports.map().unwrap().state(8103)), (Tab::Ports, PortState::Reserved));
    assert_eq!(keys(&mut state, "X"), [Effect::ForeseeTask(Task::Unreserve(8103))]);
    // What is somebody's is not reserved, but a stranger's may be: that is what it is for.
    at(&mut state, "8107");
    assert_eq!(keys(&mut state, "X"), []);
    assert_eq!(said(&state), "8107 cannot be reserved: it is not free (conflict)");
    at(&mut state, "8190");
    assert_eq!(keys(&mut state, "X"), [Effect::ForeseeTask(Task::Reserve(8190))]);
}

#[test]
fn a_plan_is_laid_over_the_map_and_left_again() {
    let mut state = shown();
    at(&mut state, "8103");
    assert_eq!(keys(&mut state, "P"), []);
    keys(&mut state, "name");
    assert_eq!(press(&mut state, KeyCode::Enter), [Effect::Propose(crate::config::Strategy::NameHash)]);
    let proposal = || crate::domain::Proposal {
        strategy: "name-hash",
        formula: "first + sum of the name % 1000".into(),
        range: fixture::fleet().range,
        rows: vec![],
        collisions: vec![(8103, vec![fixture::id("alice"), fixture::id("carol")])],
        notice: None,
    };
    update(&mut state, Event::Proposed(Ok(proposal())));
    assert_eq!(state.ports.plan.as_ref().unwrap().0.sign(8103, true), Some('!'));
    // Chosen again there is a way out in the list, and Esc is another.
    keys(&mut state, "P");
    assert_eq!(state.picker.as_ref().unwrap().entries[0].label.as_str(), "no plan");
    press(&mut state, KeyCode::Enter);
    assert!(state.ports.plan.is_none() && state.tab == Tab::Ports);
    update(&mut state, Event::Proposed(Ok(proposal())));
    assert!(state.ports.plan.is_none(), "it was left before it came");
    chosen(&mut state, "name");
    update(&mut state, Event::Proposed(Ok(proposal())));
    press(&mut state, KeyCode::Esc);
    assert!(state.ports.plan.is_none() && state.tab == Tab::Ports, "one step back");
    chosen(&mut state, "name");
    update(&mut state, Event::Proposed(Err(Shown::from("the registry cannot be read"))));
    assert_eq!(said(&state), "there is no plan: the registry cannot be read");
    chosen(&mut state, "uid");
    update(&mut state, Event::Proposed(Ok(proposal())));
    assert!(state.ports.plan.is_none(), "another one was chosen meanwhile");
    keys(&mut state, "1");
    update(&mut state, Event::Proposed(Ok(crate::domain::Proposal { strategy: "uid", ..proposal() })));
    assert!(state.ports.plan.is_none(), "nobody looks at it any more");
}

/// Chooses a plan.
fn chosen(state: &mut State, name: &str) -> Vec<Effect> {
    keys(state, "P");
    keys(state, name);
    press(state, KeyCode::Enter)
}

#[test]
fn a_plan_follows_the_fleet() {
    let mut state = shown();
    at(&mut state, "8103");
    let again = [Effect::Propose(crate::config::Strategy::Uid)];
    assert_eq!(chosen(&mut state, "uid"), again);
    let mut sequence = 10;
    // Everything of the fixture fleet, judged anew, with one thing changed.
    let mut see = |state: &mut State, change: &dyn Fn(&mut crate::domain::Snapshot)| -> Vec<Effect> {
        let mut snapshot = fixture::fleet();
        sequence += 1;
        snapshot.sequence = sequence;
        change(&mut snapshot);
        let effects = update(state, Event::Snapshot(Arc::new(snapshot)));
        effects.into_iter().filter(|effect| matches!(effect, Effect::Propose(_))).collect()
    };
    let made = |state: &mut State| {
        let (rows, collisions) = (vec![], vec![]);
        let range = fixture::fleet().range;
        let proposal = crate::domain::Proposal { strategy: "uid", formula: "x".into(), range, rows, collisions, notice: None };
        let effects = update(state, Event::Proposed(Ok(proposal)));
        assert!(state.ports.plan.is_some());
        effects.into_iter().filter(|effect| matches!(effect, Effect::Propose(_))).collect::<Vec<_>>()
    };
    let moved = |snapshot: &mut crate::domain::Snapshot| Arc::make_mut(&mut snapshot.rows[1]).port = Some(8117);
    assert_eq!(see(&mut state, &moved), [], "one is on its way already");
    assert_eq!(made(&mut state), again, "what changed meanwhile");
    assert_eq!(made(&mut state), []);
    let busier = |snapshot: &mut crate::domain::Snapshot| {
        moved(snapshot);
        Arc::make_mut(&mut snapshot.rows[0]).restarts = 7;
    };
    assert_eq!(see(&mut state, &busier), [], "nothing that a plan is about");
    let gone = |snapshot: &mut crate::domain::Snapshot| _ = snapshot.rows.pop();
    keys(&mut state, "Z");
    assert_eq!(see(&mut state, &gone), [], "the picture is held");
    assert!(keys(&mut state, "Z").contains(&again[0]), "it goes on");
    assert_eq!(made(&mut state), []);
    let unheard = |snapshot: &mut crate::domain::Snapshot| {
        gone(snapshot);
        snapshot.listeners = Reading::Denied;
    };
    assert_eq!(see(&mut state, &unheard), again);
    assert_eq!(made(&mut state), []);
    press(&mut state, KeyCode::Esc);
    assert_eq!(see(&mut state, &gone), [], "it was left");
}
