//! A social network in a pile: seven million friendships among half a million people, and what one asks of them.
//!
//! `cargo run --release -p levada-pile --example social -- 500000` (the number of people may be left out)
//!
//! Each person is one record that is read in place; a friend is a pointer of 8 bytes in it. People live in towns, know most of
//! their friends from there, and some people know very many.

use std::collections::{HashMap, VecDeque};
use std::error::Error;
use std::io::{IsTerminal, Write, stdout};

use levada_pile::{Archived, Gone, Guard, Life, Pile, Pointer, Stamp, Typed};

#[derive(rkyv::Archive, rkyv::Deserialize, rkyv::Serialize)]
struct Person {
    name: String,
    town: u32,
    friends: Vec<Pointer>,
}

/// People of a town.
const TOWN: usize = 500;
/// How far a path is followed.
const STEPS_MAX: u32 = 4;

fn main() -> Result<(), Box<dyn Error>> {
    let count: usize = match std::env::args().nth(1) {
        Some(text) => text.parse().map_err(|_| format!("`{text}` is no number of people"))?,
        None => 500_000,
    };
    if count < 2 {
        return Err("a network has two people at least".into());
    }
    let mut out = stdout().lock();
    let is_watched = out.is_terminal();
    let pile = Pile::builder("social").limit_bytes(4 << 30).build()?;
    let people = pile.typed::<Archived<Person>>(Stamp::new("social.person", 1))?;

    // Everybody first, then who knows whom: an update leaves a person's pointer as it is.
    let mut at = Vec::with_capacity(count);
    for number in 0..count {
        at.push(people.put(&person(number, Vec::new()), Life::FOREVER)?);
    }
    let mut friendships = 0;
    for (number, known) in acquaintances(count).into_iter().enumerate() {
        friendships += known.len();
        let friends = known.into_iter().map(|friend| at[friend]).collect();
        people.update(at[number], &person(number, friends))?;
        if is_watched && number.is_multiple_of(count / 50 + 1) {
            write!(out, "\r{:3} % of {count} people know each other", number * 100 / count)?;
            out.flush()?;
        }
    }
    let gauges = pile.gauges();
    if is_watched {
        write!(out, "\r")?;
    }
    let (friendships, mebibytes) = (friendships / 2, gauges.backed_bytes >> 20);
    writeln!(out, "{count} people, {friendships} friendships, {mebibytes} MiB")?;

    let guard = pile.pin();
    let (one, other) = (at[0], at[count - 1]);
    let person = people.get(&guard, one)?;
    writeln!(out, "{} of town {} has {} friends", person.name, person.town, person.friends.len())?;
    let near = friends_of_friends(&people, &guard, one)?;
    writeln!(out, "  and {} friends of friends", near.len())?;
    if let Some((&closest, &shared)) = near.iter().max_by_key(|&(at, &shared)| (shared, *at)) {
        let closest = people.get(&guard, closest)?;
        writeln!(out, "  and should know {}: {shared} friends are friends of both", closest.name)?;
    }
    match path(&people, &guard, one, other)? {
        Some(steps) => {
            writeln!(out, "  and is {steps} steps from {}", people.get(&guard, other)?.name)?
        }
        None => writeln!(
            out,
            "  and is more than {STEPS_MAX} steps from {}",
            people.get(&guard, other)?.name
        )?,
    }
    drop(guard);

    pile.delete(one)?;
    let guard = pile.pin();
    if let Err(reason) = people.get(&guard, one) {
        writeln!(out, "and once gone: {reason}")?;
    }
    Ok(())
}

fn person(number: usize, friends: Vec<Pointer>) -> Person {
    let town = u32::try_from(number / TOWN).unwrap_or(u32::MAX);
    Person { name: format!("Person {number}"), town, friends }
}

/// Who knows whom, the same each time: mostly within a town, and few people know very many.
fn acquaintances(count: usize) -> Vec<Vec<usize>> {
    let mut dice = 0x9E37_79B9_7F4A_7C15_u64;
    let mut throw = |below: usize| {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        usize::try_from(dice >> 33).unwrap_or(0) % below
    };
    let mut known = vec![Vec::new(); count];
    for number in 0..count {
        let degree = 5 + 500 / (1 + throw(100));
        for _ in 0..degree / 2 {
            let town = number / TOWN * TOWN;
            let is_near = throw(4) > 0;
            let friend = if is_near { town + throw(TOWN.min(count - town)) } else { throw(count) };
            if friend != number {
                known[number].push(friend);
                known[friend].push(number);
            }
        }
    }
    for friends in &mut known {
        friends.sort_unstable();
        friends.dedup();
    }
    known
}

/// The people at two steps, and how many friends lead to each.
fn friends_of_friends(
    people: &Typed<Archived<Person>>,
    guard: &Guard<'_>,
    of: Pointer,
) -> Result<HashMap<Pointer, u32>, Gone> {
    let own = people.get(guard, of)?;
    let mut near = HashMap::new();
    for friend in own.friends.iter() {
        for second in people.get(guard, friend.pointer())?.friends.iter() {
            *near.entry(second.pointer()).or_insert(0) += 1;
        }
    }
    near.remove(&of);
    for friend in own.friends.iter() {
        near.remove(&friend.pointer());
    }
    Ok(near)
}

/// How many steps lead from one to another, if they are not too many.
fn path(
    people: &Typed<Archived<Person>>,
    guard: &Guard<'_>,
    from: Pointer,
    to: Pointer,
) -> Result<Option<u32>, Gone> {
    let mut steps = HashMap::from([(from, 0)]);
    let mut next = VecDeque::from([from]);
    while let Some(at) = next.pop_front() {
        let step = steps[&at];
        if at == to {
            return Ok(Some(step));
        }
        if step == STEPS_MAX {
            continue;
        }
        for friend in people.get(guard, at)?.friends.iter() {
            let friend = friend.pointer();
            if let std::collections::hash_map::Entry::Vacant(place) = steps.entry(friend) {
                place.insert(step + 1);
                next.push_back(friend);
            }
        }
    }
    Ok(None)
}
