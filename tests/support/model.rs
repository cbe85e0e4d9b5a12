//! Outseta's responses: accounts with users, and the four endpoints that the program uses. They follow
//! Outseta's documentation and what live accounts do (an empty 403 for a wrong key, an empty 404 for an
//! unknown account); where neither is known, the test chooses.

use serde_json::{Map, Value, json};

use super::http::{Request, Response};
use super::{KEY, SECRET, jwt};

/// Seven days, the lifetime of real tokens.
const LIFETIME: i64 = 7 * 24 * 60 * 60;

/// How Outseta refuses a token for a user.
#[derive(Clone, Copy, Debug)]
pub enum Refusal {
    /// 400 with `invalid_grant` as plain text.
    GrantText,
    /// 400 with an object as in RFC 6749 section 5.2.
    OAuth,
    /// 400 with `ErrorMessage` and `EntityValidationErrors` that name this property.
    Validation(&'static str),
    /// 400 with `Message`.
    Message,
    /// 404 with no body, as for an account that does not exist.
    NotFoundEmpty,
}

impl Refusal {
    fn response(self) -> Response {
        let text = "The user name or password is incorrect.";
        match self {
            Self::GrantText => Response::text(400, "invalid_grant"),
            Self::OAuth => Response::json(400, &json!({"error": "invalid_grant", "error_description": text})),
            Self::Validation(property) => {
                let error = json!({"ErrorCode": "invalid", "ErrorMessage": text, "PropertyName": property});
                let entity = json!({"Entity": null, "TypeName": "Person", "ValidationErrors": [error]});
                let message = "Validation failed for one or more entities.";
                Response::json(400, &json!({"ErrorMessage": message, "EntityValidationErrors": [entity]}))
            }
            Self::Message => Response::json(400, &json!({"Message": text})),
            Self::NotFoundEmpty => Response::empty(404),
        }
    }
}

/// What a login needs besides the password. The response is then a 202 without a token.
#[derive(Clone, Copy, Debug)]
pub enum SecondFactor {
    Totp,
    Email,
    Enrolment,
}

impl SecondFactor {
    fn response(self) -> Response {
        let challenge = |mechanism, destination: Option<&str>| {
            json!({
                "two_factor_required": true,
                "challenge_token": "challenge-0f2b6a",
                "mechanism": mechanism,
                "masked_destination": destination,
                "expires_in": 600,
            })
        };
        let body = match self {
            Self::Totp => challenge("Totp", None),
            Self::Email => challenge("Email", Some("j***@e******.com")),
            Self::Enrolment => json!({
                "two_factor_enrollment_required": true,
                "challenge_token": "challenge-0f2b6a",
                "expires_in": 600,
            }),
        };
        Response::json(202, &body)
    }
}

/// A person in the account's customer list.
#[derive(Clone, Debug)]
pub struct User {
    email: String,
    stages: Vec<u8>,
    refusal: Option<Refusal>,
    second_factor: Option<SecondFactor>,
    claims: Map<String, Value>,
}

impl User {
    /// A user who is subscribing (stage 3) and may log in.
    pub fn new(email: &str) -> Self {
        let (email, stages, claims) = (email.to_owned(), vec![3], Map::new());
        Self { email, stages, refusal: None, second_factor: None, claims }
    }

    /// The stage of each account that the person belongs to; a person may belong to none.
    pub fn stages(mut self, stages: &[u8]) -> Self {
        self.stages = stages.to_vec();
        self
    }

    pub fn cannot_log_in(mut self, refusal: Refusal) -> Self {
        self.refusal = Some(refusal);
        self
    }

    pub fn second_factor(mut self, factor: SecondFactor) -> Self {
        self.second_factor = Some(factor);
        self
    }

    /// Sets or replaces a claim of this user's tokens.
    pub fn claim(mut self, name: &str, value: Value) -> Self {
        self.claims.insert(name.to_owned(), value);
        self
    }

    /// As `/crm/people` lists it.
    fn person(&self, index: usize) -> Value {
        let account = |stage| json!({"Account": {"Uid": "496LXdmX", "AccountStage": stage}});
        json!({
            "Uid": format!("person{index}"),
            "Email": self.email,
            "FullName": "Jane Doe",
            "PersonAccount": self.stages.iter().map(account).collect::<Vec<_>>(),
        })
    }
}

/// An Outseta account: a subdomain, its API key and its users.
#[derive(Debug)]
pub struct Account {
    subdomain: String,
    read_only: bool,
    users: Vec<User>,
    unknown_user: Refusal,
    lifetime: i64,
    extra: Map<String, Value>,
    nested_fields: bool,
    issued: u8,
    /// Whether any key is accepted, and anybody gets a token.
    lax: [bool; 2],
}

impl Account {
    /// An account with the key [`KEY`] and the secret [`SECRET`], and nobody in it.
    pub fn new(subdomain: &str) -> Self {
        Self {
            subdomain: subdomain.to_owned(),
            read_only: false,
            users: Vec::new(),
            unknown_user: Refusal::GrantText,
            lifetime: LIFETIME,
            extra: Map::new(),
            nested_fields: true,
            issued: 0,
            lax: [false; 2],
        }
    }

