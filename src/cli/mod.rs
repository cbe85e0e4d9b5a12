//! Parses argv; reads neither the environment nor files. Help, man page and completions are made from the
//! same option table.

mod help;
mod table;

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use self::table::{FORMATS, ModeName, Spec, TABLE, ValueKind, find};
use crate::config::{self, BaseUrl, Origin, Sourced};
use crate::error::Error;
use crate::text::Shown;

#[derive(Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "only one value exists")]
pub(crate) enum Invocation {
    /// Text to print, such as help.
    Text(String),
    Run(Options),
}

#[derive(Debug, PartialEq)]
pub(crate) struct Options {
    pub(crate) mode: Mode,
    pub(crate) base: Option<Sourced<BaseUrl>>,
    pub(crate) env_file: Option<PathBuf>,
    pub(crate) cacert: Option<PathBuf>,
    /// Total time for one email.
    pub(crate) timeout: Duration,
    pub(crate) retries: u32,
    /// The only customer account whose tokens are accepted.
    pub(crate) account: Option<String>,
    pub(crate) no_activity_log: bool,
    pub(crate) no_input: bool,
    pub(crate) verbosity: Verbosity,
}

/// With the arguments and options that only this mode uses.
#[derive(Debug, PartialEq)]
pub(crate) enum Mode {
    Print(Print),
    Command {
        email: OsString,
        program: OsString,
        arguments: Vec<OsString>,
    },
    Batch {
        /// `None`: standard input.
        file: Option<PathBuf>,
        /// From the end of a request to the start of the next.
        pause: Duration,
    },
    Check,
}

#[derive(Debug, PartialEq)]
pub(crate) struct Print {
    /// `None`: standard input.
    pub(crate) email: Option<OsString>,
    pub(crate) format: Format,
    /// `None`: standard output.
    pub(crate) output: Option<PathBuf>,
    pub(crate) min_ttl: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Format {
    Json,
    Token,
    Header,
    Env,
    Claims,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Verbosity {
    Quiet,
    Normal,
    Verbose,
}

/// Parses the arguments after the program's name. Help and the version win over any mistake.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Invocation, Error> {
    let mut typed = Typed::default();
    let read = typed.read(arguments.into_iter().collect());
    if let Some(text) = typed.requested_text() {
        return Ok(Invocation::Text(text));
    }
    read?;
    typed.interpret()
}

const ONE_EMAIL: &str = "only one EMAIL can be given";

const SEE_HELP: &str = "see outseta-token --help";

fn mistake(message: impl Into<String>) -> Error {
    Error::usage(message, SEE_HELP)
}

#[derive(Default)]
struct Typed {
    /// Each with its value or, for a flag, its name as typed.
    options: Vec<(&'static Spec, OsString)>,
    positionals: Vec<OsString>,
    /// What comes after `--`, if that was given.
    rest: Option<Vec<OsString>>,
}

impl Typed {
    /// Reads on after the first mistake, which it returns, since help may follow.
    fn read(&mut self, arguments: Vec<OsString>) -> Result<(), Error> {
        let mut parser = lexopt::Parser::from_args(arguments);
        let mut result = Ok(());
        loop {
            // lexopt drops `--`: look for it before each argument. (`option` consumes the `--` in `-o --`.)
            self.rest = parser
                .try_raw_args()
                .and_then(|mut raw| raw.next_if(|argument| argument == "--").map(|_| raw.collect()));
            if self.rest.is_some() {
                return result;
            }
            let argument = match parser.next() {
                Ok(None) => return result,
                Ok(Some(lexopt::Arg::Value(value))) => self.positional(value),
                Ok(Some(lexopt::Arg::Short(short))) => self.option(format!("-{short}"), &mut parser),
                Ok(Some(lexopt::Arg::Long(long))) => self.option(format!("--{long}"), &mut parser),
                Err(lexopt::Error::UnexpectedValue { option, .. }) => {
                    Err(mistake(format!("{} takes no value", Shown::new(&option))))
                }
                Err(error) => Err(mistake(format!("unknown option {}", Shown::new(&error.to_string())))),
            };
            result = result.and(argument);
        }
    }

