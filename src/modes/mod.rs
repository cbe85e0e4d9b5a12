//! One file per mode. What they share is here.

mod batch;
mod check;
mod command;
mod print;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

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
    fn prompt(&self) -> Option<Prompt> {
        Prompt::allowed(self.no_input)
    }

    /// Finds the settings without asking for what is missing.
    fn find_settings(&self) -> Result<PartialSettings, Error> {
        let found = PartialSettings::find(&self.given, Environment::of_process())?;
        for warning in found.warnings() {
            stderr::warning(&warning);
            stderr::hint(warning.hint().unwrap_or_default());
        }
        Ok(found)
    }

    /// Asks for what is missing, and fails if anything still is.
    fn complete(&self, mut found: PartialSettings, prompt: Option<&Prompt>) -> Result<Settings, Error> {
        if let Some(prompt) = prompt {
            found.ask(prompt);
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

fn report_success(email: &Email, token: &Token, log: Log) {
    let account = token.claims().and_then(Claims::account);
    let account = account.map(|uid| format!(" in account {}", Sanitized::new(uid))).unwrap_or_default();
    match token.seconds_left(now()) {
        Some(seconds) if seconds > 0 => {
            let left = text::approximate(Duration::from_secs(seconds.unsigned_abs()));
            log.success(format_args!("token for {email}{account}, valid for {left}"));
        }
        Some(_) => warn_of_expired_token("", email.as_str()),
        None => log.success(format_args!("token for {email}{account}")),
    }
}

fn warn_of_expired_token(context: &str, email: &str) {
    stderr::warning(format_args!("{context}the token for {email} has expired by this machine's clock"));
    stderr::hint("check the clock, and the lifetime of tokens in Outseta");
}
