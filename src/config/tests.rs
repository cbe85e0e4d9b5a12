use std::fs;
use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use tempfile::TempDir;

use super::*;

const BASE_URL: &str = "OUTSETA_BASE_URL";
const SUBDOMAIN: &str = "OUTSETA_SUBDOMAIN";
pub(super) const API_KEY: &str = "OUTSETA_API_KEY";
pub(super) const API_KEY_FILE: &str = "OUTSETA_API_KEY_FILE";
const API_SECRET: &str = "OUTSETA_API_SECRET";
const API_SECRET_FILE: &str = "OUTSETA_API_SECRET_FILE";
const URL: &str = "https://url.example";
const FILE: &str = "OUTSETA_BASE_URL=https://file.example\nOUTSETA_SUBDOMAIN=file\n\
    OUTSETA_API_KEY=key-of-file\nOUTSETA_API_SECRET=secret-of-file\n";
/// No machine has a file below a device.
const MISSING: &str = "/dev/null/missing";
const ALL: [(&str, &str); 3] = [(SUBDOMAIN, "acme"), (API_KEY, "key-of-acme"), (API_SECRET, "s3cr3t")];

pub(super) fn environment(variables: &[(&str, &str)]) -> Environment {
    Environment(variables.iter().map(|(name, value)| (name.into(), value.into())).collect())
}

/// What options such as `-s acme -e FILE` give.
fn given(line: &str) -> Given {
    let mut given = Given::default();
    let typed = |text: &str, option| Sourced::new(text.to_owned(), Origin::Option(option));
    for option in line.split_whitespace().collect::<Vec<_>>().chunks(2) {
        match option {
            ["-s", name] => given.base = Some(parse_subdomain(typed(name, "--subdomain")).unwrap()),
            ["--base-url", url] => given.base = Some(parse_base_url(typed(url, "--base-url")).unwrap()),
            ["-e", file] => given.env_file = Some(file.into()),
            other => panic!("{other:?}"),
        }
    }
    given
}

/// An env file has this text: the one at `FILE` in the line or, with the line `own`, the user's own.
fn found(line: &str, variables: &[(&str, &str)], text: &str) -> PartialSettings {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("outseta-token")).unwrap();
    let path = folder.path().join("outseta-token/env");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    let own = if line == "own" { folder.path() } else { Path::new("") };
    let line = line.replace("own", "").replace("FILE", path.to_str().unwrap());
    let variables = [variables, &[("XDG_CONFIG_HOME", own.to_str().unwrap())]].concat();
    PartialSettings::find(&given(&line), environment(&variables)).unwrap()
}

/// The source, without the path of a file.
fn source(origin: &Origin) -> String {
    match origin {
        Origin::FileOf(name, _) => format!("file of {name}"),
        Origin::EnvFile(name, _) => format!("{name} in env file"),
        other => other.to_string(),
    }
}

fn base(found: &PartialSettings) -> String {
    let shown = |base: &Sourced<BaseUrl>| format!("{} ({})", base.value, source(&base.origin));
    found.base.as_ref().unwrap().as_ref().map_or_else(String::new, shown)
}

fn revealed(credential: &Found<Secret>) -> String {
    let shown = |found: &Sourced<Secret>| format!("{} ({})", found.value.reveal(), source(&found.origin));
    credential.as_ref().unwrap().as_ref().map_or_else(String::new, shown)
}

const FILE_URL: &str = "https://file.example (OUTSETA_BASE_URL in env file)";
const FILE_NAME: &str = "https://file.outseta.com (OUTSETA_SUBDOMAIN in env file)";

