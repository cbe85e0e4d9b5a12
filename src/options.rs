//! argv → what was typed. The option table stands here, and help, man page and completions are made from it. It knows
//! neither the environment nor any file: whether a value makes sense on this machine is found out later.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use crate::error::{Error, Usage};
use crate::text::Shown;

/// What the command line asks for.
#[derive(Debug, PartialEq)]
pub(crate) enum Invocation {
    Help,
    Version,
    Generate(Generated),
    Run(Options),
}

/// A text for other programs that is made from the option table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Generated {
    Man,
    Bash,
    Zsh,
    Fish,
}

/// What was typed, for a run that does something.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Options {
    pub(crate) mode: Mode,
    pub(crate) subdomain: Option<String>,
    pub(crate) base_url: Option<String>,
    pub(crate) env_file: Option<PathBuf>,
    pub(crate) cacert: Option<PathBuf>,
    /// Total time for one email.
    pub(crate) timeout: Duration,
    /// Further attempts after a failure that may pass.
    pub(crate) retries: u32,
    pub(crate) no_activity_log: bool,
    pub(crate) no_input: bool,
    pub(crate) verbosity: Verbosity,
}

/// What is to be done, with the arguments and options that this alone uses.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Mode {
    Print(Print),
    /// `email -- command`: the program's name and its arguments.
    Command {
        email: OsString,
        command: Vec<OsString>,
    },
    Batch {
        /// `None`: standard input.
        file: Option<PathBuf>,
        /// From the end of a request to the start of the next.
        pause: Duration,
    },
    Check,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Print {
    /// `None`: standard input.
    pub(crate) email: Option<OsString>,
    pub(crate) format: Format,
    /// `None`: standard output.
    pub(crate) output: Option<PathBuf>,
    /// `Some`: the output file is kept while its token is valid at least so long.
    pub(crate) min_ttl: Option<Duration>,
}

/// How a result is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Token,
    Header,
    Env,
    Claims,
}

/// How much is said on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verbosity {
    Quiet,
    Normal,
    Verbose,
}

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
    modes: &'static [ModeName],
    /// For `--help`, the man page and the completions.
    pub(crate) help: &'static str,
}

/// What an option takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Value {
    pub(crate) metavar: &'static str,
    /// For messages: "it needs …".
    expected: &'static str,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Choice(&'static [&'static str]),
    File,
    Text,
}

/// A [`Mode`] without what it holds.
#[derive(Debug, Clone, Copy, PartialEq)]
enum ModeName {
    Print,
    Command,
    Batch,
    Check,
}

const PRINT: &[ModeName] = &[ModeName::Print];
const BATCH: &[ModeName] = &[ModeName::Batch];
const CHECK: &[ModeName] = &[ModeName::Check];
const MINTING: &[ModeName] = &[ModeName::Print, ModeName::Command, ModeName::Batch];
const ALL: &[ModeName] = &[
    ModeName::Print,
    ModeName::Command,
    ModeName::Batch,
    ModeName::Check,
];

const DURATION: &str =
    "a duration such as 500ms, 10s, 2m, 1h, 7d, or a number of seconds; at most 3660d";

