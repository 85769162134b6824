//! The path patterns of cache behaviours.

/// Whether a path pattern, in which `*` is any text and `?` any character, is this path's.
/// <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/DownloadDistValuesCacheBehavior.html#DownloadDistValuesPathPattern>
pub fn matches(pattern: &str, path: &str) -> bool {
    let (pattern, path) = (pattern.as_bytes(), path.as_bytes());
    // Where to go on after the last `*`, if what follows it does not fit.
    let (mut at, mut done, mut star) = (0, 0, None);
    while done < path.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, done));
                at += 1;
            }
            Some(byte) if *byte == b'?' || *byte == path[done] => (at, done) = (at + 1, done + 1),
            _ => match star {
                Some((after, from)) => {
                    (at, done) = (after + 1, from + 1);
                    star = Some((after, done));
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert!(matches(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in [
            ("/products*", "/product"),
            ("/products", "/products/"),
            ("/a?c", "/ac"),
            ("/*.json", "/x.js"),
            ("/A", "/a"),
        ] {
            assert!(!matches(pattern, path), "{pattern} {path}");
        }
    }
}
