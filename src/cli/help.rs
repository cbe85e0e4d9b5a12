//! The texts about the program, made from the option table, the lists below and the templates in this folder: `-h`,
//! `--help`, the man page and the completions of three shells. Tests compare each with its copy in `tests/texts`.

use std::fmt::Write;

use super::Generated;
use super::table::{FORMATS, Kind, Name, Spec, TABLE, spec};

const NAME: &str = "outseta-token";
const VERSION: &str = env!("CARGO_PKG_VERSION");
const SUMMARY: &str = "print an access token for a user of an Outseta account";

/// The synopsis: arguments, and what they do.
const USAGE: [(&str, &str); 4] = [
    ("[OPTION]... [EMAIL]", "print the response for one user"),
    ("[OPTION]... EMAIL -- COMMAND [ARG]...", "run COMMAND with the token in its environment"),
    ("--batch [OPTION]... [FILE]", "print one JSON line for each email"),
    ("--check [OPTION]...", "show each setting and whether it works"),
];

const EMAIL: &str = "EMAIL is an argument or comes from standard input, which - names too. Arguments after -- are never \
    options: the first is EMAIL, unless it was already given, and the rest is COMMAND. A script that gets an address \
    from others runs outseta-token -- \"$EMAIL\".";

const COMMAND: &str = "COMMAND finds the token in OUTSETA_ACCESS_TOKEN, and the time of its expiry, in Unix seconds, in \
    OUTSETA_ACCESS_TOKEN_EXPIRES_AT. The API key and secret are removed from its environment.";

const DURATION: &str = "A DURATION is 500ms, 10s, 2m, 1h, 7d, or a number of seconds.";

const RETRIES: &str = "Network failures, 408, 425, 429 and 5xx are retried, unless a retry cannot help (a bad \
    certificate, a refusal by the proxy) or the timeout has expired. The waits are 0.5 s, 1 s, 2 s and so on, each \
    lengthened by up to half at random, or Retry-After if that is longer. An attempt has a third of --timeout, and at \
    most 10 s, to connect. Redirects are never followed.";

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
    (
        "subdomain or base URL",
        "--subdomain or --base-url; OUTSETA_BASE_URL, OUTSETA_SUBDOMAIN in the environment; the same in the env file; \
         a prompt",
    ),
    (
        "API key",
        "OUTSETA_API_KEY, OUTSETA_API_KEY_FILE in the environment; OUTSETA_API_KEY in the env file; a hidden prompt",
    ),
    (
        "API secret",
        "OUTSETA_API_SECRET, OUTSETA_API_SECRET_FILE in the environment; OUTSETA_API_SECRET in the env file; a hidden \
         prompt",
    ),
    ("env file", "--env-file; $XDG_CONFIG_HOME/outseta-token/env, else ~/.config/outseta-token/env"),
    ("roots", "--cacert; SSL_CERT_FILE; built in"),
    ("proxy", "https_proxy, HTTPS_PROXY, all_proxy, ALL_PROXY, except for hosts in no_proxy, NO_PROXY"),
];

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

/// The settings that everybody needs, for `-h`.
const NEEDED: [(&str, &str); 3] = [
    ("OUTSETA_SUBDOMAIN", "acme for https://acme.outseta.com"),
    ("OUTSETA_API_KEY", "from Settings > Integrations > API Keys"),
    ("OUTSETA_API_SECRET", "shown once, when the key is made"),
];

/// The options that most people need, for `-h`.
const COMMON: [Name; 6] =
    [Name::Format, Name::Raw, Name::Output, Name::Subdomain, Name::Check, Name::Verbose];

/// The text of `-h`.
pub(crate) fn short() -> String {
    let mut text = format!("{NAME} {VERSION}: {SUMMARY}\n\nUsage:\n");
    commands(&mut text, USAGE.map(|(arguments, _)| format!("{NAME} {arguments}")));
    text.push_str("\nCommon options:\n");
    rows(&mut text, COMMON.map(|name| (option(spec(name), "  "), spec(name).help)));
    text.push_str("\nSettings, from the environment or ~/.config/outseta-token/env:\n");
    rows(&mut text, NEEDED.map(|(name, help)| (name.to_owned(), help)));
    text.push_str("\nExamples:\n");
    commands(&mut text, EXAMPLES.map(|(command, _)| command.to_owned()));
    text.push_str("\nAll options, settings and exit statuses: outseta-token --help\n");
    text
}

