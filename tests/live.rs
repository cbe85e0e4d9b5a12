//! `make live EMAIL=jane@example.com`: compares a real account with what the program assumes of Outseta's
//! API. It starts the built program with the settings of its own environment, prints a line for each
//! assumption, and ends with 1 if one differs. It mints tokens, outside the activity log, and changes nothing
//! else.
//!
//! Each line tells how the assumption is known: D, Outseta documents it; M, others measured it; U, unknown.
//! Optional variables: `BLOCKED` and `TWO_FACTOR`, emails of such users; `READ_ONLY_KEY`, `READ_ONLY_SECRET`.
//! In milliseconds, for tests: `LIVE_PACE_MS`, the pause for each request, and `LIVE_IDLE_MS`, the longest
//! time that a connection is left idle.

mod support;

use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Write as _};
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use std::{env, fs, thread};

use serde_json::Value;
use support::jwt;
use support::run::program;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{ConnectionDetails, Connector, DefaultConnector};
use ureq::{Agent, Error};

const MADE_UP: &str = "made-up-0123456789";
const KEY: &str = "OUTSETA_API_KEY";
const SECRET: &str = "OUTSETA_API_SECRET";
const JWKS: &str = "/.well-known/jwks";

/// How many connections the [`Agent`] has opened.
static OPENED: AtomicUsize = AtomicUsize::new(0);

#[derive(Debug)]
struct CountConnections;

impl Connector for CountConnections {
    type Out = ();

    fn connect(&self, _: &ConnectionDetails, _: Option<()>) -> Result<Option<()>, Error> {
        OPENED.fetch_add(1, Ordering::Relaxed);
        Ok(None)
    }
}

