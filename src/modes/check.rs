//! `--check`: a line for each setting with its source, and for each step whether it works; no token is made.

use std::fmt::Display;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::ExitCode;

use super::find_settings;
use crate::api::Outseta;
use crate::cli::Options;
use crate::config::{self, Found, Origin, Setting, Sourced};
use crate::error::{Error, Kind};
use crate::log::{self, Log};
use crate::output;
use crate::secret::Secret;
use crate::text::Shown;

pub(crate) fn run(options: &Options, log: Log) -> Result<ExitCode, Error> {
    let status = report(find_settings(options, log)?, options, log)?;
    Ok(status.map_or(ExitCode::SUCCESS, ExitCode::from))
}

/// The status of the first failure among the printed lines.
#[derive(Debug, Default)]
struct Report {
    failure: Option<u8>,
}

impl Report {
    fn line(name: &str, text: impl Display) -> Result<(), Error> {
        output::print(format!("{name}: {text}\n").as_bytes())
    }

    fn failure(&mut self, name: &str, error: &Error) -> Result<(), Error> {
        self.failure.get_or_insert(error.status());
        match error.hint() {
            Some(hint) => Self::line(name, format_args!("{error}; hint: {hint}")),
            None => Self::line(name, error),
        }
    }

    fn missing(&mut self, name: &str, setting: Setting) -> Result<(), Error> {
        self.failure.get_or_insert(config::missing(&[setting]).status());
        let hint = setting.how_to_set();
        Self::line(name, format_args!("not configured; hint: {hint}"))
    }

    fn result(&mut self, name: &str, result: &Result<(), Error>) -> Result<(), Error> {
        match result {
            Ok(()) => Self::line(name, "ok"),
            Err(error) => self.failure(name, error),
        }
    }
}

/// Prints the report. Returns the status with which a request for a token would fail.
///
/// # Errors
/// The report cannot be written.
fn report(found: Found, options: &Options, log: Log) -> Result<Option<u8>, Error> {
    let mut report = Report::default();
    list(&found, &mut report)?;
    if report.failure.is_some() {
        // A request for a token checks in another order.
        let error = found.complete(None).err();
        return Ok(error.map(|error| error.status()).or(report.failure));
    }
    let settings = found.complete(None)?;
    let tls = settings.base.value.is_tls();
    match Outseta::new(settings, options, std::time::Duration::ZERO, log) {
        Ok(outseta) => probe(&outseta, tls, &mut report)?,
        Err(error) => report.failure("roots", &error)?,
    }
    Ok(report.failure)
}

fn list(found: &Found, report: &mut Report) -> Result<(), Error> {
    match &found.base {
        Ok(Some(base)) => {
            Report::line("base URL", format_args!("{} ({})", base.value, base.origin))?;
            for other in &found.unused_bases {
                Report::line("not used", format_args!("base URL {} ({})", other.value, other.origin))?;
            }
        }
        Ok(None) => report.missing("base URL", Setting::Subdomain)?,
        Err(error) => report.failure("base URL", error)?,
    }
    warn_if_readable(&[&found.key, &found.secret]);
    credential(&found.key, Setting::ApiKey, config::masked_key, report)?;
    credential(&found.secret, Setting::ApiSecret, |_| "[hidden]".to_owned(), report)?;
    match found.roots() {
        Ok(Some(roots)) => Report::line("roots", roots.origin)?,
        Ok(None) => Report::line("roots", "built in")?,
        Err(error) => report.failure("roots", &error)?,
    }
    let Ok(Some(base)) = &found.base else {
        return Ok(());
    };
    match found.proxy(&base.value) {
        Ok(Some(proxy)) => Report::line("proxy", format_args!("{} ({})", proxy.value, proxy.origin)),
        Ok(None) => Report::line("proxy", "none"),
        Err(error) => report.failure("proxy", &error),
    }
}

fn credential(
    found: &Result<Option<Sourced<Secret>>, Error>,
    setting: Setting,
    shown: impl Fn(&Secret) -> String,
    report: &mut Report,
) -> Result<(), Error> {
    match found {
        Ok(Some(found)) => {
            Report::line(setting.name(), format_args!("{} ({})", shown(&found.value), found.origin))
        }
        Ok(None) => report.missing(setting.name(), setting),
        Err(error) => report.failure(setting.name(), error),
    }
}

/// A file with a credential is for its owner only. One with both gets one warning.
fn warn_if_readable(credentials: &[&Result<Option<Sourced<Secret>>, Error>]) {
    let mut paths: Vec<&Path> = Vec::new();
    for credential in credentials {
        if let Ok(Some(Sourced { origin: Origin::FileOf(_, path) | Origin::EnvFile(_, path), .. })) =
            credential
        {
            if !paths.contains(&path.as_path()) {
                paths.push(path);
            }
        }
    }
    for path in paths {
        if fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o044 != 0) {
            let path = Shown::os(path);
            log::warning(format_args!("{path} is readable by others"));
            log::hint(format_args!("run: chmod go-r {path}"));
        }
    }
}

fn probe(outseta: &Outseta, tls: bool, report: &mut Report) -> Result<(), Error> {
    const CONNECTION: &str = "name and connection";
    let account = outseta.read_jwks();
    match account.as_ref().map_err(Error::kind) {
        Err(Kind::Network | Kind::TimedOut(_) | Kind::Unreachable) => report.result(CONNECTION, &account)?,
        Err(Kind::Tls) => {
            Report::line(CONNECTION, "ok")?;
            report.result("TLS", &account)?;
        }
        _ => {
            Report::line(CONNECTION, "ok")?;
            Report::line("TLS", if tls { "ok" } else { "not used with a loopback host" })?;
            report.result("account", &account)?;
        }
    }
    if account.is_ok() {
        match outseta.read_with_key() {
            Ok(()) => Report::line("key", "ok (a read-only key passes too, but cannot make tokens)")?,
            Err(error) => report.failure("key", &error)?,
        }
    }
    Ok(())
}
