//! The option table, from which parsing, help, man page and completions are made.

/// An option's name in this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Name {
    Format,
    Raw,
    Output,
    MinTtl,
    Subdomain,
    BaseUrl,
    EnvFile,
    Cacert,
    Timeout,
    Retries,
    Batch,
    Rate,
    Check,
    NoActivityLog,
    NoInput,
    Quiet,
    Verbose,
    Generate,
    Help,
    Version,
}

/// A row of the option table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spec {
    pub(crate) name: Name,
    pub(crate) short: Option<char>,
    /// With its two hyphens.
    pub(crate) long: &'static str,
    pub(crate) value: Option<Value>,
    pub(super) modes: &'static [ModeName],
    /// For `--help`, the man page and the completions.
    pub(crate) help: &'static str,
}

/// What an option takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Value {
    pub(crate) metavar: &'static str,
    /// For messages: "it needs …".
    pub(super) expected: &'static str,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Choice(&'static [&'static str]),
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

const PRINT: &[ModeName] = &[ModeName::Print];
const BATCH: &[ModeName] = &[ModeName::Batch];
const CHECK: &[ModeName] = &[ModeName::Check];
const MINTING: &[ModeName] = &[ModeName::Print, ModeName::Command, ModeName::Batch];
const ALL: &[ModeName] = &[ModeName::Print, ModeName::Command, ModeName::Batch, ModeName::Check];

const DURATION: &str = "a duration such as 500ms, 10s, 2m, 1h, 7d, or a number of seconds; at most 3660d";

/// What `--format` takes.
pub(super) const FORMATS: &[&str] = &["json", "token", "header", "env", "claims"];

/// Every option, in the order in which help shows them.
pub(crate) const TABLE: &[Spec] = &[
    flag(Name::Format, Some('f'), "--format", PRINT)
        .taking("FORMAT", "json, token, header, env or claims")
        .choice(FORMATS)
        .help("json (default), token, header, env or claims"),
    flag(Name::Raw, Some('r'), "--raw", PRINT).help("print only the token: the same as --format token"),
    flag(Name::Output, Some('o'), "--output", PRINT)
        .taking("FILE", "a file, or - for standard output")
        .file()
        .help("write to FILE (mode 0600, atomically, only on success); - is standard output"),
    flag(Name::MinTtl, None, "--min-ttl", PRINT)
        .taking("DURATION", DURATION)
        .help("with -o: keep FILE, and make no request, if its token is valid for at least DURATION"),
    flag(Name::Subdomain, Some('s'), "--subdomain", ALL)
        .taking("NAME", "an Outseta subdomain such as acme")
        .help("Outseta account: acme or https://acme.outseta.com"),
    flag(Name::BaseUrl, None, "--base-url", ALL)
        .taking("URL", "a URL such as https://auth.example.com")
        .help("another host that serves Outseta's API, such as a custom domain or a test server"),
    flag(Name::EnvFile, Some('e'), "--env-file", ALL)
        .taking("FILE", "a file")
        .file()
        .help("read OUTSETA_* settings from this .env file instead of the user's own"),
    flag(Name::Cacert, None, "--cacert", ALL)
        .taking("FILE", "a PEM file")
        .file()
        .help("trust the certificates in this PEM file instead of the built-in roots"),
    flag(Name::Timeout, None, "--timeout", ALL)
        .taking("DURATION", DURATION)
        .help("total time for one email, including retries and the waits between them (default 30s)"),
    flag(Name::Retries, None, "--retries", ALL)
        .taking("N", "a whole number")
        .help("number of retries after a temporary failure (default 2)"),
    flag(Name::Batch, None, "--batch", BATCH).help(
        "read emails, one a line, from FILE or standard input, and print one JSON line for each;         blank lines and lines that start with # are skipped",
    ),
    flag(Name::Rate, None, "--rate", BATCH).taking("N", "a number of requests a second, or 0").help(
        "with --batch: at most N requests a second; 0.5 is one every two seconds, 0 is no limit         (default 4, Outseta's limit)",
    ),
    flag(Name::Check, None, "--check", CHECK)
        .help("show each setting and whether it works"),
    flag(Name::NoActivityLog, None, "--no-activity-log", MINTING)
        .help("ask Outseta not to record the call in its activity log"),
    flag(Name::NoInput, None, "--no-input", ALL).help("never prompt"),
    flag(Name::Quiet, Some('q'), "--quiet", ALL)
        .help("no progress and no success line; warnings and errors stay"),
    flag(Name::Verbose, Some('v'), "--verbose", ALL)
        .help("log settings, requests and responses; no secrets"),
    flag(Name::Generate, None, "--generate", &[])
        .taking("WHAT", "man, complete-bash, complete-zsh or complete-fish")
        .choice(&["man", "complete-bash", "complete-zsh", "complete-fish"])
        .help("print man, complete-bash, complete-zsh or complete-fish"),
    flag(Name::Help, Some('h'), "--help", ALL).help("-h: one screen of help; --help: all of it"),
    flag(Name::Version, Some('V'), "--version", ALL).help("print the version"),
];

/// A row for an option without a value.
const fn flag(name: Name, short: Option<char>, long: &'static str, modes: &'static [ModeName]) -> Spec {
    Spec { name, short, long, value: None, modes, help: "" }
}

impl Spec {
    const fn taking(self, metavar: &'static str, expected: &'static str) -> Self {
        Self { value: Some(Value { metavar, expected, kind: Kind::Text }), ..self }
    }

    const fn kind(mut self, kind: Kind) -> Self {
        if let Some(value) = self.value {
            self.value = Some(Value { kind, ..value });
        }
        self
    }

    const fn choice(self, choices: &'static [&'static str]) -> Self {
        self.kind(Kind::Choice(choices))
    }

    const fn file(self) -> Self {
        self.kind(Kind::File)
    }

    const fn help(self, help: &'static str) -> Self {
        Self { help, ..self }
    }
}

pub(super) fn find(name: &str) -> Option<&'static Spec> {
    TABLE.iter().find(|spec| {
        spec.long == name
            || spec.short.is_some_and(|short| name.strip_prefix('-').is_some_and(|n| n.chars().eq([short])))
    })
}

pub(super) fn spec(name: Name) -> &'static Spec {
    TABLE.iter().find(|spec| spec.name == name).expect("every name has a row")
}
