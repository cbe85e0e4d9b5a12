//! `--min-ttl`: decides whether the token in a file can be kept.

use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use serde_json::Map;

use super::file::{folder, remove_left_behind};
use super::{FIRST_FIELDS, Format, prefix, render};
use crate::api::Token;
use crate::config;
use crate::email::Email;
use crate::unix;

/// Bytes: far more than any real response, indented.
const SIZE_LIMIT: u64 = 8 << 20;

pub(crate) struct Wanted<'a> {
    pub(crate) email: &'a Email,
    /// The account's host, if it is known.
    pub(crate) host: Option<&'a str>,
    /// The customer account, if the caller requires one.
    pub(crate) account: Option<&'a str>,
    /// Unix seconds.
    pub(crate) valid_at: i64,
}

/// The token of a regular file that only this user can read or write, if it is for this email and
/// account and valid long enough.
pub(crate) fn kept(path: &Path, format: Format, wanted: &Wanted<'_>) -> Option<Token> {
    remove_left_behind(folder(path));
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).ok()?;
    let metadata = file.metadata().ok()?;
    let shared = metadata.uid() != unix::effective_user() || metadata.mode() & 0o077 != 0;
    if !metadata.is_file() || shared {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(SIZE_LIMIT).read_to_end(&mut bytes).ok()?;
    recover(&bytes, format).filter(|token| fits(token, wanted))
}

pub(super) fn fits(token: &Token, wanted: &Wanted<'_>) -> bool {
    let Some(claims) = token.claims() else { return false };
    let of_other_account = match (wanted.host, claims.issuer_host()) {
        (Some(host), Some(issuer)) => config::names_account(issuer) && !issuer.eq_ignore_ascii_case(host),
        _ => false,
    };
    !of_other_account
        && wanted.account.is_none_or(|account| claims.account() == Some(account))
        && claims.email().is_some_and(|email| wanted.email.is(email))
        && claims.expires_at().is_some_and(|expiry| expiry >= wanted.valid_at)
}

/// The token in bytes that `render` made, and in no others.
pub(super) fn recover(bytes: &[u8], format: Format) -> Option<Token> {
    let fields = if let Some(prefix) = prefix(format) {
        let jwt = std::str::from_utf8(bytes).ok()?.strip_prefix(prefix)?.strip_suffix('\n')?;
        Map::from_iter([(FIRST_FIELDS[0].to_owned(), jwt.into())])
    } else {
        serde_json::from_slice(bytes).ok()?
    };
    let token = Token::new(fields).ok()?;
    (render(&token, format).ok()? == bytes).then_some(token)
}