/// The text of `--help`.
pub(crate) fn help() -> String {
    let mut text = format!("{NAME} {VERSION}: {SUMMARY}\n\nUsage:\n");
    rows(&mut text, USAGE.map(|(arguments, result)| (format!("{NAME} {arguments}"), result)));
    text.push_str("\nExamples:\n");
    rows(&mut text, EXAMPLES.map(|(command, result)| (command.to_owned(), result)));
    paragraph(&mut text, EMAIL);
    paragraph(&mut text, COMMAND);
    text.push_str("\nOptions:\n");
    rows(&mut text, TABLE.iter().map(|spec| (option(spec, "  "), spec.help)));
    paragraph(&mut text, DURATION);
    text.push_str("\nFormats:\n");
    rows(&mut text, formats());
    text.push_str("\nSettings, each from the first source that has it:\n");
    rows(&mut text, SETTINGS.map(|(name, sources)| (name.to_owned(), sources)));
    text.push_str("\nExit status:\n");
    rows(&mut text, STATUSES.map(|(status, when)| (status.to_string(), when)));
    paragraph(&mut text, RETRIES);
    text
}

fn formats() -> impl Iterator<Item = (String, &'static str)> {
    FORMATS.iter().map(ToString::to_string).zip(FORMAT_HELP)
}

/// The text of `--version`.
pub(crate) fn version() -> String {
    format!("{NAME} {VERSION}\n")
}

/// The text of `--generate`.
pub(crate) fn generate(what: Generated) -> String {
    match what {
        Generated::Man => man(),
        Generated::Bash => bash(),
        Generated::Zsh => zsh(),
        Generated::Fish => fish(),
    }
}

/// Columns of a line of `--help`.
const WIDTH: usize = 80;

fn commands(text: &mut String, commands: [String; 4]) {
    for command in commands {
        let _ = writeln!(text, "  {command}");
    }
}

