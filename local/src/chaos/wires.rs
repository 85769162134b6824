//! Both wires of a shop with the proxies in them.

use std::net::Ipv4Addr;

use http::Uri;
use tokio::net::TcpListener;

use super::{Chaos, Wire, proxy};
use crate::Error;
use crate::database::Access;
use crate::server::Running;

/// What the functions are told in place of the truth.
pub struct Wires {
    /// Where Lambda's Invoke API seems to be.
    pub lambda_url: String,
    /// Where the database seems to be.
    pub access: Access,
    running: [Running; 2],
}

impl Wires {
    /// Lays the wires to Lambda's Invoke API at `lambda` and to the database.
    ///
    /// # Errors
    /// A port cannot be served, or the database is not on this machine: it would refuse what was signed for a proxy.
    pub async fn lay(chaos: &Chaos, lambda: &str, database: &Access) -> Result<Wires, Error> {
        if !database.is_loopback() || !database.url.starts_with("http://") {
            return Err(Error::new(format!(
                "faults can be put only before a database on this machine, not before {}: leave out --chaos.",
                database.url
            )));
        }
        let (lambda_url, lambda) = lay(chaos, Wire::Lambda, lambda).await?;
        let (url, to_database) = lay(chaos, Wire::Database, &database.url).await?;
        Ok(Wires { lambda_url, access: Access { url, ..database.clone() }, running: [lambda, to_database] })
    }

    /// Closes both.
    pub async fn stop(self) {
        for wire in self.running {
            wire.stop().await;
        }
    }
}

async fn lay(chaos: &Chaos, wire: Wire, url: &str) -> Result<(String, Running), Error> {
    let receiver = url.parse::<Uri>().ok().and_then(|uri| uri.authority().cloned());
    let receiver =
        receiver.ok_or_else(|| Error::new(format!("{url} is no URL: write it as http://localhost:8000.")))?;
    let broken = |error: std::io::Error| Error::new(format!("a loopback port cannot be served: {error}."));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(broken)?;
    let running = proxy::serve(listener, receiver, wire, chaos.clone()).map_err(broken)?;
    Ok((format!("http://{}", running.address()), running))
}
