use super::*;
use std::collections::BTreeSet;

const KEY: Origin = Origin::Environment("OUTSETA_API_KEY");
const SECRET: Origin = Origin::Prompt;

fn jane() -> Shown {
    Shown::new("j@e.de")
}

fn none() -> Shown {
    Shown::new("")
}

fn said() -> Shown {
    Shown::new("No.")
}

fn network(fault: Network) -> Error {
    Error::Network { host: "acme.outseta.com".to_owned(), fault }
}

fn malformed(origin: Origin) -> Error {
    Error::Malformed { what: "subdomain", origin, why: "it is blank".to_owned(), hint: Some("name it") }
}

/// Every variant, inner ones too, with its status, message and hint.
#[expect(clippy::too_many_lines, reason = "a row each, and all of them")]
fn rows() -> Vec<(Error, u8, &'static str, Option<&'static str>)> {
    let verbose = Some("run again with -v to see what came back");
    let missing = Some(
        "set them in the environment or, without _FILE, in an env file (--env-file); a key is made in Outseta under Settings > Integrations > API Keys",
    );
    let mut rows = Vec::new();
    let mut add = |error, status, message, hint| rows.push((error, status, message, hint));

    add(Error::usage("unknown option -x", "see --help"), 64, "unknown option -x", Some("see --help"));
    add(Error::email("invalid email", "give one"), 65, "invalid email", Some("give one"));
    let typing = Some("check the email for a typing error");
    add(
        Error::EmailRejected { email: jane(), message: said() },
        65,
        "invalid email: Outseta rejects j@e.de: No.",
        typing,
    );
    add(
        Error::EmailRejected { email: jane(), message: none() },
        65,
        "invalid email: Outseta rejects j@e.de",
        typing,
    );
    add(
        Error::Unreadable { what: Shown::new("f"), why: "permission denied".to_owned() },
        66,
        "cannot read f: permission denied",
        Some("check that the file is there and may be read by this user"),
    );
    add(
        Error::NoSuchUser { email: jane(), message: none(), confirmed: true },
        67,
        "no such user: j@e.de",
        Some("check the email for a typing error; people are listed in Outseta under CRM > People"),
    );
    add(
        Error::NoSuchUser { email: jane(), message: said(), confirmed: false },
        67,
        "no such user: j@e.de: No. (probably: this could not be confirmed)",
        Some(
            "check the email, a base URL, and that the API key may read people: the lookup that would confirm this failed",
        ),
    );
    let subdomain = Some(
        "check the subdomain or base URL: the subdomain is the first part of the address at which you log in to Outseta",
    );
    let account = |confirmed| Error::NoSuchAccount { host: "acme.outseta.com".to_owned(), confirmed };
    add(account(true), 68, "no Outseta account at acme.outseta.com", subdomain);
    add(
        account(false),
        68,
        "no Outseta account at acme.outseta.com (probably: this could not be confirmed)",
        subdomain,
    );

    let mut unavailable = |fault, message, hint| add(network(fault), 69, message, Some(hint));
    let network_hint = "check the network, a firewall, and whether a proxy is needed (https_proxy)";
    unavailable(
        Network::Dns,
        "cannot resolve the name acme.outseta.com",
        "check the subdomain or base URL, and this machine's name resolution",
    );
    unavailable(
        Network::SlowConnection(Duration::from_millis(3_300)),
        "cannot connect to acme.outseta.com within 3.3 s",
        network_hint,
    );
    unavailable(
        Network::Connection("connection refused".to_owned()),
        "cannot connect to acme.outseta.com: connection refused",
        network_hint,
    );
    let proxy_hint = "check https_proxy and all_proxy; no_proxy names hosts to reach directly";
    unavailable(
        Network::SlowProxy(Duration::from_secs(10)),
        "cannot connect to acme.outseta.com through the proxy within 10 s",
        proxy_hint,
    );
    unavailable(
        Network::SlowConnection(Duration::from_micros(300)),
        "cannot connect to acme.outseta.com within 1 ms",
        network_hint,
    );
    unavailable(
        Network::Proxy("connection refused".to_owned()),
        "cannot connect to the proxy for acme.outseta.com: connection refused",
        proxy_hint,
    );
    unavailable(
        Network::ProxyRefusal(Some(407)),
        "the proxy refuses to connect to acme.outseta.com (407)",
        "give the proxy's user and password: https_proxy=http://user:password@host:port",
    );
    unavailable(
        Network::ProxyRefusal(Some(403)),
        "the proxy refuses to connect to acme.outseta.com (403)",
        "ask who runs the proxy to allow this host, or name it in no_proxy",
    );
    unavailable(
        Network::ProxyRefusal(None),
        "the proxy does not answer as a proxy when asked for acme.outseta.com",
        proxy_hint,
    );
    let certificate = |proxy| Network::Certificate { proxy, why: Shown::new("it is bad"), hint: "renew it" };
    let tls = |proxy| Network::Tls { proxy, why: Shown::new("received corrupt message") };
    unavailable(certificate(false), "cannot trust acme.outseta.com: it is bad", "renew it");
    unavailable(certificate(true), "cannot trust the proxy for acme.outseta.com: it is bad", "renew it");
    unavailable(
        tls(false),
        "no TLS connection to acme.outseta.com: received corrupt message",
        "check the host and the port: what answers there may not speak TLS, or intercept it",
    );
    unavailable(
        tls(true),
        "no TLS connection to the proxy for acme.outseta.com: received corrupt message",
        "check https_proxy and all_proxy: write http:// before a proxy that does not speak TLS itself",
    );
    unavailable(
        Network::NotLoopback,
        "acme.outseta.com does not resolve to a loopback address",
        "check localhost in /etc/hosts, or write 127.0.0.1 instead",
    );
    unavailable(
        Network::Lost,
        "the connection to acme.outseta.com was lost before the answer was complete",
        "try again",
    );
    unavailable(
        Network::Timeout(Duration::from_secs(30)),
        "no answer from acme.outseta.com within 30 s",
        "try again, or raise --timeout",
    );

    add(Error::Bug("odd"), 70, "internal error: odd", Some("please report this, with what -v shows"));
    add(
        Error::CannotCreate {
            path: Shown::new("d/f"),
            why: "is a directory".to_owned(),
            hint: "name a file in a folder",
        },
        73,
        "cannot create d/f: is a directory",
        Some("name a file in a folder"),
    );
    add(
        Error::CannotWrite { to: Shown::new("f"), why: "no space left on device".to_owned() },
        74,
        "cannot write to f: no space left on device",
        Some(
            "check the space on the device and whose file it is; a file that -o names is as it was, any other output may be cut short",
        ),
    );
    add(Error::BrokenPipe, 74, "standard output was closed", None);
    let busy = |status, asked: Option<u64>| Error::Busy { status, asked: asked.map(Duration::from_secs) };
    add(
        busy(429, Some(60)),
        75,
        "Outseta is over its rate limit (429)",
        Some("Outseta asks to wait 60 s; try again then, or raise --retries and --timeout"),
    );
    add(
        busy(503, None),
        75,
        "Outseta is failing for now (503)",
        Some("try again later, or raise --retries and --timeout"),
    );

    let mut answer = |fault, message, hint| add(Error::Answer(fault), 76, message, hint);
    answer(
        AnswerFault::NoToken { status: 200, why: "it is empty" },
        "the answer (200) holds no token: it is empty",
        verbose,
    );
    answer(
        AnswerFault::OtherUser { email: jane(), token_email: Shown::new("x@e.de") },
        "the answer is a token of another user: x@e.de instead of j@e.de",
        Some("the token was not printed; look for two people with this email in Outseta"),
    );
    let elsewhere = Some("the key goes to no other host: check the subdomain or base URL");
    let redirect = |location: &str| AnswerFault::Redirect { status: 302, location: Shown::new(location) };
    answer(redirect("https://x/"), "the answer is a redirect (302) to https://x/", elsewhere);
    answer(redirect(""), "the answer is a redirect (302)", elsewhere);
    answer(
        AnswerFault::Html { status: 403 },
        "the answer (403) is an HTML page, not the API's",
        Some(
            "something between this machine and Outseta's API answered: a proxy, a firewall, a wrong base URL",
        ),
    );
    answer(AnswerFault::NotHttp, "the answer is not HTTP", Some("check the base URL and its port"));
    answer(
        AnswerFault::TooLarge,
        "the answer is too large",
        Some("check the base URL: an answer of Outseta's API is far smaller"),
    );
    answer(AnswerFault::Unexpected { status: 418, message: said() }, "unexpected answer (418): No.", verbose);
    answer(
        AnswerFault::Unnamed,
        "the token names no user, and may be the response to an earlier request",
        Some("the token was not printed; try again for this user"),
    );
    answer(
        AnswerFault::NotJwt,
        "the token is not a JWT: it has no claims to print",
        Some("another format prints the token as it is"),
    );

    let unexplained = |cause| {
        let (status, message) = (422, said());
        Error::Unexplained { email: jane(), status, message, cause: Box::new(cause) }
    };
    add(
        unexplained(busy(503, None)),
        75,
        "Outseta refused to log j@e.de in (422): No.; the lookup of the reason failed: Outseta is failing for now (503)",
        Some("try again later, or raise --retries and --timeout"),
    );
    add(
        unexplained(Error::Answer(AnswerFault::Unexpected { status: 400, message: none() })),
        76,
        "Outseta refused to log j@e.de in (422): No.; the lookup of the reason failed: unexpected answer (400)",
        Some("check the base URL, or run again with -v to see what came back"),
    );
    add(
        Error::KeyRejected { status: 403, key: KEY, secret: SECRET, message: none() },
        77,
        "Outseta rejected the API key (403): key from OUTSETA_API_KEY in the environment, secret from the prompt",
        Some(
            "key or secret may be mistyped, another account's or read-only: see Settings > Integrations > API Keys",
        ),
    );
    let crm = Some("look at the person and their account in Outseta under CRM");
    let refused = |message, stages| Error::LoginRefused { email: jane(), message, stages };
    add(refused(none(), vec![]), 77, "Outseta will not log j@e.de in", crm);
    add(
        refused(said(), vec!["expired", "paused"]),
        77,
        "Outseta will not log j@e.de in: No. (account: expired, paused)",
        crm,
    );
    let factor = |enrolment| Error::SecondFactor { email: jane(), enrolment };
    add(
        factor(false),
        77,
        "the login of j@e.de wants a second factor",
        Some(
            "a token cannot be had for a user with two-factor authentication; an emailed code may have been sent",
        ),
    );
    add(
        factor(true),
        77,
        "the login of j@e.de wants a second factor, and none is enrolled",
        Some("the user must first enrol a second factor by logging in"),
    );
    add(
        Error::Missing(vec![Setting::Subdomain, Setting::ApiKey, Setting::ApiSecret]),
        78,
        "not configured: subdomain (--subdomain or OUTSETA_SUBDOMAIN), API key (OUTSETA_API_KEY or \
         OUTSETA_API_KEY_FILE), API secret (OUTSETA_API_SECRET or OUTSETA_API_SECRET_FILE)",
        missing,
    );
    add(
        malformed(Origin::Environment("OUTSETA_SUBDOMAIN")),
        78,
        "invalid subdomain (OUTSETA_SUBDOMAIN in the environment): it is blank",
        Some("name it"),
    );
    add(
        malformed(Origin::Option("--subdomain")),
        64,
        "invalid subdomain (--subdomain): it is blank",
        Some("name it"),
    );
    add(
        Error::CannotExecute { command: Shown::new("./x"), why: "permission denied".to_owned() },
        126,
        "cannot execute ./x: permission denied",
        Some("check that it is a program, and that this user may execute it"),
    );
    add(
        Error::CommandNotFound { command: Shown::new("x") },
        127,
        "command not found: x",
        Some("check the name and PATH, and of a script the program that its first line names"),
    );
    rows
}

