//! What may stand in a heap: values that show all their pointers when they are asked.
#![expect(unsafe_code, reason = "a trait whose promise the collector relies on")]

use crate::objects::visitor::Visitor;

/// A value that shows every [`Gc`](crate::Gc) in it. `#[derive(Trace)]` writes it.
///
/// What could outlive its turn, or look at what has gone, has none:
///
/// ```compile_fail,E0277
/// # use levada_local::Trace;
/// #[derive(Trace)]
/// struct Borrowing<'gc>(&'gc u64); //                                a borrow, which the collector cannot bring up to date
/// ```
/// ```compile_fail,E0277
/// # use levada_local::Trace;
/// #[derive(Trace)]
/// struct Counting(#[trace(leaf)] std::rc::Rc<u64>); //               what cannot go to another thread with its heap
/// ```
/// ```compile_fail,E0119
/// # use levada_local::{Gc, Trace};
/// #[derive(Trace)]
/// struct Dropping<'gc>(Gc<'gc, u64>);
/// impl Drop for Dropping<'_> { //                                    a destructor that could follow its pointers
///     fn drop(&mut self) { println!("{}", *self.0); }
/// }
/// ```
/// # Safety
/// - [`Self::trace`] traces every field that holds pointers into the heap, each time, whatever the value's state; it neither
///   drops nor moves out of what it traces, and does nothing else. One that panics ends the OS process: the graph is half
///   rewritten then.
/// - [`Self::HAS_POINTERS`] is false only if there can be none.
/// - A type with pointers has no `Drop` of its own: its neighbours may have gone or moved by then.
/// - What is no pointer into the heap is [`Send`] and lives on its own: a heap goes from thread to thread between turns.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot stand in a heap: it does not show its pointers",
    note = "derive `Trace` for types of yours; put `#[trace(leaf)]` before a field that cannot hold a `Gc`, or wrap it in `Leaf`"
)]
pub unsafe trait Trace<'gc> {
    /// Whether a value can hold pointers at all; what cannot is never traced.
    const HAS_POINTERS: bool = true;

    /// Shows all pointers of this value, by tracing each field that may hold some.
    fn trace(&mut self, visitor: &mut Visitor<'_>);
}

/// Names a type for every brand, so that it can be spoken of outside a turn. `#[derive(Trace)]` writes it, for the type
/// with `'static` in the place of its lifetime.
pub trait Rootable: 'static {
    /// The type in a turn whose brand is `'gc`.
    type Of<'gc>: Trace<'gc> + 'gc;
}
