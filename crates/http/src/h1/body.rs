//! A body that nobody reads is stepped over, to the byte: behind it begins the next request.
//!
//! ```text
//! Length ─► Extension ─► LengthFeed ─► Payload ─► PayloadReturn ─► PayloadFeed ─► Length
//!                         └─ 0 ─► TrailerStart ─► Name ─► Value ─► Feed ─► TrailerStart ─► EndFeed ─► Done
//! ```
//! Cost: payload is stepped over in one subtraction, the rest is looked at byte by byte; no heap.

use super::chunk_extension::Extension;
use super::framing::BodyLength;
use super::limits::BodyLimits;
use super::refusal::Refusal;
use crate::byte_class::{NAME, VALUE};
use crate::digits::hex_digit;

/// How much of a body was stepped over.
#[derive(Clone, Debug)]
pub struct BodyDiscard {
    state: State,
    /// Of the chunk, or of the body that has no chunks.
    left_bytes: u64,
    /// What the payload may still grow by.
    payload_room_bytes: u64,
    /// What chunks may still cost beside their payload.
    chunk_room_bytes: u64,
}

/// What became of bytes that were fed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Fed {
    /// How many of them belong to the body.
    pub body_bytes: usize,
    /// The body ends behind those; what follows is the next request.
    pub is_done: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// The payload of a body without chunks.
    Bytes,
    Length {
        digit_count: u8,
    },
    Extension(Extension),
    LengthFeed,
    Payload,
    PayloadReturn,
    PayloadFeed,
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerFeed,
    EndFeed,
    Done,
}

/// As many hexadecimal digits as a `u64` has.
const LENGTH_DIGITS_MAX: u8 = 16;

impl BodyDiscard {
    /// Begins in front of a body.
    /// # Errors
    /// [`Refusal::BodyTooLong`] if it says already that it is longer than the limit.
    pub fn new(length: BodyLength, limits: &BodyLimits) -> Result<Self, Refusal> {
        let (state, left_bytes) = match length {
            BodyLength::None => (State::Done, 0),
            BodyLength::Bytes(length_bytes) if length_bytes > limits.payload_bytes_max => {
                return Err(Refusal::BodyTooLong);
            }
            BodyLength::Bytes(0) => (State::Done, 0),
            BodyLength::Bytes(length_bytes) => (State::Bytes, length_bytes),
            BodyLength::Chunked => (State::Length { digit_count: 0 }, 0),
        };
        Ok(Self {
            state,
            left_bytes,
            payload_room_bytes: limits.payload_bytes_max,
            chunk_room_bytes: limits.chunk_bytes_max,
        })
    }

    /// Says whether the whole body was stepped over.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Steps over what of `bytes` belongs to the body; they follow what was fed before.
    /// # Errors
    /// A [`Refusal`] if the body is malformed or passes a limit: nothing more can be fed then.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Fed, Refusal> {
        let mut rest = bytes;
        while let [byte, behind @ ..] = rest {
            rest = match self.state {
                State::Done => break,
                State::Bytes | State::Payload => self.step_over_payload(rest),
                _ => {
                    self.step(*byte)?;
                    behind
                }
            };
        }
        Ok(Fed { body_bytes: bytes.len().saturating_sub(rest.len()), is_done: self.is_done() })
    }

    fn step_over_payload<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let there = usize::try_from(self.left_bytes).unwrap_or(usize::MAX).min(bytes.len());
        self.left_bytes = self.left_bytes.saturating_sub(there as u64);
        if self.left_bytes == 0 {
            self.state =
                if self.state == State::Bytes { State::Done } else { State::PayloadReturn };
        }
        bytes.get(there..).unwrap_or_default()
    }

    fn step(&mut self, byte: u8) -> Result<(), Refusal> {
        self.chunk_room_bytes = self.chunk_room_bytes.checked_sub(1).ok_or(Refusal::BodyTooLong)?;
        self.state = match (self.state, byte) {
            (State::Length { digit_count }, byte) => self.length_digit(digit_count, byte)?,
            (State::Extension(extension), byte) => extended(extension, byte)?,
            (State::LengthFeed, b'\n') => self.length_ended()?,
            (State::PayloadReturn, b'\r') => State::PayloadFeed,
            (State::PayloadFeed, b'\n') => State::Length { digit_count: 0 },
            (State::TrailerStart, b'\r') => State::EndFeed,
            (State::TrailerStart | State::TrailerName, byte) if NAME.has(byte) => {
                State::TrailerName
            }
            (State::TrailerName, b':') => State::TrailerValue,
            (State::TrailerValue, b'\r') => State::TrailerFeed,
            (State::TrailerValue, byte) if VALUE.has(byte) => State::TrailerValue,
            (State::TrailerFeed, b'\n') => State::TrailerStart,
            (State::EndFeed, b'\n') => State::Done,
            (State::LengthFeed | State::PayloadReturn | State::PayloadFeed, _) => {
                return Err(Refusal::ChunkMalformed);
            }
            _ => return Err(Refusal::TrailerMalformed),
        };
        Ok(())
    }

    fn length_digit(&mut self, digit_count: u8, byte: u8) -> Result<State, Refusal> {
        match hex_digit(byte) {
            Some(digit) if digit_count < LENGTH_DIGITS_MAX => {
                // Sixteen digits fill 64 bits and shift nothing out.
                self.left_bytes = self.left_bytes.wrapping_shl(4) | u64::from(digit);
                Ok(State::Length { digit_count: digit_count.saturating_add(1) })
            }
            None if digit_count > 0 => extended(Extension::Behind, byte),
            _ => Err(Refusal::ChunkMalformed),
        }
    }

    /// The line of a length has ended: `left_bytes` is what it said.
    fn length_ended(&mut self) -> Result<State, Refusal> {
        if self.left_bytes == 0 {
            return Ok(State::TrailerStart);
        }
        let room_bytes = self.payload_room_bytes.checked_sub(self.left_bytes);
        self.payload_room_bytes = room_bytes.ok_or(Refusal::BodyTooLong)?;
        Ok(State::Payload)
    }
}

fn extended(extension: Extension, byte: u8) -> Result<State, Refusal> {
    Ok(match extension.step(byte)? {
        Extension::Ended => State::LengthFeed,
        extension => State::Extension(extension),
    })
}
