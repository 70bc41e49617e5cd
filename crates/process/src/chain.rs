//! A chain is what led to the end of a process: step by step, back to where its request began.

use crate::cause::{Cause, Sequence};
use crate::exit::Exit;
use crate::pid::Pid;
use std::fmt;

/// One process in a chain, and what it was at work on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Link {
    /// Which process.
    pub pid: Pid,
    /// The name that it was spawned with; none if it has ended since, and another has its place.
    pub name: Option<&'static str>,
    /// What it was at work on: the next link did this to it.
    pub by: By,
}

/// What made a process work.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum By {
    /// It took a message of this type.
    Message(&'static str),
    /// It was spawned.
    Spawned,
    /// It began the request, or was the first that was told of it. What was said to have led to it elsewhere, or zero.
    Began {
        /// The parent id of the trace context that came with the request.
        parent_id: u64,
    },
    /// This is not known any more: it was too long ago, or its core is gone.
    Lost,
    /// The chain is longer than what is told.
    Cut,
}

/// What led to the end of a process, the process itself first.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Chain {
    links: Vec<Link>,
}

impl Chain {
    /// The links, from the end back to the beginning.
    #[must_use]
    pub fn links(&self) -> &[Link] {
        &self.links
    }

    /// The last link, which is being looked at.
    pub(crate) fn last(&mut self) -> Option<&mut Link> {
        self.links.last_mut()
    }

    /// Adds the next.
    pub(crate) fn push(&mut self, link: Link) {
        self.links.push(link);
    }
}

impl fmt::Display for Chain {
    /// As `c<0.2.1> (App::Work) <- b<0.1.1> (spawned) <- a<0.0.1> (began)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, Link { pid, name, by }) in self.links.iter().enumerate() {
            let arrow = if place == 0 { "" } else { " <- " };
            write!(f, "{arrow}{}{pid} ({by})", name.unwrap_or(""))?;
        }
        Ok(())
    }
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(name) => f.write_str(name),
            Self::Spawned => f.write_str("spawned"),
            Self::Began { parent_id: 0 } => f.write_str("began"),
            Self::Began { parent_id } => write!(f, "began by {parent_id:016x}"),
            Self::Lost => f.write_str("lost"),
            Self::Cut => f.write_str("and so on"),
        }
    }
}

/// What is to be told of a process that ended, while its chain is being followed.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) pid: Pid,
    pub(crate) name: &'static str,
    pub(crate) exit: Exit,
    pub(crate) cause: Cause,
    pub(crate) message: &'static str,
    pub(crate) undelivered: u32,
    pub(crate) quarantined_bytes: u64,
    pub(crate) chain: Chain,
    /// The step to be looked at next, unless all is said.
    pub(crate) next: Option<Sequence>,
}
