//! Turns argv into an [`Invocation`]: what to do, with which options. It reads neither the environment nor
//! files.

mod docs;
mod options;
mod raw_args;
mod suggest;
mod values;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use self::options::{ModeName, Spec, find};
use self::raw_args::{RawArgs, has_at};
use self::suggest::SEE_HELP;
use crate::api::Policy;
use crate::config::{self, Given, Origin, Sourced};
use crate::error::Error;
use crate::modes::{Command, Common, Mode, Print};
use crate::output::Format;
use crate::stderr::Log;
use crate::text::Sanitized;

#[derive(Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "there is one Invocation in a process")]
pub(crate) enum Invocation {
    /// Text to print, such as help.
    Text(String),
    Run(Common, Mode),
}

/// Parses the arguments after the program's name. Help and the version win over any mistake.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Invocation, Error> {
    let mut args = RawArgs::default();
    let read = args.read(arguments.into_iter().collect());
    if let Some(text) = args.options().find_map(|spec| spec.asks_for) {
        return Ok(Invocation::Text(docs::text(text)));
    }
    read?;
    interpret(&args)
}

const ONE_EMAIL: &str = "only one EMAIL can be given";

fn mistake(message: impl Into<String>) -> Error {
    Error::usage(message, SEE_HELP)
}

fn interpret(args: &RawArgs) -> Result<Invocation, Error> {
    if let Some(text) = args.parsed(&options::GENERATE, docs::generate)? {
        if args.options().count() > 1 || !args.positionals.is_empty() || args.rest.is_some() {
            return Err(mistake("--generate cannot be combined with other arguments"));
        }
        return Ok(Invocation::Text(text));
    }
    for (one, other) in [
        (&options::RAW, &options::FORMAT),
        (&options::QUIET, &options::VERBOSE),
        (&options::BASE_URL, &options::SUBDOMAIN),
        (&options::BATCH, &options::CHECK),
    ] {
        if args.has(one) && args.has(other) {
            let (one, other) = (one.long(), other.long());
            return Err(mistake(format!("{one} and {other} cannot be used together")));
        }
    }
    let timeout = |text: &str| values::duration(text).filter(|timeout| !timeout.is_zero());
    let mode = mode(args)?;
    let given = Given {
        base: match (sourced(args, &options::BASE_URL)?, sourced(args, &options::SUBDOMAIN)?) {
            (Some(url), _) => Some(config::parse_base_url(url)?),
            (None, name) => name.map(config::parse_subdomain).transpose()?,
        },
        env_file: args.value(&options::ENV_FILE).map(PathBuf::from),
        cacert: args.value(&options::CACERT).map(PathBuf::from),
    };
    let policy = Policy {
        timeout: args.parsed(&options::TIMEOUT, timeout)?.unwrap_or_default(),
        retries: args.parsed(&options::RETRIES, |text| text.parse().ok())?.unwrap_or_default(),
        interval: match mode {
            Mode::Batch(_) => args.parsed(&options::RATE, values::interval)?.unwrap_or_default(),
            _ => Duration::ZERO,
        },
        no_activity_log: args.has(&options::NO_ACTIVITY_LOG),
        account: args.text(&options::ACCOUNT)?.map(str::to_owned),
    };
    let log = match (args.has(&options::QUIET), args.has(&options::VERBOSE)) {
        (true, _) => Log::Quiet,
        (_, true) => Log::Verbose,
        _ => Log::Normal,
    };
    let no_input = args.has(&options::NO_INPUT);
    Ok(Invocation::Run(Common { given, policy, no_input, log }, mode))
}

fn sourced(args: &RawArgs, spec: &'static Spec) -> Result<Option<Sourced<String>>, Error> {
    let text = args.text(spec)?;
    Ok(text.map(|text| Sourced::new(text.to_owned(), Origin::Option(spec.long()))))
}

