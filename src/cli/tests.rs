use std::ffi::OsStr;
use std::os::unix::ffi::OsStringExt;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::test_runner::Config;

use super::options::{GENERATED, TABLE, Text};
use super::suggest::{did_you_mean, distance};
use super::values::duration;
use super::*;

/// Parses words; `''` is an empty argument.
fn words(line: &str) -> Result<Invocation, Error> {
    parse(line.split_whitespace().map(|word| OsString::from(if word == "''" { "" } else { word })))
}

fn run(line: &str) -> (Common, Mode) {
    match words(line) {
        Ok(Invocation::Run(common, mode)) => (common, mode),
        other => panic!("{line} gave {other:?}"),
    }
}

fn print(line: &str) -> Print {
    match run(line).1 {
        Mode::Print(print) => print,
        other => panic!("{line} gave {other:?}"),
    }
}

fn usage(line: &str) -> String {
    match words(line) {
        Err(error) => format!("{error}\n{}", error.hint().unwrap_or_default()),
        other => panic!("{line} gave {other:?}"),
    }
}

fn base(given: &Given) -> String {
    let base = given.base.as_ref().expect("a base URL");
    format!("{} ({})", base.value, base.origin)
}

#[test]
fn a_malformed_base_url_is_a_mistake_unless_help_is_asked_for() {
    for line in ["-s a.b", "--base-url http://a.example"] {
        assert_eq!(words(line).map_err(|error| error.status()), Err(64), "{line}");
        assert_eq!(words(&format!("{line} --help")), Ok(Invocation::Text(docs::text(Text::Help))), "{line}");
    }
}

#[test]
fn defaults_are_as_documented() {
    let policy = Policy {
        timeout: Duration::from_secs(30),
        retries: 2,
        interval: Duration::ZERO,
        no_activity_log: false,
        account: None,
    };
    let log = Log::Normal;
    let print = Print { email: None, format: Format::Json, output: None, min_ttl: None };
    let common = Common { given: Given::default(), policy, no_input: false, log };
    assert_eq!(run(""), (common, Mode::Print(print)));
}

#[test]
fn options_may_come_before_or_after_the_email_with_or_without_an_equals_sign() {
    for line in [
        "--subdomain acme -f token --timeout=5s j@e.de",
        "j@e.de --timeout 5s --format=token -s acme",
        "-sacme j@e.de -f=token --timeout=5",
        "-rs acme --timeout 5000ms -- j@e.de",
    ] {
        let (common, _) = run(line);
        assert_eq!(base(&common.given), "https://acme.outseta.com (--subdomain)", "{line}");
        assert_eq!(common.policy.timeout, Duration::from_secs(5), "{line}");
        assert_eq!(print(line).email.as_deref(), Some(OsStr::new("j@e.de")), "{line}");
        assert_eq!(print(line).format, Format::Token, "{line}");
    }
}

#[test]
fn each_option_reaches_its_field() {
    let line = "--base-url https://h -e a --cacert b --retries 0 --account u --no-activity-log --no-input -v";
    let (Common { given, policy, no_input, log }, _) = run(line);
    assert_eq!(base(&given), "https://h (--base-url)");
    assert_eq!((given.env_file, given.cacert), (Some("a".into()), Some("b".into())));
    assert_eq!((policy.retries, policy.account.as_deref()), (0, Some("u")));
    assert!(policy.no_activity_log && no_input);
    assert_eq!(log, Log::Verbose);
    assert_eq!(run("-q").0.log, Log::Quiet);
    let print = print("-o c --min-ttl 1h");
    assert_eq!(print.output, Some("c".into()));
    assert_eq!(print.min_ttl, Some(Duration::from_secs(3600)));
}

#[test]
fn formats() {
    for (name, format) in [
        ("json", Format::Json),
        ("token", Format::Token),
        ("header", Format::Header),
        ("env", Format::Env),
        ("claims", Format::Claims),
    ] {
        assert_eq!(print(&format!("-f {name}")).format, format);
    }
    assert_eq!(print("-r").format, Format::Token);
}