/// Every option, in the order in which help shows them.
pub(crate) const TABLE: &[Spec] = &[
    flag(Name::Format, Some('f'), "--format", PRINT)
        .taking("FORMAT", "json, token, header, env or claims")
        .choice(&["json", "token", "header", "env", "claims"])
        .help("what to print: json (default), token, header, env or claims (unverified)"),
    flag(Name::Raw, Some('r'), "--raw", PRINT)
        .help("print only the token: the same as --format token"),
    flag(Name::Output, Some('o'), "--output", PRINT)
        .taking("FILE", "a file, or - for standard output")
        .file()
        .help("write to FILE (mode 0600, atomically, only on success); - is standard output"),
    flag(Name::MinTtl, None, "--min-ttl", PRINT)
        .taking("DURATION", DURATION)
        .help("with -o: keep FILE, and make no request, while its token is valid at least so long"),
    flag(Name::Subdomain, Some('s'), "--subdomain", ALL)
        .taking("NAME", "an Outseta subdomain such as acme")
        .help("Outseta account: acme, acme.outseta.com or a pasted https:// address of it"),
    flag(Name::BaseUrl, None, "--base-url", ALL)
        .taking("URL", "a URL such as https://auth.example.com")
        .help("another host that serves Outseta's API: a custom domain, a test server"),
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
        .help("total time for one email, every attempt and wait included (default 30s)"),
    flag(Name::Retries, None, "--retries", ALL)
        .taking("N", "a whole number")
        .help("further attempts after a failure that may pass (default 2; 0: none)"),
    flag(Name::Batch, None, "--batch", BATCH)
        .help(
            "read emails, one a line, from FILE or standard input; print one JSON line for each; \
            lines that start with # are skipped",
        ),
    flag(Name::Rate, None, "--rate", BATCH)
        .taking("N", "a number of requests a second, or 0")
        .help(
            "with --batch: at most N requests a second (may be a fraction; default 4, Outseta's limit; 0: no limit)",
        ),
    flag(Name::Check, None, "--check", CHECK)
        .help("say what is configured and whether it works; no token is made"),
    flag(Name::NoActivityLog, None, "--no-activity-log", MINTING)
        .help("ask Outseta not to record the call in the activity log (not with --check)"),
    flag(Name::NoInput, None, "--no-input", ALL).help("never prompt"),
    flag(Name::Quiet, Some('q'), "--quiet", ALL)
        .help("no progress and no success line; warnings and errors stay"),
    flag(Name::Verbose, Some('v'), "--verbose", ALL)
        .help("log requests, answers, retries, timing and settings' sources; nothing secret"),
    flag(Name::Generate, None, "--generate", &[])
        .taking("WHAT", "man, complete-bash, complete-zsh or complete-fish")
        .choice(&["man", "complete-bash", "complete-zsh", "complete-fish"])
        .help("alone: print man, complete-bash, complete-zsh or complete-fish"),
    flag(Name::Help, Some('h'), "--help", ALL).help("print this help"),
    flag(Name::Version, Some('V'), "--version", ALL).help("print the version"),
];

/// A row for an option without a value.
const fn flag(
    name: Name,
    short: Option<char>,
    long: &'static str,
    modes: &'static [ModeName],
) -> Spec {
    Spec {
        name,
        short,
        long,
        value: None,
        modes,
        help: "",
    }
}

impl Spec {
    const fn taking(self, metavar: &'static str, expected: &'static str) -> Self {
        Self {
            value: Some(Value {
                metavar,
                expected,
                kind: Kind::Text,
            }),
            ..self
        }
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

/// Parses the arguments behind the program's name.
///
/// # Errors
/// `Error::Usage`, for the first mistake; none is reported where `--help` or `--version` is given anywhere.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Invocation, Error> {
    let typed = Typed::read(arguments.into_iter().collect());
    if let Some(invocation) = typed.asks_for_text() {
        return Ok(invocation);
    }
    if let Some(usage) = typed.mistake {
        return Err(Error::Usage(usage));
    }
    typed.interpret().map_err(Error::Usage)
}

/// The arguments by kind, in their order.
#[derive(Default)]
struct Typed {
    options: Vec<(&'static Spec, OsString)>,
    positionals: Vec<OsString>,
    /// What stands behind `--`, if that was given.
    rest: Option<Vec<OsString>>,
    /// The first mistake; reading goes on, since help may follow.
    mistake: Option<Usage>,
}

impl Typed {
    fn read(arguments: Vec<OsString>) -> Self {
        let mut typed = Self::default();
        let mut parser = lexopt::Parser::from_args(arguments);
        loop {
            // lexopt swallows `--`; between two arguments it can be seen. (`-o --` is read as a value below.)
            if let Some(mut raw) = parser.try_raw_args()
                && raw.next_if(|argument| argument == "--").is_some()
            {
                typed.rest = Some(raw.collect());
                return typed;
            }
            let name = match parser.next() {
                Ok(None) => return typed,
                Ok(Some(lexopt::Arg::Value(value))) => {
                    typed.positionals.push(value);
                    continue;
                }
                Ok(Some(lexopt::Arg::Short(short))) => format!("-{short}"),
                Ok(Some(lexopt::Arg::Long(long))) => format!("--{long}"),
                Err(lexopt::Error::UnexpectedValue { option, .. }) => {
                    typed.note(Usage::UnexpectedValue {
                        option: Shown::new(&option),
                    });
                    continue;
                }
                Err(error) => {
                    typed.note(Usage::UnknownOption(Shown::new(&error.to_string())));
                    continue;
                }
            };
            match find(&name) {
                Some(spec) => typed.option(spec, &mut parser),
                None => typed.note(Usage::UnknownOption(Shown::new(&name))),
            }
        }
    }

