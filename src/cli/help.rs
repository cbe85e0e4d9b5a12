//! The texts about the program: `-h`, `--help`, the man page and the completions. Each is a template in this
//! folder, filled from the option table and the texts below. Tests compare them with copies in `tests/texts`.

use super::table::{FORMATS, Kind, Spec, TABLE};

/// The paragraphs that several templates share, each with its place in them.
const PARAGRAPHS: [(&str, &str); 6] = [
    ("@VERSION@", env!("CARGO_PKG_VERSION")),
    (
        "@EMAIL@",
        "EMAIL is an argument or comes from standard input, which - names too. Arguments after -- are \
         never options: the first is EMAIL, unless it was already given, and the rest is COMMAND. A \
         script that gets an address from others runs outseta-token -- \"$EMAIL\".",
    ),
    (
        "@COMMAND@",
        "COMMAND finds the token in OUTSETA_ACCESS_TOKEN, and the time of its expiry, in Unix seconds, in \
         OUTSETA_ACCESS_TOKEN_EXPIRES_AT. The API key and secret are removed from its environment.",
    ),
    ("@DURATION@", "A DURATION is 500ms, 10s, 2m, 1h, 7d, or a number of seconds."),
    (
        "@VARIABLES@",
        "OUTSETA_ variables are read from the environment, then from the env file, which cannot have the \
         _FILE variants. An empty variable counts as not set.",
    ),
    (
        "@RETRIES@",
        "Network failures, 408, 425, 429 and 5xx are retried, unless a retry cannot help (a bad \
         certificate, a refusal by the proxy) or the timeout has expired. The waits are 0.5 s, 1 s, 2 s \
         and so on, each lengthened by up to half at random, or Retry-After if that is longer. An attempt \
         has a third of --timeout, and at most 10 s, to connect. Redirects are never followed.",
    ),
];

const USAGE: &[(&str, &str)] = &[
    ("outseta-token [OPTION]... [EMAIL]", "print the response for one user"),
    ("outseta-token [OPTION]... EMAIL -- COMMAND [ARG]...", "run COMMAND with the token in its environment"),
    ("outseta-token --batch [OPTION]... [FILE]", "print one JSON line for each email"),
    ("outseta-token --check [OPTION]...", "show each setting and whether it works"),
];

/// The first source that has a setting wins.
const SETTINGS: &[(&str, &str)] = &[
    ("subdomain or base URL", "--subdomain or --base-url; OUTSETA_BASE_URL, OUTSETA_SUBDOMAIN; a prompt"),
    ("API key", "OUTSETA_API_KEY; OUTSETA_API_KEY_FILE; a hidden prompt"),
    ("API secret", "OUTSETA_API_SECRET; OUTSETA_API_SECRET_FILE; a hidden prompt"),
    ("env file", "--env-file; $XDG_CONFIG_HOME/outseta-token/env, else ~/.config/outseta-token/env"),
    ("roots", "--cacert; SSL_CERT_FILE; built in"),
    ("proxy", "https_proxy, HTTPS_PROXY, all_proxy, ALL_PROXY, except for hosts in no_proxy, NO_PROXY"),
];

const STATUSES: &[(&str, &str)] = &[
    ("0", "the token was printed, or FILE was still good"),
    ("64", "the command line is wrong"),
    ("65", "invalid email: malformed, or Outseta says so"),
    ("66", "a file, or standard input, cannot be read"),
    ("67", "Outseta has no such user"),
    ("68", "no Outseta account at this subdomain"),
    ("69", "network: DNS, connection, proxy, TLS, lost connection, timeout"),
    ("70", "a bug in outseta-token"),
    ("73", "the output file cannot be created"),
    ("74", "the result could not be written"),
    ("75", "rate limit exceeded, or Outseta is temporarily unavailable: try again later"),
    ("76", "the response is not a token for this user"),
    ("77", "Outseta rejected the API key, will not log this user in, or requires two-factor authentication"),
    ("78", "a setting is missing or malformed"),
    ("126", "COMMAND cannot be executed"),
    ("127", "COMMAND was not found"),
];

const EXAMPLES: &[(&str, &str)] = &[
    ("outseta-token jane@example.com", "print the response as JSON"),
    ("outseta-token -r jane@example.com", "print only the token"),
    ("outseta-token jane@example.com -- ./report.sh", "run a command as the user"),
    ("outseta-token -r -o token --min-ttl 1h jane@example.com", "keep a fresh token in a file"),
];

/// The options that most people need, for `-h`.
const COMMON: [&str; 6] = ["--format", "--raw", "--output", "--subdomain", "--check", "--verbose"];

/// The text of `-h`.
pub(super) fn short() -> String {
    fill(include_str!("short-help.txt"), plain)
}

/// The text of `--help`.
pub(super) fn help() -> String {
    fill(include_str!("help.txt"), plain)
}

/// The text of `--version`.
pub(super) fn version() -> String {
    fill("outseta-token @VERSION@\n", plain)
}

