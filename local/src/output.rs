//! The terminal: every line goes through one thread with a buffer, so that a request never waits for it.

use std::io::{self, BufWriter, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use crate::gateway::AccessLine;

/// Lines that may wait: beyond, whoever logs waits for the terminal.
const WAITING: usize = 65_536;
/// How long lines gather: waking the thread for each would cost more than the request.
const GATHER: Duration = Duration::from_millis(10);

enum Message {
    Line(String),
    Access(Box<AccessLine>),
    Flush(SyncSender<()>),
}

/// A place for lines; clones write to the same one.
#[derive(Clone)]
pub struct Output(SyncSender<Message>);

impl Output {
    /// Lines go to standard output.
    ///
    /// # Errors
    /// There can be no more threads.
    pub fn stdout() -> io::Result<Output> {
        let (sender, receiver) = sync_channel(WAITING);
        std::thread::Builder::new().name("output".to_owned()).spawn(move || write(&receiver))?;
        Ok(Output(sender))
    }

    /// Writes a line, given without its end.
    pub fn line(&self, line: &str) {
        // Without its thread there is no terminal to write to.
        let _ = self.0.send(Message::Line(line.to_owned()));
    }

    /// Writes a request's line.
    pub fn access(&self, line: AccessLine) {
        let _ = self.0.send(Message::Access(Box::new(line)));
    }

    /// Waits until everything so far is written.
    pub fn flush(&self) {
        let (done, wait) = sync_channel(1);
        if self.0.send(Message::Flush(done)).is_ok() {
            let _ = wait.recv();
        }
    }
}

fn write(receiver: &Receiver<Message>) {
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout());
    while let Ok(first) = receiver.recv() {
        let mut next = Some(first);
        while let Some(message) = next {
            // A reader that went away (`portico | head`) must not end the shop.
            match message {
                Message::Line(line) => drop(writeln!(out, "{line}")),
                Message::Access(line) => drop(writeln!(out, "{line}")),
                Message::Flush(done) => {
                    let _ = out.flush();
                    let _ = done.send(());
                }
            }
            next = receiver.try_recv().ok();
        }
        let _ = out.flush();
        std::thread::sleep(GATHER);
    }
}
