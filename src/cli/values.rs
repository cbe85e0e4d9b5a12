//! The grammar of durations and rates.

use std::time::Duration;

/// The longest accepted duration: a clock's time plus this does not overflow.
const LONGEST: Duration = Duration::from_secs(3660 * 24 * 60 * 60);

/// `500ms`, `10s`, `2m`, `1h`, `7d`, or a bare number of seconds.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let milliseconds: u64 = match unit {
        "ms" => 1,
        "s" | "" => 1000,
        "m" => 60 * 1000,
        "h" => 60 * 60 * 1000,
        "d" => 24 * 60 * 60 * 1000,
        _ => return None,
    };
    let number: u64 = number.parse().ok()?;
    Some(Duration::from_millis(number.checked_mul(milliseconds)?)).filter(|duration| *duration <= LONGEST)
}

/// The time from the start of one request to the start of the next, for a rate in requests a second; zero if
/// the rate is 0, which means no limit.
pub(super) fn interval(rate: &str) -> Option<Duration> {
    let rate: f64 = rate.parse().ok().filter(|rate: &f64| rate.is_finite() && !rate.is_sign_negative())?;
    if rate == 0.0 {
        return Some(Duration::ZERO);
    }
    Duration::try_from_secs_f64(1.0 / rate).ok().filter(|interval| *interval <= LONGEST)
}