    /// `acme` with the user `jane@example.com`.
    pub fn acme() -> Self {
        Self::new("acme").user(User::new("jane@example.com"))
    }

    /// `acme` with the users of the README and the tour.
    pub fn shown() -> Self {
        let expired = User::new("old@example.com").stages(&[5]).cannot_log_in(Refusal::GrantText);
        let careful = User::new("careful@example.com").second_factor(SecondFactor::Totp);
        let others = [User::new("bob@example.com"), User::new("test@example.com"), expired, careful];
        others.into_iter().fold(Self::acme(), Self::user)
    }

    pub fn user(mut self, user: User) -> Self {
        self.users.push(user);
        self
    }

    /// The key may read but cannot mint tokens.
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// With the right secret.
    pub fn accepting_any_key(mut self) -> Self {
        self.lax[0] = true;
        self
    }

    pub fn minting_for_anybody(mut self) -> Self {
        self.lax[1] = true;
        self
    }

    pub fn unknown_user(mut self, refusal: Refusal) -> Self {
        self.unknown_user = refusal;
        self
    }

    /// In seconds; a negative one gives tokens that have expired.
    pub fn lifetime(mut self, seconds: i64) -> Self {
        self.lifetime = seconds;
        self
    }

    /// Sets or replaces a field of the token response.
    pub fn extra(mut self, field: &str, value: Value) -> Self {
        self.extra.insert(field.to_owned(), value);
        self
    }

    /// `/crm/people` does not know the nested path, and leaves out the accounts of a person.
    pub fn without_nested_fields(mut self) -> Self {
        self.nested_fields = false;
        self
    }

    fn respond(&mut self, request: &Request) -> Response {
        match (request.method.as_str(), request.path()) {
            ("GET", "/.well-known/jwks") => {
                let key = json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": jwt::KEY_ID});
                Response::json(200, &json!({"keys": [key]}))
            }
            ("POST", "/api/v1/tokens") => self.refuse_key(request).unwrap_or_else(|| self.mint(request)),
            ("GET", "/api/v1/crm/people") => self.refuse_key(request).unwrap_or_else(|| self.people(request)),
            ("GET", "/api/v1/billing/planfamilies") => {
                let family = json!({"Uid": "nmDx8vQa", "Name": "Plans"});
                self.refuse_key(request).unwrap_or_else(|| list(request, &[family]))
            }
            ("GET", "/api/v1/profile") => self.profile(request),
            (_, path) => {
                Response::json(404, &json!({"Message": format!("No HTTP resource was found at {path}.")}))
            }
        }
    }

    /// An empty 403, unless the request has the right key.
    fn refuse_key(&self, request: &Request) -> Option<Response> {
        let given = request.header("authorization").and_then(|value| value.strip_prefix("Outseta "));
        let (key, secret) = given.and_then(|given| given.split_once(':')).unwrap_or_default();
        let is_right = secret == SECRET && (key == KEY || self.lax[0]);
        (!is_right).then(|| Response::empty(403))
    }

    fn mint(&mut self, request: &Request) -> Response {
        if self.read_only {
            return Response::empty(403);
        }
        let email = match username(request) {
            Ok(email) => email,
            Err(answer) => return answer,
        };
        let known = self.users.iter().find(|user| user.email.eq_ignore_ascii_case(&email)).cloned();
        let Some(user) = known.or_else(|| self.lax[1].then(|| User::new(&email))) else {
            return self.unknown_user.response();
        };
        if let Some(refusal) = user.refusal {
            return refusal.response();
        }
        if let Some(factor) = user.second_factor {
            return factor.response();
        }
        let mut claims = jwt::claims(&self.subdomain, &user.email, self.lifetime);
        for (name, value) in &user.claims {
            claims[name] = value.clone();
        }
        let token = jwt::encode(&claims, self.issued);
        self.issued = self.issued.wrapping_add(1);
        let mut response =
            json!({"access_token": token, "token_type": "bearer", "expires_in": self.lifetime});
        for (field, value) in &self.extra {
            response[field] = value.clone();
        }
        Response::json(200, &response)
    }

