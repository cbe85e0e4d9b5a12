//! The texts about the program: `-h`, `--help`, the man page and the completions. Each is a template in this
//! folder, filled from the option table and `blocks.txt`. Tests compare them with copies in `tests/texts`.

use super::options::{self, Spec, TABLE, Text};
use crate::output::Format;

/// Text that help and the man page share. Blocks are separated by a blank line. Each starts with its
/// placeholder, such as `@USAGE@`, followed by rows (a name, a tab, a text) or by one paragraph.
const BLOCKS: &str = include_str!("blocks.txt");

/// The options that `-h` lists.
static COMMON: [&Spec; 6] = [
    &options::FORMAT,
    &options::RAW,
    &options::OUTPUT,
    &options::SUBDOMAIN,
    &options::CHECK,
    &options::VERBOSE,
];

pub(super) fn text(text: Text) -> String {
    match text {
        Text::ShortHelp => fill(include_str!("short-help.txt"), &PLAIN),
        Text::Help => fill(include_str!("help.txt"), &PLAIN),
        Text::Version => fill("outseta-token @VERSION@\n", &PLAIN),
    }
}

/// `what` is one of `GENERATED`.
pub(super) fn generate(what: &str) -> Option<String> {
    match what {
        "man" => Some(fill(include_str!("man.1"), &ROFF)),
        "complete-bash" => Some(completion(include_str!("complete.bash"), bash)),
        "complete-zsh" => Some(completion(include_str!("complete.zsh"), zsh)),
        "complete-fish" => Some(completion(include_str!("complete.fish"), fish)),
        _ => None,
    }
}

/// How a text shows a row (a name and its text) and a paragraph.
struct Style {
    row: fn(&str, &str) -> String,
    paragraph: fn(&str) -> String,
}

const PLAIN: Style = Style { row: plain_row, paragraph: |text| wrapped(text, WIDTH).join("\n") };
const ROFF: Style =
    Style { row: |name, text| format!(".TP\n.B {}\n{}", escaped(name), escaped(text)), paragraph: escaped };

fn fill(template: &str, style: &Style) -> String {
    let option = |spec: &&Spec| {
        let indent = if spec.synopsis.starts_with("--") { "    " } else { "" };
        (style.row)(&format!("{indent}{}", spec.synopsis), &spec.full_help())
    };
    let options = |specs: &[&Spec]| specs.iter().map(option).collect::<Vec<_>>().join("\n");
    let format = |format: Format| (style.row)(format.name(), format.help());
    let lists = [
        ("@VERSION@", env!("CARGO_PKG_VERSION").to_owned()),
        ("@OPTIONS@", options(&TABLE)),
        ("@COMMON@", options(&COMMON)),
        ("@FORMATS@", Format::ALL.map(format).join("\n")),
    ];
    let blocks = BLOCKS.split("\n\n").filter_map(|block| block.split_once('\n'));
    let blocks = blocks.map(|(place, text)| (place, shown_block(text, style)));
    let places = lists.into_iter().chain(blocks);
    places.fold(template.to_owned(), |filled, (place, text)| filled.replace(place, &text))
}

fn shown_block(text: &str, style: &Style) -> String {
    let row = |line: &str| line.split_once('\t').map(|(name, text)| (style.row)(name, text));
    match text.lines().map(row).collect::<Option<Vec<_>>>() {
        Some(rows) => rows.join("\n"),
        None => (style.paragraph)(&text.trim_end().replace('\n', " ")),
    }
}

/// Columns of a line of `--help`.
const WIDTH: usize = 80;

/// Two columns. The second is wrapped, and starts on a new line if the first is too wide.
fn plain_row(name: &str, text: &str) -> String {
    const FIRST: usize = 28;
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

/// Escapes what roff would take for a request or a special character.
fn escaped(text: &str) -> String {
    let text = text.trim_start().replace('\\', "\\e").replace('-', "\\-");
    let text = text.replace('"', "\\(dq").replace('~', "\\(ti");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

fn completion(script: &str, lines: fn(&Spec) -> String) -> String {
    let names: Vec<_> = TABLE.into_iter().flat_map(Spec::names).collect();
    let options: String = TABLE.into_iter().map(lines).collect();
    script.replace("@NAMES@", &names.join(" ")).replace("@OPTIONS@\n", &options)
}

fn bash(spec: &Spec) -> String {
    let words = (spec.choices)().join(" ");
    let reply = match spec.placeholder() {
        None => return String::new(),
        Some("FILE") => "_outseta_token_files -f",
        Some(_) if words.is_empty() => "COMPREPLY=()",
        Some(_) => &format!("COMPREPLY=($(compgen -W '{words}' -- \"$cur\"))"),
    };
    format!("        {}) {reply}; return ;;\n", spec.names().collect::<Vec<_>>().join("|"))
}

fn zsh(spec: &Spec) -> String {
    let words = (spec.choices)().join(" ");
    let value = match spec.placeholder() {
        None => String::new(),
        Some("FILE") => ":FILE:_files".to_owned(),
        Some(placeholder) if words.is_empty() => format!(":{placeholder}: "),
        Some(placeholder) => format!(":{placeholder}:({words})"),
    };
    let help = spec.full_help().replace('\'', "'\\''").replace(':', "\\:");
    let names: Vec<_> = spec.names().collect();
    let line = |name: &&str| {
        let joins = if value.is_empty() {
            ""
        } else if name.starts_with("--") {
            "="
        } else {
            "+"
        };
        format!("    '({}){name}{joins}[{help}]{value}' \\\n", names.join(" "))
    };
    names.iter().map(line).collect()
}

fn fish(spec: &Spec) -> String {
    let words = (spec.choices)().join(" ");
    let value = match spec.placeholder() {
        None => "",
        Some("FILE") => " -r -F",
        Some(_) if words.is_empty() => " -x",
        Some(_) => &format!(" -x -a '{words}'"),
    };
    let name = |name: &str| match name.strip_prefix("--") {
        Some(long) => format!(" -l {long}"),
        None => name.replace('-', " -s "),
    };
    let names: String = spec.names().map(name).collect();
    format!("complete -c outseta-token{names}{value} -d '{}'\n", spec.full_help().replace('\'', "\\'"))
}

#[cfg(test)]
mod tests;
