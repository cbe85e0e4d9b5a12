//! The README's examples, taken from its text and run against the fake server that it starts, and the tour of
//! `make demo`. The recipes for cron, CI, systemd and Docker run as those would run them.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::fake::Server;
use crate::support::http::Response;
use crate::support::jwt;
use crate::support::model::{Account, User};
use crate::support::run::{Outcome, Run, Running, program};
use crate::support::script::Endpoint;
use crate::support::{KEY, SECRET, set_mode, skip, write_script};

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

/// Code within a line.
#[track_caller]
fn inline(text: &str) -> &'static str {
    let found: Vec<_> = README.split('`').filter(|code| code.contains(text)).collect();
    assert_eq!(found.len(), 1, "code with {text:?}");
    found[0]
}

/// Whether a program that a recipe needs is here. If not, skip the test.
fn has_program(name: &str) -> bool {
    let found = Run::by_shell(&format!("command -v {name}")).outcome().status == Some(0);
    if !found {
        skip(&format!("{name} is not installed"));
    }
    found
}

/// A cargo example. `cargo test` builds it, `cargo test --test integration` does not.
pub(super) fn cargo_example(name: &str) -> PathBuf {
    let path = program().with_file_name("examples").join(name);
    assert!(path.exists(), "run first: cargo build --examples");
    path
}

/// The fake server as the README starts it, and what it prints.
struct FakeServer {
    /// Killed when dropped.
    _server: Running,
    printed: String,
}

impl FakeServer {
    fn start() -> Self {
        let mut server = Run::of(cargo_example("fake-server")).start();
        server.wait_for_stdout("# Stop the server with Ctrl-C, or: kill ");
        server.wait_for_stdout("\n");
        Self { printed: server.stdout(), _server: server }
    }

    /// A run with the settings that it prints.
    fn settings(&self, run: Run) -> Run {
        let lines = self.printed.lines().filter_map(|line| line.strip_prefix("export "));
        lines.fold(run, |run, line| {
            let (name, value) = line.split_once('=').expect("an assignment");
            run.env(name, value.trim_matches('\''))
        })
    }

    /// The base URL alone: the credentials come from elsewhere.
    fn base_url(&self, run: Run) -> Run {
        self.settings(run).env_remove("OUTSETA_API_KEY").env_remove("OUTSETA_API_SECRET")
    }
}

/// A shell with the program, and a worker that prints the token.
fn shell(script: &str) -> Run {
    let run = Run::of("/bin/sh".into());
    let bin = run.home().join("bin");
    fs::create_dir(&bin).expect("a folder is made");
    symlink(program(), bin.join("outseta-token")).expect("the program is linked");
    write_script(
        &bin.join("worker"),
        "#!/bin/sh\necho \"${OUTSETA_API_KEY_FILE-gone} $OUTSETA_ACCESS_TOKEN\"\n",
    );
    let path = format!("{}:{}", bin.display(), env::var("PATH").expect("there is a PATH"));
    run.env("PATH", path).args(["-e", "-c", script])
}

/// A folder in the run's working directory, instead of one of the system.
fn folder(run: &Run, name: &str) -> PathBuf {
    let folder = run.work().join(name);
    fs::create_dir(&folder).expect("a folder is made");
    folder
}

/// Runs a shell block.
#[track_caller]
fn example(text: &str) -> Outcome {
    succeeds(block("sh", text))
}

/// Runs a script with the fake server's settings.
#[track_caller]
fn succeeds(script: &str) -> Outcome {
    FakeServer::start().settings(shell(script)).stdout_contains("").run()
}

/// The run prints this text, then a token, and nothing else.
#[track_caller]
fn prints_then_a_token(run: Run, text: &str) -> String {
    let outcome = run.stdout_contains(text).run();
    let output = outcome.stdout_text();
    let token = output.trim_end().strip_prefix(text).expect("it is the start");
    assert!(is_token(token), "{outcome}");
    token.to_owned()
}

#[track_caller]
fn prints_a_token(run: Run) {
    prints_then_a_token(run, "");
}

