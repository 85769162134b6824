//! Writes each invocation's event and answer as JSON, which `cargo lambda invoke --data-file` and `replay` take, into files
//! that their owner alone can read. [`mask`] says what is left out.
//!
//! A thread writes, so that no request waits for a disk. When more lies before it than `ROOM`, whoever invokes waits:
//! nothing is lost, and memory has a bound.

pub mod files;
pub mod mask;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use bytes::Bytes;
use shared::clock::{Clock, Timestamp};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::Error;
use crate::functions::Failure;
use files::Folder;
use mask::Masks;

/// How many KiB of events and answers may wait.
const ROOM: u32 = 64 * 1024;

/// What to record, and where.
pub struct Record {
    /// The folder.
    pub folder: PathBuf,
    /// Whether secrets stay.
    pub secrets: bool,
    /// Is told, in a sentence and once, that the folder can be written to no longer.
    pub say: Box<dyn Fn(&str) + Send + Sync>,
}

/// Records invocations; clones write to the same folder.
#[derive(Clone)]
pub struct Recorder {
    sender: Sender<Message>,
    room: Arc<Semaphore>,
    clock: Clock,
    next: Arc<AtomicU64>,
    folder: Arc<Path>,
    secrets: bool,
}

/// One function's part of a record.
#[derive(Clone)]
pub struct Recording {
    recorder: Recorder,
    function: Arc<str>,
}

enum Message {
    Event { id: u64, time: Timestamp, function: Arc<str>, event: Bytes, _room: Option<OwnedSemaphorePermit> },
    Outcome { id: u64, outcome: Result<Bytes, Failure>, _room: Option<OwnedSemaphorePermit> },
    Flush(oneshot::Sender<()>),
}

impl Recorder {
    /// Makes the folder, if it is not there, and starts the thread.
    ///
    /// # Errors
    /// The folder cannot be written to.
    pub fn start(record: Record, clock: &Clock) -> Result<Recorder, Error> {
        let Record { folder, secrets, say } = record;
        let refused = |error| {
            Error::new(format!(
                "invocations cannot be recorded in {} ({error}): name a folder that can be written to.",
                folder.display()
            ))
        };
        let folder = Folder::open(folder.clone()).map_err(refused)?;
        let path = Arc::from(folder.path());
        let (sender, receiver) = channel();
        let writer = Writer { folder, secrets, say, begun: HashMap::new(), has_failed: false };
        std::thread::Builder::new().name("record".to_owned()).spawn(move || writer.run(&receiver)).map_err(refused)?;
        let room = Arc::new(Semaphore::new(ROOM as usize));
        Ok(Recorder { sender, room, clock: clock.clone(), next: Arc::default(), folder: path, secrets })
    }

    /// The part of the function that files call so.
    pub fn of(&self, function: &str) -> Recording {
        Recording { recorder: self.clone(), function: function.into() }
    }

    /// Where it records.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether secrets are recorded too.
    pub fn keeps_secrets(&self) -> bool {
        self.secrets
    }

    /// Waits until everything so far is written.
    pub async fn flush(&self) {
        let (done, wait) = oneshot::channel();
        self.send(Message::Flush(done));
        // Without its thread nothing more is written.
        let _ = wait.await;
    }

    fn send(&self, message: Message) {
        let _ = self.sender.send(message);
    }

    /// Waits until there is room for so many bytes; it is given back when they are written.
    async fn room(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let wanted = u32::try_from(bytes / 1024 + 1).unwrap_or(ROOM).min(ROOM);
        Arc::clone(&self.room).acquire_many_owned(wanted).await.ok()
    }
}

impl Recording {
    /// Records an event, and gives the number by which its outcome belongs to it.
    pub async fn event(&self, event: &Bytes) -> u64 {
        let Recorder { clock, next, .. } = &self.recorder;
        let (id, time, function) = (next.fetch_add(1, Ordering::Relaxed), clock.now(), Arc::clone(&self.function));
        let room = self.recorder.room(event.len()).await;
        self.recorder.send(Message::Event { id, time, function, event: event.clone(), _room: room });
        id
    }

    /// Records what became of an event.
    pub async fn outcome(&self, id: u64, outcome: &Result<Bytes, Failure>) {
        let length = outcome.as_ref().map_or_else(|failure| failure.error_message.len(), Bytes::len);
        let room = self.recorder.room(length).await;
        self.recorder.send(Message::Outcome { id, outcome: outcome.clone(), _room: room });
    }
}

struct Writer {
    folder: Folder,
    secrets: bool,
    say: Box<dyn Fn(&str) + Send + Sync>,
    /// Invocations without an outcome so far: what their files' names begin with, and what was masked in their events.
    begun: HashMap<u64, (PathBuf, Masks)>,
    has_failed: bool,
}

impl Writer {
    fn run(mut self, receiver: &Receiver<Message>) {
        while let Ok(message) = receiver.recv() {
            let written = match message {
                Message::Event { id, time, function, event, .. } => {
                    let mut masks = Masks::default();
                    let event = self.shown(&mut masks, &event);
                    let name = self.folder.event(time, &function, &event);
                    name.map(|name| drop(self.begun.insert(id, (name, masks))))
                }
                Message::Outcome { id, outcome, .. } => match self.begun.remove(&id) {
                    Some((name, mut masks)) => files::outcome(&name, &self.outcome(&mut masks, outcome)),
                    // Its event could not be written.
                    None => Ok(()),
                },
                Message::Flush(done) => {
                    let _ = done.send(());
                    Ok(())
                }
            };
            if let Err(error) = written
                && !std::mem::replace(&mut self.has_failed, true)
            {
                (self.say)(&format!(
                    "Not every invocation is recorded: {} cannot be written to ({error}). See to its space and permissions.",
                    self.folder.path().display()
                ));
            }
        }
    }

    fn outcome(&self, masks: &mut Masks, outcome: Result<Bytes, Failure>) -> Result<Vec<u8>, Vec<u8>> {
        match outcome {
            Ok(answer) => Ok(self.shown(masks, &answer)),
            Err(failure) => Err(self.shown(masks, &serde_json::to_vec(&failure).unwrap_or_default())),
        }
    }

    fn shown(&self, masks: &mut Masks, json: &[u8]) -> Vec<u8> {
        if self.secrets { json.to_vec() } else { masks.mask(json) }
    }
}

#[cfg(test)]
mod tests;
