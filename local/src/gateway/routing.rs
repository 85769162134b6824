//! Which route answers a request: a full match before a greedy one before `$default`, literal segments before
//! parameters, an explicit method before `ANY`.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html>

use std::borrow::Cow;
use std::cmp::Reverse;

use percent_encoding::percent_decode_str;

use super::unverified::{
    ENCODED_QUESTION_MARK_ENDS_PATH, ENCODED_SLASH_PARTS_SEGMENTS, GREEDY_TAKES_NOTHING, LEADING_SLASHES_COLLAPSE,
    PATH_IS_DECODED_TWICE,
};
use crate::template::Segment;

/// The one segment of `/`.
const ROOT: &[Cow<'static, str>] = &[Cow::Borrowed("")];

/// A request's path, decoded segment by segment.
#[derive(Debug)]
pub struct RequestPath<'a> {
    segments: Vec<Cow<'a, str>>,
}

impl<'a> RequestPath<'a> {
    /// Decodes a path; `None` if it does not begin with a slash or is not UTF-8.
    pub fn parse(path: &'a str) -> Option<Self> {
        let path = path.strip_prefix('/')?;
        let path = if ENCODED_QUESTION_MARK_ENDS_PATH { before_question_mark(path) } else { path };
        let mut segments = path.split('/').map(decode).collect::<Option<Vec<_>>>()?;
        if PATH_IS_DECODED_TWICE {
            segments = segments.iter().map(|once| decode(once).map(owned)).collect::<Option<_>>()?;
        }
        if ENCODED_SLASH_PARTS_SEGMENTS {
            segments = segments.join("/").split('/').map(|segment| owned(segment.into())).collect();
        }
        Some(Self { segments })
    }

    /// The decoded path.
    pub fn decoded(&self) -> String {
        let mut path = String::with_capacity(64);
        for segment in &self.segments {
            path.push('/');
            path.push_str(segment);
        }
        path
    }

    /// The segments by which a route is chosen: without the stage's prefix, where the stage has a name (`/prod` alone
    /// is the root), and without the empty ones that doubled leading slashes make. `None` if the path is not in the
    /// stage.
    pub fn in_stage(&self, stage: &str) -> Option<&[Cow<'a, str>]> {
        let mut segments = self.segments.as_slice();
        while let [first, rest @ ..] = segments
            && LEADING_SLASHES_COLLAPSE
            && first.is_empty()
            && !rest.is_empty()
        {
            segments = rest;
        }
        if stage == "$default" {
            return Some(segments);
        }
        match segments {
            [first] if first == stage => Some(ROOT),
            [first, rest @ ..] if first == stage => Some(rest),
            _ => None,
        }
    }
}

fn before_question_mark(path: &str) -> &str {
    let end = path.find("%3F").into_iter().chain(path.find("%3f")).min();
    end.and_then(|end| path.get(..end)).unwrap_or(path)
}

fn owned(text: Cow<'_, str>) -> Cow<'static, str> {
    Cow::Owned(text.into_owned())
}

fn decode(segment: &str) -> Option<Cow<'_, str>> {
    if segment.contains('%') { percent_decode_str(segment).decode_utf8().ok() } else { Some(Cow::Borrowed(segment)) }
}

/// What a route answers.
#[derive(Debug, Clone)]
pub struct Pattern {
    /// `None` is `ANY`.
    method: Option<String>,
    /// `None` is `$default`.
    segments: Option<Vec<Segment>>,
}

impl Pattern {
    /// The pattern of a template's route.
    pub fn new(route: &crate::template::Route) -> Self {
        let default = route.path.is_empty();
        let method = (!default && route.method != "ANY").then(|| route.method.clone());
        Self { method, segments: (!default).then(|| route.segments.clone()) }
    }

    /// Sorts patterns so that the first that matches is the one that answers.
    pub fn precedence(&self) -> impl Ord + use<> {
        let segments = self.segments.as_deref().unwrap_or_default();
        let class = match (&self.segments, segments.last()) {
            (None, _) => 2,
            (Some(_), Some(Segment::Greedy(_))) => 1,
            (Some(_), _) => 0,
        };
        let literal = |segment: &Segment| matches!(segment, Segment::Literal(_));
        let literals = segments.iter().filter(|segment| literal(segment)).count();
        // Of two with as many literals, the one whose literals come first.
        let order: Vec<Reverse<bool>> = segments.iter().map(|segment| Reverse(literal(segment))).collect();
        (class, Reverse(literals), Reverse(segments.len()), order, self.method.is_none())
    }