fn is_token(text: &str) -> bool {
    text.starts_with("eyJ") && text.split('.').count() == 3 && !text.contains(char::is_whitespace)
}

#[test]
fn every_shell_block_is_run_by_a_test() {
    let tested = [
        "export OUTSETA_SUBDOMAIN=acme",
        "outseta-token --check",
        "case $status in",
        "outseta:accountUid",
        "curl -fsS -H @-",
        "as a user, until",
        "--batch users",
        "fromjson?",
    ];
    assert_eq!(blocks("sh").len(), tested.len());
    for text in tested {
        block("sh", text);
    }
}

#[test]
fn the_fake_server_runs_in_the_background_and_its_lines_are_for_a_shell() {
    let script = "fake-server </dev/null >fake.env & until grep -q '^# Stop' fake.env; do sleep 0.1; done; \
        . ./fake.env; for user in jane bob test; do outseta-token -r $user@example.com; done; \
        outseta-token -e fake.env -r jane@example.com; \
        sh -c \"$(sed -n 's/^# Stop.*or: //p' fake.env)\"; wait $! || echo ended";
    let run = shell(script);
    symlink(cargo_example("fake-server"), run.home().join("bin/fake-server")).expect("it is linked");
    let outcome = run.outcome();
    let output = outcome.stdout_text();
    let lines: Vec<&str> = output.lines().collect();
    assert!(
        lines.len() == 5 && lines[..4].iter().all(|line| is_token(line)) && lines[4] == "ended",
        "{outcome}"
    );
}

#[test]
fn the_fake_server_has_help_and_refuses_what_it_does_not_understand() {
    let run = || Run::of(cargo_example("fake-server"));
    run().arg("--help").stdout_contains("Usage: fake-server [https]\n").run();
    run().arg("htps").status(64).stderr("fake-server: unexpected argument 'htps': see --help\n").run();
}

#[test]
fn the_tour_has_parts_and_at_most_80_columns() {
    let run = Run::of(cargo_example("demo")).deadline(Duration::from_secs(60));
    let outcome = run.env("PATH", "/usr/bin:/bin").outcome();
    let tour = outcome.stdout_text();
    assert_eq!(outcome.status, Some(0), "{outcome}");
    for line in tour.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert_eq!(tour.matches("\n== Part ").count(), 5, "{outcome}");
    // A line explains why the same command has another result.
    assert_eq!(tour.matches("\n(the fake now responds ").count(), 3, "{outcome}");
}

#[test]
fn the_program_reads_the_settings() {
    let fake = FakeServer::start();
    let lines = block("sh", "export OUTSETA_SUBDOMAIN=acme");
    let lines = lines.replace("01234567-89ab", KEY).replace("0123456789abcdef", SECRET);
    let script = format!("{lines}\noutseta-token -r jane@example.com");
    prints_a_token(fake.base_url(shell(&script)));

    let run = fake.base_url(Run::new()).args(["-r", "jane@example.com"]);
    let run = run.home_file(".config/outseta-token/env", &lines);
    set_mode(&run.home().join(".config/outseta-token/env"), 0o600);
    prints_a_token(run);
}

#[test]
fn the_six_commands() {
    let outcome = example("outseta-token --check");
    let output = outcome.stdout_text();
    let mut rest = output.as_str();
    for part in [
        "key: ok",
        "\n{\n  \"access_token\": ",
        "\n}\neyJ",
        "\"email\": \"jane@example.com\"",
        "\nOUTSETA_ACCESS_TOKEN=eyJ",
        "\n{\"email\":\"jane@example.com\",",
    ] {
        let (_, after) = rest.split_once(part).unwrap_or_else(|| panic!("{part:?} is missing\n{outcome}"));
        rest = after;
    }
    let (_, named) = README.split_once("The response has the fields ").expect("a sentence");
    let named = named.lines().next().expect("a line").split('`').skip(1).step_by(2);
    let response = output.lines().skip_while(|line| *line != "{").skip(1).take_while(|line| *line != "}");
    assert!(response.filter_map(|line| line.split('"').nth(1)).eq(named), "{outcome}");
}

