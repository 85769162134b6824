//! The command line: start the shop, or set up and fill any DynamoDB.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};
use shared::clock::Clock;
use shared::ids;
use shared::telemetry::Log;

use crate::base;
use crate::bootstraps::{Built, INHERITED, Sink};
use crate::chaos::{Chaos, Rate};
use crate::database::{self, Access};
use crate::environment::{Environment, PASSED_ON};
use crate::gateway::Jwks;
use crate::keys::Keys;
use crate::output::{LogFormat, Output};
use crate::record::Record;
use crate::remote::Remote;
use crate::shop::{Options, Shop};
use crate::signals::Signals;
use crate::template::REGION;
use crate::{Error, check, screen};

mod data;
mod replay;

/// Where `cargo lambda watch` answers.
const WATCH: &str = "http://localhost:9000";

/// The shop on one machine: the same functions, routes and tables that template.yaml deploys to AWS.
#[derive(Debug, Parser)]
#[command(name = "portico", version)]
pub struct Cli {
    #[command(flatten)]
    shop: Flags,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Args)]
struct Flags {
    /// The port to answer on; 0 takes any free one
    #[arg(long, default_value_t = 3000)]
    port: u16,
    /// Keep the data in this file, and the signing keys beside it
    #[arg(long, value_name = "FILE", global = true, conflicts_with = "dynamodb")]
    data: Option<PathBuf>,
    /// Use this DynamoDB instead of the embedded one
    #[arg(long, value_name = "URL", global = true)]
    dynamodb: Option<String>,
    /// The template to run [default: template.yaml here, or else the project's own]
    #[arg(long, value_name = "FILE", global = true)]
    template: Option<PathBuf>,
    /// A value for one of the template's parameters; may be repeated
    #[arg(long = "parameter", value_name = "NAME=VALUE", global = true, value_parser = parameter)]
    parameters: Vec<(String, String)>,
    /// Use the functions at this URL, such as those of `cargo lambda watch`, instead of running them here
    #[arg(long, value_name = "URL", global = true)]
    functions: Option<String>,
    /// Run the functions as processes: the programs `bootstrap` in this directory's directories, as in target/lambda
    #[arg(long, value_name = "DIR", conflicts_with = "functions")]
    bootstraps: Option<PathBuf>,
    /// The port on which Lambda's Invoke API answers [default: any free one]
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true)]
    lambda_port: u16,
    /// Answer through an edge that caches the catalogue, as CloudFront does; the API has a port of its own then
    #[arg(long, global = true)]
    edge: bool,
    /// Start without sample products and users
    #[arg(long)]
    no_seed: bool,
    /// Do not enforce the template's throttles
    #[arg(long)]
    no_throttle: bool,
    /// Where the keys of an issuer are, for the template's JWT authorizers [default: where the issuer publishes them]; may
    /// be repeated
    #[arg(long, value_name = "ISSUER=FILE|URL", value_parser = jwks)]
    jwks: Vec<(String, Jwks)>,
    /// How to show requests, and what the functions log
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    log: LogFormat,
    /// Let so many of the calls between checkout, the functions and the database meet a fault, such as 0.05
    #[arg(long, value_name = "RATE", conflicts_with = "functions")]
    chaos: Option<Rate>,
    /// Choose those by this number, for the same choice again [default: a random one]
    #[arg(long, value_name = "N", requires = "chaos")]
    seed: Option<u64>,
    /// Write each invocation's event and answer into this folder, for `cargo lambda invoke --data-file` and `replay`
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
    /// Record passwords, tokens and cookies too, which are masked otherwise
    #[arg(long, requires = "record")]
    record_secrets: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Create the template's tables
    Setup,
    /// Create the tables and fill them with sample data
    Seed {
        /// How many products to generate beside the sample catalogue
        #[arg(long, value_name = "N", default_value_t = 0)]
        products: u64,
    },
    /// Balance the books: whether stock, orders and payments agree with each other
    ///
    /// Reads the database named by --data or --dynamodb, also beside a running shop that uses it. Names each difference,
    /// and fails when there is one, or when so much was going on that it cannot say.
    Audit,
    /// Send a recorded event to its function again, without a running shop
    ///
    /// Prints the answer, and says whether it is the recorded one, if that lies beside the event. Uses the functions and
    /// the database that the shop would use with the same flags. Fails when the function does.
    Replay {
        /// The event's file; - is standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The function, by its binary, logical id or deployed name [default: the one in the file's name]
        #[arg(long, value_name = "NAME")]
        function: Option<String>,
    },
    /// Compare what `cargo lambda build` made with the template
    Check,
    /// Print the environment of functions that run elsewhere
    ///
    /// Lines for `cargo lambda watch --env-file`. There is a private key among them: write them to a file that only you
    /// can read (`umask 077`). The database is at --dynamodb [default: http://localhost:8000], the functions call each
    /// other at --functions [default: http://localhost:9000]. With --data, the keys are those beside the data.
    #[command(verbatim_doc_comment)]
    Env {
        /// Print JSON for `sam local … --env-vars` instead
        #[arg(long)]
        sam: bool,
    },
}

