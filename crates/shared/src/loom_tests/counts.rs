//! Handles, soft and weak references of one block are made, upgraded, stolen and dropped at the same time.
#![expect(
    unsafe_code,
    reason = "the cell stands for what a retirer did; loom checks each access to it"
)]

use std::sync::atomic::Ordering;

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use crate::counts::holding::Refusal;
use crate::counts::ledger::AccountLine;
use crate::counts::lines::{Pair, PairIndex};
use crate::counts::state::Dead;
use crate::loom_tests::scene::{
    CHARGE, FIRST, HOME, NO_MORE, SECOND, Scene, explored, meeting, soft_only, softly_held,
    twice_soft_only,
};
use crate::memory::remote::Remote;

#[test]
fn the_last_of_two_handles_frees_once() {
    let two = |scene: &Scene| scene.things().pair.home.clone_handle();
    meeting(two, |scene| scene.drop_handle(HOME), |scene| scene.drop_handle(HOME), NO_MORE);
}

#[test]
fn sharing_with_a_second_account_races_the_first_ones_last_drop() {
    let share = |scene: &Scene| {
        let second = scene.share(SECOND);
        scene.drop_handle(HOME);
        scene.drop_handle(second);
    };
    let two = |scene: &Scene| scene.things().pair.home.clone_handle();
    meeting(two, share, |scene| scene.drop_handle(HOME), NO_MORE);
}

#[test]
fn an_account_that_comes_back_revives_its_line_or_gets_a_new_one() {
    explored(|| {
        let scene = Scene::new();
        let second = scene.share(SECOND);
        let other = Arc::clone(&scene);
        // The last handle of the second account goes while the first, which still holds the block, shares with it anew.
        let thread = thread::spawn(move || other.drop_handle(second));
        let again = scene.share(SECOND);
        thread.join().unwrap();
        scene.validate();
        let more = scene.share(SECOND);
        assert_eq!((more, scene.charges()), (again, [CHARGE, CHARGE]), "one grant");
        scene.drop_handle(more);
        scene.drop_handle(again);
        scene.drop_handle(HOME);
        scene.is_over();
    });
}

#[test]
fn two_accounts_claim_one_empty_home() {
    loom::model(|| {
        let scene = Scene::new();
        // The second account holds the block through a further grant; then the home falls empty.
        let keep = scene.share(SECOND);
        scene.drop_handle(HOME);
        scene.grant(keep).clone_handle();
        let other = Arc::clone(&scene);
        let thread = thread::spawn(move || {
            let first = other.share(FIRST);
            other.drop_handle(keep);
            other.drop_handle(first);
        });
        let first = scene.share(FIRST);
        scene.drop_handle(keep);
        scene.drop_handle(first);
        thread.join().unwrap();
        scene.is_over();
    });
}

#[test]
fn every_block_that_is_given_back_from_afar_is_drained_once() {
    explored(|| {
        let blocks = [1, 2].map(|index| Pair::unplaced(PairIndex(index), core::ptr::null_mut()));
        let scene = Arc::new((Remote::new(), blocks));
        let other = Arc::clone(&scene);
        let thread = thread::spawn(move || other.0.push(&other.1[0].block));
        scene.0.push(&scene.1[1].block);
        let mut drained = [0; 3];
        let mut drain = |mut next: PairIndex| {
            while let Some(index) = next.some() {
                drained[index.0 as usize] += 1;
                next = scene.1[index.0 as usize - 1].block.next();
            }
        };
        drain(scene.0.take_all());
        thread.join().unwrap();
        drain(scene.0.take_all());
        assert_eq!(drained, [0, 1, 1]);
    });
}

#[test]
fn who_sees_a_block_retired_sees_what_its_retirer_did_before() {
    explored(|| {
        let scene = Scene::new();
        let cell = Arc::new(UnsafeCell::new(0));
        let (other, written) = (Arc::clone(&scene), Arc::clone(&cell));
        let retirer = thread::spawn(move || {
            // SAFETY: nobody reads before the block is retired; loom checks that.
            written.with_mut(|bytes| unsafe { bytes.write(7) });
            other.block().state.retire();
        });
        if scene.block().state.is_retired() {
            // SAFETY: written before it was retired; loom checks that.
            assert_eq!(cell.with(|bytes| unsafe { bytes.read() }), 7);
        }
        retirer.join().unwrap();
        assert!(scene.block().state.is_retired());
    });
}

#[test]
fn of_a_steal_and_an_upgrade_exactly_one_wins() {
    meeting(
        soft_only,
        |scene| scene.upgrade(HOME).is_ok(),
        Scene::steal,
        |scene, is_upgraded, is_stolen| {
            assert!(is_upgraded != is_stolen, "one of them");
            scene.validate();
            assert_eq!(scene.charges(), [if is_upgraded { CHARGE } else { 0 }, 0]);
            if is_upgraded {
                scene.drop_handle(HOME);
            }
            scene.drop_soft(HOME);
        },
    );
}

