//! Access tokens like Outseta's: RS256 JWTs with its claims. The signature has the right length but is not
//! valid.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// A token with the claims `{"email":"jane@example.com","exp":4102444800}`: valid until 2100.
pub const JANE: &str =
    "eyJhbGciOiJub25lIn0.eyJlbWFpbCI6ImphbmVAZXhhbXBsZS5jb20iLCJleHAiOjQxMDI0NDQ4MDB9.c2ln";

/// The key that signs, as `/.well-known/jwks` publishes it.
pub const KEY_ID: &str = "5BD1F3A0E7";
/// RSA with 2048 bits.
const SIGNATURE_LENGTH: usize = 256;

/// The time in seconds since 1970.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970");
    i64::try_from(since.as_secs()).expect("seconds fit")
}

/// The claims of a new token that is valid for `expires_in` seconds, which may be negative.
pub fn claims(subdomain: &str, email: &str, expires_in: i64) -> Value {
    let now = now();
    json!({
        "nbf": now,
        "exp": now + expires_in,
        "iat": now,
        "iss": format!("http://{subdomain}.outseta.com"),
        "aud": [format!("http://{subdomain}.outseta.com/resources"), "outseta"],
        "client_id": "outseta",
        "scope": ["openid", "outseta", "profile"],
        "sub": "DQ2DyknW",
        "email": email,
        "email_verified": "true",
        "name": "Jane Doe",
        "given_name": "Jane",
        "family_name": "Doe",
        "nameid": "DQ2DyknW",
        "outseta:accountUid": "496LXdmX",
        "outseta:accountClientIdentifier": "",
        "outseta:isPrimary": "1",
        "outseta:subscriptionUid": "7ma651QE",
        "outseta:planUid": "Z496jL9X",
        "outseta:addOnUids": [],
        "outseta:iss": format!("{subdomain}.outseta.com"),
        "amr": ["pwd"],
        "auth_time": now,
        "idp": "idsrv",
    })
}

/// A token that holds these claims; tokens that differ in `serial` differ.
pub fn encode(claims: &Value, serial: u8) -> String {
    let header = json!({"alg": "RS256", "kid": KEY_ID, "typ": "JWT"});
    let [header, payload] = [&header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    format!("{header}.{payload}.{}", URL_SAFE_NO_PAD.encode([serial; SIGNATURE_LENGTH]))
}

/// [`encode`] of [`claims`]: a token as an earlier run may have left it.
pub fn token(subdomain: &str, email: &str, expires_in: i64) -> String {
    encode(&claims(subdomain, email, expires_in), 0)
}

/// The claims of a token, its signature unchecked.
pub fn decode(token: &str) -> Value {
    part(token, 1).expect("the payload of a JWT")
}

/// The header (0) or the payload (1) of a JWT.
pub fn part(token: &str, index: usize) -> Option<Value> {
    let json = URL_SAFE_NO_PAD.decode(token.split('.').nth(index)?).ok()?;
    serde_json::from_slice(&json).ok()
}
