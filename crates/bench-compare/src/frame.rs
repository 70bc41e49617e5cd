//! The frame of every comparison: who enters, in which turns, what is counted, and how it is told.

pub(crate) mod case_report;
pub(crate) mod comparison;
pub(crate) mod fault;
pub(crate) mod histogram;
pub(crate) mod manner;
pub(crate) mod markdown;
pub(crate) mod pace;
pub(crate) mod plot;
pub(crate) mod progress;
pub(crate) mod ratio;
pub(crate) mod report;
pub(crate) mod rounds;
pub(crate) mod sample;
pub(crate) mod stop;
pub(crate) mod table;
pub(crate) mod verdict;
