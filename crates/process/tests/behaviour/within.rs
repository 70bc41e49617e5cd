//! Waiting for the first of two: what most tests of giving up are made of.

use std::pin::pin;
use std::task::Poll;

/// The value of the first, if it is ready before the second, which is then dropped where it stands.
pub(crate) async fn within<T>(first: impl Future<Output = T>, second: impl Future) -> Option<T> {
    let (mut first, mut second) = (pin!(first), pin!(second));
    std::future::poll_fn(|context| match first.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => second.as_mut().poll(context).map(|_| None),
    })
    .await
}
