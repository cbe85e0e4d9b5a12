//! `make live`, run against the fake as if it were a real account, and against fakes that differ.

use serde_json::json;

use super::readme::cargo_example;
use crate::support::fake::Server;
use crate::support::http::{Request, Response};
use crate::support::listener::dead_address;
use crate::support::model::{Account, Refusal, SecondFactor, User};
use crate::support::proxy::Detour;
use crate::support::run::{Outcome, Run};
use crate::support::script::{Endpoint, Fault, Reply};
use crate::support::{KEY, SECRET, set_mode};

const EMAIL: &str = "jane@example.com";

fn live(detour: &Detour) -> Run {
    let run = Run::of(cargo_example("live")).detour(detour).env("EMAIL", EMAIL);
    run.env("LIVE_PACE_MS", "0").env("LIVE_IDLE_MS", "100")
}

/// The lines that say DIFFERS. Nothing secret is shown, and no email but EMAIL.
#[track_caller]
fn differences(outcome: &Outcome) -> Vec<String> {
    let text = outcome.stdout_text();
    assert!(!text.contains("eyJ"), "a token is shown\n{outcome}");
    for word in text.split([' ', '\n', '\'']).filter(|word| word.contains('@')) {
        let email = word.trim_end_matches([':', ',']);
        assert!(email.eq_ignore_ascii_case(EMAIL), "{word} is shown\n{outcome}");
    }
    let lines =
        text.lines().filter_map(|line| line.strip_prefix("DIFFERS  ").map(str::to_owned)).collect::<Vec<_>>();
    assert_eq!(outcome.status, Some(i32::from(!lines.is_empty())), "{outcome}");
    assert_eq!(text.contains("Please paste"), !lines.is_empty(), "{outcome}");
    lines
}

#[test]
fn an_account_as_assumed_has_no_difference() {
    let detour = Detour::new(
        Account::acme()
            .user(User::new("old@example.com").cannot_log_in(Refusal::GrantText))
            .user(User::new("careful@example.com").second_factor(SecondFactor::Totp)),
    );
    let run = live(&detour).env("BLOCKED", "old@example.com").env("TWO_FACTOR", "careful@example.com");
    let outcome = run.env("READ_ONLY_KEY", "read-only").env("READ_ONLY_SECRET", "its-secret").outcome();
    assert_eq!(differences(&outcome), [""; 0], "{outcome}");
    let text = outcome.stdout_text();
    for part in [
        "\nnoted    what came for this user: 67: no such user: [email]\n         < 400 after ",
        "\nok       BLOCKED is 77 (U)\n",
        "\nok       TWO_FACTOR is 77 (U)\n",
        "\nok       key and secret swapped are 78 (M: an empty 403)\n",
        "\nok       READ_ONLY_KEY with READ_ONLY_SECRET is 78 (U)\n",
        "\nok       a subdomain that does not exist is 68 (M: an empty 404)\n",
        "\nok       an idle connection is kept (U), 100ms of 100ms\n",
        " ok, 0 DIFFERS, ",
    ] {
        assert!(text.contains(part), "{part}\n{outcome}");
    }
    let requests = detour.server.requests();
    assert!(requests.len() <= 40, "{}", requests.len());
    let mints = requests.iter().filter(|request| request.method == "POST");
    assert!(mints.clone().all(|request| request.target.ends_with("?donotlog=1")), "outside the activity log");
    let strays = mints.filter(|request| request.header("host") != Some("acme.outseta.com"));
    let is_made_up = |key: Option<&str>| key.is_some_and(|key| !key.contains(KEY) && !key.contains(SECRET));
    assert!(
        strays.clone().count() == 1
            && strays.clone().all(|request| is_made_up(request.header("authorization")))
    );
}

#[test]
fn each_difference_is_named_alone() {
    let jwks = json!({"keys": [{"kid": "other"}]});
    let other = User::new(EMAIL).claim("email", json!("john@example.com"));
    for (account, script, line) in [
        (Account::acme().minting_for_anybody(), None, "a user who does not exist is 67"),
        (Account::acme().accepting_any_key(), None, "a wrong key is 78"),
        (Account::new("acme").user(other), None, "EMAIL gets a token"),
        (Account::acme().extra("expires_in", json!(60)), None, "expires_in agrees with claim exp"),
        (Account::acme(), Some((Endpoint::PlanFamilies, Response::empty(403).into())), "--check passes"),
        (
            Account::acme(),
            Some((Endpoint::Profile, Reply::from(Response::empty(404)))),
            "the token opens /api/v1/profile",
        ),
        (
            Account::acme(),
            Some((Endpoint::Jwks, Response::json(200, &jwks).into())),
            "the token's header names a key of the JWKS",
        ),
        (
            Account::acme(),
            Some((Endpoint::Jwks, Fault::CloseIdle(std::time::Duration::ZERO).into())),
            "an idle connection is kept",
        ),
    ] {
        let detour = Detour::new(account);
        if let Some((endpoint, reply)) = script {
            detour.server.always(endpoint, reply);
        }
        let outcome = live(&detour).outcome();
        let differences = differences(&outcome);
        assert!(differences.len() == 1 && differences[0].starts_with(line), "{line}: {outcome}");
    }
}

#[test]
fn an_unreachable_server_is_said_once() {
    let run = Run::of(cargo_example("live")).credentials().env("EMAIL", EMAIL);
    let outcome = run.env("OUTSETA_BASE_URL", format!("http://{}", dead_address())).outcome();
    assert_eq!(outcome.status, Some(1), "{outcome}");
    let text = outcome.stdout_text();
    assert!(
        text.starts_with("stopped  outseta-token --check fails, so nothing was compared:\n"),
        "{outcome}"
    );
    assert_eq!(text.matches("cannot connect to ").count(), 1, "{outcome}");
    // As make does when it has no EMAIL.
    let message = "live: name a user who can log in: make live EMAIL=jane@example.com\n";
    Run::of(cargo_example("live")).env("EMAIL", "").status(64).stderr(message).run();
}

/// There, a base URL counts only beside key and secret, of which the comparison replaces one.
#[test]
fn settings_in_the_users_own_file_are_compared_too() {
    let server = Server::http(Account::acme().user(User::new("mary-jane@example.com")));
    let url = server.url();
    let settings = format!("OUTSETA_BASE_URL={url}\nOUTSETA_API_KEY={KEY}\nOUTSETA_API_SECRET={SECRET}\n");
    let run = Run::of(cargo_example("live")).home_file(".config/outseta-token/env", settings);
    set_mode(&run.home().join(".config/outseta-token/env"), 0o600);
    let run = run.env("EMAIL", EMAIL).env("LIVE_PACE_MS", "0").env("LIVE_IDLE_MS", "0");
    // This email contains EMAIL, and is not shown.
    let outcome = run.env("BLOCKED", "mary-jane@example.com").watch(server.transcript()).outcome();
    assert_eq!(differences(&outcome), ["BLOCKED is 77 (U)"], "{outcome}");
    assert!(outcome.stdout_text().contains("\n         came: 0: token for [email] in account "), "{outcome}");
    let is_refused =
        |request: &Request| request.header("authorization").is_some_and(|key| key.contains("made-up"));
    assert_eq!(server.requests().iter().filter(|request| is_refused(request)).count(), 2, "{outcome}");
}