    fn option(&mut self, spec: &'static Spec, parser: &mut lexopt::Parser) {
        if self.has(spec.name) {
            self.note(Usage::Repeated(spec.long));
        }
        let mut given = OsString::new();
        if let Some(value) = &spec.value {
            match parser.value() {
                Ok(text) if text.is_empty() => {
                    self.note(Usage::EmptyValue {
                        option: spec.long,
                        expected: value.expected,
                    });
                }
                Ok(text) => given = text,
                Err(_) => self.note(Usage::MissingValue {
                    option: spec.long,
                    expected: value.expected,
                }),
            }
        }
        self.options.push((spec, given));
    }

    fn note(&mut self, mistake: Usage) {
        self.mistake.get_or_insert(mistake);
    }

    fn has(&self, name: Name) -> bool {
        self.value(name).is_some()
    }

    fn value(&self, name: Name) -> Option<&OsStr> {
        self.options
            .iter()
            .find(|(spec, _)| spec.name == name)
            .map(|(_, value)| value.as_os_str())
    }

    fn asks_for_text(&self) -> Option<Invocation> {
        self.options.iter().find_map(|(spec, _)| match spec.name {
            Name::Help => Some(Invocation::Help),
            Name::Version => Some(Invocation::Version),
            _ => None,
        })
    }

    fn interpret(self) -> Result<Invocation, Usage> {
        if let Some(generated) = self.generate()? {
            return Ok(Invocation::Generate(generated));
        }
        self.contradiction(Name::Raw, Name::Format)?;
        self.contradiction(Name::Quiet, Name::Verbose)?;
        self.contradiction(Name::BaseUrl, Name::Subdomain)?;
        self.contradiction(Name::Batch, Name::Check)?;
        Ok(Invocation::Run(Options {
            mode: self.mode()?,
            subdomain: self.text(Name::Subdomain)?.map(str::to_owned),
            base_url: self.text(Name::BaseUrl)?.map(str::to_owned),
            env_file: self.value(Name::EnvFile).map(PathBuf::from),
            cacert: self.value(Name::Cacert).map(PathBuf::from),
            timeout: self
                .parsed(Name::Timeout, |text| {
                    duration(text).filter(|timeout| !timeout.is_zero())
                })?
                .unwrap_or(Duration::from_secs(30)),
            retries: self
                .parsed(Name::Retries, |text| text.parse().ok())?
                .unwrap_or(2),
            no_activity_log: self.has(Name::NoActivityLog),
            no_input: self.has(Name::NoInput),
            verbosity: if self.has(Name::Quiet) {
                Verbosity::Quiet
            } else if self.has(Name::Verbose) {
                Verbosity::Verbose
            } else {
                Verbosity::Normal
            },
        }))
    }

    fn generate(&self) -> Result<Option<Generated>, Usage> {
        let generated = self.parsed(Name::Generate, |text| match text {
            "man" => Some(Generated::Man),
            "complete-bash" => Some(Generated::Bash),
            "complete-zsh" => Some(Generated::Zsh),
            "complete-fish" => Some(Generated::Fish),
            _ => None,
        })?;
        let alone = self.options.len() == 1 && self.positionals.is_empty() && self.rest.is_none();
        if generated.is_some() && !alone {
            return Err(Usage::NotAlone(spec(Name::Generate).long));
        }
        Ok(generated)
    }

    fn contradiction(&self, one: Name, other: Name) -> Result<(), Usage> {
        if self.has(one) && self.has(other) {
            return Err(Usage::Contradiction(spec(one).long, spec(other).long));
        }
        Ok(())
    }