#[test]
fn what_is_upgraded_and_dropped_again_may_be_stolen_then_and_not_before() {
    let use_it = |scene: &Scene| {
        if scene.upgrade(HOME).is_ok() {
            scene.drop_handle(HOME);
        }
        scene.drop_soft(HOME);
    };
    let steal = |scene: &Scene| {
        scene.steal();
    };
    meeting(soft_only, use_it, steal, NO_MORE);
}

#[test]
fn the_last_holder_leaves_while_a_soft_reference_is_upgraded() {
    meeting(
        softly_held,
        |scene| scene.upgrade(HOME).expect("it is held all the while, strongly or softly"),
        |scene| scene.drop_handle(HOME),
        |scene, (), ()| {
            scene.validate();
            assert_eq!(scene.charges(), [CHARGE, 0]);
            scene.drop_handle(HOME);
            scene.validate();
            scene.drop_soft(HOME);
        },
    );
}

#[test]
fn the_last_holder_leaves_while_a_weak_reference_of_its_account_is_upgraded() {
    let upgrade = |scene: &Scene| {
        if let Ok(held) = scene.upgrade_weak(FIRST) {
            scene.drop_handle(held);
        }
        scene.drop_weak(FIRST);
    };
    meeting(|scene| scene.weak(FIRST), upgrade, |scene| scene.drop_handle(HOME), NO_MORE);
}

#[test]
fn the_last_holder_leaves_while_a_weak_reference_of_another_account_is_upgraded() {
    let upgrade = |scene: &Scene| {
        if let Ok(held) = scene.upgrade_weak(SECOND) {
            scene.drop_handle(held);
        }
        scene.drop_weak(SECOND);
    };
    meeting(|scene| scene.weak(SECOND), upgrade, |scene| scene.drop_handle(HOME), NO_MORE);
}

#[test]
fn a_weak_reference_becomes_a_handle_while_the_last_other_one_goes() {
    for account in [FIRST, SECOND] {
        let become_strong = move |scene: &Scene| {
            let held = scene.upgrade_weak(account);
            scene.drop_weak(account);
            if let Ok(held) = held {
                scene.drop_handle(held);
            }
        };
        let before = move |scene: &Scene| scene.weak(account);
        meeting(before, become_strong, |scene| scene.drop_handle(HOME), NO_MORE);
    }
}

#[test]
fn a_handle_becomes_a_weak_reference_while_the_last_other_one_goes() {
    let become_weak = |scene: &Scene| {
        scene.weak(FIRST);
        scene.drop_handle(HOME);
        if let Ok(held) = scene.upgrade_weak(FIRST) {
            scene.drop_handle(held);
        }
        scene.drop_weak(FIRST);
    };
    let two = |scene: &Scene| scene.things().pair.home.clone_handle();
    meeting(two, become_weak, |scene| scene.drop_handle(HOME), NO_MORE);
}

#[test]
fn a_handle_becomes_another_account_s_weak_reference_while_the_last_other_one_goes() {
    let become_weak = |scene: &Scene| {
        let second = scene.share(SECOND);
        scene.drop_handle(HOME);
        scene.weak(SECOND);
        scene.drop_handle(second);
        scene.drop_weak(SECOND);
    };
    let two = |scene: &Scene| scene.things().pair.home.clone_handle();
    meeting(two, become_weak, |scene| scene.drop_handle(HOME), NO_MORE);
}

#[test]
fn after_what_is_soft_was_retired_no_upgrade_succeeds() {
    meeting(
        twice_soft_only,
        |scene| {
            if scene.upgrade(HOME).is_ok() {
                scene.drop_handle(HOME);
            }
            scene.drop_soft(HOME);
        },
        |scene| {
            scene.retire();
            assert_eq!(scene.upgrade(HOME), Err(Refusal::Dead(Dead::Retired)));
            scene.drop_soft(HOME);
        },
        NO_MORE,
    );
}

#[test]
fn after_what_is_held_was_retired_no_weak_upgrade_succeeds() {
    let before = |scene: &Scene| {
        scene.soft(HOME);
        scene.weak(SECOND);
    };
    let upgrade = |scene: &Scene| {
        if let Ok(held) = scene.upgrade_weak(SECOND) {
            scene.drop_handle(held);
        }
    };
    let retire = |scene: &Scene| {
        assert!(!scene.block().state.retire(), "it is held");
        assert_eq!(scene.upgrade(HOME), Err(Refusal::Dead(Dead::Retired)));
        let refused = scene.upgrade_weak(SECOND).expect_err("it is retired");
        assert_eq!(refused, Refusal::Dead(Dead::Retired));
        scene.drop_handle(HOME);
    };
    meeting(before, upgrade, retire, |scene, (), ()| {
        // The soft reference keeps nothing of what was retired.
        scene.validate();
        assert_eq!(scene.freed.load(Ordering::Relaxed), 1);
        scene.drop_soft(HOME);
        scene.drop_weak(SECOND);
    });
}

