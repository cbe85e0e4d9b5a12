//! The time budget for one email, and the waits between retries.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

/// The time budget for one email.
pub(super) struct Deadline {
    started: Instant,
    total: Duration,
}

impl Deadline {
    pub(super) fn starting_now(total: Duration) -> Self {
        Self { started: Instant::now(), total }
    }

    /// Time spent waiting for --rate does not count.
    pub(super) fn extend(&mut self, by: Duration) {
        self.started += by;
    }

    pub(super) fn left(&self) -> Duration {
        self.total.saturating_sub(self.started.elapsed())
    }
}

/// The wait before the next retry, of which there were `retries`; `None` if it does not fit into `left`.
/// `least` is what Outseta asks for, and `jitter` is from 0 to 1.
pub(super) fn wait(least: Duration, retries: u32, left: Duration, jitter: f64) -> Option<Duration> {
    let backoff = Duration::from_millis(500).saturating_mul(2_u32.saturating_pow(retries));
    let wait = backoff.max(least);
    // Spreads out clients that failed together, but uses at most half of the time that is left.
    let longer = wait.mul_f64(jitter / 2.0).min(left.saturating_sub(wait) / 2);
    (wait < left).then(|| wait + longer)
}

/// std has no random numbers, but its hashers are seeded randomly.
pub(super) fn jitter() -> f64 {
    f64::from(RandomState::new().hash_one(0).to_ne_bytes()[0]) / 255.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// The wait in milliseconds.
    fn busy(retry: u32, retry_after: Option<u64>, left: u64, jitter: f64) -> Option<u128> {
        wait(seconds(retry_after.unwrap_or_default()), retry, seconds(left), jitter)
            .map(|wait| wait.as_millis())
    }

    #[test]
    fn waits_double() {
        for (retry, milliseconds) in [(0, 500), (1, 1000), (2, 2000), (5, 16_000)] {
            assert_eq!(busy(retry, None, 100, 0.0), Some(milliseconds));
        }
        assert_eq!(busy(40, None, 100, 0.0), None, "no overflow");
    }

    #[test]
    fn jitter_lengthens_waits_by_up_to_half_if_there_is_time() {
        assert_eq!(busy(1, None, 100, 1.0), Some(1500));
        assert_eq!(busy(1, None, 100, 0.5), Some(1250));
        assert_eq!(busy(1, Some(10), 100, 1.0), Some(15_000));
        assert_eq!(busy(1, Some(10), 12, 1.0), Some(11_000));
        let random: Vec<f64> = (0..100).map(|_| jitter()).collect();
        assert!(random.iter().all(|jitter| (0.0..=1.0).contains(jitter)));
        assert!(random.iter().any(|jitter| (jitter - random[0]).abs() > 1e-6));
    }

    #[test]
    fn retry_after_counts_if_it_is_longer() {
        assert_eq!(busy(1, Some(0), 100, 0.0), Some(1000));
        assert_eq!(busy(0, Some(7), 100, 0.0), Some(7000));
        assert_eq!(busy(0, Some(100), 100, 0.0), None);
    }

    #[test]
    fn a_wait_must_fit_into_the_time_that_is_left() {
        assert_eq!(busy(1, None, 2, 0.0), Some(1000));
        assert_eq!(busy(1, None, 1, 0.0), None);
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
}
