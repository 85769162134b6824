//! Sessions: begun by a login, continued by a refresh token, ended by a logout or by whoever they belong to.

use lambda_http::http::StatusCode;
use serde::{Deserialize, Serialize};
use shared::clock::Timestamp;
use shared::cursor::{self, Cursor, Scope};
use shared::error::Error;
use shared::http::{self, Request, Response};
use shared::identity::ACCESS_TOKEN_SECONDS;
use shared::ids::SessionId;

use crate::App;
use crate::attempts::Kind;
use crate::session::{Session, Verdict};
use crate::store::Login;
use crate::token::{Hash, RefreshToken};

/// How often a session is looked at again that others have changed meanwhile.
const ATTEMPTS: usize = 4;

/// How much is kept of what a client calls itself.
const USER_AGENT: usize = 200;

/// What signing in gives, and every refresh again (RFC 6749 §5.1 has the names, but for `token`).
#[derive(Serialize)]
struct Tokens {
    token: String,
    token_type: &'static str,
    expires_in: i64,
    refresh_token: RefreshToken,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shown {
    refresh_token: RefreshToken,
}

/// A session, as its owner sees it.
#[derive(Serialize)]
struct Seen {
    id: SessionId,
    created_at: Timestamp,
    last_used_at: Timestamp,
    expires_at: Timestamp,
    user_agent: Option<String>,
}

#[derive(Serialize)]
struct Page {
    items: Vec<Seen>,
    next: Option<Cursor>,
}

impl From<Session> for Seen {
    fn from(session: Session) -> Seen {
        Seen {
            id: session.session_id,
            created_at: session.created_at,
            last_used_at: session.last_used_at,
            expires_at: Timestamp::from_millis(session.expires_at.saturating_mul(1000)),
            user_agent: session.user_agent,
        }
    }
}

fn answer(token: String, refresh_token: RefreshToken) -> Result<Response, Error> {
    let tokens = Tokens { token, token_type: "Bearer", expires_in: ACCESS_TOKEN_SECONDS, refresh_token };
    http::json(StatusCode::OK, &tokens)
}

impl App {
    /// What a login whose password was right answers. The access token is signed first: without it there is no session.
    pub(crate) async fn begin_session(&self, request: &Request, login: &Login) -> Result<Response, Error> {
        let now = self.clock.now();
        let token = self.signer.access_token(login.user_id.clone(), login.role, now).await?;
        let first = RefreshToken::random();
        let user_agent = request.header("user-agent").map(|text| text.chars().take(USER_AGENT).collect());
        self.store.begin(&Session::begin(&login.user_id, login.epoch, first.hash(), user_agent, now)).await?;
        answer(token, first)
    }

    pub(crate) async fn refresh(&self, request: &Request) -> Result<Response, Error> {
        let shown = request.json::<Shown>()?.refresh_token.hash();
        let booking = self.attempts.book(Kind::Refresh, request).await?;
        let refreshed = self.continue_some_time(request, &shown).await;
        // What we could not do is no failure of theirs.
        if !matches!(refreshed, Err(Error::InvalidRefreshToken)) {
            self.give_back(booking, request).await;
        }
        refreshed
    }

    async fn continue_some_time(&self, request: &Request, shown: &Hash) -> Result<Response, Error> {
        for _ in 0..ATTEMPTS {
            if let Some(response) = self.continue_session(request, shown).await? {
                return Ok(response);
            }
        }
        Err(Error::Unavailable(format!("others changed the session {ATTEMPTS} times")))
    }

    /// One attempt; `None` if somebody else has changed the session before its end.
    async fn continue_session(&self, request: &Request, shown: &Hash) -> Result<Option<Response>, Error> {
        let now = self.clock.now();
        let record = self.store.token(shown, now).await?.ok_or(Error::InvalidRefreshToken)?;
        let (session, account) = self.store.session(&record).await?.ok_or(Error::InvalidRefreshToken)?;
        let successor = RefreshToken::random();
        match session.judge(account.epoch, shown, successor.hash(), now) {
            Verdict::Over => Err(Error::InvalidRefreshToken),
            Verdict::Reused => {
                // Of several at once, one is the one that has found it out.
                if self.store.end(&record.user_id, &record.session_id).await? {
                    self.telemetry.event(request.request_id(), "refresh-token-reused", &record.user_id);
                }
                Err(Error::InvalidRefreshToken)
            }
            Verdict::Continued(next) => {
                // Signed first: a signature that fails must not cost the client its token.
                let token = self.signer.access_token(record.user_id, account.role, now).await?;
                let continued = self.store.go_on(&session, &next).await?;
                if continued { answer(token, successor).map(Some) } else { Ok(None) }
            }
        }
    }

    /// An unknown token is no error: what its sender wants is so already (RFC 7009 §2.2).
    pub(crate) async fn logout(&self, request: &Request) -> Result<Response, Error> {
        let shown = request.json::<Shown>()?.refresh_token.hash();
        if let Some(record) = self.store.token(&shown, self.clock.now()).await? {
            self.store.end(&record.user_id, &record.session_id).await?;
        }
        Ok(http::empty(StatusCode::NO_CONTENT))
    }

    pub(crate) async fn sessions(&self, request: &Request) -> Result<Response, Error> {
        let user = request.caller()?.user_id;
        let limit = cursor::limit(request)?;
        let scope = Scope { route: request.route_key(), filters: &[user.as_str()] };
        let after: Option<SessionId> =
            scope.position(request)?.map(|id| id.parse().map_err(|_| Error::InvalidCursor)).transpose()?;
        let (sessions, next) = self.store.live_sessions(&user, after.as_ref(), limit, self.clock.now()).await?;
        let next = next.map(|last| scope.cursor(last.as_str()));
        http::json(StatusCode::OK, &Page { items: sessions.into_iter().map(Seen::from).collect(), next })
    }

    pub(crate) async fn end_session(&self, request: &Request) -> Result<Response, Error> {
        let caller = request.caller()?;
        let session: SessionId = request.id("session_id", "session")?;
        let ended = self.store.end(&caller.user_id, &session).await?;
        if ended { Ok(http::empty(StatusCode::NO_CONTENT)) } else { Err(Error::NotFound("session")) }
    }
}