    fn mode(&self) -> Result<Mode, Usage> {
        let after = self.rest.iter().flatten();
        if self.has(Name::Batch) {
            self.only(ModeName::Batch, "with --batch")?;
            let mut files = self.positionals.iter().chain(after);
            let file = files.next().filter(|file| *file != "-").map(PathBuf::from);
            no_more(files.next(), "--batch takes one FILE")?;
            if file
                .as_ref()
                .is_some_and(|file| file.as_os_str().is_empty())
            {
                return Err(Usage::EmptyValue {
                    option: spec(Name::Batch).long,
                    expected: "a file, or - for standard input",
                });
            }
            return Ok(Mode::Batch {
                file,
                pause: self.pause()?,
            });
        }
        if self.has(Name::Check) {
            self.only(ModeName::Check, "with --check")?;
            no_more(
                self.positionals.iter().chain(after).next(),
                "--check takes no argument",
            )?;
            return Ok(Mode::Check);
        }
        no_more(self.positionals.get(1), "there is one EMAIL")?;
        let mut rest = self.rest.clone().unwrap_or_default().into_iter().peekable();
        let email_behind = self.positionals.is_empty();
        let email = match self.positionals.first() {
            Some(email) => Some(email.clone()).filter(|email| email != "-"),
            // Somebody else may have named it: a `-` must not draw on standard input there.
            None => rest.next(),
        };
        // `-- EMAIL -- COMMAND` is what a script writes that guards EMAIL: the second `--` is no program's name.
        let separated = email_behind && rest.next_if(|argument| argument == "--").is_some();
        let command: Vec<OsString> = rest.collect();
        if command.is_empty() {
            if separated || self.rest.is_some() && !email_behind {
                return Err(Usage::NoCommand);
            }
            self.only(ModeName::Print, "without --batch")?;
            return self.print(email).map(Mode::Print);
        }
        self.only(ModeName::Command, "with a command")?;
        match email {
            Some(email) => Ok(Mode::Command { email, command }),
            None => Err(Usage::CommandWithoutEmail),
        }
    }

    fn print(&self, email: Option<OsString>) -> Result<Print, Usage> {
        let format = match self.parsed(Name::Format, format_named)? {
            Some(format) => format,
            None if self.has(Name::Raw) => Format::Token,
            None => Format::Json,
        };
        let output = self
            .value(Name::Output)
            .filter(|file| *file != "-")
            .map(PathBuf::from);
        let min_ttl = self.parsed(Name::MinTtl, duration)?;
        if min_ttl.is_some() && output.is_none() {
            return Err(Usage::MinTtl("without -o FILE"));
        }
        if min_ttl.is_some() && format == Format::Claims {
            return Err(Usage::MinTtl("with --format claims, which holds no token"));
        }
        Ok(Print {
            email,
            format,
            output,
            min_ttl,
        })
    }

    fn pause(&self) -> Result<Duration, Usage> {
        let pause = self.parsed(Name::Rate, |text| {
            let rate: f64 = text
                .parse()
                .ok()
                .filter(|rate: &f64| rate.is_finite() && !rate.is_sign_negative())?;
            if rate == 0.0 {
                return Some(Duration::ZERO);
            }
            Duration::try_from_secs_f64(1.0 / rate)
                .ok()
                .filter(|pause| *pause <= LONGEST)
        })?;
        Ok(pause.unwrap_or(Duration::from_millis(250)))
    }

    /// Refuses options that a mode does not use.
    fn only(&self, mode: ModeName, phrase: &'static str) -> Result<(), Usage> {
        let unused = |(spec, _): &&(&Spec, OsString)| !spec.modes.contains(&mode);
        match self.options.iter().find(unused) {
            Some((spec, _)) => Err(Usage::NotInMode {
                option: spec.long,
                mode: phrase,
            }),
            None => Ok(()),
        }
    }

    fn text(&self, name: Name) -> Result<Option<&str>, Usage> {
        self.value(name)
            .map(|value| {
                value.to_str().ok_or(Usage::NotUtf8 {
                    option: spec(name).long,
                })
            })
            .transpose()
    }

    fn parsed<T>(
        &self,
        name: Name,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Usage> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        let spec = spec(name);
        let expected = spec.value.as_ref().map_or("", |value| value.expected);
        parse(text).map(Some).ok_or(Usage::InvalidValue {
            option: spec.long,
            value: Shown::new(text),
            expected,
        })
    }
}

fn find(name: &str) -> Option<&'static Spec> {
    TABLE.iter().find(|spec| {
        spec.long == name
            || spec.short.is_some_and(|short| {
                name.strip_prefix('-')
                    .is_some_and(|n| n.chars().eq([short]))
            })
    })
}

fn spec(name: Name) -> &'static Spec {
    TABLE
        .iter()
        .find(|spec| spec.name == name)
        .expect("every name has a row")
}

