//! The texts about the program, all made from the option table and from the lists below: `--help`, the man page and
//! the completions of three shells. The lists repeat what the code does; tests hold them together.

use std::fmt::Write;

use super::Generated;
use super::table::{Kind, Spec, TABLE};
use crate::error::Status;

const NAME: &str = "outseta-token";
const VERSION: &str = env!("CARGO_PKG_VERSION");
const SUMMARY: &str = "print an access token for a user of an Outseta account";

/// The synopsis: arguments, and what comes of them.
const USAGE: [(&str, &str); 4] = [
    ("[OPTION]... [EMAIL]", "print the response for one user"),
    ("[OPTION]... EMAIL -- COMMAND [ARG]...", "run COMMAND with the token in its environment"),
    ("--batch [OPTION]... [FILE]", "print one JSON line for each email"),
    ("--check [OPTION]...", "say what is configured and whether it works"),
];

/// How the arguments are read, and what COMMAND finds.
const EMAIL: &str = "EMAIL is taken from standard input where it is not given, or is -. Behind -- comes EMAIL, \
    unless it was given, and then COMMAND; nothing there is an option. Scripts that are handed an address by others \
    write outseta-token -- \"$EMAIL\". With a command, the token is in \
    OUTSETA_ACCESS_TOKEN and the time of its expiry, in Unix seconds, in OUTSETA_ACCESS_TOKEN_EXPIRES_AT; the admin \
    credentials are removed from the command's environment. A DURATION is 500ms, 10s, 2m, 1h, 7d, or a number of seconds.";

/// Names of settings and where they are taken from, the first place that has one.
const SETTINGS: [(&str, &str); 6] = [
    (
        "subdomain or base URL",
        "--subdomain or --base-url; OUTSETA_BASE_URL, OUTSETA_SUBDOMAIN in the environment; the same in the env file; \
         a prompt",
    ),
    (
        "API key",
        "OUTSETA_API_KEY, OUTSETA_API_KEY_FILE in the environment; OUTSETA_API_KEY in the env file; a prompt",
    ),
    (
        "API secret",
        "OUTSETA_API_SECRET, OUTSETA_API_SECRET_FILE in the environment; OUTSETA_API_SECRET in the env file; a hidden \
         prompt",
    ),
    ("env file", "--env-file; $XDG_CONFIG_HOME/outseta-token/env, else ~/.config/outseta-token/env"),
    ("roots", "--cacert; SSL_CERT_FILE; built in"),
    ("proxy", "https_proxy, HTTPS_PROXY, all_proxy, ALL_PROXY, but for hosts in no_proxy, NO_PROXY"),
];

/// Exit statuses and when they occur.
const STATUSES: [(u8, &str); 16] = [
    (0, "the token was printed, or FILE was still good"),
    (Status::Usage as u8, "the command line is wrong"),
    (Status::DataErr as u8, "invalid email: malformed, or Outseta says so"),
    (Status::NoInput as u8, "a file, or standard input, cannot be read"),
    (Status::NoUser as u8, "Outseta has no such user"),
    (Status::NoHost as u8, "no Outseta account at this subdomain"),
    (Status::Unavailable as u8, "network: DNS, connection, proxy, TLS, lost connection, time-out"),
    (Status::Software as u8, "a bug in outseta-token"),
    (Status::CantCreat as u8, "the output file cannot be created"),
    (Status::IoErr as u8, "the result could not be written"),
    (Status::TempFail as u8, "Outseta is over its rate limit or failing: try again later"),
    (Status::Protocol as u8, "an answer that is not a token for this user"),
    (
        Status::NoPerm as u8,
        "Outseta rejected the API key, will not log this user in, or wants a second factor",
    ),
    (Status::Config as u8, "a setting is missing or malformed"),
    (Status::CannotExecute as u8, "COMMAND cannot be executed"),
    (Status::NotFound as u8, "COMMAND was not found"),
];

const CLAIMS: &str = "The claims that --format claims prints came from Outseta over TLS; the token's signature is not \
    checked.";

const EXAMPLES: [(&str, &str); 4] = [
    ("outseta-token jane@example.com", "the response, as JSON"),
    ("outseta-token -r jane@example.com", "the token alone"),
    (
        "outseta-token -f header -- \"$EMAIL\" | curl -H @- https://api.example.com/",
        "call an API as the user",
    ),
    ("outseta-token -r -o token --min-ttl 1h jane@example.com", "keep a file with a fresh token"),
];

