//! Fuzzing doors: what a server counts of itself, and its certificate, as it may send anything.
//!
//! It must never ask anybody.

use std::time::Duration;

use super::metrics::{Counts, text};
use crate::domain::{FIGURES, Measure};

/// Whatever is sent becomes figures within bounds, or nothing; and a server that goes on with it is not remembered without end.
pub fn metrics(data: &[u8]) {
    let _ = super::tls::ends(data);
    let names = ["mcp_cache_hits_total".to_owned(), "up".to_owned()];
    let mut course = super::metrics::Course::default();
    for (step, part) in data.split(|byte| *byte == 0).take(2 * FIGURES).enumerate() {
        course.took(Counts::of(part, true, &names), &names, Duration::from_secs(step as u64));
    }
    if let Some(told) = course.told() {
        assert!(told.course.len() <= FIGURES && told.chosen.len() <= names.len());
        for measure in [Measure::Errors, Measure::Requests] {
            assert!(told.course_of(measure).flatten().all(f32::is_finite));
        }
    }
    let text = String::from_utf8_lossy(data);
    for sample in text::samples(&text) {
        assert!(!sample.name.is_empty() && sample.name.chars().all(text::is_of_a_name) && sample.value.is_finite());
        let _ = sample.label("le");
    }
}
