//! The edge in front of an API that does what a test wants.

use std::sync::atomic::{AtomicUsize, Ordering};

use http::HeaderMap;
use http_body_util::BodyExt;

use super::*;
use crate::template;

mod pages;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// What the API answers: status, headers, body.
type Script = fn(&Request<Incoming>, usize) -> Answer;

struct Rig {
    edge: SocketAddr,
    clock: Clock,
    asked: Arc<AtomicUsize>,
    origin: Option<Running>,
    lines: Arc<Mutex<Vec<AccessLine>>>,
    inner: Arc<Edge>,
    _edge: Running,
    client: Client<HttpConnector, Full<Bytes>>,
}

fn answer(status: u16, headers: &[(&'static str, &'static str)], body: &'static str) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from_static(body.as_bytes())));
    *answer.status_mut() = StatusCode::from_u16(status).unwrap();
    for (name, value) in headers {
        answer.headers_mut().append(*name, HeaderValue::from_static(value));
    }
    answer
}

impl Rig {
    async fn new(script: Script) -> Rig {
        Rig::with(script, |_| {}).await
    }

    async fn with(script: Script, change: impl FnOnce(&mut Edge)) -> Rig {
        let listen = || TcpListener::bind("127.0.0.1:0");
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let origin = server::serve(listen().await.unwrap(), move |request: Request<Incoming>, _| {
            let answer = script(&request, count.fetch_add(1, Ordering::SeqCst) + 1);
            async move { answer }
        });
        let origin = origin.unwrap();
        let behaviours = vec![
            Behaviour { path: "/things*".to_owned(), cached_by: Some(vec!["origin".to_owned()]) },
            Behaviour { path: "*".to_owned(), cached_by: None },
        ];
        let (clock, lines) = (Clock::adjustable(), Arc::new(Mutex::new(Vec::new())));
        let sink = Arc::clone(&lines);
        let log = AccessLog::to_sink(move |line| sink.lock().unwrap().push(line));
        let edge = Edge::new(template::Edge { behaviours }, origin.address(), SECRET, clock.clone(), Some(log));
        let mut edge = edge.unwrap();
        change(&mut edge);
        let inner = Arc::new(edge);
        let running = Arc::clone(&inner).serve(listen().await.unwrap(), Limits::default()).unwrap();
        let client = Client::builder(TokioExecutor::new()).build_http();
        Rig { edge: running.address(), clock, asked, origin: Some(origin), lines, inner, _edge: running, client }
    }

    async fn send(&self, request: http::request::Builder, path: &str) -> (u16, HeaderMap, Bytes) {
        let request = request.uri(format!("http://{}{path}", self.edge)).body(Full::default()).unwrap();
        let (head, body) = self.client.request(request).await.unwrap().into_parts();
        (head.status.as_u16(), head.headers, body.collect().await.unwrap().to_bytes())
    }

    /// Status, `X-Cache` without its end, and body.
    async fn get(&self, path: &str) -> (u16, String, String) {
        let (status, headers, body) = self.send(Request::get("/"), path).await;
        let how = headers["x-cache"].to_str().unwrap().trim_end_matches(" from cloudfront").to_owned();
        (status, how, String::from_utf8(body.to_vec()).unwrap())
    }

