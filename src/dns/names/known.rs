//! What is known of one name: a state that answers and time change.

use std::net::IpAddr;

use tokio::time::Instant;

use super::{Answer, Reply};
use crate::defaults::{NAME_ADDRESS_LIFE, NAME_ASK_AGAIN, NAME_TTL_MAX, NAME_TTL_MIN};

/// How it stands with a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NameState {
    /// It has not been answered yet.
    New,
    /// It stands for addresses.
    Found,
    /// The name servers say that there are none.
    Nothing,
    /// The name servers were asked in vain, which is why; what was known before still counts for a while.
    Unanswered(String),
}

/// What is known of one name.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) state: NameState,
    /// When it is to be asked for again.
    pub(super) due: Instant,
    /// How many questions were put: the number of the last one.
    asked: u64,
    /// The question whose answer is being waited for.
    asking: Option<u64>,
    /// The last question whose answer was taken in: later answers to earlier ones are old news.
    taken: u64,
    v4: Family,
    v6: Family,
}

/// The addresses of one family, and when a name server last confirmed them.
#[derive(Debug)]
struct Family {
    addresses: Vec<IpAddr>,
    confirmed: Instant,
}

impl Known {
    pub(super) fn new(now: Instant) -> Self {
        let family = || Family { addresses: Vec::new(), confirmed: now };
        Self { state: NameState::New, due: now, asked: 0, asking: None, taken: 0, v4: family(), v6: family() }
    }

    pub(super) fn addresses(&self) -> Vec<IpAddr> {
        self.v4.addresses.iter().chain(&self.v6.addresses).copied().collect()
    }

    /// Whether an answer is being waited for.
    pub(super) fn is_asking(&self) -> bool {
        self.asking.is_some()
    }

    /// The number of the question that is put now.
    pub(super) fn ask(&mut self) -> u64 {
        self.asked += 1;
        self.asking = Some(self.asked);
        self.asked
    }

    /// Has the name asked for once more, whatever is waited for.
    pub(super) fn ask_now(&mut self, now: Instant) {
        self.due = now;
        self.asking = None;
    }

    /// Takes the answer to a question in, unless a later one was answered before: a no empties at once, silence only after a
    /// while. Returns whether it was taken.
    pub(super) fn take(&mut self, question: u64, reply: Reply, now: Instant) -> bool {
        if question <= self.taken {
            return false;
        }
        self.taken = question;
        let Reply { v4, v6 } = reply;
        let ttl = [&v4, &v6].into_iter().filter_map(Answer::ttl).min();
        let unanswered = [&v4, &v6].into_iter().find_map(Answer::unanswered).map(ToOwned::to_owned);
        self.v4.take(v4, now);
        self.v6.take(v6, now);
        self.state = match unanswered {
            Some(why) => NameState::Unanswered(why),
            None if self.v4.addresses.is_empty() && self.v6.addresses.is_empty() => NameState::Nothing,
            None => NameState::Found,
        };
        let wait = match (&self.state, ttl) {
            (NameState::Found, Some(ttl)) => ttl.clamp(NAME_TTL_MIN, NAME_TTL_MAX),
            _ => NAME_ASK_AGAIN,
        };
        if self.asking == Some(question) {
            self.due = now + wait;
            self.asking = None;
        }
        true
    }
}

impl Family {
    fn take(&mut self, answer: Answer, now: Instant) {
        match answer {
            Answer::Addresses { addresses, .. } => *self = Self { addresses, confirmed: now },
            Answer::Nothing => self.addresses.clear(),
            Answer::Unanswered(_) if now.duration_since(self.confirmed) >= NAME_ADDRESS_LIFE => self.addresses.clear(),
            Answer::Unanswered(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn found(addresses: &[&str], ttl: u64) -> Answer {
        Answer::Addresses {
            addresses: addresses.iter().map(|text| text.parse().expect("an address")).collect(),
            ttl: Duration::from_secs(ttl),
        }
    }

    fn silence() -> Answer {
        Answer::Unanswered("timeout".to_owned())
    }

    #[test]
    fn answers_and_silence_over_time() {
        let begin = Instant::now();
        let mut known = Known::new(begin);
        #[rustfmt::skip]
        let rows: Vec<(u64, Answer, Answer, &str, u64)> = vec![
            // after  A                              AAAA                      addresses                     asked again after
            (0,       found(&["10.0.0.7"], 600),     Answer::Nothing,          "10.0.0.7",                   30),
            (30,      found(&["10.0.0.8"], 0),       Answer::Nothing,          "10.0.0.8",                   1),
            (31,      found(&["10.0.0.8"], 10),      found(&["fd00::8"], 4),   "10.0.0.8 fd00::8",           4),
            (35,      silence(),                     found(&["fd00::9"], 4),   "10.0.0.8 fd00::9",           5), // one family is silent
            (330,     silence(),                     silence(),                "10.0.0.8 fd00::9",           5), // five minutes are not over
            (331,     silence(),                     silence(),                "fd00::9",                    5), // for one of them
            (336,     silence(),                     Answer::Nothing,          "",                           5),
            (340,     found(&["10.0.0.1", "10.0.0.2"], 20), Answer::Nothing,   "10.0.0.1 10.0.0.2",          20),
            (360,     Answer::Nothing,               Answer::Nothing,          "",                           5), // a no empties at once
            (365,     silence(),                     silence(),                "",                           5),
        ];
        for (after, v4, v6, addresses, again) in rows {
            let now = begin + Duration::from_secs(after);
            let question = known.ask();
            assert!(known.take(question, Reply { v4, v6 }, now));
            let shown: Vec<_> = known.addresses().iter().map(ToString::to_string).collect();
            assert_eq!((shown.join(" ").as_str(), (known.due - now).as_secs()), (addresses, again), "after {after} s");
        }
    }

    #[test]
    fn a_state_says_what_the_last_answer_was() {
        let mut known = Known::new(Instant::now());
        assert_eq!(known.state, NameState::New);
        #[rustfmt::skip]
        let rows = [
            (found(&["10.0.0.1"], 1), Answer::Nothing, NameState::Found),
            (silence(),               Answer::Nothing, NameState::Unanswered("timeout".to_owned())),
            (Answer::Nothing,         Answer::Nothing, NameState::Nothing),
        ];
        for (v4, v6, state) in rows {
            let question = known.ask();
            assert!(known.take(question, Reply { v4, v6 }, Instant::now()));
            assert_eq!(known.state, state);
        }
    }

    #[test]
    fn an_answer_to_an_earlier_question_is_old_news_once_a_later_one_is_there() {
        let now = Instant::now();
        let reply = |v4| Reply { v4, v6: Answer::Nothing };
        let mut known = Known::new(now);
        let (first, second) = (known.ask(), {
            known.ask_now(now);
            known.ask()
        });
        let third = {
            known.ask_now(now);
            known.ask()
        };
        // Until then an earlier answer is better than none, and the later one is still waited for.
        assert!(known.take(first, reply(silence()), now));
        assert!(known.is_asking() && known.due == now);
        assert!(known.take(third, reply(found(&["10.0.0.7"], 9)), now));
        assert!(!known.is_asking() && known.due > now);
        assert!(!known.take(second, reply(Answer::Nothing), now));
        assert_eq!(known.addresses(), ["10.0.0.7".parse::<IpAddr>().expect("an address")]);
    }
}