/// A number for each variant: a new one does not compile before it has one, and the test below
/// fails until it has a row.
fn number(error: &Error) -> (u8, u8) {
    match error {
        Error::Usage { .. } => (0, 0),
        Error::Email { .. } => (1, 0),
        Error::EmailRejected { .. } => (2, 0),
        Error::Unreadable { .. } => (3, 0),
        Error::NoSuchUser { .. } => (4, 0),
        Error::NoSuchAccount { .. } => (5, 0),
        Error::Network { fault, .. } => (
            6,
            match fault {
                Network::Dns => 0,
                Network::SlowConnection(_) => 1,
                Network::Connection(_) => 2,
                Network::Proxy(_) => 3,
                Network::ProxyRefusal(_) => 4,
                Network::Certificate { .. } => 5,
                Network::Tls { .. } => 6,
                Network::Lost => 7,
                Network::Timeout(_) => 8,
                Network::SlowProxy(_) => 9,
                Network::NotLoopback => 10,
            },
        ),
        Error::Bug(_) => (7, 0),
        Error::CannotCreate { .. } => (8, 0),
        Error::CannotWrite { .. } => (9, 0),
        Error::BrokenPipe => (10, 0),
        Error::Busy { .. } => (11, 0),
        Error::Answer(fault) => (
            12,
            match fault {
                AnswerFault::NoToken { .. } => 0,
                AnswerFault::OtherUser { .. } => 1,
                AnswerFault::Redirect { .. } => 2,
                AnswerFault::Html { .. } => 3,
                AnswerFault::NotHttp => 4,
                AnswerFault::TooLarge => 5,
                AnswerFault::Unexpected { .. } => 6,
                AnswerFault::Unnamed => 7,
                AnswerFault::NotJwt => 8,
            },
        ),
        Error::KeyRejected { .. } => (13, 0),
        Error::LoginRefused { .. } => (14, 0),
        Error::SecondFactor { .. } => (15, 0),
        Error::Missing(_) => (16, 0),
        Error::Malformed { .. } => (17, 0),
        Error::CannotExecute { .. } => (18, 0),
        Error::CommandNotFound { .. } => (19, 0),
        Error::Unexplained { .. } => (20, 0),
    }
}

