//! What is lent is memory that the kernel may touch: a list of all of it, looked at whenever something is lent or ends.
//!
//! ```text
//! lent for writing   [nonsense, from the push to the completion][what was received]    others' writing shows
//! lent for reading   its sum when it was lent == its sum when it is read == its sum when it ends
//! ```
//! Cost: a span is summed two or three times, and filled once. It is a test's machine.
#![expect(unsafe_code, reason = "reads and writes the spans that a program lent")]

use std::collections::BTreeMap;

use levada_ring::{ReadSpan, WriteSpan};

/// One span, until it is returned.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Loan(u64);

/// All spans that are lent.
#[derive(Debug, Default)]
pub(crate) struct Lent {
    next: u64,
    /// Where they begin, for those that are written: none overlaps another.
    starts: BTreeMap<usize, Loan>,
    written: BTreeMap<Loan, Written>,
    read: BTreeMap<Loan, Read>,
}

#[derive(Clone, Copy, Debug)]
struct Written {
    span: WriteSpan,
    is_scribbled: bool,
}

#[derive(Clone, Copy, Debug)]
struct Read {
    span: ReadSpan,
    sum: u64,
}

/// What stands in a lent span until something better does.
const NONSENSE: u8 = 0xA5;

/// What a program did that it must not do.
pub(crate) type Wrong = String;

impl Lent {
    /// Takes a span that the kernel may write. With `scribble` it does at once.
    ///
    /// # Safety
    /// As [`levada_ring::Driver::push`], until it is returned.
    pub(crate) unsafe fn lend_write(
        &mut self,
        span: WriteSpan,
        scribble: bool,
    ) -> Result<Loan, Wrong> {
        let (start, bytes) = (span.start.addr(), span.bytes as usize);
        self.check_free(start, bytes)?;
        if let Some(read) = self.read.values().find(|read| {
            let other = read.span.start.addr();
            other < start + bytes && start < other + read.span.bytes as usize
        }) {
            return Err(format!("a span lent for writing overlaps {:?}, lent for reading", read));
        }
        if scribble {
            // SAFETY: the span may be written (the contract of this function).
            unsafe { span.start.write_bytes(NONSENSE, bytes) };
        }
        let loan = self.loan();
        if bytes > 0 {
            self.starts.insert(start, loan);
        }
        self.written.insert(loan, Written { span, is_scribbled: scribble });
        Ok(loan)
    }

    /// Takes a span that the kernel may read.
    ///
    /// # Safety
    /// As [`levada_ring::Driver::push`], until it is returned.
    pub(crate) unsafe fn lend_read(&mut self, span: ReadSpan) -> Result<Loan, Wrong> {
        self.check_free(span.start.addr(), span.bytes as usize)?;
        // SAFETY: the span may be read (the contract of this function).
        let sum = sum(unsafe { bytes_of(span) });
        let loan = self.loan();
        self.read.insert(loan, Read { span, sum });
        Ok(loan)
    }

    fn loan(&mut self) -> Loan {
        self.next += 1;
        Loan(self.next)
    }

    fn check_free(&self, start: usize, bytes: usize) -> Result<(), Wrong> {
        let before = self.starts.range(..start + bytes).next_back();
        let Some(other) = before.and_then(|(_, loan)| self.written.get(loan)) else {
            return Ok(());
        };
        if other.span.start.addr() + other.span.bytes as usize > start && bytes > 0 {
            return Err(format!(
                "a span of {bytes} bytes at {start:#x} overlaps {:?}, lent for writing",
                other.span
            ));
        }
        Ok(())
    }

    /// Looks whether what is lent is as it should be: nobody has written to it.
    pub(crate) fn check(&self, loan: Loan) -> Result<(), Wrong> {
        if let Some(read) = self.read.get(&loan) {
            // SAFETY: the span is lent: the kernel may read it (the contract of `lend_read`).
            let now = sum(unsafe { bytes_of(read.span) });
            if now != read.sum {
                return Err(format!("{:?} changed while it was lent for reading", read.span));
            }
        }
        if let Some(Written { span, is_scribbled: true }) = self.written.get(&loan) {
            let span = ReadSpan { start: span.start.cast_const(), bytes: span.bytes };
            // SAFETY: the span is lent and was written by `lend_write`: the kernel may do with it what it likes.
            if unsafe { bytes_of(span) }.iter().any(|byte| *byte != NONSENSE) {
                return Err(format!("{span:?} was written while it was lent for writing"));
            }
        }
        Ok(())
    }