/// Two columns, the second wrapped; on a line of its own where the first is wide.
fn rows(text: &mut String, rows: impl IntoIterator<Item = (String, &'static str)>) {
    const FIRST: usize = 28;
    for (name, explanation) in rows {
        let mut lines = wrapped(explanation, WIDTH - FIRST).into_iter();
        if name.len() + 4 > FIRST {
            let _ = writeln!(text, "  {name}");
        } else {
            let _ = writeln!(text, "  {name:<width$}{}", lines.next().unwrap_or_default(), width = FIRST - 2);
        }
        for line in lines {
            let _ = writeln!(text, "{:FIRST$}{line}", "");
        }
    }
}

fn paragraph(text: &mut String, paragraph: &str) {
    text.push('\n');
    for line in wrapped(paragraph, WIDTH) {
        text.push_str(&line);
        text.push('\n');
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

/// `-f, --format FORMAT`; options without a short form are set in by `indent` twice.
fn option(spec: &Spec, indent: &str) -> String {
    let short = spec.short.map_or_else(|| indent.repeat(2), |short| format!("-{short}, "));
    let metavar = spec.value.as_ref().map_or_else(String::new, |value| format!(" {}", value.metavar));
    format!("{short}{}{metavar}", spec.long)
}

fn man() -> String {
    let items = |items: &mut dyn Iterator<Item = (String, &'static str)>| {
        let item = |(name, text): (String, &str)| format!(".TP\n.B {}\n{}", roff(&name), roff(text));
        items.map(item).collect::<Vec<_>>().join("\n")
    };
    let usage = USAGE.map(|(arguments, _)| format!(".B {}\n{}", roff(NAME), roff(arguments)));
    let filled = [
        ("@VERSION@", VERSION.to_owned()),
        ("@USAGE@", usage.join("\n.br\n")),
        ("@EMAIL@", roff(EMAIL)),
        ("@COMMAND@", roff(COMMAND)),
        ("@OPTIONS@", items(&mut TABLE.iter().map(|spec| (option(spec, ""), spec.help)))),
        ("@DURATION@", roff(DURATION)),
        ("@FORMATS@", items(&mut formats())),
        ("@SETTINGS@", items(&mut SETTINGS.into_iter().map(|(name, sources)| (name.to_owned(), sources)))),
        ("@STATUSES@", items(&mut STATUSES.into_iter().map(|(status, when)| (status.to_string(), when)))),
        (
            "@EXAMPLES@",
            items(&mut EXAMPLES.into_iter().map(|(command, result)| (command.to_owned(), result))),
        ),
        ("@RETRIES@", roff(RETRIES)),
    ];
    filled.iter().fold(include_str!("man.1").to_owned(), |page, (place, text)| page.replace(place, text))
}

/// Text in which roff finds neither a request nor an escape.
fn roff(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = text.replace('\\', "\\e").replace('-', "\\-").replace('"', "\\(dq").replace('~', "\\(ti");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

/// The value of an option that completion chooses or looks for.
fn choices(spec: &Spec) -> Option<&'static [&'static str]> {
    match spec.value.as_ref()?.kind {
        Kind::Choice(choices) => Some(choices),
        Kind::File | Kind::Text => None,
    }
}

fn takes_file(spec: &Spec) -> bool {
    spec.value.as_ref().is_some_and(|value| value.kind == Kind::File)
}

fn names(spec: &Spec) -> Vec<String> {
    spec.short.map(|short| format!("-{short}")).into_iter().chain([spec.long.to_owned()]).collect()
}

fn bash() -> String {
    let options: Vec<String> = TABLE.iter().flat_map(names).collect();
    let mut text = format!("    local options='{}'\n    case $prev in\n", options.join(" "));
    for spec in TABLE.iter().filter(|spec| spec.value.is_some()) {
        let reply = match choices(spec) {
            Some(choices) => format!("COMPREPLY=($(compgen -W '{}' -- \"$cur\"))", choices.join(" ")),
            None if takes_file(spec) => "_outseta_token_files -f".to_owned(),
            None => "COMPREPLY=()".to_owned(),
        };
        let _ = writeln!(text, "        {}) {reply}; return ;;", names(spec).join("|"));
    }
    text.push_str("    esac");
    include_str!("complete.bash").replace("@OPTIONS@", &text)
}

fn zsh() -> String {
    let mut arguments = String::new();
    for spec in TABLE {
        let help =
            spec.help.replace('\'', "'\\''").replace('[', "\\[").replace(']', "\\]").replace(':', "\\:");
        let value = match (&spec.value, choices(spec)) {
            (None, _) => String::new(),
            (Some(value), Some(choices)) => format!(":{}:({})", value.metavar, choices.join(" ")),
            (Some(value), None) if takes_file(spec) => format!(":{}:_files", value.metavar),
            (Some(value), None) => format!(":{}: ", value.metavar),
        };
        let names = names(spec);
        let exclusive = names.join(" ");
        for name in &names {
            let equals = if spec.value.is_none() {
                ""
            } else if name.starts_with("--") {
                "="
            } else {
                "+"
            };
            let _ = writeln!(arguments, "    '({exclusive}){name}{equals}[{help}]{value}' \\");
        }
    }
    include_str!("complete.zsh").replace("@OPTIONS@", arguments.trim_end())
}

fn fish() -> String {
    let mut script = String::new();
    for spec in TABLE {
        let short = spec.short.map_or_else(String::new, |short| format!(" -s {short}"));
        let value = match (&spec.value, choices(spec)) {
            (None, _) => String::new(),
            (Some(_), Some(choices)) => format!(" -x -a '{}'", choices.join(" ")),
            (Some(_), None) if takes_file(spec) => " -r -F".to_owned(),
            (Some(_), None) => " -x".to_owned(),
        };
        let long = spec.long.trim_start_matches('-');
        let help = spec.help.replace('\\', "\\\\").replace('\'', "\\'");
        let _ = writeln!(script, "complete -c {NAME}{short} -l {long}{value} -d '{help}'");
    }
    include_str!("complete.fish").replace("@OPTIONS@", script.trim_end())
}

#[cfg(test)]
mod tests;
