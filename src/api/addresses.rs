//! How many connections one address has open.
//!
//! Come here because whoever opens connections and says nothing has shown no credential yet: nothing but the address
//! tells one from another. How many there may be in all is asked in `connections`.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bits of an IPv6 address that say whose it is: one line of a household or a server has all addresses behind them.
const PREFIX_BITS: u32 = 64;

/// Places for connections, some for each address. Clones share them.
#[derive(Clone)]
pub(super) struct Addresses(Arc<Inner>);

struct Inner {
    places_per_address: usize,
    /// Never zero: an address without a connection is not kept.
    open: Mutex<HashMap<IpAddr, usize>>,
}

/// A place; free again when it is dropped.
pub(super) struct AddressPlace {
    addresses: Addresses,
    address: IpAddr,
}

impl Addresses {
    /// So many places for each address.
    pub(super) fn new(places_per_address: usize) -> Self {
        Self(Arc::new(Inner { places_per_address, open: Mutex::default() }))
    }

    /// A place, unless the address has all that it may have.
    pub(super) fn take(&self, address: IpAddr) -> Option<AddressPlace> {
        let address = whose(address);
        let mut open = self.open();
        let count = open.get(&address).copied().unwrap_or(0);
        if count >= self.0.places_per_address {
            return None;
        }
        open.insert(address, count + 1);
        Some(AddressPlace { addresses: self.clone(), address })
    }

    fn open(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AddressPlace {
    fn drop(&mut self) {
        let mut open = self.addresses.open();
        match open.get_mut(&self.address) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                open.remove(&self.address);
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
    use std::net::IpAddr;

    use super::Addresses;

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
        assert!(addresses.open().is_empty(), "an address without a connection is forgotten");
    }
}