    /// Waits until the edge asks the API for nothing any more.
    async fn renewed(&self) {
        while !self.inner.fetches.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

fn told(status: u16, how: &str, body: &str) -> (u16, String, String) {
    (status, how.to_owned(), body.to_owned())
}

#[tokio::test]
async fn the_api_sees_what_it_would_see_behind_cloudfront() {
    let rig = Rig::new(|request, _| {
        let headers = request.headers();
        let text = |name: &str| {
            let all: Vec<_> = headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect();
            all.join("|")
        };
        assert_eq!(text(shared::edge::SECRET_HEADER), SECRET);
        assert_eq!(text(shared::edge::ADDRESS_HEADER), "127.0.0.1");
        assert_eq!(text("x-forwarded-for"), "203.0.113.7,127.0.0.1");
        assert_eq!(text("via"), "1.0 proxy, 1.1 local.cloudfront.net (CloudFront)");
        assert_eq!(text("x-amz-cf-id").len(), 56);
        assert_eq!(text("user-agent"), "test");
        assert_eq!(text("authorization"), "Bearer x");
        for name in ["connection", "x-one", "x-real-ip", "x-edge-thing", "x-forwarded-proto", "te"] {
            assert_eq!(text(name), "", "{name}");
        }
        assert!(text("host").starts_with("127.0.0.1:"));
        answer(200, &[("connection", "x-two"), ("x-two", "2"), ("x-three", "3")], "seen")
    })
    .await;
    let request = Request::get("/")
        .header("x-origin-secret", "guess")
        .header("x-viewer-address", "203.0.113.7")
        .header("x-forwarded-for", "203.0.113.7")
        .header("via", "1.0 proxy")
        .header("x-amz-cf-id", "mine")
        .header("user-agent", "test")
        .header("authorization", "Bearer x")
        .header("connection", "x-one")
        .header("x-one", "1")
        .header("x-real-ip", "203.0.113.7")
        .header("x-edge-thing", "1")
        .header("x-forwarded-proto", "http")
        .header("te", "trailers");
    let (status, headers, body) = rig.send(request, "/any").await;
    assert_eq!((status, &body[..]), (200, &b"seen"[..]));
    assert!(!headers.contains_key("x-two") && headers["x-three"] == "3", "{headers:?}");
}

#[tokio::test]
async fn only_what_may_be_kept_is_kept() {
    let rig = Rig::new(|request, n| {
        let control = request.uri().query().unwrap_or_default();
        let control = match control {
            "fresh" => "public, max-age=60",
            "shared" => "max-age=0, s-maxage=60",
            "private" => "private, max-age=60",
            "no-store" => "no-store",
            _ => "max-age=0",
        };
        answer(200, &[("cache-control", control)], if n == 1 { "first" } else { "later" })
    })
    .await;
    for query in ["fresh", "shared"] {
        let before = rig.asked();
        rig.get(&format!("/things?{query}")).await;
        assert_eq!(rig.get(&format!("/things?{query}")).await.1, "Hit", "{query}");
        assert_eq!(rig.asked(), before + 1, "{query}");
    }
    for path in ["/things?private", "/things?no-store", "/things?nothing", "/others?fresh"] {
        for _ in 0..2 {
            assert_eq!(rig.get(path).await.1, "Miss", "{path}");
        }
    }
}

#[tokio::test]
async fn a_304_renews_what_is_kept_and_a_200_takes_its_place() {
    let rig = Rig::new(|request, n| {
        let asked = request.headers().get("if-none-match").map(|tag| tag.to_str().unwrap());
        match (n, asked) {
            (1, None) => answer(200, &[("etag", "\"1\""), ("cache-control", "max-age=10"), ("x-n", "1")], "one"),
            (2, Some("\"1\"")) => answer(304, &[("etag", "\"1\""), ("cache-control", "max-age=20"), ("x-n", "2")], ""),
            (3, Some("\"1\"")) => answer(200, &[("etag", "\"2\""), ("cache-control", "max-age=10")], "two"),
            other => panic!("{other:?}"),
        }
    })
    .await;
    assert_eq!(rig.get("/things").await, told(200, "Miss", "one"));
    rig.advance(11);
    // The viewer's own condition is no business of the API's.
    let (status, headers, _) = rig.send(Request::get("/").header("if-none-match", "\"0\""), "/things").await;
    assert_eq!(
        (status, &headers["x-cache"], &headers["x-n"]),
        (200, &XCache::RefreshHit.value(), &HeaderValue::from_static("2"))
    );
    rig.advance(19);
    assert_eq!(rig.get("/things").await, told(200, "Hit", "one"));
    rig.advance(2);
    assert_eq!(rig.get("/things").await, told(200, "Miss", "two"));
    assert_eq!(rig.asked(), 3);
}

#[tokio::test]
async fn what_is_kept_is_better_than_an_error_for_as_long_as_it_says() {
    let rig = Rig::new(|request, n| {
        let control = match request.uri().query() {
            Some("limited") => "max-age=10, stale-if-error=20",
            Some("never") => "max-age=10, stale-if-error=0",
            Some("no-cache") => "no-cache",
            _ => "max-age=10",
        };
        match n {
            1..=4 => answer(200, &[("etag", "\"1\""), ("cache-control", control)], "kept"),
            _ => answer(503, &[], "broken"),
        }
    })
    .await;
    for query in ["limited", "never", "no-cache", "unlimited"] {
        assert_eq!(rig.get(&format!("/things?{query}")).await, told(200, "Miss", "kept"));
    }
    rig.advance(25);
    assert_eq!(rig.get("/things?limited").await, told(200, "Hit", "kept"));
    assert_eq!(rig.get("/things?never").await, told(503, "Error", "broken"));
    assert_eq!(rig.get("/things?no-cache").await, told(503, "Error", "broken"));
    assert_eq!(rig.get("/things?unlimited").await, told(200, "Hit", "kept"));
    rig.advance(10);
    assert_eq!(rig.get("/things?limited").await, told(503, "Error", "broken"));
    assert_eq!(rig.get("/things?unlimited").await, told(200, "Hit", "kept"));
}

/// An answer that is fresh for ten seconds and may be shown for another minute while it is asked for again.
const RENEWED_BEHIND: [(&str, &str); 2] =
    [("etag", "\"1\""), ("cache-control", "max-age=10, stale-while-revalidate=60")];

#[tokio::test]
async fn a_head_has_the_whole_answer_renewed() {
    let rig = Rig::new(|request, n| {
        assert_eq!(request.method(), Method::GET);
        answer(200, &RENEWED_BEHIND, if n == 1 { "one" } else { "two" })
    })
    .await;
    assert_eq!(rig.get("/things").await, told(200, "Miss", "one"));
    rig.advance(11);
    let (status, headers, _) = rig.send(Request::head("/"), "/things").await;
    assert_eq!((status, &headers["x-cache"]), (200, &XCache::Hit.value()));
    rig.renewed().await;
    assert_eq!(rig.get("/things").await, told(200, "Hit", "two"));
    assert_eq!(rig.asked(), 2);
}

#[tokio::test]
async fn only_an_answer_about_what_is_kept_takes_it_away() {
    let rig = Rig::new(|request, _| {
        let is_renewal = request.headers().contains_key("if-none-match");
        let status = if is_renewal { request.uri().query().unwrap().parse().unwrap() } else { 200 };
        answer(status, &RENEWED_BEHIND, "an answer")
    })
    .await;
    for (status, is_kept) in [(400, true), (429, true), (431, true), (503, true), (404, false), (410, false)] {
        let path = format!("/things?{status}");
        assert_eq!(rig.get(&path).await.1, "Miss", "{status}");
        rig.advance(11);
        assert_eq!(rig.get(&path).await.1, "Hit", "{status}");
        rig.renewed().await;
        assert_eq!(rig.get(&path).await.1, if is_kept { "Hit" } else { "Miss" }, "{status}");
        rig.renewed().await;
    }
}

#[tokio::test]
async fn whoever_wants_the_same_at_once_is_asked_for_once() {
    let rig = Rig::new(|_, _| answer(200, &[("cache-control", "max-age=10")], "one for all")).await;
    let got = futures_util::future::join_all((0..50).map(|_| rig.get("/things"))).await;
    assert!(got.iter().all(|(status, _, body)| (*status, body.as_str()) == (200, "one for all")), "{got:?}");
    assert_eq!(rig.asked(), 1);
}

#[test]
fn a_path_pattern_matches_as_cloudfront_says() {
    for (pattern, path) in [
        ("*", "/"),
        ("/products*", "/products"),
        ("/products*", "/products/prd_a"),
        ("/a/*/c", "/a/b/b/c"),
        ("/a?c", "/abc"),
        ("/*.json", "/x.json.json"),
    ] {
        assert!(path_pattern(pattern).matches(path), "{pattern} {path}");
    }
    for (pattern, path) in
        [("/products*", "/product"), ("/products", "/products/"), ("/a?c", "/ac"), ("/*.json", "/x.js"), ("/A", "/a")]
    {
        assert!(!path_pattern(pattern).matches(path), "{pattern} {path}");
    }
}
