//! The classic commands.

use crate::rig::Rig;

#[test]
fn what_was_set_is_got_until_it_is_deleted() {
    let rig = Rig::start();
    for mut client in [rig.connect(), rig.connect_within()] {
        client.ask_lines(&[
            ("get a", "END"),
            ("set a 5 0 5\nhello", "STORED"),
            ("get a", "VALUE a 5 5\nhello\nEND"),
            ("get b a b a", "VALUE a 5 5\nhello\nVALUE a 5 5\nhello\nEND"),
            ("delete a", "DELETED"),
            ("delete a", "NOT_FOUND"),
            ("get a", "END"),
        ]);
    }
}
