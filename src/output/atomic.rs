//! Writes a result to a file, completely or not at all.
//!
//! Once the result is there, a temporary file beside the target (mode 0600 from its first byte) is written,
//! flushed to disk and renamed, so that a reader sees the old content or the new. A run that is killed in
//! that moment leaves the temporary file behind; a later run removes it.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind, Write};
use std::mem::ManuallyDrop;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Error, Kind};
use crate::text::{Sanitized, io_reason};
use crate::unix;

/// The name of a temporary file has 16 hexadecimal digits between these two.
const TEMPORARY_PREFIX: &str = ".outseta-token-";
const TEMPORARY_SUFFIX: &str = ".tmp";

const HOUR: Duration = Duration::from_secs(3_600);

/// The hint for a descriptor that cannot be written.
const CLOSED: &str = "it is closed or open only for reading: redirect it to a file or a pipe";

/// Where a result goes; checked before any request, so that no token is lost.
pub(crate) enum Destination {
    /// A device or an inherited descriptor, and its name.
    Direct(ManuallyDrop<File>, Sanitized),
    Replaced(PathBuf),
}

impl Destination {
    /// `None`: standard output.
    pub(crate) fn open(path: Option<&Path>) -> Result<Self, Error> {
        let Some(path) = path else {
            let (file, name) = (unix::inherited(libc::STDOUT_FILENO), Sanitized::new("standard output"));
            unix::check_writable(&file).map_err(|error| cannot_write(&name, &error, CLOSED))?;
            return Ok(Self::Direct(file, name));
        };
        Self::at(path).map_err(|error| {
            let hint = match error.kind() {
                ErrorKind::Unsupported => "redirect standard output to it instead",
                _ if error.raw_os_error() == Some(libc::EBADF) => CLOSED,
                _ => "name a file in a folder that exists and that this user may write",
            };
            let message = format!("cannot create {}: {}", Sanitized::os(path), io_reason(&error));
            Error::new(Kind::CannotCreate, message, hint)
        })
    }

    fn at(path: &Path) -> io::Result<Self> {
        if let Some(descriptor) = unix::descriptor(path) {
            let file = unix::inherited(descriptor);
            unix::check_writable(&file)?;
            return Ok(Self::Direct(file, Sanitized::os(path)));
        }
        match fs::symlink_metadata(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            // A link to a folder means the folder.
            _ if path.is_dir() => Err(ErrorKind::IsADirectory.into()),
            Ok(found) if !found.is_file() && !found.is_symlink() => {
                check_device(&found)?;
                Ok(Self::Direct(ManuallyDrop::new(open_device(path)?), Sanitized::os(path)))
            }
            _ => unix::check_writable_folder(folder(path)).map(|()| Self::Replaced(path.to_owned())),
        }
    }

    pub(crate) fn write(self, bytes: &[u8]) -> Result<(), Error> {
        let (written, name, hint) = match self {
            Self::Direct(file, name) => ((&*file).write_all(bytes), name, "the output may be incomplete"),
            Self::Replaced(path) => (replace(&path, bytes), Sanitized::os(&path), "the file is unchanged"),
        };
        written.map_err(|error| cannot_write(&name, &error, hint))
    }
}

fn cannot_write(name: &Sanitized, error: &io::Error, hint: &str) -> Error {
    let kind = if error.kind() == ErrorKind::BrokenPipe { Kind::BrokenPipe } else { Kind::CannotWrite };
    Error::new(kind, format!("cannot write to {name}: {}", io_reason(error)), hint)
}

fn check_device(metadata: &Metadata) -> io::Result<()> {
    if metadata.file_type().is_char_device() {
        return Ok(());
    }
    Err(io::Error::new(ErrorKind::Unsupported, "it is neither a regular file nor a character device"))
}

/// Opens a character device. Checks it after that, since somebody may have replaced what was there before.
pub(super) fn open_device(path: &Path) -> io::Result<File> {
    // Without O_NONBLOCK, opening a FIFO would wait for its reader.
    let flags = libc::O_NOFOLLOW | libc::O_NOCTTY | libc::O_NONBLOCK;
    let file = OpenOptions::new().write(true).custom_flags(flags).open(path)?;
    check_device(&file.metadata()?)?;
    unix::set_blocking(&file)?;
    Ok(file)
}

/// The folder that a path needs: all up to its last slash. `Path::parent` would ignore a slash at the end,
/// and find `missing/` in a folder that exists.
pub(super) fn folder(path: &Path) -> &Path {
    let bytes = path.as_os_str().as_bytes();
    let end = bytes.iter().rposition(|byte| *byte == b'/');
    end.map_or(Path::new("."), |slash| Path::new(OsStr::from_bytes(&bytes[..=slash])))
}

fn replace(target: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = folder(target);
    remove_left_behind(folder);
    let name = format!("{TEMPORARY_PREFIX}{:016x}{TEMPORARY_SUFFIX}", RandomState::new().hash_one(0));
    let path = folder.join(name);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    // The umask may have removed the owner's permissions.
    let replaced = file
        .set_permissions(Permissions::from_mode(0o600))
        .and_then(|()| file.write_all(bytes))
        .and_then(|()| flush_to_disk(&file))
        .and_then(|()| fs::rename(&path, target));
    if replaced.is_err() {
        let _ = fs::remove_file(&path);
    }
    // This only lets the new name survive a crash, so its failure is no failure.
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
    replaced
}

/// On macOS std flushes with `F_FULLFSYNC`, which some file systems lack (fcntl(2) there).
fn flush_to_disk(file: &File) -> io::Result<()> {
    file.sync_all().or_else(|error| if error.kind() == ErrorKind::Unsupported { Ok(()) } else { Err(error) })
}

/// Removes the temporary files of killed runs. A run that still writes its own finishes within an hour.
fn remove_left_behind(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if !is_temporary_name(&entry.file_name().to_string_lossy()) {
            continue;
        }
        // `metadata` does not follow a symbolic link.
        let Ok(metadata) = entry.metadata() else { continue };
        let age = metadata.modified().ok().and_then(|time| time.elapsed().ok());
        let is_ours = metadata.is_file() && metadata.uid() == unix::effective_user();
        if is_ours && age.is_some_and(|age| age > HOUR) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn is_temporary_name(name: &str) -> bool {
    let digits = name.strip_prefix(TEMPORARY_PREFIX).and_then(|name| name.strip_suffix(TEMPORARY_SUFFIX));
    digits.is_some_and(|digits| digits.len() == 16 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
}
