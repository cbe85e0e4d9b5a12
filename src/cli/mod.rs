//! argv → what was typed. Help, man page and completions are made from the same option table. This room
//! does not know the environment or files.

pub(crate) mod help;
mod table;

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use self::table::{Kind, ModeName, Spec, TABLE, Value, find};
use crate::config::{self, BaseUrl, Origin, Sourced};
use crate::error::Error;
use crate::text::Shown;

/// What the command line asks for.
#[derive(Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "there is only one")]
pub(crate) enum Invocation {
    ShortHelp,
    Help,
    Version,
    Generate(Generated),
    Run(Options),
}

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
    /// From `--base-url` or `--subdomain`.
    pub(crate) base: Option<Sourced<BaseUrl>>,
    pub(crate) env_file: Option<PathBuf>,
    pub(crate) cacert: Option<PathBuf>,
    /// Total time for one email.
    pub(crate) timeout: Duration,
    /// After a temporary failure.
    pub(crate) retries: u32,
    pub(crate) no_activity_log: bool,
    pub(crate) no_input: bool,
    pub(crate) verbosity: Verbosity,
}

/// What to do, with the arguments and options that only this mode uses.
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
    /// `Some`: the output file is kept if its token is valid for at least this long.
    pub(crate) min_ttl: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Token,
    Header,
    Env,
    Claims,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verbosity {
    Quiet,
    Normal,
    Verbose,
}

/// Parses the arguments after the program's name.
///
/// # Errors
/// The first mistake, unless help or the version is asked for anywhere.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Invocation, Error> {
    let typed = Typed::read(arguments.into_iter().collect());
    if let Some(invocation) = typed.asks_for_text() {
        return Ok(invocation);
    }
    match typed.mistake {
        Some(mistake) => Err(mistake),
        None => typed.interpret(),
    }
}

const ONE_EMAIL: &str = "only one EMAIL can be given";

const SEE_HELP: &str = "see outseta-token --help";

fn mistake(message: impl Into<String>) -> Error {
    Error::usage(message, SEE_HELP)
}

/// The arguments by kind, in their order.
#[derive(Default)]
struct Typed {
    /// With the value, or, if the option takes none, its name as it was typed.
    options: Vec<(&'static Spec, OsString)>,
    positionals: Vec<OsString>,
    /// What comes after `--`, if that was given.
    rest: Option<Vec<OsString>>,
    /// The first mistake. Reading goes on, since help may follow.
    mistake: Option<Error>,
}

impl Typed {
    fn read(arguments: Vec<OsString>) -> Self {
        let mut typed = Self::default();
        let mut parser = lexopt::Parser::from_args(arguments);
        loop {
            // lexopt swallows `--`; between two arguments it can be seen. (`-o --` is read as a value below.)
            typed.rest = parser
                .try_raw_args()
                .and_then(|mut raw| raw.next_if(|argument| argument == "--").map(|_| raw.collect()));
            if typed.rest.is_some() {
                return typed;
            }
            let name = match parser.next() {
                Ok(None) => return typed,
                Ok(Some(lexopt::Arg::Value(value))) => {
                    typed.positional(value);
                    continue;
                }
                Ok(Some(lexopt::Arg::Short(short))) => format!("-{short}"),
                Ok(Some(lexopt::Arg::Long(long))) => format!("--{long}"),
                Err(lexopt::Error::UnexpectedValue { option, .. }) => {
                    typed.note(mistake(format!("{} takes no value", Shown::new(&option))));
                    continue;
                }
                Err(error) => {
                    typed.note(mistake(format!("unknown option {}", Shown::new(&error.to_string()))));
                    continue;
                }
            };
            match find(&name) {
                Some(spec) => typed.option(spec, &name, &mut parser),
                None => typed.note(unknown_option(&name)),
            }
        }
    }

    fn positional(&mut self, value: OsString) {
        let is_email = |argument: &OsString| argument.to_string_lossy().contains('@');
        // Noted at once: an option of the command may be the next mistake.
        if self.positionals.len() == 1 && is_email(&self.positionals[0]) && !is_email(&value) {
            self.note(Error::usage(
                format!("unexpected argument '{}': {ONE_EMAIL}", Shown::os(&value)),
                "to run a command, put -- before it: outseta-token EMAIL -- COMMAND",
            ));
        }
        self.positionals.push(value);
    }

    fn option(&mut self, spec: &'static Spec, name: &str, parser: &mut lexopt::Parser) {
        if self.has(spec.long()) {
            self.note(mistake(format!("{} was given twice", spec.long())));
        }
        let mut given = OsString::from(name);
        if let Some(value) = &spec.value {
            match parser.value() {
                Ok(value) if !value.is_empty() => given = value,
                typed => {
                    let problem =
                        if typed.is_ok() { "has an empty value: it needs" } else { "needs a value:" };
                    self.note(mistake(format!("{} {problem} {}", spec.long(), value.expected)));
                }
            }
        }
        self.options.push((spec, given));
    }

