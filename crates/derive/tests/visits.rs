//! What a derived impl says and shows, seen by a stand-in for the trait of `levada-process`.

use levada_derive::Message;

mod stand_in {
    pub(crate) struct Visit<'a>(pub(crate) &'a mut Vec<&'static str>);

    pub(crate) trait Message {
        const FLAT: bool;
        const CHARGES: bool;
        fn visit(&mut self, visit: &mut Visit<'_>);
    }

    impl Message for u64 {
        const FLAT: bool = true;
        const CHARGES: bool = false;
        fn visit(&mut self, _visit: &mut Visit<'_>) {}
    }

    /// Shows its name.
    #[derive(Clone)]
    pub(crate) struct Shown(pub(crate) &'static str);

    impl Message for Shown {
        const FLAT: bool = false;
        const CHARGES: bool = true;
        fn visit(&mut self, visit: &mut Visit<'_>) {
            visit.0.push(self.0);
        }
    }
}

use stand_in::{Message as _, Shown, Visit};

#[derive(Message)]
#[message(crate = "stand_in")]
struct Unit;

#[derive(Message)]
#[message(crate = "stand_in")]
enum Never {}

#[derive(Message)]
#[message(crate = "stand_in")]
struct Numbers(u64, u64);

#[derive(Message)]
#[message(crate = "stand_in")]
struct Pair<T, const N: usize>
where
    T: Clone,
{
    first: T,
    second: u64,
}

#[derive(Message)]
#[message(crate = "stand_in")]
enum Mixed<T> {
    Nothing,
    One(Shown),
    Two { number: u64, left: Shown, right: T },
}

fn shown(message: &mut impl stand_in::Message) -> Vec<&'static str> {
    let mut names = Vec::new();
    message.visit(&mut Visit(&mut names));
    names
}

#[test]
fn a_type_is_flat_if_every_field_of_every_variant_is() {
    const { assert!(Unit::FLAT && Never::FLAT && Numbers::FLAT && Pair::<u64, 3>::FLAT) };
    const { assert!(!Mixed::<u64>::FLAT) };
}

#[test]
fn a_type_charges_if_any_field_of_any_variant_does() {
    const { assert!(!Unit::CHARGES && !Never::CHARGES && !Numbers::CHARGES) };
    const { assert!(!Pair::<u64, 3>::CHARGES && Pair::<Shown, 3>::CHARGES) };
    const { assert!(Mixed::<u64>::CHARGES) };
}

#[test]
fn the_live_variant_is_shown_in_order_and_no_other() {
    assert!(shown(&mut Mixed::<u64>::Nothing).is_empty());
    assert_eq!(shown(&mut Mixed::<u64>::One(Shown("one"))), ["one"]);
    let mut two = Mixed::Two { number: 1, left: Shown("left"), right: Shown("right") };
    assert_eq!(shown(&mut two), ["left", "right"]);
    assert!(shown(&mut Pair::<u64, 1> { first: 1, second: 2 }).is_empty());
}
