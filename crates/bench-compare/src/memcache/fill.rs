//! Filling a server with a stock, and looking whether it has it: over one connection, many commands at a time.

use std::io::ErrorKind;
use std::ops::Range;

use crate::frame::fault::Fault;
use crate::machine::road::{Road, Stream};
use crate::memcache::exchange::told;
use crate::memcache::stock::Stock;
use crate::memcache::tongue::Tongue;

/// No more bytes are on their way at once, unless one value is longer: less than what waits in a socket.
const AT_ONCE_BYTES: usize = 16 * 1024;

/// A client that fills and looks.
pub(crate) struct Filler<'a> {
    stream: Box<dyn Stream>,
    tongue: Tongue,
    stock: &'a Stock,
    asked: Vec<u8>,
    expected: Vec<u8>,
    answered: Vec<u8>,
}

impl<'a> Filler<'a> {
    /// # Errors
    /// If the server does not listen.
    pub(crate) fn connect(road: &Road, tongue: Tongue, stock: &'a Stock) -> Result<Self, Fault> {
        let stream =
            road.connect().map_err(|error| Fault::machine("cannot connect to a server", error))?;
        let (asked, expected, answered) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Self { stream, tongue, stock, asked, expected, answered })
    }

    /// Puts the whole stock.
    /// # Errors
    /// [`Fault::Wrong`] if a value is refused.
    pub(crate) fn fill(&mut self) -> Result<(), Fault> {
        self.in_batches(|filler, keys| {
            for key in keys {
                filler.tongue.ask_to_put(key, filler.stock, &mut filler.asked);
                filler.expected.extend(filler.tongue.answer_put());
            }
        })
    }

    /// Gets the whole stock, and looks at every byte.
    /// # Errors
    /// [`Fault::Wrong`] if a value is not what was put.
    pub(crate) fn look_at_all(&mut self) -> Result<(), Fault> {
        self.in_batches(|filler, keys| {
            let keys: Vec<_> = keys.collect();
            filler.tongue.ask_to_get(&keys, &mut filler.asked);
            filler.tongue.answer_got(&keys, filler.stock, &mut filler.expected);
        })
    }

    fn in_batches(&mut self, write: impl Fn(&mut Self, Range<u64>)) -> Result<(), Fault> {
        let batch_count = (AT_ONCE_BYTES / self.stock.value_bytes).clamp(1, 100) as u64;
        let mut begin = 0;
        while begin < self.stock.count {
            let end = self.stock.count.min(begin + batch_count);
            self.asked.clear();
            self.expected.clear();
            write(self, begin..end);
            self.exchange()?;
            begin = end;
        }
        Ok(())
    }

    fn exchange(&mut self) -> Result<(), Fault> {
        let fault = |error| Fault::machine("cannot ask a server", error);
        self.stream.write_all(&self.asked).map_err(fault)?;
        self.answered.resize(self.expected.len(), 0);
        // In parts, so that a short answer that is wrong is told instead of waited for.
        let mut heard_bytes = 0;
        while heard_bytes < self.expected.len() {
            let read_bytes = match self.stream.read(&mut self.answered[heard_bytes..]) {
                // The load's ring is closed behind its load, and lets this thread know.
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                read_bytes => read_bytes.map_err(fault)?,
            };
            if read_bytes == 0 {
                return Err(Fault::Wrong("the server closed the connection".to_owned()));
            }
            let part = &self.answered[heard_bytes..heard_bytes + read_bytes];
            let expected = &self.expected[heard_bytes..];
            if !expected.starts_with(part) {
                return Err(Fault::Wrong(told(part, expected)));
            }
            heard_bytes += read_bytes;
        }
        Ok(())
    }
}
