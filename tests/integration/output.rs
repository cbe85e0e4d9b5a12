//! What goes to standard output and standard error, byte for byte, and what becomes of it when one
//! of the two is full, closed, or a terminal.

use serde_json::json;

use crate::support::fake::Server;
use crate::support::http::Answer;
use crate::support::model::Account;
use crate::support::pty::Streams;
use crate::support::run::{Run, program};
use crate::support::script::On;
use crate::support::{KEY, SECRET, has, jwt};

/// `{"email":"jane@example.com","exp":4102444800}`: valid until 2100.
const JWT: &str = "eyJhbGciOiJub25lIn0.eyJlbWFpbCI6ImphbmVAZXhhbXBsZS5jb20iLCJleHAiOjQxMDI0NDQ4MDB9.c2ln";

const JSON: &str = r#"{
  "access_token": "eyJhbGciOiJub25lIn0.eyJlbWFpbCI6ImphbmVAZXhhbXBsZS5jb20iLCJleHAiOjQxMDI0NDQ4MDB9.c2ln",
  "token_type": "bearer",
  "expires_in": 604800
}
"#;

/// A server that answers every request for a token with this body.
fn answering(body: &str) -> Server {
    let server = Server::http(Account::acme());
    let answer = Answer::empty(200).header("Content-Type", "application/json");
    server.always(On::Tokens, answer.body(body));
    server
}

fn minting(token: &str) -> Server {
    let body = json!({"access_token": token, "token_type": "bearer", "expires_in": 604_800});
    answering(&body.to_string())
}

/// A request for Jane's token.
fn jane(server: &Server) -> Run {
    Run::new().server(server).arg("jane@example.com")
}

/// The same, with the streams that the shell's script gives.
fn jane_by_shell(script: &str, server: &Server) -> Run {
    Run::by_shell(script).server(server).arg("jane@example.com")
}

mod success {
    use super::*;

    #[test]
    fn each_format() {
        let server = minting(JWT);
        let claims = "{\n  \"email\": \"jane@example.com\",\n  \"exp\": 4102444800\n}\n";
        for (args, expected) in [
            (&[][..], JSON.to_owned()),
            (&["-f", "json"], JSON.to_owned()),
            (&["-r"], format!("{JWT}\n")),
            (&["--raw"], format!("{JWT}\n")),
            (&["--format", "token"], format!("{JWT}\n")),
            (&["-fheader"], format!("Authorization: Bearer {JWT}\n")),
            (&["--format=env"], format!("OUTSETA_ACCESS_TOKEN={JWT}\n")),
            (&["-f", "claims"], claims.to_owned()),
            (&["-o", "-"], JSON.to_owned()),
        ] {
            jane(&server).args(args).stdout(expected).run();
        }
    }

