//! The lines that a process writes.

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

use super::news::{News, Speaker};

/// The most bytes of a line. The rest of a longer one is left out.
const LINE: usize = 64 * 1024;

/// Reads lines to the end.
pub async fn read(output: Option<impl AsyncRead + Unpin>, speaker: &Speaker) {
    let Some(output) = output else { return };
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    loop {
        let (ended, length) = match output.fill_buf().await {
            Err(_) | Ok([]) => break,
            Ok(bytes) => {
                let end = bytes.iter().position(|byte| *byte == b'\n');
                let part = &bytes[..end.unwrap_or(bytes.len())];
                line.extend_from_slice(&part[..part.len().min(LINE - line.len())]);
                (end.is_some(), end.map_or(bytes.len(), |end| end + 1))
            }
        };
        output.consume(length);
        if ended {
            say(&mut line, speaker);
        }
    }
    if !line.is_empty() {
        say(&mut line, speaker);
    }
}

fn say(line: &mut Vec<u8>, speaker: &Speaker) {
    speaker.say(News::Line(String::from_utf8_lossy(line).trim_end_matches('\r')));
    line.clear();
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::super::news::Sink;
    use super::*;

    #[tokio::test]
    async fn lines_are_heard_one_by_one_and_a_long_one_is_cut() {
        let heard: Arc<Mutex<Vec<String>>> = Arc::default();
        let to = Arc::clone(&heard);
        let sink: Sink = Arc::new(move |speaker, news| match news {
            News::Line(line) => to.lock().unwrap().push(format!("{}: {line}", speaker.name)),
            other => panic!("{other:?}"),
        });
        let speaker = Speaker { name: "hello".into(), width: 5, sink };
        let long = "x".repeat(LINE * 3);
        let text = format!("one\r\n\n{long}\nl\u{f6}st");
        let mut bytes = text.into_bytes();
        bytes.push(0xff);
        read(Some(bytes.as_slice()), &speaker).await;
        let heard = heard.lock().unwrap();
        assert_eq!(heard[..2], ["hello: one", "hello: "]);
        assert_eq!(heard[2].len(), "hello: ".len() + LINE);
        assert_eq!(heard[3..], ["hello: l\u{f6}st\u{fffd}"]);
    }
}
