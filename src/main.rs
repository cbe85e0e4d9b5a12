//! `outseta-token`: prints an access token for a user of an Outseta account, with the account's API key.
//!
//! The data flows one way: argv → `cli` → (`email`, `config`) → `api` → `output` → exit status. Each file in
//! `modes` is one of the four ways to run. This file starts the mode, and turns a failure into text and a
//! status.

mod api;
mod cli;
mod config;
mod email;
mod error;
mod log;
mod modes;
mod output;
mod secret;
mod text;
mod unix;

#[cfg(not(unix))]
compile_error!("outseta-token needs a Unix system: signals, file modes and execve");

use std::env;
use std::panic::{self, PanicHookInfo};
use std::process::{self, ExitCode};

use crate::cli::{Invocation, Mode};
use crate::error::Error;
use crate::log::Log;

fn main() -> ExitCode {
    panic::set_hook(Box::new(report_panic));
    unix::survive_file_size_limit();
    run().unwrap_or_else(|error| {
        log::error("", &error);
        ExitCode::from(error.status())
    })
}

/// A panic's message may contain a secret, so only its place is shown.
fn report_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    let error = Error::bug("this should not have happened");
    log::error(format_args!("{place}: "), &error);
    process::exit(error.status().into());
}

fn run() -> Result<ExitCode, Error> {
    let options = match cli::parse(env::args_os().skip(1))? {
        Invocation::Text(text) => return output::print(text.as_bytes()).map(|()| ExitCode::SUCCESS),
        Invocation::Run(options) => options,
    };
    let log = Log::new(options.verbosity);
    match &options.mode {
        Mode::Print(print) => modes::print::run(&options, print, log),
        Mode::Command { email, program, arguments } => {
            modes::exec::run(&options, email, program, arguments, log)
        }
        Mode::Batch { file, pause } => modes::batch::run(&options, file.as_deref(), *pause, log),
        Mode::Check => modes::check::run(&options, log),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs itself in another process, which panics: no input is known that makes the program panic.
    #[test]
    fn a_panic_is_70_and_shows_its_place_alone() {
        if env::var_os("PANICS").is_some() {
            panic::set_hook(Box::new(report_panic));
            panic!("what nobody may see");
        }
        let output = process::Command::new(env::current_exe().unwrap())
            .args(["--exact", "tests::a_panic_is_70_and_shows_its_place_alone"])
            .envs([("PANICS", "1"), ("RUST_BACKTRACE", "full")])
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        let lines: Vec<&str> = stderr.lines().collect();
        assert!(!stderr.contains("nobody"), "{stderr}");
        let [error, hint] = lines[..] else { panic!("two lines: {stderr}") };
        assert_eq!(output.status.code(), Some(70));
        assert!(error.starts_with("outseta-token: src/main.rs:"), "{error}");
        assert!(error.ends_with(": internal error: this should not have happened"), "{error}");
        assert_eq!(hint, "outseta-token: hint: please report this, with what -v shows");
    }
}
