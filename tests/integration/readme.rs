//! The README's examples, taken from its text and run: shell blocks as they stand, recipes for cron,
//! CI, systemd and Docker by what those would make of them. Its reference is what `--help` prints.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use serde_json::Value;

use crate::support::fake::Server;
use crate::support::model::{Account, User};
use crate::support::proxy::Detour;
use crate::support::run::{Outcome, Run, program};
use crate::support::{KEY, SECRET, set_mode, write_script};

const README: &str = include_str!("../../README.md");

/// The blocks of a language, in their order.
fn blocks(language: &str) -> Vec<&'static str> {
    let opening = format!("\n```{language}\n");
    let after = README.split(opening.as_str()).skip(1);
    after.map(|rest| rest.split("\n```").next().expect("a block ends")).collect()
}

/// The only block of a language that holds a text.
#[track_caller]
fn block(language: &str, text: &str) -> &'static str {
    let found: Vec<_> = blocks(language).into_iter().filter(|block| block.contains(text)).collect();
    assert_eq!(found.len(), 1, "blocks of {language} with {text:?}");
    found[0]
}

fn account() -> Account {
    Account::acme().user(User::new("bob@example.com")).user(User::new("test@example.com"))
}

/// A shell in which the program is installed, and a curl that prints what it is given.
fn shell(script: &str) -> Run {
    let run = Run::of("/bin/sh".into());
    let bin = run.home().join("bin");
    fs::create_dir(&bin).expect("a folder is made");
    symlink(program(), bin.join("outseta-token")).expect("the program is linked");
    write_script(&bin.join("curl"), "#!/bin/sh\necho \"$@\"\ncat\n");
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").expect("there is a PATH"));
    run.env("PATH", path).args(["-e", "-c", script])
}

/// A folder in the run's working directory, in place of one of the system's.
fn folder(run: &Run, name: &str) -> PathBuf {
    let folder = run.work().join(name);
    fs::create_dir(&folder).expect("a folder is made");
    folder
}

/// Runs a shell block, with settings as an example would have them.
#[track_caller]
fn example(text: &str) -> Outcome {
    let detour = Detour::new(account());
    let script = block("sh", text).replace("01234567-89ab", KEY).replace("0123456789abcdef", SECRET);
    let outcome = shell(&script).detour(&detour).outcome();
    assert_eq!((outcome.status, outcome.stderr.as_str()), (Some(0), ""), "{outcome}");
    outcome
}

fn is_token(text: &str) -> bool {
    text.starts_with("eyJ") && text.split('.').count() == 3 && !text.contains(char::is_whitespace)
}

#[test]
fn every_shell_block_is_run_by_a_test() {
    let tested = [
        "export OUTSETA_SUBDOMAIN=acme",
        "echo jane@example.com |",
        "-f claims",
        "case $? in",
        "printf '%s\\n' \"$EMAIL\" |",
        "curl -H @-",
        "as a user, until",
        "--batch users",
        "verified_email",
    ];
    assert_eq!(blocks("sh").len(), tested.len());
    for text in tested {
        block("sh", text);
    }
}

#[test]
fn the_first_use_prints_the_answer_that_is_shown() {
    let outcome = example("export OUTSETA_SUBDOMAIN=acme");
    let shown: Value = serde_json::from_str(block("json", "access_token")).expect("it is JSON");
    let answer = outcome.json();
    for (field, value) in shown.as_object().expect("it is an object") {
        match field.as_str() {
            "access_token" => assert!(is_token(answer[field].as_str().unwrap_or_default()), "{outcome}"),
            _ => assert_eq!(answer[field], *value, "{outcome}"),
        }
    }
    assert_eq!(answer.as_object().map(serde_json::Map::len), Some(3), "{outcome}");
}

#[test]
fn settings_of_ones_own() {
    let detour = Detour::new(account());
    let file = block("dotenv", "OUTSETA_SUBDOMAIN")
        .replace("01234567-89ab", KEY)
        .replace("0123456789abcdef", SECRET);
    let run = ["SUBDOMAIN", "API_KEY", "API_SECRET"]
        .iter()
        .fold(Run::new().detour(&detour), |run, name| run.env_remove(&format!("OUTSETA_{name}")))
        .home_file(".config/outseta-token/env", file)
        .args(["-r", "jane@example.com"]);
    set_mode(&run.home().join(".config/outseta-token/env"), 0o600);
    let outcome = run.outcome();
    assert!(is_token(outcome.stdout_text().trim_end()), "{outcome}");
}

