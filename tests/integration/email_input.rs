//! The email: from an argument or from standard input, what is dropped around it, what is refused and how each refusal
//! says why. A refused one makes no request. (Prompts are in `terminals.rs`, the grammar in unit tests beside it.)

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use serde_json::json;

use crate::support::fake::Server;
use crate::support::run::{Run, program};

const PLAIN: &str = "outseta-token: hint: give a plain address, such as jane@example.com";
const ONE_PLAIN: &str = "outseta-token: hint: give one plain address, such as jane@example.com";
const EMPTY: [&str; 2] = [
    "outseta-token: invalid email: it is empty",
    "outseta-token: hint: give it as an argument or on standard input; in a script, check that the variable is set",
];
const LIMIT: usize = 64 * 1024;

/// The body of the last request.
fn body(server: &Server) -> String {
    let request = server.requests().pop().expect("a request");
    String::from_utf8(request.body).expect("text")
}

/// Expects that the run is refused so, without a request.
#[track_caller]
fn refused(run: Run, status: i32, lines: &[&str]) {
    let server = Server::generous();
    run.server(&server).status(status).stderr_lines(lines).run();
    assert_eq!(server.connections(), 0);
}

mod success {
    use super::*;

    #[test]
    fn the_body_is_exactly_the_user_name() {
        let server = Server::generous();
        Run::new().server(&server).args(["-r", "jane@example.com"]).stdout("t0ken\n").run();
        assert_eq!(body(&server), r#"{"username":"jane@example.com"}"#);
    }

    #[test]
    fn what_stands_around_an_address_is_dropped() {
        let server = Server::generous();
        for text in [
            "jane@example.com",
            " \t jane@example.com \t ",
            "jane@example.com\n",
            "jane@example.com\r\n",
            "jane@example.com\r",
            "\u{feff}jane@example.com\r\n",
            "\u{feff} jane@example.com \r",
            "\u{a0}jane@example.com\u{3000}",
            "\n \r\n\t\njane@example.com\r\n \n\n",
        ] {
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
        // Nor does it matter what that is.
        run().stdin_file("/").stdout("t0ken\n").run();
        run().stdin_closed().stdout("t0ken\n").run();
        run().stdin("a\nb\n").stdout("t0ken\n").run();
    }

    #[test]
    fn addresses_may_hold_letters_of_any_script_and_all_that_the_standard_allows() {
        let server = Server::generous();
        for email in [
            "jürgen@müller.example",
            "用户@例子.广告",
            "अजय@डाटा.भारत",
            "!#$%&'*+/=?^_`{|}~-@example.com",
            ".jane..doe.@example.com",
            "jane@localhost",
        ] {
            Run::new().server(&server).args(["-r", email]).stdout("t0ken\n").run();
            let sent = json!({"username": email}).to_string();
            assert_eq!(body(&server), sent);
        }
    }

    #[test]
    fn standard_input_may_hold_64_kib() {
        let server = Server::generous();
        let mut input = vec![b'\n'; LIMIT - 16];
        input.extend(b"jane@example.com");
        Run::new().server(&server).arg("-r").stdin(input).stdout("t0ken\n").run();
        assert_eq!(body(&server), r#"{"username":"jane@example.com"}"#);
    }

    #[test]
    fn an_address_may_have_254_bytes_and_64_before_the_at() {
        let server = Server::generous();
        let label = "d".repeat(63);
        let longest = format!("{}@{label}.{label}.{}", "l".repeat(64), "d".repeat(61));
        assert_eq!(longest.len(), 254);
        Run::new().server(&server).args(["-r", &longest]).stdout("t0ken\n").run();
    }
}

mod failure {
    use super::*;

    #[test]
    fn nothing_at_all_is_an_invalid_email() {
        for args in [[""].as_slice(), &[" \t\n"], &["\u{feff}"], &["--", ""], &["", "--", "/bin/true"]] {
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
            "jane@example.com\r\n\r\n bob@example.com",
            "not an email\nbob@example.com\n",
            "jane@example.com\n# a comment is none here\n",
        ] {
            refused(Run::new().stdin(input), 64, &lines);
        }
        let endless = "jane@example.com\n".repeat(LIMIT);
        refused(Run::new().stdin(endless), 64, &lines);
    }

    #[test]
    fn no_more_than_64_kib_are_read() {
        let lines = ["outseta-token: invalid email: standard input holds more than 64 KiB", ONE_PLAIN];
        let mut input = vec![b'\n'; LIMIT - 16];
        input.extend(b"jane@example.com\n");
        refused(Run::new().stdin(input), 65, &lines);
        refused(Run::new().stdin("é".repeat(LIMIT)), 65, &lines);
        refused(Run::new().stdin_file("/dev/zero"), 65, &lines);
    }

    #[test]
    fn standard_input_that_cannot_be_read_is_said_to_be_so() {
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
        // As nohup leaves it: not open for reading.
        for args in [[].as_slice(), &["--batch"]] {
            let shell = Run::of("/bin/sh".into()).args(["-c", "exec \"$0\" \"$@\" 0>/dev/null"]);
            refused(shell.arg(program()).args(args), "bad file descriptor");
        }
    }

    #[test]
    fn what_is_not_utf8_is_refused() {
        let lines = ["outseta-token: invalid email: it is not valid UTF-8", ONE_PLAIN];
        let bytes = b"j\xfcrgen@example.com";
        refused(Run::new().arg(OsStr::from_bytes(bytes)), 65, &lines);
        refused(Run::new().stdin(bytes), 65, &lines);
    }

    /// Each is refused with its reason, from wherever it comes.
    #[track_caller]
    fn each_refused(rows: &[(&str, &str)], shown: impl Fn(&str) -> String) {
        for (email, why) in rows {
            let message = format!("outseta-token: invalid email '{}': {why}", shown(email));
            let lines = [message.as_str(), PLAIN];
            refused(Run::new().arg(email), 65, &lines);
            refused(Run::new().stdin(*email), 65, &lines);
            refused(Run::new().args([email, "--", "/bin/true"]), 65, &lines);
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_reason() {
        let long = "l".repeat(65);
        let (long_label, long_local) = (format!("jane@{long}.com"), format!("{long}@example.com"));
        let too_long = format!("{}@{}.examples", "l".repeat(64), ["d"; 91].join("."));
        assert_eq!(too_long.len(), 255);
        let space = "it contains a space";
        let name = "it has angle brackets: give the address alone, without a name";
        let dot = "the domain has an empty part: a dot too many";
        let hyphen = "a part of the domain starts or ends with a hyphen";
        let rows = [
            ("jane", "it has no @"),
            ("@example.com", "there is nothing before the @"),
            ("jane@", "there is nothing after the @"),
            ("jane@doe@example.com", "it has more than one @"),
            ("Jane Doe <jane@example.com>", name),
            ("<jane@example.com>", name),
            ("\"jane doe\"@example.com", "a quoted name before the @ is not supported"),
            ("jane doe@example.com", space),
            ("jane@exa mple.com", space),
            ("jane\u{a0}doe@example.com", space),
            ("ja,ne@example.com", "a character before the @ is not allowed there"),
            ("jane@exa_mple.com", "a character of the domain is not allowed there"),
            ("jane@example..com", dot),
            ("jane@example.com.", dot),
            ("jane@-example.com", hyphen),
            ("jane@example-.com", hyphen),
            (&long_label, "a part of the domain is longer than 63 characters"),
            (&long_local, "the part before the @ is longer than 64 bytes"),
            (&too_long, "it is longer than 254 bytes"),
        ];
        each_refused(&rows, str::to_owned);
    }

    #[test]
    fn characters_that_could_deceive_are_refused_and_shown_by_their_numbers() {
        let control = "it contains a control character";
        let separator = "it contains a line separator";
        let invisible = "it contains an invisible character";
        let rows = [
            ("jane@example.com\rbob@example.com", "it contains a line break"),
            ("jane\u{7}@example.com", control),
            ("jane\u{1b}[2J@example.com", control),
            ("jane\u{7f}@example.com", control),
            ("jane\u{202e}@example.com", invisible),
            ("jane@example\u{2066}.com", invisible),
            ("jane@example\u{2028}.com", separator),
            ("jane@example.com\u{2029}", separator),
            ("jane\u{200b}@example.com", invisible),
            ("jane\u{ad}@example.com", invisible),
        ];
        each_refused(&rows, |email| {
            let shown = |c: char| {
                if c.is_ascii_graphic() { c.to_string() } else { c.escape_default().to_string() }
            };
            email.chars().map(shown).collect()
        });
    }

    #[test]
    fn a_line_break_in_an_argument_is_refused() {
        refused(
            Run::new().arg("jane@example.com\nbob@example.com"),
            65,
            &[
                r"outseta-token: invalid email 'jane@example.com\nbob@example.com': it contains a line break",
                PLAIN,
            ],
        );
    }

    #[test]
    fn no_more_than_300_characters_of_it_are_shown() {
        refused(
            Run::new().arg("é".repeat(400)),
            65,
            &[&format!("outseta-token: invalid email '{}…': it has no @", "é".repeat(300)), PLAIN],
        );
    }
}
