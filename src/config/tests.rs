use std::fs;

use tempfile::TempDir;

use super::*;
use crate::cli::{self, Invocation};
use crate::error::Kind;

const URL: &str = "https://url.example";
const FILE: &str = "OUTSETA_BASE_URL=https://file.example\nOUTSETA_SUBDOMAIN=file\n\
    OUTSETA_API_KEY=key-of-file\nOUTSETA_API_SECRET=secret-of-file\n";

fn environment(variables: &[(&'static str, &str)]) -> Environment {
    let variables = variables.iter();
    Environment(variables.map(|(name, value)| (*name, value.into())).collect())
}

fn options(line: &str) -> Options {
    match cli::parse(line.split_whitespace().map(OsString::from)) {
        Ok(Invocation::Run(options)) => options,
        other => panic!("{line} gave {other:?}"),
    }
}

/// What is found, `FILE` in the options standing for an env file with this text.
fn found(line: &str, variables: &[(&'static str, &str)], text: &str) -> Found {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("file.env");
    fs::write(&path, text).unwrap();
    let line = line.replace("FILE", path.to_str().unwrap());
    Found::new(&options(&line), environment(variables)).unwrap()
}

/// Value and kind of origin, or what is wrong.
fn shown<T>(found: &Result<Option<Sourced<T>>, Error>, text: fn(&T) -> String) -> String {
    match found {
        Ok(Some(found)) => {
            let origin = match &found.origin {
                Origin::Option(name) => (*name).to_owned(),
                Origin::Environment(name) => format!("${name}"),
                Origin::FileOf(name, _) => format!("file of ${name}"),
                Origin::EnvFile(name, _) => format!("{name} of env file"),
                Origin::Prompt => "prompt".to_owned(),
            };
            format!("{} from {origin}", text(&found.value))
        }
        Ok(None) => "nothing".to_owned(),
        Err(error) => error.to_string(),
    }
}

fn base(found: &Found) -> String {
    shown(&found.base, BaseUrl::to_string)
}

fn revealed(found: &Result<Option<Sourced<Secret>>, Error>) -> String {
    shown(found, |secret| secret.reveal().to_owned())
}

#[test]
fn the_first_place_with_a_base_url_or_subdomain_wins() {
    let (url, name) = ((BASE_URL, URL), (SUBDOMAIN, "name"));
    let (no_url, no_name) = ((BASE_URL, ""), (SUBDOMAIN, ""));
    let file = "https://file.example from OUTSETA_BASE_URL of env file";
    for (line, variables, expected) in [
        ("-e FILE --base-url https://o.example", [url, name], "https://o.example from --base-url"),
        ("-e FILE -s o", [url, name], "https://o.outseta.com from --subdomain"),
        ("-e FILE", [url, name], "https://url.example from $OUTSETA_BASE_URL"),
        ("-e FILE", [no_url, name], "https://name.outseta.com from $OUTSETA_SUBDOMAIN"),
        ("-e FILE", [url, no_name], "https://url.example from $OUTSETA_BASE_URL"),
        ("-e FILE", [no_url, no_name], file),
        ("", [no_url, no_name], "nothing"),
    ] {
        let found = found(line, &variables, FILE);
        assert_eq!(base(&found), expected, "{line} {variables:?}");
        assert_eq!(found.warnings, [[""; 2]; 0], "{line} {variables:?}");
    }
    let named = FILE.replace("https://file.example", "");
    let found = found("-e FILE", &[], &named);
    assert_eq!(base(&found), "https://file.outseta.com from OUTSETA_SUBDOMAIN of env file");
}

#[test]
fn the_first_place_with_a_credential_wins() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("credential");
    fs::write(&path, "contents\n").unwrap();
    let path = path.to_str().unwrap();
    let of_file = |name: &str, kind: &str| format!("{kind}-of-file from {name} of env file");
    for (variable, file_variable, kind) in
        [(API_KEY, API_KEY_FILE, "key"), (API_SECRET, API_SECRET_FILE, "secret")]
    {
        for (value, file, expected) in [
            ("value", path, format!("value from ${variable}")),
            ("value", "", format!("value from ${variable}")),
            ("", path, format!("contents from file of ${file_variable}")),
            ("", "", of_file(variable, kind)),
        ] {
            let found = found("-e FILE", &[(variable, value), (file_variable, file)], FILE);
            let (one, other) = match kind {
                "key" => (&found.key, &found.secret),
                _ => (&found.secret, &found.key),
            };
            assert_eq!(revealed(one), expected);
            // The other one is not touched by that.
            assert!(revealed(other).ends_with("of env file"));
        }
    }
    let nothing = found("", &[(API_KEY, "")], "");
    assert_eq!([revealed(&nothing.key), revealed(&nothing.secret)], ["nothing", "nothing"]);
}

#[test]
fn a_base_url_of_a_file_counts_only_with_its_own_credentials() {
    let (key, secret) = ((API_KEY, "k"), (API_SECRET, "s"));
    for (variables, text, expected, ignored) in [
        (vec![], FILE, "https://file.example from OUTSETA_BASE_URL of env file", false),
        (vec![key], FILE, "https://file.outseta.com from OUTSETA_SUBDOMAIN of env file", true),
        (vec![secret], FILE, "https://file.outseta.com from OUTSETA_SUBDOMAIN of env file", true),
        (vec![key, secret], FILE, "https://file.outseta.com from OUTSETA_SUBDOMAIN of env file", true),
        (vec![key, secret], "OUTSETA_BASE_URL=https://file.example", "nothing", true),
        (vec![], "OUTSETA_BASE_URL=https://file.example", "nothing", true),
        (
            vec![key, secret],
            "OUTSETA_SUBDOMAIN=file",
            "https://file.outseta.com from OUTSETA_SUBDOMAIN of env file",
            false,
        ),
        (vec![key, (BASE_URL, URL)], FILE, "https://url.example from $OUTSETA_BASE_URL", false),
        // Malformed ones of the file's are its own too.
        (
            vec![],
            "OUTSETA_BASE_URL=https://file.example\nOUTSETA_API_KEY='a b'\nOUTSETA_API_SECRET=s",
            "https://file.example from OUTSETA_BASE_URL of env file",
            false,
        ),
        (
            vec![(API_KEY, "a b")],
            "OUTSETA_BASE_URL=https://file.example\nOUTSETA_API_SECRET=s",
            "nothing",
            true,
        ),
    ] {
        let found = found("-e FILE", &variables, text);
        assert_eq!(base(&found), expected, "{variables:?} {text}");
        assert_eq!(found.warnings.len() == 1, ignored, "{variables:?} {text}");
    }
}

#[test]
fn the_users_file_lies_where_xdg_says() {
    for (variables, expected) in [
        (vec![("XDG_CONFIG_HOME", "/x"), ("HOME", "/h")], Some("/x/outseta-token/env")),
        (vec![("XDG_CONFIG_HOME", "/x")], Some("/x/outseta-token/env")),
        (vec![("XDG_CONFIG_HOME", ""), ("HOME", "/h")], Some("/h/.config/outseta-token/env")),
        (vec![("XDG_CONFIG_HOME", "x"), ("HOME", "/h")], Some("/h/.config/outseta-token/env")),
        (vec![("HOME", "/h")], Some("/h/.config/outseta-token/env")),
        (vec![("HOME", "h")], None),
        (vec![("HOME", "")], None),
        (vec![], None),
    ] {
        let path = user_file(&environment(&variables));
        assert_eq!(path, expected.map(PathBuf::from), "{variables:?}");
    }
}

#[test]
fn the_file_that_was_read_is_described_by_its_settings() {
    let described = |line: &str, text: &str| {
        let described = found(line, &[], text).env_file?;
        Some(described.split_once("file.env: ").unwrap().1.to_owned())
    };
    let all = "OUTSETA_BASE_URL, OUTSETA_SUBDOMAIN, OUTSETA_API_KEY, OUTSETA_API_SECRET";
    assert_eq!(described("-e FILE", FILE).as_deref(), Some(all));
    let text = "OUTSETA_API_KEY=\nOTHER=x\nOUTSETA_API_KEY_FILE=f\n";
    assert_eq!(described("-e FILE", text).as_deref(), Some("no setting"));
    assert_eq!(described("", FILE), None);
}

#[test]
fn the_process_has_an_environment() {
    let home = env::var_os("HOME").filter(|home| !home.is_empty());
    assert_eq!(Environment::of_process().get("HOME"), home.as_deref(), "cargo test has one");
}

#[test]
fn what_could_forge_a_header_is_no_credential() {
    let why = |setting, text: &str, origin| match usable(setting, Sourced::new(text.to_owned(), origin)) {
        Ok(secret) => {
            assert_eq!(secret.value.reveal(), text);
            String::new()
        }
        Err(error) => error.to_string(),
    };
    let variable = || Origin::Environment(API_KEY);
    for setting in [Setting::ApiKey, Setting::ApiSecret] {
        for (text, expected) in [
            ("!#$%&()*+,-./09;<=>?@AZ[\\]^_az{|}~", ""),
            ("", "it is blank"),
            (" \t", "it is blank"),
            ("a b", "it contains a space"),
            (" a", "it contains a space"),
            ("'a b'", "it has quotes around it: remove them"),
            ("\"a\"", "it has quotes around it: remove them"),
            ("\"a", "its opening quote is not closed"),
            ("\"", "its opening quote is not closed"),
            ("a`b", "it contains a quote"),
            ("a\n", "it ends with a line break: echo adds one, printf %s does not"),
            ("a\r\n\r\n", "it ends with a line break: echo adds one, printf %s does not"),
            ("a\rb\n", "it contains a line break or another control character"),
            ("a\0", "it contains a line break or another control character"),
            ("a\u{7f}", "it contains a line break or another control character"),
            ("a\u{80}", "it contains a line break or another control character"),
            ("\u{201c}a", "it contains U+201C, which is not an ASCII character"),
            ("a\u{a0}b", "it contains U+00A0, which is not an ASCII character"),
        ] {
            let why = why(setting, text, variable());
            assert_eq!(why.rsplit_once("): ").map_or("", |(_, why)| why), expected, "{text:?}");
        }
    }
    for (text, origin, expected) in [
        (
            "a:b",
            variable(),
            "put the part before it in OUTSETA_API_KEY and the part after it in OUTSETA_API_SECRET",
        ),
        ("Outseta a:b\n", variable(), "put the part before it in OUTSETA_API_KEY"),
        ("a:b", Origin::Prompt, "the part before it is the key, the part after it the secret"),
        (
            "a\nB=b",
            Origin::EnvFile(API_KEY, PathBuf::new()),
            "it contains a line break: its closing quote may be missing",
        ),
    ] {
        let why = why(Setting::ApiKey, text, origin);
        assert!(why.contains(expected), "{text:?}: {why}");
    }
    assert_eq!(why(Setting::ApiSecret, "a:b", variable()), "");
}

#[test]
fn a_file_loses_one_newline_and_may_have_64_kib() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("key");
    let read = |contents: &[u8]| {
        fs::write(&path, contents).unwrap();
        match credential_file(&path, Setting::ApiKey, API_KEY_FILE) {
            Ok(sourced) => sourced.value,
            Err(error) => {
                let prefix = format!("invalid API key (the file {} ({API_KEY_FILE})): ", path.display());
                error.to_string().strip_prefix(&prefix).expect("a malformed key").to_owned()
            }
        }
    };
    for (contents, expected) in [
        ("key", "key"),
        ("key\n", "key"),
        ("key\r\n", "key"),
        ("key\n\n", "key\n"),
        ("key\r\n\r\n", "key\r\n"),
        (" key \n", " key "),
        ("", ""),
    ] {
        assert_eq!(read(contents.as_bytes()), expected, "{contents:?}");
    }
    assert_eq!(read(b"key\xff"), "it is not valid UTF-8");
    let limit = 64 * 1024;
    assert_eq!(read(&b"k".repeat(limit)).len(), limit);
    assert_eq!(read(&b"k".repeat(limit + 1)), "the file is larger than 64 KiB");
    fs::remove_file(&path).unwrap();
    let missing = credential_file(&path, Setting::ApiKey, API_KEY_FILE).unwrap_err();
    assert_eq!(missing.kind(), Kind::Unreadable);
}

#[test]
fn every_missing_setting_is_named_and_a_malformed_one_first() {
    let complete = |variables: &[(&'static str, &str)]| found("", variables, "").complete(None).unwrap_err();
    let (name, key, secret) = ((SUBDOMAIN, "acme"), (API_KEY, "k"), (API_SECRET, "s"));
    let all = [Setting::Subdomain, Setting::ApiKey, Setting::ApiSecret];
    assert_eq!(complete(&[]), missing(&all));
    assert_eq!(complete(&[name]), missing(&all[1..]));
    assert_eq!(complete(&[name, key]), missing(&all[2..]));
    assert_eq!(complete(&[key]), missing(&[all[0], all[2]]));
    assert_eq!(complete(&[key, secret]), missing(&all[..1]));
    for malformed in [(SUBDOMAIN, "a b"), (API_KEY, "a b"), (API_SECRET, "a b")] {
        assert_eq!(complete(&[malformed]).kind(), Kind::Config);
    }
    let roots = (CA_FILE, "/missing");
    assert_eq!(complete(&[roots]).kind(), Kind::Unreadable);
    let proxy = (PROXIES[0], "socks5://x");
    assert_eq!(complete(&[name, proxy]).kind(), Kind::Config);
}

fn complete(line: &str, variables: &[(&'static str, &str)]) -> Result<Settings, Error> {
    let given = [(SUBDOMAIN, "acme"), (API_KEY, "key-of-acme"), (API_SECRET, "s3cr3t")];
    found(line, &[&given, variables].concat(), "").complete(None)
}

#[test]
fn a_proxy_is_taken_from_the_first_variable_unless_the_host_is_to_be_reached_directly() {
    let proxy = |variables: &[(&'static str, &str)]| {
        complete("", variables)
            .map(|settings| settings.proxy.map(|proxy| format!("{} from {}", proxy.value, proxy.origin)))
    };
    let values = ["a", "b", "c", "d"];
    for from in 0..4 {
        let mut variables = Vec::new();
        for (at, name) in PROXIES.into_iter().enumerate() {
            variables.push((name, if at < from { "" } else { values[at] }));
        }
        let (host, name) = (values[from], PROXIES[from]);
        let expected = format!("http://{host}:80 from {name} in the environment");
        assert_eq!(proxy(&variables), Ok(Some(expected)));
    }
    let socks = (PROXIES[0], "socks5://x");
    assert_eq!(proxy(&[]), Ok(None));
    assert_eq!(proxy(&[socks]).unwrap_err().kind(), Kind::Config);
    assert_eq!(proxy(&[socks, ("no_proxy", "outseta.com")]), Ok(None));
    assert_eq!(proxy(&[socks, ("no_proxy", ""), ("NO_PROXY", "*")]), Ok(None));
    assert!(proxy(&[socks, ("no_proxy", "x"), ("NO_PROXY", "*")]).is_err());
    let local = [socks, (BASE_URL, "http://localhost:1")];
    assert_eq!(proxy(&local), Ok(None));
}

#[test]
fn roots_are_those_of_the_option_or_of_the_variable() {
    let folder = TempDir::new().unwrap();
    let file = |name: &str| {
        let path = folder.path().join(name);
        fs::write(&path, name).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (option, variable) = (file("option"), file("variable"));
    let roots = |line: &str, variable: &str| {
        let roots = complete(line, &[(CA_FILE, variable)]).unwrap().roots;
        roots.map(|roots| String::from_utf8(roots.value).unwrap())
    };
    let option = format!("--cacert {option}");
    assert_eq!(roots(&option, &variable).as_deref(), Some("option"));
    assert_eq!(roots("", &variable).as_deref(), Some("variable"));
    assert_eq!(roots("", ""), None);
    let missing = complete("", &[(CA_FILE, "/missing")]).unwrap_err();
    assert_eq!(missing.kind(), Kind::Unreadable);
}

#[test]
fn what_is_sent_is_whole_and_what_is_shown_is_not() {
    let settings = complete("", &[("https_proxy", "http://u:pw@p")]).unwrap();
    let credentials = &settings.credentials;
    assert_eq!(credentials.authorization().reveal(), "Outseta key-of-acme:s3cr3t");
    assert_eq!(credentials.masked_authorization(), "Outseta key-…:[hidden]");
    assert_eq!(credentials.secrets().map(Secret::reveal), ["s3cr3t", "key-of-acme"]);
    assert_eq!(
        settings.describe(),
        [
            "base URL https://acme.outseta.com (OUTSETA_SUBDOMAIN in the environment)",
            "API key key-… (OUTSETA_API_KEY in the environment)",
            "API secret [hidden] (OUTSETA_API_SECRET in the environment)",
            "roots built in",
            "proxy http://p:80 (https_proxy in the environment)",
        ]
    );
    assert_eq!(masked_key(&Secret::new("12345678")), "[hidden]");
    assert_eq!(masked_key(&Secret::new("123456789")), "1234…");
}
