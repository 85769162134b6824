//! The template's conditions: `Equals`, `And`, `Or`, `Not`, and references to one another.

use super::node::{Entry, Fault, Node, Value};
use super::resolve::MAX_DEPTH;
use super::scope::Scope;

impl Scope {
    /// Whether a condition of the template holds.
    pub fn condition(&self, node: &Node, name: &str) -> Result<bool, Fault> {
        let condition =
            self.conditions.get(name).ok_or_else(|| node.fault(format!("there is no condition `{name}`.")))?;
        self.test(condition)
    }

    /// Whether an expression of conditions holds.
    pub(super) fn test(&self, node: &Node) -> Result<bool, Fault> {
        if self.depth.get() > MAX_DEPTH {
            return Err(node.fault("this condition refers to itself."));
        }
        self.spend(node, 1)?;
        self.depth.set(self.depth.get() + 1);
        let outcome = self.test_deeper(node);
        self.depth.set(self.depth.get() - 1);
        outcome
    }

    fn test_deeper(&self, node: &Node) -> Result<bool, Fault> {
        let unknown = || node.fault("a condition is made of Equals, And, Or, Not and Condition.");
        let (name, argument) = match &node.value {
            Value::Call(name, argument) => (name.as_str(), argument.as_ref()),
            // The long form of `!Condition Name`.
            Value::Map(entries) => match entries.as_slice() {
                [Entry { key, value, .. }] if key == "Condition" => ("Condition", value),
                _ => return Err(unknown()),
            },
            _ => return Err(unknown()),
        };
        match name {
            "Condition" => self.condition(node, argument.text("Condition's name")?),
            "Equals" => match argument.list("Equals' argument")? {
                [left, right] => {
                    let (left, right) = (self.value(left, "it")?, self.value(right, "it")?);
                    match (&left.value, &right.value) {
                        (Value::Unknown(why), _) | (_, Value::Unknown(why)) => Err(node.fault(why)),
                        (Value::Text(left), Value::Text(right)) => Ok(left == right),
                        _ => Err(node.fault("Equals compares two texts.")),
                    }
                }
                _ => Err(node.fault("Equals takes two values.")),
            },
            "Not" => match argument.list("Not's argument")? {
                [only] => Ok(!self.test(only)?),
                _ => Err(node.fault("Not takes one condition.")),
            },
            "And" | "Or" => {
                let results: Result<Vec<bool>, _> =
                    argument.list("the conditions")?.iter().map(|condition| self.test(condition)).collect();
                let results = results?;
                Ok(if name == "And" { results.iter().all(|yes| *yes) } else { results.iter().any(|yes| *yes) })
            }
            _ => Err(unknown()),
        }
    }
}
