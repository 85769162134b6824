//! The binary `portico`: the shop on one machine.

use std::process::ExitCode;

use clap::Parser;
use local::cli::{self, Cli};

// An order is tens of thousands of small allocations on several threads, a fifth of its time with the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    cli::run(Cli::parse(), |key| std::env::var(key).ok()).await
}