/// An agent that trusts the same certificates as the program. ureq takes the proxy from the environment.
fn agent() -> Agent {
    let mut config = Agent::config_builder().max_redirects(0).timeout_global(Some(Duration::from_secs(30)));
    if let Some(pem) = variable("SSL_CERT_FILE").and_then(|path| fs::read(path).ok()) {
        let certificate = |item| if let Ok(PemItem::Certificate(found)) = item { Some(found) } else { None };
        let roots: Vec<_> = parse_pem(&pem).filter_map(certificate).collect();
        config = config.tls_config(TlsConfig::builder().root_certs(RootCerts::from(roots)).build());
    }
    let connector = CountConnections.chain(DefaultConnector::default());
    Agent::with_parts(config.build(), connector, DefaultResolver::default())
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn milliseconds(name: &str, default: u64) -> Duration {
    Duration::from_millis(variable(name).and_then(|text| text.parse().ok()).unwrap_or(default))
}

struct Live {
    email: String,
    base: String,
    pace: Duration,
    agent: Agent,
    requests: u32,
    /// How many assumptions hold, and how many differ.
    counts: [u32; 2],
}

impl Live {
    /// Standard output, and what came: the status, the last message that is no hint, and the responses.
    fn run(&mut self, args: &[&str], variables: &[(&str, String)]) -> (String, String) {
        let mut command = Command::new(program());
        // Without this, a base URL in the user's own file would not count beside another key or secret.
        let base = Some(("OUTSETA_BASE_URL", self.base.clone())).filter(|(_, base)| !base.is_empty());
        command.args(["-v", "--no-input"]).args(args).envs(base).envs(variables.iter().cloned());
        let output = command.stdin(Stdio::null()).output().expect("the program was built");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace("outseta-token: ", "");
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        for _ in stderr.lines().filter(|line| line.starts_with("> POST ") || line.starts_with("> GET ")) {
            self.requested();
        }
        let message = stderr.lines().rfind(|line| !line.starts_with("hint: ")).unwrap_or_default();
        let responses = stderr.lines().filter(|line| line.starts_with("< ")).flat_map(|line| ["\n", line]);
        let came =
            format!("{}: {message}{}", output.status.code().unwrap_or(-1), responses.collect::<String>());
        (stdout, came)
    }

    /// Asks for a token without retries.
    fn mint(&mut self, email: &str, args: &[&str], variables: &[(&str, String)]) -> (String, String) {
        let args = [&["--no-activity-log", "--retries", "0"], args, &["--", email]].concat();
        self.run(&args, variables)
    }

    fn requested(&mut self) {
        self.requests += 1;
        thread::sleep(self.pace);
    }

    /// Prints a text, its first line behind a label, without any email but EMAIL.
    fn print(&self, label: &str, text: &str) {
        let words = text.split_inclusive(|c: char| c.is_whitespace() || "\"'<>(),;".contains(c));
        let shown = words.map(|word| {
            let email = word.trim_end_matches(|c: char| !c.is_alphanumeric());
            let is_other = email.contains('@') && !email.eq_ignore_ascii_case(&self.email);
            if is_other { word.replace(email, "[email]") } else { word.to_owned() }
        });
        let text = shown.collect::<String>().replace('\n', "\n         ");
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

    /// Compares the status and the start of the message.
    fn compare_run(&mut self, assumption: &str, came: &str, expected: &str) {
        let holds = came.starts_with(expected) && !came.contains("(unconfirmed");
        self.compare(assumption, holds, &format!("{expected}…"), came);
    }

    fn token(&mut self, token: &str, response: &Value) {
        let claims = jwt::part(token, 1).unwrap_or_default();
        let is_jwt = token.split('.').count() == 3 && claims.is_object();
        self.compare("the token is a JWT (D)", is_jwt, "three parts", "something else");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let host = |url: &str| url.split("://").last().unwrap_or_default().trim_end_matches('/').to_owned();
        let (issuer, own) = (host(&text(&claims["iss"])), host(&self.base));
        let is_own = issuer == own || !own.ends_with(".outseta.com") && issuer.ends_with(".outseta.com");
        let (exp, at) = (claims["exp"].as_i64(), response["expires_at"].as_i64());
        // This machine's clock may be wrong.
        let made = claims["iat"].as_i64().unwrap_or_else(jwt::now);
        let (life, seconds) = (exp.map(|exp| exp - made), response["expires_in"].as_i64());
        let agrees = life.zip(seconds).is_some_and(|(life, seconds)| (life - seconds).abs() <= 60);
        let (email, kind) = (text(&claims["email"]), text(&response["token_type"]));
        let account = &claims["outseta:accountUid"];
        for (assumption, holds, expected, came) in [
            ("claim email is EMAIL (D)", email.eq_ignore_ascii_case(&self.email), "EMAIL", email),
            ("claim iss names the account's host (D)", is_own, &*own, issuer),
            ("claim outseta:accountUid is there (D)", account.is_string(), "a text", account.to_string()),
            ("token_type is bearer (D)", kind.eq_ignore_ascii_case("bearer"), "bearer", kind.clone()),
            ("expires_in agrees with claim exp (D)", agrees, "the same", format!("{seconds:?}, {life:?}")),
            ("expires_at is claim exp", at.is_some() && at == exp, "the same", format!("{at:?}, {exp:?}")),
        ] {
            self.compare(assumption, holds, expected, &came);
        }

        let profile = self.get("/api/v1/profile?donotlog=1", token);
        let email = profile["Email"].as_str().unwrap_or("no email");
        let is_user = email.eq_ignore_ascii_case(&self.email);
        self.compare("the token opens /api/v1/profile, which is EMAIL's (D)", is_user, "EMAIL", email);
        let jwks = self.get(JWKS, token);
        let key = jwt::part(token, 0).map_or(Value::Null, |header| header["kid"].clone());
        let mut keys = jwks["keys"].as_array().into_iter().flatten();
        let is_known = key.is_string() && keys.any(|known| known["kid"] == key);
        self.compare("the token's header names a key of the JWKS (D)", is_known, "its kid", "other keys");
        self.idle_connection(token);
        let (email, uid) = (self.email.clone(), account.as_str().unwrap_or("none"));
        for (what, email, args, expected) in [
            ("EMAIL in upper case (U)", &email.to_uppercase(), vec![], ""),
            ("EMAIL with +tag (U)", &email.replacen('@', "+tag@", 1), vec![], ""),
            ("--account with the token's account (D)", &email, vec!["--account", uid], "0: token for "),
            ("--account with another one is 76", &email, vec!["--account", MADE_UP], "76: the token "),
        ] {
            let (_, came) = self.mint(email, &args, &[]);
            if expected.is_empty() {
                self.print("noted", &format!("{what}: {came}"));
            } else {
                self.compare_run(what, &came, expected);
            }
        }
        let emails = tempfile::NamedTempFile::new().expect("a temporary file is made");
        fs::write(&emails, format!("{email}\n").repeat(3)).expect("it is written");
        let (records, came) =
            self.run(&["--batch", "--no-activity-log", &emails.path().to_string_lossy()], &[]);
        let tokens = records.matches("\"access_token\"").count();
        self.compare("a batch of three gives three tokens (D)", tokens == 3, "3 tokens", &came);
    }

    fn refusals(&mut self) {
        let random = RandomState::new().hash_one(0);
        let nobody = format!("nobody-{random:x}@example.com");
        for (assumption, email, expected) in [
            ("a user who does not exist is 67 (U)", Some(nobody.clone()), "67: no such user: "),
            ("BLOCKED is 77 (U)", variable("BLOCKED"), "77: Outseta will not log "),
            ("TWO_FACTOR is 77 (U)", variable("TWO_FACTOR"), "77: "),
        ] {
            let Some(email) = email else {
                self.print("skipped", &format!("{assumption}: the variable is not set"));
                continue;
            };
            let (_, came) = self.mint(&email, &[], &[]);
            self.compare_run(assumption, &came, expected);
            self.print("noted", &format!("what came for this user: {came}"));
        }
        let pair = |(key, secret)| vec![(KEY, key), (SECRET, secret)];
        let read_only = variable("READ_ONLY_KEY").zip(variable("READ_ONLY_SECRET"));
        for (assumption, variables) in [
            ("a wrong secret is 78 (M: an empty 403)", Some(vec![(SECRET, MADE_UP.into())])),
            ("a wrong key is 78 (M: an empty 403)", Some(vec![(KEY, MADE_UP.into())])),
            (
                "key and secret swapped are 78 (M: an empty 403)",
                variable(SECRET).zip(variable(KEY)).map(pair),
            ),
            ("READ_ONLY_KEY with READ_ONLY_SECRET is 78 (U)", read_only.map(pair)),
        ] {
            let Some(variables) = variables else {
                self.print("skipped", &format!("{assumption}: the variables are not set"));
                continue;
            };
            let (_, came) = self.mint(&self.email.clone(), &[], &variables);
            // A missing or malformed setting is 78 too.
            self.compare_run(assumption, &came, "78: Outseta rejected the API key");
        }
        // Nothing may leave the machine of a fake.
        if self.base.starts_with("https:") {
            let (option, variables) =
                (format!("--subdomain=no-{random:x}"), pair((MADE_UP.into(), MADE_UP.into())));
            let (_, came) = self.mint(&nobody, &[&option], &variables);
            let assumption = "a subdomain that does not exist is 68 (M: an empty 404)";
            self.compare_run(assumption, &came, "68: no Outseta account at ");
        }
    }

    /// The connection is that of the last request.
    fn idle_connection(&mut self, token: &str) {
        let longest = milliseconds("LIVE_IDLE_MS", 10_000);
        let steps = [Duration::ZERO, longest / 10, longest / 3, longest].into_iter();
        let kept = steps.take_while(|idle| {
            let before = OPENED.load(Ordering::Relaxed);
            thread::sleep(idle.saturating_sub(self.pace));
            let is_answered = self.get(JWKS, token).is_object();
            is_answered && OPENED.load(Ordering::Relaxed) == before
        });
        let kept = kept.last();
        let assumption =
            format!("an idle connection is kept (U), {:?} of {longest:?}", kept.unwrap_or_default());
        self.compare(&assumption, kept.is_some(), "kept for the next request", "closed");
    }

    /// The JSON of a response.
    fn get(&mut self, path: &str, token: &str) -> Value {
        let request = self.agent.get(format!("{}{path}", self.base));
        let request = request.header("Authorization", format!("Bearer {token}"));
        let body = request.call().and_then(|mut response| response.body_mut().read_to_string());
        self.requested();
        serde_json::from_str(&body.unwrap_or_default()).unwrap_or_default()
    }
}

fn main() -> ExitCode {
    let Some(email) = variable("EMAIL") else {
        let _ = writeln!(io::stderr(), "live: name a user who can log in: make live EMAIL=jane@example.com");
        return ExitCode::from(64);
    };
    // Three requests a second: Outseta's limit is four, and a run that looks a user up makes two at once.
    let (base, pace, agent) = (String::new(), milliseconds("LIVE_PACE_MS", 334), agent());
    let mut live = Live { email, base, pace, agent, requests: 0, counts: [0; 2] };
    let (check, came) = live.run(&["--check"], &[]);
    let failed = check.lines().filter(|line| line.contains("hint: ")).collect::<Vec<_>>().join("\n");
    let base = check.lines().find_map(|line| line.strip_prefix("base URL: ")?.split(" (").next());
    // Without a connection, there is no line for the account.
    let Some(base) = base.filter(|_| check.contains("\naccount: ") && !came.starts_with("68:")) else {
        let failed = if failed.is_empty() { came } else { failed };
        live.print("stopped", &format!("outseta-token --check fails, so nothing was compared:\n{failed}"));
        return ExitCode::FAILURE;
    };
    base.clone_into(&mut live.base);
    live.compare("--check passes (D, M)", came.starts_with("0:"), "status 0", &failed);
    let (response, came) = live.mint(&live.email.clone(), &[], &[]);
    live.compare_run("EMAIL gets a token, without the activity log (D)", &came, "0: token for ");
    let response: Value = serde_json::from_str(&response).unwrap_or_default();
    if let Some(token) = response["access_token"].as_str() {
        live.token(token, &response);
    }
    live.refusals();
    let [ok, differ] = live.counts;
    live.print("", &format!("{ok} ok, {differ} DIFFERS, {} requests", live.requests));
    if differ == 0 {
        return ExitCode::SUCCESS;
    }
    live.print("", "Please paste all of this into an issue: it contains no key, secret or token.");
    ExitCode::FAILURE
}