    /// The bytes of a span that is lent for reading, from `at` on, as many as there are up to `bytes`.
    pub(crate) fn read(&self, loan: Loan, at: u32, bytes: u32) -> &[u8] {
        let span = self.read[&loan].span;
        let (at, end) = (at.min(span.bytes), at.saturating_add(bytes).min(span.bytes));
        // SAFETY: the span is lent: the kernel may read it (the contract of `lend_read`).
        let all = unsafe { bytes_of(span) };
        &all[at as usize..end as usize]
    }

    /// How long a lent span is.
    pub(crate) fn bytes(&self, loan: Loan) -> u32 {
        let read = self.read.get(&loan).map(|read| read.span.bytes);
        read.or_else(|| self.written.get(&loan).map(|written| written.span.bytes)).unwrap_or(0)
    }

    /// Writes to the beginning of a span that is lent for writing, which ends its being looked at.
    pub(crate) fn write(&mut self, loan: Loan, bytes: &[u8]) -> Result<(), Wrong> {
        self.check(loan)?;
        let written = self.written.get_mut(&loan).expect("the span is lent for writing");
        written.is_scribbled = false;
        assert!(bytes.len() <= written.span.bytes as usize, "what is written has room");
        // SAFETY: the span is lent and has so many bytes (the contract of `lend_write`).
        unsafe { written.span.start.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        Ok(())
    }

    /// Looks at it a last time, and lets go of it.
    pub(crate) fn give_back(&mut self, loan: Loan) -> Result<(), Wrong> {
        let checked = self.check(loan);
        self.read.remove(&loan);
        if let Some(written) = self.written.remove(&loan)
            && written.span.bytes > 0
        {
            self.starts.remove(&written.span.start.addr());
        }
        checked
    }
}

/// # Safety
/// The span may be read, and is written by nobody meanwhile.
unsafe fn bytes_of<'a>(span: ReadSpan) -> &'a [u8] {
    if span.bytes == 0 {
        return &[];
    }
    // SAFETY: passed on to the caller.
    unsafe { core::slice::from_raw_parts(span.start, span.bytes as usize) }
}

/// A number that changes with each byte.
fn sum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut sum = bytes.len() as u64;
    let mut add = |word: u64| sum = (sum.rotate_left(5) ^ word).wrapping_mul(0x517C_C1B7_2722_0A95);
    words.iter().for_each(|word| add(u64::from_le_bytes(*word)));
    rest.iter().for_each(|byte| add(u64::from(*byte)));
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::mem::MaybeUninit;

    fn room(bytes: usize) -> (&'static mut [MaybeUninit<u8>], WriteSpan) {
        let room = Box::leak(Box::<[u8]>::new_uninit_slice(bytes));
        let span = WriteSpan::of(room);
        (room, span)
    }

    #[test]
    fn a_span_that_overlaps_one_lent_for_writing_is_refused() {
        let (_, span) = room(100);
        let mut lent = Lent::default();
        // SAFETY: the memory is leaked, and nobody else touches it.
        let loan = unsafe { lent.lend_write(span, true) }.unwrap();
        let inside = ReadSpan { start: span.start.wrapping_add(99), bytes: 1 };
        // SAFETY: as above.
        assert!(unsafe { lent.lend_read(inside) }.unwrap_err().contains("overlaps"));
        lent.give_back(loan).unwrap();
        // SAFETY: as above; and it was written with nonsense.
        let reading = unsafe { lent.lend_read(inside) }.unwrap();
        // SAFETY: as above.
        assert!(unsafe { lent.lend_write(span, true) }.unwrap_err().contains("lent for reading"));
        lent.give_back(reading).unwrap();
        assert!(lent.read.is_empty() && lent.written.is_empty() && lent.starts.is_empty());
    }

    #[test]
    fn whoever_writes_to_what_is_lent_is_found() {
        let (_, span) = room(64);
        let mut lent = Lent::default();
        // SAFETY: the memory is leaked, and nobody else touches it.
        let loan = unsafe { lent.lend_write(span, true) }.unwrap();
        // SAFETY: the very thing that must not be done.
        unsafe { span.start.wrapping_add(5).write(1) };
        assert!(lent.write(loan, b"late").unwrap_err().contains("lent for writing"));
        lent.give_back(loan).unwrap_err();
        // SAFETY: as above.
        unsafe { span.start.write_bytes(7, 64) };
        let span = ReadSpan { start: span.start, bytes: 64 };
        // SAFETY: as above.
        let loan = unsafe { lent.lend_read(span) }.unwrap();
        assert_eq!(lent.read(loan, 60, 100), [7; 4]);
        lent.check(loan).unwrap();
        // SAFETY: as above.
        unsafe { span.start.cast_mut().wrapping_add(63).write(1) };
        assert!(lent.give_back(loan).unwrap_err().contains("lent for reading"));
    }
}
