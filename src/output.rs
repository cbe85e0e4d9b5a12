//! The result: how each format looks, and writing it completely or not at all. It knows no settings and no HTTP.
//!
//! A file is written beside its place (unique name, mode 0600 from its first byte), flushed to disk and renamed over
//! it, so that whoever reads it finds the old content or the new, whole. Each such new file is locked while its
//! process lives; one that nobody locks was left by a killed run, and the next run in that folder removes it.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::ser::SerializeMap;
use serde_json::{Map, Value};

use crate::base_url;
use crate::email::Email;
use crate::error::{AnswerFault, Error};
use crate::options::Format;
use crate::text::{self, Shown, reason};
use crate::token::Token;
use crate::unix;

const HEADER: &str = "Authorization: Bearer ";
/// The variable in which others find the token.
pub(crate) const VARIABLE: &str = "OUTSETA_ACCESS_TOKEN";

/// The fields of an answer that come first, in this order.
pub(crate) const FIRST_FIELDS: [&str; 3] = ["access_token", "token_type", "expires_in"];

/// New files are named so, with 16 hexadecimal digits between.
const NEW_PREFIX: &str = ".outseta-token-";
const NEW_SUFFIX: &str = ".tmp";

/// Bytes of a file that may hold a token, at most: far more than the largest answer, indented.
const KEPT_LIMIT: u64 = 8 << 20;

/// The whole result in a format.
///
/// # Errors
/// `Error::Answer` where the claims of a token are asked for that is not a JWT.
pub(crate) fn render(token: &Token, format: Format) -> Result<Vec<u8>, Error> {
    let jwt = token.access_token();
    Ok(match format {
        Format::Json => pretty(&Ordered(token.fields())),
        Format::Token => format!("{jwt}\n").into_bytes(),
        Format::Header => format!("{HEADER}{jwt}\n").into_bytes(),
        Format::Env => format!("{VARIABLE}={jwt}\n").into_bytes(),
        Format::Claims => pretty(
            token
                .claims()
                .ok_or(Error::Answer(AnswerFault::NotJwt))?
                .as_map(),
        ),
    })
}

/// The token in what `render` made; `None` for anything that it would not have made so.
fn recover(bytes: &[u8], format: Format) -> Option<Token> {
    let line = |prefix: &str| {
        let text = std::str::from_utf8(bytes).ok()?;
        let jwt = text.strip_prefix(prefix)?.strip_suffix('\n')?;
        Some(Map::from_iter([(
            FIRST_FIELDS[0].to_owned(),
            Value::from(jwt),
        )]))
    };
    let fields = match format {
        Format::Json => serde_json::from_slice(bytes).ok()?,
        Format::Token => line("")?,
        Format::Header => line(HEADER)?,
        Format::Env => line(&format!("{VARIABLE}="))?,
        Format::Claims => return None,
    };
    let token = Token::new(fields).ok()?;
    (render(&token, format).ok()? == bytes).then_some(token)
}

/// Indented by two, with a line feed.
fn pretty(value: &impl Serialize) -> Vec<u8> {
    harmless(serde_json::to_string_pretty(value))
}

/// On one line, with a line feed.
pub(crate) fn compact(value: &impl Serialize) -> Vec<u8> {
    harmless(serde_json::to_string(value))
}

/// Escapes what JSON lets stand in a string and a terminal would obey or hide (RFC 8259 section 7): the values stay the
/// same.
fn harmless(json: serde_json::Result<String>) -> Vec<u8> {
    let json = json.expect("JSON values serialise into memory");
    let mut escaped = String::with_capacity(json.len() + 1);
    for c in json.chars() {
        // Outside of strings there is none of these but the line feed.
        if c != '\n' && text::is_invisible(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(c);
        }
    }
    escaped.push('\n');
    escaped.into_bytes()
}

/// An answer's fields, the well-known ones first.
pub(crate) struct Ordered<'a>(pub(crate) &'a Map<String, Value>);

