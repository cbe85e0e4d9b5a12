//! What `-v` shows of requests and responses.

use std::time::Duration;

use serde_json::Value;

use super::client::{Request, Response};
use super::response::{Context, INVALID_GRANT, json};
use crate::config::Credentials;
use crate::error::Error;
use crate::stderr::Log;
use crate::text::Sanitized;

/// The only headers whose values are shown. Of a `location`, which may contain secrets, the name is shown.
const HEADERS: [&str; 5] = ["content-type", "content-length", "retry-after", "server", "cf-ray"];

/// The only fields whose values are shown.
const FIELDS: [&str; 7] =
    ["token_type", "expires_in", "ErrorMessage", "Message", "PropertyName", "error", "error_description"];

pub(super) fn request(request: &Request, credentials: &Credentials, log: Log) {
    log.detail(format_args!("> {} {}", request.method(), request.url));
    for (name, value) in request.headers() {
        log.detail(format_args!("> {name}: {value}"));
    }
    if request.authorization.is_some() {
        log.detail(format_args!("> Authorization: {}", credentials.masked_authorization()));
    }
}

pub(super) fn response(result: &Result<Response, Error>, time: Duration, context: Context<'_>, log: Log) {
    // Describing a response means parsing its body once more.
    if !log.is_verbose() {
        return;
    }
    let time = time.as_millis();
    match result {
        Err(error) => log.detail(format_args!("< no response after {time} ms: {error}")),
        Ok(response) => {
            log.detail(format_args!("< {} after {time} ms", response.status));
            log.detail(format_args!("< headers: {}", headers(response, context)));
            log.detail(format_args!("< body: {}", body(&response.body, context)));
        }
    }
}

fn headers(response: &Response, context: Context<'_>) -> String {
    let shown = |name| Some(format!("{name} \"{}\"", context.shown(response.header(name)?)));
    let location = response.header("location").map(|_| "location".to_owned());
    Sanitized::new(&HEADERS.into_iter().filter_map(shown).chain(location).collect::<Vec<_>>().join(", "))
        .to_string()
}

fn body(body: &[u8], context: Context<'_>) -> String {
    let fields = match json(body) {
        None => return format!("{} bytes, not JSON", body.len()),
        Some(Value::Object(fields)) => fields,
        Some(Value::String(text)) if text == INVALID_GRANT => return format!("\"{text}\""),
        Some(_) => return "JSON without fields".to_owned(),
    };
    let fields = fields.iter().map(|(name, value)| match (context.shown(name), value) {
        (shown, Value::String(text)) if FIELDS.contains(&name.as_str()) => {
            format!("{shown} \"{}\"", context.shown(text))
        }
        (shown, Value::Number(number)) if FIELDS.contains(&name.as_str()) => {
            format!("{shown} {}", context.shown(&number.to_string()))
        }
        (shown, _) => shown.to_string(),
    });
    Sanitized::new(&fields.collect::<Vec<_>>().join(", ")).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;
    use serde_json::json;

    fn described(text: &str) -> String {
        let secrets = ["the-key-1", "4711"].map(Secret::new);
        body(text.as_bytes(), Context { host: "h", credentials: None, secrets: &secrets, account: None })
    }

    #[test]
    fn describes_a_body_by_its_fields() {
        for (body, expected) in [
            ("", "0 bytes, not JSON"),
            ("abc", "3 bytes, not JSON"),
            ("[1]", "JSON without fields"),
            ("7", "JSON without fields"),
            (r#""secret""#, "JSON without fields"),
            (r#""invalid_grant""#, r#""invalid_grant""#),
            ("{}", ""),
            (
                r#"{"access_token": "t", "refresh_token": "r", "token_type": "bearer", "expires_in": 1.50}"#,
                r#"access_token, expires_in 1.50, refresh_token, token_type "bearer""#,
            ),
            (
                r#"{"ErrorMessage":"a","Message":"b","PropertyName":"c"}"#,
                r#"ErrorMessage "a", Message "b", PropertyName "c""#,
            ),
            (r#"{"error":"d","error_description":"e"}"#, r#"error "d", error_description "e""#),
            (r#"{"expires_in": "f"}"#, r#"expires_in "f""#),
            (r#"{"token_type": ["s"], "error": {"s": 1}, "other": 5}"#, "error, other, token_type"),
            (r#"{"a\nb": 1, "the-key-1": 2, "error": "4711"}"#, r#"a\nb, error "[hidden]", [hidden]"#),
            (r#"{"expires_in": 4711, "error": 47110.5}"#, "error [hidden]0.5, expires_in [hidden]"),
        ] {
            let described_as = described(body);
            assert_eq!(described_as, expected, "{body}");
        }
    }

    #[test]
    fn shows_300_characters_of_all_fields_together() {
        let fields: serde_json::Map<_, _> = (0..100).map(|n| (format!("f{n:03}"), json!(1))).collect();
        let all = described(&Value::Object(fields).to_string());
        assert_eq!(all.chars().count(), 301);
        assert!(all.starts_with("f000, f001, ") && all.ends_with('…'));
    }
}
