//! What a function's environment is on this machine: the template's variables, and in place of what only AWS has, this
//! machine's database, keys and Invoke API. In process it is looked up, a process is given it, and other tools get it as a file.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::Error;
use crate::database::Access;
use crate::keys::Keys;
use crate::template::{Function, Template};

/// What Lambda itself gives every function, and where this machine's services are.
const EVERYWHERE: [&str; 6] = [
    "AWS_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_ENDPOINT_URL_DYNAMODB",
    "AWS_ENDPOINT_URL_LAMBDA",
];
/// What a template must declare for `sam local`, which sets no other variable.
const ENDPOINTS: [&str; 2] = ["AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_LAMBDA"];

/// What the shop's own environment may have for the functions, each of which says itself what it is for. Secrets are
/// among them: in AWS they have a place that one machine lacks.
pub const PASSED_ON: [&str; 3] = ["STRIPE_URL", "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"];

/// Where the shop's functions have secrets in AWS: each of these names a parameter of Systems Manager.
const PARAMETERS: [&str; 2] = ["STRIPE_SECRET_KEY_PARAMETER", "STRIPE_WEBHOOK_SECRET_PARAMETER"];
/// How the template means a key in KMS.
const IN_KMS: &str = "kms:";

/// Everything that the functions' variables come from.
pub struct Environment<'a> {
    /// The template.
    pub template: &'a Template,
    /// The keys that access tokens are signed with.
    pub keys: &'a Keys,
    /// The database.
    pub database: &'a Access,
    /// Where Lambda's Invoke API answers.
    pub lambda: &'a str,
    /// Variables that the template leaves empty, or leaves out.
    pub variables: &'a BTreeMap<String, String>,
}

impl Environment<'_> {
    /// A variable of the function `binary`: what the template says first, as Lambda would have it.
    pub fn variable(&self, binary: &str, key: &str) -> Option<String> {
        self.value(self.template.function_of(binary), key)
    }

    fn value(&self, function: Option<&Function>, key: &str) -> Option<String> {
        let declared = function.and_then(|function| function.environment.get(key)).filter(|value| !value.is_empty());
        let is_in_kms = declared.is_some_and(|value| value.starts_with(IN_KMS));
        match (declared, key) {
            // There is no Systems Manager, unless the shop was told of one: what it would keep is passed on.
            (_, key) if PARAMETERS.contains(&key) && !self.variables.contains_key("AWS_ENDPOINT_URL_SSM") => None,
            // There is no KMS.
            (_, "SIGNING_KEY_A") if is_in_kms => Some(self.keys.a().to_owned()),
            (_, "SIGNING_KEY_B") if is_in_kms => Some(self.keys.b().to_owned()),
            (Some(value), _) => Some(value.clone()),
            (None, "AWS_ENDPOINT_URL_LAMBDA") => Some(self.lambda.to_owned()),
            (None, _) => self.variables.get(key).cloned().or_else(|| self.database.variable(key)),
        }
    }

    /// All that a process of this function is given for its variables: what Lambda sets, what the template declares, and
    /// of the shop's own what it declares or has a parameter for. What a process has for itself alone is not in it.
    /// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>
    pub fn of_process(&self, function: &Function) -> BTreeMap<String, String> {
        let set = [
            ("AWS_DEFAULT_REGION", self.database.region.as_str()),
            ("AWS_LAMBDA_FUNCTION_NAME", &function.name),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
            ("LANG", "en_US.UTF-8"),
            ("TZ", ":UTC"),
            ("_HANDLER", &function.handler),
        ];
        let mut all: BTreeMap<String, String> =
            set.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        all.insert("AWS_LAMBDA_FUNCTION_MEMORY_SIZE".to_owned(), function.memory_mb.to_string());
        all.insert("AWS_LAMBDA_LOG_GROUP_NAME".to_owned(), format!("/aws/lambda/{}", function.name));
        let declares = |key: &str| function.environment.contains_key(key);
        let own = self
            .variables
            .keys()
            .filter(|key| declares(&format!("{key}_PARAMETER")) || key.starts_with("AWS_ENDPOINT_URL_"));
        for key in EVERYWHERE.into_iter().chain(own.map(String::as_str)) {
            if let Some(value) = self.value(Some(function), key) {
                all.insert(key.to_owned(), value);
            }
        }
        for key in function.environment.keys() {
            all.insert(key.clone(), self.value(Some(function), key).unwrap_or_default());
        }
        all
    }

    /// One environment for all functions, as lines for `cargo lambda watch --env-file`. A function's name is its binary's
    /// there. Every value stands in single quotes, between which that reader takes all but `\n` as it is.
    ///
    /// # Errors
    /// Two functions disagree on a variable, or a value cannot be written.
    pub fn dotenv(&self) -> Result<String, Error> {
        let mut all = BTreeMap::<&str, (&Function, String)>::new();
        for function in &self.template.functions {
            let own = function.environment.keys().chain(self.variables.keys()).map(String::as_str);
            for key in EVERYWHERE.into_iter().chain(own) {
                let Some(value) = self.called(function, key, Function::binary) else { continue };
                match all.get(key) {
                    Some((other, theirs)) if *theirs != value => {
                        return Err(Error::new(format!(
                            "{} and {} have different values of {key}, and `cargo lambda watch` gives every function the same: \
                             call it something else in one of them.",
                            other.logical_id, function.logical_id
                        )));
                    }
                    _ => all.insert(key, (function, value)),
                };
            }
        }
        all.into_iter().map(|(key, (_, value))| line(key, &value)).collect()
    }

    /// The variables of each function by its logical id, as JSON for `sam local … --env-vars`. A function's name is its
    /// logical id there.
    ///
    /// # Errors
    /// The template does not declare what the functions need here: `sam local` would leave it out in silence.
    pub fn sam(&self) -> Result<String, Error> {
        let mut all = Map::new();
        for function in &self.template.functions {
            if let Some(key) = ENDPOINTS.into_iter().find(|key| !function.environment.contains_key(*key)) {
                return Err(Error::new(format!(
                    "{} has no variable {key}, so `sam local` would not set it: declare it, empty, under \
                     Globals.Function.Environment.Variables in the template.",
                    function.logical_id
                )));
            }
            let variable = |key: &String| {
                let value = self.called(function, key, |function| &function.logical_id);
                (key.clone(), Value::String(value.unwrap_or_default()))
            };
            let variables: Map<String, Value> = function.environment.keys().map(variable).collect();
            all.insert(function.logical_id.clone(), variables.into());
        }
        serde_json::to_string_pretty(&all).map(|json| json + "\n").map_err(|error| Error::new(error.to_string()))
    }

    /// A variable whose value, if it is the deployed name of a function, is what that function is called elsewhere.
    fn called(&self, function: &Function, key: &str, name: fn(&Function) -> &str) -> Option<String> {
        // An empty one counts as absent, here as in the functions.
        let value = self.value(Some(function), key).filter(|value| !value.is_empty())?;
        let meant = self.template.functions.iter().find(|other| other.name == value);
        Some(meant.map_or(value, |other| name(other).to_owned()))
    }
}