fn mode(args: &RawArgs) -> Result<Mode, Error> {
    if args.has(&options::CHECK) {
        return check(args);
    }
    if args.has(&options::BATCH) {
        return batch(args);
    }
    let (email, command) = email_and_command(args)?;
    let is_input = args.positionals.first().is_some_and(|word| word == "-");
    match (email, command) {
        (_, Some([])) => Err(Error::usage(
            "no command after --",
            "write the command after it: outseta-token jane@example.com -- COMMAND",
        )),
        (Some(_), Some(_)) if is_input => Err(Error::usage(
            "the email cannot come from standard input when a command is given: the command uses it",
            "write the email before it: outseta-token jane@example.com -- COMMAND",
        )),
        (Some(email), Some([program, arguments @ ..])) => {
            args.reject_unused(ModeName::Command)?;
            let (email, program) = (email.clone(), program.clone());
            Ok(Mode::Command(Command { email, program, arguments: arguments.to_vec() }))
        }
        // After `--` the email may be untrusted: there, `-` is an invalid email and not standard input.
        (email, _) => print(args, email.filter(|_| !is_input).cloned()),
    }
}

fn check(args: &RawArgs) -> Result<Mode, Error> {
    args.reject_unused(ModeName::Check)?;
    no_more(args.positionals.iter().chain(args.rest.iter().flatten()).next(), "--check takes no argument")?;
    Ok(Mode::Check)
}

fn batch(args: &RawArgs) -> Result<Mode, Error> {
    args.reject_unused(ModeName::Batch)?;
    let mut arguments = args.positionals.iter().chain(args.rest.iter().flatten());
    let file = arguments.next().filter(|file| *file != "-").map(PathBuf::from);
    no_more(arguments.next(), "--batch takes one FILE")?;
    if file.as_ref().is_some_and(|file| file.as_os_str().is_empty()) {
        return Err(mistake("--batch has an empty FILE: it needs a file, or - for standard input"));
    }
    Ok(Mode::Batch(file))
}

fn print(args: &RawArgs, email: Option<OsString>) -> Result<Mode, Error> {
    args.reject_unused(ModeName::Print)?;
    let format = args.parsed(&options::FORMAT, Format::named)?.unwrap_or(Format::Json);
    let format = if args.has(&options::RAW) { Format::Token } else { format };
    let output = args.value(&options::OUTPUT).filter(|file| *file != "-").map(PathBuf::from);
    let is_email = |file: &PathBuf| has_at(file) && !file.to_string_lossy().contains('/');
    if email.is_none() && args.positionals.is_empty() && output.as_ref().is_some_and(is_email) {
        return Err(Error::usage(
            "--output has a FILE that looks like an email, and there is no EMAIL",
            "write -o FILE jane@example.com, or - as EMAIL to read it from standard input",
        ));
    }
    let min_ttl = args.parsed(&options::MIN_TTL, values::duration)?;
    let unusable = match output {
        None => Some("without -o FILE".to_owned()),
        Some(_) if format.has_token() => None,
        Some(_) => Some(format!("with --format {}, which has no token", format.name())),
    };
    if let Some(unusable) = unusable.filter(|_| min_ttl.is_some()) {
        return Err(Error::usage(
            format!("--min-ttl cannot be used {unusable}"),
            "--min-ttl keeps the token in FILE if it is valid for at least DURATION",
        ));
    }
    Ok(Mode::Print(Print { email, format, output, min_ttl }))
}

/// EMAIL and COMMAND, whether EMAIL comes before `--` or after it.
fn email_and_command(args: &RawArgs) -> Result<(Option<&OsString>, Option<&[OsString]>), Error> {
    if let Some(spec) = args.positionals.first().and_then(|word| find(&format!("--{}", word.to_str()?))) {
        // `outseta-token check` was probably meant as `--check`.
        let message = format!("unexpected argument '{}'", &spec.long()[2..]);
        return Err(Error::usage(message, format!("did you mean {}?", spec.long())));
    }
    no_more(args.positionals.get(1), ONE_EMAIL)?;
    Ok(match (args.positionals.first(), args.rest.as_deref()) {
        (None, None | Some([])) => (None, None),
        (Some(email), command) => (Some(email), command),
        (None, Some([email])) => (Some(email), None),
        // A second `--` is accepted: scripts write `-- "$EMAIL" -- COMMAND`.
        (None, Some([email, dashes, command @ ..])) if dashes == "--" => (Some(email), Some(command)),
        (None, Some([email, command @ ..])) => (Some(email), Some(command)),
    })
}

fn no_more(argument: Option<&OsString>, takes: &str) -> Result<(), Error> {
    match argument {
        Some(extra) => Err(mistake(format!("unexpected argument '{}': {takes}", Sanitized::os(extra)))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
