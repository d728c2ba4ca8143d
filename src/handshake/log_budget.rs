//! How many lines a stranger can make us write.
//!
//! A refused connection is a line that operators need, and a flood of them is a disk that fills. So one client, and all
//! together, get so many in a window; the first line after it says how many were left out.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use crate::{
    auth::ThrottleKey,
    defaults::{LOG_WINDOW, MAX_LINES_PER_CLIENT, MAX_LINES_PER_WINDOW, MAX_LOGGED_CLIENTS},
};

/// What a line is about: lines of one sort do not use up another's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Sort {
    /// What took a grant away from a connection.
    Arrived,
    /// A connection that ended without a session.
    Closed,
}

/// Whether a line may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Permit {
    /// Yes; so many of this sort were left out before it.
    Write {
        /// Lines that were left out since the last one.
        left_out: u64,
    },
    /// No.
    Skip,
}

/// Counts the lines of a window.
#[derive(Debug, Clone, Default)]
pub struct LogBudget(Arc<Mutex<HashMap<Sort, Window>>>);

#[derive(Debug)]
struct Window {
    began: Instant,
    written: u32,
    left_out: u64,
    clients: HashMap<ThrottleKey, u32>,
}

impl LogBudget {
    /// Asks for one line about `client`.
    pub(super) fn permit(&self, sort: Sort, client: ThrottleKey, now: Instant) -> Permit {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let window = windows.entry(sort).or_insert_with(|| Window::new(now, 0));
        if now.duration_since(window.began) >= LOG_WINDOW {
            *window = Window::new(now, window.left_out);
        }
        let known = window.clients.len();
        let written_of_client = match window.clients.get_mut(&client) {
            Some(written) => written,
            // A table that is full belongs to a flood, and all the rest shares one place in it.
            None if known >= MAX_LOGGED_CLIENTS => window.clients.entry(OTHERS).or_insert(0),
            None => window.clients.entry(client).or_insert(0),
        };
        if *written_of_client >= MAX_LINES_PER_CLIENT || window.written >= MAX_LINES_PER_WINDOW {
            window.left_out += 1;
            return Permit::Skip;
        }
        *written_of_client += 1;
        window.written += 1;
        Permit::Write { left_out: std::mem::take(&mut window.left_out) }
    }
}

/// Stands for all who found the table full. No connection comes from it.
const OTHERS: ThrottleKey = ThrottleKey::Client(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED));

impl Window {
    fn new(began: Instant, left_out: u64) -> Self {
        Self { began, written: 0, left_out, clients: HashMap::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(number: u32) -> ThrottleKey {
        ThrottleKey::Client(IpAddr::V4((0x0a00_0000 + number).into()))
    }

    fn written(budget: &LogBudget, sort: Sort, clients: impl Iterator<Item = u32>, now: Instant) -> u32 {
        let permits = clients.map(|number| budget.permit(sort, client(number), now));
        permits.filter(|permit| *permit != Permit::Skip).count().try_into().expect("a small number")
    }

    #[test]
    fn one_client_cannot_fill_the_log_and_does_not_silence_others() {
        let (budget, now) = (LogBudget::default(), Instant::now());
        let flood = std::iter::repeat_n(1, 10_000);
        assert_eq!(written(&budget, Sort::Closed, flood, now), MAX_LINES_PER_CLIENT);
        assert_eq!(written(&budget, Sort::Closed, std::iter::once(2), now), 1, "another client");
        assert_eq!(written(&budget, Sort::Arrived, std::iter::once(1), now), 1, "another sort of line");
    }

    #[test]
    fn many_clients_cannot_either() {
        let (budget, now) = (LogBudget::default(), Instant::now());
        assert_eq!(written(&budget, Sort::Closed, 0..100_000, now), MAX_LINES_PER_WINDOW);
        let windows = budget.0.lock().expect("not poisoned");
        assert!(windows[&Sort::Closed].clients.len() <= MAX_LOGGED_CLIENTS + 1);
    }

    #[test]
    fn what_was_left_out_is_told_in_the_next_window() {
        let (budget, now) = (LogBudget::default(), Instant::now());
        written(&budget, Sort::Closed, std::iter::repeat_n(1, MAX_LINES_PER_CLIENT as usize + 7), now);
        let later = now + LOG_WINDOW;
        assert_eq!(budget.permit(Sort::Closed, client(1), later), Permit::Write { left_out: 7 });
        assert_eq!(budget.permit(Sort::Closed, client(1), later), Permit::Write { left_out: 0 });
    }
}
