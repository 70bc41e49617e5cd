//! A block is transferred to another account while others hold it, or lead to it.

use std::sync::atomic::Ordering;

use loom::sync::Arc;
use loom::thread;

use crate::counts::grant::AccountNumber;
use crate::counts::holding::{self, Held};
use crate::loom_tests::scene::{
    CHARGE, FIRST, HOME, SECOND, Scene, explored, meeting, softly_held,
};

/// As `SharedData::transfer_to`, from the first account to the second.
fn transfer(scene: &Scene) -> Held {
    let things = scene.things();
    let from = (&things.accounts[0], AccountNumber(FIRST));
    let (to, mut purse) = (AccountNumber(SECOND), &things.accounts[1]);
    let is_renamed = holding::rename(from, to, &things.pair, &mut purse).expect("no limit");
    if is_renamed {
        return HOME;
    }
    let held = scene.share(SECOND);
    scene.drop_handle(HOME);
    held
}

fn is_transferred(scene: &Scene, held: Held) {
    scene.validate();
    assert_eq!(scene.charges(), [0, CHARGE]);
    scene.drop_handle(held);
}

#[test]
fn a_block_is_transferred_while_the_last_weak_reference_to_it_goes() {
    meeting(
        |scene| scene.weak(FIRST),
        |scene| {
            scene.drop_weak(FIRST);
            HOME
        },
        transfer,
        |scene, _, held| is_transferred(scene, held),
    );
}

#[test]
fn a_block_is_transferred_while_its_last_soft_reference_goes() {
    meeting(
        softly_held,
        |scene| {
            scene.drop_soft(HOME);
            HOME
        },
        transfer,
        |scene, _, held| is_transferred(scene, held),
    );
}

#[test]
fn a_block_is_transferred_while_another_handle_of_its_account_goes() {
    meeting(
        |scene| scene.things().pair.home.clone_handle(),
        |scene| {
            scene.drop_handle(HOME);
            HOME
        },
        transfer,
        |scene, _, held| is_transferred(scene, held),
    );
}

#[test]
fn a_block_is_transferred_to_an_account_with_which_it_is_just_shared() {
    meeting(
        |scene| scene.things().pair.home.clone_handle(),
        |scene| {
            let held = scene.share(SECOND);
            scene.drop_handle(HOME);
            held
        },
        transfer,
        |scene, shared, moved| {
            scene.validate();
            assert_eq!((moved, scene.charges()), (shared, [0, CHARGE]), "one grant");
            scene.drop_handle(shared);
            scene.drop_handle(moved);
        },
    );
}

#[test]
fn a_block_is_transferred_to_an_account_that_gives_its_hold_up() {
    explored(|| {
        let scene = Scene::new();
        let second = scene.share(SECOND);
        let other = Arc::clone(&scene);
        let thread = thread::spawn(move || other.drop_handle(second));
        let held = transfer(&scene);
        thread.join().unwrap();
        is_transferred(&scene, held);
        scene.is_over();
    });
}

#[test]
fn a_private_block_is_renamed_and_what_was_read_before_comes_before_its_end() {
    explored(|| {
        let scene = Scene::new();
        let held = transfer(&scene);
        assert_eq!((held, scene.taken.load(Ordering::Relaxed)), (HOME, 0), "no line is needed");
        let other = Arc::clone(&scene);
        scene.read();
        let thread = thread::spawn(move || is_transferred(&other, held));
        thread.join().unwrap();
        scene.is_over();
    });
}
