//! Which route answers a request: a full match before a greedy one before `$default`, literal segments before
//! parameters, an explicit method before `ANY`.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html>

use std::borrow::Cow;
use std::cmp::Reverse;

use percent_encoding::percent_decode_str;

use crate::template::Segment;
use crate::unverified::{
    ENCODED_QUESTION_MARK_ENDS_PATH, ENCODED_SLASH_PARTS_SEGMENTS, GREEDY_TAKES_NOTHING, LEADING_SLASHES_COLLAPSE,
    PATH_IS_DECODED_TWICE,
};

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
        Self::of(&route.method, &route.path, &route.segments)
    }

    /// The pattern of a route with this method, or `ANY`, and this path, which is empty for `$default`.
    pub fn of(method: &str, path: &str, segments: &[Segment]) -> Self {
        let default = path.is_empty();
        let method = (!default && method != "ANY").then(|| method.to_owned());
        Self { method, segments: (!default).then(|| segments.to_vec()) }
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
    use proptest::prelude::*;

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

    /// A route that takes everything, or one of few methods and short paths, so that many match one request.
    fn any_key() -> impl Strategy<Value = String> {
        prop_oneof![1 => Just("$default".to_owned()), 9 => "(GET|PUT|ANY)(( (/(a|b|\\{x\\})){1,3})|( (/(a|b|\\{x\\})){0,2}/\\{p\\+\\}))"]
    }

    fn is_greedy(key: &str) -> bool {
        key.ends_with("+}")
    }

    /// Whether `one` answers before `other` where both match, by the documentation's words.
    fn comes_before(one: &str, other: &str) -> bool {
        let class = |key: &str| if key == "$default" { 2 } else { usize::from(is_greedy(key)) };
        let parts = |key: &str| -> Vec<bool> { key.split('/').skip(1).map(|part| !part.starts_with('{')).collect() };
        let literals = |key: &str| parts(key).iter().filter(|literal| **literal).count();
        let (mine, theirs) = (parts(one), parts(other));
        if class(one) != class(other) {
            class(one) < class(other)
        } else if literals(one) != literals(other) {
            literals(one) > literals(other)
        } else if mine.len() != theirs.len() {
            mine.len() > theirs.len()
        } else if mine != theirs {
            mine.iter().zip(&theirs).find(|(mine, theirs)| mine != theirs).is_some_and(|(mine, _)| *mine)
        } else {
            !one.starts_with("ANY") && other.starts_with("ANY")
        }
    }

    proptest! {
        #[test]
        fn of_the_routes_that_match_none_comes_before_the_one_that_answers(
            keys in prop::collection::vec(any_key(), 1..8),
            path in "(/(a|b|c|)){1,4}",
        ) {
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            let alone: Vec<&str> = keys.iter().copied().filter(|key| answers(&[key], "GET", &path).is_some()).collect();
            let answer = answers(&keys, "GET", &path);
            prop_assert_eq!(answer.is_some(), !alone.is_empty());
            let earlier = |key: &&str| answer.is_some_and(|answer| comes_before(key, answer));
            prop_assert_eq!(alone.iter().copied().find(earlier), None, "before {:?}", answer);
            let reversed: Vec<&str> = keys.iter().rev().copied().collect();
            let same = |one: &str, other: &str| !comes_before(one, other) && !comes_before(other, one);
            prop_assert!(answers(&reversed, "GET", &path).zip(answer).is_none_or(|(one, other)| same(one, other)));
        }

        #[test]
        fn an_encoded_segment_is_read_as_itself(segments in prop::collection::vec("[^?\n]{0,6}", 1..5)) {
            let encode = |text: &String| {
                percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
            };
            let encoded: Vec<String> = segments.iter().map(encode).collect();
            let path = format!("/{}", encoded.join("/"));
            let path = RequestPath::parse(&path).unwrap();
            prop_assert_eq!(path.decoded(), format!("/{}", segments.join("/")));
            let leading = segments.iter().take_while(|segment| segment.is_empty()).count().min(segments.len() - 1);
            prop_assert_eq!(path.in_stage("$default").unwrap(), &segments[leading..]);
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