    fn note(&mut self, mistake: Error) {
        self.mistake.get_or_insert(mistake);
    }

    fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// `name` is the long one.
    fn value(&self, name: &str) -> Option<&OsStr> {
        debug_assert!(find(name).is_some_and(|spec| spec.long() == name), "{name} is not in the table");
        self.options.iter().find(|(spec, _)| spec.long() == name).map(|(_, value)| value.as_os_str())
    }

    fn asks_for_text(&self) -> Option<Invocation> {
        self.options.iter().find_map(|(spec, typed)| match spec.long() {
            "--help" if typed == "-h" => Some(Invocation::ShortHelp),
            "--help" => Some(Invocation::Help),
            "--version" => Some(Invocation::Version),
            _ => None,
        })
    }

    fn interpret(self) -> Result<Invocation, Error> {
        if let Some(generated) = self.generate()? {
            return Ok(Invocation::Generate(generated));
        }
        self.refuse_both("--raw", "--format")?;
        self.refuse_both("--quiet", "--verbose")?;
        self.refuse_both("--base-url", "--subdomain")?;
        self.refuse_both("--batch", "--check")?;
        let option = |name, text: &str| Sourced::new(text.to_owned(), Origin::Option(name));
        Ok(Invocation::Run(Options {
            mode: self.mode()?,
            base: match (self.text("--base-url")?, self.text("--subdomain")?) {
                (Some(url), _) => Some(config::base_url(option("--base-url", url))?),
                (None, Some(name)) => Some(config::subdomain(option("--subdomain", name))?),
                (None, None) => None,
            },
            env_file: self.value("--env-file").map(PathBuf::from),
            cacert: self.value("--cacert").map(PathBuf::from),
            timeout: self.parsed("--timeout", timeout)?.unwrap_or(Duration::from_secs(30)),
            retries: self.parsed("--retries", |text| text.parse().ok())?.unwrap_or(2),
            no_activity_log: self.has("--no-activity-log"),
            no_input: self.has("--no-input"),
            verbosity: match (self.has("--quiet"), self.has("--verbose")) {
                (true, _) => Verbosity::Quiet,
                (_, true) => Verbosity::Verbose,
                _ => Verbosity::Normal,
            },
        }))
    }

    fn generate(&self) -> Result<Option<Generated>, Error> {
        let texts = [Generated::Man, Generated::Bash, Generated::Zsh, Generated::Fish];
        let generated = self.chosen("--generate", texts)?;
        let alone = self.options.len() == 1 && self.positionals.is_empty() && self.rest.is_none();
        if generated.is_some() && !alone {
            return Err(mistake("--generate cannot be combined with other arguments"));
        }
        Ok(generated)
    }

    fn refuse_both(&self, one: &str, other: &str) -> Result<(), Error> {
        if self.has(one) && self.has(other) {
            return Err(mistake(format!("{one} and {other} cannot be used together")));
        }
        Ok(())
    }

    fn mode(&self) -> Result<Mode, Error> {
        if self.has("--batch") {
            return self.batch();
        }
        if self.has("--check") {
            self.reject_unused(ModeName::Check, "with --check")?;
            no_more(
                self.positionals.iter().chain(self.rest.iter().flatten()).next(),
                "--check takes no argument",
            )?;
            return Ok(Mode::Check);
        }
        match self.email_and_command()? {
            (email, None) => {
                self.reject_unused(ModeName::Print, "without --batch")?;
                self.print(email.cloned()).map(Mode::Print)
            }
            (_, Some([])) => Err(Error::usage(
                "no command after --",
                "write the command after it: outseta-token jane@example.com -- COMMAND",
            )),
            (email, Some(command)) => {
                self.reject_unused(ModeName::Command, "with a command")?;
                let email = email.ok_or_else(|| {
                    Error::usage(
                        "with a command, the email must be an argument: the command reads standard input",
                        "write the email before it: outseta-token jane@example.com -- COMMAND",
                    )
                })?;
                Ok(Mode::Command { email: email.clone(), command: command.to_vec() })
            }
        }
    }

    /// EMAIL, unless it comes from standard input, and COMMAND with its arguments.
    fn email_and_command(&self) -> Result<(Option<&OsString>, Option<&[OsString]>), Error> {
        no_more(self.positionals.get(1), ONE_EMAIL)?;
        let rest = self.rest.as_deref();
        if let Some(email) = self.positionals.first() {
            if rest.is_none() {
                refuse_option_name(email)?;
            }
            return Ok((Some(email).filter(|email| *email != "-"), rest));
        }
        // After `--` the email may be untrusted: there, `-` does not mean standard input.
        Ok(match rest {
            None | Some([]) => (None, None),
            Some([email]) => (Some(email), None),
            // `-- "$EMAIL" -- COMMAND` is what careful scripts write.
            Some([email, dashes, command @ ..]) if dashes == "--" => (Some(email), Some(command)),
            Some([email, command @ ..]) => (Some(email), Some(command)),
        })
    }

