//! Reads `.env` files as npm's dotenv 17 does, since Outseta's demos come with such files. It does not know which
//! settings exist.
//!
//! dotenv is one regular expression, and its edge cases are kept: a quoted value may span lines and may start on the
//! line after `=`; a quote that is never closed, or is followed by more than a comment, belongs to an unquoted value;
//! lines that do not match are ignored; `$` is not expanded. One thing differs: U+2028 and U+2029 do not end a line.

/// All assignments, in order. If a name occurs twice, the last one counts.
pub(crate) fn parse(text: &str) -> Vec<(String, String)> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut assignments = Vec::new();
    let mut rest = text.as_str();
    while !rest.is_empty() {
        rest = rest.trim_start_matches(is_space);
        if let Some((name, value, after)) = assignment(rest) {
            assignments.push((name.to_owned(), value));
            rest = after;
        }
        rest = rest.split_once('\n').map_or("", |(_, next_line)| next_line);
    }
    assignments
}

/// The name and the value of the assignment that `text` starts with, and the text after them.
fn assignment(text: &str) -> Option<(&str, String, &str)> {
    let exported = text.strip_prefix("export").filter(|rest| rest.starts_with(is_space));
    let exported = exported.and_then(|rest| name(rest.trim_start_matches(is_space)));
    let (name, rest) = exported.or_else(|| name(text))?;
    let (raw, rest) = raw_value(rest);
    Some((name, unquoted(raw), rest))
}

/// Splits `NAME=value` and `NAME: value` after the separator.
fn name(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && !"_.-".contains(c))?;
    let (name, rest) = text.split_at(end);
    let value = rest.trim_start_matches(is_space).strip_prefix('=').or_else(|| {
        let mut after_colon = rest.strip_prefix(':')?.chars();
        after_colon.next().filter(|c| is_space(*c))?;
        Some(after_colon.as_str())
    })?;
    (!name.is_empty()).then_some((name, value))
}

/// Splits off the value, still in its quotes.
fn raw_value(text: &str) -> (&str, &str) {
    let quoted = text.trim_start_matches(is_space);
    match closing_quote(quoted) {
        Some(close) => quoted.split_at(close + 1),
        None => text.split_at(text.find(['#', '\n']).unwrap_or(text.len())),
    }
}

/// Where the quoted value ends that `text` starts with: at the first quote without a backslash before it, otherwise at
/// the last one with. Only a comment may follow on the line.
fn closing_quote(text: &str) -> Option<usize> {
    let mark = text.chars().next().filter(|c| matches!(c, '\'' | '"' | '`'))?;
    let mut candidates = Vec::new();
    for (at, _) in text.match_indices(mark).skip(1) {
        candidates.push(at);
        if !text[..at].ends_with('\\') {
            break;
        }
    }
    let ends_assignment = |close: &usize| {
        let after = &text[close + 1..];
        let next = after.trim_start_matches(is_space);
        next.is_empty() || next.starts_with('#') || after[..after.len() - next.len()].contains('\n')
    };
    candidates.into_iter().rev().find(ends_assignment)
}

/// Removes the quotes. In double quotes, `\n` and `\r` are expanded.
fn unquoted(raw: &str) -> String {
    let raw = raw.trim_matches(is_space);
    let inner = ['\'', '"', '`'].iter().find_map(|mark| raw.strip_prefix(*mark)?.strip_suffix(*mark));
    let value = inner.unwrap_or(raw);
    if raw.starts_with('"') { value.replace("\\n", "\n").replace("\\r", "\r") } else { value.to_owned() }
}

/// JavaScript's `\s`: Unicode's white space and the byte order mark, without NEL.
fn is_space(c: char) -> bool {
    c == '\u{feff}' || c.is_whitespace() && c != '\u{85}'
}

#[cfg(test)]
mod tests;
