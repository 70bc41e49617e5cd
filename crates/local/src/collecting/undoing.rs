//! Destructors of what is gone run one by one, each contained: one that panics keeps no other from running.
#![expect(unsafe_code, reason = "runs the destructors of objects that a collection found dead")]

use core::mem::ManuallyDrop;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::objects::object::Object;

/// What came of the destructors of one collection.
#[derive(Default)]
pub(crate) struct Undoing {
    pub(crate) count: u64,
    pub(crate) panics: u64,
    first: Option<Box<dyn Any + Send>>,
}

impl Undoing {
    /// Runs an object's destructor, if its type has one.
    ///
    /// # Safety
    /// Nobody reaches the object any more, and its destructor has not run.
    pub(crate) unsafe fn undo(&mut self, object: Object) {
        if !object.shape().needs_drop() {
            return;
        }
        self.count += 1;
        self.contain(|| {
            // SAFETY: promised by the caller.
            unsafe { object.drop_value() };
        });
    }

    /// Runs something; a panic of it is kept for the end.
    pub(crate) fn contain(&mut self, run: impl FnOnce()) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(run)) {
            self.panics += 1;
            // Only one can go on: the others' payloads are leaked, since dropping them may panic too.
            let panic = ManuallyDrop::new(panic);
            if self.first.is_none() {
                self.first = Some(ManuallyDrop::into_inner(panic));
            }
        }
    }

    /// Goes on with the first panic, if there was one: it counts as the turn's own.
    pub(crate) fn go_on(self) {
        if let Some(panic) = self.first {
            resume_unwind(panic);
        }
    }
}