/// Each row of the table is a group of the help.
#[test]
fn statuses() {
    let help = include_str!("../texts/help.txt").to_lowercase();
    let rows: Vec<_> = README.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(": ")).collect();
    assert_eq!(rows.len(), 5);
    for (row, _) in rows {
        let (statuses, title) = row.split_once(" | ").expect("two columns");
        let (_, group) = help.split_once(&format!("\n {title}:\n")).expect("a group of the help");
        let lines =
            group.lines().map_while(|line| line.strip_prefix("  ")).filter(|line| !line.starts_with(' '));
        let listed: Vec<_> = lines.map(|line| &line[..2]).collect();
        assert_eq!(statuses, listed.join(", "), "{title}");
    }
}

#[test]
fn a_loop_over_users() {
    let fake = FakeServer::start();
    let run = |from: &str, to: &str| {
        let script = block("sh", "case $status in").replace(from, to);
        fake.settings(shell(&script)).outcome()
    };
    let skipped = ["nobody@example.com", "careful@example.com", "--base-url=https://evil"];
    let outcome = run("nobody@example.com", &skipped.join(" "));
    let output = outcome.stdout_text();
    for line in skipped.map(|email| format!("\n{email} is skipped\n")) {
        assert!(output.contains(&line), "{outcome}");
    }
    assert_eq!(outcome.status, Some(0), "{outcome}");
    assert_eq!((output.lines().count(), output.matches(" has a token of ").count()), (5, 2), "{outcome}");
    let outcome = run("while", "export OUTSETA_API_SECRET=wrong\nwhile");
    assert_eq!((outcome.status, outcome.stdout_text().as_str()), (Some(78), ""), "{outcome}");
}

#[test]
fn two_outseta_accounts() {
    let [production, staging] = ["acme", "acme-staging"]
        .map(|name| Server::http(Account::new(name).user(User::new("jane@example.com"))));
    let file = |server: &Server| {
        format!("OUTSETA_BASE_URL={}\nOUTSETA_API_KEY={KEY}\nOUTSETA_API_SECRET={SECRET}\n", server.url())
    };
    let run = shell(inline("staging.env")).server(&production);
    let run = run.home_file(".config/outseta-token/env", file(&production));
    let run = run.home_file(".config/outseta-token/staging.env", file(&staging));
    assert_eq!(jwt::decode(&prints_then_a_token(run, ""))["iss"], "http://acme-staging.outseta.com");
}

#[test]
fn a_user_in_several_customer_accounts() {
    if has_program("jq") {
        let run = shell(block("sh", "outseta:accountUid"));
        prints_then_a_token(FakeServer::start().settings(run), "496LXdmX\n");
    }
}

#[test]
fn calling_an_api() {
    if has_program("curl") {
        let server = Server::http(Account::acme());
        let token = Response::json(200, &json!({"access_token": jwt::JANE}));
        server.on(Endpoint::Tokens, token).on(Endpoint::Any, Response::text(200, "Jane's profile\n"));
        let script = block("sh", "curl -fsS -H @-").replace("https://acme.outseta.com", &server.url());
        shell(&script).server(&server).stdout("Jane's profile\n").run();
        let expected = format!("Bearer {}", jwt::JANE);
        assert_eq!(server.requests()[1].header("authorization"), Some(expected.as_str()));
        assert_eq!(server.requests()[1].path(), "/api/v1/profile");
    }
}

#[test]
fn a_browser_test() {
    if has_program("node") {
        let script = format!(
            "const page = {{ evaluate: async (f, argument) => f(argument) }};
            globalThis.Outseta = {{ setAccessToken: (token) => console.log(token) }};
            (async () => {{ {} }})();",
            block("js", "setAccessToken")
        );
        let run = shell("node -e \"$0\"").arg(script).env("OUTSETA_ACCESS_TOKEN", jwt::JANE);
        run.stdout(format!("{}\n", jwt::JANE)).run();
    }
}

#[test]
fn running_a_command() {
    let outcome = example("as a user, until");
    let output = outcome.stdout_text();
    let expiry = output.trim_end().strip_prefix("as a user, until ").expect("the command ran");
    assert!(expiry.parse::<u64>().is_ok(), "{outcome}");
}