#[test]
fn a_hyphen_is_standard_input_or_output() {
    assert_eq!(print("-").email, None);
    assert_eq!(print("-- -").email, Some("-".into()));
    assert_eq!(print("-o -").output, None);
    assert_eq!(print("-o jane@example.com -").output, Some("jane@example.com".into()));
    assert_eq!(print("-o tokens/jane@example.com").output, Some("tokens/jane@example.com".into()));
    assert!(matches!(run("--batch -").1, Mode::Batch(None)));
}

#[test]
fn help_and_version_win_whatever_else_is_given() {
    for line in
        ["--help", "--help -V", "--bogus -r -r --quiet=1 --timeout= a b --help", "--generate nothing --help"]
    {
        assert_eq!(words(line), Ok(Invocation::Text(docs::text(Text::Help))), "{line}");
    }
    assert_eq!(words("--bogus -h --help"), Ok(Invocation::Text(docs::text(Text::ShortHelp))));
    assert_eq!(words("x y -V -h"), Ok(Invocation::Text(docs::text(Text::Version))));
    assert!(matches!(words("-o --help"), Ok(Invocation::Run(..))), "it is a value there");
    assert!(matches!(words("j@e.de -- curl --help"), Ok(Invocation::Run(..))), "it is curl's");
}

#[test]
fn mistakes_name_the_option() {
    let formats = "for --format: it needs json, token, header, env or claims\ndid you mean";
    for (line, expected) in [
        ("-f tokne", &*format!("invalid value 'tokne' {formats} token?")),
        ("-f JSON", &format!("invalid value 'JSON' {formats} json?")),
        ("--bogus", "unknown option --bogus\nsee outseta-token --help"),
        ("--fromat json", "unknown option --fromat\ndid you mean --format?"),
        ("--form json", "unknown option --form\ndid you mean --format?"),
        ("--sub a", "unknown option --sub\ndid you mean --subdomain?"),
        ("--BATCH", "unknown option --BATCH\ndid you mean --batch?"),
        ("-x", "unknown option -x\nsee outseta-token --help"),
        ("--api-key=k", "unknown option --api-key\nsecrets cannot be passed as options: set"),
        ("--api-secret k", "unknown option --api-secret\nsecrets cannot be passed as options: set"),
        (
            "--password k",
            "unknown option --password\nno password is needed: the program uses the account's API key",
        ),
        ("--token a@e.de", "unknown option --token\nto print only the token, use --raw"),
        (
            "a@e.de curl -H x",
            "unexpected argument 'curl': only one EMAIL can be given\nto run a command, put --",
        ),
        ("help", "unexpected argument 'help'\ndid you mean --help?"),
        ("check", "unexpected argument 'check'\ndid you mean --check?"),
        ("batch emails.txt", "unexpected argument 'batch'\ndid you mean --batch?"),
        ("–r", "unexpected argument '–r'\nit starts with a long dash: type a hyphen instead, as in -r"),
        ("a@e.de —raw", "unexpected argument '—raw'\nit starts with a long dash: type a hyphen instead"),
        ("--timeout 10 sec a@e.de", "unexpected argument 'sec'\nwrite a duration as one word, such as 10s"),
        ("--json", "unknown option --json\ndid you mean --format json?"),
        ("--claims a@e.de", "unknown option --claims\ndid you mean --format claims?"),
        ("--proxy h:1", "unknown option --proxy\nset https_proxy in the environment"),
        (
            "-k",
            "unknown option -k\ncertificates are always checked; to trust another issuer, use --cacert FILE",
        ),
        ("--insecure", "unknown option --insecure\ncertificates are always checked"),
        (
            "--batch -o f",
            "--output cannot be used with --batch\nredirect standard output to the file: > FILE",
        ),
        (
            "-r -o jane@example.com",
            "--output has a FILE that looks like an email, and there is no EMAIL\nwrite -o FILE jane@",
        ),
        ("--subdomain", "--subdomain needs a value: NAME"),
        ("--subdomain=", "--subdomain has an empty value: it needs NAME"),
        ("-o ''", "--output has an empty value"),
        ("--quiet=yes", "--quiet takes no value"),
        ("-r --raw", "--raw was given twice"),
        ("-s a -s a", "--subdomain was given twice"),
        ("-r -f json", "--raw and --format cannot be used together"),
        ("-q -v", "--quiet and --verbose cannot be used together"),
        ("-s a --base-url b", "--base-url and --subdomain cannot be used together"),
        ("--batch --check", "--batch and --check cannot be used together"),
        ("a@e.de b@e.de", "unexpected argument 'b@e.de': only one EMAIL can be given\nsee"),
        ("--batch a b", "unexpected argument 'b': --batch takes one FILE"),
        ("--batch a -- b", "unexpected argument 'b': --batch takes one FILE"),
        ("--batch ''", "--batch has an empty FILE: it needs a file, or - for standard input"),
        ("--check a", "unexpected argument 'a': --check takes no argument"),
        ("--rate 1", "--rate cannot be used without --batch"),
        ("--batch -r", "--raw cannot be used with --batch"),
        ("--check --no-activity-log", "--no-activity-log cannot be used with --check"),
        ("a@e.de -o x -- true", "--output cannot be used with a command"),
        ("--min-ttl 1h", "--min-ttl cannot be used without -o FILE\n--min-ttl keeps the token in FILE if"),
        ("--min-ttl 1h -o -", "--min-ttl cannot be used without -o FILE"),
        ("--min-ttl 1h -o x -f claims", "--min-ttl cannot be used with --format claims"),
        ("--generate man -q", "--generate cannot be combined with other arguments"),
        ("--generate man a@e.de", "--generate cannot be combined with other arguments"),
        ("--generate man --", "--generate cannot be combined with other arguments"),
        ("--generate info", "invalid value 'info' for --generate"),
        ("--timeout 0", "invalid value '0' for --timeout: it needs a duration longer than zero"),
        ("--timeout 0ms", "invalid value '0ms' for --timeout: it needs a duration longer than zero"),
        ("--timeout 1w", "invalid value '1w' for --timeout: it needs a duration"),
        ("--retries -1", "invalid value '-1' for --retries: it needs a whole number"),
        ("--retries 1.5", "invalid value '1.5' for --retries"),
        ("--retries 4294967296", "invalid value '4294967296' for --retries"),
        ("a@e.de --", "no command after --\nwrite the command after it:"),
        ("-- a@e.de --", "no command after --"),
        ("- --", "no command after --"),
        ("- -- true", "the email cannot come from standard input when a command is given"),
        ("--one --two", "unknown option --one"),
    ] {
        assert!(usage(line).starts_with(expected), "{line}: {}", usage(line));
    }
}

