//! Medians, ratios and the table.

use std::{fmt, time::Duration};

/// What one round brought.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Round {
    /// How many operations ended.
    pub(crate) operations: u64,
    /// Within what time.
    pub(crate) elapsed: Duration,
    /// The server's processor time meanwhile.
    pub(crate) processor: Duration,
}

/// The rounds of one server.
#[derive(Debug, Default)]
pub(crate) struct Rounds(Vec<Round>);

impl Rounds {
    pub(crate) fn push(&mut self, round: Round) {
        self.0.push(round);
    }

    /// Operations a second, the median of the rounds.
    pub(crate) fn rate(&self) -> f64 {
        median(self.0.iter().map(|round| float(round.operations) / round.elapsed.as_secs_f64()))
    }

    /// Microseconds of the server's processor time for one operation, over all rounds: the kernel's clock is too coarse for
    /// one of them.
    pub(crate) fn processor(&self) -> f64 {
        let operations: u64 = self.0.iter().map(|round| round.operations).sum();
        let processor: Duration = self.0.iter().map(|round| round.processor).sum();
        processor.as_secs_f64() * 1e6 / float(operations)
    }
}

/// The middle of `values`, or the mean of the two in the middle. There is at least one.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let upper = values.len() / 2;
    let lower = (values.len() - 1) / 2;
    f64::midpoint(values[lower], values[upper])
}

/// Counts here stay far below 2^52, where floats are exact.
#[allow(clippy::cast_precision_loss, reason = "see above")]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}

/// What is printed in the end.
#[derive(Debug, Default)]
pub(crate) struct Table(Vec<[String; 5]>);

impl Table {
    /// A rate of both servers, and the processor time that one operation takes.
    pub(crate) fn rates(&mut self, figure: &str, ours: &Rounds, bare: &Rounds, aim: &str) {
        self.row(figure, whole(ours.rate()), whole(bare.rate()), ratio(ours.rate(), bare.rate()), aim);
        let time = |rounds: &Rounds| format!("{:.1} µs", rounds.processor());
        self.row(
            "– processor time of each, the server alone",
            time(ours),
            time(bare),
            ratio(ours.processor(), bare.processor()),
            "",
        );
    }

    /// One row of texts.
    pub(crate) fn row(&mut self, figure: &str, ours: String, bare: String, ratio: String, aim: &str) {
        self.0.push([figure.to_owned(), ours, bare, ratio, aim.to_owned()]);
    }

    /// A figure that the bare server has not.
    pub(crate) fn alone(&mut self, figure: &str, ours: String, aim: &str) {
        self.row(figure, ours, String::new(), String::new(), aim);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
        writeln!(f, "\nDriver and server on one machine with {cores} cores, over loopback:\n")?;
        writeln!(f, "| figure | ours | bare | ours / bare | aim |\n| --- | ---: | ---: | ---: | ---: |")?;
        for [figure, ours, bare, ratio, aim] in &self.0 {
            writeln!(f, "| {figure} | {ours} | {bare} | {ratio} | {aim} |")?;
        }
        Ok(())
    }
}

/// How many times `one` is `other`; nothing where the other was too small to be measured.
pub(crate) fn ratio(one: f64, other: f64) -> String {
    if other > 0.0 { format!("{:.2}", one / other) } else { String::new() }
}

/// A number without a fraction, in groups of three digits.
pub(crate) fn whole(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
