//! What one reading of `/metrics` counts of what berth knows, and the figures between two. Pure.
//!
//! It must never make a rate of a counter that began anew, nor tell a figure of nothing.

use std::time::Duration;

use super::text::{self, Sample};
use crate::domain::{Figures, Thousandths};

/// The most steps of a histogram that are kept.
const MOST_STEPS: usize = 64;

/// The counters.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counts {
    requests: Option<f64>,
    errors: Option<f64>,
    /// Steps of the histogram of durations: up to so many milliseconds, so many requests.
    steps: Vec<(f64, f64)>,
    /// The 95th percentile of a summary, milliseconds.
    summary: Option<f64>,
    tools: Option<f64>,
    resources: Option<f64>,
    hits: Option<f64>,
    misses: Option<f64>,
    chosen: Vec<Option<f64>>,
}

/// The name by which guides and client libraries count durations.
const DURATION: &str = "http_request_duration";

/// The labels in which a status may stand.
const STATUS: [&str; 3] = ["status_code", "status", "code"];

impl Counts {
    /// What a text counts; `None` where it has no sample at all. Without its end the last line is no whole one.
    pub fn of(body: &[u8], is_whole: bool, chosen: &[String]) -> Option<Self> {
        let end = if is_whole { body.len() } else { body.iter().rposition(|byte| *byte == b'\n')? };
        let text = String::from_utf8_lossy(body.get(..end)?);
        let mut counts = Self { chosen: vec![None; chosen.len()], ..Self::default() };
        // Counted twice by some: as requests, and with their durations.
        let mut plain = (None, None);
        let mut is_any = false;
        for sample in text::samples(&text) {
            is_any = true;
            counts.add(&sample, &mut plain);
            let wanted = chosen.iter().zip(&mut counts.chosen).filter(|(name, _)| *name == sample.name);
            wanted.for_each(|(_, sum)| add(sum, sample.value));
        }
        if counts.requests.is_none() {
            (counts.requests, counts.errors) = plain;
        }
        counts.steps.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        is_any.then_some(counts)
    }

    fn add(&mut self, sample: &Sample<'_>, plain: &mut (Option<f64>, Option<f64>)) {
        match sample.name {
            "mcp_tool_invocations_total" => add(&mut self.tools, sample.value),
            "mcp_resource_requests_total" => add(&mut self.resources, sample.value),
            "mcp_cache_hits_total" => add(&mut self.hits, sample.value),
            "mcp_cache_misses_total" => add(&mut self.misses, sample.value),
            "http_requests_total" => count(sample, &mut plain.0, &mut plain.1),
            name => {
                if let Some(rest) = name.strip_prefix(DURATION) {
                    self.add_duration(sample, rest);
                }
            }
        }
    }

    /// A series of durations, by what follows its name: a unit, and what of a histogram or a summary it is.
    fn add_duration(&mut self, sample: &Sample<'_>, rest: &str) {
        let milliseconds = if rest.starts_with("_ms") || rest.starts_with("_milliseconds") {
            1.0
        } else if rest.starts_with("_microseconds") {
            0.001
        } else {
            1000.0
        };
        if rest.ends_with("_count") {
            count(sample, &mut self.requests, &mut self.errors);
        } else if rest.ends_with("_bucket") {
            let Some(most) = sample.label("le").and_then(|most| most.parse::<f64>().ok()).filter(|most| !most.is_nan()) else { return };
            let most = most * milliseconds;
            if let Some((_, sum)) = self.steps.iter_mut().find(|(known, _)| known.total_cmp(&most).is_eq()) {
                *sum += sample.value;
            } else if self.steps.len() < MOST_STEPS {
                self.steps.push((most, sample.value));
            }
        } else if sample.label("quantile").is_some_and(|quantile| quantile == "0.95") {
            // Of several routes the slowest: their counts are not told.
            let time = sample.value * milliseconds;
            self.summary = Some(self.summary.map_or(time, |known| known.max(time)));
        }
    }

