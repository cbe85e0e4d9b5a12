//! The command line as typed: options with their values, and arguments. Each option is known and has a value
//! if it needs one; what the values mean is decided elsewhere.

use std::ffi::{OsStr, OsString};

use super::options::{ModeName, OUTPUT, Spec, find};
use super::suggest::{self, SEE_HELP, did_you_mean};
use super::{ONE_EMAIL, mistake};
use crate::error::Error;
use crate::text::Sanitized;

#[derive(Default)]
pub(super) struct RawArgs {
    /// A flag has no value.
    options: Vec<(&'static Spec, Option<OsString>)>,
    /// The arguments before `--`.
    pub(super) positionals: Vec<OsString>,
    /// The arguments after `--`; `None` without it.
    pub(super) rest: Option<Vec<OsString>>,
}

impl RawArgs {
    /// Returns the first mistake, but reads to the end, because a later `--help` wins.
    pub(super) fn read(&mut self, arguments: Vec<OsString>) -> Result<(), Error> {
        let mut parser = lexopt::Parser::from_args(arguments);
        let mut result = Ok(());
        loop {
            // lexopt swallows `--` without reporting it, so look for it before each argument. In `-o --`, it
            // is the value of -o, which `push_option` has already taken.
            let rest = parser
                .try_raw_args()
                .and_then(|mut raw| raw.next_if(|argument| argument == "--").map(|_| raw.collect()));
            if rest.is_some() {
                self.rest = rest;
                return result;
            }
            let pushed = match parser.next() {
                Ok(None) => return result,
                Ok(Some(lexopt::Arg::Value(value))) => self.push_positional(value),
                Ok(Some(lexopt::Arg::Short(short))) => self.push_option(&format!("-{short}"), &mut parser),
                Ok(Some(lexopt::Arg::Long(long))) => self.push_option(&format!("--{long}"), &mut parser),
                Err(lexopt::Error::UnexpectedValue { option, .. }) => {
                    Err(mistake(format!("{} takes no value", Sanitized::new(&option))))
                }
                Err(error) => Err(mistake(format!("unknown option {}", Sanitized::new(&error.to_string())))),
            };
            result = result.and(pushed);
        }
    }

    fn push_positional(&mut self, value: OsString) -> Result<(), Error> {
        if let Some(hint) = suggest::for_argument(&value.to_string_lossy()) {
            return Err(Error::usage(format!("unexpected argument '{}'", Sanitized::os(&value)), hint));
        }
        self.positionals.push(value);
        match &self.positionals[..] {
            // `outseta-token EMAIL ls -l`: say that `--` is missing before -l is reported as unknown.
            [email, extra] if has_at(email) && !has_at(extra) => Err(Error::usage(
                format!("unexpected argument '{}': {ONE_EMAIL}", Sanitized::os(extra)),
                "to run a command, put -- before it: outseta-token EMAIL -- COMMAND",
            )),
            _ => Ok(()),
        }
    }

    fn push_option(&mut self, name: &str, parser: &mut lexopt::Parser) -> Result<(), Error> {
        let Some(spec) = find(name) else {
            let message = format!("unknown option {}", Sanitized::new(name));
            return Err(Error::usage(message, suggest::for_option(name)));
        };
        let (long, mut value) = (spec.long(), None);
        if let Some(placeholder) = spec.placeholder() {
            let given =
                parser.value().map_err(|_| mistake(format!("{long} needs a value: {placeholder}")))?;
            if given.is_empty() {
                return Err(mistake(format!("{long} has an empty value: it needs {placeholder}")));
            }
            value = Some(given);
        }
        if self.has(spec) {
            return Err(mistake(format!("{long} was given twice")));
        }
        self.options.push((spec, value));
        Ok(())
    }

    /// The options in the order in which they were given.
    pub(super) fn options(&self) -> impl Iterator<Item = &'static Spec> {
        self.options.iter().map(|(spec, _)| *spec)
    }

    pub(super) fn has(&self, spec: &Spec) -> bool {
        self.options().any(|given| given.is(spec))
    }

    pub(super) fn value(&self, spec: &Spec) -> Option<&OsStr> {
        let (_, value) = self.options.iter().find(|(given, _)| given.is(spec))?;
        value.as_deref()
    }

    pub(super) fn text(&self, spec: &Spec) -> Result<Option<&str>, Error> {
        let not_utf8 = || mistake(format!("the value of {} is not valid UTF-8", spec.long()));
        self.value(spec).map(|value| value.to_str().ok_or_else(not_utf8)).transpose()
    }

    /// The parsed value, else the parsed default; `None` if there is neither.
    pub(super) fn parsed<T>(
        &self,
        spec: &Spec,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        let Some(text) = self.text(spec)?.or(spec.default) else { return Ok(None) };
        parse(text).map(Some).ok_or_else(|| {
            let hint = did_you_mean(text, (spec.choices)().into_iter());
            let (shown, long) = (Sanitized::new(text), spec.long());
            Error::usage(format!("invalid value '{shown}' for {long}: it needs {}", spec.needed()), hint)
        })
    }

    /// Refuses the first option that this mode does not use.
    pub(super) fn reject_unused(&self, mode: ModeName) -> Result<(), Error> {
        let Some(spec) = self.options().find(|spec| !spec.modes.contains(&mode)) else { return Ok(()) };
        let needed = || spec.modes.iter().filter_map(|mode| mode.selector()).collect::<Vec<_>>().join(" or ");
        let reason = mode
            .selector()
            .map_or_else(|| format!("without {}", needed()), |selector| format!("with {selector}"));
        let hint = if spec.is(&OUTPUT) { "redirect standard output to the file: > FILE" } else { SEE_HELP };
        Err(Error::usage(format!("{} cannot be used {reason}", spec.long()), hint))
    }
}

/// Whether an argument is more likely an email than anything else.
pub(super) fn has_at(argument: impl AsRef<OsStr>) -> bool {
    argument.as_ref().to_string_lossy().contains('@')
}
