//! Devices that a test may lose: a program that errs and is run by root could replace the system's
//! own, for every process of the machine.

use std::fs::File;
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use super::{make_device, skip};

#[derive(Clone, Copy, Debug)]
pub enum Device {
    Null,
    Zero,
    Full,
}

impl Device {
    fn name_and_minor(self) -> (&'static str, &'static str) {
        match self {
            Self::Null => ("null", "3"),
            Self::Zero => ("zero", "5"),
            Self::Full => ("full", "7"),
        }
    }

    /// Such a device: for root one of its own, in this folder, for others the system's, which they
    /// cannot harm. `None`, with a message, where neither can be had.
    pub fn harmless(self, folder: &Path) -> Option<PathBuf> {
        let (name, minor) = self.name_and_minor();
        let mut path = Path::new("/dev").join(name);
        if geteuid().is_root() {
            path = folder.join(name);
            // The numbers are those of Linux.
            let _ = cfg!(target_os = "linux") && make_device(&path, &["c", "1", minor]);
        }
        // A container may forbid devices, and on a file system mounted with nodev they cannot be opened.
        if File::options().write(true).open(&path).is_err() {
            skip("no harmless device can be had here");
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
