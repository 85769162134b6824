//! Starts a process, and watches over it until it ends.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::net::Ipv4Addr;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use shared::clock::Clock;
use shared::ids;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use super::keeper::Group;
use super::lines;
use super::news::News;
use super::pool::Pool;
use super::process::{Process, Ready};
use super::program::Program;
use super::runtime_api;
use crate::server::Running;

/// How often a program is started that cannot be yet: another process that starts at the same moment may hold the copy
/// open for writing.
const STARTS: usize = 20;
const PAUSE: Duration = Duration::from_millis(5);
/// How long to read on what a process has written when it has ended: something that it started may hold its output open.
const REST: Duration = Duration::from_millis(200);

/// Starts a process with a Runtime API of its own.
pub async fn start(pool: &Arc<Pool>, program: &Arc<Program>) -> Result<(Arc<Process>, Ready), String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    let listener = listener.map_err(|error| format!("a loopback port cannot be served: {error}."))?;
    let (process, ready) = Process::new(program.stamp, pool);
    let api = runtime_api::serve(listener, Arc::clone(&process));
    let api = api.map_err(|error| format!("a loopback port cannot be served: {error}."))?;
    let mut command = command(pool, program);
    command.env("AWS_LAMBDA_RUNTIME_API", api.address().to_string());
    let mut child = spawn(&mut command).await.map_err(|error| {
        let (file, hint) = (program.root.join("bootstrap"), hint(error.kind(), program));
        format!("{} cannot be run ({error}): {hint}.", file.display())
    })?;
    let group = child.id().and_then(Group::led_by);
    if let Some(group) = group {
        pool.common.keeper.add(group);
    }
    let output = (child.stdout.take(), child.stderr.take());
    let speaker = pool.speaker.clone();
    let output =
        tokio::spawn(async move { tokio::join!(lines::read(output.0, &speaker), lines::read(output.1, &speaker)) });
    let watched = Watched { pool: Arc::clone(pool), process: Arc::clone(&process), api, group };
    // Its program must be there until it has ended.
    let program = Arc::clone(program);
    tokio::spawn(async move {
        watched.until_the_end(child, output).await;
        drop(program);
    });
    Ok((process, ready))
}

fn command(pool: &Pool, program: &Program) -> Command {
    let mut command = Command::new(&program.file);
    let today: String = Clock::system().now().to_string().chars().take(10).collect();
    let stream = format!("{}/[$LATEST]{:032x}", today.replace('-', "/"), u128::from_be_bytes(ids::random()));
    command.env_clear().envs(libraries(&program.root));
    command.envs(pool.declared.environment.iter().map(|(key, value)| (key, value)));
    command.env("AWS_LAMBDA_LOG_STREAM_NAME", stream);
    command.env("LAMBDA_TASK_ROOT", &program.root).env("LAMBDA_RUNTIME_DIR", &program.root);
    command.current_dir(&program.root);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A group of its own, so that Ctrl-C in the terminal does not reach it, and that it ends with all that it started.
    command.process_group(0).kill_on_drop(true);
    command
}

/// Where libraries of the function's own are looked for, unless its template says something else: as in Lambda, but for its
/// layers and what its system has anyway.
fn libraries(root: &Path) -> Option<(&'static str, OsString)> {
    let paths = std::env::join_paths([root.to_owned(), root.join("lib")]);
    // With a colon in it no path can be one of several.
    Some(("LD_LIBRARY_PATH", paths.ok()?))
}

async fn spawn(command: &mut Command) -> std::io::Result<Child> {
    for _ in 1..STARTS {
        match command.spawn() {
            Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => tokio::time::sleep(PAUSE).await,
            started => return started,
        }
    }
    command.spawn()
}

fn hint(kind: ErrorKind, program: &Program) -> &'static str {
    match kind {
        ErrorKind::PermissionDenied => "make it executable, and TMPDIR a directory in which programs may run",
        ErrorKind::NotFound if !program.is_there() => "build it again",
        ErrorKind::NotFound if program.is_script() => "install what its first line names",
        ErrorKind::NotFound => {
            "it needs a loader (of a libc) that is not here: build it for this system, or link it statically"
        }
        _ => "build it for this machine's processor and system",
    }
}

struct Watched {
    pool: Arc<Pool>,
    process: Arc<Process>,
    api: Running,
    group: Option<Group>,
}

impl Watched {
    async fn until_the_end(self, mut child: Child, mut output: JoinHandle<((), ())>) {
        let Watched { pool, process, api, group } = self;
        let mut stop = pool.common.stop.subscribe();
        let by_itself = tokio::select! {
            status = child.wait() => Some(status),
            () = process.told_to_end() => None,
            // The sender is there for as long as the pool.
            () = async { drop(stop.wait_for(|stop| *stop).await) } => None,
        };
        let told = by_itself.is_none();
        let status = match by_itself {
            Some(status) => status,
            None => kill(group, &mut child).await,
        };
        if let Some(group) = group {
            // What it started and left behind.
            group.kill();
            pool.common.keeper.remove(group);
        }
        // Nobody is given it while its last lines are read.
        let idle = process.over_if_idle();
        pool.forget(&process);
        if tokio::time::timeout(REST, &mut output).await.is_err() {
            output.abort();
        }
        let how = status.map_or_else(|error| format!("Runtime exited with error: {error}"), described);
        let idle = process.over(&how) || idle;
        if idle && !told {
            pool.speaker.say(News::Said(&format!("a process ended while it had nothing to do ({how})")));
        }
        drop(api);
    }
}

async fn kill(group: Option<Group>, child: &mut Child) -> std::io::Result<ExitStatus> {
    match group {
        Some(group) => group.kill(),
        None => drop(child.start_kill()),
    }
    child.wait().await
}

/// As Lambda says it.
fn described(status: ExitStatus) -> String {
    let signal = match status.signal() {
        None if status.success() => return "Runtime exited without providing a reason".to_owned(),
        None => return format!("Runtime exited with error: exit status {}", status.code().unwrap_or_default()),
        Some(4) => "illegal instruction",
        Some(6) => "aborted",
        Some(8) => "floating point exception",
        Some(9) => "killed",
        Some(11) => "segmentation fault",
        Some(15) => "terminated",
        Some(other) => return format!("Runtime exited with error: signal: signal {other}"),
    };
    let core = if status.core_dumped() { " (core dumped)" } else { "" };
    format!("Runtime exited with error: signal: {signal}{core}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_described_as_lambda_describes_it() {
        let described = |raw| described(ExitStatus::from_raw(raw));
        assert_eq!(described(0), "Runtime exited without providing a reason");
        assert_eq!(described(3 << 8), "Runtime exited with error: exit status 3");
        assert_eq!(described(9), "Runtime exited with error: signal: killed");
        assert_eq!(described(11 | 0x80), "Runtime exited with error: signal: segmentation fault (core dumped)");
        assert_eq!(described(10), "Runtime exited with error: signal: signal 10");
    }
}
