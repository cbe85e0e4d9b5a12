//! `make live`, run against the fake as if it were a real account, and against fakes that differ.

use serde_json::json;

use super::readme::cargo_example;
use crate::support::http::Response;
use crate::support::listener::dead_address;
use crate::support::model::{Account, Refusal, SecondFactor, User};
use crate::support::proxy::Detour;
use crate::support::run::{Outcome, Run};
use crate::support::script::{Endpoint, Fault, Reply};
use crate::support::{KEY, SECRET};

const EMAIL: &str = "jane@example.com";

fn live(detour: &Detour) -> Run {
    let run = Run::of(cargo_example("live")).detour(detour).env("EMAIL", EMAIL);
    run.env("LIVE_PACE_MS", "0").env("LIVE_IDLE", "0")
}

/// The lines that say DIFFERS. Nothing secret is shown, and no email but EMAIL.
#[track_caller]
fn differences(outcome: &Outcome) -> Vec<String> {
    let text = outcome.stdout_text();
    assert!(!text.contains("eyJ"), "a token is shown\n{outcome}");
    for word in text.split_whitespace().filter(|word| word.contains('@')) {
        assert!(word.contains(EMAIL), "{word} is shown\n{outcome}");
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
    let outcome = run.env("LIVE_IDLE", "1").outcome();
    assert_eq!(differences(&outcome), [""; 0], "{outcome}");
    let text = outcome.stdout_text();
    for part in [
        "\nnoted    the responses for a user who does not exist:\n         < 400 after ",
        "\nok       BLOCKED is 77 (U)\n",
        "\nok       TWO_FACTOR is 77 (U)\n",
        "\nok       a subdomain that does not exist is 68 (M: an empty 404)\n",
        "\nnoted    an idle connection is kept for 1 s, of 1 s tried (U)\n",
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
        (Account::acme().accepting_any_key(), None, "a wrong secret, a wrong key and both swapped are 78"),
        (Account::new("acme").user(other), None, "EMAIL gets a token"),
        (Account::acme().extra("expires_in", json!(60)), None, "expires_in agrees with claim exp"),
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
            "a connection is kept for the next request",
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
    let message = "live: name a user who can log in: make live EMAIL=jane@example.com\n";
    Run::of(cargo_example("live")).status(64).stderr(message).run();
}
