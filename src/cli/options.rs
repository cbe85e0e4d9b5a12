//! The option table, from which parsing, help, the man page and the completions are made.

use self::ModeName::{Batch, Check, Command, Print};
use crate::output::Format;

#[derive(Debug)]
pub(super) struct Spec {
    /// As in help: the short name, if there is one, the long name, and a placeholder unless it is a flag. The
    /// placeholder FILE makes completions offer files.
    pub(super) synopsis: &'static str,
    /// The modes that use it.
    pub(super) modes: &'static [ModeName],
    help: &'static str,
    /// Completes the message "it needs …". Empty if any value is possible.
    needs: &'static str,
    /// The only possible values; empty if they cannot be listed.
    pub(super) choices: fn() -> Vec<&'static str>,
    pub(super) default: Option<&'static str>,
    pub(super) asks_for: Option<Text>,
}

/// A text about the program that an option asks for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Text {
    ShortHelp,
    Help,
    Version,
}

/// What `--generate` prints.
pub(super) const GENERATED: [&str; 4] = ["man", "complete-bash", "complete-zsh", "complete-fish"];

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

const PRINT: &[ModeName] = &[Print];
const MINTING: &[ModeName] = &[Print, Command, Batch];
const ALL: &[ModeName] = &[Print, Command, Batch, Check];

/// Every option, in the order of help.
pub(super) static TABLE: [&Spec; 22] = [
    &FORMAT, &RAW, &OUTPUT, &MIN_TTL, &ACCOUNT, &SUBDOMAIN, &BASE_URL, &ENV_FILE, &CACERT, &TIMEOUT,
    &RETRIES, &BATCH, &RATE, &CHECK, &NO_ACTIVITY_LOG, &NO_INPUT, &QUIET, &VERBOSE, &GENERATE, &SHORT_HELP,
    &HELP, &VERSION,
];

pub(super) static FORMAT: Spec = option(PRINT, "-f, --format FORMAT")
    .help("how to print the response")
    .one_of(|| Format::ALL.iter().map(|format| format.name()).collect())
    .default("json");
pub(super) static RAW: Spec =
    option(PRINT, "-r, --raw").help("print only the token: the same as --format token");
pub(super) static OUTPUT: Spec = option(PRINT, "-o, --output FILE")
    .help("write to FILE (mode 0600, atomically, only on success); - is standard output");
pub(super) static MIN_TTL: Spec = option(PRINT, "--min-ttl DURATION")
    .help("with -o: keep FILE, and make no request, if its token is valid for at least DURATION")
    .needs("a duration such as 500ms, 10s, 2m, 1h, 7d, or a number of seconds; at most 3660d");
pub(super) static ACCOUNT: Spec = option(MINTING, "--account UID")
    .help("accept only a token for this customer account (the claim outseta:accountUid)");
pub(super) static SUBDOMAIN: Spec =
    option(ALL, "-s, --subdomain NAME").help("Outseta account: acme or https://acme.outseta.com");
pub(super) static BASE_URL: Spec = option(ALL, "--base-url URL")
    .help("another host that serves Outseta's API, such as a custom domain or a test server");
pub(super) static ENV_FILE: Spec = option(ALL, "-e, --env-file FILE")
    .help("read OUTSETA_* settings from this .env file, before the environment");
pub(super) static CACERT: Spec = option(ALL, "--cacert FILE")
    .help("trust the certificates in this PEM file instead of the built-in roots");
pub(super) static TIMEOUT: Spec = option(ALL, "--timeout DURATION")
    .help("total time for one email, including retries and the waits between them")
    .needs("a duration longer than zero, such as 500ms, 10s, 2m or 1h; at most 3660d")
    .default("30s");
pub(super) static RETRIES: Spec = option(ALL, "--retries N")
    .help("number of retries after a temporary failure")
    .needs("a whole number")
    .default("2");
pub(super) static BATCH: Spec = option(&[Batch], "--batch")
    .help("read emails, one a line, from FILE or standard input, and print one JSON line for each");
pub(super) static RATE: Spec = option(&[Batch], "--rate N")
    .help("with --batch: send at most N requests a second, such as 0.5; 0 is no limit, Outseta's is 4")
    .needs("a number of requests a second, or 0")
    .default("4");
pub(super) static CHECK: Spec = option(&[Check], "--check").help("show each setting and whether it works");
pub(super) static NO_ACTIVITY_LOG: Spec =
    option(MINTING, "--no-activity-log").help("ask Outseta not to record the call in its activity log");
pub(super) static NO_INPUT: Spec = option(ALL, "--no-input").help("never prompt, as if CI were set");
pub(super) static QUIET: Spec = option(ALL, "-q, --quiet").help("print only the result, warnings and errors");
pub(super) static VERBOSE: Spec =
    option(ALL, "-v, --verbose").help("log settings, requests and responses; no secrets");
pub(super) static GENERATE: Spec = option(&[], "--generate WHAT")
    .help("print the man page or a shell completion")
    .one_of(|| GENERATED.to_vec());
static SHORT_HELP: Spec = option(ALL, "-h").help("print one screen of help").asks_for(Text::ShortHelp);
static HELP: Spec = option(ALL, "--help").help("print all of the help").asks_for(Text::Help);
static VERSION: Spec = option(ALL, "-V, --version").help("print the version").asks_for(Text::Version);

const fn option(modes: &'static [ModeName], synopsis: &'static str) -> Spec {
    Spec { synopsis, modes, help: "", needs: "", choices: Vec::new, default: None, asks_for: None }
}

impl Spec {
    const fn help(self, help: &'static str) -> Self {
        Self { help, ..self }
    }

    const fn needs(self, needs: &'static str) -> Self {
        Self { needs, ..self }
    }

    const fn one_of(self, choices: fn() -> Vec<&'static str>) -> Self {
        Self { choices, ..self }
    }

    const fn default(self, default: &'static str) -> Self {
        Self { default: Some(default), ..self }
    }

    const fn asks_for(self, text: Text) -> Self {
        Self { asks_for: Some(text), ..self }
    }

    pub(super) fn is(&self, other: &Spec) -> bool {
        self.synopsis == other.synopsis
    }

    /// The short one, if there is one, then the long one, with their hyphens.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.synopsis.split([',', ' ']).filter(|word| word.starts_with('-'))
    }

    pub(super) fn long(&self) -> &'static str {
        self.names().last().unwrap_or_default()
    }

    /// `None` for a flag.
    pub(super) fn placeholder(&self) -> Option<&'static str> {
        self.synopsis.rsplit(' ').next().filter(|word| !word.starts_with('-'))
    }

    /// Completes the message "it needs …".
    pub(super) fn needed(&self) -> String {
        let choices = (self.choices)();
        match choices.split_last() {
            Some((last, others)) => format!("{} or {last}", others.join(", ")),
            None => self.needs.to_owned(),
        }
    }

    pub(super) fn full_help(&self) -> String {
        let choices = if (self.choices)().is_empty() { "" } else { &format!(": {}", self.needed()) };
        let default = self.default.map(|default| format!(" (default {default})")).unwrap_or_default();
        format!("{}{choices}{default}", self.help)
    }
}

pub(super) fn find(name: &str) -> Option<&'static Spec> {
    TABLE.into_iter().find(|spec| spec.names().any(|known| known == name))
}