#[test]
fn every_variant_has_a_row() {
    let seen: BTreeSet<(u8, u8)> = rows().iter().map(|(error, ..)| number(error)).collect();
    let mut expected = BTreeSet::new();
    for (outer, inner) in (0..21).map(|outer| match outer {
        6 => (outer, 11),
        12 => (outer, 9),
        _ => (outer, 1),
    }) {
        expected.extend((0..inner).map(|inner| (outer, inner)));
    }
    assert_eq!(seen, expected);
}

#[test]
fn each_has_its_status_message_and_hint() {
    for (error, status, message, hint) in rows() {
        assert_eq!(error.status().code(), status, "{error:?}");
        assert_eq!(error.to_string(), message);
        assert_eq!(error.hint().as_deref(), hint, "{error:?}");
    }
}

#[test]
fn the_voice_is_lower_case_on_one_line_without_full_stop() {
    let proper = ["Outseta ", "HTML"];
    for (error, ..) in rows() {
        let message = error.to_string();
        for text in [Some(message), error.hint()].into_iter().flatten() {
            let first = text.chars().next().expect("it is not empty");
            let capital = proper.iter().any(|name| text.starts_with(name));
            assert!(!first.is_uppercase() || capital, "{text}");
            assert!(!text.contains('\n') && text.trim() == text, "{text}");
            let foreign = text.ends_with(": No.");
            assert!(!text.ends_with(['.', '!']) || foreign, "{text}");
        }
    }
}

