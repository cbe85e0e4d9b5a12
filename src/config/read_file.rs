//! Reads the files that settings name, up to a limit.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::{Origin, Sourced};
use crate::error::Error;
use crate::text::Sanitized;

/// The largest env file or file of a credential, in bytes.
pub(super) const LIMIT: u64 = 64 * 1024;

/// The device and the inode: they identify a file, however it was named.
pub(super) type FileId = (u64, u64);

type Contents = Sourced<Vec<u8>>;

/// `named_by` is an option or a variable.
pub(super) fn read(path: &Path, named_by: &'static str, what: &str, limit: u64) -> Result<Contents, Error> {
    let origin = Origin::FileOf(named_by, path.to_owned());
    match File::open(path) {
        Ok(file) => contents(file, origin, what, limit),
        // The value may be the secret itself, in the wrong variable: do not show it as a path.
        Err(error) if named_by.starts_with("OUTSETA_") && !path.exists() => {
            let what = Sanitized::new(&format!("the file that {named_by} names"));
            Err(Error::unreadable(&what, &error))
        }
        Err(error) => Err(unreadable(&origin, &error)),
    }
}

pub(super) fn contents(file: File, origin: Origin, what: &str, limit: u64) -> Result<Contents, Error> {
    let (mut bytes, metadata) = (Vec::new(), file.metadata());
    let result = file.take(limit + 1).read_to_end(&mut bytes).and(metadata);
    let metadata = result.map_err(|error| unreadable(&origin, &error))?;
    if bytes.len() as u64 > limit {
        let reason = format!("the file is larger than {} KiB", limit / 1024);
        return Err(origin.malformed(what, &reason, "check that it is the right file"));
    }
    Ok(Sourced { value: bytes, origin, file: Some((metadata.dev(), metadata.ino())) })
}

pub(super) fn unreadable(origin: &Origin, error: &io::Error) -> Error {
    Error::unreadable(&Sanitized::new(&origin.to_string()), error)
}
