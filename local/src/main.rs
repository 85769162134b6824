//! The binary `portico`: the shop on one machine.

use std::process::ExitCode;

use clap::Parser;
use local::cli::{self, Cli};

#[tokio::main]
async fn main() -> ExitCode {
    cli::run(Cli::parse(), |key| std::env::var(key).ok()).await
}