#[test]
fn after_two_hyphens_the_email_then_the_command() {
    assert_eq!(print("-- --base-url=https://evil").email, Some("--base-url=https://evil".into()));
    assert_eq!(print("--").email, None);
    for line in ["a@e.de -q -- curl -r -- ''", "-q -- a@e.de curl -r -- ''", "-q -- a@e.de -- curl -r -- ''"]
    {
        let Mode::Command(Command { email, program, arguments }) = run(line).1 else { panic!("{line}") };
        assert_eq!((email, program), ("a@e.de".into(), "curl".into()));
        assert_eq!(arguments, ["-r", "--", ""]);
    }
    let Mode::Command(command) = run("a@e.de -- --").1 else { panic!() };
    assert_eq!(command.program, "--");
}

#[test]
fn a_value_may_look_like_an_option() {
    assert_eq!(print("-o --").output, Some("--".into()));
    assert_eq!(print("--output -q j@e.de").output, Some("-q".into()));
}

#[test]
fn modes() {
    assert_eq!(run("--check").1, Mode::Check);
    let batch = |line: &str| match run(line) {
        (Common { policy, .. }, Mode::Batch(file)) => (file, policy.interval),
        other => panic!("{line} gave {other:?}"),
    };
    assert_eq!(batch("--batch"), (None, Duration::from_millis(250)));
    assert_eq!(batch("--batch f --rate 0"), (Some("f".into()), Duration::ZERO));
    assert_eq!(batch("--rate=0.5 --batch -- -f"), (Some("-f".into()), Duration::from_secs(2)));
    for rate in ["-1", "-0", "nan", "inf", "1e-300", "x", "4/s"] {
        let usage = usage(&format!("--batch --rate {rate}"));
        assert!(usage.starts_with("invalid value"), "{rate}: {usage}");
    }
}