fn line(key: &str, value: &str) -> Result<String, Error> {
    if value.contains(['\'', '\n']) || value.contains("\\n") {
        return Err(Error::new(format!(
            "the value of {key} has a quote or a line end in it, which an environment file cannot carry: change it."
        )));
    }
    Ok(format!("{key}='{value}'\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Given;

    const TEMPLATE: &str = "
Globals: {Function: {Environment: {Variables: {AWS_ENDPOINT_URL_DYNAMODB: '', AWS_ENDPOINT_URL_LAMBDA: ''}}}}
Resources:
  Api: {Type: AWS::Serverless::HttpApi}
  Caller:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: built/caller/, Environment: {Variables: {CALLED_FUNCTION: !Ref Called, SIGNING_KEY_A: 'kms:a'}}}
  Called:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: built/called/, Environment: {Variables: {THINGS_TABLE: !Ref Things, KEYS: '{\"keys\":[]}', HELPER_URL: ''}}}
  Things:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
";

    /// What `ask` gets from this template, with the private key left out.
    fn ask(template: &str, ask: impl FnOnce(&Environment<'_>) -> Result<String, Error>) -> Result<String, String> {
        let template = Template::parse(template, &Given::defaults("shop")).unwrap();
        let keys = Keys::generate().unwrap();
        let database = Access::local("http://localhost:8000");
        let variables = BTreeMap::from([("HELPER_URL".to_owned(), "http://localhost:9001".to_owned())]);
        let lambda = "http://localhost:9000";
        let environment =
            Environment { template: &template, keys: &keys, database: &database, lambda, variables: &variables };
        let text = ask(&environment).map_err(|error| error.to_string())?;
        Ok(text.replace(keys.a(), "PRIVATE"))
    }

    #[test]
    fn a_file_for_cargo_lambda_has_everything_once() {
        assert_eq!(
            ask(TEMPLATE, |all| all.dotenv()).unwrap(),
            "AWS_ACCESS_KEY_ID='local'
AWS_ENDPOINT_URL_DYNAMODB='http://localhost:8000'
AWS_ENDPOINT_URL_LAMBDA='http://localhost:9000'
AWS_REGION='eu-central-1'
AWS_SECRET_ACCESS_KEY='local'
CALLED_FUNCTION='called'
HELPER_URL='http://localhost:9001'
KEYS='{\"keys\":[]}'
SIGNING_KEY_A='PRIVATE'
THINGS_TABLE='shop-Things'
"
        );
    }

    #[test]
    fn json_for_sam_has_what_the_template_declares() {
        let json: Value = serde_json::from_str(&ask(TEMPLATE, |all| all.sam()).unwrap()).unwrap();
        let (dynamodb, lambda) = ("http://localhost:8000", "http://localhost:9000");
        assert_eq!(
            json,
            serde_json::json!({
                "Caller": {
                    "AWS_ENDPOINT_URL_DYNAMODB": dynamodb, "AWS_ENDPOINT_URL_LAMBDA": lambda,
                    "CALLED_FUNCTION": "Called", "SIGNING_KEY_A": "PRIVATE",
                },
                "Called": {
                    "AWS_ENDPOINT_URL_DYNAMODB": dynamodb, "AWS_ENDPOINT_URL_LAMBDA": lambda,
                    "THINGS_TABLE": "shop-Things", "KEYS": "{\"keys\":[]}", "HELPER_URL": "http://localhost:9001",
                },
            })
        );
    }

    #[test]
    fn a_process_has_what_lambda_sets_and_what_its_function_declares() {
        let template = TEMPLATE.replace("KEYS:", "SIGNING_KEY_A: 'its own', ANY_PARAMETER: value, KEYS:");
        let template = Template::parse(&template, &Given::defaults("shop")).unwrap();
        let keys = Keys::generate().unwrap();
        let database = Access::local("http://localhost:8000");
        let own = [("STRIPE_SECRET_KEY", "sk_test"), ("HELPER_URL", "http://localhost:9001")];
        let variables = own.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        let lambda = "http://localhost:9000";
        let environment =
            Environment { template: &template, keys: &keys, database: &database, lambda, variables: &variables };
        let of = |id: &str| environment.of_process(template.function(id).unwrap());
        let (caller, called) = (of("Caller"), of("Called"));
        for (key, value) in [
            ("AWS_LAMBDA_FUNCTION_NAME", "shop-Called"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
            ("AWS_ENDPOINT_URL_DYNAMODB", "http://localhost:8000"),
            ("AWS_ENDPOINT_URL_LAMBDA", lambda),
            ("HELPER_URL", "http://localhost:9001"),
            ("THINGS_TABLE", "shop-Things"),
            // Only the shop's own names mean what they mean in the shop.
            ("SIGNING_KEY_A", "its own"),
            ("ANY_PARAMETER", "value"),
        ] {
            assert_eq!(called[key], value, "{key}");
        }
        assert_eq!(caller["SIGNING_KEY_A"], keys.a());
        assert_eq!(caller["CALLED_FUNCTION"], "shop-Called");
        // Nobody is given a secret that did not ask for it.
        assert!(!caller.contains_key("STRIPE_SECRET_KEY") && !caller.contains_key("HELPER_URL"));
    }

    #[test]
    fn what_would_be_lost_is_refused() {
        let disagreeing = TEMPLATE.replace("KEYS:", "CALLED_FUNCTION:");
        assert_eq!(
            ask(&disagreeing, |all| all.dotenv()).unwrap_err(),
            "Caller and Called have different values of CALLED_FUNCTION, and `cargo lambda watch` gives every function the \
             same: call it something else in one of them."
        );
        let quoted = TEMPLATE.replace("'{\"keys\":[]}'", "\"it's\"");
        assert!(ask(&quoted, |all| all.dotenv()).unwrap_err().starts_with("the value of KEYS has a quote"));
        let undeclared = TEMPLATE.replace(", AWS_ENDPOINT_URL_LAMBDA: ''", "");
        assert_eq!(
            ask(&undeclared, |all| all.sam()).unwrap_err(),
            "Caller has no variable AWS_ENDPOINT_URL_LAMBDA, so `sam local` would not set it: declare it, empty, under \
             Globals.Function.Environment.Variables in the template."
        );
    }
}
