//! Nodes in boxes, over an allocator of one's choice: who owns them drops them.

use std::collections::VecDeque;
use std::hint::black_box;

use crate::local::owned::{Owned, Source};
use crate::local::world::{Depths, Fate, SURVIVING, TURN_NODES, World};

struct Node<S: Source> {
    next: Option<Owned<Self, S>>,
    words: [u64; 3],
}

/// Nodes that are dropped one by one.
pub(crate) struct BoxWorld<S: Source> {
    fate: Fate,
    /// Of the turn, until its end.
    made: Vec<Owned<Node<S>, S>>,
    lists: VecDeque<Option<Owned<Node<S>, S>>>,
}

impl<S: Source> BoxWorld<S> {
    pub(crate) fn new(fate: Fate) -> Self {
        const { assert!(size_of::<Node<S>>() == 32) };
        assert!(fate != Fate::Replace, "boxes are measured beside young nodes only");
        Self { fate, made: Vec::with_capacity(TURN_NODES), lists: VecDeque::new() }
    }

    #[inline]
    fn make(&mut self, word: usize) {
        let node = Owned::new(Node { next: None, words: [word as u64; 3] });
        black_box(&node);
        self.made.push(node);
    }
}

impl<S: Source> World for BoxWorld<S> {
    fn turn(&mut self) {
        let Fate::List { turns } = self.fate else {
            for index in 0..TURN_NODES {
                self.make(index);
            }
            return;
        };
        let mut list = None;
        for group in 0..TURN_NODES / SURVIVING {
            let node = Owned::new(Node { next: list, words: [group as u64; 3] });
            black_box(&node);
            list = Some(node);
            for index in 1..SURVIVING {
                self.make(index);
            }
        }
        self.lists.push_back(list);
        if self.lists.len() > turns {
            let mut list = self.lists.pop_front().flatten();
            while let Some(mut node) = list {
                list = node.next.take(); // one by one: a long list would overflow the stack
            }
        }
    }

    fn end(&mut self) -> bool {
        self.made.clear();
        true
    }

    fn depths(&self) -> Option<Depths> {
        None
    }
}

impl<S: Source> Drop for BoxWorld<S> {
    fn drop(&mut self) {
        for list in &mut self.lists {
            let mut list = list.take();
            while let Some(mut node) = list {
                black_box(node.words);
                list = node.next.take();
            }
        }
    }
}