    fn positional(&mut self, value: OsString) -> Result<(), Error> {
        refuse_misspelt_option(&value)?;
        self.positionals.push(value);
        match &self.positionals[..] {
            // `outseta-token EMAIL ls -l`: say that `--` is missing before `-l` is reported as unknown.
            [email, extra] if is_email(email) && !is_email(extra) => Err(Error::usage(
                format!("unexpected argument '{}': {ONE_EMAIL}", Shown::os(extra)),
                "to run a command, put -- before it: outseta-token EMAIL -- COMMAND",
            )),
            _ => Ok(()),
        }
    }

    fn option(&mut self, name: String, parser: &mut lexopt::Parser) -> Result<(), Error> {
        let spec = find(&name).ok_or_else(|| unknown_option(&name))?;
        let (long, expected) = (spec.long(), spec.expected);
        let typed = match spec.kind {
            ValueKind::Flag => name.into(),
            _ => parser.value().map_err(|_| mistake(format!("{long} needs a value: {expected}")))?,
        };
        if typed.is_empty() {
            return Err(mistake(format!("{long} has an empty value: it needs {expected}")));
        }
        if self.has(long) {
            return Err(mistake(format!("{long} was given twice")));
        }
        self.options.push((spec, typed));
        Ok(())
    }

    fn has(&self, long: &str) -> bool {
        self.value(long).is_some()
    }

    fn value(&self, long: &str) -> Option<&OsStr> {
        self.options.iter().find(|(spec, _)| spec.long() == long).map(|(_, value)| value.as_os_str())
    }

    fn requested_text(&self) -> Option<String> {
        self.options.iter().find_map(|(spec, typed)| match spec.long() {
            "--help" if typed == "-h" => Some(help::short()),
            "--help" => Some(help::help()),
            "--version" => Some(help::version()),
            _ => None,
        })
    }

    fn interpret(self) -> Result<Invocation, Error> {
        if let Some(text) = self.parsed("--generate", help::generate)? {
            if self.options.len() > 1 || !self.positionals.is_empty() || self.rest.is_some() {
                return Err(mistake("--generate cannot be combined with other arguments"));
            }
            return Ok(Invocation::Text(text));
        }
        for (one, other) in [
            ("--raw", "--format"),
            ("--quiet", "--verbose"),
            ("--base-url", "--subdomain"),
            ("--batch", "--check"),
        ] {
            if self.has(one) && self.has(other) {
                return Err(mistake(format!("{one} and {other} cannot be used together")));
            }
        }
        let timeout = |text: &str| duration(text).filter(|timeout| !timeout.is_zero());
        Ok(Invocation::Run(Options {
            mode: self.mode()?,
            base: match (self.sourced("--base-url")?, self.sourced("--subdomain")?) {
                (Some(url), _) => Some(config::base_url(url)?),
                (None, name) => name.map(config::subdomain).transpose()?,
            },
            env_file: self.value("--env-file").map(PathBuf::from),
            cacert: self.value("--cacert").map(PathBuf::from),
            timeout: self.parsed("--timeout", timeout)?.unwrap_or(Duration::from_secs(30)),
            retries: self.parsed("--retries", |text| text.parse().ok())?.unwrap_or(2),
            account: self.text("--account")?.map(str::to_owned),
            no_activity_log: self.has("--no-activity-log"),
            no_input: self.has("--no-input"),
            verbosity: match (self.has("--quiet"), self.has("--verbose")) {
                (true, _) => Verbosity::Quiet,
                (_, true) => Verbosity::Verbose,
                _ => Verbosity::Normal,
            },
        }))
    }