    /// Whether a request with this method and these segments is answered here.
    pub fn matches(&self, method: &str, path: &[Cow<'_, str>]) -> bool {
        if self.method.as_deref().is_some_and(|own| own != method) {
            return false;
        }
        let Some(segments) = &self.segments else { return true };
        let alike = |(segment, part): (&Segment, &Cow<'_, str>)| match segment {
            Segment::Literal(text) => text == part,
            Segment::Parameter(_) => !part.is_empty(),
            Segment::Greedy(_) => true,
        };
        let long_enough = match segments.last() {
            Some(Segment::Greedy(_)) => match path.get(segments.len() - 1..) {
                None | Some([]) => false,
                Some([only]) if only.is_empty() => GREEDY_TAKES_NOTHING,
                Some(_) => true,
            },
            _ => path.len() == segments.len(),
        };
        long_enough && segments.iter().zip(path).all(alike)
    }

    /// The path parameters of a request that matches.
    pub fn parameters<'p>(&'p self, path: &'p [Cow<'_, str>]) -> Vec<(&'p str, Cow<'p, str>)> {
        let segments = self.segments.as_deref().unwrap_or_default();
        let mut parameters = Vec::new();
        for (at, segment) in segments.iter().enumerate() {
            match (segment, path.get(at..)) {
                (Segment::Parameter(name), Some([value, ..])) => {
                    parameters.push((name.as_str(), Cow::Borrowed(&**value)))
                }
                (Segment::Greedy(name), Some(rest)) => parameters.push((name.as_str(), Cow::Owned(rest.join("/")))),
                _ => {}
            }
        }
        parameters
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(key: &str) -> Pattern {
        let Some((method, path)) = key.split_once(' ') else { return Pattern { method: None, segments: None } };
        let segment = |part: &str| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some(name) => match name.strip_suffix('+') {
                Some(name) => Segment::Greedy(name.to_owned()),
                None => Segment::Parameter(name.to_owned()),
            },
            None => Segment::Literal(part.to_owned()),
        };
        let method = (method != "ANY").then(|| method.to_owned());
        Pattern { method, segments: Some(path[1..].split('/').map(segment).collect()) }
    }

    fn answers<'k>(keys: &[&'k str], method: &str, path: &str) -> Option<&'k str> {
        let mut routes: Vec<(Pattern, &str)> = keys.iter().map(|key| (pattern(key), *key)).collect();
        routes.sort_by_key(|(pattern, _)| pattern.precedence());
        let path = RequestPath::parse(path)?;
        let segments = path.in_stage("$default")?;
        routes.iter().find(|(pattern, _)| pattern.matches(method, segments)).map(|(_, key)| *key)
    }

    #[test]
    fn the_documented_example_routes_as_documented() {
        let keys = ["$default", "ANY /{proxy+}", "GET /pets/{proxy+}", "GET /pets/dog/{id}", "GET /pets/dog/1"];
        for (method, path, expected) in [
            ("GET", "/pets/dog/1", "GET /pets/dog/1"),
            ("GET", "/pets/dog/2", "GET /pets/dog/{id}"),
            ("GET", "/pets/cat/1", "GET /pets/{proxy+}"),
            ("POST", "/test/5", "ANY /{proxy+}"),
            ("GET", "/", "ANY /{proxy+}"),
        ] {
            assert_eq!(answers(&keys, method, path), Some(expected), "{method} {path}");
        }
    }

    #[test]
    fn an_explicit_method_and_early_literals_win() {
        assert_eq!(answers(&["ANY /a", "GET /a"], "GET", "/a"), Some("GET /a"));
        assert_eq!(answers(&["ANY /a", "GET /a"], "PUT", "/a"), Some("ANY /a"));
        assert_eq!(answers(&["GET /{x}/b", "GET /a/{y}"], "GET", "/a/b"), Some("GET /a/{y}"));
        assert_eq!(answers(&["GET /{p+}", "GET /a/{p+}", "GET /a/b/{p+}"], "GET", "/a/b/c/d"), Some("GET /a/b/{p+}"));
    }

    #[test]
    fn slashes_and_heads_are_taken_literally() {
        let keys = ["POST /todos", "GET /todos/{id}"];
        assert_eq!(answers(&keys, "POST", "/todos"), Some("POST /todos"));
        assert_eq!(answers(&keys, "POST", "/todos/"), None);
        assert_eq!(answers(&keys, "GET", "/todos/"), None);
        assert_eq!(answers(&keys, "HEAD", "/todos/1"), None);
        assert_eq!(answers(&keys, "POST", "//todos"), Some("POST /todos"));
        assert_eq!(answers(&["ANY /x/{p+}"], "GET", "/x/"), Some("ANY /x/{p+}"));
        assert_eq!(answers(&["ANY /x/{p+}"], "GET", "/x"), None);
    }

    #[test]
    fn a_segment_is_decoded_after_it_is_cut() {
        let path = RequestPath::parse("/pets/a%2Fb/c%20d/e").unwrap();
        let segments = path.in_stage("$default").unwrap();
        let greedy = pattern("GET /pets/{id}/{rest+}");
        assert!(greedy.matches("GET", segments));
        assert_eq!(greedy.parameters(segments), [("id", "a/b".into()), ("rest", "c d/e".into())]);
        assert_eq!(path.decoded(), "/pets/a/b/c d/e");
        assert!(RequestPath::parse("/%ff").is_none());
        assert!(RequestPath::parse("*").is_none());
    }

    #[test]
    fn a_named_stage_is_the_first_segment() {
        let path = RequestPath::parse("/prod/todos").unwrap();
        assert_eq!(path.in_stage("prod").unwrap(), ["todos"]);
        assert!(path.in_stage("test").is_none());
        assert_eq!(RequestPath::parse("/prod").unwrap().in_stage("prod").unwrap(), [""]);
        assert_eq!(RequestPath::parse("/prod/").unwrap().in_stage("prod").unwrap(), [""]);
        assert_eq!(path.decoded(), "/prod/todos");
    }
}