    fn batch(&self) -> Result<Mode, Error> {
        self.reject_unused(ModeName::Batch, "with --batch")?;
        let mut files = self.positionals.iter().chain(self.rest.iter().flatten());
        let file = files.next().filter(|file| *file != "-");
        no_more(files.next(), "--batch takes one FILE")?;
        if file.is_some_and(|file| file.is_empty()) {
            return Err(mistake("--batch has an empty FILE: it needs a file, or - for standard input"));
        }
        let pause = self.parsed("--rate", pause)?;
        Ok(Mode::Batch { file: file.map(PathBuf::from), pause: pause.unwrap_or(Duration::from_millis(250)) })
    }

    fn print(&self, email: Option<OsString>) -> Result<Print, Error> {
        let formats = [Format::Json, Format::Token, Format::Header, Format::Env, Format::Claims];
        let default = if self.has("--raw") { Format::Token } else { Format::Json };
        let format = self.chosen("--format", formats)?.unwrap_or(default);
        let output = self.value("--output").filter(|file| *file != "-").map(PathBuf::from);
        let min_ttl = self.parsed("--min-ttl", duration)?;
        let unused = match (min_ttl, &output, format) {
            (Some(_), None, _) => "without -o FILE",
            (Some(_), _, Format::Claims) => "with --format claims, which has no token",
            _ => return Ok(Print { email, format, output, min_ttl }),
        };
        Err(Error::usage(
            format!("--min-ttl cannot be used {unused}"),
            "with -o FILE, --min-ttl keeps FILE if its token is valid for at least DURATION",
        ))
    }

    fn reject_unused(&self, mode: ModeName, phrase: &str) -> Result<(), Error> {
        match self.options.iter().find(|(spec, _)| !spec.modes.contains(&mode)) {
            Some((spec, _)) => Err(mistake(format!("{} cannot be used {phrase}", spec.long()))),
            None => Ok(()),
        }
    }

    fn text(&self, name: &str) -> Result<Option<&str>, Error> {
        let not_utf8 = || mistake(format!("the value of {name} is not valid UTF-8"));
        self.value(name).map(|value| value.to_str().ok_or_else(not_utf8)).transpose()
    }

    fn parsed<T>(&self, name: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, Error> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        parse(text).map(Some).ok_or_else(|| {
            let expected = find(name).and_then(|spec| spec.value.as_ref()).map_or("", |value| value.expected);
            Error::usage(
                format!("invalid value '{}' for {name}: it needs {expected}", Shown::new(text)),
                did_you_mean(text, choices(name).iter().copied()),
            )
        })
    }

    /// The one of `values` that was chosen; they are in the order of the option's choices.
    fn chosen<T, const N: usize>(&self, name: &str, values: [T; N]) -> Result<Option<T>, Error> {
        let choices = choices(name).iter();
        self.parsed(name, |text| {
            choices.zip(values).find(|(choice, _)| **choice == text).map(|(_, value)| value)
        })
    }
}

fn choices(name: &str) -> &'static [&'static str] {
    match find(name).and_then(|spec| spec.value.as_ref()) {
        Some(Value { kind: Kind::Choice(choices), .. }) => choices,
        _ => &[],
    }
}

fn no_more(argument: Option<&OsString>, takes: &str) -> Result<(), Error> {
    match argument {
        Some(extra) => Err(mistake(format!("unexpected argument '{}': {takes}", Shown::os(extra)))),
        None => Ok(()),
    }
}

/// `outseta-token check` means `--check`.
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
            "no secret is an option: set OUTSETA_API_KEY and OUTSETA_API_SECRET in the environment".to_owned()
        }
        "--password" => "no password is needed: the program uses the account's API key".to_owned(),
        "--token" => "to print only the token, use --raw".to_owned(),
        _ => did_you_mean(name, TABLE.iter().map(Spec::long)),
    };
    Error::usage(format!("unknown option {}", Shown::new(name)), hint)
}

/// A hint that names the word most like `typed`, if one is.
fn did_you_mean<'a>(typed: &str, words: impl Iterator<Item = &'a str>) -> String {
    let typed = typed.to_lowercase();
    let near = |word: &&str| word.starts_with(&typed) && typed.len() > 3 || distance(&typed, word) <= 2;
    match words.filter(near).min_by_key(|word| distance(&typed, word)) {
        Some(word) => format!("did you mean {word}?"),
        None => SEE_HELP.to_owned(),
    }
}

/// The Levenshtein distance.
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
const LONGEST: Duration = Duration::from_secs(10 * 366 * 24 * 60 * 60);

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

fn timeout(text: &str) -> Option<Duration> {
    duration(text).filter(|timeout| !timeout.is_zero())
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