    /// The person whose token the request has.
    fn profile(&self, request: &Request) -> Response {
        let token = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        let claims = token.and_then(|token| jwt::part(token, 1)).unwrap_or_default();
        match self.users.iter().position(|user| claims["email"] == *user.email) {
            Some(index) => Response::json(200, &self.users[index].person(index)),
            None => Response::empty(401),
        }
    }

    fn people(&self, request: &Request) -> Response {
        let pattern = request.query("Email").unwrap_or_else(|| "*".to_owned());
        let people = self.users.iter().enumerate().filter(|(_, user)| matches(&pattern, &user.email));
        let mut items: Vec<Value> = people.map(|(index, user)| user.person(index)).collect();
        if !self.nested_fields {
            for item in &mut items {
                item.as_object_mut().expect("a person is an object").remove("PersonAccount");
            }
        }
        list(request, &items)
    }
}

/// The response of these accounts. On a host outside outseta.com, it is the first account's.
pub fn respond(accounts: &mut [Account], request: &Request, is_tls: bool) -> Response {
    let host = request.header("host").unwrap_or_default().to_ascii_lowercase();
    let subdomain = host.split(':').next().and_then(|name| name.strip_suffix(".outseta.com"));
    if subdomain.is_some() && !is_tls {
        return Response::redirect(301, &format!("https://{host}{}", request.target));
    }
    let account = match subdomain {
        None => accounts.first_mut(),
        Some(name) => accounts.iter_mut().find(|account| account.subdomain == name),
    };
    match account {
        _ if !looks_like_a_client(request) => cloudflare(403),
        Some(account) => account.respond(request),
        None => Response::empty(404),
    }
}

/// Whether the request has the headers without which Cloudflare, in front of Outseta, blocks it.
fn looks_like_a_client(request: &Request) -> bool {
    ["user-agent", "accept"]
        .into_iter()
        .all(|name| request.header(name).is_some_and(|value| !value.is_empty()))
}

/// A page that Cloudflare sends instead of Outseta's response.
pub fn cloudflare(status: u16) -> Response {
    let page = "<!DOCTYPE html>\n<html><title>Attention Required! | Cloudflare</title></html>\n";
    Response::html(status, page).header("Server", "cloudflare").header("CF-RAY", "8f0c6d1e2a3b4c5d-FRA")
}

/// The user that the body of `POST /api/v1/tokens` names: exactly `{"username": "<email>"}`.
fn username(request: &Request) -> Result<String, Response> {
    let media_type = request.header("content-type").and_then(|value| value.split(';').next());
    if media_type != Some("application/json") {
        return Err(Response::json(415, &json!({"Message": "The media type is not supported."})));
    }
    match serde_json::from_slice(&request.body) {
        Ok(Value::Object(fields)) if fields.len() == 1 => {
            fields.get("username").and_then(Value::as_str).map(str::to_owned)
        }
        _ => None,
    }
    .ok_or_else(|| Response::json(400, &json!({"Message": "The request is invalid."})))
}

/// In a filter, a `*` at either end matches any text.
fn matches(pattern: &str, value: &str) -> bool {
    let (pattern, value) = (pattern.to_ascii_lowercase(), value.to_ascii_lowercase());
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(rest), Some(_)) => value.contains(rest.strip_suffix('*').unwrap_or(rest)),
        (Some(end), None) => value.ends_with(end),
        (None, Some(start)) => value.starts_with(start),
        (None, None) => value == pattern,
    }
}

/// The first `limit` items, each with only the `fields` that the request names.
fn list(request: &Request, items: &[Value]) -> Response {
    let limit = request.query("limit").and_then(|value| value.parse().ok()).unwrap_or(100);
    let fields = request.query("fields");
    let paths: Option<Vec<&str>> = fields.as_deref().map(|fields| fields.split(',').collect());
    let page = items.iter().take(limit).map(|item| match &paths {
        Some(paths) => project(item, paths),
        None => item.clone(),
    });
    let metadata = json!({"limit": limit, "offset": 0, "total": items.len()});
    Response::json(200, &json!({"metadata": metadata, "items": page.collect::<Vec<_>>()}))
}

/// The parts of `value` that the dotted `paths` name; a path includes every item of a list.
fn project(value: &Value, paths: &[&str]) -> Value {
    let fields = match value {
        Value::Array(items) => return items.iter().map(|item| project(item, paths)).collect(),
        Value::Object(fields) => fields,
        _ => return value.clone(),
    };
    let kept = fields.iter().filter_map(|(name, field)| {
        if paths.contains(&name.as_str()) {
            return Some((name.clone(), field.clone()));
        }
        let below = paths.iter().filter_map(|path| path.strip_prefix(name.as_str())?.strip_prefix('.'));
        let below: Vec<&str> = below.collect();
        (!below.is_empty()).then(|| (name.clone(), project(field, &below)))
    });
    Value::Object(kept.collect())
}
