//! `make live EMAIL=jane@example.com`: compares a real account with what the program assumes of Outseta's
//! API. It starts the built program with the settings of its own environment, prints a line for each
//! assumption, and ends with 1 if one differs. It mints tokens, outside the activity log, and changes nothing
//! else.
//!
//! Each line tells how the assumption is known: D, Outseta documents it; M, others measured it; U, unknown.
//! Optional variables: `BLOCKED` and `TWO_FACTOR`, emails of such users; `READ_ONLY_KEY`, `READ_ONLY_SECRET`.
//! For tests: `LIVE_PACE_MS` (the pause for each request), `LIVE_IDLE` (seconds to leave a connection idle).

mod support;

use std::env;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Write as _};
use std::process::{Command, ExitCode, Output, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use support::jwt;
use support::run::program;

const MADE_UP: &str = "made-up-0123456789";
const KEY: &str = "OUTSETA_API_KEY";
const SECRET: &str = "OUTSETA_API_SECRET";

/// What a run of the program printed.
struct Run {
    status: i32,
    stdout: String,
    /// Its messages, without the program's name.
    messages: Vec<String>,
}

impl Run {
    /// The status and the message, which is the first line that `-v` did not add.
    fn result(&self) -> String {
        let is_message = |line: &&String| !line.starts_with(['<', '>']) && !line.contains(" (OUTSETA_");
        let message = self.messages.iter().rfind(|line| is_message(line) && !line.starts_with("hint: "));
        format!("{}: {}", self.status, message.map_or("", String::as_str))
    }

    /// What `-v` shows of the responses.
    fn responses(&self) -> String {
        let lines = self.messages.iter().filter(|line| line.starts_with("< "));
        lines.flat_map(|line| ["\n", line]).collect()
    }

    fn urls(&self) -> impl Iterator<Item = &str> {
        self.messages.iter().filter_map(|line| line.strip_prefix("> POST ").or(line.strip_prefix("> GET ")))
    }
}

struct Live {
    email: String,
    base: String,
    pace: Duration,
    /// Whether every request with the account's settings went to its base URL.
    is_faithful: bool,
    requests: u32,
    /// How many assumptions hold, and how many differ.
    counts: [u32; 2],
}

impl Live {
    fn run(&mut self, args: &[&str], variables: &[(&str, &str)], input: &str) -> Run {
        let mut command = Command::new(program());
        command.args(["-v", "--no-input"]).args(args).envs(variables.iter().copied());
        let output = output(&mut command, input);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let stderr = text(&output.stderr);
        let messages = stderr.lines().map(|line| line.trim_start_matches("outseta-token: ").to_owned());
        let status = output.status.code().unwrap_or(-1);
        let run = Run { status, stdout: text(&output.stdout), messages: messages.collect() };
        let requests = u32::try_from(run.urls().count()).unwrap_or(u32::MAX);
        self.requests += requests;
        thread::sleep(self.pace * requests);
        run
    }

    /// Asks for a token without retries.
    fn mint(&mut self, email: &str, args: &[&str], variables: &[(&str, &str)]) -> Run {
        let args = [&["--no-activity-log", "--retries", "0"], args, &["--", email]].concat();
        let run = self.run(&args, variables, "");
        self.is_faithful &= args.contains(&"-s") || run.urls().all(|url| url.starts_with(&self.base));
        run
    }

    /// Prints a text, its first line behind a label, without any email but EMAIL.
    fn print(&self, label: &str, text: &str) {
        let is_other = |word: &str| word.contains('@') && !word.contains(&self.email);
        let words = text.split(' ').map(|word| if is_other(word) { "[email]" } else { word });
        let text = words.collect::<Vec<_>>().join(" ").replace('\n', "\n         ");
        let _ = writeln!(io::stdout(), "{label:8} {text}");
    }

    fn compare(&mut self, assumption: &str, holds: bool, expected: &str, came: &str) {
        self.counts[usize::from(!holds)] += 1;
        if holds {
            self.print("ok", assumption);
        } else {
            self.print("DIFFERS", &format!("{assumption}\nexpected: {expected}\ncame: {came}"));
        }
    }

    /// Compares the status of a run, and shows what came if it is another one.
    fn compare_run(&mut self, assumption: &str, run: &Run, expected: i32) {
        let came = run.result() + &run.responses();
        self.compare(assumption, run.status == expected, &format!("status {expected}"), &came);
    }

    fn claims_and_fields(&mut self, response: &Value, claims: &Value) {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let host = |url: &str| url.split("://").last().unwrap_or_default().trim_end_matches('/').to_owned();
        let (issuer, own) = (host(&text(&claims["iss"])), host(&self.base));
        let is_own = issuer == own || !own.ends_with(".outseta.com") && issuer.ends_with(".outseta.com");
        let (exp, at) = (claims["exp"].as_i64(), response["expires_at"].as_i64());
        let (left, seconds) = (exp.map(|exp| exp - jwt::now()), response["expires_in"].as_i64());
        let agrees = left.zip(seconds).is_some_and(|(left, seconds)| (left - seconds).abs() <= 60);
        let (email, kind) = (text(&claims["email"]), text(&response["token_type"]));
        let account = &claims["outseta:accountUid"];
        for (assumption, holds, expected, came) in [
            ("claim email is EMAIL (D)", email.eq_ignore_ascii_case(&self.email), "EMAIL", email),
            ("claim iss names the account's host (D)", is_own, &*own, issuer),
            ("claim outseta:accountUid is there (D)", account.is_string(), "a text", account.to_string()),
            ("token_type is bearer (D)", kind.eq_ignore_ascii_case("bearer"), "bearer", kind.clone()),
            (
                "expires_in agrees with claim exp (D)",
                agrees,
                "the same, in seconds",
                format!("{seconds:?}, {left:?}"),
            ),
            ("expires_at is claim exp", at.is_some() && at == exp, "the same", format!("{at:?}, {exp:?}")),
        ] {
            self.compare(assumption, holds, expected, &came);
        }
    }

    fn token_in_use(&mut self, token: &str, account: &str) {
        let profile = self.curl("/api/v1/profile", &format!("Authorization: Bearer {token}\n"));
        let email = profile["Email"].as_str().unwrap_or("no email");
        let is_user = email.eq_ignore_ascii_case(&self.email);
        self.compare("the token opens /api/v1/profile, which is EMAIL's (D)", is_user, "EMAIL", email);
        let jwks = self.curl("/.well-known/jwks", "");
        let key = jwt::part(token, 0).map_or(Value::Null, |header| header["kid"].clone());
        let is_known =
            jwks["keys"].as_array().is_some_and(|keys| keys.iter().any(|known| known["kid"] == key));
        self.compare("the token's header names a key of the JWKS (D)", is_known, "its kid", "other keys");
        let email = self.email.clone();
        for (what, email, args, expected) in [
            ("EMAIL in upper case (U)", &email.to_uppercase(), vec![], None),
            ("EMAIL with +tag (U)", &email.replacen('@', "+tag@", 1), vec![], None),
            ("--account with the token's account (D)", &email, vec!["--account", account], Some(0)),
            ("--account with another account is 76", &email, vec!["--account", MADE_UP], Some(76)),
        ] {
            let run = self.mint(email, &args, &[]);
            match expected {
                Some(expected) => self.compare_run(what, &run, expected),
                None => self.print("noted", &format!("{what}: status {}{}", run.status, run.responses())),
            }
        }
        let batch = self.run(&["--batch", "--no-activity-log"], &[], &format!("{email}\n").repeat(3));
        let tokens = batch.stdout.lines().filter(|line| line.contains("\"access_token\"")).count();
        self.compare("a batch of three gives three tokens (D)", tokens == 3, "3 tokens", &batch.result());
    }

    fn refusals(&mut self) {
        let random = RandomState::new().hash_one(0);
        let nobody = format!("nobody-{random:x}@example.com");
        let run = self.mint(&nobody, &[], &[]);
        let is_confirmed = run.status == 67 && !run.result().contains("unconfirmed");
        let came = run.result() + &run.responses();
        let assumption = "a user who does not exist is 67, by the lookup (U: the token endpoint's response)";
        self.compare(assumption, is_confirmed, "67, confirmed", &came);
        self.print("noted", &format!("the responses for a user who does not exist:{}", run.responses()));
        let mut wrong = vec![[(SECRET, MADE_UP.to_owned())].to_vec(), [(KEY, MADE_UP.to_owned())].to_vec()];
        if let (Ok(key), Ok(secret)) = (env::var(KEY), env::var(SECRET)) {
            wrong.push(vec![(KEY, secret), (SECRET, key)]);
        }
        let mut came = String::new();
        for variables in &wrong {
            let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, &**value)).collect();
            let run = self.mint(&self.email.clone(), &[], &variables);
            came.extend((run.status != 78).then(|| format!("{}\n", run.result())));
        }
        let assumption = "a wrong secret, a wrong key and both swapped are 78 (M: an empty 403)";
        self.compare(assumption, came.is_empty(), "status 78", &came);
        if self.base.ends_with(".outseta.com") {
            let run =
                self.mint(&nobody, &["-s", &format!("no-{random:x}")], &[(KEY, MADE_UP), (SECRET, MADE_UP)]);
            self.compare_run("a subdomain that does not exist is 68 (M: an empty 404)", &run, 68);
        }
        let keys = ["READ_ONLY_KEY", "READ_ONLY_SECRET"].map(|name| env::var(name).ok());
        for name in ["BLOCKED", "TWO_FACTOR"] {
            let Ok(email) = env::var(name) else { continue };
            let run = self.mint(&email, &[], &[]);
            self.compare_run(&format!("{name} is 77 (U)"), &run, 77);
            self.print("noted", &format!("the responses for {name}:{}", run.responses()));
        }
        if let [Some(key), Some(secret)] = &keys {
            let run = self.mint(&self.email.clone(), &[], &[(KEY, key), (SECRET, secret)]);
            self.compare_run("a read-only key is 78 (U)", &run, 78);
        }
    }

    fn idle_connection(&mut self) {
        let idle = env::var("LIVE_IDLE").ok().and_then(|text| text.parse().ok()).unwrap_or(10);
        let is_reused = self.is_kept_for(0);
        self.compare("a connection is kept for the next request (M)", is_reused, "the same", "a new one");
        let kept = [1, 2, 5, 10].into_iter().filter(|wait| *wait <= idle);
        let kept = kept.take_while(|wait| is_reused && self.is_kept_for(*wait)).last().unwrap_or(0);
        self.print("noted", &format!("an idle connection is kept for {kept} s, of {idle} s tried (U)"));
    }

    /// Whether a second request, so many seconds after the first, is on the same connection.
    fn is_kept_for(&mut self, seconds: u32) -> bool {
        self.requests += 2;
        thread::sleep(self.pace * 2);
        let url = format!("{}/.well-known/jwks", self.base);
        let mut command = curl();
        if let Some(rate) = 60_u32.checked_div(seconds) {
            command.args(["--rate", &format!("{rate}/m")]);
        }
        command.args(["-o", "/dev/null", "-o", "/dev/null", "-w", "%{num_connects} ", &url, &url]);
        output(&mut command, "").stdout == b"1 0 "
    }

    /// The JSON of a successful GET. The headers go through a pipe, since they may be secret.
    fn curl(&mut self, path: &str, headers: &str) -> Value {
        self.requests += 1;
        thread::sleep(self.pace);
        let response = output(curl().args(["--fail", "-H", "@-", &format!("{}{path}", self.base)]), headers);
        serde_json::from_slice(&response.stdout).unwrap_or_default()
    }
}

