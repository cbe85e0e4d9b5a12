//! The option table, from which parsing, help, man page and completions are made.

use self::ModeName::{Batch, Check, Command, Print};
use super::Format;

#[derive(Debug)]
pub(super) struct Spec {
    /// The short one, if there is one, and the long one, with their hyphens.
    pub(super) names: &'static [&'static str],
    pub(super) modes: &'static [ModeName],
    pub(super) kind: ValueKind,
    /// Empty for a flag, as is `expected`.
    pub(super) metavar: &'static str,
    /// For messages: "it needs …".
    pub(super) expected: &'static str,
    pub(super) help: &'static str,
}

#[derive(Debug)]
pub(super) enum ValueKind {
    Flag,
    /// One of these words, separated by spaces.
    Choice(&'static str),
    File,
    Text,
}

/// A [`Mode`](super::Mode) without its arguments.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum ModeName {
    Print,
    Command,
    Batch,
    Check,
}

const MINTING: &[ModeName] = &[Print, Command, Batch];
const ALL: &[ModeName] = &[Print, Command, Batch, Check];

const DURATION: &str = "a duration such as 500ms, 10s, 2m, 1h, 7d, or a number of seconds; at most 3660d";
const TIMEOUT: &str = "a duration longer than zero, such as 500ms, 10s, 2m or 1h; at most 3660d";

pub(super) const FORMATS: [(&str, Format, &str); 5] = [
    (
        "json",
        Format::Json,
        "the response: access_token, token_type, expires_in, expires_at, then any other fields",
    ),
    ("token", Format::Token, "the token (a JWT)"),
    ("header", Format::Header, "Authorization: Bearer TOKEN, for curl -H @-"),
    ("env", Format::Env, "OUTSETA_ACCESS_TOKEN=TOKEN, for export \"$(...)\", docker --env-file and systemd"),
    (
        "claims",
        Format::Claims,
        "the token's payload as JSON; its signature is not checked (it came from Outseta over TLS)",
    ),
];

/// In the order of help.
pub(super) const TABLE: &[Spec] = &[
    flag(&["-f", "--format"], &[Print])
        .takes(
            ValueKind::Choice("json token header env claims"),
            "FORMAT",
            "json, token, header, env or claims",
        )
        .help("json (default), token, header, env or claims"),
    flag(&["-r", "--raw"], &[Print]).help("print only the token: the same as --format token"),
    flag(&["-o", "--output"], &[Print])
        .takes(ValueKind::File, "FILE", "a file, or - for standard output")
        .help("write to FILE (mode 0600, atomically, only on success); - is standard output"),
    flag(&["--min-ttl"], &[Print])
        .takes(ValueKind::Text, "DURATION", DURATION)
        .help("with -o: keep FILE, and make no request, if its token is valid for at least DURATION"),
    flag(&["--account"], MINTING)
        .takes(ValueKind::Text, "UID", "the UID of a customer account")
        .help("accept only a token for this customer account (the claim outseta:accountUid)"),
    flag(&["-s", "--subdomain"], ALL)
        .takes(ValueKind::Text, "NAME", "an Outseta subdomain such as acme")
        .help("Outseta account: acme or https://acme.outseta.com"),
    flag(&["--base-url"], ALL)
        .takes(ValueKind::Text, "URL", "a URL such as https://auth.example.com")
        .help("another host that serves Outseta's API, such as a custom domain or a test server"),
    flag(&["-e", "--env-file"], ALL)
        .takes(ValueKind::File, "FILE", "a file")
        .help("read OUTSETA_* settings from this .env file, before the environment"),
    flag(&["--cacert"], ALL)
        .takes(ValueKind::File, "FILE", "a PEM file")
        .help("trust the certificates in this PEM file instead of the built-in roots"),
    flag(&["--timeout"], ALL)
        .takes(ValueKind::Text, "DURATION", TIMEOUT)
        .help("total time for one email, including retries and the waits between them (default 30s)"),
    flag(&["--retries"], ALL)
        .takes(ValueKind::Text, "N", "a whole number")
        .help("number of retries after a temporary failure (default 2)"),
    flag(&["--batch"], &[Batch]).help(
        "read emails, one a line, from FILE or standard input, and print one JSON line for each; \
         blank lines and lines that start with # are skipped",
    ),
    flag(&["--rate"], &[Batch]).takes(ValueKind::Text, "N", "a number of requests a second, or 0").help(
        "with --batch: send at most N requests a second, such as 0.5; 0 is no limit (default 4, \
         Outseta's limit)",
    ),
    flag(&["--check"], &[Check]).help("show each setting and whether it works"),
    flag(&["--no-activity-log"], MINTING).help("ask Outseta not to record the call in its activity log"),
    flag(&["--no-input"], ALL).help("never prompt, as if CI were set"),
    flag(&["-q", "--quiet"], ALL).help("print only the result, warnings and errors"),
    flag(&["-v", "--verbose"], ALL).help("log settings, requests and responses; no secrets"),
    flag(&["--generate"], &[])
        .takes(
            ValueKind::Choice("man complete-bash complete-zsh complete-fish"),
            "WHAT",
            "man, complete-bash, complete-zsh or complete-fish",
        )
        .help("print man, complete-bash, complete-zsh or complete-fish"),
    flag(&["-h", "--help"], ALL).help("-h: one screen of help; --help: all of it"),
    flag(&["-V", "--version"], ALL).help("print the version"),
];

const fn flag(names: &'static [&'static str], modes: &'static [ModeName]) -> Spec {
    Spec { names, modes, kind: ValueKind::Flag, metavar: "", expected: "", help: "" }
}

impl Spec {
    const fn takes(self, kind: ValueKind, metavar: &'static str, expected: &'static str) -> Self {
        Self { kind, metavar, expected, ..self }
    }

    const fn help(self, help: &'static str) -> Self {
        Self { help, ..self }
    }

    pub(super) fn long(&self) -> &'static str {
        self.names[self.names.len() - 1]
    }
}

pub(super) fn find(name: &str) -> Option<&'static Spec> {
    TABLE.iter().find(|spec| spec.names.contains(&name))
}
