//! What is remembered are stable objects that may point to something younger: into the nursery, or, old themselves, to a young page.
//!
//! A minor collection begins at the first, a stable one at the second. An object stands in a list once, and its header says in which.
//! Of a long slice only the cards are looked at that were written: 512 B of it each, by where an element begins.

use std::collections::BTreeMap;

use crate::objects::object::{Object, TO_NURSERY, TO_YOUNG};
use crate::objects::visitor::Visitor;

/// How many bytes of a slice a card stands for.
const CARD_BYTES: usize = 512;

/// Bits of a card, in the words of the header's tags.
const CARD_NURSERY: u8 = 1;
const CARD_YOUNG: u8 = 2;
/// Written after its slice was marked: it is looked at once more.
const CARD_GRAY: u8 = 4;

/// Which list is meant.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Younger {
    Nursery,
    Young,
}

/// The lists of a heap.
#[derive(Debug, Default)]
pub(crate) struct Remembered {
    pub(crate) to_nursery: Vec<Object>,
    pub(crate) to_young: Vec<Object>,
    /// Of long slices, by the address of their header.
    cards: BTreeMap<usize, Box<[u8]>>,
    /// The gray ones.
    gray_cards: Vec<(Object, usize)>,
}

impl Remembered {
    /// Lists an object that is written, or was never looked at.
    pub(crate) fn note(&mut self, object: Object, is_old: bool) {
        if !object.has(TO_NURSERY) {
            object.set(TO_NURSERY);
            self.to_nursery.push(object);
        }
        if !object.has(TO_YOUNG) {
            object.set(TO_YOUNG);
            if is_old {
                self.to_young.push(object);
            }
        }
    }

    /// Lists an old object that points to something young, or may.
    pub(crate) fn note_young(&mut self, object: Object) {
        object.set(TO_YOUNG);
        self.to_young.push(object);
    }

    /// Makes the cards of a long slice, all of them written.
    pub(crate) fn add_cards(&mut self, object: Object, element_count: usize) {
        let bytes = object.shape().element_bytes() * element_count;
        let cards = vec![CARD_NURSERY | CARD_YOUNG; bytes.div_ceil(CARD_BYTES)];
        self.cards.insert(object.header().addr().get(), cards.into_boxed_slice());
    }

    /// Forgets them, of one that is gone.
    pub(crate) fn drop_cards(&mut self, object: Object) {
        drop(self.cards.remove(&object.header().addr().get()));
    }

    /// Says that an element of a long slice is written, which a major has marked already or not.
    pub(crate) fn write_card(&mut self, object: Object, index: usize, is_marked: bool) {
        let number = index * object.shape().element_bytes() / CARD_BYTES;
        let Some(cards) = self.cards.get_mut(&object.header().addr().get()) else { return };
        let card = &mut cards[number];
        *card |= CARD_NURSERY | CARD_YOUNG;
        if is_marked && *card & CARD_GRAY == 0 {
            *card |= CARD_GRAY;
            self.gray_cards.push((object, number));
        }
    }

    /// How many cards are gray.
    pub(crate) fn gray_card_count(&self) -> usize {
        self.gray_cards.len()
    }

    /// Takes a gray card: of which slice, from which element on, how many.
    pub(crate) fn take_gray_card(&mut self) -> Option<(Object, usize, usize)> {
        let (object, number) = self.gray_cards.pop()?;
        if let Some(cards) = self.cards.get_mut(&object.header().addr().get()) {
            cards[number] &= !CARD_GRAY;
        }
        let first = first_of(object, number);
        Some((object, first, first_of(object, number + 1) - first))
    }

    /// Says that all cards of a long slice are to be looked at again for young pages.
    pub(crate) fn write_all_cards(&mut self, object: Object) {
        if let Some(cards) = self.cards.get_mut(&object.header().addr().get()) {
            cards.iter_mut().for_each(|card| *card |= CARD_NURSERY | CARD_YOUNG);
        }
    }

    /// Whether an element of a slice would be looked at.
    pub(crate) fn has_card(&self, object: Object, index: usize, younger: Younger) -> bool {
        let card = index * object.shape().element_bytes() / CARD_BYTES;
        let cards = self.cards.get(&object.header().addr().get());
        cards.is_none_or(|cards| cards[card] & younger.card() != 0)
    }

    /// The cards of an object, taken out while it is looked at.
    pub(crate) fn take_cards(&mut self, object: Object) -> Option<Box<[u8]>> {
        if self.cards.is_empty() || !object.shape().is_slice {
            return None;
        }
        self.cards.remove(&object.header().addr().get())
    }

    pub(crate) fn put_cards(&mut self, object: Object, cards: Option<Box<[u8]>>) {
        if let Some(cards) = cards {
            self.cards.insert(object.header().addr().get(), cards);
        }
    }
}

impl Younger {
    fn card(self) -> u8 {
        match self {
            Self::Nursery => CARD_NURSERY,
            Self::Young => CARD_YOUNG,
        }
    }
}

/// Says, of what was just looked at, whether something younger was seen.
pub(crate) trait Seeing {
    /// Forgets what was seen.
    fn look_anew(&mut self);
    /// Whether something younger was seen since.
    fn has_seen(&self) -> bool;
    /// As a visitor.
    fn visitor(&mut self) -> Visitor<'_>;
}

/// The first element of a long slice that begins in a card or behind it.
fn first_of(object: Object, card: usize) -> usize {
    let bytes = object.shape().element_bytes().max(1);
    (card * CARD_BYTES).div_ceil(bytes).min(object.count())
}

/// Shows the pointers of a remembered object, of a long slice those of its written cards; whether it still points to something
/// younger. Each pointer is shown once.
pub(crate) fn look_at(
    object: Object,
    cards: Option<&mut [u8]>,
    younger: Younger,
    seeing: &mut impl Seeing,
) -> bool {
    let Some(cards) = cards else {
        seeing.look_anew();
        object.trace(&mut seeing.visitor());
        return seeing.has_seen();
    };
    let mut stays = false;
    for (index, card) in cards.iter_mut().enumerate() {
        if *card & younger.card() == 0 {
            continue;
        }
        let (first, end) = (first_of(object, index), first_of(object, index + 1));
        seeing.look_anew();
        object.trace_part(first, end - first, &mut seeing.visitor());
        if seeing.has_seen() {
            stays = true;
        } else {
            *card &= !younger.card();
        }
    }
    stays
}
