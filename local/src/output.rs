//! The terminal: every line goes through one thread with a buffer, so that a request never waits for it, nor for its line
//! to be made.

use std::fmt::{self, Write as _};
use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use clap::ValueEnum;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;

use crate::bootstraps::{Millis, News, Speaker};
use crate::gateway::{AccessLine, AccessLog, Formatter};
use crate::template::HttpApi;
use room::Room;

mod room;

/// Lines that may wait: beyond, whoever logs waits for the terminal. Half of them may be processes' lines, so that these do
/// not keep the gateway from saying something.
const WAITING: usize = 65_536;
/// How many bytes of processes' long lines may wait, and how long those are.
const ROOM: usize = 64 * 1024 * 1024;
const LONG: usize = 1024;
/// How long lines gather: waking the thread for each would cost more than the request.
const GATHER: Duration = Duration::from_millis(10);

/// How a running shop says what it does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// A readable line for each request; of the functions only what that does not say
    #[default]
    Text,
    /// JSON objects: requests as the template's access log has them, and every line of the functions
    Json,
}

enum Message {
    Line(String),
    Log(String),
    OfProcess { name: Arc<str>, width: usize, line: String },
    Said { name: Arc<str>, width: usize, said: String },
    Format(Box<Formatter>),
    Access(Box<AccessLine>),
    Flush(SyncSender<()>),
}

/// A place for lines; clones write to the same one.
#[derive(Clone)]
pub struct Output {
    sender: SyncSender<Message>,
    format: LogFormat,
    places: Arc<Room>,
    room: Arc<Room>,
}

impl Output {
    /// Lines go to standard output.
    ///
    /// # Errors
    /// There can be no more threads.
    pub fn stdout(format: LogFormat) -> io::Result<Output> {
        Output::to(io::stdout(), format)
    }

    /// Lines go to standard error, in the same format.
    ///
    /// # Errors
    /// There can be no more threads.
    pub fn beside(&self) -> io::Result<Output> {
        Output::to(io::stderr(), self.format)
    }

    /// Lines go there.
    ///
    /// # Errors
    /// There can be no more threads.
    pub fn to(out: impl Write + Send + 'static, format: LogFormat) -> io::Result<Output> {
        Output::within(WAITING, ROOM, out, format)
    }

    fn within(lines: usize, room: usize, out: impl Write + Send + 'static, format: LogFormat) -> io::Result<Output> {
        let (sender, receiver) = sync_channel(lines);
        let (places, room) = (Arc::new(Room::of(lines / 2)), Arc::new(Room::of(room)));
        let freed = (Arc::clone(&places), Arc::clone(&room));
        let write = move || write(&receiver, out, format, &freed.0, &freed.1);
        std::thread::Builder::new().name("output".to_owned()).spawn(write)?;
        Ok(Output { sender, format, places, room })
    }

    /// Writes text as it is, given without its end.
    pub fn line(&self, line: &str) {
        self.send(Message::Line(line.to_owned()));
    }

    /// Says something about the running shop, in a sentence.
    pub fn say(&self, sentence: &str) {
        match self.format {
            LogFormat::Text => self.line(sentence),
            LogFormat::Json => self.send(Message::Line(json!({"level": "INFO", "message": sentence}).to_string())),
        }
    }

    /// Writes a function's line.
    pub fn log(&self, line: &str) {
        self.send(Message::Log(line.to_owned()));
    }

    /// Writes news of a function that is a process: in text behind its name, in JSON as an object.
    pub fn news(&self, speaker: &Speaker, news: News<'_>) {
        let name = Arc::clone(&speaker.name);
        let said = match (news, self.format) {
            (News::Line(line), _) => {
                let (width, line) = (speaker.width, line.to_owned());
                for (room, wanted) in [(&self.room, long(&line)), (&self.places, 1)] {
                    if !room.take(wanted) {
                        room::waiting(|| room.wait_for(wanted));
                    }
                }
                return self.send(Message::OfProcess { name, width, line });
            }
            (News::ColdStart { number, took }, LogFormat::Text) => format!("cold start {number}: {} ms", Millis(took)),
            (News::Said(what), LogFormat::Text) => what.to_owned(),
            (News::Total { invocations, cold_starts }, LogFormat::Text) => {
                format!("invocations: {invocations}, cold starts: {cold_starts}")
            }
            (News::ColdStart { number, took }, LogFormat::Json) => {
                // A whole number of microseconds, written in milliseconds.
                let took = serde_json::from_str::<serde_json::Number>(&Millis(took).to_string()).ok();
                json!({"level": "INFO", "function": *name, "cold_start": number, "init_ms": took}).to_string()
            }
            (News::Said(what), LogFormat::Json) => {
                json!({"level": "WARN", "function": *name, "message": what}).to_string()
            }
            (News::Total { invocations, cold_starts }, LogFormat::Json) => {
                json!({"level": "INFO", "function": *name, "invocations": invocations, "cold_starts": cold_starts})
                    .to_string()
            }
        };
        match self.format {
            LogFormat::Text => self.send(Message::Said { name, width: speaker.width, said }),
            LogFormat::Json => self.send(Message::Line(said)),
        }
    }

