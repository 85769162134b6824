//! The HTTP/1.1 server under the gateway and the Invoke API: connections, how long and how many, and a stop that finishes
//! what is in flight.

use std::fmt;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;
use tokio_io_timeout::TimeoutWriter;

/// The most bytes of a request's head that a connection keeps. It is more than the gateway takes, so that the gateway
/// itself refuses most of what is too large; beyond this the server does, with a 431 and no body.
const MAX_HEAD: usize = 32 * 1024;
/// The most bytes that a connection keeps of what it reads, if no head is longer; hyper's own measure.
const BUFFER: usize = 400 * 1024;
/// How long a stop waits for requests in flight: longer than body (30 s), authorizer (10 s) and function (30 s) may take.
const STOP_TIMEOUT: Duration = Duration::from_secs(75);
/// How long to wait when the system has no connection to give (too many open files).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Files that stay for the process itself: its calls of the database and of functions, the data, the terminal.
const OWN_FILES: u64 = 1024;

/// What a server grants its clients.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How long a request's head may take to arrive, and how long a connection may be idle.
    pub head: Duration,
    /// How long a client may read nothing of its answer.
    pub write: Duration,
    /// The most bytes of a request's head.
    pub head_size: usize,
    /// How many connections there may be. More wait until one ends, so that the process keeps descriptors for its own.
    pub connections: usize,
}

impl Default for Limits {
    /// A minute for a head, half of one for an answer, and as many connections as can be idle in 450 MB.
    fn default() -> Self {
        Self { head: Duration::from_secs(60), write: Duration::from_secs(30), head_size: MAX_HEAD, connections: 16_384 }
    }
}

impl Limits {
    /// The same, with no more connections than this process can open. Raises its limit of open files first, which is
    /// 1,024 on most systems, as far as the system lets it.
    pub fn of_this_process() -> Self {
        let limits = Self::default();
        let wanted = u64::try_from(limits.connections).unwrap_or(u64::MAX).saturating_add(OWN_FILES);
        // A system that does not say has no limit.
        let files = rlimit::increase_nofile_limit(wanted).unwrap_or(wanted);
        let left = usize::try_from(files.saturating_sub(OWN_FILES).max(files / 2)).unwrap_or(usize::MAX);
        Self { connections: limits.connections.min(left), ..limits }
    }

    /// The same for one of so many that share the connections.
    pub fn shared_by(self, count: usize) -> Self {
        Self { connections: (self.connections / count.max(1)).max(1), ..self }
    }
}

/// A server that is running. Dropping it stops it without waiting for anything.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Running {
    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts no more connections, finishes the requests in flight and closes.
    pub async fn stop(self) {
        let _ = self.stop.send(());
        // It only fails if the task panicked, and then it has stopped too.
        let _ = self.task.await;
    }
}

/// An answer, whole.
pub type Answer = Response<Full<Bytes>>;

/// One of JSON.
pub fn json(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    answer
}

/// Whether a web page asks, in a browser on this machine, of which it would need no answer to do harm: with its own origin
/// or as a part of it, or from one whose name was made to mean this machine. A name without a dot no stranger can have, nor
/// one of Docker's, by which functions in containers know this machine. <https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header>
pub fn is_of_a_page(headers: &HeaderMap) -> bool {
    let is_of_this_machine = |host: &HeaderValue| {
        let host = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok());
        let host = host.as_ref().map(Authority::host).unwrap_or_default().to_ascii_lowercase();
        let is_name = !host.is_empty();
        let is_address = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
        is_address || is_name && !host.contains('.') || host.ends_with(".localhost") || host.ends_with(".internal")
    };
    // Programs that are no browser send others of these, as `fetch` of Node.js does.
    let is_of_a_browser = headers.contains_key("sec-fetch-site");
    is_of_a_browser || headers.contains_key(ORIGIN) || !headers.get_all(HOST).iter().all(is_of_this_machine)
}

/// Serves `handler` on a listener. A handler that gives `None` closes the connection without an answer.
pub fn serve<H, F>(listener: TcpListener, handler: H) -> std::io::Result<Running>
where
    H: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + Sync + 'static,
    F: Future<Output: Into<Option<Answer>>> + Send + 'static,
{
    serve_within(Limits::default(), listener, handler)
}

/// The same within limits of the caller's.
pub fn serve_within<H, F>(limits: Limits, listener: TcpListener, handler: H) -> std::io::Result<Running>
where
    H: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + Sync + 'static,
    F: Future<Output: Into<Option<Answer>>> + Send + 'static,
{
    let address = listener.local_addr()?;
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(accept(limits, listener, handler, stopped));
    Ok(Running { address, stop, task })
}

/// What makes hyper close a connection.
#[derive(Debug)]
struct NoAnswer;

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no answer")
    }
}

impl std::error::Error for NoAnswer {}

async fn accept<H, F>(limits: Limits, listener: TcpListener, handler: H, mut stopped: oneshot::Receiver<()>)
where
    H: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + Sync + 'static,
    F: Future<Output: Into<Option<Answer>>> + Send + 'static,
{
    let connections = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(limits.connections));
    let mut http = http1::Builder::new();
    // A client may close its side once it has asked: it gets its answer. And while a handler runs nobody looks whether the
    // client is still there, so one that leaves does not end it half way, as in AWS.
    http.timer(TokioTimer::new()).header_read_timeout(limits.head).half_close(true);
    http.max_header_size(limits.head_size).max_buf_size(limits.head_size.max(BUFFER));
    loop {
        let accepted = async {
            // The semaphore is never closed.
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, stream, peer) = tokio::select! {
            accepted = accepted => match accepted {
                (place, Ok((stream, peer))) => (place, stream, peer),
                (_, Err(_)) => {
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
            _ = &mut stopped => break,
        };
        let handler = handler.clone();
        let service = service_fn(move |request| {
            let answer = handler(request, peer);
            async move { answer.await.into().ok_or(NoAnswer) }
        });
        let connection = connections.watch(http.serve_connection(within(limits.write, stream), service));
        tokio::spawn(async move {
            // A client that breaks off is no error of this server.
            let _ = connection.await;
            drop(place);
        });
    }
    drop(listener);
    let _ = tokio::time::timeout(STOP_TIMEOUT, connections.shutdown()).await;
}

/// The stream with a limit to how long a write may wait.
fn within(limit: Duration, stream: TcpStream) -> TokioIo<Pin<Box<TimeoutWriter<TcpStream>>>> {
    // Answers are small; waiting to fill a packet would only delay them.
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutWriter::new(stream);
    stream.set_timeout(Some(limit));
    TokioIo::new(Box::pin(stream))
}
