//! A request is what a client asks, in no version's spelling.

use crate::fields::Fields;
use crate::host::Host;
use crate::method::Method;
use crate::target::Target;

/// A request that was read whole and follows the rules; all of it lies in the bytes it was read
/// from.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// What is to be done.
    pub method: Method,
    /// With what.
    pub target: Target<'a>,
    /// On which site: from the target if it names one, else from `Host`. Only HTTP/1.0 may leave it
    /// out.
    pub host: Option<Host<'a>>,
    /// Under which conditions, in which form.
    pub fields: Fields<'a>,
}
