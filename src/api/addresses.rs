//! How many connections one address has open, and what those that ended left to the next ones.
//!
//! Come here because whoever opens connections and says nothing has shown no credential yet: nothing but the address
//! tells one from another. And because who is cut comes back: what a connection spent of its room for frames without
//! work is not there anew for the next one. How many connections there may be in all is asked in `connections`.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::frame_meter::Room;

/// Bits of an IPv6 address that say whose it is: one line of a household or a server has all addresses behind them.
const PREFIX_BITS: u32 = 64;

/// Places for connections, some for each address. Clones share them.
#[derive(Clone)]
pub(super) struct Addresses(Arc<Inner>);

struct Inner {
    places_per_address: usize,
    known: Mutex<Known>,
}

/// What is known of addresses.
#[derive(Default)]
struct Known {
    /// Open connections. Never zero: an address without a connection is not kept.
    open: HashMap<IpAddr, usize>,
    /// The least room that a connection left, and when; forgotten when it is whole again.
    left: HashMap<IpAddr, (Room, Instant)>,
}

/// Most addresses of which it is kept what they left: beyond, all begin anew.
const LEFT_MAX: usize = 4_096;

/// A place; free again when it is dropped.
pub(super) struct AddressPlace {
    addresses: Addresses,
    address: IpAddr,
}

impl Addresses {
    /// So many places for each address.
    pub(super) fn new(places_per_address: usize) -> Self {
        Self(Arc::new(Inner { places_per_address, known: Mutex::default() }))
    }

    /// A place, unless the address has all that it may have.
    pub(super) fn take(&self, address: IpAddr) -> Option<AddressPlace> {
        let address = whose(address);
        let mut known = self.known();
        let count = known.open.get(&address).copied().unwrap_or(0);
        if count >= self.0.places_per_address {
            return None;
        }
        known.open.insert(address, count + 1);
        Some(AddressPlace { addresses: self.clone(), address })
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AddressPlace {
    /// The room that a connection of this address begins with.
    pub(super) fn room(&self, now: Instant) -> Room {
        self.addresses.known().room(self.address, now)
    }

    /// The connection ends and leaves so much room.
    pub(super) fn leave(&self, room: Room, now: Instant) {
        let mut known = self.addresses.known();
        let room = room.min(known.room(self.address, now));
        if room == Room::WHOLE {
            return;
        }
        if known.left.len() >= LEFT_MAX {
            known.left.retain(|_, (room, since)| room.after(now.duration_since(*since)) < Room::WHOLE);
            if known.left.len() >= LEFT_MAX {
                known.left.clear();
            }
        }
        known.left.insert(self.address, (room, now));
    }
}

impl Known {
    fn room(&mut self, address: IpAddr, now: Instant) -> Room {
        let Some((room, since)) = self.left.get(&address) else { return Room::WHOLE };
        let room = room.after(now.duration_since(*since));
        if room == Room::WHOLE {
            self.left.remove(&address);
        }
        room
    }
}

impl Drop for AddressPlace {
    fn drop(&mut self) {
        let mut known = self.addresses.known();
        match known.open.get_mut(&self.address) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                known.open.remove(&self.address);
            }
        }
    }
}

/// What stands for everything that one peer can connect from.
fn whose(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << PREFIX_BITS)).into(),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::Duration;

    use tokio::time::Instant;

    use super::super::frame_meter::Room;
    use super::{Addresses, LEFT_MAX};

    #[test]
    fn an_address_has_its_places_and_others_have_theirs() {
        let addresses = Addresses::new(2);
        let take = |text: &str| addresses.take(text.parse::<IpAddr>().unwrap());
        let cases = [
            ["192.0.2.1", "192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2"],
            ["2001:db8::1", "2001:db8::ffff:1", "2001:db8::2", "2001:db8:0:1::1"],
        ];
        for [first, second, third, other] in cases {
            let (first, _second) = (take(first), take(second));
            assert!(first.is_some() && _second.is_some() && take(third).is_none() && take(other).is_some());
            drop(first);
            assert!(take(third).is_some(), "a place is free again when its connection is gone");
        }
        assert!(addresses.known().open.is_empty(), "an address without a connection is forgotten");
    }

    #[test]
    fn what_a_connection_left_is_what_the_next_one_of_its_address_has_until_it_is_whole_again() {
        let addresses = Addresses::new(2);
        let take = |text: &str| addresses.take(text.parse::<IpAddr>().unwrap()).unwrap();
        let (now, spent) = (Instant::now(), Room::EMPTY);
        take("192.0.2.1").leave(spent, now);
        // One that spent nothing takes nothing of it back.
        take("192.0.2.1").leave(Room::WHOLE, now);
        assert_eq!(take("192.0.2.1").room(now), spent);
        assert_eq!(take("192.0.2.2").room(now), Room::WHOLE);
        let soon = now + Duration::from_secs(1);
        assert!(take("192.0.2.1").room(soon) > spent && take("192.0.2.1").room(soon) < Room::WHOLE);
        assert_eq!(take("192.0.2.1").room(now + Duration::from_secs(60)), Room::WHOLE);
        assert!(addresses.known().left.is_empty(), "what is whole is forgotten");
    }

    #[test]
    fn it_is_not_kept_of_more_addresses_than_there_may_be() {
        let addresses = Addresses::new(2);
        for number in 0..3 * LEFT_MAX as u32 {
            addresses.take(Ipv4Addr::from_bits(number).into()).unwrap().leave(Room::EMPTY, Instant::now());
        }
        assert!(addresses.known().left.len() <= LEFT_MAX);
    }
}