/// The batch is resumed after a token, an error and a part of a record.
#[test]
fn a_batch_and_a_table() {
    if !has_program("jq") {
        return;
    }
    let interruption = "sed -i.all -e '2s/.*/{\"email\":\"bob@example.com\",\"error\":{}}/' tokens.jsonl
        printf '{\"email\":\"test@exa' >> tokens.jsonl
        echo test@example.com >> users";
    let [batch, resumed] = ["--batch users", "fromjson?"].map(|text| block("sh", text));
    let outcome = succeeds(&format!("{batch}\ncp tokens.jsonl first\n{interruption}\n{resumed}"));
    let emails = ["jane@example.com", "bob@example.com", "test@example.com"];
    let [first, records, table] = ["first", "tokens.jsonl", "tokens.csv"].map(|name| outcome.read(name));
    assert_eq!(first.lines().next(), records.lines().next(), "{outcome}");
    assert_eq!([&first, &records, &table].map(|file| file.lines().count()), [2, 3, 3], "{outcome}");
    for ((record, row), email) in records.lines().zip(table.lines()).zip(emails) {
        let record: Value = serde_json::from_str(record).expect("a record is JSON");
        let token = record["access_token"].as_str().expect("a token");
        assert!(record["email"] == email && is_token(token), "{outcome}");
        assert_eq!(row, format!("\"{email}\",\"{token}\",{}", record["expires_at"]));
    }
}

#[test]
fn after_another_provider() {
    let outcome = succeeds(&format!("EMAIL=jane@example.com\n{}", inline("--no-activity-log")));
    assert!(outcome.json()["access_token"].as_str().is_some_and(is_token), "{outcome}");
}

/// Runs the crontab's lines as cron does: the first twice, since the second run keeps the file, and the other
/// with a key that works and one that does not.
#[test]
fn cron() {
    let fake = FakeServer::start();
    let run = Run::of("/bin/sh".into());
    let app = folder(&run, "app");
    let command = |line: &str| {
        let command = line.splitn(6, ' ').nth(5).expect("five fields and a command");
        command
            .replace("/usr/local/bin/outseta-token", &program().display().to_string())
            .replace("/etc/outseta.env", "settings.env")
            .replace("/var/lib/app", &app.display().to_string())
    };
    let commands: Vec<_> = block("crontab", "--min-ttl 1d").lines().map(command).collect();
    let [keep, check] = commands.as_slice() else { panic!("two lines") };
    let script = format!(
        "{keep}\ncp app/token first\n{keep}\ncmp app/token first\n{check}\n\
        echo OUTSETA_API_SECRET=wrong >> settings.env\necho now:\n{check}"
    );
    let run = run.private_file("settings.env", &fake.printed).env("PATH", "/usr/bin:/bin");
    let outcome = run.args(["-e", "-c", &script]).stdout_contains("\nkey: ").run();
    assert!(outcome.stdout_text().starts_with("now:\nbase URL: "), "{outcome}");
    assert!(is_token(outcome.read("app/token").trim_end()), "{outcome}");
}

#[test]
fn github_actions() {
    let (_, script) = block("yaml", "::add-mask::").split_once("run: |\n").expect("a script");
    let fake = FakeServer::start();
    let run = fake.settings(shell(script)).env("OUTSETA_SUBDOMAIN", "acme").file("github.env", "FIRST=1\n");
    let outcome = run.env("GITHUB_ENV", "github.env").stdout_contains("").run();
    let output = outcome.stdout_text();
    let token = output.trim_end().strip_prefix("::add-mask::").expect("the token is masked");
    assert!(is_token(token), "{outcome}");
    assert_eq!(outcome.read("github.env"), format!("FIRST=1\nOUTSETA_ACCESS_TOKEN={token}\n"));
}

