//! A method is what a request wants done, as far as this server tells methods apart.

use crate::status::Status;

/// The methods that files are answered to, and the others that deserve a better answer than
/// "unknown".
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash)]
pub enum Method {
    /// Send it.
    Get,
    /// Send all but the body.
    Head,
    /// Say what can be done with it.
    Options,
    /// POST, PUT, PATCH, DELETE, TRACE, CONNECT: known, and not allowed on a file.
    NotAllowed,
    /// Any other name. Names have case: `get` is not GET (RFC 9110, 9.1).
    Unknown,
}

impl Method {
    /// What an `Allow` field says of every file.
    pub const ALLOWED: &'static str = "GET, HEAD, OPTIONS";

    /// The method of that name.
    pub fn named(name: &[u8]) -> Self {
        match name {
            b"GET" => Self::Get,
            b"HEAD" => Self::Head,
            b"OPTIONS" => Self::Options,
            b"POST" | b"PUT" | b"PATCH" | b"DELETE" | b"TRACE" | b"CONNECT" => Self::NotAllowed,
            _ => Self::Unknown,
        }
    }

    /// The status that refuses this method, if it is refused.
    pub fn refusal(self) -> Option<Status> {
        match self {
            Self::Get | Self::Head | Self::Options => None,
            Self::NotAllowed => Some(Status::METHOD_NOT_ALLOWED),
            Self::Unknown => Some(Status::NOT_IMPLEMENTED),
        }
    }

    /// Says whether this method reads a representation: the ones that conditions can answer with
    /// 304.
    pub fn reads(self) -> bool {
        matches!(self, Self::Get | Self::Head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_that_files_do_not_have_is_told_from_one_that_nobody_knows() {
        let cases: [(&[u8], Option<u16>); 9] = [
            (b"GET", None),
            (b"HEAD", None),
            (b"OPTIONS", None),
            (b"POST", Some(405)),
            (b"TRACE", Some(405)),
            (b"CONNECT", Some(405)),
            (b"get", Some(501)),
            (b"GETS", Some(501)),
            (b"PROPFIND", Some(501)),
        ];
        for (name, code) in cases {
            let refusal = Method::named(name).refusal();
            assert_eq!(refusal.map(Status::code), code, "{}", name.escape_ascii());
        }
    }
}
