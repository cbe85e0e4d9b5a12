//! The email from an argument or from standard input. An invalid one makes no request. (Prompts are in
//! `terminals.rs`, the grammar in unit tests.)

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use crate::support::fake::Server;
use crate::support::run::Run;

const WITHOUT_STDIN: &str = "exec \"$0\" \"$@\" <&-";
const ONE_PLAIN: &str = "give one plain address, such as jane@example.com";

/// The body of the last request.
fn body(server: &Server) -> String {
    let request = server.requests().pop().expect("a request");
    String::from_utf8(request.body).expect("text")
}

/// Expects a failure before any request.
#[track_caller]
fn refused(run: Run, status: i32, message: &str, hint: &str) {
    let server = Server::generous();
    run.server(&server).fails(status, message, hint).run();
    assert_eq!(server.connections(), 0);
}

mod success {
    use super::*;

    #[test]
    fn white_space_around_an_address_is_removed() {
        let server = Server::generous();
        for text in ["jane@example.com", "\u{feff} jane@example.com \r", "\n \r\n\tjane@example.com\r\n\n"] {
            let run = || Run::new().server(&server).arg("-r").stdout("t0ken\n");
            for run in
                [run().arg(text), run().stdin(text), run().arg("-").stdin(text), run().arg("--").stdin(text)]
            {
                run.run();
                assert_eq!(body(&server), r#"{"username":"jane@example.com"}"#, "{text:?}");
            }
        }
        assert_eq!(server.requests().len(), 12);
    }

    #[test]
    fn with_an_argument_standard_input_is_not_read() {
        let server = Server::generous();
        for run in
            [Run::new().stdin("bob@example.com\n"), Run::new().stdin_file("/"), Run::by_shell(WITHOUT_STDIN)]
        {
            run.server(&server).args(["-r", "jane@example.com"]).stdout("t0ken\n").run();
            assert_eq!(body(&server), r#"{"username":"jane@example.com"}"#);
        }
    }
}

mod failure {
    use super::*;

    #[test]
    fn an_empty_email_is_invalid() {
        let hint = "give it as an argument or on standard input; in a script, check that the variable is set";
        let runs = [&[""][..], &["\u{feff}"], &["--", ""], &["", "--", "/usr/bin/true"], &[], &["-"]];
        for input in ["", "\n \r\n\t\n"] {
            for args in runs {
                refused(Run::new().args(args).stdin(input), 65, "invalid email: it is empty", hint);
            }
        }
    }

    #[test]
    fn more_than_one_on_standard_input_is_a_usage_error() {
        for input in [
            "jane@example.com\nbob@example.com\n",
            "not an email\r\n\r\n bob@example.com",
            "jane@example.com\n# only a batch has comments\n",
            &"jane@example.com\n".repeat(64 * 1024),
        ] {
            let message = "more than one email on standard input";
            refused(Run::new().stdin(input), 64, message, "give one email, or use --batch for many");
        }
    }

    #[test]
    fn standard_input_that_cannot_be_read_is_66() {
        let cannot_be_read = |run: Run, reason: &str| {
            run.fails_with(66, &format!("cannot read standard input: {reason}\n")).run();
        };
        cannot_be_read(Run::new().stdin_file("/"), "is a directory");
        cannot_be_read(Run::new().arg("-").stdin_file("/"), "is a directory");
        // nohup opens it for writing only.
        for script in ["exec \"$0\" \"$@\" 0>/dev/null", WITHOUT_STDIN] {
            for args in [&["--batch", "-s", "acme"][..], &[]] {
                cannot_be_read(Run::by_shell(script).args(args).credentials(), "bad file descriptor");
            }
        }
    }

    #[test]
    fn an_invalid_email_is_refused_with_the_reason_wherever_it_comes_from() {
        let long = "é".repeat(300);
        for (email, why) in [
            (&b"j\xfcrgen@example.com"[..], ": it is not valid UTF-8"),
            (b"@jane", " '@jane': there is nothing before the @"),
            (
                "jane\u{1b}[2J\u{202e}@e.de".as_bytes(),
                r" 'jane\u{1b}[2J\u{202e}@e.de': it contains a control character",
            ),
            (format!("@{long}").as_bytes(), &format!(" '@{}…': there is nothing before the @", &long[2..])),
        ] {
            let [argument, dashes, program] = [OsStr::from_bytes(email), "--".as_ref(), "true".as_ref()];
            let runs = [
                Run::new().arg(argument),
                Run::new().stdin(email),
                Run::new().args([argument, dashes, program]),
            ];
            for run in runs {
                refused(run, 65, &format!("invalid email{why}"), ONE_PLAIN);
            }
        }
        let message = "invalid email: standard input has more than 64 KiB";
        refused(Run::new().stdin_file("/dev/zero"), 65, message, ONE_PLAIN);
        // Without an @, standard input may be a secret that was piped in by mistake.
        refused(Run::new().stdin("jane"), 65, "invalid email: it has no @", ONE_PLAIN);
        refused(Run::new().arg("jane"), 65, "invalid email 'jane': it has no @", ONE_PLAIN);
    }
}