/// The text of `--help`.
pub(crate) fn help() -> String {
    let mut text = format!("{NAME} {VERSION}: {SUMMARY}\n\nUsage:\n");
    rows(&mut text, USAGE.map(|(arguments, result)| (format!("{NAME} {arguments}"), result)));
    paragraph(&mut text, EMAIL);
    text.push_str("\nOptions:\n");
    rows(&mut text, TABLE.iter().map(|spec| (option(spec, "  "), spec.help)));
    paragraph(&mut text, CLAIMS);
    text.push_str("\nSettings, each from the first place that has it:\n");
    rows(&mut text, SETTINGS.map(|(name, places)| (name.to_owned(), places)));
    text.push_str("\nExit status:\n");
    rows(&mut text, STATUSES.map(|(status, when)| (status.to_string(), when)));
    text.push_str("\nExamples:\n");
    rows(&mut text, EXAMPLES.map(|(command, result)| (command.to_owned(), result)));
    text
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
    let mut page = format!(
        ".TH OUTSETA-TOKEN 1 {RELEASED} \"{NAME} {VERSION}\"\n.SH NAME\n{} \\- {SUMMARY}\n",
        roff(NAME)
    );
    page.push_str(".SH SYNOPSIS\n");
    let synopsis = USAGE.map(|(arguments, _)| format!(".B {}\n{}\n", roff(NAME), roff(arguments)));
    page.push_str(&synopsis.join(".br\n"));
    let forms = USAGE.map(|(arguments, result)| (format!("{NAME} {arguments}"), result));
    page.push_str(".SH DESCRIPTION\n");
    items(&mut page, forms);
    let _ = writeln!(page, ".PP\n{}\n.SH OPTIONS", roff(EMAIL));
    items(&mut page, TABLE.iter().map(|spec| (option(spec, ""), spec.help)));
    let _ = writeln!(
        page,
        ".PP\n{}\n.SH ENVIRONMENT\nEach setting is taken from the first place that has it.",
        roff(CLAIMS)
    );
    items(&mut page, SETTINGS.map(|(name, places)| (name.to_owned(), places)));
    page.push_str(".SH EXIT STATUS\n");
    items(&mut page, STATUSES.map(|(status, when)| (status.to_string(), when)));
    page.push_str(".SH EXAMPLES\n");
    items(&mut page, EXAMPLES.map(|(command, result)| (command.to_owned(), result)));
    page
}

/// The date of this version.
const RELEASED: &str = "2026-11-24";

fn items(page: &mut String, items: impl IntoIterator<Item = (String, &'static str)>) {
    for (name, text) in items {
        let _ = writeln!(page, ".TP\n.B {}\n{}", roff(&name), roff(text));
    }
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
    let mut values = String::new();
    for spec in TABLE.iter().filter(|spec| spec.value.is_some()) {
        let answer = match choices(spec) {
            Some(choices) => format!("COMPREPLY=($(compgen -W '{}' -- \"$cur\"))", choices.join(" ")),
            None if takes_file(spec) => "_outseta_token_files -f".to_owned(),
            None => "COMPREPLY=()".to_owned(),
        };
        let _ = writeln!(values, "        {}) {answer}; return ;;", names(spec).join("|"));
    }
    let options: Vec<String> = TABLE.iter().flat_map(names).collect();
    format!(
        "# bash completion for {NAME}
_outseta_token_files() {{
    compopt -o filenames
    # By lines: a name may hold spaces.
    mapfile -t COMPREPLY < <(compgen \"$@\" -- \"$cur\")
}}
_outseta_token() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD-1]}} i
    # Bash takes = as a word of its own.
    if [[ $cur == '=' ]]; then
        cur=
    elif [[ $prev == '=' ]]; then
        prev=${{COMP_WORDS[COMP_CWORD-2]}}
    fi
    for ((i = 1; i < COMP_CWORD; i++)); do
        if [[ ${{COMP_WORDS[i]}} == -- ]]; then
            _outseta_token_files -c -f
            return
        fi
    done
    case $prev in
{values}    esac
    if [[ $cur == -* ]]; then
        COMPREPLY=($(compgen -W '{}' -- \"$cur\"))
    else
        _outseta_token_files -f
    fi
}}
complete -F _outseta_token {NAME}
",
        options.join(" ")
    )
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
    format!("#compdef {NAME}\n_arguments -s -S \\\n{arguments}    '*:file:_files'\n")
}

fn fish() -> String {
    let mut script = format!("# fish completion for {NAME}\n");
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
    script
}

#[cfg(test)]
mod tests;
