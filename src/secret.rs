//! A value that must not be seen. It has no `Display`, `Debug` prints `REDACTED`, and it can be read through one
//! named method only, so that every place that lets it out can be found by searching for `reveal`.

use std::fmt;

/// The API key, the API secret, an access token, a proxy's password.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself, for the request, the result and nothing else.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("REDACTED")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret:?} {:?}", Some(&secret)), "REDACTED Some(REDACTED)");
        assert_eq!(secret.reveal(), "hunter2");
    }
}