fn no_more(argument: Option<&OsString>, takes: &'static str) -> Result<(), Usage> {
    match argument {
        Some(value) => Err(Usage::ExtraArgument {
            value: Shown::os(value),
            takes,
        }),
        None => Ok(()),
    }
}

fn format_named(text: &str) -> Option<Format> {
    match text {
        "json" => Some(Format::Json),
        "token" => Some(Format::Token),
        "header" => Some(Format::Header),
        "env" => Some(Format::Env),
        "claims" => Some(Format::Claims),
        _ => None,
    }
}

/// No duration is longer: far beyond any use, and small enough to be added to any clock.
const LONGEST: Duration = Duration::from_secs(10 * 366 * 24 * 60 * 60);

/// `500ms`, `10s`, `2m`, `1h`, `7d`, or a bare number of seconds.
fn duration(text: &str) -> Option<Duration> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let milliseconds: u64 = match unit {
        "ms" => 1,
        "s" | "" => 1000,
        "m" => 60 * 1000,
        "h" => 60 * 60 * 1000,
        "d" => 24 * 60 * 60 * 1000,
        _ => return None,
    };
    let number: u64 = number.parse().ok()?;
    Some(Duration::from_millis(number.checked_mul(milliseconds)?))
        .filter(|duration| *duration <= LONGEST)
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::{select, subsequence};
    use proptest::test_runner::Config;

    use super::*;

    /// Parses words; `''` is an empty argument.
    fn words(line: &str) -> Result<Invocation, Error> {
        parse(
            line.split_whitespace()
                .map(|word| OsString::from(if word == "''" { "" } else { word })),
        )
    }

    fn run(line: &str) -> Options {
        match words(line) {
            Ok(Invocation::Run(options)) => options,
            other => panic!("{line} gave {other:?}"),
        }
    }

    fn print(line: &str) -> Print {
        match run(line).mode {
            Mode::Print(print) => print,
            other => panic!("{line} gave {other:?}"),
        }
    }

    fn usage(line: &str) -> String {
        match words(line) {
            Err(Error::Usage(usage)) => usage.to_string(),
            other => panic!("{line} gave {other:?}"),
        }
    }

    #[test]
    fn nothing_at_all_has_the_documented_defaults() {
        let print = Print {
            email: None,
            format: Format::Json,
            output: None,
            min_ttl: None,
        };
        assert_eq!(
            run(""),
            Options {
                mode: Mode::Print(print),
                subdomain: None,
                base_url: None,
                env_file: None,
                cacert: None,
                timeout: Duration::from_secs(30),
                retries: 2,
                no_activity_log: false,
                no_input: false,
                verbosity: Verbosity::Normal,
            }
        );
    }

    #[test]
    fn options_stand_before_or_behind_the_email_with_or_without_an_equals_sign() {
        for line in [
            "--subdomain acme -f token --timeout=5s j@e.de",
            "j@e.de --timeout 5s --format=token -s acme",
            "-sacme j@e.de -f=token --timeout=5",
            "-rs acme --timeout 5000ms -- j@e.de",
        ] {
            let options = run(line);
            assert_eq!(options.subdomain.as_deref(), Some("acme"), "{line}");
            assert_eq!(options.timeout, Duration::from_secs(5), "{line}");
            assert_eq!(
                print(line).email.as_deref(),
                Some(OsStr::new("j@e.de")),
                "{line}"
            );
            assert_eq!(print(line).format, Format::Token, "{line}");
        }
    }

    #[test]
    fn each_option_reaches_its_field() {
        let line =
            "--base-url https://h -e a --cacert b --retries 0 --no-activity-log --no-input -v";
        let options = run(line);
        assert_eq!(options.base_url.as_deref(), Some("https://h"));
        assert_eq!(options.env_file, Some("a".into()));
        assert_eq!(options.cacert, Some("b".into()));
        assert_eq!(options.retries, 0);
        assert!(options.no_activity_log && options.no_input);
        assert_eq!(options.verbosity, Verbosity::Verbose);
        assert_eq!(run("-q").verbosity, Verbosity::Quiet);
        let print = print("-o c --min-ttl 1h");
        assert_eq!(print.output, Some("c".into()));
        assert_eq!(print.min_ttl, Some(Duration::from_secs(3600)));
    }

    #[test]
    fn formats() {
        for (name, format) in [
            ("json", Format::Json),
            ("token", Format::Token),
            ("header", Format::Header),
            ("env", Format::Env),
            ("claims", Format::Claims),
        ] {
            assert_eq!(print(&format!("-f {name}")).format, format);
        }
        assert_eq!(print("-r").format, Format::Token);
        assert!(usage("-f JSON").contains("it needs json, token, header, env or claims"));
    }

    #[test]
    fn a_hyphen_is_standard_input_or_output() {
        assert_eq!(print("-").email, None);
        assert_eq!(print("-- -").email, Some("-".into()));
        assert_eq!(print("-o -").output, None);
        assert!(matches!(
            run("--batch -").mode,
            Mode::Batch { file: None, .. }
        ));
    }

    #[test]
    fn help_and_version_win_whatever_else_is_given() {
        for line in [
            "--help",
            "-h -V",
            "--bogus -r -r --quiet=1 --timeout= a b --help",
            "-qvh",
            "--generate nothing -h",
        ] {
            assert_eq!(words(line), Ok(Invocation::Help), "{line}");
        }
        assert_eq!(words("x y -V -h"), Ok(Invocation::Version));
        assert!(
            matches!(words("-o --help"), Ok(Invocation::Run(_))),
            "it is a value there"
        );
        assert!(
            matches!(words("j@e.de -- curl --help"), Ok(Invocation::Run(_))),
            "it is curl's"
        );
    }

    #[test]
    fn mistakes_name_the_option() {
        for (line, expected) in [
            ("--bogus", "unknown option --bogus"),
            ("-x", "unknown option -x"),
            (
                "--subdomain",
                "option --subdomain needs a value: an Outseta subdomain such as acme",
            ),
            ("--subdomain=", "option --subdomain has an empty value"),
            ("-o ''", "option --output has an empty value"),
            ("--quiet=yes", "option --quiet takes no value"),
            ("-r --raw", "option --raw was given twice"),
            ("-s a -s a", "option --subdomain was given twice"),
            (
                "-r -f json",
                "options --raw and --format contradict each other",
            ),
            (
                "-q -v",
                "options --quiet and --verbose contradict each other",
            ),
            (
                "-s a --base-url b",
                "options --base-url and --subdomain contradict each other",
            ),
            (
                "--batch --check",
                "options --batch and --check contradict each other",
            ),
            (
                "a@e.de b@e.de",
                "unexpected argument 'b@e.de': there is one EMAIL",
            ),
            (
                "--batch a b",
                "unexpected argument 'b': --batch takes one FILE",
            ),
            (
                "--batch a -- b",
                "unexpected argument 'b': --batch takes one FILE",
            ),
            (
                "--batch ''",
                "option --batch has an empty value: it needs a file, or - for standard input",
            ),
            (
                "--check a",
                "unexpected argument 'a': --check takes no argument",
            ),
            ("--rate 1", "option --rate is of no use without --batch"),
            ("--batch -r", "option --raw is of no use with --batch"),
            (
                "--check --no-activity-log",
                "option --no-activity-log is of no use with --check",
            ),
            (
                "a@e.de -o x -- true",
                "option --output is of no use with a command",
            ),
            (
                "--min-ttl 1h",
                "option --min-ttl is of no use without -o FILE",
            ),
            (
                "--min-ttl 1h -o -",
                "option --min-ttl is of no use without -o FILE",
            ),
            (
                "--min-ttl 1h -o x -f claims",
                "option --min-ttl is of no use with --format claims",
            ),
            ("--generate man -q", "option --generate stands alone"),
            ("--generate man a@e.de", "option --generate stands alone"),
            ("--generate man --", "option --generate stands alone"),
            ("--generate info", "invalid value 'info' for --generate"),
            (
                "--timeout 0",
                "invalid value '0' for --timeout: it needs a duration",
            ),
            ("--timeout 0ms", "invalid value '0ms' for --timeout"),
            (
                "--retries -1",
                "invalid value '-1' for --retries: it needs a whole number",
            ),
            ("--retries 1.5", "invalid value '1.5' for --retries"),
            (
                "--retries 4294967296",
                "invalid value '4294967296' for --retries",
            ),
            ("a@e.de --", "no command behind --"),
            ("-- a@e.de --", "no command behind --"),
            ("- -- true", "with a command the email must be an argument"),
            ("--one --two", "unknown option --one"),
        ] {
            assert!(usage(line).starts_with(expected), "{line}: {}", usage(line));
        }
    }

    #[test]
    fn behind_two_hyphens_comes_the_email_then_the_command() {
        assert_eq!(
            print("-- --base-url=https://evil").email,
            Some("--base-url=https://evil".into())
        );
        assert_eq!(print("--").email, None);
        for line in [
            "a@e.de -q -- curl -r -- ''",
            "-q -- a@e.de curl -r -- ''",
            "-q -- a@e.de -- curl -r -- ''",
        ] {
            let Mode::Command { email, command } = run(line).mode else {
                panic!("{line}")
            };
            assert_eq!(email, "a@e.de");
            assert_eq!(command, ["curl", "-r", "--", ""]);
        }
        let Mode::Command { command, .. } = run("a@e.de -- --").mode else {
            panic!()
        };
        assert_eq!(command, ["--"]);
    }

    #[test]
    fn a_value_may_look_like_an_option() {
        assert_eq!(print("-o --").output, Some("--".into()));
        assert_eq!(print("--output -q j@e.de").output, Some("-q".into()));
    }

    #[test]
    fn modes() {
        assert_eq!(run("--check").mode, Mode::Check);
        let batch = |line: &str| match run(line).mode {
            Mode::Batch { file, pause } => (file, pause),
            other => panic!("{line} gave {other:?}"),
        };
        assert_eq!(batch("--batch"), (None, Duration::from_millis(250)));
        assert_eq!(
            batch("--batch f --rate 0"),
            (Some("f".into()), Duration::ZERO)
        );
        assert_eq!(
            batch("--rate=0.5 --batch -- -f"),
            (Some("-f".into()), Duration::from_secs(2))
        );
        for rate in ["-1", "-0", "nan", "inf", "1e-300", "x", "4/s"] {
            let usage = usage(&format!("--batch --rate {rate}"));
            assert!(usage.starts_with("invalid value"), "{rate}: {usage}");
        }
    }

    #[test]
    fn each_mode_takes_its_own_options() {
        let [print, command, batch, check] = ["", "j@e.de -- true", "--batch", "--check"];
        let all = &[print, command, batch, check][..];
        let table = [
            ("-f token", &[print][..]),
            ("-r", &[print]),
            ("-o f", &[print]),
            ("-o f --min-ttl 1s", &[print]),
            ("-s acme", all),
            ("--base-url u", all),
            ("-e f", all),
            ("--cacert f", all),
            ("--timeout 1s", all),
            ("--retries 1", all),
            ("--rate 1", &[batch]),
            ("--no-activity-log", &[print, command, batch]),
            ("--no-input", all),
            ("-q", all),
            ("-v", all),
        ];
        // All but --batch, --check, --generate, --help and --version.
        assert_eq!(table.len(), TABLE.len() - 5);
        for (option, modes) in table {
            for &mode in all {
                let line = format!("{option} {mode}");
                if modes.contains(&mode) {
                    assert!(matches!(words(&line), Ok(Invocation::Run(_))), "{line}");
                } else {
                    let usage = usage(&line);
                    assert!(usage.contains(" is of no use "), "{line}: {usage}");
                }
            }
        }
    }

    #[test]
    fn generated_texts() {
        for (name, generated) in [
            ("man", Generated::Man),
            ("complete-bash", Generated::Bash),
            ("complete-zsh", Generated::Zsh),
            ("complete-fish", Generated::Fish),
        ] {
            assert_eq!(
                words(&format!("--generate {name}")),
                Ok(Invocation::Generate(generated))
            );
        }
    }

    #[test]
    fn durations() {
        for (text, milliseconds) in [
            ("500ms", 500),
            ("0", 0),
            ("7", 7000),
            ("10s", 10_000),
            ("2m", 120_000),
            ("1h", 3_600_000),
            ("7d", 604_800_000),
            ("3660d", 3660 * 86_400_000),
        ] {
            assert_eq!(
                duration(text),
                Some(Duration::from_millis(milliseconds)),
                "{text}"
            );
        }
        let overflowing = ["3661d", "18446744073709551615d", "99999999999999999999"];
        for text in ["", "s", "1.5s", "-1s", "1 s", "1S", "1w", "+1"]
            .into_iter()
            .chain(overflowing)
        {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn arguments_need_not_be_utf8() {
        let bytes = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
        let parsed = parse([bytes(b"-o"), bytes(b"f\xff"), bytes(b"j\xff@e.de")]).unwrap();
        let Invocation::Run(Options {
            mode: Mode::Print(print),
            ..
        }) = parsed
        else {
            panic!()
        };
        assert_eq!(print.output, Some(PathBuf::from(bytes(b"f\xff"))));
        assert_eq!(print.email, Some(bytes(b"j\xff@e.de")));
        let error = parse([bytes(b"-s"), bytes(b"\xff")]).unwrap_err();
        assert_eq!(
            error,
            Error::Usage(Usage::NotUtf8 {
                option: "--subdomain"
            })
        );
        assert!(matches!(
            parse([bytes(b"--\xff")]),
            Err(Error::Usage(Usage::UnknownOption(_)))
        ));
    }

    #[test]
    fn the_table_is_sound() {
        for (at, spec) in TABLE.iter().enumerate() {
            assert!(
                spec.long.starts_with("--") && spec.long.len() > 3,
                "{spec:?}"
            );
            assert!(
                !spec.help.is_empty() && !spec.help.ends_with('.'),
                "{spec:?}"
            );
            for other in &TABLE[at + 1..] {
                assert!(
                    spec.long != other.long && spec.name != other.name,
                    "{spec:?}"
                );
                assert!(
                    spec.short.is_none() || spec.short != other.short,
                    "{spec:?}"
                );
            }
        }
    }

    fn config() -> Config {
        Config {
            failure_persistence: None,
            ..Config::with_cases(500)
        }
    }

    fn bytes(length: std::ops::Range<usize>) -> impl Strategy<Value = OsString> {
        vec(any::<u8>(), length).prop_map(OsString::from_vec)
    }

    /// An argument that means something, or nearly, or nothing.
    fn argument() -> impl Strategy<Value = OsString> {
        let names = TABLE.iter().flat_map(|spec| {
            let short = spec.short.map(|short| format!("-{short}"));
            short.into_iter().chain([spec.long.to_owned()])
        });
        let names: Vec<String> = names.collect();
        let values = [
            "1", "json", "man", "0", "", "-", "--", "j@e.de", "=", "-qv", "-s=a",
        ];
        prop_oneof![
            select(names.clone()).prop_map(OsString::from),
            (select(names), select(values.to_vec()))
                .prop_map(|(name, value)| format!("{name}={value}").into()),
            select(values.to_vec()).prop_map(OsString::from),
            bytes(0..6),
        ]
    }

    proptest! {
        #![proptest_config(config())]

        #[test]
        fn any_arguments_are_read(arguments in vec(argument(), 0..8)) {
            // What is asserted is that it returns.
            let _ = parse(arguments);
        }

        #[test]
        fn help_wins_in_front_of_whatever_follows(arguments in vec(argument(), 0..8)) {
            let arguments = [OsString::from("--help")].into_iter().chain(arguments);
            prop_assert_eq!(parse(arguments), Ok(Invocation::Help));
        }

        #[test]
        fn behind_two_hyphens_nothing_is_an_option(email in bytes(0..12)) {
            let arguments = [OsString::from("--"), email.clone()];
            let mut expected = run("");
            let Mode::Print(print) = &mut expected.mode else { panic!() };
            print.email = Some(email);
            prop_assert_eq!(parse(arguments), Ok(Invocation::Run(expected)));
        }

        #[test]
        fn an_equals_sign_and_a_space_are_the_same(
            spec in select(TABLE.iter().filter(|spec| spec.value.is_some()).collect::<Vec<_>>()),
            value in prop_oneof![argument(), bytes(1..8)],
        ) {
            let joined = [spec.long.as_bytes(), b"=", value.as_encoded_bytes()].concat();
            prop_assert_eq!(
                parse([spec.long.into(), value]),
                parse([OsString::from_vec(joined)])
            );
        }

        #[test]
        fn the_order_of_options_makes_no_difference(
            groups in subsequence(
                vec![
                    "-q", "--no-input", "-s acme", "-f token", "-o x", "--timeout=5", "--retries 1", "-e y",
                    "--cacert=z", "--no-activity-log", "j@e.de",
                ],
                0..=11,
            ),
            seed in any::<u64>(),
        ) {
            let mut shuffled = groups.clone();
            shuffled.sort_by_key(|group| {
                group.bytes().fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
            });
            prop_assert_eq!(words(&groups.join(" ")), words(&shuffled.join(" ")));
        }
    }
}
