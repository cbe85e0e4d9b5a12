//! The texts about the program: `-h`, `--help`, the man page and the completions. Each is a template in this
//! folder, filled from the option table and the lists below. Tests compare them with copies in `tests/texts`.

use super::Generated;
use super::table::{FORMATS, Kind, Spec, TABLE, Value};

const VERSION: &str = env!("CARGO_PKG_VERSION");

const USAGE: [(&str, &str); 4] = [
    ("outseta-token [OPTION]... [EMAIL]", "print the response for one user"),
    ("outseta-token [OPTION]... EMAIL -- COMMAND [ARG]...", "run COMMAND with the token in its environment"),
    ("outseta-token --batch [OPTION]... [FILE]", "print one JSON line for each email"),
    ("outseta-token --check [OPTION]...", "show each setting and whether it works"),
];

const EMAIL: &str = "EMAIL is an argument or comes from standard input, which - names too. Arguments after \
    -- are never options: the first is EMAIL, unless it was already given, and the rest is COMMAND. A script \
    that gets an address from others runs outseta-token -- \"$EMAIL\".";

const COMMAND: &str = "COMMAND finds the token in OUTSETA_ACCESS_TOKEN, and the time of its expiry, in Unix \
    seconds, in OUTSETA_ACCESS_TOKEN_EXPIRES_AT. The API key and secret are removed from its environment.";

const DURATION: &str = "A DURATION is 500ms, 10s, 2m, 1h, 7d, or a number of seconds.";

const RETRIES: &str = "Network failures, 408, 425, 429 and 5xx are retried, unless a retry cannot help (a \
    bad certificate, a refusal by the proxy) or the timeout has expired. The waits are 0.5 s, 1 s, 2 s and \
    so on, each lengthened by up to half at random, or Retry-After if that is longer. An attempt has a third \
    of --timeout, and at most 10 s, to connect. Redirects are never followed.";

/// What each of [`FORMATS`] prints.
const FORMAT_HELP: [&str; 5] = [
    "the response: access_token, token_type, expires_in, then any other fields",
    "the token (a JWT)",
    "Authorization: Bearer TOKEN, for curl -H @-",
    "OUTSETA_ACCESS_TOKEN=TOKEN, for >> \"$GITHUB_ENV\" and export \"$(...)\"",
    "the token's payload as JSON; it came from Outseta over TLS, its signature is not checked",
];

/// Settings and their sources, the first of which wins.
const SETTINGS: [(&str, &str); 6] = [
    ("subdomain or base URL", "--subdomain or --base-url; OUTSETA_BASE_URL, OUTSETA_SUBDOMAIN; a prompt"),
    ("API key", "OUTSETA_API_KEY; OUTSETA_API_KEY_FILE; a hidden prompt"),
    ("API secret", "OUTSETA_API_SECRET; OUTSETA_API_SECRET_FILE; a hidden prompt"),
    ("env file", "--env-file; $XDG_CONFIG_HOME/outseta-token/env, else ~/.config/outseta-token/env"),
    ("roots", "--cacert; SSL_CERT_FILE; built in"),
    ("proxy", "https_proxy, HTTPS_PROXY, all_proxy, ALL_PROXY, except for hosts in no_proxy, NO_PROXY"),
];

/// After [`SETTINGS`].
const VARIABLES: &str = "OUTSETA_ variables are read from the environment, then from the env file, which \
    cannot have the _FILE variants. An empty variable counts as not set.";

/// Exit statuses and when they occur.
const STATUSES: [(u8, &str); 16] = [
    (0, "the token was printed, or FILE was still good"),
    (64, "the command line is wrong"),
    (65, "invalid email: malformed, or Outseta says so"),
    (66, "a file, or standard input, cannot be read"),
    (67, "Outseta has no such user"),
    (68, "no Outseta account at this subdomain"),
    (69, "network: DNS, connection, proxy, TLS, lost connection, timeout"),
    (70, "a bug in outseta-token"),
    (73, "the output file cannot be created"),
    (74, "the result could not be written"),
    (75, "rate limit exceeded, or Outseta is temporarily unavailable: try again later"),
    (76, "the response is not a token for this user"),
    (77, "Outseta rejected the API key, will not log this user in, or requires two-factor authentication"),
    (78, "a setting is missing or malformed"),
    (126, "COMMAND cannot be executed"),
    (127, "COMMAND was not found"),
];

