//! Connections that wait for trusted names to be asked for anew, and when the next question may be put.

use tokio::{
    sync::oneshot,
    time::{Instant, sleep_until},
};

use crate::defaults::NAMES_NOW_PAUSE;

/// Who waits for which question. Nobody is answered by a question that was put before it came: the answer to that one may be
/// about a proxy that was not there yet.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// For the next question.
    next: Vec<oneshot::Sender<()>>,
    /// For the one that was put last.
    put: Vec<oneshot::Sender<()>>,
    last: Option<Instant>,
}

impl Waiting {
    /// Has somebody wait for the next question.
    pub(super) fn push(&mut self, answer: oneshot::Sender<()>) {
        self.next.retain(|answer| !answer.is_closed());
        self.next.push(answer);
    }

    /// Returns when a question is to be put: somebody waits for it, and the last one is [`NAMES_NOW_PAUSE`] ago. Cancel safe.
    pub(super) async fn is_due(&self) {
        match self.last {
            _ if self.next.is_empty() => std::future::pending().await,
            Some(last) => sleep_until(last + NAMES_NOW_PAUSE).await,
            None => {}
        }
    }

    /// The question is put now.
    pub(super) fn put(&mut self) {
        self.last = Some(Instant::now());
        self.put.retain(|answer| !answer.is_closed());
        self.put.append(&mut self.next);
    }

    /// What was put is answered.
    pub(super) fn answered(&mut self) {
        for answer in self.put.drain(..) {
            // Whoever gave up waiting goes by what was known.
            let _ = answer.send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_comes_after_a_question_was_put_waits_for_the_next_one() {
        let mut waiting = Waiting::default();
        assert!(waiting.is_due().now_or_never().is_none(), "nobody waits");
        let (answer, mut first) = oneshot::channel();
        waiting.push(answer);
        waiting.is_due().now_or_never().expect("the first one waits for nothing");
        let put = Instant::now();
        waiting.put();

        let (answer, mut second) = oneshot::channel();
        waiting.push(answer);
        assert!(waiting.is_due().now_or_never().is_none(), "too soon after the first");
        waiting.answered();
        assert_eq!((first.try_recv().is_ok(), second.try_recv().is_ok()), (true, false));
        waiting.is_due().await;
        assert!(put.elapsed() >= NAMES_NOW_PAUSE && put.elapsed() < NAMES_NOW_PAUSE * 2, "{:?}", put.elapsed());
        waiting.put();
        waiting.answered();
        assert!(second.try_recv().is_ok());
        assert!(waiting.is_due().now_or_never().is_none(), "nobody waits any more");
    }
}
