//! Readings of `/metrics`: the guide's, Prometheus' own examples, and hostile ones.

use proptest::prelude::*;

use super::*;
use crate::domain::{Figures, Measure};

/// As prom-client of the guide tells it.
const GUIDE: &str = r#"# HELP http_request_duration_ms Duration of HTTP requests in ms
# TYPE http_request_duration_ms histogram
http_request_duration_ms_bucket{le="5",method="POST",route="/mcp",status_code="200"} 80
http_request_duration_ms_bucket{le="10",method="POST",route="/mcp",status_code="200"} 90
http_request_duration_ms_bucket{le="+Inf",method="POST",route="/mcp",status_code="200"} 90
http_request_duration_ms_sum{method="POST",route="/mcp",status_code="200"} 400
http_request_duration_ms_count{method="POST",route="/mcp",status_code="200"} 90
http_request_duration_ms_bucket{le="5",method="POST",route="/a}\"b",status_code="500"} 0
http_request_duration_ms_bucket{le="10",method="POST",route="/a}\"b",status_code="500"} 10
http_request_duration_ms_bucket{le="+Inf",method="POST",route="/a}\"b",status_code="500"} 10
http_request_duration_ms_count{method="POST",route="/a}\"b",status_code="500"} 10
mcp_tool_invocations_total{tool_id="echo",status="ok"} 30
mcp_tool_invocations_total{tool_id="add",status="ok"} 12 1395066363000
mcp_resource_requests_total{resource_id="x",status="ok"} 7
mcp_cache_hits_total{cache_type="a"} 9
mcp_cache_misses_total{cache_type="a"} 1
nodejs_heap_size_used_bytes 1.5e+06
"#;

fn counts(text: &str, chosen: &[&str]) -> Option<Counts> {
    let chosen: Vec<String> = chosen.iter().map(ToString::to_string).collect();
    Counts::of(text.as_bytes(), true, &chosen)
}

fn told(figures: Figures) -> [Option<f64>; 6] {
    #[allow(clippy::cast_precision_loss)]
    figures.map(|value| value.map(|value| value as f64 / 1000.0))
}

#[test]
fn the_guides_counters_become_figures() {
    let first = counts(GUIDE, &[]).unwrap();
    assert_eq!(told(first.figures(None)), [None, Some(10.0), Some(8.75), None, None, Some(90.0)]);
    let later = GUIDE.replace(" 90\n", " 150\n").replace("} 12 1395", "} 72 1395").replace("\"a\"} 1\n", "\"a\"} 11\n");
    let later = counts(&later, &[]).unwrap();
    let figures = told(later.figures(Some((&first, Duration::from_secs(30)))));
    assert_eq!(figures, [Some(2.0), Some(0.0), Some(9.75), Some(2.0), Some(0.0), Some(0.0)]);
    // It was started anew: no rate of what fell.
    let figures = told(first.figures(Some((&later, Duration::from_secs(30)))));
    assert_eq!((figures[0], figures[3]), (None, None));
}

#[test]
fn seconds_summaries_and_plain_requests_are_understood() {
    let text =
        "http_request_duration_seconds{quantile=\"0.95\"} 0.25\nhttp_requests_total{code=\"200\"} 3\nhttp_requests_total{code=\"503\"} 1\n";
    assert_eq!(told(counts(text, &[]).unwrap().figures(None))[..3], [None, Some(25.0), Some(250.0)]);
}

#[test]
fn what_the_configuration_names_is_told() {
    let names = ["nodejs_heap_size_used_bytes".to_owned(), "mcp_tool_invocations_total".to_owned(), "none".to_owned()];
    let of = |text: &str| Counts::of(text.as_bytes(), true, &names).unwrap();
    let mut course = Course::default();
    course.took(Some(of(GUIDE)), &names, Duration::ZERO);
    course.took(Some(of(&GUIDE.replace("} 30\n", "} 33\n"))), &names, Duration::from_secs(30));
    let metrics = course.told().unwrap();
    let named: Vec<(&str, i64)> = metrics.chosen.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    assert_eq!(named, [("nodejs_heap_size_used_bytes", 1_500_000_000), ("mcp_tool_invocations_total", 100)]);
    assert_eq!(metrics.newest(Measure::Tools), Some(100));
    (0..50).for_each(|step| course.took(Some(of(GUIDE)), &names, Duration::from_secs(60 + step)));
    assert_eq!(course.told().unwrap().course.len(), FIGURES);
    course.took(None, &names, Duration::from_secs(999));
    assert!(course.told().is_none() && course.is_known());
}

#[test]
fn what_is_no_text_of_samples_is_nothing() {
    for text in ["", "<html>not found</html>", "{\"a\": 1}", "# only remarks\n", "a{b=\"c\" 1", "a NaN", "a +Inf", "1a 2", "a{"] {
        assert_eq!(counts(text, &[]), None, "{text}");
    }
    // What was cut off counts as far as it is whole.
    let cut = Counts::of(b"mcp_tool_invocations_total 5\nmcp_tool_invocations_total 7", false, &[]).unwrap();
    assert_eq!(Some(cut), counts("mcp_tool_invocations_total 5", &[]));
}

proptest! {
    #[test]
    fn whatever_is_sent_becomes_figures_or_nothing(text in "([a-z_]{0,9}|http_request_duration_ms_bucket|mcp_cache_hits_total)(\\{(le|a)=\"[^\"\n]{0,6}\"?\\}?)? ?[-+0-9eInfNa.]{0,8}\n{0,2}", other: Vec<u8>) {
        let mut body = text.repeat(3).into_bytes();
        body.extend(other);
        check(&body);
    }

    #[test]
    fn a_label_is_told_as_it_was_meant(value in "[^\n]{0,20}") {
        let written = value.replace('\\', "\\\\").replace('"', "\\\"");
        let line = format!("name{{other=\"}}\",label=\"{written}\"}} 4");
        let sample = text::samples(&line).next().unwrap();
        prop_assert_eq!(sample.label("label").unwrap(), value);
        prop_assert!((sample.value - 4.0).abs() < 1e-9);
    }
}

fn check(body: &[u8]) {
    crate::probe::fuzz::metrics(body);
}