/// Does what the command line says; `environment` is asked for AWS credentials, [`PASSED_ON`] and [`INHERITED`] only.
pub async fn run(cli: Cli, environment: impl Fn(&str) -> Option<String>) -> ExitCode {
    let result = async {
        let output = Output::stdout(cli.shop.log)
            .map_err(|error| Error::new(format!("there can be no thread for output: {error}.")))?;
        // These print what is for another tool, so they reach no database and need no credentials for one.
        let prints = matches!(cli.command, Some(Command::Check | Command::Env { .. }));
        let variable = |key: &str| Some((key.to_owned(), environment(key)?));
        let variables = PASSED_ON.into_iter().filter_map(variable).collect();
        let inherited = INHERITED.into_iter().filter_map(variable).collect();
        let options = options(cli.shop, &output, inherited, |url| access_to(url, !prints, &environment))?;
        let options = Options { variables, ..options };
        match cli.command {
            None => serve(options, &output).await?,
            Some(Command::Setup) => data::setup(options, &output).await?,
            Some(Command::Seed { products }) => data::fill(options, &output, products).await?,
            Some(Command::Audit) => data::audit(options, &output).await?,
            Some(Command::Replay { file, function }) => {
                replay::replay(options, &output, &file, function.as_deref()).await?;
            }
            Some(Command::Check) => check(&options, &output)?,
            Some(Command::Env { sam }) => print_environment(&options, &output, sam)?,
        }
        output.flush();
        Ok::<(), Error>(())
    };
    match result.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // There is nowhere else to say it.
            let _ = writeln!(std::io::stderr(), "portico: {error}");
            ExitCode::FAILURE
        }
    }
}

