//! What ends the functions' processes when the gateway is killed: a shell that waits for the end of its input, which comes
//! however this process goes.

use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, kill_process_group};

/// A process group: what its first process started is in it too.
#[derive(Debug, Clone, Copy)]
pub struct Group(Pid);

impl Group {
    /// The group that the process with this id leads.
    pub fn led_by(process: u32) -> Option<Group> {
        i32::try_from(process).ok().and_then(Pid::from_raw).map(Group)
    }

    /// Ends it at once.
    pub fn kill(self) {
        // It has ended already, or this does.
        let _ = kill_process_group(self.0, Signal::KILL);
    }
}

/// The shell. Dropping this ends it, and what it was told to keep.
pub struct Keeper(Mutex<Option<(Child, ChildStdin)>>);

impl Keeper {
    /// Starts it. It removes `directory` at its end.
    pub fn start(directory: &Path) -> io::Result<Keeper> {
        let mut command = Command::new("sh");
        command.args(["-c", include_str!("keeper.sh"), "keeper"]).arg(directory);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // A Ctrl-C in the terminal is for the gateway alone.
        let mut child = command.process_group(0).spawn()?;
        let input = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(Keeper(Mutex::new(Some((child, input)))))
    }

    /// Ends this group when the gateway ends. If that is killed in the moment between a process's start and this, the
    /// process finds no Runtime API and ends by itself.
    pub fn add(&self, group: Group) {
        self.write('+', group);
    }

    /// Has nothing more to do with this group.
    pub fn remove(&self, group: Group) {
        self.write('-', group);
    }

    fn write(&self, sign: char, Group(group): Group) {
        if let Some((_, input)) = &mut *self.lock() {
            // Without its shell the gateway still ends what it can.
            let _ = writeln!(input, "{sign} {}", group.as_raw_nonzero());
        }
    }

    /// Lets it end, and waits until it has.
    pub async fn stop(&self) {
        let shell = self.lock().take();
        if let Some((mut child, input)) = shell {
            drop(input);
            let _ = tokio::task::spawn_blocking(move || child.wait()).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<(Child, ChildStdin)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
