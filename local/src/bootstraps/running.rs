//! All processes of a template's functions.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use shared::clock::Clock;
use tempfile::TempDir;
use tokio::sync::watch;

use super::Built;
use super::keeper::Keeper;
use super::news::Speaker;
use super::pool::{Common, Declared, PROCESSES, Pool};
use super::program::Places;
use super::slots::Patience;
use crate::Error;
use crate::environment::Environment;
use crate::functions::{Functions, Handler, Reply, label};
use crate::template;

/// The functions' processes.
pub struct Bootstraps {
    directory: PathBuf,
    pools: Vec<Arc<Pool>>,
    common: Arc<Common>,
    _copies: TempDir,
}

impl Bootstraps {
    /// The functions of the environment's template, as what was built for them. A process starts when it is needed.
    ///
    /// # Errors
    /// There is no such directory, or none can be made for copies, or no shell be started.
    pub fn new(built: &Built, environment: &Environment<'_>, clock: &Clock) -> Result<(Bootstraps, Functions), Error> {
        Bootstraps::with(Patience::default(), built, environment, clock)
    }

    /// The same, with this patience.
    pub(super) fn with(
        patience: Patience,
        built: &Built,
        environment: &Environment<'_>,
        clock: &Clock,
    ) -> Result<(Bootstraps, Functions), Error> {
        let Built { directory, inherited, sink } = built;
        if !directory.is_dir() {
            return Err(Error::new(format!(
                "there is no directory {}: build the functions first, or name with --bootstraps where they are built.",
                directory.display()
            )));
        }
        // What is copied may be readable for its owner alone.
        let for_the_owner = Permissions::from_mode(0o700);
        let copies =
            tempfile::Builder::new().prefix("portico-").permissions(for_the_owner).tempdir().map_err(|error| {
                Error::new(format!(
                    "no temporary directory can be made ({error}): let TMPDIR be one that you may write to."
                ))
            })?;
        let keeper = Keeper::start(copies.path())
            .map_err(|error| Error::new(format!("the shell `sh` cannot be started: {error}.")))?;
        let stop = watch::Sender::new(false);
        let common = Arc::new(Common { keeper, copies: copies.path().to_owned(), stop, patience });
        let (template, mut pools) = (environment.template, Vec::new());
        let width = template.functions.iter().map(|function| label(template, function).chars().count()).max();
        let width = width.unwrap_or_default();
        let handler = |function: &template::Function| {
            let speaker = Speaker { name: label(template, function).into(), width, sink: Arc::clone(sink) };
            let mut variables = inherited.clone();
            variables.extend(environment.of_process(function));
            let is_alone = template.functions.len() == 1;
            let places = Places::of(function, directory, is_alone);
            let declared = declared(function, places, variables);
            let pool = Arc::new(Pool::new(declared, speaker, Arc::clone(&common)));
            pools.push(Arc::clone(&pool));
            let invoke = move |queues: bool| {
                let pool = Arc::clone(&pool);
                move |event, context| -> Reply {
                    let pool = Arc::clone(&pool);
                    Box::pin(async move { pool.invoke(event, context, queues).await.map(Vec::from) })
                }
            };
            Handler::keeping_time(invoke(false)).queueing(invoke(true))
        };
        let functions = Functions::each(template, handler, clock);
        Ok((Bootstraps { directory: directory.to_owned(), pools, common, _copies: copies }, functions))
    }

    /// Where the programs are.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// A sentence for each function that has no program yet. One that is built later runs at its next call.
    pub fn missing(&self) -> Vec<String> {
        let missing = |pool: &Arc<Pool>| pool.declared.places.find().err().map(|missing| missing.to_string());
        self.pools.iter().filter_map(missing).collect()
    }

    /// How many invocations wait for a process.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.pools.iter().map(|pool| pool.waiting()).sum()
    }

    /// The processes of the first function.
    #[cfg(test)]
    pub(super) fn pool(&self) -> &Arc<Pool> {
        &self.pools[0]
    }

    /// Ends all processes, waits until they have ended, and says what each function did.
    pub async fn stop(self) {
        self.common.stop.send_replace(true);
        // Who waits hears of it before any process ends and makes room.
        for pool in &self.pools {
            pool.empty();
        }
        self.common.stop.closed().await;
        for pool in &self.pools {
            pool.close();
        }
        self.common.keeper.stop().await;
    }
}

impl Drop for Bootstraps {
    fn drop(&mut self) {
        self.common.stop.send_replace(true);
    }
}

fn declared(function: &template::Function, places: Places, variables: BTreeMap<String, String>) -> Declared {
    let reserved = function.reserved_concurrency.map(|reserved| usize::try_from(reserved).unwrap_or(usize::MAX));
    Declared {
        places,
        environment: variables.into_iter().collect(),
        timeout: function.timeout,
        limit: reserved.unwrap_or(PROCESSES),
        is_reserved: reserved.is_some(),
    }
}
