//! One file per mode. What they share is here.

mod batch;
mod check;
mod command;
mod print;

use std::path::PathBuf;
use std::process::ExitCode;

pub(crate) use self::command::Command;
pub(crate) use self::print::Print;
use crate::api::{Claims, Outseta, Policy, Token, now};
use crate::config::{Environment, Given, PartialSettings, Prompt, Settings};
use crate::email::Email;
use crate::error::Error;
use crate::stderr::{self, Log};
use crate::text::{self, Sanitized};

/// What the command line says for every mode.
#[derive(Debug, PartialEq)]
pub(crate) struct Common {
    pub(crate) given: Given,
    pub(crate) policy: Policy,
    pub(crate) no_input: bool,
    pub(crate) log: Log,
}

/// A way to run, with the arguments and options that only it uses.
#[derive(Debug, PartialEq)]
pub(crate) enum Mode {
    Print(Print),
    Command(Command),
    /// With the file of emails; `None`: standard input.
    Batch(Option<PathBuf>),
    Check,
}

impl Mode {
    pub(crate) fn run(&self, common: &Common) -> Result<ExitCode, Error> {
        match self {
            Self::Print(print) => print.run(common),
            Self::Command(command) => command.run(common),
            Self::Batch(file) => batch::run(file.as_deref(), common),
            Self::Check => check::run(common),
        }
    }
}

impl Common {
    /// Finds the settings without asking for what is missing.
    fn find_settings(&self) -> Result<PartialSettings, Error> {
        let found = PartialSettings::find(&self.given, Environment::of_process())?;
        for warning in found.warnings() {
            stderr::warning(&warning, warning.hint().unwrap_or_default());
        }
        Ok(found)
    }

    /// Asks for what is missing, and fails if anything still is.
    fn complete(&self, mut found: PartialSettings) -> Result<Settings, Error> {
        if let Some(prompt) = Prompt::allowed(self.no_input) {
            found.ask(&prompt);
        }
        if self.log.is_verbose() {
            for (name, value) in found.list() {
                if let Ok(value) = value {
                    self.log.detail(format_args!("{name}: {value}"));
                }
            }
        }
        found.complete()
    }

    fn client(&self, settings: Settings) -> Result<Outseta, Error> {
        Outseta::new(settings, self.policy.clone(), self.log)
    }
}

/// Says for whom the token is and how long it is valid, or warns that it has expired.
fn report_success(email: &Email, token: &Token, log: Log) {
    if warn_if_expired("", email.as_str(), token) {
        return;
    }
    let account = token.claims().and_then(Claims::account);
    let account = account.map(|uid| format!(" in account {}", Sanitized::new(uid))).unwrap_or_default();
    let left = token.seconds_left(now()).map(|left| format!(", valid for {}", text::approximate(left)));
    log.success(format_args!("token for {email}{account}{}", left.unwrap_or_default()));
}

/// Returns whether the token has expired.
fn warn_if_expired(context: &str, email: &str, token: &Token) -> bool {
    let has_expired = token.seconds_left(now()).is_some_and(|left| left <= 0);
    if has_expired {
        let warning = format!("{context}the token for {email} has expired by this machine's clock");
        stderr::warning(warning, "check the clock, and the lifetime of tokens in Outseta");
    }
    has_expired
}
