//! The option table, from which parsing, help, the man page and the completions are made.

use self::ModeName::{Batch, Check, Command, Print};
use super::docs;
use crate::output::Format;

#[derive(Debug)]
pub(super) struct Spec {
    /// The short name, if there is one, then the long one, with their hyphens.
    pub(super) names: &'static [&'static str],
    /// The modes that use it.
    pub(super) modes: &'static [ModeName],
    /// `None` for a flag.
    pub(super) value: Option<Value>,
    help: &'static str,
}

#[derive(Debug)]
pub(super) struct Value {
    pub(super) kind: ValueKind,
    pub(super) metavar: &'static str,
    /// Completes the message "it needs …"; empty for a choice, whose words complete it.
    expected: &'static str,
    default: Option<&'static str>,
}

#[derive(Debug)]
pub(super) enum ValueKind {
    /// One of these words.
    Choice(fn() -> Vec<&'static str>),
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

impl ModeName {
    /// What selects the mode; `None` for the mode that needs nothing.
    pub(super) fn selector(self) -> Option<&'static str> {
        match self {
            Print => None,
            Command => Some("a command"),
            Batch => Some("--batch"),
            Check => Some("--check"),
        }
    }
}

const MINTING: &[ModeName] = &[Print, Command, Batch];
const ALL: &[ModeName] = &[Print, Command, Batch, Check];

const DURATION: &str = "a duration such as 500ms, 10s, 2m, 1h, 7d, or a number of seconds; at most 3660d";
const TIMEOUT_DURATION: &str = "a duration longer than zero, such as 500ms, 10s, 2m or 1h; at most 3660d";

/// Every option, in the order of help.
pub(super) static TABLE: [&Spec; 22] = [
    &FORMAT,
    &RAW,
    &OUTPUT,
    &MIN_TTL,
    &ACCOUNT,
    &SUBDOMAIN,
    &BASE_URL,
    &ENV_FILE,
    &CACERT,
    &TIMEOUT,
    &RETRIES,
    &BATCH,
    &RATE,
    &CHECK,
    &NO_ACTIVITY_LOG,
    &NO_INPUT,
    &QUIET,
    &VERBOSE,
    &GENERATE,
    &SHORT_HELP,
    &HELP,
    &VERSION,
];

pub(super) static FORMAT: Spec = option(&["-f", "--format"], &[Print], "how to print the response")
    .choice(|| Format::ALL.iter().map(|format| format.name()).collect(), "FORMAT")
    .default("json");
pub(super) static RAW: Spec =
    option(&["-r", "--raw"], &[Print], "print only the token: the same as --format token");
pub(super) static OUTPUT: Spec = option(
    &["-o", "--output"],
    &[Print],
    "write to FILE (mode 0600, atomically, only on success); - is standard output",
)
.takes(ValueKind::File, "FILE", "a file, or - for standard output");
pub(super) static MIN_TTL: Spec = option(
    &["--min-ttl"],
    &[Print],
    "with -o: keep FILE, and make no request, if its token is valid for at least DURATION",
)
.takes(ValueKind::Text, "DURATION", DURATION);
pub(super) static ACCOUNT: Spec = option(
    &["--account"],
    MINTING,
    "accept only a token for this customer account (the claim outseta:accountUid)",
)
.takes(ValueKind::Text, "UID", "the UID of a customer account");
pub(super) static SUBDOMAIN: Spec = option(
    &["-s", "--subdomain"],
    ALL,
    "Outseta account: acme or https://acme.outseta.com",
)
.takes(ValueKind::Text, "NAME", "an Outseta subdomain such as acme");
pub(super) static BASE_URL: Spec = option(
    &["--base-url"],
    ALL,
    "another host that serves Outseta's API, such as a custom domain or a test server",
)
.takes(ValueKind::Text, "URL", "a URL such as https://auth.example.com");
pub(super) static ENV_FILE: Spec =
    option(&["-e", "--env-file"], ALL, "read OUTSETA_* settings from this .env file, before the environment")
        .takes(ValueKind::File, "FILE", "a file");
pub(super) static CACERT: Spec =
    option(&["--cacert"], ALL, "trust the certificates in this PEM file instead of the built-in roots")
        .takes(ValueKind::File, "FILE", "a PEM file");
pub(super) static TIMEOUT: Spec =
    option(&["--timeout"], ALL, "total time for one email, including retries and the waits between them")
        .takes(ValueKind::Text, "DURATION", TIMEOUT_DURATION)
        .default("30s");
pub(super) static RETRIES: Spec = option(&["--retries"], ALL, "number of retries after a temporary failure")
    .takes(ValueKind::Text, "N", "a whole number")
    .default("2");
pub(super) static BATCH: Spec = option(
    &["--batch"],
    &[Batch],
    "read emails, one a line, from FILE or standard input, and print one JSON line for each; blank lines and \
     lines that start with # are skipped",
);
pub(super) static RATE: Spec = option(
    &["--rate"],
    &[Batch],
    "with --batch: send at most N requests a second, such as 0.5; 0 is no limit, Outseta's is 4",
)
.takes(ValueKind::Text, "N", "a number of requests a second, or 0")
.default("4");
pub(super) static CHECK: Spec = option(&["--check"], &[Check], "show each setting and whether it works");
pub(super) static NO_ACTIVITY_LOG: Spec =
    option(&["--no-activity-log"], MINTING, "ask Outseta not to record the call in its activity log");
pub(super) static NO_INPUT: Spec = option(&["--no-input"], ALL, "never prompt, as if CI were set");
pub(super) static QUIET: Spec = option(&["-q", "--quiet"], ALL, "print only the result, warnings and errors");
pub(super) static VERBOSE: Spec =
    option(&["-v", "--verbose"], ALL, "log settings, requests and responses; no secrets");
pub(super) static GENERATE: Spec =
    option(&["--generate"], &[], "print the man page or a shell completion").choice(docs::names, "WHAT");
pub(super) static SHORT_HELP: Spec = option(&["-h"], ALL, "print one screen of help");
pub(super) static HELP: Spec = option(&["--help"], ALL, "print all of the help");
pub(super) static VERSION: Spec = option(&["-V", "--version"], ALL, "print the version");

const fn option(names: &'static [&'static str], modes: &'static [ModeName], help: &'static str) -> Spec {
    Spec { names, modes, value: None, help }
}