/// The text of `--generate`.
pub(super) fn generate(what: &str) -> Option<String> {
    match what {
        "man" => Some(fill(include_str!("man.1"), roff)),
        "complete-bash" => Some(completion(include_str!("complete.bash"), bash)),
        "complete-zsh" => Some(completion(include_str!("complete.zsh"), zsh)),
        "complete-fish" => Some(completion(include_str!("complete.fish"), fish)),
        _ => None,
    }
}

/// Fills a template. `show` formats a name with its text; a paragraph has no name.
fn fill(template: &str, show: fn(&str, &str) -> String) -> String {
    let row = |(name, text): &(&str, &str)| show(name, text);
    let option = |spec: &Spec| show(&synopsis(spec), spec.help);
    let common = TABLE.iter().filter(|spec| COMMON.contains(&spec.long()));
    let mut parts = vec![
        ("@OPTIONS@", TABLE.iter().map(option).collect()),
        ("@COMMON@", common.map(option).collect()),
        ("@FORMATS@", FORMATS.iter().map(|(name, _, text)| show(name, text)).collect()),
    ];
    parts.extend(PARAGRAPHS.map(|(place, text)| (place, vec![show("", text)])));
    let lists =
        [("@USAGE@", USAGE), ("@SETTINGS@", SETTINGS), ("@STATUSES@", STATUSES), ("@EXAMPLES@", EXAMPLES)];
    parts.extend(lists.map(|(place, rows)| (place, rows.iter().map(row).collect())));
    parts.iter().fold(template.to_owned(), |filled, (place, lines)| filled.replace(place, &lines.join("\n")))
}

/// Columns of a line of `--help`.
const WIDTH: usize = 80;

/// Two columns, the second wrapped; where the first is wide, the second starts on the next line.
fn plain(name: &str, text: &str) -> String {
    const FIRST: usize = 28;
    if name.is_empty() {
        return wrapped(text, WIDTH).join("\n");
    }
    let text = wrapped(text, WIDTH - FIRST).join(&format!("\n{:FIRST$}", ""));
    let gap =
        if name.len() + 4 > FIRST { format!("\n{:FIRST$}", "") } else { " ".repeat(FIRST - 2 - name.len()) };
    format!("  {name}{gap}{text}")
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
fn synopsis(spec: &Spec) -> String {
    let indent = if spec.names.len() == 1 { "    " } else { "" };
    format!("{indent}{} {}", spec.names.join(", "), spec.metavar).trim_end().to_owned()
}

fn roff(name: &str, text: &str) -> String {
    match name {
        "" => escaped(text),
        _ => format!(".TP\n.B {}\n{}", escaped(name), escaped(text)),
    }
}

/// Text in which roff finds neither a request nor an escape.
fn escaped(text: &str) -> String {
    let text = text.trim_start().replace('\\', "\\e").replace('-', "\\-");
    let text = text.replace('"', "\\(dq").replace('~', "\\(ti");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

/// Fills a completion script with the lines for each option.
fn completion(script: &str, lines: fn(&Spec) -> String) -> String {
    let names: Vec<_> = TABLE.iter().flat_map(|spec| spec.names).copied().collect();
    let options: String = TABLE.iter().map(lines).collect();
    script.replace("@NAMES@", &names.join(" ")).replace("@OPTIONS@\n", &options)
}

fn bash(spec: &Spec) -> String {
    let reply = match spec.kind {
        Kind::Flag => return String::new(),
        Kind::Choice(words) => &format!("COMPREPLY=($(compgen -W '{words}' -- \"$cur\"))"),
        Kind::File => "_outseta_token_files -f",
        Kind::Text => "COMPREPLY=()",
    };
    format!("        {}) {reply}; return ;;\n", spec.names.join("|"))
}

fn zsh(spec: &Spec) -> String {
    let value = match spec.kind {
        Kind::Flag => "",
        Kind::Choice(words) => &format!(":{}:({words})", spec.metavar),
        Kind::File => &format!(":{}:_files", spec.metavar),
        Kind::Text => &format!(":{}: ", spec.metavar),
    };
    let help = spec.help.replace('\'', "'\\''").replace(':', "\\:");
    let line = |name: &&str| {
        let joins = match spec.kind {
            Kind::Flag => "",
            _ if name.starts_with("--") => "=",
            _ => "+",
        };
        format!("    '({}){name}{joins}[{help}]{value}' \\\n", spec.names.join(" "))
    };
    spec.names.iter().map(line).collect()
}

fn fish(spec: &Spec) -> String {
    let value = match spec.kind {
        Kind::Flag => "",
        Kind::Choice(words) => &format!(" -x -a '{words}'"),
        Kind::File => " -r -F",
        Kind::Text => " -x",
    };
    let name = |name: &&str| match name.strip_prefix("--") {
        Some(long) => format!(" -l {long}"),
        None => name.replace('-', " -s "),
    };
    let names: String = spec.names.iter().map(name).collect();
    format!("complete -c outseta-token{names}{value} -d '{}'\n", spec.help.replace('\'', "\\'"))
}

#[cfg(test)]
mod tests;
