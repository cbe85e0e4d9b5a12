//! The email from an argument or from standard input. An invalid one makes no request. (Prompts are in
//! `terminals.rs`, the grammar in unit tests.)

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use serde_json::json;

use crate::support::fake::Server;
use crate::support::run::{Run, program};

const PLAIN: &str = "outseta-token: hint: give a plain address, such as jane@example.com";
const ONE_PLAIN: &str = "outseta-token: hint: give one plain address, such as jane@example.com";
const EMPTY: [&str; 2] = [
    "outseta-token: invalid email: it is empty",
    "outseta-token: hint: give it as an argument or on standard input; in a script, check that the variable is \
     set",
];
const LIMIT: usize = 64 * 1024;

/// The body of the last request.
fn body(server: &Server) -> String {
    let request = server.requests().pop().expect("a request");
    String::from_utf8(request.body).expect("text")
}

/// Expects a failure before any request.
#[track_caller]
fn refused(run: Run, status: i32, lines: &[&str]) {
    let server = Server::generous();
    run.server(&server).status(status).stderr_lines(lines).run();
    assert_eq!(server.connections(), 0);
}

mod success {
    use super::*;

    #[test]
    fn white_space_around_an_address_is_removed() {
        let server = Server::generous();
        for text in ["jane@example.com", "\u{feff} jane@example.com \r", "\n \r\n\tjane@example.com\r\n\n"] {
            let run = || Run::new().server(&server).arg("-r").stdout("t0ken\n");
            let before = server.requests().len();
            run().arg(text).run();
            run().stdin(text).run();
            run().arg("-").stdin(text).run();
            run().arg("--").stdin(text).run();
            let requests = server.requests().split_off(before);
            assert_eq!(requests.len(), 4, "{text:?}");
            for request in requests {
                assert_eq!(request.body, br#"{"username":"jane@example.com"}"#, "{text:?}");
            }
        }
    }

    #[test]
    fn an_argument_leaves_standard_input_alone() {
        let server = Server::generous();
        let run = || Run::new().server(&server).args(["-r", "jane@example.com"]);
        run().stdin("bob@example.com\n").stdout("t0ken\n").run();
        assert_eq!(body(&server), r#"{"username":"jane@example.com"}"#);
        run().stdin_file("/").stdout("t0ken\n").run();
        run().stdin_closed().stdout("t0ken\n").run();
        run().stdin("a\nb\n").stdout("t0ken\n").run();
    }

    #[test]
    fn an_address_is_sent_unchanged() {
        let server = Server::generous();
        for email in ["用户@例子.广告", "!#$%&'*+/=?^_`{|}~-@example.com"] {
            Run::new().server(&server).args(["-r", email]).stdout("t0ken\n").run();
            let sent = json!({"username": email}).to_string();
            assert_eq!(body(&server), sent);
        }
    }
}

mod failure {
    use super::*;

    #[test]
    fn nothing_at_all_is_an_invalid_email() {
        for args in [[""].as_slice(), &[" \t\n"], &["\u{feff}"], &["--", ""], &["", "--", "/usr/bin/true"]] {
            refused(Run::new().args(args), 65, &EMPTY);
        }
        for input in ["", "\n \r\n\t\n", "\u{feff}\r\n"] {
            refused(Run::new().stdin(input), 65, &EMPTY);
            refused(Run::new().arg("-").stdin(input), 65, &EMPTY);
        }
        refused(Run::new().stdin_closed(), 65, &EMPTY);
    }

    #[test]
    fn more_than_one_on_standard_input_is_a_usage_error() {
        let lines = [
            "outseta-token: more than one email on standard input",
            "outseta-token: hint: give one email, or use --batch for many",
        ];
        for input in [
            "jane@example.com\nbob@example.com\n",
            "not an email\r\n\r\n bob@example.com",
            "jane@example.com\n# a comment is none here\n",
        ] {
            refused(Run::new().stdin(input), 64, &lines);
        }
        let endless = "jane@example.com\n".repeat(LIMIT);
        refused(Run::new().stdin(endless), 64, &lines);
    }

    #[test]
    fn at_most_64_kib_are_read() {
        let lines = ["outseta-token: invalid email: standard input has more than 64 KiB", ONE_PLAIN];
        refused(Run::new().stdin_file("/dev/zero"), 65, &lines);
    }

    #[test]
    fn standard_input_that_cannot_be_read_is_66() {
        let lines = |why: &str| {
            [
                format!("outseta-token: cannot read standard input: {why}"),
                "outseta-token: hint: check that the file is there and may be read by this user".to_owned(),
            ]
        };
        let refused = |run: Run, why: &str| {
            let lines = lines(why);
            refused(run, 66, &[&lines[0], &lines[1]]);
        };
        refused(Run::new().stdin_file("/"), "is a directory");
        refused(Run::new().arg("-").stdin_file("/"), "is a directory");
        // nohup leaves it not open for reading.
        for args in [[].as_slice(), &["--batch"]] {
            let shell = Run::of("/bin/sh".into()).args(["-c", "exec \"$0\" \"$@\" 0>/dev/null"]);
            refused(shell.arg(program()).args(args), "bad file descriptor");
        }
    }

    #[test]
    fn an_email_must_be_utf8() {
        let lines = ["outseta-token: invalid email: it is not valid UTF-8", ONE_PLAIN];
        let bytes = b"j\xfcrgen@example.com";
        refused(Run::new().arg(OsStr::from_bytes(bytes)), 65, &lines);
        refused(Run::new().stdin(bytes), 65, &lines);
    }

    #[test]
    fn a_malformed_email_is_refused_with_the_reason_wherever_it_comes_from() {
        for (email, shown, why) in [
            ("jane", "jane", "it has no @"),
            ("jane\u{1b}[2J\u{202e}@e.de", r"jane\u{1b}[2J\u{202e}@e.de", "it contains a control character"),
        ] {
            let message = format!("outseta-token: invalid email '{shown}': {why}");
            let lines = [message.as_str(), PLAIN];
            refused(Run::new().arg(email), 65, &lines);
            refused(Run::new().stdin(email), 65, &lines);
            refused(Run::new().args([email, "--", "/usr/bin/true"]), 65, &lines);
        }
    }

    #[test]
    fn at_most_300_characters_of_an_email_are_shown() {
        refused(
            Run::new().arg("é".repeat(400)),
            65,
            &[&format!("outseta-token: invalid email '{}…': it has no @", "é".repeat(300)), PLAIN],
        );
    }
}
