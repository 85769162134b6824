//! The edge's own answers.

use super::*;

impl Rig {
    /// Checks that this is the edge's own answer, of which the log has a line.
    fn is_the_edges_own(&self, headers: &HeaderMap, status: u16) {
        assert_eq!(headers["x-cache"], XCache::Error.value());
        assert_eq!(headers["via"], "1.1 local.cloudfront.net (CloudFront)");
        let line = self.lines.lock().unwrap().pop().unwrap();
        assert_eq!((line.status, line.is_own, line.cached), (status, true, false));
        assert!(headers["x-amz-cf-id"].to_str().unwrap().starts_with(line.request_id.as_str()));
        assert_eq!(line.failure.is_some(), matches!(status, 502 | 504), "{line:?}");
    }
}

#[tokio::test]
async fn an_api_that_is_gone_is_a_502() {
    let mut rig = Rig::new(|_, _| answer(200, &[("cache-control", "max-age=10")], "kept")).await;
    rig.get("/things?kept").await;
    rig.origin.take().unwrap().stop().await;
    for path in ["/things?other", "/others"] {
        let (status, headers, _) = rig.send(Request::get("/"), path).await;
        assert_eq!((status, &headers["content-type"]), (502, &HeaderValue::from_static("text/html")), "{path}");
        rig.is_the_edges_own(&headers, 502);
    }
    assert_eq!(rig.get("/things?kept").await, told(200, "Hit", "kept"));
}

#[tokio::test]
async fn an_api_that_gives_no_answer_in_time_is_a_504() {
    // Nobody takes its connections.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = silent.local_addr().unwrap().to_string().parse().unwrap();
    let change = |edge: &mut Edge| (edge.origin, edge.patience) = (origin, Duration::ZERO);
    let rig = Rig::with(|_, _| answer(200, &[], "never"), change).await;
    for (path, method) in
        [("/things", Method::GET), ("/things", Method::HEAD), ("/others", Method::GET), ("/things", Method::POST)]
    {
        let (status, headers, _) = rig.send(Request::builder().method(method.clone()), path).await;
        assert_eq!(
            (status, &headers["content-type"]),
            (504, &HeaderValue::from_static("text/html")),
            "{method} {path}"
        );
        rig.is_the_edges_own(&headers, 504);
    }
}

#[tokio::test]
async fn what_the_edge_refuses_says_so_and_is_logged() {
    let rig = Rig::new(|_, _| answer(200, &[], "never")).await;
    let large = Bytes::from(vec![b' '; 10 * 1024 * 1024 + 1]);
    for (method, body, refused) in [(Method::GET, Bytes::from_static(b"{}"), 403), (Method::POST, large, 413)] {
        let request = Request::builder().method(method).uri(format!("http://{}/things", rig.edge));
        let answer = rig.client.request(request.body(Full::new(body)).unwrap()).await.unwrap();
        assert_eq!(answer.status(), refused);
        rig.is_the_edges_own(answer.headers(), refused);
    }
    assert_eq!(rig.asked(), 0);
}
