//! argv → what was typed. The option table stands here, and help, man page and completions are made from it. It knows
//! neither the environment nor any file: whether a value makes sense on this machine is found out later.

pub(crate) mod help;
mod table;

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use self::table::{ModeName, Name, Spec, find, spec};
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
            typed.rest = parser
                .try_raw_args()
                .and_then(|mut raw| raw.next_if(|argument| argument == "--").map(|_| raw.collect()));
            if typed.rest.is_some() {
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
                    typed.note(Usage::UnexpectedValue { option: Shown::new(&option) });
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
                    self.note(Usage::EmptyValue { option: spec.long, expected: value.expected });
                }
                Ok(text) => given = text,
                Err(_) => self.note(Usage::MissingValue { option: spec.long, expected: value.expected }),
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
        self.options.iter().find(|(spec, _)| spec.name == name).map(|(_, value)| value.as_os_str())
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
                .parsed(Name::Timeout, |text| duration(text).filter(|timeout| !timeout.is_zero()))?
                .unwrap_or(Duration::from_secs(30)),
            retries: self.parsed(Name::Retries, |text| text.parse().ok())?.unwrap_or(2),
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
            if file.as_ref().is_some_and(|file| file.as_os_str().is_empty()) {
                return Err(Usage::EmptyValue {
                    option: spec(Name::Batch).long,
                    expected: "a file, or - for standard input",
                });
            }
            return Ok(Mode::Batch { file, pause: self.pause()? });
        }
        if self.has(Name::Check) {
            self.only(ModeName::Check, "with --check")?;
            no_more(self.positionals.iter().chain(after).next(), "--check takes no argument")?;
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
        let output = self.value(Name::Output).filter(|file| *file != "-").map(PathBuf::from);
        let min_ttl = self.parsed(Name::MinTtl, duration)?;
        if min_ttl.is_some() && output.is_none() {
            return Err(Usage::MinTtl("without -o FILE"));
        }
        if min_ttl.is_some() && format == Format::Claims {
            return Err(Usage::MinTtl("with --format claims, which holds no token"));
        }
        Ok(Print { email, format, output, min_ttl })
    }

    fn pause(&self) -> Result<Duration, Usage> {
        let pause = self.parsed(Name::Rate, |text| {
            let rate: f64 =
                text.parse().ok().filter(|rate: &f64| rate.is_finite() && !rate.is_sign_negative())?;
            if rate == 0.0 {
                return Some(Duration::ZERO);
            }
            Duration::try_from_secs_f64(1.0 / rate).ok().filter(|pause| *pause <= LONGEST)
        })?;
        Ok(pause.unwrap_or(Duration::from_millis(250)))
    }

    /// Refuses options that a mode does not use.
    fn only(&self, mode: ModeName, phrase: &'static str) -> Result<(), Usage> {
        let unused = |(spec, _): &&(&Spec, OsString)| !spec.modes.contains(&mode);
        match self.options.iter().find(unused) {
            Some((spec, _)) => Err(Usage::NotInMode { option: spec.long, mode: phrase }),
            None => Ok(()),
        }
    }

    fn text(&self, name: Name) -> Result<Option<&str>, Usage> {
        self.value(name)
            .map(|value| value.to_str().ok_or(Usage::NotUtf8 { option: spec(name).long }))
            .transpose()
    }

    fn parsed<T>(&self, name: Name, parse: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, Usage> {
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

fn no_more(argument: Option<&OsString>, takes: &'static str) -> Result<(), Usage> {
    match argument {
        Some(value) => Err(Usage::ExtraArgument { value: Shown::os(value), takes }),
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

#[cfg(test)]
mod tests;