    /// (Of a number with an exponent its letter becomes small.)
    #[test]
    fn the_well_known_fields_come_first_and_no_value_is_changed() {
        let body = format!(
            r#" {{"zeta":[1,{{"b":[],"a":{{}}}}],"expires_in":604800.50,"big":123456789012345678901234567890,
            "tiny":1E-7,"huge":1e+400,"minus":-0,"fraction":0.10,"text":"Zo\u00eb \"q\" \\ \u0001\n \u4f8b 😀 \/",
            "none":null,"yes":true,"refresh_token":"r1","token_type":"Bearer","access_token":"{JWT}"}}"#
        );
        let expected = format!(
            r#"{{
  "access_token": "{JWT}",
  "token_type": "Bearer",
  "expires_in": 604800.50,
  "big": 123456789012345678901234567890,
  "fraction": 0.10,
  "huge": 1e+400,
  "minus": -0,
  "none": null,
  "refresh_token": "r1",
  "text": "Zoë \"q\" \\ \u0001\n 例 😀 /",
  "tiny": 1e-7,
  "yes": true,
  "zeta": [
    1,
    {{
      "a": {{}},
      "b": []
    }}
  ]
}}
"#
        );
        jane(&answering(&body)).stdout(expected).run();
    }

    #[test]
    fn claims_are_printed_unchanged() {
        let claims = json!({"email": "JANE@example.com", "exp": 4_102_444_800.5_f64, "name": "Zoë 例",
            "outseta:addOnUids": ["a", "b"], "nested": {"deep": [1, null, true]}});
        jane(&minting(&jwt::encode(&claims, 0)))
            .args(["-f", "claims"])
            .stdout(
                r#"{
  "email": "JANE@example.com",
  "exp": 4102444800.5,
  "name": "Zoë 例",
  "nested": {
    "deep": [
      1,
      null,
      true
    ]
  },
  "outseta:addOnUids": [
    "a",
    "b"
  ]
}
"#,
            )
            .run();
    }

    #[test]
    fn a_response_may_have_only_a_token() {
        let bare = format!("{{\n  \"access_token\": \"{JWT}\"\n}}\n");
        jane(&answering(&json!({"access_token": JWT}).to_string())).stdout(bare).run();
        let textual = json!({"access_token": JWT, "expires_in": "a week"}).to_string();
        jane(&answering(&textual))
            .stdout(format!("{{\n  \"access_token\": \"{JWT}\",\n  \"expires_in\": \"a week\"\n}}\n"))
            .run();
    }

    #[test]
    fn formats_work_in_a_shell() {
        let server = minting(JWT);
        let expected = format!("<{JWT}>\n");
        for script in [
            "export \"$(\"$0\" -f env \"$@\")\"; echo \"<$OUTSETA_ACCESS_TOKEN>\"",
            "\"$0\" -f env \"$@\" >>github.env; . ./github.env; echo \"<$OUTSETA_ACCESS_TOKEN>\"",
            "token=$(\"$0\" -r \"$@\"); echo \"<$token>\"",
            "\"$0\" -f header \"$@\" | { read -r name scheme token; echo \"<$token>\"; }",
        ] {
            jane_by_shell(script, &server).stdout(&expected).run();
        }
    }

    #[test]
    fn an_opaque_token_is_printed_unchanged() {
        let server = minting("A-z._~+/09==");
        jane(&server).arg("-r").stdout("A-z._~+/09==\n").run();
    }

    #[test]
    fn an_expired_token_is_printed_with_a_warning_that_quiet_keeps() {
        let server = Server::http(Account::acme().lifetime(-60));
        for args in [&["-r"][..], &["-r", "-q"]] {
            let outcome = jane(&server)
                .args(args)
                .stdout_contains("eyJ")
                .stderr_lines(&[
                    "outseta-token: warning: the token for jane@example.com has expired by this machine's clock",
                    "outseta-token: hint: check the clock, and the lifetime of tokens in Outseta",
                ])
                .run();
            let token = outcome.stdout_text();
            assert_eq!(jwt::decode(token.trim_end())["email"], "jane@example.com");
        }
    }

    #[test]
    fn a_token_that_expires_at_once_has_expired() {
        jane(&answering(r#"{"access_token": "opaque", "expires_in": 0}"#))
            .arg("-r")
            .stdout("opaque\n")
            .stderr_contains("outseta-token: warning: the token for jane@example.com has expired ")
            .run();
    }

    #[test]
    fn verbose_prints_the_success_line_without_a_terminal() {
        jane(&minting("opaque"))
            .args(["-r", "-v"])
            .stdout("opaque\n")
            .stderr_contains("outseta-token: token for jane@example.com, valid for 7 days\n")
            .run();
    }
}

mod failure {
    use super::*;

    #[test]
    fn somebody_elses_token_is_refused() {
        let token = jwt::token("acme", "john@example.com", 600);
        for format in ["json", "claims"] {
            jane(&minting(&token))
                .args(["-f", format])
                .status(76)
                .stderr_lines(&[
                    "outseta-token: the answer is a token of another user: john@example.com instead of jane@example.com",
                    "outseta-token: hint: the token was not printed; look for two people with this email in Outseta",
                ])
                .run();
        }
    }

    #[test]
    fn only_ascii_letter_case_does_not_matter_in_an_email() {
        // U+212A is the Kelvin sign: its lower case is k.
        let run = |server: &Server| Run::new().server(server).args(["-r", "kate@example.com"]);
        run(&minting(&jwt::token("acme", "KATE@Example.com", 600))).stdout_contains("eyJ").run();
        run(&minting(&jwt::token("acme", "\u{212a}ate@example.com", 600)))
            .status(76)
            .stderr_contains("\u{212a}ate@example.com")
            .run();
    }

    #[test]
    fn a_token_cannot_inject_a_line_a_header_or_shell_syntax() {
        for token in ["a\nOTHER=1", "a\r\nX-Header: y", "$(id)"] {
            for format in ["json", "token", "header", "env"] {
                jane(&minting(token))
                    .args(["-f", format])
                    .status(76)
                    .stderr_lines(&[
                        "outseta-token: the answer (200) holds no token: its access_token has characters that no token has",
                        "outseta-token: hint: run again with -v to see what came back",
                    ])
                    .run();
            }
        }
    }

    #[test]
    fn an_opaque_token_has_no_claims() {
        jane(&minting("opaque"))
            .args(["-f", "claims"])
            .status(76)
            .stderr_lines(&[
                "outseta-token: the token is not a JWT: it has no claims to print",
                "outseta-token: hint: another format prints the token as it is",
            ])
            .run();
    }

    #[test]
    fn a_servers_text_is_escaped_and_shortened() {
        let server = Server::http(Account::acme());
        let text = format!("a\noutseta-token: \u{1b}[2Jb\u{202e}{}", "x".repeat(400));
        server.always(On::Tokens, Answer::json(400, &json!({"ErrorMessage": text, "PropertyName": "Email"})));
        let shown = format!(r"a\noutseta-token: \u{{1b}}[2Jb\u{{202e}}{}…", "x".repeat(300 - 23));
        jane(&server)
            .status(65)
            .stderr_lines(&[
                &format!("outseta-token: invalid email: Outseta rejects jane@example.com: {shown}"),
                "outseta-token: hint: check the email for a typing error",
            ])
            .run();
    }

    #[test]
    fn a_full_device_is_74() {
        if !has("/dev/full") {
            return;
        }
        let server = minting(JWT);
        let full = [
            "outseta-token: cannot write to standard output: no space left on device",
            "outseta-token: hint: check the space on the device and whose file it is; a file that -o names is as it was, any other output may be cut short",
        ];
        jane(&server).stdout_file("/dev/full").status(74).stderr_lines(&full).run();
        for args in [&["--help"][..], &["--version"], &["--generate", "man"], &["--check"]] {
            Run::new()
                .server(&server)
                .args(args)
                .stdout_file("/dev/full")
                .status(74)
                .stderr_lines(&full)
                .run();
        }
    }

    #[test]
    fn a_file_that_may_not_grow_is_74() {
        jane_by_shell("ulimit -f 0; exec \"$0\" \"$@\" >file", &minting(JWT))
            .status(74)
            .stderr_contains("outseta-token: cannot write to standard output: file too large\n")
            .run();
    }

    #[test]
    fn standard_output_that_is_not_open_for_writing_is_74() {
        let shell = Run::of("/bin/sh".into()).args(["-c", "exec \"$0\" \"$@\" 1</dev/null"]);
        shell
            .arg(program())
            .server(&minting(JWT))
            .args(["-r", "jane@example.com"])
            .status(74)
            .stderr_contains("outseta-token: cannot write to standard output: bad file descriptor\n")
            .run();
    }

    #[test]
    fn a_closed_pipe_is_74_without_a_message() {
        let server = minting(JWT);
        jane(&server).stdout_broken().status(74).run();
        for args in [&["--help"][..], &["--generate", "man"], &["--check"]] {
            Run::new().server(&server).args(args).stdout_broken().status(74).run();
        }
    }

    #[test]
    fn a_closed_pipe_is_74_on_a_terminal_without_a_success_line() {
        let outcome = jane(&minting(JWT)).stdout_broken().on_terminal(Streams::NOT_STDOUT).outcome();
        assert_eq!((outcome.status, &*outcome.terminal), (Some(74), ""), "{outcome}");
    }
}

mod details {
    use super::*;

    /// std opens `/dev/null` in the place of a descriptor that is closed at the start, so that no
    /// file gets its number: such a run cannot be told from one with `>/dev/null`.
    #[test]
    fn a_closed_standard_output_counts_as_dev_null() {
        jane(&minting(JWT)).stdout_closed().run();
        jane(&minting(JWT)).stdout_file("/dev/null").run();
    }

    #[test]
    fn a_closed_or_full_standard_error_changes_nothing() {
        if !has("/dev/full") {
            return;
        }
        let server = minting(JWT);
        let unknown = Server::http(Account::new("acme"));
        for script in ["exec \"$0\" \"$@\" 2>&-", "exec \"$0\" \"$@\" 2>/dev/full"] {
            jane_by_shell(script, &server).stdout(JSON).run();
            jane_by_shell(script, &server).arg("-v").stdout(JSON).run();
            jane_by_shell(script, &unknown).status(67).run();
        }
    }

    #[test]
    fn all_three_streams_may_be_closed() {
        let server = minting(JWT);
        jane_by_shell("exec \"$0\" \"$@\" <&- >&- 2>&-", &server).run();
        jane_by_shell("\"$0\" \"$@\" -o token -r <&- >&- 2>&-; s=$?; cat token; exit $s", &server)
            .stdout(format!("{JWT}\n"))
            .run();
    }

    #[test]
    fn one_descriptor_beside_the_streams_is_enough() {
        jane_by_shell("ulimit -n 4; exec \"$0\" \"$@\"", &minting(JWT)).stdout(JSON).run();
    }

    #[test]
    fn no_environment_variable_is_needed() {
        let server = minting(JWT);
        jane(&server).env_remove("HOME").stdout(JSON).run();
        let settings = format!("OUTSETA_API_KEY={KEY}\nOUTSETA_API_SECRET={SECRET}\n");
        Run::new()
            .env_remove("HOME")
            .file("env", settings)
            .args(["-e", "env", "--base-url", &server.url(), "jane@example.com"])
            .stdout(JSON)
            .run();
        Run::new()
            .env_remove("HOME")
            .args(["-s", "acme", "jane@example.com"])
            .status(78)
            .stderr_contains("outseta-token: not configured: API key ")
            .run();
    }
}
