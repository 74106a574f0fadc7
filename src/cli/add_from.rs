//! `berth add --from FILE`: many new instances, one a line.
//!
//! It must never begin with some of them while a line is wrong: all that is wrong is told first, by file, line and value.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::Path;

use serde_json::json;

use super::add::document;
use super::args::{Add, Global};
use super::batch::{self, News};
use super::door::Desk;
use super::errors::{Stop, unless_closed};
use super::output::Out;
use super::progress::Progress;
use super::results;
use crate::domain::{Added, InstanceId, NEWCOMER, Newcomer, Order, Pace, Shown, Target, Verb};
use crate::error::{Context, Error, Kind};
use crate::link::Adding;

/// The longest list, bytes.
const LONGEST: u64 = 16 << 20;

/// How many faults are told.
const MOST_TOLD: usize = 20;

/// How many are started at a time.
const AT_A_TIME: usize = 64;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    number: usize,
    id: InstanceId,
    template: Option<String>,
    run_as: Option<String>,
}

/// Runs the command. `open` is called when every line is known to make sense.
pub fn run(words: &Add, global: &Global, open: impl FnOnce() -> Result<Box<dyn Desk>, Stop>, out: &mut Out) -> Result<u8, Stop> {
    let path = words.from.as_deref().unwrap_or(Path::new("-"));
    let name = if path == Path::new("-") { "standard input".to_owned() } else { Shown::new(&path.to_string_lossy()).as_str().to_owned() };
    let lines = parse(&read(path, &name)?, &name)?;
    let adding = |line: &Line| Adding {
        id: line.id.clone(),
        template: line.template.clone().or_else(|| words.template.clone()),
        run_as: line.run_as.clone().or_else(|| words.run_as.clone()),
        supervisor: None,
        start: false,
        dry_run: words.dry_run,
        reason: words.reason.clone(),
    };
    let all: Vec<Adding> = lines.iter().map(adding).collect();
    let desk = open()?;
    let mut added = add(desk.as_ref(), &lines, &all, &name, global, out)?;
    if !words.no_start && !words.dry_run {
        start(desk.as_ref(), &mut added, &lines, words, global, out)?;
    }
    let code = added.iter().map(|added| added.outcome.exit_code).find(|code| *code != 0).unwrap_or(0);
    let failed = added.iter().filter(|added| !added.outcome.is_done()).count();
    let done = added.len() - failed;
    if global.json {
        let result = |(line, added): (&Line, &Added)| {
            let mut document = document(&line.id, words.dry_run, added, out.program());
            document["line"] = json!(line.number);
            document
        };
        let results: Vec<_> = lines.iter().zip(&added).map(result).collect();
        let schema = crate::present::json::SCHEMA;
        unless_closed(out.json(&json!({ "schema": schema, "results": results, "done": done, "failed": failed })))?;
    } else {
        let would = if words.dry_run { "would be added" } else { "added" };
        let not = if failed == 0 { String::new() } else { format!(", {failed} failed") };
        unless_closed(out.text(&format!("{done} {would}{not}\n")))?;
    }
    Ok(code)
}

fn add(desk: &dyn Desk, lines: &[Line], all: &[Adding], name: &str, global: &Global, out: &mut Out) -> Result<Vec<Added>, Stop> {
    let mut progress = Progress::called("add", all.len(), !global.json && io::stderr().is_terminal());
    let (style, program) = (out.style(), out.program().clone());
    let mut written = Ok(());
    let added = desk.add_many(all, &mut |at, added| {
        let line = &lines[at];
        progress.ended(&line.id, &added.outcome);
        if global.json {
            return;
        }
        let mut text = results::text(&line.id, &added.outcome, style, &program);
        let told = progress.beside(|| {
            if added.outcome.is_done() {
                return out.text(&text);
            }
            // Which line it was: of many the name alone is soon lost.
            text.insert_str(0, &format!("{name}:{}: ", line.number));
            results::tell_failure(&text)
        });
        if written.is_ok() {
            written = told;
        }
    });
    progress.end();
    unless_closed(written)?;
    Ok(added)
}

/// Starts those that are there, some at a time.
fn start(desk: &dyn Desk, added: &mut [Added], lines: &[Line], words: &Add, global: &Global, out: &mut Out) -> Result<(), Stop> {
    let places: HashMap<InstanceId, usize> = lines.iter().enumerate().map(|(at, line)| (line.id.clone(), at)).collect();
    let ready = lines.iter().zip(added.iter()).filter(|(_, added)| added.outcome.is_done());
    let order = |id: &InstanceId| Order {
        verb: Verb::Start,
        id: id.clone(),
        target: Target::Whatever,
        reason: words.reason.clone(),
        timeout: None,
    };
    let orders: Vec<Order> = ready.map(|(line, _)| order(&line.id)).collect();
    let mut progress = Progress::new(Verb::Start, orders.len(), !global.json && io::stderr().is_terminal());
    let (style, program) = (out.style(), out.program().clone());
    let mut written = Ok(());
    let door = desk.door();
    let started = batch::carry_out(door.as_ref(), orders, Pace::of(AT_A_TIME), |news| match news {
        News::Step(id, text) => progress.step(id, text),
        News::Ended(id, outcome) => {
            progress.ended(id, outcome);
            if global.json {
                return;
            }
            let text = results::text(id, outcome, style, &program);
            let told = progress.beside(|| if outcome.is_done() { out.text(&text) } else { results::tell_failure(&text) });
            if written.is_ok() {
                written = told;
            }
        }
    });
    progress.end();
    for (id, outcome) in started {
        let Some(added) = places.get(&id).and_then(|at| added.get_mut(*at)) else { continue };
        added.outcome.sentence = Shown::new(&format!("{}; {}", added.outcome.sentence, outcome.sentence));
        (added.outcome.exit_code, added.outcome.hints) = (outcome.exit_code, outcome.hints);
    }
    unless_closed(written)
}

