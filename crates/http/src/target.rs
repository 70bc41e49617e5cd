//! A target is what a request is about: a resource of the site, or the server as a whole.

use crate::word::path_run_bytes;

/// What stands between method and version, without scheme and host.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Target<'a> {
    /// A path, which begins with `/`, and what stands behind its `?`: both visible ASCII, still
    /// percent-encoded.
    Resource {
        /// As it came.
        path: &'a [u8],
        /// As it came, without the `?`.
        query: Option<&'a [u8]>,
    },
    /// `*`: only OPTIONS has it.
    Server,
}

impl<'a> Target<'a> {
    /// The target in a path that may have a query behind it. Nothing stands for the root.
    pub(crate) fn resource(path_and_query: &'a [u8]) -> Self {
        let path_bytes = path_run_bytes(path_and_query);
        let (path, query) =
            path_and_query.split_at_checked(path_bytes).unwrap_or((path_and_query, &[]));
        Self::Resource {
            path: if path.is_empty() { b"/" } else { path },
            query: query.strip_prefix(b"?"),
        }
    }

    /// The path, unless the target is the server.
    pub fn path(&self) -> Option<&'a [u8]> {
        match self {
            Self::Resource { path, .. } => Some(path),
            Self::Server => None,
        }
    }

    /// The query, if there is one.
    pub fn query(&self) -> Option<&'a [u8]> {
        match self {
            Self::Resource { query, .. } => *query,
            Self::Server => None,
        }
    }
}
