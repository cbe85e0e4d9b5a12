//! `outseta-token`: prints an access token for a user of an Outseta account, made with the account's admin API key.
//!
//! The data flows one way: argv → `cli` → (`email`, `config`) → `api` → `output` → exit status. `modes` has each of
//! the four ways to run from start to end. This file picks the mode, and ends the process with an error's text and
//! status; it does not know how any step works.

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
use std::panic;
use std::process::{self, ExitCode};

use crate::cli::{Invocation, Mode, help};
use crate::error::{Error, Status};
use crate::log::Log;

fn main() -> ExitCode {
    // What a panic says may hold what must not be seen: only the place is shown.
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
        log::error(format_args!("{place}: "), &Error::Bug("this should not have happened"));
        process::exit(Status::Software.code().into());
    }));
    unix::survive_file_size_limit();
    run().unwrap_or_else(|error| {
        log::error(format_args!(""), &error);
        ExitCode::from(error.status().code())
    })
}

fn run() -> Result<ExitCode, Error> {
    let options = match cli::parse(env::args_os().skip(1))? {
        Invocation::ShortHelp => return print(&help::short()),
        Invocation::Help => return print(&help::help()),
        Invocation::Version => return print(&help::version()),
        Invocation::Generate(what) => return print(&help::generate(what)),
        Invocation::Run(options) => options,
    };
    // Before the email, which may have to be read: a wrong option is a wrong command line.
    config::check_options(&options)?;
    let log = Log::new(options.verbosity);
    match &options.mode {
        Mode::Print(print) => modes::print::run(&options, print, log),
        Mode::Command { email, command } => modes::exec::run(&options, email, command, log),
        Mode::Batch { file, pause } => modes::batch::run(&options, file.as_deref(), *pause, log),
        Mode::Check => modes::check::run(&options, log),
    }
}

fn print(text: &str) -> Result<ExitCode, Error> {
    output::print(text.as_bytes()).map(|()| ExitCode::SUCCESS)
}
