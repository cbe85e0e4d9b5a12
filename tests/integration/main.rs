//! Black-box tests of the built program against a fake Outseta on loopback.

#[path = "../support/mod.rs"]
mod support;

mod batch;
mod check;
mod command;
mod fake_itself;
mod faults;
mod judgement;
mod look_up;
mod network;
mod proxies;
mod readme;
mod request;
mod retries;
mod generated;
mod min_ttl;
mod output;
mod output_file;
mod panics;
mod run_itself;
mod tls;
mod verbose;
