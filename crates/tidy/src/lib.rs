//! Keeps the facts about the workspace that no compiler can see, by ordinary tests.
//!
//! ```
//! use levada_tidy::{Workspace, every_arrow_goes_down, report};
//!
//! let workspace = Workspace::read()?; // manifests, sources, documents: once, for all rules
//! let findings = every_arrow_goes_down(&workspace);
//! for finding in &findings {
//!     assert!(finding.line > 0 && !finding.cure.is_empty()); // each names file, line and cure
//! }
//! assert!(findings.is_empty(), "{}", report(&findings)); // and all are told together
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! A rule is a function from the workspace to its findings, alone in the file of its family with small bad examples that it
//! catches; `tests/workspace.rs` asks each of them about the real workspace. What was decided about the crates is data: `house.rs`.
//!
//! # Cost
//!
//! Reading the workspace parses every Rust file once, on all cores: about a second for 20,000 lines, unoptimized. A rule then
//! looks at plain facts and takes milliseconds.
//!
//! # Limits
//!
//! Rules see names, not types: what a macro makes is unknown to them, and an import is what `use` lines and paths say. A file
//! that does not parse is one finding, and every other rule skips it.

#![forbid(unsafe_code)]

mod arguments;
mod arrows;
mod attributes;
mod changelog;
mod comments;
mod dependencies;
mod excerpts;
mod face;
mod finding;
mod front_page;
mod house;
mod imports;
mod knots;
mod leftovers;
mod links;
mod manifest;
mod markdown;
mod modules;
mod near_clippy;
mod package;
mod program;
mod reach;
mod reading;
mod readme;
mod shell;
mod source;
mod tree;
mod typed;
mod unsafety;
mod words;
mod workspace;

pub use arrows::every_arrow_goes_down;
pub use changelog::the_changelog_has_its_rubrics;
pub use dependencies::{
    default_members_are_all_but_one, every_dependency_has_its_sentence, rivals_stay_outside,
};
pub use excerpts::excerpts_stand_in_their_files;
pub use face::a_face_holds_no_code;
pub use finding::{Finding, report};
pub use front_page::every_front_page_runs;
pub use imports::{no_import_through_the_face, no_star_but_super_in_tests};
pub use knots::files_form_no_knot;
pub use leftovers::no_todo_remains;
pub use links::links_lead_somewhere;
pub use near_clippy::near_clippy_files_repeat_the_root;
pub use reach::every_file_is_reached_by_mod;
pub use readme::readme_commands_exist;
pub use unsafety::{escapes_are_listed, unsafe_stays_in_its_crates};
pub use words::words_keep_their_meaning;
pub use workspace::{Workspace, every_file_can_be_read};
