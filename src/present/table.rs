//! The plain table of `berth ls`, with what is wrong below it.
//!
//! It must never cut an id, a port or a pid: people copy them.

use std::sync::Arc;

use super::arrange::with_host;
use super::columns::{Column, findings_count};
use super::command::Program;
use super::fit::{self, Align};
use super::paint::{Tone, paint};
use super::{Look, advice, wording};
use crate::domain::{Code, Finding, Row, Snapshot};

/// How plain output is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Nothing but ASCII.
    pub ascii: bool,
    /// With colours.
    pub color: bool,
}

/// The columns of the plain table: what people look for first, numbers side by side.
const COLUMNS: [Column; 10] = [
    Column::Owner,
    Column::State,
    Column::Port,
    Column::Pid,
    Column::Cpu,
    Column::Memory,
    Column::Health,
    Column::Up,
    Column::By,
    Column::Findings,
];

/// The table and the findings below it. Each line ends in a newline.
pub fn table(snapshot: &Snapshot, style: Style, program: &Program) -> String {
    let mut text = rows(&snapshot.rows, snapshot, style);
    let below = findings(&snapshot.findings, snapshot, style, program);
    if !text.is_empty() && !below.is_empty() {
        text.push('\n');
    }
    text.push_str(&below);
    text
}

/// The table of some rows; empty when there are none.
pub fn rows(rows: &[Arc<Row>], snapshot: &Snapshot, style: Style) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let look = Look { ascii: style.ascii, now: snapshot.taken.wall };
    let columns: Vec<Column> =
        COLUMNS.into_iter().filter(|column| *column != Column::Findings || rows.iter().any(|row| !row.findings.is_empty())).collect();
    let columns = with_host(columns, !snapshot.hosts.is_empty());
    let cells: Vec<Vec<String>> = rows.iter().map(|row| columns.iter().map(|column| cell(*column, row, look)).collect()).collect();
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(at, column)| cells.iter().map(|row| fit::width(&row[at])).max().unwrap_or(0).max(column.title().len()))
        .collect();

    let mut text = String::new();
    let titles: Vec<String> = columns.iter().map(|column| column.title().to_owned()).collect();
    line(&mut text, &columns, &titles, &widths, |_| Tone::Dim, style);
    for (row, cells) in rows.iter().zip(&cells) {
        line(&mut text, &columns, cells, &widths, |column| column.tone(row), style);
    }
    text
}

fn cell(column: Column, row: &Row, look: Look) -> String {
    match column {
        Column::Health => wording::health_plain(row, look),
        other => other.text(row, look),
    }
}

fn line(text: &mut String, columns: &[Column], cells: &[String], widths: &[usize], tone: impl Fn(Column) -> Tone, style: Style) {
    let last = cells.iter().rposition(|cell| !cell.is_empty()).unwrap_or(0);
    for (at, column) in columns.iter().enumerate().take(last + 1) {
        // The last cell is not padded: no trailing blanks.
        let is_last = at == last && column.align() == Align::Left;
        let cell = if is_last { cells[at].clone() } else { fit::fit(&cells[at], widths[at], column.align(), style.ascii) };
        if at > 0 {
            text.push_str("  ");
        }
        text.push_str(&paint(&cell, tone(*column), style.color));
    }
    text.push('\n');
}

/// Findings with the evidence, and the commands that help below each.
pub fn findings(findings: &[Finding], snapshot: &Snapshot, style: Style, program: &Program) -> String {
    let mut text = String::new();
    let widest = findings.iter().map(|finding| finding.code.word().len()).max().unwrap_or(0);
    for finding in findings {
        let sign = wording::level_sign(finding.level(), style.ascii);
        let head = format!("{sign} {:<widest$}", finding.code.word());
        text.push_str(&paint(&head, Tone::of_level(finding.level()), style.color));
        text.push_str(&format!("  {}\n", finding.evidence));
        for advice in advice::advice(finding, snapshot, program) {
            text.push_str(&format!("  {:<10}  {}\n", format!("{}:", advice.label), advice.text));
        }
    }
    text
}

