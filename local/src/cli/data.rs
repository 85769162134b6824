//! Commands about a database, without a shop: its tables, its sample data, its books.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::base::Base;
use crate::output::Output;
use crate::shop::Options;
use crate::{Error, audit, seed, tables};

pub async fn setup(options: Options, output: &Output) -> Result<(), Error> {
    let base = Base::lay(&options).await?;
    tables::create(base.database.client(), &base.template.tables).await?;
    for table in &base.template.tables {
        output.line(&format!("The table {} is there.", table.name));
    }
    base.database.close().await;
    Ok(())
}

pub async fn fill(options: Options, output: &Output, products: u64) -> Result<(), Error> {
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

pub async fn audit(options: Options, output: &Output) -> Result<(), Error> {
    match &options.data {
        None if options.dynamodb.is_none() => {
            return Err(Error::new("audit needs a database that stays: name it with --data FILE or --dynamodb URL."));
        }
        Some(file) if !file.exists() => {
            return Err(Error::new(format!("there is no {}: name the file of a shop's data.", file.display())));
        }
        _ => {}
    }
    let base = Base::lay(&options).await?;
    let report = audit::report(&base).await?;
    base.database.close().await;
    for line in audit::lines(&report) {
        output.line(&line);
    }
    output.flush();
    match (report.differences, report.undecided) {
        (0, 0) => Ok(()),
        (0, _) => Err(Error::new("it is not known whether the books balance: audit again when less is going on.")),
        (1, _) => Err(Error::new("the books do not balance: there is a difference.")),
        (many, _) => Err(Error::new(format!("the books do not balance: there are {many} differences."))),
    }
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
