//! The running shop: template, keys, database, tables, samples, functions, Lambda's Invoke API and the gateway.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use shared::clock::Clock;
use tokio::net::TcpListener;

use crate::Error;
use crate::base::Base;
use crate::bootstraps::Bootstraps;
use crate::chaos::{Chaos, Wires};
use crate::edge::Edge;
use crate::functions::Functions;
use crate::gateway::{Gateway, Settings};
use crate::mounted::{self, Surroundings};
use crate::record::Recorder;
use crate::remote::Remote;
use crate::schedules::Schedules;
use crate::server::{Limits, Running};
use crate::{invoke, tables};

mod options;

pub use options::{OpenAccessLog, Options};

/// A shop that answers.
pub struct Shop {
    gateway: Running,
    edge: Option<Running>,
    lambda: Running,
    wires: Option<Wires>,
    schedules: Option<Schedules>,
    chaos: Option<Chaos>,
    recorder: Option<Recorder>,
    functions: Arc<Functions>,
    clock: Clock,
    base: Base,
    elsewhere: Option<Arc<Remote>>,
    bootstraps: Option<Bootstraps>,
    seeded: bool,
    throttles: bool,
}

impl Shop {
    /// Starts the shop.
    ///
    /// # Errors
    /// Whatever keeps it from starting, in one sentence.
    pub async fn start(mut options: Options) -> Result<Shop, Error> {
        let listener = listen(options.port).await?;
        let recorder = options.record.take().map(|record| Recorder::start(record, &options.clock)).transpose()?;
        let base = Base::lay(&options).await?;
        if options.functions.is_none() && options.bootstraps.is_none() {
            mounted::check(&base.template)?;
        }
        tables::create(base.database.client(), &base.template.tables).await?;
        let seeded = options.seed && base.is_shop();
        if seeded {
            base.seed(options.clock.now()).await?;
        }

        let lambda = listen_at(options.lambda_port, "--lambda-port").await?;
        let url = format!("http://{}", lambda.local_addr().map_err(broken)?);
        let wires = match &options.chaos {
            Some(chaos) => Some(Wires::lay(chaos, &url, base.database.access()).await?),
            None => None,
        };
        let mut environment = base.environment(&url);
        if let Some(wires) = &wires {
            (environment.lambda, environment.database) = (&wires.lambda_url, &wires.access);
        }
        let (mut bootstraps, mut warm_up) = (None, None);
        let functions = match (&options.functions, &options.bootstraps) {
            (Some(remote), _) => remote.functions(&base.template, &options.clock),
            (None, Some(built)) => {
                let (processes, functions) = Bootstraps::new(built, &environment, &options.clock)?;
                bootstraps = Some(processes);
                functions
            }
            (None, None) => {
                let given = Surroundings { environment, clock: &options.clock, log: &options.log };
                let mounted = mounted::mounted(&given)?;
                warm_up = Some(mounted.warm_up);
                Functions::new(&base.template, mounted.handlers, &options.clock)?
            }
        };
        let functions = match &recorder {
            Some(recorder) => functions.recorded(&base.template, recorder),
            None => functions,
        };
        let log = options.access.map(|open| open(&base.template.api));
        // A request through the edge takes a connection to the viewer, and both ends of one between edge and gateway.
        let limits = Limits::of_this_process().shared_by(if base.template.edge.is_some() { 3 } else { 1 });
        let settings = Settings {
            clock: options.clock.clone(),
            throttle: options.throttle,
            source_ip: None,
            access_log: log.clone(),
            jwks: options.jwks,
            connections: limits,
            ..Settings::default()
        };
        let gateway = Gateway::new(&base.template, &functions, settings);
        let functions = Arc::new(functions);
        let lambda = invoke::serve(Arc::clone(&functions), lambda).map_err(broken)?;
        if let Some(warm_up) = warm_up {
            warm_up.await;
        }
        let (gateway, edge) = match &base.template.edge {
            None => (gateway.serve(listener).map_err(broken)?, None),
            Some(edge) => {
                let gateway = gateway.serve(listen(0).await?).map_err(broken)?;
                let (origin, secret) = (gateway.address(), base.edge_secret());
                let edge = Edge::new(edge.clone(), origin, &secret, options.clock.clone(), log)?;
                (gateway, Some(Arc::new(edge).serve(listener, limits).map_err(broken)?))
            }
        };
        Ok(Shop {
            gateway,
            edge,
            lambda,
            wires,
            chaos: options.chaos,
            recorder,
            schedules: options.schedules.then(|| Schedules::run(&base.template, &functions, &options.clock)),
            functions,
            clock: options.clock,
            base,
            elsewhere: options.functions,
            bootstraps,
            seeded,
            throttles: options.throttle,
        })
    }

    /// Where the shop answers: its edge, or, where there is none, the gateway.
    pub fn address(&self) -> SocketAddr {
        self.edge.as_ref().unwrap_or(&self.gateway).address()
    }

    /// Where the gateway answers behind the edge, if there is one.
    pub fn origin(&self) -> Option<SocketAddr> {
        self.edge.as_ref().map(|_| self.gateway.address())
    }

    /// Where Lambda's Invoke API answers.
    pub fn lambda_address(&self) -> SocketAddr {
        self.lambda.address()
    }

    /// The shop's clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Template, keys and database.
    pub fn base(&self) -> &Base {
        &self.base
    }

    /// Where the functions run, if not in this process.
    pub fn elsewhere(&self) -> Option<&Arc<Remote>> {
        self.elsewhere.as_ref()
    }

    /// The functions' processes, if they run as such.
    pub fn bootstraps(&self) -> Option<&Bootstraps> {
        self.bootstraps.as_ref()
    }

    /// Whether the samples were put.
    pub fn is_seeded(&self) -> bool {
        self.seeded
    }

    /// Whether the template's throttles hold.
    pub fn throttles(&self) -> bool {
        self.throttles
    }

    /// The faults, if there are to be any.
    pub fn chaos(&self) -> Option<&Chaos> {
        self.chaos.as_ref()
    }

    /// What records the invocations, if they are recorded.
    pub fn recorder(&self) -> Option<&Recorder> {
        self.recorder.as_ref()
    }

    /// The functions.
    pub fn functions(&self) -> &Functions {
        &self.functions
    }

    /// Finishes the requests in flight, then ends the functions' processes and closes the database.
    pub async fn stop(self) {
        if let Some(edge) = self.edge {
            edge.stop().await;
        }
        self.gateway.stop().await;
        if let Some(schedules) = self.schedules {
            schedules.stop().await;
        }
        // Before the processes: who invoked a function directly waits for its answer.
        self.lambda.stop().await;
        if let Some(bootstraps) = self.bootstraps {
            bootstraps.stop().await;
        }
        if let Some(wires) = self.wires {
            wires.stop().await;
        }
        if let Some(recorder) = self.recorder {
            recorder.flush().await;
        }
        self.base.database.close().await;
    }
}

fn broken(error: std::io::Error) -> Error {
    Error::new(format!("a loopback port cannot be served: {error}."))
}

async fn listen(port: u16) -> Result<TcpListener, Error> {
    listen_at(port, "--port").await
}

/// Listens on a port that this flag chose.
async fn listen_at(port: u16, flag: &str) -> Result<TcpListener, Error> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            Error::new(format!("port {port} is taken: end what uses it, or choose another one with {flag}."))
        }
        _ => Error::new(format!("port {port} cannot be used ({error}): choose another one with {flag}.")),
    })
}

#[cfg(test)]
pub(crate) mod tests;
