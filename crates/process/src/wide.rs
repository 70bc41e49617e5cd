//! A wide loop does something for each of many things, some of them at once, and never more than it was told.

use crate::context::Context;
use crate::task::Task;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

impl Context {
    /// Does `each` for every item, at most `limit` at once, each as a task of this process; the next item is asked for only when
    /// there is room for it. Dropped, it cancels those in work.
    ///
    /// ```
    /// # use levada_process::{CallError, Context, Failure, Message, Reply, Sender};
    /// # use std::time::Duration;
    /// # #[derive(Message)] struct Fetch(u32, Reply<u64>);
    /// # async fn all(cx: Context, store: Sender<Fetch>) -> Result<(), Failure> {
    /// cx.for_each_concurrent(0..1_000, 16, move |number| {
    ///     let store = store.clone();
    ///     async move { store.call(Duration::from_secs(1), |reply| Fetch(number, reply)).await.map(|_| ()) }
    /// })
    /// .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The first error of an item. Items in work are cancelled at the await where they are, and no other is begun.
    ///
    /// # Panics
    /// If `limit` is zero, or the process then has more tasks than [`task`](Self::task) allows.
    pub async fn for_each_concurrent<I, F, Fut, E>(
        &self,
        items: I,
        limit: usize,
        mut each: F,
    ) -> Result<(), E>
    where
        I: IntoIterator,
        F: FnMut(I::Item) -> Fut,
        Fut: Future<Output = Result<(), E>> + 'static,
        E: 'static,
    {
        assert!(limit > 0, "a wide loop does at least one thing at a time");
        let mut items = items.into_iter();
        let mut working: Vec<Task<Result<(), E>>> = Vec::new();
        let mut is_over = false;
        poll_fn(|context| {
            loop {
                // Those that are done make room; each is polled so that it knows whom to wake.
                let mut index = 0;
                while let Some(task) = working.get_mut(index) {
                    match Pin::new(task).poll(context) {
                        Poll::Ready(Err(error)) => {
                            working.clear();
                            return Poll::Ready(Err(error));
                        }
                        Poll::Ready(Ok(())) => drop(working.swap_remove(index)),
                        Poll::Pending => index += 1,
                    }
                }
                let before = working.len();
                while !is_over && working.len() < limit {
                    match items.next() {
                        Some(item) => working.push(self.task(each(item))),
                        None => is_over = true,
                    }
                }
                if working.is_empty() {
                    return Poll::Ready(Ok(()));
                }
                if working.len() == before {
                    return Poll::Pending;
                }
            }
        })
        .await
    }
}
