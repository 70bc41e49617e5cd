//! Loom explores every order of the steps on a header, a limbo, a span's counts and the epoch, within its bounds, on the
//! very code that the pile runs; mapped memory is stood for by a few words.
//!
//! The payload of a record is a word that says its generation: a reader who sees another one has read what was written for
//! the next record of the slot.

mod holds;
mod readers;
mod references;
mod spans;
