//! Standard output and standard error, byte for byte, also if one of them is full, closed or a terminal.

use serde_json::json;

use crate::support::fake::Server;
use crate::support::has;
use crate::support::http::Response;
use crate::support::jwt::JANE as JWT;
use crate::support::model::Account;
use crate::support::pty::Streams;
use crate::support::run::Run;
use crate::support::script::Endpoint;

const JSON: &str = r#"{
  "access_token": "eyJhbGciOiJub25lIn0.eyJlbWFpbCI6ImphbmVAZXhhbXBsZS5jb20iLCJleHAiOjQxMDI0NDQ4MDB9.c2ln",
  "token_type": "bearer",
  "expires_in": 604800,
  "expires_at": 4102444800
}
"#;

fn replying(body: &str) -> Server {
    Server::replying(Response::text(200, body))
}

/// A request for Jane's token.
fn jane(server: &Server) -> Run {
    Run::new().server(server).arg("jane@example.com")
}

/// The same, in a shell script.
fn jane_by_shell(script: &str, server: &Server) -> Run {
    Run::by_shell(script).server(server).arg("jane@example.com")
}

mod success {
    use super::*;

    #[test]
    fn each_format() {
        let server = Server::minting(JWT);
        let claims = "{\n  \"email\": \"jane@example.com\",\n  \"exp\": 4102444800\n}\n";
        for (args, expected) in [
            (&["-f", "json"][..], JSON.to_owned()),
            (&["-r"], format!("{JWT}\n")),
            (&["-fheader"], format!("Authorization: Bearer {JWT}\n")),
            (&["--format=env"], format!("OUTSETA_ACCESS_TOKEN={JWT}\n")),
            (&["-f", "claims"], claims.to_owned()),
            (&["-o", "-"], JSON.to_owned()),
        ] {
            jane(&server).args(args).stdout(expected).run();
        }
    }

    /// Except that the exponent of a number gets a lower-case letter.
    #[test]
    fn the_well_known_fields_come_first_and_no_value_is_changed() {
        let body = format!(
            r#" {{"zeta":[{{"b":[],"a":{{}}}}],"expires_in":604800.50,"big":123456789012345678901234567890,
            "tiny":1E-7,"text":"Zo\u00eb \"q\" \\ \u0001\n \u4f8b 😀 \/","none":null,"token_type":"Bearer",
            "access_token":"{JWT}"}}"#
        );
        let expected = format!(
            r#"{{
  "access_token": "{JWT}",
  "token_type": "Bearer",
  "expires_in": 604800.50,
  "expires_at": 4102444800,
  "big": 123456789012345678901234567890,
  "none": null,
  "text": "Zoë \"q\" \\ \u0001\n 例 😀 /",
  "tiny": 1e-7,
  "zeta": [
    {{
      "a": {{}},
      "b": []
    }}
  ]
}}
"#
        );
        jane(&replying(&body)).stdout(expected).run();
    }

    #[test]
    fn a_response_may_have_only_a_token() {
        for fields in ["", ",\n  \"expires_in\": \"a week\"", ",\n  \"expires_at\": \"a week\""] {
            let body = format!("{{\n  \"access_token\": \"opaque\"{fields}\n}}\n");
            jane(&replying(&body)).stdout(body).run();
        }
        jane(&Server::minting("A-z._~+/09==")).arg("-r").stdout("A-z._~+/09==\n").run();
    }

    #[test]
    fn an_expired_token_is_printed_with_a_warning_that_quiet_keeps() {
        let server = replying(r#"{"access_token": "opaque", "expires_in": 0}"#);
        let lines = [
            "outseta-token: warning: the token for jane@example.com has expired by this machine's clock",
            "outseta-token: hint: check the clock, and the lifetime of tokens in Outseta",
        ];
        for args in [&["-r"][..], &["-r", "-q"]] {
            jane(&server).args(args).stdout("opaque\n").stderr_lines(&lines).run();
            let outcome = jane(&server).args(args).on_terminal(Streams::NOT_STDOUT).outcome();
            assert_eq!(outcome.terminal, lines.join("\r\n") + "\r\n", "{outcome}");
        }
    }
}

mod failure {
    use super::*;

    /// Arguments for everything that is written to standard output.
    const TEXTS: [&[&str]; 5] =
        [&["jane@example.com"], &["--help"], &["--version"], &["--generate", "man"], &["--check"]];