#[test]
fn of_two_upgrades_of_one_grant_the_second_gives_its_surplus_back() {
    let upgrade = |scene: &Scene| scene.upgrade(HOME).expect("nobody steals");
    meeting(twice_soft_only, upgrade, upgrade, |scene, (), ()| {
        scene.validate();
        assert_eq!(scene.charges(), [CHARGE, 0], "one grant, charged once");
        scene.drop_handle(HOME);
        scene.drop_handle(HOME);
        scene.validate();
        scene.drop_soft(HOME);
        scene.drop_soft(HOME);
    });
}

#[test]
fn a_soft_and_a_weak_upgrade_of_one_account_make_one_grant() {
    let before = |scene: &Scene| {
        scene.weak(FIRST);
        soft_only(scene);
    };
    let upgrade_soft = |scene: &Scene| {
        scene.upgrade(HOME).expect("nobody steals");
        HOME
    };
    let upgrade_weak = |scene: &Scene| scene.upgrade_weak(FIRST).expect("nobody steals");
    meeting(before, upgrade_weak, upgrade_soft, |scene, weakly, softly| {
        scene.validate();
        assert_eq!((weakly, scene.charges()), (softly, [CHARGE, 0]), "one grant, charged once");
        scene.drop_handle(weakly);
        scene.drop_handle(softly);
        scene.drop_soft(HOME);
        scene.drop_weak(FIRST);
    });
}

#[test]
fn two_weak_upgrades_find_one_home_though_it_falls_empty_between_them() {
    loom::model(|| {
        let scene = Scene::new();
        let second = scene.share(SECOND);
        scene.weak(FIRST);
        scene.weak(FIRST);
        scene.soft(HOME);
        scene.drop_handle(HOME);
        let threads = [(); 2].map(|()| {
            let scene = Arc::clone(&scene);
            thread::spawn(move || scene.upgrade_weak(FIRST).expect("the second account holds it"))
        });
        scene.drop_soft(HOME);
        let held = threads.map(|thread| thread.join().unwrap());
        scene.validate();
        assert_eq!((held[0], scene.charges()), (held[1], [CHARGE, CHARGE]), "one grant");
        for held in held {
            scene.drop_handle(held);
            scene.drop_weak(FIRST);
        }
        scene.drop_handle(second);
        scene.is_over();
    });
}

#[test]
fn a_weak_upgrade_finds_the_further_grant_whose_last_soft_handle_goes() {
    explored(|| {
        let scene = Scene::new();
        let second = scene.share(SECOND);
        scene.soft(second);
        scene.weak(SECOND);
        scene.drop_handle(second);
        scene.validate();
        let other = Arc::clone(&scene);
        let thread = thread::spawn(move || other.drop_soft(second));
        let again = scene.upgrade_weak(SECOND).expect("the first account holds it");
        thread.join().unwrap();
        scene.validate();
        assert_eq!(scene.charges(), [CHARGE, CHARGE]);
        scene.drop_handle(again);
        scene.drop_handle(HOME);
        scene.drop_weak(SECOND);
        scene.is_over();
    });
}

#[test]
fn the_last_soft_and_the_last_strong_handle_go_together_and_free_once() {
    meeting(softly_held, |scene| scene.drop_soft(HOME), |scene| scene.drop_handle(HOME), NO_MORE);
}

#[test]
fn a_further_grant_loses_its_last_soft_and_its_last_strong_handle_together() {
    explored(|| {
        let scene = Scene::new();
        let second = scene.share(SECOND);
        scene.soft(second);
        scene.drop_handle(HOME);
        let other = Arc::clone(&scene);
        let thread = thread::spawn(move || other.drop_soft(second));
        scene.drop_handle(second);
        thread.join().unwrap();
        scene.is_over();
    });
}

#[test]
fn the_last_soft_handle_goes_while_the_block_is_stolen() {
    let steal = |scene: &Scene| {
        scene.steal();
    };
    meeting(soft_only, |scene| scene.drop_soft(HOME), steal, NO_MORE);
}