/// `sysexits.h`, by its numbers and names.
#[test]
fn statuses_are_those_of_sysexits() {
    for (status, code, name) in [
        (Status::Usage, 64, "EX_USAGE"),
        (Status::DataErr, 65, "EX_DATAERR"),
        (Status::NoInput, 66, "EX_NOINPUT"),
        (Status::NoUser, 67, "EX_NOUSER"),
        (Status::NoHost, 68, "EX_NOHOST"),
        (Status::Unavailable, 69, "EX_UNAVAILABLE"),
        (Status::Software, 70, "EX_SOFTWARE"),
        (Status::CantCreat, 73, "EX_CANTCREAT"),
        (Status::IoErr, 74, "EX_IOERR"),
        (Status::TempFail, 75, "EX_TEMPFAIL"),
        (Status::Protocol, 76, "EX_PROTOCOL"),
        (Status::NoPerm, 77, "EX_NOPERM"),
        (Status::Config, 78, "EX_CONFIG"),
        (Status::CannotExecute, 126, ""),
        (Status::NotFound, 127, ""),
    ] {
        assert_eq!((status.code(), status.name()), (code, name));
    }
}

#[test]
fn a_batch_ends_at_what_concerns_all_emails() {
    let rows = rows();
    let ending: BTreeSet<(u8, u8)> =
        rows.iter().filter(|(error, ..)| error.concerns_all()).map(|(error, ..)| number(error)).collect();
    let unexplained =
        |cause| Error::Unexplained { email: jane(), status: 400, message: none(), cause: Box::new(cause) };
    assert!(unexplained(network(Network::Lost)).concerns_all());
    let network = (0..11).map(|fault| (6, fault));
    let [redirect, html] = [(12, 2), (12, 3)];
    let others = [(5, 0), (7, 0), (9, 0), (10, 0), redirect, html, (13, 0)];
    assert_eq!(ending, network.chain(others).collect());
}
