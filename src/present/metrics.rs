//! What a server counts of itself, as columns, in words, as JSON and as courses.
//!
//! It must never tell a figure that the server did not count.

use serde_json::{Map, Value, json};

use super::sparkline;
use crate::domain::{FIGURES, Measure, Metrics, Row, Thousandths};

/// The width that holds every usual value: "12.3 k".
pub const WIDTH: usize = 7;

/// The heading of its column.
pub fn title(measure: Measure) -> &'static str {
    match measure {
        Measure::Requests => "REQ/S",
        Measure::Errors => "ERR %",
        Measure::Latency => "P95 MS",
        Measure::Tools => "TOOLS/S",
        Measure::Resources => "RES/S",
        Measure::Cache => "CACHE %",
    }
}

/// Its column's name in files and lists.
pub fn word(measure: Measure) -> &'static str {
    match measure {
        Measure::Requests => "requests",
        Measure::Errors => "errors",
        Measure::Latency => "p95",
        Measure::Tools => "tools",
        Measure::Resources => "resources",
        Measure::Cache => "cache",
    }
}

/// The name of sorting by it.
pub fn order(measure: Measure) -> &'static str {
    match measure {
        Measure::Requests => "sort-requests",
        Measure::Errors => "sort-errors",
        Measure::Latency => "sort-p95",
        Measure::Tools => "sort-tools",
        Measure::Resources => "sort-resources",
        Measure::Cache => "sort-cache",
    }
}

/// What its column holds, in words.
pub fn about(measure: Measure) -> &'static str {
    match measure {
        Measure::Requests => "requests a second, by its /metrics",
        Measure::Errors => "percent of them that failed",
        Measure::Latency => "what 95 of 100 did not exceed",
        Measure::Tools => "calls of tools a second",
        Measure::Resources => "requests for resources a second",
        Measure::Cache => "percent that the cache answered",
    }
}

/// The newest figure of a row; `None` where its server does not count that, or does not answer.
pub fn newest(row: &Row, measure: Measure) -> Option<Thousandths> {
    row.probed.as_ref()?.metrics.as_ref()?.newest(measure)
}

/// A figure of a column: "0.42", "12.3", "830", "12.3 k".
pub fn text(measure: Measure, value: Thousandths) -> String {
    match measure {
        Measure::Errors | Measure::Cache => format!("{:.1}", number(value)),
        _ => short(value),
    }
}

/// A number in few characters.
fn short(value: Thousandths) -> String {
    let number = number(value);
    match number.abs() {
        size if size < 10.0 => format!("{number:.2}"),
        size if size < 100.0 => format!("{number:.1}"),
        size if size < 10_000.0 => format!("{number:.0}"),
        size if size < 1e6 => format!("{:.1} k", number / 1e3),
        size if size < 1e9 => format!("{:.1} M", number / 1e6),
        _ => format!("{:.1} G", number / 1e9),
    }
}

#[allow(clippy::cast_precision_loss, reason = "it is told in three digits")]
fn number(value: Thousandths) -> f64 {
    value as f64 / 1000.0
}

/// "12.3 requests/s · 0.4 % errors · p95 83.0 ms · 2.10 tools/s · cache 93.0 % · heap_bytes 1.5 M".
pub fn words(counted: &Metrics) -> String {
    let of = |measure: Measure| {
        let told = text(measure, counted.newest(measure)?);
        Some(match measure {
            Measure::Requests => format!("{told} requests/s"),
            Measure::Errors => format!("{told} % errors"),
            Measure::Latency => format!("p95 {told} ms"),
            Measure::Tools => format!("{told} tools/s"),
            Measure::Resources => format!("{told} resources/s"),
            Measure::Cache => format!("cache {told} %"),
        })
    };
    let chosen = counted.chosen.iter().map(|(name, value)| format!("{name} {}", short(*value)));
    Measure::ALL.into_iter().filter_map(of).chain(chosen).collect::<Vec<_>>().join(" · ")
}

/// All of it as numbers.
pub fn json(counted: &Metrics) -> Value {
    let mut document: Map<String, Value> =
        Measure::ALL.into_iter().map(|measure| (measure.word().to_owned(), counted.newest(measure).map(number).into())).collect();
    let chosen: Map<String, Value> = counted.chosen.iter().map(|(name, value)| (name.to_string(), number(*value).into())).collect();
    document.insert("chosen".to_owned(), json!(chosen));
    Value::Object(document)
}

/// The courses of the last minutes that have more than one point: whose, and a line of blocks.
pub fn courses(counted: &Metrics, cells: usize, ascii: bool) -> impl Iterator<Item = (&'static str, String)> {
    Measure::ALL.into_iter().filter_map(move |measure| {
        let values: Vec<Option<f32>> = counted.course_of(measure).collect();
        let is_course = values.iter().flatten().count() > 1 && values.iter().flatten().any(|value| *value > 0.0);
        let cells = cells.min(FIGURES);
        let last = &values[values.len().saturating_sub(cells)..];
        is_course.then(|| (word(measure), sparkline::sparkline(last, sparkline::top(last, 1.0), cells, ascii)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted() -> Metrics {
        let figures = |requests| [Some(requests), Some(400), Some(83_000), None, Some(0), Some(93_000)];
        Metrics { course: vec![figures(1_000), figures(12_345_000)], chosen: vec![("heap_bytes".into(), 1_500_000_000)] }
    }

    #[test]
    fn figures_are_told_in_words_numbers_and_courses() {
        let counted = counted();
        let expected = "12.3 k requests/s · 0.4 % errors · p95 83.0 ms · 0.00 resources/s · cache 93.0 % · heap_bytes 1.5 M";
        assert_eq!(words(&counted), expected);
        let document = json(&counted);
        assert_eq!((&document["requests_per_second"], &document["tool_calls_per_second"]), (&json!(12_345.0), &Value::Null));
        assert_eq!(document["chosen"]["heap_bytes"], 1_500_000.0);
        let courses: Vec<_> = courses(&counted, 60, true).map(|(what, course)| format!("{what} {}", course.trim())).collect();
        assert_eq!(courses, ["requests _~", "errors --", "p95 **", "cache ##"]);
    }

    #[test]
    fn every_figure_fits_its_column() {
        for value in [0, 9_999, 99_999, 9_999_000, 999_900_000, 999_900_000_000, 99_000_000_000_000] {
            assert!(text(Measure::Requests, value).len() <= WIDTH, "{}", text(Measure::Requests, value));
        }
        assert_eq!(text(Measure::Cache, 100_000), "100.0");
    }
}
