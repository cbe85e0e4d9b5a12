//! One file for each mode, from start to end, and here what they share.

pub(crate) mod batch;
pub(crate) mod check;
pub(crate) mod exec;
pub(crate) mod print;

use std::time::Duration;

use crate::api::{Claims, Outseta, Token, now};
use crate::cli::Options;
use crate::config::{Environment, Found, Prompt, Settings};
use crate::email::Email;
use crate::error::Error;
use crate::log::{self, Log};
use crate::text::{self, Shown};

fn find_settings(options: &Options, log: Log) -> Result<Found, Error> {
    let found = Found::new(options, Environment::of_process())?;
    if let Some(file) = &found.env_file {
        log.detail(file);
    }
    for warning in &found.warnings {
        log::warning(warning);
        log::hint(warning.hint().unwrap_or_default());
    }
    Ok(found)
}

fn prepare(options: &Options, pause: Duration, log: Log) -> Result<Outseta<'_>, Error> {
    let prompt = Prompt::allowed(options.no_input);
    let settings = complete_settings(find_settings(options, log)?, prompt.as_ref(), log)?;
    Outseta::new(settings, options, pause, log)
}

fn complete_settings(mut found: Found, prompt: Option<&Prompt>, log: Log) -> Result<Settings, Error> {
    if let Some(prompt) = prompt {
        found.ask(prompt)?;
    }
    if log.is_verbose() {
        for (name, value) in found.list() {
            if let Ok(value) = value {
                log.detail(format_args!("{name}: {value}"));
            }
        }
    }
    found.settings()
}

fn report_success(email: &Email, token: &Token, log: Log) {
    let account = token.claims().and_then(Claims::account);
    let account = account.map(|uid| format!(" in account {}", Shown::new(uid))).unwrap_or_default();
    match token.seconds_left(now()) {
        Some(seconds) if seconds > 0 => {
            let left = text::approximate(Duration::from_secs(seconds.unsigned_abs()));
            log.success(format_args!("token for {email}{account}, valid for {left}"));
        }
        Some(_) => log::expired("", email.as_str()),
        None => log.success(format_args!("token for {email}{account}")),
    }
}
