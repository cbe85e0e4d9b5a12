//! The output formats.

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Format {
    Json,
    Token,
    Header,
    Env,
    Claims,
}

impl Format {
    /// In the order of help.
    pub(crate) const ALL: [Self; 5] = [Self::Json, Self::Token, Self::Header, Self::Env, Self::Claims];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Token => "token",
            Self::Header => "header",
            Self::Env => "env",
            Self::Claims => "claims",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    pub(crate) fn help(self) -> &'static str {
        match self {
            Self::Json => {
                "the response: access_token, token_type, expires_in, expires_at, then any other fields"
            }
            Self::Token => "the token (a JWT)",
            Self::Header => "Authorization: Bearer TOKEN, for curl -H @-",
            Self::Env => "OUTSETA_ACCESS_TOKEN=TOKEN, for export \"$(...)\", docker --env-file and systemd",
            Self::Claims => {
                "the token's payload as JSON; its signature is not checked (it came from Outseta over TLS)"
            }
        }
    }
}