    /// The figures since another reading; without one, or where the server began anew, shares are those since its start and there are no rates.
    pub fn figures(&self, before: Option<(&Counts, Duration)>) -> Figures {
        let before = before.filter(|(before, _)| !fell(before.requests, self.requests) && !fell(before.tools, self.tools));
        let since = |of: fn(&Counts) -> Option<f64>| {
            let now = of(self)?;
            let then = before.and_then(|(before, _)| of(before)).unwrap_or(0.0);
            // A counter that fell began anew.
            Some(if now >= then { now - then } else { now })
        };
        let rate = |of: fn(&Counts) -> Option<f64>| {
            let (before, time) = before?;
            let (now, then) = (of(self)?, of(before)?);
            (now >= then && !time.is_zero()).then(|| (now - then) / time.as_secs_f64())
        };
        let share = |part: Option<f64>, whole: f64| (whole > 0.0).then(|| 100.0 * part.unwrap_or(0.0) / whole);
        let asked = since(|counts| counts.requests);
        let (hits, misses) = (since(|counts| counts.hits), since(|counts| counts.misses));
        let cache = hits.is_some() || misses.is_some();
        [
            rate(|counts| counts.requests),
            asked.and_then(|asked| share(since(|counts| counts.errors), asked)),
            self.percentile(before.map(|(before, _)| before)).or(self.summary),
            rate(|counts| counts.tools),
            rate(|counts| counts.resources),
            if cache { share(hits, hits.unwrap_or(0.0) + misses.unwrap_or(0.0)) } else { None },
        ]
        .map(|figure| figure.and_then(thousandths))
    }

    /// The time in milliseconds that 95 of 100 requests did not exceed, within its step in proportion, as PromQL's histogram_quantile does.
    fn percentile(&self, before: Option<&Counts>) -> Option<f64> {
        let then = |most: f64| before.and_then(|before| before.steps.iter().find(|(known, _)| known.total_cmp(&most).is_eq()));
        let counts = self.steps.iter().map(|(most, now)| (*most, (now - then(*most).map_or(0.0, |(_, then)| *then)).max(0.0)));
        let steps: Vec<(f64, f64)> = counts.collect();
        let (_, all) = *steps.last()?;
        let wanted = all * 0.95;
        if wanted <= 0.0 {
            return None;
        }
        let (mut from, mut below) = (0.0, 0.0);
        for (most, count) in steps {
            if count >= wanted {
                // Of the last step only its beginning is known.
                let part = if count > below { (wanted - below) / (count - below) } else { 1.0 };
                return Some(if most.is_finite() { from + (most - from) * part } else { from });
            }
            (from, below) = (most, count);
        }
        None
    }

    /// What was asked for by name: of counters what a second brought, of others the value.
    pub fn chosen<'a>(
        &'a self,
        before: Option<(&'a Counts, Duration)>,
        names: &'a [String],
    ) -> impl Iterator<Item = Option<Thousandths>> + 'a {
        self.chosen.iter().zip(names).enumerate().map(move |(index, (now, name))| {
            let now = (*now)?;
            if !is_counter(name) {
                return thousandths(now);
            }
            let (before, time) = before?;
            let then = before.chosen.get(index).copied().flatten()?;
            (now >= then && !time.is_zero()).then(|| thousandths((now - then) / time.as_secs_f64())).flatten()
        })
    }
}

/// Whether a series only ever grows, by its name.
pub fn is_counter(name: &str) -> bool {
    ["_total", "_count", "_sum"].iter().any(|end| name.ends_with(end))
}

fn fell(before: Option<f64>, now: Option<f64>) -> bool {
    before.zip(now).is_some_and(|(before, now)| now < before)
}

fn add(sum: &mut Option<f64>, value: f64) {
    *sum = Some(sum.unwrap_or(0.0) + value);
}

/// A count of requests; those that the server failed at as errors, too.
fn count(sample: &Sample<'_>, all: &mut Option<f64>, errors: &mut Option<f64>) {
    add(all, sample.value);
    if STATUS.iter().find_map(|name| sample.label(name)).is_some_and(|status| status.starts_with('5')) {
        add(errors, sample.value);
    }
}

#[allow(clippy::cast_possible_truncation, reason = "checked")]
fn thousandths(value: f64) -> Option<Thousandths> {
    let value = (value * 1000.0).round();
    (value.abs() < 9e15).then_some(value as Thousandths)
}
