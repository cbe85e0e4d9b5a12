//! What keeps a faulty program from harming the system's devices.

use super::run::Run;
use super::skip;

/// A shell script that starts the program as nobody instead of root, so that it cannot harm `/dev`. It uses a
/// descriptor, because nobody may not be able to read the program's folder.
pub const AS_NOBODY: &str = "test \"$(id -u)\" = 0 || exec \"$0\" \"$@\"
    exec 9<\"$0\"
    exec setpriv --reuid=65534 --regid=65534 --clear-groups -- /proc/self/fd/9 \"$@\"";

/// Whether [`AS_NOBODY`] works here. If not, skip the test.
pub fn nobody_can_run() -> bool {
    let can_run = Run::by_shell(AS_NOBODY).arg("--version").outcome().status == Some(0);
    if !can_run {
        skip("the program cannot be started as nobody");
    }
    can_run
}