#[test]
fn the_first_base_url_or_subdomain_is_used() {
    let (url, name) = ((BASE_URL, URL), (SUBDOMAIN, "name"));
    let (no_url, no_name) = ((BASE_URL, ""), (SUBDOMAIN, ""));
    for (line, variables, expected) in [
        ("-e FILE --base-url https://o.example", [url, name], "https://o.example (--base-url)"),
        ("-e FILE -s o", [url, name], "https://o.outseta.com (--subdomain)"),
        ("-e FILE", [url, name], FILE_URL),
        ("-e FILE", [no_url, no_name], FILE_URL),
        ("", [no_url, no_name], ""),
    ] {
        let found = found(line, &variables, FILE);
        assert_eq!(base(&found), expected, "{line} {variables:?}");
        assert_eq!(found.warnings(), [], "{line} {variables:?}");
    }
    let named = FILE.replace("https://file.example", "");
    assert_eq!(base(&found("-e FILE", &[url], &named)), FILE_NAME);
    // The user's own file comes after the environment.
    for (variables, expected) in [
        ([url, name], "https://url.example (OUTSETA_BASE_URL in the environment)"),
        ([no_url, name], "https://name.outseta.com (OUTSETA_SUBDOMAIN in the environment)"),
        ([no_url, no_name], FILE_URL),
    ] {
        assert_eq!(base(&found("own", &variables, FILE)), expected, "{variables:?}");
    }
}

#[test]
fn the_first_credential_is_used() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("credential");
    fs::write(&path, "contents\n").unwrap();
    let path = path.to_str().unwrap();
    for (variable, file_variable, kind) in
        [(API_KEY, API_KEY_FILE, "key"), (API_SECRET, API_SECRET_FILE, "secret")]
    {
        for (value, file, expected) in [
            ("value", path, format!("value ({variable} in the environment)")),
            ("value", MISSING, format!("value ({variable} in the environment)")),
            ("", path, format!("contents (file of {file_variable})")),
            ("", "", format!("{kind}-of-file ({variable} in env file)")),
        ] {
            let found = found("own", &[(variable, value), (file_variable, file)], FILE);
            let (one, other) = match kind {
                "key" => (&found.key, &found.secret),
                _ => (&found.secret, &found.key),
            };
            assert_eq!(revealed(one), expected);
            assert!(revealed(other).ends_with("in env file)"));
        }
        // A file that was named comes first.
        let found = found("-e FILE", &[(variable, "value"), (file_variable, MISSING)], FILE);
        let one = if kind == "key" { found.key } else { found.secret };
        assert_eq!(revealed(&one), format!("{kind}-of-file ({variable} in env file)"));
    }
}

#[test]
fn a_base_url_in_a_file_is_used_only_with_its_own_credentials() {
    let (key, secret) = ((API_KEY, "k"), (API_SECRET, "s"));
    let only_url = "OUTSETA_BASE_URL=https://file.example";
    // A malformed credential is a credential too.
    let malformed = format!("{only_url}\nOUTSETA_API_KEY='a b'\nOUTSETA_API_SECRET=s");
    for (variables, text, expected, warns) in [
        (&[][..], FILE, FILE_URL, false),
        (&[], &malformed, FILE_URL, false),
        (&[key], FILE, FILE_NAME, true),
        (&[secret], FILE, FILE_NAME, true),
        (&[(API_KEY_FILE, MISSING)], FILE, FILE_NAME, true),
        (&[(API_SECRET_FILE, MISSING)], FILE, FILE_NAME, true),
        (&[key, secret], FILE, FILE_NAME, true),
        (&[(API_KEY, "a b")], FILE, FILE_NAME, true),
        (&[key, secret], only_url, "", true),
        (&[], only_url, "", true),
        (&[key, secret], "OUTSETA_SUBDOMAIN=file", FILE_NAME, false),
        (&[key, (BASE_URL, URL)], FILE, "https://url.example (OUTSETA_BASE_URL in the environment)", false),
    ] {
        let found = found("own", variables, text);
        assert_eq!(base(&found), expected, "{variables:?} {text}");
        assert_eq!(found.warnings().len(), usize::from(warns), "{variables:?} {text}");
    }
    let all = [key, secret, (API_KEY_FILE, MISSING), (API_SECRET_FILE, MISSING), (BASE_URL, URL)];
    let environments_url = "https://url.example (OUTSETA_BASE_URL in the environment)";
    let only_key = format!("{only_url}\nOUTSETA_API_KEY=k");
    for (text, expected, warns) in
        [(FILE, FILE_URL, false), (only_url, environments_url, true), (&only_key, environments_url, true)]
    {
        let found = found("-e FILE", &all, text);
        assert_eq!(base(&found), expected, "{text}");
        assert_eq!(found.warnings().len(), usize::from(warns), "{text}");
    }
}

