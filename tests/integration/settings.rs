//! Settings: which source wins, what each may look like, what is missing or malformed and how that is said. No value of
//! a setting is ever in a message: the expected texts are whole. (Env files have a module of their own, as have
//! prompts, TLS and proxies.)

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::Path;

use crate::support::fake::Server;
use crate::support::model::Account;
use crate::support::proxy::Proxy;
use crate::support::run::{Outcome, Run};
use crate::support::tls::{Authority, NAMES};
use crate::support::{KEY, SECRET, forbid_reading, set_mode};

const JANE: &str = "jane@example.com";
const COPY: &str = "outseta-token: hint: copy it again from Settings > Integrations > API Keys in Outseta";
const LIMIT: usize = 64 * 1024;

/// A run to which no setting is missing. It never gets to a request.
fn configured() -> Run {
    Run::new().credentials().env("OUTSETA_SUBDOMAIN", "acme")
}

/// What `-v` says of the settings, a line each: base URL, API key, API secret, roots, proxy. The run ends before any
/// request, at an output file that cannot be created.
#[track_caller]
fn described(run: Run) -> [String; 5] {
    let outcome = run.args(["-v", "-o", "missing/file", JANE]).outcome();
    assert_eq!(outcome.status, Some(73), "{outcome}");
    let lines = outcome.stderr.lines().map(|line| {
        let text = line.strip_prefix("outseta-token: ");
        text.expect("every line starts so").to_owned()
    });
    let settings = lines.skip_while(|line| line.starts_with("env file ") || line.starts_with("not used: "));
    let lines: Vec<String> = settings.take(5).collect();
    lines.try_into().expect("five lines at least")
}

/// Expects this message and hint, and no request.
#[track_caller]
fn refused(run: Run, status: i32, message: &str, hint: &str) -> Outcome {
    run.arg(JANE)
        .status(status)
        .stderr_lines(&[&format!("outseta-token: {message}"), &format!("outseta-token: hint: {hint}")])
        .run()
}

/// The Authorization header of a run's request.
#[track_caller]
fn authorization(run: Run) -> String {
    let server = Server::generous();
    run.env("OUTSETA_BASE_URL", server.url()).args(["-r", JANE]).stdout("t0ken\n").run();
    let request = server.requests().pop().expect("a request");
    request.header("authorization").expect("a key").to_owned()
}

mod precedence {
    use super::*;

    /// Variables and their values.
    type Variables<'a> = &'a [(&'a str, &'a str)];

    /// A run with these options, variables and env file.
    fn given(options: &[&str], environment: Variables<'_>, env_file: &str) -> Run {
        let run = Run::new().file("file.env", env_file);
        let run = run.args(["-e", "file.env"]).args(options);
        let set = |run: Run, (name, value): &(&str, &str)| run.env(name, value);
        environment.iter().fold(run, set)
    }