    fn mode(&self) -> Result<Mode, Error> {
        let mut arguments = self.positionals.iter().chain(self.rest.iter().flatten());
        if self.has("--check") {
            self.reject_unused(ModeName::Check, "with --check")?;
            no_more(arguments.next(), "--check takes no argument")?;
            return Ok(Mode::Check);
        }
        if self.has("--batch") {
            self.reject_unused(ModeName::Batch, "with --batch")?;
            let file = arguments.next().filter(|file| *file != "-").map(PathBuf::from);
            no_more(arguments.next(), "--batch takes one FILE")?;
            if file.as_ref().is_some_and(|file| file.as_os_str().is_empty()) {
                return Err(mistake("--batch has an empty FILE: it needs a file, or - for standard input"));
            }
            let pause = self.parsed("--rate", pause)?.unwrap_or(Duration::from_millis(250));
            return Ok(Mode::Batch { file, pause });
        }
        if let Some(word) = self.positionals.first() {
            refuse_option_name(word)?;
        }
        no_more(self.positionals.get(1), ONE_EMAIL)?;
        match (self.positionals.first(), self.rest.as_deref()) {
            (None, None | Some([])) => self.print(None),
            (Some(email), None) => self.print(Some(email).filter(|email| *email != "-")),
            (Some(email), Some([_, ..])) if email == "-" => Err(Error::usage(
                "the email cannot come from standard input when a command is given: the command uses it",
                "write the email before it: outseta-token jane@example.com -- COMMAND",
            )),
            // After `--` the email may be untrusted: there, `-` does not mean standard input.
            (None, Some([email])) => self.print(Some(email)),
            // `-- "$EMAIL" -- COMMAND` is what careful scripts write.
            (None, Some([email, dashes, command @ ..])) if dashes == "--" => self.command(email, command),
            (None, Some([email, command @ ..])) | (Some(email), Some(command)) => {
                self.command(email, command)
            }
        }
    }

    fn command(&self, email: &OsString, command: &[OsString]) -> Result<Mode, Error> {
        let Some((program, arguments)) = command.split_first() else {
            return Err(Error::usage(
                "no command after --",
                "write the command after it: outseta-token jane@example.com -- COMMAND",
            ));
        };
        self.reject_unused(ModeName::Command, "with a command")?;
        Ok(Mode::Command { email: email.clone(), program: program.clone(), arguments: arguments.to_vec() })
    }

    fn print(&self, email: Option<&OsString>) -> Result<Mode, Error> {
        self.reject_unused(ModeName::Print, "without --batch")?;
        let named =
            |text: &str| FORMATS.iter().find(|(name, ..)| *name == text).map(|(_, format, _)| *format);
        let default = if self.has("--raw") { Format::Token } else { Format::Json };
        let format = self.parsed("--format", named)?.unwrap_or(default);
        let output = self.value("--output").filter(|file| *file != "-").map(PathBuf::from);
        let is_email_alone = |file: &PathBuf| is_email(file) && !file.to_string_lossy().contains('/');
        if email.is_none() && self.positionals.is_empty() && output.as_ref().is_some_and(is_email_alone) {
            return Err(Error::usage(
                "--output has a FILE that looks like an email, and there is no EMAIL",
                "write -o FILE jane@example.com, or - as EMAIL to read it from standard input",
            ));
        }
        let min_ttl = self.parsed("--min-ttl", duration)?;
        let unused = match (min_ttl, &output, format) {
            (Some(_), None, _) => "without -o FILE",
            (Some(_), _, Format::Claims) => "with --format claims, which has no token",
            _ => return Ok(Mode::Print(Print { email: email.cloned(), format, output, min_ttl })),
        };
        Err(Error::usage(
            format!("--min-ttl cannot be used {unused}"),
            "--min-ttl keeps the token in FILE if it is valid for at least DURATION",
        ))
    }

    fn reject_unused(&self, mode: ModeName, phrase: &str) -> Result<(), Error> {
        match self.options.iter().find(|(spec, _)| !spec.modes.contains(&mode)) {
            Some((spec, _)) => {
                let message = format!("{} cannot be used {phrase}", spec.long());
                let hint = if spec.long() == "--output" {
                    "redirect standard output to the file: > FILE"
                } else {
                    SEE_HELP
                };
                Err(Error::usage(message, hint))
            }
            None => Ok(()),
        }
    }

    fn text(&self, long: &str) -> Result<Option<&str>, Error> {
        let not_utf8 = || mistake(format!("the value of {long} is not valid UTF-8"));
        self.value(long).map(|value| value.to_str().ok_or_else(not_utf8)).transpose()
    }

    fn sourced(&self, long: &'static str) -> Result<Option<Sourced<String>>, Error> {
        let text = self.text(long)?;
        Ok(text.map(|text| Sourced::new(text.to_owned(), Origin::Option(long))))
    }