    #[test]
    fn a_token_cannot_inject_a_line_a_header_or_shell_syntax() {
        for token in ["a\nOTHER=1", "a\r\nX-Header: y", "$(id)"] {
            let server = Server::minting(token);
            for format in ["json", "token", "header", "env"] {
                jane(&server).args(["-f", format]).status(76).stderr_contains("characters").run();
            }
        }
    }

    #[test]
    fn an_opaque_token_has_no_claims() {
        let message = "the token is not a JWT: it has no claims to print";
        let server = Server::minting("opaque");
        let run = jane(&server).args(["-f", "claims"]);
        run.fails(76, message, "use another --format to print the token").run();
    }

    #[test]
    fn a_full_device_is_74() {
        if !has("/dev/full") {
            return;
        }
        let server = Server::minting(JWT);
        for args in TEXTS {
            Run::new()
                .server(&server)
                .args(args)
                .stdout_file("/dev/full")
                .fails(
                    74,
                    "cannot write to standard output: no space left on device",
                    "the output may be incomplete",
                )
                .run();
        }
    }

    #[test]
    fn closed_standard_output_is_74_before_any_request() {
        let server = Server::minting(JWT);
        for redirection in [">&-", "1</dev/null"] {
            for args in TEXTS.into_iter().chain([&["--batch"][..]]) {
                Run::by_shell(&format!("exec \"$0\" \"$@\" {redirection}"))
                    .server(&server)
                    .args(args)
                    .stdin("jane@example.com\n")
                    .fails(
                        74,
                        "cannot write to standard output: bad file descriptor",
                        "it is closed or open only for reading: redirect it to a file or a pipe",
                    )
                    .run();
            }
        }
        assert_eq!(server.connections(), 0);
    }

    #[test]
    fn a_closed_pipe_is_74_without_a_message() {
        let server = Server::minting(JWT);
        for args in TEXTS {
            Run::new().server(&server).args(args).stdout_broken().status(74).run();
        }
        let outcome = jane(&server).stdout_broken().on_terminal(Streams::NOT_STDOUT).outcome();
        assert_eq!((outcome.status, &*outcome.terminal), (Some(74), ""), "{outcome}");
    }
}

mod details {
    use super::*;

    #[test]
    fn a_closed_or_full_standard_error_changes_nothing() {
        if !has("/dev/full") {
            return;
        }
        let server = Server::minting(JWT);
        let unknown = Server::http(Account::new("acme"));
        for script in ["exec \"$0\" \"$@\" 2>&-", "exec \"$0\" \"$@\" 2>/dev/full"] {
            jane_by_shell(script, &server).arg("-v").stdout(JSON).run();
            jane_by_shell(script, &unknown).status(67).run();
        }
    }

    #[test]
    fn all_three_streams_may_be_closed() {
        let script = "\"$0\" \"$@\" -o token -r <&- >&- 2>&-; s=$?; cat token; exit $s";
        jane_by_shell(script, &Server::minting(JWT)).stdout(format!("{JWT}\n")).run();
    }

    #[test]
    fn one_descriptor_besides_the_streams_is_enough() {
        jane_by_shell("ulimit -n 4; exec \"$0\" \"$@\"", &Server::minting(JWT)).stdout(JSON).run();
    }

    #[test]
    fn the_success_line_needs_a_terminal_or_verbose() {
        let server = Server::minting("opaque");
        let jane = || jane(&server).arg("-r");
        let line = "outseta-token: token for jane@example.com, valid for 7 days";
        jane().arg("-v").stdout("opaque\n").stderr_contains(&format!("{line}\n")).run();
        for (streams, args, terminal) in [
            (Streams::NOT_STDOUT, &[][..], format!("{line}\r\n")),
            // The result comes first.
            (Streams::ALL, &[], format!("opaque\r\n{line}\r\n")),
            (Streams::NOT_STDIN, &[], format!("opaque\r\n{line}\r\n")),
            (Streams::NOT_STDERR, &[], "opaque\r\n".to_owned()),
            (Streams::NOT_STDOUT, &["-q"], String::new()),
        ] {
            let outcome = jane().args(args).on_terminal(streams).outcome();
            let shown = (outcome.status, &outcome.terminal, &*outcome.stderr);
            assert_eq!(shown, (Some(0), &terminal, ""), "{outcome}");
        }
        server.on(Endpoint::Tokens, Response::json(200, &json!({"access_token": "opaque"})));
        let outcome = jane().on_terminal(Streams::NOT_STDOUT).outcome();
        assert_eq!(outcome.terminal, "outseta-token: token for jane@example.com\r\n", "{outcome}");
    }
}
