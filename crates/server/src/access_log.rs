//! The access log writes a line for each request, in a form that tools know, from a thread that holds up no core.
//!
//! The lines wait in a bounded queue; when it is full they are dropped, and counted.

use core::fmt::{self, Write as _};
use std::io::{self, Write};

use levada_http::HttpDate;
use levada_web::ACCESS_TARGET;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::line_writer::LineWriter;
use crate::say::write_error;
use crate::settings::LogForm;

/// How many lines may wait to be written.
const LINES_MAX: usize = 1 << 16;

/// Turns the log on, in this form, and gives its writer; and hands what the program itself has to tell to standard error:
/// what is wrong, and with a log also what is worth knowing.
///
/// # Errors
/// That the OS has no thread for the log.
pub(crate) fn turn_on(form: LogForm) -> io::Result<Option<LineWriter>> {
    let level = match form {
        LogForm::Off => tracing::Level::WARN,
        _ => tracing::Level::INFO,
    };
    let told = tracing_subscriber::fmt::layer()
        .with_writer(Told::default)
        .without_time()
        .with_ansi(false)
        .with_filter(filter_fn(move |metadata| {
            metadata.target() != ACCESS_TARGET && *metadata.level() <= level
        }));
    let registry = tracing_subscriber::registry().with(told);
    if form == LogForm::Off {
        registry.init();
        return Ok(None);
    }
    let writer = LineWriter::start("levada-log", io::stdout(), LINES_MAX)?;
    let requests = Requests { form, writer: writer.clone() }
        .with_filter(filter_fn(|metadata| metadata.target() == ACCESS_TARGET));
    registry.with(requests).init();
    Ok(Some(writer))
}

/// Collects what is told of one event.
#[derive(Default)]
struct Told(Vec<u8>);

impl Write for Told {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        write_error(String::from_utf8_lossy(&self.0).into_owned());
    }
}

/// Writes events about requests.
struct Requests {
    form: LogForm,
    writer: LineWriter,
}

impl<S: Subscriber> Layer<S> for Requests {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = Line::default();
        event.record(&mut line);
        let mut text = match self.form {
            LogForm::Json => line.as_json(),
            LogForm::Off | LogForm::Common | LogForm::Combined => {
                line.as_text(self.form == LogForm::Combined)
            }
        };
        text.push('\n');
        self.writer.write(text);
    }
}

/// What an event says of a request.
#[derive(Debug, Default)]
struct Line {
    unix_s: u64,
    peer: String,
    request: String,
    host: String,
    status: u64,
    bytes: u64,
    referer: String,
    agent: String,
    cause: String,
    traceparent: String,
    micros: u64,
}

impl Visit for Line {
    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "unix_s" => self.unix_s = value,
            "status" => self.status = value,
            "bytes" => self.bytes = value,
            "micros" => self.micros = value,
            _ => {}
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let place = match field.name() {
            "peer" => &mut self.peer,
            "request" => &mut self.request,
            "host" => &mut self.host,
            "referer" => &mut self.referer,
            "agent" => &mut self.agent,
            "cause" => &mut self.cause,
            "traceparent" => &mut self.traceparent,
            _ => return,
        };
        value.clone_into(place);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

impl Line {
    fn as_text(&self, is_combined: bool) -> String {
        let mut text = String::new();
        let peer = if self.peer.is_empty() { "-" } else { &self.peer };
        let written = write!(
            text,
            "{peer} - - [{}] {} {} {}",
            log_time(self.unix_s),
            Quoted(&self.request),
            self.status,
            self.bytes
        );
        let written = written.and_then(|()| {
            if is_combined {
                write!(text, " {} {}", Quoted(&self.referer), Quoted(&self.agent))
            } else {
                Ok(())
            }
        });
        debug_assert!(written.is_ok(), "a string takes everything");
        text
    }

    fn as_json(&self) -> String {
        serde_json::json!({
            "unix_s": self.unix_s,
            "peer": self.peer,
            "request": self.request,
            "host": self.host,
            "status": self.status,
            "bytes": self.bytes,
            "referer": self.referer,
            "agent": self.agent,
            "cause": self.cause,
            "traceparent": self.traceparent,
            "micros": self.micros,
        })
        .to_string()
    }
}

/// A text in quotes, that cannot end them or begin another line; nothing is shown as a dash.
struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("\"-\"");
        }
        f.write_char('"')?;
        for letter in self.0.chars() {
            match letter {
                '"' | '\\' => write!(f, "\\{letter}")?,
                _ if letter.is_control() => write!(f, "\\x{:02x}", u32::from(letter))?,
                _ => f.write_char(letter)?,
            }
        }
        f.write_char('"')
    }
}

/// A moment as the common log format has it: `06/Nov/1994:08:49:37 +0000`.
fn log_time(unix_s: u64) -> String {
    // Of `Sun, 06 Nov 1994 08:49:37 GMT`.
    let date = HttpDate::from_unix_s(unix_s);
    let date = String::from_utf8_lossy(date.as_bytes());
    match date.split(' ').collect::<Vec<_>>()[..] {
        [_, day, month, year, time, _] => format!("{day}/{month}/{year}:{time} +0000"),
        _ => date.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> Line {
        Line {
            unix_s: 784_111_777,
            peer: "192.0.2.1".to_owned(),
            request: "GET /a\"b HTTP/1.1".to_owned(),
            host: "example.org".to_owned(),
            status: 200,
            bytes: 12,
            agent: "curl\u{7}".to_owned(),
            ..Line::default()
        }
    }

    #[test]
    fn lines_have_the_forms_that_tools_read() {
        let common = r#"192.0.2.1 - - [06/Nov/1994:08:49:37 +0000] "GET /a\"b HTTP/1.1" 200 12"#;
        assert_eq!(line().as_text(false), common);
        assert_eq!(line().as_text(true), format!(r#"{common} "-" "curl\x07""#));
    }

    #[test]
    fn a_json_line_is_one_value() {
        let line = line().as_json();
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read["request"], "GET /a\"b HTTP/1.1");
        assert_eq!(read["status"], 200);
        assert!(!line.contains('\n'));
    }
}
