//! This machine's clock in Unix seconds, the unit of a JWT's times (RFC 7519 section 2, `NumericDate`).

use std::time::{Duration, SystemTime};

/// The second that has begun.
pub(crate) fn now() -> i64 {
    seconds(since_epoch())
}

/// The first full second after `duration` from now: what expires then or later stays valid at least so long.
pub(crate) fn second_after(duration: Duration) -> i64 {
    seconds(since_epoch().saturating_add(duration)).saturating_add(1)
}

fn since_epoch() -> Duration {
    let now = SystemTime::now();
    now.duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fraction_of_a_second_is_not_lost() {
        let before = now();
        let after = second_after(Duration::from_secs(1));
        assert!(after >= before + 2 && after <= now() + 2);
        assert!(second_after(Duration::ZERO) > before);
        assert_eq!(second_after(Duration::MAX), i64::MAX);
        assert!(before > 1_700_000_000);
    }
}
