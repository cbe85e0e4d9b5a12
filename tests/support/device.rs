//! Devices that a test may lose: a program that errs and is run by root could replace the system's
//! own, for every process of the machine.

use std::fs::File;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use rustix::process::geteuid;

use super::skip;

#[derive(Clone, Copy, Debug)]
pub enum Device {
    Null,
    Zero,
    Full,
}

impl Device {
    fn name_and_minor(self) -> (&'static str, u32) {
        match self {
            Self::Null => ("null", 3),
            Self::Zero => ("zero", 5),
            Self::Full => ("full", 7),
        }
    }

    /// Such a device: for root one of its own, in this folder, for others the system's, which they
    /// cannot harm. `None`, with a message, where neither can be had.
    pub fn harmless(self, folder: &Path) -> Option<PathBuf> {
        let (name, minor) = self.name_and_minor();
        if !geteuid().is_root() {
            return Some(Path::new("/dev").join(name));
        }
        let path = folder.join(name);
        let private = Mode::from_raw_mode(0o600);
        let made = mknodat(CWD, &path, FileType::CharacterDevice, private, makedev(1, minor));
        // A container may forbid the one, a file system mounted with nodev the other.
        if made.is_err() || File::options().write(true).open(&path).is_err() {
            skip("no device can be made here, and root could harm the system's own");
            return None;
        }
        Some(path)
    }
}

/// A shell's script that starts the program so that it cannot harm what lies in `/dev`: as nobody,
/// where it would be root. The program's own folder may be closed to nobody, its descriptor is not.
pub const AS_NOBODY: &str = "test \"$(id -u)\" = 0 || exec \"$0\" \"$@\"
    exec 9<\"$0\"
    exec setpriv --reuid=65534 --regid=65534 --clear-groups -- /proc/self/fd/9 \"$@\"";