#[test]
fn each_mode_takes_its_own_options() {
    let [print, command, batch, check] = ["", "j@e.de -- true", "--batch", "--check"];
    let all = &[print, command, batch, check][..];
    let table = [
        ("-f token", &[print][..]),
        ("-r", &[print]),
        ("-o f", &[print]),
        ("-o f --min-ttl 1s", &[print]),
        ("--account u", &[print, command, batch]),
        ("-s acme", all),
        ("--base-url https://u", all),
        ("-e f", all),
        ("--cacert f", all),
        ("--timeout 1s", all),
        ("--retries 1", all),
        ("--rate 1", &[batch]),
        ("--no-activity-log", &[print, command, batch]),
        ("--no-input", all),
        ("-q", all),
        ("-v", all),
    ];
    // All but --batch, --check, --generate, -h, --help and --version.
    assert_eq!(table.len(), TABLE.len() - 6);
    for (option, modes) in table {
        for &mode in all {
            let line = format!("{option} {mode}");
            if modes.contains(&mode) {
                assert!(matches!(words(&line), Ok(Invocation::Run(..))), "{line}");
            } else {
                let usage = usage(&line);
                assert!(usage.contains(" cannot be used "), "{line}: {usage}");
            }
        }
    }
}

#[test]
fn each_text_is_generated() {
    for name in GENERATED {
        let text = docs::generate(name).expect(name);
        assert_eq!(words(&format!("--generate {name}")), Ok(Invocation::Text(text)));
    }
}

#[test]
fn near_words_are_suggested() {
    for (one, other, expected) in
        [("", "ab", 2), ("abc", "", 3), ("a", "ab", 1), ("ab", "a", 1), ("kitten", "sitting", 3)]
    {
        assert_eq!(distance(one, other), expected, "{one} {other}");
    }
    let words = ["header", "json"];
    for (typed, hint) in [("head", "did you mean header?"), ("hea", SEE_HELP), ("sjon", "did you mean json?")]
    {
        assert_eq!(did_you_mean(typed, words.into_iter()), hint, "{typed}");
    }
}

#[test]
fn durations() {
    for (text, milliseconds) in [
        ("500ms", 500),
        ("0", 0),
        ("7", 7000),
        ("10s", 10_000),
        ("2m", 120_000),
        ("1h", 3_600_000),
        ("7d", 604_800_000),
        ("3660d", 3660 * 86_400_000),
    ] {
        assert_eq!(duration(text), Some(Duration::from_millis(milliseconds)), "{text}");
    }
    let overflowing = ["3661d", "18446744073709551615d", "99999999999999999999"];
    for text in ["", "s", "1.5s", "-1s", "1 s", "1S", "1w", "+1"].into_iter().chain(overflowing) {
        assert_eq!(duration(text), None, "{text}");
    }
}

#[test]
fn arguments_need_not_be_utf8() {
    let bytes = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
    let parsed = parse([bytes(b"-o"), bytes(b"f\xff"), bytes(b"j\xff@e.de")]).unwrap();
    let Invocation::Run(_, Mode::Print(print)) = parsed else { panic!() };
    assert_eq!(print.output, Some(PathBuf::from(bytes(b"f\xff"))));
    assert_eq!(print.email, Some(bytes(b"j\xff@e.de")));
    let error = parse([bytes(b"-s"), bytes(b"\xff")]).unwrap_err();
    assert_eq!(error.to_string(), "the value of --subdomain is not valid UTF-8");
    assert!(parse([bytes(b"--\xff")]).unwrap_err().to_string().starts_with("unknown option --"));
}