/// One line for those who count: "8 instances, 3 running, 1 conflict".
pub fn summary(snapshot: &Snapshot) -> String {
    let totals = &snapshot.totals;
    let plural = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let mut parts = vec![plural(totals.instances, "instance")];
    parts.extend(totals.states.iter().map(|(state, count)| format!("{count} {}", state.word())));
    if totals.conflicts > 0 {
        parts.push(plural(totals.conflicts, "conflict"));
    }
    parts.join(", ")
}

/// The row's findings in the least room: words, or a count.
pub fn short_findings(row: &Row, words: bool, look: Look) -> String {
    if words { row.findings.iter().map(|code: &Code| code.word()).collect::<Vec<_>>().join(" ") } else { findings_count(row, look) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::present::fleet;

    const PLAIN: Style = Style { ascii: false, color: false };

    #[test]
    fn the_table_with_the_findings_below() {
        insta::assert_snapshot!(table(&fleet::fleet(), PLAIN, &Program::default()), @r#"
        OWNER      STATE       PORT   PID  CPU %   MEMORY  HEALTH             UP  BY       FINDINGS
        alice      ● running   8101  2211   12.4   83.1 M  3 ms         4 d 02 h  process
        bob/tools  ▲ degraded  8102  3307    3.9  411.0 M  slow 812 ms    2 h 11  process
        carol      ✖ crashed   8107     -      -        -  -                   -  process  port-taken
        dave       ● running   8104  5120    0.4   61.7 M  guarded        9 h 40  process
        erin       ◌ starting  8105  6230      …   31.0 M  …                 2 s  process
        frank      ? unknown   8106     ?      ?        ?  ?                   ?  process
        gina       ◍ stopping  8108  7340    0.1   1.24 G  -                31 d  process
        hank       ○ stopped   8109     -      -        -  -                   -  process  config-invalid
        bob/:8190  ● running   8190  4800    0.0    2.0 M  -              10 min  -        port-stranger

        ✖ port-taken      8107 is held by pid 4711 (python3, bob), since 03:09:41; carol's instance is assigned it
          mend it:    berth assign carol --port 8110    the next free one, and a restart
          see it:     berth show carol
        ✖ config-invalid  /opt/mcp-server/users/hank/config/config.json:3:7: expected `,` or `}`
          mend it:    edit /opt/mcp-server/users/hank/config/config.json
          see it:     berth show hank
        ▲ port-stranger   8190 is listened on by pid 4800 (nc, bob), since 03:02:04; it belongs to no instance
          mend it:    end it if it should not be there: kill 4800
          see it:     berth show bob/:8190
        "#);
    }

    #[test]
    fn ascii_is_ascii_and_no_line_ends_in_a_blank() {
        let text = table(&fleet::fleet(), Style { ascii: true, color: false }, &Program::default());
        assert!(text.is_ascii(), "{text}");
        for line in table(&fleet::fleet(), PLAIN, &Program::default()).lines() {
            assert_eq!(line.trim_end(), line);
        }
    }

    #[test]
    fn colours_change_nothing_but_colours() {
        let colored = table(&fleet::fleet(), Style { ascii: false, color: true }, &Program::default());
        let mut bare = String::new();
        let mut rest = colored.as_str();
        while let Some((before, after)) = rest.split_once('\u{1b}') {
            bare.push_str(before);
            rest = after.split_once('m').unwrap().1;
        }
        bare.push_str(rest);
        assert_eq!(bare, table(&fleet::fleet(), PLAIN, &Program::default()));
    }

    #[test]
    fn a_fleet_without_findings_has_no_column_for_them_and_none_has_no_table() {
        let mut snapshot = fleet::fleet();
        snapshot.findings.clear();
        snapshot.rows.truncate(1);
        insta::assert_snapshot!(table(&snapshot, PLAIN, &Program::default()), @r#"
        OWNER  STATE      PORT   PID  CPU %  MEMORY  HEALTH        UP  BY
        alice  ● running  8101  2211   12.4  83.1 M  3 ms    4 d 02 h  process
        "#);
        snapshot.rows.clear();
        assert_eq!(table(&snapshot, PLAIN, &Program::default()), "");
    }

    #[test]
    fn the_summary_counts() {
        assert_eq!(
            summary(&fleet::fleet()),
            "8 instances, 1 stopped, 1 starting, 2 running, 1 degraded, 1 stopping, 1 crashed, 1 unknown, 1 conflict"
        );
    }
}