/// Curl, which trusts the same certificates as the program and uses the same proxy.
fn curl() -> Command {
    let mut command = Command::new("curl");
    command.args(["-sS", "--max-time", "30", "--noproxy", "localhost,127.0.0.1", "-A", "outseta-token-live"]);
    if let Some(file) = env::var_os("SSL_CERT_FILE") {
        command.arg("--cacert").arg(file);
    }
    command
}

fn output(command: &mut Command, input: &str) -> Output {
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    // A command that fails need not read its input.
    let _ = child.stdin.take().expect("it is piped").write_all(input.as_bytes());
    child.wait_with_output().expect("it ends")
}

fn main() -> ExitCode {
    let pace = env::var("LIVE_PACE_MS").ok().and_then(|text| text.parse().ok()).unwrap_or(250);
    let Ok(email) = env::var("EMAIL") else {
        let _ = writeln!(io::stderr(), "live: name a user who can log in: make live EMAIL=jane@example.com");
        return ExitCode::from(64);
    };
    let (base, pace) = (String::new(), Duration::from_millis(pace));
    let mut live = Live { email, base, pace, is_faithful: true, requests: 0, counts: [0; 2] };
    let check = live.run(&["--check"], &[], "");
    let base = check.stdout.lines().find_map(|line| line.strip_prefix("base URL: http"));
    let (0, Some(base)) = (check.status, base) else {
        let failed = check.stdout.lines().filter(|line| line.contains("hint: "));
        let failed = failed.flat_map(|line| ["\n", line]).collect::<String>();
        live.print("stopped", &format!("outseta-token --check fails, so nothing was compared:{failed}"));
        return ExitCode::FAILURE;
    };
    live.base = format!("http{}", base.split(" (").next().unwrap_or_default());
    live.compare_run("--check passes (D, M)", &check, 0);
    let run = live.mint(&live.email.clone(), &[], &[]);
    live.compare_run("EMAIL gets a token, without the activity log (D)", &run, 0);
    let response: Value = serde_json::from_str(&run.stdout).unwrap_or_default();
    let token = response["access_token"].as_str().unwrap_or_default();
    if run.status == 0 {
        let claims = jwt::part(token, 1).unwrap_or_default();
        let is_jwt = token.split('.').count() == 3 && claims.is_object();
        live.compare("the token is a JWT (D)", is_jwt, "three parts", "something else");
        live.claims_and_fields(&response, &claims);
        live.token_in_use(token, claims["outseta:accountUid"].as_str().unwrap_or("none"));
    }
    live.refusals();
    live.idle_connection();
    live.compare("every request went to the account's host", live.is_faithful, "this host", "another host");
    let [ok, differ] = live.counts;
    live.print("", &format!("{ok} ok, {differ} DIFFERS, {} requests", live.requests));
    if differ == 0 {
        return ExitCode::SUCCESS;
    }
    live.print("", "Please paste all of this into an issue: it contains no key, secret or token.");
    ExitCode::FAILURE
}
