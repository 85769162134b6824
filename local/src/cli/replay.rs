//! The command that sends a recorded event again: the answer goes to standard output, all else beside it.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use shared::telemetry::Log;

use crate::Error;
use crate::bootstraps::{Built, Sink};
use crate::database::Access;
use crate::output::Output;
use crate::replay::{self, Comparison, Replayed};
use crate::shop::Options;

pub async fn replay(options: Options, output: &Output, file: &Path, function: Option<&str>) -> Result<(), Error> {
    if options.record.is_some() {
        return Err(Error::new("replay records nothing: leave --record out."));
    }
    if let Some(warning) = warning(&options) {
        remark(&format!("Beware: {warning}"));
    }
    let beside = output.beside().map_err(|error| Error::new(format!("there can be no thread for output: {error}.")))?;
    let (log, news) = (beside.clone(), beside.clone());
    let sink: Sink = Arc::new(move |speaker, what| news.news(speaker, what));
    let bootstraps = options.bootstraps.map(|built| Built { sink, ..built });
    let options = Options { log: Log::to(move |line| log.log(line)), bootstraps, ..options };
    let Replayed { outcome, is_masked, comparison } = replay::replay(options, file, function).await?;
    let printed = match &outcome {
        Ok(answer) => String::from_utf8_lossy(answer).into_owned(),
        Err(failure) => serde_json::to_string(failure).unwrap_or_default(),
    };
    output.line(&printed);
    output.flush();
    beside.flush();
    if is_masked {
        remark("There are masks (***) in this event, and whatever needs what they hide is refused.");
    }
    match comparison {
        None => {}
        Some(Comparison::Same) => remark("This is the recorded answer."),
        Some(Comparison::Differs(at)) if at.is_empty() => {
            remark("This is not what was recorded: one is an answer, the other a failure.");
        }
        Some(Comparison::Differs(at)) => remark(&format!("This is not the recorded answer: they differ at {at}.")),
    }
    outcome.map(drop).map_err(|failure| Error::new(format!("the function failed ({failure}): see what it printed.")))
}

/// What is to be known of the credentials that the function is given, if it is a process.
fn warning(options: &Options) -> Option<&'static str> {
    options.bootstraps.as_ref().and(options.dynamodb.as_ref()).and_then(Access::warning)
}

/// Writes a line beside the answer. Where nobody reads it, nothing is to be done.
fn remark(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
