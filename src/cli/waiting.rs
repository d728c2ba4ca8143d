//! Waiting that can be seen: a spinner on a terminal, one plain line elsewhere, nothing where JSON is wanted.

use std::{
    fmt,
    io::{self, IsTerminal as _, Write as _},
    sync::{Arc, Mutex, PoisonError},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::defaults::{PLAIN_WAITING_AFTER, SPINNER_AFTER, SPINNER_TICK};

/// Shows that a command waits. Clones share one spinner.
#[derive(Clone)]
pub(super) struct Waiting {
    manner: Manner,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    Spinner,
    Line,
    Nothing,
}

#[derive(Default)]
struct State {
    spinner: Option<ProgressBar>,
    /// Whether the command has said something: from then on it speaks for itself.
    over: bool,
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiting").field("manner", &self.manner).finish_non_exhaustive()
    }
}

impl Waiting {
    /// As the process's standard error permits.
    pub(super) fn of_process(json: bool) -> Self {
        let manner = match (json, io::stderr().is_terminal()) {
            (true, _) => Manner::Nothing,
            (false, true) => Manner::Spinner,
            (false, false) => Manner::Line,
        };
        Self { manner, state: Arc::default() }
    }

    /// Shows nothing, ever.
    pub(super) fn hidden() -> Self {
        Self { manner: Manner::Nothing, state: Arc::default() }
    }

    /// Does `work`, and shows that it takes its time where it does.
    pub(super) async fn during<T>(self, what: &str, work: impl Future<Output = T>) -> T {
        let patience = match self.manner {
            Manner::Spinner => SPINNER_AFTER,
            Manner::Line => PLAIN_WAITING_AFTER,
            Manner::Nothing => return work.await,
        };
        tokio::pin!(work);
        if let Ok(done) = tokio::time::timeout(patience, &mut work).await {
            return done;
        }
        self.begin(what);
        let done = work.await;
        self.end();
        done
    }

    fn begin(&self, what: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.over {
            return;
        }
        match self.manner {
            Manner::Spinner => {
                let spinner = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
                if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
                    spinner.set_style(style);
                }
                spinner.set_message(what.to_owned());
                spinner.enable_steady_tick(SPINNER_TICK);
                state.spinner = Some(spinner);
            }
            Manner::Line => {
                // Nobody can be told that telling failed.
                let _ = writeln!(io::stderr(), "{what}...");
            }
            Manner::Nothing => {}
        }
    }

    /// Clears the line before the command writes: what it says must not be mixed with a spinner.
    pub(super) fn end(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.over = true;
        if let Some(spinner) = state.spinner.take() {
            spinner.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn nothing_is_shown_before_its_time_and_after_the_first_word() {
        let shown = |waiting: &Waiting| waiting.state.lock().expect("no panic").spinner.is_some();
        for (takes, speaks, expected) in [(10, false, false), (900, false, true), (900, true, false)] {
            let waiting = Waiting { manner: Manner::Spinner, state: Arc::default() };
            let (seen, work) = (waiting.clone(), waiting.clone());
            let was_shown = waiting
                .during("waiting", async move {
                    if speaks {
                        work.end();
                    }
                    tokio::time::sleep(Duration::from_millis(takes)).await;
                    shown(&seen)
                })
                .await;
            assert_eq!(was_shown, expected, "{takes} ms, speaks: {speaks}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_spinner_is_gone_when_the_work_is_done() {
        let waiting = Waiting { manner: Manner::Spinner, state: Arc::default() };
        waiting.clone().during("waiting", tokio::time::sleep(Duration::from_secs(2))).await;
        assert!(waiting.state.lock().expect("no panic").spinner.is_none());
    }
}