impl Serialize for Ordered<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let first = FIRST_FIELDS
            .iter()
            .filter_map(|name| self.0.get_key_value(*name));
        let further = self
            .0
            .iter()
            .filter(|(name, _)| !FIRST_FIELDS.contains(&name.as_str()));
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in first.chain(further) {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// Writes to standard output, completely and at once: as a file, since std's own handle takes one that is not open for
/// writing for one that swallows everything.
///
/// # Errors
/// `Error::BrokenPipe`, `Error::CannotWrite`.
pub(crate) fn print(bytes: &[u8]) -> Result<(), Error> {
    let stdout = io::stdout().as_fd().try_clone_to_owned().map(File::from);
    stdout
        .and_then(|mut stdout| stdout.write_all(bytes))
        .map_err(|error| cannot_write(Shown::new("standard output"), &error))
}

fn cannot_write(to: Shown, error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::BrokenPipe => Error::BrokenPipe,
        _ => Error::CannotWrite {
            to,
            why: reason(error),
        },
    }
}

/// Where a result goes, found usable before any request is made.
#[derive(Debug)]
pub(crate) enum Destination {
    StandardOutput,
    /// A device, a FIFO or an inherited descriptor, which is written as it is.
    Direct(File, PathBuf),
    Replaced(NewFile),
}

impl Destination {
    /// `None`: standard output.
    ///
    /// # Errors
    /// `Error::CannotCreate`: the folder is missing or may not be written, or it is a folder itself.
    pub(crate) fn open(path: Option<&Path>) -> Result<Self, Error> {
        let Some(path) = path else {
            return Ok(Self::StandardOutput);
        };
        if path == Path::new("/dev/stdout") {
            return Ok(Self::StandardOutput);
        }
        let cannot_create = |error: &io::Error| Error::CannotCreate {
            path: Shown::os(path),
            why: reason(error),
        };
        let found = fs::symlink_metadata(path);
        match &found {
            Err(error) if error.kind() != io::ErrorKind::NotFound || !names_file(path) => {
                return Err(cannot_create(error));
            }
            _ if path.is_dir() => return Err(cannot_create(&io::ErrorKind::IsADirectory.into())),
            _ => {}
        }
        let special = found.is_ok_and(|found| !found.is_file() && !found.is_symlink());
        if special || is_descriptor(path) {
            let file = open_directly(path, special).map_err(|error| cannot_create(&error))?;
            return Ok(Self::Direct(file, path.to_owned()));
        }
        NewFile::beside(path)
            .map(Self::Replaced)
            .map_err(|error| cannot_create(&error))
    }

    /// Writes the whole result.
    ///
    /// # Errors
    /// `Error::CannotWrite`, `Error::BrokenPipe`; a file that was to be replaced is then untouched.
    pub(crate) fn write(self, bytes: &[u8]) -> Result<(), Error> {
        match self {
            Self::StandardOutput => print(bytes),
            Self::Direct(mut file, path) => file
                .write_all(bytes)
                .map_err(|error| cannot_write(Shown::os(path), &error)),
            Self::Replaced(file) => {
                let target = Shown::os(&file.target);
                file.replace(bytes)
                    .map_err(|error| cannot_write(target, &error))
            }
        }
    }
}

/// Opens what is written as it is: appending, so that a file behind a descriptor keeps what it holds. Where a device or a
/// FIFO was seen, somebody else may have put a link or a file in its place since.
fn open_directly(path: &Path, special: bool) -> io::Result<File> {
    let flags = if special { libc::O_NOFOLLOW } else { 0 };
    let file = OpenOptions::new()
        .append(true)
        .custom_flags(flags | libc::O_NOCTTY)
        .open(path)?;
    if special && file.metadata()?.is_file() {
        return Err(io::Error::other("it changed while it was looked at"));
    }
    Ok(file)
}

/// `/dev/fd/N`, `/dev/stderr` and the like: links to open descriptors, beside which nothing can be written.
fn is_descriptor(path: &Path) -> bool {
    path.starts_with("/proc")
        || path.starts_with("/dev/fd")
        || path.parent() == Some(Path::new("/dev")) && path.is_symlink()
}

/// Whether a path that leads nowhere yet can be a file's: `missing/` and `missing/..` cannot.
fn names_file(path: &Path) -> bool {
    let bytes = path.as_os_str().as_bytes();
    path.file_name().is_some() && !bytes.ends_with(b"/") && !bytes.ends_with(b"/.")
}

/// A file that is to replace another, in the same folder. Dropped without that, it is removed.
#[derive(Debug)]
pub(crate) struct NewFile {
    file: File,
    path: PathBuf,
    target: PathBuf,
}