#[test]
fn gitlab_ci() {
    let (_, lines) = block("yaml", "script:").split_once("script:\n").expect("a script");
    let script: Vec<_> = lines.lines().map(|line| line.trim_start().trim_start_matches("- ")).collect();
    let fake = FakeServer::start();
    let run = |script: &str| {
        let run = fake.settings(shell(script)).env("OUTSETA_SUBDOMAIN", "acme");
        write_script(&run.work().join("run-tests"), "#!/bin/sh\necho \"$OUTSETA_ACCESS_TOKEN\"\n");
        run
    };
    prints_a_token(run(&script.join("\n")));
    run(&script.join("\n").replace("test@", "nobody@")).fails_with(67, "no such user: ").run();
}

/// Starts the service as systemd does: credentials in a folder of their own, `%d` its path.
#[test]
fn systemd() {
    let unit = block("ini", "LoadCredential");
    let fake = FakeServer::start();
    let run = Run::of("/bin/sh".into());
    let (credentials, app) = (folder(&run, "credentials"), folder(&run, "app"));
    let mut run = fake.base_url(run);
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
                for variable in value.split(' ') {
                    let (name, value) = variable.split_once('=').expect("a variable");
                    run = run.env(name, value.replace("%d", &credentials.display().to_string()));
                }
            }
            "ExecStart" => command = value.replace("/var/lib/app", &app.display().to_string()),
            "Type" | "User" | "StateDirectory" => {}
            _ => panic!("what does {name} do?"),
        }
    }
    let command = command.replace("/usr/local/bin/outseta-token", &program().display().to_string());
    let outcome = run.args(["-e", "-c", &command]).run();
    assert!(is_token(outcome.read("app/token").trim_end()), "{outcome}");
}

#[test]
fn docker_secrets() {
    let service = block("yaml", "/run/secrets");
    let fake = FakeServer::start();
    let command = service.lines().find_map(|line| line.trim().strip_prefix("command: ")).expect("a command");
    let run = shell(command);
    let secrets = folder(&run, "secrets");
    for (name, value) in [("outseta_key", KEY), ("outseta_secret", SECRET)] {
        assert!(service.contains(&format!("\n  {name}: {{file: ./{name}}}")), "{name} is defined");
        fs::write(secrets.join(name), value).expect("a file is written");
    }
    let mut run = fake.base_url(run);
    for line in service.lines().filter(|line| line.trim().starts_with("OUTSETA_")) {
        let (name, value) = line.trim().split_once(": ").expect("a variable");
        run = run.env(name, value.replace("/run/secrets", &secrets.display().to_string()));
    }
    prints_then_a_token(run, "gone ");
}

#[test]
fn options_statuses_variables_and_make_targets_exist() {
    let help = include_str!("../texts/help.txt");
    let of_others = ["--example", "--now", "--rm"];
    let words = README.split(|c: char| !(c.is_ascii_alphanumeric() || "-_".contains(c)));
    let words: BTreeSet<&str> = words.collect();
    for option in words.iter().filter(|word| word.starts_with("--") && word.len() > 3) {
        assert!(of_others.contains(option) || help.contains(&format!(" {option} ")), "{option}");
    }
    for status in
        words.iter().filter(|word| word.len() == 2 && word.parse().is_ok_and(|n: u8| (64..=78).contains(&n)))
    {
        assert!(help.contains(&format!("\n  {status}   ")), "{status}");
    }
    for variable in words.iter().filter(|word| word.starts_with("OUTSETA_")) {
        assert!(help.contains(variable), "{variable}");
    }
    let makefile =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Makefile")).expect("it is there");
    for rest in ["`make ", "\nmake "].into_iter().flat_map(|start| README.split(start).skip(1)) {
        let target = rest.split(|c: char| !c.is_ascii_lowercase()).next().unwrap_or_default();
        assert!(makefile.contains(&format!("\n{target}:")), "make {target}");
    }
    let (version, target) = (env!("CARGO_PKG_VERSION"), "x86_64-unknown-linux-musl");
    assert!(include_str!("../../.ci/architectures").contains(&format!("target={target} ")));
    for built in [
        format!("target/{target}/release/outseta-token"),
        format!("outseta-token-{version}-{target}.tar.gz"),
        format!("localhost/outseta-token:{version} "),
    ] {
        assert!(README.contains(&built), "{built}");
    }
    assert!(README.lines().count() <= 320);
}
