//! Writes a result to a file, completely or not at all.
//!
//! A new file beside the target (mode 0600 from its first byte) is written, flushed to disk and renamed, so
//! that a reader sees the old content or the new. The process that writes it holds a lock on it. A new file
//! without a lock was left by a killed run: the next run removes it.

use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::mem::ManuallyDrop;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::error::{Error, Kind};
use crate::text::{Shown, io_reason};
use crate::unix;

/// With 16 hexadecimal digits between them.
const NEW_PREFIX: &str = ".outseta-token-";
const NEW_SUFFIX: &str = ".tmp";

/// Where a result goes; opened before any request, so that no token is lost.
pub(crate) enum Destination {
    /// A device or an inherited descriptor.
    Direct(ManuallyDrop<File>, Shown),
    Replaced(NewFile),
}

impl Destination {
    pub(super) fn standard_output() -> Result<Self, Error> {
        let (file, name) = (unix::inherited(libc::STDOUT_FILENO), Shown::new("standard output"));
        let hint = "it is closed or open only for reading: redirect it to a file or a pipe";
        unix::check_writable(&file).map_err(|error| cannot_write(&name, &error, hint))?;
        Ok(Self::Direct(file, name))
    }

    /// `None`: standard output.
    pub(crate) fn open(path: Option<&Path>) -> Result<Self, Error> {
        let Some(path) = path else {
            return Self::standard_output();
        };
        Self::at(path).map_err(|error| {
            let hint = match error.kind() {
                io::ErrorKind::Unsupported => "redirect standard output to it instead",
                _ => "name a file in a folder that exists, that this user may write and that has space left",
            };
            let message = format!("cannot create {}: {}", Shown::os(path), io_reason(&error));
            Error::new(Kind::CannotCreate, message, hint)
        })
    }

    fn at(path: &Path) -> io::Result<Self> {
        if let Some(descriptor) = unix::descriptor(path) {
            let file = unix::inherited(descriptor);
            unix::check_writable(&file)?;
            return Ok(Self::Direct(file, Shown::os(path)));
        }
        match fs::symlink_metadata(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound || !names_file(path) => Err(error),
            _ if path.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
            Ok(found) if !found.is_file() && !found.is_symlink() => {
                // Opening a FIFO would wait for its reader.
                check_device(&found)?;
                Ok(Self::Direct(ManuallyDrop::new(open_device(path)?), Shown::os(path)))
            }
            _ => NewFile::beside(path).map(Self::Replaced),
        }
    }

    pub(crate) fn write(self, bytes: &[u8]) -> Result<(), Error> {
        let (written, name, consequence) = match self {
            Self::Direct(file, name) => ((&*file).write_all(bytes), name, "the output may be incomplete"),
            Self::Replaced(file) => (file.replace(bytes), Shown::os(&file.target), "the file is unchanged"),
        };
        written.map_err(|error| cannot_write(&name, &error, consequence))
    }
}

pub(super) fn cannot_write(name: &Shown, error: &io::Error, consequence: &str) -> Error {
    use io::ErrorKind::{BrokenPipe, FileTooLarge, QuotaExceeded, StorageFull};
    let kind = if error.kind() == BrokenPipe { Kind::BrokenPipe } else { Kind::CannotWrite };
    let needs_space = matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge);
    let advice = if needs_space { "check for free space; " } else { "" };
    let message = format!("cannot write to {name}: {}", io_reason(error));
    Error::new(kind, message, format!("{advice}{consequence}"))
}

fn check_device(metadata: &Metadata) -> io::Result<()> {
    if metadata.file_type().is_char_device() {
        return Ok(());
    }
    let reason = "it is neither a regular file nor a character device";
    Err(io::Error::new(io::ErrorKind::Unsupported, reason))
}

/// Opens a character device. Somebody may have replaced it after the first check.
pub(super) fn open_device(path: &Path) -> io::Result<File> {
    let flags = libc::O_NOFOLLOW | libc::O_NOCTTY;
    let file = OpenOptions::new().write(true).custom_flags(flags).open(path)?;
    check_device(&file.metadata()?)?;
    Ok(file)
}

/// Not `missing/` or `missing/..`.
pub(super) fn names_file(path: &Path) -> bool {
    let text = path.to_string_lossy();
    path.file_name().is_some() && !text.ends_with('/') && !text.ends_with("/.")
}

pub(crate) struct NewFile {
    file: File,
    path: PathBuf,
    target: PathBuf,
}

impl NewFile {
    fn beside(target: &Path) -> io::Result<Self> {
        let folder = folder(target);
        remove_left_behind(folder);
        loop {
            let name = format!("{NEW_PREFIX}{:016x}{NEW_SUFFIX}", RandomState::new().hash_one(0));
            let path = folder.join(name);
            let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
            let new = Self { file, path, target: target.to_owned() };
            // Another run may have removed it before it was locked. (Without locks, no run removes anything.)
            let locked_by_other =
                unix::try_lock(&new.file).is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
            if !locked_by_other && new.file.metadata()?.nlink() > 0 {
                // The umask may have removed the owner's permissions.
                new.file.set_permissions(Permissions::from_mode(0o600))?;
                return Ok(new);
            }
        }
    }

    fn replace(&self, bytes: &[u8]) -> io::Result<()> {
        (&self.file).write_all(bytes)?;
        unix::sync(&self.file)?;
        fs::rename(&self.path, &self.target)?;
        // The token is written. Flushing the folder only lets the name survive a crash.
        let _ = File::open(folder(&self.target)).and_then(|folder| folder.sync_all());
        Ok(())
    }
}

impl Drop for NewFile {
    /// After `replace` there is nothing to remove.
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

pub(super) fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

pub(super) fn remove_left_behind(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if is_new_name(&entry.file_name().to_string_lossy()) {
            // Fails for a symbolic link, and does not wait for a FIFO's reader.
            let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
            let file = OpenOptions::new().write(true).custom_flags(flags).open(entry.path());
            // `file` keeps the lock until the file is removed.
            if file.as_ref().is_ok_and(|file| unix::try_lock(file).is_ok()) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

pub(super) fn is_new_name(name: &str) -> bool {
    let digits = name.strip_prefix(NEW_PREFIX).and_then(|name| name.strip_suffix(NEW_SUFFIX));
    digits.is_some_and(|digits| digits.len() == 16 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
}
