//! The command line: start the shop, or set up and fill any DynamoDB.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use shared::clock::Clock;
use shared::telemetry::Log;

use crate::Error;
use crate::base::Base;
use crate::database::Access;
use crate::gateway::AccessLog;
use crate::output::Output;
use crate::screen;
use crate::seed;
use crate::shop::{Options, Shop};
use crate::tables;
use crate::template::REGION;

/// The shop on one machine: the same functions, routes and tables that template.yaml deploys to AWS.
#[derive(Debug, Parser)]
#[command(name = "portico", version, args_conflicts_with_subcommands = false)]
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
    /// Start without sample products and users
    #[arg(long)]
    no_seed: bool,
    /// Do not enforce the template's throttles
    #[arg(long)]
    no_throttle: bool,
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
}

/// Does what the command line says; `environment` is asked for AWS credentials only.
pub async fn run(cli: Cli, environment: impl Fn(&str) -> Option<String>) -> ExitCode {
    let result = async {
        let output =
            Output::stdout().map_err(|error| Error::new(format!("there can be no thread for output: {error}.")))?;
        let options = options(cli.shop, &output, environment)?;
        match cli.command {
            None => serve(options, &output).await?,
            Some(Command::Setup) => setup(options, &output).await?,
            Some(Command::Seed { products }) => fill(options, &output, products).await?,
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

fn options(flags: Flags, output: &Output, environment: impl Fn(&str) -> Option<String>) -> Result<Options, Error> {
    let (access, log) = (output.clone(), output.clone());
    Ok(Options {
        port: flags.port,
        data: flags.data,
        dynamodb: flags.dynamodb.map(|url| access_to(url, environment)).transpose()?,
        template: flags.template.unwrap_or_else(own_template),
        seed: !flags.no_seed,
        throttle: !flags.no_throttle,
        stack: "portico".to_owned(),
        clock: Clock::system(),
        log: Log::to(move |line| log.line(line)),
        access: Some(AccessLog::to_sink(move |line| access.access(line))),
    })
}

/// Credentials for the database at `url`: real ones from the environment, unless it is on this machine.
fn access_to(url: String, environment: impl Fn(&str) -> Option<String>) -> Result<Access, Error> {
    if !url.starts_with("http://") && !url.starts_with("https://") {
        return Err(Error::new(format!("{url} is not the URL of a DynamoDB: write it as http://localhost:8000.")));
    }
    let local = Access::local(url);
    if local.is_loopback() {
        return Ok(local);
    }
    let required = |key: &str| {
        environment(key)
            .filter(|value| !value.is_empty())
            .ok_or_else(|| Error::new(format!("{} needs AWS credentials, and {key} is not set: export it.", local.url)))
    };
    Ok(Access {
        region: environment("AWS_REGION")
            .or_else(|| environment("AWS_DEFAULT_REGION"))
            .filter(|region| !region.is_empty())
            .unwrap_or_else(|| REGION.to_owned()),
        key_id: required("AWS_ACCESS_KEY_ID")?,
        secret: required("AWS_SECRET_ACCESS_KEY")?,
        session_token: environment("AWS_SESSION_TOKEN"),
        url: local.url.clone(),
    })
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
    signals.next().await;
    output.line("Finishing the requests in flight. Once more ends the shop at once.");
    tokio::select! {
        () = shop.stop() => {}
        () = signals.next() => {}
    }
    Ok(())
}

async fn setup(options: Options, output: &Output) -> Result<(), Error> {
    let base = Base::lay(&options).await?;
    tables::create(base.database.client(), &base.template.tables).await?;
    for table in &base.template.tables {
        output.line(&format!("The table {} is there.", table.name));
    }
    base.database.close().await;
    Ok(())
}

async fn fill(options: Options, output: &Output, products: u64) -> Result<(), Error> {
    if options.data.is_none() && options.dynamodb.is_none() {
        return Err(Error::new("seed needs a database that stays: name it with --data FILE or --dynamodb URL."));
    }
    let base = Base::lay(&options).await?;
    tables::create(base.database.client(), &base.template.tables).await?;
    base.seed(options.clock.now()).await?;
    output.line("The sample catalogue is there.");
    output.line(if base.database.is_local() {
        "The users `user` and `admin` are there."
    } else {
        "Sample users have published passwords, so they are written only to a database on this machine."
    });
    output.flush();
    if products > 0 {
        let bar = progress_bar(products);
        let catalogue = base.catalogue()?;
        seed::generate(base.database.client(), &catalogue, products, |written| bar.inc(written)).await?;
        bar.finish_and_clear();
        output.line(&format!("{products} generated products are there."));
    }
    base.database.close().await;
    Ok(())
}

fn progress_bar(products: u64) -> ProgressBar {
    let bar = ProgressBar::new(products);
    if let Ok(style) =
        ProgressStyle::with_template("{bar:40} {human_pos} of {human_len} products, {per_sec}, {eta} left")
    {
        bar.set_style(style);
    }
    if std::io::stderr().is_terminal() {
        bar.enable_steady_tick(Duration::from_millis(200));
    }
    bar
}

/// What ends the shop: Ctrl-C, and what `kill` and a container's stop send.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    fn listen() -> Result<Signals, Error> {
        Ok(Signals {
            #[cfg(unix)]
            terminate: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
                .map_err(|error| Error::new(format!("signals cannot be listened to: {error}.")))?,
        })
    }

    #[cfg(unix)]
    async fn next(&mut self) {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = self.terminate.recv() => {}
        }
    }

    #[cfg(not(unix))]
    async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_stand_before_or_after_a_command() {
        for arguments in [
            ["portico", "--data", "f", "seed", "--products", "5"],
            ["portico", "seed", "--products", "5", "--data", "f"],
        ] {
            let cli = Cli::parse_from(arguments);
            assert_eq!(cli.shop.data, Some(PathBuf::from("f")));
            assert!(matches!(cli.command, Some(Command::Seed { products: 5 })));
        }
        assert!(Cli::try_parse_from(["portico", "--data", "f", "--dynamodb", "http://localhost:8000"]).is_err());
    }

    #[test]
    fn a_database_elsewhere_needs_credentials() {
        assert!(access_to("http://localhost:8000".to_owned(), |_| None).is_ok());
        assert!(
            access_to("localhost:8000".to_owned(), |_| None)
                .is_err_and(|error| error.to_string().contains("not the URL"))
        );
        let aws = || "https://dynamodb.eu-central-1.amazonaws.com".to_owned();
        assert!(access_to(aws(), |_| None).is_err_and(|error| error.to_string().contains("AWS_ACCESS_KEY_ID")));
        assert_eq!(
            access_to(aws(), |key| Some(key.to_owned())).map(|access| access.region),
            Ok("AWS_REGION".to_owned())
        );
    }
}
