//! How large a template may be: a file that some other hand made, or a slip in an alias, ends in a sentence, not in a
//! stack that overflows or a machine without memory.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser};

use super::node::Fault;

/// The most bytes of a template: CloudFormation takes no more either.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>
pub const MAX_BYTES: usize = 1_000_000;
/// How deep mappings and lists may nest. No sensible template comes near it.
const MAX_NESTING: usize = 64;
/// How many values there may be once every alias stands for what its anchor says.
const MAX_VALUES: usize = 100_000;
/// So many bytes of a text count as one more value: an alias of a long one is short.
const BYTES_OF_A_VALUE: usize = 64;

/// Reads a template's YAML once without keeping it, so that whoever builds a tree of it may recurse.
pub fn check(source: &str) -> Result<(), Fault> {
    if source.len() > MAX_BYTES {
        return Err(Fault::new(1, "a template is at most 1 MB, as in CloudFormation."));
    }
    let mut anchors = BTreeMap::new();
    let mut open: Vec<Open> = Vec::new();
    let mut values = 0_usize;
    for event in Parser::new_from_str(source) {
        let (event, span) = event.map_err(|error| Fault::new(error.marker().line(), format!("{}.", error.info())))?;
        let line = span.start.line();
        let (more, anchor) = match event {
            Event::Scalar(text, _, anchor, _) => (1 + text.len() / BYTES_OF_A_VALUE, anchor),
            Event::SequenceStart(anchor, _) | Event::MappingStart(anchor, _) => {
                open.push(Open { anchor, before: values, deepest: open.len() + 1 });
                (1, 0)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(closed) = open.pop() {
                    let inside = Anchored { values: values - closed.before, nesting: closed.deepest - open.len() };
                    if closed.anchor > 0 {
                        anchors.insert(closed.anchor, inside);
                    }
                    reach(&mut open, closed.deepest);
                }
                continue;
            }
            Event::Alias(anchor) => {
                // The parser knows an alias whose anchor comes later or never, or is still open around it.
                let Some(Anchored { values, nesting }) = anchors.get(&anchor).copied() else {
                    return Err(Fault::new(line, "this alias stands inside what it stands for."));
                };
                let deepest = open.len() + nesting;
                reach(&mut open, deepest);
                (values, 0)
            }
            _ => continue,
        };
        if anchor > 0 {
            anchors.insert(anchor, Anchored { values: more, nesting: 0 });
        }
        values = values.saturating_add(more);
        if values > MAX_VALUES {
            return Err(Fault::new(
                line,
                format!("a template has at most {MAX_VALUES} values, aliases counted in full."),
            ));
        }
        if open.last().is_some_and(|innermost| innermost.deepest > MAX_NESTING) {
            return Err(Fault::new(
                line,
                format!("mappings and lists may nest {MAX_NESTING} deep, and here is one more."),
            ));
        }
    }
    Ok(())
}

/// What an alias of this anchor stands for.
#[derive(Clone, Copy)]
struct Anchored {
    values: usize,
    nesting: usize,
}

/// A mapping or list that has begun.
struct Open {
    anchor: usize,
    /// How many values there were before it.
    before: usize,
    /// How deep what is in it nests, counted from the document.
    deepest: usize,
}

fn reach(open: &mut [Open], deepest: usize) {
    if let Some(innermost) = open.last_mut() {
        innermost.deepest = innermost.deepest.max(deepest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(source: &str) -> String {
        let fault = check(source).expect_err("a fault");
        format!("{}: {}", fault.line, fault.message)
    }

    #[test]
    fn nesting_is_bounded_in_either_style() {
        for (open, close) in [("[", "]"), ("{a: ", "}")] {
            let nested = |depth: usize| format!("{}1{}", open.repeat(depth), close.repeat(depth));
            assert_eq!(check(&nested(MAX_NESTING)), Ok(()));
            assert_eq!(
                fault(&nested(MAX_NESTING + 1)),
                "1: mappings and lists may nest 64 deep, and here is one more."
            );
            // The parser itself looks ahead, and gives up before it says what it has seen.
            assert_eq!(fault(&open.repeat(100_000)), "1: recursion limit exceeded.");
        }
        assert!(fault(&"- ".repeat(100_000)).contains("64 deep"));
        let lines: String = (0..70).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
        assert_eq!(fault(&lines), "65: mappings and lists may nest 64 deep, and here is one more.");
    }

    #[test]
    fn an_alias_counts_as_what_it_stands_for() {
        let mut laughs = "a0: &a0 [ha, ha]\n".to_owned();
        for level in 1..=40 {
            let below = level - 1;
            laughs.push_str(&format!("a{level}: &a{level} [*a{below}, *a{below}]\n"));
        }
        assert_eq!(fault(&laughs), "15: a template has at most 100000 values, aliases counted in full.");
        let keys = laughs.replace('[', "{? [").replace(']', "] : 1}");
        assert!(fault(&keys).contains("100000 values"), "{}", fault(&keys));

        let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(500_000), "*a, ".repeat(20));
        assert_eq!(fault(&long), "2: a template has at most 100000 values, aliases counted in full.");

        let mut tower = "a0: &a0 [ha]\n".to_owned();
        for level in 1..=70 {
            tower.push_str(&format!("a{level}: &a{level} [*a{}]\n", level - 1));
        }
        assert_eq!(fault(&tower), "64: mappings and lists may nest 64 deep, and here is one more.");
        assert_eq!(fault("a: &a [*a]\n"), "1: this alias stands inside what it stands for.");
        assert_eq!(check("a: &a [1, 2]\nb: *a\nc: &c x\nd: [*c, *a]\n"), Ok(()));
    }

    #[test]
    fn a_file_is_no_longer_than_cloudformation_takes() {
        let long = format!("a: {}\n", "x".repeat(MAX_BYTES));
        assert_eq!(fault(&long), "1: a template is at most 1 MB, as in CloudFormation.");
    }
}
