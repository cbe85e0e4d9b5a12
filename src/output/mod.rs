//! The output formats, and writing a result.

mod atomic;
mod format;
mod reuse;

pub(crate) use self::atomic::Destination;
pub(crate) use self::format::{Format, Ordered, compact, first_fields};
pub(crate) use self::reuse::{Requirements, reusable_token};
use crate::error::Error;

/// Does not use std's handle, which reports success if standard output cannot be written (EBADF).
pub(crate) fn print(bytes: &[u8]) -> Result<(), Error> {
    Destination::open(None)?.write(bytes)
}

#[cfg(test)]
mod tests;
