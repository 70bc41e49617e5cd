//! The event form: MegaPipe's loop.

mod dispatch;
mod file_events;
