//! The grammar of a `.env` file, as npm's dotenv 17 reads it: users bring the files of Outseta's demos along. It
//! knows neither settings nor where a file comes from.
//!
//! dotenv is one regular expression over the whole text, and what it does at the edges follows from that: a value in
//! quotes may span lines and start on the line behind its `=`; a quote that is not closed, or followed by more than a
//! comment, is part of a bare value; lines that do not match are passed over. `$` is not expanded.

/// The assignments in a file, in their order; of several with one name the last counts.
pub(crate) fn parse(text: &str) -> Vec<(String, String)> {
    let text: Vec<char> = text.replace("\r\n", "\n").replace('\r', "\n").chars().collect();
    let mut assignments = Vec::new();
    let mut at = 0;
    while at < text.len() {
        if !starts_line(&text, at) {
            at += 1;
            continue;
        }
        let start = skip(&text, at, is_space);
        at = match assignment(&text, start) {
            Some((name, value, end)) => {
                assignments.push((name, value));
                end
            }
            None => start + 1,
        };
    }
    assignments
}

/// Name, value and end of the assignment whose name, or `export`, stands at `at`.
fn assignment(text: &[char], at: usize) -> Option<(String, String, usize)> {
    let (name, at) = exported_name(text, at).or_else(|| separated_name(text, at))?;
    let (raw, end) = raw_value(text, at);
    Some((name, value(raw), end))
}

/// `export NAME` and what stands between it and the value.
fn exported_name(text: &[char], at: usize) -> Option<(String, usize)> {
    let at = text[at..].starts_with(&['e', 'x', 'p', 'o', 'r', 't']).then_some(at + 6)?;
    let name = skip(text, at, is_space);
    if name == at { None } else { separated_name(text, name) }
}

/// `NAME =` or `NAME: `; the name and where the value may start.
fn separated_name(text: &[char], at: usize) -> Option<(String, usize)> {
    let end = skip(text, at, |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
    if end == at {
        return None;
    }
    let name = text[at..end].iter().collect();
    let equals = skip(text, end, is_space);
    if text.get(equals) == Some(&'=') {
        return Some((name, equals + 1));
    }
    let colon = text.get(end) == Some(&':') && text.get(end + 1).copied().is_some_and(is_space);
    colon.then_some((name, end + 2))
}

/// The value as it stands there, quotes included, and where it ends.
fn raw_value(text: &[char], at: usize) -> (&[char], usize) {
    let quote = skip(text, at, is_space);
    if let Some(&mark) = text.get(quote)
        && matches!(mark, '\'' | '"' | '`')
        && let Some(close) = closing_quote(text, quote, mark)
    {
        return (&text[at..=close], close + 1);
    }
    let end = skip(text, at, |c| !matches!(c, '#' | '\n'));
    (&text[at..end], end)
}

/// The quote that ends a value: the first that no backslash precedes, or else the last one before it, provided that
/// nothing but a comment follows on its line.
fn closing_quote(text: &[char], open: usize, mark: char) -> Option<usize> {
    let mut candidates = Vec::new();
    for at in open + 1..text.len() {
        if text[at] == mark {
            candidates.push(at);
            if text[at - 1] != '\\' {
                break;
            }
        }
    }
    candidates.into_iter().rev().find(|&close| ends_assignment(text, close + 1))
}

/// Whether nothing but white space and a comment stands between `at` and the end of the line.
fn ends_assignment(text: &[char], at: usize) -> bool {
    let end = skip(text, at, is_space);
    matches!(text.get(end), None | Some('#')) || text[at..end].iter().copied().any(is_line_end)
}

/// Takes the quotes off, and expands `\n` and `\r` if they were double quotes.
fn value(raw: &[char]) -> String {
    let raw: String = raw.iter().collect();
    let trimmed: Vec<char> = raw.trim_matches(is_space).chars().collect();
    let unquoted = unquote(&trimmed);
    if trimmed.first() == Some(&'"') { unquoted.replace("\\n", "\n").replace("\\r", "\r") } else { unquoted }
}

/// Takes off each pair of like quotes of which one starts a line and the other, the last such, ends one.
fn unquote(text: &[char]) -> String {
    // For each mark the last that ends a line: the partner of every one before it.
    let ends_line = |at: usize| text.get(at + 1).copied().is_none_or(is_line_end);
    let last = ['\'', '"', '`'].map(|mark| {
        let partner = (0..text.len()).rev().find(|&at| text[at] == mark && ends_line(at));
        (mark, partner)
    });
    let mut unquoted = String::new();
    let mut at = 0;
    while at < text.len() {
        let pair = last.iter().find(|(mark, _)| *mark == text[at] && starts_line(text, at));
        if let Some((_, Some(close))) = pair
            && *close > at
        {
            unquoted.extend(&text[at + 1..*close]);
            at = close + 1;
        } else {
            unquoted.push(text[at]);
            at += 1;
        }
    }
    unquoted
}

fn starts_line(text: &[char], at: usize) -> bool {
    at == 0 || is_line_end(text[at - 1])
}

fn skip(text: &[char], from: usize, what: impl Fn(char) -> bool) -> usize {
    text[from..].iter().position(|&c| !what(c)).map_or(text.len(), |length| from + length)
}

/// JavaScript's `\s`: Unicode's white space and the byte order mark, without NEL.
fn is_space(c: char) -> bool {
    c == '\u{feff}' || c.is_whitespace() && c != '\u{85}'
}

/// JavaScript's line terminators.
fn is_line_end(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests;