#[test]
fn formats() {
    let outcome = example("echo jane@example.com |");
    let output = outcome.stdout_text();
    let lines: Vec<_> = output.lines().collect();
    assert_eq!(lines.len(), 4, "{outcome}");
    assert!(is_token(lines[0]) && is_token(lines[1]), "{outcome}");
    assert!(lines[2].strip_prefix("Authorization: Bearer ").is_some_and(is_token), "{outcome}");
    assert!(lines[3].strip_prefix("OUTSETA_ACCESS_TOKEN=").is_some_and(is_token), "{outcome}");
    let claims = example("-f claims").json();
    assert_eq!(claims["email"], "jane@example.com");
}

#[test]
fn scripts() {
    let outcome = example("case $? in");
    assert!(outcome.stdout_text().starts_with("got a token of "), "{outcome}");
    let script = block("sh", "case $? in").replace("jane@", "nobody@");
    let outcome = shell(&script).detour(&Detour::new(account())).outcome();
    assert_eq!((outcome.status, outcome.stdout_text().as_str()), (Some(0), "no such user\n"), "{outcome}");
    let outcome = example("printf '%s\\n' \"$EMAIL\" |");
    assert!(outcome.stdout_text().lines().all(is_token), "{outcome}");
    let script =
        block("sh", "printf '%s\\n' \"$EMAIL\" |").replace("jane@example.com", "--base-url=https://evil");
    let detour = Detour::new(account());
    let outcome = shell(&script).detour(&detour).outcome();
    assert_eq!(outcome.status, Some(65), "{outcome}");
    assert_eq!(detour.server.connections() + detour.proxy.requests().len(), 0, "{outcome}");
}

#[test]
fn calling_an_api() {
    let outcome = example("curl -H @-");
    let output = outcome.stdout_text();
    let (arguments, header) = output.split_once('\n').expect("curl was called");
    assert_eq!(arguments, "-H @- https://api.example.com/orders");
    assert!(header.trim_end().strip_prefix("Authorization: Bearer ").is_some_and(is_token), "{outcome}");
}

#[test]
fn running_a_command() {
    let outcome = example("as a user, until");
    let output = outcome.stdout_text();
    let expiry = output.trim_end().strip_prefix("as a user, until ").expect("the command ran");
    assert!(expiry.parse::<u64>().is_ok(), "{outcome}");
}

#[test]
fn a_batch() {
    let outcome = example("--batch users");
    let lines = fs::read_to_string(outcome.work().join("tokens.jsonl")).expect("the file is there");
    let emails: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(emails.len(), 2, "{outcome}");
    assert!(
        emails.iter().all(|record| is_token(record["access_token"].as_str().unwrap_or_default())),
        "{outcome}"
    );
}

#[test]
fn after_another_provider() {
    assert!(example("verified_email").json()["access_token"].as_str().is_some_and(is_token));
}

/// Runs the crontab's line as cron does, and again ten minutes later.
#[test]
fn cron() {
    let server = Server::http(account());
    let line = block("crontab", "--min-ttl");
    let command = line.splitn(6, ' ').nth(5).expect("five fields and a command");
    let run = Run::of("/bin/sh".into());
    let app = folder(&run, "app");
    let settings =
        format!("OUTSETA_BASE_URL={}\nOUTSETA_API_KEY={KEY}\nOUTSETA_API_SECRET='{SECRET}'\n", server.url());
    let command = command
        .replace("/usr/local/bin/outseta-token", &program().display().to_string())
        .replace("/etc/outseta-token.env", "settings.env")
        .replace("/var/lib/app", &app.display().to_string());
    let twice = format!("{command}\n{command}");
    let run = run.file("settings.env", settings).env("PATH", "/usr/bin:/bin");
    let outcome = run.args(["-e", "-c", &twice]).outcome();
    assert_eq!(
        (outcome.status, outcome.stdout_text().as_str(), outcome.stderr.as_str()),
        (Some(0), "", ""),
        "{outcome}"
    );
    let token = fs::read_to_string(outcome.work().join("app/token")).expect("the file is there");
    assert!(is_token(token.trim_end()), "{outcome}");
    assert_eq!(server.requests().len(), 1, "the second time the file is kept");
}

#[test]
fn github_actions() {
    let (_, script) = block("yaml", "::add-mask::").split_once("run: |\n").expect("a script");
    let detour = Detour::new(account());
    let run = shell(script).file("github.env", "FIRST=1\n").detour(&detour);
    let outcome = run.env("GITHUB_ENV", "github.env").outcome();
    assert_eq!((outcome.status, outcome.stderr.as_str()), (Some(0), ""), "{outcome}");
    let output = outcome.stdout_text();
    let token = output.trim_end().strip_prefix("::add-mask::").expect("the token is masked");
    assert!(is_token(token), "{outcome}");
    let file = fs::read_to_string(outcome.work().join("github.env")).expect("the file is there");
    assert_eq!(file, format!("FIRST=1\nOUTSETA_ACCESS_TOKEN={token}\n"));
}

