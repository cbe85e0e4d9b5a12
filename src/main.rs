//! `outseta-token`: prints an access token for one user of an Outseta account. It authenticates with the
//! account's API key.
//!
//! The data flows one way: argv → `cli` → (`email`, `config`) → `api` → `output` → exit status. The imports
//! do too: `modes` stands above these and below `cli`, and each file in it is one of the four ways to run.
//! This file runs the mode, and reports its failure with a message and an exit status.

mod api;
mod cli;
mod config;
mod email;
mod error;
mod modes;
mod output;
mod secret;
mod stderr;
mod stdin;
mod text;
mod unix;

#[cfg(not(unix))]
compile_error!("outseta-token needs a Unix system: signals, file modes and execve");

use std::env;
use std::panic::{self, PanicHookInfo};
use std::process::{self, ExitCode};

use crate::cli::Invocation;
use crate::error::Error;

fn main() -> ExitCode {
    panic::set_hook(Box::new(report_panic));
    run().unwrap_or_else(|error| {
        stderr::error("", &error);
        ExitCode::from(error.status())
    })
}

/// A panic's message may contain a secret, so only its place is shown.
fn report_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    let error = Error::bug("this should not have happened");
    stderr::error(format_args!("{place}: "), &error);
    process::exit(error.status().into());
}

fn run() -> Result<ExitCode, Error> {
    match cli::parse(env::args_os().skip(1))? {
        Invocation::Text(text) => output::print(text.as_bytes()).map(|()| ExitCode::SUCCESS),
        Invocation::Run(common, mode) => mode.run(&common),
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
