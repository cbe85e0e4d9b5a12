//! Whether and when a failure is tried again: the deadline, the attempts and the waits between them. Pure but for the
//! clock and the jitter; it does not know ureq.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use crate::error::{Error, Network};

const FIRST_WAIT: Duration = Duration::from_millis(500);

/// The end of the time for one email: every attempt and every wait between them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    started: Instant,
    total: Duration,
    attempts: u32,
    /// How long the longest attempt took, and what is said if time ran out in it.
    longest: (Duration, fn(Duration) -> Network),
}

impl Deadline {
    pub(crate) fn starting_now(total: Duration) -> Self {
        Self { started: Instant::now(), total, attempts: 0, longest: (Duration::ZERO, Network::Timeout) }
    }

    /// Puts it off: what a batch waits for its rate is not time of the email.
    pub(crate) fn extend(&mut self, by: Duration) {
        self.started += by;
    }

    /// What is left of it.
    pub(crate) fn left(&self) -> Duration {
        self.total.saturating_sub(self.started.elapsed())
    }

    /// Takes note of an attempt and its failure, if it failed.
    pub(crate) fn attempted(&mut self, took: Duration, failure: Option<&Error>) {
        self.attempts += 1;
        if took >= self.longest.0 {
            self.longest = match failure {
                Some(Error::Network { fault: Network::SlowConnection(_), .. }) => {
                    (took, Network::SlowConnection)
                }
                Some(Error::Network { fault: Network::SlowProxy(_), .. }) => (took, Network::SlowProxy),
                _ => (took, Network::Timeout),
            };
        }
    }

    /// The failure of the last attempt. If that took too long and was not the only one, it names the whole time, and
    /// the phase in which the longest attempt spent it.
    pub(crate) fn explain(&self, error: Error) -> Error {
        match error {
            Error::Network {
                host,
                fault: Network::SlowConnection(_) | Network::SlowProxy(_) | Network::Timeout(_),
            } if self.attempts > 1 => {
                let tenths = self.started.elapsed().as_secs_f64() * 10.0;
                let passed = Duration::from_millis(100).mul_f64(tenths.round()).min(self.total);
                Error::Network { host, fault: self.longest.1(passed) }
            }
            error => error,
        }
    }
}

/// How to go on after a failed attempt.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Wait so long, then try again.
    TryAfter(Duration),
    Stop,
}

/// Decides after the failure of attempt number `attempt`, counted from 0, with `left` of the time. `jitter` is a random
/// number from 0 to 1.
pub(crate) fn next(error: &Error, attempt: u32, retries: u32, left: Duration, jitter: f64) -> Next {
    let wait = match error {
        Error::Busy { asked: Some(asked), .. } => backoff(attempt).max(*asked),
        _ => backoff(attempt),
    };
    if !is_retryable(error) || attempt >= retries || wait >= left {
        return Next::Stop;
    }
    // Lengthened, so that many that failed at once do not come back at once; never over the half of what is left.
    let lengthening = wait.mul_f64(jitter / 2.0).min(left.saturating_sub(wait) / 2);
    Next::TryAfter(wait + lengthening)
}

/// 0.5 s, 1 s, 2 s, …
fn backoff(attempt: u32) -> Duration {
    2_u32.checked_pow(attempt).map_or(Duration::MAX, |factor| FIRST_WAIT.saturating_mul(factor))
}

/// Whether the same request may do better later. Minting a token twice harms nothing, so a lost answer is one of them.
fn is_retryable(error: &Error) -> bool {
    match error {
        Error::Busy { .. } => true,
        Error::Network { fault, .. } => match fault {
            Network::Dns
            | Network::SlowConnection(_)
            | Network::SlowProxy(_)
            | Network::Connection(_)
            | Network::Proxy(_)
            | Network::Lost => true,
            // A timeout is the end of the time for this email; the others would fail the same way.
            Network::NotLoopback
            | Network::ProxyRefusal(_)
            | Network::Certificate { .. }
            | Network::Tls { .. }
            | Network::Timeout(_) => false,
        },
        Error::Usage { .. }
        | Error::Email { .. }
        | Error::EmailRejected { .. }
        | Error::Unreadable { .. }
        | Error::NoSuchUser { .. }
        | Error::NoSuchAccount { .. }
        | Error::Unexplained { .. }
        | Error::Bug(_)
        | Error::CannotCreate { .. }
        | Error::CannotWrite { .. }
        | Error::BrokenPipe
        | Error::Answer(_)
        | Error::KeyRejected { .. }
        | Error::LoginRefused { .. }
        | Error::SecondFactor { .. }
        | Error::Missing(_)
        | Error::Malformed { .. }
        | Error::CannotExecute { .. }
        | Error::CommandNotFound { .. } => false,
    }
}