impl NewFile {
    fn beside(target: &Path) -> io::Result<Self> {
        let folder = folder(target);
        remove_left_behind(folder);
        loop {
            let path = folder.join(format!(
                "{NEW_PREFIX}{:016x}{NEW_SUFFIX}",
                RandomState::new().hash_one(0)
            ));
            let file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path)?;
            let new = Self {
                file,
                path,
                target: target.to_owned(),
            };
            // Until it is locked it looks as if left behind: another run may remove it, and holds its lock then. (Where
            // the file system has no locks, nobody removes anything.)
            let taken = matches!(new.file.try_lock(), Err(TryLockError::WouldBlock));
            if !taken && new.file.metadata()?.nlink() > 0 {
                // The umask may have taken more than it should.
                new.file.set_permissions(Permissions::from_mode(0o600))?;
                return Ok(new);
            }
        }
    }

    fn replace(mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.file.sync_all()?;
        fs::rename(&self.path, &self.target)?;
        // The content is safe; that the name is too is all that a folder's flush adds.
        let _ = File::open(folder(&self.target)).and_then(|folder| folder.sync_all());
        // Nothing has this path any more, so there is nothing to remove.
        self.path = PathBuf::new();
        Ok(())
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.path.as_os_str().is_empty() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn folder(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// Removes new files of killed runs. What cannot be removed stays: it is in nobody's way.
fn remove_left_behind(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_file && is_new_name(&entry.file_name().to_string_lossy()) {
            let Ok(file) = OpenOptions::new()
                .write(true)
                .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
                .open(entry.path())
            else {
                continue;
            };
            if file.try_lock().is_ok() {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

fn is_new_name(name: &str) -> bool {
    let digits = name
        .strip_prefix(NEW_PREFIX)
        .and_then(|name| name.strip_suffix(NEW_SUFFIX));
    digits.is_some_and(|digits| digits.len() == 16 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// The token that a kept file must hold.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) email: &'a Email,
    /// The account's host below outseta.com, where that is known.
    pub(crate) host: Option<&'a str>,
    /// Unix seconds at which it must still be valid.
    pub(crate) valid_at: i64,
}

/// The token in a file, if that is good enough to be kept: a regular file that nobody but this user may write, holding
/// just what this format would, for the wanted user. Anything else means that a new token is needed, and is no error.
pub(crate) fn kept(path: &Path, format: Format, wanted: &Wanted<'_>) -> Option<Token> {
    remove_left_behind(folder(path));
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path)
        .ok()?;
    let metadata = file.metadata().ok()?;
    let own = metadata.uid() == unix::effective_user() && metadata.mode() & 0o022 == 0;
    if !metadata.is_file() || !own {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(KEPT_LIMIT).read_to_end(&mut bytes).ok()?;
    recover(&bytes, format).filter(|token| fits(token, wanted))
}

fn fits(token: &Token, wanted: &Wanted<'_>) -> bool {
    let Some(claims) = token.claims() else {
        return false;
    };
    let foreign = match (wanted.host, claims.issuer_host()) {
        (Some(host), Some(issuer)) => {
            base_url::names_account(issuer) && !issuer.eq_ignore_ascii_case(host)
        }
        _ => false,
    };
    !foreign
        && claims.email().is_some_and(|email| wanted.email.is(email))
        && claims
            .expires_at()
            .is_some_and(|expiry| expiry >= wanted.valid_at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use proptest::prelude::*;
    use serde_json::{Number, json};

    #[test]
    fn what_took_a_devices_place_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "whole").unwrap();
        std::os::unix::fs::symlink("/dev/null", &link).unwrap();
        for path in [&file, &link] {
            assert!(open_directly(path, true).is_err(), "{}", path.display());
            open_directly(path, false).unwrap();
        }
        open_directly(Path::new("/dev/null"), true).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"whole");
    }

    #[test]
    fn json_holds_nothing_that_a_terminal_would_obey() {
        let name = "\u{9b}31m\u{7f}\u{202e}é\u{e0001}\n";
        let value = json!({ "name": name });
        let expected = r#"{"name":"\u009b31m\u007f\u202eé\udb40\udc01\n"}"#;
        assert_eq!(compact(&value), format!("{expected}\n").into_bytes());
        let read: Value = serde_json::from_slice(&pretty(&value)).expect("it is JSON");
        assert_eq!(read, value);
    }

    const FORMATS: [Format; 4] = [Format::Json, Format::Token, Format::Header, Format::Env];

    fn token(fields: Value) -> Token {
        let Value::Object(fields) = fields else {
            panic!("fields are an object")
        };
        Token::new(fields).expect("a usable token")
    }

    fn text(token: &Token, format: Format) -> String {
        String::from_utf8(render(token, format).expect("it can be rendered")).expect("UTF-8")
    }

    fn jwt(claims: &Value) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string()))
    }

    #[test]
    fn each_format_has_its_form() {
        let token = token(
            json!({"z": 1, "expires_in": 60, "access_token": "e30.eyJhIjoxfQ.s",
            "a": [], "token_type": "bearer"}),
        );
        assert_eq!(
            text(&token, Format::Json),
            "{\n  \"access_token\": \"e30.eyJhIjoxfQ.s\",\n  \"token_type\": \"bearer\",\n  \"expires_in\": 60,\n  \
             \"a\": [],\n  \"z\": 1\n}\n"
        );
        assert_eq!(text(&token, Format::Token), "e30.eyJhIjoxfQ.s\n");
        assert_eq!(
            text(&token, Format::Header),
            "Authorization: Bearer e30.eyJhIjoxfQ.s\n"
        );
        assert_eq!(
            text(&token, Format::Env),
            "OUTSETA_ACCESS_TOKEN=e30.eyJhIjoxfQ.s\n"
        );
        assert_eq!(text(&token, Format::Claims), "{\n  \"a\": 1\n}\n");
    }

    #[test]
    fn what_is_no_jwt_has_no_claims_to_render() {
        let token = token(json!({"access_token": "opaque"}));
        assert_eq!(
            render(&token, Format::Claims),
            Err(Error::Answer(AnswerFault::NotJwt))
        );
        assert_eq!(recover(b"{}\n", Format::Claims), None);
    }

    #[test]
    fn only_what_was_rendered_is_recovered() {
        for (format, bytes) in [
            (Format::Token, &b""[..]),
            (Format::Token, b"t"),
            (Format::Token, b"\n"),
            (Format::Token, b"t\n\n"),
            (Format::Token, b"t\r\n"),
            (Format::Token, b"a b\n"),
            (Format::Token, b"\xff\n"),
            (Format::Header, b"t\n"),
            (Format::Header, b"authorization: Bearer t\n"),
            (Format::Env, b"OUTSETA_ACCESS_TOKEN='t'\n"),
            (Format::Json, b"{\"access_token\": \"t\"}\n"),
            (Format::Json, b"{\n  \"access_token\": \"t\"\n}"),
            (
                Format::Json,
                b"{\n  \"a\": 1,\n  \"access_token\": \"t\"\n}\n",
            ),
            (Format::Json, b"[]\n"),
        ] {
            let shown = String::from_utf8_lossy(bytes);
            assert_eq!(recover(bytes, format), None, "{format:?} {shown:?}");
        }
        assert!(recover(b"t\n", Format::Token).is_some());
        assert!(recover(b"{\n  \"access_token\": \"t\"\n}\n", Format::Json).is_some());
    }

    #[test]
    fn names_of_new_files_are_told_from_others() {
        assert!(is_new_name(".outseta-token-0123456789abcdef.tmp"));
        for name in [
            "",
            ".outseta-token-.tmp",
            ".outseta-token-0123456789abcde.tmp",
            ".outseta-token-0123456789abcdef0.tmp",
            ".outseta-token-0123456789abcdeg.tmp",
            ".outseta-token-0123456789abcdef",
            "outseta-token-0123456789abcdef.tmp",
            ".outseta-token-\u{e4}123456789abcde.tmp",
        ] {
            assert!(!is_new_name(name), "{name}");
        }
    }

    #[test]
    fn paths_are_told_apart() {
        for path in ["a", "a/b", "./a", "../a", "/a", "a.", "..a"] {
            assert!(names_file(Path::new(path)), "{path}");
        }
        for path in ["", ".", "..", "/", "a/", "a/.", "a/..", "a//"] {
            assert!(!names_file(Path::new(path)), "{path}");
        }
        for path in [
            "/dev/fd/3",
            "/proc/self/fd/1",
            "/proc/1/fd/1",
            "/dev//fd/0",
            "/dev/stderr",
        ] {
            assert!(is_descriptor(Path::new(path)), "{path}");
        }
        for path in ["/dev/null", "/dev/shm/token", "dev/fd/3", "/devfd/3"] {
            assert!(!is_descriptor(Path::new(path)), "{path}");
        }
        for (path, parent) in [("a", "."), ("a/b", "a"), ("/a", "/"), ("../a", "..")] {
            assert_eq!(folder(Path::new(path)), Path::new(parent), "{path}");
        }
    }

    #[test]
    fn a_kept_token_fits() {
        let email = Email::parse("jane@example.com").expect("an email");
        let fits = |claims: &Value, host| {
            let token = token(json!({"access_token": jwt(claims)}));
            let wanted = Wanted {
                email: &email,
                host,
                valid_at: 5_000,
            };
            super::fits(&token, &wanted)
        };
        let acme = Some("acme.outseta.com");
        let issued = |iss: &str| json!({"email": "JANE@example.com", "exp": 5_000, "iss": iss});
        assert!(fits(&issued("http://acme.outseta.com"), acme));
        assert!(fits(&issued("http://ACME.outseta.com/"), acme));
        assert!(fits(&issued("https://auth.example.com"), acme));
        assert!(fits(&issued("http://other.outseta.com"), None));
        assert!(!fits(&issued("http://other.outseta.com"), acme));
        let claims = |email: &str, exp: Value| json!({"email": email, "exp": exp});
        assert!(fits(&claims("jane@example.com", 5_000.into()), acme));
        assert!(!fits(&claims("jane@example.com", 4_999.into()), acme));
        assert!(!fits(&claims("john@example.com", 5_000.into()), acme));
        assert!(!fits(&claims("jane@example.com", Value::Null), acme));
        assert!(!fits(&json!({"exp": 5_000}), acme));
        let opaque = token(json!({"access_token": "opaque", "expires_in": 9_000}));
        let wanted = Wanted {
            email: &email,
            host: None,
            valid_at: 0,
        };
        assert!(!super::fits(&opaque, &wanted));
    }

    fn number() -> impl Strategy<Value = Value> {
        "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,4})?".prop_map(|text| {
            serde_json::from_str::<Number>(&text)
                .expect("a number")
                .into()
        })
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            number(),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..4)
                    .prop_map(|fields| fields.into_iter().collect()),
            ]
        })
    }

    fn any_token() -> impl Strategy<Value = Token> {
        let fields = prop::collection::btree_map(any::<String>(), value(), 0..4);
        let well_known = (prop::option::of(value()), prop::option::of(number()));
        ("[A-Za-z0-9._~+/-]{1,40}={0,2}", fields, well_known).prop_map(
            |(access_token, fields, (token_type, expires_in))| {
                let mut fields: Map<String, Value> = fields.into_iter().collect();
                fields.insert("access_token".to_owned(), access_token.into());
                fields.extend(token_type.map(|value| ("token_type".to_owned(), value)));
                fields.extend(expires_in.map(|value| ("expires_in".to_owned(), value)));
                Token::new(fields).expect("a usable token")
            },
        )
    }

    fn any_format() -> impl Strategy<Value = Format> {
        prop::sample::select(&FORMATS)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_rendered_is_recovered(token in any_token(), format in any_format()) {
            let bytes = render(&token, format).expect("it can be rendered");
            let recovered = recover(&bytes, format).expect("it can be recovered");
            prop_assert_eq!(recovered.access_token(), token.access_token());
            if format == Format::Json {
                prop_assert_eq!(&recovered, &token);
            }
            for other in FORMATS.into_iter().filter(|other| *other != format) {
                prop_assert!(recover(&bytes, other).is_none());
            }
        }

        #[test]
        fn a_line_is_a_line(token in any_token(), format in any_format()) {
            let bytes = render(&token, format).expect("it can be rendered");
            prop_assert_eq!(bytes.last(), Some(&b'\n'));
            if format != Format::Json {
                prop_assert!(!bytes[..bytes.len() - 1].contains(&b'\n'));
            }
        }

        #[test]
        fn arbitrary_bytes_are_recovered_only_if_they_were_rendered(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            format in any_format(),
        ) {
            if let Some(token) = recover(&bytes, format) {
                prop_assert_eq!(render(&token, format).expect("it can be rendered"), bytes);
            }
        }

        #[test]
        fn an_edited_file_is_not_taken_for_another(
            token in any_token(),
            format in any_format(),
            place in any::<prop::sample::Index>(),
            byte in any::<u8>(),
        ) {
            let mut bytes = render(&token, format).expect("it can be rendered");
            let place = place.index(bytes.len());
            bytes[place] = byte;
            if let Some(token) = recover(&bytes, format) {
                prop_assert_eq!(render(&token, format).expect("it can be rendered"), bytes);
            }
        }
    }
}
