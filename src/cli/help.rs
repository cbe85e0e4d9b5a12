//! The texts about the program: `-h`, `--help`, the man page and the completions. Each is a template in this
//! folder, filled from the option table and `shared.txt`. Tests compare them with copies in `tests/texts`.

use super::table::{FORMATS, Spec, TABLE, ValueKind};

/// What help and the man page share, in blocks: a placeholder such as `@USAGE@`, then rows (name, tab, text)
/// or one paragraph.
const SHARED: &str = include_str!("shared.txt");

/// For `-h`.
const COMMON: [&str; 6] = ["--format", "--raw", "--output", "--subdomain", "--check", "--verbose"];

pub(super) fn short() -> String {
    fill(include_str!("short-help.txt"), plain)
}

pub(super) fn help() -> String {
    fill(include_str!("help.txt"), plain)
}

pub(super) fn version() -> String {
    fill("outseta-token @VERSION@\n", plain)
}

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
    let option = |spec: &Spec| show(&synopsis(spec), spec.help);
    let common = TABLE.iter().filter(|spec| COMMON.contains(&spec.long()));
    let lists = [
        ("@VERSION@", vec![env!("CARGO_PKG_VERSION").to_owned()]),
        ("@OPTIONS@", TABLE.iter().map(option).collect()),
        ("@COMMON@", common.map(option).collect()),
        ("@FORMATS@", FORMATS.iter().map(|(name, _, text)| show(name, text)).collect()),
    ];
    let row = |row: &str| row.split_once('\t').map(|(name, text)| show(name, text));
    let shared = SHARED.split("\n\n").filter_map(|part| part.split_once('\n')).map(|(place, text)| {
        let rows: Option<Vec<_>> = text.lines().map(row).collect();
        (place, rows.unwrap_or_else(|| vec![show("", &text.trim_end().replace('\n', " "))]))
    });
    let places = lists.into_iter().chain(shared);
    places.fold(template.to_owned(), |filled, (place, lines)| filled.replace(place, &lines.join("\n")))
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

/// Without what roff would take for a request or an escape.
fn escaped(text: &str) -> String {
    let text = text.trim_start().replace('\\', "\\e").replace('-', "\\-");
    let text = text.replace('"', "\\(dq").replace('~', "\\(ti");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

fn completion(script: &str, lines: fn(&Spec) -> String) -> String {
    let names: Vec<_> = TABLE.iter().flat_map(|spec| spec.names).copied().collect();
    let options: String = TABLE.iter().map(lines).collect();
    script.replace("@NAMES@", &names.join(" ")).replace("@OPTIONS@\n", &options)
}

fn bash(spec: &Spec) -> String {
    let reply = match spec.kind {
        ValueKind::Flag => return String::new(),
        ValueKind::Choice(words) => &format!("COMPREPLY=($(compgen -W '{words}' -- \"$cur\"))"),
        ValueKind::File => "_outseta_token_files -f",
        ValueKind::Text => "COMPREPLY=()",
    };
    format!("        {}) {reply}; return ;;\n", spec.names.join("|"))
}

fn zsh(spec: &Spec) -> String {
    let value = match spec.kind {
        ValueKind::Flag => "",
        ValueKind::Choice(words) => &format!(":{}:({words})", spec.metavar),
        ValueKind::File => &format!(":{}:_files", spec.metavar),
        ValueKind::Text => &format!(":{}: ", spec.metavar),
    };
    let help = spec.help.replace('\'', "'\\''").replace(':', "\\:");
    let line = |name: &&str| {
        let joins = match spec.kind {
            ValueKind::Flag => "",
            _ if name.starts_with("--") => "=",
            _ => "+",
        };
        format!("    '({}){name}{joins}[{help}]{value}' \\\n", spec.names.join(" "))
    };
    spec.names.iter().map(line).collect()
}

fn fish(spec: &Spec) -> String {
    let value = match spec.kind {
        ValueKind::Flag => "",
        ValueKind::Choice(words) => &format!(" -x -a '{words}'"),
        ValueKind::File => " -r -F",
        ValueKind::Text => " -x",
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