    #[test]
    fn of_subdomain_and_base_url() {
        const CREDENTIALS: &str = "OUTSETA_API_KEY=key\nOUTSETA_API_SECRET=secret\n";
        const FILE_URL: &str = "OUTSETA_BASE_URL=https://file.example\n";
        const FILE_NAME: &str = "OUTSETA_SUBDOMAIN=file\n";
        let url = ("OUTSETA_BASE_URL", "https://environment.example");
        let name = ("OUTSETA_SUBDOMAIN", "environment");
        let (no_url, no_name) = (("OUTSETA_BASE_URL", ""), ("OUTSETA_SUBDOMAIN", ""));
        let of_option_url = "base URL https://option.example (--base-url)";
        let of_option_name = "base URL https://option.outseta.com (--subdomain)";
        let of_url = "base URL https://environment.example (OUTSETA_BASE_URL in the environment)";
        let of_name = "base URL https://environment.outseta.com (OUTSETA_SUBDOMAIN in the environment)";
        let of_file_url = "base URL https://file.example (OUTSETA_BASE_URL in file.env)";
        let of_file_name = "base URL https://file.outseta.com (OUTSETA_SUBDOMAIN in file.env)";
        let option_url = ["--base-url", "https://option.example"];
        let option_name = ["-s", "option"];
        let both = [FILE_NAME, FILE_URL].concat();
        let rows: [(&[&str], Variables<'_>, &str, &str); 12] = [
            (&option_url, &[url, name], &both, of_option_url),
            (&option_name, &[url, name], &both, of_option_name),
            (&[], &[url, name], &both, of_url),
            (&[], &[name], &both, of_name),
            (&[], &[no_url, name], &both, of_name),
            (&[], &[url, no_name], &both, of_url),
            (&[], &[], &both, of_file_url),
            (&[], &[no_url, no_name], &both, of_file_url),
            (&[], &[], FILE_URL, of_file_url),
            (&[], &[], FILE_NAME, of_file_name),
            (&[], &[no_url], FILE_NAME, of_file_name),
            (&[], &[], "OUTSETA_BASE_URL=\nOUTSETA_SUBDOMAIN=file\n", of_file_name),
        ];
        for (options, environment, file, expected) in rows {
            let run = given(options, environment, &[file, CREDENTIALS].concat());
            assert_eq!(described(run)[0], expected, "{options:?} {environment:?} {file:?}");
        }
    }

    #[test]
    fn a_source_that_names_another_account_and_loses_is_shown() {
        let url = ("OUTSETA_BASE_URL", "https://auth.example.com");
        let file = "OUTSETA_SUBDOMAIN=file\n";
        let rows: [(&[&str], Variables<'_>, &str, &[&str]); 4] = [
            (
                &["-s", "acme"],
                &[url, ("OUTSETA_SUBDOMAIN", "other")],
                file,
                &[
                    "base URL https://auth.example.com (OUTSETA_BASE_URL in the environment)",
                    "base URL https://other.outseta.com (OUTSETA_SUBDOMAIN in the environment)",
                    "base URL https://file.outseta.com (OUTSETA_SUBDOMAIN in file.env)",
                ],
            ),
            (&[], &[url, ("OUTSETA_SUBDOMAIN", "a b")], "", &[]),
            (&["-s", "acme"], &[("OUTSETA_SUBDOMAIN", "ACME")], "OUTSETA_SUBDOMAIN=acme\n", &[]),
            (&[], &[url], file, &["base URL https://file.outseta.com (OUTSETA_SUBDOMAIN in file.env)"]),
        ];
        for (options, environment, file, unused) in rows {
            let run = || given(options, environment, file).args(["--timeout", "1ms"]);
            let lines = |text: String, start: &str| -> Vec<String> {
                text.lines().filter_map(|line| line.strip_prefix(start)).map(str::to_owned).collect()
            };
            let verbose = run().args(["-v", JANE]).outcome();
            assert_eq!(lines(verbose.stderr.clone(), "outseta-token: not used: "), unused, "{verbose}");
            let check = run().arg("--check").outcome();
            assert_eq!(lines(check.stdout_text(), "not used: "), unused, "{check}");
            assert_eq!(run().arg(JANE).outcome().stderr.matches("not used").count(), 0);
        }
    }

    /// What `-v` says of the key and what is sent, for each combination of sources.
    #[test]
    fn of_key_and_secret() {
        for (line, variable, other, shown) in [
            (1, "OUTSETA_API_KEY", "OUTSETA_API_SECRET", ["API key envi…", "API key cont…", "API key file…"]),
            (2, "OUTSETA_API_SECRET", "OUTSETA_API_KEY", ["API secret [hidden]"; 3]),
        ] {
            let of_file_variable = format!("{variable}_FILE");
            let (value, path) = ((variable, "environment"), (&*of_file_variable, "path"));
            let (no_value, no_path) = ((variable, ""), (&*of_file_variable, ""));
            let no_file = (&*of_file_variable, "missing");
            let in_file = format!("{variable}=file-of-environment");
            let of_value = format!("{} ({variable} in the environment)", shown[0]);
            let of_path = format!("{} (the file path ({variable}_FILE))", shown[1]);
            let of_file = format!("{} ({variable} in file.env)", shown[2]);
            let rows: [(Variables<'_>, &str, &str, &str); 7] = [
                (&[value, path], &in_file, &of_value, "environment"),
                // What comes later is not even looked at.
                (&[value, no_file], &in_file, &of_value, "environment"),
                (&[value, no_path], &in_file, &of_value, "environment"),
                (&[path], &in_file, &of_path, "contents-of-path"),
                (&[no_value, path], &in_file, &of_path, "contents-of-path"),
                (&[], &in_file, &of_file, "file-of-environment"),
                (&[no_value, no_path], &in_file, &of_file, "file-of-environment"),
            ];
            for (environment, file, expected, sent) in rows {
                // The other one has a source of its own.
                let run = || {
                    let run = given(&[], environment, file).file("path", "contents-of-path");
                    run.env(other, "other").env("OUTSETA_SUBDOMAIN", "acme")
                };
                assert_eq!(described(run())[line], expected, "{environment:?}");
                let header = match line {
                    1 => format!("Outseta {sent}:other"),
                    _ => format!("Outseta other:{sent}"),
                };
                assert_eq!(authorization(run()), header);
            }
        }
    }

    #[test]
    fn of_the_env_file() {
        const OWN: &str = ".config/outseta-token/env";
        let run = || {
            let run = Run::new().home_file(OWN, "OUTSETA_API_KEY=own-file-of-user\n");
            set_mode(&run.home().join(OWN), 0o600);
            run.env("OUTSETA_API_SECRET", "secret").env("OUTSETA_SUBDOMAIN", "acme")
        };
        let key = described(run())[1].clone();
        assert!(key.starts_with("API key own-… (OUTSETA_API_KEY in /"), "{key}");
        let given = run().file("given.env", "OUTSETA_API_KEY=given-by-option\n");
        assert_eq!(
            described(given.args(["-e", "given.env"]))[1],
            "API key give… (OUTSETA_API_KEY in given.env)"
        );
        // Even if it has no key.
        refused(
            run().file("given.env", "").args(["-e", "given.env"]),
            78,
            "not configured: API key (OUTSETA_API_KEY or OUTSETA_API_KEY_FILE)",
            "set them in the environment or, without _FILE, in an env file (--env-file); a key is made in Outseta under \
             Settings > Integrations > API Keys",
        );
    }

    #[test]
    fn of_roots() {
        let authority = Authority::new();
        let run = || configured().file("option.pem", authority.pem()).file("variable.pem", authority.pem());
        let of_option = "roots the file option.pem (--cacert)";
        let of_variable = "roots the file variable.pem (SSL_CERT_FILE)";
        let option = |run: Run| run.args(["--cacert", "option.pem"]);
        let variable = |run: Run| run.env("SSL_CERT_FILE", "variable.pem");
        assert_eq!(described(option(variable(run())))[3], of_option);
        assert_eq!(described(option(run()))[3], of_option);
        assert_eq!(described(variable(run()))[3], of_variable);
        assert_eq!(described(run())[3], "roots built in");
        assert_eq!(described(run().env("SSL_CERT_FILE", ""))[3], "roots built in");
    }

    #[test]
    fn of_the_proxy() {
        let names = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
        for from in 0..names.len() {
            for before in [None, Some("")] {
                let mut run = configured();
                for (at, name) in names.iter().enumerate() {
                    if at >= from {
                        run = run.env(name, format!("http://{}.example:3128", name.to_lowercase()));
                    } else if let Some(empty) = before {
                        run = run.env(name, empty);
                    }
                }
                let name = names[from];
                let host = name.to_lowercase();
                assert_eq!(
                    described(run)[4],
                    format!("proxy http://{host}.example:3128 ({name} in the environment)")
                );
            }
        }
        let run = configured();
        let run = names.iter().fold(run, |run, name| run.env(name, ""));
        // These are for plain HTTP, which the program does not speak to the outside.
        let run = run.env("http_proxy", "http://no.example").env("HTTP_PROXY", "http://no.example");
        assert_eq!(described(run)[4], "no proxy");
    }

    #[test]
    fn of_hosts_without_proxy() {
        let run = || configured().env("https_proxy", "http://proxy.example:3128");
        let proxied = "proxy http://proxy.example:3128 (https_proxy in the environment)";
        let rows: [(Variables<'_>, &str); 8] = [
            (&[], proxied),
            (&[("no_proxy", "acme.outseta.com")], "no proxy"),
            (&[("NO_PROXY", "acme.outseta.com")], "no proxy"),
            (&[("no_proxy", ""), ("NO_PROXY", "acme.outseta.com")], "no proxy"),
            (&[("no_proxy", "other.example"), ("NO_PROXY", "acme.outseta.com")], proxied),
            (&[("no_proxy", "a.example, .OUTSETA.com")], "no proxy"),
            (&[("no_proxy", "*")], "no proxy"),
            (&[("no_proxy", "me.outseta.com,seta.com")], proxied),
        ];
        for (environment, expected) in rows {
            let run = environment.iter().fold(run(), |run, (name, value)| run.env(name, value));
            assert_eq!(described(run)[4], expected, "{environment:?}");
        }
    }
}

mod success {
    use super::*;

    #[test]
    fn ways_to_write_a_subdomain() {
        for text in [
            "acme",
            " ACME\t",
            "acme/",
            "acme.outseta.com",
            "acme.outseta.com/#/app",
            "Acme.Outseta.Com/",
            "https://acme.outseta.com",
            "HTTPS://ACME.outseta.com/auth?a=b#c",
            "http://acme.outseta.com/",
        ] {
            let expected = |origin| format!("base URL https://acme.outseta.com ({origin})");
            let run = Run::new().credentials();
            assert_eq!(described(run.args(["-s", text]))[0], expected("--subdomain"));
            let run = Run::new().credentials().env("OUTSETA_SUBDOMAIN", text);
            assert_eq!(described(run)[0], expected("OUTSETA_SUBDOMAIN in the environment"));
        }
    }

    #[test]
    fn ways_to_write_a_base_url() {
        for (text, shown) in [
            ("https://auth.example.com", "https://auth.example.com"),
            (" HTTPS://Auth.Example.com:8443/a/b// ", "https://auth.example.com:8443/a/b"),
            ("https://[2001:DB8::1]/", "https://[2001:db8::1]"),
            ("http://localhost:8080", "http://localhost:8080"),
            ("http://127.0.0.9", "http://127.0.0.9"),
            ("http://[::1]:80", "http://[::1]:80"),
        ] {
            let run = Run::new().credentials().args(["--base-url", text]);
            assert_eq!(described(run)[0], format!("base URL {shown} (--base-url)"));
            let run = Run::new().credentials().env("OUTSETA_BASE_URL", text);
            assert_eq!(described(run)[0], format!("base URL {shown} (OUTSETA_BASE_URL in the environment)"));
        }
    }

    #[test]
    fn the_path_of_a_base_url_is_kept() {
        let server = Server::generous();
        for path in ["/outseta/v2", "/outseta/v2/"] {
            Run::new()
                .credentials()
                .arg("--base-url")
                .arg(server.url() + path)
                .args(["-r", JANE])
                .stdout("t0ken\n")
                .run();
        }
        let targets: Vec<_> = server.requests().into_iter().map(|r| r.target).collect();
        assert_eq!(targets, ["/outseta/v2/api/v1/tokens"; 2]);
    }

    #[test]
    fn one_newline_at_the_end_of_a_credentials_file_is_dropped() {
        for end in ["", "\n", "\r\n"] {
            let run = Run::new()
                .file("key", format!("the-key{end}"))
                .file("secret", format!("the:secret{end}"))
                .env("OUTSETA_API_KEY_FILE", "key")
                .env("OUTSETA_API_SECRET_FILE", "secret");
            assert_eq!(authorization(run), "Outseta the-key:the:secret", "{end:?}");
        }
    }

    #[test]
    fn a_credentials_file_may_be_a_pipe() {
        let run = Run::new()
            .stdin(format!("{KEY}\n"))
            .env("OUTSETA_API_KEY_FILE", "/dev/stdin")
            .env("OUTSETA_API_SECRET", SECRET);
        assert_eq!(authorization(run), format!("Outseta {KEY}:{SECRET}"));
    }

    #[test]
    fn a_credentials_file_may_hold_64_kib() {
        let run = configured()
            .env_remove("OUTSETA_API_KEY")
            .file("key", "k".repeat(LIMIT))
            .env("OUTSETA_API_KEY_FILE", "key");
        assert_eq!(described(run)[1], "API key kkkk… (the file key (OUTSETA_API_KEY_FILE))");
    }

    #[test]
    fn credentials_are_sent_however_long_they_are() {
        let (key, secret) = ("k".repeat(LIMIT), "s".repeat(LIMIT));
        let run = Run::new()
            .file("key", &key)
            .file("secret", &secret)
            .env("OUTSETA_API_KEY_FILE", "key")
            .env("OUTSETA_API_SECRET_FILE", "secret");
        assert_eq!(authorization(run), format!("Outseta {key}:{secret}"));
    }

    #[test]
    fn a_colon_is_a_part_of_the_secret() {
        let run = Run::new().env("OUTSETA_API_KEY", "k").env("OUTSETA_API_SECRET", ":s:e:");
        assert_eq!(authorization(run), "Outseta k::s:e:");
    }

    #[test]
    fn every_visible_ascii_character_but_a_quote_is_allowed_in_a_secret() {
        let all: String = ('!'..='~').filter(|c| !"\"'`".contains(*c)).collect();
        let run = Run::new().env("OUTSETA_API_KEY", "k").env("OUTSETA_API_SECRET", &all);
        assert_eq!(authorization(run), format!("Outseta k:{all}"));
    }

    #[test]
    fn verbose_shows_no_more_than_four_characters_of_a_key() {
        for (key, shown) in [("123456789", "1234…"), ("12345678", "[hidden]"), ("1", "[hidden]")] {
            let run = configured().env("OUTSETA_API_KEY", key);
            assert_eq!(described(run)[1], format!("API key {shown} (OUTSETA_API_KEY in the environment)"));
        }
    }

    #[test]
    fn verbose_shows_a_proxy_without_its_user() {
        let run = configured().env("https_proxy", "user:hunter2@proxy.example:3128");
        assert_eq!(described(run)[4], "proxy http://proxy.example:3128 (https_proxy in the environment)");
    }

    #[test]
    fn a_loopback_host_never_goes_through_a_proxy() {
        let server = Server::generous();
        let proxy = Proxy::http();
        for proxy_url in [proxy.url(), "socks5://127.0.0.1".to_owned(), "http://".to_owned()] {
            Run::new()
                .server(&server)
                .env("https_proxy", &proxy_url)
                .env("ALL_PROXY", &proxy_url)
                .args(["-r", JANE])
                .stdout("t0ken\n")
                .run();
        }
        assert_eq!((server.connections(), proxy.requests().len()), (3, 0));
    }
}

mod failure {
    use super::*;

    const NO_SUBDOMAIN: &str = "subdomain (--subdomain or OUTSETA_SUBDOMAIN)";
    const NO_KEY: &str = "API key (OUTSETA_API_KEY or OUTSETA_API_KEY_FILE)";
    const NO_SECRET: &str = "API secret (OUTSETA_API_SECRET or OUTSETA_API_SECRET_FILE)";

    #[test]
    fn every_missing_setting_is_named_at_once() {
        let all = [
            ("OUTSETA_SUBDOMAIN", "acme", NO_SUBDOMAIN),
            ("OUTSETA_API_KEY", KEY, NO_KEY),
            ("OUTSETA_API_SECRET", SECRET, NO_SECRET),
        ];
        for present in 0..7 {
            let is_present = |at: usize| present >> at & 1 == 1;
            let mut missing = Vec::new();
            // What is not there may be there and empty, and a file is no setting by being named.
            let (mut unset, mut empty) = (Run::new(), Run::new());
            for (at, (variable, value, name)) in all.iter().enumerate() {
                if is_present(at) {
                    (unset, empty) = (unset.env(variable, value), empty.env(variable, value));
                } else {
                    missing.push(*name);
                    empty = empty.env(variable, "").env(format!("{variable}_FILE"), "");
                }
            }
            for run in [unset, empty] {
                refused(
                    run,
                    78,
                    &format!("not configured: {}", missing.join(", ")),
                    "set them in the environment or, without _FILE, in an env file (--env-file); a key is made in Outseta under \
                     Settings > Integrations > API Keys",
                );
            }
        }
    }

    #[test]
    fn a_malformed_setting_is_reported_before_a_missing_one() {
        refused(
            Run::new().env("OUTSETA_API_SECRET", "a b"),
            78,
            "invalid API secret (OUTSETA_API_SECRET in the environment): it contains a space",
            "copy it again from Settings > Integrations > API Keys in Outseta",
        );
    }

    /// Credentials that are refused, and why.
    const UNUSABLE: [(&str, &str); 6] = [
        ("\t \n", "it is blank"),
        ("hunter2 ", "it contains a space"),
        ("hunter2\r\nX-Forged: yes", "it contains a line break or another control character"),
        ("\"hunter2\"", "it has quotes around it: remove them"),
        ("hunter2\n\n", "it ends with a line break: echo adds one, printf %s does not"),
        ("hunter2\u{a0}", "it contains U+00A0, which is not an ASCII character"),
    ];

    #[test]
    fn a_credential_that_could_forge_a_header_is_refused_wherever_it_comes_from() {
        for (variable, name) in [("OUTSETA_API_KEY", "API key"), ("OUTSETA_API_SECRET", "API secret")] {
            for (value, why) in UNUSABLE {
                let refused = |run: Run, origin: &str| {
                    // In the key the colon is the more telling fault.
                    let why = if variable == "OUTSETA_API_KEY" && value.contains(':') { COLON } else { why };
                    let message = format!("outseta-token: invalid {name} ({origin}): {why}");
                    run.arg(JANE).status(78).stderr_lines(&[&message, COPY]).run();
                };
                let environment = format!("{variable} in the environment");
                refused(configured().env(variable, value), &environment);
                let run = configured().env_remove(variable).file("path", value);
                let file = format!("the file path ({variable}_FILE)");
                refused(run.env(format!("{variable}_FILE"), "path"), &file);
            }
        }
    }

    const COLON: &str = "it contains a colon: put the part before it in OUTSETA_API_KEY and the part after it in OUTSETA_API_SECRET";

    #[test]
    fn key_and_secret_in_one_value_are_told_apart() {
        let refused = |run: Run, origin: &str| {
            let message = format!("outseta-token: invalid API key ({origin}): {COLON}");
            run.arg(JANE).status(78).stderr_lines(&[&message, COPY]).run();
        };
        for value in ["key:secret", "Outseta key:secret"] {
            refused(configured().env("OUTSETA_API_KEY", value), "OUTSETA_API_KEY in the environment");
        }
        let run = configured().env_remove("OUTSETA_API_KEY").file("key", "key:secret\n");
        refused(run.env("OUTSETA_API_KEY_FILE", "key"), "the file key (OUTSETA_API_KEY_FILE)");
    }

    #[test]
    fn an_empty_credentials_file_is_malformed_and_not_missing() {
        for contents in ["", "\n", "\r\n"] {
            let run = configured().env_remove("OUTSETA_API_KEY").file("key", contents);
            refused(
                run.env("OUTSETA_API_KEY_FILE", "key"),
                78,
                "invalid API key (the file key (OUTSETA_API_KEY_FILE)): it is blank",
                "copy it again from Settings > Integrations > API Keys in Outseta",
            );
        }
    }

    #[test]
    fn a_credentials_file_that_cannot_be_read_is_named() {
        let hint = "check that the file is there and may be read by this user";
        for (variable, path, why) in [
            ("OUTSETA_API_KEY", "missing", "no such file or directory"),
            ("OUTSETA_API_SECRET", "missing", "no such file or directory"),
            ("OUTSETA_API_KEY", "/", "is a directory"),
            ("OUTSETA_API_KEY", "/dev/null/x", "not a directory"),
        ] {
            let run = configured().env_remove(variable).env(format!("{variable}_FILE"), path);
            let message = format!("cannot read {path} ({variable}_FILE in the environment): {why}");
            refused(run, 66, &message, hint);
        }
    }

    #[test]
    fn a_credentials_file_that_may_not_be_read_is_named() {
        let run = configured().env_remove("OUTSETA_API_KEY").file("key", KEY);
        let path = run.work().join("key");
        if !forbid_reading(&path) {
            return;
        }
        refused(
            run.env("OUTSETA_API_KEY_FILE", "key"),
            66,
            "cannot read key (OUTSETA_API_KEY_FILE in the environment): permission denied",
            "check that the file is there and may be read by this user",
        );
    }

    #[test]
    fn a_credentials_file_of_more_than_64_kib_is_refused() {
        let run = configured().env_remove("OUTSETA_API_KEY");
        let too_large = run.file("key", "k".repeat(LIMIT + 1)).env("OUTSETA_API_KEY_FILE", "key");
        let endless = configured().env_remove("OUTSETA_API_KEY").env("OUTSETA_API_KEY_FILE", "/dev/zero");
        for (run, path) in [(too_large, "key"), (endless, "/dev/zero")] {
            refused(
                run,
                78,
                &format!(
                    "invalid API key (the file {path} (OUTSETA_API_KEY_FILE)): the file is larger than 64 KiB"
                ),
                "check that it is the right file",
            );
        }
    }

    #[test]
    fn what_is_not_utf8_is_refused_and_named() {
        let bad = OsStr::from_bytes(b"hunter\xff2");
        for (variable, name) in [
            ("OUTSETA_SUBDOMAIN", "subdomain"),
            ("OUTSETA_BASE_URL", "base URL"),
            ("OUTSETA_API_KEY", "API key"),
            ("OUTSETA_API_SECRET", "API secret"),
        ] {
            let line = format!(
                "outseta-token: invalid {name} ({variable} in the environment): it is not valid UTF-8"
            );
            let run = configured().env(variable, bad).arg(JANE);
            run.status(78).stderr_lines(&[&line]).run();
        }
        let run = configured().env_remove("OUTSETA_API_KEY").file("key", bad.as_bytes());
        run.env("OUTSETA_API_KEY_FILE", "key")
            .arg(JANE)
            .status(78)
            .stderr_lines(&[
                "outseta-token: invalid API key (the file key (OUTSETA_API_KEY_FILE)): it is not valid UTF-8",
            ])
            .run();
    }

    /// Base URLs that are refused, and why.
    const BASE_URLS: [(&str, &str); 23] = [
        (" ", "it has no scheme: write https:// before the host"),
        ("auth.example.com", "it has no scheme: write https:// before the host"),
        ("ftp://auth.example.com", "its scheme is not https"),
        ("http://auth.example.com", "plain http would send the key unencrypted: use https"),
        ("http://localhost.example.com", "plain http would send the key unencrypted: use https"),
        ("http://acme.outseta.com", "plain http would send the key unencrypted: use https"),
        ("http://10.0.0.1", "plain http would send the key unencrypted: use https"),
        ("http://0.0.0.0", "plain http would send the key unencrypted: use https"),
        ("https://user@auth.example.com", "it has a user name or a password"),
        ("https://user:hunter2@auth.example.com", "it has a user name or a password"),
        ("https://auth.example.com?hunter2", "it has a query or a fragment"),
        ("https://auth.example.com/#hunter2", "it has a query or a fragment"),
        ("https://auth.example.com:0", "its port is not between 1 and 65535"),
        ("https://auth.example.com:65536", "its port is not between 1 and 65535"),
        ("https://auth.example.com:99999", "its port is not between 1 and 65535"),
        ("https://auth.example.com:hunter2", "its port is not a number"),
        ("https://", "it has no host"),
        ("https://[::g]", "its IPv6 address is malformed"),
        ("https://müller.example", "its host has 'ü': write the punycode form, xn--…"),
        ("https://a..b", "it has an empty part: a dot too many"),
        ("https://a b", "' ' is not allowed in a host name"),
        ("https://auth.example.com/a b", "its path has ' ', which must be percent-encoded"),
        ("https://auth.example.com/\nX-Forged: yes", r"its path has '\n', which must be percent-encoded"),
    ];

    /// Subdomains that are refused, and why.
    const SUBDOMAINS: [(&str, &str); 15] = [
        (" ", "it is empty"),
        ("https://", "it is not an address below outseta.com"),
        ("https://acme", "it is not an address below outseta.com"),
        ("https://evil.example/acme.outseta.com", "it is not an address below outseta.com"),
        ("https://evil.example?.outseta.com", "it is not an address below outseta.com"),
        ("https://acme.outseta.com@evil.example", "it is not an address below outseta.com"),
        ("https://acme.outseta.com:443/", "it is not an address below outseta.com"),
        (".outseta.com", "it is empty"),
        ("evil.example", "it must be one name, such as acme for acme.outseta.com"),
        ("a.b.outseta.com", "it must be one name, such as acme for acme.outseta.com"),
        ("acme.outseta.com.evil.example", "it must be one name, such as acme for acme.outseta.com"),
        ("evil.example/acme.outseta.com", "it must be one name, such as acme for acme.outseta.com"),
        ("ac me", "' ' is not allowed in a host name"),
        ("acmé", "'é' is not allowed in a host name"),
        ("-acme", "a part of it starts or ends with a hyphen"),
    ];

    /// Wrong as an option it is a usage error, as a setting a configuration error.
    #[track_caller]
    fn refused_everywhere(rows: &[(&str, &str)], name: &str, option: &str, variable: &str, hint: &str) {
        for (value, why) in rows {
            let run = || Run::new().credentials();
            let message = |origin: &str| format!("invalid {name} ({origin}): {why}");
            refused(run().args([option, value]), 64, &message(option), hint);
            let environment = format!("{variable} in the environment");
            refused(run().env(variable, value), 78, &message(&environment), hint);
            let text = format!("{variable}='{value}'\nOUTSETA_API_KEY={KEY}\nOUTSETA_API_SECRET={SECRET}\n");
            let run = Run::new().file("file.env", text).args(["-e", "file.env"]);
            refused(run, 78, &message(&format!("{variable} in file.env")), hint);
        }
    }

    #[test]
    fn a_malformed_base_url_is_refused_with_the_reason() {
        let hint = "a base URL looks like https://auth.example.com";
        refused_everywhere(&BASE_URLS, "base URL", "--base-url", "OUTSETA_BASE_URL", hint);
    }

    #[test]
    fn a_malformed_subdomain_is_refused_with_the_reason() {
        let hint = "it is acme for https://acme.outseta.com; --base-url names another host";
        refused_everywhere(&SUBDOMAINS, "subdomain", "--subdomain", "OUTSETA_SUBDOMAIN", hint);
    }

    /// Proxies that are refused, and why. Each holds what could be a password.
    const PROXIES: [(&[u8], &str); 12] = [
        (b"socks5://user:hunter2@proxy.example:1080", "SOCKS proxies are not supported"),
        (b"SOCKS5H://user:hunter2@proxy.example", "SOCKS proxies are not supported"),
        (b"socks4a://hunter2", "SOCKS proxies are not supported"),
        (b"ftp://user:hunter2@proxy.example", "its scheme is neither http nor https"),
        (b"http://user:hunter2@", "it has no host"),
        (b" ", "it has no host"),
        (b"http://user:hunter2@proxy.example:99999", "its port is not between 1 and 65535"),
        (b"http://user:hunter2@proxy.example:0", "its port is not between 1 and 65535"),
        (b"http://proxy.example:hunter2", "its port is not a number"),
        (b"http://user:hunter2@proxy example", "' ' is not allowed in a host name"),
        (b"http://user:hunter2%0a@proxy.example", "its user name or password is malformed"),
        (b"http://user:hunter2\xff@proxy.example", "it is not valid UTF-8"),
    ];

    #[test]
    fn a_proxy_that_cannot_be_used_is_an_error_and_never_a_direct_connection() {
        // The address is this machine's own, yet none by whose name that is known.
        let server = Server::generous();
        let port = server.address().port();
        for (value, why) in PROXIES {
            for name in ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
                let run = Run::new().credentials();
                let run = run.args(["--base-url", &format!("https://0.0.0.0:{port}")]);
                refused(
                    run.env(name, OsStr::from_bytes(value)),
                    78,
                    &format!("invalid proxy ({name} in the environment): {why}"),
                    "write http://host:port; no_proxy names hosts to reach directly",
                );
            }
        }
        assert_eq!(server.connections(), 0);
    }

    #[test]
    fn a_malformed_proxy_is_no_error_where_it_is_not_used() {
        let run = configured().env("https_proxy", "socks5://proxy.example");
        let run = run.env("no_proxy", "outseta.com");
        assert_eq!(described(run)[4], "no proxy");
        // Nor is one that another hides.
        let run = configured().env("https_proxy", "proxy.example").env("all_proxy", "socks5://x");
        assert_eq!(described(run)[4], "proxy http://proxy.example:80 (https_proxy in the environment)");
    }

    #[test]
    fn a_path_in_a_message_forges_no_line() {
        let path = "key\noutseta-token: \u{1b}[31mforged\u{202e}";
        let shown = r"key\noutseta-token: \u{1b}[31mforged\u{202e}";
        let run = || {
            let run = configured().env_remove("OUTSETA_API_KEY");
            run.env("OUTSETA_API_KEY_FILE", path)
        };
        refused(
            run(),
            66,
            &format!(
                "cannot read {shown} (OUTSETA_API_KEY_FILE in the environment): no such file or directory"
            ),
            "check that the file is there and may be read by this user",
        );
        refused(
            run().file(path, ""),
            78,
            &format!("invalid API key (the file {shown} (OUTSETA_API_KEY_FILE)): it is blank"),
            "copy it again from Settings > Integrations > API Keys in Outseta",
        );
        assert_eq!(
            described(run().file(path, "123456789"))[1],
            format!("API key 1234… (the file {shown} (OUTSETA_API_KEY_FILE))")
        );
        let run = Run::new().file(path, "OUTSETA_SUBDOMAIN=a\n").credentials();
        assert_eq!(
            described(run.args(["-e", path]))[0],
            format!("base URL https://a.outseta.com (OUTSETA_SUBDOMAIN in {shown})")
        );
        let run = Run::new().file(path, "OUTSETA_BASE_URL=https://a.example\n");
        run.credentials()
            .args(["-s", "acme", "-e", path])
            .args(["-o", "missing/file", JANE])
            .status(73)
            .stderr_contains("cannot create missing/file")
            .run();
        // A folder of a name that is not text is as good as any.
        let name = OsString::from_vec(b"key\xff".to_vec());
        let run = configured().env_remove("OUTSETA_API_KEY");
        let run = run.env("OUTSETA_API_KEY_FILE", &name);
        std::fs::write(run.work().join(Path::new(&name)), "123456789").expect("it is written");
        assert_eq!(described(run)[1], "API key 1234… (the file key\u{fffd} (OUTSETA_API_KEY_FILE))");
    }
}

/// What `tls.rs` says of files of certificates, rounded off.
mod certificates {
    use super::*;

    const WAYS: [&str; 2] = ["--cacert", "SSL_CERT_FILE"];

    /// A run that is to trust what the file `ca.pem` holds.
    fn trusting(way: &str, contents: &[u8]) -> Run {
        let run = Run::new().file("ca.pem", contents).arg(JANE);
        if way.starts_with('-') { run.args([way, "ca.pem"]) } else { run.env(way, "ca.pem") }
    }

    #[test]
    fn what_stands_around_them_may_be_in_any_encoding() {
        let authority = Authority::new();
        let server = Server::https(Account::acme(), authority.server(&NAMES));
        let comment = b"# Autorit\xe9 de certification\n";
        for way in WAYS {
            trusting(way, &[comment, authority.pem().as_bytes(), comment].concat())
                .server(&server)
                .stdout_contains("access_token")
                .run();
        }
    }

    #[test]
    fn one_with_rules_of_openssl_behind_it_is_none() {
        // As `openssl x509 -trustout` writes it.
        let pem = Authority::new().pem().replace("CERTIFICATE", "TRUSTED CERTIFICATE");
        for way in WAYS {
            let run = trusting(way, pem.as_bytes());
            run.credentials()
                .env("OUTSETA_SUBDOMAIN", "acme")
                .status(78)
                .stderr_lines(&[
                    &format!("outseta-token: invalid CA file (the file ca.pem ({way})): it contains no certificate"),
                    "outseta-token: hint: it must contain certificates in PEM form, each between BEGIN and END lines",
                ])
                .run();
        }
    }

    #[test]
    fn a_file_far_too_large_is_refused() {
        for way in WAYS {
            let run = trusting(way, b"").credentials();
            let file = File::options().write(true).open(run.work().join("ca.pem")).expect("it opens");
            file.set_len(16 * 1024 * 1024 + 1).expect("it becomes long, without taking space");
            run.env("OUTSETA_SUBDOMAIN", "acme")
                .status(78)
                .stderr_lines(&[
                    &format!(
                        "outseta-token: invalid CA file (the file ca.pem ({way})): the file is larger than 16384 KiB"
                    ),
                    "outseta-token: hint: check that it is the right file",
                ])
                .run();
        }
    }

    #[test]
    fn a_file_that_may_not_be_read_is_named() {
        for (way, origin) in WAYS.into_iter().zip(["--cacert", "SSL_CERT_FILE in the environment"]) {
            let run = trusting(way, b"").credentials();
            if !forbid_reading(&run.work().join("ca.pem")) {
                return;
            }
            run.env("OUTSETA_SUBDOMAIN", "acme")
                .status(66)
                .stderr_lines(&[
                    &format!("outseta-token: cannot read ca.pem ({origin}): permission denied"),
                    "outseta-token: hint: check that the file is there and may be read by this user",
                ])
                .run();
        }
    }
}