    fn parsed<T>(&self, long: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Error> {
        let Some(text) = self.text(long)? else { return Ok(None) };
        parse(text).map(Some).ok_or_else(|| {
            let spec = find(long).expect("the option was given");
            let hint = match spec.kind {
                ValueKind::Choice(words) => did_you_mean(text, words.split(' ')),
                _ => SEE_HELP.to_owned(),
            };
            let shown = Shown::new(text);
            Error::usage(format!("invalid value '{shown}' for {long}: it needs {}", spec.expected), hint)
        })
    }
}

fn no_more(argument: Option<&OsString>, takes: &str) -> Result<(), Error> {
    match argument {
        Some(extra) => Err(mistake(format!("unexpected argument '{}': {takes}", Shown::os(extra)))),
        None => Ok(()),
    }
}

fn is_email(argument: impl AsRef<OsStr>) -> bool {
    argument.as_ref().to_string_lossy().contains('@')
}

/// Text editors and chats replace a hyphen by a dash, and `10 sec` is two arguments.
fn refuse_misspelt_option(argument: &OsStr) -> Result<(), Error> {
    let text = argument.to_string_lossy();
    let hint = if text.starts_with(['–', '—', '−']) && !is_email(argument) {
        "it starts with a long dash: type a hyphen instead, as in -r"
    } else if ["ms", "sec", "seconds", "min", "minutes", "hours", "days"].contains(&&*text) {
        "write a duration as one word, such as 10s or 2m"
    } else {
        return Ok(());
    };
    Err(Error::usage(format!("unexpected argument '{}'", Shown::new(&text)), hint))
}

/// `outseta-token check` was probably meant as `--check`.
fn refuse_option_name(word: &OsStr) -> Result<(), Error> {
    let message = || format!("unexpected argument '{}'", Shown::os(word));
    match word.to_str().and_then(|word| find(&format!("--{word}"))) {
        Some(spec) => Err(Error::usage(message(), format!("did you mean {}?", spec.long()))),
        None => Ok(()),
    }
}

fn unknown_option(name: &str) -> Error {
    let hint = match name {
        "--api-key" | "--key" | "--api-secret" | "--secret" => {
            "secrets cannot be passed as options: set OUTSETA_API_KEY and OUTSETA_API_SECRET in the environment".to_owned()
        }
        "--password" => "no password is needed: the program uses the account's API key".to_owned(),
        "--token" => "to print only the token, use --raw".to_owned(),
        "--proxy" => "set https_proxy in the environment".to_owned(),
        "-k" | "--insecure" => {
            "certificates are always checked; to trust another issuer, use --cacert FILE".to_owned()
        }
        _ if FORMATS.iter().any(|(format, ..)| name.strip_prefix("--") == Some(format)) => {
            format!("did you mean --format {}?", &name[2..])
        }
        _ => did_you_mean(name, TABLE.iter().map(Spec::long)),
    };
    Error::usage(format!("unknown option {}", Shown::new(name)), hint)
}

fn did_you_mean<'a>(typed: &str, words: impl Iterator<Item = &'a str>) -> String {
    let typed = typed.to_lowercase();
    let near = |word: &&str| word.starts_with(&typed) && typed.len() > 3 || distance(&typed, word) <= 2;
    match words.filter(near).min_by_key(|word| distance(&typed, word)) {
        Some(word) => format!("did you mean {word}?"),
        None => SEE_HELP.to_owned(),
    }
}

/// The Levenshtein distance, in bytes.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, a) in one.bytes().enumerate() {
        let mut diagonal = above;
        row[0] = above + 1;
        for (at, b) in other.bytes().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[at + 1];
            row[at + 1] = replaced.min(diagonal + 1).min(row[at] + 1);
        }
    }
    row[other.len()]
}

/// The longest duration: small enough to be added to any clock.
const LONGEST: Duration = Duration::from_secs(3660 * 24 * 60 * 60);

/// `500ms`, `10s`, `2m`, `1h`, `7d`, or a bare number of seconds.
fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
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
    Some(Duration::from_millis(number.checked_mul(milliseconds)?)).filter(|duration| *duration <= LONGEST)
}

/// The pause between requests, for a rate in requests a second.
fn pause(rate: &str) -> Option<Duration> {
    let rate: f64 = rate.parse().ok().filter(|rate: &f64| rate.is_finite() && !rate.is_sign_negative())?;
    if rate == 0.0 {
        return Some(Duration::ZERO);
    }
    Duration::try_from_secs_f64(1.0 / rate).ok().filter(|pause| *pause <= LONGEST)
}

#[cfg(test)]
mod tests;
