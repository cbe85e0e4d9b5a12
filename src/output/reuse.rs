//! `--min-ttl`: decides whether the token in a file can be used again.

use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use super::format::Format;
use crate::api::{Token, now};
use crate::config;
use crate::email::Email;
use crate::text::{Sanitized, approximate, io_reason};
use crate::unix;

/// Largest file that can be kept, in bytes.
const SIZE_LIMIT: u64 = 64 << 10;

pub(crate) struct Requirements<'a> {
    pub(crate) email: &'a Email,
    /// The account's host, if it is known.
    pub(crate) host: Option<&'a str>,
    /// The customer account, if the caller requires one.
    pub(crate) account: Option<&'a str>,
    /// Unix seconds.
    pub(crate) valid_at: i64,
}

/// The token in the file, or why it cannot be used again. The file must be a regular one that nobody else may
/// read or write.
pub(crate) fn reusable_token(
    path: &Path,
    format: Format,
    required: &Requirements<'_>,
) -> Result<Token, String> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let file = file.map_err(|error| io_reason(&error))?;
    let metadata = file.metadata().map_err(|error| io_reason(&error))?;
    let mode = metadata.mode() & 0o7777;
    for (is_fault, reason) in [
        (!metadata.is_file(), "it is not a regular file"),
        (metadata.uid() != unix::effective_user(), "it belongs to another user"),
        (mode & 0o077 != 0, &*format!("group or others may access it (mode {mode:04o})")),
        (metadata.len() > SIZE_LIMIT, "it is larger than 64 KiB"),
    ] {
        if is_fault {
            return Err(reason.to_owned());
        }
    }
    let mut bytes = Vec::new();
    file.take(SIZE_LIMIT).read_to_end(&mut bytes).map_err(|error| io_reason(&error))?;
    let token =
        format.parse_rendered(&bytes).ok_or_else(|| format!("its format is not {}", format.name()))?;
    check(&token, required).map(|()| token)
}

/// The error is the reason why the token cannot be used again.
pub(super) fn check(token: &Token, required: &Requirements<'_>) -> Result<(), String> {
    let claims = token.claims().ok_or("its token is not a JWT")?;
    let email = claims.email().ok_or("its token has no email")?;
    if !required.email.is(email) {
        return Err(format!("its token is for {}", Sanitized::new(email)));
    }
    if let (Some(host), Some(issuer)) = (required.host, claims.issuer_host()) {
        if config::is_outseta_host(issuer) && !issuer.eq_ignore_ascii_case(host) {
            return Err(format!("its token is from {}", Sanitized::new(issuer)));
        }
    }
    if required.account.is_some() && required.account != claims.account() {
        let account = claims.account().ok_or("its token names no account")?;
        return Err(format!("its token is for the account {}", Sanitized::new(account)));
    }
    let expiry = claims.expires_at().ok_or("its token has no expiry")?;
    let left = expiry.saturating_sub(now());
    if expiry >= required.valid_at {
        Ok(())
    } else if left > 0 {
        Err(format!("its token is valid for only {}", approximate(left)))
    } else {
        Err("its token has expired".to_owned())
    }
}