#[test]
fn two_accounts_soft_handles_go_while_the_block_is_stolen() {
    loom::model(|| {
        let scene = Scene::new();
        let second = scene.share(SECOND);
        scene.soft(HOME);
        scene.soft(second);
        scene.drop_handle(HOME);
        scene.drop_handle(second);
        scene.validate();
        let (one, other) = (Arc::clone(&scene), Arc::clone(&scene));
        let first = thread::spawn(move || one.drop_soft(HOME));
        let thread = thread::spawn(move || other.drop_soft(second));
        scene.steal();
        first.join().unwrap();
        thread.join().unwrap();
        scene.is_over();
    });
}

#[test]
fn the_last_weak_reference_goes_while_the_block_is_freed() {
    meeting(
        |scene| scene.weak(SECOND),
        |scene| scene.drop_weak(SECOND),
        |scene| scene.drop_handle(HOME),
        NO_MORE,
    );
}

#[test]
fn the_last_two_weak_references_go_after_the_bytes_together() {
    let before = |scene: &Scene| {
        scene.weak(FIRST);
        scene.weak(SECOND);
        scene.drop_handle(HOME);
        scene.validate();
    };
    meeting(before, |scene| scene.drop_weak(FIRST), |scene| scene.drop_weak(SECOND), NO_MORE);
}

#[test]
fn a_grant_becomes_soft_on_two_threads_at_once() {
    let soft = |scene: &Scene| {
        scene.soft(HOME);
        scene.drop_handle(HOME);
    };
    let two = |scene: &Scene| scene.things().pair.home.clone_handle();
    meeting(two, soft, soft, |scene, (), ()| {
        scene.validate();
        assert_eq!(scene.block().state.soft_grants(), 1, "one grant");
        scene.drop_soft(HOME);
        scene.validate();
        scene.drop_soft(HOME);
    });
}

#[test]
fn a_grant_becomes_soft_again_while_its_last_soft_handle_goes() {
    meeting(
        softly_held,
        |scene| scene.drop_soft(HOME),
        |scene| scene.soft(HOME),
        |scene, (), ()| {
            scene.validate();
            scene.drop_handle(HOME);
            scene.validate();
            assert!(scene.steal() && !scene.steal());
            scene.validate();
            scene.drop_soft(HOME);
        },
    );
}

#[test]
fn an_account_is_never_seen_unused_while_anything_leads_to_a_charge() {
    explored(|| {
        let scene = Scene::new();
        let second = scene.share(SECOND);
        let other = Arc::clone(&scene);
        let thread = thread::spawn(move || {
            // From hand to hand: there is always one of the three, and never for long.
            other.weak(SECOND);
            other.drop_handle(second);
            let held = other.upgrade_weak(SECOND).expect("the first account holds it");
            other.drop_weak(SECOND);
            other.soft(held);
            other.drop_handle(held);
            other.upgrade(held).expect("the first account holds it");
            other.drop_soft(held);
            held
        });
        assert!(!scene.things().accounts[1].is_unused(), "something leads to a charge");
        let held = thread.join().unwrap();
        scene.drop_handle(held);
        assert!(scene.things().accounts[1].is_unused(), "nothing does any more");
        scene.drop_handle(HOME);
        scene.is_over();
    });
}

#[test]
fn an_account_that_was_closed_takes_nothing_though_its_limit_is_set_meanwhile() {
    explored(|| {
        let account = Arc::new(AccountLine::new("closing", CHARGE));
        let other = Arc::clone(&account);
        let thread = thread::spawn(move || other.set_limit(u64::MAX));
        account.close();
        thread.join().unwrap();
        assert!(account.charge(CHARGE).is_err_and(|refused| refused.is_closed));
    });
}

#[test]
fn an_upgrade_that_its_account_has_no_room_for_leaves_all_as_it_was() {
    let full = |scene: &Scene| {
        soft_only(scene);
        scene.things().accounts[0].set_limit(CHARGE - 1);
    };
    let upgrade = |scene: &Scene| {
        assert!(matches!(scene.upgrade(HOME), Err(Refusal::Full(_) | Refusal::Dead(Dead::Stolen))));
        scene.drop_soft(HOME);
    };
    let steal = |scene: &Scene| {
        scene.steal();
    };
    meeting(full, upgrade, steal, NO_MORE);
}

#[test]
fn three_threads_upgrade_steal_and_let_go() {
    loom::model(|| {
        let scene = Scene::new();
        scene.weak(SECOND);
        soft_only(&scene);
        let (one, other) = (Arc::clone(&scene), Arc::clone(&scene));
        let upgrader = thread::spawn(move || {
            if let Ok(held) = one.upgrade_weak(SECOND) {
                one.drop_handle(held);
            }
            one.drop_weak(SECOND);
        });
        let dropper = thread::spawn(move || other.drop_soft(HOME));
        scene.steal();
        upgrader.join().unwrap();
        dropper.join().unwrap();
        scene.is_over();
    });
}