#[test]
fn gitlab_ci() {
    let (_, lines) = block("yaml", "script:").split_once("script:\n").expect("a script");
    let script: Vec<_> = lines.lines().map(|line| line.trim_start().trim_start_matches("- ")).collect();
    let detour = Detour::new(account());
    shell(&script.join("\n")).detour(&detour).run();
    let failing = shell(&script.join("\n").replace("test@", "nobody@")).detour(&detour).outcome();
    assert_ne!(failing.status, Some(0), "a missing token fails the job\n{failing}");
}

/// Starts the service as systemd does: credentials in a folder of their own, `%d` its path.
#[test]
fn systemd() {
    let unit = block("ini", "LoadCredential");
    let detour = Detour::new(account());
    let run = Run::of("/bin/sh".into());
    let (credentials, app) = (folder(&run, "credentials"), folder(&run, "app"));
    let mut run = run.detour(&detour).env_remove("OUTSETA_API_KEY").env_remove("OUTSETA_API_SECRET");
    let mut command = String::new();
    for line in unit.lines().filter(|line| line.contains('=')) {
        let (name, value) = line.split_once('=').expect("an assignment");
        match name {
            "LoadCredential" => {
                let name = value.split(':').next().expect("a credential's name");
                let value = if name == "key" { KEY } else { SECRET };
                fs::write(credentials.join(name), format!("{value}\n")).expect("a file is written");
            }
            "Environment" => {
                let (name, value) = value.split_once('=').expect("a variable");
                run = run.env(name, value.replace("%d", &credentials.display().to_string()));
            }
            "ExecStart" => command = value.replace("/var/lib/app", &app.display().to_string()),
            "Type" | "User" | "StateDirectory" => {}
            _ => panic!("what does {name} do?"),
        }
    }
    let command = command.replace("/usr/local/bin/outseta-token", &program().display().to_string());
    let outcome = run.args(["-e", "-c", &command]).outcome();
    assert_eq!((outcome.status, outcome.stderr.as_str()), (Some(0), ""), "{outcome}");
    let token = fs::read_to_string(outcome.work().join("app/token")).expect("the file is there");
    assert!(is_token(token.trim_end()), "{outcome}");
}

#[test]
fn docker_secrets() {
    let service = block("yaml", "/run/secrets");
    let detour = Detour::new(account());
    let command = service.lines().find_map(|line| line.trim().strip_prefix("command: ")).expect("a command");
    let run = shell(command);
    let secrets = folder(&run, "secrets");
    fs::write(secrets.join("outseta_key"), KEY).expect("a file is written");
    fs::write(secrets.join("outseta_secret"), SECRET).expect("a file is written");
    write_script(
        &run.work().join("worker"),
        "#!/bin/sh\necho \"${OUTSETA_API_KEY_FILE-gone} $OUTSETA_ACCESS_TOKEN\"\n",
    );
    let mut run = run.detour(&detour).env_remove("OUTSETA_API_KEY").env_remove("OUTSETA_API_SECRET");
    for line in service.lines().filter(|line| line.trim().starts_with("OUTSETA_")) {
        let (name, value) = line.trim().split_once(": ").expect("a variable");
        run = run.env(name, value.replace("/run/secrets", &secrets.display().to_string()));
    }
    let outcome = run.outcome();
    assert_eq!((outcome.status, outcome.stderr.as_str()), (Some(0), ""), "{outcome}");
    let output = outcome.stdout_text();
    assert!(output.trim_end().strip_prefix("gone ").is_some_and(is_token), "{outcome}");
}

#[test]
fn the_reference_is_what_help_prints() {
    let reference = format!("{}\n", block("text", "Exit status:"));
    Run::new().arg("--help").stdout(&reference).run();
}

#[test]
fn the_archive_has_this_version() {
    assert!(README.contains(&format!("outseta-token-{}-x86_64", env!("CARGO_PKG_VERSION"))));
    assert!(README.contains(&format!("### {}\n", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn the_table_of_formats_has_them_all() {
    let table = README.split("| format | output |\n|---|---|\n").nth(1);
    let rows = table.expect("the table").lines();
    let named: Vec<&str> = rows.map_while(|row| row.strip_prefix("| `")?.split('`').next()).collect();
    let help = block("text", "Usage:");
    let formats = help
        .split("-f, --format FORMAT       what to print: ")
        .nth(1)
        .and_then(|text| text.split("-r, --raw").next())
        .expect("help explains it");
    assert_eq!(named, ["json", "token", "header", "env", "claims"]);
    assert!(named.iter().all(|name| formats.contains(name)), "{formats}");
}