fn options(
    flags: Flags,
    output: &Output,
    inherited: BTreeMap<String, String>,
    access_to: impl FnOnce(String) -> Result<Access, Error>,
) -> Result<Options, Error> {
    let (access, log) = (output.clone(), output.clone());
    let (news, trouble) = (output.clone(), output.clone());
    let sink: Sink = Arc::new(move |speaker, what| news.news(speaker, what));
    let record =
        |folder| Record { folder, secrets: flags.record_secrets, say: Box::new(move |sentence| trouble.say(sentence)) };
    let seed = flags.seed.unwrap_or_else(|| u64::from_be_bytes(ids::random()));
    Ok(Options {
        port: flags.port,
        data: flags.data,
        dynamodb: flags.dynamodb.map(access_to).transpose()?,
        template: flags.template.unwrap_or_else(own_template),
        parameters: flags.parameters.into_iter().collect(),
        variables: BTreeMap::new(),
        functions: flags.functions.map(|url| Remote::new(&url).map(Arc::new)).transpose()?,
        bootstraps: flags.bootstraps.map(|directory| Built { directory, inherited, sink }),
        lambda_port: flags.lambda_port,
        edge: flags.edge,
        seed: !flags.no_seed,
        throttle: !flags.no_throttle,
        jwks: flags.jwks.into_iter().collect(),
        schedules: true,
        stack: "portico".to_owned(),
        clock: Clock::system(),
        log: Log::to(move |line| log.log(line)),
        access: Some(Box::new(move |api| access.access_log(api))),
        chaos: flags.chaos.map(|rate| Chaos::by_chance(rate, seed)),
        record: flags.record.map(record),
    })
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

/// The database at `url` with its credentials: real ones from the environment, unless it is on this machine. Where none
/// are `needed`, because nobody here calls it, a database in AWS gets none: whoever does has its own.
fn access_to(url: String, needed: bool, environment: impl Fn(&str) -> Option<String>) -> Result<Access, Error> {
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return Err(Error::new(format!("{url} is not the URL of a DynamoDB: write it as http://localhost:8000.")));
    }
    let local = Access::local(url);
    // From a container, this machine has another name, but no TLS.
    if local.is_loopback() || !needed && local.url.starts_with("http://") {
        return Ok(local);
    }
    let given = |key: &str| environment(key).filter(|value| !value.is_empty());
    let region = given("AWS_REGION").or_else(|| given("AWS_DEFAULT_REGION")).unwrap_or_else(|| REGION.to_owned());
    let (url, none) = (local.url, String::new);
    if !needed {
        return Ok(Access { url, region, key_id: none(), secret: none(), session_token: None });
    }
    let required = |key: &str| {
        given(key).ok_or_else(|| Error::new(format!("{url} needs AWS credentials, and {key} is not set: export it.")))
    };
    let (key_id, secret) = (required("AWS_ACCESS_KEY_ID")?, required("AWS_SECRET_ACCESS_KEY")?);
    Ok(Access { url, region, key_id, secret, session_token: environment("AWS_SESSION_TOKEN") })
}

fn own_template() -> PathBuf {
    let here = PathBuf::from("template.yaml");
    if here.exists() { here } else { Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join("template.yaml") }
}

async fn serve(options: Options, output: &Output) -> Result<(), Error> {
    // Listening for the signal before the shop starts: an early Ctrl-C must end it as properly as a late one.
    let mut signals = Signals::listen()?;
    let shop = Shop::start(options).await?;
    output.line(&screen::start(&shop));
    tokio::select! {
        () = wake(&shop, output) => {}
        () = signals.next() => {}
    }
    output.say("Finishing the requests in flight. Once more ends the shop at once.");
    tokio::select! {
        () = shop.stop() => {}
        () = signals.next() => {}
    }
    Ok(())
}

/// Wakes functions that run elsewhere; never ends.
async fn wake(shop: &Shop, output: &Output) {
    if let Some(remote) = shop.elsewhere() {
        remote.wake(&shop.base().template, |line| output.say(line)).await;
    }
    std::future::pending().await
}

fn check(options: &Options, output: &Output) -> Result<(), Error> {
    // Which keys there are is nothing to a binary.
    let template = base::template(options, &Keys::generate()?)?;
    for warning in &template.warnings {
        output.line(&format!("Beware: {warning}"));
    }
    for sentence in &template.not_emulated {
        output.line(&format!("Not emulated: {sentence}"));
    }
    let root = options.template.parent().unwrap_or(Path::new(""));
    for built in check::check(&template, root)? {
        output.line(&built.to_string());
    }
    Ok(())
}

fn print_environment(options: &Options, output: &Output, sam: bool) -> Result<(), Error> {
    let keys = base::keys(options.data.as_deref())?;
    let template = base::template(options, &keys)?;
    let expected = Access::local(format!("http://localhost:{}", database::PORT));
    let environment = Environment {
        template: &template,
        keys: &keys,
        database: options.dynamodb.as_ref().unwrap_or(&expected),
        lambda: options.functions.as_ref().map_or(WATCH, |remote| remote.url()),
        variables: &options.variables,
    };
    let text = if sam { environment.sam()? } else { environment.dotenv()? };
    output.line(text.trim_end());
    Ok(())
}

#[cfg(test)]
mod tests;
