//! The flags, and what they say of the shop.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use shared::clock::Clock;
use shared::ids;
use shared::telemetry::Log;

use crate::Error;
use crate::bootstraps::{Built, Sink};
use crate::chaos::{Chaos, Rate};
use crate::database::Access;
use crate::gateway::Jwks;
use crate::output::{LogFormat, Output};
use crate::record::Record;
use crate::remote::Remote;
use crate::shop::Options;

/// What a template is called that nobody names.
const TEMPLATES: [&str; 3] = ["template.yaml", "template.yml", "template.json"];

#[derive(Debug, Args)]
pub struct Flags {
    /// The port to answer on; 0 takes any free one
    #[arg(long, default_value_t = 3000)]
    pub port: u16,
    /// Keep the data in this file, and the signing keys beside it
    #[arg(long, value_name = "FILE", global = true, conflicts_with = "dynamodb")]
    pub data: Option<PathBuf>,
    /// Use this DynamoDB instead of the embedded one
    #[arg(long, value_name = "URL", global = true)]
    pub dynamodb: Option<String>,
    /// The template to run [default: template.yaml, .yml or .json here, or else, without --bootstraps, the project's own]
    #[arg(long, value_name = "FILE", global = true)]
    pub template: Option<PathBuf>,
    /// The HTTP API to serve, by its logical id, where the template has several [default: the first with routes]
    #[arg(long, value_name = "LOGICAL_ID", global = true)]
    pub api: Option<String>,
    /// A value for one of the template's parameters; may be repeated
    #[arg(long = "parameter", value_name = "NAME=VALUE", global = true, value_parser = parameter)]
    pub parameters: Vec<(String, String)>,
    /// Use the functions at this URL, such as those of `cargo lambda watch`, instead of running them here
    #[arg(long, value_name = "URL", global = true)]
    pub functions: Option<String>,
    /// Run the functions as processes: the programs `bootstrap` in this directory's directories, as in target/lambda
    #[arg(long, value_name = "DIR", global = true, conflicts_with = "functions")]
    pub bootstraps: Option<PathBuf>,
    /// The port on which Lambda's Invoke API answers [default: any free one]
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true)]
    pub lambda_port: u16,
    /// Answer through an edge that caches the catalogue, as CloudFront does; the API has a port of its own then
    #[arg(long, global = true)]
    pub edge: bool,
    /// Start without sample products and users
    #[arg(long)]
    pub no_seed: bool,
    /// Do not enforce the template's throttles
    #[arg(long)]
    pub no_throttle: bool,
    /// Where the keys of an issuer are, for the template's JWT authorizers [default: where the issuer publishes them]; may
    /// be repeated
    #[arg(long, value_name = "ISSUER=FILE|URL", value_parser = jwks)]
    pub jwks: Vec<(String, Jwks)>,
    /// How to show requests, and what the functions log
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub log: LogFormat,
    /// Let so many of the calls between checkout, the functions and the database meet a fault, such as 0.05
    #[arg(long, value_name = "RATE", conflicts_with = "functions")]
    pub chaos: Option<Rate>,
    /// Choose those by this number, for the same choice again [default: a random one]
    #[arg(long, value_name = "N", requires = "chaos")]
    pub seed: Option<u64>,
    /// Write each invocation's event and answer into this folder, for `cargo lambda invoke --data-file` and `replay`
    #[arg(long, value_name = "DIR")]
    pub record: Option<PathBuf>,
    /// Record passwords, tokens and cookies too, which are masked otherwise
    #[arg(long, requires = "record")]
    pub record_secrets: bool,
}

impl Flags {
    /// What they say of the shop.
    pub fn options(
        self,
        output: &Output,
        inherited: BTreeMap<String, String>,
        access_to: impl FnOnce(String) -> Result<Access, Error>,
    ) -> Result<Options, Error> {
        let (access, log) = (output.clone(), output.clone());
        let (news, trouble) = (output.clone(), output.clone());
        let sink: Sink = Arc::new(move |speaker, what| news.news(speaker, what));
        let record = |folder| Record {
            folder,
            secrets: self.record_secrets,
            say: Box::new(move |sentence| trouble.say(sentence)),
        };
        let template = match self.template {
            Some(template) => template,
            None => template_in(Path::new(""), self.bootstraps.is_some())?,
        };
        let seed = self.seed.unwrap_or_else(|| u64::from_be_bytes(ids::random()));
        Ok(Options {
            port: self.port,
            data: self.data,
            dynamodb: self.dynamodb.map(access_to).transpose()?,
            template,
            api: self.api,
            parameters: self.parameters.into_iter().collect(),
            variables: BTreeMap::new(),
            functions: self.functions.map(|url| Remote::new(&url).map(Arc::new)).transpose()?,
            bootstraps: self.bootstraps.map(|directory| Built { directory, inherited, sink }),
            lambda_port: self.lambda_port,
            edge: self.edge,
            seed: !self.no_seed,
            throttle: !self.no_throttle,
            jwks: self.jwks.into_iter().collect(),
            schedules: true,
            stack: "portico".to_owned(),
            clock: Clock::system(),
            log: Log::to(move |line| log.log(line)),
            access: Some(Box::new(move |api| access.access_log(api))),
            chaos: self.chaos.map(|rate| Chaos::by_chance(rate, seed)),
            record: self.record.map(record),
        })
    }
}

/// Reads `NAME=VALUE`.
fn parameter(argument: &str) -> Result<(String, String), String> {
    match argument.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write it as NAME=VALUE, such as Architecture=x86_64".to_owned()),
    }
}

/// Reads `ISSUER=FILE` or `ISSUER=URL`. The issuer is a URL itself, of which one with an `=` cannot be written.
fn jwks(argument: &str) -> Result<(String, Jwks), String> {
    match argument.split_once('=') {
        Some((issuer, at)) if issuer.starts_with("https://") && !at.is_empty() => Ok((issuer.to_owned(), at.into())),
        _ => Err("write it as ISSUER=FILE or ISSUER=URL, such as https://id.example=jwks.json".to_owned()),
    }
}

/// The template in this directory, or else the project's own, with which programs from elsewhere have nothing to do.
fn template_in(directory: &Path, has_programs: bool) -> Result<PathBuf, Error> {
    let here = TEMPLATES.into_iter().map(|name| directory.join(name)).find(|path| path.exists());
    match here {
        Some(path) => Ok(path),
        None if has_programs => Err(Error::new(format!(
            "there is no template here that says what the programs of --bootstraps are for ({}): name it with --template.",
            TEMPLATES.join(", ")
        ))),
        None => Ok(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join("template.yaml")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_never_run_by_the_template_of_somebody_else() {
        let folder = tempfile::tempdir().unwrap();
        let found = |has_programs| template_in(folder.path(), has_programs).map_err(|error| error.to_string());
        assert!(found(false).is_ok_and(|own| own.exists()));
        let error = found(true).unwrap_err();
        assert!(error.ends_with("template.yaml, template.yml, template.json): name it with --template."), "{error}");
        for name in ["template.json", "template.yml", "template.yaml"] {
            std::fs::write(folder.path().join(name), "{}").unwrap();
            assert_eq!((found(true), found(false)), (Ok(folder.path().join(name)), Ok(folder.path().join(name))));
        }
    }
}