impl Spec {
    const fn takes(self, kind: ValueKind, metavar: &'static str, expected: &'static str) -> Self {
        Self { value: Some(Value { kind, metavar, expected, default: None }), ..self }
    }

    const fn choice(self, words: fn() -> Vec<&'static str>, metavar: &'static str) -> Self {
        self.takes(ValueKind::Choice(words), metavar, "")
    }

    const fn default(self, default: &'static str) -> Self {
        let Some(value) = self.value else { panic!("a flag has no default") };
        Self { value: Some(Value { default: Some(default), ..value }), ..self }
    }

    pub(super) fn long(&self) -> &'static str {
        self.names[self.names.len() - 1]
    }

    pub(super) fn is(&self, other: &Spec) -> bool {
        self.names == other.names
    }

    pub(super) fn default_value(&self) -> Option<&'static str> {
        self.value.as_ref()?.default
    }

    /// Completes the message "it needs …".
    pub(super) fn expected(&self) -> String {
        match &self.value {
            Some(Value { kind: ValueKind::Choice(words), .. }) => listed(&words()),
            Some(Value { expected, .. }) => (*expected).to_owned(),
            None => String::new(),
        }
    }

    pub(super) fn help(&self) -> String {
        let mut help = self.help.to_owned();
        if let Some(Value { kind: ValueKind::Choice(words), .. }) = &self.value {
            help = format!("{help}: {}", listed(&words()));
        }
        match self.default_value() {
            Some(default) => format!("{help} (default {default})"),
            None => help,
        }
    }
}

/// `a, b or c`.
fn listed(words: &[&str]) -> String {
    match words.split_last() {
        Some((last, words)) if !words.is_empty() => format!("{} or {last}", words.join(", ")),
        _ => words.concat(),
    }
}

pub(super) fn find(name: &str) -> Option<&'static Spec> {
    TABLE.into_iter().find(|spec| spec.names.contains(&name))
}