#[test]
fn the_table_is_sound() {
    for (at, spec) in TABLE.iter().enumerate() {
        let names: Vec<_> = spec.names().collect();
        let (long, short) = names.split_last().expect("a name");
        assert!(long.starts_with("--") && long.len() > 3 || *long == "-h", "{spec:?}");
        assert!(spec.placeholder().is_some() || spec.needed().is_empty(), "{spec:?}");
        assert!(short.is_empty() || short.len() == 1 && short[0].len() == 2, "{spec:?}");
        let help = spec.full_help();
        assert!(!help.is_empty() && !help.ends_with('.') && !help.contains("  "), "{spec:?}");
        assert!(!help.contains(['\\', '[', ']']), "completions do not escape these: {spec:?}");
        for other in &TABLE[at + 1..] {
            assert!(!other.names().any(|name| names.contains(&name)), "{spec:?}");
        }
    }
}

fn config() -> Config {
    Config { failure_persistence: None, ..Config::with_cases(500) }
}

fn bytes(length: std::ops::Range<usize>) -> impl Strategy<Value = OsString> {
    vec(any::<u8>(), length).prop_map(OsString::from_vec)
}

/// An argument that means something, or nearly, or nothing.
fn argument() -> impl Strategy<Value = OsString> {
    let names: Vec<&str> = TABLE.into_iter().flat_map(Spec::names).collect();
    let values = ["1", "json", "man", "0", "", "-", "--", "j@e.de", "=", "-qv", "-s=a"];
    prop_oneof![
        select(names.clone()).prop_map(OsString::from),
        (select(names), select(values.to_vec())).prop_map(|(name, value)| format!("{name}={value}").into()),
        select(values.to_vec()).prop_map(OsString::from),
        bytes(0..6),
    ]
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_arguments_are_read(arguments in vec(argument(), 0..8)) {
        // What is asserted is that it returns.
        let _ = parse(arguments);
    }

    #[test]
    fn help_wins_over_whatever_follows(arguments in vec(argument(), 0..8)) {
        let arguments = [OsString::from("--help")].into_iter().chain(arguments);
        prop_assert_eq!(parse(arguments), Ok(Invocation::Text(docs::text(Text::Help))));
    }

    #[test]
    fn after_two_hyphens_nothing_is_an_option(email in argument()) {
        let arguments = [OsString::from("--"), email.clone()];
        let (common, Mode::Print(expected)) = run("") else { panic!() };
        let mode = Mode::Print(Print { email: Some(email), ..expected });
        prop_assert_eq!(parse(arguments), Ok(Invocation::Run(common, mode)));
    }

    #[test]
    fn an_equals_sign_and_a_space_are_the_same(
        spec in select(TABLE.into_iter().filter(|spec| spec.placeholder().is_some()).collect::<Vec<_>>()),
        value in prop_oneof![argument(), bytes(1..8)],
    ) {
        let joined = [spec.long().as_bytes(), b"=", value.as_encoded_bytes()].concat();
        prop_assert_eq!(
            parse([spec.long().into(), value]),
            parse([OsString::from_vec(joined)])
        );
    }

    #[test]
    fn the_order_of_options_makes_no_difference(
        groups in subsequence(
            vec![
                "-q", "--no-input", "-s acme", "-f token", "-o x", "--timeout=5", "--retries 1", "-e y",
                "--cacert=z", "--no-activity-log", "j@e.de",
            ],
            0..=11,
        ),
        seed in any::<u64>(),
    ) {
        let mut shuffled = groups.clone();
        shuffled.sort_by_key(|group| {
            group.bytes().fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
        });
        prop_assert_eq!(words(&groups.join(" ")), words(&shuffled.join(" ")));
    }
}
