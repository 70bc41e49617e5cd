//! Data of the shared heap is held by an object of a process's own heap until that is collected; until then its account is charged.

use levada_local::{Cx, Full, Gc, Held};
use levada_shared::SharedData;

/// Data of the shared heap that an object holds: a word, that may stand wherever pointers do. Its account is charged until the
/// object is collected, which may be long after nobody reaches it; what it keeps counts in the pacing of that.
pub type GcData<'gc> = Gc<'gc, Held<SharedData>>;

/// Has data held by an object of a process's own heap.
///
/// ```
/// # use levada_local::Limits;
/// # use levada_process::{Context, Failure, Mailbox};
/// # use levada_shared::SharedData;
/// use levada_process::{GcData, HoldData};
///
/// # async fn keep(cx: Context, mut inbox: Mailbox<SharedData>) -> Result<(), Failure> {
/// let heap = cx.own_heap::<Option<GcData<'static>>>(Limits::default(), |_| None)?;
/// let data = inbox.recv().await?;
/// heap.enter(|cx, last| *last = Some(cx.hold_data(data)));
/// # Ok(())
/// # }
/// ```
pub trait HoldData<'gc> {
    /// Puts data into the heap.
    ///
    /// # Panics
    /// As [`Cx::alloc`].
    fn hold_data(&self, data: SharedData) -> GcData<'gc>;

    /// As [`Self::hold_data`].
    ///
    /// # Errors
    /// [`Full`], with the data, as [`Cx::try_alloc`].
    fn try_hold_data(&self, data: SharedData) -> Result<GcData<'gc>, Full<SharedData>>;
}

impl<'gc> HoldData<'gc> for Cx<'gc> {
    fn hold_data(&self, data: SharedData) -> GcData<'gc> {
        let pinned_bytes = data.pinned_bytes();
        self.hold(data, pinned_bytes)
    }

    fn try_hold_data(&self, data: SharedData) -> Result<GcData<'gc>, Full<SharedData>> {
        let pinned_bytes = data.pinned_bytes();
        self.try_hold(data, pinned_bytes)
    }
}
