//! `make bench`: the built program compared with curl and jq and with the bare TLS exchange, against a fake
//! Outseta on loopback. On a shared machine, only the ratios are meaningful.
//! Arguments: the program, the bare exchange and, optionally, the static program.

mod support;

use std::fmt::Write as _;
use std::fs;
use std::process::{Command, ExitCode};

use serde_json::Value;
use support::fake::Server;
use support::model::Account;
use support::tls::Authority;
use support::{KEY, SECRET};

/// The number of rounds of measurements.
const ROUNDS: usize = 5;

/// Emails of a batch. The loop of curls is slow.
const EMAILS: usize = 100;

/// The highest ratio of two medians.
struct Limit {
    of: &'static str,
    to: &'static str,
    most: f64,
}

const REQUEST_LIMITS: [Limit; 3] = [
    Limit { of: "program", to: "curl | jq", most: 0.30 },
    Limit { of: "program", to: "bare exchange", most: 1.3 },
    Limit { of: "static program", to: "program", most: 0.8 },
];

const BATCH_LIMITS: [Limit; 2] = [
    Limit { of: "batch", to: "curl for each", most: 1.0 / 20.0 },
    Limit { of: "batch", to: "one curl", most: 1.0 },
];

#[expect(clippy::print_stdout, reason = "its output is a report")]
fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [program, bare, rest @ ..] = arguments.as_slice() else {
        println!("bench: give the program, the bare exchange and perhaps a static program");
        return ExitCode::FAILURE;
    };
    let bench = Bench::new();
    let mut requests = vec![
        ("program", format!("{program} --raw jane@example.com")),
        ("curl | jq", format!("{} -d '{BODY}' {} | jq -r .access_token", bench.curl(), bench.url())),
        ("bare exchange", bench.bare(bare)),
    ];
    if let [static_program, ..] = rest {
        requests.push(("static program", format!("{static_program} --raw jane@example.com")));
    }
    let mut good = bench.compare("one request", 40, &requests, &REQUEST_LIMITS);
    let batches = [
        ("batch", format!("{program} --batch --rate 0 {}", bench.path("emails"))),
        ("curl for each", format!("sh {}", bench.path("loop.sh"))),
        ("one curl", format!("curl --silent --config {}", bench.path("next.conf"))),
    ];
    good &= bench.compare(&format!("{EMAILS} emails"), 3, &batches, &BATCH_LIMITS);
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

const BODY: &str = r#"{"username":"jane@example.com"}"#;

struct Bench {
    authority: Authority,
    server: Server,
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let authority = Authority::new();
        let server = Server::https(Account::acme(), authority.server(&["127.0.0.1"]));
        let bench = Self { authority, server, folder: tempfile::tempdir().expect("a temporary folder") };
        bench.write("emails", &"jane@example.com\n".repeat(EMAILS));
        let one = format!("{} -d '{BODY}' {}\n", bench.curl(), bench.url());
        bench.write("loop.sh", &one.repeat(EMAILS));
        let one = format!(
            "cacert = \"{}\"\nheader = \"Authorization: Outseta {KEY}:{SECRET}\"\n\
             header = \"Content-Type: application/json\"\ndata = {BODY:?}\nurl = \"{}\"\n",
            bench.authority.pem_file().display(),
            bench.url()
        );
        bench.write("next.conf", &vec![one; EMAILS].join("next\n"));
        bench
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn write(&self, name: &str, contents: &str) {
        fs::write(self.path(name), contents).expect("a file is written");
    }

    fn url(&self) -> String {
        format!("{}/api/v1/tokens", self.server.url())
    }

    fn curl(&self) -> String {
        let ca = self.authority.pem_file();
        format!(
            "curl --silent --cacert {} -H 'Authorization: Outseta {KEY}:{SECRET}' \
             -H 'Content-Type: application/json'",
            ca.display()
        )
    }

    fn bare(&self, program: &str) -> String {
        let (address, ca) = (self.server.address(), self.authority.pem_file());
        format!("{program} {address} {} 'Outseta {KEY}:{SECRET}'", ca.display())
    }

    /// Measures each command some times, and gives hyperfine's results.
    fn hyperfine(&self, runs: usize, commands: &[(&str, String)]) -> Vec<Value> {
        let results = self.path("results.json");
        let mut hyperfine = Command::new("hyperfine");
        hyperfine.args(["--style", "none", "--warmup", "3", "--shell", "sh", "--export-json", &results]);
        hyperfine.args(["--runs", &runs.to_string()]);
        for (name, command) in commands {
            hyperfine.args(["--command-name", name, command]);
        }
        hyperfine
            .env("OUTSETA_BASE_URL", self.server.url())
            .env("OUTSETA_API_KEY", KEY)
            .env("OUTSETA_API_SECRET", SECRET)
            .env("SSL_CERT_FILE", self.authority.pem_file());
        // Its warnings about a shared machine and short times are expected.
        let output = hyperfine.output().expect("hyperfine starts");
        assert!(output.status.success(), "hyperfine: {}", String::from_utf8_lossy(&output.stderr));
        let json = fs::read(results).expect("hyperfine wrote its results");
        let json: Value = serde_json::from_slice(&json).expect("its results are JSON");
        json["results"].as_array().expect("there are results").clone()
    }

    /// Measures commands in turn and compares their medians.
    #[expect(clippy::print_stdout, reason = "its output is a report")]
    fn compare(&self, title: &str, runs: usize, commands: &[(&str, String)], limits: &[Limit]) -> bool {
        let mut times = vec![Vec::new(); commands.len()];
        // In rounds, so that a slow minute of a shared machine affects all of them.
        for _ in 0..ROUNDS {
            let results = self.hyperfine(runs, commands);
            for (times, result) in times.iter_mut().zip(results) {
                times.extend(result["times"].as_array().into_iter().flatten().filter_map(Value::as_f64));
            }
        }
        let medians: Vec<f64> = times.into_iter().map(median).collect();
        let mut report = format!("{title}, medians of {}\n", ROUNDS * runs);
        for ((name, _), median) in commands.iter().zip(&medians) {
            let _ = writeln!(report, "  {name:<16} {:8.2} ms", median * 1000.0);
        }
        let median = |wanted: &str| {
            let at = commands.iter().position(|(name, _)| *name == wanted)?;
            medians.get(at).copied()
        };
        let mut good = true;
        for Limit { of, to, most } in limits {
            let (Some(one), Some(other)) = (median(of), median(to)) else {
                assert!(*of == "static program", "{of} or {to} was not measured");
                continue;
            };
            let ratio = one / other;
            let verdict = if ratio <= *most { "ok" } else { "TOO SLOW" };
            let _ = writeln!(report, "  {of} / {to}: {ratio:.3} (at most {most:.2}) {verdict}");
            good &= ratio <= *most;
        }
        println!("{report}");
        good
    }
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