    /// A log of this API's requests.
    pub fn access_log(&self, api: &HttpApi) -> AccessLog {
        let output = self.clone();
        let log = AccessLog::to_sink(move |line| output.send(Message::Access(Box::new(line))));
        match self.format {
            LogFormat::Text => log,
            LogFormat::Json => {
                let formatter = Formatter::new(api);
                let wanted = formatter.wanted();
                self.send(Message::Format(Box::new(formatter)));
                log.with(wanted)
            }
        }
    }

    /// Waits until everything so far is written.
    pub fn flush(&self) {
        let (done, wait) = sync_channel(1);
        if self.sender.send(Message::Flush(done)).is_ok() {
            let _ = wait.recv();
        }
    }

    fn send(&self, message: Message) {
        // Without its thread there is no terminal to write to.
        if let Err(TrySendError::Full(message)) = self.sender.try_send(message) {
            room::waiting(|| drop(self.sender.send(message)));
        }
    }
}

/// How much of the room a process's line takes.
fn long(line: &str) -> usize {
    if line.len() > LONG { line.len() } else { 0 }
}

fn write(receiver: &Receiver<Message>, out: impl Write, format: LogFormat, places: &Room, room: &Room) {
    let mut out = BufWriter::with_capacity(1 << 16, out);
    let mut formatter = None;
    while let Ok(first) = receiver.recv() {
        let mut next = Some(first);
        while let Some(message) = next {
            // A reader that went away (`portico | head`) must not end the shop.
            match message {
                Message::Line(line) => drop(writeln!(out, "{line}")),
                Message::Log(line) if format == LogFormat::Text && repeats_a_request(&line) => {}
                Message::Log(line) => drop(writeln!(out, "{line}")),
                Message::OfProcess { name, width, line } => {
                    match format {
                        LogFormat::Text if repeats_a_request(&line) => {}
                        LogFormat::Text => drop(writeln!(out, "{name:<width$} | {}", Printable(&line))),
                        LogFormat::Json if is_object(&line) => drop(writeln!(out, "{line}")),
                        LogFormat::Json => drop(writeln!(out, "{}", json!({"function": *name, "message": line}))),
                    }
                    room.give_back(long(&line));
                    places.give_back(1);
                }
                Message::Said { name, width, said } => drop(writeln!(out, "{name:<width$} | {}", Printable(&said))),
                Message::Format(given) => formatter = Some(given),
                Message::Access(line) => match &formatter {
                    Some(formatter) => {
                        let _ = writeln!(out, "{}", formatter.json(&line));
                        if let Some(failure) = formatter.failure(&line) {
                            let _ = writeln!(out, "{failure}");
                        }
                    }
                    None => drop(writeln!(out, "{line}")),
                },
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

/// Text of which a terminal does nothing but show it: what would move its cursor or change its colours is written out.
struct Printable<'a>(&'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|char| match char {
            control if control.is_control() && control != '\t' => write!(f, "{}", control.escape_default()),
            other => f.write_char(other),
        })
    }
}

fn is_object(line: &str) -> bool {
    line.starts_with('{') && serde_json::from_str::<IgnoredAny>(line).is_ok()
}

/// Whether a line of one of the shop's functions says no more than that an invocation went as it should, and with which
/// status: a request has one line, and that is the gateway's. Warnings, errors, events and figures are something else, and
/// so are the lines of functions that write others than the shop's.
fn repeats_a_request(line: &str) -> bool {
    #[derive(Deserialize)]
    struct Invocation<'a> {
        level: &'a str,
        #[serde(rename = "request.id")]
        _request_id: &'a str,
        #[serde(rename = "function")]
        _function: &'a str,
        #[serde(rename = "status")]
        _status: u16,
    }
    serde_json::from_str::<Invocation<'_>>(line).is_ok_and(|line| line.level == "INFO")
}

#[cfg(test)]
mod tests;
