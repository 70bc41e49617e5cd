//! The messages that come with the house: flat values and containers of the standard library, and bytes of the shared heap.

use crate::message::{Message, Visit};
use levada_shared::{ExclusiveBuf, SharedData, SoftRef, WeakRef};
use std::mem::needs_drop;
use std::time::Duration;

macro_rules! flat {
    ($($kind:ty),*) => {$(
        impl Message for $kind {
            const FLAT: bool = true;
            const CHARGES: bool = false;
            fn visit(&mut self, _visit: &mut Visit<'_>) {}
        }
    )*};
}

flat!(
    u8,
    u16,
    u32,
    u64,
    u128,
    usize,
    i8,
    i16,
    i32,
    i64,
    i128,
    isize,
    f32,
    f64,
    bool,
    char,
    &'static str,
    Duration
);

macro_rules! tuples {
    ($(($($part:ident)*))*) => {$(
        #[expect(non_snake_case, reason = "a part is named like its type")]
        impl<$($part: Message),*> Message for ($($part,)*) {
            const FLAT: bool = true $(&& $part::FLAT)*;
            const CHARGES: bool = false $(|| $part::CHARGES)*;
            fn visit(&mut self, visit: &mut Visit<'_>) {
                let ($($part,)*) = self;
                $($part.visit(visit);)*
            }
        }
    )*};
}

tuples!((A)(A B)(A B C)(A B C D)(A B C D E)(A B C D E F)(A B C D E F G)(A B C D E F G H));

impl Message for () {
    const FLAT: bool = true;
    const CHARGES: bool = false;

    fn visit(&mut self, _visit: &mut Visit<'_>) {}
}

impl Message for String {
    const FLAT: bool = false;
    const CHARGES: bool = false;

    fn visit(&mut self, visit: &mut Visit<'_>) {
        visit.owned(self.capacity());
    }
}

impl Message for Box<str> {
    const FLAT: bool = false;
    const CHARGES: bool = false;

    fn visit(&mut self, visit: &mut Visit<'_>) {
        visit.owned(self.len());
    }
}

impl<T: Message> Message for Box<T> {
    const FLAT: bool = false;
    const CHARGES: bool = may_charge::<T>();

    fn visit(&mut self, visit: &mut Visit<'_>) {
        visit.owned(size_of::<T>());
        (**self).visit(visit);
    }
}

impl<T: Message> Message for Box<[T]> {
    const FLAT: bool = false;
    const CHARGES: bool = may_charge::<T>();

    fn visit(&mut self, visit: &mut Visit<'_>) {
        visit.owned(size_of_val::<[T]>(self));
        visit_each(self, visit);
    }
}

impl<T: Message> Message for Vec<T> {
    const FLAT: bool = false;
    const CHARGES: bool = may_charge::<T>();

    fn visit(&mut self, visit: &mut Visit<'_>) {
        visit.owned(self.capacity() * size_of::<T>());
        visit_each(self, visit);
    }
}

impl<T: Message, const N: usize> Message for [T; N] {
    const FLAT: bool = T::FLAT;
    const CHARGES: bool = T::CHARGES;

    fn visit(&mut self, visit: &mut Visit<'_>) {
        visit_each(self, visit);
    }
}

impl<T: Message> Message for Option<T> {
    const FLAT: bool = T::FLAT;
    const CHARGES: bool = T::CHARGES;

    fn visit(&mut self, visit: &mut Visit<'_>) {
        if let Some(inner) = self {
            inner.visit(visit);
        }
    }
}

impl<T: Message, E: Message> Message for Result<T, E> {
    const FLAT: bool = T::FLAT && E::FLAT;
    const CHARGES: bool = T::CHARGES || E::CHARGES;

    fn visit(&mut self, visit: &mut Visit<'_>) {
        match self {
            Ok(inner) => inner.visit(visit),
            Err(inner) => inner.visit(visit),
        }
    }
}

macro_rules! charged {
    ($($(#[$said:meta])* $kind:ty),*) => {$(
        $(#[$said])*
        impl Message for $kind {
            const FLAT: bool = true;
            const CHARGES: bool = true;
            fn visit(&mut self, visit: &mut Visit<'_>) {
                visit.charged(self);
            }
        }
    )*};
}

charged!(
    /// Travels by reference, and weighs what the reference does. The mailbox that takes it in makes it its receiver's: who sent it
    /// is charged no longer, unless he keeps a clone. Full is then also the receiver's account ([`Refused::AccountFull`]).
    ///
    /// [`Refused::AccountFull`]: crate::Refused::AccountFull
    SharedData,
    /// As [`SharedData`]: the one owner changes, and who is charged with it.
    ExclusiveBuf
);

macro_rules! references {
    ($($(#[$said:meta])* $kind:ty),*) => {$(
        $(#[$said])*
        impl Message for $kind {
            const FLAT: bool = true;
            const CHARGES: bool = false;
            fn visit(&mut self, _visit: &mut Visit<'_>) {}
        }
    )*};
}

references!(
    /// Stays whose it is: an upgrade, wherever, is charged to the account whose data the reference was made of. Who wants the bytes
    /// for himself upgrades it and has them [transferred](SharedData::transfer_to), or has their holder send them.
    SoftRef,
    /// As [`SoftRef`]: stays whose it is, and upgrades are charged to that account.
    WeakRef
);

/// Whether what lies behind a pointer may be charged to an account. Asked of the type and not of its trait, which for a type that
/// contains itself would be a question without end.
const fn may_charge<T>() -> bool {
    needs_drop::<T>()
}

fn visit_each<T: Message>(parts: &mut [T], visit: &mut Visit<'_>) {
    // What needs no drop owns nothing that a visitor looks for, and there may be a million of them.
    if needs_drop::<T>() {
        parts.iter_mut().for_each(|part| part.visit(visit));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::weight_bytes;

    #[test]
    fn a_flat_message_weighs_its_own_bytes() {
        assert_eq!(weight_bytes(&mut (1_u64, 2_u32, 'x')), 16);
        assert_eq!(weight_bytes(&mut ()), 0);
        assert_eq!(weight_bytes(&mut Some([0_u16; 5])), 12);
        const { assert!(<[Option<(u8, bool)>; 3]>::FLAT) };
        const { assert!(!<Result<u8, String>>::FLAT) };
        const { assert!(!<(Vec<u8>, Option<Box<str>>, SoftRef, WeakRef)>::CHARGES) };
        const { assert!(<Vec<(u8, Option<SharedData>)>>::CHARGES && SharedData::FLAT) };
        const { assert!(<Result<u8, [Box<ExclusiveBuf>; 2]>>::CHARGES) };
    }

    #[test]
    fn a_container_weighs_what_it_could_hold() {
        let own = size_of::<Vec<u8>>();
        assert_eq!(
            weight_bytes(&mut Vec::<u64>::with_capacity(10)),
            u32::try_from(own + 80).unwrap()
        );
        let mut nested = vec![String::with_capacity(100), String::with_capacity(7)];
        nested.shrink_to_fit();
        assert_eq!(weight_bytes(&mut nested), u32::try_from(own + 2 * own + 107).unwrap());
        assert_eq!(weight_bytes(&mut Ok::<_, u8>(Box::new([0_u8; 40]))), 16 + 40);
    }
}