fn read(path: &Path, name: &str) -> Result<String, Error> {
    let doing = || format!("nothing was added: {name} cannot be read");
    let mut text = String::new();
    let mut limited: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin().take(LONGEST))
    } else {
        Box::new(File::open(path).while_doing(doing)?.take(LONGEST))
    };
    limited.read_to_string(&mut text).while_doing(doing)?;
    if text.len() as u64 >= LONGEST {
        return Err(Error::new(Kind::Usage, format!("nothing was added: {name} is longer than {} MiB", LONGEST >> 20)));
    }
    Ok(text)
}

/// The lines, or everything that is wrong with them. Empty ones and those that begin with `#` are none.
fn parse(text: &str, name: &str) -> Result<Vec<Line>, Error> {
    let (mut lines, mut faults): (Vec<Line>, Vec<String>) = (Vec::new(), Vec::new());
    let mut known: HashMap<InstanceId, usize> = HashMap::new();
    for (index, text) in text.lines().enumerate() {
        let number = index + 1;
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        match line(number, text) {
            Ok(line) => match known.insert(line.id.clone(), number) {
                Some(earlier) => faults.push(format!("{name}:{number}: {} stands in line {earlier} already", line.id)),
                None => lines.push(line),
            },
            Err(why) => faults.push(format!("{name}:{number}: {why}")),
        }
    }
    if faults.is_empty() {
        return Ok(lines);
    }
    let more = faults.len().saturating_sub(MOST_TOLD);
    faults.truncate(MOST_TOLD);
    faults.extend((more > 0).then(|| format!("and {more} more")));
    Err(Error::new(Kind::Usage, format!("nothing was added:\n{}", faults.join("\n"))).hint(format!("a line is {NEWCOMER}")))
}

fn line(number: usize, text: &str) -> Result<Line, String> {
    let Newcomer { id, template, run_as } = Newcomer::parse(text)?;
    Ok(Line { number, id, template, run_as })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::fake::{FakeWiring, global, written};
    use crate::cli::{Opening, Wiring};

    #[test]
    fn lines_are_read_and_what_is_wrong_is_told_by_line_and_value() {
        let text = "# ours\n\namy\n  bob/tools template=desk run-as=svc \r\n";
        let lines = parse(text, "x").unwrap();
        let told: Vec<_> =
            lines.iter().map(|line| (line.number, line.id.to_string(), line.template.as_deref(), line.run_as.as_deref())).collect();
        assert_eq!(told, [(3, "amy".to_owned(), None, None), (4, "bob/tools".to_owned(), Some("desk"), Some("svc"))]);
        let wrong = "amy\n-x\namy\nbob tmplate=x\nbob run-as=\nbob run-as=a run-as=b\nann/:8080\nok";
        let told = parse(wrong, "list").unwrap_err().chain();
        let lines: Vec<&str> = told.lines().skip(1).collect();
        assert_eq!(lines.len(), 6, "{told}");
        for (line, expected) in lines.iter().zip([
            "list:2: \"-x\" is not an instance's name: it begins with a dash",
            "list:3: amy stands in line 1 already",
            "list:4: \"tmplate=x\" is neither",
            "list:5: \"run-as=\" names nothing",
            "list:6: \"run-as=b\" names nothing, or is there twice",
            "list:7: \"ann/:8080\" is not an instance's name",
        ]) {
            assert!(line.starts_with(expected), "{line}");
        }
        let many: String = (0..50).map(|_| "-\n").collect();
        assert!(parse(&many, "x").unwrap_err().chain().ends_with("and 30 more"));
    }

    #[test]
    fn each_is_told_and_then_how_many() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "zoe\nbusy1\nyan\n").unwrap();
        let ran = |options: &str, no_start: bool| {
            let words = Add {
                id: None,
                from: Some(file.path().into()),
                template: None,
                run_as: None,
                supervisor: None,
                no_start,
                dry_run: false,
                reason: None,
            };
            let (mut out, text) = written();
            let code = run(&words, &global(options), || Ok(FakeWiring::default().open(&Opening::default())?), &mut out)
                .map_err(|stop| stop.tell());
            out.flush().unwrap();
            (code, text())
        };
        assert_eq!(ran("", true), (Ok(5), "zoe: has port 8110\nyan: has port 8110\n2 added, 1 failed\n".to_owned()));
        let (_, text) = ran("", false);
        assert!(text.contains("zoe: started\n") && text.ends_with("2 added, 1 failed\n"), "{text}");
        let (code, text) = ran("--json", true);
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (code, &document["done"], &document["failed"], &document["results"][1]["line"]),
            (Ok(5), &2.into(), &1.into(), &2.into())
        );
    }
}
