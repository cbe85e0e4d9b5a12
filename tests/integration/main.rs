//! Black-box tests of the built program against a fake Outseta on loopback.

#[path = "../support/mod.rs"]
mod support;

mod batch;
mod check;
mod command;
mod command_line;
mod connections;
mod email_input;
mod env_files;
mod faults;
mod generated;
mod harness;
mod live;
mod min_ttl;
mod network;
mod output;
mod output_file;
mod proxies;
mod readme;
mod request;
mod responses;
mod retries;
mod settings;
mod terminals;
mod tls;
mod verbose;