const EXAMPLES: [(&str, &str); 4] = [
    ("outseta-token jane@example.com", "print the response as JSON"),
    ("outseta-token -r jane@example.com", "print only the token"),
    ("outseta-token jane@example.com -- ./report.sh", "run a command as the user"),
    ("outseta-token -r -o token --min-ttl 1h jane@example.com", "keep a fresh token in a file"),
];

/// The options that most people need, for `-h`.
const COMMON: [&str; 6] = ["--format", "--raw", "--output", "--subdomain", "--check", "--verbose"];

/// What fills a place of a template.
enum Part {
    Text(&'static str),
    Rows(Vec<(String, &'static str)>),
}

impl Part {
    fn rows(rows: impl IntoIterator<Item = (impl ToString, &'static str)>) -> Self {
        Self::Rows(rows.into_iter().map(|(name, text)| (name.to_string(), text)).collect())
    }
}

fn parts() -> [(&'static str, Part); 15] {
    let common = TABLE.iter().filter(|spec| COMMON.contains(&spec.long()));
    [
        ("@VERSION@", Part::Text(VERSION)),
        ("@USAGE@", Part::rows(USAGE)),
        ("@USAGE LINES@", Part::rows(USAGE.map(|(usage, _)| (usage, "")))),
        ("@EMAIL@", Part::Text(EMAIL)),
        ("@COMMAND@", Part::Text(COMMAND)),
        ("@OPTIONS@", Part::rows(TABLE.iter().map(|spec| (option(spec), spec.help)))),
        ("@COMMON@", Part::rows(common.map(|spec| (option(spec), spec.help)))),
        ("@DURATION@", Part::Text(DURATION)),
        ("@FORMATS@", Part::rows(FORMATS.iter().zip(FORMAT_HELP))),
        ("@SETTINGS@", Part::rows(SETTINGS)),
        ("@VARIABLES@", Part::Text(VARIABLES)),
        ("@STATUSES@", Part::rows(STATUSES)),
        ("@EXAMPLES@", Part::rows(EXAMPLES)),
        ("@EXAMPLE LINES@", Part::rows(EXAMPLES.map(|(command, _)| (command, "")))),
        ("@RETRIES@", Part::Text(RETRIES)),
    ]
}

/// Fills a template with the parts that it names, each as `show` formats it.
fn fill(template: &str, show: fn(&Part) -> String) -> String {
    let filled = |text: String, (place, part): &(&str, Part)| text.replace(place, &show(part));
    parts().iter().fold(template.to_owned(), filled)
}

/// The text of `-h`.
pub(crate) fn short() -> String {
    fill(include_str!("short-help.txt"), plain)
}

/// The text of `--help`.
pub(crate) fn help() -> String {
    fill(include_str!("help.txt"), plain)
}

/// The text of `--version`.
pub(crate) fn version() -> String {
    format!("outseta-token {VERSION}\n")
}

/// The text of `--generate`.
pub(crate) fn generate(what: Generated) -> String {
    match what {
        Generated::Man => fill(include_str!("man.1"), roff),
        Generated::Bash => bash(),
        Generated::Zsh => zsh(),
        Generated::Fish => fish(),
    }
}

/// Columns of a line of `--help`.
const WIDTH: usize = 80;

fn plain(part: &Part) -> String {
    match part {
        Part::Text(text) => wrapped(text, WIDTH).join("\n"),
        Part::Rows(rows) => rows.iter().map(|(name, text)| row(name, text)).collect::<Vec<_>>().join("\n"),
    }
}

/// Two columns, the second wrapped; where the first is wide, the second starts on the next line.
fn row(name: &str, text: &str) -> String {
    const FIRST: usize = 28;
    let text = wrapped(text, WIDTH - FIRST).join(&format!("\n{:FIRST$}", ""));
    if text.is_empty() {
        format!("  {name}")
    } else if name.len() + 4 > FIRST {
        format!("  {name}\n{:FIRST$}{text}", "")
    } else {
        format!("  {name:<width$}{text}", width = FIRST - 2)
    }
}

fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let line = lines.last_mut().expect("there is always a line");
        if line.is_empty() {
            line.push_str(word);
        } else if line.len() + 1 + word.len() <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

/// `-f, --format FORMAT`, or `    --min-ttl DURATION` without a short form.
fn option(spec: &Spec) -> String {
    let indent = if spec.names.len() == 1 { "    " } else { "" };
    let metavar = spec.value.as_ref().map_or(String::new(), |value| format!(" {}", value.metavar));
    format!("{indent}{}{metavar}", spec.names.join(", "))
}

fn roff(part: &Part) -> String {
    let item = |(name, text): &(String, &str)| format!(".TP\n.B {}\n{}", escaped(name), escaped(text));
    match part {
        Part::Text(text) => escaped(text),
        Part::Rows(rows) => rows.iter().map(item).collect::<Vec<_>>().join("\n"),
    }
}

/// Text in which roff finds neither a request nor an escape.
fn escaped(text: &str) -> String {
    let text = text.trim_start().replace('\\', "\\e").replace('-', "\\-");
    let text = text.replace('"', "\\(dq").replace('~', "\\(ti");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

fn bash() -> String {
    let names: Vec<_> = TABLE.iter().flat_map(|spec| spec.names).copied().collect();
    let mut lines = vec![format!("    local options='{}'", names.join(" ")), "    case $prev in".to_owned()];
    for spec in TABLE {
        let reply = match &spec.value {
            None => continue,
            Some(Value { kind: Kind::Choice(choices), .. }) => {
                format!("COMPREPLY=($(compgen -W '{}' -- \"$cur\"))", choices.join(" "))
            }
            Some(Value { kind: Kind::File, .. }) => "_outseta_token_files -f".to_owned(),
            Some(Value { kind: Kind::Text, .. }) => "COMPREPLY=()".to_owned(),
        };
        lines.push(format!("        {}) {reply}; return ;;", spec.names.join("|")));
    }
    lines.push("    esac".to_owned());
    include_str!("complete.bash").replace("@OPTIONS@", &lines.join("\n"))
}

fn zsh() -> String {
    let mut lines = Vec::new();
    for spec in TABLE {
        let help =
            spec.help.replace('\'', "'\\''").replace('[', "\\[").replace(']', "\\]").replace(':', "\\:");
        let value = spec.value.as_ref().map_or(String::new(), |value| {
            let action = match value.kind {
                Kind::Choice(choices) => format!("({})", choices.join(" ")),
                Kind::File => "_files".to_owned(),
                Kind::Text => " ".to_owned(),
            };
            format!(":{}:{action}", value.metavar)
        });
        for name in spec.names {
            let joins = match spec.value {
                None => "",
                Some(_) if name.starts_with("--") => "=",
                Some(_) => "+",
            };
            lines.push(format!("    '({}){name}{joins}[{help}]{value}' \\", spec.names.join(" ")));
        }
    }
    include_str!("complete.zsh").replace("@OPTIONS@", &lines.join("\n"))
}

fn fish() -> String {
    let mut lines = Vec::new();
    for spec in TABLE {
        let names: String = spec.names.iter().map(|name| fish_name(name)).collect();
        let value = match &spec.value {
            None => String::new(),
            Some(Value { kind: Kind::Choice(choices), .. }) => format!(" -x -a '{}'", choices.join(" ")),
            Some(Value { kind: Kind::File, .. }) => " -r -F".to_owned(),
            Some(Value { kind: Kind::Text, .. }) => " -x".to_owned(),
        };
        let help = spec.help.replace('\\', "\\\\").replace('\'', "\\'");
        lines.push(format!("complete -c outseta-token{names}{value} -d '{help}'"));
    }
    include_str!("complete.fish").replace("@OPTIONS@", &lines.join("\n"))
}

/// ` -l format` or ` -s f`.
fn fish_name(name: &str) -> String {
    match name.strip_prefix("--") {
        Some(long) => format!(" -l {long}"),
        None => name.replace('-', " -s "),
    }
}

#[cfg(test)]
mod tests;
