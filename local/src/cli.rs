//! The command line: start the shop, or set up and fill any DynamoDB.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::base;
use crate::bootstraps::INHERITED;
use crate::database::{self, Access};
use crate::environment::{Environment, PASSED_ON};
use crate::keys::Keys;
use crate::output::Output;
use crate::shop::{Options, Shop};
use crate::signals::Signals;
use crate::template::REGION;
use crate::{Error, check, screen};

mod data;
mod flags;
mod replay;

use flags::Flags;

/// Where `cargo lambda watch` answers.
const WATCH: &str = "http://localhost:9000";

/// The exit status of what a second signal has ended, as shells have it for Ctrl-C.
const INTERRUPTED: i32 = 130;

/// The shop on one machine: the same functions, routes and tables that template.yaml deploys to AWS.
#[derive(Debug, Parser)]
#[command(name = "portico", version)]
pub struct Cli {
    #[command(flatten)]
    shop: Flags,
    #[command(subcommand)]
    command: Option<Command>,
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
        let options = cli.shop.options(&output, inherited, |url| access_to(url, !prints, &environment))?;
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

async fn serve(options: Options, output: &Output) -> Result<(), Error> {
    // Listening for the signal before the shop starts: an early Ctrl-C must end it as properly as a late one.
    let mut signals = Signals::listen()?;
    let mut start = pin!(Shop::start(options));
    let started = tokio::select! {
        shop = &mut start => Some(shop?),
        () = signals.next() => None,
    };
    let shop = match started {
        Some(shop) => {
            output.line(&screen::start(&shop));
            tokio::select! {
                () = wake(&shop, output) => {}
                () = signals.next() => {}
            }
            shop
        }
        None => {
            let says = output.clone();
            tokio::task::spawn_blocking(move || {
                says.say("Ending as soon as it has started. Once more ends it at once.")
            });
            unless_interrupted(&mut signals, start).await?
        }
    };
    // Even a terminal that takes nothing must not keep the second signal from being heard.
    let (says, flushes) = (output.clone(), output.clone());
    let say = move || says.say("Finishing the requests in flight. Once more ends it at once.");
    let finish = async move {
        let _ = tokio::join!(tokio::task::spawn_blocking(say), shop.stop());
        let _ = tokio::task::spawn_blocking(move || flushes.flush()).await;
    };
    unless_interrupted(&mut signals, finish).await;
    Ok(())
}

/// What is still to be done after one signal; another one ends all at once, the processes of functions with it.
async fn unless_interrupted<T>(signals: &mut Signals, work: impl Future<Output = T>) -> T {
    tokio::select! {
        done = work => done,
        // What is told to end at once waits for nothing.
        () = signals.next() => std::process::exit(INTERRUPTED),
    }
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
