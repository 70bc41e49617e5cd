//! A slot that is held when its record ends goes to limbo once: by who ends the record, or by who ends the last hold.

use loom::sync::Arc;
use loom::thread;

use crate::lock::Lock;
use crate::naming::change;
use crate::naming::generation::Generation;
use crate::naming::header::{Header, Kind};
use crate::naming::pointer::{Place, Pointer};
use crate::sync::{AtomicU32, AtomicU64, Ordering};

struct Scene {
    header: AtomicU64,
    /// The entry of the table: how many loans, and whether the record is dead.
    held: Lock<Option<(u32, bool)>>,
    buried: AtomicU32,
    lent: AtomicU32,
}

fn pointer() -> Pointer {
    Pointer::new(Place::from_bits(5), Generation(1))
}

fn live(is_inner: bool) -> Header {
    Header::live(Generation(1), Kind::Bytes, false, is_inner, 8)
}

impl Scene {
    fn new(is_inner: bool) -> Arc<Self> {
        Arc::new(Self {
            header: AtomicU64::new(live(is_inner).0),
            held: Lock::new(None),
            buried: AtomicU32::new(0),
            lent: AtomicU32::new(0),
        })
    }

    fn bury(&self) {
        assert_eq!(self.lent.load(Ordering::Relaxed), 0, "nobody has the bytes");
        self.buried.fetch_add(1, Ordering::Relaxed);
    }

    /// As the end of a record, or of a value, does.
    fn end(&self, killed: Option<Header>) {
        let Some(header) = killed else { return };
        if header.is_held()
            && let Some((_, is_dead)) = self.held.lock().as_mut()
        {
            *is_dead = true;
            return;
        }
        self.bury();
    }

    fn hold(&self) -> bool {
        let mut held = self.held.lock();
        if let Some((loans, _)) = held.as_mut() {
            *loans += 1;
        } else if change::mark_held(&self.header, pointer()) {
            *held = Some((1, false));
        } else {
            return false;
        }
        self.lent.fetch_add(1, Ordering::Relaxed);
        true
    }

    fn let_go(&self) {
        let mut held = self.held.lock();
        self.lent.fetch_sub(1, Ordering::Relaxed);
        let (loans, _) = held.as_mut().expect("it is listed while it is lent");
        *loans -= 1;
        if *loans == 0 {
            let (_, is_dead) = held.take().expect("it is listed");
            change::unmark_held(&self.header);
            if is_dead {
                self.bury();
            }
        }
    }
}

fn holders_and_an_end(is_inner: bool, end: fn(&Scene) -> Option<Header>) {
    loom::model(move || {
        let scene = Scene::new(is_inner);
        let holders = [0; 2].map(|_| {
            let scene = Arc::clone(&scene);
            thread::spawn(move || {
                if scene.hold() {
                    scene.let_go();
                }
            })
        });
        scene.end(end(&scene));
        for holder in holders {
            holder.join().unwrap();
        }
        assert_eq!(scene.buried.load(Ordering::Relaxed), 1, "the slot comes back, once");
        assert!(!Header(scene.header.load(Ordering::Relaxed)).is_held());
    });
}

#[test]
fn a_held_record_that_is_deleted_goes_to_limbo_once() {
    holders_and_an_end(false, |scene| change::kill(&scene.header, live(false)));
}

#[test]
fn a_held_value_that_is_replaced_goes_to_limbo_once() {
    holders_and_an_end(true, |scene| change::kill_value(&scene.header, pointer()));
}
