//! Devices for tests: a faulty program that root runs could replace the system's own.

use std::fs::File;
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use super::{make_device, skip};

/// The device with this name and minor number, for a test that may harm it: for root a device of its own in
/// this folder, for others the system's. `None`, with a message, where neither is possible.
pub fn harmless(name: &str, minor: &str, folder: &Path) -> Option<PathBuf> {
    let mut path = Path::new("/dev").join(name);
    if geteuid().is_root() {
        path = folder.join(name);
        // The numbers are those of Linux.
        let _ = cfg!(target_os = "linux") && make_device(&path, &["c", "1", minor]);
    }
    // A container may forbid devices, and so does a file system that is mounted with nodev.
    if File::options().write(true).open(&path).is_err() {
        skip("no harmless device can be made here");
        return None;
    }
    Some(path)
}

/// A shell script that starts the program as nobody instead of root, so that it cannot harm `/dev`. It uses a
/// descriptor, because nobody may not be able to read the program's folder.
pub const AS_NOBODY: &str = "test \"$(id -u)\" = 0 || exec \"$0\" \"$@\"
    exec 9<\"$0\"
    exec setpriv --reuid=65534 --regid=65534 --clear-groups -- /proc/self/fd/9 \"$@\"";
