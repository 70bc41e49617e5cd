//! Asks every rule about the real workspace; a test that fails tells all of its findings.

use std::sync::LazyLock;

use levada_tidy::{Finding, Workspace, report};

static WORKSPACE: LazyLock<Workspace> = LazyLock::new(|| {
    Workspace::read().expect("the workspace that this test was built in can be read")
});

/// Makes a test of each rule, under the rule's own name.
macro_rules! rules {
    ($($rule:ident)*) => {
        $(
            #[test]
            fn $rule() {
                let findings: Vec<Finding> = levada_tidy::$rule(&WORKSPACE);
                assert!(findings.is_empty(), "{}", report(&findings));
            }
        )*
    };
}

rules! {
    every_file_can_be_read
    every_arrow_goes_down
    files_form_no_knot
    unsafe_stays_in_its_crates
    escapes_are_listed
    every_file_is_reached_by_mod
    no_star_but_super_in_tests
    no_import_through_the_face
    a_face_holds_no_code
    near_clippy_files_repeat_the_root
    no_todo_remains
    every_front_page_runs
    readme_commands_exist
    links_lead_somewhere
    excerpts_stand_in_their_files
    words_keep_their_meaning
    every_dependency_has_its_sentence
    rivals_stay_outside
    default_members_are_all_but_one
    the_changelog_has_its_rubrics
}
