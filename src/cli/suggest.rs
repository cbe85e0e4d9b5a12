//! Hints on what a mistyped word was meant to be.

use super::options::{Spec, TABLE};
use crate::output::Format;

pub(super) const SEE_HELP: &str = "see outseta-token --help";

/// The hint for an option that does not exist.
pub(super) fn for_option(name: &str) -> String {
    let hint = match name {
        "--api-key" | "--key" | "--api-secret" | "--secret" => {
            "secrets cannot be passed as options: set OUTSETA_API_KEY and OUTSETA_API_SECRET in the \
             environment"
        }
        "--password" => "no password is needed: the program uses the account's API key",
        "--token" => "to print only the token, use --raw",
        "--proxy" => "set https_proxy in the environment",
        "-k" | "--insecure" => "certificates are always checked; to trust another issuer, use --cacert FILE",
        _ if name.strip_prefix("--").and_then(Format::named).is_some() => {
            return format!("did you mean --format {}?", &name[2..]);
        }
        _ => {
            let names = TABLE.into_iter().map(Spec::long).filter(|long| long.starts_with("--"));
            return did_you_mean(name, names);
        }
    };
    hint.to_owned()
}

/// The hint for an argument that was meant as an option, or as a part of one.
pub(super) fn for_argument(argument: &str) -> Option<&'static str> {
    if argument.starts_with(['–', '—', '−']) && !argument.contains('@') {
        return Some("it starts with a long dash: type a hyphen instead, as in -r");
    }
    let is_unit = ["ms", "sec", "seconds", "min", "minutes", "hours", "days"].contains(&argument);
    is_unit.then_some("write a duration as one word, such as 10s or 2m")
}

pub(super) fn did_you_mean<'a>(typed: &str, words: impl Iterator<Item = &'a str>) -> String {
    let typed = typed.to_lowercase();
    let near = |word: &&str| word.starts_with(&typed) && typed.len() > 3 || distance(&typed, word) <= 2;
    match words.filter(near).min_by_key(|word| distance(&typed, word)) {
        Some(word) => format!("did you mean {word}?"),
        None => SEE_HELP.to_owned(),
    }
}

/// The Levenshtein distance, in bytes.
pub(super) fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (above, a) in one.bytes().enumerate() {
        let mut diagonal = above;
        row[0] = above + 1;
        for (at, b) in other.bytes().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[at + 1];
            row[at + 1] = replaced.min(diagonal + 1).min(row[at] + 1);
        }
    }
    row[other.len()]
}
