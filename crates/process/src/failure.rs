//! A failure is the reason that the root of a process returns instead of `Ok`.

use crate::cancelled::Cancelled;
use crate::closed::Closed;
use std::any::Any;
use std::error::Error;
use std::fmt::{self, Write as _};

/// Why a process ends otherwise than by `Ok`. Every error becomes one by `?`; [`Closed`] becomes one that ends it
/// normally, [`Cancelled`] one that ends it as cancelled.
pub struct Failure(Why);

enum Why {
    Closed(Closed),
    Text(Box<str>),
}

impl Failure {
    /// A failure told in words.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(Why::Text(text.into()))
    }

    /// The words, unless this is the normal end of who ran out of messages.
    pub(crate) fn into_text(self) -> Result<Box<str>, Closed> {
        match self.0 {
            Why::Closed(closed) => Err(closed),
            Why::Text(text) => Ok(text),
        }
    }
}

impl<E: Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        if let Some(closed) = (&error as &dyn Any).downcast_ref::<Closed>() {
            return Self(Why::Closed(*closed));
        }
        let mut text = error.to_string();
        let mut source: Option<&(dyn Error + 'static)> = Some(&error);
        while let Some(deeper) = source {
            if deeper.is::<Cancelled>() {
                return Self(Why::Closed(Closed::Cancelled));
            }
            source = deeper.source();
        }
        source = error.source();
        while let Some(deeper) = source {
            // Writing to a string cannot fail.
            write!(text, ": {deeper}").unwrap_or_default();
            source = deeper.source();
        }
        Self::new(text)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Why::Closed(closed) => closed.fmt(f),
            Why::Text(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_is_no_failure_and_other_errors_are_told_with_their_sources() {
        let closed = || -> Result<(), Failure> { Err(Closed::NoSenders)? };
        assert_eq!(closed().unwrap_err().into_text(), Err(Closed::NoSenders));
        let text = |failure: Failure| failure.into_text().unwrap();
        assert_eq!(&*text(Failure::from(fmt::Error)), fmt::Error.to_string());
        let wrapped = std::io::Error::other(Outer(fmt::Error));
        assert_eq!(&*text(Failure::from(wrapped)), format!("outer: {}", fmt::Error));
    }

    #[derive(Debug)]
    struct Outer(fmt::Error);

    impl fmt::Display for Outer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("outer")
        }
    }

    impl Error for Outer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }
}