/// A random number from 0 to 1: std seeds its hashers at random, and no more is asked of it here.
pub(crate) fn jitter() -> f64 {
    let random = RandomState::new().hash_one(0);
    f64::from(u32::try_from(random >> 32).unwrap_or(u32::MAX)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::AnswerFault;

    const BUSY: Error = Error::Busy { status: 503, asked: None };

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn network(fault: Network) -> Error {
        Error::Network { host: "h".to_owned(), fault }
    }

    fn wait(attempt: u32, asked: Option<u64>, left: u64, jitter: f64) -> Next {
        next(&Error::Busy { status: 429, asked: asked.map(seconds) }, attempt, 9, seconds(left), jitter)
    }

    #[test]
    fn waits_double() {
        for (attempt, milliseconds) in [(0, 500), (1, 1000), (2, 2000), (5, 16_000)] {
            assert_eq!(wait(attempt, None, 100, 0.0), Next::TryAfter(Duration::from_millis(milliseconds)));
        }
        assert_eq!(next(&BUSY, 40, 50, seconds(100), 0.0), Next::Stop, "no overflow");
    }

    #[test]
    fn waits_are_lengthened_by_up_to_half() {
        assert_eq!(wait(1, None, 100, 1.0), Next::TryAfter(Duration::from_millis(1500)));
        assert_eq!(wait(1, None, 100, 0.5), Next::TryAfter(Duration::from_millis(1250)));
        assert_eq!(wait(1, Some(10), 100, 1.0), Next::TryAfter(seconds(15)));
    }

    #[test]
    fn a_lengthened_wait_still_fits() {
        assert_eq!(wait(1, Some(10), 12, 1.0), Next::TryAfter(seconds(11)));
    }

    #[test]
    fn retry_after_counts_if_it_is_longer() {
        assert_eq!(wait(1, Some(0), 100, 0.0), Next::TryAfter(seconds(1)), "0 is no licence");
        assert_eq!(wait(0, Some(7), 100, 0.0), Next::TryAfter(seconds(7)));
        assert_eq!(wait(0, Some(100), 100, 0.0), Next::Stop);
    }

    #[test]
    fn it_stops_when_attempts_or_time_are_used_up() {
        assert_eq!(next(&BUSY, 0, 0, seconds(9), 0.0), Next::Stop);
        assert_eq!(next(&BUSY, 2, 2, seconds(9), 0.0), Next::Stop);
        assert_eq!(next(&BUSY, 1, 2, seconds(9), 0.0), Next::TryAfter(seconds(1)));
        assert_eq!(next(&BUSY, 1, 2, seconds(1), 0.0), Next::Stop);
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        for error in [
            BUSY,
            network(Network::Dns),
            network(Network::SlowConnection(seconds(1))),
            network(Network::SlowProxy(seconds(1))),
            network(Network::Connection("connection refused".to_owned())),
            network(Network::Proxy("connection refused".to_owned())),
            network(Network::Lost),
        ] {
            assert!(is_retryable(&error), "{error:?}");
        }
        let shown = || crate::text::Shown::new("");
        for error in [
            network(Network::Certificate { proxy: false, why: shown(), hint: "" }),
            network(Network::Tls { proxy: true, why: shown() }),
            network(Network::NotLoopback),
            network(Network::ProxyRefusal(Some(407))),
            network(Network::Timeout(seconds(1))),
            Error::Answer(AnswerFault::NotHttp),
            Error::Answer(AnswerFault::Html { status: 200 }),
            Error::SecondFactor { email: shown(), enrolment: false },
        ] {
            assert_eq!(next(&error, 0, 9, seconds(9), 0.0), Next::Stop, "{error:?}");
        }
    }

    #[test]
    fn jitter_stays_in_their_range_and_differ() {
        let thrown: Vec<f64> = (0..100).map(|_| jitter()).collect();
        assert!(thrown.iter().all(|jitter| (0.0..=1.0).contains(jitter)));
        assert!(thrown.iter().any(|jitter| (jitter - thrown[0]).abs() > 1e-6));
    }

    #[test]
    fn a_deadline_runs_out() {
        assert!(Deadline::starting_now(seconds(9)).left() > seconds(8));
        let mut over = Deadline::starting_now(seconds(9));
        over.started -= seconds(9);
        assert_eq!(over.left(), Duration::ZERO);
        over.extend(seconds(9));
        assert!(over.left() > seconds(8));
    }

    #[test]
    fn a_timeout_names_the_whole_time_and_the_phase_that_took_longest() {
        let (connecting, limit) = (network(Network::SlowConnection(seconds(2))), seconds(6));
        let after = |attempts: &[(u64, Option<&Error>)], error: &Error| {
            let mut deadline = Deadline::starting_now(limit);
            deadline.started -= seconds(30);
            for (took, failure) in attempts {
                deadline.attempted(seconds(*took), *failure);
            }
            deadline.explain(error.clone())
        };
        let slow = Some(&connecting);
        let silence = network(Network::Timeout(limit));
        assert_eq!(after(&[(2, slow)], &connecting), connecting, "the only attempt");
        let whole = network(Network::SlowConnection(limit));
        assert_eq!(after(&[(2, slow), (2, slow)], &connecting), whole);
        assert_eq!(after(&[(4, slow), (1, Some(&silence))], &silence), whole);
        assert_eq!(after(&[(4, Some(&BUSY)), (2, slow)], &connecting), silence);
        let lost = network(Network::Lost);
        assert_eq!(after(&[(4, slow), (1, Some(&lost))], &lost), lost);
    }
}
