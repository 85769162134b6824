//! How often one may try. An attempt is booked before anything is hashed and given back once it has succeeded, so that
//! failures are what stays: for an account and a network together, and for the network alone.

use shared::clock::Clock;
use shared::error::Error;
use shared::http::Request;

mod network;
mod pair;
mod store;

pub use network::Limits;
use network::Network;
pub use pair::Counter;
pub use store::Key;
use store::{BookedPair, Counted, Table};

/// What is tried. A network's attempts of one kind do not use up those of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Signing in.
    Login,
    /// Making an account.
    Registration,
    /// Going on with a session.
    Refresh,
    /// Setting a new password, by the old one.
    Change,
    /// Setting a new password, by a reset token.
    Reset,
}

impl Kind {
    /// Its name in keys.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Login => "login",
            Kind::Registration => "registration",
            Kind::Refresh => "refresh",
            Kind::Change => "change",
            Kind::Reset => "reset",
        }
    }
}

/// Everybody's attempts.
pub struct Attempts {
    table: Table,
    limits: Limits,
    clock: Clock,
}

/// An attempt that may be made.
#[must_use]
pub struct Booking<'a> {
    table: &'a Table,
    counted: Counted,
    pair: Option<BookedPair>,
}

impl Attempts {
    /// Counted in this table, which is users' own.
    pub fn new(client: aws_sdk_dynamodb::Client, table: String, limits: Limits, clock: Clock) -> Attempts {
        Attempts { table: Table::new(client, table), limits, clock }
    }

    /// Books an attempt of a network.
    ///
    /// # Errors
    /// [`Error::TooManyAttempts`] when it has used up its minute or its hour.
    pub async fn book(&self, kind: Kind, request: &Request) -> Result<Booking<'_>, Error> {
        let network = Network::of(request.source_ip());
        let counted = self.table.count(kind, &network, self.limits, self.clock.now()).await?;
        Ok(Booking { table: &self.table, counted, pair: None })
    }

    /// The key of the counter that [`Attempts::book_password`] has to be given.
    pub fn key(&self, name: &str, request: &Request) -> Key {
        Key::of_pair(name, &Network::of(request.source_ip()))
    }

    /// Books an attempt to give the password of an account: of its network, and of account and network together. `counter`
    /// is what was read under `key` just before.
    ///
    /// # Errors
    /// [`Error::TooManyAttempts`] when it comes too early after others at this account, or as for [`Attempts::book`].
    pub async fn book_password(
        &self,
        kind: Kind,
        request: &Request,
        key: Key,
        counter: Option<Counter>,
    ) -> Result<Booking<'_>, Error> {
        // One that comes too early is refused before it costs a write, and does not count.
        pair::step(counter.as_ref(), self.clock.now())?;
        let booking = self.book(kind, request).await?;
        match self.table.book(key, counter, self.clock.now()).await {
            Ok(pair) => Ok(Booking { pair: Some(pair), ..booking }),
            Err(refused) => {
                booking.give_back().await?;
                Err(refused)
            }
        }
    }
}

impl Booking<'_> {
    /// Gives it back: the attempt has succeeded.
    ///
    /// # Errors
    /// As any call. The attempt goes on counting as a failure then, and has succeeded all the same.
    pub async fn give_back(self) -> Result<(), Error> {
        let pair = async {
            match &self.pair {
                Some(pair) => self.table.unbook(pair).await,
                None => Ok(()),
            }
        };
        let (network, pair) = tokio::join!(self.table.uncount(&self.counted), pair);
        network.and(pair)
    }
}