#[test]
fn a_base_url_that_waits_for_a_credential_is_not_a_missing_subdomain() {
    let (url, waits) = ("OUTSETA_BASE_URL=https://file.example", "OUTSETA_BASE_URL in ");
    let with_key = format!("{url}\nOUTSETA_API_KEY=k");
    for (variables, text, missing) in [
        (&[][..], &*with_key, "not configured: API secret ("),
        (&[], url, "not configured: API key ("),
        (&[(API_KEY, "k")], url, "not configured: subdomain ("),
        (&[(API_SECRET, "s")], &with_key, "not configured: subdomain ("),
    ] {
        let found = found("-e FILE", variables, text);
        let listed = found.list()[0].1.clone().unwrap_err().to_string();
        assert!(listed.starts_with(waits), "{listed}");
        let error = found.complete().unwrap_err().to_string();
        assert!(error.starts_with(missing), "{error}");
    }
}

#[test]
fn a_credential_is_no_subdomain() {
    for (line, name) in
        [("", "S3CR3T"), ("", "key-of-acme.outseta.com"), ("-s s3cr3t", "acme"), ("-s key-of-acme", "acme")]
    {
        let error = found(line, &[(SUBDOMAIN, name), ALL[1], ALL[2]], "").base.unwrap_err().to_string();
        assert!(error.ends_with(LOOKS_LIKE_CREDENTIAL), "{line} {name}: {error}");
    }
}

#[test]
fn files_with_credentials_are_known_by_device_and_inode() {
    let folder = TempDir::new().unwrap();
    let [env, key, link] = ["env", "key", "link"].map(|name| folder.path().join(name));
    fs::write(&env, "OUTSETA_SUBDOMAIN=acme").unwrap();
    fs::write(&key, "contents").unwrap();
    symlink(&key, &link).unwrap();
    let files = |variables: &[(&str, &str)]| {
        let given = given(&format!("-e {}", env.display()));
        PartialSettings::find(&given, environment(variables)).unwrap().complete().unwrap().credential_files
    };
    let id = |path| fs::metadata(path).map(|metadata| (metadata.dev(), metadata.ino())).unwrap();
    let link = link.to_str().unwrap();
    assert_eq!(files(&[(API_KEY_FILE, link), ALL[2]]), [id(&env), id(&key)]);
    assert_eq!(files(&[(API_SECRET_FILE, link), ALL[1]]), [id(&env), id(&key)]);
    // A file that was not read.
    assert_eq!(files(&[ALL[1], ALL[2], (API_KEY_FILE, link)]), [id(&env)]);
}

#[test]
fn malformed_settings_are_reported_first_and_missing_ones_together() {
    let error = |variables: &[(&str, &str)]| found("", variables, "").complete().unwrap_err();
    let [name, key, secret] = ALL;
    let (base, [api_key, api_secret]) = (Setting::SUBDOMAIN, [Setting::API_KEY, Setting::API_SECRET]);
    for (variables, missing) in [
        (&[][..], &[base, api_key, api_secret][..]),
        (&[name], &[api_key, api_secret]),
        (&[name, key], &[api_secret]),
        (&[key], &[base, api_secret]),
        (&[key, secret], &[base]),
    ] {
        let sources = Sources::new(None, environment(variables)).unwrap();
        assert_eq!(error(variables), sources.missing(missing));
    }
    let proxy = ("https_proxy", "socks5://x");
    for (variables, start) in [
        (&[(SUBDOMAIN, "a b")][..], "invalid subdomain "),
        (&[(BASE_URL, "a"), (API_KEY, "a b")], "invalid base URL "),
        (&[(API_KEY, "a b"), (API_SECRET, "a b")], "invalid API key "),
        (&[name, (API_SECRET, "a b"), proxy], "invalid API secret "),
        (&[name, proxy, ("SSL_CERT_FILE", MISSING)], "invalid proxy "),
        (&[("SSL_CERT_FILE", MISSING)], "cannot read the file /dev/null/missing "),
    ] {
        let error = error(variables).to_string();
        assert!(error.starts_with(start), "{error}");
    }
}
